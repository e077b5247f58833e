"""Samples: a track's samples in file order, from the tables of a `stbl` box."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from framecache.index.boxes import Box, MalformedError
from framecache.index.rows import Bools, Ints, sums_before

MAX_SAMPLES = 50_000_000


@dataclass(frozen=True, eq=False, slots=True)
class Samples:
    """A track's samples in decoding order, times in ticks of the media, before any edit.

    Attributes:
        dts, cts: When each is decoded, and when it is shown.
        duration: Ticks up to the next one's dts.
        size, pos: Bytes, and byte position in the file.
        is_sync: Whether decoding may start there.
        order_delay: By how much FFmpeg sets every dts earlier, so that none is later than its cts.
    """

    dts: Ints
    cts: Ints
    duration: Ints
    size: Ints
    pos: Ints
    is_sync: Bools
    order_delay: int

    def __len__(self) -> int:
        return len(self.dts)

    @classmethod
    def from_table(cls, table: Box) -> Samples:
        """Read stts, ctts, stss, stsz, stsc and stco; MalformedError where they contradict one another."""
        size = _sizes(table)
        count = len(size)
        duration = _runs(table, b"stts", count, ">u4", default=0)
        dts = sums_before(duration)
        offset = _runs(table, b"ctts", count, ">i4", default=0)
        # mov_update_dts_shift in libavformat/mov.c: the most negative offset counts.
        delay = max(0, -int(offset.min())) if count else 0
        return cls(dts, dts + offset, duration, size, _positions(table, size), _sync(table, count), delay)


def _sizes(table: Box) -> Ints:
    box = table.child(b"stsz")
    if box is None:
        raise MalformedError("no sample sizes (or compact ones, which are rare)")
    one_size, count = box.unpack("II", 4)
    if count > MAX_SAMPLES:
        raise MalformedError(f"{count} samples")
    return np.full(count, one_size, np.int64) if one_size else box.table(12, count, ">u4")


def _runs(table: Box, kind: bytes, count: int, dtype: str, default: int) -> Ints:
    """A table of (how many, value) runs, spread to a value per sample."""
    box = table.child(kind)
    if box is None:
        return np.full(count, default, np.int64)
    lengths, values = box.column(0, 2, ">u4"), box.column(1, 2, dtype)
    if int(lengths.sum()) != count:
        raise MalformedError(f"{kind!r} is for another number of samples")
    # Streams with B-frames have a run for every sample.
    return values if len(values) == count and (lengths == 1).all() else np.repeat(values, lengths)


def _positions(table: Box, size: Ints) -> Ints:
    """Each sample's byte position: its chunk's, plus the sizes of the samples before it in the chunk."""
    small, large = table.child(b"stco"), table.child(b"co64")
    chunks = small.counted(1, ">u4")[:, 0] if small else large.counted(1, ">u8")[:, 0] if large else None
    box = table.child(b"stsc")
    if chunks is None or box is None:
        raise MalformedError("no chunk offsets")
    runs = box.counted(3, ">u4")
    if not len(size):
        return np.empty(0, np.int64)
    if not len(runs) or runs[0, 0] != 1 or (np.diff(runs[:, 0]) <= 0).any():
        raise MalformedError("chunks out of order")
    spans = np.diff(np.append(runs[:, 0], len(chunks) + 1))
    if (spans < 0).any():
        raise MalformedError("more runs of chunks than chunks")
    per_chunk = np.repeat(runs[:, 1], spans)
    if int(per_chunk.sum()) != len(size):
        raise MalformedError("chunks hold another number of samples")
    before = sums_before(size)
    filled = per_chunk > 0
    chunk_start = chunks[filled] - before[sums_before(per_chunk)[filled]]
    positions: Ints = np.repeat(chunk_start, per_chunk[filled])
    positions += before
    return positions


def _sync(table: Box, count: int) -> Bools:
    """Which samples are sync samples: those listed, or all; a random access group is left to the scan."""
    if table.child(b"stps") is not None or any(
        box.kind == b"sbgp" and box.data[box.start + 4 : box.start + 8] == b"rap " for box in table.children()
    ):
        raise MalformedError("partial sync samples, which FFmpeg counts by rules of its own")
    box = table.child(b"stss")
    if box is None:
        return np.ones(count, bool)
    listed = box.counted(1, ">u4")[:, 0]
    if len(listed) and not 1 <= int(listed.min()) <= int(listed.max()) <= count:
        raise MalformedError("sync samples that do not exist")
    is_sync = np.zeros(count, bool)
    is_sync[listed - 1] = True
    return is_sync
