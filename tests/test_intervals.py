from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import indices

from framecache import VideoReader
from framecache.errors import BadArgumentError, BadTypeError
from framecache.index.frame_index import FrameIndex
from framecache.intervals import Stretch, frames_needed, in_order_asked
from framecache.sample import read_index

pytestmark = pytest.mark.usefixtures("no_prefetch")


@given(indices(), st.integers(-60, 60), st.integers(-60, 60), st.integers(-9, 9).filter(bool))
def test_frame_intervals_are_slices(index: FrameIndex, start: int, stop: int, step: int):
    everything = list(range(len(index)))
    assert list(Stretch.of(None, (start, stop), step).places(index)) == everything[start:stop][::step]
    assert list(Stretch.of(None, (None, stop), step).places(index)) == everything[:stop][::step]
    assert list(Stretch.of(None, None, step).places(index)) == everything[::step]


@given(indices(), st.floats(0, 3), st.floats(0, 3), st.integers(-9, 9).filter(bool))
def test_time_intervals_are_stepped_through_in_the_same_way(index: FrameIndex, one: float, other: float, step: int):
    interval = (min(one, other), max(one, other))
    assert list(Stretch.of(interval, None, step).places(index)) == list(index.range_of_times(*interval))[::step]


def test_what_is_no_step_is_refused(sample: Path):
    with VideoReader(sample) as reader:
        with pytest.raises(BadArgumentError, match="step is 0"):
            reader.iter_frames(step=0)
        with pytest.raises(BadTypeError):
            reader.iter_frames(step=1.5)  # type: ignore[arg-type]
        with pytest.raises(BadArgumentError, match="both given"):
            reader.iter_frame_ixs((0, 1), (0, 1))


@pytest.mark.parametrize("use_cache", [True, False])
@pytest.mark.parametrize("step", [-1, -7, 2, 30, -400])
def test_frames_are_visited_in_either_direction(sample: Path, step: int, use_cache: bool):
    with VideoReader(sample, use_cache=use_cache) as reader:
        visited = list(reader.iter_frames(frame_interval=(10, 290), step=step))
        assert (
            [frame.frame_ix for frame in visited]
            == list(range(10, 290))[::step]
            == list(reader.iter_frame_ixs(frame_interval=(10, 290), step=step))
        )
        assert all(read_index(frame.image) == frame.frame_ix for frame in visited)


def test_going_backwards_decodes_each_gop_once(sample: Path):
    for use_cache in (True, False):
        with VideoReader(sample, use_cache=use_cache) as reader:
            assert [frame.frame_ix for frame in reader.iter_frames(step=-1)] == list(range(329, -1, -1))
            # Twice over is what the delay of threads and reordering at the end of each GOP may come to.
            assert reader.stats.frames_decoded < 330 + 2 * 32


def test_going_backwards_without_a_cache_stays_within_the_budget(sample: Path):
    image_bytes = 320 * 180 * 3
    with VideoReader(sample, use_cache=False, buffer_size_bytes=50 * image_bytes) as reader:
        going = reader.iter_frames(step=-1)
        assert next(going).frame_ix == 329
        first = reader.stats.frames_decoded
        for _ in range(49):
            next(going)
        assert reader.stats.frames_decoded == first, "one piece of fifty frames"
        next(going)
        assert reader.stats.frames_decoded > first


def test_frames_that_are_stepped_over_are_not_decoded_where_none_is_predicted_from_them(sample: Path):
    with VideoReader(sample) as reader:
        wide = [frame.frame_ix for frame in reader.iter_frames(step=30)]
        assert wide == list(range(0, 330, 30))
        assert reader.stats.frames_decoded < 250


def test_backwards_with_a_cache_each_gop_is_decoded_once(sample: Path):
    with VideoReader(sample) as reader:
        places = [frame.frame_ix for frame in reader.iter_frames(step=-1)]
        assert places == list(range(329, -1, -1))
        assert reader.stats.frames_decoded <= 330


def test_each_is_had_once_in_ascending_order_and_given_in_the_order_asked():
    had: list[tuple[int, int | None]] = []

    def get(place: int, next_place: int | None) -> np.ndarray:
        had.append((place, next_place))
        return np.array([place])

    given_back = in_order_asked([5, 1, 5, 3], get, lambda image: image.copy())
    assert [int(image[0]) for image in given_back] == [5, 1, 5, 3]
    assert had == [(1, 3), (3, 5), (5, None)]
    assert given_back[0] is not given_back[2]


@given(indices(), st.data())
def test_a_stretch_that_is_known_is_the_same_once_more_frames_are(index: FrameIndex, data: st.DataObject):
    part = index.first(data.draw(st.integers(0, len(index))))
    ends = st.none() | st.integers(-5, 45)
    times = st.none() | st.floats(0, 3)
    step = data.draw(st.integers(-9, 9).filter(bool))
    if data.draw(st.booleans()):
        stretch = Stretch.of(None, (data.draw(ends), data.draw(ends)), step)
    else:
        start, stop = data.draw(times), data.draw(times)
        both = start is not None and stop is not None
        stretch = Stretch.of((min(start, stop), max(start, stop)) if both else (start, stop), None, step)
    if stretch.is_known(part):
        assert list(stretch.places(part)) == list(stretch.places(index))
    if stretch.has_open_end and stretch.is_begun(part):
        known = list(stretch.places(part))
        assert list(stretch.places(index))[: len(known)] == known
        assert stretch.places(part).start == stretch.places(index).start


@given(st.integers(1, 50), st.data())
def test_as_many_frames_as_are_needed_tell_which_ones_are_named(count: int, data: st.DataObject):
    ends = st.none() | st.integers(-60, 60)
    item = data.draw(
        st.integers(-60, 60)
        | st.lists(st.integers(-60, 60), max_size=5)
        | st.builds(slice, ends, ends, st.none() | st.integers(-5, 5).filter(bool))
    )
    needed = frames_needed(item)
    everything = range(count)
    if needed is None or needed > count:
        return
    known = range(needed)
    if isinstance(item, slice):
        assert list(known[item]) == list(everything[item])
    else:
        assert all(0 <= one < needed for one in (item if isinstance(item, list) else [item]))


def test_what_depends_on_the_end_needs_all_frames():
    every: list[object] = [-1, [3, -1], slice(None), slice(5, None), slice(-3, 5), slice(0, -1), slice(None, None, -1)]
    for item in [*every, slice(3, -9, -1), [True, False], np.array([True])]:
        assert frames_needed(item) is None, item
    assert [frames_needed(item) for item in (0, np.int64(7), [], [2, 9], slice(9), slice(9, 2, -1), slice(4, None, -2))] == [
        1,
        8,
        0,
        10,
        9,
        10,
        5,
    ]
