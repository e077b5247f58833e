"""Scrubber: the newest wanted position wins, and nobody waits for it."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from framecache.arguments import as_seconds
from framecache.errors import BadArgumentError, BadTypeError, CancelledError, ClosedError
from framecache.frame import VideoFrameInfo
from framecache.index.frame_index import FrameIndex
from framecache.reader import VideoReader

DEFAULT_PATIENCE_SECONDS = 1.0


@dataclass(frozen=True, eq=False, slots=True)
class Arrival:
    """What came of a position that was wanted: its frame, or the reason why there is none.

    Attributes:
        index: The 0-based frame index that was wanted.
        frame: The frame; None where there is an error.
        error: Why there is no frame: DecodeError, VideoChangedError, ClosedError and their like; else None.
        is_hit: Whether the cache held the frame when its turn came.
        seconds_taken: Seconds from then until it was here.
    """

    index: int
    frame: VideoFrameInfo | None
    error: Exception | None
    is_hit: bool
    seconds_taken: float

    def get(self) -> VideoFrameInfo:
        """The frame; raises the error where there is one."""
        if self.frame is None:
            assert self.error is not None, "an arrival has a frame or an error"
            raise self.error
        return self.frame


@dataclass(slots=True)
class _Errand:
    """One position on its way; `is_overtaken` once it has been given up, for it must be begun anew if wanted again."""

    index: int
    is_overtaken: bool = False


class Scrubber:
    """Fetches the newest wanted frame in the background, so that whoever asks, such as a window, never waits.

    ```python
    with VideoReader("video.mp4") as reader, Scrubber(reader) as scrubber:
        scrubber.seek(1500)
        ...
        arrival = scrubber.take()  # at once: the newest that came, or None
    ```

    A newer position overtakes an older one: work on the older one stops between two packets, and what it decoded
    stays in the cache. It is let finish where the newer one lies further along the same way, and where nothing came
    for `patience_seconds` though positions kept being overtaken: so whoever drags on and on still sees pictures.
    The last position that was wanted always arrives. Any thread may call; one background thread does the work.

    Args:
        reader: The reader that frames are had from; it stays open when the scrubber is closed.
        patience_seconds: How long nothing may arrive because of overtaking; at least 0.

    Raises:
        BadArgumentError: `patience_seconds` is negative.
        BadTypeError: An argument is of the wrong type.
    """

    def __init__(self, reader: VideoReader, *, patience_seconds: float = DEFAULT_PATIENCE_SECONDS) -> None:
        if not isinstance(reader, VideoReader):
            raise BadTypeError(f"reader is a {type(reader).__name__}; it must be a VideoReader")
        self._reader = reader
        self._patience_seconds = as_seconds("patience_seconds", patience_seconds)
        if self._patience_seconds < 0:
            raise BadArgumentError(f"patience_seconds is {patience_seconds!r}; it must be at least 0")
        self._changed = threading.Condition(threading.Lock())
        self._is_closed = False
        self._wanted: _Errand | None = None
        self._under_way: _Errand | None = None
        self._arrived: Arrival | None = None
        # When the first position was overtaken since something arrived.
        self._starving_since: float | None = None
        # A daemon: an interpreter that ends does not wait for a scrubber that nobody closed.
        self._thread = threading.Thread(target=self._work, name="framecache-scrubber", daemon=True)
        self._thread.start()

    def seek(self, index: int) -> int:
        """Want the frame at `index`, instead of what was wanted before; at once. The index it will arrive under.

        As in `request_frame`, an index past an end is clamped, and a negative one counts from the end.

        Raises:
            FrameIndexError: The video has no frames.
            BadTypeError: `index` is no whole number.
            ClosedError: The scrubber or its reader was closed.
        """
        place = self._reader.frame_index_to_nearest_frame(index)
        with self._changed:
            if self._is_closed:
                raise ClosedError("the scrubber was closed")
            ahead = self._under_way
            is_coming = ahead is not None and ahead.index == place and not ahead.is_overtaken
            self._wanted = None if is_coming else _Errand(place)
            self._changed.notify_all()
        return place

    def take(self, timeout_seconds: float = 0.0) -> Arrival | None:
        """The newest arrival that was not taken yet, waiting for one up to `timeout_seconds`; None if there is none."""
        timeout_seconds = as_seconds("timeout_seconds", timeout_seconds)
        with self._changed:
            self._changed.wait_for(lambda: self._arrived is not None or self._is_closed, max(timeout_seconds, 0.0))
            arrival, self._arrived = self._arrived, None
            return arrival

    @property
    def is_idle(self) -> bool:
        """Whether all that was wanted has arrived (and may still have to be taken)."""
        with self._changed:
            return self._wanted is None and self._under_way is None

    def close(self) -> None:
        """Stop, and end the thread; what had not arrived never will. Twice does no harm."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def __enter__(self) -> Scrubber:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # The background thread

    def _work(self) -> None:
        while (errand := self._next()) is not None:
            arrival = self._run(errand)
            with self._changed:
                self._under_way = None
                if arrival is not None:
                    self._arrived, self._starving_since = arrival, None
                elif self._starving_since is None:
                    self._starving_since = time.monotonic()
                self._changed.notify_all()

    def _next(self) -> _Errand | None:
        """The newest wanted, once there is one; None once all is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._wanted is not None or self._is_closed)
            if self._is_closed:
                return None
            self._under_way, self._wanted = self._wanted, None
            return self._under_way

    def _run(self, errand: _Errand) -> Arrival | None:
        """What comes of it; None if it was overtaken."""
        reader, index, began = self._reader, errand.index, time.perf_counter()
        is_hit = reader._pictures.is_at_hand(index)
        frame: VideoFrameInfo | None = None
        error: Exception | None = None
        try:
            frame = reader._frame(index, lambda: self._is_overtaken(errand))
        except CancelledError:
            return None
        except Exception as raised:  # whatever it is, it is for whoever takes the arrival, and ends no thread
            error = raised
        return Arrival(index, frame, error, is_hit, time.perf_counter() - began)

    def _is_overtaken(self, errand: _Errand) -> bool:
        """What the engine asks between packets: whether the frame is not to be waited for any more."""
        # Nothing of the engine is used under the scrubber's lock, for the engine asks this under its own.
        with self._changed:
            if self._is_closed:
                return True
            wanted, starving_since = self._wanted, self._starving_since
        if wanted is None or not self._may_overtake(errand.index, wanted.index, starving_since):
            return False
        with self._changed:
            # In the meantime it may have become the newest again.
            errand.is_overtaken = self._wanted is wanted
            return errand.is_overtaken

    def _may_overtake(self, index: int, wanted_index: int, starving_since: float | None) -> bool:
        if self._reader._pictures.is_at_hand(wanted_index):
            return True
        is_starved = starving_since is not None and time.monotonic() - starving_since >= self._patience_seconds
        return not is_starved and not is_on_the_way(self._reader.index, index, wanted_index)


def is_on_the_way(index: FrameIndex, place: int, further: int) -> bool:
    """Whether a decoder that goes to `further` passes `place` in any case: ahead, with no start between."""
    return place <= further and index.start_row(place) == index.start_row(further)
