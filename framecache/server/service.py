"""Service: what all routes of one app share, and how a request comes to its video and its frame."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from framecache.engine import DEFAULT_BUDGET_BYTES, Engine
from framecache.errors import FramecacheError
from framecache.reader import VideoReader
from framecache.server.awaited import Awaited
from framecache.server.desk import ClientGoneError, Desk, Job, Ticket
from framecache.server.frames import Frames, Picture, fingerprint_of, media_type_of, told_of
from framecache.server.library import Library
from framecache.server.metrics import Metrics
from framecache.server.problems import Problem
from framecache.server.videos import MOST_OPEN, OpenVideos, ServedVideo, problem_of
from framecache.server.views import Views
from framecache.server.wire import Asked, Rendition, accepts, is_known_to_client

log = logging.getLogger(__name__)
T = TypeVar("T")
Sent = dict[bytes, str]

MOST_WAITING = 512
# How long a request waits for a video to be opened, or for a frame that a growing index does not know yet.
OPENING_PATIENCE_SECONDS = 10.0
GROWING_PATIENCE_SECONDS = 2.0
# How often a request that waits for an index to grow looks at it, at first and later on.
FIRST_LOOK_SECONDS, LAST_LOOK_SECONDS = 0.02, 0.1
YEAR_SECONDS = 365 * 24 * 3600
DEFAULT_LANE = "frame"
_CLIENT = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may ask for, and all of them together.

    Attributes:
        frames: The most frames of one batch.
        waiting: The most requests that wait for a thread.
        open_videos: The most videos that stay open, beside those in use.
        opening_seconds, growing_seconds: How long one waits for a video to be opened, or its index to grow.
    """

    frames: int = 10_000
    waiting: int = MOST_WAITING
    open_videos: int = MOST_OPEN
    opening_seconds: float = OPENING_PATIENCE_SECONDS
    growing_seconds: float = GROWING_PATIENCE_SECONDS


