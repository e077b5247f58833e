"""The sample clip: pictures that spell their own index, for eyes and for machines."""

from __future__ import annotations

import os
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt

from framecache.errors import BadArgumentError
from framecache.files import whole_file
from framecache.frame import Image, format_seconds
from framecache.progress import Progress, no_progress

# The strip along the bottom: a white and a black cell to compare with, then the index, highest bit first.
STRIP_BITS = 16
STRIP_CELLS = STRIP_BITS + 2
STRIP_HEIGHT_PARTS = 10

BT709_TAG, LIMITED_TAG = 1, 1

SAMPLE_FPS = 30
SAMPLE_SECONDS = 20
SAMPLE_GOP_FRAMES = 250
SAMPLE_SIZE = (1280, 720)
LEAST_SIZE_PIXELS = 64


def spell_index(image: npt.NDArray[np.uint8], index: int) -> None:
    """Write `index` into the strip of cells along the bottom of an `(H, W, 3) uint8` image, in place."""
    if not 0 <= index < 1 << STRIP_BITS:
        raise BadArgumentError(f"index is {index}; the strip holds 0 to {(1 << STRIP_BITS) - 1}")
    bits = [1, 0, *(index >> bit & 1 for bit in reversed(range(STRIP_BITS)))]
    top = image.shape[0] - _strip_height(image.shape[0])
    edges = np.linspace(0, image.shape[1], STRIP_CELLS + 1).round().astype(int)
    for number, bit in enumerate(bits):
        image[top:, edges[number] : edges[number + 1]] = 235 if bit else 16


def read_index(image: npt.NDArray[Any]) -> int:
    """The index that the strip of an image spells: `(H, W)` or `(H, W, C)`, of any depth, lossy or shrunk.

    Raises:
        BadArgumentError: (a ValueError) There is no such strip.
    """
    grey = image.astype(np.float64) if image.ndim == 2 else image[..., :3].mean(axis=2)
    height, width = grey.shape
    strip = _strip_height(height)
    lines = grey[height - strip + strip // 4 : height - strip // 4 or None]
    edges = np.linspace(0, width, STRIP_CELLS + 1)
    quarter = (edges[1] - edges[0]) / 4
    cells = [lines[:, int(a + quarter) : max(int(a + quarter) + 1, int(b - quarter))].mean() for a, b in pairwise(edges)]
    white, black = cells[0], cells[1]
    if white - black < 0.25 * (65535 if image.dtype == np.uint16 else 255):
        raise BadArgumentError("the picture has no strip that spells an index")
    value = 0
    for cell in cells[2:]:
        value = value << 1 | (cell > (white + black) / 2)
    return value


def _strip_height(height: int) -> int:
    return max(height // STRIP_HEIGHT_PARTS, 4)


def draw_sample(index: int, size_xy: tuple[int, int] = SAMPLE_SIZE, fps: int = SAMPLE_FPS) -> Image:
    """A picture of the sample clip: `(H, W, 3) uint8` BGR; a moving pattern, the index and the time."""
    width, height = size_xy
    x = np.arange(width, dtype=np.float32)[None, :]
    y = np.arange(height, dtype=np.float32)[:, None]
    waves = (np.sin((x + 5 * index) / 67), np.sin((y - 3 * index) / 41), np.sin((x + y + 4 * index) / 97))
    image = np.stack([np.broadcast_to(110 + 60 * wave, (height, width)) for wave in waves], axis=2).astype(np.uint8)
    angle = 2 * np.pi * index / 90
    centre = (int(width * (0.5 + 0.4 * np.cos(angle))), int(height * (0.42 + 0.3 * np.sin(angle))))
    cv2.circle(image, centre, height // 12, (60, 220, 255), -1, cv2.LINE_AA)
    _write(image, str(index), 0.45, height / 150)
    _write(image, format_seconds(index / fps), 0.68, height / 360)
    spell_index(image, index)
    return image


def _write(image: Image, text: str, at_height: float, scale: float) -> None:
    """Text in the middle, white on a dark plate."""
    height, width = image.shape[:2]
    thickness = max(1, round(scale * 2))
    (text_width, text_height), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thickness)
    left, base = max(0, (width - text_width) // 2), int(height * at_height)
    margin = max(2, text_height // 4)
    cv2.rectangle(
        image,
        (left - margin, base - text_height - margin),
        (left + text_width + margin, base + max(below, margin)),
        (20, 20, 20),
        -1,
    )
    cv2.putText(image, text, (left, base), cv2.FONT_HERSHEY_SIMPLEX, scale, (255, 255, 255), thickness, cv2.LINE_AA)


def write_sample(
    path: str | os.PathLike[str],
    *,
    n_frames: int = SAMPLE_SECONDS * SAMPLE_FPS,
    size_xy: tuple[int, int] = SAMPLE_SIZE,
    fps: int = SAMPLE_FPS,
    gop_frames: int = SAMPLE_GOP_FRAMES,
    progress: Progress = no_progress,
) -> Path:
    """Write the sample clip: H.264 with B-frames, a keyframe every `gop_frames`; the path it has then.

    Written under another name first, so that a clip is whole or not there. `progress` is called with "drawing" and the
    part that is done, 0.0 to 1.0.

    Raises:
        BadArgumentError: (a ValueError) The size or a number is out of its range.
        VideoAccessError: The file cannot be written.
    """
    width, height = size_xy
    if width % 2 or height % 2 or min(size_xy) < LEAST_SIZE_PIXELS:
        raise BadArgumentError(f"size is {width}x{height}; both must be even, and at least {LEAST_SIZE_PIXELS}")
    if not 1 <= n_frames <= 1 << STRIP_BITS:
        raise BadArgumentError(f"n_frames is {n_frames}; it must be from 1 to {1 << STRIP_BITS}")
    with whole_file(Path(path)) as unfinished, av.open(str(unfinished), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height = size_xy
        stream.pix_fmt = "yuv420p"
        # Tagged, so that every player shows the same colours.
        stream.codec_context.colorspace, stream.codec_context.color_range = BT709_TAG, LIMITED_TAG
        stream.options = {"preset": "veryfast", "crf": "23", "bf": "3", "x264-params": f"keyint={gop_frames}:scenecut=0"}
        for index in range(n_frames):
            progress("drawing", index / n_frames)
            drawn = av.VideoFrame.from_ndarray(draw_sample(index, size_xy, fps), "bgr24")
            frame = drawn.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
            frame.pts, frame.time_base = index, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return Path(path)
