"""Awaited: the frames that are being asked for now, so that one decode of a group of pictures serves all who wait for it."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator

from framecache.reader import VideoReader
from framecache.video import CacheKey


class Awaited:
    """Which frames are asked for now, whether or not a thread is at them. Threads may share it."""

    def __init__(self) -> None:
        self._places: dict[CacheKey, Counter[int]] = {}
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def awaiting(self, reader: VideoReader, place: int) -> Iterator[None]:
        """A frame is waited for as long as the block runs."""
        key = reader._video.key
        with self._lock:
            self._places.setdefault(key, Counter())[place] += 1
        try:
            yield
        finally:
            with self._lock:
                places = self._places[key]
                places[place] -= 1
                if not places[place]:
                    del places[place]
                if not places:
                    del self._places[key]

    def before(self, reader: VideoReader, place: int) -> int:
        """How many frames before a place are worth keeping on the way to it: down to the first of its group that is awaited."""
        index = reader._video.index
        start = index.first_place_from(index.start_row(place))
        with self._lock:
            return place - min((one for one in self._places.get(reader._video.key, ()) if start <= one < place), default=place)
