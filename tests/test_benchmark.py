"""What scripts/bench stands on: its files, its works, its readers and its table."""

from __future__ import annotations

import json
import os
from pathlib import Path

import av
import pytest
from benchmark import report
from benchmark.clips import Made, _encode, _repeat
from benchmark.readers import READERS
from benchmark.workers import Outcome, Worker
from benchmark.works import WORKS

INSTALLED = ["framecache", "opencv", "pyav", "limit"]


@pytest.mark.parametrize("n", [1, 7, 40, 330, 100_000])
@pytest.mark.parametrize("name", WORKS)
def test_works_ask_for_frames_that_there_are(name: str, n: int):
    arrive, timed = WORKS[name].indices(n, 60)
    assert all(0 <= index < n for index in [*arrive, *timed])
    assert timed or n == 1


@pytest.mark.parametrize("reader", INSTALLED)
def test_every_reader_does_every_work(reader: str, sample: Path):
    for name, work in WORKS.items():
        seconds, counted = work.run(READERS[reader], reader, str(sample), 5)
        assert seconds > 0, name
        assert counted["frames"] >= 1


def test_all_readers_give_the_same_frames(sample: Path):
    from framecache.sample import read_index

    for name in INSTALLED:
        reader = READERS[name](str(sample))
        assert len(reader) == 330
        assert [read_index(reader.get(index)) for index in (0, 329, 100, 99)] == [0, 329, 100, 99], name
        assert [read_index(image) for image in reader.play(4)][-1] >= 3
        reader.close()


def test_a_worker_measures_in_a_process_of_its_own_and_tells_of_failures(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    paths = [str(Path(__file__).resolve().parents[1] / "scripts"), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    worker = Worker("framecache", tmp_path)
    good, bad = worker.run("back", sample, 5), worker.run("back", tmp_path / "nowhere.mp4", 5)
    worker.close()
    assert good.seconds is not None
    assert good.counted["frames"] == 5
    assert bad.seconds is None
    assert "nowhere.mp4" in bad.error


def row() -> report.Row:
    made = report.Row("a.mp4", "back", 60)
    made.outcomes = {
        "framecache": [Outcome(1.0, 2_000_000, {"frames": 60, "frames_decoded": 30}), Outcome(2.0)],
        "opencv": [Outcome(30.0), Outcome(40.0)],
        "pyav": [Outcome(3.0), Outcome(None, error="x")],
        "limit": [Outcome(0.5), Outcome(0.5)],
    }
    return made


def test_ratios_are_to_the_best_other_that_did_not_fail():
    assert row().best_other == "opencv"
    assert row().ratios("opencv") == [20.0, 30.0]
    line = report.as_table([row()], ["framecache", "opencv", "pyav", "limit"]).splitlines()[-1]
    assert [cell.strip() for cell in line.strip("|").split("|")] == [
        "a.mp4",
        "60 steps back",
        "1.50 s",
        "35.00 s",
        "failed",
        "500.0 ms",
        "25.00 (20.00 to 30.00), opencv",
        "",
        "2",
    ]


def test_json_holds_everything(tmp_path: Path):
    report.write_json(tmp_path / "a.json", [row()])
    content = json.loads((tmp_path / "a.json").read_text())
    assert content["rows"][0]["outcomes"]["opencv"][1]["seconds"] == 40.0
    assert content["machine"]["av"] == av.__version__


def test_files_are_made_and_repeated(tmp_path: Path):
    made = Made("a.mp4", "libx264", (128, 96), 50, {"preset": "ultrafast", "x264-params": "keyint=25"})
    _encode(tmp_path / "a.mp4", made)
    for name in ("long.mp4", "long.mkv"):
        _repeat(tmp_path / "a.mp4", tmp_path / name, 10 / 3600)
        reader = READERS["framecache"](str(tmp_path / name))
        assert len(reader) == 250
        assert reader.reader.timestamps[-1] == pytest.approx(249 / 25, abs=0.002)
        reader.close()
