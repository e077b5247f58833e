"""CacheDict: a dictionary that forgets what was least recently used when it grows too large."""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, ItemsView, Iterable, Iterator, MutableMapping, ValuesView
from dataclasses import dataclass, fields, is_dataclass
from itertools import chain
from typing import Any, TypeVar, overload

import av
import numpy as np

from framecache.arguments import as_whole
from framecache.errors import BadArgumentError, BadTypeError
from framecache.planes import held_frame_bytes

K = TypeVar("K")
V = TypeVar("V")
D = TypeVar("D")
_NOTHING: Any = object()


@dataclass(frozen=True, slots=True)
class CacheStats:
    """What a CacheDict has seen: look-ups answered and not, items pushed out, items too large to keep."""

    hits: int
    misses: int
    evictions: int
    refused: int


def held_bytes(value: object) -> int:
    """The bytes that keeping `value` holds in memory.

    An array counts its buffer (of a view, the whole array that the view keeps alive), a decoded frame its
    planes with their padding. A tuple, list, set, dictionary or dataclass counts what it contains as
    well. Anything else counts what `sys.getsizeof` says.
    """
    return _held(value, set())


def _held(value: object, seen: set[int]) -> int:
    if id(value) in seen:
        return 0
    seen.add(id(value))
    if isinstance(value, np.ndarray):
        owner: Any = value
        while isinstance(owner.base, np.ndarray):
            owner = owner.base
        return max(int(owner.nbytes), int(value.nbytes))
    if isinstance(value, av.VideoFrame):
        return held_frame_bytes(value)
    inside: Iterable[object] = ()
    if isinstance(value, dict):
        inside = chain(value.keys(), value.values())
    elif isinstance(value, (tuple, list, set, frozenset)):
        inside = value
    elif is_dataclass(value) and not isinstance(value, type):
        inside = [getattr(value, field.name, None) for field in fields(value)]
    return sys.getsizeof(value) + sum(_held(part, seen) for part in inside)


class _Items(ItemsView[K, V]):
    """The items as they were when iterating began: looking at them all is no use of any one."""

    _mapping: CacheDict[K, V]

    def __iter__(self) -> Iterator[tuple[K, V]]:
        return iter(self._mapping.snapshot())

    def __contains__(self, item: object) -> bool:
        return item in self._mapping.snapshot()


class _Values(ValuesView[V]):
    _mapping: CacheDict[Any, V]

    def __iter__(self) -> Iterator[V]:
        return (value for _, value in self._mapping.snapshot())

    def __contains__(self, value: object) -> bool:
        return any(one is value or one == value for one in self)


