from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import clips
import numpy as np
import pytest
from synthetic import rows_of
from test_build import index_of, with_every_packet_marked_as_a_keyframe

from framecache.decode.decoder import BadStartError, Decoder
from framecache.decode.seeking import seek_argument
from framecache.decode.settled import UnsteadyError
from framecache.decode.source import make_source
from framecache.index.frame_index import FrameIndex
from framecache.index.rows import NO_PTS
from framecache.planes import checksum


def decoder_of(path: Path, index: FrameIndex | None = None, threads: int = 1, can_seek: bool = True) -> Decoder:
    return Decoder(make_source(path), 0, index or index_of(path), threads=threads, can_seek=can_seek, undefined=set())


def frames_from(decoder: Decoder, row: int, count: int) -> list[tuple[int, int]]:
    """The places and checksums of the first frames that come after going to a row."""
    decoder.start_at(row)
    out: list[tuple[int, int]] = []
    while len(out) < count and not decoder.is_ended:
        out += [(decoded.place, checksum(decoded.frame)) for decoded in decoder.step()]
    return out[:count]


CONTAINERS: list[dict[str, object]] = [
    *({"container": name} for name in ("mp4", "mov", "mkv", "ts", "flv", "nut")),
    {"container": "mp4", "open_gop": True},
    {"container": "mkv", "open_gop": True},
    {"container": "ts", "open_gop": True},
    {"codec": "mpeg2video", "container": "mpg"},
    {"codec": "mpeg2video", "container": "mxf"},
    {"codec": "mpeg2video", "container": "ts", "open_gop": True},
    {"codec": "mpeg4", "container": "avi", "b_frames": 0},
    {"codec": "libvpx-vp9", "container": "webm"},
    {"codec": "libvpx-vp9", "container": "ivf"},
    {"codec": "libvpx", "container": "webm"},
    {"codec": "libsvtav1", "container": "mkv"},
    {"codec": "libx265", "container": "mp4", "open_gop": True},
    {"codec": "libx264", "container": "h264"},
    {"codec": "libx265", "container": "hevc"},
    {"codec": "wmv2", "container": "asf"},
    {"codec": "flv", "container": "flv"},
    {"codec": "ffv1", "container": "nut"},
    {"codec": "msvideo1", "container": "avi", "pix_fmt": "rgb555le"},
    {"codec": "qtrle", "container": "mov", "pix_fmt": "rgb24"},
]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("features", CONTAINERS, ids=str)
def test_a_decoder_that_is_drained_after_a_frames_own_packet_gives_that_frame(
    clip: Callable[..., Path], features: dict[str, object], threads: int
):
    path = clip(**features)
    index = index_of(path)
    truth = [checksum(frame) for frame in clips.linear(path)]
    decoder = decoder_of(path, index, threads if index.checksums is None else 1)
    ended = 0
    for place in [30, 7, 41, 8, 9, 47, 20, 0]:
        row = int(index.rows[place])
        try:
            decoder.start_at(index.start_row(place))
        except BadStartError:
            decoder.start_at(0)
        last_row, got = decoder.last_row_of(place), list[int]()
        while not got and not decoder.has_passed(place):
            got = [checksum(one.frame) for one in decoder.step(last_row=last_row) if one.place == place]
        assert got == [truth[place]]
        if last_row is not None:
            ended += 1
            assert decoder.position.next_row == row + 1, "not a packet more than the frame needs"
            assert decoder.last_row_of(place, before=place) in (None, index.rows[: place + 1].max())
    decoder.close()
    if index.checksums is None and features.get("codec", "libx264") in ("libx264", "libx265"):
        assert ended > 5


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("features", CONTAINERS, ids=str)
def test_decoding_from_every_start_gives_the_frames_of_the_linear_decode(
    clip: Callable[..., Path], features: dict[str, object], threads: int
):
    path = clip(**features)
    index = index_of(path)
    truth = [checksum(frame) for frame in clips.linear(path)]
    assert len(truth) == len(index)
    decoder = decoder_of(path, index, threads if index.checksums is None else 1)
    for row in [*index.start_rows[::-1].tolist(), *index.start_rows.tolist()]:
        first = index.first_place_from(row)
        try:
            got = frames_from(decoder, row, 4)
        except BadStartError:
            assert row != 0
            continue
        assert got == [(place, truth[place]) for place in range(first, min(first + 4, len(truth)))]
    decoder.close()


