"""A person at the page: a real server, a real Chromium, and the numbers burnt into what the canvas shows."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright

from framecache.sample import STRIP_BITS, STRIP_CELLS, STRIP_HEIGHT_PARTS, read_index

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
SWITCHES = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
SWITCHES += ("--disable-component-update", "--disable-sync")
PATIENCE_MILLISECONDS = 60_000.0
DESK = {"width": 1280, "height": 800}

# Reads the strip of the sample clip out of the canvas, as framecache.sample.read_index does out of an image: null where there
# is no picture. Then, in every frame that the browser paints and at every change, number and picture are held together.
WATCHER = f"""
window.watched = {{seen: [], wrong: []}};
window.readStrip = (scrubber) => {{
  const canvas = scrubber.shadowRoot.querySelector("canvas.canvas");
  const {{left, top, right, bottom}} = scrubber.pictureRect();
  const y = Math.round(bottom - (bottom - top) / {STRIP_HEIGHT_PARTS} / 2);
  const row = canvas.getContext("2d").getImageData(left, y, right - left, 1).data;
  const values = Array.from({{length: {STRIP_CELLS}}}, (_, cell) => {{
    const middle = Math.floor(((cell + 0.5) / {STRIP_CELLS}) * (right - left)) * 4;
    return (row[middle] + row[middle + 1] + row[middle + 2]) / 3;
  }});
  const [white, black, ...bits] = values;
  if (white - black < 64 || bits.length !== {STRIP_BITS}) return null;
  return bits.reduce((value, bit) => value * 2 + (bit > (white + black) / 2 ? 1 : 0), 0);
}};
window.watch = () => {{
  const scrubber = document.querySelector("frame-scrubber");
  // Zoomed in, the strip is not all on the canvas.
  if (!scrubber?.shadowRoot || scrubber.frame === null || scrubber.view.zoom > 1) return;
  // Before the page is laid out, nothing is drawn.
  const {{left, right}} = scrubber.pictureRect();
  if (right <= left) return;
  const text = scrubber.shadowRoot.querySelector(".index").textContent;
  const said = scrubber.shadowRoot.querySelector(".strip").getAttribute("aria-valuenow");
  const burnt = window.readStrip(scrubber);
  // A frame that cannot be had is told in words, and no other picture stands in its place.
  const due = scrubber.shadowRoot.querySelector(".failure").hidden ? scrubber.frame : null;
  if (String(scrubber.frame) !== text || said !== text || burnt !== due) {{
    window.watched.wrong.push({{text, said, frame: scrubber.frame, burnt}});
  }}
  if (window.watched.seen.at(-1) !== burnt) window.watched.seen.push(burnt);
}};
const each = () => {{ window.watch(); requestAnimationFrame(each); }};
requestAnimationFrame(each);
document.addEventListener("framechange", window.watch, true);
"""


def chromium_path() -> str:
    """The browser of this machine; without one the tests that need it are skipped."""
    found = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if found is None:
        words = f"there is none of {', '.join(CHROMIUM_NAMES)} here"
        if os.environ.get("CI") == "true":
            pytest.fail(words)
        pytest.skip(words)
    return found


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser that asks for nothing but what a page asks for."""
    path = chromium_path()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(SWITCHES))
        yield browser
        browser.close()


