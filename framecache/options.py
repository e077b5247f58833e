"""ReaderOptions: what a VideoReader was told, checked once."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, get_args

from framecache.arguments import as_flag, as_size, as_whole, one_of
from framecache.decode.convert import MATRICES, PIXEL_FORMATS, RANGES, Matrix, PixelFormat, Range, Transform
from framecache.index.frame_index import IndexSource


@dataclass(frozen=True, slots=True)
class ReaderOptions:
    """The arguments of a VideoReader that can be pickled, as it documents them.

    Raises:
        BadArgumentError: A value is out of its range.
        BadTypeError: A value is of the wrong type.
    """

    buffer_size_bytes: int
    threshold_frames_to_scan: int
    max_size_xy: tuple[int, int] | None
    use_cache: bool
    pixel_format: PixelFormat
    stream: int
    writable: bool
    apply_rotation: bool
    matrix: Matrix | None
    color_range: Range | None
    index_from: IndexSource | None
    prefetch: bool
    wait_for_index: bool

    def __post_init__(self) -> None:
        checked: dict[str, Any] = {
            "buffer_size_bytes": as_whole("buffer_size_bytes", self.buffer_size_bytes, 1),
            "threshold_frames_to_scan": as_whole("threshold_frames_to_scan", self.threshold_frames_to_scan, 0),
            "max_size_xy": as_size("max_size_xy", self.max_size_xy),
            "pixel_format": one_of("pixel_format", self.pixel_format, PIXEL_FORMATS),
            "stream": as_whole("stream", self.stream, 0),
        }
        for name in ("use_cache", "writable", "apply_rotation", "prefetch", "wait_for_index"):
            checked[name] = as_flag(name, getattr(self, name))
        for name, allowed in (("matrix", MATRICES), ("color_range", RANGES), ("index_from", get_args(IndexSource))):
            value = getattr(self, name)
            checked[name] = None if value is None else one_of(name, value, tuple(allowed))
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @property
    def transform(self) -> Transform:
        """What is made of each decoded frame."""
        return Transform(self.pixel_format, self.max_size_xy, self.apply_rotation, self.matrix, self.color_range)

    def as_arguments(self) -> dict[str, Any]:
        """The arguments that make an equal reader."""
        return asdict(self)
