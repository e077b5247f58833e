"""What framecache is to reach beside the other readers, and whether a run's rows show it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Protocol

from benchmark import matrix
from benchmark.matrix import FLIES, GOP30_720P, GOP250_1080P, H264_2160P, H265_1080P, HOURS, HOURS_MKV, MINUTE, MOUSE
from benchmark.turns import Row
from benchmark.works import LIMIT, OURS, WORKS

LONG_SCAN_SECONDS = 1.0


@dataclass(frozen=True)
class Reached:
    """What a run showed.

    Attributes:
        where: The file.
        value: A ratio, seconds or bytes, as the goal is in.
        text: The same for people.
        is_met: Whether that is enough; None where the run cannot tell, for it took fewer steps, say.
    """

    where: str
    value: float
    text: str
    is_met: bool | None


class Check(Protocol):
    """One thing that is held against a goal."""

    def __call__(self, rows: Sequence[Row]) -> Reached | None:
        """What the rows show; None where they do not hold it."""


@dataclass(frozen=True)
class Target:
    """A line of the table of goals: the work, the least that it must reach, and what shows it."""

    work: str
    least: str
    checks: tuple[Check, ...]

    def reached(self, rows: Sequence[Row]) -> list[Reached]:
        """What the rows show of it."""
        return [reached for check in self.checks if (reached := check(rows)) is not None]


@dataclass(frozen=True)
class Faster:
    """How many times as long the best other reader took, or the one named."""

    file: str
    work: str
    least: float
    than: str | None = None

    def __call__(self, rows: Sequence[Row]) -> Reached | None:
        row = _row(rows, self.file, self.work)
        other = (self.than or row.best_other) if row else None
        ratios = row.ratios(other) if row and other else []
        if row is None or other is None or not ratios or row.seconds(other) is None:
            return None
        value, more = median(ratios), "≈ " if row.is_cut(other) else ""
        return Reached(self.file, value, f"{more}{ratio_text(value)} ({other})", _judged(row, value >= self.least))


@dataclass(frozen=True)
class NearLimit:
    """How many times as long framecache took as the bare loop."""

    file: str
    work: str
    most: float

    def __call__(self, rows: Sequence[Row]) -> Reached | None:
        row = _row(rows, self.file, self.work)
        ratios = row.ratios(LIMIT) if row else []
        if row is None or not ratios:
            return None
        value, less = 1 / median(ratios), "≈ " if row.is_cut(LIMIT) else ""
        return Reached(self.file, value, f"{less}{value:.2f} of the limit", _judged(row, value <= self.most))


@dataclass(frozen=True)
class PerRequest:
    """How long a request took."""

    file: str
    work: str
    most_seconds: float

    def __call__(self, rows: Sequence[Row]) -> Reached | None:
        row = _row(rows, self.file, self.work)
        seconds = _per_request(row)
        if seconds is None:
            return None
        return Reached(self.file, seconds, seconds_text(seconds), seconds <= self.most_seconds)


@dataclass(frozen=True)
class Beside:
    """framecache's time for a request of another work or file, as a multiple of that for this one; at most: the reverse."""

    file: str
    work: str
    other_file: str
    other_work: str
    least: float = 0.0
    most: float = math.inf
    other_at_least_seconds: float = 0.0

    def __call__(self, rows: Sequence[Row]) -> Reached | None:
        row = _row(rows, self.file, self.work)
        this, other = _per_request(row), _per_request(_row(rows, self.other_file, self.other_work))
        if row is None or this is None or other is None:
            return None
        value = other / this if self.most == math.inf else this / other
        if other < self.other_at_least_seconds:
            return Reached(self.file, value, f"{value:.3g}, of only {seconds_text(other)}", None)
        return Reached(self.file, value, f"{value:.3g}", _judged(row, self.least <= value <= self.most))


@dataclass(frozen=True)
class BesideBudget:
    """The most memory over imports, the caller's pictures and the budget, in all works on a file."""

    file: str
    most_bytes: int

    def __call__(self, rows: Sequence[Row]) -> Reached | None:
        over = [
            one.peak_bytes - one.caller_bytes - WORKS[row.work].budget_bytes
            for row in rows
            if row.file == self.file
            for one in row.outcomes.get(OURS, [])
            if one.seconds is not None
        ]
        # Only where the budget was filled is there anything to see.
        if not any(row.file == self.file and row.work == "memory" for row in rows) or not over:
            return None
        return Reached(self.file, max(over), f"budget {max(over) / 1e6:+.0f} MB", max(over) <= self.most_bytes)


