"""The commands, and how they end: 0; 1 for a failure, with one line on stderr; 2 for wrong usage; 130 for Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from framecache import __version__
from framecache.cli.compare import compare
from framecache.cli.console import complain, prepare_streams
from framecache.cli.frames import extract, frame
from framecache.cli.index import index
from framecache.cli.info import info
from framecache.cli.sample import sample
from framecache.cli.serve import serve
from framecache.cli.sheet import sheet
from framecache.cli.tour import tour
from framecache.cli.verify import verify
from framecache.cli.view import view
from framecache.errors import FramecacheError

EXIT_FAILURE = 1

app = typer.Typer(
    name="framecache",
    help="Any frame of any video, exactly: an index names one picture, always the same one.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# What each command's help ends with.
EXAMPLES: dict[Callable[..., None], tuple[str, ...]] = {
    info: ("info holiday.mp4", "info --json *.mp4 | jq .n_frames"),
    index: ("index recordings/*.mkv", "index --show holiday.mp4 | head", "index --decode broken.ts"),
    verify: ("verify holiday.mp4", "verify --requests 1000 recordings/*.mkv"),
    frame: ("frame holiday.mp4 150 -o picture.png", "frame holiday.mp4 -1", "frame holiday.mp4 1:02.5 -o picture.jpg"),
    extract: (
        "extract holiday.mp4 -o frames --frames 100:200:5",
        "extract holiday.mp4 --times 0:10-0:12.5 --format jpg --size 640x360 --csv times.csv",
    ),
    sheet: (
        "sheet holiday.mp4",
        "sheet holiday.mp4 --keyframes -o keys.jpg",
        "sheet holiday.mp4 --around 1:02.5 --count 9 --columns 3",
    ),
    view: ("view holiday.mp4", "view holiday.mp4 --start 1:02.5 --jump 100"),
    serve: (
        "serve holiday.mp4",
        "serve recordings --port 9000",
        "serve recordings --host 0.0.0.0 --allow-host video.example.org",
    ),
    compare: ("compare holiday.mp4", "compare holiday.mp4 --frames 0:100 --count 100 -o pairs.png"),
    sample: ("sample", "sample small.mp4 --frames 300 --size 320x180"),
    tour: ("tour", "tour holiday.mp4 --out /tmp"),
}
# Negative indices look like options.
TAKES_NEGATIVE = (frame,)
NEEDS_NOTHING = (sample, serve, tour)


def _add_commands() -> None:
    for command, examples in EXAMPLES.items():
        register = app.command(
            epilog="\b\nExamples:\n" + "\n".join(f"  framecache {example}" for example in examples),
            context_settings={"ignore_unknown_options": command in TAKES_NEGATIVE},
            no_args_is_help=command not in NEEDS_NOTHING,
        )
        register(command)


def _tell_version(is_asked: bool) -> None:
    if is_asked:
        print(f"framecache {__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Say the version.")] = False,
) -> None:
    """Any frame of any video, exactly: an index names one picture, always the same one."""
    del version


_add_commands()


def run() -> int:
    """Run the command line on `sys.argv`; the exit code."""
    prepare_streams()
    try:
        code = _end_of(app)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        """Whoever read the output has seen enough."""
    except FramecacheError as error:
        complain(error)
    except MemoryError:
        complain("there is not enough memory for this")
    except OSError as error:
        with contextlib.suppress(OSError):
            complain(f"the output cannot be written: {error.strerror}")
    # Python must not try to write the rest when it ends.
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        return EXIT_FAILURE
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return EXIT_FAILURE


def _end_of(command: Callable[[], object]) -> int:
    try:
        command()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0 if ended.code is None else EXIT_FAILURE
    return 0
