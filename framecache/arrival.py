"""Arrival: what came of a wanted position; and an errand for one, with those who wait for it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any

from framecache.frame import Image, VideoFrameInfo


@dataclass(frozen=True, eq=False, slots=True)
class Arrival:
    """What came of a position that was wanted: its frame, a preview of it, or the reason why there is none.

    Attributes:
        index: The 0-based frame index that was wanted.
        frame: The frame; None where there is an error. A preview's frame is another one than was wanted, and says so:
            `frame.frame_ix`, `frame.pts` and its times are those of the picture.
        error: Why there is no frame: DecodeError, VideoChangedError, ClosedError and their like; else None.
        is_hit: Whether the cache held the frame (of a preview: the preview's) when its turn came.
        seconds_taken: Seconds from then until it was here.
        is_preview: Whether this is only to be shown until the frame that was wanted follows.
    """

    index: int
    frame: VideoFrameInfo | None
    error: Exception | None
    is_hit: bool
    seconds_taken: float
    is_preview: bool = False

    def get(self) -> VideoFrameInfo:
        """The frame, of a preview the preview's; raises the error where there is one."""
        if self.frame is None:
            assert self.error is not None, "an arrival has a frame or an error"
            raise self.error
        return self.frame

    def another(self, copied: Callable[[Image], Image]) -> Arrival:
        """The same for one more receiver, with an image of its own."""
        if self.frame is None:
            return self
        try:
            return replace(self, frame=replace(self.frame, image=copied(self.frame.image)))
        except MemoryError as error:
            return replace(self, frame=None, error=error)


@dataclass(eq=False, slots=True)
class Waiter:
    """Somebody who waits for the frame of one errand.

    Attributes:
        future: Is settled once: with the frame, or (`takes_arrivals`) with the whole arrival.
        takes_arrivals: Which of both.
        on_preview: Is called with a preview, if one comes; None for those who want none.
    """

    future: Future[Any]
    takes_arrivals: bool = False
    on_preview: Callable[[Arrival], None] | None = None

    def arrive(self, arrival: Arrival) -> None:
        """Settle with the exact frame, or its error."""
        if not self.future.set_running_or_notify_cancel():
            return
        if self.takes_arrivals or arrival.frame is None:
            self._settle(arrival, None if self.takes_arrivals else arrival.error)
        else:
            self._settle(arrival.frame, None)

    def fail(self, error: Exception) -> None:
        """Settle with the reason why nothing will come."""
        if self.future.set_running_or_notify_cancel():
            self._settle(None, error)

    def _settle(self, result: Any, error: Exception | None) -> None:
        if error is not None:
            self.future.set_exception(error)
        else:
            self.future.set_result(result)


@dataclass(eq=False, slots=True)
class Errand:
    """One position on its way; changed under the lock of who runs it.

    Attributes:
        index: Which frame.
        is_sought: Whether it is for `take` and the callback.
        waiters: Who else waits for it.
        is_given_up: Whether it will not arrive: if it is wanted again, it must be begun anew.
        overtaken_by: The position for which it was given up, if it was for one.
    """

    index: int
    is_sought: bool = False
    waiters: list[Waiter] = field(default_factory=list)
    is_given_up: bool = False
    overtaken_by: int | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether anybody waits for it still."""
        return self.is_sought or bool(self.waiters)

    @property
    def wants_preview(self) -> bool:
        """Whether anybody who waits has a use for a preview."""
        return self.is_sought or any(waiter.on_preview is not None for waiter in self.waiters)
