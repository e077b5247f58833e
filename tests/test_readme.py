"""What the README, CONTRIBUTING and docs show runs as it is written."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import processes
import pytest

ROOT = Path(__file__).resolve().parents[1]
TEXTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCKS = [
    pytest.param(code, id=f"{path.name}-{number}")
    for path in TEXTS
    for number, code in enumerate(re.findall(r"```python\n(.*?)```", path.read_text(), re.DOTALL))
]


@pytest.mark.parametrize("code", BLOCKS)
def test_a_python_block_runs(code: str, tmp_path: Path, sample: Path):
    for name in ("video.mp4", "other.mp4"):
        shutil.copy(sample, tmp_path / name)
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


COMMANDS = [
    code
    for line in (ROOT / "README.md").read_text().splitlines()
    if line.startswith("| `framecache ")
    for code in re.findall(r"`(framecache [^`]+)`", line)
    # One opens a window (see test_view.py), one serves until it is told to end (see test_server_run.py).
    if not code.startswith(("framecache view", "framecache serve"))
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_runs(command: str, tmp_path: Path, sample: Path):
    shutil.copy(sample, tmp_path / "video.mp4")
    words = command.replace("[VIDEO]", "VIDEO").replace("VIDEO...", "VIDEO").replace("VIDEO", "video.mp4").split()[1:]
    done = processes.run(*words, cwd=tmp_path, TMPDIR=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")


def test_there_are_blocks():
    assert len(BLOCKS) >= 3
    assert len(COMMANDS) >= 9


def test_every_file_and_link_that_is_named_is_there():
    for path in TEXTS:
        text = path.read_text()
        for target in re.findall(r"\]\(([^)#:]+)\)", text):
            assert (path.parent / target).exists(), f"{path} names {target}"
        for script in re.findall(r"`(scripts/[\w.]+)", text):
            assert (ROOT / script).exists(), f"{path} names {script}"
