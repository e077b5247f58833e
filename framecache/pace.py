"""Pace: what the last requests say of the next ones."""

from __future__ import annotations

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
    """

    before: int = 0
    is_single: bool = False


class Pace:
    """The last requests of one reader. Threads may share it: a guess is spoilt at worst."""

    def __init__(self) -> None:
        # The place that was asked for last, the step there, and the step before that.
        self._last: tuple[int, int, int] = (0, 0, 0)

    def note(self, place: int) -> None:
        """A place was asked for."""
        asked, step, _ = self._last
        self._last = (place, place - asked, step)

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


def is_next_elsewhere(index: FrameIndex, place: int, next_place: int | None) -> bool:
    """Whether the decoder that gave `place` is not the way to the place that is wanted next, if one is known."""
    return next_place is not None and next_place < len(index) and is_left_by_a_seek(index, place, next_place)
