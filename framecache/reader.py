"""VideoReader: a video that is indexed like a list; a client of the engine."""

from __future__ import annotations

import math
import os
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO

import numpy as np

from framecache.arguments import as_index, as_place, as_places, as_seconds, clamped, is_one_index, shown
from framecache.decode.convert import Matrix, PixelFormat, Range, Transform
from framecache.decode.source import make_source
from framecache.engine import DEFAULT_BUDGET_BYTES, Engine
from framecache.errors import (
    BadArgumentError,
    BadTypeError,
    FrameIndexError,
    TimeRangeError,
    VideoChangedError,
)
from framecache.facts import VideoFacts
from framecache.frame import FramePlanes, Image, VideoFrameInfo, stack
from framecache.horizon import Horizon
from framecache.index.frame_index import IndexSource
from framecache.intervals import FrameInterval, Interval, Stretch, backwards, frames_needed, in_order_asked
from framecache.opening import OpenedVideo, open_video
from framecache.options import ReaderOptions
from framecache.pace import Around, around_in_list, around_in_steps
from framecache.pictures import Life, Pictures
from framecache.planes import plane_views
from framecache.progress import Progress, no_progress
from framecache.run import never
from framecache.video import Video

VideoPath = str | os.PathLike[str] | bytes | BinaryIO

DEFAULT_THRESHOLD_FRAMES = 30


