"""TableAhead: reading a large sample table while FFmpeg opens the same file, which takes as long again."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from framecache.index.boxes import MalformedError, RandomAccessBytes, top_level
from framecache.index.table import Movie, Track

# A movie box of some 20,000 samples: reading less takes no longer than starting a thread.
LARGE_MOVIE_BYTES = 1 << 18
# The movie box is among the first few, or the one after the media.
MOST_BOXES = 16


class TableAhead:
    """A thread that reads the sample table of one video track. For one thread, which closes it.

    What it finds is only ever a guess: whoever asks says which track it must be, and checks it against what FFmpeg
    found. Errors are left for whoever then reads the table anew.
    """

    def __init__(self, open_bytes: Callable[[], AbstractContextManager[RandomAccessBytes]], number: int) -> None:
        self._open_bytes = open_bytes
        self._number = number
        self._found: tuple[int, Track] | None = None
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._read, name="framecache-table", daemon=True)

    def start(self) -> None:
        """Begin to read; without a thread to be had, nothing is found."""
        with contextlib.suppress(RuntimeError):
            self._thread.start()

    def track(self, track_id: int) -> Track | None:
        """The track that was read, once it is, if it has that id."""
        self._join()
        return self._found[1] if self._found is not None and self._found[0] == track_id else None

    def close(self) -> None:
        """Read no further, and wait for the thread."""
        self._is_over.set()
        self._join()

    def _join(self) -> None:
        if self._thread.ident is not None:
            self._thread.join()

    def _read(self) -> None:
        # Whatever it is: who opens the video reads the table again then, and tells it.
        with contextlib.suppress(Exception), self._open_bytes() as file:
            movie = Movie.read(file)
            ids = movie.video_track_ids() if movie else []
            if movie is None or self._number >= len(ids):
                return
            track = movie.track(file, ids[self._number], self._is_over.is_set)
            if track is not None:
                self._found = ids[self._number], track


@contextlib.contextmanager
def reading_ahead(
    open_bytes: Callable[[], AbstractContextManager[RandomAccessBytes]], number: int
) -> Iterator[TableAhead | None]:
    """Read the table of the `number`-th video track for as long as the block runs; None where there is no large one."""
    with open_bytes() as file:
        is_large = _movie_bytes(file) >= LARGE_MOVIE_BYTES
    if not is_large:
        yield None
        return
    ahead = TableAhead(open_bytes, number)
    ahead.start()
    try:
        yield ahead
    finally:
        ahead.close()


def _movie_bytes(file: RandomAccessBytes) -> int:
    """How large the movie box is; 0 where there is none, or the file is no MP4 or MOV."""
    with contextlib.suppress(MalformedError):
        for place, (kind, _, size) in enumerate(top_level(file)):
            if kind == b"moov":
                return size
            if place == MOST_BOXES or (place == 0 and kind != b"ftyp"):
                break
    return 0
