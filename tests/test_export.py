from __future__ import annotations

import csv
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from framecache import VideoReader
from framecache.errors import BadArgumentError, VideoAccessError
from framecache.export import (
    IMAGE_FORMATS,
    NOTE_NAME,
    Extraction,
    encode_image,
    format_of,
    times_csv,
    write_image,
)
from framecache.files import UNFINISHED_SUFFIX
from framecache.sample import read_index

pytestmark = pytest.mark.usefixtures("no_prefetch")

NOISE = np.random.default_rng(0).integers(0, 256, (12, 20, 3), np.uint8)


def test_an_image_is_written_whole_or_not_at_all(tmp_path: Path):
    path = write_image(tmp_path / "a.png", NOISE)
    np.testing.assert_array_equal(cv2.imread(str(path)), NOISE)
    for wrong in ("a.nothing", "noending"):
        with pytest.raises(BadArgumentError, match="image format"):
            write_image(tmp_path / wrong, NOISE)
    with pytest.raises(VideoAccessError, match="cannot be written"):
        write_image(tmp_path / "nowhere" / "a.png", NOISE)
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(VideoAccessError, match="cannot be written"):
        write_image(tmp_path / "folder.png", NOISE)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png", "folder.png"]


def test_endings_name_formats_in_any_spelling():
    assert [format_of(name) for name in ("a.PNG", "b.jpeg", "c.d.tiff", "x.npy", "y.Webp")] == [
        "png",
        "jpg",
        "tif",
        "npy",
        "webp",
    ]


@pytest.mark.parametrize("image_format", IMAGE_FORMATS)
def test_every_format_is_read_back(image_format: str, tmp_path: Path):
    image = cv2.GaussianBlur(NOISE, (9, 9), 3)
    path = write_image(tmp_path / f"a.{image_format}", image, quality=100)
    back = np.load(path) if image_format == "npy" else cv2.imread(str(path))
    assert np.abs(back.astype(int) - image).mean() < (4 if image_format in ("jpg", "webp") else 1e-9)


def test_quality_counts():
    smooth = cv2.GaussianBlur(np.random.default_rng(1).integers(0, 256, (200, 200, 3), np.uint8), (9, 9), 3)
    for image_format in ("jpg", "webp"):
        assert len(encode_image(smooth, image_format, 20)) < len(encode_image(smooth, image_format, 95))  # type: ignore[arg-type]
    for wrong in (0, 101):
        with pytest.raises(BadArgumentError, match="from 1 to 100"):
            encode_image(smooth, "jpg", wrong)


def test_deep_images_keep_their_depth_or_are_refused():
    deep = np.random.default_rng(2).integers(0, 65536, (12, 20), np.uint16)
    for image_format in ("png", "tif"):
        read = cv2.imdecode(np.frombuffer(encode_image(deep, image_format), np.uint8), cv2.IMREAD_UNCHANGED)  # type: ignore[arg-type]
        np.testing.assert_array_equal(read, deep)
    for image_format in ("jpg", "webp", "bmp"):
        with pytest.raises(BadArgumentError, match="cannot hold"):
            encode_image(deep, image_format)  # type: ignore[arg-type]


def extract(reader: VideoReader, folder: Path, indices: range, **options: object) -> dict[int, bool]:
    return {one.index: one.is_new for one in Extraction(reader, folder, **options).run(indices) if one.error is None}  # type: ignore[arg-type]


def test_frames_are_named_by_their_true_index_and_show_it(sample: Path, tmp_path: Path):
    with VideoReader(sample, use_cache=False) as reader:
        new = extract(reader, tmp_path / "deep" / "out", range(100, 330, 60))
    assert new == {100: True, 160: True, 220: True, 280: True}
    written = sorted((tmp_path / "deep" / "out").glob("frame_*"))
    assert [path.name for path in written] == [f"frame_{index:06d}.png" for index in new]
    assert [read_index(cv2.imread(str(path))) for path in written] == list(new)


def test_what_is_there_is_skipped_and_the_rest_goes_on(sample: Path, tmp_path: Path):
    with VideoReader(sample) as reader:
        extract(reader, tmp_path, range(10))
        kept = tmp_path / "frame_000003.png"
        before = kept.stat().st_mtime_ns
        (tmp_path / "frame_000004.png").unlink()
        assert extract(reader, tmp_path, range(2, 12)) == {i: i in (4, 10, 11) for i in range(2, 12)}
        assert kept.stat().st_mtime_ns == before


