"""Settled: holding frames back until all that they may be predicted from came out of the decoder whole."""

from __future__ import annotations

from dataclasses import dataclass

import av

from framecache.index.frame_index import FrameIndex

# No decoder reorders by more than 16 frames, and none has more threads than a few dozen.
LONGEST_DELAY_PACKETS = 64


class UnsteadyError(Exception):
    """Something is damaged: what frames show then depends on where decoding began, so a linear decode must tell."""


@dataclass(frozen=True, slots=True)
class DecodedFrame:
    """A frame and its place; the frame's own pts is its packet's row, not a time."""

    place: int
    frame: av.VideoFrame


class Settled:
    """The rows from a start on whose frames came out, or need not, and the frames that wait for rows before them.

    A damaged frame bears a mark, or does not come at all, which shows only when it is its turn to be shown; frames that
    were predicted from it may have come out before that.

    Attributes:
        rows_skipped: Rows that were passed over, so that no frame comes out for them.
        rows_out: Rows whose frames came out, as far as they lie behind one whose frame did not.
    """

    def __init__(self, index: FrameIndex, start_row: int) -> None:
        self._index = index
        self._start_row = self._sure_row = start_row
        self._waiting: list[DecodedFrame] = []
        self.rows_out: set[int] = set()
        self.rows_skipped: set[int] = set()

    def adopt(self, index: FrameIndex) -> None:
        """Go on with an index that this one has grown to."""
        self._index = index

    def take(self, frames: list[DecodedFrame], next_row: int, longest_delay: int) -> list[DecodedFrame]:
        """Take frames that came out after the packets before `next_row`, and give those that are sure by now.

        Raises:
            UnsteadyError: A frame did not come, though `longest_delay` packets were read after its own.
        """
        self._waiting += frames
        self.rows_out.update(int(self._index.rows[decoded.place]) for decoded in frames)
        while self._sure_row < next_row and self._is_settled(self._sure_row):
            self.rows_out.discard(self._sure_row)
            self._sure_row += 1
        if self._waiting and next_row - self._sure_row > longest_delay:
            raise UnsteadyError(f"no frame came out for row {self._sure_row}")
        count = 0
        while count < len(self._waiting) and self._index.rows[self._waiting[count].place] < self._sure_row:
            count += 1
        sure, self._waiting = self._waiting[:count], self._waiting[count:]
        return sure

    def _is_settled(self, row: int) -> bool:
        """Whether a row's frame came out, was passed over, or is none that comes out from where decoding began."""
        place = int(self._index.place_of_row[row])
        return (
            row in self.rows_out
            or row in self.rows_skipped
            # One without a place that shows a frame is one that a growing index does not know yet.
            or (self._index.packets.never_shows(row) if place < 0 else not self._index.is_reached_from(place, self._start_row))
        )
