"""Saver: writes frames in full size to files, in the background, over nothing that is there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import cv2
import numpy as np

from framecache.engine import Engine
from framecache.errors import FramecacheError, VideoAccessError, VideoChangedError
from framecache.export import write_image
from framecache.frame import Image
from framecache.reader import VideoReader


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of a frame that was to be saved, in words; and whether it went wrong."""

    text: str
    is_fault: bool


class Saver:
    """Saves frames of a video as `<stem>-frame-<number>.png`, one after another; nobody waits for it.

    Args:
        path: The video.
        shown: The reader whose frames are on the screen; the saved ones are of the same file, in full size.
        engine: Its engine.
        folder: Where files go; made when first needed.
    """

    def __init__(self, path: str | os.PathLike[str], shown: VideoReader, engine: Engine, folder: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._shown = shown
        self._engine = engine
        self._folder = Path(folder).expanduser()
        self._reader: VideoReader | None = None
        self._pool = ThreadPoolExecutor(1, "framecache-saver")
        self._under_way: list[Future[Saved]] = []

    def save(self, index: int) -> None:
        """Save the frame at `index`; `take` tells later what became of it."""
        self._under_way.append(self._pool.submit(self._save, index))

    def take(self) -> Saved | None:
        """What became of the next frame, where that is known by now."""
        if self._under_way and self._under_way[0].done():
            return self._under_way.pop(0).result()
        return None

    def close(self) -> None:
        """Wait for what is being saved."""
        self._pool.shutdown(wait=True)
        if self._reader is not None:
            self._reader.close()

    def __enter__(self) -> Saver:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _save(self, index: int) -> Saved:
        try:
            image = self._full_size().request_frame(index).image
            return Saved(save_new(image, self._folder, self._path.stem, index, len(self._shown)), False)
        except (FramecacheError, OSError) as error:
            return Saved(f"not saved: {error}", True)

    def _full_size(self) -> VideoReader:
        if self._reader is None:
            # Frames that are shown smaller are cached as such; whole ones beside them would push them out.
            is_shrunk = self._shown.shape[:2] != (self._shown.info.height, self._shown.info.width)
            reader = VideoReader(self._path, engine=self._engine, use_cache=not is_shrunk)
            if reader.info.fingerprint != self._shown.info.fingerprint:
                reader.close()
                raise VideoChangedError(f"{self._path} is another file than the one that is shown; open it anew")
            self._reader = reader
        return self._reader


def save_new(image: Image, folder: Path, stem: str, index: int, n_frames: int) -> str:
    """Write an image under a name that is free, or find it there already; which of both, in words.

    Raises:
        VideoAccessError: The folder cannot be made, or the file not be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise VideoAccessError(f"{folder} cannot be made: {error.strerror}") from error
    for name in names(stem, index, n_frames):
        path = folder / name
        if not os.path.lexists(path):
            write_image(path, image)
            return f"saved {name} in {folder.resolve()}"
        if _holds(path, image):
            return f"{name} is already in {folder.resolve()}"
    raise AssertionError("there is no end of names")


def names(stem: str, index: int, n_frames: int) -> Iterator[str]:
    """The names under which a frame may be saved, the best first; the index as wide as the last frame's."""
    name = f"{stem}-frame-{index:0{len(str(n_frames - 1))}d}"
    yield f"{name}.png"
    yield from (f"{name}-{number}.png" for number in count(2))


def _holds(path: Path, image: Image) -> bool:
    data = np.frombuffer(path.read_bytes() if path.is_file() else b"", np.uint8)
    there = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    return there is not None and np.array_equal(there, image)
