"""Views: a client's own way of going through a video, so that what it wants next is guessed from its requests alone."""

from __future__ import annotations

import threading
from collections import OrderedDict

from framecache.decode.convert import Transform
from framecache.pictures import Pictures
from framecache.reader import VideoReader

MOST_VIEWS = 512


class Views:
    """What each client looks at. Threads may share it.

    Args:
        most_views: The most that are remembered; the least recently used goes first.
    """

    def __init__(self, most_views: int = MOST_VIEWS) -> None:
        self._most_views = most_views
        self._views: OrderedDict[tuple[int, str], tuple[VideoReader, Pictures]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, reader: VideoReader, client: str | None) -> Pictures:
        """How a client sees a video; those that give no name see it together, and nothing is fetched ahead for them."""
        key = (id(reader), client or "")
        with self._lock:
            found = self._views.get(key)
            if found is None or found[0] is not reader:
                found = self._views[key] = reader, reader._look(Transform(), use_cache=True, prefetch=client is not None)
            self._views.move_to_end(key)
            while len(self._views) > self._most_views:
                self._views.popitem(last=False)
        return found[1]

    def forget(self, reader: VideoReader) -> None:
        """Nobody looks at a video any more, which is closed."""
        with self._lock:
            for key in [key for key, (one, _) in self._views.items() if one is reader]:
                del self._views[key]
