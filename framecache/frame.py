"""The values that a reader hands out: one frame, its planes, and what is known of the whole video."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[Any]


def format_seconds(seconds: float) -> str:
    """`seconds` as h:mm:ss.mmm, the milliseconds rounded."""
    milliseconds = round(seconds * 1000)
    sign, milliseconds = ("-", -milliseconds) if milliseconds < 0 else ("", milliseconds)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{hours}:{minutes:02d}:{milliseconds // 1000:02d}.{milliseconds % 1000:03d}"


@dataclass(frozen=True, eq=False, slots=True)
class VideoFrameInfo:
    """One frame of a video: its picture and its place in time.

    Attributes:
        image: The picture as the reader's `pixel_format` says: `(H, W, 3) uint8` for bgr24 and rgb24,
            `(H, W, 4) uint8` for bgra and rgba, `(H, W) uint8` for gray8, `(H, W) uint16` for gray16le,
            `(H, W, 3) uint16` for rgb48le. Contiguous; writable and the caller's own, unless the
            reader was made with `writable=False`.
        seconds_into_video: Seconds from the first frame's timestamp to this one's.
        frame_ix: The 0-based frame index.
        fps: The average rate of the video in frames per second, as far as its frames are known; places no frame.
        pts: The stream's own timestamp in ticks of `time_base`; None where it has none to be trusted.
        time_base: Seconds per tick.
        is_keyframe: Whether decoding may start at this frame.
        n_frames: The number of frames in the video; None while that is not known yet (see `VideoReader.is_indexed`).
        duration_seconds: Seconds from the first frame's timestamp to the end of the last frame; None likewise.
    """

    image: Image
    seconds_into_video: float
    frame_ix: int
    fps: float
    pts: int | None
    time_base: Fraction
    is_keyframe: bool
    n_frames: int | None
    duration_seconds: float | None

    def get_size_xy(self) -> tuple[int, int]:
        """The picture's (width, height) in pixels."""
        return int(self.image.shape[1]), int(self.image.shape[0])

    def get_progress_string(self) -> str:
        """Where in the video this is, for people: `frame 41 of 300 (13.7 %), 0:00:01.640 of 0:00:12.000`.

        The number is the 0-based frame index, and the percentage that of the frames up to and with it. While the number of
        frames is not known, `frame 41, 0:00:01.640`.
        """
        at = format_seconds(self.seconds_into_video)
        if self.n_frames is None or self.duration_seconds is None:
            return f"frame {self.frame_ix}, {at}"
        percent, end = 100 * (self.frame_ix + 1) / self.n_frames, format_seconds(self.duration_seconds)
        return f"frame {self.frame_ix} of {self.n_frames} ({percent:.1f} %), {at} of {end}"

    def __repr__(self) -> str:
        shape = "x".join(map(str, self.image.shape))
        key = ", keyframe" if self.is_keyframe else ""
        return f"<VideoFrameInfo {self.frame_ix} at {self.seconds_into_video:.6f} s, pts {self.pts}, {shape}{key}>"


