"""The samples of a fragmented MP4: its `moof` boxes, which lie along the file and are read one by one."""

from __future__ import annotations

import numpy as np

from framecache.index.boxes import Box, MalformedError, RandomAccessBytes, read_box
from framecache.index.samples import Samples

DATA_OFFSET, FIRST_FLAGS = 0x1, 0x4
DURATION, SIZE, FLAGS, OFFSET = 0x100, 0x200, 0x400, 0x800
BASE_DATA_OFFSET, DESCRIPTION, DEFAULT_DURATION, DEFAULT_SIZE, DEFAULT_FLAGS = 0x1, 0x2, 0x8, 0x10, 0x20
BASE_IS_MOOF = 0x20000
# FFmpeg takes a sample for a keyframe unless it is marked "not sync" or "depends on others".
NOT_A_KEY = 0x10000 | 0x1000000


def read_fragments(file: RandomAccessBytes, fragments: list[tuple[int, int]], movie: Box, track_id: int) -> Samples:
    """All samples of a track, from every fragment; MalformedError where a fragment is not self-contained."""
    defaults = _track_defaults(movie, track_id)
    columns: list[tuple[np.ndarray, ...]] = []
    for position, size in fragments:
        for traf in read_box(file, position, size).children():
            header = traf.child(b"tfhd") if traf.kind == b"traf" else None
            if header is not None and header.unpack("I", 4) == (track_id,):
                columns.extend(_read_traf(traf, header, position, defaults))
    if not columns:
        raise MalformedError("no fragment holds samples of the track")
    dts, offset, duration, size_, pos, is_sync = (np.concatenate(column) for column in zip(*columns, strict=True))
    if (np.diff(dts) <= 0).any():
        raise MalformedError("fragments overlap in time")
    delay = max(0, -int(offset.min()))
    return Samples(dts, dts + offset, duration, size_, pos, is_sync.astype(bool), delay)


def _track_defaults(movie: Box, track_id: int) -> tuple[int, int, int]:
    """The default sample duration, size and flags of a track's trex box."""
    extends = movie.child(b"mvex")
    for box in extends.children() if extends else ():
        if box.kind == b"trex" and box.unpack("I", 4) == (track_id,):
            duration, size, flags = box.unpack("III", 12)
            return duration, size, flags
    raise MalformedError("no trex box for the track")


def _read_traf(traf: Box, header: Box, moof_position: int, defaults: tuple[int, int, int]) -> list[tuple[np.ndarray, ...]]:
    flags = header.unpack("I")[0] & 0xFFFFFF
    at, base = 8, moof_position
    if flags & BASE_DATA_OFFSET:
        (base,) = header.unpack("Q", at)
        at += 8
    elif not flags & BASE_IS_MOOF:
        raise MalformedError("data offsets that continue from another track")
    at += 4 * bool(flags & DESCRIPTION)
    values = list(defaults)
    for number, bit in enumerate((DEFAULT_DURATION, DEFAULT_SIZE, DEFAULT_FLAGS)):
        if flags & bit:
            (values[number],) = header.unpack("I", at)
            at += 4
    start = traf.child(b"tfdt")
    if start is None:
        raise MalformedError("a fragment without its start time")
    dts = start.unpack("Q" if start.unpack("B") == (1,) else "I", 4)[0]
    found = []
    for run in (box for box in traf.children() if box.kind == b"trun"):
        columns = _read_run(run, dts, base, (values[0], values[1], values[2]))
        dts += int(columns[2].sum())
        found.append(columns)
    return found


def _read_run(run: Box, dts: int, base: int, defaults: tuple[int, int, int]) -> tuple[np.ndarray, ...]:
    """One run of samples: dts, composition offset, duration, size, position, is it a keyframe."""
    flags, count = run.unpack("I")[0] & 0xFFFFFF, run.unpack("I", 4)[0]
    if not flags & DATA_OFFSET:
        raise MalformedError("a run that does not say where its data lies")
    (offset,) = run.unpack("i", 8)
    at, first_flags = 12, None
    if flags & FIRST_FLAGS:
        (first_flags,) = run.unpack("I", at)
        at += 4
    present = [bit for bit in (DURATION, SIZE, FLAGS, OFFSET) if flags & bit]
    cells = run.table(at, count * len(present), ">u4").reshape(count, len(present))
    column = {bit: cells[:, number] for number, bit in enumerate(present)}
    duration = column.get(DURATION, np.full(count, defaults[0], np.int64))
    size = column.get(SIZE, np.full(count, defaults[1], np.int64))
    sample_flags = column.get(FLAGS, np.full(count, defaults[2], np.int64)).copy()
    if first_flags is not None and count:
        sample_flags[0] = first_flags
    shift = column.get(OFFSET, np.zeros(count, np.int64))
    # Version 0 says unsigned, yet files of old writers hold negative offsets there; FFmpeg reads signed.
    shift = shift.astype(np.uint32).view(np.int32).astype(np.int64)
    before = np.cumsum(duration) - duration
    positions = base + offset + np.cumsum(size) - size
    return dts + before, shift, duration, size, positions, (sample_flags & NOT_A_KEY) == 0
