"""Timeline: when each frame is shown, and which are at hand, told in few bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from framecache.index.frame_index import FrameIndex
from framecache.index.rows import Ints


def timeline(index: FrameIndex, *, is_whole: bool, cached: Sequence[int]) -> dict[str, Any]:
    """What a page needs to place frames in time.

    Times are run lengths of the gaps between timestamps: frame i's is `first_pts` plus the first i gaps.
    """
    base = index.time_base
    return {
        "n_frames": len(index),
        "is_whole": is_whole,
        "time_base": f"{base.numerator}/{base.denominator}",
        "first_pts": int(index.pts[0]) if len(index) else 0,
        "pts_gaps": run_lengths(np.diff(index.pts)),
        "last_duration": int(index.durations[-1]) if len(index) else 0,
        "keyframes": index.keyframes.tolist(),
        "cached": ranges(cached),
    }


def run_lengths(values: Ints) -> list[list[int]]:
    """Runs of equal values, as [value, how often]."""
    if not len(values):
        return []
    starts = np.concatenate([[0], np.flatnonzero(np.diff(values)) + 1])
    lengths = np.diff(np.append(starts, len(values)))
    return np.column_stack([values[starts], lengths]).tolist()  # type: ignore[no-any-return]


def ranges(places: Sequence[int]) -> list[list[int]]:
    """Ascending places as half-open ranges."""
    if not len(places):
        return []
    column = np.asarray(places, np.int64)
    breaks = np.flatnonzero(np.diff(column) != 1) + 1
    firsts = column[np.concatenate([[0], breaks])]
    lasts = column[np.append(breaks, len(column)) - 1] + 1
    return np.column_stack([firsts, lasts]).tolist()  # type: ignore[no-any-return]