class CacheDict(MutableMapping[K, V]):
    """A MutableMapping that stays within a number of items, a number of bytes, or both.

    The least recently used item goes first; reading (`d[k]`, `d.get(k)`), writing and `setdefault` count
    as use, while `k in d`, iterating, `peek` and `len` do not. Both limits hold at all times. An item that
    is alone larger than the byte limit is refused, and leaves everything as it was (an item already under
    the same key is dropped, for it is out of date), unless `always_allow_one_item`. Any number of threads
    may share one.

    Args:
        buffer_length: The most items it holds, at least 1; None for no limit.
        buffer_size_bytes: The most bytes its values hold, at least 1; None for no limit.
        calculate_size_once: Take the first value's size for every later one, until `clear()`: for values that
            are all of one size.
        always_allow_one_item: Let an item larger than the byte limit stay, alone.
        sizeof: Gives a value's size in bytes; the bytes really held in memory where not given.

    Raises:
        BadArgumentError: (a ValueError) A limit is zero or negative, or a size is negative.
        BadTypeError: (a TypeError) A limit is no number; or the cache is to be copied or pickled.
    """

    def __init__(
        self,
        buffer_length: int | None = None,
        buffer_size_bytes: int | None = None,
        calculate_size_once: bool = False,
        always_allow_one_item: bool = False,
        *,
        sizeof: Callable[[V], int] = held_bytes,
    ) -> None:
        self._buffer_length = None if buffer_length is None else as_whole("buffer_length", buffer_length, 1)
        self._buffer_size_bytes = None if buffer_size_bytes is None else as_whole("buffer_size_bytes", buffer_size_bytes, 1)
        self._calculate_size_once = calculate_size_once
        self._always_allow_one_item = always_allow_one_item
        self._sizeof = sizeof
        self._one_size: int | None = None
        self._items: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._bytes_held = 0
        self._hits = self._misses = self._evictions = self._refused = 0
        # Re-entrant: a value's finaliser may run while an item is pushed out, and look something up.
        self._lock = threading.RLock()

    @property
    def buffer_length(self) -> int | None:
        """The most items it holds, or None."""
        return self._buffer_length

    @property
    def buffer_size_bytes(self) -> int | None:
        """The most bytes its values hold, or None."""
        return self._buffer_size_bytes

    @property
    def bytes_held(self) -> int:
        """The bytes that its values hold now."""
        return self._bytes_held

    @property
    def stats(self) -> CacheStats:
        """The counters since it was made."""
        with self._lock:
            return CacheStats(self._hits, self._misses, self._evictions, self._refused)

    def __getitem__(self, key: K) -> V:
        with self._lock:
            try:
                value, _ = self._items[key]
            except KeyError:
                self._misses += 1
                raise
            self._hits += 1
            self._items.move_to_end(key)
            return value

    def __setitem__(self, key: K, value: V) -> None:
        size = self._size_of(value)
        with self._lock:
            # The old value goes first, so that old and new never count together.
            self._remove(key)
            if not self._fits_alone(size):
                self._refused += 1
                return
            while self._items and not self._fits_beside(size):
                self._evict_one()
            self._items[key] = (value, size)
            self._bytes_held += size

    def __delitem__(self, key: K) -> None:
        with self._lock:
            if not self._remove(key):
                raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        return key in self._items

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[K]:
        """The keys as they are now, the least recently used first; changes meanwhile do no harm."""
        with self._lock:
            return iter(list(self._items))

    def __repr__(self) -> str:
        limits = f"buffer_length={self._buffer_length}, buffer_size_bytes={self._buffer_size_bytes}"
        return f"<CacheDict {len(self)} items, {self._bytes_held} bytes, {limits}>"

    def snapshot(self) -> list[tuple[K, V]]:
        """The keys and values as they are now, the least recently used first; counts as no use."""
        with self._lock:
            return [(key, value) for key, (value, _) in self._items.items()]

    def items(self) -> ItemsView[K, V]:
        """A view of the items; iterating it counts as no use."""
        return _Items(self)

    def values(self) -> ValuesView[V]:
        """A view of the values; iterating it counts as no use."""
        return _Values(self)

    @overload
    def peek(self, key: K) -> V | None: ...
    @overload
    def peek(self, key: K, default: D) -> V | D: ...
    def peek(self, key: K, default: Any = None) -> Any:
        """The value under `key`, or `default`, without counting as a use, a hit or a miss."""
        with self._lock:
            item = self._items.get(key)
            return default if item is None else item[0]

    def touch(self, key: K) -> bool:
        """Whether there is a value under `key`; it counts as used then, but as no hit or miss."""
        with self._lock:
            if key not in self._items:
                return False
            self._items.move_to_end(key)
            return True

    @overload
    def pop(self, key: K, /) -> V: ...
    @overload
    def pop(self, key: K, /, default: V) -> V: ...
    @overload
    def pop(self, key: K, /, default: D) -> V | D: ...
    def pop(self, key: K, /, default: Any = _NOTHING) -> Any:
        """Remove `key` and return its value, or `default`; one step for other threads."""
        with self._lock:
            item = self._items.get(key)
            if item is not None:
                self._remove(key)
                return item[0]
        if default is _NOTHING:
            raise KeyError(key)
        return default

    def popitem(self) -> tuple[K, V]:
        """Remove and return the least recently used key and its value; KeyError when empty."""
        with self._lock:
            if not self._items:
                raise KeyError("popitem(): the cache is empty")
            key = next(iter(self._items))
            value, _ = self._items[key]
            self._remove(key)
            return key, value

    def setdefault(self, key: K, default: V = None) -> V:  # type: ignore[assignment]
        """The value under `key`; where there is none, `default`, which is put there if it fits."""
        with self._lock:
            if key in self._items:
                return self[key]
            self[key] = default
            return default

    def clear(self) -> None:
        """Forget everything; that counts as no eviction."""
        with self._lock:
            self._items.clear()
            self._bytes_held = 0
            self._one_size = None

    def _size_of(self, value: V) -> int:
        with self._lock:
            size = self._sizeof(value) if self._one_size is None else self._one_size
            if size < 0:
                raise BadArgumentError(f"a size of {size} bytes was given for a value; it must be at least 0")
            if self._calculate_size_once:
                self._one_size = size
            return size

    def _fits_alone(self, size: int) -> bool:
        return self._always_allow_one_item or self._buffer_size_bytes is None or size <= self._buffer_size_bytes

    def _fits_beside(self, size: int) -> bool:
        if self._buffer_length is not None and len(self._items) >= self._buffer_length:
            return False
        return self._buffer_size_bytes is None or self._bytes_held + size <= self._buffer_size_bytes

    def _evict_one(self) -> None:
        self._evictions += 1
        self._remove(next(iter(self._items)))

    def _remove(self, key: K) -> bool:
        item = self._items.pop(key, None)
        if item is None:
            return False
        self._bytes_held -= item[1]
        return True

    def __reduce__(self) -> tuple[Any, ...]:
        """Neither copied nor pickled: its items belong to one account."""
        raise BadTypeError("a CacheDict cannot be copied or pickled; make a new one, and update it from this one")
