"""Pictures: what one reader makes of an engine's frames, and in which form they are cached."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import av
import numpy as np

from framecache.decode.convert import Orientation, Transform, UnconvertibleError, convert, fit, orientation_of
from framecache.decode.settled import DecodedFrame
from framecache.engine import Engine
from framecache.errors import ClosedError, DecodeError
from framecache.frame import Image, VideoFrameInfo
from framecache.pace import Around, Pace, around_in_list
from framecache.planes import held_frame_bytes
from framecache.prefetch import prefetcher_of
from framecache.previews import Standing
from framecache.run import never
from framecache.video import CacheKey, CacheValue, Video


@dataclass(slots=True)
class Life:
    """Whether a reader is open; apart from the reader, so that a reader that is dropped goes at once."""

    name: str
    is_closed: bool = False

    def check_open(self) -> None:
        """Raise ClosedError once it is closed."""
        if self.is_closed:
            raise ClosedError(f"the reader of {self.name} was closed")


def frozen(image: Image) -> Image:
    """The same memory as an array that nobody can make writable again."""
    # NumPy lets the flag be set back where the memory below is writable, so what is below must not be.
    return np.frombuffer(image.data.toreadonly(), image.dtype).reshape(image.shape)


class Pictures:
    """Images of a video's frames, made by one transform. Threads may share it.

    Args:
        engine: Who decodes and caches.
        video: Whose frames.
        transform: What is made of each.
        use_cache: Whether frames are looked for in the cache, and kept.
        writable: Whether each image is the caller's own, or shared and read-only.
        threshold_frames: Targets up to this far ahead are decoded forward to.
        prefetch: Whether frames are decoded before they are asked for, where they are kept.
        life: Looked at between packets too, so that closing the reader ends its requests.
    """

    def __init__(
        self,
        engine: Engine,
        video: Video,
        transform: Transform,
        *,
        use_cache: bool,
        writable: bool,
        threshold_frames: int,
        prefetch: bool,
        life: Life,
    ) -> None:
        self._engine = engine
        self.video = video
        self._transform = transform
        self._use_cache = use_cache
        self._writable = writable
        self.threshold_frames = threshold_frames
        self._life = life
        self._orientation: Orientation | None = None
        self._pace = Pace()
        self._is_prefetched_for = use_cache and prefetch

    def image(self, place: int, is_cancelled: Callable[[], bool] = never, around: Around | None = None) -> Image:
        """The image at a place, unless `is_cancelled` says so between packets. Raises as `Engine.fetch` does.

        `around` says which frames around it are of use too, where one knows better than the last requests.
        """
        video, image_key = self.video, self.video.image_key(place, self._transform)
        value = self._fetch(place, self.keys(place), is_cancelled, around)
        if not isinstance(value, np.ndarray) and self._use_cache:
            # A small image was made while the frame was passed by, if this reader led the decoder to it.
            made = self._engine.cache.peek(image_key)
            value = value if made is None else made
        if isinstance(value, np.ndarray):
            return self.another(value)
        image = self._converted(value, place)
        if self._writable:
            return image
        image = frozen(image)
        if self._use_cache:
            # From here on this is the form in which the frame is asked for.
            self._engine.replace(video, video.planes_key(place), image_key, image)
        return self.another(image)

    def image_of_list(self, place: int, next_place: int | None, is_cancelled: Callable[[], bool] = never) -> Image:
        """The image at a place of an ascending list, with none wanted before the one that comes next."""
        return self.image(place, is_cancelled, around_in_list(self.video.index, place, next_place))

    def is_at_hand(self, place: int) -> bool:
        """Whether the cache holds what an image of a place is made from; no use is counted."""
        return self._use_cache and any(self._engine.cache.peek(key) is not None for key in self.keys(place))

    def hold(self, place: int) -> bool:
        """As `is_at_hand`; and what it is made from is then among the last to be pushed out."""
        image, planes = (self._engine.cache.touch(key) for key in self.keys(place))
        return image or planes

    def standing(self) -> Standing:
        """How far the engine is with this video, for choosing a preview."""
        engine, video = self._engine, self.video
        has_room = engine.open_decoders < engine.max_decoders
        return Standing(engine.positions(video), video.bad_rows, has_room, self.threshold_frames)

    def look_again(self) -> None:
        """Have requests that wait for another's decoder ask at once whether they are still wanted."""
        self._engine.look_again()

    def another(self, image: Image) -> Image:
        """The same image for one more caller: a copy of its own, or the shared one."""
        return image.copy() if self._writable else image

    def frame_again(self, frame: VideoFrameInfo) -> VideoFrameInfo:
        """The same frame for one more caller."""
        return replace(frame, image=self.another(frame.image))

    def decoded(
        self, place: int, around: Around | None = None, is_cancelled: Callable[[], bool] = never, least_before: int = 0
    ) -> av.VideoFrame:
        """The decoded frame at a place, in the stream's own planes; not to be written to.

        Arguments as `image`; of the frames before it, at least the last `least_before` are to come out too.
        """
        value = self._fetch(place, (self.video.planes_key(place),), is_cancelled, around, least_before)
        assert isinstance(value, av.VideoFrame), "only decoded frames are cached under the key of the planes"
        return value

    def orientation_by(self, frame: av.VideoFrame) -> Orientation:
        """How stored pictures are turned, which any frame tells; the first one that is looked at."""
        if self._orientation is None:
            self._orientation = orientation_of(frame)
        return self._orientation

    def orientation(self) -> Orientation:
        """How stored pictures are turned, from the first frame that can be decoded."""
        for place in range(len(self.video.index)) if self._orientation is None else ():
            try:
                return self.orientation_by(self.decoded(place, Around()))
            except DecodeError:
                continue
        return self._orientation or Orientation()

    def check_open(self) -> None:
        """Raise ClosedError once the reader is closed."""
        self._life.check_open()

    def keys(self, place: int) -> tuple[CacheKey, CacheKey]:
        """The keys under which a place's frame may be cached: the image's, and the planes'."""
        return self.video.image_key(place, self._transform), self.video.planes_key(place)

    def _fetch(
        self,
        place: int,
        keys: Sequence[CacheKey],
        is_cancelled: Callable[[], bool] = never,
        around: Around | None = None,
        least_before: int = 0,
    ) -> CacheValue:
        def is_over() -> bool:
            self._life.check_open()
            return is_cancelled()

        self._life.check_open()
        # Of lists and strides, nothing is to be guessed.
        goes_on = around is None or around.before > 0
        if goes_on:
            self._pace.note(place, time.monotonic())
        if around is None:
            around = self._pace.around(self.video.index, is_kept=self._use_cache, threshold_frames=self.threshold_frames)
        if around.before < least_before:
            around = replace(around, before=least_before)
        value = self._engine.fetch(
            self.video,
            place,
            keys if self._use_cache else (),
            threshold_frames=self.threshold_frames,
            keep=self.keep,
            around=around,
            is_cancelled=is_over,
        )
        if goes_on and self._is_prefetched_for:
            prefetcher_of(self._engine).note(self, place, self._pace.motion(self.threshold_frames))
        return value

    def keep(self, decoded: DecodedFrame) -> tuple[CacheKey, CacheValue] | None:
        """How a frame that came out of a decoder is cached: as it is, or as an image where that is smaller."""
        if not self._use_cache:
            return None
        frame, place = decoded.frame, decoded.place
        if self._transform.max_size_xy is not None:
            shape = self._transform.shape(*fit(frame.width, frame.height, self._transform.max_size_xy))
            if math.prod(shape) * self._transform.dtype.itemsize < held_frame_bytes(frame):
                return self.video.image_key(place, self._transform), frozen(self._converted(frame, place))
        return self.video.planes_key(place), self._engine.cache.copy(frame)

    def _converted(self, frame: av.VideoFrame, place: int) -> Image:
        try:
            return convert(frame, self._transform, self.orientation_by(frame))
        except UnconvertibleError as error:
            raise self.video.decode_error(place, str(error)) from error
