"""Many frames in one answer, sent as they are made: a zip, an npz, or a multipart document."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Literal, get_args

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from framecache.server.describe import ID, SIZE, VERSION, operation
from framecache.server.frames import media_type_of, told_of
from framecache.server.problems import MEDIA_TYPE, Problem
from framecache.server.routes import add, query_of
from framecache.server.service import Service, hearing
from framecache.server.videos import ServedVideo
from framecache.server.wire import (
    IMAGE_FORMATS,
    RENDITION_PARAMETERS,
    Rendition,
    parameters,
    parse_format,
    parse_places,
    rendition_of,
)

Packing = Literal["zip", "npz", "multipart"]
PACKINGS: tuple[Packing, ...] = get_args(Packing)
BOUNDARY = "framecache-frame"
# So many are made while the one before is sent.
AHEAD = 3
# How long a frame stays away from a queue that is full.
BUSY_SECONDS = 0.1

Piece = tuple[int, bytes | memoryview | Problem]


def many_routes(service: Service) -> APIRouter:
    """The route of batches."""
    router = APIRouter()

    async def frames(request: Request) -> Response:
        """Pictures of many frames, as they are made; one that cannot be decoded is told of in its place."""
        given = parameters(query_of(request), ("i", "as", "format", *RENDITION_PARAMETERS))
        packing = _packing(given.pop("as", "zip"))
        name = given.pop("format", "npy" if packing == "npz" else "jpg")
        image_format = parse_format(name)
        if packing == "npz" and image_format != "npy":
            raise Problem(400, "an npz holds arrays: leave out format=, or give npy", members={"parameter": "format"})
        wanted = given.pop("i", None)
        if wanted is None:
            raise Problem(400, "i is missing: which frames, such as i=0:300:5", members={"parameter": "i"})
        asked = rendition_of(image_format, given)
        user = service.use(request)
        served = await user.__aenter__()
        try:
            reader = await service.whole(request, served)
            service.check_version(reader, asked.fingerprint)
            places = list(dict.fromkeys(parse_places(wanted, len(reader), service.limits.frames)))
            pieces = _pieces(service, request, served, places, asked.rendition)
        except BaseException:
            await user.__aexit__(None, None, None)
            raise

        async def body() -> AsyncIterator[bytes]:
            try:
                if request.method == "HEAD":
                    return  # how long it is shows only once all is made, and that would be for nobody
                packed = _multipart if packing == "multipart" else _zipped
                async for data in packed(pieces, request.scope.get("root_path", ""), served, asked.rendition):
                    yield data
            finally:
                # Whatever ends this, cancelled waiting too, the video must not stay in use for ever.
                try:
                    await pieces.aclose()
                finally:
                    await user.__aexit__(None, None, None)

        headers = {"Cache-Control": f"{service.visibility}, no-cache"}
        if packing == "multipart":
            return StreamingResponse(body(), 200, headers, f"multipart/mixed; boundary={BOUNDARY}")
        headers["Content-Disposition"] = f'attachment; filename="{served.entry.id}.{packing}"'
        return StreamingResponse(body(), 200, headers, "application/zip")

    described = {
        "i": {
            "in": "query",
            "required": True,
            "description": "Indices and slices, with commas between.",
            "schema": {"type": "string", "pattern": r"^-?[0-9]{1,6}(:[0-9]{1,6}(:[1-9][0-9]{0,3})?)?$"},
        },
        "as": {
            "in": "query",
            "required": False,
            "description": "How they are packed.",
            "schema": {"type": "string", "enum": list(PACKINGS)},
        },
        "format": {
            "in": "query",
            "required": False,
            "description": "The format of each; npy for npz.",
            "schema": {"type": "string", "enum": list(IMAGE_FORMATS)},
        },
    }
    add(
        router,
        "/v1/videos/{id}/frames",
        frames,
        operation("Many frames", ID | described | SIZE | VERSION, "application/zip", "multipart/mixed"),
    )
    return router


def _packing(text: str) -> Packing:
    for known in PACKINGS:
        if text == known:
            return known
    raise Problem(400, f"as is {text[:20]!r}; it must be one of {', '.join(PACKINGS)}", members={"parameter": "as"})


async def _pieces(
    service: Service, request: Request, served: ServedVideo, places: Sequence[int], rendition: Rendition
) -> AsyncGenerator[Piece, None]:
    """Each frame's picture, or why there is none, in order; a few are made ahead."""
    async with hearing(request) as gone:

        async def one(place: int) -> Piece:
            reader = served.opening.result()
            found = service.frames.at_hand(reader, place, rendition)
            if found is not None:
                return place, found.body
            while True:
                try:
                    made = await service.desk.do(lambda job: service.frames.make(served, place, rendition, None, job), gone=gone)
                    return place, made.body
                except Problem as problem:
                    if problem.status != 503:
                        return place, problem
                # The answer has begun, and cannot be told to come again for the sake of one frame.
                await asyncio.sleep(BUSY_SECONDS)

        waiting: list[asyncio.Task[Piece]] = []
        try:
            for place in places:
                waiting.append(asyncio.create_task(one(place)))
                if len(waiting) > AHEAD:
                    yield await waiting.pop(0)
            while waiting:
                yield await waiting.pop(0)
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)


class _Outbox(io.RawIOBase):
    """What zipfile writes to: a file that can only be written, whose content is taken out as it comes."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


async def _zipped(
    pieces: AsyncIterator[Piece], _root_path: str, _served: ServedVideo, rendition: Rendition
) -> AsyncIterator[bytes]:
    outbox = _Outbox()
    with zipfile.ZipFile(outbox, "w", zipfile.ZIP_STORED) as archive:  # pictures do not get smaller
        async for place, piece in pieces:
            if isinstance(piece, Problem):
                archive.writestr(_entry(f"frame_{place:06d}.problem.json"), json.dumps(piece.as_dict()))
            else:
                archive.writestr(_entry(f"frame_{place:06d}.{rendition.format}"), piece)
            yield outbox.take()
    yield outbox.take()


def _entry(name: str) -> zipfile.ZipInfo:
    """An entry without a time, so that the same frames make the same file."""
    return zipfile.ZipInfo(name)


async def _multipart(
    pieces: AsyncIterator[Piece], root_path: str, served: ServedVideo, rendition: Rendition
) -> AsyncIterator[bytes]:
    reader = served.opening.result()
    async for place, piece in pieces:
        if isinstance(piece, Problem):
            told = {"Content-Type": MEDIA_TYPE, "Frame-Index": str(place)}
            content: bytes | memoryview = json.dumps(piece.as_dict()).encode()
        else:
            frame = told_of(served, reader, place, rendition)
            told = {"Content-Type": media_type_of(rendition), "Content-Location": root_path + frame.location}
            told |= {name.decode().title(): value.decode() for name, value in frame.headers}
            content = piece
        head = "".join(f"{name}: {value}\r\n" for name, value in {**told, "Content-Length": str(len(content))}.items())
        yield b"".join((f"--{BOUNDARY}\r\n{head}\r\n".encode(), content, b"\r\n"))
    yield f"--{BOUNDARY}--\r\n".encode()
