from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from framecache import VideoReader
from framecache.errors import BadArgumentError, VideoAccessError
from framecache.export import CAPTION_PIXELS, MARGIN_PIXELS, contact_sheet, spread_indices, write_image
from framecache.sample import read_index


def test_indices_are_spread_from_the_first_to_the_last():
    assert spread_indices(4, 100) == [0, 33, 66, 99]
    assert spread_indices(10, 3) == [0, 1, 2]
    assert spread_indices(1, 5) == [0]
    assert spread_indices(5, 0) == []
    with pytest.raises(BadArgumentError):
        spread_indices(0, 5)


def test_a_sheet_shows_the_frames_asked_for_in_their_cells(sample: Path):
    with VideoReader(sample) as reader:
        indices = [5, 300, 17, 200, 329]
        sheet = contact_sheet(reader, indices, columns=3, cell_width=160)
    height = 90
    assert sheet.shape == (2 * (height + CAPTION_PIXELS) + 3 * MARGIN_PIXELS, 3 * 160 + 4 * MARGIN_PIXELS, 3)
    for number, index in enumerate(indices):
        row, column = divmod(number, 3)
        top = MARGIN_PIXELS + row * (height + CAPTION_PIXELS + MARGIN_PIXELS)
        left = MARGIN_PIXELS + column * (160 + MARGIN_PIXELS)
        assert read_index(sheet[top : top + height, left : left + 160]) == index
        caption = sheet[top + height : top + height + CAPTION_PIXELS, left : left + 160]
        assert caption.max() > 150, "there is writing under it"


def test_a_frame_that_cannot_be_decoded_keeps_its_cell(media: Path):
    with VideoReader(media / "corrupted.mp4") as reader:
        sheet = contact_sheet(reader, [29, 30, 31], columns=3, cell_width=160)
    cell = sheet[MARGIN_PIXELS : MARGIN_PIXELS + 80, 2 * MARGIN_PIXELS + 160 : 2 * MARGIN_PIXELS + 320]
    assert cell.max() == 0


def test_wrong_arguments_are_refused(sample: Path):
    with VideoReader(sample) as reader:
        for wrong in ({"columns": 0}, {"cell_width": 3}, {"indices": []}):
            with pytest.raises(BadArgumentError):
                contact_sheet(reader, **wrong)  # type: ignore[arg-type]
    with VideoReader(sample, pixel_format="gray8") as reader, pytest.raises(BadArgumentError, match="bgr24"):
        contact_sheet(reader)


def test_an_image_is_written_whole_or_not_at_all(tmp_path: Path):
    image = np.random.default_rng(0).integers(0, 256, (10, 20, 3), np.uint8)
    path = write_image(tmp_path / "a.png", image)
    np.testing.assert_array_equal(cv2.imread(str(path)), image)
    for wrong in ("a.nothing", "noending"):
        with pytest.raises(BadArgumentError, match="image format"):
            write_image(tmp_path / wrong, image)
    with pytest.raises(VideoAccessError, match="cannot be written"):
        write_image(tmp_path / "nowhere" / "a.png", image)
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]
