"""framecache: a video that is indexed like a list; an index names one picture, always the same one."""

# OpenCV before PyAV, which the modules below import: both bring libraries of X11 along under the same names, and where
# PyAV's are loaded first, OpenCV's windows hang (https://github.com/PyAV-Org/PyAV/issues/978).
import cv2 as _cv2  # noqa: F401  # isort: split

from framecache.arrival import Arrival
from framecache.cache import CacheDict, CacheStats
from framecache.engine import Engine
from framecache.errors import (
    BadArgumentError,
    BadTypeError,
    CancelledError,
    ClosedError,
    DecodeError,
    DisplayError,
    FramecacheError,
    FrameIndexError,
    IndexingError,
    MissingExtraError,
    NotAVideoError,
    ServerError,
    TimeRangeError,
    VideoAccessError,
    VideoChangedError,
    VideoNotFoundError,
)
from framecache.frame import FramePlanes, ReaderStats, VideoFrameInfo, VideoInfo
from framecache.index.frame_index import FrameIndex
from framecache.play import play
from framecache.reader import VideoReader
from framecache.scrub import Scrubber

__version__ = "0.1.0"

__all__ = [
    "Arrival",
    "BadArgumentError",
    "BadTypeError",
    "CacheDict",
    "CacheStats",
    "CancelledError",
    "ClosedError",
    "DecodeError",
    "DisplayError",
    "Engine",
    "FrameIndex",
    "FrameIndexError",
    "FramePlanes",
    "FramecacheError",
    "IndexingError",
    "MissingExtraError",
    "NotAVideoError",
    "ReaderStats",
    "Scrubber",
    "ServerError",
    "TimeRangeError",
    "VideoAccessError",
    "VideoChangedError",
    "VideoFrameInfo",
    "VideoInfo",
    "VideoNotFoundError",
    "VideoReader",
    "play",
]
