"""What all commands share: exit codes, errors, pipes, terminals, Ctrl-C, help, completion."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import processes
import pytest
from processes import run, run_on_terminal

import framecache
from framecache.cli.app import EXAMPLES

COMMANDS = [command.__name__ for command in EXAMPLES]
ESCAPE = "\x1b"


def test_the_version_is_told():
    done = run("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"framecache {framecache.__version__}\n", "")


def test_the_installed_command_is_the_same():
    script = Path(sys.executable).with_name("framecache")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, timeout=60)
    assert done.stdout == f"framecache {framecache.__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples(command: str):
    done = run(command, "--help")
    assert done.returncode == 0
    assert f"  framecache {command}" in done.stdout.split("Examples:")[1]
    assert ESCAPE not in done.stdout
    assert f"\n  {command} " in run("--help").stdout


def test_the_examples_use_options_that_there_are():
    for command, examples in EXAMPLES.items():
        told = run(command.__name__, "--help").stdout
        for example in examples:
            for option in re.findall(r"(?<= )(--?[a-z][\w-]*)", example.split("|")[0]):
                assert re.search(rf"(^|\s|,){option}\b", told), f"{example!r} uses {option}"


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["--nonsense"],
        ["info", "--nonsense", "x"],
        ["frame", "x"],
        ["frame", "x", "later"],
        ["frame", "x", "--nonsense"],
        ["frame", "x", "1:99"],
        ["frame", "x", "0", "-o", "picture.nothing"],
        ["frame", "x", "0", "--size", "0x5"],
        ["frame", "x", "0", "--quality", "0"],
        ["frame", "x", "0", "--stream", "-1"],
        ["extract", "x", "--frames", "a:b"],
        ["extract", "x", "--times", "5-4"],
        ["extract", "x", "--step", "0"],
        ["extract", "x", "--format", "gif"],
        ["sheet", "x", "--count", "0"],
        ["sheet", "x", "--width", "3"],
        ["sheet", "x", "--around", "5", "--keyframes"],
        ["index", "x", "--clear", "--decode"],
        ["verify", "x", "--requests", "-1"],
        ["verify", "x", "--requests", "1000001"],
        ["frame", "--sizes", "3x3", "x", "1"],
        ["frame", "x", "1", "-o", "~nobody-of-this-name/a.png"],
        ["extract", "x", "--csv", ""],
        ["extract", "x", "--csv", "video.mp4"],
        ["extract", "x", "-o", ""],
        ["sample", "x.mp4", "--gop", "99999999"],
        ["view", "x", "--start", "later"],
        ["view", "x", "--jump", "0"],
        ["sample", "x.mp4", "--frames", "0"],
        ["serve", "x", "--port", "65536"],
        ["serve", "x", "--allow-origin", "example.org"],
        ["serve", "x", "--allow-host", "https://example.org"],
        ["serve", "x", "--budget", "much"],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2_and_says_what_is_wrong(arguments: list[str], tmp_path: Path):
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Error: " in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {"sample", "serve", "tour"}))
def test_no_argument_at_all_shows_the_help(command: str):
    done = run(command)
    assert done.returncode == 2
    assert "Examples:" in done.stdout + done.stderr


def test_both_ranges_at_once_are_wrong_usage(sample: Path, tmp_path: Path):
    done = run("extract", sample, "--frames", "1:2", "--times", "0-1", cwd=tmp_path)
    assert done.returncode == 2
    assert "--frames and --times" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["frame", "VIDEO", "330"], "index 330 lies outside the video, which has 330 frames"),
        (["frame", "VIDEO", "-331"], "index -331 lies outside the video"),
        (["frame", "VIDEO", "11.0"], "the time 0:00:11.000 (11 s) lies outside the video"),
        (["frame", "VIDEO", "0", "--stream", "1"], "stream"),
        (["frame", "VIDEO", "0", "-o", "nowhere/a.png"], "nowhere/a.png cannot be written"),
        (["extract", "VIDEO", "--csv", "nowhere/a.csv"], "nowhere/a.csv cannot be written"),
        (["sample", "a" * 300 + ".mp4"], "File name too long"),
        (["sheet", "VIDEO", "--keyframes", "--frames", "1:5"], "no keyframe in that range"),
        (["frame", "VIDEO", "99999999999999999999999"], "lies outside the video, which has 330 frames"),
        (["extract", "VIDEO", "--frames", "400:500"], "there is no frame in that range; the video has 330 frames"),
        (["extract", "VIDEO", "--times", "20-30"], "there is no frame in that range"),
        (["sheet", "VIDEO", "--width", "20000"], "too large a sheet"),
        (["sheet", "VIDEO", "--around", "330"], "index 330 lies outside"),
        (["sample", "VIDEO"], "is there already"),
        (["tour", "VIDEO", "--out", "VIDEO"], "cannot be made"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_failure_exits_with_1_and_one_line(arguments: list[str], told: str, sample: Path, tmp_path: Path):
    done = run(*[str(sample) if one == "VIDEO" else one for one in arguments], cwd=tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("framecache: ")
    assert told in line


def test_the_video_itself_is_never_written_over(media: Path, tmp_path: Path):
    video = tmp_path / "clock.png"
    video.write_bytes((media / "apng_clock.png").read_bytes())
    before = video.read_bytes()
    (tmp_path / "link.png").symlink_to(video)
    for command in (["frame", video, "0"], ["sheet", video], ["compare", video]):
        for target in ("clock.png", "link.png"):
            done = run(*command, "-o", target, cwd=tmp_path)
            assert (done.returncode, "is the video itself" in done.stderr) == (1, True)
    assert run("extract", video, "--csv", video, cwd=tmp_path).returncode == 2
    assert video.read_bytes() == before


def test_nothing_of_the_users_is_written_over(sample: Path, tmp_path: Path):
    mine = {name: f"my {name}" for name in ("sample-sheet.png", "sample-frame-1.png", "sample-compared.png", "t.csv")}
    for name, text in mine.items():
        (tmp_path / name).write_text(text)
    commands = (["frame", sample, "1"], ["sheet", sample], ["compare", sample], ["extract", sample, "--csv", "t.csv"])
    for command in commands:
        done = run(*command, cwd=tmp_path)
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
        assert "is there already" in done.stderr
    assert {name: (tmp_path / name).read_text() for name in mine} == mine
    assert not (tmp_path / "sample-frames").exists(), "that was seen before any work was done"
    # A table of an earlier run may be replaced.
    for frames in (":2", ":3"):
        assert run("extract", sample, "-o", "out", "--frames", frames, "--csv", "times.csv", cwd=tmp_path).returncode == 0
    assert len((tmp_path / "times.csv").read_text().splitlines()) == 4


@pytest.mark.parametrize("closed", ["1", "2"])
def test_a_stream_that_is_closed_harms_no_command(closed: str, sample: Path, tmp_path: Path):
    commands = ("info", "index", "index --show", "verify --requests 3", "frame -o {}.png", "info --json")
    for number, command in enumerate(commands):
        line = (
            f"{' '.join([*processes.COMMAND, command.format(number)])} {sample} {'3' if 'frame' in command else ''} {closed}>&-"
        )
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, ""), command


def test_a_full_device_is_a_failure_in_one_line(sample: Path):
    for command in ("info", "info --json", "index --show", "--help #"):
        line = f"{' '.join(processes.COMMAND)} {command.replace('#', '')} {sample if '#' not in command else ''} >/dev/full"
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60)
        assert done.returncode == 1, command
        assert "No space left" in done.stderr
        assert len(done.stderr.splitlines()) == 1, done.stderr


def test_of_several_videos_the_good_ones_are_told_all_the_same(sample: Path, tmp_path: Path):
    done = run("info", tmp_path / "nowhere.mp4", sample, tmp_path)
    assert done.returncode == 1
    assert "fingerprint" in done.stdout
    assert len(done.stderr.splitlines()) == 2


def test_a_name_that_is_no_text_is_not_given_to_opencv(sample: Path, tmp_path: Path):
    path = tmp_path / os.fsdecode(b"bad\xff.mp4")
    path.symlink_to(sample)
    done = run("compare", path, "-o", "a.png", cwd=tmp_path)
    assert done.returncode == 1
    assert "cannot be given to OpenCV" in done.stderr


def test_a_name_that_begins_with_a_tilde_is_a_name(sample: Path, tmp_path: Path):
    (tmp_path / "~nobody-of-this-name.mp4").symlink_to(sample)
    for command in (["frame"], ["sheet"], ["extract", "--frames", ":1", "--csv", "a.csv"]):
        done = run(*command, "~nobody-of-this-name.mp4", *(["1"] if command == ["frame"] else []), cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, ""), command


def test_file_names_cannot_harm_a_terminal(sample: Path, tmp_path: Path):
    names = ["[red]odd[bold].mp4", "a:b.mp4", "esc\x1b[31m.mp4", "new\nline.mp4", "ümläut 日本.mp4"]
    for name in [*names, os.fsdecode(b"bad\xff.mp4")]:
        path = tmp_path / name
        path.symlink_to(sample)
        for command in (["info"], ["index"], ["verify", "--requests", "1"]):
            done = run(*command, path)
            assert (done.returncode, done.stderr) == (0, ""), name
            assert ESCAPE not in done.stdout
            assert name in done.stdout or not name.isprintable()
    assert run("info", tmp_path / "ümläut 日本.mp4", PYTHONIOENCODING="ascii", PYTHONUTF8="0").returncode == 0


def test_a_pipe_gets_neither_colours_nor_bars(sample: Path, media: Path, tmp_path: Path):
    commands = (["info", sample], ["index", media / "vid.avi"], ["verify", sample], ["compare", sample], ["extract", sample])
    for command in commands:
        done = run(*command, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert ESCAPE not in done.stdout
        assert all(line == line.rstrip() for line in done.stdout.splitlines())
        assert not set(done.stdout) & set("━─│╭╸")


def test_a_terminal_gets_colours_and_bars_that_go_away(sample: Path, tmp_path: Path):
    code, told = run_on_terminal("info", sample)
    assert code == 0
    assert f"{ESCAPE}[" in told
    code, told = run_on_terminal("extract", sample, cwd=tmp_path)
    assert code == 0
    assert "extracting" in told
    assert "330 frames in sample-frames: 330 written" in told
    assert told.rstrip().splitlines()[-1].endswith("330 written")
    assert told.rfind("\x1b[?25h") > told.rfind("\x1b[?25l"), "the cursor is shown again"


def test_a_reader_that_has_seen_enough_ends_the_command_quietly(media: Path):
    command = " ".join([*processes.COMMAND, "index", "--show", str(media / "flies_120s.mp4")])
    done = subprocess.run(["bash", "-c", f"{command} | head -2"], capture_output=True, text=True, timeout=60)
    assert len(done.stdout.splitlines()) == 2
    assert done.stderr == ""


INTERRUPTED = {
    "verify": (["verify"], "decoding linearly"),
    "extract": (["extract", "-o", "out"], "extracting"),
    "compare": (["compare", "--count", "300"], "reading the frames"),
    "index": (["index", "--decode"], "decoding"),
}


@pytest.mark.parametrize("name", INTERRUPTED)
def test_ctrl_c_ends_cleanly(name: str, media: Path, tmp_path: Path):
    (command, *options), stage = INTERRUPTED[name]
    terminal = processes.Terminal(command, media / "flies_120s.mp4", *options, cwd=tmp_path)
    terminal.read_until(stage)
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 130
    assert "Traceback" not in terminal.written
    assert terminal.written.rfind("\x1b[?25h") > terminal.written.rfind("\x1b[?25l"), "the cursor is shown again"
    assert not [path for path in tmp_path.glob("**/.*") if path.name != ".framecache.json"]


def test_completion_completes():
    script = Path(sys.executable).with_name("framecache")
    environment = {**os.environ, "_FRAMECACHE_COMPLETE": "complete_bash", "COMP_WORDS": "framecache in", "COMP_CWORD": "1"}
    done = subprocess.run([script], capture_output=True, text=True, timeout=60, env=environment)
    assert sorted(done.stdout.split()) == ["index", "info"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_is_shown(shell: str):
    script = Path(sys.executable).with_name("framecache")
    environment = {**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    done = subprocess.run([script, "--show-completion", shell], capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 0
    assert "_FRAMECACHE_COMPLETE" in done.stdout


def test_without_typer_the_command_names_the_extra(tmp_path: Path):
    (tmp_path / "typer.py").write_text("raise ModuleNotFoundError('no typer here', name='typer')\n")
    done = run("--version", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr == "framecache: the command line needs typer: pip install 'framecache[cli]'\n"


def test_the_library_needs_neither_typer_nor_rich(clip: Callable[..., Path], tmp_path: Path):
    for name in ("typer", "rich"):
        (tmp_path / f"{name}.py").write_text("raise AssertionError('imported')\n")
    code = f"import framecache, sys; print(len(framecache.VideoReader({str(clip())!r})))"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=environment)
    assert (done.stdout, done.stderr) == ("48\n", "")
