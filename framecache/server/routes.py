"""Routes: what can be asked for under /v1, beside what is made of several frames."""

from __future__ import annotations

import gzip
import json
import logging
import mimetypes
import os
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, Response
from starlette.types import Message, Receive, Scope, Send

from framecache.reader import VideoReader
from framecache.server.describe import ERRORS, FRAME_NAME, ID, MEDIA, RENDITION, TIME_NAME, operation
from framecache.server.frames import content_of, fingerprint_of
from framecache.server.problems import Problem
from framecache.server.service import Service
from framecache.server.timeline import ranges, timeline
from framecache.server.videos import ServedVideo
from framecache.server.wire import (
    MEDIA_TYPES,
    accepts_gzip,
    is_known_to_client,
    parameters,
    parse_asked,
    parse_index,
    parse_seconds,
)

FRAME_PATH = "/v1/videos/{id}/frames/{n}.{ext}"
LEAST_GZIP_BYTES = 2048
log = logging.getLogger(__name__)


def video_routes(service: Service) -> APIRouter:
    """The routes of videos and frames."""
    router = APIRouter()

    async def videos(request: Request) -> Response:
        """The videos that are served; the folders are read anew each time."""
        parameters(query_of(request), ())
        entries = await run_in_threadpool(service.library.scan)
        listed = []
        for entry in entries:
            served = service.videos.peek(entry.id)
            state = "new" if served is None else served.state
            listed.append({"id": entry.id, "name": entry.name, "size_bytes": entry.size_bytes, "state": state})
        return _json(request, {"videos": listed})

    async def video(request: Request) -> Response:
        """What is known of a video by now. Asking begins to open it."""
        parameters(query_of(request), ())
        async with service.use(request) as served:
            return _json(request, await run_in_threadpool(_facts, served))

    async def frame_times(request: Request) -> Response:
        """When each frame is shown, as run lengths, and which are keyframes."""
        parameters(query_of(request), ())
        async with service.use(request) as served:
            reader = await service.reader(served)
            service.check_index(served, reader)
            is_whole, index = reader.is_indexed, reader._video.index
            cached = [place for place in service.engine.cache.places(reader._video) if place < len(index)]
            told = await run_in_threadpool(timeline, index, is_whole=is_whole, cached=cached)
            return _json(request, {"fingerprint": fingerprint_of(reader), **told})

    async def cached(request: Request) -> Response:
        """Which frames are at hand now, as half-open ranges."""
        parameters(query_of(request), ())
        async with service.use(request) as served:
            reader = await service.reader(served)
            return _json(request, {"cached": ranges(service.engine.cache.places(reader._video))})

    async def frame(request: Request) -> Response:
        """A frame's picture by its index; negative ones count from the end."""
        index = parse_index(request.path_params["n"])
        return await picture(request, lambda served, reader: service.place(request, served, reader, index))

    async def frame_at(request: Request) -> Response:
        """The picture of the frame that is displayed at a time in seconds."""
        seconds = parse_seconds(request.path_params["seconds"])
        return await picture(request, lambda served, reader: service.place_at(request, served, reader, seconds))

    async def picture(request: Request, find: Callable[[ServedVideo, VideoReader], Awaitable[int]]) -> Response:
        asked = parse_asked(request.path_params["ext"], query_of(request))
        async with service.use(request) as served:
            reader = await service.reader(served)
            service.check_version(reader, asked.fingerprint)
            return await service.picture(request, served, reader, await find(served, reader), asked)

    async def media(request: Request) -> Response:
        """The file itself; parts of it by Range requests."""
        asked = parameters(query_of(request), ("v",))
        async with service.use(request) as served:
            reader = await service.reader(served)
            service.check_version(reader, asked.get("v"))
            media_type = mimetypes.guess_type(served.entry.name)[0] or "application/octet-stream"
            headers = {"Cache-Control": service.cache_control(asked.get("v")), "ETag": f'"{content_of(served, reader)}"'}
            if is_known_to_client(request.headers.get("if-none-match"), headers["ETag"]):
                return Response(None, 304, headers)
            return _Media(served.entry.path, headers=headers, media_type=media_type)

    for path, endpoint, described in (
        ("/v1/videos", videos, operation("Videos", {})),
        ("/v1/videos/{id}", video, operation("Video", ID)),
        ("/v1/videos/{id}/timeline", frame_times, operation("Timeline", ID)),
        ("/v1/videos/{id}/cached", cached, operation("Cached ranges", ID)),
        (FRAME_PATH, frame, operation("Frame", ID | FRAME_NAME | RENDITION, *MEDIA_TYPES.values())),
        (
            "/v1/videos/{id}/at/{seconds}.{ext}",
            frame_at,
            operation("Frame at a time", ID | TIME_NAME | RENDITION, *MEDIA_TYPES.values()),
        ),
        ("/v1/videos/{id}/media", media, operation("Media", ID | MEDIA, "*/*")),
    ):
        add(router, path, endpoint, described)
    return router


