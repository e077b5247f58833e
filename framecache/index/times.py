"""Putting timestamps in order, where a stream's own are missing, doubled, unordered or wrap."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from framecache.index.frame_index import TimesAre
from framecache.index.rows import NO_PTS, Bools, Ints

# A step back by more than this many frames is a clock that starts anew, not frames out of order.
RESTART_FRAMES = 17


class Times(NamedTuple):
    """Strictly ascending timestamps, which of them are the stream's own, and what was done."""

    pts: Ints
    own: Bools
    are: TimesAre


def settle(stored: Ints, step: int) -> Times:
    """Timestamps for frames in the order in which a decoder hands them out.

    Stored ones that are known and ascend are kept. Else, frames are shown in the order of decoding: known
    timestamps are sorted into it (some demuxers make them up in file order), a clock that starts anew is
    moved to go on from where it was, missing ones are spread between their neighbours, and doubled
    ones moved a tick on.

    Args:
        stored: `(n,) int64` ticks, NO_PTS where unknown.
        step: The usual ticks between two frames, at least 1.
    """
    known = stored != NO_PTS
    if known.all() and (np.diff(stored) > 0).all():
        return Times(stored.copy(), np.ones(len(stored), bool), "stored")
    if not known.any():
        return Times(np.arange(len(stored), dtype=np.int64) * step, np.zeros(len(stored), bool), "synthesised")
    places = np.flatnonzero(known)
    values = _without_restarts(stored[places], step)
    pts = _fill(places, values, len(stored), step)
    pts = _push_apart(pts)
    return Times(pts, pts == stored, "ordered" if known.all() else "synthesised")


def _without_restarts(values: Ints, step: int) -> Ints:
    """The values with each restarted clock moved on, and sorted between restarts."""
    restarts = np.flatnonzero(np.diff(values) < -RESTART_FRAMES * step) + 1
    pieces: list[Ints] = []
    for piece in np.split(values, restarts):
        piece = np.sort(piece)
        if pieces:
            piece = piece - piece[0] + pieces[-1][-1] + step
        pieces.append(piece)
    return np.concatenate(pieces)


def _fill(places: Ints, values: Ints, count: int, step: int) -> Ints:
    """A value for every place: known ones as they are, others between them or a step on."""
    everywhere = np.arange(count)
    filled = np.rint(np.interp(everywhere, places, values)).astype(np.int64)
    filled[places] = values
    before, after = everywhere < places[0], everywhere > places[-1]
    filled[before] = values[0] - (places[0] - everywhere[before]) * step
    filled[after] = values[-1] + (everywhere[after] - places[-1]) * step
    return filled


def _push_apart(pts: Ints) -> Ints:
    """Each value at least one tick after the one before it."""
    ramp = np.arange(len(pts), dtype=np.int64)
    return np.maximum.accumulate(pts - ramp) + ramp
