"""How people write times, frames, ranges and sizes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from framecache.arguments import as_place, shown
from framecache.errors import BadArgumentError, TimeRangeError
from framecache.frame import format_seconds
from framecache.index.frame_index import FrameIndex

# Times are printed in whole milliseconds, so one that was copied may be off by half of one.
ROUNDING_SECONDS = Fraction(1, 2000)

_CLOCK = re.compile(r"(?:([0-9]{1,9}):)?([0-9]{1,9}):([0-5]?[0-9])(?:\.([0-9]{0,18}))?")
_SECONDS = re.compile(r"([0-9]{1,9})?(?:\.([0-9]{0,18}))?")
_INDEX = re.compile(r"[+-]?[0-9]{1,400}")
_SLICE = re.compile(r"([+-]?[0-9]{1,18})?:([+-]?[0-9]{1,18})?(?::([0-9]{1,18}))?")
_SIZE = re.compile(r"([0-9]{1,9})[xX*]([0-9]{1,9})")
_BYTES = re.compile(r"([0-9]{1,15}(?:\.[0-9]{0,9})?) *([kmgt]?)(?:i?b)?", re.IGNORECASE)

TIME_FORMS = "seconds (12.5), mm:ss.mmm (0:12.5) or hh:mm:ss.mmm"


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as somebody wrote it.

    Attributes:
        seconds: Seconds into the video.
        rounding_seconds: By how much it may have been rounded down: half a unit of its last digit, and at most
            half a millisecond.
    """

    seconds: Fraction
    rounding_seconds: Fraction = ROUNDING_SECONDS

    def find(self, index: FrameIndex) -> int:
        """The frame displayed then.

        A frame whose own time, rounded to the milliseconds that people are shown, is this one, is displayed.

        Raises:
            TimeRangeError: (a ValueError) The time lies outside the video.
        """
        end = index.duration_seconds
        if self.seconds >= Fraction(end):
            raise TimeRangeError(
                f"the time {format_seconds(float(self.seconds))} ({float(self.seconds):g} s) lies outside the video, "
                f"which is shown from 0 up to before {format_seconds(end)} ({end:g} s)"
            )
        place = index.displayed_at(min(float(self.seconds + self.rounding_seconds), float(index.timestamps[-1])))
        assert place is not None, "the time is inside the video"
        return place


@dataclass(frozen=True, slots=True)
class Number:
    """A frame index as somebody wrote it; a negative one counts from the end."""

    index: int

    def find(self, index: FrameIndex) -> int:
        """The frame of that number. Raises FrameIndexError outside the video."""
        return as_place(self.index, len(index))


def parse_moment(text: str) -> Moment:
    """A time written as seconds, mm:ss.mmm or hh:mm:ss.mmm.

    Raises:
        BadArgumentError: (a ValueError) It is written in no such way.
    """
    bare = text.strip()
    clock = _CLOCK.fullmatch(bare)
    if clock:
        hours, minutes, seconds, decimals = clock.groups()
        if hours is None or int(minutes) < 60:
            whole = int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)
            return _moment(whole, decimals or "")
    plain = _SECONDS.fullmatch(bare.removesuffix("s"))
    if plain and (plain[1] or plain[2]):
        return _moment(int(plain[1] or 0), plain[2] or "")
    raise BadArgumentError(f"{shown(text)} is no time; write {TIME_FORMS}")


def _moment(whole_seconds: int, decimals: str) -> Moment:
    unit = Fraction(1, 10 ** len(decimals))
    return Moment(whole_seconds + int(decimals or 0) * unit, min(unit / 2, ROUNDING_SECONDS))


def parse_seconds(text: str) -> float:
    """Seconds, as `parse_moment` reads them."""
    return float(parse_moment(text).seconds)


def parse_place(text: str) -> Number | Moment:
    """A frame index (`150`, `-1`) or a time (`2.5`, `5s`, `0:02.5`): whole numbers are indices.

    Raises:
        BadArgumentError: (a ValueError) It is neither.
    """
    if _INDEX.fullmatch(text.strip()):
        return Number(int(text))
    try:
        return parse_moment(text)
    except BadArgumentError:
        raise BadArgumentError(f"{shown(text)} is neither a frame index (150, -1) nor a time: {TIME_FORMS}, or 12s") from None


def parse_frames(text: str) -> slice:
    """Frames written as a slice is: `100:200`, `100:200:5`, `:50`, `-30:`; half-open; or one index.

    Raises:
        BadArgumentError: (a ValueError) It is written in no such way, or the step is zero.
    """
    bare = text.strip()
    if _INDEX.fullmatch(bare):
        at = int(bare)
        return slice(at, at + 1 if at != -1 else None)
    parts = _SLICE.fullmatch(bare)
    if not parts or (parts[3] is not None and int(parts[3]) == 0):
        raise BadArgumentError(f"{shown(text)} is no range of frames; write 100:200, 100:200:5, :50 or -30:")
    start, stop, step = (None if part is None else int(part) for part in parts.groups())
    return slice(start, stop, step)


def parse_times(text: str) -> tuple[float | None, float | None]:
    """An interval written as two times with a dash between: `10-12.5`, `0:10-1:00`, `90-`, `-5`.

    Raises:
        BadArgumentError: (a ValueError) It is written in no such way, or ends before it begins.
    """
    start, dash, stop = text.strip().partition("-")
    if not dash or not (start.strip() or stop.strip()):
        raise BadArgumentError(f"{shown(text)} is no interval; write two times with a dash between, such as 0:10-0:12.5")
    ends = tuple(parse_seconds(end) if end.strip() else None for end in (start, stop))
    if ends[0] is not None and ends[1] is not None and ends[1] < ends[0]:
        raise BadArgumentError(f"the interval {shown(text)} ends before it begins")
    return ends[0], ends[1]


def parse_size(text: str) -> tuple[int, int]:
    """(width, height) in pixels, written as `640x360`.

    Raises:
        BadArgumentError: (a ValueError) It is written otherwise, or a side is zero.
    """
    parts = _SIZE.fullmatch(text.strip())
    if not parts or "0" in (parts[1].lstrip("0") or "0", parts[2].lstrip("0") or "0"):
        raise BadArgumentError(f"{shown(text)} is no size; write width and height in pixels, such as 640x360")
    return int(parts[1]), int(parts[2])


def parse_bytes(text: str) -> int:
    """A number of bytes: `500000000`, `512M`, `1.5GiB`; K, M, G and T are powers of 1024.

    Raises:
        BadArgumentError: (a ValueError) It is written in no such way, or is not one byte.
    """
    parts = _BYTES.fullmatch(text.strip())
    n_bytes = int(Fraction(parts[1]) * 1024 ** " kmgt".index(parts[2].lower() or " ")) if parts else 0
    if n_bytes < 1:
        raise BadArgumentError(f"{shown(text)} is no number of bytes; write 500000000, 512M or 2G")
    return n_bytes
