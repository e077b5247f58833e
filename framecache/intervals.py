"""Intervals: which places an interval of times or frames holds, and in which order they are visited."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from typing import Any, TypeVar

from more_itertools import chunked

from framecache.arguments import as_index, as_pair, as_seconds
from framecache.errors import BadArgumentError
from framecache.index.frame_index import FrameIndex

T = TypeVar("T")
Interval = tuple[float | None, float | None]
FrameInterval = tuple[int | None, int | None]


def places_of(index: FrameIndex, time_interval: Interval | None, frame_interval: FrameInterval | None, step: int) -> range:
    """The places of an interval, of all where there is none, taken as a slice's step takes them.

    Raises:
        BadArgumentError: (a ValueError) Both intervals are given, one ends before it begins, or the step is 0.
    """
    step = as_index("step", step)
    if step == 0:
        raise BadArgumentError("step is 0; it must be 1 or more, or negative to go backwards")
    if time_interval is not None and frame_interval is not None:
        raise BadArgumentError("time_interval and frame_interval are both given; give one of them")
    if time_interval is not None:
        ends = [None if end is None else as_seconds("time_interval", end) for end in as_pair("time_interval", time_interval)]
        return index.range_of_times(ends[0], ends[1])[::step]
    pair = as_pair("frame_interval", frame_interval if frame_interval is not None else (None, None))
    start, stop = (None if end is None else as_index("frame_interval", end) for end in pair)
    return range(len(index))[start:stop][::step]


def backwards(places: range, get: Callable[[int], T], most: int) -> Iterator[T]:
    """`get` of a descending range, decoded forward in pieces of at most so many, each in memory at once."""
    for piece in chunked(places, max(1, most)):
        yield from reversed([get(place) for place in reversed(piece)])


def in_order_asked(places: Sequence[int], get: Callable[[int, int | None], Any], again: Callable[[Any], Any]) -> list[Any]:
    """`get` of each place and the one that comes next, once, in ascending order, so that each GOP is decoded once.

    `again` gives another of what came twice.
    """
    ascending = sorted(set(places))
    got: dict[int, Any] = {place: get(place, following) for place, following in zip_longest(ascending, ascending[1:])}
    first = {place: number for number, place in reversed(list(enumerate(places)))}
    return [got[place] if first[place] == number else again(got[place]) for number, place in enumerate(places)]
