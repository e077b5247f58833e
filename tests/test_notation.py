from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import rows_of

from framecache.errors import BadArgumentError, FrameIndexError, TimeRangeError
from framecache.frame import format_seconds
from framecache.index.frame_index import FrameIndex, flagged_starts, from_rows
from framecache.notation import (
    Moment,
    Number,
    parse_bytes,
    parse_frames,
    parse_moment,
    parse_place,
    parse_seconds,
    parse_size,
    parse_times,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("12.5", 12.5),
        ("12", 12.0),
        ("12s", 12.0),
        (".5", 0.5),
        ("7.", 7.0),
        ("0:12.5", 12.5),
        ("1:02", 62.0),
        ("90:00", 5400.0),
        ("01:02:03.004", 3723.004),
        ("1:2:3", 3723.0),
        (" 3.25 ", 3.25),
    ],
)
def test_times_are_read(text: str, seconds: float):
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "s",
        ":",
        "1:",
        ":5",
        "1:60",
        "1:60:00",
        "1:2:3:4",
        "-1",
        "-0:05",
        "1e3",
        "nan",
        "inf",
        "1,5",
        "\u0661",
        "9" * 400,
        "0x10",
    ],
)
def test_what_is_no_time_is_refused(text: str):
    with pytest.raises(BadArgumentError, match="is no time; write seconds"):
        parse_seconds(text)


@given(st.integers(0, 10**9))
def test_written_times_are_read_back(milliseconds: int):
    assert parse_moment(format_seconds(milliseconds / 1000)).seconds == Fraction(milliseconds, 1000)


def test_whole_numbers_are_indices_and_the_rest_are_times():
    assert parse_place("150") == Number(150)
    assert parse_place("-1") == Number(-1)
    assert parse_place("5s") == parse_place("0:05") == Moment(Fraction(5))
    assert parse_place("2.5") == Moment(Fraction(5, 2))
    with pytest.raises(BadArgumentError, match="neither a frame index"):
        parse_place("later")


def at_rate(rate: Fraction, count: int = 300) -> FrameIndex:
    """Every frame a tick of 1/rate, and shown for one."""
    rows = rows_of(list(range(count)), {0})
    return from_rows(rows, 1 / rate, "scan", flagged_starts(rows))


@pytest.mark.parametrize("rate", [Fraction(30), Fraction(30000, 1001), Fraction(24000, 1001), Fraction(120), Fraction(900)])
def test_a_time_that_was_shown_for_a_frame_finds_it_again(rate: Fraction):
    index = at_rate(rate)
    for place, seconds in enumerate(index.timestamps.tolist()):
        assert parse_place(format_seconds(seconds)).find(index) == place
        assert parse_place(f"{seconds:.6f}").find(index) == place


def test_a_time_finds_the_frame_displayed_then():
    index = at_rate(Fraction(10))
    assert parse_place("1.0999").find(index) == 10
    assert parse_place("1.09").find(index) == 10
    assert parse_place("29.999").find(index) == 299
    for late in ("30.0", "30s", "1:00:00"):
        with pytest.raises(TimeRangeError, match="lies outside the video"):
            parse_place(late).find(index)


def test_an_index_outside_the_video_is_refused():
    index = at_rate(Fraction(10))
    assert [parse_place(text).find(index) for text in ("0", "-1", "-300", "299")] == [0, 299, 0, 299]
    for outside in ("300", "-301"):
        with pytest.raises(FrameIndexError):
            parse_place(outside).find(index)
    empty = at_rate(Fraction(10), count=0)
    with pytest.raises(FrameIndexError):
        parse_place("0").find(empty)
    with pytest.raises(TimeRangeError):
        parse_place("0.0").find(empty)


def test_ranges_of_frames_are_slices():
    frames = list(range(100))
    assert frames[parse_frames("10:20")] == frames[10:20]
    assert frames[parse_frames("10:20:5")] == [10, 15]
    assert frames[parse_frames(":5")] == frames[:5]
    assert frames[parse_frames("-3:")] == [97, 98, 99]
    assert frames[parse_frames(":")] == frames
    assert frames[parse_frames("7")] == [7]
    assert frames[parse_frames("-1")] == [99]
    assert frames[parse_frames("-2")] == [98]
    for wrong in ("", "a:b", "1:2:0", "1:2:-1", "1.5:2", "1:2:3:4", "1-2"):
        with pytest.raises(BadArgumentError, match="is no range of frames"):
            parse_frames(wrong)


def test_intervals_of_times_have_a_dash():
    assert parse_times("10-12.5") == (10.0, 12.5)
    assert parse_times("0:10-1:00:00") == (10.0, 3600.0)
    assert parse_times("90-") == (90.0, None)
    assert parse_times("-5") == (None, 5.0)
    for wrong in ("", "-", "5", "a-b", "5-4", "1-2-3"):
        with pytest.raises(BadArgumentError):
            parse_times(wrong)


def test_sizes_are_two_numbers():
    assert parse_size("640x360") == (640, 360)
    for wrong in ("", "640", "0x5", "5x00", "-1x5", "5x", "1.5x2"):
        with pytest.raises(BadArgumentError, match="is no size"):
            parse_size(wrong)


def test_numbers_of_bytes_have_a_unit_or_none():
    for text, n_bytes in {
        "500000000": 500_000_000,
        "512M": 512 << 20,
        "1.5GiB": 3 << 29,
        "2 g": 2 << 30,
        "64kb": 64 << 10,
    }.items():
        assert parse_bytes(text) == n_bytes
    for wrong in ("", "M", "-1M", "0", "0.1", "1e9", "5 apples", "1MM"):
        with pytest.raises(BadArgumentError, match="is no number of bytes"):
            parse_bytes(wrong)
