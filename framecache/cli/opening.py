"""Opening videos for commands: with a bar while an index is made, one after another, failures told and gone past."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import typer

from framecache.cli.console import complain, watched
from framecache.errors import FramecacheError
from framecache.reader import VideoReader


@contextlib.contextmanager
def opened_video(path: str, **options: Any) -> Iterator[VideoReader]:
    """A reader of a video; while its index takes time, a bar is shown."""
    with watched() as watch:
        reader = VideoReader(path, progress=watch, wait_for_index=True, **options)
    with reader:
        yield reader


def for_each(videos: Iterable[str], act: Callable[[str], None]) -> None:
    """Do the same with each video; one that fails is told of on stderr, and makes the exit code 1 in the end."""
    has_failed = False
    for video in videos:
        try:
            act(video)
        except FramecacheError as error:
            complain(error)
            has_failed = True
    if has_failed:
        raise typer.Exit(1)
