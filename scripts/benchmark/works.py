"""The works that are timed: what people do with a video, each on a file that was just opened."""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np

from benchmark.readers import READERS, Image, Reader, open_several

OURS, LIMIT = "framecache", "limit"
SCRUB_STRIDES = (7, -5, 1, -1, 13, -11)
SCATTERED = 64
SMALL_BUDGET_BYTES = 256 * 1024**2
# Works whose cost lies in every step are given up sooner, where another reader is many times slower.
PATIENCE_SECONDS = 6.0
NEVER_SECONDS = 600.0

Places = tuple[list[int], list[int]]
Manner = Literal["ask", "play", "play back", "stride", "all at once", "first frame", "index", "index again", "four"]


@dataclass
class Timing:
    """What a run of a work gave.

    Attributes:
        seconds: How long the steps that were done took.
        n_done, n_asked: How many of the requests were done, and were to be done.
        counted: What the reader counted meanwhile; `frames` is how many it returned.
        caller_bytes: The most bytes of pictures that the caller held at once.
        look: The first picture that was timed, in 8 x 8 grey levels, by which a quite wrong one is known.
    """

    seconds: float = 0.0
    n_done: int = 0
    n_asked: int = 0
    counted: dict[str, int] = field(default_factory=dict)
    caller_bytes: int = 0
    look: list[int] = field(default_factory=list)

    def watch(self, pictures: Iterable[Image], patience_seconds: float) -> None:
        """Take pictures one by one, and time that, until there are no more or patience is at its end."""
        first, began = None, time.perf_counter()
        for picture in pictures:
            self.seconds = time.perf_counter() - began
            self.n_done += 1
            first = picture if first is None else first
            if self.seconds > patience_seconds:
                break
        if first is not None:
            self.look = look(first)
            self.caller_bytes = first.nbytes * min(self.n_done, 2)


