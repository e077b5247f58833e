"""Made-up streams as values: packets in file order, with keyframes, leading frames and reordering."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from framecache.index.frame_index import FrameIndex, flagged_starts, from_rows
from framecache.index.rows import PacketRows

TIME_BASE = Fraction(1, 1000)


def rows_of(pts: list[int], keys: set[int], discard: set[int] = frozenset()) -> PacketRows:
    """Packets with these timestamps in file order; `keys` and `discard` are rows."""
    return PacketRows.from_tuples(
        [(p, row, 100 + row % 7, 1000 * row, 1, row in keys, row in discard, 0, 0) for row, p in enumerate(pts)]
    )


def index_of(pts: list[int], keys: set[int], discard: set[int] = frozenset()) -> FrameIndex:
    rows = rows_of(pts, keys, discard)
    return from_rows(rows, TIME_BASE, "scan", flagged_starts(rows))


@st.composite
def indices(draw: st.DrawFn, max_gops: int = 5, max_gop: int = 9) -> FrameIndex:
    """Streams of closed and open GOPs with B-frames, at a variable rate."""
    pts: list[int] = []
    keys: set[int] = set()
    shown = draw(st.integers(-50, 50))
    for number in range(draw(st.integers(1, max_gops))):
        length = draw(st.integers(1, max_gop))
        times = [shown := shown + draw(st.integers(1, 40)) for _ in range(length)]
        leading = draw(st.integers(0, min(2, length - 1))) if number else 0
        keys.add(len(pts))
        rest = times[:leading] + draw(st.permutations(times[leading + 1 :]))
        pts += [times[leading], *rest]
    return index_of(pts, keys)


def linear_order(index: FrameIndex) -> np.ndarray:
    """The rows in the order in which their frames are shown."""
    return np.argsort(index.packets.pts, kind="stable")
