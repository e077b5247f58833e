"""Opening a video: its source, its index (stored or made now) and what its container says of it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, get_args

import av
import numpy as np

from framecache.decode.convert import MATRIX_NAMES, Orientation
from framecache.decode.source import PathSource, Source, fingerprint, opened, pick_stream
from framecache.frame import VideoInfo
from framecache.index.build import Opened, build_index
from framecache.index.frame_index import FrameIndex, IndexSource
from framecache.index.store import load, remove, save, store_key
from framecache.progress import Progress, no_progress


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
    """A source, with its index and its facts."""

    source: Source
    index: FrameIndex
    facts: StreamFacts
    fingerprint: str
    is_from_store: bool
    index_seconds: float
    store_key: str | None

    def remember(self, index: FrameIndex) -> None:
        """Store an index that was mended since."""
        if self.store_key is not None:
            save(self.store_key, self.fingerprint, index)

    def info(self, index: FrameIndex, orientation: Orientation) -> VideoInfo:
        """All that is known by now, once a frame has shown the orientation."""
        facts = self.facts
        size = (facts.coded_width, facts.coded_height)
        width, height = size[::-1] if orientation.swaps_axes else size
        smallest, largest = index.gaps
        gop_lengths = index.gop_lengths if len(index.keyframes) else np.zeros(1, np.int64)
        return VideoInfo(
            path=self.source.name,
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
            index_from_store=self.is_from_store,
            index_seconds=self.index_seconds,
            index_frames_decoded=0 if self.is_from_store else self.index.frames_decoded,
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


def open_video(
    source: Source, stream: int, *, progress: Progress | None = None, index_from: IndexSource | None = None
) -> OpenedVideo:
    """Find the frames of a source's `stream`-th video stream: in the store, else by building the index.

    Raises:
        NotAVideoError, BadArgumentError, VideoAccessError, VideoChangedError: As they say.
    """
    began = time.perf_counter()
    facts: list[StreamFacts] = []

    @contextlib.contextmanager
    def open_stream() -> Iterator[Opened]:
        with opened(source) as container:
            picked = pick_stream(container, stream, source.name)
            if not facts:
                facts.append(_facts(container, picked))
            yield container, picked

    mark = fingerprint(source)
    key = index_key(source, stream, index_from)
    index = load(key, mark) if key is not None else None
    is_from_store = index is not None
    if index is None:
        index = build_index(open_stream, source.open_io, progress=progress or no_progress, made_from=index_from)
        # A sample table is read as fast as a stored index.
        if key is not None and index.made_from != "table":
            save(key, mark, index)
    if not facts:
        with open_stream():
            """Only to ask what the container says."""
    source.check_openable()
    return OpenedVideo(source, index, facts[0], mark, is_from_store, time.perf_counter() - began, key)


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
