"""From a decoded frame to the caller's array: colour, size, bit depth and format in one pass, then the turn."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from framecache.frame import Image
from framecache.planes import plane_views

PixelFormat = Literal["bgr24", "rgb24", "gray8", "bgra", "rgba", "gray16le", "rgb48le"]
Matrix = Literal["bt601", "bt709", "bt2020", "fcc", "smpte240m"]
Range = Literal["limited", "full"]

PIXEL_FORMATS: tuple[PixelFormat, ...] = get_args(PixelFormat)
MATRICES: dict[Matrix, Colorspace] = {
    "bt601": Colorspace.ITU601,
    "bt709": Colorspace.ITU709,
    "bt2020": Colorspace.BT2020,
    "fcc": Colorspace.FCC,
    "smpte240m": Colorspace.SMPTE240M,
}
RANGES: dict[Range, ColorRange] = {"limited": ColorRange.MPEG, "full": ColorRange.JPEG}
# AVCOL_SPC in libavutil/pixfmt.h.
MATRIX_NAMES = {1: "bt709", 4: "fcc", 5: "bt601", 6: "bt601", 7: "smpte240m", 8: "ycgco", 9: "bt2020", 10: "bt2020"}
UNTAGGED_MATRIX = 2
BT601_MATRICES = (5, 6)
# Planar YUV as libjpeg-turbo takes it, by what swscale makes it of without a change of chroma's coarseness.
JPEG_FORMATS = {
    **dict.fromkeys(("yuv420p", "yuvj420p", "nv12", "yuv420p10le", "p010le"), "yuv420p"),
    **dict.fromkeys(("yuv422p", "yuvj422p", "yuv422p10le"), "yuv422p"),
    **dict.fromkeys(("yuv444p", "yuvj444p", "yuv444p10le"), "yuv444p"),
}
HD_LINES = 720
DEEP_FORMATS = frozenset({"gray16le", "rgb48le"})
# swscale's own way from YUV to packed 16-bit RGB wraps round at saturated colours; to planar RGB it clips.
SWSCALE_FORMATS = {"rgb48le": "gbrp16le"}
# What swscale has a quick way from, to bgr24 and rgb24 alike, where the size stays and the height is even.
QUICK_FORMATS = frozenset({"yuv420p", "yuvj420p", "yuv422p", "yuvj422p"})
# On its other ways, swscale rounds, and even takes chroma from other lines, for rgb24 otherwise than for bgr24 (seen in FFmpeg
# 8.1.2), and on the quick way it leaves up to four pixels at the end of each line of these with alpha unwritten, at widths
# that are one to four more than a multiple of 16. So all of them are made of bgr24: the same colours in another order.
FROM_BGR = {"rgb24": cv2.COLOR_BGR2RGB, "bgra": cv2.COLOR_BGR2BGRA, "rgba": cv2.COLOR_BGR2RGBA}
FROM_BGRA = {"rgba": cv2.COLOR_BGRA2RGBA}
CHANNELS = {"bgr24": 3, "rgb24": 3, "rgb48le": 3, "bgra": 4, "rgba": 4}


class UnconvertibleError(Exception):
    """The frame's colours cannot be converted."""


@dataclass(frozen=True, slots=True)
class Orientation:
    """How stored pictures are turned for display: mirrored left to right, then turned clockwise.

    Attributes:
        rotation: Degrees clockwise: 0, 90, 180 or 270.
        mirrored: Whether they are mirrored first.
    """

    rotation: int = 0
    mirrored: bool = False

    @property
    def swaps_axes(self) -> bool:
        """Whether width becomes height."""
        return self.rotation in (90, 270)


# By the 2x2 part of the display matrix (libavutil/display.h), rounded: quarter turns and mirrors.
_ORIENTATIONS = {
    (0, 1, -1, 0): Orientation(90),
    (-1, 0, 0, -1): Orientation(180),
    (0, -1, 1, 0): Orientation(270),
    (-1, 0, 0, 1): Orientation(0, True),
    (1, 0, 0, -1): Orientation(180, True),
    (0, 1, 1, 0): Orientation(270, True),
    (0, -1, -1, 0): Orientation(90, True),
}
_TURNS: dict[Orientation, Callable[[Image], Any]] = {
    Orientation(90): lambda image: cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE),
    Orientation(180): lambda image: cv2.rotate(image, cv2.ROTATE_180),
    Orientation(270): lambda image: cv2.rotate(image, cv2.ROTATE_90_COUNTERCLOCKWISE),
    Orientation(0, True): lambda image: cv2.flip(image, 1),
    Orientation(180, True): lambda image: cv2.flip(image, 0),
    Orientation(270, True): cv2.transpose,
    Orientation(90, True): lambda image: cv2.flip(cv2.transpose(image), -1),
}


