"""Making a stream's FrameIndex in the cheapest way that is right for what the file shows."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from statistics import median

import av
import numpy as np

from framecache.index import bitstream
from framecache.index.ahead import TableAhead
from framecache.index.boxes import RandomAccessBytes
from framecache.index.frame_index import FrameIndex, IndexSource, flagged_starts, from_rows
from framecache.index.growing import FIRST_PACKETS, Growing, sure_part
from framecache.index.linear import decode_linear, from_decode
from framecache.index.probe import Evidence, Opened, OpenStream, is_enough_to_probe, probe
from framecache.index.rows import NO_PTS, PacketRows
from framecache.index.scan import PacketScan, trouble
from framecache.index.table import read_table
from framecache.progress import Progress, no_progress

OpenBytes = Callable[[], AbstractContextManager[RandomAccessBytes]]

# Matroska and WebM: a block holds the frame of one time (RFC 9559).
FRAMES_IN_BLOCKS = frozenset({"matroska"})
# Codecs whose last packet may hold no picture, but the word that the sequence ends.
ENDS_WITHOUT_A_PICTURE = frozenset({"dirac"})


def build_index(
    open_stream: OpenStream,
    open_bytes: OpenBytes,
    *,
    progress: Progress = no_progress,
    made_from: IndexSource | None = None,
) -> FrameIndex:
    """The index of a stream: from its sample table, else from a scan, else, where that cannot tell, a decode.

    Args:
        open_stream: Opens the container and picks the stream, afresh each time.
        open_bytes: Opens the file's bytes.
        progress: Called with the stage ("scanning" or "decoding") and how much of it is done, 0.0 to 1.0.
        made_from: Take this way only; for tests, and for those who doubt. "table" falls back to "scan".
    """
    with contextlib.ExitStack() as opened:
        first = opened.enter_context(open_stream())
        index = begin_index(first, opened, open_stream, open_bytes, progress=progress, made_from=made_from, may_grow=False)
        assert isinstance(index, FrameIndex), "what may not grow is whole"
        return index
    raise AssertionError("no error is swallowed here")


def begin_index(
    first: Opened,
    opened: contextlib.ExitStack,
    open_stream: OpenStream,
    open_bytes: OpenBytes,
    *,
    progress: Progress = no_progress,
    made_from: IndexSource | None = None,
    may_grow: bool = True,
    ahead: TableAhead | None = None,
) -> FrameIndex | Growing:
    """The index of a stream, or, of a long clean one that needs a scan, the first frames and what makes the rest.

    Where it is made from the sample table, no packet is read from the container. Where the index has packets to take, those are
    all that the container holds, for whoever goes on with it. Else it is closed, or taken out of `opened`.

    Args:
        first: The container, freshly opened, and the stream.
        opened: What holds that container open.
        open_stream: As in `build_index`.
        open_bytes: As there.
        progress: As there; a growing index is given its callback anew.
        made_from: As there.
        may_grow: Whether the rest of a long scan may be left for later.
        ahead: What has read the sample table meanwhile.
    """
    container, stream = first
    time_base = _time_base(stream)
    if made_from in (None, "table"):
        with open_bytes() as file:
            index = read_table(file, container, stream, ahead.track if ahead else None)
        if index is not None:
            return index
    scan = PacketScan(container, stream, progress, keeps_packets=may_grow)
    making = _Making.of(stream, time_base, made_from, open_stream)
    known = making.first_part(scan) if may_grow else None
    if known is None:
        scan.keep_no_more()
    else:
        index, evidence = known
        # What bytes alone tell is borne out by decoding in the end, in the background.
        proven = evidence if evidence.frames_decoded else None
        packets = scan.hand_over()
        read_on = (opened.pop_all(), scan) if packets is None else None
        return Growing(read_on, index, evidence, open_stream, partial(making.finish, proven), packets, scan.done)
    return making.finish(None, scan, opened, progress)


@dataclass(frozen=True, slots=True)
class _Making:
    """What is to be known of a stream to make its index from its packets.

    Attributes:
        time_base: Seconds per tick.
        made_from: The way that was asked for.
        open_stream: Opens the container and picks the stream, afresh each time.
        is_evident: Whether keyframes can be told from their packets.
        may_believe_packets: Whether the codec and the way that was asked for allow that.
        has_frames_in_blocks: Whether the container holds one frame in each packet by its own definition.
        codec, extradata: What the stream is, and what its decoder is told beforehand.
    """

    time_base: Fraction
    made_from: IndexSource | None
    open_stream: OpenStream
    has_frames_in_blocks: bool
    codec: str
    extradata: bytes | None
    is_evident: bool
    may_believe_packets: bool

    @classmethod
    def of(cls, stream: av.VideoStream, time_base: Fraction, made_from: IndexSource | None, open_stream: OpenStream) -> _Making:
        codec = stream.codec_context.codec
        name = codec.canonical_name
        is_evident = name in bitstream.SELF_EVIDENT or codec.intra_only
        may_believe_packets = made_from != "decode" and name not in ENDS_WITHOUT_A_PICTURE
        in_blocks = stream.container.format.name.split(",")[0] in FRAMES_IN_BLOCKS
        extradata = stream.codec_context.extradata
        return cls(time_base, made_from, open_stream, in_blocks, name, extradata, is_evident, may_believe_packets)

    def first_part(self, scan: PacketScan) -> tuple[FrameIndex, Evidence] | None:
        """The frames that the first packets make sure of; None where the file ends before that, or shows trouble."""
        if not self.may_believe_packets:
            return None
        scan.read(lambda count: self._is_enough(scan, count))
        rows = scan.rows()
        if scan.is_ended or trouble(rows) is not None:
            return None
        evidence = self._quick_evidence(scan) or self._probe(rows)
        if evidence is None:
            return None
        index = sure_part(rows, self.time_base, evidence)
        return (index, evidence) if len(index) else None

    def _is_enough(self, scan: PacketScan, count: int) -> bool:
        return count % FIRST_PACKETS == 0 and is_enough_to_probe(scan.rows(), is_evident=self.is_evident)

    def _quick_evidence(self, scan: PacketScan) -> Evidence | None:
        """That packets can be believed, where their own bytes tell, so that nothing need be decoded before frames are given."""
        is_told = self.has_frames_in_blocks and bitstream.tells_whole_frames(self.codec, self.extradata, scan.first_packet)
        return Evidence(True, 0) if is_told else None

    def _probe(self, rows: PacketRows) -> Evidence | None:
        return probe(rows, self.open_stream, is_evident=self.is_evident)

    def finish(self, evidence: Evidence | None, scan: PacketScan, opened: contextlib.ExitStack, progress: Progress) -> FrameIndex:
        """The whole index, from all packets, with what the first have shown already if they have; closes `opened`."""
        if not scan.is_ended:
            scan.read()
        rows, step = scan.rows(), _usual_step(scan.rows(), scan.stream, self.time_base)
        opened.close()
        if self.may_believe_packets and trouble(rows) is None:
            evidence = evidence or self._probe(rows)
            if evidence is not None:
                return from_rows(rows, self.time_base, "scan", evidence.starts(rows), evidence.frames_decoded)
            if self.made_from == "scan":
                return from_rows(rows, self.time_base, "scan", flagged_starts(rows))
        with self.open_stream() as (container, stream):
            decoded = decode_linear(container, stream, with_checksums=True, n_rows=len(rows), progress=progress)
        progress("decoding", 1.0)
        return from_decode(rows, self.time_base, decoded, step)


def _time_base(stream: av.VideoStream) -> Fraction:
    """The stream's time base; PyAV 19 gives zero, where earlier ones give None, for one that is unset."""
    base = stream.time_base
    return Fraction(base.numerator, base.denominator) if base else Fraction(1, av.time_base)


def _usual_step(rows: PacketRows, stream: av.VideoStream, time_base: Fraction) -> int:
    """The usual ticks from one frame to the next, at least 1."""
    durations = rows.duration[rows.duration > 0]
    if len(durations):
        return max(1, int(median(durations.tolist())))
    rate = stream.average_rate or stream.guessed_rate
    if rate:
        return max(1, round(1 / (Fraction(rate.numerator, rate.denominator) * time_base)))
    known = rows.dts[rows.dts != NO_PTS]
    gaps = np.diff(known)
    return max(1, int(np.median(gaps))) if len(gaps) else 1
