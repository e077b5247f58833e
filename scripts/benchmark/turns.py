"""Readers taking turns at one work on one file, the slow ones fewer of them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Protocol

from benchmark.matrix import takes_part
from benchmark.readers import GUESSERS
from benchmark.workers import Outcome
from benchmark.works import LIMIT, OURS, WORKS

# Once a reader took this long at a work, it gets no further turn; framecache and the limit, what is held against, do.
ENOUGH_SECONDS, ENOUGH_OF_OURS_SECONDS = 2.0, 18.0
# Untagged colours are converted differently by up to 3 levels in the mean; a picture that went wrong is tens apart.
OTHER_LEVELS = 10


class Runner(Protocol):
    """Who does a reader's runs."""

    def run(self, work: str, path: Path, steps: int, most_seconds: float) -> Outcome:
        """Do a work of that name on a file."""

    def renew(self) -> None:
        """Go on in a new process."""


@dataclass
class Row:
    """One work on one file, by all readers.

    Attributes:
        file, work, steps: What was done.
        outcomes: By reader, its runs, turn by turn.
    """

    file: str
    work: str
    steps: int
    outcomes: dict[str, list[Outcome]] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """What was done, in words."""
        return WORKS[self.work].title.format(self.n_asked)

    @property
    def n_asked(self) -> int:
        """How many requests it was, as framecache says, or whoever else did it."""
        asked = [one.n_asked for outcomes in self.outcomes.values() for one in outcomes if one.seconds is not None]
        return asked[0] if asked else self.steps

    def seconds(self, reader: str) -> float | None:
        """The median of a reader's runs; None where one failed, or there was none. Of one that was cut: at its pace."""
        times = [one.whole_seconds for one in self.outcomes.get(reader, [])]
        return median(times) if times and None not in times else None  # type: ignore[type-var]

    def is_cut(self, reader: str) -> bool:
        """Whether a reader was given up."""
        return any(one.is_cut for one in self.outcomes.get(reader, []))

    def is_wrong(self, reader: str) -> bool:
        """Whether a reader gave quite another picture than framecache, and so did not do the same work."""
        ours, theirs = (next((one.look for one in self.outcomes.get(name, []) if one.look), []) for name in (OURS, reader))
        pairs = list(zip(ours, theirs))
        return bool(pairs) and sum(abs(one - other) for one, other in pairs) / len(pairs) > OTHER_LEVELS

    @property
    def best_other(self) -> str | None:
        """The quickest of the others that did the same work, the limit left out: no wrong pictures, no guessed length."""
        left_out = (OURS, LIMIT, *(GUESSERS if WORKS[self.work].finds_all_frames else ()))
        others = [name for name in self.outcomes if name not in left_out and not self.is_wrong(name)]
        times = {name: self.seconds(name) for name in others}
        known = {name: seconds for name, seconds in times.items() if seconds is not None}
        return min(known, key=known.__getitem__) if known else None

    def ratios(self, other: str) -> list[float]:
        """How many times as long another reader took, turn by turn, ascending; one with fewer turns stays at its last."""
        theirs, ours = self.outcomes.get(other, []), self.outcomes.get(OURS, [])
        pairs = [(theirs[min(turn, len(theirs) - 1)], one) for turn, one in enumerate(ours)] if theirs else []
        return sorted(their.whole_seconds / our.seconds for their, our in pairs if their.whole_seconds and our.seconds)


@dataclass(frozen=True)
class Pace:
    """How much is done.

    Attributes:
        steps: Requests a work.
        n_turns: How often each reader does it, if it is not slow.
        most_seconds: After which other readers than framecache are given up, if not sooner.
    """

    steps: int
    n_turns: int
    most_seconds: float


def take_turns(row: Row, path: Path, runners: Mapping[str, Runner], pace: Pace, index_folder: Path, done: Sequence[Row]) -> None:
    """Fill a row; `done` are those before it, whose outcomes it may share."""
    work = WORKS[row.work]
    same = next((one.outcomes for one in done if (one.file, one.work) == (row.file, work.others_as)), {})
    taking = [name for name in runners if name == OURS or not (work.is_ours_alone or name in same)]
    taking = [name for name in taking if takes_part(name, row.file, row.work)]
    for _ in range(pace.n_turns):
        for reader in taking:
            outcomes = row.outcomes.setdefault(reader, [])
            if _has_enough(reader, outcomes):
                continue
            if work.is_ours_alone and outcomes:
                # Of what a turn freed, glibc keeps some; the goal is what the first one takes.
                runners[reader].renew()
            # Each opens as for the first time.
            shutil.rmtree(index_folder, ignore_errors=True)
            outcomes.append(runners[reader].run(row.work, path, pace.steps, pace.most_seconds))
    row.outcomes.update({name: same[name] for name in runners if name in same and name not in row.outcomes})


def _has_enough(reader: str, outcomes: list[Outcome]) -> bool:
    enough = ENOUGH_OF_OURS_SECONDS if reader in (OURS, LIMIT) else ENOUGH_SECONDS
    return any(one.seconds is None or one.is_cut for one in outcomes) or sum(one.seconds or 0 for one in outcomes) > enough