class Service:
    """The videos of one app, and who does what for them.

    Args:
        paths: Files and folders that are served.
        engine: Who decodes; one of its own where not given.
        buffer_size_bytes: The budget of its own engine.
        is_private: Whether answers are for their client alone, so that no cache between may keep them.
        limits: What one request may ask for.
    """

    def __init__(
        self,
        paths: Sequence[str | os.PathLike[str]],
        *,
        engine: Engine | None = None,
        buffer_size_bytes: int = DEFAULT_BUDGET_BYTES,
        is_private: bool = False,
        limits: Limits | None = None,
    ) -> None:
        self.library = Library(paths)
        self.limits = limits or Limits()
        self._owns_engine = engine is None
        # One decoder more than there are processors: while one waits for the disk, the others decode.
        self.engine = engine or Engine(buffer_size_bytes, max_decoders=max(3, (os.cpu_count() or 1) + 1))
        self.views = Views()
        self.videos = OpenVideos(self.library, self.engine, most_open=self.limits.open_videos, on_close=self.views.forget)
        self.desk = Desk(2 * self.engine.max_decoders + 2, self.limits.waiting, self.engine.look_again)
        self.metrics = Metrics(self.engine, lambda: self.desk.waiting, self.videos.counted)
        self._awaited = Awaited()
        self.frames = Frames(self.views, self._awaited, self.metrics)
        self.visibility = "private" if is_private else "public"

    def close(self) -> None:
        """Close everything, the engine too where it is its own."""
        self.videos.close()
        self.desk.close()
        if self._owns_engine:
            self.engine.close()

    def use(self, request: Request) -> Use:
        """The video that a request names, open as long as the block runs. Raises Problem as `OpenVideos.take` does."""
        return Use(self, request.path_params["id"])

    async def reader(self, served: ServedVideo) -> VideoReader:
        """The reader of a video, once it is open.

        Raises:
            Problem: 503: That takes long. 422: It cannot be opened.
        """
        if not served.opening.done():
            opening = asyncio.wrap_future(served.opening)
            # Why it failed is asked for below; by then, nobody may be left to ask.
            opening.add_done_callback(lambda done: done.cancelled() or done.exception())
            await asyncio.wait([opening], timeout=self.limits.opening_seconds)
        if not served.opening.done():
            raise self.not_yet(served, "the video is being opened")
        error = served.opening.exception()
        if error is not None:
            raise problem_of(served, error)
        return served.opening.result()

    def not_yet(self, served: ServedVideo, what: str) -> Problem:
        """The answer where a video's index must grow first."""
        reader = served.reader
        done = served.progress if reader is None else reader.indexing_progress
        detail = f"{what}; its index is {100 * done:.0f} % done: ask again in a second"
        return Problem(503, detail, members={"progress": done}, headers={"Retry-After": "1"})

    async def whole(self, request: Request, served: ServedVideo) -> VideoReader:
        """The reader, once all of the video's frames are known. Raises as `reader` and `place` do."""
        reader = await self.reader(served)
        await self._wait(request, served, reader, None)
        if not reader.is_indexed:
            raise self.not_yet(served, "not all frames are known so far")
        return reader

    async def place(self, request: Request, served: ServedVideo, reader: VideoReader, index: int) -> int:
        """The place of a frame index; a negative one counts from the end.

        Raises:
            Problem: 404: There is no such frame. 409: Overtaken meanwhile. 503: It is not known yet.
            ClientGoneError: The client hung up meanwhile.
        """
        self.check_index(served, reader)
        if not (reader.is_indexed or 0 <= index < len(reader._video.index)):
            is_enough = None if index < 0 else lambda: len(reader._video.index) > index
            await self._wait(request, served, reader, is_enough, ticket_of(sent_with(request), served.entry.id))
        count = len(reader._video.index)
        if 0 <= index < count:
            return index
        if not reader.is_indexed:
            raise self.not_yet(served, f"frame {index} is not known so far")
        if -count <= index < 0:
            return index + count
        raise Problem(404, f"there is no frame {index}: the video has {count}", members={"n_frames": count})

    async def place_at(self, request: Request, served: ServedVideo, reader: VideoReader, seconds: float) -> int:
        """The place of the frame displayed at a time. Raises as `place` does."""
        if seconds < 0:
            raise Problem(404, f"{seconds:g} s lies outside the video, which is shown from 0 s")
        self.check_index(served, reader)
        if not (reader.is_indexed or seconds < reader._video.index.timestamps[-1]):
            ticket = ticket_of(sent_with(request), served.entry.id)
            await self._wait(request, served, reader, lambda: seconds < reader._video.index.timestamps[-1], ticket)
        index = reader._video.index
        place = index.displayed_at(seconds)
        if place is None and not reader.is_indexed:
            raise self.not_yet(served, f"the frame displayed at {seconds:g} s is not known so far")
        if place is None:
            end = index.duration_seconds
            raise Problem(404, f"{seconds:g} s lies outside the video, which is shown from 0 s up to before {end:g} s")
        return place

    def check_index(self, served: ServedVideo, reader: VideoReader) -> None:
        """Raise Problem where a video's index could not be made whole: what is known of it may be wrong."""
        try:
            _ = reader._known
        except Exception as error:
            if not isinstance(error, FramecacheError):
                log.error("the index of %s could not be made", served.entry.path, exc_info=error)
            raise problem_of(served, error) from error

    async def _wait(
        self,
        request: Request,
        served: ServedVideo,
        reader: VideoReader,
        is_enough: Callable[[], bool] | None,
        ticket: Ticket | None = None,
    ) -> None:
        """Wait a while for an index to be whole, or to know enough. No thread is taken for that, however many wait."""
        self.check_index(served, reader)
        if reader.is_indexed:
            return
        deadline, pause_seconds = time.monotonic() + self.limits.growing_seconds, FIRST_LOOK_SECONDS
        async with hearing(request) as gone:
            hanging_up = asyncio.ensure_future(gone.wait())
            try:
                with reader._horizon.awaited(is_enough is None):
                    while True:
                        self.desk.check_lane(ticket)
                        if reader._horizon.wait(is_enough, 0.0) or time.monotonic() >= deadline:
                            return
                        if (await asyncio.wait([hanging_up], timeout=pause_seconds))[0]:
                            raise ClientGoneError
                        pause_seconds = min(2 * pause_seconds, LAST_LOOK_SECONDS)
            except (Problem, ClientGoneError):
                raise
            except Exception as error:
                self.check_index(served, reader)
                raise problem_of(served, error) from error
            finally:
                hanging_up.cancel()

    def check_version(self, reader: VideoReader, fingerprint: str | None) -> None:
        """Raise Problem 410 where `v=` names other bytes than the file has now."""
        if fingerprint is not None and fingerprint != fingerprint_of(reader):
            raise Problem(410, "the file has changed since; /v1/videos/{id} tells its fingerprint now")

    def cache_control(self, fingerprint: str | None) -> str:
        """Where the URL names the file's bytes, its answer never changes."""
        if fingerprint is None:
            return f"{self.visibility}, no-cache"
        return f"{self.visibility}, max-age={YEAR_SECONDS}, immutable"

    async def picture(self, request: Request, served: ServedVideo, reader: VideoReader, place: int, asked: Asked) -> Response:
        """The answer that is a frame's picture, or that the client has it already."""
        rendition, sent = asked.rendition, sent_with(request)
        ticket = ticket_of(sent, served.entry.id)
        told = told_of(served, reader, place, rendition)
        # Where another application has put this one under a path of its own.
        location = request.scope.get("root_path", "") + told.location
        headers = [
            *told.headers,
            (b"content-location", location.encode()),
            (b"cache-control", self.cache_control(asked.fingerprint).encode()),
        ]
        media_type = media_type_of(rendition)
        if not accepts(sent.get(b"accept"), media_type):
            raise Problem(406, f"the answer is {media_type}, which the request's Accept header leaves out")
        if is_known_to_client(sent.get(b"if-none-match"), told.tag):
            self.desk.check_lane(ticket)
            self.metrics.not_modified.inc()
            return Ready(b"", 304, headers)
        picture = self.frames.at_hand(reader, place, rendition)
        if picture is not None:
            self.desk.check_lane(ticket)
            self.metrics.cached.inc()
        else:
            async with hearing(request) as gone:
                with self._awaited.awaiting(reader, place):
                    picture = await self.desk.do(lambda job: self._make(job, served, place, rendition, ticket), ticket, gone)
        headers += (
            (b"frame-width", b"%d" % picture.width),
            (b"frame-height", b"%d" % picture.height),
            (b"server-timing", picture.timing.encode()),
            (b"content-length", b"%d" % len(picture.body)),
            (b"content-type", media_type.encode()),
        )
        return Ready(picture.body, 200, headers)

    def _make(self, job: Job, served: ServedVideo, place: int, rendition: Rendition, ticket: Ticket | None) -> Picture:
        self.metrics.queue_seconds.observe(job.began_at - job.queued_at)
        return self.frames.make(served, place, rendition, ticket.lane[0] if ticket else None, job)

    async def work(self, request: Request, act: Callable[[Job], T]) -> T:
        """Something longer done by a thread of the desk, unless the client hangs up."""
        async with hearing(request) as gone:
            return await self.desk.do(act, gone=gone)