class VideoReader(VideoFacts):
    """A video that is indexed like a list: an index names one picture, always the same one.

    ```python
    with framecache.VideoReader("video.mp4") as reader:
        image = reader[1500]  # (H, W, 3) uint8 BGR
    ```

    Any number of threads may share a reader. It survives a fork, and can be pickled where it reads from
    a path or from bytes: the copy opens the file anew, and raises VideoChangedError if it is another by then.

    Args:
        path: A path (`~` expands), a video's bytes, or a file object opened in binary mode, which must stay
            open and be left alone.
        buffer_size_bytes: The byte budget of the cache; each decoder holds some twenty pictures beside it.
        threshold_frames_to_scan: Targets up to this far ahead of a decoder are decoded forward to; further
            ones are sought, unless no keyframe lies between. At least 0.
        max_size_xy: (width, height) in pixels that pictures are shrunk to fit within, aspect kept.
        use_cache: Whether frames are kept for later requests.
        pixel_format: "bgr24", "rgb24": `(H, W, 3) uint8`; "bgra", "rgba": `(H, W, 4) uint8`; "gray8":
            `(H, W) uint8`; "gray16le": `(H, W) uint16`; "rgb48le": `(H, W, 3) uint16`.
        stream: Which video stream, from 0, cover pictures not counted.
        engine: Share this engine's budget and decoders; `buffer_size_bytes` is then the engine's.
        writable: False hands out shared read-only arrays, without a copy where the cache holds them.
        apply_rotation: Whether pictures are turned and mirrored as players show them.
        matrix: The YUV matrix to convert with, where the stream's tag is missing or wrong.
        color_range: "limited" or "full", where the stream's tag is missing or wrong.
        progress: Called while an index is made, with "scanning" or "decoding" and the part done, 0.0 to 1.0; once the
            reader is open, from the background thread that makes the rest, and not in forked children.
        index_from: Make the index from "table", "scan" or "decode" rather than what suits the file.
        prefetch: Whether frames around the last requests are decoded in the background while nothing is asked for.
        wait_for_index: Whether to wait here until all frames are known. Otherwise, where that takes a scan of a long file,
            frames can be asked for while it goes on, and only what needs its end waits for it: `len`, negative
            indices, `pts`, `info` and their like. What is known never changes.

    Raises:
        VideoNotFoundError: There is no such file.
        VideoAccessError: It cannot be read.
        NotAVideoError: It holds no video, or none that can be opened.
        BadArgumentError: An argument's value is out of its range; URLs are not opened yet.
        BadTypeError: An argument is of the wrong type.
    """

    def __init__(
        self,
        path: VideoPath,
        buffer_size_bytes: int = DEFAULT_BUDGET_BYTES,
        threshold_frames_to_scan: int = DEFAULT_THRESHOLD_FRAMES,
        max_size_xy: tuple[int, int] | None = None,
        use_cache: bool = True,
        *,
        pixel_format: PixelFormat = "bgr24",
        stream: int = 0,
        engine: Engine | None = None,
        writable: bool = True,
        apply_rotation: bool = True,
        matrix: Matrix | None = None,
        color_range: Range | None = None,
        progress: Progress | None = None,
        index_from: IndexSource | None = None,
        prefetch: bool = True,
        wait_for_index: bool = False,
    ) -> None:
        self._options = ReaderOptions(
            buffer_size_bytes,
            threshold_frames_to_scan,
            max_size_xy,
            use_cache,
            pixel_format,
            stream,
            writable,
            apply_rotation,
            matrix,
            color_range,
            index_from,
            prefetch,
            wait_for_index,
        )
        if engine is not None and not isinstance(engine, Engine):
            raise BadTypeError(f"engine is {shown(engine)}; it must be an Engine")
        if progress is not None and not callable(progress):
            raise BadTypeError(f"progress is {shown(progress)}; it must be callable with a stage and a number")
        self._path, self._progress = path, progress or no_progress
        self._owns_engine = engine is None
        self._engine = Engine(self._options.buffer_size_bytes) if engine is None else engine
        source = make_source(path)
        self._life = Life(source.name)
        self._opened: OpenedVideo = open_video(
            self._engine,
            source,
            self._options.stream,
            progress=self._progress,
            index_from=index_from,
            may_grow=not self._options.wait_for_index,
        )
        self._video: Video = self._opened.video
        self._horizon = Horizon(self._engine, self._video, self._life)
        self._pictures = self._look(self._options.transform, use_cache=self._options.use_cache, prefetch=self._options.prefetch)
        self._finalizer = weakref.finalize(self, _let_go, self._engine, self._video, self._owns_engine)
        if self._options.wait_for_index and not self.is_indexed:  # another reader's, which began before
            try:
                self._horizon.wait()
            except BaseException:
                self.close()
                raise

    # Frames, one or many

    def request_frame(self, index: int) -> VideoFrameInfo:
        """The frame at `index`, its image as the reader was told to make it.

        An index past an end is clamped to the closest frame; a negative one counts from the end.

        Raises:
            DecodeError: That frame cannot be decoded.
            FrameIndexError: The video has no frames.
            BadTypeError: `index` is no whole number.
            ClosedError: The reader was closed.
        """
        return self._frame(self._clamped(index))

    def request_frames(self, indices: Iterable[int]) -> list[VideoFrameInfo]:
        """The frames at `indices`, each as from `request_frame`, in the order asked; each GOP decoded once.

        All images are in memory at once. Raises what `request_frame` does, before decoding where it can.
        """
        if not isinstance(indices, Iterable):
            raise BadTypeError(f"indices is {shown(indices)}; it must be a list of whole numbers")
        places = [self._clamped(index) for index in indices]
        return in_order_asked(places, self._frame_of_list, self._pictures.frame_again)

    def request_planes(self, index: int) -> FramePlanes:
        """The frame at `index` in the stream's own planes: not converted, turned or resized. Else as `request_frame`."""
        place = self._clamped(index)
        frame = self._pictures.decoded(place)
        arrays = tuple(np.array(view, order="C") for view in plane_views(frame))
        return FramePlanes(frame.format.name, arrays, place, self._known.index.own_pts_at(place))

    def frame_at(self, seconds: float) -> VideoFrameInfo:
        """The frame displayed at `seconds` into the video; the last one for its duration.

        Raises:
            TimeRangeError: (a ValueError) The time lies outside the video.
            DecodeError, ClosedError: As in `request_frame`.
        """
        seconds = as_seconds("seconds", seconds)
        self._life.check_open()
        index = self._horizon.up_to_time(seconds)
        place = index.displayed_at(seconds)
        if place is None and seconds < 0 and not self.is_indexed:
            raise TimeRangeError(f"{seconds!r} s lies before the video, which is shown from 0.0 s on")
        if place is None:
            end = self.index.duration_seconds
            raise TimeRangeError(f"{seconds!r} s lies outside the video, which is shown from 0.0 s up to before {end!r} s")
        return self._frame(place)

    def __getitem__(self, item: int | slice | Iterable[int]) -> Image:
        """`reader[i]` is an image `(H, W, 3)`; `reader[a:b:c]`, `reader[[3, 1, 7]]`, and a mask, `(N, H, W, 3)`.

        Raises:
            FrameIndexError: (an IndexError) An index lies outside the video.
            BadArgumentError: (a ValueError) The frames differ in size.
            BadTypeError: Something else was given.
            DecodeError, ClosedError: As in `request_frame`.
        """
        self._life.check_open()
        if not isinstance(item, slice) and is_one_index(item):
            return self._pictures.image(as_place(item, len(self._horizon.up_to(frames_needed(item)))))
        many = list(item) if isinstance(item, Iterable) and not isinstance(item, np.ndarray) else item
        places = as_places(many, len(self._horizon.up_to(frames_needed(many))))
        images = in_order_asked(places, self._pictures.image_of_list, self._pictures.another)
        shapes = {image.shape for image in images}
        if len(shapes) > 1:
            raise BadArgumentError(
                f"the frames differ in size ({', '.join(map(str, sorted(shapes)))}), so they make no one array; "
                "request them one by one, or with request_frames"
            )
        return stack(images, self.shape if not images else (), self._options.transform.dtype)

    def __iter__(self) -> Iterator[Image]:
        """The image of every frame, from the first."""
        return (frame.image for frame in self.iter_frames())

    # Intervals

    def iter_frames(
        self, time_interval: Interval | None = None, frame_interval: FrameInterval | None = None, *, step: int = 1
    ) -> Iterator[VideoFrameInfo]:
        """The frames of an interval, decoded as they are taken; all without one. Arguments as `iter_frame_ixs`.

        Going backwards without a cache, up to `buffer_size_bytes` of images are in memory at once.
        """
        places = self._places(time_interval, frame_interval, step)
        if step < 0 and not self._options.use_cache:
            image_bytes = max(1, math.prod(self.shape) * self._options.transform.dtype.itemsize)
            return backwards(places, self._frame, self._options.buffer_size_bytes // image_bytes)
        return (self._frame(place, around=around_in_steps(self._known.index, place, step)) for place in places)

    def iter_frame_ixs(
        self, time_interval: Interval | None = None, frame_interval: FrameInterval | None = None, *, step: int = 1
    ) -> Iterator[int]:
        """The indices that `iter_frames` would visit.

        Args:
            time_interval: (t0, t1) in seconds: from the frame nearest t0 through the frame nearest t1.
            frame_interval: (i0, i1): half-open and clamped; negative ones count from the end.
                In either, None is an open end.
            step: As in a slice of the interval's frames: 5 is every fifth from its first, -1 all from its last back.

        Raises:
            BadArgumentError: (a ValueError) Both are given, t1 is before t0, or `step` is 0.
        """
        return iter(self._places(time_interval, frame_interval, step))

    def time_to_nearest_frame(self, seconds: float) -> int:
        """The index of the frame whose timestamp is nearest; of two equally near, the earlier."""
        seconds = as_seconds("seconds", seconds)
        self._check_has_frames()
        return self._horizon.up_to_time(seconds).nearest(seconds)

    def frame_index_to_nearest_frame(self, index: int) -> int:
        """The index that `request_frame` would give: clamped to the closest, negative ones from the end."""
        return self._clamped(index)

    # Life

    def close(self) -> None:
        """Close the reader, its decoders and its cache; twice does no harm. Requests raise ClosedError then."""
        self._life.is_closed = True
        if self._video.growth is not None:
            self._video.growth.tell_no_more(self._progress)
        if self._finalizer.detach() is not None:
            self._engine.release(self._video)
            if self._owns_engine:
                self._engine.close()
            if self._video.growth is not None and self._video.readers <= 0:
                self._video.growth.join()

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Callable[..., VideoReader], tuple[Any, ...]]:
        self._life.check_open()
        if not isinstance(self._path, (str, os.PathLike, bytes, bytearray, memoryview)):
            raise BadTypeError("a reader of a file object cannot be pickled; give the path, or the video's bytes")
        path = bytes(self._path) if isinstance(self._path, (bytearray, memoryview)) else self._path
        if not isinstance(path, bytes):
            path = os.path.abspath(os.path.expanduser(os.fspath(path)))
        return _unpickle, (path, self._options.as_arguments(), self._opened.fingerprint)

    # How a frame is had

    def _look(self, transform: Transform, *, use_cache: bool, prefetch: bool) -> Pictures:
        """A way of going through the video: its own guess of what comes next, its own form of pictures."""
        return Pictures(
            self._engine,
            self._video,
            transform,
            use_cache=use_cache,
            writable=self._options.writable,
            threshold_frames=self._options.threshold_frames_to_scan,
            prefetch=prefetch,
            life=self._life,
        )

    def _frame(self, place: int, is_cancelled: Callable[[], bool] = never, around: Around | None = None) -> VideoFrameInfo:
        """The frame at a place; CancelledError once `is_cancelled`, looked at between packets, says so."""
        known = self._known
        index = known.index
        return VideoFrameInfo(
            image=self._pictures.image(place, is_cancelled, around),
            seconds_into_video=float(index.timestamps[place]),
            frame_ix=place,
            fps=known.fps,
            pts=index.own_pts_at(place),
            time_base=index.time_base,
            is_keyframe=bool(index.is_keyframe[place]),
            n_frames=known.n_frames,
            duration_seconds=known.duration_seconds,
        )

    def _frame_of_list(self, place: int, next_place: int | None) -> VideoFrameInfo:
        return self._frame(place, around=around_in_list(self._known.index, place, next_place))

    def _places(self, time_interval: Interval | None, frame_interval: FrameInterval | None, step: int) -> Iterable[int]:
        self._life.check_open()
        return self._horizon.places(Stretch.of(time_interval, frame_interval, step))

    # What was asked for

    def _check_has_frames(self) -> None:
        self._life.check_open()
        if not len(self._horizon.up_to(1)):
            raise FrameIndexError(f"{self._life.name} has no frames")

    def _clamped(self, index: int) -> int:
        self._check_has_frames()
        number = as_index("index", index)
        return clamped(number, len(self._horizon.up_to(None if number < 0 else number + 1)))


def _let_go(engine: Engine, video: Video, owns_engine: bool) -> None:
    """What becomes of a reader that is dropped without being closed."""
    if owns_engine:
        engine.close_soon()
    else:
        engine.release_dropped(video)


def _unpickle(path: str | bytes, options: dict[str, Any], fingerprint: str) -> VideoReader:
    reader = VideoReader(path, **options)
    if reader._opened.fingerprint != fingerprint:
        reader.close()
        raise VideoChangedError(f"{path!r} is another file than when the reader was pickled; open it anew")
    return reader