@dataclass(frozen=True, eq=False, slots=True)
class FramePlanes:
    """A frame's planes as the stream stores them: neither converted, nor rotated, nor resized.

    Attributes:
        format: FFmpeg's name of the pixel format, such as `yuv420p` or `yuv444p12le`.
        arrays: One array per plane, the caller's own: `(h, w)` for planar formats, `(h, w, c)` for packed
            ones, uint8 or uint16 as deep as the format. A palette (`pal8`) comes as a second plane,
            `(256, 4) uint8` BGRA.
        frame_ix: The 0-based frame index.
        pts: As in VideoFrameInfo.
    """

    format: str
    arrays: tuple[npt.NDArray[Any], ...]
    frame_ix: int
    pts: int | None


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What is known of a video stream.

    Attributes:
        path: The path as it was given, or what it was read from.
        container: FFmpeg's name of the container format.
        codec: The codec's name.
        width, height: The displayed size in pixels: after rotation, before any resizing, of frame 0's kind.
        coded_width, coded_height: The size as stored, in pixels, before rotation.
        pixel_format: FFmpeg's name of the stored pixel format, or None where it is unknown.
        pixel_aspect: Width to height of one pixel as displayed; reported, never applied.
        rotation: Degrees clockwise by which stored pictures are turned for display: 0, 90, 180 or 270.
        mirrored: Whether they are mirrored (left to right, before they are turned).
        matrix: The tagged YUV matrix, or None where it is untagged (or the stream is RGB).
        color_range: "limited", "full", or None where it is untagged.
        n_frames: The number of frames, those known to be undecodable included.
        duration_seconds: Seconds from the first frame's timestamp to the end of the last frame.
        fps: The average rate in frames per second.
        is_variable_rate: Whether the gaps between frames differ by more than rounding explains.
        min_gap_seconds, max_gap_seconds: The smallest and the largest gap between two frames.
        start_seconds: The first frame's absolute time, `pts * time_base`.
        time_base: Seconds per tick.
        n_keyframes: The number of frames from which decoding may start.
        shortest_gop_frames, median_gop_frames, longest_gop_frames: Frames from one of them to the next, or to the end.
        undecodable: The indices of the frames that are known to be undecodable.
        index_source: How the frames were found: a sample table, a scan of packets, or a decode.
        timestamps_are: "stored" as the stream has them; "ordered" where doubled, wrapped or unordered ones
            had to be put in order; "synthesised" where some were missing.
        index_from_store: Whether the index was read from the index store.
        index_seconds: Seconds that opening the index took.
        index_frames_decoded: Frames that were decoded to make it; 0 where it was read from the store.
        fingerprint: A hash of what the file contains (its size, head and tail).
    """

    path: str
    container: str
    codec: str
    width: int
    height: int
    coded_width: int
    coded_height: int
    pixel_format: str | None
    pixel_aspect: Fraction
    rotation: int
    mirrored: bool
    matrix: str | None
    color_range: Literal["limited", "full"] | None
    n_frames: int
    duration_seconds: float
    fps: float
    is_variable_rate: bool
    min_gap_seconds: float
    max_gap_seconds: float
    start_seconds: float
    time_base: Fraction
    n_keyframes: int
    shortest_gop_frames: int
    median_gop_frames: float
    longest_gop_frames: int
    undecodable: tuple[int, ...]
    index_source: Literal["table", "scan", "decode"]
    timestamps_are: Literal["stored", "ordered", "synthesised"]
    index_from_store: bool
    index_seconds: float
    index_frames_decoded: int
    fingerprint: str

    def as_dict(self) -> dict[str, Any]:
        """All of it in the types that JSON has: fractions become text such as "1/15360", tuples lists."""
        plain = asdict(self)
        for name, value in plain.items():
            if isinstance(value, Fraction):
                plain[name] = f"{value.numerator}/{value.denominator}"
            elif isinstance(value, tuple):
                plain[name] = list(value)
        return plain


@dataclass(frozen=True, slots=True)
class ReaderStats:
    """What a reader has done so far, and what its cache holds.

    Attributes:
        hits, misses: Requests answered from the cache, and not.
        evictions: Frames that its engine's cache pushed out (for any reader).
        joined: Requests answered by a run that was under way for another.
        seeks: Jumps of a decoder to a keyframe, reopening included.
        packets_read: Packets of the stream read while decoding (an index scan decodes nothing).
        frames_decoded: Frames that came out of decoders, those of building the index included.
        frames_prefetched: Those of them that were decoded in the background, before anybody asked for them.
        frames_decoded_for_nobody: Those of them that came out on the way to a frame that was called off before it came.
        bytes_held: Bytes of frames in its engine's cache.
        budget_bytes: The most that may be.
        open_decoders: The decoders its engine keeps open.
    """

    hits: int
    misses: int
    evictions: int
    joined: int
    seeks: int
    packets_read: int
    frames_decoded: int
    frames_prefetched: int
    frames_decoded_for_nobody: int
    bytes_held: int
    budget_bytes: int
    open_decoders: int


def stack(images: list[Image], shape: tuple[int, ...], dtype: npt.DTypeLike) -> Image:
    """The images as one `(N, ...)` array, of `shape` and `dtype` where there are none."""
    return np.stack(images) if images else np.empty((0, *shape), dtype)
