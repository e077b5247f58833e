"""The page and the server that does not know everything at once, asks for a token, or is another page's."""

from __future__ import annotations

import functools
import http.server
import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pages
import pytest
from gates import ScanGate
from loopback import serving
from pages import Person
from playwright.sync_api import Browser, Route, expect
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount

import framecache
from framecache.server.address import listen
from framecache.server.app import create_app
from framecache.server.connections import ConnectionLimits
from framecache.server.policy import Policy
from framecache.server.run import Prepared, ServerHandle

N_FRAMES = 330
PROBLEM = "application/problem+json"


@pytest.fixture
def other_page(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Another server with pages of its own: its address, and the folder to put them in."""
    folder = tmp_path / "pages"
    folder.mkdir()
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as other:
        thread = threading.Thread(target=other.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{other.server_port}", folder
        other.shutdown()
        thread.join()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


class Slowly:
    """Stands before the server, and says of a video's state and timeline what it is told to say."""

    def __init__(self, person: Person) -> None:
        self.state: dict[str, Any] = {}
        self.n_known = N_FRAMES
        person.page.route("**/v1/videos/*", self._tell_state)
        person.page.route("**/timeline", self._tell_timeline)

    def _tell_state(self, route: Route) -> None:
        route.fulfill(json={**route.fetch().json(), **self.state})

    def _tell_timeline(self, route: Route) -> None:
        told = route.fetch().json()
        if self.n_known < N_FRAMES:
            told.update(n_frames=self.n_known, is_whole=False, pts_gaps=[[told["pts_gaps"][0][0], self.n_known - 1]])
            told["keyframes"] = [index for index in told["keyframes"] if index < self.n_known]
        route.fulfill(json=told)


def test_a_video_that_is_being_opened_says_how_far_that_is(person: Person):
    slowly = Slowly(person)
    slowly.state = {"state": "opening", "stage": "decoding", "progress": 0.4, "n_known": 0, "info": None}
    person.page.goto(person.address)
    person.part(".waiting-bar").wait_for(state="visible")
    assert "Decoding once" in person.part(".waiting-words").text_content()
    assert person.evaluate("scrubber.shadowRoot.querySelector('.waiting-bar').value") == pytest.approx(0.4)
    slowly.state = {}
    person.part(".waiting-bar").wait_for(state="hidden")
    person.settles_at(0)


def test_a_video_that_grows_is_shown_as_far_as_it_is_known(person: Person):
    slowly = Slowly(person)
    slowly.state = {"state": "growing", "stage": "scanning", "progress": 0.3, "n_known": 100, "info": None}
    slowly.n_known = 100
    person.open()
    person.press("End")
    person.settles_at(99)
    assert person.part(".count").text_content() == " / 100+"
    assert person.part(".state-badge").text_content() == "finding frames, 30 %"
    slowly.n_known = 200
    slowly.state = {**slowly.state, "n_known": 200}
    person.wait("scrubber.nFrames === 200")
    person.settles_at(99)
    slowly.n_known, slowly.state = N_FRAMES, {}
    person.wait("scrubber.nFrames === argument", N_FRAMES)
    person.part(".state-badge").wait_for(state="hidden")
    person.press("End")
    person.settles_at(N_FRAMES - 1)


def test_a_file_that_is_scanned_is_shown_meanwhile(
    browser: Browser, long_clip: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    turn, count = 48, 16 * 48
    gate = ScanGate(monkeypatch)
    try:
        # Its pictures spell their place within a turn, not their index.
        with serving(long_clip()) as server, pages.visit(browser, server.url, is_watching=False) as person:
            person.open()
            person.press("End")
            person.wait("scrubber.frame > 0")
            known = person.number
            assert known < count - 1
            assert person.burnt_number() == known % turn
            gate.open()
            person.wait("scrubber.nFrames === argument", count)
            person.press("End")
            person.wait("scrubber.frame === argument", count - 1)
            assert (person.number, person.burnt_number()) == (count - 1, turn - 1)
    finally:
        gate.open()


def test_a_link_beyond_the_frames_known_so_far_is_waited_for(person: Person):
    slowly = Slowly(person)
    slowly.state = {"state": "growing", "stage": "scanning", "progress": 0.3, "n_known": 100, "info": None}
    slowly.n_known = 100
    person.open("/?frame=250")
    assert person.evaluate("scrubber.nFrames") == 100
    slowly.n_known, slowly.state = N_FRAMES, {}
    person.settles_at(250)


def test_a_video_that_cannot_be_opened_says_why(person: Person):
    slowly = Slowly(person)
    slowly.state = {"state": "failed", "error": "there is no video stream in it", "info": None, "n_known": 0}
    person.page.goto(person.address)
    person.part(".waiting.failed").wait_for(state="visible")
    assert "there is no video stream in it" in person.part(".waiting-words").text_content()


def test_a_server_that_is_busy_is_asked_again_without_a_word(person: Person):
    person.complaints_expected = True
    turns = iter(range(2))

    def busy(route: Route) -> None:
        if next(turns, None) is None:
            route.continue_()
        else:
            body = json.dumps({"status": 503, "detail": "too many requests are waiting"})
            route.fulfill(status=503, body=body, content_type=PROBLEM, headers={"Retry-After": "0"})

    person.open()
    person.page.route("**/frames/50.*", busy)
    person.evaluate("scrubber.frame = 50")
    person.settles_at(50)
    assert person.part(".waiting.failed").count() == 0


def test_a_file_that_was_replaced_is_told(person: Person):
    person.complaints_expected = True
    body = json.dumps({"status": 410, "detail": "v names another file"})
    person.open()
    person.page.route("**/frames/50.*", lambda route: route.fulfill(status=410, body=body, content_type=PROBLEM))
    person.evaluate("scrubber.frame = 50")
    person.part(".waiting.failed").wait_for(state="visible")
    assert "another file" in person.part(".waiting-words").text_content()
    assert (person.number, person.burnt_number()) == (0, 0)


def test_an_answer_that_overtook_itself_is_asked_for_again(person: Person):
    person.complaints_expected = True
    turns = iter(range(3))

    def overtaken(route: Route) -> None:
        if next(turns, None) is None:
            route.continue_()
        else:
            route.fulfill(status=409, body=json.dumps({"status": 409, "detail": "overtaken"}), content_type=PROBLEM)

    person.open()
    person.page.route("**/frames/50.*", overtaken)
    person.evaluate("scrubber.frame = 50")
    person.settles_at(50)


def test_a_link_with_a_token_opens_the_page_and_leaves_no_token_in_the_address(browser: Browser, sample: Path, tmp_path: Path):
    with pages.server(tmp_path, sample, token="open-sesame") as link:
        assert "open-sesame" in link
        address = link.partition("/?")[0]
        with pages.visit(browser, address) as person:
            person.open(link.removeprefix(address))
            person.press("ArrowRight")
            person.settles_at(1)
            assert "open-sesame" not in person.page.url


@pytest.mark.parametrize("path", ["/films", "/v/films"])
@pytest.mark.parametrize("is_told", [True, False], ids=["mounted", "behind a proxy that takes the path away"])
def test_the_page_works_under_a_path_of_another_server(browser: Browser, sample: Path, is_told: bool, path: str):
    inner = create_app([sample], policy=Policy(token="open-sesame"))

    async def beheaded(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"].startswith(f"{path}/"):
            scope = {**scope, "path": scope["path"].removeprefix(path), "raw_path": None}
        elif scope["type"] == "http":
            await PlainTextResponse("this is another server", 404)(scope, receive, send)
            return
        await inner(scope, receive, send)

    outer = Starlette(routes=[Mount(path, inner)]) if is_told else beheaded
    listener, address = listen("127.0.0.1", 0)
    prepared = Prepared(_Alike(outer, inner), listener, address, Policy(), ConnectionLimits(close_seconds=0.2))
    with ServerHandle(prepared) as handle, pages.visit(browser, handle.url) as person:
        person.open(f"{path}/?token=open-sesame&frame=7")
        person.settles_at(7)
        person.press("ArrowRight")
        person.settles_at(8)
        (id_,) = [video["id"] for video in person.page.evaluate("fetch('v1/videos').then((answer) => answer.json())")["videos"]]
        person.open(f"{path}/v/{id_}?frame=20")
        person.settles_at(20)
        person.page.wait_for_url(f"{handle.url}{path}/v/{id_}?frame=20")


class _Alike:
    """An application around another, with that one's state, by which it is closed."""

    def __init__(self, app: Any, inner: Any) -> None:
        self._app, self.state = app, inner.state

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._app(scope, receive, send)


EMBEDDED = """<!doctype html><html lang="en"><title>notes</title>
<p>Text around it, with a <a href="#">link</a>.</p><input id="field">
<script type="module" src="{server}/static/frame-scrubber.js"></script>
<frame-scrubber src="{server}/v1/videos/{id}" {token} frame="-10" style="height: 500px"></frame-scrubber>
"""


@pytest.mark.parametrize("token", [None, "open-sesame"], ids=["open", "token"])
def test_the_element_works_in_a_page_of_another_origin(
    browser: Browser, sample: Path, tmp_path: Path, other_page: tuple[str, Path], token: str | None
):
    origin, folder = other_page
    with pages.server(tmp_path, sample, origins=[origin], token=token) as link, pages.visit(browser, origin) as person:
        # That server has no icon for the tab.
        person.complaints_expected = True
        server = link.partition("/?")[0]
        asked = urllib.request.Request(f"{server}/v1/videos", headers={"Authorization": f"Bearer {token}"} if token else {})
        with urllib.request.urlopen(asked) as answer:
            (video,) = json.load(answer)["videos"]
        said = f'token="{token}"' if token else ""
        (folder / "index.html").write_text(EMBEDDED.format(server=server, id=video["id"], token=said))
        person.open()
        person.settles_at(N_FRAMES - 10)
        # Its keys are its own only while it has the focus.
        person.press("ArrowRight")
        person.page.locator("#field").press("ArrowRight")
        person.settles_at(N_FRAMES - 10)
        person.evaluate("scrubber.focus()")
        person.press("ArrowRight")
        person.settles_at(N_FRAMES - 9)
        person.page.locator("#field").focus()
        person.page.mouse.click(*person.stage_point(80, 45))
        person.press("ArrowRight")
        person.settles_at(N_FRAMES - 8)
        assert person.evaluate("scrubber.offsetHeight") == 500
        # Another address does not follow what is seen: that is the page's own business.
        assert person.page.url.rstrip("/") == origin


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_a_page_of_this_machine_may_show_it_in_a_frame(browser: Browser, sample: Path, other_page: tuple[str, Path], name: str):
    address, folder = other_page
    origin = address.replace("127.0.0.1", name)
    with framecache.play(sample, open_browser=False) as server, pages.visit(browser, origin, is_watching=False) as person:
        # That server has no icon for the tab.
        person.complaints_expected = True
        shown = server._repr_html_()
        assert shown is not None
        (folder / "index.html").write_text(
            f"<!doctype html><title>notebook</title>{shown}<script>window.keys = []; "
            "addEventListener('keydown', (event) => keys.push(event.key));</script>"
        )
        person.page.goto(origin)
        inner = person.page.frame_locator("iframe")
        strip = inner.locator("frame-scrubber .strip")
        expect(inner.locator("frame-scrubber .index")).to_have_text("0")
        strip.focus()
        # X is a key that the page does not know, and Jupyter's for cutting a cell.
        for key in ("ArrowRight", "x", "ArrowRight"):
            person.press(key)
        expect(inner.locator("frame-scrubber .index")).to_have_text("2")
        assert person.page.evaluate("keys") == []
    assert server._repr_html_() is None


def test_the_element_ends_with_its_place_in_the_page_and_begins_anew(person: Person):
    person.open("/?frame=20")
    person.settles_at(20)
    person.evaluate("(window.kept = scrubber, scrubber.play(1), scrubber.remove())")
    requests: list[str] = []
    person.page.on("request", lambda request: requests.append(request.url))
    person.page.evaluate("new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))")
    assert requests == []
    person.page.evaluate("void document.getElementById('main').append(kept)")
    person.wait("scrubber && scrubber.frame !== null")
    person.settles()
    person.evaluate("scrubber.setAttribute('frame', '44')")
    person.settles_at(44)
