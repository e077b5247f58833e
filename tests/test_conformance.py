"""The conformance check, which `scripts/test` runs with all as it comes, with what can be switched off switched off."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SWITCHED_OFF = """
import framecache
framecache.VideoReader.__init__.__kwdefaults__.update(prefetch=False, wait_for_index=True)
"""


def test_it_passes_without_prefetch_and_without_a_growing_index(media: Path, tmp_path: Path):
    # The check runs each clip in a process of its own, which imports this first.
    (tmp_path / "sitecustomize.py").write_text(SWITCHED_OFF)
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    command = [sys.executable, str(media.parent / "conformance" / "check.py")]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=1800)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert ", 0 failed" in done.stdout