@pytest.mark.parametrize("features", CONTAINERS[:4], ids=str)
def test_seeking_and_reading_up_to_the_row_give_the_same(clip: Callable[..., Path], features: dict[str, object]):
    path = clip(**features)
    seeking, reading = decoder_of(path), decoder_of(path, can_seek=False)
    for row in index_of(path).start_rows.tolist()[::-1]:
        assert frames_from(seeking, row, 5) == frames_from(reading, row, 5)
    assert seeking.can_seek, "every seek landed where it should"
    assert reading.packets_read > seeking.packets_read
    seeking.close()
    reading.close()


def test_a_decoder_goes_on_after_the_end_once_it_is_put_elsewhere(clip: Callable[..., Path]):
    decoder = decoder_of(clip())
    everything = frames_from(decoder, 0, 100)
    assert (len(everything), decoder.is_ended) == (48, True)
    assert decoder.step() == []
    assert frames_from(decoder, 24, 3) == everything[24:27]
    assert frames_from(decoder, 0, 100) == everything
    decoder.close()


def test_leading_frames_of_an_open_gop_are_not_taken_for_right(clip: Callable[..., Path]):
    path = clip(open_gop=True, container="mkv")
    index = index_of(path)
    start = int(index.start_rows[2])
    leading = [place for place in range(len(index)) if index.rows[place] > start and place < index.first_place_from(start)]
    assert leading, "the clip has open GOPs"
    decoder = decoder_of(path, index)
    assert frames_from(decoder, start, 1)[0][0] == index.first_place_from(start)
    decoder.close()


def test_a_keyframe_that_is_none_is_found_out_by_its_own_bytes(clip: Callable[..., Path]):
    path = clip()
    index = index_of(path)
    lying = replace_starts(index, [0, 5, 12])
    decoder = decoder_of(path, lying)
    with pytest.raises(BadStartError, match="is none"):
        decoder.start_at(5)
    assert frames_from(decoder, 12, 1)[0][0] == 12
    assert frames_from(decoder, 0, 1)[0][0] == 0
    decoder.close()


def replace_starts(index: FrameIndex, starts: list[int], checksums: np.ndarray | None = None) -> FrameIndex:
    names = ("time_base", "pts", "own_pts", "durations", "rows", "undecodable", "made_from", "times_are")
    columns = index.packets.columns() | {"is_key": np.isin(np.arange(len(index.packets)), starts)}
    return FrameIndex(
        **{name: getattr(index, name) for name in names},
        packets=replace(index.packets, **columns),
        start_rows=np.array(starts),
        checksums=checksums,
    )


def test_checksums_find_out_what_bytes_do_not_tell(tmp_path: Path, clip: Callable[..., Path]):
    path = with_every_packet_marked_as_a_keyframe(
        clip(codec="msvideo1", container="avi", pix_fmt="rgb555le"), tmp_path / "liar.avi"
    )
    decoded = index_of(path, "decode")
    assert decoded.start_rows.tolist() == list(range(48))
    decoder = decoder_of(path, decoded)
    with pytest.raises(BadStartError, match="another picture"):
        frames_from(decoder, 20, 3)
    assert len(frames_from(decoder, 0, 48)) == 48
    decoder.close()


def test_an_index_of_another_file_is_noticed(clip: Callable[..., Path]):
    decoder = decoder_of(clip(), index_of(clip(b_frames=0)))
    with pytest.raises(BadStartError, match="not those of the index"):
        frames_from(decoder, 0, 48)
    decoder.close()


