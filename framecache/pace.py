"""Pace: what the last requests say of the next ones."""

from __future__ import annotations

import math
from dataclasses import dataclass

from framecache.decode.plan import is_left_by_a_seek
from framecache.index.frame_index import FrameIndex

# A place so little before the one that was asked for last is a step back, and no jump.
STEP_BACK_FRAMES = 64
# So many frames before a place that was jumped to are kept, for a step or two back from there.
NEIGHBOUR_FRAMES = 12


@dataclass(frozen=True, slots=True)
class Around:
    """Which frames around one that is asked for are worth having too.

    Attributes:
        before: How many of those before it; all the others may be passed over.
        is_single: Whether none of those after it is likely to be wanted next.
        is_speculative: Whether nobody asked for it yet.
    """

    before: int = 0
    is_single: bool = False
    is_speculative: bool = False


@dataclass(frozen=True, slots=True)
class Motion:
    """Where the last requests are going.

    Attributes:
        direction: 1 forward, -1 backward, 0 after a jump or a standstill.
        frames_per_second: How fast.
    """

    direction: int = 0
    frames_per_second: float = 0.0


class Pace:
    """The last requests of one reader. Threads may share it: a guess is spoilt at worst."""

    def __init__(self) -> None:
        # The place that was asked for last, the step there, and the step before that.
        self._last: tuple[int, int, int] = (0, 0, 0)
        # When that was, and how long after the one before.
        self._times: tuple[float, float] = (-math.inf, math.inf)

    def note(self, place: int, now_seconds: float) -> None:
        """A place was asked for, at a time of any clock that only goes forward."""
        asked, step, _ = self._last
        self._last = (place, place - asked, step)
        self._times = (now_seconds, now_seconds - self._times[0])

    def motion(self, threshold_frames: int) -> Motion:
        """Where the requests are going, as the last two steps tell."""
        _, step, step_before = self._last
        if not 0 < abs(step) <= max(threshold_frames, STEP_BACK_FRAMES):
            return Motion()
        # To and fro, the longer way tells: of 7, -5, 7, -5 forward.
        is_near = abs(step_before) <= max(threshold_frames, STEP_BACK_FRAMES)
        way = step + step_before if is_near and step * step_before < 0 else step
        return Motion((way > 0) - (way < 0), abs(step) / max(self._times[1], 1e-3))

    def around(self, index: FrameIndex, *, is_kept: bool, threshold_frames: int) -> Around:
        """What is worth having around the place that was noted last, where frames are kept for later, or not."""
        place, step, step_before = self._last
        has_stride = step == step_before > 1
        if not is_kept:
            jumps = [not 0 <= one <= threshold_frames for one in (step, step_before)]
            return Around(0, is_single=all(jumps) or (has_stride and is_next_elsewhere(index, place, place + step)))
        if -STEP_BACK_FRAMES <= step <= 0:
            # Who steps back is going to want all that lies before.
            return Around(place)
        if has_stride:
            return Around(0, is_next_elsewhere(index, place, place + step))
        return Around(NEIGHBOUR_FRAMES)


def around_in_list(index: FrameIndex, place: int, next_place: int | None) -> Around:
    """What is worth having around a place of an ascending list, of which the next place is known."""
    return Around(0, is_next_elsewhere(index, place, next_place))


def around_in_steps(index: FrameIndex, place: int, step: int) -> Around | None:
    """What is worth having around a place that is come to step by step; None where the requests before tell it.

    Forward nobody wants the frames that are stepped over; backward all before it, and the decoder goes no further.
    """
    if step == 1:
        return None
    return Around(place, is_single=True) if step < 0 else around_in_list(index, place, place + step)


def is_next_elsewhere(index: FrameIndex, place: int, next_place: int | None) -> bool:
    """Whether the decoder that gave `place` is not the way to the place that is wanted next, if one is known."""
    return next_place is not None and next_place < len(index) and is_left_by_a_seek(index, place, next_place)
