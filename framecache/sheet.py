"""Contact sheets: frames of a video side by side, each with its index and time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np

from framecache.errors import BadArgumentError, DecodeError
from framecache.frame import Image, format_seconds
from framecache.reader import VideoReader

CAPTION_PIXELS = 24
CAPTION_MARGIN_PIXELS = 4
CAPTION_SCALE = 0.45
MARGIN_PIXELS = 8
LEAST_CELL_PIXELS = 16
MOST_SHEET_PIXELS = 1 << 28
TALLEST_TO_WIDTH = 2
BACKGROUND, INK, FAULT, MARK = (32, 32, 32), (230, 230, 230), (90, 90, 240), (60, 200, 255)

DEFAULT_COUNT = 16
DEFAULT_COLUMNS = 4
DEFAULT_CELL_PIXELS = 320


def spread(places: Sequence[int], count: int) -> list[int]:
    """`count` of the places, spread evenly over them, the first and the last among them; all where there are fewer.

    Raises:
        BadArgumentError: (a ValueError) `count` is not at least 1.
    """
    if count < 1:
        raise BadArgumentError(f"count is {count}; it must be at least 1")
    chosen = {round(at) for at in np.linspace(0, len(places) - 1, min(count, len(places)))} if len(places) else set()
    return [places[at] for at in sorted(chosen)]


def around(place: int, count: int, n_frames: int) -> list[int]:
    """`count` neighbouring places with `place` in their middle, or as near to it as the video's ends allow.

    Raises:
        BadArgumentError: (a ValueError) `count` is not at least 1.
    """
    if count < 1:
        raise BadArgumentError(f"count is {count}; it must be at least 1")
    first = max(0, min(place - count // 2, n_frames - count))
    return list(range(first, min(first + count, n_frames)))


def contact_sheet(
    reader: VideoReader,
    indices: Iterable[int] | None = None,
    *,
    columns: int = DEFAULT_COLUMNS,
    cell_width: int = DEFAULT_CELL_PIXELS,
    marked: int | None = None,
) -> Image:
    """Pictures of a video side by side, each with its index and time under it: `(H, W, 3) uint8` BGR.

    A frame that cannot be decoded keeps its cell, which says so.

    Args:
        reader: The video; its `pixel_format` must be "bgr24".
        indices: Which frames; 16 spread over the whole video where not given.
        columns: Pictures a row, at least 1.
        cell_width: The width of each in pixels, at least 16; heights follow each frame's own.
        marked: The index of a frame to mark by the colour of its caption and a frame around it.

    Raises:
        BadArgumentError: A number is out of its range, there is no frame, or the reader gives another format.
    """
    places = list(spread(range(len(reader)), DEFAULT_COUNT) if indices is None else indices)
    check_sheet(len(places), columns, cell_width)
    return tile([cell_of(reader, place, cell_width, is_marked=place == marked) for place in places], columns)


def check_sheet(count: int, columns: int, cell_width: int) -> None:
    """Raise BadArgumentError where a sheet of so many pictures cannot be, before any of them is decoded."""
    if columns < 1 or cell_width < LEAST_CELL_PIXELS:
        raise BadArgumentError(
            f"columns is {columns} and cell_width {cell_width}; they must be at least 1 and {LEAST_CELL_PIXELS}"
        )
    if not count:
        raise BadArgumentError("there is no frame to show")
    if count * cell_width * (cell_width + CAPTION_PIXELS) > MOST_SHEET_PIXELS:
        raise BadArgumentError(f"{count} pictures of {cell_width} pixels make too large a sheet; ask for fewer or smaller ones")


def tile(cells: Sequence[Image], columns: int) -> Image:
    """Cells of equal width, side by side, `columns` a row: `(H, W, 3) uint8`."""
    columns, width = min(columns, len(cells)), cells[0].shape[1]
    rows = [cells[at : at + columns] for at in range(0, len(cells), columns)]
    heights = [max(cell.shape[0] for cell in row) for row in rows]
    size = (sum(heights) + MARGIN_PIXELS * (len(rows) + 1), columns * (width + MARGIN_PIXELS) + MARGIN_PIXELS)
    sheet = np.full((*size, 3), BACKGROUND, np.uint8)
    top = MARGIN_PIXELS
    for row, height in zip(rows, heights, strict=True):
        for column, cell in enumerate(row):
            left = MARGIN_PIXELS + column * (width + MARGIN_PIXELS)
            sheet[top : top + cell.shape[0], left : left + width] = cell
        top += height + MARGIN_PIXELS
    return sheet


def cell_of(reader: VideoReader, place: int, width: int, *, is_marked: bool = False) -> Image:
    """A frame's cell of a contact sheet: `(H, width, 3) uint8` BGR; raises as `contact_sheet` does."""
    try:
        frame = reader.request_frame(place)
    except DecodeError as error:
        return captioned(None, f"{error.index}   cannot be decoded", width, FAULT)
    if frame.image.dtype != np.uint8 or frame.image.shape[2:] != (3,):
        raise BadArgumentError('the reader gives no bgr24 images; open it with pixel_format="bgr24"')
    cell = captioned(frame.image, f"{frame.frame_ix}   {format_seconds(frame.seconds_into_video)}", width, INK)
    if is_marked:
        cv2.rectangle(cell, (0, 0), (cell.shape[1] - 1, cell.shape[0] - 1), MARK, 3)
    return cell


def captioned(picture: Image | None, caption: str, width: int, colour: tuple[int, int, int] = INK) -> Image:
    """A picture `(H, W, 3) uint8` at that width with a line of text under it; a black one in place of None."""
    if picture is None:
        picture = np.zeros((9, 16, 3), np.uint8)
    scale = min(width / picture.shape[1], TALLEST_TO_WIDTH * width / picture.shape[0])
    inner, height = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
    cell = np.full((height + CAPTION_PIXELS, width, 3), BACKGROUND, np.uint8)
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    cell[:height, (width - inner) // 2 : (width - inner) // 2 + inner] = cv2.resize(picture, (inner, height), interpolation=way)
    (text_width, _), _ = cv2.getTextSize(caption, cv2.FONT_HERSHEY_SIMPLEX, CAPTION_SCALE, 1)
    # Small cells get small writing rather than a part of it.
    scale = CAPTION_SCALE * min(1.0, (width - 2 * CAPTION_MARGIN_PIXELS) / max(text_width, 1))
    at = (CAPTION_MARGIN_PIXELS, height + 17)
    cv2.putText(cell, caption, at, cv2.FONT_HERSHEY_SIMPLEX, max(scale, 0.1), colour, 1, cv2.LINE_AA)
    return cell
