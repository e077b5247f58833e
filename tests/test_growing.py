"""An index that grows: what it has said of a frame, it never takes back."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framecache.decode import decoder
from framecache.decode.source import make_source, opened, pick_stream
from framecache.index.build import begin_index, build_index
from framecache.index.frame_index import FrameIndex, IndexSource, flagged_starts, from_rows
from framecache.index.growing import FIRST_PACKETS, READ_AHEAD_PACKETS, Growing, extends, sure_part
from framecache.index.probe import Evidence, Opened
from framecache.index.rows import PacketRows
from framecache.index.scan import MOST_REORDERED_PACKETS
from framecache.progress import no_progress

# How a clip is made, and into what its packets are repeated.
KINDS = [
    ({}, "mkv"),
    ({"b_frames": 3, "open_gop": True}, "mkv"),
    ({"b_frames": 3, "open_gop": True}, "ts"),
    ({"codec": "libx265", "open_gop": True}, "mkv"),
    ({"codec": "mpeg2video", "container": "mpg", "open_gop": True}, "ts"),
    ({"codec": "libvpx-vp9", "container": "webm"}, "webm"),
    ({"codec": "mpeg4", "container": "mkv"}, "mkv"),
    ({"codec": "ffv1", "container": "mkv"}, "mkv"),
    ({"variable": True}, "mkv"),
]


def begin(path: Path, *, made_from: IndexSource | None = None, may_grow: bool = True) -> FrameIndex | Growing:
    source = make_source(path)

    @contextlib.contextmanager
    def open_stream() -> Iterator[Opened]:
        with opened(source) as container:
            yield container, pick_stream(container, 0, source.name)

    if not may_grow:
        return build_index(open_stream, source.open_io, made_from=made_from)
    with contextlib.ExitStack() as held:
        return begin_index(held.enter_context(open_stream()), held, open_stream, source.open_io, made_from=made_from)
    raise AssertionError("no error is swallowed here")


def stages(path: Path, step: int) -> list[FrameIndex]:
    """The indices on the way, one every `step` packets, the last of them whole."""
    growing = begin(path)
    assert isinstance(growing, Growing)
    return [growing.index, *growing.indices(lambda count, known: count >= known + step, no_progress)]


@pytest.mark.parametrize("step", [1, 7, 100])
@pytest.mark.parametrize(("features", "ending"), KINDS, ids=str)
def test_what_a_growing_index_says_of_a_frame_stays_so(
    long_clip: Callable[..., Path], features: dict[str, object], ending: str, step: int
):
    path = long_clip(ending, **features)
    *parts, whole = stages(path, step)
    truth = begin(path, may_grow=False)
    assert isinstance(truth, FrameIndex)
    for name in ("pts", "own_pts", "durations", "rows", "start_rows", "keyframes"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(truth, name))
    assert len(parts) > 3
    assert [len(part) for part in parts] == sorted(len(part) for part in parts)
    for part in parts:
        count = len(part)
        for name in ("pts", "own_pts", "durations", "rows", "timestamps", "is_keyframe"):
            np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[:count], err_msg=name)
        for place in {*range(max(0, count - 40), count), 0}:
            start = whole.start_row(place)
            assert part.start_row(place) == start
            assert part.is_reached_from(place, start)
            assert part.nearest(float(whole.timestamps[place])) == place == part.displayed_at(float(whole.timestamps[place]))
        assert part.displayed_at(float(whole.timestamps[count])) is None


@pytest.mark.parametrize(("features", "ending"), KINDS[:4], ids=str)
def test_the_first_frames_are_known_from_the_first_packets(
    long_clip: Callable[..., Path], features: dict[str, object], ending: str
):
    growing = begin(long_clip(ending, **features))
    assert isinstance(growing, Growing)
    assert len(growing.index.packets) == FIRST_PACKETS
    assert 0 < len(growing.index) <= FIRST_PACKETS - READ_AHEAD_PACKETS
    assert 0.0 < growing.done < 1.0
    growing.close()


def test_decoders_stay_within_the_packets_that_a_growing_index_knows():
    assert READ_AHEAD_PACKETS > decoder.LONGEST_DELAY_PACKETS + 2 * decoder.MOST_READY_FRAMES


def test_short_files_sample_tables_and_decodes_are_indexed_at_once(clip: Callable[..., Path], long_clip: Callable[..., Path]):
    assert isinstance(begin(clip(container="mkv")), FrameIndex)
    assert isinstance(begin(long_clip("mp4")), FrameIndex)
    assert isinstance(begin(long_clip("mkv"), made_from="decode"), FrameIndex)
    growing = begin(long_clip("mkv"), made_from="scan")
    assert isinstance(growing, Growing)
    growing.close()


def test_files_whose_first_packets_show_trouble_are_decoded_at_once(media: Path, clip: Callable[..., Path]):
    # FFmpeg makes the timestamps of H.264 in AVI up, so that the probe finds them wrong.
    path = clip(container="avi", n_frames=200)
    for one in (path, media / "no-initial-keyframe.ts", media / "mpeg2_field_encoding.ts"):
        index = begin(one)
        assert isinstance(index, FrameIndex)
        assert index.made_from == "decode"


def rows_of(pts: list[int]) -> PacketRows:
    return PacketRows.from_tuples([(at, number, 10, 10 * number, 1, number == 0, 0, 0, 0) for number, at in enumerate(pts)])


def whole_index(rows: PacketRows) -> FrameIndex:
    return from_rows(rows, Fraction(1, 25), "scan", flagged_starts(rows))


@given(st.data(), st.integers(1, 400))
def test_no_order_that_a_codec_may_use_moves_a_sure_frame(data: st.DataObject, read: int):
    # Any order in which no packet is further from its turn than is believed.
    drift = data.draw(st.lists(st.integers(0, MOST_REORDERED_PACKETS), min_size=400, max_size=400))
    keys = [number + late for number, late in enumerate(drift)]
    order = sorted(range(400), key=lambda number: (keys[number], number))
    pts = [0] * 400
    for place, number in enumerate(order):
        pts[number] = place
    part = sure_part(rows_of(pts[:read]), Fraction(1, 25), Evidence(True, 0))
    assert extends(whole_index(rows_of(pts)), part)
    assert len(part) == 0 or int(part.rows.max()) + READ_AHEAD_PACKETS <= read


def test_an_index_extends_those_whose_frames_it_holds_unchanged(long_clip: Callable[..., Path]):
    first, *_, whole = stages(long_clip(), 100)
    assert extends(whole, first)
    assert extends(whole, whole)
    assert not extends(first, whole)
    moved = whole_index(rows_of([0, 2, 1, 3]))
    assert not extends(moved, whole_index(rows_of([0, 1, 2, 3])).first(3))


def test_where_packets_tell_whole_frames_the_first_are_known_without_decoding_and_proven_in_the_end(
    long_clip: Callable[..., Path],
):
    growing = begin(long_clip())
    assert isinstance(growing, Growing)
    assert growing.index.frames_decoded == 0
    *_, whole = growing.indices(lambda count, known: True, no_progress)
    assert whole.frames_decoded >= 40
    assert extends(whole, growing.index)
