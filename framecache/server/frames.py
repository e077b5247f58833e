"""Frames: a frame's picture as bytes, from the cache or made now, with what is told of it."""

from __future__ import annotations

import struct
import threading
import time
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from framecache.decode.convert import UnconvertibleError
from framecache.errors import CancelledError, DecodeError, FramecacheError
from framecache.frame import Image
from framecache.index.frame_index import FrameIndex
from framecache.pictures import frozen
from framecache.reader import VideoReader
from framecache.server.awaited import Awaited
from framecache.server.desk import Job
from framecache.server.encode import encode, encoder_of
from framecache.server.metrics import Metrics
from framecache.server.problems import Problem
from framecache.server.videos import ServedVideo, problem_of
from framecache.server.views import Views
from framecache.server.wire import MEDIA_TYPES, Rendition, etag, frame_url
from framecache.video import CacheKey

# How often a thread that waits for another's picture asks whether it still should.
LOOK_SECONDS = 0.05
# Of one video: they lie outside every budget, and only what is asked for again and again gains by them.
MOST_TOLD = 128
_SIZE = struct.Struct("<II")


@dataclass(frozen=True, slots=True)
class Picture:
    """A frame's picture, ready to be sent.

    Attributes:
        body: The image file.
        width, height: Of the whole displayed frame, in pixels, before anything was cut out or shrunk.
        timing: What took how long, as a Server-Timing header.
    """

    body: bytes | memoryview
    width: int
    height: int
    timing: str = "cache;desc=hit"

    def packed(self) -> Image:
        """It as the cache keeps it: its size before its bytes."""
        return frozen(np.frombuffer(b"".join((_SIZE.pack(self.width, self.height), self.body)), np.uint8))

    @classmethod
    def unpacked(cls, kept: Image) -> Picture:
        """What `packed` made."""
        data = memoryview(kept)  # type: ignore[arg-type]
        return cls(data[_SIZE.size :], *_SIZE.unpack_from(data))


class Frames:
    """Makes pictures of frames, each once. Threads may share it.

    Args:
        views: How each client goes through its videos.
        awaited: What is asked for at the same time.
        metrics: Where it is counted.
    """

    def __init__(self, views: Views, awaited: Awaited, metrics: Metrics) -> None:
        self._views = views
        self._awaited = awaited
        self._metrics = metrics
        self._making: dict[CacheKey, threading.Lock] = {}
        self._lock = threading.Lock()

    def at_hand(self, reader: VideoReader, place: int, rendition: Rendition) -> Picture | None:
        """The picture, if the cache holds it."""
        value = reader._engine.cache.get(_key(reader, place, rendition))
        return Picture.unpacked(value) if isinstance(value, np.ndarray) else None

    def make(self, served: ServedVideo, place: int, rendition: Rendition, client: str | None, job: Job) -> Picture:
        """The picture, whatever it takes.

        Raises:
            Problem: 422: The frame cannot be decoded. What `encode` and `problem_of` say.
            CancelledError: The job is not wanted any more.
        """
        reader = served.opening.result()
        began = time.monotonic()
        key = _key(reader, place, rendition)
        with self._alone(key, job):
            found = self.at_hand(reader, place, rendition)
            if found is not None:
                self._metrics.answers.labels("joined").inc()
                return replace(found, timing=_timing(job, began, began, began))
            try:
                view = self._views.of(reader, client)
                frame = view.decoded(place, is_cancelled=job.is_unwanted, least_before=self._awaited.before(reader, place))
                decoded = time.monotonic()
                orientation = reader._pictures.orientation_by(frame)
                body = encode(frame, orientation, rendition)
            except CancelledError:
                raise
            except DecodeError as error:
                raise undecodable(served, error) from error
            except UnconvertibleError as error:
                raise undecodable(served, reader._video.decode_error(place, str(error))) from error
            except FramecacheError as error:
                raise problem_of(served, error) from error
            encoded = time.monotonic()
            size = (frame.height, frame.width) if orientation.swaps_axes else (frame.width, frame.height)
            made = Picture(body, *size, _timing(job, began, decoded, encoded))
            reader._engine.keep(reader._video, key, made.packed())
        self._metrics.decode_seconds.observe(decoded - began)
        self._metrics.encode_seconds.observe(encoded - decoded)
        self._metrics.answers.labels("made").inc()
        return made

    def _alone(self, key: CacheKey, job: Job) -> _Alone:
        return _Alone(self._making, self._lock, key, job)