@contextlib.asynccontextmanager
async def hearing(request: Request) -> AsyncIterator[asyncio.Event]:
    """An event that is set once the client has hung up."""
    gone = asyncio.Event()

    async def listen() -> None:
        # A client that cannot be heard counts as gone.
        with contextlib.suppress(Exception):
            while (await request.receive())["type"] != "http.disconnect":
                """The request's body, if there is any, is of no use."""
        gone.set()

    task = asyncio.create_task(listen())
    try:
        yield gone
    finally:
        task.cancel()


class Use:
    """A video in use, as long as the block runs."""

    __slots__ = ("_id", "_served", "_service")

    def __init__(self, service: Service, id_: str) -> None:
        self._service, self._id = service, id_

    async def __aenter__(self) -> ServedVideo:
        library = self._service.library
        if not library.knows(self._id):
            # With many files that takes a while, in which everybody else is to be answered.
            await run_in_threadpool(library.look_for, self._id)
        self._served = self._service.videos.take(self._id)
        return self._served

    async def __aexit__(self, *exc: object) -> None:
        self._service.videos.give_back(self._served)


class Ready(Response):
    """An answer whose headers are bytes already."""

    def __init__(self, body: bytes | memoryview, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.body, self.status_code, self.background, self.raw_headers = body, status, None, headers


def sent_with(request: Request) -> Sent:
    """A request's headers; of one that comes several times, the values as one list, as HTTP has it (RFC 9110, 5.2)."""
    found: Sent = {}
    for name, value in request.scope["headers"]:
        text = value.decode("latin-1")
        found[name] = f"{found[name]}, {text}" if name in found else text
    return found


def ticket_of(sent: Sent, video_id: str) -> Ticket | None:
    """Which of its client's requests this is, as its headers tell; None where they do not.

    Raises:
        Problem: 400: The headers are not what they must be.
    """
    client, sequence = sent.get(b"client-id"), sent.get(b"client-sequence")
    if client is None and sequence is None:
        return None
    lane = sent.get(b"client-lane", DEFAULT_LANE)
    if client is None or not _CLIENT.fullmatch(client) or not _CLIENT.fullmatch(lane):
        named = {"parameter": "Client-Id"}
        raise Problem(400, "Client-Id and Client-Lane must be 1 to 64 letters, digits, - or _", members=named)
    if sequence is None or not re.fullmatch(r"[0-9]{1,15}", sequence):
        named = {"parameter": "Client-Sequence"}
        raise Problem(400, "Client-Sequence must be a whole number below 10^15", members=named)
    return Ticket((client, video_id, lane), int(sequence))