def _row(rows: Iterable[Row], file: str, work: str) -> Row | None:
    return next((row for row in rows if (row.file, row.work) == (file, work)), None)


def _per_request(row: Row | None) -> float | None:
    seconds = row.seconds(OURS) if row else None
    return None if row is None or seconds is None else seconds / row.n_asked


def _judged(row: Row, is_met: bool) -> bool | None:
    """The goals are for so many steps: fewer make it easier or harder."""
    return is_met if row.steps == matrix.STEPS or not WORKS[row.work].has_steps else None


def ratio_text(ratio: float) -> str:
    """A ratio for people, to three places: "0.593", "12.4", "2663"."""
    return f"{ratio:.0f}" if ratio >= 1000 else f"{ratio:.3g}"


def seconds_text(seconds: float) -> str:
    """A time for people: "1.25 s", "3.1 ms", "12 µs"."""
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.1f} ms" if seconds >= 0.001 else f"{1e6 * seconds:.0f} µs"


H264 = (GOP250_1080P, GOP30_720P, H264_2160P, FLIES, MOUSE)
PLAYED = [name for name, works in matrix.MATRIX.items() if "forward" in works]
SPARSE = [name for name, works in matrix.MATRIX.items() if "every-30th" in works]
TARGETS = [
    Target("60 steps back, 1080p GOP 250", "30 times faster", (Faster(GOP250_1080P, "back", 30),)),
    Target("60 steps back, flies_120s / m3v1mp4", "10 times / 5 times", (Faster(FLIES, "back", 10), Faster(MOUSE, "back", 5))),
    Target(
        "scrub trace, 1080p GOP 250 / laboratory",
        "10 times / 4 times",
        (Faster(GOP250_1080P, "scrub", 10), Faster(FLIES, "scrub", 4), Faster(MOUSE, "scrub", 4)),
    ),
    Target(
        "60 random requests cold, H.264 and H.265",
        "1.2 times, and within 1.1 of the limit",
        tuple(
            check
            for name in (*H264, H265_1080P)
            for check in (Faster(name, "random-cold", 1.2), NearLimit(name, "random-cold", 1.1))
        ),
    ),
    Target("every 30th frame, H.264", "1.2 times", tuple(Faster(name, "every-30th", 1.2) for name in SPARSE)),
    Target("playing forward with images delivered", "1.15 times", tuple(Faster(name, "forward", 1.15) for name in PLAYED)),
    Target(
        "playing in reverse, where a GOP fits the budget",
        "0.8 of playing forward",
        tuple(Beside(name, "reverse", name, "forward", least=0.8) for name in (GOP250_1080P, GOP30_720P)),
    ),
    Target(
        "the same frame again, 1080p, a writable array / shared read-only",
        "1 ms / 20 µs",
        (PerRequest(GOP250_1080P, "same", 1e-3), PerRequest(GOP250_1080P, "same-shared", 20e-6)),
    ),
    Target("a neighbour already passed, 1080p", "1.5 ms", (PerRequest(GOP250_1080P, "neighbour", 1.5e-3),)),
    Target(
        "first open of the 3-hour MP4, index exact",
        "10 times torchcodec exact; 1.3 times FFmpeg's own open",
        (Faster(HOURS, "open-index", 10, "torchcodec"), Faster(HOURS, "open-index", 1.3, "pyav")),
    ),
    Target(
        "second open, where the first scan took over 1 s",
        "20 times",
        (Beside(HOURS_MKV, "open-again", HOURS_MKV, "open-index", least=20, other_at_least_seconds=LONG_SCAN_SECONDS),),
    ),
    Target(
        "first frame of the 3-hour MKV, index not stored",
        "as soon as FFmpeg can give it (within 1.1)",
        (NearLimit(HOURS_MKV, "open", 1.1),),
    ),
    Target(
        "request time, 3-hour against 1-minute file",
        "within 1.2",
        (Beside(HOURS, "random-cold", MINUTE, "random-cold", most=1.2),),
    ),
    Target(
        "peak memory, over RSS after import and arrays the caller holds",
        "budget + 200 MB at 1080p, + 600 MB at 2160p",
        (
            BesideBudget(GOP250_1080P, 200_000_000),
            BesideBudget(FLIES, 200_000_000),
            BesideBudget(H264_2160P, 600_000_000),
        ),
    ),
]
