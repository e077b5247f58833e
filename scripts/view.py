#!/usr/bin/env python
"""A video viewer, exact to the frame: an example of a window of one's own over framecache.

python scripts/view.py VIDEO [--start 0:02.5] [--jump 100] [--folder FOLDER]

space plays, arrows and , . step, [ ] and page keys jump, home, end, g goes to, s saves, h shows the keys, q quits.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from framecache import Engine, FramecacheError, Scrubber, VideoReader
from framecache.viewer import Playhead, Saver, Window, area_for, compose, room_for_canvas, room_for_pictures, status_of


def main() -> int:
    """Run it; the exit code: 0, or 1 for a failure (one line on stderr)."""
    parser = argparse.ArgumentParser(description="Play a video and step through it, exact to the frame.")
    parser.add_argument("video", type=Path)
    parser.add_argument("--start", default="0", metavar="PLACE", help="where to begin: 150, -1, 2.5, 0:02.5")
    parser.add_argument("--jump", type=int, metavar="N", help="how many frames the page keys jump (default: a second's)")
    parser.add_argument("--folder", type=Path, default=".", help="where frames are saved (default: here)")
    options = parser.parse_args()
    try:
        view(options.video, options.start, options.jump, options.folder)
    except FramecacheError as error:
        print(f"view.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


def view(path: Path, start: str, jump: int | None, folder: Path) -> None:
    """Show a video until the window is closed."""
    # Pictures are converted at the size in which they fit the screen; a full-size one is made when it is saved.
    size_xy = room_for_pictures(room_for_canvas())
    with (
        Engine() as engine,  # who decodes and caches, shared by what is shown and what is saved
        VideoReader(path, max_size_xy=size_xy, engine=engine) as reader,
        Scrubber(reader, previews=False) as scrubber,  # until a frame is here, the last one stays
        Saver(path, reader, engine, folder) as saver,
    ):
        playhead = Playhead(reader.index, start=start, jump=jump)
        with Window(path.name, len(reader)) as window:
            run(window, playhead, reader, scrubber, saver)


def run(window: Window, playhead: Playhead, reader: VideoReader, scrubber: Scrubber, saver: Saver) -> None:
    """The loop: nothing in it waits for a decoder, so the window answers even while a far frame is on its way."""
    wanted = arrival = drawn = None
    area_xy = area_for((reader.shape[1], reader.shape[0]))
    while True:
        # 1. Say what is new: the picture that arrived, under its own number, and where the playhead stands.
        status = status_of(playhead, reader.index, arrival)
        if drawn != (status, arrival):
            window.show(compose(arrival, area_xy, status))
            drawn = status, arrival
        window.follow(playhead.position)

        # 2. Take in what the keys, the mouse and the clock did.
        key = window.wait_key(seconds=0.01)
        if not window.is_open:
            return
        wish = playhead.press(key, time.monotonic()) if key else None
        if wish == "quit":
            return
        if wish == "save" and arrival is not None:
            playhead.tell(f"saving frame {arrival.index} ...")
            saver.save(arrival.index)
        dragged = window.take_dragged()
        if dragged is not None:
            playhead.drag(dragged)
        playhead.tick(time.monotonic(), None if arrival is None else arrival.index)

        # 3. Want the frame there; the newest wins. What arrived meanwhile is taken, and nothing is waited for.
        if len(reader) and playhead.position != wanted:
            wanted = scrubber.seek(playhead.position)
        newer = scrubber.take()
        if newer is not None:
            arrival = newer
            if newer.frame is not None:
                area_xy = area_for(newer.frame.get_size_xy(), area_xy)
        saved = saver.take()
        if saved is not None:
            playhead.tell(saved.text, is_fault=saved.is_fault)


if __name__ == "__main__":
    sys.exit(main())
