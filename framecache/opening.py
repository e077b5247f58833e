"""Opening a video: its source, its index (stored or made now) and what its container says of it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Literal, get_args

import av
import numpy as np

from framecache.decode.convert import MATRIX_NAMES, Orientation
from framecache.decode.source import FileSource, PathSource, Source, fingerprint, open_stream, opened, pick_stream
from framecache.engine import Engine
from framecache.errors import IndexingError
from framecache.frame import VideoInfo
from framecache.growth import Growth
from framecache.index.ahead import reading_ahead
from framecache.index.build import begin_index
from framecache.index.frame_index import FrameIndex, IndexSource
from framecache.index.growing import Growing, extends
from framecache.index.probe import Opened
from framecache.index.scan import Packets
from framecache.index.store import load, remove, save, store_key
from framecache.progress import Progress, no_progress
from framecache.video import Video


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """What a container says of a stream, before anything is decoded. Fields as in VideoInfo."""

    container: str
    codec: str
    coded_width: int
    coded_height: int
    pixel_format: str | None
    pixel_aspect: Fraction
    matrix: str | None
    color_range: Literal["limited", "full"] | None


@dataclass(frozen=True, eq=False, slots=True)
class OpenedVideo:
    """A video of an engine, with its facts.

    Attributes:
        video: The video.
        index: Its index as it was then: whole, or the frames known from the first packets.
        facts: What its container says of it.
        fingerprint: A hash of what the source contains.
        seconds: How long opening it took.
    """

    video: Video
    index: FrameIndex
    facts: StreamFacts
    fingerprint: str
    seconds: float

    def size(self, orientation: Orientation) -> tuple[int, int]:
        """The displayed (width, height) in pixels."""
        size = (self.facts.coded_width, self.facts.coded_height)
        return size[::-1] if orientation.swaps_axes else size

    def info(self, index: FrameIndex, orientation: Orientation) -> VideoInfo:
        """All that is known by now, with the whole index, once a frame has shown the orientation."""
        facts, growth = self.facts, self.video.growth
        width, height = self.size(orientation)
        made = self.index if growth is None else growth.made or index
        smallest, largest = index.gaps
        gop_lengths = index.gop_lengths if len(index.keyframes) else np.zeros(1, np.int64)
        return VideoInfo(
            path=self.video.source.name,
            container=facts.container,
            codec=facts.codec,
            width=width,
            height=height,
            coded_width=facts.coded_width,
            coded_height=facts.coded_height,
            pixel_format=facts.pixel_format,
            pixel_aspect=facts.pixel_aspect,
            rotation=orientation.rotation,
            mirrored=orientation.mirrored,
            matrix=facts.matrix,
            color_range=facts.color_range,
            n_frames=len(index),
            duration_seconds=index.duration_seconds,
            fps=index.average_rate,
            is_variable_rate=index.is_variable_rate,
            min_gap_seconds=float(smallest * index.time_base),
            max_gap_seconds=float(largest * index.time_base),
            start_seconds=float(int(index.pts[0]) * index.time_base) if len(index) else 0.0,
            time_base=index.time_base,
            n_keyframes=len(index.keyframes),
            shortest_gop_frames=int(gop_lengths.min()),
            median_gop_frames=float(np.median(gop_lengths)),
            longest_gop_frames=int(gop_lengths.max()),
            undecodable=tuple(index.undecodable.tolist()),
            index_source=index.made_from,
            timestamps_are=index.times_are,
            index_from_store=self.video.is_from_store,
            index_seconds=self.seconds if growth is None else growth.seconds,
            index_frames_decoded=0 if self.video.is_from_store else made.frames_decoded,
            fingerprint=self.fingerprint,
        )


def index_key(source: Source, stream: int, index_from: IndexSource | None = None) -> str | None:
    """What the index of a stream, made in that way, is stored under; None where it never is."""
    if not isinstance(source, PathSource):
        return None
    return store_key(source.path, source.size, source.mtime_ns, stream, {"index_from": index_from})


def forget_index(source: Source, stream: int) -> bool:
    """Remove what is stored of a stream's index, however it was made; whether there was anything."""
    keys = [index_key(source, stream, way) for way in (None, *get_args(IndexSource))]
    return sum(remove(key) for key in keys if key is not None) > 0


def use_index(source: Source, stream: int, index: FrameIndex) -> bool:
    """Store an index as the one that the stream is opened with from now on; whether the disk lets it."""
    key = index_key(source, stream)
    return key is not None and save(key, fingerprint(source), index)


@dataclass(frozen=True, slots=True)
class _Record:
    """What a stream's index is stored under, and of which file it is; no key where it never is stored."""

    key: str | None
    fingerprint: str

    def load(self) -> FrameIndex | None:
        return None if self.key is None else load(self.key, self.fingerprint)

    def save(self, index: FrameIndex) -> None:
        # A sample table is read as fast as a stored index.
        if self.key is not None and (index.made_from != "table" or index.checksums is not None):
            save(self.key, self.fingerprint, index)


