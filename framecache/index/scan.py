"""Reading a stream's packets once, without decoding, and what they show of trouble."""

from __future__ import annotations

from collections.abc import Iterator

import av
import numpy as np

from framecache.index import bitstream
from framecache.index.rows import NO_PTS, PacketRows, has_doubles
from framecache.progress import Progress

PROGRESS_EVERY_PACKETS = 2000
# H.264 and H.265 hold back 16 pictures at most; each may be two packets.
MOST_REORDERED_PACKETS = 32


def demux(container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.Packet[av.VideoStream]]:
    """The stream's packets that hold data, in file order, up to the end or the first unreadable place."""
    try:
        for packet in container.demux(stream):
            if packet.size:
                yield packet
    except (av.error.FFmpegError, EOFError, IndexError):
        # IndexError: damage in a format without a header (FLV) makes FFmpeg find streams that PyAV does not know.
        return


def scan_packets(container: av.container.InputContainer, stream: av.VideoStream, progress: Progress) -> PacketRows:
    """All packets of a stream that was just opened; other streams of the container are not read."""
    for other in container.streams:
        if other.index != stream.index:
            other.discard = av.stream.Discard.all
    codec = stream.codec_context.codec.canonical_name
    may_hide = codec in ("vp8", "vp9")
    total = max(container.size, 1)
    rows = []
    for packet in demux(container, stream):
        pts, dts, pos = packet.pts, packet.dts, packet.pos
        rows.append(
            (
                NO_PTS if pts is None else pts,
                NO_PTS if dts is None else dts,
                packet.size,
                -1 if pos is None else pos,
                packet.duration or 0,
                packet.is_keyframe,
                packet.is_discard,
                may_hide and bitstream.is_hidden(codec, bytes(packet)),
                packet.is_corrupt,
            )
        )
        if len(rows) % PROGRESS_EVERY_PACKETS == 0:
            progress("scanning", min(1.0, max(pos or 0, 0) / total))
    progress("scanning", 1.0)
    return PacketRows.from_tuples(rows)


def trouble(packets: PacketRows) -> str | None:
    """Why the packets alone do not tell which frames there are, or None where they seem to.

    The signs are those that real streams showed; each stands for a kind of stream that lies about its frames.
    """
    kept = packets.is_kept
    pts = packets.pts[kept]
    if not len(pts):
        return None
    if (pts == NO_PTS).any():
        return "packets without a timestamp"
    if has_doubles(pts):
        return "doubled timestamps"
    keys = np.flatnonzero(packets.is_key & (packets.pts != NO_PTS))
    if not len(keys) or (pts.min() < packets.pts[keys[0]] and kept[keys[0]]):
        return "frames before the first keyframe"
    if packets.is_key[: keys[0]].any() or not packets.is_key[0]:
        return "a first packet that is no keyframe"
    if packets.is_corrupt.any():
        return "packets marked as damaged"
    if reorders_too_far(packets):
        return "timestamps far from the order of the packets"
    return None


def reorders_too_far(packets: PacketRows) -> bool:
    """Whether the timestamps reorder packets by more than any codec does, so that some must be wrong."""
    moved = np.argsort(packets.pts[packets.is_kept], kind="stable")
    moved -= np.arange(len(moved))
    return bool(len(moved)) and max(int(moved.max()), -int(moved.min())) > MOST_REORDERED_PACKETS


def probe_agrees(packets: PacketRows, n_probed: int, stamps: list[int]) -> bool:
    """Whether decoding the first packets gave the frames, in the order, that their timestamps promise."""
    rows = np.flatnonzero(packets.is_kept[:n_probed])
    expected = rows[np.argsort(packets.pts[rows], kind="stable")]
    return bool(stamps == expected.tolist())
