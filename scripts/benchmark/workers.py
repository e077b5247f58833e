"""A process for each reader, so that none is in another's way, and each one's memory is its own."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from benchmark.readers import READERS, Reader
from benchmark.works import WORKS


@dataclass
class Outcome:
    """What one run gave.

    Attributes:
        seconds: How long it took; None where it failed.
        peak_bytes: The most memory that the process held meanwhile, over what it held before.
        counted: What the reader counted.
        error: Why it failed.
    """

    seconds: float | None
    peak_bytes: int = 0
    counted: dict[str, int] = field(default_factory=dict)
    error: str = ""


class Worker:
    """One reader's process."""

    def __init__(self, reader: str, index_folder: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(reader, theirs, str(index_folder)), daemon=True)
        self._process.start()
        theirs.close()

    def run(self, work: str, path: Path, steps: int) -> Outcome:
        try:
            self._ours.send((work, str(path), steps))
            outcome = self._ours.recv()
        except (EOFError, BrokenPipeError):
            return Outcome(None, error="its process ended")
        assert isinstance(outcome, Outcome)
        return outcome

    def close(self) -> None:
        self._ours.close()
        self._process.join(5)
        self._process.terminate()


def _serve(reader: str, pipe: Connection, index_folder: str) -> None:
    os.environ["FRAMECACHE_INDEX_DIR"] = index_folder
    os.environ["OPENCV_FFMPEG_LOGLEVEL"] = "-8"
    kind = READERS[reader]
    while True:
        try:
            work, path, steps = pipe.recv()
        except EOFError:
            return
        pipe.send(_run(kind, reader, work, path, steps))


def _run(kind: Callable[..., Reader], reader: str, work: str, path: str, steps: int) -> Outcome:
    try:
        before = _forget_peak()
        seconds, counted = WORKS[work].run(kind, reader, path, steps)
        return Outcome(seconds, _memory("VmHWM") - before, counted)
    except Exception as error:  # whatever another reader raises, it is told in the table
        return Outcome(None, error=f"{type(error).__name__}: {error}"[:200])


def _forget_peak() -> int:
    """Bytes held now, from which on the peak is counted; Linux only, 0 elsewhere."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return 0
    return _memory("VmRSS")


def _memory(name: str) -> int:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(name)), 0)
