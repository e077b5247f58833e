"""Probing: decoding the first packets of a stream, to see whether its packets can be believed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import av
import numpy as np

from framecache.index.frame_index import flagged_starts
from framecache.index.linear import PROBED_PACKETS, Decoded, decode_linear
from framecache.index.rows import Ints, PacketRows
from framecache.index.scan import probe_agrees

Opened = tuple[av.container.InputContainer, av.VideoStream]
OpenStream = Callable[[], AbstractContextManager[Opened]]

# Keyframe flags are put to the test where they first claim something, and a few packets on.
TESTED_FROM_PACKETS = (1, 8, 30)
TEST_REACH_PACKETS = 600
TEST_LENGTH_PACKETS = 12


@dataclass(frozen=True, slots=True)
class Evidence:
    """What decoding the first packets of a stream showed, where they can be believed.

    Attributes:
        starts_hold: Whether decoding may start wherever a packet is flagged as a keyframe.
        frames_decoded: How many frames were decoded to see that.
    """

    starts_hold: bool
    frames_decoded: int

    def starts(self, rows: PacketRows) -> Ints:
        """The rows from which decoding may start; flags that could not be tested are not trusted."""
        return flagged_starts(rows)[: None if self.starts_hold else 1]


def is_enough_to_probe(rows: PacketRows, *, is_evident: bool) -> bool:
    """Whether the packets that follow would change nothing of what `probe` does."""
    if is_evident:
        return len(rows) >= PROBED_PACKETS
    # Once there is a flagged packet beyond the last place that a test is sought from, all tests are known.
    keys = np.flatnonzero(rows.is_key[: TEST_REACH_PACKETS - TEST_LENGTH_PACKETS])
    tested = [TEST_REACH_PACKETS] if not len(keys) or keys[-1] < TESTED_FROM_PACKETS[-1] else _keyframes_to_test(rows)
    return len(rows) >= max(PROBED_PACKETS, max(tested) + TEST_LENGTH_PACKETS)


def probe(rows: PacketRows, open_stream: OpenStream, *, is_evident: bool) -> Evidence | None:
    """What decoding the first packets shows; None where they do not give the frames that packets promise.

    Args:
        rows: The packets, or at least so many of the first as `is_enough_to_probe` asks for.
        open_stream: Opens the container and picks the stream, afresh each time.
        is_evident: Whether the codec is one whose keyframe flags need no test.
    """
    if not len(rows):
        return Evidence(True, 0)
    tested = [] if is_evident else _keyframes_to_test(rows)
    stop = min(max([PROBED_PACKETS, *(row + TEST_LENGTH_PACKETS for row in tested)]), len(rows))
    with open_stream() as (container, stream):
        first = decode_linear(container, stream, stop=stop, with_checksums=bool(tested))
    if first.is_damaged or not probe_agrees(rows, stop, first.stamps):
        return None
    if is_evident:
        return Evidence(True, len(first.stamps))
    tries = [_decode_from(row, open_stream) for row in tested]
    holds = bool(tested) and all(_agrees(rows, row, tried, first) for row, tried in zip(tested, tries, strict=True))
    return Evidence(holds, len(first.stamps) + sum(len(tried.stamps) for tried in tries))


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
