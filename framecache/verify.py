"""Holding a reader to the contract on any file: what it hands out, at random, against one linear decode."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

import av
import numpy as np

from framecache.decode.convert import Orientation, Transform, UnconvertibleError, convert, orientation_of
from framecache.decode.source import make_source, opened, pick_stream
from framecache.errors import DecodeError
from framecache.frame import Image
from framecache.progress import Progress, no_progress
from framecache.reader import VideoPath, VideoReader

History = Literal["forward", "at random", "stepping back", "without a cache"]
DEFAULT_REQUESTS = 200
STEPS_BACK = 10


@dataclass(frozen=True, slots=True)
class Fault:
    """A frame that falls short of the contract.

    Attributes:
        index: The 0-based frame index, or None where it is of no one frame.
        history: How the frame was reached.
        what: In words, what is wrong.
    """

    index: int | None
    history: History
    what: str


@dataclass(slots=True)
class Verdict:
    """What was found.

    Attributes:
        n_frames: How many places the reader has.
        n_linear: How many frames the linear decode gave.
        requests: How many requests were made.
        undecodable: The places that raise DecodeError, where the linear decode gives nothing either.
        faults: What falls short; empty where the contract holds.
    """

    n_frames: int
    n_linear: int
    requests: int = 0
    undecodable: list[int] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Linear:
    """The frames of one linear decode, in its order: their timestamps, and what their pictures come to."""

    pts: list[int | None]
    checksums: list[int]
    is_damaged: bool

    @property
    def has_times(self) -> bool:
        """Whether its timestamps are all there and ascend, so that frames can be held to them."""
        known = [pts for pts in self.pts if pts is not None]
        return len(known) == len(self.pts) and all(a < b for a, b in pairwise(known))


def verify(
    path: VideoPath,
    *,
    stream: int = 0,
    requests: int = DEFAULT_REQUESTS,
    seed: int = 0,
    progress: Progress = no_progress,
) -> Verdict:
    """Decode a video once linearly, then ask a reader for its frames in other ways, and compare.

    Every frame is asked for going forward; then `requests` frames at random, some with steps back from there, and half
    as many without a cache. Pictures are compared as they are handed out, bit by bit, and timestamps where the
    linear decode has them.

    Args:
        path: As for VideoReader; a file object is read twice.
        stream: Which video stream.
        requests: How many frames to ask for at random, at least 0.
        seed: What the random choice begins with.
        progress: Called with the stage and how much of it is done, 0.0 to 1.0.

    Raises:
        FramecacheError: As `VideoReader` does.
    """
    with VideoReader(path, stream=stream, progress=progress, wait_for_index=True) as reader:
        truth = _decode_linearly(path, stream, reader.options.transform, len(reader), progress)
        verdict = Verdict(len(reader), len(truth.pts))
        of_place = _go_forward(reader, truth, verdict, progress)
    known = sorted(of_place)
    choice = random.Random(seed)
    picked = [choice.choice(known) for _ in range(requests if known else 0)]
    histories: dict[History, list[int]] = {
        "at random": picked,
        "stepping back": [at for place in picked[: len(picked) // STEPS_BACK] for at in _steps_back(place, of_place)],
        "without a cache": picked[: len(picked) // 2],
    }
    for history, places in histories.items():
        with VideoReader(path, stream=stream, use_cache=history != "without a cache") as reader:
            for done, place in enumerate(places):
                progress(f"asking {history}", done / len(places))
                _ask(reader, place, history, truth, of_place[place], verdict)
    return verdict


def _decode_linearly(path: VideoPath, stream: int, transform: Transform, expected: int, progress: Progress) -> _Linear:
    """One single-threaded decode, which shares nothing with the reader but how files are opened and pictures converted."""
    pts: list[int | None] = []
    checksums: list[int] = []
    orientation: Orientation | None = None
    with opened(make_source(path)) as container:
        picked = pick_stream(container, stream, "")
        frames = _Frames(container, picked)
        for frame in frames:
            orientation = orientation or orientation_of(frame)
            pts.append(frame.pts)
            checksums.append(_picture_checksum(frame, transform, orientation))
            progress("decoding linearly", min(1.0, len(pts) / max(expected, 1)))
    return _Linear(pts, checksums, frames.is_damaged)


def _picture_checksum(frame: av.VideoFrame, transform: Transform, orientation: Orientation) -> int:
    try:
        return image_checksum(convert(frame, transform, orientation))
    except UnconvertibleError:
        return -1


def image_checksum(image: Image) -> int:
    """A CRC-32 of an image's shape and pixels."""
    return zlib.crc32(np.ascontiguousarray(image).data, zlib.crc32(str(image.shape).encode()))


