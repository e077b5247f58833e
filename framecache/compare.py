"""What OpenCV shows under each frame number, against the true frame."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from framecache.engine import Engine
from framecache.errors import BadArgumentError, DecodeError
from framecache.frame import Image, format_seconds
from framecache.progress import Progress, no_progress
from framecache.reader import VideoReader
from framecache.sheet import FAULT, INK, captioned, tile

# How far from its number a frame is looked for.
REACH_FRAMES = 150
# Small grey pictures tell which frames come into question; those are then compared in full.
SIGN_PIXELS = 48
CANDIDATES = 6
# A picture farther than this from every frame, in levels on average over its sign, is none of them.
FARTHEST_LEVELS = 16.0
# Of blue, green and red in luma: ITU-R BT.601-7 2.5.1 and BT.709-6 3.2.
LUMA_WEIGHTS = ((0.114, 0.587, 0.299), (0.0722, 0.7152, 0.2126))
# Two copies of one picture are as near as makes no difference.
SAME_LEVELS = 1e-4
KEPT_PIXELS = 640

Sign = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Compared:
    """What OpenCV shows under one frame number.

    Attributes:
        index: The frame number.
        shown: The true index of the frame that OpenCV shows under it; None where it shows nothing, or no frame
            within REACH_FRAMES of the number.
        image: What it shows, `(H, W, 3) uint8` BGR, shrunk to a width of 640 pixels at most; or None.
        is_damaged: Whether the true frame cannot be decoded.
    """

    index: int
    shown: int | None
    image: Image | None
    is_damaged: bool = False

    @property
    def is_right(self) -> bool:
        """Whether number and picture agree; where there is no true picture, nothing to show is right."""
        return self.image is None if self.is_damaged else self.shown == self.index


def compare(
    path: str, indices: Iterable[int], *, engine: Engine | None = None, progress: Progress = no_progress
) -> list[Compared]:
    """Ask OpenCV for frames by number (`CAP_PROP_POS_FRAMES`), and find which frames of the video came.

    A picture is taken for the nearest of the frames around its number, and for the right one where that is as near.

    Args:
        path: The video.
        indices: The numbers to ask for.
        engine: Share this engine's budget and decoders.
        progress: Called with the stage and how much of it is done, 0.0 to 1.0.

    Raises:
        BadArgumentError: The path is one that OpenCV cannot be given.
        FramecacheError: As VideoReader does.
    """
    try:
        path.encode()
    except UnicodeEncodeError as error:
        # OpenCV 5.0 ends the whole process when it is given such a name.
        raise BadArgumentError(f"{path!r} is no text, so it cannot be given to OpenCV; rename the file") from error
    wanted = list(indices)
    compared = []
    # Luma is compared, for OpenCV turns YUV into colours by rules of its own, whatever a stream is tagged with. Grey has
    # BT.601's weights, so with that matrix it is the stream's own luma.
    with VideoReader(path, pixel_format="gray8", matrix="bt601", engine=engine, progress=progress) as reader:
        signs = _signs_around(reader, wanted, progress)
        for done, (index, image) in enumerate(_opencv_frames(path, wanted)):
            progress("asking OpenCV", done / max(len(wanted), 1))
            shown = None if image is None else _which_frame(reader, image, index, signs)
            kept = None if image is None else _shrunk(image)
            compared.append(Compared(index, shown, kept, is_damaged=index not in signs))
    return compared


def opencv_count(path: str) -> int:
    """How many frames OpenCV says that a video has; 0 where it does not know."""
    with _opencv(path) as capture:
        return max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))


def comparison_sheet(reader: VideoReader, compared: Sequence[Compared], *, cell_width: int = 320) -> Image:
    """Pairs of pictures, what OpenCV shows above the true frame, each with its number: `(H, W, 3) uint8` BGR."""
    above, below = [], []
    for one in compared:
        name = "nothing" if one.image is None else "another picture" if one.shown is None else f"shows frame {one.shown}"
        above.append(captioned(one.image, f"OpenCV {one.index}: {name}", cell_width, INK if one.is_right else FAULT))
        try:
            frame = reader.request_frame(one.index)
            below.append(captioned(frame.image, f"frame {one.index}   {format_seconds(frame.seconds_into_video)}", cell_width))
        except DecodeError:
            below.append(captioned(None, f"frame {one.index}   cannot be decoded", cell_width, FAULT))
    return tile([*above, *below], len(compared))


def _opencv_frames(path: str, indices: Sequence[int]) -> Iterator[tuple[int, Image | None]]:
    with _opencv(path) as capture:
        for index in indices:
            capture.set(cv2.CAP_PROP_POS_FRAMES, index)
            has_frame, image = capture.read()
            yield index, np.asarray(image) if has_frame else None


@contextlib.contextmanager
def _opencv(path: str) -> Iterator[cv2.VideoCapture]:
    # OpenCV's FFmpeg would write its complaints to stderr, unless it is told otherwise before it first runs.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    capture = cv2.VideoCapture(os.path.abspath(os.path.expanduser(path)), cv2.CAP_FFMPEG)
    try:
        yield capture
    finally:
        capture.release()


def _shrunk(image: Image) -> Image:
    height, width = image.shape[:2]
    if width <= KEPT_PIXELS:
        return image
    return cv2.resize(image, (KEPT_PIXELS, max(1, round(height * KEPT_PIXELS / width))), interpolation=cv2.INTER_AREA)


def _brightness(image: Image) -> list[Image]:
    """A BGR picture's luma, by each rule that it may have been made with: `(H, W) uint8`."""
    return [cv2.transform(image, np.array([weights], np.float32)).astype(np.uint8) for weights in LUMA_WEIGHTS]