def add(router: APIRouter, path: str, endpoint: Any, described: dict[str, Any]) -> None:
    """Add a route for GET, which the document describes, and for HEAD."""
    router.add_api_route(path, endpoint, methods=["GET"], responses=ERRORS, openapi_extra=described, response_class=Response)
    router.add_api_route(path, endpoint, methods=["HEAD"], include_in_schema=False)


class _Media(FileResponse):
    """A file, whole or in parts; what is wrong with a Range is told as all else is."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        n_left = 0

        async def told(message: Message) -> None:
            nonlocal n_left
            if message["type"] == "http.response.start":
                if message["status"] >= 400:
                    size = os.path.getsize(self.path)
                    headers = {"Content-Range": f"bytes */{size}"} if message["status"] == 416 else {}
                    raise Problem(message["status"], f"the Range header fits no part of the file's {size} bytes", headers=headers)
                told_length = next(value for name, value in message["headers"] if name == b"content-length")
                n_left = 0 if scope["method"] == "HEAD" else int(told_length)
            elif message["type"] == "http.response.body":
                # Of a file that has grown meanwhile, what was told is sent.
                message["body"] = message.get("body", b"")[: max(n_left, 0)]
                n_left -= len(message["body"])
                if n_left > 0 and not message.get("more_body", False):
                    # The file was cut short meanwhile. The server below closes the connection of an answer without an end.
                    log.error("%s has become shorter while it was sent", self.path)
                    message["more_body"] = True
            await send(message)

        await super().__call__(
            {**scope, "headers": [pair for pair in scope["headers"] if not _is_other_range(*pair)]}, receive, told
        )


def _is_other_range(name: bytes, value: bytes) -> bool:
    """Whether a header asks for a range of something else than bytes, which is to be ignored (RFC 9110, section 14.2)."""
    return name == b"range" and not value.strip().lower().startswith(b"bytes")


def _facts(served: ServedVideo) -> dict[str, Any]:
    state, reader = served.state, served.reader
    info = None
    seen: dict[str, Any] = {"width": None, "height": None, "pixel_aspect": None}
    if reader is not None and state in ("ready", "growing"):
        facts = reader._opened.facts
        width, height = reader._opened.size(reader._pictures.orientation())
        aspect = facts.pixel_aspect
        seen = {"width": width, "height": height, "pixel_aspect": f"{aspect.numerator}/{aspect.denominator}"}
    if reader is not None and state == "ready":
        info = reader.info.as_dict() | {"path": served.entry.name}
    is_growing = reader is not None and state == "growing"
    return {
        "id": served.entry.id,
        "name": served.entry.name,
        "state": state,
        "stage": "scanning" if is_growing else served.stage,
        "progress": reader.indexing_progress if reader is not None else served.progress,
        "n_known": 0 if reader is None else len(reader._video.index),
        "fingerprint": None if reader is None else fingerprint_of(reader),
        **seen,
        "info": info,
        "error": served.error,
    }


def query_of(request: Request) -> str:
    """The query string as it was sent. Raises Problem 400 for one that is no ASCII."""
    try:
        return bytes(request.scope["query_string"]).decode("ascii")
    except UnicodeDecodeError:
        raise Problem(400, "the query must be ASCII; other characters are written with %") from None


def _json(request: Request, content: Any) -> Response:
    body = json.dumps(content, separators=(",", ":")).encode()
    headers = {"Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    if len(body) >= LEAST_GZIP_BYTES and accepts_gzip(request.headers.get("accept-encoding")):
        body = gzip.compress(body, 5)
        headers["Content-Encoding"] = "gzip"
    return Response(body, 200, headers, "application/json")
