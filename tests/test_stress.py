"""Eight threads on readers that share one engine, for a while: equal bytes, no deadlock, nothing that grows.

`FRAMECACHE_STRESS_SECONDS` says how long, all parts together; by default a minute under `CI=true`, else ten seconds.
"""

from __future__ import annotations

import faulthandler
import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from clips import digest, linear

from framecache import Engine, VideoReader
from framecache.decode.convert import Orientation, Transform, convert
from framecache.planes import plane_views

SECONDS = float(os.environ.get("FRAMECACHE_STRESS_SECONDS") or (60 if os.environ.get("CI") == "true" else 10))
N_THREADS = 8
MAX_DECODERS = 3
# How long after the end a thread may still be under way with what it began.
PATIENCE_SECONDS = 60
SAMPLE_SECONDS = 0.1
GROWTH_BYTES = 40_000_000

CLIPS: list[dict[str, Any]] = [
    {"gop": 12, "n_frames": 60},
    {"gop": 250, "n_frames": 60, "container": "mkv", "variable": True},
    {"gop": 10, "n_frames": 60, "container": "mkv", "open_gop": True},
    {"codec": "libx265", "gop": 20, "n_frames": 60},
    {"codec": "libvpx-vp9", "container": "webm", "gop": 30, "n_frames": 60},
    {"codec": "mpeg2video", "container": "ts", "gop": 6, "n_frames": 60},
]
# As tests of bytes need: one reader's images are its own, another's are shared; one is small, one keeps nothing.
OPTIONS: list[dict[str, Any]] = [
    {},
    {"writable": False, "pixel_format": "gray8"},
    {"max_size_xy": (72, 48)},
    {"use_cache": False},
    {"threshold_frames_to_scan": 0, "pixel_format": "rgb24", "writable": False},
]


@dataclass(frozen=True)
class Expected:
    """What a reader must give: a checksum for each frame's image, and for its planes."""

    path: Path
    options: dict[str, Any]
    images: list[str]
    planes: list[str]


@dataclass
class Outcome:
    """What the threads did, and what went wrong."""

    until: float
    n_checked: int = 0
    failures: list[BaseException] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        return bool(self.failures) or time.monotonic() > self.until


def digest_of_planes(arrays: Any) -> str:
    return "".join(digest(array) for array in arrays)


@cache
def truth(path: Path) -> list[Any]:
    return list(linear(path))


def expected(path: Path, options: dict[str, Any]) -> Expected:
    transform = Transform(options.get("pixel_format", "bgr24"), options.get("max_size_xy"))
    images = [digest(convert(frame, transform, Orientation())) for frame in truth(path)]
    return Expected(path, options, images, [digest_of_planes(plane_views(frame)) for frame in truth(path)])


class Walker:
    """What one thread does: whatever people and programs do with a reader, in any order."""

    def __init__(self, engine: Engine, readers: list[tuple[VideoReader, Expected]], outcome: Outcome, seed: int) -> None:
        self.engine, self.readers, self.outcome = engine, readers, outcome
        self.rng = random.Random(seed)
        self.ways = [self.walk, self.jump, self.slice, self.several, self.backwards, self.forwards, self.planes, self.open_own]

    def run(self) -> None:
        try:
            while not self.outcome.is_over:
                reader, wanted = self.rng.choice(self.readers)
                self.rng.choice(self.ways)(reader, wanted)
        except BaseException as failure:
            self.outcome.failures.append(failure)

    def check(self, got: str, wanted: str, what: object) -> None:
        assert got == wanted, f"other bytes than the linear decode has, {what}"
        self.outcome.n_checked += 1

    def image(self, reader: VideoReader, wanted: Expected, index: int) -> None:
        frame = reader.request_frame(index)
        assert frame.frame_ix == index
        self.check(digest(frame.image), wanted.images[index], (wanted.path.name, wanted.options, index))
        if frame.image.flags.writeable:
            frame.image[...] = 0

    def walk(self, reader: VideoReader, wanted: Expected) -> None:
        index = self.rng.randrange(len(reader))
        for _ in range(12):
            self.image(reader, wanted, index)
            index = min(max(index + self.rng.choice((1, -1, 2, -2, 7, -5)), 0), len(reader) - 1)

    def jump(self, reader: VideoReader, wanted: Expected) -> None:
        for _ in range(4):
            self.image(reader, wanted, self.rng.randrange(len(reader)))

    def slice(self, reader: VideoReader, wanted: Expected) -> None:
        start, step = self.rng.randrange(len(reader)), self.rng.choice((1, 3, -1, -4))
        places = range(len(reader))[start : start + 8 * step if start + 8 * step >= 0 else None : step]
        for index, image in zip(places, reader[places], strict=True):
            self.check(digest(image), wanted.images[index], (wanted.path.name, wanted.options, index))

    def several(self, reader: VideoReader, wanted: Expected) -> None:
        indices = [self.rng.randrange(len(reader)) for _ in range(8)]
        for index, frame in zip(indices, reader.request_frames(indices), strict=True):
            self.check(digest(frame.image), wanted.images[index], (wanted.path.name, wanted.options, index))

    def backwards(self, reader: VideoReader, wanted: Expected) -> None:
        self._play(reader, wanted, -1)

    def forwards(self, reader: VideoReader, wanted: Expected) -> None:
        self._play(reader, wanted, 1)

    def _play(self, reader: VideoReader, wanted: Expected, step: int) -> None:
        first = self.rng.randrange(len(reader))
        for frame in reader.iter_frames(frame_interval=(first, first + 20), step=step):
            self.check(digest(frame.image), wanted.images[frame.frame_ix], (wanted.path.name, wanted.options, frame.frame_ix))
            if self.rng.random() < 0.03:
                return

    def planes(self, reader: VideoReader, wanted: Expected) -> None:
        index = self.rng.randrange(len(reader))
        got = digest_of_planes(reader.request_planes(index).arrays)
        self.check(got, wanted.planes[index], (wanted.path.name, "planes", index))

    def open_own(self, _reader: VideoReader, _wanted: Expected) -> None:
        """A reader of its own beside the shared ones, closed or dropped."""
        _, wanted = self.rng.choice(self.readers)
        own = VideoReader(wanted.path, engine=self.engine, **wanted.options)
        self.jump(own, wanted)
        if self.rng.random() < 0.5:
            own.close()


