from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framecache.index.rows import NO_PTS
from framecache.index.times import settle


def settled(stored: list[int | None], step: int = 10) -> tuple[list[int], str, list[bool]]:
    times = settle(np.array([NO_PTS if p is None else p for p in stored], np.int64), step)
    return times.pts.tolist(), times.are, times.own.tolist()


def test_ascending_timestamps_are_kept():
    assert settled([5, 17, 18]) == ([5, 17, 18], "stored", [True] * 3)


def test_without_any_they_are_synthesised():
    assert settled([None, None, None]) == ([0, 10, 20], "synthesised", [False] * 3)


def test_ones_made_up_in_file_order_are_sorted_into_the_order_of_the_frames():
    assert settled([1, 4, 3, 5, 2], 1) == ([1, 2, 3, 4, 5], "ordered", [True, False, True, False, False])


def test_missing_ones_are_spread_between_their_neighbours():
    assert settled([None, 20, None, 50, None])[0] == [10, 20, 35, 50, 60]


def test_doubled_ones_move_a_tick_on():
    assert settled([0, 10, 10, 20])[:2] == ([0, 10, 11, 20], "ordered")
    assert settled([0, 1, 1, 2, 3], 1)[0] == [0, 1, 2, 3, 4]


def test_a_clock_that_starts_anew_goes_on_from_where_it_was():
    stored = [*range(1000, 1400, 10), *range(0, 300, 10)]
    pts, are, _ = settled(stored)
    assert pts == list(range(1000, 1700, 10))
    assert are == "ordered"


@given(st.lists(st.none() | st.integers(-(10**6), 10**6), max_size=40), st.integers(1, 100))
def test_they_always_ascend_and_own_ones_are_the_streams(stored: list[int | None], step: int):
    pts, are, own = settled(stored, step)
    assert all(a < b for a, b in pairwise(pts))
    assert all(not mine or p == s for p, s, mine in zip(pts, stored, own))
    assert (are == "stored") == all(own)


@pytest.mark.parametrize("step", [1, 7])
def test_no_frames_at_all(step: int):
    assert settled([], step) == ([], "stored", [])