class _Alone:
    """One thread at a time for each picture: the others find it made. CancelledError once a job that waits is not wanted."""

    def __init__(self, making: dict[CacheKey, threading.Lock], lock: threading.Lock, key: CacheKey, job: Job) -> None:
        self._making, self._lock, self._key, self._job = making, lock, key, job

    def __enter__(self) -> None:
        with self._lock:
            self._own = self._making.setdefault(self._key, threading.Lock())
        while not self._own.acquire(timeout=LOOK_SECONDS):
            if self._job.is_unwanted():
                raise CancelledError("nobody wants this picture any more")

    def __exit__(self, *exc: object) -> None:
        self._own.release()
        with self._lock:
            if not self._own.locked():
                self._making.pop(self._key, None)


def undecodable(served: ServedVideo, error: DecodeError) -> Problem:
    """What a frame that cannot be decoded is answered with."""
    reason = served.without_path(error.reason)
    told = {"index": error.index, "pts": error.pts, "reason": reason}
    return Problem(422, f"frame {error.index} cannot be decoded: {reason}", members=told)


class Told(NamedTuple):
    """What is told of a frame beside its picture.

    Attributes:
        tag: The entity tag of its picture.
        location: The path of its canonical address.
        headers: All but the address as an answer's headers.
    """

    tag: str
    location: str
    headers: tuple[tuple[bytes, bytes], ...]


def told_of(served: ServedVideo, reader: VideoReader, place: int, rendition: Rendition) -> Told:
    """What is told of a frame; worked out once, for that takes longer than to look a picture up."""
    index = reader._video.index
    if served.told_index is not index or len(served.frames_told) >= MOST_TOLD:
        served.told_index, served.frames_told = index, {}
    told: Told | None = served.frames_told.get((place, rendition))
    if told is None:
        told = served.frames_told[place, rendition] = _tell(served, reader, index, place, rendition)
    return told


def _tell(served: ServedVideo, reader: VideoReader, index: FrameIndex, place: int, rendition: Rendition) -> Told:
    tag = etag(content_of(served, reader), place, rendition.canonical, encoder_of(rendition.format))
    location = frame_url(served.entry.id, place, rendition, fingerprint_of(reader))
    pts = index.own_pts_at(place)
    headers = {
        "frame-index": str(place),
        "frame-time": repr(float(index.timestamps[place])),
        "frame-keyframe": "true" if index.is_keyframe[place] else "false",
        "etag": tag,
        **({} if pts is None else {"frame-pts": str(pts)}),
    }
    return Told(tag, location, tuple((name.encode(), value.encode()) for name, value in headers.items()))


def fingerprint_of(reader: VideoReader) -> str:
    """The hash of the file's size and its ends, which is known from the start."""
    return reader._opened.fingerprint


def content_of(served: ServedVideo, reader: VideoReader) -> str:
    """What stands for all of the file's bytes in entity tags: its hash, and when it was written.

    The hash is of its size and its ends alone, and a file can change between them: while a copy is written into place, say.
    """
    *_, modified_ns = served.identity
    return f"{fingerprint_of(reader)}-{modified_ns:x}"


def media_type_of(rendition: Rendition) -> str:
    """The media type of a picture."""
    return MEDIA_TYPES[rendition.format]


def _key(reader: VideoReader, place: int, rendition: Rendition) -> CacheKey:
    return (*reader._video.key, place, rendition)


def _timing(job: Job, began: float, decoded: float, encoded: float) -> str:
    parts = (("queue", began - job.queued_at), ("decode", decoded - began), ("encode", encoded - decoded))
    return ", ".join(f"{name};dur={1000 * seconds:.2f}" for name, seconds in parts)
