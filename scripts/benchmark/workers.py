"""A process for each reader, so that none is in another's way, and each one's memory is its own."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import multiprocessing
import os
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmark.readers import MODULES
from benchmark.works import NEVER_SECONDS, WORKS


@dataclass
class Outcome:
    """What one run gave.

    Attributes:
        seconds: How long it took; None where it failed.
        n_done, n_asked: How many of the requests were done before patience was at its end, and of how many.
        peak_bytes: The most memory that the process held meanwhile, over what it held after its imports.
        caller_bytes: What of that was pictures in the caller's hands.
        counted: What the reader counted.
        look: The first picture that was timed, coarsely; empty where there was none.
        error: Why it failed.
    """

    seconds: float | None
    n_done: int = 1
    n_asked: int = 1
    peak_bytes: int = 0
    caller_bytes: int = 0
    counted: dict[str, int] = field(default_factory=dict)
    look: list[int] = field(default_factory=list)
    error: str = ""

    @property
    def is_cut(self) -> bool:
        """Whether it was given up before it had done all."""
        return self.n_done < self.n_asked

    @property
    def whole_seconds(self) -> float | None:
        """How long all of it takes: where it was given up, at the pace of the requests that were done."""
        if self.seconds is None or not self.is_cut:
            return self.seconds
        return self.seconds * self.n_asked / max(self.n_done, 1)


class Worker:
    """One reader's process."""

    def __init__(self, reader: str, index_folder: Path) -> None:
        self._reader, self._index_folder = reader, index_folder
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        arguments = (self._reader, theirs, str(self._index_folder))
        self._process = context.Process(target=_serve, args=arguments, daemon=True)
        self._process.start()
        theirs.close()

    def run(self, work: str, path: Path, steps: int, most_seconds: float = NEVER_SECONDS) -> Outcome:
        """Do a work of that name on a file."""
        try:
            self._ours.send((work, str(path), steps, most_seconds))
            outcome = self._ours.recv()
        except (EOFError, BrokenPipeError):
            return Outcome(None, error="its process ended")
        assert isinstance(outcome, Outcome)
        return outcome

    def renew(self) -> None:
        """Go on in a new process: memory that was given back to glibc is not all given back to the system."""
        self.close()
        self._start()

    def close(self) -> None:
        """End the process."""
        self._ours.close()
        self._process.join(5)
        self._process.terminate()


def _serve(reader: str, pipe: Connection, index_folder: str) -> None:
    os.environ["FRAMECACHE_INDEX_DIR"] = index_folder
    os.environ["OPENCV_FFMPEG_LOGLEVEL"] = "-8"
    # What FFmpeg says about a file, it would say again and again between the lines of progress.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    with contextlib.suppress(ImportError):  # the first run says so
        importlib.import_module(MODULES[reader])
    after_imports_bytes = _memory("VmRSS")
    while True:
        try:
            asked = pipe.recv()
        except EOFError:
            return
        pipe.send(_run(reader, asked, after_imports_bytes))


def _run(reader: str, asked: tuple[str, str, int, float], after_imports_bytes: int) -> Outcome:
    try:
        work, path, steps, most_seconds = asked
        _forget_memory()
        timing: dict[str, Any] = asdict(WORKS[work].run(reader, path, steps, most_seconds))
        return Outcome(**timing, peak_bytes=_memory("VmHWM") - after_imports_bytes)
    except Exception as error:  # whatever another reader raises, it is told below the table
        return Outcome(None, error=f"{type(error).__name__}: {error}"[:200])


def _forget_memory() -> None:
    """Give back what earlier runs left unused, and count the peak anew; where there is no glibc or /proc, nothing."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")


def _memory(name: str) -> int:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(name)), 0)
