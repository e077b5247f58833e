"""Each command as a process, on real clips, on the sample clip, and on every kind of bad file."""

from __future__ import annotations

import csv
import json
import random
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import processes
import pytest
from processes import run
from test_source import BAD_FILES

import framecache
from framecache.cli.tour import jumps
from framecache.frame import format_seconds
from framecache.sample import read_index

# One of each way to an index, turned, of variable rate, damaged, deep, without timestamps, of two sizes.
CLIPS = [
    "nasa_13013_rotated.mp4",
    "cursed-vfr.mp4",
    "corrupted.mp4",
    "testsrc2_444_12bit_hevc.mp4",
    "CAPAMA3_Sand_F.264",
    "vp90-2-05-resize.ivf",
    "no_duration.webm",
    "vid.avi",
    "newtonscradle.gif",
    "prores4444_alpha.mov",
]
COMMANDS = {
    "info": ["info", "VIDEO"],
    "json": ["info", "--json", "VIDEO"],
    "index": ["index", "VIDEO"],
    "show": ["index", "--show", "VIDEO"],
    "decode": ["index", "--decode", "VIDEO"],
    "verify": ["verify", "--requests", "10", "VIDEO"],
    "frame": ["frame", "VIDEO", "-1", "-o", "a.png"],
    "extract": ["extract", "VIDEO", "-o", "out", "--frames", ":3"],
    "sheet": ["sheet", "VIDEO", "-o", "sheet.jpg", "--count", "4"],
    "compare": ["compare", "VIDEO", "-o", "pairs.png", "--count", "3"],
    "tour": ["tour", "VIDEO", "--out", "."],
}
# Opens a window, which tests/test_view.py looks at.
WINDOWED = {"view": ["view", "VIDEO"]}


