"""What is asked for in a URL, checked, and what identifies the answer: pure functions of texts."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args
from urllib.parse import parse_qsl, quote

from framecache.server.problems import Problem

ImageFormat = Literal["jpg", "webp", "avif", "png", "npy"]
IMAGE_FORMATS: tuple[ImageFormat, ...] = get_args(ImageFormat)
MEDIA_TYPES: dict[ImageFormat, str] = {
    "jpg": "image/jpeg",
    "webp": "image/webp",
    "avif": "image/avif",
    "png": "image/png",
    "npy": "application/x-npy",
}
DEFAULT_QUALITY: dict[ImageFormat, int] = {"jpg": 90, "webp": 80, "avif": 65}
MOST_PIXELS_A_SIDE = 16384
MOST_INDEX = 10**9
MOST_PARAMETERS = 64
# What the guard reads of a URL, and no route.
GUARD_PARAMETERS = frozenset({"expires", "signature"})

_SECONDS = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{0,18})?|-?\.[0-9]{1,18}")
_WHOLE = re.compile(r"-?[0-9]{1,12}")
_PART = re.compile(r"(-?[0-9]{1,9})?(?:(:)(-?[0-9]{1,9})?(?::(-?[0-9]{1,9})?)?)?")


@dataclass(frozen=True, slots=True)
class Rendition:
    """How a frame's picture is asked for.

    Attributes:
        format: The file format.
        width, height: Pixels that it is shrunk to fit within, or None.
        quality: 1 to 100; None for formats without loss.
        crop: (x, y, width, height) of the displayed picture, in pixels, cut out before it is shrunk; or None.
    """

    format: ImageFormat = "jpg"
    width: int | None = None
    height: int | None = None
    quality: int | None = None
    crop: tuple[int, int, int, int] | None = None

    @property
    def query(self) -> str:
        """The parameters in the one order and spelling that the canonical URL has; empty for none."""
        parts = []
        if self.crop is not None:
            parts.append(f"crop={','.join(map(str, self.crop))}")
        if self.height is not None:
            parts.append(f"h={self.height}")
        if self.quality is not None and self.quality != DEFAULT_QUALITY.get(self.format):
            parts.append(f"q={self.quality}")
        if self.width is not None:
            parts.append(f"w={self.width}")
        return "&".join(parts)

    @property
    def canonical(self) -> str:
        """What tells two renditions apart, as text."""
        return f"{self.format}?{self.query}"


@dataclass(frozen=True, slots=True)
class Asked:
    """A rendition, and the fingerprint that the file must have; None for any."""

    rendition: Rendition
    fingerprint: str | None


def parameters(query: str, allowed: Iterable[str]) -> dict[str, str]:
    """The parameters of a query string, each at most once.

    Raises:
        Problem: 400: One is unknown, or comes twice.
    """
    found: dict[str, str] = {}
    known = sorted(allowed)
    if query.count("&") >= MOST_PARAMETERS:
        raise Problem(400, f"the query has more than {MOST_PARAMETERS} parameters; known are: {', '.join(known) or 'none'}")
    for name, value in parse_qsl(query, keep_blank_values=True) if query else ():
        if name in GUARD_PARAMETERS:
            continue
        if name not in known:
            raise _bad(name, f"there is no parameter {name[:40]!r} here; known are: {', '.join(known) or 'none'}")
        if name in found:
            raise _bad(name, f"{name} is given twice")
        found[name] = value
    return found


def whole(name: str, text: str, least: int, most: int) -> int:
    """A whole number of a parameter.

    Raises:
        Problem: 400: It is none, or out of its range.
    """
    if not _WHOLE.fullmatch(text) or not least <= int(text) <= most:
        raise _bad(name, f"{name} is {text[:40]!r}; it must be a whole number from {least} to {most}")
    return int(text)


RENDITION_PARAMETERS = ("w", "h", "q", "crop", "v")


@lru_cache(maxsize=4096)
def parse_asked(ending: str, query: str) -> Asked:
    """The rendition that a file ending and a query string ask for.

    Raises:
        Problem: 400: A parameter is bad. 406: The format is none that can be had.
    """
    return rendition_of(parse_format(ending), parameters(query, RENDITION_PARAMETERS))


def parse_format(text: str) -> ImageFormat:
    """An image format by its usual ending."""
    ending = {"jpeg": "jpg"}.get(text.lower(), text.lower())
    for known in IMAGE_FORMATS:
        if ending == known:
            return known
    raise Problem(406, f"there is no format {text[:20]!r}; there are: {', '.join(IMAGE_FORMATS)}")


def rendition_of(image_format: ImageFormat, given: dict[str, str]) -> Asked:
    """The rendition of parameters that are known to be allowed. Raises Problem as `parse_asked` does."""
    quality = DEFAULT_QUALITY.get(image_format)
    if "q" in given:
        quality = whole("q", given["q"], 1, 100) if quality is not None else None
    width, height = (whole(name, given[name], 1, MOST_PIXELS_A_SIDE) if name in given else None for name in ("w", "h"))
    crop = _crop(given["crop"]) if "crop" in given else None
    fingerprint = given.get("v")
    if fingerprint is not None and not re.fullmatch(r"[0-9a-f]{32}", fingerprint):
        raise _bad("v", "v must be the fingerprint of the video: 32 hexadecimal digits, as /v1/videos/{id} tells it")
    return Asked(Rendition(image_format, width, height, quality, crop), fingerprint)


def _crop(text: str) -> tuple[int, int, int, int]:
    numbers = text.split(",")
    if len(numbers) != 4 or not all(re.fullmatch(r"[0-9]{1,6}", number) for number in numbers):
        raise _bad("crop", f"crop is {text[:60]!r}; it must be x,y,width,height in whole pixels of the displayed picture")
    x, y, width, height = map(int, numbers)
    if not (width and height):
        raise _bad("crop", "crop must be at least 1 pixel wide and high")
    return x, y, width, height


def parse_index(text: str) -> int:
    """A frame's index as it stands in a URL. Raises Problem 400 for what is none."""
    return whole("n", text, -MOST_INDEX, MOST_INDEX)


