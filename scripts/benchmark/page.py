"""The page in a browser: how long it takes from a drag on its timeline until the exact frame is on the screen."""

from __future__ import annotations

import os
import random

from playwright.sync_api import Page, sync_playwright

CHROMIUM = os.environ.get("FRAMECACHE_CHROMIUM", "/usr/bin/chromium")
SWITCHES = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
PATIENCE_MILLISECONDS = 60_000
# Of a drag, so many moves lead to where it ends.
MOVES = 5

# Takes down when the pointer last moved, and when which frame came on the screen.
WATCHER = """
window.drag = {movedAt: 0, shown: null, shownAt: 0};
for (const name of ["pointerdown", "pointermove"]) {
  document.addEventListener(name, (event) => { if (event.buttons) window.drag.movedAt = performance.now(); }, true);
}
document.addEventListener("framechange", (event) => {
  window.drag.shown = event.detail.index;
  window.drag.shownAt = performance.now();
}, true);
"""
SETTLED = f"""async () => {{
  const deadline = performance.now() + {PATIENCE_MILLISECONDS};
  while (performance.now() < deadline) {{
    await new Promise((resolve) => requestAnimationFrame(resolve));
    const scrubber = document.querySelector("frame-scrubber");
    const isThere = scrubber && scrubber.frame !== null && scrubber.frame === scrubber.wantedFrame;
    if (isThere) return {{frame: scrubber.frame, ...window.drag}};
  }}
  throw new Error("the frame never came");
}}"""


def drag(url: str, n_drags: int) -> list[float]:
    """Drag on the timeline of the page at an address; from the last move of each drag until its frame is shown, in seconds.

    Raises:
        Whatever Playwright raises, where there is no browser or no such page.
    """
    chance = random.Random(5)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(SWITCHES))
        try:
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.add_init_script(WATCHER)
            page.goto(url)
            page.evaluate(SETTLED)
            came = [_drag(page, chance) for _ in range(n_drags)]
        finally:
            browser.close()
    return [seconds for seconds in came if seconds is not None]


def _drag(page: Page, chance: random.Random) -> float | None:
    """One drag; None where it ended on the frame that was shown before."""
    before = page.evaluate(SETTLED)["frame"]
    box = page.locator("frame-scrubber").locator(".strip").bounding_box()
    assert box is not None, "the page has no timeline"
    left, width, y = box["x"] + 10, box["width"] - 20, box["y"] + box["height"] - 10
    at = chance.random()
    page.mouse.move(left + at * width, y)
    page.mouse.down()
    for _ in range(MOVES):
        at = min(max(at + chance.uniform(-0.08, 0.08), 0.0), 1.0)
        page.mouse.move(left + at * width, y)
    told = page.evaluate(SETTLED)
    page.mouse.up()
    is_new = told["frame"] != before and told["shown"] == told["frame"] and told["shownAt"] >= told["movedAt"]
    return (told["shownAt"] - told["movedAt"]) / 1000 if is_new else None
