"""`framecache compare`: what OpenCV shows under each frame number, against the true frame."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from framecache.cli.console import say, say_table, watched
from framecache.cli.opening import opened_video
from framecache.cli.outputs import output_file
from framecache.cli.parameters import FramesOption, ImageOption, TimesOption, VideoArgument, picked_frames
from framecache.compare import Compared, comparison_sheet, opencv_count
from framecache.compare import compare as compare_with_opencv
from framecache.engine import Engine
from framecache.export import write_image
from framecache.frame import format_seconds
from framecache.reader import VideoReader
from framecache.sheet import spread

DEFAULT_NUMBERS = 24
MOST_PAIRS = 8


def compare(
    video: VideoArgument,
    output: ImageOption = None,
    frames: FramesOption = None,
    times: TimesOption = None,
    count: Annotated[
        int, typer.Option("--count", min=1, help="How many frame numbers to try, spread over the range.")
    ] = DEFAULT_NUMBERS,
) -> None:
    """Show what OpenCV gives under frame numbers.

    OpenCV is asked by CAP_PROP_POS_FRAMES. Its pictures are found again among the true frames of the first video stream;
    the table says which they are, and the sheet shows some pairs, OpenCV's above the true frame's (those that are wrong
    first).
    """
    target = output_file(output, f"{Path(video).stem}-compared.png", video)
    with Engine() as engine, opened_video(video, engine=engine) as reader:
        numbers = spread(picked_frames(reader, frames, times), count)
        with watched() as watch:
            compared = compare_with_opencv(video, numbers, engine=engine, progress=watch)
        _tell(reader, compared)
        wrong = [one for one in compared if not one.is_right]
        say("")
        say(f"frames: {len(reader)} in a linear decode, {opencv_count(video) or 'an unknown number'} says OpenCV")
        nothing = sum(one.image is None for one in wrong)
        say(f"{len(wrong)} of {len(compared)} numbers are wrong in OpenCV{f', {nothing} show nothing' if nothing else ''}")
        shown = sorted((wrong or compared)[:MOST_PAIRS], key=lambda one: one.index)
        write_image(target, comparison_sheet(reader, shown))
        say(f"pairs of pictures are in {target}")


def _tell(reader: VideoReader, compared: Sequence[Compared]) -> None:
    heads = ("number", "time", "OpenCV shows", "off by", "")
    rows = [(one.index, format_seconds(float(reader.timestamps[one.index])), *_outcome(one)) for one in compared]
    say_table(heads, rows, right=heads[:4])


def _outcome(one: Compared) -> tuple[str, str, str]:
    if one.is_damaged:
        return "nothing" if one.image is None else "a picture", "", "the true frame cannot be decoded"
    if one.image is None:
        return "nothing", "", "wrong"
    if one.shown is None:
        return "another", "", "wrong: no frame near it looks like that"
    off = one.shown - one.index
    return str(one.shown), f"{off:+d}" if off else "0", "wrong" if off else "right"
