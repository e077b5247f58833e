"""What the OpenAPI document says of parameters and answers: the routes read and check them themselves."""

from __future__ import annotations

from typing import Any

from framecache.server.problems import MEDIA_TYPE
from framecache.server.wire import IMAGE_FORMATS, MOST_INDEX, MOST_PIXELS_A_SIDE

Parameters = dict[str, dict[str, Any]]


def _in(where: str, text: str, **schema: Any) -> dict[str, Any]:
    return {"in": where, "required": where == "path", "description": text, "schema": schema}


def _pixels(text: str) -> dict[str, Any]:
    return _in("query", text, type="integer", minimum=1, maximum=MOST_PIXELS_A_SIDE)


ID: Parameters = {"id": _in("path", "The video, as /v1/videos lists it.", type="string", pattern="^[0-9a-f]{16}$")}
FRAME_NAME: Parameters = {
    "n": _in(
        "path",
        "The frame's index; a negative one counts from the end.",
        type="integer",
        minimum=-MOST_INDEX,
        maximum=MOST_INDEX,
    ),
    "ext": _in("path", "The format of the picture.", type="string", enum=list(IMAGE_FORMATS)),
}
TIME_NAME: Parameters = {
    "seconds": _in("path", "Seconds into the video.", type="string", pattern=r"^-?[0-9]{1,6}(\.[0-9]{1,6})?$"),
    "ext": FRAME_NAME["ext"],
}
VERSION: Parameters = {
    "v": _in(
        "query",
        "The fingerprint that the file must have; the answer may then be kept for good.",
        type="string",
        pattern="^[0-9a-f]{32}$",
    ),
}
SIZE: Parameters = {
    "w": _pixels("The most pixels in width: shrunk to fit, aspect kept, never enlarged."),
    "h": _pixels("The most pixels in height."),
    "q": _in("query", "The quality of jpg, webp and avif.", type="integer", minimum=1, maximum=100),
}
RENDITION: Parameters = {
    **SIZE,
    "crop": _in(
        "query",
        "x,y,width,height in pixels of the displayed picture, cut out before it is shrunk.",
        type="string",
        pattern=r"^[0-9]{1,6},[0-9]{1,6},[1-9][0-9]{0,5},[1-9][0-9]{0,5}$",
    ),
    **VERSION,
    "Client-Id": _in("header", "Who asks; with Client-Sequence.", type="string", pattern="^[A-Za-z0-9_-]{1,64}$"),
    "Client-Sequence": _in(
        "header",
        "The client's newer requests have larger numbers, and overtake its older ones.",
        type="integer",
        minimum=0,
        maximum=10**15 - 1,
    ),
    "Client-Lane": _in(
        "header", "Only requests of one lane overtake each other.", type="string", pattern="^[A-Za-z0-9_-]{1,64}$"
    ),
}
MEDIA: Parameters = {**VERSION, "Range": _in("header", "The bytes that are wanted.", type="string")}


def _problem(text: str) -> dict[str, Any]:
    schema = {
        "type": "object",
        "required": ["title", "status", "detail"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
        },
    }
    return {"description": text, "content": {MEDIA_TYPE: {"schema": schema}}}


ERRORS: dict[int | str, dict[str, Any]] = {
    400: _problem("A parameter is bad; the detail says its range."),
    401: _problem("The token is missing or wrong."),
    403: _problem("The Host or the Origin is not allowed."),
    404: _problem("There is no such video, or the frame lies past the end."),
    406: _problem("There is no such format, or the Accept header leaves it out."),
    409: _problem("A newer request of the same client has overtaken this one."),
    410: _problem("The file has changed since."),
    414: _problem("The URL is too long."),
    422: _problem("The video or the frame cannot be decoded."),
    503: _problem("Too many requests, or not known so far; Retry-After says when to ask again."),
}


def operation(title: str, parameters: Parameters, *media_types: str) -> dict[str, Any]:
    """What a route adds to its operation in the document; without a media type, it answers with JSON."""
    bytes_: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
    content = dict.fromkeys(media_types, bytes_) or {"application/json": {"schema": {}}}
    answers = {"200": {"description": "Here it is.", "content": content}}
    if "w" in parameters or "v" in parameters:
        answers["304"] = {"description": "The client has it already."}
    if "Range" in parameters:
        answers["206"] = {**answers["200"], "description": "The bytes that were asked for."}
        answers["416"] = _problem("There are no such bytes.")
    return {
        "summary": title,
        "parameters": [{"name": name, **described} for name, described in parameters.items()],
        "responses": answers,
    }
