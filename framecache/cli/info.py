"""`framecache info`: what is known of videos."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated

import typer

from framecache.cli.console import say, say_facts
from framecache.cli.opening import for_each, opened_video
from framecache.cli.parameters import StreamOption, VideosArgument
from framecache.frame import VideoInfo, format_seconds

MOST_SHOWN = 8


def info(
    videos: VideosArgument,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, one line a video.")] = False,
    stream: StreamOption = 0,
) -> None:
    """Say what videos are.

    Container, codec, size, colour, frames, rates, keyframes, damage, fingerprint, where the index came from and what it cost.
    """
    is_first = True

    def show(video: str) -> None:
        nonlocal is_first
        with opened_video(video, stream=stream) as reader:
            known = reader.info
        if as_json:
            print(json.dumps(known.as_dict()))
            return
        if not is_first:
            say("")
        is_first = False
        say_facts(known.path, facts(known))

    for_each(videos, show)


def facts(known: VideoInfo) -> Iterable[tuple[str, str]]:
    """What is known of a video, in words."""
    return [
        ("container", known.container),
        ("codec", f"{known.codec}, {known.pixel_format or 'pixel format unknown'}"),
        ("size", _size(known)),
        ("pixel aspect", f"{known.pixel_aspect.numerator}:{known.pixel_aspect.denominator}"),
        ("rotation", f"{known.rotation} degrees clockwise{', mirrored' if known.mirrored else ''}"),
        ("colour", _colour(known)),
        ("frames", str(known.n_frames)),
        ("duration", f"{format_seconds(known.duration_seconds)} ({known.duration_seconds:.6f} s)"),
        ("rate", _rate(known)),
        ("keyframes", _keyframes(known)),
        ("start", f"{known.start_seconds:.6f} s"),
        ("timestamps", f"{known.timestamps_are}, in units of {known.time_base} s"),
        ("damage", damage(known)),
        ("fingerprint", known.fingerprint),
        ("index", index_origin(known)),
    ]


def _size(known: VideoInfo) -> str:
    shown, stored = (known.width, known.height), (known.coded_width, known.coded_height)
    return f"{shown[0]}x{shown[1]}" + (f", stored as {stored[0]}x{stored[1]}" if shown != stored else "")


def _colour(known: VideoInfo) -> str:
    matrix = known.matrix or "no matrix tagged"
    return f"{matrix}, {known.color_range} range" if known.color_range else f"{matrix}, no range tagged"


def _rate(known: VideoInfo) -> str:
    kind = "variable" if known.is_variable_rate else "constant"
    gaps = f"gaps of {1000 * known.min_gap_seconds:.3f} to {1000 * known.max_gap_seconds:.3f} ms"
    return f"{known.fps:.3f} frames a second on average, {kind} ({gaps})"


def _keyframes(known: VideoInfo) -> str:
    if not known.n_keyframes:
        return "none known; decoding starts at the first packet"
    shortest, median, longest = known.shortest_gop_frames, known.median_gop_frames, known.longest_gop_frames
    lengths = f"{shortest} frames" if shortest == longest else f"{shortest} to {longest} frames (median {median:g})"
    return f"{known.n_keyframes}, GOPs of {lengths}"


def frames_of(count: int) -> str:
    """`1 frame`, `2 frames`."""
    return f"{count} frame{'' if count == 1 else 's'}"


def damage(known: VideoInfo) -> str:
    """Which frames are known to be undecodable."""
    lost = known.undecodable
    if not lost:
        is_sure = known.index_source == "decode"
        return "none; every frame was decoded" if is_sure else "none known (framecache index --decode looks at every frame)"
    some = ", ".join(map(str, lost[:MOST_SHOWN])) + (", ..." if len(lost) > MOST_SHOWN else "")
    return f"{frames_of(len(lost))} cannot be decoded: {some}"


def index_origin(known: VideoInfo) -> str:
    """Where the index came from, and what it cost."""
    made = {"table": "the container's sample table", "scan": "a scan of packets", "decode": "decoding every frame"}
    took = f"{1000 * known.index_seconds:.1f} ms"
    if known.index_from_store:
        return f"read from the index store in {took}; first made by {made[known.index_source]}"
    decoded = f", {frames_of(known.index_frames_decoded)} decoded" if known.index_frames_decoded else ", no frame decoded"
    return f"made from {made[known.index_source]} in {took}{decoded}"