def parse_seconds(text: str) -> float:
    """Seconds as they stand in a URL. Raises Problem 400 for what are none."""
    if not _SECONDS.fullmatch(text):
        raise _bad("seconds", f"the time is {text[:40]!r}; it must be seconds, such as 12.5")
    return float(text)


def parse_places(text: str, n_frames: int, most: int) -> list[int]:
    """Frames as a list of indices and slices: `7`, `0:300:5`, `-1`, `0,10,20:30`.

    Args:
        text: The list.
        n_frames: How many frames there are.
        most: The most frames that may be asked for at once.

    Raises:
        Problem: 400: It is written otherwise, or asks for too many. 404: A single index is past an end.
    """
    places: list[int] = []
    for part in text.split(","):
        parsed = _PART.fullmatch(part.strip())
        if not parsed or not part.strip() or int(parsed[4] or 1) == 0:
            raise _bad("i", f"i holds {part[:40]!r}; write indices and slices with commas between, such as 0:300:5 or 3,7,-1")
        if parsed[2]:
            start, stop, step = (None if parsed[group] is None else int(parsed[group]) for group in (1, 3, 4))
            chosen: Sequence[int] = range(n_frames)[start:stop:step]
        else:
            index = int(parsed[1])
            if not -n_frames <= index < n_frames:
                raise Problem(404, f"there is no frame {index}; there are {n_frames}")
            chosen = [index % n_frames]
        if len(places) + len(chosen) > most:
            raise _bad("i", f"i asks for more than {most} frames at once; ask for them in parts")
        places += chosen
    return places


def etag(content: str, index: int, canonical: str, encoder: str) -> str:
    """A strong entity tag (RFC 9110, 8.8.3): the same for two answers only where their bytes are the same."""
    return f'"{hashlib.sha256(f"{content}/{index}/{canonical}/{encoder}".encode()).hexdigest()[:32]}"'


def is_known_to_client(if_none_match: str | None, tag: str) -> bool:
    """Whether an If-None-Match header names the tag (RFC 9110, 13.1.2: compared weakly)."""
    if if_none_match is None:
        return False
    names = [name.strip().removeprefix("W/") for name in if_none_match.split(",")]
    return "*" in names or tag in names


@lru_cache(maxsize=256)
def accepts(accept: str | None, media_type: str) -> bool:
    """Whether an Accept header allows a media type (RFC 9110, 12.5.1); an absent one allows all."""
    if not accept or not accept.strip():
        return True
    own_kind = media_type.split("/")[0]
    best: tuple[int, float] = (-1, 0.0)
    for part in accept.split(","):
        name, *more = (piece.strip() for piece in part.split(";"))
        exactness = {media_type: 2, f"{own_kind}/*": 1, "*/*": 0}.get(name.lower(), -1)
        if exactness > best[0]:
            best = (exactness, _weight(more))
    return best[1] > 0


def accepts_gzip(accept_encoding: str | None) -> bool:
    """Whether an Accept-Encoding header allows gzip (RFC 9110, 12.5.3); an absent one is not taken to."""
    weights = {}
    for part in (accept_encoding or "").split(","):
        name, *more = (piece.strip() for piece in part.split(";"))
        weights[name.lower()] = _weight(more)
    return weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0))) > 0


def _weight(more: list[str]) -> float:
    for piece in more:
        name, _, value = piece.partition("=")
        if name.strip().lower() == "q":
            return float(value) if re.fullmatch(r"[01](\.[0-9]{0,3})?", value.strip()) else 1.0
    return 1.0


def frame_url(video_id: str, index: int, rendition: Rendition, fingerprint: str) -> str:
    """The canonical URL of a frame's picture."""
    query = "&".join(part for part in (rendition.query, f"v={fingerprint}") if part)
    return f"/v1/videos/{quote(video_id)}/frames/{index}.{rendition.format}?{query}"


def _bad(parameter: str, detail: str) -> Problem:
    return Problem(400, detail, members={"parameter": parameter[:40]})