def _sign(grey: Image) -> Sign:
    return cv2.resize(grey, (SIGN_PIXELS, SIGN_PIXELS), interpolation=cv2.INTER_AREA).astype(np.int16)


def _apart(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> float:
    """How many levels two grey pictures are apart on average."""
    return float(np.abs(one.astype(np.int16) - other).mean())


def _signs_around(reader: VideoReader, indices: Sequence[int], progress: Progress) -> dict[int, Sign]:
    """The signs of all frames within reach of the numbers, but for those that cannot be decoded."""
    ranges = (range(max(0, index - REACH_FRAMES), min(len(reader), index + REACH_FRAMES + 1)) for index in indices)
    places = sorted({place for reached in ranges for place in reached})
    signs: dict[int, Sign] = {}
    for done, place in enumerate(places):
        progress("reading the frames around", done / len(places))
        with contextlib.suppress(DecodeError):
            signs[place] = _sign(reader[place])
    return signs


def _which_frame(reader: VideoReader, image: Image, index: int, signs: dict[int, Sign]) -> int | None:
    """The frame that a BGR picture shows, out of those within reach of its number."""
    greys = _brightness(image)
    image_signs = [_sign(grey) for grey in greys]
    near = [place for place in range(index - REACH_FRAMES, index + REACH_FRAMES + 1) if place in signs]
    rough = {place: min(_apart(signs[place], sign) for sign in image_signs) for place in near}
    candidates = sorted(near, key=rough.__getitem__)[:CANDIDATES]
    if not candidates or rough[candidates[0]] > FARTHEST_LEVELS:
        return None
    if index in signs and index not in candidates:
        candidates.append(index)
    exact = {place: _distance(greys, reader[place]) for place in candidates}
    nearest = min(candidates, key=exact.__getitem__)
    return index if exact.get(index, np.inf) <= exact[nearest] + SAME_LEVELS else nearest


def _distance(greys: list[Image], truth: Image) -> float:
    size = (truth.shape[1], truth.shape[0])
    same_size = [grey if grey.shape == truth.shape else cv2.resize(grey, size) for grey in greys]
    return min(_apart(grey, truth) for grey in same_size)