class Person:
    """Somebody who looks at a page with one video, and uses it."""

    def __init__(self, context: BrowserContext, address: str, *, is_watching: bool = True) -> None:
        self.context = context
        self.address = address
        self.is_watching = is_watching
        self.page: Page = context.new_page()
        self.page.set_default_timeout(PATIENCE_MILLISECONDS)
        self.complaints: list[str] = []
        # Where a test makes requests fail, the browser says so of itself.
        self.complaints_expected = False
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda message: message.type == "error" and self.complaints.append(message.text))
        if is_watching:
            self.page.add_init_script(WATCHER)

    def open(self, path: str = "/") -> Person:
        self.page.goto(self.address + path)
        self.wait("scrubber && scrubber.frame !== null")
        return self

    # -- what is there ---------------------------------------------------------------------------------------------------

    @property
    def scrubber(self) -> Any:
        return self.page.locator("frame-scrubber")

    def part(self, selector: str) -> Any:
        return self.scrubber.locator(selector)

    def evaluate(self, expression: str, argument: Any = None) -> Any:
        """Evaluates with `scrubber` as the element."""
        code = f"(argument) => {{ const scrubber = document.querySelector('frame-scrubber'); return {expression}; }}"
        return self.page.evaluate(code, argument)

    def wait(self, expression: str, argument: Any = None) -> None:
        """Waits until an expression of `scrubber` and `argument` holds."""
        # Playwright's wait_for_function evaluates text in the page, which the page's own policy forbids.
        code = f"""async (argument) => {{
            const deadline = performance.now() + {PATIENCE_MILLISECONDS};
            for (;;) {{
                const scrubber = document.querySelector("frame-scrubber");
                if ({expression}) return null;
                if (performance.now() > deadline) return [scrubber?.frame, scrubber?.wantedFrame, scrubber?.rate];
                await new Promise((resolve) => setTimeout(resolve, 10));
            }}
        }}"""
        found = self.page.evaluate(code, argument)
        assert found is None, f"{expression} never came, with {argument}; frame, wanted, rate: {found}; {self.complaints}"

    @property
    def number(self) -> int:
        """The number that is written beside the picture."""
        return int(self.part(".index").text_content())

    def picture(self) -> np.ndarray:
        """The picture on the canvas: `(H, W, 3) uint8` BGR, as large as it is drawn."""
        address, rect = self.evaluate(
            "[scrubber.shadowRoot.querySelector('canvas.canvas').toDataURL('image/png'), scrubber.pictureRect()]"
        )
        return image_at(address)[max(0, rect["top"]) : rect["bottom"], max(0, rect["left"]) : rect["right"]]

    def burnt_number(self) -> int:
        return read_index(self.picture())

    # -- what is done ----------------------------------------------------------------------------------------------------

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def settles_at(self, index: int) -> None:
        """Waits until a frame was asked for and is on the screen; then its number and its picture are looked at."""
        self.wait("scrubber.frame === argument && scrubber.wantedFrame === argument", index)
        assert (self.number, self.burnt_number()) == (index, index)

    def settles(self) -> int:
        self.wait("scrubber.frame !== null && scrubber.frame === scrubber.wantedFrame && !scrubber.rate")
        index = self.number
        assert self.burnt_number() == index
        return index

    def strip_point(self, index: int) -> tuple[float, float]:
        """Where a frame lies on the timeline, on the page."""
        box = self.part(".strip").bounding_box()
        n_frames = self.evaluate("scrubber.nFrames")
        return box["x"] + 10 + (index + 0.5) / n_frames * (box["width"] - 20), box["y"] + box["height"] - 10

    def stage_point(self, x: float, y: float) -> tuple[float, float]:
        """Where a point of the picture, in its own pixels, lies on the page."""
        box = self.part(".stage").bounding_box()
        rect, ratio, width, height = self.evaluate(
            "[scrubber.pictureRect(), scrubber.shadowRoot.querySelector('canvas.canvas').width / "
            "scrubber.shadowRoot.querySelector('.stage').clientWidth, argument[0], argument[1]]",
            self.picture_size(),
        )
        across, down = (rect["right"] - rect["left"]) / width, (rect["bottom"] - rect["top"]) / height
        return box["x"] + (rect["left"] + x * across) / ratio, box["y"] + (rect["top"] + y * down) / ratio

    def picture_size(self) -> tuple[int, int]:
        video = json.loads(self.evaluate("scrubber.exportText('json')"))["video"]
        return video["width"], video["height"]

    def drag(self, start: tuple[float, float], *stops: tuple[float, float], steps: int = 8) -> None:
        mouse = self.page.mouse
        mouse.move(*start)
        mouse.down()
        for stop in stops:
            mouse.move(*stop, steps=steps)
        mouse.up()

    # -- what was seen ---------------------------------------------------------------------------------------------------

    def watched(self) -> list[int]:
        """The numbers that were seen since this was last asked, read from the pixels; none was another than the one written."""
        seen = self.page.evaluate("() => { const was = watched; window.watched = {seen: [], wrong: []}; return was; }")
        assert seen["wrong"] == []
        return list(seen["seen"])

    def leave(self) -> None:
        """Leaves the page; nothing went wrong on it."""
        if self.is_watching:
            self.watched()
        assert self.complaints_expected or self.complaints == [], self.complaints


