"""From a decoded frame to the bytes of an image file, by the shortest way that its colours allow."""

from __future__ import annotations

import io
from functools import cache
from importlib.metadata import version
from typing import Any

import av
import cv2
import numpy as np
import PIL.Image
import simplejpeg
from PIL import features

from framecache.decode.convert import Orientation, PixelFormat, Transform, convert, fit, jpeg_planes
from framecache.export import encode_image
from framecache.frame import Image
from framecache.server.problems import Problem
from framecache.server.wire import MOST_PIXELS_A_SIDE, ImageFormat, Rendition

AVIF_SPEED = 8
# A JPEG's sides, and those of a WebP.
MOST_SIDE_PIXELS: dict[ImageFormat, int] = {"jpg": 65500, "webp": 16383}


@cache
def encoder_of(image_format: ImageFormat) -> str:
    """Whose bytes they are: another version may give others."""
    package = {"jpg": "simplejpeg", "png": "opencv-python", "npy": "numpy"}.get(image_format, "pillow")
    return f"{package} {version(package)}, av {version('av')}"


def encode(frame: av.VideoFrame, orientation: Orientation, rendition: Rendition) -> bytes:
    """The image file of a frame as it was asked for; from any thread.

    Raises:
        UnconvertibleError: The frame's colours cannot be converted.
        Problem: 400: The crop lies outside the picture. 406: The format cannot hold it, or is not built in here.
    """
    if rendition.format == "jpg" and rendition.crop is None and orientation == Orientation():
        planes = jpeg_planes(frame, _most_size(rendition))
        if planes is not None:
            y, u, v = (np.ascontiguousarray(plane) for plane in planes)
            return bytes(simplejpeg.encode_jpeg_yuv_planes(y, u, v, quality=rendition.quality))
    pixel_format: PixelFormat = "bgr24" if rendition.format == "png" else "rgb24"
    most_size = None if rendition.crop else _most_size(rendition)
    image = convert(frame, Transform(pixel_format, most_size), orientation)
    return encode_array(cut(image, rendition) if rendition.crop else image, rendition)


def encode_array(image: Image, rendition: Rendition) -> bytes:
    """The image file of an array `(H, W, 3) uint8`: BGR for png, else RGB. Raises Problem as `encode` does."""
    name = rendition.format
    most = MOST_SIDE_PIXELS.get(name, MOST_PIXELS_A_SIDE * 4)
    if max(image.shape[:2]) > most:
        raise Problem(406, f"a {name} file holds {most} pixels a side at most; ask for a smaller one with w= and h=")
    if name == "jpg":
        return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(image), quality=rendition.quality, colorsubsampling="420"))
    if name == "png":
        return encode_image(image, "png")
    if name == "npy":
        return encode_image(image, "npy")
    return _by_pillow(image, rendition)


def _by_pillow(image: Image, rendition: Rendition) -> bytes:
    if not features.check(rendition.format):
        raise Problem(406, f"{rendition.format} is not built into the Pillow of this server")
    buffer = io.BytesIO()
    more: dict[str, Any] = {"speed": AVIF_SPEED} if rendition.format == "avif" else {}
    PIL.Image.fromarray(image).save(buffer, rendition.format, quality=rendition.quality, **more)
    return buffer.getvalue()


def cut(image: Image, rendition: Rendition) -> Image:
    """The part of a picture that a rendition's crop names, shrunk to fit.

    Raises:
        Problem: 400: It lies outside the picture.
    """
    assert rendition.crop is not None, "there is something to cut out"
    x, y, width, height = rendition.crop
    if x + width > image.shape[1] or y + height > image.shape[0]:
        raise Problem(
            400,
            f"crop is {x},{y},{width},{height}, and the picture is {image.shape[1]} by {image.shape[0]} pixels",
            members={"parameter": "crop"},
        )
    part = np.ascontiguousarray(image[y : y + height, x : x + width])
    size = fit(width, height, _most_size(rendition))
    return part if size == (width, height) else cv2.resize(part, size, interpolation=cv2.INTER_AREA)


def _most_size(rendition: Rendition) -> tuple[int, int] | None:
    if rendition.width is None and rendition.height is None:
        return None
    return rendition.width or MOST_PIXELS_A_SIDE * 4, rendition.height or MOST_PIXELS_A_SIDE * 4
