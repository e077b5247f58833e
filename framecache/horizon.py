"""Horizon: how far a reader sees: the frames that are known by now, and waiting for those that are not yet."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from framecache.engine import Engine
from framecache.index.frame_index import FrameIndex
from framecache.intervals import Stretch
from framecache.pictures import Life
from framecache.video import Video


@dataclass(frozen=True, eq=False, slots=True)
class Known:
    """What is known of a video's frames at one moment.

    Attributes:
        index: The frames.
        fps: Their average rate.
        n_frames, duration_seconds: Of the whole video; None while its index grows.
    """

    index: FrameIndex
    fps: float
    n_frames: int | None
    duration_seconds: float | None


class Horizon:
    """What one reader knows of its frames. Threads may share it.

    All raise what ended the growth of an index that is not whole, and while they wait, ClosedError once the reader is closed.
    """

    def __init__(self, engine: Engine, video: Video, life: Life) -> None:
        self._engine = engine
        self._video = video
        self._life = life
        self._known: Known | None = None

    @property
    def is_whole(self) -> bool:
        """Whether all frames are known."""
        growth = self._video.growth
        return growth is None or growth.is_over

    @property
    def done(self) -> float:
        """How much of the work that finds all frames is done, 0.0 to 1.0."""
        growth = self._video.growth
        return 1.0 if growth is None else growth.done

    def now(self) -> Known:
        """What is known now."""
        growth = self._video.growth
        if growth is not None:
            growth.check()
        # In this order: once it is over, the index is the whole one.
        is_whole, index, known = self.is_whole, self._video.index, self._known
        if known is None or known.index is not index or (known.n_frames is not None) != is_whole:
            counted = (len(index), index.duration_seconds) if is_whole else (None, None)
            self._known = known = Known(index, index.average_rate, *counted)
        return known

    def whole(self) -> FrameIndex:
        """The whole index."""
        self.wait()
        return self._video.index

    def up_to(self, count: int | None) -> FrameIndex:
        """An index of at least `count` frames, or the whole one; None stands for all."""
        self.wait(None if count is None else lambda: len(self._video.index) >= count)
        return self._video.index

    def up_to_time(self, seconds: float) -> FrameIndex:
        """An index in which the frame nearest to `seconds`, and the one displayed then, are known; or the whole one."""
        self.wait(lambda: seconds <= self._video.index.timestamps[-1])
        return self._video.index

    def places(self, stretch: Stretch) -> range | Iterator[int]:
        """The places of a stretch; one without an end is gone along while the index grows."""
        if not stretch.has_open_end:
            self.wait(lambda: stretch.is_known(self._video.index))
            return stretch.places(self._video.index)
        self.wait(lambda: stretch.is_begun(self._video.index))
        if self.is_whole:
            return stretch.places(self._video.index)
        return self._go_along(stretch.places(self._video.index).start, stretch.step)

    def wait(self, is_enough: Callable[[], bool] | None = None, timeout_seconds: float | None = None) -> bool:
        """Wait until the index is whole, or enough of it is known; whether that came about in time."""
        growth = self._video.growth
        return growth is None or growth.wait(self._look, is_enough, timeout_seconds)

    def awaited(self, is_whole: bool) -> contextlib.AbstractContextManager[None]:
        """Somebody waits for the whole index, or for some of it, as long as the block runs, and looks by `wait` for 0.0 s."""
        growth = self._video.growth
        return contextlib.nullcontext() if growth is None else growth.awaited(is_whole)

    def _go_along(self, place: int, step: int) -> Iterator[int]:
        while place < len(self.up_to(place + 1)):
            yield place
            place += step

    def _look(self) -> None:
        self._life.check_open()
        self._engine.check_wanted(self._video)
