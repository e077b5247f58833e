"""Growing: an index that can be used while its file is still being scanned, for it only ever gains frames."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from fractions import Fraction

import numpy as np

from framecache.index.frame_index import FrameIndex, from_rows
from framecache.index.probe import Evidence, OpenStream
from framecache.index.rows import PacketRows
from framecache.index.scan import MOST_REORDERED_PACKETS, Packets, PacketScan, trouble
from framecache.progress import Progress, no_progress

# A decoder may read so far beyond the packet of the frame that it is taken to: see LONGEST_DELAY_PACKETS in
# decode/decoder.py, and the frames that wait there while a video is played.
READ_AHEAD_PACKETS = 96
# The fewest packets that any frame is known from.
FIRST_PACKETS = 160


def sure_part(packets: PacketRows, time_base: Fraction, evidence: Evidence) -> FrameIndex:
    """The index of the frames, of a clean stream's first packets, that no later packet can change; there may be none.

    A packet's place is at most MOST_REORDERED_PACKETS from its turn in the file (or else the stream is no clean one), so
    later ones can only come after all but the last few. Decoders that go to a sure frame stay within the packets.
    """
    index = from_rows(packets, time_base, "scan", evidence.starts(packets), evidence.frames_decoded)
    needed_rows = np.maximum.accumulate(index.rows) + READ_AHEAD_PACKETS
    count = int(np.searchsorted(needed_rows, len(packets)))
    return index.first(max(0, min(count, len(index) - MOST_REORDERED_PACKETS - 1)))


def extends(larger: FrameIndex, smaller: FrameIndex) -> bool:
    """Whether all frames of an index are in the larger one, under the same numbers and times."""
    count = len(smaller)
    columns = ("pts", "own_pts", "rows")
    return all(np.array_equal(getattr(larger, name)[:count], getattr(smaller, name)) for name in columns)


class Growing:
    """The rest of an index. One thread at a time.

    Args:
        read_on: What holds the scanned container open, and the scan, under way; None to begin anew, in a container of its own.
        index: The frames that are known by now.
        evidence: What decoding the first packets showed.
        open_stream: Opens the container and picks the stream, afresh each time.
        finish: Makes the whole index once all packets are read.
        packets: All packets of the container that the index was begun in, if somebody else may have it.
        done: How much of the file was read by then.

    Attributes:
        index: The frames that are known by now.
        is_whole: Whether those are all frames.
    """

    def __init__(
        self,
        read_on: tuple[contextlib.ExitStack, PacketScan] | None,
        index: FrameIndex,
        evidence: Evidence,
        open_stream: OpenStream,
        finish: Callable[[PacketScan, contextlib.ExitStack, Progress], FrameIndex],
        packets: Packets | None = None,
        done: float = 0.0,
    ) -> None:
        self._read_on = read_on
        self._evidence = evidence
        self._open_stream = open_stream
        self._finish = finish
        self._packets = packets
        self._done = done
        self.index = index
        self.is_whole = False
        self._is_clean = True

    @property
    def done(self) -> float:
        """How much of the file is read, 0.0 to 1.0."""
        return max(self._done, self._read_on[1].done if self._read_on else 0.0)

    def indices(self, is_enough: Callable[[int, int], bool], progress: Progress) -> Generator[FrameIndex, None, None]:
        """Ever larger indices, the last of which is the whole one. Close the generator to stop and close the container.

        Args:
            is_enough: Asked after every packet, with how many are read and how many the index was last made from,
                whether it is time for a larger one; what it raises ends the scan.
            progress: Called with the stage ("scanning" or "decoding") and how much of it is done, 0.0 to 1.0.
        """
        opened, scan = self._read_on = self._read_on or self._opened_anew()
        # What was read before is read again, if somebody else has gone on with that: no progress is taken back for it.
        done_before = self._done
        scan.progress = lambda stage, done: progress(stage, max(done, done_before))
        with opened:
            while not scan.is_ended:
                # Asked in any case, for it may end the scan.
                scan.read(lambda count: is_enough(count, len(self.index.packets)) and self._is_clean)
                larger = None if scan.is_ended else self._larger(scan.rows())
                if larger is not None:
                    self.index = larger
                    yield larger
            whole = self._finish(scan, opened, progress)
        self.index, self.is_whole = whole, True
        yield whole

    def take_packets(self) -> Packets | None:
        """All packets of the container that the index was begun in, for whoever has it from here on; once."""
        # They hold the decoder, and all its pictures, for as long as they are held.
        packets, self._packets = self._packets, None
        return packets

    def begin_anew(self) -> Growing:
        """The same in a process that cannot go on with what is open here: read from the start."""
        return Growing(None, self.index, self._evidence, self._open_stream, self._finish, done=self.done)

    def close(self) -> None:
        """Close the container, where one is read and was not read to its end."""
        if self._read_on:
            self._read_on[0].close()

    def _opened_anew(self) -> tuple[contextlib.ExitStack, PacketScan]:
        with contextlib.ExitStack() as opened:
            container, stream = opened.enter_context(self._open_stream())
            return opened.pop_all(), PacketScan(container, stream, no_progress)
        raise AssertionError("no error is swallowed here")

    def _larger(self, rows: PacketRows) -> FrameIndex | None:
        """The index of more packets; None once they show trouble, for then only all of them can tell."""
        larger = sure_part(rows, self.index.time_base, self._evidence) if trouble(rows) is None else None
        self._is_clean = larger is not None and extends(larger, self.index)
        return larger if self._is_clean else None
