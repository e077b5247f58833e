"""The works that are timed: what people do with a video, each on a file that was just opened."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from benchmark.readers import Reader

SCRUB_STRIDES = (7, -5, 1, -1, 13, -11)


@dataclass(frozen=True)
class Work:
    """A way through a video.

    Attributes:
        title: What it is called in tables.
        indices: Of a length and a number of steps, the frames to arrive at first, untimed, and those that are timed.
        options: What framecache's reader is opened with.
        is_playing: Whether the frames are taken in order, as a player does, rather than asked for.
        is_opening: Whether opening the file is what is timed, with its first frame.
    """

    title: str
    indices: Callable[[int, int], tuple[list[int], list[int]]]
    options: tuple[tuple[str, Any], ...] = ()
    is_playing: bool = False
    is_opening: bool = False

    def run(self, open_reader: Callable[..., Reader], name: str, path: str, steps: int) -> tuple[float, dict[str, int]]:
        """Seconds that it took, and what the reader counted meanwhile."""
        options = dict(self.options) if name == "framecache" else {}
        opened = time.perf_counter()
        reader = open_reader(path, **options)
        try:
            arrive, timed = self.indices(len(reader), steps)
            _take(reader, arrive)
            before = reader.counters()
            began = opened if self.is_opening else time.perf_counter()
            if self.is_playing:
                count = sum(1 for _ in reader.play(len(timed)))
                assert count == len(timed), f"{name} played {count} frames of {len(timed)}"
            else:
                _take(reader, timed)
            seconds = time.perf_counter() - began
            after = reader.counters()
            counted = {key: value - before.get(key, 0) for key, value in after.items()} | {"frames": len(timed)}
            return seconds, counted
        finally:
            reader.close()


def _take(reader: Reader, indices: Iterable[int]) -> None:
    for index in indices:
        reader.get(index)


def _random(n: int, steps: int) -> tuple[list[int], list[int]]:
    chance = random.Random(7)
    return [0], [chance.randrange(n) for _ in range(steps)]


def _back(n: int, steps: int) -> tuple[list[int], list[int]]:
    # Towards the end of a GOP, where a step back is dearest.
    start = max(min(n - 1, 245), min(n - 1, steps))
    return [start], list(range(start - 1, max(-1, start - 1 - steps), -1))


def _scrub(n: int, steps: int) -> tuple[list[int], list[int]]:
    at, way = min(n // 2, 200), []
    start = at
    for step in range(steps):
        at = min(max(at + SCRUB_STRIDES[step % len(SCRUB_STRIDES)], 0), n - 1)
        way.append(at)
    return [start], way


def _every_30th(n: int, steps: int) -> tuple[list[int], list[int]]:
    return [], list(range(0, n, 30))[:steps]


def _same(n: int, steps: int) -> tuple[list[int], list[int]]:
    return [n // 2], [n // 2] * steps


def _forward(n: int, steps: int) -> tuple[list[int], list[int]]:
    return [], list(range(min(n, 4 * steps)))


def _reverse(n: int, steps: int) -> tuple[list[int], list[int]]:
    last = min(n - 1, 249)
    return [], list(range(last, max(-1, last - 4 * steps), -1))


def _first(_n: int, _steps: int) -> tuple[list[int], list[int]]:
    return [], [0]


WORKS = {
    "open": Work("open, first frame", _first, is_opening=True),
    "random-cold": Work("random requests, cold", _random, (("use_cache", False),)),
    "random": Work("random requests", _random),
    "back": Work("steps back", _back),
    "scrub": Work("scrub trace", _scrub),
    "every-30th": Work("every 30th frame", _every_30th),
    "same": Work("the same frame again", _same),
    "same-shared": Work("the same frame again, shared read-only", _same, (("writable", False),)),
    "forward": Work("playing forward", _forward, is_playing=True),
    "reverse": Work("playing in reverse", _reverse),
}
