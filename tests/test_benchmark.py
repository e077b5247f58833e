"""What scripts/bench stands on: its files, its works, its readers, its turns, its goals and its tables."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from benchmark import asking, clips, matrix, readers, report, serving, targets
from benchmark.clips import Made, _encode, _repeat
from benchmark.readers import READERS, available
from benchmark.turns import Pace, Row, take_turns
from benchmark.workers import Outcome, Worker
from benchmark.works import SCATTERED, WORKS, look

INSTALLED = ["framecache", "opencv", "pyav", "limit"]
GOALS = {target.work: target for target in targets.TARGETS}


@pytest.mark.parametrize("n", [1, 7, 40, 330, 100_000])
@pytest.mark.parametrize("name", WORKS)
def test_works_ask_for_frames_that_there_are(name: str, n: int):
    arrive, timed = WORKS[name].indices(n, 60)
    assert all(0 <= index < n for index in [*arrive, *timed])
    assert timed or n == 1


def test_random_requests_ask_a_repeated_clip_for_the_pictures_of_the_short_one():
    short, long = (WORKS["random-cold"].indices(n, 60)[1] for n in (1500, 180 * 1500))
    assert [index % 1500 for index in long] == short
    assert max(long) > 100_000


@pytest.mark.parametrize("reader", INSTALLED)
def test_every_reader_does_every_work(reader: str, sample: Path):
    for name, work in WORKS.items():
        timing = work.run(reader, str(sample), 3, 0.2)
        assert timing.seconds > 0, name
        assert timing.n_done == timing.n_asked >= 1 or (timing.seconds > 0.2 and reader != "framecache")
        assert timing.counted["frames"] == (0 if name in ("open-index", "open-again") else timing.n_done)
        images = SCATTERED if name == "batch" else min(timing.counted["frames"], 2)
        assert timing.caller_bytes == images * 320 * 180 * 3, name


def test_all_readers_give_the_same_frames(sample: Path):
    from framecache.sample import read_index

    for name in INSTALLED:
        reader = READERS[name](str(sample))
        assert len(reader) == 330
        assert read_index(reader.first()) == 0
        assert [read_index(reader.get(index)) for index in (0, 329, 100, 99)] == [0, 329, 100, 99], name
        # Of two GOPs, one twice, out of order.
        scattered = [260, 5, 329, 5, 0, 249, 250]
        assert [read_index(image) for image in reader.get_all(scattered)] == scattered, name
        assert [read_index(image) for image in reader.play_back(range(252, 246, -1))] == list(range(252, 246, -1)), name
        reader.close()
        reader = READERS[name](str(sample))
        assert [read_index(image) for image in reader.play(4)] == [0, 1, 2, 3], name
        reader.close()


def test_four_readers_of_framecache_share_one_budget(sample: Path):
    opened, close = readers.open_several("framecache", [str(sample)] * 4, 5_000_000)
    engines = {id(one.reader._engine) for one in opened}  # type: ignore[attr-defined]
    stats = opened[0].reader.stats  # type: ignore[attr-defined]
    close()
    assert (len(engines), stats.budget_bytes) == (1, 5_000_000)


def test_opening_again_finds_the_index_stored(clip: Callable[..., Path], monkeypatch: pytest.MonkeyPatch):
    from_store = []

    class Watched(readers.Framecache):
        def close(self) -> None:
            from_store.append(self.reader.info.index_from_store)
            super().close()

    monkeypatch.setitem(READERS, "framecache", Watched)
    WORKS["open-again"].run("framecache", str(clip(container="mkv")), 1)
    assert from_store == [False, True]


def test_other_readers_are_given_up_once_patience_ends_and_framecache_is_not(sample: Path):
    assert [WORKS["back"].run(reader, str(sample), 5, 0.0).n_done for reader in ("opencv", "framecache")] == [1, 5]
    assert replace(WORKS["back"], patience_seconds=0.0).run("opencv", str(sample), 5).n_done == 1
    assert Outcome(1.0, n_done=1, n_asked=5).is_cut
    assert not Outcome(1.0, n_done=5, n_asked=5).is_cut


def test_a_worker_measures_in_a_process_of_its_own_and_tells_of_failures(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    paths = [str(Path(__file__).resolve().parents[1] / "scripts"), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    worker = Worker("framecache", tmp_path)
    good, bad = worker.run("back", sample, 5), worker.run("back", tmp_path / "nowhere.mp4", 5)
    worker.close()
    assert good.seconds is not None
    assert (good.counted["frames"], good.caller_bytes, len(good.look)) == (5, 2 * 320 * 180 * 3, 64)
    assert bad.seconds is None
    assert "nowhere.mp4" in bad.error


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="reads /proc")
def test_peak_memory_counts_from_the_imports_and_a_new_process_knows_nothing_of_earlier_works(
    clip: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    paths = [str(Path(__file__).resolve().parents[1] / "scripts"), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    path, held = clip(n_frames=200, gop=1000, size=(640, 360)), 200 * 640 * 360 * 3 // 2
    worker = Worker("framecache", tmp_path)
    kept = worker.run("back", path, 5)
    worker.renew()
    opened = worker.run("open", path, 5)
    worker.close()
    assert kept.peak_bytes > 0.9 * held
    assert opened.peak_bytes < kept.peak_bytes - 0.5 * held


# Turns


class Scripted:
    """A reader that takes so long, a turn after another."""

    def __init__(self, *seconds: float | None, n_done: int = 60) -> None:
        self.outcomes = [Outcome(one, n_done, 60) for one in seconds]
        self.works: list[str] = []

    def run(self, work: str, _path: Path, _steps: int, _most_seconds: float) -> Outcome:
        self.works.append(work)
        return self.outcomes[min(len(self.works), len(self.outcomes)) - 1]

    def renew(self) -> None:
        self.works.append("renewed")


def turns(work: str, runners: dict[str, Scripted], folder: Path, done: list[Row] | None = None) -> Row:
    row = Row("a.mp4", work, 60)
    take_turns(row, Path("a.mp4"), runners, Pace(60, 3, 10.0), folder, done or [])
    return row


def test_slow_failed_and_given_up_readers_get_no_further_turn(tmp_path: Path):
    runners = {
        "framecache": Scripted(4.0),
        "opencv": Scripted(0.1),
        "pyav": Scripted(4.0),
        "decord2": Scripted(None),
        "torchcodec": Scripted(1.0, n_done=3),
    }
    row = turns("back", runners, tmp_path)
    assert {name: len(outcomes) for name, outcomes in row.outcomes.items()} == {
        "framecache": 3,
        "opencv": 3,
        "pyav": 1,
        "decord2": 1,
        "torchcodec": 1,
    }


def test_every_run_finds_the_index_store_empty(tmp_path: Path):
    folder, found = tmp_path / "index", []

    class Storing(Scripted):
        def run(self, work: str, path: Path, steps: int, most_seconds: float) -> Outcome:
            found.append(folder.exists())
            folder.mkdir()
            return super().run(work, path, steps, most_seconds)

    turns("open", {"framecache": Storing(0.1), "pyav": Storing(0.1)}, folder)
    assert found == [False] * 6


def test_what_is_the_same_for_others_is_done_once_and_what_is_ours_alone_not_at_all(tmp_path: Path):
    runners = {"framecache": Scripted(0.1), "opencv": Scripted(0.5)}
    cold = turns("random-cold", runners, tmp_path)
    warm = turns("random", runners, tmp_path, [cold])
    turns("memory", runners, tmp_path)
    assert runners["opencv"].works == ["random-cold"] * 3
    assert warm.outcomes["opencv"] == cold.outcomes["opencv"]
    works = [work for work in runners["framecache"].works if work != "renewed"]
    assert works == [*["random-cold"] * 3, *["random"] * 3, *["memory"] * 3]


def test_a_reader_with_fewer_turns_is_compared_with_each_of_ours():
    row = Row("a.mp4", "back", 60, {"framecache": [Outcome(1.0), Outcome(2.0)], "pyav": [Outcome(8.0)]})
    assert row.ratios("pyav") == [4.0, 8.0]
    assert row.ratios("opencv") == []


# Goals


def rows_of(file: str, work: str, steps: int = 60, **outcomes: Outcome) -> list[Row]:
    return [Row(file, work, steps, {name: [one] for name, one in outcomes.items()})]


def reached(goal: str, rows: list[Row]) -> list[tuple[str, bool | None]]:
    return [(one.text, one.is_met) for one in GOALS[goal].reached(rows)]


def done(seconds: float | None, n: int = 60, **more: Any) -> Outcome:
    return Outcome(seconds, more.pop("n_done", n), n, **more)


def test_every_goal_is_measured_by_a_full_run():
    measured = {(file, work) for file, works in matrix.MATRIX.items() for work in works}
    for target in targets.TARGETS:
        assert target.checks, target.work
        for check in target.checks:
            named = {(check.file, getattr(check, "work", "memory"))}  # type: ignore[attr-defined]
            if isinstance(check, targets.Beside):
                named.add((check.other_file, check.other_work))
            assert named <= measured, target.work


def test_what_a_quick_run_does_is_part_of_the_full_one():
    assert all(set(works) <= set(matrix.MATRIX[file]) for file, works in matrix.QUICK.items())
    assert all(work in WORKS for works in matrix.MATRIX.values() for work in works)


def test_times_faster_is_against_the_best_other_and_never_the_limit():
    goal, file = "60 steps back, 1080p GOP 250", matrix.GOP250_1080P
    others = {"pyav": done(40.0), "opencv": done(29.0), "limit": done(1.0), "decord2": done(None, error="x")}
    assert reached(goal, rows_of(file, "back", framecache=done(1.0), **others)) == [("29 (opencv)", False)]
    assert reached(goal, rows_of(file, "back", framecache=done(0.5), **others)) == [("58 (opencv)", True)]
    assert reached(goal, rows_of(file, "back", framecache=done(None), **others)) == []
    assert reached(goal, []) == []


def test_the_time_of_a_reader_that_was_given_up_is_told_from_the_requests_it_had_done():
    goal, file = "60 steps back, 1080p GOP 250", matrix.GOP250_1080P
    rows = rows_of(file, "back", framecache=done(0.1), opencv=done(10.0, n_done=12))
    assert reached(goal, rows) == [("≈ 500 (opencv)", True)]
    assert "h264-1080p-gop250.mp4, 60 steps back: given up, opencv after 12;" in report.as_notes(rows)
    assert "≈ 50.00 s" in report.as_table(rows, ["framecache", "opencv"])


def test_with_other_numbers_of_steps_a_goal_is_shown_and_not_judged():
    goal, file = "60 steps back, 1080p GOP 250", matrix.GOP250_1080P
    rows = rows_of(file, "back", 8, framecache=done(1.0, 8), opencv=done(90.0, 8))
    assert reached(goal, rows) == [("90 (opencv)", None)]
    assert "| 90 (opencv) | — |" in report.as_goals(rows).replace("h264-1080p-gop250 ", "")


def test_random_requests_are_held_against_the_others_and_the_limit():
    goal, file = "60 random requests cold, H.264 and H.265", matrix.H265_1080P
    rows = rows_of(file, "random-cold", framecache=done(1.2), pyav=done(1.5), limit=done(1.0))
    assert reached(goal, rows) == [("1.25 (pyav)", True), ("1.20 of the limit", False)]


def test_requests_are_timed_one_by_one():
    file = matrix.GOP250_1080P
    rows = rows_of(file, "same", framecache=done(0.054)) + rows_of(file, "same-shared", framecache=done(0.0018))
    goal = "the same frame again, 1080p, a writable array / shared read-only"
    assert reached(goal, rows) == [("900 µs", True), ("30 µs", False)]
    assert reached("a neighbour already passed, 1080p", rows_of(file, "neighbour", framecache=done(0.12))) == [("2.0 ms", False)]


def test_reverse_is_held_against_forward_frame_by_frame():
    file, goal = matrix.GOP30_720P, "playing in reverse, where a GOP fits the budget"
    rows = rows_of(file, "forward", framecache=done(1.0, 240)) + rows_of(file, "reverse", framecache=done(1.0, 180))
    assert reached(goal, rows) == [("0.75", False)]


def test_long_files_are_held_against_short_ones():
    rows = rows_of(matrix.MINUTE, "random-cold", framecache=done(1.0))
    slower = rows + rows_of(matrix.HOURS, "random-cold", framecache=done(1.3))
    goal = "request time, 3-hour against 1-minute file"
    assert reached(goal, slower) == [("1.3", False)]
    assert reached(goal, rows + rows_of(matrix.HOURS, "random-cold", framecache=done(1.1))) == [("1.1", True)]


def test_opening_is_held_against_those_named():
    others = {"torchcodec": done(1.0, 1), "pyav": done(0.02, 1), "opencv": done(0.001, 1)}
    goal = "first open of the 3-hour MP4, index exact"
    rows = rows_of(matrix.HOURS, "open-index", framecache=done(0.02, 1), **others)
    assert reached(goal, rows) == [("50 (torchcodec)", True), ("1 (pyav)", False)]


def test_readers_that_guess_how_many_frames_there_are_do_not_find_them_all():
    outcomes = {"framecache": done(1.0, 1), "torchcodec": done(2.0, 1), "pyav": done(0.001, 1)}
    assert rows_of("a.mkv", "open-index", **outcomes)[0].best_other == "torchcodec"
    assert rows_of("a.mkv", "open", **outcomes)[0].best_other == "pyav"


@pytest.mark.parametrize(("first", "expected"), [(2.5, ("25", True)), (1.5, ("15", False)), (0.9, ("9, of only 900.0 ms", None))])
def test_the_second_open_is_judged_where_the_first_took_over_a_second(first: float, expected: tuple[str, bool | None]):
    rows = rows_of(matrix.HOURS_MKV, "open-index", framecache=done(first, 1))
    rows += rows_of(matrix.HOURS_MKV, "open-again", framecache=done(0.1, 1))
    assert reached("second open, where the first scan took over 1 s", rows) == [expected]


def test_memory_is_what_is_held_beside_the_budget_and_the_callers_pictures():
    budget = WORKS["memory"].budget_bytes
    goal, file = "peak memory, over RSS after import and arrays the caller holds", matrix.H264_2160P
    inside = rows_of(file, "memory", framecache=done(1.0, peak_bytes=budget + 620_000_000, caller_bytes=25_000_000))
    assert reached(goal, inside) == [("budget +595 MB", True)]
    default = WORKS["forward"].budget_bytes
    over = inside + rows_of(file, "forward", framecache=done(1.0, peak_bytes=default + 700_000_000))
    assert reached(goal, over) == [("budget +700 MB", False)]
    assert reached(goal, over[1:]) == [], "a run that filled no budget shows nothing"


# Pictures


def test_a_quite_other_picture_is_known_by_its_look_however_its_colours_lie():
    picture = np.random.default_rng(1).integers(0, 255, (90, 160, 3), np.uint8)
    assert look(picture) == look(picture[..., ::-1]) == look(picture.transpose(2, 0, 1))
    assert len(look(picture[:5, :5])) == 64


def test_readers_that_give_wrong_pictures_are_told_and_not_compared():
    right = {"framecache": done(1.0, look=[50] * 64), "opencv": done(40.0, look=[53] * 64)}
    rows = rows_of(matrix.GOP250_1080P, "back", **right, pyav=done(2.0, look=[140] * 64))
    assert rows[0].best_other == "opencv"
    assert "| wrong (2.00 s) |" in report.as_table(rows, ["framecache", "opencv", "pyav"])
    assert "other pictures than framecache's came from pyav" in report.as_notes(rows)


def test_the_limit_gives_right_pictures_where_only_the_first_packet_says_what_made_them(media: Path):
    from framecache import VideoReader

    path = str(media / "m3v1mp4.mp4")
    limit, ours = READERS["limit"](path), VideoReader(path)
    assert np.abs(limit.get(300).astype(int) - ours[300]).max() <= 2
    limit.close()
    ours.close()


# Tables


def row() -> Row:
    made = Row("a.mp4", "back", 60)
    made.outcomes = {
        "framecache": [Outcome(1.0, 60, 60, 2_000_000, 0, {"frames": 60, "frames_decoded": 30}), Outcome(2.0)],
        "opencv": [Outcome(30.0), Outcome(40.0)],
        "pyav": [Outcome(3.0), Outcome(None, error="x")],
        "limit": [Outcome(0.5), Outcome(0.5)],
    }
    return made


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_ratios_are_to_the_best_other_that_did_not_fail():
    assert row().best_other == "opencv"
    assert row().ratios("opencv") == [20.0, 30.0]
    line = report.as_table([row()], ["framecache", "opencv", "pyav", "limit"]).splitlines()[-1]
    assert cells(line) == [
        "a.mp4",
        "60 steps back",
        "1.50 s",
        "35.00 s",
        "failed",
        "500.0 ms",
        "25 (20 to 30), opencv",
        "2",
        "",
    ]
    assert report.as_notes([row()]) == "- a.mp4, 60 steps back: pyav failed, x"


def test_the_memory_of_all_readers_is_told():
    line = report.as_memory_table([row()], ["framecache", "opencv"]).splitlines()[-1]
    assert cells(line) == ["a.mp4", "60 steps back", "2", "0"]


def test_json_holds_everything(tmp_path: Path):
    rows = rows_of(matrix.GOP250_1080P, "back", framecache=done(1.0), opencv=done(40.0))
    report.write_json(tmp_path / "a.json", [row(), *rows])
    content = json.loads((tmp_path / "a.json").read_text())
    assert content["rows"][0]["outcomes"]["opencv"][1]["seconds"] == 40.0
    assert content["machine"]["av"] == av.__version__
    goal = content["goals"][0]
    assert (goal["least"], goal["reached"][0]["value"], goal["reached"][0]["is_met"]) == ("30 times faster", 40.0, True)


def test_the_readme_gets_the_goals_between_its_marks_and_nothing_else_changes(tmp_path: Path):
    start, end = report.README_MARKS
    path = tmp_path / "README.md"
    path.write_text(f"before\n{start}\nearlier\n{end}\nafter\n")
    rows = rows_of(matrix.GOP250_1080P, "back", framecache=done(1.0), opencv=done(40.0))
    report.write_readme(path, rows, ["a.mp4", "b.mp4"])
    text = path.read_text()
    assert text.startswith(f"before\n{start}\n| work ")
    assert text.endswith(f"{end}\nafter\n")
    assert "| 60 steps back, 1080p GOP 250 | 30 times faster | h264-1080p-gop250 40 (opencv) | yes |" in text
    assert "files: a.mp4, b.mp4." in text
    assert "earlier" not in text
    path.write_text("no marks")
    with pytest.raises(ValueError, match="must hold"):
        report.write_readme(path, rows, [])


def test_memory_is_measured_in_a_new_process_each_turn(tmp_path: Path):
    ours = Scripted(0.1)
    turns("memory", {"framecache": ours}, tmp_path / "index")
    assert ours.works == ["memory", "renewed", "memory", "renewed", "memory"]


def test_the_page_of_measurements_holds_every_table(tmp_path: Path):
    rows = rows_of(matrix.GOP250_1080P, "back", framecache=done(1.0), opencv=done(40.0))
    report.write_measured(tmp_path / "measured.md", rows, ["framecache", "opencv"])
    text = (tmp_path / "measured.md").read_text()
    for part in (report.as_table(rows, ["framecache", "opencv"]), report.as_memory_table(rows, ["framecache", "opencv"])):
        assert part in text
    assert f"{rows[0].steps} requests each" in text
    assert f"av {av.__version__}" in text


def test_the_readme_of_this_checkout_has_the_marks():
    text = (Path(__file__).resolve().parents[1] / "README.md").read_text()
    assert [text.count(mark) for mark in report.README_MARKS] == [1, 1]


# Files


def test_files_are_made_and_repeated(tmp_path: Path):
    made = Made("a.mp4", "libx264", (128, 96), 50, {"preset": "ultrafast", "x264-params": "keyint=25"})
    _encode(tmp_path / "a.mp4", made)
    for name in ("long.mp4", "long.mkv"):
        _repeat(tmp_path / "a.mp4", tmp_path / name, 10 / 3600)
        reader = READERS["framecache"](str(tmp_path / name))
        assert len(reader) == 250
        assert reader.reader.timestamps[-1] == pytest.approx(249 / 25, abs=0.002)
        reader.close()


def test_a_file_is_made_once_and_anew_where_its_recipe_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    made = Made("a.mp4", "libx264", (128, 96), 5, {"preset": "ultrafast"})
    monkeypatch.setattr(clips, "MADE", [made])
    path = clips.clip("a.mp4", tmp_path)
    before = path.stat()
    assert clips.clip("a.mp4", tmp_path).stat() == before
    monkeypatch.setattr(clips, "MADE", [replace(made, n_frames=7)])
    assert len(READERS["opencv"](str(clips.clip("a.mp4", tmp_path)))) == 7
    with pytest.raises(KeyError):
        clips.clip("b.mp4", tmp_path)


def test_every_reader_that_is_installed_is_named(monkeypatch: pytest.MonkeyPatch):
    assert set(INSTALLED) <= set(available())
    monkeypatch.setitem(readers.MODULES, "torchcodec", "no_such_module.decoders")
    assert "torchcodec" not in available()


# The frame server


def test_a_percentile_is_a_value_that_was_seen():
    values = [float(n) for n in range(1, 101)]
    assert [serving.percentile(values, part) for part in (0.0, 0.5, 0.99, 1.0)] == [1, 50, 99, 100]
    assert serving.percentile([7.0], 0.99) == 7


def test_the_rate_is_held_against_the_constant_one_turn_by_turn():
    rates = serving.Rates(30_000, constant=[1000.0, 2000.0, 1000.0], cached=[800.0, 1400.0, 900.0])
    assert rates.ratios == [0.7, 0.8, 0.9]
    (_, _, first, *_) = serving.as_table(rates, [], None).splitlines()
    assert "30 kB" in first
    assert "900 a second" in first
    assert "0.80 (0.70 to 0.90)" in first
    assert first.endswith("| 0.7: yes |")
    slow = serving.Rates(1, constant=[1000.0], cached=[600.0])
    assert serving.as_table(slow, [], None).endswith("| 0.7: no |")


def test_what_many_clients_and_the_page_saw_is_told():
    seconds = [n / 1000 for n in range(1, 201)]
    scrubbing = serving.Scrubbing("64 clients", seconds, 3, 300 * 2**20, 256 * 2**20)
    dragging = serving.Dragging([0.02, 0.03])
    told = serving.as_table(serving.Rates(1, [1.0], [1.0]), [scrubbing], dragging)
    assert "p50 100 ms, p99 198 ms, 3 refused; peak memory 300 MiB with a budget of 256 MiB" in told
    assert "p50 20.0 ms, p99 30.0 ms" in told
    assert "not measured: nobody" in serving.as_table(serving.Rates(1, [1.0], [1.0]), [], serving.Dragging([], "nobody"))


def test_the_servers_table_is_put_between_marks_of_its_own(tmp_path: Path):
    path, (start, end) = tmp_path / "README.md", serving.MARKS
    path.write_text(f"before\n{start}\nold\n{end}\nafter\n")
    serving.write_readme(path, "| new |")
    text = path.read_text()
    assert text.startswith(f"before\n{start}\n| new |\n\nSeen on processor")
    assert text.endswith(f"\n{end}\nafter\n")
    assert "old" not in text
    path.write_text("no marks")
    with pytest.raises(ValueError, match="must hold"):
        serving.write_readme(path, "| new |")
    own = (Path(__file__).parents[1] / "README.md").read_text()
    assert own.count(start) == own.count(end) == 1


def test_an_answers_length_is_read_from_its_head():
    assert asking.length_of(b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\ncontent-LENGTH: 123\r\n\r\n") == 123
    with pytest.raises(ValueError, match="without a length"):
        asking.length_of(b"HTTP/1.1 200 OK\r\nx: content-length: 3\r\n\r\n")


def test_each_client_scrubs_its_own_way_the_same_every_time():
    ways = [asking.way(seed, 500, 40) for seed in range(5)]
    assert ways == [asking.way(seed, 500, 40) for seed in range(5)]
    assert len({tuple(way) for way in ways}) == 5
    assert all(0 <= place < 500 for way in ways for place in way)
    assert set(asking.way(1, 1, 10)) == {0}


def test_the_frame_server_is_measured_in_processes_of_its_own(sample: Path, tmp_path: Path):
    rates = serving.measure_rates(sample, 2, 5)
    assert len(rates.ratios) == 2
    assert rates.ratios[0] > 0
    for number in range(3):
        serving._link(sample, tmp_path / f"{number}.mp4")
    one = serving.measure_scrubbing("three videos", tmp_path, 2)
    assert len(one.seconds) == 2 * serving.N_CLIENTS
    assert (one.n_refused, one.seconds) == (0, sorted(one.seconds))
    assert one.peak_bytes >= 0
