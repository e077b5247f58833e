"""`framecache view`: a window to play a video and to step through it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from framecache.cli.opening import opened_video
from framecache.cli.parameters import SizeOption, VideoArgument, read_path, read_place
from framecache.viewer import view as view_video


def view(
    video: VideoArgument,
    start: Annotated[
        str, typer.Option("--start", metavar="INDEX|TIME", help="Where to begin: a frame index or a time (2.5, 12s, 0:12.5).")
    ] = "0",
    jump: Annotated[
        int | None,
        typer.Option("--jump", min=1, metavar="N", help="Frames that [ ] and the page keys jump; a second's where not given."),
    ] = None,
    folder: Annotated[
        Any, typer.Option("-o", "--folder", parser=read_path, metavar="FOLDER", help="Where s saves frames.")
    ] = ".",
    size: SizeOption = None,
) -> None:
    """Show a video in a window.

    Space plays; arrows and , . step; [ ] and the page keys jump; home and end; g goes to a frame or a time; s saves the
    frame; h shows the keys; q quits.
    """
    read_place(start)
    # An index that takes a scan or a decode is made here, with a bar to watch; the viewer finds it stored.
    with opened_video(video):
        """Only to see that it is a video, and to make its index."""
    view_video(video, start=start, jump=jump, folder=folder, max_size_xy=size)
