"""The page's modules on their own, in the browser: times, bounded memory, playing against a clock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pages
import pytest
from playwright.sync_api import Browser, Page


@pytest.fixture(scope="module")
def page(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    folder = tmp_path_factory.mktemp("server")
    with pages.chromium() as browser, pages.server(folder, sample) as address:
        page = blank(browser)
        page.goto(address + "/v1/videos")
        yield page


def blank(browser: Browser) -> Page:
    return browser.new_page()


def run(page: Page, modules: str, code: str, argument: Any = None) -> Any:
    """The value of `code`, a function's body that may await, with the names that `modules` export."""
    imports = " ".join(f"Object.assign(names, await import('/static/{name}.js'));" for name in modules.split())
    return page.evaluate(f"async (argument) => {{ const names = {{}}; {imports} {code} }}", argument)


LONG = 500_000
TIMELINE = {"time_base": "1/90000", "first_pts": 1234, "last_duration": 3003, "is_whole": True, "keyframes": [0, 250, 500]}


def test_half_a_million_frames_of_variable_rate_are_found_by_their_times(page: Page):
    gaps = [[3003, 99], [3004, 1]] * (LONG // 100)
    gaps[-1] = [3004, 0]
    found = run(
        page,
        "frames/frame-times",
        """
        const times = new names.FrameTimes(argument);
        const places = Array.from({length: 2000}, (_, k) => Math.floor(k * 249.9));
        return [times.nFrames, places.filter((place) => times.at(times.seconds(place)) !== place),
                places.filter((place) => place && times.at(times.seconds(place) - 1e-6) !== place - 1),
                times.pts[100], times.pts[times.nFrames - 1], times.at(-1), times.at(1e9), times.keyframeFrom(499, -1),
                times.keyframeFrom(250, 1), times.keyframeFrom(250, -1)];
        """,
        {**TIMELINE, "n_frames": LONG, "pts_gaps": gaps},
    )
    last = 1234 + (LONG // 100) * (99 * 3003) + (LONG // 100 - 1) * 3004
    assert found == [LONG, [], [], 1234 + 99 * 3003 + 3004, last, 0, LONG - 1, 250, 500, 0]


def test_a_timeline_that_tells_too_few_timestamps_is_refused(page: Page):
    said = run(
        page,
        "frames/frame-times",
        "try { new names.FrameTimes(argument); } catch (error) { return error.message; }",
        {**TIMELINE, "n_frames": 10, "pts_gaps": [[1, 5]]},
    )
    assert said == "the timeline tells 6 of 10 timestamps"


def test_decoded_pictures_stay_within_their_bytes_and_are_closed(page: Page):
    found = run(
        page,
        "frames/pictures",
        """
        const side = 100, bytes = side * side * 4;
        const pictures = new names.Pictures(3 * bytes);
        const made = [];
        const make = async (index, width = Infinity) => {
            const bitmap = await createImageBitmap(new ImageData(side, side));
            made.push(bitmap);
            return pictures.put({index, bitmap, width, fullWidth: side, fullHeight: side});
        };
        pictures.show(await make(0));
        for (const index of [1, 2, 3, 4]) await make(index);
        const open = made.map((bitmap) => bitmap.width > 0);
        const held = pictures.heldBytes / bytes;
        const known = [0, 1, 2, 3, 4].filter((index) => pictures.has(index));
        await make(3, 50);
        const smaller = [pictures.get(3).width, made.at(-1).width];
        pictures.show(pictures.get(4));
        const afterwards = made[0].width;
        pictures.clear();
        return {open, held, known, smaller: smaller.map(String), afterwards, left: made.filter((bitmap) => bitmap.width).length};
        """,
    )
    assert found == {
        # The first is on the screen: it is out of the cache, and open until another is shown.
        "open": [True, False, True, True, True],
        "held": 3,
        "known": [2, 3, 4],
        "smaller": ["Infinity", "0"],
        "afterwards": 0,
        "left": 0,
    }


LOADING = """
const asked = [], aborted = [];
const video = {fingerprint: null, get(path, {signal, headers}) {
    asked.push([path, headers["Client-Lane"] ?? null, Number(headers["Client-Sequence"] ?? 0)]);
    return new Promise((_, reject) => signal.addEventListener("abort", () => {
        aborted.push(path);
        reject(new DOMException("", "AbortError"));
    }));
}};
const failures = [];
const loader = new names.Loader(video, () => {}, (error) => failures.push(error.message));
"""


def test_what_was_dropped_is_asked_for_anew_when_it_is_wanted_after_all(page: Page):
    code = """
        loader.readAhead(5, 640);
        loader.want(5, 640);
        const before = asked.length;
        loader.dropAhead();
        loader.want(5, 640);
        await new Promise((resolve) => setTimeout(resolve));
        return [before, asked.length, loader.isComing(5, 640), failures];
    """
    assert run(page, "frames/loader", LOADING + code) == [1, 2, True, []]


def test_of_many_wanted_frames_the_first_and_the_newest_are_worked_on(page: Page):
    code = """
        for (const index of [1, 2, 3, 4]) loader.want(index, 640);
        await new Promise((resolve) => setTimeout(resolve));
        return [asked, aborted, failures];
    """
    asked, aborted, failures = run(page, "frames/loader", LOADING + code)
    assert [path for path, _, _ in asked] == [f"/frames/{index}.jpg" for index in (1, 2, 3, 4)]
    # Those in one lane overtake each other on the server too; the first goes on in a lane of its own.
    assert [lane for _, lane, _ in asked] == ["a", "b", "b", "b"]
    assert [sequence for _, _, sequence in asked] == [1, 2, 3, 4]
    assert aborted == ["/frames/2.jpg", "/frames/3.jpg"]
    assert failures == []


PLAY = """
const {rate, first, loop, latency, seconds} = argument;
const times = new names.FrameTimes(argument.timeline);
let now = 0, turn = null, arrivals = [];
const real = [requestAnimationFrame, cancelAnimationFrame, performance.now];
globalThis.requestAnimationFrame = (action) => { turn = action; return 1; };
globalThis.cancelAnimationFrame = () => { turn = null; };
performance.now = () => now;
const here = Object.assign(new Map(), {room: argument.room ?? 1000}), seen = [], ends = [], asked = [];
const loader = {
    latencySeconds: latency, ahead: new Set(), pictures: here, dropAhead() {},
    readAhead(index) {
        if (here.has(index)) return;
        asked.push(index);
        const job = {};
        loader.ahead.add(job);
        arrivals.push([now + latency * 1000, () => { loader.ahead.delete(job); here.set(index, {index}); }]);
    },
};
const player = new names.Player(loader, ({index}) => seen.push([index, now / 1000]), (edge) => ends.push(edge));
player.start(times, rate, first, loop, Infinity);
for (let frame = 0; frame < seconds * 60 && turn; frame++) {
    now += 1000 / 60;
    const due = arrivals.filter(([at]) => at <= now);
    arrivals = arrivals.filter(([at]) => at > now);
    for (const [, arrive] of due) arrive();
    const action = turn;
    turn = null;
    action(now);
}
player.stop();
[globalThis.requestAnimationFrame, globalThis.cancelAnimationFrame, performance.now] = real;
return {seen, ends, took: now / 1000, asked: asked.length};
"""
STEADY = {"n_frames": 300, "pts_gaps": [[3000, 299]], "time_base": "1/90000", "first_pts": 0, "last_duration": 3000}


SOON = {"latency": 0.001, "seconds": 0.3}


def played(page: Page, **how: Any) -> dict[str, Any]:
    given = {"timeline": STEADY, "rate": 1, "first": 0, "loop": None, "latency": 0.02, "seconds": 30, **how}
    found = run(page, "frames/frame-times playing/player", PLAY, given)
    return {**found, "numbers": [index for index, _ in found["seen"]]}


def test_playing_shows_every_frame_at_its_time(page: Page):
    found = played(page)
    assert found["numbers"] == list(range(1, 300))
    assert found["ends"] == [299]
    assert all(0 <= at - index / 30 <= 2 / 60 + 1e-6 for index, at in found["seen"])


def test_playing_backwards_shows_every_frame_at_its_time(page: Page):
    found = played(page, rate=-1, first=299)
    assert found["numbers"] == list(range(298, -1, -1))
    assert found["ends"] == [0]
    assert found["took"] == pytest.approx(10, abs=0.1)


def test_a_slow_server_costs_frames_and_not_time(page: Page):
    found = played(page, latency=0.5)
    assert found["numbers"] == sorted(set(found["numbers"]))
    assert 40 < len(found["numbers"]) < 120
    assert found["took"] == pytest.approx(10, abs=0.1)


def test_of_large_pictures_few_are_read_ahead(page: Page):
    few = run(
        page,
        "frames/frame-times playing/player",
        PLAY,
        {"timeline": STEADY, "rate": 1, "first": 0, "loop": None, "room": 1, **SOON},
    )
    many = run(page, "frames/frame-times playing/player", PLAY, {"timeline": STEADY, "rate": 1, "first": 0, "loop": None, **SOON})
    assert few["asked"] < 12 < many["asked"]
    assert [index for index, _ in few["seen"]] == list(range(1, 9))


def test_fast_playing_asks_for_no_more_frames_than_the_screen_shows(page: Page):
    found = played(page, rate=16)
    assert found["took"] == pytest.approx(10 / 16, abs=0.1)
    assert found["asked"] <= 45


def test_a_loop_is_played_in_both_directions_without_a_gap(page: Page):
    loop = {"first": 10, "last": 14}
    forwards = played(page, first=10, loop=loop, seconds=2)["numbers"]
    assert forwards[:12] == [11, 12, 13, 14, 10, 11, 12, 13, 14, 10, 11, 12]
    backwards = played(page, first=12, rate=-1, loop=loop, seconds=2)["numbers"]
    assert backwards[:12] == [11, 10, 14, 13, 12, 11, 10, 14, 13, 12, 11, 10]


def test_a_loop_is_entered_from_outside_at_its_beginning(page: Page):
    assert played(page, first=200, loop={"first": 10, "last": 14}, seconds=1)["numbers"][:3] == [10, 11, 12]


def test_frames_of_variable_rate_are_shown_as_long_as_they_last(page: Page):
    timeline = {**STEADY, "n_frames": 6, "pts_gaps": [[3000, 2], [90000, 1], [3000, 2]]}
    seen = dict(played(page, timeline=timeline)["seen"])
    assert seen[3] - seen[2] == pytest.approx(1, abs=2 / 60)
    assert seen[4] - seen[3] == pytest.approx(1 / 30, abs=2 / 60)


@pytest.mark.parametrize(
    ("index", "fps", "is_variable", "said"),
    [
        (0, 30, False, "00:00:00:00"),
        (107892, 29.97, False, "00:59:56:12"),
        (3725 * 25 + 24, 25, False, "01:02:05:24"),
        (90, 30, True, "00:00:03.000"),
        (240 * 61, 240, False, "00:01:01:000"),
    ],
)
def test_timecodes_count_frames_where_the_rate_is_constant(page: Page, index: int, fps: float, is_variable: bool, said: str):
    code = "return new names.TimecodeKind(argument.info).format(argument.index, argument.index / argument.info.fps);"
    argument = {"index": index, "info": {"fps": fps, "is_variable_rate": is_variable}}
    assert run(page, "playing/timecode", code, argument) == said


def test_no_key_means_two_things(page: Page):
    code = """
        const all = names.KEY_GROUPS.flatMap(([, bindings]) => bindings.flatMap((binding) => binding.keys));
        all.push(...names.LABEL_KEYS);
        return all.filter((key, place) => all.indexOf(key) !== place);
    """
    assert run(page, "controls/keys", code) == []


def test_every_command_of_a_key_is_there(page: Page):
    code = """
        const part = new Proxy(function () {}, {get: (_, name) => (name === Symbol.toPrimitive ? () => "" : part)});
        const commands = names.makeCommands(part);
        const wanted = names.KEY_GROUPS.flatMap(([, bindings]) => bindings.map((binding) => binding.command));
        return wanted.filter((command) => typeof commands[command] !== "function");
    """
    assert run(page, "controls/keys controls/commands", code) == []
