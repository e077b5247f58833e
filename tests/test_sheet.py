from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from framecache import VideoReader
from framecache.errors import BadArgumentError
from framecache.sample import read_index
from framecache.sheet import CAPTION_PIXELS, MARGIN_PIXELS, MARK, around, captioned, contact_sheet, spread, tile


def test_places_are_spread_from_the_first_to_the_last():
    assert spread(range(100), 4) == [0, 33, 66, 99]
    assert spread(range(3), 10) == [0, 1, 2]
    assert spread([7, 20, 50], 2) == [7, 50]
    assert spread(range(5), 1) == [0]
    assert spread(range(0), 5) == []
    with pytest.raises(BadArgumentError):
        spread(range(5), 0)


def test_neighbours_are_around_their_frame_and_inside_the_video():
    assert around(50, 5, 100) == [48, 49, 50, 51, 52]
    assert around(0, 5, 100) == [0, 1, 2, 3, 4]
    assert around(99, 5, 100) == [95, 96, 97, 98, 99]
    assert around(1, 16, 3) == [0, 1, 2]
    with pytest.raises(BadArgumentError):
        around(1, 0, 3)


def cells(sheet: np.ndarray, columns: int, width: int, height: int, count: int) -> list[np.ndarray]:
    out = []
    for number in range(count):
        row, column = divmod(number, columns)
        top = MARGIN_PIXELS + row * (height + CAPTION_PIXELS + MARGIN_PIXELS)
        left = MARGIN_PIXELS + column * (width + MARGIN_PIXELS)
        out.append(sheet[top : top + height + CAPTION_PIXELS, left : left + width])
    return out


def test_a_sheet_shows_the_frames_asked_for_in_their_cells(sample: Path):
    with VideoReader(sample) as reader:
        indices = [5, 300, 17, 200, 329]
        sheet = contact_sheet(reader, indices, columns=3, cell_width=160)
    height = 90
    assert sheet.shape == (2 * (height + CAPTION_PIXELS) + 3 * MARGIN_PIXELS, 3 * 160 + 4 * MARGIN_PIXELS, 3)
    for cell, index in zip(cells(sheet, 3, 160, height, 5), indices, strict=True):
        assert read_index(cell[:height]) == index
        assert cell[height:].max() > 150, "there is writing under it"


def test_the_marked_frame_has_a_frame_around_it(sample: Path):
    with VideoReader(sample) as reader:
        sheet = contact_sheet(reader, [1, 2, 3], columns=3, cell_width=160, marked=2)
    edges = [tuple(cell[-1, 80]) == MARK for cell in cells(sheet, 3, 160, 90, 3)]
    assert edges == [False, True, False]


def test_a_frame_that_cannot_be_decoded_keeps_its_cell(media: Path):
    with VideoReader(media / "corrupted.mp4") as reader:
        sheet = contact_sheet(reader, [29, 30, 31], columns=3, cell_width=160)
    before, lost, after = cells(sheet, 3, 160, 90, 3)
    assert lost[:90].max() == 0
    assert min(before[:90].max(), after[:90].max(), lost[90:].max()) > 150


def test_wrong_arguments_are_refused(sample: Path):
    with VideoReader(sample) as reader:
        for wrong in ({"columns": 0}, {"cell_width": 3}, {"indices": []}, {"cell_width": 20_000}):
            with pytest.raises(BadArgumentError):
                contact_sheet(reader, **wrong)  # type: ignore[arg-type]
    with VideoReader(sample, pixel_format="gray8") as reader, pytest.raises(BadArgumentError, match="bgr24"):
        contact_sheet(reader)


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (90, 160)], ids=str)
def test_any_shape_has_a_cell_of_the_wanted_width(size: tuple[int, int]):
    cell = captioned(np.full((size[1], size[0], 3), 200, np.uint8), "7   0:00:00.233", 100)
    assert cell.shape[1] == 100
    assert cell.shape[0] <= 200 + CAPTION_PIXELS
    assert (cell[: cell.shape[0] - CAPTION_PIXELS] == 200).any()


def test_writing_is_not_cut_off_in_a_narrow_cell():
    narrow = captioned(None, "123456   0:00:00.233", 48)
    assert narrow[-CAPTION_PIXELS:, -3:].max() < 100


def test_rows_are_as_high_as_their_highest_cell():
    sheet = tile([np.full((10, 20, 3), 1, np.uint8), np.full((30, 20, 3), 2, np.uint8), np.full((5, 20, 3), 3, np.uint8)], 2)
    assert sheet.shape == (30 + 5 + 3 * MARGIN_PIXELS, 2 * 20 + 3 * MARGIN_PIXELS, 3)
