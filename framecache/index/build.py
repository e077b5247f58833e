"""Making a stream's FrameIndex in the cheapest way that is right for what the file shows."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from fractions import Fraction
from statistics import median

import av
import numpy as np

from framecache.index import bitstream
from framecache.index.boxes import RandomAccessBytes
from framecache.index.frame_index import FrameIndex, IndexSource, flagged_starts, from_rows
from framecache.index.linear import PROBED_PACKETS, Decoded, decode_linear, from_decode
from framecache.index.rows import NO_PTS, PacketRows
from framecache.index.scan import probe_agrees, scan_packets, trouble
from framecache.index.table import read_table
from framecache.progress import Progress, no_progress

Opened = tuple[av.container.InputContainer, av.VideoStream]
OpenStream = Callable[[], AbstractContextManager[Opened]]
OpenBytes = Callable[[], AbstractContextManager[RandomAccessBytes]]

# Keyframe flags are put to the test where they first claim something, and a few packets on.
TESTED_FROM_PACKETS = (1, 8, 30)
TEST_REACH_PACKETS = 600
TEST_LENGTH_PACKETS = 12
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
    with open_stream() as (container, stream):
        time_base = _time_base(stream)
        if made_from in (None, "table"):
            with open_bytes() as file:
                rows = read_table(file, container, stream)
            if rows is not None:
                return from_rows(rows, time_base, "table", flagged_starts(rows))
        rows = scan_packets(container, stream, progress)
        step = _usual_step(rows, stream, time_base)
        codec = stream.codec_context.codec
        evident = codec.canonical_name in bitstream.SELF_EVIDENT or codec.intra_only
    if made_from != "decode" and not trouble(rows) and codec.canonical_name not in ENDS_WITHOUT_A_PICTURE:
        index = _from_scan(rows, time_base, open_stream, is_evident=evident)
        if index is not None or made_from == "scan":
            return index or from_rows(rows, time_base, "scan", flagged_starts(rows))
    with open_stream() as (container, stream):
        decoded = decode_linear(container, stream, with_checksums=True, n_rows=len(rows), progress=progress)
    progress("decoding", 1.0)
    return from_decode(rows, time_base, decoded, step)


def _from_scan(rows: PacketRows, time_base: Fraction, open_stream: OpenStream, *, is_evident: bool) -> FrameIndex | None:
    """The index from packets alone, if decoding the first of them bears it out."""
    starts = flagged_starts(rows)
    if not len(rows):
        return from_rows(rows, time_base, "scan", starts)
    tested = [] if is_evident else _keyframes_to_test(rows)
    stop = min(max([PROBED_PACKETS, *(row + TEST_LENGTH_PACKETS for row in tested)]), len(rows))
    with open_stream() as (container, stream):
        probe = decode_linear(container, stream, stop=stop, with_checksums=bool(tested))
    if probe.is_damaged or not probe_agrees(rows, stop, probe.stamps):
        return None
    decoded = len(probe.stamps)
    if not is_evident:
        tries = [_decode_from(row, open_stream) for row in tested]
        decoded += sum(len(tried.stamps) for tried in tries)
        holds = bool(tested) and all(_agrees(rows, row, tried, probe) for row, tried in zip(tested, tries, strict=True))
        # Flags that cannot be tested within reach are not trusted.
        starts = starts if holds else starts[:1]
    return from_rows(rows, time_base, "scan", starts, decoded)


def _keyframes_to_test(rows: PacketRows) -> list[int]:
    """A few packets near the start that are flagged as keyframes, the very first left out."""
    keys = np.flatnonzero(rows.is_key)
    found = {int(keys[keys >= at][0]) for at in TESTED_FROM_PACKETS if (keys >= at).any()}
    return sorted(row for row in found if row < TEST_REACH_PACKETS)


def _decode_from(row: int, open_stream: OpenStream) -> Decoded:
    with open_stream() as (container, stream):
        return decode_linear(container, stream, first=row, stop=row + TEST_LENGTH_PACKETS, with_checksums=True)


def _agrees(rows: PacketRows, row: int, tried: Decoded, truth: Decoded) -> bool:
    """Whether decoding from a packet flagged as a keyframe gave the pictures of the linear decode.

    Some formats flag every packet (msvideo1 in AVI), though most need the one before.
    """
    expected = dict(zip(truth.stamps, truth.checksums, strict=True))
    got = dict(zip(tried.stamps, tried.checksums, strict=True))
    shown = [r for r in range(row, row + TEST_LENGTH_PACKETS) if r in expected and rows.pts[r] >= rows.pts[row]]
    return all(got.get(r) == expected[r] for r in shown)


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
