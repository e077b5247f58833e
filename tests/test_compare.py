from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

import framecache.compare
from framecache import VideoReader
from framecache.compare import Compared, compare, comparison_sheet, opencv_count


def test_where_opencv_is_right_it_is_said_to_be(sample: Path):
    numbers = [0, 1, 100, 249, 250, 329]
    compared = compare(str(sample), numbers)
    assert [one.index for one in compared] == numbers
    assert [one.shown for one in compared] == numbers
    assert all(one.is_right for one in compared)
    assert opencv_count(str(sample)) == 330


@pytest.mark.parametrize("off", [-3, 1, 40])
def test_another_frame_is_found_again(off: int, sample: Path, monkeypatch: pytest.MonkeyPatch):
    with VideoReader(sample) as reader:
        monkeypatch.setattr(
            framecache.compare, "_opencv_frames", lambda path, indices: ((index, reader[index + off]) for index in indices)
        )
        compared = compare(str(sample), [50, 200])
    assert [one.shown for one in compared] == [50 + off, 200 + off]
    assert not any(one.is_right for one in compared)


def test_neighbours_that_differ_by_a_few_pixels_are_told_apart(
    tmp_path: Path, clip: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    path = clip(size=(640, 480))
    with VideoReader(path) as reader:
        monkeypatch.setattr(framecache.compare, "_opencv_frames", lambda path, indices: ((i, reader[i + 1]) for i in indices))
        assert [one.shown for one in compare(str(path), [3, 4])] == [4, 5]


def test_no_picture_and_a_foreign_picture_are_no_frame(sample: Path, monkeypatch: pytest.MonkeyPatch):
    foreign = np.random.default_rng(0).integers(0, 256, (180, 320, 3), np.uint8)
    monkeypatch.setattr(framecache.compare, "_opencv_frames", lambda path, indices: [(7, None), (8, foreign)])
    nothing, another = compare(str(sample), [7, 8])
    assert (nothing.shown, nothing.image) == (None, None)
    assert another.shown is None
    assert another.image is not None
    assert not nothing.is_right
    assert not another.is_right


def test_nothing_is_right_for_a_frame_that_cannot_be_decoded():
    assert Compared(3, None, None, is_damaged=True).is_right
    assert not Compared(3, 2, np.zeros((2, 2, 3), np.uint8), is_damaged=True).is_right


def test_opencv_goes_wrong_on_a_real_clip_of_variable_rate(media: Path):
    compared = compare(str(media / "cursed-vfr.mp4"), range(40, 63))
    wrong = {one.index: one.shown for one in compared if not one.is_right}
    capture = cv2.VideoCapture(str(media / "cursed-vfr.mp4"))
    assert wrong, f"OpenCV {cv2.__version__} has {capture.get(cv2.CAP_PROP_FRAME_COUNT)} frames and is right everywhere now"
    capture.release()


def test_the_sheet_has_two_rows_of_pictures(sample: Path):
    compared = compare(str(sample), [5, 6, 7])
    with VideoReader(sample) as reader:
        sheet = comparison_sheet(reader, compared, cell_width=160)
    assert sheet.shape == (2 * (90 + 24) + 3 * 8, 3 * 168 + 8, 3)
    top, bottom = sheet[8:98, 8:168], sheet[130:220, 8:168]
    assert np.abs(top.astype(int) - bottom).mean() < 12, "the same frame, twice"