@dataclass(frozen=True)
class Work:
    """A way through a video.

    Attributes:
        title: What it is called in tables, with `{}` where the number of requests stands.
        indices: Of a length and a number of steps, the frames to arrive at first, untimed, and those that are timed.
        options: What framecache's reader is opened with.
        manner: How the frames are taken.
        patience_seconds: How long other readers than framecache may take.
        others_as: The work that is the same for the other readers, which then do not do it again.
        budget_bytes: framecache's budget, for its memory to be held against.
        is_ours_alone: Whether only framecache does it.
    """

    title: str
    indices: Callable[[int, int], Places]
    options: tuple[tuple[str, Any], ...] = ()
    manner: Manner = "ask"
    patience_seconds: float = PATIENCE_SECONDS
    others_as: str | None = None
    budget_bytes: int = 1024**3
    is_ours_alone: bool = False

    @property
    def is_opening(self) -> bool:
        """Whether opening the file is what is timed."""
        return self.manner in ("first frame", "index", "index again")

    @property
    def finds_all_frames(self) -> bool:
        """Whether it is done only once all frames are known."""
        return self.manner in ("index", "index again")

    @property
    def has_steps(self) -> bool:
        """Whether it goes on for as many steps as one likes."""
        return not self.is_opening and self.manner != "all at once"

    def run(self, reader: str, path: str, steps: int, most_seconds: float = NEVER_SECONDS) -> Timing:
        """Do it, timed; other readers than framecache are given up after `most_seconds`, if not sooner."""
        patience_seconds = NEVER_SECONDS if reader == OURS else min(self.patience_seconds, most_seconds)
        if self.is_opening:
            return self._open(reader, path)
        if self.manner == "four":
            return self._four(reader, path, steps, patience_seconds)
        return self._take(reader, path, steps, patience_seconds)

    def _options(self, reader: str) -> dict[str, Any]:
        return dict(self.options) if reader == OURS else {}

    def _open(self, reader: str, path: str) -> Timing:
        kind, timing = READERS[reader], Timing(n_done=1, n_asked=1)
        if self.manner == "index again":
            with _closed_after(kind(path)) as first:
                len(first)
        began = time.perf_counter()
        with _closed_after(kind(path)) as opened:
            if self.manner == "first frame":
                picture = opened.first()
                timing.seconds = time.perf_counter() - began
                timing.look, timing.caller_bytes = look(picture), picture.nbytes
            else:
                len(opened)
                timing.seconds = time.perf_counter() - began
            timing.counted = {**opened.counters(), "frames": int(self.manner == "first frame")}
        return timing

    def _take(self, name: str, path: str, steps: int, patience_seconds: float) -> Timing:
        with _closed_after(READERS[name](path, **self._options(name))) as reader:
            arrive, timed = self.indices(len(reader), steps)
            self._arrive(reader, arrive)
            timing, before = Timing(n_asked=len(timed)), reader.counters()
            if self.manner == "all at once":
                began = time.perf_counter()
                pictures = reader.get_all(timed)
                timing.seconds, timing.n_done = time.perf_counter() - began, len(pictures)
                timing.look, timing.caller_bytes = look(pictures[0]), sum(picture.nbytes for picture in pictures)
            else:
                timing.watch(self._pictures(reader, timed), patience_seconds)
                is_whole = timing.n_done == len(timed) or timing.seconds > patience_seconds
                assert is_whole, f"{timing.n_done} frames came of {len(timed)}"
            after = reader.counters()
            timing.counted = {key: value - before.get(key, 0) for key, value in after.items()} | {"frames": timing.n_done}
            return timing

    def _arrive(self, reader: Reader, arrive: list[int]) -> None:
        if len(arrive) > 1:
            for _ in reader.play(len(arrive)):
                """As somebody who watched up to here."""
        elif arrive:
            reader.get(arrive[0])

    def _pictures(self, reader: Reader, timed: list[int]) -> Iterator[Image]:
        if self.manner == "play":
            return reader.play(len(timed))
        if self.manner == "play back":
            return reader.play_back(range(timed[0], timed[-1] - 1, -1))
        if self.manner == "stride":
            return reader.stride(range(timed[0], timed[-1] + 1, timed[1] - timed[0] if len(timed) > 1 else 1))
        return (reader.get(index) for index in timed)

    def _four(self, name: str, path: str, steps: int, patience_seconds: float) -> Timing:
        """Four cameras side by side: four files, each step in all of them."""
        with tempfile.TemporaryDirectory() as folder:
            paths = [shutil.copy(path, Path(folder) / f"{number}-{Path(path).name}") for number in range(4)]
            readers, close = open_several(name, [str(one) for one in paths], self.budget_bytes)
            try:
                arrive, timed = self.indices(len(readers[0]), max(1, steps // 4))
                for reader in readers:
                    self._arrive(reader, arrive)
                timing, before = Timing(n_asked=4 * len(timed)), _sum(readers)
                each = (reader.get(index) for index in timed for reader in readers)
                timing.watch(each, patience_seconds)
                after = _sum(readers)
                timing.counted = {key: value - before[key] for key, value in after.items()} | {"frames": timing.n_done}
                return timing
            finally:
                close()


def look(picture: Image) -> list[int]:
    """A picture in 8 x 8 grey levels, whichever way its colours lie: `(H, W, 3)` or `(3, H, W)`, BGR or RGB."""
    grey = picture.mean(axis=2 if picture.shape[2] == 3 else 0)
    cells = [np.array_split(rows, 8, axis=1) for rows in np.array_split(grey, 8, axis=0)]
    return [round(float(cell.mean())) if cell.size else 0 for row in cells for cell in row]


@contextmanager
def _closed_after(reader: Reader) -> Iterator[Reader]:
    try:
        yield reader
    finally:
        reader.close()


def _sum(readers: list[Reader]) -> dict[str, int]:
    counted = [reader.counters() for reader in readers]
    return {key: sum(one[key] for one in counted) for key in counted[0]}


def _random(n: int, steps: int) -> Places:
    # Of a file that repeats a shorter one, the same pictures are asked for as of that.
    chance = random.Random(7)
    return [0], [chance.randrange(10**9) % n for _ in range(steps)]


def _scattered(n: int, _steps: int) -> Places:
    return [], _random(n, SCATTERED)[1]


def _back(n: int, steps: int) -> Places:
    # Towards the end of a GOP, where a step back is dearest.
    start = max(min(n - 1, 245), min(n - 1, steps))
    return [start], list(range(start - 1, max(-1, start - 1 - steps), -1))


def _neighbours(n: int, steps: int) -> Places:
    last = min(n - 1, steps)
    return list(range(last + 1)), list(range(last - 1, -1, -1))


def _scrub(n: int, steps: int) -> Places:
    at, way = min(n // 2, 200), []
    start = at
    for stride in islice(_strides(), steps):
        at = min(max(at + stride, 0), n - 1)
        way.append(at)
    return [start], way


def _strides() -> Iterator[int]:
    while True:
        yield from SCRUB_STRIDES


def _every_30th(n: int, steps: int) -> Places:
    return [], list(range(0, n, 30))[:steps]


def _same(n: int, steps: int) -> Places:
    return [n // 2], [n // 2] * steps


def _forward(n: int, steps: int) -> Places:
    return [], list(range(min(n, 4 * steps)))


def _reverse(n: int, steps: int) -> Places:
    last = min(n - 1, 249)
    return [], list(range(last, max(-1, last - 4 * steps), -1))


def _everywhere(n: int, steps: int) -> Places:
    """Forward, far apart and back again: more frames than a budget holds, from all over."""
    return [], [*range(min(n, 2 * steps)), *_random(n, steps // 4)[1], *range(n - 1, max(-1, n - 1 - steps), -1)]


def _first(_n: int, _steps: int) -> Places:
    return [], [0]


SMALL_BUDGET = (("buffer_size_bytes", SMALL_BUDGET_BYTES),)
WORKS = {
    "open": Work("open, first frame", _first, manner="first frame"),
    "open-index": Work("open, all frames known", _first, manner="index"),
    "open-again": Work("open again, all frames known", _first, manner="index again"),
    "random-cold": Work("{} random requests, cold", _random, (("use_cache", False),), patience_seconds=30),
    "random": Work("{} random requests", _random, others_as="random-cold"),
    "back": Work("{} steps back", _back),
    "neighbour": Work("{} steps back where one just played", _neighbours),
    "scrub": Work("scrub trace of {}", _scrub),
    "every-30th": Work("every 30th frame, {} of them", _every_30th, manner="stride", patience_seconds=30),
    "same": Work("the same frame again, {} times", _same),
    "same-shared": Work("the same frame again, {} times, shared read-only", _same, (("writable", False),), others_as="same"),
    "forward": Work("playing forward, {} frames", _forward, manner="play", patience_seconds=30),
    "reverse": Work("playing in reverse, {} frames", _reverse, manner="play back"),
    "batch": Work("a batch of {} scattered frames", _scattered, manner="all at once"),
    "four": Work("scrub trace of {} in four files, 256 MiB", _scrub, manner="four", budget_bytes=SMALL_BUDGET_BYTES),
    "memory": Work(
        "{} frames from all over, 256 MiB", _everywhere, SMALL_BUDGET, budget_bytes=SMALL_BUDGET_BYTES, is_ours_alone=True
    ),
}
