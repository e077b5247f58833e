"""Sheets: many small pictures in one, for people, and for a page that shows what is under the pointer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
import simplejpeg
from fastapi import APIRouter, Request
from starlette.responses import Response

from framecache.decode.convert import Transform, fit
from framecache.errors import BadArgumentError, CancelledError, DecodeError, FramecacheError
from framecache.frame import Image
from framecache.index.frame_index import FrameIndex
from framecache.pictures import Pictures, frozen
from framecache.reader import VideoReader
from framecache.server.describe import ID, VERSION, operation
from framecache.server.desk import Job
from framecache.server.encode import MOST_SIDE_PIXELS, encoder_of
from framecache.server.frames import content_of
from framecache.server.problems import Problem
from framecache.server.routes import add, query_of
from framecache.server.service import Service
from framecache.server.videos import ServedVideo, problem_of
from framecache.server.wire import etag, is_known_to_client, parameters, whole
from framecache.sheet import CAPTION_PIXELS, MARGIN_PIXELS, TALLEST_TO_WIDTH, cell_of, check_sheet, tile

THUMBNAIL_PIXELS = 160
COLUMNS, ROWS = 5, 5
A_SPRITE = COLUMNS * ROWS
MOST_THUMBNAILS = 200
# Where there are fewer keyframes, frames between them are shown too.
LEAST_THUMBNAILS = 50
QUALITY = 80
MOST_SHEET_FRAMES = 400
# Of one answer: its cells and the sheet that they are put into take six bytes a pixel together.
MOST_SHEET_PIXELS = 1 << 26
BLANK = 40


@dataclass(frozen=True, slots=True)
class Thumbnails:
    """Which frames a video's sprites show, and how large.

    Attributes:
        places: The frames, ascending.
        width, height: Of each, in pixels.
    """

    places: tuple[int, ...]
    width: int
    height: int

    @property
    def n_sprites(self) -> int:
        """How many sprites they fill."""
        return -(-len(self.places) // A_SPRITE)

    def vtt(self, index: FrameIndex, query: str) -> str:
        """A WebVTT document: for each stretch of time, the part of a sprite that shows it; named by the frame's index."""
        lines = ["WEBVTT", ""]
        times = [*(float(index.timestamps[place]) for place in self.places), index.duration_seconds]
        # What is before the first thumbnail is shown by it too.
        times[0] = 0.0
        for number, place in enumerate(self.places):
            row, column = divmod(number % A_SPRITE, COLUMNS)
            area = f"{column * self.width},{row * self.height},{self.width},{self.height}"
            lines += [
                str(place),
                f"{_clock(times[number])} --> {_clock(times[number + 1])}",
                f"sprites/{number // A_SPRITE}.jpg{query}#xywh={area}",
                "",
            ]
        return "\n".join(lines)


def choose(index: FrameIndex, displayed: tuple[int, int]) -> Thumbnails:
    """Thumbnails of keyframes, which are quick to be had, and where there are few, of frames between them."""
    count = len(index)
    keys = index.keyframes
    if len(keys) > MOST_THUMBNAILS:
        keys = keys[np.unique(np.linspace(0, len(keys) - 1, MOST_THUMBNAILS).round().astype(np.int64))]
    between = np.linspace(0, count - 1, min(count, LEAST_THUMBNAILS)).round().astype(np.int64) if count else keys[:0]
    places = keys if len(keys) >= min(count, LEAST_THUMBNAILS) else np.union1d(keys, between)
    return Thumbnails(tuple(places.tolist()), *fit(*displayed, (THUMBNAIL_PIXELS, THUMBNAIL_PIXELS)))


