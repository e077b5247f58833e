"""`framecache tour`: the main job on one video, told as it goes; what `scripts/run` runs."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from framecache.cli.console import say_facts
from framecache.cli.info import facts
from framecache.cli.opening import opened_video
from framecache.cli.parameters import read_path
from framecache.cli.sample import sample_clip
from framecache.errors import DecodeError, VideoAccessError
from framecache.export import write_image
from framecache.frame import format_seconds
from framecache.reader import VideoReader
from framecache.sheet import contact_sheet

DEFAULT_FOLDER = Path(tempfile.gettempdir()) / "framecache-tour"


def tour(
    video: Annotated[
        str | None, typer.Argument(metavar="[VIDEO]", help="The video; without one, a sample clip is made.", show_default=False)
    ] = None,
    folder: Annotated[Any, typer.Option("--out", parser=read_path, metavar="FOLDER", help="Where to write.")] = str(
        DEFAULT_FOLDER
    ),
) -> None:
    """Show the main job on one video.

    Say what it is, jump about in it and back, and write a contact sheet.
    """
    video = video or sample_clip(folder)
    with opened_video(video) as reader:
        _visit(reader, video, folder)


def _visit(reader: VideoReader, video: str, folder: Path) -> None:
    say_facts(reader.info.path, facts(reader.info))
    if not len(reader):
        print("it has no frames to show")
        return
    print("\nrequests, in this order:\n\n   asked   came        time      took   from")
    before = reader.stats
    for index in jumps(len(reader)):
        _request(reader, index)
    stats = reader.stats
    hits, misses = stats.hits - before.hits, stats.misses - before.misses
    print(
        f"\n{hits} of {hits + misses} requests were answered from the cache; "
        f"{stats.frames_decoded} frames were decoded in {stats.seeks} jumps; "
        f"{stats.bytes_held / 2**20:.1f} MiB are held"
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise VideoAccessError(f"{folder} cannot be made: {error.strerror}") from error
    sheet = write_image(folder / f"{Path(video).stem}-sheet.png", contact_sheet(reader))
    print(f"a contact sheet is in {sheet}")


def jumps(n_frames: int) -> list[int]:
    """Indices that a person who looks around would ask for: far, near, back, the ends, and back again."""
    last, middle, late = n_frames - 1, n_frames // 2, n_frames * 9 // 10
    wanted = [0, middle, middle - 1, middle - 2, middle + 1, last, late, n_frames // 10, middle, last, 0]
    return [min(max(index, 0), last) for index in wanted]


def _request(reader: VideoReader, index: int) -> None:
    hits, began = reader.stats.hits, time.perf_counter()
    try:
        frame = reader.request_frame(index)
    except DecodeError as error:
        print(f"{index:8d}   {error}")
        return
    milliseconds = 1000 * (time.perf_counter() - began)
    origin = "the cache" if reader.stats.hits > hits else "the decoder"
    seconds = format_seconds(frame.seconds_into_video)
    print(f"{index:8d} {frame.frame_ix:6d} {seconds:>13} {milliseconds:7.1f} ms   {origin}")