def test_frames_of_two_kinds_are_never_mixed_in_a_folder(sample: Path, tmp_path: Path, media: Path):
    with (
        VideoReader(sample) as reader,
        VideoReader(sample, max_size_xy=(90, 90)) as small,
        VideoReader(media / "vid.avi") as other,
    ):
        extract(reader, tmp_path, range(2))
        for wrong, options in ((small, {}), (other, {}), (reader, {"image_format": "jpg"})):
            with pytest.raises(BadArgumentError, match="holds frames of another"):
                extract(wrong, tmp_path, range(2), **options)
        assert extract(reader, tmp_path, range(3)) == {0: False, 1: False, 2: True}
        (tmp_path / NOTE_NAME).unlink()
        with pytest.raises(BadArgumentError, match="holds frames of another"):
            extract(reader, tmp_path, range(2))


def test_what_is_no_finished_frame_is_not_taken_for_one(sample: Path, tmp_path: Path):
    with VideoReader(sample) as reader:
        extract(reader, tmp_path, range(1))
        (tmp_path / "frame_000001.png").write_bytes(b"")
        assert extract(reader, tmp_path, range(2)) == {0: False, 1: True}
        (tmp_path / "frame_000002.png").mkdir()
        with pytest.raises(VideoAccessError, match="a folder"):
            extract(reader, tmp_path, range(3))


def test_of_two_kinds_at_once_only_one_gets_the_folder(sample: Path, tmp_path: Path):
    def claim(number: int) -> None:
        with VideoReader(sample, max_size_xy=(50 + 10 * number, 100)) as reader:
            barrier.wait()
            try:
                outcomes.append(len(extract(reader, folder, range(3))))
            except BadArgumentError:
                outcomes.append(0)

    for turn in range(5):
        folder, outcomes = tmp_path / str(turn), list[int]()
        barrier = threading.Barrier(4)
        threads = [threading.Thread(target=claim, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == [0, 0, 0, 3]
        assert len({cv2.imread(str(path)).shape for path in folder.glob("*.png")}) == 1


def test_a_damaged_frame_is_reported_and_the_others_are_written(media: Path, tmp_path: Path):
    with VideoReader(media / "corrupted.mp4") as reader:
        outcomes = list(Extraction(reader, tmp_path).run(range(28, 33)))
    assert [one.index for one in outcomes] == [28, 29, 30, 31, 32]
    assert [one.index for one in outcomes if one.error is not None] == [30]
    assert not (tmp_path / "frame_000030.png").exists()
    assert all(one.path.exists() for one in outcomes if one.error is None)


def test_an_extraction_that_is_left_early_stops(sample: Path, tmp_path: Path):
    with VideoReader(sample) as reader:
        going = Extraction(reader, tmp_path).run(range(300))
        next(going)
        going.close()
        decoded = reader.stats.frames_decoded
    assert decoded < 100
    assert threading.active_count() == 1
    assert not list(tmp_path.glob(f".*{UNFINISHED_SUFFIX}"))


def test_a_folder_that_cannot_be_made_is_a_typed_error(sample: Path, tmp_path: Path):
    (tmp_path / "file").write_text("")
    with VideoReader(sample) as reader, pytest.raises(VideoAccessError, match="cannot be written"):
        extract(reader, tmp_path / "file" / "out", range(3))


def test_arrays_are_written_as_the_reader_gives_them(sample: Path, tmp_path: Path):
    with VideoReader(sample) as reader:
        extract(reader, tmp_path, range(7, 8), image_format="npy")
        np.testing.assert_array_equal(np.load(tmp_path / "frame_000007.npy"), reader[7])


def test_times_are_told_as_csv(sample: Path, tmp_path: Path, media: Path):
    with VideoReader(sample) as reader:
        rows = list(csv.DictReader(times_csv(reader, range(0, 330, 100)).decode().splitlines()))
        assert [int(row["index"]) for row in rows] == [0, 100, 200, 300]
        assert [int(row["pts"]) for row in rows] == [int(reader.pts[i]) for i in (0, 100, 200, 300)]
        assert [float(row["seconds"]) for row in rows] == [float(reader.timestamps[i]) for i in (0, 100, 200, 300)]
    with VideoReader(media / "CAPAMA3_Sand_F.264") as reader:
        rows = list(csv.DictReader(times_csv(reader, range(3)).decode().splitlines()))
        assert [row["pts"] for row in rows] == [
            "" if reader.index.own_pts_at(i) is None else str(reader.pts[i]) for i in range(3)
        ]
