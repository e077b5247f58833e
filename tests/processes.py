"""The command line run as a process, as people and scripts run it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

COMMAND = [sys.executable, "-m", "framecache"]
LIMIT_SECONDS = 300


def run(*arguments: object, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command with its output into pipes."""
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=LIMIT_SECONDS, cwd=cwd, env={**os.environ, **environment}
    )


class Terminal:
    """A command whose output goes to a terminal of 100 columns."""

    def __init__(self, *arguments: object, cwd: Path | None = None) -> None:
        self._ours, theirs = pty.openpty()
        environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"}
        environment.pop("NO_COLOR", None)
        command = [*COMMAND, *map(str, arguments)]
        self.process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=cwd, env=environment)
        os.close(theirs)
        self._written = bytearray()

    @property
    def written(self) -> str:
        """All that was written so far."""
        return self._written.decode(errors="replace")

    def read_until(self, text: str) -> None:
        """Read on until a text was written; fails where the command ends before."""
        while text not in self.written:
            assert self._read(), f"the command ended before it wrote {text!r}: {self.written}"

    def end(self) -> int:
        """Read to the end; the exit code."""
        while self._read():
            pass
        os.close(self._ours)
        return self.process.wait(LIMIT_SECONDS)

    def _read(self) -> bool:
        try:
            some = os.read(self._ours, 1 << 16)
        except OSError:  # Linux says so when the last writer is gone
            return False
        self._written += some
        return bool(some)


def run_on_terminal(*arguments: object, cwd: Path | None = None) -> tuple[int, str]:
    """Run a command with its output on a terminal; its exit code and all that was written."""
    terminal = Terminal(*arguments, cwd=cwd)
    code = terminal.end()
    return code, terminal.written
