from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import index_of, indices

from framecache.errors import BadArgumentError
from framecache.index.frame_index import FrameIndex, end_durations
from framecache.index.rows import stable_order


def test_places_are_in_the_order_of_their_timestamps():
    index = index_of([0, 30, 10, 20, 40], {0})
    assert index.pts.tolist() == [0, 10, 20, 30, 40]
    assert index.rows.tolist() == [0, 2, 3, 1, 4]
    assert index.place_of_row.tolist() == [0, 3, 1, 2, 4]


def test_the_value_is_immutable():
    index = index_of([0, 10], {0})
    with pytest.raises(ValueError, match="read-only"):
        index.pts[0] = 5
    with pytest.raises(AttributeError):
        index.pts = index.rows  # type: ignore[misc]


def test_timestamps_are_seconds_from_the_first_frame():
    index = index_of([500, 540, 620], {0})
    assert index.timestamps.tolist() == [0.0, 0.04, 0.12]
    assert index.duration_seconds == 0.121


def test_a_leading_frame_of_an_open_gop_starts_a_keyframe_earlier():
    # Row 4 is a keyframe shown at 60; rows 5 and 6 come after it in the file and are shown before it.
    index = index_of([0, 30, 10, 20, 60, 40, 50, 70], {0, 4})
    assert index.start_row(index.place_of_row[5]) == 0
    assert index.start_row(index.place_of_row[4]) == 4
    assert index.start_row(index.place_of_row[7]) == 4
    assert not index.is_reached_from(index.place_of_row[6], 4)
    assert index.start_row(index.place_of_row[7], frozenset({4})) == 0


def test_a_keyframe_that_is_cut_off_still_serves_as_a_start():
    index = index_of([-30, -20, -10, 0, 10], {0}, discard={0, 1, 2})
    assert len(index) == 2
    assert index.start_row(0) == 0
    assert index.keyframes.tolist() == []
    assert index.gop_range(1) == (0, 2)


def test_gop_range_and_keyframe_at_or_before():
    index = index_of(list(range(0, 100, 10)), {0, 4, 7})
    assert index.keyframes.tolist() == [0, 4, 7]
    assert [index.gop_range(place) for place in (0, 3, 4, 9)] == [(0, 4), (0, 4), (4, 7), (7, 10)]
    assert [index.keyframe_at_or_before(place) for place in (0, 3, 4, 9)] == [0, 0, 4, 7]


@pytest.mark.parametrize(
    ("pts", "is_variable"),
    [([0, 40, 80, 120], False), ([0, 33, 67, 100, 133], False), ([0, 40, 120, 160], True), ([7], False)],
)
def test_variable_rate_is_told_from_rounding(pts: list[int], is_variable: bool):
    assert index_of(pts, {0}).is_variable_rate is is_variable


def test_the_average_rate_counts_the_last_frame_for_its_duration():
    assert index_of([0, 1, 2, 3], {0}).average_rate == 1000.0


def test_an_index_of_no_frames_answers():
    index = index_of([], set())
    assert (len(index), index.duration_seconds, index.average_rate, index.gaps) == (0, 0.0, 0.0, (0, 0))
    assert index.displayed_at(0.0) is None
    assert list(index.range_of_times(None, None)) == []


@pytest.mark.parametrize(
    ("seconds", "place"), [(0.0, 0), (0.0399, 0), (0.04, 1), (0.11999, 1), (0.12, 2), (0.1209, 2), (0.121, None), (-1e-9, None)]
)
def test_displayed_at_is_the_last_frame_not_after(seconds: float, place: int | None):
    assert index_of([500, 540, 620], {0}).displayed_at(seconds) == place


@pytest.mark.parametrize(
    ("seconds", "place"), [(-5.0, 0), (0.02, 0), (0.0201, 1), (0.06, 1), (0.1, 2), (0.1001, 3), (9.0, 4), (0.14, 3)]
)
def test_nearest_takes_the_earlier_of_two_equally_near(seconds: float, place: int):
    assert index_of([0, 40, 80, 120, 160], {0}).nearest(seconds) == place


def test_a_range_of_times_goes_from_nearest_through_nearest():
    index = index_of([0, 40, 80, 120, 160], {0})
    assert list(index.range_of_times(0.03, 0.13)) == [1, 2, 3]
    assert list(index.range_of_times(None, 0.05)) == [0, 1]
    assert list(index.range_of_times(0.15, None)) == [4]
    assert list(index.range_of_times(7.0, 8.0)) == [4]
    with pytest.raises(BadArgumentError, match="ends before it begins"):
        index.range_of_times(0.2, 0.1)


def test_durations_reach_to_the_next_frame():
    assert end_durations(np.array([0, 10, 40]), 5).tolist() == [10, 30, 5]
    assert end_durations(np.array([0, 10, 20]), 0).tolist() == [10, 10, 10]
    assert end_durations(np.array([], np.int64), 0).tolist() == []


@given(indices())
def test_every_frame_is_displayed_at_its_own_timestamp_and_nearest_to_it(index: FrameIndex):
    for place, seconds in enumerate(index.timestamps.tolist()):
        assert index.displayed_at(seconds) == place
        assert index.nearest(seconds) == place


@given(indices(), st.fractions(0, 2))
def test_look_ups_agree_with_their_definitions(index: FrameIndex, time: Fraction):
    exact = [(int(p) - int(index.pts[0])) * index.time_base for p in index.pts]
    end = exact[-1] + int(index.durations[-1]) * index.time_base
    if all(abs(time - t) > Fraction(1, 10**6) for t in [*exact, end]):
        shown = max((place for place, t in enumerate(exact) if t <= time), default=None)
        assert index.displayed_at(float(time)) == (shown if time < end else None)
    gaps = [abs(time - t) for t in exact]
    assert gaps[index.nearest(float(time))] - min(gaps) <= Fraction(2, 10**9)


@given(indices(), st.data())
def test_a_start_is_the_last_one_from_which_the_frame_comes_out_right(index: FrameIndex, data: st.DataObject):
    place = data.draw(st.integers(0, len(index) - 1))
    start = index.start_row(place)
    assert index.is_reached_from(place, start)
    later = [row for row in index.start_rows.tolist() if row > start]
    assert not any(index.is_reached_from(place, row) for row in later)
    bad = frozenset(data.draw(st.sets(st.sampled_from(index.start_rows.tolist()))))
    other = index.start_row(place, bad)
    assert other == 0 or other not in bad
    assert index.is_reached_from(place, other)


@pytest.mark.parametrize("values", [[], [5], [3, 1, 2, 1, 3, 0], [-(2**62), 2**62, 0, -(2**62)], [0, 2, 1, 4, 3] * 50])
def test_the_quick_order_is_that_of_a_stable_argsort(values: list[int]):
    column = np.array(values, np.int64)
    assert stable_order(column).tolist() == np.argsort(column, kind="stable").tolist()
    assert column.tolist() == values