@pytest.mark.parametrize("threads", [1, 3])
def test_damage_is_told_where_nothing_holds_the_frames_to_a_linear_decode(media: Path, threads: int):
    path = media / "corrupted.mp4"
    decoder = decoder_of(path, threads=threads)
    with pytest.raises(UnsteadyError):
        frames_from(decoder, 0, 50)
    decoder.close()
    held = decoder_of(path, index_of(path, "decode"))
    assert [place for place, _ in frames_from(held, 0, 50)] == [place for place in range(50) if place != 30]
    held.close()


def test_a_frame_is_given_once_all_that_it_may_be_predicted_from_came(clip: Callable[..., Path]):
    path = clip()
    index = index_of(path)
    decoder, given, places = decoder_of(path, index), set[int](), list[int]()
    decoder.start_at(0)
    while not decoder.is_ended:
        came = decoder.step()
        given |= {int(index.rows[decoded.place]) for decoded in [*came, *decoder._ready]}
        assert all(set(range(int(index.rows[decoded.place]))) <= given for decoded in came)
        places += [decoded.place for decoded in came]
    assert given == set(range(48))
    assert places == list(range(48)), "one by one, in the order in which they are shown"
    decoder.close()


@pytest.mark.parametrize(
    ("container", "pts", "dts", "expected"),
    [
        ("mov,mp4,m4a,3gp,3g2,mj2", 30, 10, 30),
        ("matroska,webm", 30, NO_PTS, 30),
        ("matroska,webm", NO_PTS, 10, None),
        ("mpegts", 30, 10, 10),
        ("mpeg", 30, 10, 9),
        ("avi", 30, 10, 10),
        ("avi", 30, NO_PTS, 30),
        ("avi", NO_PTS, NO_PTS, None),
        ("h264", 30, 10, None),
    ],
)
def test_each_container_is_sought_by_what_lands(container: str, pts: int, dts: int, expected: int | None):
    rows = rows_of([pts], {0})
    rows = replace(rows, dts=np.array([dts]))
    assert seek_argument(container, rows, 0) == expected


SKIPPING: list[dict[str, object]] = [
    {},
    {"open_gop": True},
    {"container": "mkv"},
    {"container": "ts"},
    {"codec": "libx265"},
    {"codec": "libx265", "open_gop": True},
    {"variable": True},
]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("features", SKIPPING, ids=str)
def test_frames_are_the_same_when_those_before_them_are_passed_over(
    features: dict[str, object], threads: int, clip: Callable[..., Path]
):
    path = clip(**features)
    index = index_of(path)
    truth = [checksum(frame) for frame in clips.linear(path)]
    n_decoded = dict.fromkeys((True, False), 0)
    for skips in n_decoded:
        decoder = decoder_of(path, index, threads)
        for target in [*range(len(truth)), *reversed(range(0, len(truth), 5))]:
            decoder.start_at(index.start_row(target))
            got: dict[int, int] = {}
            while target not in got and not decoder.has_passed(target):
                got |= {decoded.place: checksum(decoded.frame) for decoded in decoder.step(target if skips else 0)}
            n_decoded[skips] += len(got)
            assert got[target] == truth[target]
            assert all(truth[place] == value for place, value in got.items())
        decoder.close()
    assert n_decoded[True] < n_decoded[False], "something was passed over"


def test_what_was_passed_over_is_behind_the_decoder(clip: Callable[..., Path]):
    path = clip()
    decoder = decoder_of(path)
    decoder.start_at(0)
    came: list[int] = []
    while not came or came[-1] < 8:
        came += [decoded.place for decoded in decoder.step(skip_before=8)]
    passed_over = set(range(came[-1])) - set(came)
    assert passed_over
    assert decoder.position.last_place >= max(passed_over)
    decoder.close()