def orientation_of(frame: av.VideoFrame) -> Orientation:
    """The orientation that a frame's display matrix asks for; none for a matrix that is no quarter turn.

    Ask one frame per video: reading side data makes a reference cycle that pins the frame until the
    garbage collector runs.
    """
    try:
        side_data: Any = frame.side_data  # PyAV's stub calls it a TypedDict; it iterates over values.
        matrices = [data for data in side_data if "DISPLAYMATRIX" in str(data.type)]
    except ValueError:
        # PyAV does not know every kind of side data, and then shows none; the angle, counterclockwise, it does show.
        return Orientation(-frame.rotation % 360) if frame.rotation % 90 == 0 else Orientation()
    if not matrices:
        return Orientation()
    a, b, _, c, d = np.frombuffer(bytes(matrices[0]), np.int32)[:5] / 65536
    return _ORIENTATIONS.get((round(a), round(b), round(c), round(d)), Orientation())


@dataclass(frozen=True, slots=True)
class Transform:
    """What a reader makes of a decoded frame; equal transforms give equal bytes.

    Attributes:
        pixel_format: Of the array handed out.
        max_size_xy: (width, height) that the displayed picture is shrunk to fit within, or None.
        is_oriented: Whether the display matrix is applied.
        matrix: Overrides the stream's YUV matrix.
        color_range: Overrides the stream's range.
    """

    pixel_format: PixelFormat = "bgr24"
    max_size_xy: tuple[int, int] | None = None
    is_oriented: bool = True
    matrix: Matrix | None = None
    color_range: Range | None = None

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint16 for the deep formats, uint8 for the others."""
        return np.dtype("<u2" if self.pixel_format in DEEP_FORMATS else np.uint8)

    def shape(self, width: int, height: int) -> tuple[int, ...]:
        """The shape of the array made from a displayed picture of `width` by `height` pixels."""
        width, height = fit(width, height, self.max_size_xy)
        channels = CHANNELS.get(self.pixel_format)
        return (height, width, channels) if channels else (height, width)


def fit(width: int, height: int, max_size_xy: tuple[int, int] | None) -> tuple[int, int]:
    """The size to which a picture is shrunk to fit: aspect kept, to the nearest pixel, never enlarged."""
    if max_size_xy is None:
        return width, height
    # In whole numbers: the side that limits is met exactly.
    if max_size_xy[0] * height <= max_size_xy[1] * width:
        numerator, denominator = max_size_xy[0], width
    else:
        numerator, denominator = max_size_xy[1], height
    if numerator >= denominator:
        return width, height
    return tuple(max(1, (2 * side * numerator + denominator) // (2 * denominator)) for side in (width, height))  # type: ignore[return-value]


# swscale contexts are costly to make, and a reformatter serves one thread at a time.
_per_thread = threading.local()
# PyAV writes the wanted matrix into the frame while it converts: no two threads may convert one frame at once.
_frame_locks: list[threading.Lock] = []


def _make_frame_locks() -> None:
    _frame_locks[:] = [threading.Lock() for _ in range(64)]


_make_frame_locks()
if hasattr(os, "register_at_fork"):
    # A child must not wait for a lock that a thread of its parent held.
    os.register_at_fork(after_in_child=_make_frame_locks)


def convert(frame: av.VideoFrame, transform: Transform, orientation: Orientation) -> Image:
    """The frame as a new, contiguous, writable array that is the caller's own.

    Shape and type as `transform.shape` and `transform.dtype` say. Any number of threads may convert, the
    same frame too.

    Raises:
        UnconvertibleError: swscale cannot convert the frame's colours.
    """
    turned = transform.is_oriented and orientation != Orientation()
    swaps = turned and orientation.swaps_axes
    displayed = (frame.height, frame.width) if swaps else (frame.width, frame.height)
    width, height = fit(*displayed, transform.max_size_xy)
    stored = (height, width) if swaps else (width, height)
    is_shrunk = stored != (frame.width, frame.height)
    flags = Interpolation.AREA if is_shrunk else Interpolation.BILINEAR
    swscale_format, code = _way_to(transform.pixel_format, frame, is_shrunk)
    if is_shrunk or swscale_format in DEEP_FORMATS or swscale_format == "bgra":
        flags |= Interpolation.ACCURATE_RND
    try:
        with _frame_locks[hash(id(frame)) // 64 % len(_frame_locks)]:
            made: av.VideoFrame = _reformatter().reformat(
                frame,
                width=stored[0],
                height=stored[1],
                format=SWSCALE_FORMATS.get(swscale_format, swscale_format),
                src_colorspace=_matrix(frame, transform),
                src_color_range=RANGES[transform.color_range] if transform.color_range else None,
                interpolation=flags,
                threads=1,
            )
    except (av.error.FFmpegError, OSError) as error:
        known = ", ".join(MATRICES)
        raise UnconvertibleError(
            f"{frame.format.name} with matrix {frame.colorspace} cannot be converted to {transform.pixel_format}"
            f" ({error.strerror}); give matrix= one of {known}"
        ) from error
    planes = plane_views(made)
    # A planar picture is put together as R, G, B; FFmpeg stores G, B, R.
    image = planes[0] if len(planes) == 1 else np.stack((planes[2], planes[0], planes[1]), axis=2)
    if code is not None:
        # In place where it can be, and not in the memory of the frame itself.
        image = cv2.cvtColor(image, code, dst=None if made is frame else image)
    if turned:
        image = _TURNS[orientation](image)
    if made is frame or not image.flags.c_contiguous:
        return np.array(image, order="C")
    return image


def jpeg_planes(frame: av.VideoFrame, max_size_xy: tuple[int, int] | None) -> tuple[Image, ...] | None:
    """The frame's Y, Cb and Cr as JPEG files hold them (JFIF: BT.601, full range), shrunk to fit, not turned.

    Each `(h, w) uint8`, chroma as coarse as the stream's own; views, which keep their frame alive. None where the colours are
    others, so that they have to go through RGB: swscale would convert one matrix to another by way of it too.
    """
    is_bt601 = frame.colorspace in BT601_MATRICES or (frame.colorspace == UNTAGGED_MATRIX and frame.height < HD_LINES)
    plain = JPEG_FORMATS.get(frame.format.name)
    if plain is None or not is_bt601:
        return None
    width, height = fit(frame.width, frame.height, max_size_xy)
    is_shrunk = (width, height) != (frame.width, frame.height)
    with _frame_locks[hash(id(frame)) // 64 % len(_frame_locks)]:
        made: av.VideoFrame = _reformatter().reformat(
            frame,
            width=width,
            height=height,
            format=plain,
            dst_color_range=ColorRange.JPEG,
            interpolation=Interpolation.AREA | Interpolation.ACCURATE_RND if is_shrunk else Interpolation.BILINEAR,
            threads=1,
        )
    return plane_views(made)


def _reformatter() -> VideoReformatter:
    """The one that belongs to the calling thread."""
    if not hasattr(_per_thread, "reformatter"):
        _per_thread.reformatter = VideoReformatter()
    made: VideoReformatter = _per_thread.reformatter
    return made


def _way_to(pixel_format: PixelFormat, frame: av.VideoFrame, is_shrunk: bool) -> tuple[str, int | None]:
    """What swscale is to make, and how OpenCV is to reorder that, if at all."""
    if pixel_format in ("bgra", "rgba") and _has_alpha(frame):
        return "bgra", FROM_BGRA.get(pixel_format)
    is_quick = not is_shrunk and frame.format.name in QUICK_FORMATS and frame.height % 2 == 0
    if pixel_format not in FROM_BGR or (pixel_format == "rgb24" and is_quick):
        return pixel_format, None
    return "bgr24", FROM_BGR[pixel_format]


def _has_alpha(frame: av.VideoFrame) -> bool:
    return any(component.is_alpha for component in frame.format.components) or frame.format.has_palette


def _matrix(frame: av.VideoFrame, transform: Transform) -> Colorspace | None:
    """The YUV matrix to convert with, or None for the frame's own tag (BT.601 where it has none)."""
    if transform.matrix is not None:
        return MATRICES[transform.matrix]
    if frame.colorspace == UNTAGGED_MATRIX and frame.height >= HD_LINES and not frame.format.is_rgb:
        return Colorspace.ITU709
    return None
