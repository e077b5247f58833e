from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import framecache
from framecache.cli import jumps, main


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "framecache", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env={**os.environ, **environment})


def test_a_video_is_told_jumped_about_in_and_shown_on_a_sheet(sample: Path, tmp_path: Path):
    done = run(sample, "--out", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "h264" in done.stdout
    assert "330 frames" in done.stdout
    rows = [line.split() for line in done.stdout.splitlines() if line.endswith(("the cache", "the decoder"))]
    assert [int(row[0]) for row in rows] == jumps(330)
    assert all(row[0] == row[1] for row in rows), "the frame that came is the one that was asked for"
    assert (tmp_path / "sample-sheet.png").stat().st_size > 1000


def test_the_jumps_go_far_back_and_stay_inside():
    for count in (1, 2, 5, 1000):
        assert all(0 <= index < count for index in jumps(count))
    assert {0, 999, 500, 499} <= set(jumps(1000))


def test_a_damaged_frame_does_not_end_the_tour(media: Path, tmp_path: Path):
    done = run(media / "corrupted.mp4", "--out", tmp_path)
    assert done.returncode == 0


@pytest.mark.parametrize("name", ["sample_audio_only.mp4", "nowhere.mp4"])
def test_a_failure_is_one_line_on_stderr(media: Path, tmp_path: Path, name: str):
    done = run(media / name, "--out", tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("framecache: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_folder_that_cannot_be_written_is_a_failure(sample: Path, tmp_path: Path):
    (tmp_path / "file").write_text("")
    done = run(sample, "--out", tmp_path / "file")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1


def test_wrong_usage_exits_with_2():
    assert run("--nonsense").returncode == 2


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"framecache {framecache.__version__}\n"
