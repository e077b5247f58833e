"""Shelf: the frames that an engine keeps, and the memory that they are in."""

from __future__ import annotations

from collections.abc import Sequence

import av

from framecache.cache import CacheDict
from framecache.copies import Copier
from framecache.video import CacheKey, CacheValue, Video, held_value_bytes


class Shelf(CacheDict[CacheKey, CacheValue]):
    """An engine's cache, of all its videos. Threads may share it.

    Args:
        budget_bytes: The most bytes that its frames hold.
    """

    def __init__(self, budget_bytes: int) -> None:
        super().__init__(buffer_size_bytes=budget_bytes, sizeof=held_value_bytes)
        self._copier = Copier(budget_bytes)

    def copy(self, frame: av.VideoFrame) -> av.VideoFrame:
        """The frame in memory that is not its decoder's, for keeping."""
        return self._copier.copy(frame)

    def first(self, keys: Sequence[CacheKey]) -> CacheValue | None:
        """What is kept under the first of the keys that there is anything under."""
        for key in keys:
            if key in self:
                return self[key]
        return None

    def places(self, video: Video) -> list[int]:
        """The places of a video of which anything is kept, in order."""
        length = len(video.key)
        kept = (key[length] for key in self if key[:length] == video.key)
        return sorted({place for place in kept if isinstance(place, int)})

    def forget(self, video: Video) -> None:
        """Drop all that is kept of a video."""
        for key in self:
            if key[: len(video.key)] == video.key:
                self.pop(key, None)

    def close(self) -> None:
        """Drop everything, and give its memory back."""
        self.clear()
        self._copier.close()
