"""FrameIndex: which frames a video has, as a value, with the look-ups that need nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal

import numpy as np
import numpy.typing as npt

from framecache.errors import BadArgumentError
from framecache.index.rows import NO_PTS, Bools, Ints, PacketRows

IndexSource = Literal["table", "scan", "decode"]
TimesAre = Literal["stored", "ordered", "synthesised"]

TIE_SECONDS = 1e-9


@dataclass(frozen=True, eq=False, slots=True)
class FrameIndex:
    """Every frame's place in presentation order, and where decoding must start to reach it.

    A *place* is a 0-based frame index; a *row* is a packet's ordinal in the file. Immutable, so any
    number of threads may share one.

    Attributes:
        time_base: Seconds per tick.
        pts: `(n,) int64` ticks, strictly ascending: when each place is shown.
        own_pts: `(n,) bool`: whether that is the stream's own timestamp, rather than one made up.
        durations: `(n,) int64` ticks: how long each place is shown.
        rows: `(n,) int64`: the row of the packet that the place's frame carries as its stamp.
        packets: The stream's packets.
        start_rows: Rows from which decoding may start, ascending; row 0 is always one.
        undecodable: Places that are known to be undecodable, ascending.
        made_from: What the index was made from.
        times_are: Whether the timestamps are the stream's own.
        checksums: `(n,) uint32` of each place's decoded planes, where only a decode could tell the frames
            (see `decode.decoder.checksum`); None for clean streams.
        frames_decoded: How many frames were decoded to make it.
    """

    time_base: Fraction
    pts: Ints
    own_pts: Bools
    durations: Ints
    rows: Ints
    packets: PacketRows
    start_rows: Ints
    undecodable: Ints
    made_from: IndexSource
    times_are: TimesAre
    checksums: npt.NDArray[np.uint32] | None = None
    frames_decoded: int = 0
    timestamps: npt.NDArray[np.float64] = field(init=False)
    place_of_row: Ints = field(init=False)
    floor_of_start: Ints = field(init=False)
    is_keyframe: Bools = field(init=False)
    keyframes: Ints = field(init=False)

    def __post_init__(self) -> None:
        ticks = self.pts - (self.pts[0] if len(self.pts) else 0)
        # One rounding: the product is exact, so the quotient is the nearest double to the true time.
        ticks *= self.time_base.numerator
        seconds = ticks / self.time_base.denominator
        place_of_row = np.full(len(self.packets), -1, np.int64)
        place_of_row[self.rows] = np.arange(len(self.rows))
        floors = place_of_row[self.start_rows]
        hidden = floors < 0
        # A start that shows nothing itself (cut off by an edit list) serves the places after its time.
        floors[hidden] = np.searchsorted(self.pts, self.packets.pts[self.start_rows[hidden]])
        floors[:1] = 0
        is_start = np.zeros(len(self.packets), bool)
        is_start[self.start_rows] = True
        is_key = (self.packets.is_key & is_start)[self.rows]
        is_key[self.undecodable] = False
        derived = {
            "timestamps": seconds,
            "place_of_row": place_of_row,
            "floor_of_start": floors,
            "is_keyframe": is_key,
            "keyframes": np.flatnonzero(is_key),
        }
        for name, array in derived.items():
            object.__setattr__(self, name, array)
        for name in ("pts", "own_pts", "durations", "rows", "start_rows", "undecodable", *derived):
            getattr(self, name).flags.writeable = False

    def __len__(self) -> int:
        return len(self.pts)

    def start_row(self, place: int, bad_rows: frozenset[int] = frozenset()) -> int:
        """The row at which decoding must start, at the latest, to give the frame at `place`.

        That is the last start at or before the frame's own packet whose own frame is not shown after it:
        a leading frame of an open GOP needs the keyframe before. `bad_rows` are passed over; row 0,
        the linear decode, always serves.
        """
        at = int(np.searchsorted(self.start_rows, self.rows[place], "right")) - 1
        while at > 0 and (self.floor_of_start[at] > place or int(self.start_rows[at]) in bad_rows):
            at -= 1
        return int(self.start_rows[max(at, 0)])

    def start_before(self, row: int) -> int:
        """The last start before `row`; 0 where there is none."""
        at = int(np.searchsorted(self.start_rows, row, "left")) - 1
        return int(self.start_rows[at]) if at >= 0 else 0

    def first_place_from(self, start_row: int) -> int:
        """The first place whose frame is right when decoding started at `start_row`."""
        at = int(np.searchsorted(self.start_rows, start_row))
        return int(self.floor_of_start[at])

    def is_reached_from(self, place: int, start_row: int) -> bool:
        """Whether decoding linearly from `start_row` gives the right frame at `place`."""
        return bool(self.rows[place] >= start_row) and place >= self.first_place_from(start_row)

    def displayed_at(self, seconds: float) -> int | None:
        """The place shown at `seconds` into the video; None before the first and after the last."""
        if not len(self) or not 0 <= seconds < self.duration_seconds:
            return None
        return int(np.searchsorted(self.timestamps, seconds, "right")) - 1

    def nearest(self, seconds: float) -> int:
        """The place whose timestamp is nearest to `seconds`; of two equally near, the earlier."""
        after = int(np.searchsorted(self.timestamps, seconds))
        if after == 0:
            return 0
        if after == len(self):
            return after - 1
        before_gap, after_gap = seconds - self.timestamps[after - 1], self.timestamps[after] - seconds
        # Decimal fractions of a second are not exact doubles: a tie may be off by the last bit.
        return after - 1 if before_gap <= after_gap + TIE_SECONDS else after

    def range_of_times(self, start_seconds: float | None, stop_seconds: float | None) -> range:
        """From the place nearest the start through the place nearest the stop; None is an open end.

        Raises:
            BadArgumentError: (a ValueError) The stop is before the start.
        """
        check_interval(start_seconds, stop_seconds)
        if not len(self):
            return range(0)
        first = 0 if start_seconds is None else self.nearest(start_seconds)
        last = len(self) - 1 if stop_seconds is None else self.nearest(stop_seconds)
        return range(first, last + 1)

    def keyframe_at_or_before(self, place: int) -> int:
        """The last keyframe's place at or before `place`; 0 where there is none."""
        at = int(np.searchsorted(self.keyframes, place, "right")) - 1
        return int(self.keyframes[at]) if at >= 0 else 0

    def gop_range(self, place: int) -> tuple[int, int]:
        """The half-open range of places from the keyframe at or before `place` to the next one."""
        at = int(np.searchsorted(self.keyframes, place, "right"))
        start = int(self.keyframes[at - 1]) if at else 0
        return start, int(self.keyframes[at]) if at < len(self.keyframes) else len(self)

    @property
    def gop_lengths(self) -> Ints:
        """How many frames each keyframe begins: up to the next one, or to the end."""
        return np.diff(self.keyframes, append=len(self)).astype(np.int64)

    @property
    def duration_seconds(self) -> float:
        """Seconds from the first timestamp to the end of the last frame; 0.0 without frames."""
        if not len(self):
            return 0.0
        ticks = int(self.pts[-1]) - int(self.pts[0]) + int(self.durations[-1])
        return float(ticks * self.time_base)

    @property
    def average_rate(self) -> float:
        """Frames per second over the whole duration; 0.0 without frames."""
        return len(self) / self.duration_seconds if self.duration_seconds else 0.0

    @property
    def gaps(self) -> tuple[int, int]:
        """The smallest and the largest gap between neighbouring frames, in ticks."""
        gaps = np.diff(self.pts) if len(self) > 1 else self.durations
        return (int(gaps.min()), int(gaps.max())) if len(gaps) else (0, 0)

    @property
    def is_variable_rate(self) -> bool:
        """Whether the gaps between frames differ by more than rounding to whole ticks explains."""
        smallest, largest = self.gaps
        # Two roundings meet in a gap, so it may be one tick off either way.
        return largest - smallest > max(2, largest // 100)

    def first(self, count: int) -> FrameIndex:
        """The index of the first `count` frames of a clean stream; the packets of the others stay, and have no place."""
        columns = {name: getattr(self, name)[:count].copy() for name in ("pts", "own_pts", "durations", "rows")}
        return replace(self, **columns, undecodable=self.undecodable[self.undecodable < count])

    def own_pts_at(self, place: int) -> int | None:
        """The stream's own timestamp of a place, or None."""
        return int(self.pts[place]) if self.own_pts[place] else None


def check_interval(start_seconds: float | None, stop_seconds: float | None) -> None:
    """Raise BadArgumentError where an interval ends before it begins; None is an open end."""
    if start_seconds is not None and stop_seconds is not None and stop_seconds < start_seconds:
        raise BadArgumentError(f"the interval from {start_seconds!r} s to {stop_seconds!r} s ends before it begins")


def end_durations(pts: Ints, last_duration: int) -> Ints:
    """How long each place is shown: up to the next; the last for `last_duration`, or as the one before."""
    if not len(pts):
        return np.empty(0, np.int64)
    durations = np.empty(len(pts), np.int64)
    gaps = np.subtract(pts[1:], pts[:-1], out=durations[:-1])
    last = last_duration if last_duration > 0 else int(np.median(gaps)) if len(gaps) else 1
    durations[-1] = max(last, 1)
    return durations


def from_rows(
    packets: PacketRows, time_base: Fraction, made_from: IndexSource, start_rows: Ints, frames_decoded: int = 0
) -> FrameIndex:
    """The index of a clean stream: every kept packet shows one frame, at its own timestamp."""
    rows = packets.display_order
    pts = packets.pts[rows]
    return FrameIndex(
        time_base=time_base,
        pts=pts,
        own_pts=np.ones(len(rows), bool),
        durations=end_durations(pts, int(packets.duration[rows[-1]]) if len(rows) else 0),
        rows=rows,
        packets=packets,
        start_rows=start_rows,
        undecodable=np.empty(0, np.int64),
        made_from=made_from,
        times_are="stored",
        frames_decoded=frames_decoded,
    )


def flagged_starts(packets: PacketRows) -> Ints:
    """Row 0 and every row flagged as a keyframe that has a timestamp."""
    starts = packets.is_key & (packets.pts != NO_PTS)
    starts[:1] = True
    return np.flatnonzero(starts)
