"""`framecache sample`: the sample clip."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from framecache.cli.console import say, watched
from framecache.cli.parameters import read_path, read_size
from framecache.errors import BadArgumentError, VideoAccessError
from framecache.sample import SAMPLE_FPS, SAMPLE_GOP_FRAMES, SAMPLE_SECONDS, SAMPLE_SIZE, write_sample

DEFAULT_SIZE = "{}x{}".format(*SAMPLE_SIZE)


def sample(
    output: Annotated[Any, typer.Argument(parser=read_path, metavar="[FILE]", help="The file to write, an MP4.")] = "sample.mp4",
    frames: Annotated[int, typer.Option("--frames", min=1, max=1 << 16, help="How many.")] = SAMPLE_SECONDS * SAMPLE_FPS,
    gop: Annotated[
        int, typer.Option("--gop", min=1, max=1 << 16, help="Frames from one keyframe to the next.")
    ] = SAMPLE_GOP_FRAMES,
    size: Annotated[
        Any,
        typer.Option("--size", parser=read_size, metavar="WxH", help="Width and height in pixels, even, at least 64."),
    ] = DEFAULT_SIZE,
) -> None:
    """Write the sample clip.

    A moving pattern whose pictures spell their own index, for eyes and for machines.
    """
    if os.path.lexists(output):
        raise BadArgumentError(f"{output} is there already; choose another name, or remove it first")
    with watched() as watch:
        written: Any = write_sample(output, n_frames=frames, gop_frames=gop, size_xy=size, progress=watch)
    say(f"{frames} frames are in {written}")


def sample_clip(folder: Path) -> str:
    """The path of the sample clip in a folder, made there if it is not there yet.

    Raises:
        VideoAccessError: The folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise VideoAccessError(f"{folder} cannot be made: {error.strerror}") from error
    target = folder / "sample.mp4"
    if not target.exists():
        say("making a sample clip ...")
        with watched() as watch:
            write_sample(target, progress=watch)
    return str(target)
