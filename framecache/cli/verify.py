"""`framecache verify`: holding the reader to its contract on any file."""

from __future__ import annotations

from typing import Annotated

import typer

from framecache.cli.console import say, watched
from framecache.cli.info import frames_of
from framecache.cli.opening import for_each
from framecache.cli.parameters import StreamOption, VideosArgument
from framecache.verify import DEFAULT_REQUESTS, Verdict
from framecache.verify import verify as verify_video

MOST_SHOWN = 8


def verify(
    videos: VideosArgument,
    requests: Annotated[
        int, typer.Option("--requests", min=0, max=1_000_000, help="How many frames to ask for at random.")
    ] = DEFAULT_REQUESTS,
    seed: Annotated[int, typer.Option("--seed", help="Another seed chooses other frames.")] = 0,
    stream: StreamOption = 0,
) -> None:
    """Hold framecache to its contract on videos.

    That is, random access against one linear decode. Every frame is asked for once going forward, then some at random,
    stepping back, and without a cache. Each frame that falls short is named, and the exit code is 1 then. Damaged frames
    that no decoder gives are told, and are no fault.
    """
    fell_short = False

    def act(video: str) -> None:
        nonlocal fell_short
        with watched() as watch:
            verdict = verify_video(video, stream=stream, requests=requests, seed=seed, progress=watch)
        _tell(video, verdict)
        fell_short |= bool(verdict.faults)

    for_each(videos, act)
    if fell_short:
        raise typer.Exit(1)


def _tell(video: str, verdict: Verdict) -> None:
    for fault in verdict.faults:
        of = "the video" if fault.index is None else f"frame {fault.index}"
        say(f"{video}: {of}, reached {fault.history}: {fault.what}")
    lost = verdict.undecodable
    if lost:
        some = ", ".join(map(str, lost[:MOST_SHOWN])) + (", ..." if len(lost) > MOST_SHOWN else "")
        say(f"{video}: damaged: {frames_of(len(lost))} cannot be decoded, here or linearly: {some}")
    short = len({fault.index for fault in verdict.faults})
    outcome = f"{frames_of(short)} fall{'s' if short == 1 else ''} short" if short else "all right"
    say(f"{video}: {verdict.n_frames} frames, {verdict.n_linear} in a linear decode, {verdict.requests} requests: {outcome}")