def sheet_routes(service: Service) -> APIRouter:
    """The routes of contact sheets, sprites and their table."""
    router = APIRouter()

    async def sheet(request: Request) -> Response:
        """Frames spread over the video, each with its index and time."""
        given = parameters(query_of(request), ("count", "columns", "w", "v"))
        count = whole("count", given.get("count", "16"), 1, MOST_SHEET_FRAMES)
        columns = whole("columns", given.get("columns", "4"), 1, 100)
        width = whole("w", given.get("w", "320"), 16, 2048)
        async with service.use(request) as served:
            reader = await service.whole(request, served)
            service.check_version(reader, given.get("v"))
            name = f"sheet {count} {columns} {width}"
            make = partial(_sheet, served, reader, count, columns, width)
            return await _answer(request, served, reader, name, given.get("v"), make)

    async def sprite(request: Request) -> Response:
        """A part of the thumbnails, side by side."""
        given = parameters(query_of(request), ("v",))
        number = whole("k", request.path_params["k"], 0, 10**6)
        async with service.use(request) as served:
            reader = await service.whole(request, served)
            service.check_version(reader, given.get("v"))
            thumbnails = await service.work(request, partial(_thumbnails, reader))
            if number >= thumbnails.n_sprites:
                raise Problem(404, f"there is no sprite {number}; there are {thumbnails.n_sprites}")
            name = f"sprite {number}"
            make = partial(_sprite, served, reader, thumbnails, number)
            return await _answer(request, served, reader, name, given.get("v"), make)

    async def table(request: Request) -> Response:
        """Which part of which sprite shows which stretch of time (WebVTT)."""
        given = parameters(query_of(request), ("v",))
        async with service.use(request) as served:
            reader = await service.whole(request, served)
            service.check_version(reader, given.get("v"))
            thumbnails = await service.work(request, partial(_thumbnails, reader))
            text = thumbnails.vtt(reader.index, f"?v={given['v']}" if "v" in given else "")
            return Response(text, 200, {"Cache-Control": service.cache_control(given.get("v"))}, "text/vtt")

    async def _answer(
        request: Request,
        served: ServedVideo,
        reader: VideoReader,
        name: str,
        fingerprint: str | None,
        make: Callable[[Job], bytes],
    ) -> Response:
        tag = etag(content_of(served, reader), -1, name, encoder_of("jpg"))
        headers = {"Cache-Control": service.cache_control(fingerprint), "ETag": tag}
        if is_known_to_client(request.headers.get("if-none-match"), tag):
            return Response(None, 304, headers)
        key = (*reader._video.key, name)
        value = service.engine.cache.get(key)
        if not isinstance(value, np.ndarray):
            value = np.frombuffer(await service.work(request, make), np.uint8)
            service.engine.keep(reader._video, key, frozen(value))
        return Response(value.tobytes(), 200, headers, "image/jpeg")

    more = {
        "count": {"in": "query", "required": False, "schema": {"type": "integer", "minimum": 1, "maximum": MOST_SHEET_FRAMES}},
        "columns": {"in": "query", "required": False, "schema": {"type": "integer", "minimum": 1, "maximum": 100}},
        "w": {"in": "query", "required": False, "schema": {"type": "integer", "minimum": 16, "maximum": 2048}},
    }
    number = {"k": {"in": "path", "required": True, "schema": {"type": "integer", "minimum": 0, "maximum": 10**6}}}
    add(router, "/v1/videos/{id}/sheet.jpg", sheet, operation("Contact sheet", ID | more | VERSION, "image/jpeg"))
    add(router, "/v1/videos/{id}/sprites/{k}.jpg", sprite, operation("Sprite", ID | number | VERSION, "image/jpeg"))
    add(router, "/v1/videos/{id}/thumbnails.vtt", table, operation("Thumbnails", ID | VERSION, "text/vtt"))
    return router


def _thumbnails(reader: VideoReader, _job: Job) -> Thumbnails:
    return choose(reader.index, reader._opened.size(reader._pictures.orientation()))


def _sheet(served: ServedVideo, reader: VideoReader, count: int, columns: int, width: int, job: Job) -> bytes:
    try:
        places = np.unique(np.linspace(0, len(reader) - 1, min(count, len(reader))).round().astype(int)).tolist()
        _check_area(len(places), columns, width, reader._opened.size(reader._pictures.orientation()))
        check_sheet(len(places), columns, width)
        cells = []
        for place in places:
            if job.is_unwanted():
                raise CancelledError("nobody wants this sheet any more")
            cells.append(cell_of(reader, place, width))
        return _jpeg(tile(cells, columns))
    except BadArgumentError as error:
        raise Problem(400, served.told(error)) from error
    except CancelledError:
        raise
    except FramecacheError as error:
        raise problem_of(served, error) from error


def _check_area(count: int, columns: int, cell_width: int, displayed: tuple[int, int]) -> None:
    """Raise Problem 400 for a sheet that no JPEG file holds, or that would take too much memory, before it is begun."""
    columns = max(1, min(columns, count))
    rows = -(-count // columns)
    cell_height = cell_width * min(displayed[1] / displayed[0], TALLEST_TO_WIDTH) + CAPTION_PIXELS
    width, height = columns * (cell_width + MARGIN_PIXELS), rows * (cell_height + MARGIN_PIXELS)
    most = MOST_SIDE_PIXELS["jpg"] - MARGIN_PIXELS
    if width > most or height > most or width * height > MOST_SHEET_PIXELS:
        raise Problem(400, f"a sheet of {width:.0f} by {height:.0f} pixels is too large; ask for fewer or smaller pictures")


def _sprite(served: ServedVideo, reader: VideoReader, thumbnails: Thumbnails, number: int, job: Job) -> bytes:
    """The thumbnails of one sprite. Their frames are not kept: nobody asked to see them."""
    size = (thumbnails.width, thumbnails.height)
    small: Pictures = reader._look(Transform("bgr24", size), use_cache=False, prefetch=False)
    sprite = np.full((ROWS * size[1], COLUMNS * size[0], 3), BLANK, np.uint8)
    shown = thumbnails.places[number * A_SPRITE : (number + 1) * A_SPRITE]
    for at, (place, following) in enumerate(zip(shown, [*shown[1:], None])):
        try:
            picture = small.image_of_list(place, following, job.is_unwanted)
        except DecodeError:
            continue  # it stays blank
        except FramecacheError as error:
            if job.is_unwanted():
                raise
            raise problem_of(served, error) from error
        top, left = (at // COLUMNS) * size[1], (at % COLUMNS) * size[0]
        if picture.shape[:2] != (size[1], size[0]):  # frames of one video may differ in size
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        sprite[top : top + size[1], left : left + size[0]] = picture
    return _jpeg(sprite)


def _jpeg(image: Image) -> bytes:
    return bytes(simplejpeg.encode_jpeg(image, quality=QUALITY, colorspace="BGR", colorsubsampling="420"))


def _clock(seconds: float) -> str:
    milliseconds = int(seconds * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{milliseconds // 1000:02d}.{milliseconds % 1000:03d}"
