"""Frames out of a video: to image files, one or a folder full, each whole or not there."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np

from framecache.arguments import one_of
from framecache.errors import BadArgumentError, DecodeError, VideoAccessError
from framecache.files import remove_unfinished, write_first, write_whole
from framecache.frame import Image
from framecache.reader import VideoReader

ImageFormat = Literal["png", "jpg", "webp", "bmp", "tif", "npy"]
IMAGE_FORMATS: tuple[ImageFormat, ...] = ("png", "jpg", "webp", "bmp", "tif", "npy")
OTHER_SPELLINGS = {"jpeg": "jpg", "tiff": "tif"}
QUALITY_FLAGS = {"jpg": cv2.IMWRITE_JPEG_QUALITY, "webp": cv2.IMWRITE_WEBP_QUALITY}
DEFAULT_QUALITY = 95

CSV_HEADS = ("index", "pts", "seconds")
NOTE_NAME = ".framecache.json"
LEAST_DIGITS = 6
MAX_ENCODERS = 4
WAITING_PER_ENCODER = 2


def format_of(path: str | os.PathLike[str]) -> ImageFormat:
    """The image format that a path's ending names.

    Raises:
        BadArgumentError: (a ValueError) It names none of IMAGE_FORMATS.
    """
    ending = Path(path).suffix.lower().removeprefix(".")
    ending = OTHER_SPELLINGS.get(ending, ending)
    for known in IMAGE_FORMATS:
        if ending == known:
            return known
    raise BadArgumentError(
        f"{Path(path).name!r} does not end in an image format: {', '.join(f'.{name}' for name in IMAGE_FORMATS)}"
    )


def encode_image(image: Image, image_format: ImageFormat, quality: int = DEFAULT_QUALITY) -> bytes:
    """The bytes of an image file; `npy` holds the array as it is, the others take BGR, BGRA or grey.

    Args:
        image: `(H, W)`, `(H, W, 3)` or `(H, W, 4)`, uint8 or uint16.
        image_format: One of IMAGE_FORMATS.
        quality: 1 to 100, for jpg and webp; a webp of 100 is not lossless.

    Raises:
        BadArgumentError: (a ValueError) The format cannot hold such an image, or the quality is out of its range.
    """
    one_of("image_format", image_format, IMAGE_FORMATS)
    if not 1 <= quality <= 100:
        raise BadArgumentError(f"quality is {quality}; it must be from 1 to 100")
    if image_format == "npy":
        buffer = io.BytesIO()
        np.save(buffer, image, allow_pickle=False)
        return buffer.getvalue()
    # OpenCV would make 8 bits of 16, or fail, with no more than a line on stderr.
    fits = image.dtype == np.uint8 or image_format in ("png", "tif")
    flags = [QUALITY_FLAGS[image_format], quality] if image_format in QUALITY_FLAGS else []
    is_encoded = False
    if fits:
        with contextlib.suppress(cv2.error):
            is_encoded, data = cv2.imencode(f".{image_format}", image, flags)
    if not is_encoded:
        raise BadArgumentError(f"a {image_format} file cannot hold an image of shape {image.shape} and type {image.dtype}")
    return data.tobytes()


def write_image(path: str | os.PathLike[str], image: Image, quality: int = DEFAULT_QUALITY) -> Path:
    """Write an image in the format that the path's ending names; whole or not at all. The path.

    Raises:
        BadArgumentError: The ending names no known format, or one that cannot hold the image.
        VideoAccessError: The file cannot be written.
    """
    target = Path(path)
    return write_whole(target, encode_image(image, format_of(target), quality))


@dataclass(frozen=True, slots=True)
class Extracted:
    """What became of one frame of an extraction.

    Attributes:
        index: The 0-based frame index.
        path: Its file.
        is_new: Whether it was written now, rather than found there.
        error: Why there is no such file, or None.
    """

    index: int
    path: Path
    is_new: bool
    error: DecodeError | None = None


@dataclass(frozen=True, slots=True)
class Extraction:
    """Frames of a video as the files of one folder, named by their true index: `frame_000150.png`.

    A folder remembers what its frames are of, so that those of two videos or sizes are never mixed. Whatever ends
    an extraction, `run` goes on where it was.

    Args:
        reader: The video; its options shape the images.
        folder: Where to; made if it is not there.
        image_format: One of IMAGE_FORMATS; `npy` files hold the arrays as the reader gives them.
        quality: 1 to 100, for jpg and webp.
    """

    reader: VideoReader
    folder: Path
    image_format: ImageFormat = "png"
    quality: int = DEFAULT_QUALITY

    def path_of(self, index: int) -> Path:
        """The file of a frame: as many digits for every frame of a video, so that names sort as frames do."""
        digits = max(LEAST_DIGITS, len(str(max(len(self.reader) - 1, 0))))
        return self.folder / f"frame_{index:0{digits}d}.{self.image_format}"

    def run(self, indices: Iterable[int]) -> Iterator[Extracted]:
        """Write the frames that are not there yet, in order; what became of each, as it is settled.

        Images are encoded by a few threads while the next are decoded; a dozen are in memory at once.

        Raises:
            BadArgumentError: The folder holds frames of something else.
            VideoAccessError: Something cannot be written.
        """
        self._claim_folder()
        waiting: deque[Future[Extracted]] = deque()
        encoders = min(os.cpu_count() or 1, MAX_ENCODERS)
        with ThreadPoolExecutor(encoders, thread_name_prefix="framecache-encode") as pool:
            try:
                for index in indices:
                    waiting.append(self._start(pool, index))
                    while len(waiting) > WAITING_PER_ENCODER * encoders or (waiting and waiting[0].done()):
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()

    def _start(self, pool: ThreadPoolExecutor, index: int) -> Future[Extracted]:
        path = self.path_of(index)
        settled: Future[Extracted] = Future()
        if _is_written(path):
            settled.set_result(Extracted(index, path, is_new=False))
            return settled
        try:
            image = self.reader.request_frame(index).image
        except DecodeError as error:
            settled.set_result(Extracted(index, path, is_new=False, error=error))
            return settled
        return pool.submit(self._write, index, path, image)

    def _write(self, index: int, path: Path, image: Image) -> Extracted:
        write_whole(path, encode_image(image, self.image_format, self.quality))
        return Extracted(index, path, is_new=True)

    def _claim_folder(self) -> None:
        """Make the folder, clear what killed extractions left, and see that its frames are of this kind."""
        note = self.folder / NOTE_NAME
        kind = json.dumps(self._kind(), indent=1, sort_keys=True).encode() + b"\n"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            remove_unfinished(self.folder)
            is_another = not note.exists() and any(self.folder.glob("frame_*"))
        except OSError as error:
            raise VideoAccessError(f"{self.folder} cannot be written: {error.strerror}") from error
        if is_another or write_first(note, kind) != kind:
            raise BadArgumentError(
                f"{self.folder} holds frames of another video, size or format; choose another folder, or remove this one first"
            )

    def _kind(self) -> dict[str, Any]:
        options = self.reader.options.as_arguments()
        shaping = ("stream", "max_size_xy", "pixel_format", "apply_rotation", "matrix", "color_range")
        size = options["max_size_xy"]
        quality = self.quality if self.image_format in QUALITY_FLAGS else None
        kind = {name: options[name] for name in shaping} | {"max_size_xy": list(size) if size else None}
        return {"fingerprint": self.reader.info.fingerprint, "format": self.image_format, "quality": quality, **kind}


def _is_written(path: Path) -> bool:
    """Whether a file is there that an extraction may have written: it writes no empty ones."""
    try:
        return path.is_file() and path.stat().st_size > 0
    except OSError:
        return False


def times_csv(reader: VideoReader, indices: Iterable[int]) -> bytes:
    """The indices with their timestamps, as CSV: `index,pts,seconds`; pts is empty where the stream has none."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(CSV_HEADS)
    index = reader.index
    rows.writerows((place, index.own_pts_at(place), float(index.timestamps[place])) for place in indices)
    return text.getvalue().encode()
