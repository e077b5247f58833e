"""view: a window that plays a video and steps through it, exact to the frame."""

from __future__ import annotations

import os
import time
from pathlib import Path

from framecache.arguments import as_size
from framecache.arrival import Arrival
from framecache.engine import Engine
from framecache.reader import VideoReader
from framecache.scrub import Scrubber
from framecache.viewer.canvas import Status, area_for, compose, room_for_pictures, status_of
from framecache.viewer.playhead import Playhead
from framecache.viewer.saving import Saver
from framecache.viewer.window import Window, room_for_canvas

TICK_SECONDS = 0.01


def view(
    path: str | os.PathLike[str],
    *,
    start: int | str = 0,
    jump: int | None = None,
    max_size_xy: tuple[int, int] | None = None,
    folder: str | os.PathLike[str] = ".",
) -> None:
    """Show a video in a window until it is closed: space plays, arrows step, h shows all the keys.

    For the main thread. Ctrl-C in the terminal closes it too.

    Args:
        path: The video.
        start: Where to begin, as people write places: an index, `-1`, `0:02.5`.
        jump: How many frames the page keys jump; about a second's where not given.
        max_size_xy: (width, height) in pixels that pictures are shrunk to fit within; they fit the screen anyhow.
        folder: Where "s" saves frames, in full size.

    Raises:
        DisplayError: No window can be opened here.
        BadArgumentError: `start` or `jump` is out of its range.
        VideoNotFoundError, VideoAccessError, NotAVideoError: As from VideoReader.
    """
    room_xy = room_for_pictures(room_for_canvas())
    size_xy = as_size("max_size_xy", max_size_xy) or room_xy
    room_xy = min(room_xy[0], size_xy[0]), min(room_xy[1], size_xy[1])
    with Engine() as engine, VideoReader(path, max_size_xy=room_xy, engine=engine) as reader:
        playhead = Playhead(reader.index, start=start, jump=jump)
        # Until a frame is here, the last one stays, under its own number: no preview comes between.
        with Scrubber(reader, previews=False) as scrubber, Saver(path, reader, engine, folder) as saver:
            try:
                _Session(reader, playhead, scrubber, saver).run(Path(path).name)
            except KeyboardInterrupt:
                return


class _Session:
    """The window's loop: what came from keys, mouse and clock goes to the playhead; what arrived, on the screen."""

    def __init__(self, reader: VideoReader, playhead: Playhead, scrubber: Scrubber, saver: Saver) -> None:
        self._reader = reader
        self._playhead = playhead
        self._scrubber = scrubber
        self._saver = saver
        self._sought: int | None = None
        self._arrival: Arrival | None = None
        self._area_xy = area_for((reader.shape[1], reader.shape[0]))
        self._drawn: tuple[Status, Arrival | None] | None = None

    def run(self, title: str) -> None:
        """Until somebody quits."""
        with Window(title, len(self._reader)) as window:
            self._draw(window)
            while not self._is_over(window):
                self._fetch()
                self._draw(window)

    def _is_over(self, window: Window) -> bool:
        """Take in what keys and mouse did; whether they ended it."""
        playhead = self._playhead
        key = window.wait_key(TICK_SECONDS)
        if not window.is_open:
            return True
        wish = playhead.press(key, time.monotonic()) if key else None
        if wish == "save" and self._arrival is not None:
            playhead.tell(f"saving frame {self._arrival.index} ...")
            self._saver.save(self._arrival.index)
        dragged = window.take_dragged()
        if dragged is not None:
            playhead.drag(dragged)
        return wish == "quit"

    def _fetch(self) -> None:
        """Go on by the clock, want what is to be shown now, and take what arrived."""
        playhead = self._playhead
        playhead.tick(time.monotonic(), None if self._arrival is None else self._arrival.index)
        if len(self._reader) and playhead.position != self._sought:
            self._sought = self._scrubber.seek(playhead.position)
        arrival = self._scrubber.take()
        if arrival is not None:
            self._arrival = arrival
            if arrival.frame is not None:
                self._area_xy = area_for(arrival.frame.get_size_xy(), self._area_xy)
        saved = self._saver.take()
        if saved is not None:
            playhead.tell(saved.text, is_fault=saved.is_fault)

    def _draw(self, window: Window) -> None:
        status = status_of(self._playhead, self._reader.index, self._arrival)
        # Two statuses that are equal look the same, and an arrival is never changed.
        if self._drawn != (status, self._arrival):
            window.show(compose(self._arrival, self._area_xy, status))
            self._drawn = status, self._arrival
        window.follow(self._playhead.position)
