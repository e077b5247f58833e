"""Canvas: what a viewer's window shows: the picture, and under it a strip of words."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from framecache.arrival import Arrival
from framecache.errors import DecodeError
from framecache.frame import Image, format_seconds
from framecache.index.frame_index import FrameIndex
from framecache.viewer.playhead import Playhead

BACKGROUND, STRIP, INK, FAINT = (24, 24, 24), (40, 40, 40), (235, 235, 235), (150, 150, 150)
GOOD, WAITING, FAULT = (130, 210, 120), (80, 190, 250), (110, 110, 255)

FONT, SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.5
LINE_PIXELS, MARGIN_PIXELS = 21, 8
# Even of a video of one pixel, the words must be readable.
LEAST_AREA_XY = (480, 270)
# Narrower strips have two lines for what there is to say.
WIDE_PIXELS = 900

HELP = (
    ("space", "play, stop"),
    ("left right  , .", "one frame back, on (up and down too)"),
    ("[ ]  page keys", "{jump} frames back, on"),
    ("home  end", "the first, the last frame"),
    ("g", "go to: 150, -1, 2.5, 0:02.5, 5s; then enter"),
    ("s", "save the frame"),
    ("h", "these keys"),
    ("q  esc", "quit"),
)


@dataclass(frozen=True, slots=True)
class Status:
    """What the strip says; two that are equal look the same.

    Attributes:
        shown: What is on the screen: `frame 150 of 600   0:00:05.000`; "" while nothing is.
        state: At the right: `hit 0.4 ms`, `loading 300 ...`; and its colour.
        state_colour: BGR.
        note: What there is to say under that, or the keys' entry.
        note_colour: BGR.
        help_lines: (keys, what they do); empty while they are not shown.
    """

    shown: str
    state: str
    state_colour: tuple[int, int, int]
    note: str
    note_colour: tuple[int, int, int]
    help_lines: tuple[tuple[str, str], ...] = ()


def status_of(playhead: Playhead, index: FrameIndex, arrival: Arrival | None) -> Status:
    """What to say of a playhead, and of what arrived last, whose picture is on the screen."""
    if not len(index):
        shown, state, colour = "no frames", "", FAINT
    else:
        shown = "" if arrival is None else shown_text(index, arrival.index)
        state, colour = _state(playhead, arrival)
    help_lines = tuple((keys, text.format(jump=playhead.jump)) for keys, text in HELP) if playhead.is_helping else ()
    return Status(shown, state, colour, *_note(playhead), help_lines)


def shown_text(index: FrameIndex, place: int) -> str:
    """How the strip names the frame whose picture is on the screen."""
    return f"frame {place} of {len(index)}   {format_seconds(float(index.timestamps[place]))}"


def loading_text(place: int) -> str:
    """How the strip names the frame that is on its way."""
    return f"loading {place} ..."


def _state(playhead: Playhead, arrival: Arrival | None) -> tuple[str, tuple[int, int, int]]:
    if arrival is None or (arrival.index != playhead.position and not playhead.is_playing):
        return loading_text(playhead.position), WAITING
    if arrival.error is not None:
        return "failed", FAULT
    # In whole steps, for a strip that flickers cannot be read.
    took = f"{1000 * arrival.seconds_taken:.1f} ms"
    return (f"hit {took}", GOOD) if arrival.is_hit else (f"miss {took}", INK)


def _note(playhead: Playhead) -> tuple[str, tuple[int, int, int]]:
    if playhead.entry is not None:
        return f"go to: {playhead.entry}_", WAITING
    if playhead.note:
        return playhead.note, FAULT if playhead.is_fault else GOOD
    return ("playing" if playhead.is_playing else "h shows the keys"), FAINT


def strip_height(width: int) -> int:
    """How many pixels high the strip under an area of that width is."""
    return LINE_PIXELS * (2 if width >= WIDE_PIXELS else 3) + MARGIN_PIXELS


def room_for_pictures(room_xy: tuple[int, int]) -> tuple[int, int]:
    """The largest (width, height) of a picture on a canvas that may be so large."""
    return room_xy[0], max(1, room_xy[1] - strip_height(room_xy[0]))


def area_for(image_size_xy: tuple[int, int], area_xy: tuple[int, int] = LEAST_AREA_XY) -> tuple[int, int]:
    """The area for pictures, so large that an image fits, and never smaller than it was."""
    return max(image_size_xy[0], area_xy[0]), max(image_size_xy[1], area_xy[1])


def compose(arrival: Arrival | None, area_xy: tuple[int, int], status: Status) -> Image:
    """The canvas: `(H + strip, W, 3) uint8` BGR for an area of (W, H); the picture in its middle, whole and unscaled.

    What cannot be decoded is a dark picture that says so.
    """
    width, height = area_xy
    canvas = np.full((height + strip_height(width), width, 3), BACKGROUND, np.uint8)
    area = canvas[:height]
    if arrival is not None and arrival.frame is not None:
        _place(area, arrival.frame.image)
    elif arrival is not None:
        _write_words(area, _reason(arrival), FAULT)
    elif not status.state:
        _write_words(area, "this video has no frames", INK)
    if status.help_lines:
        _write_help(area, status.help_lines)
    _write_strip(canvas[height:], status)
    return canvas


def _place(area: Image, image: Image) -> None:
    top, left = (area.shape[0] - image.shape[0]) // 2, (area.shape[1] - image.shape[1]) // 2
    area[top : top + image.shape[0], left : left + image.shape[1]] = image


def _reason(arrival: Arrival) -> str:
    error = arrival.error
    if isinstance(error, DecodeError):
        return f"frame {arrival.index} cannot be decoded: {error.reason}"
    return f"frame {arrival.index} cannot be shown: {error or type(error).__name__}"


def _write_strip(strip: Image, status: Status) -> None:
    strip[:] = STRIP
    width = strip.shape[1] - 2 * MARGIN_PIXELS
    state_width = text_width(status.state)
    write(strip, status.shown, MARGIN_PIXELS, LINE_PIXELS - 4, INK)
    write(strip, status.state, MARGIN_PIXELS + width - state_width, LINE_PIXELS - 4, status.state_colour)
    n_lines = strip.shape[0] // LINE_PIXELS - 1
    for number, line in enumerate(wrapped(status.note, width, n_lines)):
        write(strip, line, MARGIN_PIXELS, (number + 2) * LINE_PIXELS - 4, status.note_colour)


def _write_words(area: Image, words: str, colour: tuple[int, int, int]) -> None:
    lines = wrapped(words, area.shape[1] - 4 * MARGIN_PIXELS, area.shape[0] // LINE_PIXELS)
    base = (area.shape[0] - len(lines) * LINE_PIXELS) // 2 + LINE_PIXELS
    for number, line in enumerate(lines):
        write(area, line, (area.shape[1] - text_width(line)) // 2, base + number * LINE_PIXELS, colour)


def _write_help(area: Image, help_lines: tuple[tuple[str, str], ...]) -> None:
    area[:] = area // 4
    first = max(text_width(keys) for keys, _ in help_lines) + 2 * MARGIN_PIXELS
    left = max(MARGIN_PIXELS, (area.shape[1] - first - max(text_width(text) for _, text in help_lines)) // 2)
    line_height = LINE_PIXELS + 5
    base = (area.shape[0] - len(help_lines) * line_height) // 2 + LINE_PIXELS
    for number, (keys, text) in enumerate(help_lines):
        write(area, keys, left, base + number * line_height, WAITING)
        write(area, text, left + first, base + number * line_height, INK)


# Words


def text_width(text: str) -> int:
    """How many pixels wide a text is."""
    return int(cv2.getTextSize(text, FONT, SCALE, 1)[0][0])


def write(image: Image, text: str, left: int, base: int, colour: tuple[int, int, int]) -> None:
    """Write a text onto an image, in place; what the font lacks is a question mark."""
    printable = text.encode("ascii", "replace").decode()
    cv2.putText(image, printable, (left, base), FONT, SCALE, colour, 1, cv2.LINE_AA)


def wrapped(text: str, width: int, n_lines: int) -> list[str]:
    """A text as at most `n_lines` lines of at most `width` pixels; what does not fit is cut off and marked."""
    lines, words = [""], text.split(" ")
    while words:
        longer = f"{lines[-1]} {words[0]}" if lines[-1] else words[0]
        if text_width(longer) <= width:
            lines[-1] = longer
            words.pop(0)
        elif lines[-1] and len(lines) < n_lines:
            lines.append("")
        else:
            lines[-1] = _cut(longer, width)
            break
    return lines


def _cut(text: str, width: int) -> str:
    while len(text) > 1 and text_width(text + "...") > width:
        text = text[:-1]
    return text + "..."
