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
from framecache.intervals import in_order_asked, places_of
from framecache.sample import read_index

pytestmark = pytest.mark.usefixtures("no_prefetch")


@given(indices(), st.integers(-60, 60), st.integers(-60, 60), st.integers(-9, 9).filter(bool))
def test_frame_intervals_are_slices(index: FrameIndex, start: int, stop: int, step: int):
    everything = list(range(len(index)))
    assert list(places_of(index, None, (start, stop), step)) == everything[start:stop][::step]
    assert list(places_of(index, None, (None, stop), step)) == everything[:stop][::step]
    assert list(places_of(index, None, None, step)) == everything[::step]


@given(indices(), st.floats(0, 3), st.floats(0, 3), st.integers(-9, 9).filter(bool))
def test_time_intervals_are_stepped_through_in_the_same_way(index: FrameIndex, one: float, other: float, step: int):
    interval = (min(one, other), max(one, other))
    assert list(places_of(index, interval, None, step)) == list(index.range_of_times(*interval))[::step]


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


def test_each_is_had_once_in_ascending_order_and_given_in_the_order_asked():
    had: list[tuple[int, int | None]] = []

    def get(place: int, next_place: int | None) -> np.ndarray:
        had.append((place, next_place))
        return np.array([place])

    given_back = in_order_asked([5, 1, 5, 3], get, lambda image: image.copy())
    assert [int(image[0]) for image in given_back] == [5, 1, 5, 3]
    assert had == [(1, 3), (3, 5), (5, None)]
    assert given_back[0] is not given_back[2]
