"""Playhead: where a viewer stands in a video, and what the keys and the clock do to it."""

from __future__ import annotations

from typing import Literal

from framecache.arguments import as_whole
from framecache.errors import FramecacheError
from framecache.index.frame_index import FrameIndex
from framecache.notation import parse_place

Wish = Literal["save", "quit"]

# While a picture is waited for, playing goes no further ahead of the one that is shown.
MOST_LAG_SECONDS = 0.25
# A clock that leaps (a computer that slept) does not leap through the video.
LONGEST_TICK_SECONDS = 0.5
LONGEST_ENTRY = 24

STEPS = {"right": 1, "down": 1, ".": 1, "left": -1, "up": -1, ",": -1}
JUMPS = {"]": 1, "page down": 1, "[": -1, "page up": -1}


class Playhead:
    """Where a viewer stands. It knows no window and no clock: keys come by name and times as arguments.

    Not for several threads.

    Args:
        index: The frames of the video; there may be none.
        start: Where to begin, as people write places: an index, `-1`, `0:02.5`.
        jump: How many frames the page keys jump; about a second's where not given. At least 1.

    Attributes:
        position: The frame index wanted now; 0 where there are no frames.
        is_playing: Whether it moves by the clock.
        is_helping: Whether the keys are to be shown.
        entry: What was typed after "g" so far; None when nothing is being typed.
        note: What the viewer has to say, until the next key; "" for nothing.
        is_fault: Whether the note tells of something that went wrong.

    Raises:
        BadArgumentError: `start` is written in no known way, or lies outside the video, or `jump` is below 1.
        FrameIndexError: `start` is an index outside the video.
    """

    def __init__(self, index: FrameIndex, *, start: int | str = 0, jump: int | None = None) -> None:
        self._index = index
        self.jump = max(1, round(index.average_rate)) if jump is None else as_whole("jump", jump, 1)
        place = parse_place(str(start))
        self.position = place.find(index) if len(index) else 0
        self.is_playing = self.is_helping = self.is_fault = False
        self.entry: str | None = None
        self.note = ""
        self._seconds = 0.0
        self._ticked_at = 0.0

    def press(self, key: str, now_seconds: float) -> Wish | None:
        """A key was pressed, named as `key_name` names it; what is left for the viewer to do."""
        self.tell("")
        if key == "q":
            return "quit"
        if self.entry is not None and self._type(key):
            return None
        self.entry = None
        if key == "escape":
            was_helping, self.is_helping = self.is_helping, False
            return None if was_helping else "quit"
        if key == "s":
            return "save"
        if key == "g":
            self.entry = ""
        elif key == "h":
            self.is_helping = not self.is_helping
        elif key == " ":
            self._play_or_stop(now_seconds)
        else:
            self._move(key)
        return None

    def tell(self, note: str, *, is_fault: bool = False) -> None:
        """Say something until the next key."""
        self.note, self.is_fault = note, is_fault

    def drag(self, place: int) -> None:
        """The trackbar was taken to a place; that stops playing, or it would run from under the mouse."""
        self.is_playing = False
        self.go(place)

    def go(self, place: int) -> None:
        """Go to a place, clamped to the closest; playing goes on from there."""
        self.position = min(max(place, 0), max(len(self._index) - 1, 0))
        if len(self._index):
            self._seconds = float(self._index.timestamps[self.position])

    def tick(self, now_seconds: float, shown: int | None) -> None:
        """Move on by the clock while playing, by the frames' own timestamps; stop on the last frame.

        Frames are skipped where pictures come too late, and where they come far too late, playing slows down.

        Args:
            now_seconds: Any clock that goes evenly.
            shown: The frame whose picture is on the screen; None for none yet.
        """
        elapsed, self._ticked_at = now_seconds - self._ticked_at, now_seconds
        if not self.is_playing:
            return
        times = self._index.timestamps
        seconds = self._seconds + min(max(elapsed, 0.0), LONGEST_TICK_SECONDS)
        if shown != self.position:
            lag = MOST_LAG_SECONDS if shown is not None and shown < self.position else 0.0
            reach = float(times[self.position if shown is None else shown]) + lag
            seconds = min(seconds, max(reach, float(times[self.position])))
        self._seconds = seconds
        place = self._index.displayed_at(seconds)
        self.position = len(self._index) - 1 if place is None else place
        self.is_playing = self.position < len(self._index) - 1

    def _play_or_stop(self, now_seconds: float) -> None:
        if self.is_playing or len(self._index) < 2:
            self.is_playing = False
            return
        # At the end, there is nothing to play but all of it again.
        self.go(0 if self.position == len(self._index) - 1 else self.position)
        self.is_playing, self._ticked_at = True, now_seconds

    def _move(self, key: str) -> None:
        if key in STEPS:
            self.is_playing = False
            self.go(self.position + STEPS[key])
        elif key in JUMPS:
            self.go(self.position + JUMPS[key] * self.jump)
        elif key == "home":
            self.go(0)
        elif key == "end":
            self.go(len(self._index) - 1)

    def _type(self, key: str) -> bool:
        """A key while a place is being typed; whether it was part of that."""
        assert self.entry is not None, "a place is being typed"
        if len(key) == 1 and key != " ":
            # Letters too, so that what is no place is seen, and said to be none.
            self.entry = (self.entry + key)[:LONGEST_ENTRY]
        elif key == "backspace":
            self.entry = self.entry[:-1]
        elif key == "escape":
            self.entry = None
        elif key == "enter":
            self._go_to_entry(self.entry)
        else:
            return False
        return True

    def _go_to_entry(self, entry: str) -> None:
        self.entry = None
        if not entry:
            return
        try:
            self.go(parse_place(entry).find(self._index))
        except FramecacheError as error:
            self.tell(str(error), is_fault=True)
