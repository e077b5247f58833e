"""`framecache sheet`: a contact sheet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from framecache.cli.console import say
from framecache.cli.opening import opened_video
from framecache.cli.outputs import output_file
from framecache.cli.parameters import (
    FramesOption,
    ImageOption,
    QualityOption,
    StreamOption,
    TimesOption,
    VideoArgument,
    picked_frames,
    read_place,
)
from framecache.errors import BadArgumentError
from framecache.export import DEFAULT_QUALITY, write_image
from framecache.reader import VideoReader
from framecache.sheet import (
    DEFAULT_CELL_PIXELS,
    DEFAULT_COLUMNS,
    DEFAULT_COUNT,
    LEAST_CELL_PIXELS,
    TALLEST_TO_WIDTH,
    around,
    check_sheet,
    contact_sheet,
    spread,
)


def sheet(
    video: VideoArgument,
    output: ImageOption = None,
    frames: FramesOption = None,
    times: TimesOption = None,
    keyframes: Annotated[bool, typer.Option("--keyframes", help="Show keyframes only.")] = False,
    around_place: Annotated[
        Any,
        typer.Option(
            "--around",
            parser=read_place,
            metavar="INDEX|TIME",
            help="Show the neighbours of one frame, which is marked.",
            show_default=False,
        ),
    ] = None,
    count: Annotated[int, typer.Option("--count", min=1, help="How many pictures at most.")] = DEFAULT_COUNT,
    columns: Annotated[int, typer.Option("--columns", min=1, help="Pictures a row.")] = DEFAULT_COLUMNS,
    width: Annotated[
        int, typer.Option("--width", min=LEAST_CELL_PIXELS, help="The width of each picture in pixels.")
    ] = DEFAULT_CELL_PIXELS,
    quality: QualityOption = DEFAULT_QUALITY,
    stream: StreamOption = 0,
) -> None:
    """Write a contact sheet.

    Pictures side by side, with index and time under each, over the whole video, a range (--frames, --times), the
    keyframes, or around one frame; without -o, to a PNG file named after the video in the current folder.
    """
    if around_place is not None and (keyframes or frames is not None or times is not None):
        raise typer.BadParameter("--around goes with neither --frames, --times nor --keyframes")
    target = output_file(output, f"{Path(video).stem}-sheet.png", video)
    # Pictures are shrunk while they are decoded, to what a cell can show.
    with opened_video(video, stream=stream, max_size_xy=(width, width * TALLEST_TO_WIDTH)) as reader:
        marked = None if around_place is None else around_place.find(reader.index)
        if marked is not None:
            chosen: Sequence[int] = around(marked, count, len(reader))
        else:
            chosen = spread(_candidates(reader, frames, times, only_keyframes=keyframes), count)
        check_sheet(len(chosen), columns, width)
        write_image(target, contact_sheet(reader, chosen, columns=columns, cell_width=width, marked=marked), quality)
    say(f"a sheet of {len(chosen)} frames is in {target}")


def _candidates(
    reader: VideoReader, frames: slice | None, times: tuple[float | None, float | None] | None, *, only_keyframes: bool
) -> Sequence[int]:
    picked = picked_frames(reader, frames, times)
    if not only_keyframes:
        return picked
    keyframes = [place for place in reader.keyframe_indices.tolist() if place in picked]
    if not keyframes:
        raise BadArgumentError(f"there is no keyframe in that range; the video has {len(reader.keyframe_indices)}")
    return keyframes