@contextmanager
def visit(browser: Browser, address: str, *, is_watching: bool = True, **options: Any) -> Iterator[Person]:
    """Somebody with a browser of their own: nothing is kept from one visit to the next."""
    with browser.new_context(**{"viewport": DESK, "color_scheme": "dark", **options}) as context:
        person = Person(context, address, is_watching=is_watching)
        yield person
        person.leave()


class Touch:
    """Fingers on the screen, as the browser's own input takes them."""

    def __init__(self, person: Person) -> None:
        self.session = person.context.new_cdp_session(person.page)

    def _send(self, kind: str, points: Sequence[tuple[float, float]]) -> None:
        fingers = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        self.session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})

    def move(self, start: Sequence[tuple[float, float]], stop: Sequence[tuple[float, float]], steps: int = 10) -> None:
        """Puts fingers down, moves all of them, and lifts them."""
        self._send("touchStart", start)
        for step in range(1, steps + 1):
            part = step / steps
            points = [(a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part) for a, b in zip(start, stop)]
            self._send("touchMove", points)
        self._send("touchEnd", [])


def image_at(address: str) -> np.ndarray:
    """The picture in a `data:` address: `(H, W, 3) uint8` BGR."""
    return decoded(base64.b64decode(address.split(",")[1]))


def decoded(data: bytes) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image


def brightness(screenshot: bytes) -> float:
    return float(decoded(screenshot).mean())


def frame_number(address: str) -> int | None:
    """The index in the address of a frame's picture."""
    found = re.search(r"/frames/(\d+)\.", address)
    return int(found[1]) if found else None


def hold_frames(page: Page, is_held: Callable[[int], bool]) -> list[Route]:
    """Keeps the requests of some frames from the server, until they are continued; the list fills with them."""
    held: list[Route] = []

    def handle(route: Route) -> None:
        index = frame_number(route.request.url)
        if index is not None and is_held(index):
            held.append(route)
        else:
            route.continue_()

    page.route("**/frames/*", handle)
    return held


def until(condition: Callable[[], Any], page: Page) -> None:
    """Waits for something of the browser's that is told to this side, such as a request."""
    deadline = time.monotonic() + PATIENCE_MILLISECONDS / 1000
    while not condition():
        assert time.monotonic() < deadline
        # Playwright hears of nothing unless it is given its turn.
        page.wait_for_timeout(5)


def saved_to(folder: Path, download: Any) -> Path:
    path = folder / download.suggested_filename
    download.save_as(path)
    return path


SERVE = """
import sys
from framecache.server.run import serve
options = eval(sys.argv[1])
serve(sys.argv[2:], port=0, tell=lambda address: print(address, flush=True), **options)
"""


@contextmanager
def server(folder: Path, *videos: Path, **options: Any) -> Iterator[str]:
    """A frame server of these videos in a process of its own, with its stores in `folder`; the address of its page."""
    environment = {**os.environ, "FRAMECACHE_INDEX_DIR": str(folder / "index-store")}
    command = [sys.executable, "-c", SERVE, repr(options), *map(str, videos)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip().rstrip("/")
        finally:
            process.terminate()
