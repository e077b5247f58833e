"""Reading a stream's packets once, without decoding, and what they show of trouble."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import TypeAlias

import av
import numpy as np

from framecache.index import bitstream
from framecache.index.rows import NO_PTS, PacketRows
from framecache.progress import Progress

PROGRESS_EVERY_PACKETS = 2000
MOST_KEPT_BYTES = 8 * 1024**2
# About what a packet takes beside its data.
PACKET_BYTES = 500
# As text, for PyAV's classes take no parameters at run time.
Packets: TypeAlias = "Iterator[av.Packet[av.VideoStream]]"

# H.264 and H.265 hold back 16 pictures at most; each may be two packets.
MOST_REORDERED_PACKETS = 32


def demux(container: av.container.InputContainer, stream: av.VideoStream) -> Packets:
    """The stream's packets that hold data, in file order, up to the end or the first unreadable place."""
    try:
        for packet in container.demux(stream):
            if packet.size:
                yield packet
    except (av.error.FFmpegError, EOFError, IndexError):
        # IndexError: damage in a format without a header (FLV) makes FFmpeg find streams that PyAV does not know.
        return


class PacketScan:
    """A scan of a stream that was just opened, which can be stopped and gone on with. One thread at a time.

    Other streams of the container are not read.

    Args:
        container: What is read.
        stream: Which of its streams.
        progress: As below.
        keeps_packets: Whether what is read is kept, while it is little, so that it can be handed over.

    Attributes:
        stream: The stream, which lives as long as its container is open.
        count: How many packets were read so far.
        first_packet: The first one's data.
        is_ended: Whether that is all of them.
        progress: Called with "scanning" and how much of the file is read, 0.0 to 1.0, every so often.
    """

    def __init__(
        self, container: av.container.InputContainer, stream: av.VideoStream, progress: Progress, *, keeps_packets: bool = False
    ) -> None:
        for other in container.streams:
            if other.index != stream.index:
                other.discard = av.stream.Discard.all
        self._codec = stream.codec_context.codec.canonical_name
        self._may_hide = self._codec in ("vp8", "vp9")
        self._total_bytes = max(container.size, 1)
        self._position_bytes = 0
        self._packets = demux(container, stream)
        self.stream = stream
        # Columns are made of some rows at a time, for making them of all at once would keep other threads waiting.
        self._pieces: list[PacketRows] = []
        self._loose: list[tuple[int, ...]] = []
        self._kept: list[av.Packet[av.VideoStream]] | None = [] if keeps_packets else None
        self._kept_bytes = 0
        self.count = 0
        self.first_packet = b""
        self.is_ended = False
        self.progress = progress

    @property
    def done(self) -> float:
        """How much of the file is read, 0.0 to 1.0."""
        return 1.0 if self.is_ended else min(1.0, max(self._position_bytes, 0) / self._total_bytes)

    def read(self, is_enough: Callable[[int], bool] = lambda _count: False) -> None:
        """Read on to the end of the file, or until `is_enough`, asked after every packet with their count, says so."""
        for packet in self._packets:
            self.first_packet = self.first_packet or bytes(packet)
            self._loose.append(self._row(packet))
            self.count += 1
            self._keep(packet)
            if len(self._loose) == PROGRESS_EVERY_PACKETS:
                self._gather()
                self.progress("scanning", self.done)
            if is_enough(self.count):
                return
        self.is_ended = True
        self.progress("scanning", 1.0)

    def hand_over(self) -> Packets | None:
        """All packets from the first on, for whoever goes on in this container; None where too many were read for that.

        The scan itself reads no further.
        """
        kept, packets = self._kept, self._packets
        if kept is None:
            return None
        self._kept, self._packets = None, iter(())
        return itertools.chain(kept, packets)

    def keep_no_more(self) -> None:
        """There is nobody to hand packets over to."""
        self._kept = None

    def _keep(self, packet: av.Packet[av.VideoStream]) -> None:
        if self._kept is not None:
            self._kept.append(packet)
            self._kept_bytes += PACKET_BYTES + packet.size
            if self._kept_bytes > MOST_KEPT_BYTES:
                self._kept = None

    def rows(self) -> PacketRows:
        """The packets read so far."""
        self._gather()
        self._pieces = [PacketRows.joined(self._pieces)]
        return self._pieces[0]

    def _gather(self) -> None:
        self._pieces.append(PacketRows.from_tuples(self._loose))
        self._loose = []

    def _row(self, packet: av.Packet[av.VideoStream]) -> tuple[int, ...]:
        pts, dts, pos = packet.pts, packet.dts, packet.pos
        self._position_bytes = pos or 0
        return (
            NO_PTS if pts is None else pts,
            NO_PTS if dts is None else dts,
            packet.size,
            -1 if pos is None else pos,
            packet.duration or 0,
            packet.is_keyframe,
            packet.is_discard,
            self._may_hide and bitstream.is_hidden(self._codec, bytes(packet)),
            packet.is_corrupt,
        )


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
    if packets.has_doubles:
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
    return packets.most_reordered > MOST_REORDERED_PACKETS


def probe_agrees(packets: PacketRows, n_probed: int, stamps: list[int]) -> bool:
    """Whether decoding the first packets gave the frames, in the order, that their timestamps promise."""
    rows = np.flatnonzero(packets.is_kept[:n_probed])
    expected = rows[np.argsort(packets.pts[rows], kind="stable")]
    return bool(stamps == expected.tolist())
