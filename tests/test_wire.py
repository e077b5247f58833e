"""What is asked for in a URL: read exactly, or refused with the range."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framecache.server.problems import Problem
from framecache.server.wire import (
    Rendition,
    accepts,
    accepts_gzip,
    etag,
    frame_url,
    is_known_to_client,
    parse_asked,
    parse_index,
    parse_places,
    parse_seconds,
)

PRINT = "0123456789abcdef" * 2


def refused(status: int, act: object, *args: object) -> Problem:
    with pytest.raises(Problem) as raised:
        act(*args)  # type: ignore[operator]
    assert raised.value.status == status
    return raised.value


def test_a_rendition_is_read():
    asked = parse_asked("jpg", f"w=640&h=360&q=70&crop=1,2,30,40&v={PRINT}")
    assert asked.rendition == Rendition("jpg", 640, 360, 70, (1, 2, 30, 40))
    assert asked.fingerprint == PRINT
    assert parse_asked("JPEG", "").rendition == Rendition("jpg", quality=90)


def test_the_order_of_parameters_and_defaults_make_no_other_rendition():
    assert parse_asked("jpg", "w=5&h=6").rendition.canonical == parse_asked("jpg", "q=90&h=6&w=5").rendition.canonical
    assert parse_asked("png", "q=5").rendition == parse_asked("png", "").rendition


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("w=0", "w"), ("w=16385", "w"), ("w=a", "w"), ("w=", "w"), ("w=1.5", "w"), ("h=-1", "h"), ("q=0", "q"), ("q=101", "q"),
        ("w=1&w=2", "w"), ("crop=1,2,3", "crop"), ("crop=1,2,0,4", "crop"), ("crop=-1,2,3,4", "crop"), ("v=abc", "v"),
        (f"v={PRINT.upper()}", "v"), ("x=1", "x"), ("w=٣", "w"), ("w=+3", "w"),
    ],
)  # fmt: skip
def test_a_bad_parameter_is_named_with_its_range(query: str, named: str):
    problem = refused(400, parse_asked, "jpg", query)
    assert problem.members["parameter"] == named
    assert len(problem.detail) < 300


def test_too_many_parameters_are_refused_even_those_that_no_route_reads():
    parse_asked("jpg", "&".join(["expires=1"] * 64))
    assert "64" in refused(400, parse_asked, "jpg", "&".join(["expires=1"] * 65)).detail


def test_a_format_that_is_not_there_is_refused_with_those_that_are():
    assert "webp" in refused(406, parse_asked, "bmp", "").detail


@pytest.mark.parametrize(("text", "places"), [
    ("7", [7]), ("-1", [9]), ("0:10:5", [0, 5]), (":", list(range(10))), ("8:", [8, 9]), ("-2:", [8, 9]),
    ("3,1,2:4", [3, 1, 2, 3]),
    ("9:0:-4", [9, 5, 1]), ("20:30", []), ("::4", [0, 4, 8]),
])  # fmt: skip
def test_places_are_indices_and_slices_as_python_has_them(text: str, places: list[int]):
    assert parse_places(text, 10, 100) == places


@pytest.mark.parametrize("text", ["", ",", "a", "1;2", "1:2:0", "::-0", "::00", "1:2:3:4", "1,,2", "--1", "1-2", " ", "0x3"])
def test_places_written_otherwise_are_refused(text: str):
    refused(400, parse_places, text, 10, 100)


def test_an_index_past_the_end_is_not_found_and_too_many_are_refused():
    refused(404, parse_places, "10", 10, 100)
    refused(404, parse_places, "-11", 10, 100)
    assert "100" in refused(400, parse_places, "0:101", 1000, 100).detail


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str):
    for act in (lambda: parse_places(text, 50, 60), lambda: parse_index(text), lambda: parse_seconds(text)):
        try:
            act()
        except Problem as problem:
            assert problem.status in (400, 404)
    try:
        parse_asked("jpg", text)
    except Problem as problem:
        assert problem.status == 400


@pytest.mark.parametrize("text", ["", "-", ".", "1e5", "nan", "inf", "1:2", "1,5", "٣"])
def test_what_is_no_time_is_refused(text: str):
    refused(400, parse_seconds, text)


def test_times_are_seconds():
    assert [parse_seconds(text) for text in ("0", "12.5", ".25", "-3")] == [0.0, 12.5, 0.25, -3.0]


def test_a_tag_differs_with_all_that_changes_bytes():
    tags = {
        etag(print_, index, canonical, encoder)
        for print_ in ("a", "b")
        for index in (1, 2)
        for canonical in ("jpg?", "jpg?w=1")
        for encoder in ("x 1", "x 2")
    }
    assert len(tags) == 16


def test_if_none_match_is_compared_weakly_and_takes_lists():
    tag = etag("a", 1, "jpg?", "x")
    assert is_known_to_client(tag, tag)
    assert is_known_to_client(f'"other", W/{tag}', tag)
    assert is_known_to_client("*", tag)
    assert not is_known_to_client('"other"', tag)
    assert not is_known_to_client(None, tag)


@pytest.mark.parametrize(("accept", "is_allowed"), [
    (None, True), ("", True), ("*/*", True), ("image/*", True), ("image/jpeg", True), ("image/png", False),
    ("image/png, */*;q=0.1", True), ("image/jpeg;q=0, */*", False), ("image/avif,image/webp,image/*,*/*;q=0.8", True),
    ("text/html", False), ("image/jpeg;q=0.5;x=1", True), (";;;,,", False),
])  # fmt: skip
def test_accept_is_read_as_its_most_exact_part_says(accept: str | None, is_allowed: bool):
    assert accepts(accept, "image/jpeg") is is_allowed


@pytest.mark.parametrize(
    ("header", "is_allowed"),
    [
        (None, False), ("", False), ("gzip", True), ("br, GZIP;q=0.5", True), ("gzip;q=0", False), ("gzip;q=0.000, *", False),
        ("*", True), ("*;q=0", False), ("x-gzip", True), ("notgzip", False), ("identity, br", False),
    ],
)  # fmt: skip
def test_gzip_is_sent_only_to_those_who_take_it(header: str | None, is_allowed: bool):
    assert accepts_gzip(header) == is_allowed


def test_the_canonical_url_names_the_file_by_its_fingerprint():
    assert frame_url("ab", 3, Rendition("jpg", 640, None, 90), "f") == "/v1/videos/ab/frames/3.jpg?w=640&v=f"
    assert frame_url("ab", 3, Rendition("png"), "f") == "/v1/videos/ab/frames/3.png?v=f"
