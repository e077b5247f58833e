"""Deciding how to reach a frame: a pure function of the index, the decoders' positions and the target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from framecache.index.frame_index import FrameIndex

EARLIER_STARTS = 2
# What a seek takes, in packets that could be decoded instead: threads and reordering begin anew.
SEEK_COST_PACKETS = 8


@dataclass(frozen=True, slots=True)
class Position:
    """Where a decoder stands.

    Attributes:
        start_row: The row it began decoding at.
        next_row: The row it will read next.
        last_place: The last place whose frame came out of it; -1 for none so far.
    """

    start_row: int
    next_row: int
    last_place: int


@dataclass(frozen=True, slots=True)
class Plan:
    """How to reach a target.

    Attributes:
        kind: "continue" with a decoder whose next frame it is, "scan" forward with one that is behind it,
            or "seek" to `start_row` and decode from there.
        decoder: For "continue" and "scan", which of the positions; None for "seek".
        start_row: The row at which decoding began, or is to begin.
    """

    kind: Literal["continue", "scan", "seek"]
    decoder: int | None
    start_row: int


def plan(
    index: FrameIndex,
    place: int,
    positions: Sequence[Position],
    threshold_frames: int,
    bad_rows: frozenset[int] = frozenset(),
    spare_frames: int | None = None,
) -> Plan:
    """The shortest allowed way to the frame at `place`.

    A decoder that is behind the target goes on if the target is at most `threshold_frames` ahead of the
    last frame it gave, or if no start lies between, so that going on is always shorter than a seek. Of
    several such decoders the nearest is taken. Else a decoder seeks.

    Where it is known that only `spare_frames` before the target are wanted too, a decoder within the threshold seeks
    all the same if that saves more packets than a seek costs.
    """
    start_row = index.start_row(place, bad_rows)
    best: tuple[int, int] | None = None
    for number, position in enumerate(positions):
        if not can_reach(index, place, position):
            continue
        last = position.last_place if position.last_place >= 0 else index.first_place_from(position.start_row) - 1
        ahead = place - last
        if ahead > threshold_frames and start_row > position.next_row:
            continue
        leaves_out_none = spare_frames is not None and index.first_place_from(start_row) <= place - spare_frames
        if leaves_out_none and start_row - position.next_row > SEEK_COST_PACKETS:
            continue
        if best is None or ahead < best[0]:
            best = (ahead, number)
    if best is None:
        return Plan("seek", None, start_row)
    ahead, number = best
    return Plan("continue" if ahead == 1 else "scan", number, positions[number].start_row)


def is_left_by_a_seek(index: FrameIndex, place: int, next_place: int) -> bool:
    """Whether the way from one place to the next, with none between wanted, is a seek."""
    if next_place <= place:
        return True
    return index.start_row(next_place) - int(index.rows[place]) > SEEK_COST_PACKETS


def can_reach(index: FrameIndex, place: int, position: Position) -> bool:
    """Whether a decoder that only goes forward will still give the frame at `place`, and the right one."""
    return place > position.last_place and index.is_reached_from(place, position.start_row)


def starts_to_try(index: FrameIndex, place: int, goes_on: bool, bad_rows: frozenset[int] = frozenset()) -> Iterator[int | None]:
    """Where to decode from to reach a place, each to be tried when the one before did not give its frame.

    Where `goes_on`, first None: from where the decoder stands. Then the place's own start, the one before, the one
    before that, and last row 0, the linear decode. None at all for a place known to be undecodable.
    """
    if place in index.undecodable:
        return
    if goes_on:
        yield None
    start, tried = index.start_row(place, bad_rows), set()
    for _ in range(1 + EARLIER_STARTS):
        if start not in tried:
            tried.add(start)
            yield start
        start = index.start_before(start)
        while start in bad_rows:
            start = index.start_before(start)
    if 0 not in tried:
        yield 0
