"""`framecache index`: build, show and forget frame indices."""

from __future__ import annotations

from typing import Annotated

import typer

from framecache.cli.console import say, watched
from framecache.cli.info import damage, index_origin
from framecache.cli.opening import for_each, opened_video
from framecache.cli.parameters import StreamOption, VideosArgument
from framecache.decode.source import make_source
from framecache.errors import VideoAccessError
from framecache.index.store import remove, store_folder, stored_file
from framecache.opening import forget_index, index_key, use_index
from framecache.reader import VideoReader

SHOWN_HEADS = ("index", "pts", "seconds", "keyframe", "decodable")


def index(
    videos: VideosArgument,
    show: Annotated[bool, typer.Option("--show", help="List every frame: index, pts, seconds, keyframe, decodable.")] = False,
    decode: Annotated[
        bool,
        typer.Option("--decode", help="Find the frames by decoding all of them, and use that index from now on."),
    ] = False,
    clear: Annotated[
        bool, typer.Option("--clear", help="Forget the stored index of the videos' stream, and do no more.")
    ] = False,
    stream: StreamOption = 0,
) -> None:
    """Build, show or forget frame indices.

    An index is built if it is not stored yet, and it is said where it came from. Opening a video does this by itself.
    Here it is done ahead, anew (--decode), shown (--show) or undone (--clear).
    """
    if clear and (decode or show):
        raise typer.BadParameter("--clear goes with neither --decode nor --show")

    def act(video: str) -> None:
        if clear:
            had = forget_index(make_source(video), stream)
            say(f"{video}: {'its stored index is forgotten' if had else 'no index of it was stored'}")
            return
        if decode:
            origin = _decode_anew(video, stream)
            if not show:
                say(f"{video}: {origin}")
        with opened_video(video, stream=stream) as reader:
            if show:
                _show(reader)
            else:
                _tell(reader, video, stream)

    for_each(videos, act)


def _decode_anew(video: str, stream: int) -> str:
    """Decode all frames, whatever is stored, and store what that gave; what was stored stays until then. What it cost."""
    source = make_source(video)
    key = index_key(source, stream, "decode")
    if key is not None:
        remove(key)
    with watched() as watch, VideoReader(video, stream=stream, index_from="decode", progress=watch) as reader:
        if not use_index(source, stream, reader.index):
            raise VideoAccessError(f"{video} was decoded, but the index cannot be stored in {store_folder()}")
        return index_origin(reader.info)


def _tell(reader: VideoReader, video: str, stream: int) -> None:
    known = reader.info
    key = index_key(make_source(video), stream)
    stored = stored_file(key) if key is not None else None
    why_not = "not stored, since a sample table is read as fast" if known.index_source == "table" else "it could not be stored"
    say(f"{video}: {known.n_frames} frames, {known.n_keyframes} keyframes; damage: {damage(known)}")
    say(f"  {index_origin(known)}")
    say(f"  stored in {stored}" if stored else f"  {why_not}")


def _show(reader: VideoReader) -> None:
    frames, lost = reader.index, set(reader.index.undecodable.tolist())
    say("".join(f"{head:>{width}}" for head, width in zip(SHOWN_HEADS, (8, 14, 16, 10, 11), strict=True)))
    for place, seconds in enumerate(frames.timestamps.tolist()):
        own = frames.own_pts_at(place)
        is_key = "yes" if frames.is_keyframe[place] else "no"
        print(f"{place:8d}{'none' if own is None else own:>14}{seconds:16.6f}{is_key:>10}{'no' if place in lost else 'yes':>11}")
