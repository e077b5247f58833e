"""Decoding a stream once from its start, stamping every packet: the last word on which frames there are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction

import av
import numpy as np
from av.codec.context import ThreadType

from framecache.index.frame_index import FrameIndex, end_durations
from framecache.index.rows import NO_PTS, Bools, Ints, PacketRows
from framecache.index.scan import PROGRESS_EVERY_PACKETS, demux
from framecache.index.times import settle
from framecache.planes import checksum
from framecache.progress import Progress

PROBED_PACKETS = 40


@dataclass(slots=True)
class Decoded:
    """What a linear decode gave, in its order.

    Attributes:
        stamps: For each frame, the row of the packet it came from.
        checksums: For each frame, its planes' checksum, where asked for.
        interlaced: The rows whose frames are interlaced.
        failed: The rows whose packets the decoder refused.
        is_damaged: Whether anything was refused or came out marked as damaged.
    """

    stamps: list[int] = field(default_factory=list)
    checksums: list[int] = field(default_factory=list)
    interlaced: set[int] = field(default_factory=set)
    failed: set[int] = field(default_factory=set)
    is_damaged: bool = False


def stamped_frames(
    container: av.container.InputContainer, stream: av.VideoStream, first: int, stop: int | None, out: Decoded
) -> Iterator[av.VideoFrame]:
    """The frames of packets `first` up to `stop`, single-threaded; each frame's pts is its packet's row.

    Packets before `first` are read and not decoded; failures are noted in `out`.
    """
    context = stream.codec_context
    context.thread_type = ThreadType.NONE
    row = -1
    for row, packet in enumerate(demux(container, stream)):
        if row < first:
            continue
        if stop is not None and row >= stop:
            break
        packet.pts = row
        try:
            frames = context.decode(packet)
        except EOFError:
            return
        except av.error.FFmpegError:
            out.failed.add(row)
            out.is_damaged = True
            continue
        yield from frames
    try:
        yield from context.decode(None)
    except (EOFError, av.error.FFmpegError):
        return


def decode_linear(
    container: av.container.InputContainer,
    stream: av.VideoStream,
    *,
    first: int = 0,
    stop: int | None = None,
    with_checksums: bool = False,
    n_rows: int = 0,
    progress: Progress | None = None,
) -> Decoded:
    """Decode packets `first` up to `stop` (None: all) of a stream that was just opened, and note what came."""
    out = Decoded()
    for frame in stamped_frames(container, stream, first, stop, out):
        stamp = frame.pts if frame.pts is not None else -1
        out.stamps.append(stamp)
        out.is_damaged |= frame.is_corrupt
        if frame.interlaced_frame:
            out.interlaced.add(stamp)
        if with_checksums:
            out.checksums.append(checksum(frame))
        if progress is not None and len(out.stamps) % (PROGRESS_EVERY_PACKETS // 40) == 0:
            progress("decoding", min(1.0, len(out.stamps) / max(n_rows, 1)))
    return out


def from_decode(packets: PacketRows, time_base: Fraction, decoded: Decoded, step: int) -> FrameIndex:
    """The index of a stream that only a decode can tell: F's frames, and a place for each that was damaged."""
    stamps = np.array(decoded.stamps, np.int64)
    lost = _lost_rows(packets, stamps, decoded)
    rows = np.concatenate([stamps, lost])
    sums = np.concatenate([np.array(decoded.checksums, np.uint32), np.zeros(len(lost), np.uint32)])
    is_lost = np.arange(len(rows)) >= len(stamps)
    if len(lost):
        order = np.argsort(packets.pts[rows], kind="stable")
        rows, sums, is_lost = rows[order], sums[order], is_lost[order]
    times = settle(packets.pts[rows], step)
    starts = packets.is_key & (packets.pts != NO_PTS) & (times.are == "stored")
    starts[stamps] |= packets.is_key[stamps]
    starts[:1] = True
    # Where the times are made up, so are the durations, of one tick each perhaps.
    last = int(packets.duration[rows[-1]]) if len(rows) and times.are == "stored" else 0
    return FrameIndex(
        time_base=time_base,
        pts=times.pts,
        own_pts=times.own,
        durations=end_durations(times.pts, last),
        rows=rows,
        packets=packets,
        start_rows=np.flatnonzero(starts),
        undecodable=np.flatnonzero(is_lost),
        made_from="decode",
        times_are=times.are,
        checksums=sums,
        frames_decoded=len(stamps),
    )


def hold_to(index: FrameIndex, decoded: Decoded) -> FrameIndex:
    """An index whose frames were found without decoding, with what a linear decode says of each.

    Places and times stay as they are; those whose frame did not come are undecodable.
    """
    sums = np.zeros(len(index.packets), np.uint32)
    came = np.zeros(len(index.packets), bool)
    stamps = np.array(decoded.stamps, np.int64)
    sums[stamps], came[stamps] = np.array(decoded.checksums, np.uint32), True
    return replace(
        index,
        checksums=sums[index.rows],
        undecodable=np.flatnonzero(~came[index.rows]),
        frames_decoded=index.frames_decoded + len(stamps),
    )


def _lost_rows(packets: PacketRows, stamps: Ints, decoded: Decoded) -> Ints:
    """The rows that should have shown a frame and did not, in a stream where something was damaged.

    A packet with a timestamp of its own keeps its place. Not so the second field of a frame, packets
    before the first frame, and streams whose timestamps do not tell the frames' order.
    """
    nothing = np.empty(0, np.int64)
    shown_pts = packets.pts[stamps]
    if not decoded.is_damaged or not len(stamps):
        return nothing
    if (shown_pts == NO_PTS).any() or (np.diff(shown_pts) <= 0).any():
        return nothing
    candidates = packets.is_kept & (packets.pts > shown_pts[0]) & ~_is_in(packets.pts, shown_pts)
    candidates[stamps] = False
    values, counts = np.unique(packets.pts[candidates], return_counts=True)
    candidates &= _is_in(packets.pts, values[counts == 1])
    return np.array([r for r in np.flatnonzero(candidates) if not _is_second_field(int(r), decoded)], np.int64)


def _is_second_field(row: int, decoded: Decoded) -> bool:
    neighbours = {row - 1, row + 1} & decoded.interlaced
    return bool(neighbours) and row not in decoded.failed


def _is_in(values: Ints, wanted: Ints) -> Bools:
    return np.isin(values, wanted)