def run_on(video: Path, name: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return run(*[str(video) if one == "VIDEO" else one for one in {**COMMANDS, **WINDOWED}[name]], cwd=folder, DISPLAY="")


@pytest.mark.parametrize("clip_name", CLIPS)
def test_every_command_does_its_work_on_real_clips(clip_name: str, media: Path, tmp_path: Path):
    for name in COMMANDS:
        done = run_on(media / clip_name, name, tmp_path)
        assert (done.returncode, done.stderr) == (0, ""), name
        assert done.stdout
    with framecache.VideoReader(media / clip_name) as reader:
        frames = [reader[i] for i in range(min(3, len(reader)))]
        np.testing.assert_array_equal(cv2.imread(str(tmp_path / "a.png")), reader[-1])
    written = sorted((tmp_path / "out").glob("frame_*"))
    assert len(written) == len(frames)
    for path, image in zip(written, frames, strict=True):
        np.testing.assert_array_equal(cv2.imread(str(path)), image)
    for picture in ("sheet.jpg", "pairs.png", f"{Path(clip_name).stem}-sheet.png"):
        assert cv2.imread(str(tmp_path / picture)) is not None, picture


@pytest.fixture(scope="module")
def bad_files(tmp_path_factory: pytest.TempPathFactory, media: Path, sample: Path) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("bad")
    for name, content in {**BAD_FILES, "cut.mp4": sample.read_bytes()[:20_000]}.items():
        (folder / name).write_bytes(content)
    (folder / "folder.mp4").mkdir()
    names = [*BAD_FILES, "cut.mp4", "folder.mp4", "missing.mp4"]
    return {name: folder / name for name in names} | {"sound": media / "sample_audio_only.mp4"}


@pytest.mark.parametrize("name", [*BAD_FILES, "cut.mp4", "folder.mp4", "missing.mp4", "sound"])
def test_every_command_refuses_what_is_no_video_with_one_line(name: str, bad_files: dict[str, Path], tmp_path: Path):
    for command in {**COMMANDS, **WINDOWED}:
        done = run_on(bad_files[name], command, tmp_path)
        assert (done.returncode, done.stdout) == (1, ""), command
        (line,) = done.stderr.splitlines()
        assert line.startswith("framecache: ")
        assert bad_files[name].name in line
    assert list(tmp_path.iterdir()) == [], "nothing was written"


@pytest.mark.parametrize("name", ["cut.ts", "cut.mkv", "cut-fragmented.mp4"])
def test_a_truncated_file_gives_the_frames_it_has(name: str, clip: Callable[..., Path], tmp_path: Path):
    containers = {"cut.ts": {"container": "ts"}, "cut.mkv": {"container": "mkv"}, "cut-fragmented.mp4": {}}
    whole = clip(n_frames=120, **containers[name])
    if name == "cut-fragmented.mp4":
        from test_build import remux

        whole = remux(whole, tmp_path / "whole.mp4", movflags="frag_keyframe+empty_moov")
    video = tmp_path / name
    video.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    for command in ("info", "verify", "sheet"):
        done = run_on(video, command, tmp_path)
        assert (done.returncode, done.stderr) == (0, ""), command
    known = json.loads(run("info", "--json", video).stdout)
    assert 40 < known["n_frames"] < 120


# info and index


def facts_of(told: str) -> dict[str, str]:
    return {line.split()[0]: line.split(maxsplit=1)[1] for line in told.splitlines()[1:] if len(line.split()) > 1}


def test_info_tells_what_the_library_knows(media: Path):
    for name in ("cursed-vfr.mp4", "nasa_13013_rotated.mp4", "sar_2x1.mp4", "test_non_zero_start.mp4", "bt601_full_range.mp4"):
        told = run("info", media / name).stdout
        facts = facts_of(told.replace("pixel aspect", "pixel_aspect"))
        with framecache.VideoReader(media / name) as reader:
            known = reader.info
        assert told.splitlines()[0] == str(media / name)
        assert facts["frames"] == str(known.n_frames)
        assert facts["size"].startswith(f"{known.width}x{known.height}")
        assert facts["codec"].startswith(known.codec)
        assert facts["container"] == known.container
        assert facts["fingerprint"] == known.fingerprint
        assert facts["duration"].startswith(format_seconds(known.duration_seconds))
        assert facts["pixel_aspect"] == f"{known.pixel_aspect.numerator}:{known.pixel_aspect.denominator}"
        assert facts["rotation"].startswith(str(known.rotation))
        assert ("variable" in facts["rate"]) == known.is_variable_rate
        assert facts["keyframes"].startswith(str(known.n_keyframes))
        assert facts["start"] == f"{known.start_seconds:.6f} s"


def test_info_as_json_is_one_object_a_line(media: Path, sample: Path):
    done = run("info", "--json", sample, media / "vid.avi")
    first, second = map(json.loads, done.stdout.splitlines())
    with framecache.VideoReader(sample) as reader:
        expected = reader.info.as_dict()
    for timed in ("index_seconds",):
        first.pop(timed), expected.pop(timed)
    assert first == json.loads(json.dumps(expected))
    assert (first["shortest_gop_frames"], first["longest_gop_frames"], first["median_gop_frames"]) == (80, 250, 165)
    assert first["time_base"] == "1/15360"
    assert second["index_source"] == "decode"
    assert second["index_frames_decoded"] == second["n_frames"] == 256


def test_an_index_is_built_stored_found_and_forgotten(media: Path, tmp_path: Path):
    video = media / "vid.avi"
    store = tmp_path / "index-store"
    assert "made from decoding every frame" in run("index", video).stdout
    assert len(list(store.iterdir())) == 1
    again = run("index", video).stdout
    assert "read from the index store" in again
    assert str(store) in again
    assert "forgotten" in run("index", "--clear", video).stdout
    assert list(store.iterdir()) == []
    assert "no index of it was stored" in run("index", "--clear", video).stdout


def test_a_forced_decode_is_used_from_then_on(media: Path):
    video = media / "corrupted.mp4"
    assert "none known" in run("info", video).stdout
    assert "made from decoding every frame" in run("index", "--decode", video).stdout
    told = run("info", video).stdout
    assert "1 frame cannot be decoded: 30" in told
    assert "read from the index store" in told
    run("index", "--clear", video)
    assert "none known" in run("info", video).stdout


def test_a_forced_decode_that_cannot_be_stored_or_is_ended_loses_nothing(media: Path, tmp_path: Path):
    done = run("index", "--decode", media / "corrupted.mp4", FRAMECACHE_INDEX_DIR="/proc")
    assert done.returncode == 1
    assert "cannot be stored in /proc" in done.stderr
    video = media / "flies_120s.mp4"
    assert run("index", "--decode", video).returncode == 0
    terminal = processes.Terminal("index", "--decode", video)
    terminal.read_until("decoding")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 130
    assert "read from the index store" in run("index", video).stdout


def test_an_index_is_shown_frame_by_frame(media: Path):
    run("index", "--decode", media / "corrupted.mp4")
    lines = run("index", "--show", media / "corrupted.mp4").stdout.splitlines()
    assert lines[0].split() == ["index", "pts", "seconds", "keyframe", "decodable"]
    rows = [line.split() for line in lines[1:]]
    with framecache.VideoReader(media / "corrupted.mp4") as reader:
        assert [int(row[0]) for row in rows] == list(range(len(reader)))
        assert [int(row[1]) for row in rows] == reader.pts.tolist()
        assert [float(row[2]) for row in rows] == pytest.approx(reader.timestamps.tolist(), abs=1e-6)
        assert [i for i, row in enumerate(rows) if row[3] == "yes"] == reader.keyframe_indices.tolist()
    assert [i for i, row in enumerate(rows) if row[4] == "no"] == [30]


# verify


def test_verify_says_what_was_tried(sample: Path, media: Path):
    done = run("verify", sample, "--requests", "50")
    assert done.stdout == f"{sample}: 330 frames, 330 in a linear decode, 455 requests: all right\n"
    damaged = run("verify", media / "corrupted.mp4", "--requests", "20")
    assert damaged.returncode == 0
    assert "1 frame cannot be decoded, here or linearly: 30" in damaged.stdout


def test_verify_names_frames_that_fall_short(sample: Path, tmp_path: Path):
    # A stand-in for a reader that goes wrong: the copy of the library that this process imports lies about frame 7.
    (tmp_path / "sitecustomize.py").write_text(
        "import framecache.reader as r\n"
        "right = r.VideoReader.request_frame\n"
        "r.VideoReader.request_frame = lambda self, index: right(self, 8 if index == 7 else index)\n"
    )
    done = run("verify", sample, "--requests", "5", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert "frame 7, reached forward: its picture is another: it is frame 8 of a linear decode" in done.stdout
    assert done.stdout.splitlines()[-1].endswith("1 frame falls short")


# frame


@pytest.mark.parametrize(
    ("place", "index"),
    [
        ("0", 0),
        ("150", 150),
        ("-1", 329),
        ("-330", 0),
        ("2.5", 75),
        ("5s", 150),
        ("0:02.533", 76),
        ("0:00:10.967", 329),
        ("00:10", 300),
    ],
)
def test_a_frame_is_named_by_index_or_time(place: str, index: int, sample: Path, tmp_path: Path):
    done = run("frame", sample, place, "-o", "a.png", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert read_index(cv2.imread(str(tmp_path / "a.png"))) == index
    assert done.stdout.startswith(f"frame {index} at {format_seconds(index / 30)}")


def test_options_may_stand_anywhere_around_a_negative_index(sample: Path, tmp_path: Path):
    for number, arguments in enumerate((["-o", "a.jpg", sample, "-5"], [sample, "-o", "a.jpg", "-5"], [sample, "--", "-5"])):
        assert run("frame", *arguments, cwd=tmp_path).returncode == 0, number
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["a.jpg", "sample-frame-325.png"]
    assert read_index(cv2.imread(str(tmp_path / "sample-frame-325.png"))) == 325


def test_a_frame_has_the_format_size_and_quality_asked_for(sample: Path, tmp_path: Path):
    with framecache.VideoReader(sample) as reader, framecache.VideoReader(sample, max_size_xy=(100, 100)) as small:
        assert run("frame", sample, "42", "-o", "a.npy", cwd=tmp_path).returncode == 0
        np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), reader[42])
        assert run("frame", sample, "42", "-o", "b.npy", "--size", "100x100", cwd=tmp_path).returncode == 0
        np.testing.assert_array_equal(np.load(tmp_path / "b.npy"), small[42])
    for quality in (10, 95):
        assert run("frame", sample, "42", "-o", f"q{quality}.jpg", "--quality", quality, cwd=tmp_path).returncode == 0
    assert (tmp_path / "q10.jpg").stat().st_size < (tmp_path / "q95.jpg").stat().st_size


def test_a_damaged_frame_is_a_failure_that_names_it(media: Path, tmp_path: Path):
    done = run("frame", media / "corrupted.mp4", "30", cwd=tmp_path)
    assert done.returncode == 1
    assert "frame 30" in done.stderr
    assert "cannot be decoded" in done.stderr
    assert not list(tmp_path.glob("*.png"))


# extract


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--frames", "100:130:10"], [100, 110, 120]),
        (["--frames", "-3:"], [327, 328, 329]),
        (["--frames", "7"], [7]),
        (["--frames", "0:20:2", "--step", "3"], [0, 6, 12, 18]),
        (["--times", "0:01-0:01.1"], [30, 31, 32, 33]),
        (["--times", "10.9-"], [327, 328, 329]),
        (["--times", "-0.05"], [0, 1]),
        (["--step", "150"], [0, 150, 300]),
    ],
    ids=str,
)
def test_extract_takes_ranges_of_frames_and_times(options: list[str], expected: list[int], sample: Path, tmp_path: Path):
    done = run("extract", sample, "-o", "out", "--csv", "t.csv", *options, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    written = sorted((tmp_path / "out").glob("frame_*"))
    assert [path.name for path in written] == [f"frame_{index:06d}.png" for index in expected]
    assert [read_index(cv2.imread(str(path))) for path in written] == expected
    rows = list(csv.DictReader((tmp_path / "t.csv").read_text().splitlines()))
    assert [int(row["index"]) for row in rows] == expected
    assert [float(row["seconds"]) for row in rows] == pytest.approx([index / 30 for index in expected])


def test_extract_goes_past_damage_and_says_so(media: Path, tmp_path: Path):
    done = run("extract", media / "corrupted.mp4", "-o", "out", "--frames", "28:33", cwd=tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "frame 30" in line
    assert sorted(contents(tmp_path / "out")) == [
        ".framecache.json",
        *(f"frame_{index:06d}.png" for index in (28, 29, 31, 32)),
    ]
    assert "4 written, 1 cannot be decoded" in done.stdout


@pytest.mark.parametrize("image_format", ["png", "jpg", "npy"])
def test_an_extraction_killed_again_and_again_ends_as_an_undisturbed_one(image_format: str, sample: Path, tmp_path: Path):
    arguments = ["extract", sample, "--format", image_format, "--size", "160x160"]
    undisturbed = tmp_path / "undisturbed"
    assert run(*arguments, "-o", undisturbed, "--csv", tmp_path / "a.csv").returncode == 0
    chance = random.Random(image_format)
    out, kills = tmp_path / "out", 0
    for _ in range(60):
        process = subprocess.Popen(
            [*processes.COMMAND, *map(str, arguments), "-o", str(out), "--csv", str(tmp_path / "b.csv")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        # Killed once so many more files are there, wherever in its work that finds it.
        wanted = len(list(out.glob("frame_*"))) + chance.randint(0, 60) if out.exists() else chance.randint(0, 60)
        while process.poll() is None and (len(list(out.glob("frame_*"))) if out.exists() else 0) < wanted:
            pass
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
        assert process.stderr is not None
        assert process.stderr.read() == b""
        process.stderr.close()
        names = {path.name for path in out.glob("frame_*")} if out.exists() else set()
        for name in names:
            assert (out / name).read_bytes() == (undisturbed / name).read_bytes(), "no file is half written"
        if len(names) == 330:
            break
    assert kills >= 3
    assert run(*arguments, "-o", out, "--csv", tmp_path / "b.csv").returncode == 0
    assert contents(out) == contents(undisturbed)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


# sheet, sample, compare, tour, view


def test_view_without_a_screen_is_a_failure_that_says_so(sample: Path, tmp_path: Path):
    done = run_on(sample, "view", tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert "there is no screen to open a window on" in line


def test_a_sheet_is_of_the_video_a_range_the_keyframes_or_around_a_frame(sample: Path, tmp_path: Path):
    def first_and_last(*options: object) -> tuple[int, int]:
        done = run("sheet", sample, "-o", "s.png", "--columns", "4", "--width", "160", *options, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        count = int(done.stdout.split("a sheet of ")[1].split()[0])
        image = cv2.imread(str(tmp_path / "s.png"))
        row, column = divmod(count - 1, 4)
        top, left = 8 + row * (90 + 24 + 8), 8 + column * 168
        return read_index(image[8:98, 8:168]), read_index(image[top : top + 90, left : left + 160])

    assert first_and_last() == (0, 329)
    assert first_and_last("--frames", "100:200", "--count", "5") == (100, 199)
    assert first_and_last("--times", "1-2") == (30, 60)
    assert first_and_last("--keyframes") == (0, 250)
    assert first_and_last("--around", "5s", "--count", "9") == (146, 154)


def test_the_sample_clip_is_written_and_never_over_another(tmp_path: Path):
    done = run("sample", "s.mp4", "--frames", "20", "--gop", "7", "--size", "128x96", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "20 frames are in s.mp4\n")
    with framecache.VideoReader(tmp_path / "s.mp4") as reader:
        assert [read_index(image) for image in reader] == list(range(20))
        assert reader.keyframe_indices.tolist() == [0, 7, 14]
    before = (tmp_path / "s.mp4").read_bytes()
    assert run("sample", "s.mp4", cwd=tmp_path).returncode == 1
    assert (tmp_path / "s.mp4").read_bytes() == before
    assert run("sample", "odd.mp4", "--size", "129x96", cwd=tmp_path).returncode == 1


def test_compare_shows_where_opencv_goes_wrong(media: Path, tmp_path: Path):
    done = run("compare", media / "cursed-vfr.mp4", "--count", "63", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line.split() for line in done.stdout.splitlines()[1:64]]
    assert [int(row[0]) for row in rows] == list(range(63))
    wrong = [row for row in rows if row[-1] != "right"]
    assert f"{len(wrong)} of 63 numbers are wrong in OpenCV" in done.stdout
    assert wrong
    assert (tmp_path / "cursed-vfr-compared.png").stat().st_size > 10_000


def test_the_tour_jumps_about_in_a_video(sample: Path, tmp_path: Path):
    done = run("tour", sample, "--out", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line.split() for line in done.stdout.splitlines() if line.endswith(("the cache", "the decoder"))]
    assert [int(row[0]) for row in rows] == jumps(330)
    assert all(row[0] == row[1] for row in rows), "the frame that came is the one that was asked for"
    assert (tmp_path / "sample-sheet.png").stat().st_size > 1000


def test_the_jumps_go_far_back_and_stay_inside():
    for count in (1, 2, 5, 1000):
        assert all(0 <= index < count for index in jumps(count))
    assert {0, 999, 500, 499} <= set(jumps(1000))
