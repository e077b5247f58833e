"""Frames out of a video: contact sheets."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from framecache.errors import BadArgumentError, DecodeError, VideoAccessError
from framecache.frame import Image, format_seconds
from framecache.reader import VideoReader

CAPTION_PIXELS = 24
MARGIN_PIXELS = 8
BACKGROUND, INK, FAULT = (32, 32, 32), (230, 230, 230), (90, 90, 240)


def spread_indices(count: int, n_frames: int) -> list[int]:
    """`count` frame indices spread evenly over a video of `n_frames`, its first and last among them."""
    if count < 1:
        raise BadArgumentError(f"count is {count}; it must be at least 1")
    return sorted({round(place) for place in np.linspace(0, n_frames - 1, min(count, n_frames))}) if n_frames else []


def contact_sheet(reader: VideoReader, indices: Iterable[int] | None = None, *, columns: int = 4, cell_width: int = 320) -> Image:
    """Pictures of a video side by side, each with its index and time under it: `(H, W, 3) uint8` BGR.

    A frame that cannot be decoded keeps its cell, which says so.

    Args:
        reader: The video; its `pixel_format` must be "bgr24".
        indices: Which frames; 16 spread over the whole video where not given.
        columns: Pictures a row, at least 1.
        cell_width: The width of each in pixels, at least 16; heights follow each frame's own.

    Raises:
        BadArgumentError: A number is out of its range, there is no frame, or the reader gives another format.
    """
    if columns < 1 or cell_width < 16:
        raise BadArgumentError(f"columns is {columns} and cell_width {cell_width}; they must be at least 1 and 16")
    places = list(spread_indices(16, len(reader)) if indices is None else indices)
    if not places:
        raise BadArgumentError("there is no frame to show")
    cells = [_cell(reader, place, cell_width) for place in places]
    cell_height = max(cell.shape[0] for cell in cells)
    columns, rows = min(columns, len(cells)), math.ceil(len(cells) / min(columns, len(cells)))
    size = (rows * (cell_height + MARGIN_PIXELS) + MARGIN_PIXELS, columns * (cell_width + MARGIN_PIXELS) + MARGIN_PIXELS)
    sheet = np.full((*size, 3), BACKGROUND, np.uint8)
    for number, cell in enumerate(cells):
        row, column = divmod(number, columns)
        top = MARGIN_PIXELS + row * (cell_height + MARGIN_PIXELS)
        left = MARGIN_PIXELS + column * (cell_width + MARGIN_PIXELS)
        sheet[top : top + cell.shape[0], left : left + cell_width] = cell
    return sheet


def _cell(reader: VideoReader, index: int, width: int) -> Image:
    try:
        frame = reader.request_frame(index)
        picture, colour = frame.image, INK
        if picture.dtype != np.uint8 or picture.shape[2:] != (3,):
            raise BadArgumentError('the reader gives no bgr24 images; open it with pixel_format="bgr24"')
        caption = f"{frame.frame_ix}   {format_seconds(frame.seconds_into_video)}"
    except DecodeError as error:
        picture, colour = np.zeros((9, 16, 3), np.uint8), FAULT
        caption = f"{error.index}   cannot be decoded"
    height = max(1, round(picture.shape[0] * width / picture.shape[1]))
    shrinks = width < picture.shape[1]
    cell = np.full((height + CAPTION_PIXELS, width, 3), BACKGROUND, np.uint8)
    cell[:height] = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    cv2.putText(cell, caption, (4, height + 17), cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, 1, cv2.LINE_AA)
    return cell


def write_image(path: str | os.PathLike[str], image: Image) -> Path:
    """Write an image in the format that the path's ending names; whole or not at all.

    Raises:
        BadArgumentError: OpenCV knows no such ending.
        VideoAccessError: The file cannot be written.
    """
    target = Path(path)
    try:
        is_encoded, data = cv2.imencode(target.suffix or ".", image)
    except cv2.error:
        is_encoded = False
    if not is_encoded:
        raise BadArgumentError(f"{target.name!r} does not end in an image format such as .png or .jpg")
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        unfinished.write_bytes(data.tobytes())
        os.replace(unfinished, target)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise VideoAccessError(f"{target} cannot be written: {error.strerror}") from error
    return target
