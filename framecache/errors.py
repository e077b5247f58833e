"""Everything framecache raises: one tree, each error also the builtin it resembles."""

from __future__ import annotations


class FramecacheError(Exception):
    """The parent of every error that framecache raises on purpose."""


class VideoNotFoundError(FramecacheError, FileNotFoundError):
    """There is no file at the path that was given."""


class VideoAccessError(FramecacheError, OSError):
    """The file is there and cannot be read: no permission, a failing disk, a broken file object."""


class VideoChangedError(FramecacheError, OSError):
    """The file was replaced, cut short or written to since the reader opened it."""


class IndexingError(FramecacheError, RuntimeError):
    """The rest of an index that was growing cannot be had, or contradicts what was handed out; the message says what to do."""


class NotAVideoError(FramecacheError, ValueError):
    """What was given holds no video: a directory, a text, a sound file, an unknown codec."""


class BadArgumentError(FramecacheError, ValueError):
    """An argument's value is not one of those allowed; the message gives the value and the range."""


class BadTypeError(FramecacheError, TypeError):
    """An argument is of a type that cannot be used there, such as a float for a frame index."""


class FrameIndexError(FramecacheError, IndexError):
    """A frame index lies outside the video."""


class TimeRangeError(BadArgumentError):
    """A time lies outside the video."""


class ClosedError(FramecacheError, ValueError):
    """The reader or the engine was closed."""


class MissingExtraError(FramecacheError, ImportError):
    """A feature needs an optional package; the message names the extra that installs it."""


class DisplayError(FramecacheError, RuntimeError):
    """No window can be opened: there is no screen to be reached, or OpenCV was built without windows."""


class ServerError(FramecacheError, OSError):
    """The frame server cannot listen where it was told to, cannot start, or does not end; the message says what to do."""


class DecodeError(FramecacheError, RuntimeError):
    """One frame cannot be decoded.

    Attributes:
        index: The 0-based frame index that was asked for.
        pts: The frame's timestamp in ticks of the stream's time base, or None where it has none.
        file: The name of the file.
        reason: What went wrong, in words.
    """

    def __init__(self, index: int, pts: int | None, file: str, reason: str) -> None:
        super().__init__(index, pts, file, reason)
        self.index = index
        self.pts = pts
        self.file = file
        self.reason = reason

    def __str__(self) -> str:
        at = "" if self.pts is None else f" (pts {self.pts})"
        return f"frame {self.index}{at} of {self.file} cannot be decoded: {self.reason}"


class CancelledError(FramecacheError, RuntimeError):
    """The work was called off before it was done, because nobody wanted it any more."""
