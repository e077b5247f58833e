"""Checking what a caller gave: each function gives the value as it is used, or raises a typed error."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from framecache.errors import BadArgumentError, BadTypeError, FrameIndexError, TimeRangeError

LONGEST_SHOWN = 200


def shown(value: Any) -> str:
    """A value as messages show it: whatever it is, and not at length."""
    try:
        text = repr(value)
    except Exception:  # a repr of the caller's, or a number of too many digits
        text = f"a {type(value).__name__} that cannot be shown"
    return text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "..."


def as_index(name: str, value: Any) -> int:
    """A whole number of any integer type."""
    try:
        return operator.index(value)
    except TypeError:
        raise BadTypeError(f"{name} is {shown(value)}; it must be a whole number (for a time, use frame_at)") from None


def as_whole(name: str, value: Any, least: int) -> int:
    """A whole number that is at least `least`; 1e9 is taken for one."""
    number = as_index(name, int(value) if isinstance(value, float) and value.is_integer() else value)
    if number < least:
        raise BadArgumentError(f"{name} is {shown(value)}; it must be at least {least}")
    return number


def as_seconds(name: str, value: Any) -> float:
    """A finite number of seconds."""
    try:
        seconds = float(value)
    except OverflowError:
        raise TimeRangeError(f"{name} is {shown(value)}; it must be a finite number of seconds") from None
    except (TypeError, ValueError):
        raise BadTypeError(f"{name} is {shown(value)}; it must be a number of seconds") from None
    if not math.isfinite(seconds):
        raise TimeRangeError(f"{name} is {shown(value)}; it must be a finite number of seconds")
    return seconds


def as_pair(name: str, value: Any) -> tuple[Any, Any]:
    """Two values."""
    try:
        start, stop = value
    except (TypeError, ValueError):
        raise BadTypeError(f"{name} is {shown(value)}; it must be a pair of two values") from None
    return start, stop


def as_size(name: str, value: Any) -> tuple[int, int] | None:
    """(width, height), each at least 1, or None."""
    if value is None:
        return None
    width, height = as_pair(name, value)
    return as_whole(f"{name}'s width", width, 1), as_whole(f"{name}'s height", height, 1)


def one_of(name: str, value: Any, allowed: Sequence[Any]) -> Any:
    """One of the allowed values, all of which are text."""
    if not isinstance(value, str):
        raise BadTypeError(f"{name} is {shown(value)}; it must be one of {', '.join(map(repr, allowed))}")
    if value not in allowed:
        raise BadArgumentError(f"{name} is {shown(value)}; it must be one of {', '.join(map(repr, allowed))}")
    return value


def as_flag(name: str, value: Any) -> bool:
    """True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise BadTypeError(f"{name} is {shown(value)}; it must be True or False")
    return bool(value)


def as_place(value: Any, count: int) -> int:
    """The place that an index names in a sequence of `count`; negative ones count from the end."""
    number = as_index("index", value)
    if not -count <= number < count:
        raise FrameIndexError(f"index {shown(number)} lies outside the video, which has {count} frames")
    return number % count


def is_one_index(item: Any) -> bool:
    """Whether what stands in `reader[...]` is one index, rather than many: text and tuples are neither."""
    return (
        isinstance(item, (str, bytes, tuple))
        or not isinstance(item, Iterable)
        or (isinstance(item, np.ndarray) and item.ndim == 0)
    )


def as_places(item: Any, count: int) -> list[int]:
    """The places that a slice, a list of indices or a mask names in a sequence of `count`."""
    if isinstance(item, slice):
        try:
            return list(range(count)[item])
        except TypeError as error:
            raise BadTypeError(f"{shown(item)} cannot be a slice of frames: {error}") from None
        except ValueError as error:
            raise BadArgumentError(f"{shown(item)} cannot be a slice of frames: {error}") from None
    if isinstance(item, np.ndarray) and item.ndim != 1:
        raise BadTypeError(f"an index array of {item.ndim} dimensions was given; give one of 1 dimension")
    values = item.tolist() if isinstance(item, np.ndarray) else list(item)
    if values and all(isinstance(value, (bool, np.bool_)) for value in values):
        if len(values) != count:
            raise FrameIndexError(f"a mask of {len(values)} was given for {count} frames")
        return [place for place, is_wanted in enumerate(values) if is_wanted]
    return [as_place(value, count) for value in values]


def clamped(index: int, count: int) -> int:
    """The place closest to an index that may be negative, counting from the end; `count` is at least 1."""
    return min(max(index + count if index < 0 else index, 0), count - 1)