def open_video(
    engine: Engine,
    source: Source,
    stream: int,
    *,
    progress: Progress = no_progress,
    index_from: IndexSource | None = None,
    may_grow: bool = False,
) -> OpenedVideo:
    """Open a source's `stream`-th video stream in an engine; `release` its video when done.

    Its frames are those that another reader has found, else those in the store; else an index is made: the whole one, or,
    where it may grow and needs a long scan, what the first packets tell, and a thread goes on from there.

    Raises:
        NotAVideoError, BadArgumentError, VideoAccessError, VideoChangedError, ClosedError: As they say.
    """
    began = time.perf_counter()

    @contextlib.contextmanager
    def again() -> Iterator[Opened]:
        with opened(source) as container:
            yield container, pick_stream(container, stream, source.name)

    video_key = (*source.key, stream, index_from)
    with contextlib.ExitStack() as meanwhile, contextlib.ExitStack() as first_opened:
        record = _Record(index_key(source, stream, index_from), fingerprint(source))
        was_open = engine.has_video(video_key)
        stored = None if was_open else record.load()
        # A file object's position is not another thread's to move.
        is_of_use = isinstance(source, PathSource) and index_from in (None, "table") and stored is None and not was_open
        ahead = meanwhile.enter_context(reading_ahead(source.open_io, stream)) if is_of_use else None
        first = open_stream(source, stream)
        first_opened.callback(first[0].close)
        facts = _facts(*first)
        packets: Packets | None = None
        video, is_unread = engine.join_video(video_key), True
        if video is None:
            stored = record.load() if was_open else stored
            # What a file object raises is told to whoever looks first, so a scan of one has it to itself.
            may_grow = may_grow and not isinstance(source, FileSource)
            making = partial(begin_index, progress=progress, made_from=index_from, may_grow=may_grow, ahead=ahead)
            begun = making(first, first_opened, again, source.open_io) if stored is None else stored
            if isinstance(begun, Growing):
                index, packets = begun.index, begun.take_packets()
                is_unread = packets is not None
            else:
                index, is_unread = begun, begun is stored or begun.made_from == "table"
            fresh = Video(source, stream, index, video_key, record.save, is_from_store=stored is not None)
            video = _open_fresh(engine, fresh, begun, record, progress)
        try:
            source.check_openable()
            if is_unread:
                # The first request need not open another.
                engine.lend(video, first, packets)
                first_opened.pop_all()
        except BaseException:
            engine.release(video)
            raise
    return OpenedVideo(video, video.index, facts, record.fingerprint, time.perf_counter() - began)


def _open_fresh(engine: Engine, fresh: Video, begun: FrameIndex | Growing, record: _Record, progress: Progress) -> Video:
    """Enter a video into the engine, where another thread may have been quicker; start what makes the rest of its index."""
    fresh.counters.frames_decoded = 0 if fresh.is_from_store else fresh.index.frames_decoded
    if isinstance(begun, FrameIndex):
        if not fresh.is_from_store:
            record.save(begun)
        return engine.join_video(fresh.key, fresh) or fresh
    video: Video | None = None
    try:
        publish = partial(_publish, engine, fresh, record)
        fresh.growth = Growth(begun, publish, partial(engine.check_wanted, fresh), engine.is_busy, progress)
        video = engine.join_video(fresh.key, fresh) or fresh
    finally:
        if video is not fresh:
            begun.close()
    if video is fresh:
        with contextlib.suppress(IndexingError):  # no thread can be had now: whoever waits tries again
            fresh.growth.start()
    return video


def _publish(engine: Engine, video: Video, record: _Record, index: FrameIndex, *, is_whole: bool) -> None:
    """Go on with a larger index, in the thread that made it."""
    video.source.check_openable()
    if is_whole:
        record.save(index)
    if not extends(index, video.index):
        raise IndexingError(
            f"the end of {video.source.name} shows that its first frames were numbered by timestamps that are wrong; "
            "open it anew with wait_for_index=True"
        )
    engine.grow(video, index)


def _facts(container: av.container.InputContainer, stream: av.VideoStream) -> StreamFacts:
    context = stream.codec_context
    aspect = stream.sample_aspect_ratio or Fraction(1)
    ranges: dict[int, Literal["limited", "full"]] = {1: "limited", 2: "full"}
    is_rgb = bool(context.pix_fmt) and av.VideoFormat(context.pix_fmt or "").is_rgb
    return StreamFacts(
        container=container.format.name,
        codec=context.codec.canonical_name,
        coded_width=context.width,
        coded_height=context.height,
        pixel_format=context.pix_fmt,
        pixel_aspect=Fraction(aspect.numerator, aspect.denominator),
        matrix=None if is_rgb else MATRIX_NAMES.get(int(context.colorspace)),
        color_range=ranges.get(int(context.color_range)),
    )
