"""Previews: which frame to show while the one that is wanted is on its way; pure functions of what is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from framecache.decode.plan import Position, plan
from framecache.index.frame_index import FrameIndex

# How far from the wanted frame one at hand is still looked for; looking at them all takes about 0.3 ms.
MOST_FRAMES_AWAY = 60
# With a decoder so close behind the wanted frame, a preview would not be seen.
CLOSE_BEHIND_FRAMES = 4
# Decoding a keyframe takes as long as some 6 more frames do (17 ms against 49 ms for the 16th after it, at 720p): so many
# frames must be on the way before it is worth it, and so many before it is worth a seek beside the way.
LEAST_FRAMES_TO_GO = 16
LEAST_FRAMES_TO_GO_BESIDE = 48


@dataclass(frozen=True, slots=True)
class Preview:
    """A frame to show first.

    Attributes:
        place: Which frame.
        is_at_hand: Whether the cache holds it, so that nothing is to be decoded for it.
    """

    place: int
    is_at_hand: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """What an engine knows of the way to a video's frames.

    Attributes:
        positions: Where the video's decoders stand.
        bad_rows: Keyframes that proved to be none.
        has_room: Whether another decoder may be opened without closing one.
        threshold_frames: Targets up to this far ahead of a decoder are decoded forward to.
    """

    positions: Sequence[Position]
    bad_rows: frozenset[int]
    has_room: bool
    threshold_frames: int


def choose_preview(index: FrameIndex, place: int, is_at_hand: Callable[[int], bool], standing: Standing) -> Preview | None:
    """What to show before the frame at `place`, which is not at hand; None where that is not worth it.

    The nearest frame at hand; where none is near, the nearest keyframe: the one where decoding begins anyway, which
    is then no detour, or the next one, where it is nearer and the way to `place` is long.
    """
    if place in index.undecodable:
        return None
    way = plan(index, place, standing.positions, standing.threshold_frames, standing.bad_rows)
    first = index.first_place_from(way.start_row)
    came = -1 if way.decoder is None else max(standing.positions[way.decoder].last_place, first - 1)
    goes_on = way.decoder is not None
    n_to_go = place - came if goes_on else place - first + 1
    if goes_on and n_to_go <= CLOSE_BEHIND_FRAMES:
        return None
    near = nearest_at_hand(place, len(index), is_at_hand)
    if near is not None:
        return Preview(near, True)
    if n_to_go < LEAST_FRAMES_TO_GO:
        return None
    after = index.gop_range(place)[1]
    is_nearer = after - place < n_to_go >= LEAST_FRAMES_TO_GO_BESIDE
    # Where a decoder goes on from where it stands, none may lose its place for a preview.
    may_go_beside = is_nearer and (standing.has_room or not goes_on)
    candidates = {came: False} if goes_on else {first: True}
    candidates[after] = may_go_beside
    seen = [
        Preview(candidate, is_there)
        for candidate, may_decode in candidates.items()
        if 0 <= candidate < len(index) and ((is_there := is_at_hand(candidate)) or may_decode)
    ]
    return min(seen, key=lambda preview: abs(preview.place - place), default=None)


def nearest_at_hand(
    place: int, count: int, is_at_hand: Callable[[int], bool], most_frames_away: int = MOST_FRAMES_AWAY
) -> int | None:
    """The nearest other place of `count` that is at hand, of two equally near the earlier; None if none is so near."""
    for distance in range(1, most_frames_away + 1):
        for other in (place - distance, place + distance):
            if 0 <= other < count and is_at_hand(other):
                return other
    return None


def is_on_the_way(index: FrameIndex, place: int, further: int) -> bool:
    """Whether a decoder that goes to `further` passes `place` in any case: ahead, with no start between."""
    return place <= further and index.start_row(place) == index.start_row(further)
