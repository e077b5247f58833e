"""`framecache sample`: the sample clip."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from framecache.cli.console import say, watched
from framecache.cli.parameters import SizeOption
from framecache.errors import BadArgumentError
from framecache.sample import SAMPLE_FPS, SAMPLE_GOP_FRAMES, SAMPLE_SECONDS, SAMPLE_SIZE, write_sample


def sample(
    output: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write, an MP4.")] = Path("sample.mp4"),
    frames: Annotated[int, typer.Option("--frames", min=1, max=1 << 16, help="How many.")] = SAMPLE_SECONDS * SAMPLE_FPS,
    gop: Annotated[int, typer.Option("--gop", min=1, help="Frames from one keyframe to the next.")] = SAMPLE_GOP_FRAMES,
    size: SizeOption = None,
) -> None:
    """Write the sample clip.

    A moving pattern whose pictures spell their own index, for eyes and for machines.
    """
    if output.exists():
        raise BadArgumentError(f"{output} is there already; choose another name, or remove it first")
    with watched() as watch:
        written: Any = write_sample(output, n_frames=frames, gop_frames=gop, size_xy=size or SAMPLE_SIZE, progress=watch)
    say(f"{frames} frames are in {written}")
