"""Intervals: which places an interval of times or frames holds, and in which order they are visited."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Literal, TypeVar

import numpy as np
from more_itertools import chunked

from framecache.arguments import as_index, as_pair, as_seconds, is_one_index
from framecache.errors import BadArgumentError, BadTypeError
from framecache.index.frame_index import FrameIndex, check_interval

T = TypeVar("T")
Interval = tuple[float | None, float | None]
FrameInterval = tuple[int | None, int | None]


@dataclass(frozen=True, slots=True)
class Stretch:
    """An interval of frames or of times, taken with a step, of a video whose frames may not all be known yet.

    Attributes:
        kind: What `start` and `stop` are.
        start, stop: Half-open for frames; times stand for the frames nearest to them. None is an open end.
        step: As in a slice of the interval's frames.
    """

    kind: Literal["frames", "times"]
    start: float | None
    stop: float | None
    step: int

    @classmethod
    def of(cls, time_interval: Interval | None, frame_interval: FrameInterval | None, step: int) -> Stretch:
        """What a caller gave, checked.

        Raises:
            BadArgumentError: (a ValueError) Both intervals are given, one ends before it begins, or the step is 0.
        """
        step = as_index("step", step)
        if step == 0:
            raise BadArgumentError("step is 0; it must be 1 or more, or negative to go backwards")
        if time_interval is not None and frame_interval is not None:
            raise BadArgumentError("time_interval and frame_interval are both given; give one of them")
        if time_interval is not None:
            start, stop = (
                None if end is None else as_seconds("time_interval", end) for end in as_pair("time_interval", time_interval)
            )
            check_interval(start, stop)
            return cls("times", start, stop, step)
        pair = as_pair("frame_interval", frame_interval if frame_interval is not None else (None, None))
        first, end = (None if end is None else as_index("frame_interval", end) for end in pair)
        return cls("frames", first, end, step)

    @property
    def has_open_end(self) -> bool:
        """Whether it goes on as long as there are frames, from a place that does not depend on how many there are."""
        return self.stop is None and self.step > 0 and (self.kind == "times" or (self.start or 0) >= 0)

    def places(self, index: FrameIndex) -> range:
        """The places, of all frames of an index."""
        if self.kind == "times":
            return index.range_of_times(self.start, self.stop)[:: self.step]
        start, stop = (None if end is None else int(end) for end in (self.start, self.stop))
        return range(len(index))[start:stop][:: self.step]

    def is_begun(self, index: FrameIndex) -> bool:
        """Whether further frames would not change where one with an open end begins."""
        if self.start is None or not len(index):
            return bool(len(index))
        return self.start < len(index) if self.kind == "frames" else self.start <= index.timestamps[-1]

    def is_known(self, index: FrameIndex) -> bool:
        """Whether further frames would not change its places."""
        if self.stop is None or not len(index):
            return False
        if self.kind == "times":
            return bool(self.stop <= index.timestamps[-1])
        return (self.start or 0) >= 0 and 0 <= self.stop <= len(index)


def backwards(places: Iterable[int], get: Callable[[int], T], most: int) -> Iterator[T]:
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


def frames_needed(item: Any) -> int | None:
    """How many of a video's first frames tell which ones `reader[item]` names; None where all must be known.

    `item` is one index, a slice, a mask, or a list or array of indices; what it must not be is left to those who use it.
    """
    try:
        if isinstance(item, slice):
            return _frames_needed_by_slice(item)
        if not is_one_index(item) and any(isinstance(one, (bool, np.bool_)) for one in item):
            return None
        numbers = [as_index("index", one) for one in ([item] if is_one_index(item) else item)]
    except BadTypeError:
        return 0
    return None if any(number < 0 for number in numbers) else max(numbers, default=-1) + 1


def _frames_needed_by_slice(item: slice) -> int | None:
    is_forward = item.step is None or as_index("step", item.step) > 0
    start, stop = (None if end is None else as_index("index", end) for end in (item.start, item.stop))
    # Backwards, the first frame is the furthest.
    furthest, nearest = (stop, start or 0) if is_forward else (None if start is None or start < 0 else start + 1, stop or 0)
    return None if furthest is None or furthest < 0 or nearest < 0 else furthest