@dataclass(frozen=True)
class Sample:
    """What the process held at a moment."""

    resident_bytes: int
    n_files: int
    n_threads: int
    n_decoders: int
    cache_bytes: int


def take_sample(engine: Engine) -> Sample:
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return Sample(
        int(lines["VmRSS"].split()[0]) * 1024,
        len(os.listdir("/proc/self/fd")),
        int(lines["Threads"]),
        engine.open_decoders,
        engine.cache.bytes_held,
    )


def settled(engine: Engine, at_first: Sample) -> Sample:
    """What is held at the end; the system may take a moment to let go of threads that are done."""
    for _ in range(20):
        sample = take_sample(engine)
        if sample.n_threads <= at_first.n_threads:
            break
        time.sleep(0.1)
    return sample


@contextmanager
def ending_for_sure(seconds: float, capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Even a deadlock that holds the interpreter's lock ends the process, with every thread's stack on stderr."""
    with capfd.disabled():
        uncaptured = os.dup(2)
    with open(uncaptured, "w") as stderr:
        faulthandler.dump_traceback_later(seconds, exit=True, file=stderr)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()


def stress(engine: Engine, wanted: list[Expected], seconds: float) -> tuple[Outcome, list[Sample]]:
    """Let the threads loose on one reader for each of `wanted`; what they did, and what was held meanwhile."""
    outcome, samples = Outcome(time.monotonic() + seconds), list[Sample]()
    readers = [(VideoReader(one.path, engine=engine, **one.options), one) for one in wanted]
    walkers = [Walker(engine, readers, outcome, seed) for seed in range(N_THREADS)]
    threads = [threading.Thread(target=walker.run, daemon=True) for walker in walkers]
    for thread in threads:
        thread.start()
    while not outcome.is_over:
        samples.append(take_sample(engine))
        time.sleep(SAMPLE_SECONDS)
    for thread in threads:
        thread.join(max(0.0, outcome.until + PATIENCE_SECONDS - time.monotonic()))
    if any(thread.is_alive() for thread in threads):
        faulthandler.dump_traceback(all_threads=True)
        pytest.fail("a deadlock: threads do not come to their end; their stacks are above")
    for reader, _ in readers:
        reader.close()
    return outcome, samples


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("budget_bytes", [120_000, 10**9], ids=["a-few-frames-fit", "everything-fits"])
def test_eight_threads_get_equal_bytes_and_nothing_grows_or_hangs(
    clip: Callable[..., Path], budget_bytes: int, capfd: pytest.CaptureFixture[str]
):
    paths = [clip(**features) for features in CLIPS]
    wanted = [expected(path, options) for path in paths for options in OPTIONS]
    seconds = SECONDS / 2
    with ending_for_sure(seconds + 2 * PATIENCE_SECONDS, capfd):
        with Engine(budget_bytes, max_decoders=MAX_DECODERS) as before:
            # What is made once, and stays, is made before anything is counted.
            stress(before, wanted, seconds / 10)
        time.sleep(0.5)
        at_first = take_sample(before)
        with Engine(budget_bytes, max_decoders=MAX_DECODERS) as engine:
            outcome, samples = stress(engine, wanted, seconds)
            evictions = engine.cache.stats.evictions
            # Asked in this order: readers that were dropped are released when the engine is next used.
            held = engine.open_decoders, engine.cache.bytes_held
        at_last = settled(engine, at_first)
    if outcome.failures:
        raise outcome.failures[0]
    assert outcome.n_checked > 100
    assert (evictions > 0) == (budget_bytes < 10**9)
    assert max(sample.cache_bytes for sample in samples) <= budget_bytes
    assert max(sample.n_decoders for sample in samples) <= MAX_DECODERS
    assert held == (0, 0), "the last reader of a video was closed, and something of it is still held"
    early, late = samples[len(samples) // 4 : len(samples) // 2], samples[len(samples) // 2 :]
    assert max(one.resident_bytes for one in late) < max(one.resident_bytes for one in early) + GROWTH_BYTES
    # Each decoder has its file and its threads, and so has each thread that is opening a reader.
    assert max(one.n_files for one in samples) <= at_first.n_files + MAX_DECODERS + 2 * N_THREADS
    assert max(one.n_threads for one in late) <= max(one.n_threads for one in early) + MAX_DECODERS * engine.threads
    assert at_last.n_files <= at_first.n_files
    assert at_last.n_threads <= at_first.n_threads
