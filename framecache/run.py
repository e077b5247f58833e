"""Run: a decoder under way to a frame, with those who wait for frames on its way; changed under the engine's lock only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import av

from framecache.decode.decoder import Decoder
from framecache.decode.plan import Position
from framecache.video import Video


def never() -> bool:
    """For requests that nobody calls off."""
    return False


@dataclass(eq=False, slots=True)
class Want:
    """Somebody waiting for a frame of a run that another thread leads.

    Attributes:
        place: The frame that is waited for.
        frame: The frame, once it came.
        run: The run to lead on oneself, once its leader was done before the frame came.
        is_dropped: Whether the run ended without a way to the frame, so that all is to be seen anew.
    """

    place: int
    frame: av.VideoFrame | None = None
    run: Run | None = None
    is_dropped: bool = False


@dataclass(eq=False, slots=True)
class Run:
    """A decoder under way, led by one thread, joined by others.

    Attributes:
        video: Whose frames it decodes.
        decoder: The decoder; None until the leader has opened it.
        position: Where it stood when last looked at, for those who plan.
        wants: Who waits for a frame on its way.
        outworn: Another video's decoder that made way for this run, for the leader to close.
    """

    video: Video
    decoder: Decoder | None
    position: Position
    wants: list[Want] = field(default_factory=list)
    outworn: Decoder | None = None


class Follower(Protocol):
    """Somebody who decodes in the background, as long as the engine is open."""

    def stop(self) -> None: ...
    def join(self) -> None: ...
    def takes_over(self, close: Callable[[], None]) -> bool: ...