class _Frames:
    """The frames of a stream as a plain PyAV script decodes them, going on after what cannot be decoded."""

    def __init__(self, container: av.container.InputContainer, stream: av.VideoStream) -> None:
        self._container, self._stream = container, stream
        self._stream.thread_type = "NONE"
        self.is_damaged = False

    def __iter__(self) -> Iterator[av.VideoFrame]:
        packets = self._container.demux(self._stream)
        packet: Any = None
        while True:
            try:
                packet = next(packets)
            except (StopIteration, EOFError):
                return
            except av.error.FFmpegError:
                self.is_damaged, packet = True, None
            try:
                frames = self._stream.codec_context.decode(packet)
            except EOFError:
                return
            except av.error.FFmpegError:
                self.is_damaged = True
                frames = []
            for frame in frames:
                self.is_damaged |= frame.is_corrupt
                yield frame
            if packet is None:
                return


def _go_forward(reader: VideoReader, truth: _Linear, verdict: Verdict, progress: Progress) -> dict[int, int]:
    """Ask for every place in order; which frame of the linear decode each is."""
    of_place: dict[int, int] = {}
    count = len(reader)
    for place in range(count):
        progress("asking forward", place / count)
        if len(of_place) == len(truth.pts) and not truth.is_damaged:
            break
        verdict.requests += 1
        try:
            image = reader.request_frame(place).image
        except DecodeError as error:
            verdict.undecodable.append(place)
            if not truth.is_damaged:
                verdict.faults.append(Fault(place, "forward", f"a linear decode gives it, but: {error}"))
            continue
        number = len(of_place)
        if number == len(truth.pts):
            verdict.faults.append(Fault(place, "forward", f"a linear decode has only {number} frames"))
            continue
        of_place[place] = number
        _judge(place, image_checksum(image), reader.index.own_pts_at(place), "forward", truth, number, verdict)
    if len(of_place) < len(truth.pts) or (count > len(truth.pts) and not truth.is_damaged):
        verdict.faults.append(Fault(None, "forward", f"there are {count} places for {len(truth.pts)} frames of a linear decode"))
    return of_place


def _steps_back(place: int, of_place: dict[int, int]) -> Sequence[int]:
    return [at for at in range(place, max(-1, place - STEPS_BACK), -1) if at in of_place]


def _ask(reader: VideoReader, place: int, history: History, truth: _Linear, number: int, verdict: Verdict) -> None:
    verdict.requests += 1
    try:
        frame = reader.request_frame(place)
    except DecodeError as error:
        verdict.faults.append(Fault(place, history, f"it came when asked for going forward, but now: {error}"))
        return
    _judge(place, image_checksum(frame.image), frame.pts, history, truth, number, verdict)


def _judge(place: int, picture: int, pts: int | None, history: History, truth: _Linear, number: int, verdict: Verdict) -> None:
    """Note what is wrong with a frame that came for a place, where it should be the linear decode's `number`-th."""
    if picture != truth.checksums[number]:
        others = [other for other, value in enumerate(truth.checksums) if value == picture]
        shows = f"it is frame {others[0]} of a linear decode" if others else "no frame of a linear decode is like it"
        verdict.faults.append(Fault(place, history, f"its picture is another: {shows}"))
    if truth.has_times and pts is not None and pts != truth.pts[number]:
        verdict.faults.append(Fault(place, history, f"its timestamp is {pts}, and {truth.pts[number]} in a linear decode"))
