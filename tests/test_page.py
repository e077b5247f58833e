"""The page as a person uses it: looking, stepping, dragging and playing, with the number and the picture held together."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import pages
import pytest
from pages import Person
from playwright.sync_api import Browser, Route

import framecache
from framecache.sample import read_index

N_FRAMES = 330


def test_the_page_opens_at_frame_0(person: Person):
    person.open().settles_at(0)
    assert person.part(".count").text_content() == f" / {N_FRAMES}"
    assert person.part(".time").text_content() == "0:00:00.000"
    assert person.part(".timecode").text_content() == "00:00:00:00"


STEPS = [
    *[("ArrowRight", index) for index in (1, 2, 3)],
    ("ArrowLeft", 2),
    (".", 3),
    (",", 2),
    ("Shift+ArrowRight", 12),
    ("Shift+ArrowLeft", 2),
    ("Control+ArrowRight", 250),
    ("ArrowRight", 251),
    ("Control+ArrowLeft", 250),
    ("Control+ArrowLeft", 0),
    ("ArrowLeft", 0),
    ("End", N_FRAMES - 1),
    ("ArrowRight", N_FRAMES - 1),
    ("5", 165),
    ("9", 297),
    ("0", 0),
    ("PageDown", 30),
    ("PageUp", 0),
    ("End", N_FRAMES - 1),
    ("Home", 0),
]


def test_each_key_goes_where_it_says(person: Person):
    person.open()
    for key, index in STEPS:
        person.press(key)
        person.settles_at(index)
    assert set(person.watched()) >= {index for _, index in STEPS}


def test_keys_pressed_faster_than_frames_come_all_count(person: Person):
    person.open()
    person.press(*["ArrowRight"] * 40, *["ArrowLeft"] * 15, *["Shift+ArrowRight"] * 5)
    person.settles_at(75)


def test_while_the_timeline_is_dragged_fast_number_and_picture_agree(person: Person):
    person.open()
    mouse = person.page.mouse
    mouse.move(*person.strip_point(0))
    mouse.down()
    for index in (300, 20, 329, 150, 151, 152, 10, 260, 90):
        mouse.move(*person.strip_point(index), steps=12)
    person.wait("scrubber.frame === argument", 90)
    mouse.up()
    person.settles_at(90)
    # On the way some frames were seen, each under its own number: the watcher looked at every one.
    assert len(person.watched()) > 2


def test_a_drag_ends_at_the_frame_under_the_pointer(person: Person):
    person.open()
    for start, stop in ((0, 200), (200, 33), (33, 329), (329, 0)):
        person.drag(person.strip_point(start), person.strip_point(stop), steps=30)
        person.settles_at(stop)


def test_playing_forwards_shows_rising_numbers_up_to_the_last(person: Person):
    person.open("/?frame=250")
    person.settles_at(250)
    person.watched()
    person.press("Space")
    person.wait("scrubber.rate === 0 && scrubber.frame === argument", N_FRAMES - 1)
    person.settles_at(N_FRAMES - 1)
    seen = person.watched()
    assert seen == sorted(set(seen))
    assert len(seen) > 3


def test_playing_backwards_shows_falling_numbers_down_to_the_first(person: Person):
    person.open("/?frame=80")
    person.settles_at(80)
    person.watched()
    person.press("j")
    person.wait("scrubber.rate === 0 && scrubber.frame === 0")
    person.settles_at(0)
    seen = person.watched()
    assert seen == sorted(set(seen), reverse=True)
    assert len(seen) > 3


def test_the_shuttle_doubles_the_speed_and_turns_round(person: Person):
    person.open("/?frame=150")
    for key, rate in (("l", 1), ("l", 2), ("l", 4), ("j", -1), ("j", -2), ("l", 1)):
        person.press(key)
        assert person.evaluate("scrubber.rate") == rate
    person.press("k")
    assert person.evaluate("scrubber.rate") == 0
    person.settles()


def test_any_speed_can_be_played(person: Person):
    person.open("/?frame=100")
    field = person.part(".speed")
    field.fill("-0.3")
    field.press("Enter")
    person.press("Space")
    assert person.evaluate("scrubber.rate") == pytest.approx(-0.3)
    person.wait("scrubber.frame < 98")
    person.press("Space")
    person.settles()


def test_a_loop_is_gone_round_and_never_left(person: Person):
    person.open("/?frame=40")
    person.settles_at(40)
    person.press("i")
    person.evaluate("scrubber.frame = 47")
    person.settles_at(47)
    person.press("o")
    person.watched()
    person.press("Space")
    person.wait("watched.seen.filter((frame, place, all) => place && frame < all[place - 1]).length >= 3")
    person.press("Space")
    person.settles()
    seen = person.watched()
    assert set(seen) <= set(range(40, 48))
    # The end that was set is also where it starts: without the loop the next frames would be those after it.
    person.press("/")
    person.evaluate("scrubber.frame = 47")
    person.settles_at(47)
    person.press("Space")
    person.wait("scrubber.frame > 50")
    person.press("Space")


LINKS = [("/?frame=123", 123), ("/?frame=-1", N_FRAMES - 1), ("/?frame=9999", N_FRAMES - 1)]
LINKS += [("/#t=4.1", 123), ("/#t=0:04.1", 123), ("/?t=10.999", N_FRAMES - 1)]


@pytest.mark.parametrize(("link", "index"), LINKS)
def test_a_link_opens_at_its_frame(person: Person, link: str, index: int):
    person.open(link)
    person.settles_at(index)


def test_a_link_followed_on_the_page_goes_there(person: Person):
    person.open("/?frame=5")
    person.settles_at(5)
    person.page.evaluate("location.hash = 't=2.5'")
    person.settles_at(75)


def test_the_address_follows_the_frame_and_restores_the_view(person: Person):
    person.open()
    person.press("7")
    person.settles_at(231)
    person.press("z")
    person.page.wait_for_url("**frame=231#view=*")
    view = person.evaluate("scrubber.view")
    assert view["zoom"] > 1
    person.page.reload()
    person.wait("scrubber?.frame === 231 && scrubber.view.zoom > 1")
    assert person.evaluate("scrubber.view") == pytest.approx(view, rel=1e-3)


@pytest.mark.parametrize(
    ("words", "index"), [("123", 123), ("-2", 328), ("4.1", 123), ("4.1s", 123), ("0:04.1", 123), ("0:00:04:03", 123), ("2s", 60)]
)
def test_going_to_a_frame_a_time_or_a_timecode(person: Person, words: str, index: int):
    person.open()
    person.press("g")
    person.part(".place").fill(words)
    assert person.part("#place-hint").text_content().startswith(f"Frame {index},")
    person.press("Enter")
    person.settles_at(index)


def test_a_place_outside_the_video_is_told_and_nothing_moves(person: Person):
    person.open("/?frame=7")
    person.settles_at(7)
    person.press("g")
    for words, said in (("330", "0 to 329"), ("0:11", "0:00:11.000"), ("soon", "Write a frame"), ("0:00:01:30", ":29")):
        person.part(".place").fill(words)
        person.press("Enter")
        assert said in person.part("#place-hint").text_content()
    person.press("Escape")
    person.settles_at(7)


def test_frames_of_variable_rate_have_their_own_times(browser: Browser, clip: Callable[..., Path], tmp_path: Path):
    path = clip(variable=True, start=5)
    with framecache.VideoReader(path) as reader, pages.server(tmp_path, path) as address, pages.visit(browser, address) as person:
        person.open()
        person.part(".rate-badge").wait_for(state="visible")
        for index in (0, 1, 2, 30, 47):
            person.evaluate("scrubber.frame = argument", index)
            person.settles_at(index)
            seconds = float(reader.timestamps[index])
            assert person.evaluate("scrubber.time") == pytest.approx(seconds, abs=1e-9)
            assert person.part(".time").text_content() == framecache.frame.format_seconds(seconds)
            assert person.part(".timecode").text_content().endswith(f"{seconds:06.3f}")
        person.press("Home")
        person.settles_at(0)
        person.watched()
        person.press("l", "l")
        person.wait("scrubber.rate === 0 && scrubber.frame === 47")
        seen = person.watched()
        assert seen == sorted(set(seen))


def test_a_frame_that_the_server_gives_under_another_number_is_never_shown(person: Person):
    def lie(route: Route) -> None:
        response = route.fetch(url=route.request.url.replace("/frames/5.", "/frames/6."))
        route.fulfill(response=response)

    person.open()
    person.page.route("**/frames/5.*", lie)
    person.press("5", "0")
    person.settles_at(0)
    person.evaluate("scrubber.frame = 5")
    person.part(".waiting-words").wait_for(state="visible")
    assert "sent frame 6" in person.part(".waiting-words").text_content()
    assert (person.number, person.burnt_number()) == (0, 0)
    # Whoever goes back to where they were has nothing to be told any more.
    person.press("Home")
    person.part(".waiting-words").wait_for(state="hidden")
    person.press("End")
    person.settles_at(N_FRAMES - 1)
    assert 5 not in person.watched()


def test_while_a_frame_is_on_its_way_the_one_before_keeps_its_number(person: Person):
    person.open()
    held = pages.hold_frames(person.page, lambda index: index == 200)
    person.evaluate("scrubber.frame = 200")
    person.part(".wanted").wait_for(state="visible")
    assert person.part(".wanted").text_content() == "→ 200"
    assert (person.number, person.burnt_number()) == (0, 0)
    # That it is loading is said once it takes long.
    person.part(".loading").wait_for(state="visible")
    assert "200" in person.part(".loading").text_content()
    for route in held:
        route.continue_()
    person.settles_at(200)
    person.part(".loading").wait_for(state="hidden")
    person.part(".wanted").wait_for(state="hidden")


def test_overtaken_requests_are_aborted(person: Person):
    person.open()
    aborted: list[int | None] = []
    person.page.on("requestfailed", lambda request: aborted.append(pages.frame_number(request.url)))
    held = pages.hold_frames(person.page, lambda index: 100 <= index < 200)
    for index in (100, 110, 120, 130):
        person.evaluate("scrubber.frame = argument", index)
    person.evaluate("scrubber.frame = 300")
    person.settles_at(300)
    pages.until(lambda: {110, 120, 130} <= set(aborted), person.page)
    del held


def test_a_frame_that_cannot_be_decoded_is_told_in_its_place(person: Person):
    detail = "Frame 9 cannot be decoded: its packet is damaged."
    body = json.dumps({"type": "about:blank", "status": 422, "detail": detail, "index": 9, "pts": 9})
    person.page.route(
        "**/frames/9.*", lambda route: route.fulfill(status=422, body=body, content_type="application/problem+json")
    )
    person.complaints_expected = True
    person.open("/?frame=8")
    person.settles_at(8)
    person.press("ArrowRight")
    person.wait("scrubber.frame === 9")
    assert person.part(".failure").text_content() == detail
    assert person.number == 9
    assert person.evaluate("readStrip(scrubber)") is None
    person.press("ArrowRight")
    person.settles_at(10)
    person.part(".failure").wait_for(state="hidden")


def test_a_server_that_is_gone_for_a_while_is_asked_again(person: Person):
    person.complaints_expected = True
    person.open()
    is_gone = [True]
    person.page.route("**/frames/77.*", lambda route: route.abort() if is_gone[0] else route.continue_())
    person.evaluate("scrubber.frame = 77")
    person.part(".waiting-words").wait_for(state="visible")
    assert (person.number, person.burnt_number()) == (0, 0)
    is_gone[0] = False
    person.settles_at(77)
    person.part(".waiting-words").wait_for(state="hidden")


def test_a_frame_that_could_not_be_read_ahead_is_asked_for_again_once_it_is_wanted(person: Person):
    person.complaints_expected = True
    person.open()
    once = iter([22])
    held = pages.hold_frames(person.page, lambda index: index == 22 and next(once, None) is not None)
    person.evaluate("scrubber.frame = 20")
    person.settles_at(20)
    person.press("ArrowRight")
    person.settles_at(21)
    pages.until(lambda: held, person.page)
    person.press("ArrowRight")
    held[0].abort()
    person.settles_at(22)


def test_the_canvas_is_sharp_to_the_devices_pixel(browser: Browser, server: str):
    with pages.visit(browser, server, device_scale_factor=2) as person:
        person.open("/?frame=33")
        person.settles_at(33)
        width, across = person.evaluate(
            "[scrubber.shadowRoot.querySelector('canvas.canvas').width, scrubber.shadowRoot.querySelector('.stage').clientWidth]"
        )
        assert width == 2 * across


def test_zooming_keeps_the_point_under_the_pointer_and_panning_moves_it(person: Person):
    person.open("/?frame=33")
    person.settles_at(33)
    person.page.mouse.move(*person.stage_point(80, 45))
    before = person.stage_point(80, 45)
    person.evaluate("scrubber.focus()")
    person.page.mouse.wheel(0, -600)
    person.wait("scrubber.view.zoom > 2")
    assert person.stage_point(80, 45) == pytest.approx(before, abs=1.5)
    person.drag(before, (before[0] + 60, before[1] + 30))
    assert person.stage_point(80, 45) == pytest.approx((before[0] + 60, before[1] + 30), abs=2)
    person.press("z", "z", "z")
    person.press("Escape")
    person.wait("scrubber.view.zoom === 1")
    assert person.burnt_number() == 33


def test_a_press_on_the_picture_gives_it_keys_and_wheel(person: Person):
    person.open("/?frame=33")
    person.settles_at(33)
    person.part(".speed").focus()
    person.page.mouse.click(*person.stage_point(80, 45))
    assert person.evaluate("scrubber.matches(':focus-within') && !scrubber.shadowRoot.activeElement.matches('.speed')")
    person.press("ArrowRight")
    person.settles_at(34)
    person.page.mouse.wheel(0, -600)
    person.wait("scrubber.view.zoom > 2")


def test_the_saved_frame_is_the_one_on_the_screen_in_full_size(person: Person, tmp_path: Path):
    person.open("/?frame=211")
    person.settles_at(211)
    with person.page.expect_download() as saving:
        person.press("s")
    path = pages.saved_to(tmp_path, saving.value)
    assert path.name.endswith("_000211.png")
    image = cv2.imread(str(path))
    assert image.shape == (180, 320, 3)
    assert read_index(image) == 211


def test_gamma_brightens_what_is_seen_and_nothing_else(person: Person):
    person.open("/?frame=12")
    person.settles_at(12)
    before = person.page.screenshot(clip=stage_middle(person))
    person.press("a")
    person.part("input[name=gamma]").fill("3")
    person.part("input[name=gamma]").press("Escape")
    after = person.page.screenshot(clip=stage_middle(person))
    assert pages.brightness(after) > pages.brightness(before) + 20
    assert person.burnt_number() == 12


def stage_middle(person: Person) -> dict[str, float]:
    box = person.part(".stage").bounding_box()
    return {"x": box["x"] + box["width"] * 0.3, "y": box["y"] + box["height"] * 0.6, "width": 60, "height": 30}


def test_hovering_over_the_timeline_shows_a_preview_under_its_own_number(person: Person):
    person.open()
    person.page.mouse.move(*person.strip_point(100))
    person.part(".preview-target").wait_for(state="visible")
    assert person.part(".preview-target").text_content().startswith("100 ")
    person.part(".preview-number").wait_for(state="visible")
    number = int(person.part(".preview-number").text_content().removeprefix("frame "))
    address = person.evaluate("scrubber.shadowRoot.querySelector('.preview-picture').toDataURL()")
    assert read_index(pages.image_at(address)) == number
    assert number <= 100
    assert (person.number, person.burnt_number()) == (0, 0)


def test_touch_drags_the_timeline_and_pinches_the_picture(browser: Browser, server: str):
    with pages.visit(browser, server, has_touch=True, viewport={"width": 400, "height": 760}) as person:
        person.open()
        person.page.touchscreen.tap(*person.strip_point(120))
        person.settles_at(120)
        touch = pages.Touch(person)
        touch.move([person.strip_point(120)], [person.strip_point(250)])
        person.settles_at(250)
        x, y = person.stage_point(160, 90)
        touch.move([(x - 20, y), (x + 20, y)], [(x - 80, y), (x + 80, y)])
        assert person.evaluate("scrubber.view.zoom") > 2


def test_with_shift_held_the_timeline_is_dragged_frame_by_frame(person: Person):
    person.open("/?frame=100")
    person.settles_at(100)
    x, y = person.strip_point(100)
    person.page.keyboard.down("Shift")
    person.drag((x, y), (x + 60, y))
    person.page.keyboard.up("Shift")
    person.settles_at(110)


def test_full_screen_is_entered_and_left_with_a_key(person: Person):
    person.open("/?frame=9")
    person.settles_at(9)
    person.press("f")
    person.wait("document.fullscreenElement === scrubber")
    person.press("ArrowRight")
    person.settles_at(10)
    person.press("f")
    person.wait("document.fullscreenElement === null")
    person.settles_at(10)


def test_playing_at_the_end_begins_anew(person: Person):
    person.open("/?frame=-1")
    person.settles_at(N_FRAMES - 1)
    person.press("Space")
    person.wait("scrubber.rate === 1 && scrubber.frame > 0 && scrubber.frame < 200")
    person.press("Space")
    person.settles()


def test_the_list_of_keys_opens_and_closes(person: Person):
    person.open()
    person.press("?")
    words = person.part("dialog").text_content()
    for said in ("one frame back", "loop begins here", "go to a frame", "full screen", "undo"):
        assert said in words
    person.press("Escape")
    person.part("dialog").wait_for(state="detached")
    person.press("ArrowRight")
    person.settles_at(1)


def test_a_server_with_several_videos_shows_a_chooser(browser: Browser, sample: Path, clip: Callable[..., Path], tmp_path: Path):
    with pages.server(tmp_path, sample, clip()) as address, pages.visit(browser, address) as person:
        person.page.goto(address)
        person.page.locator(".card").nth(1).wait_for()
        person.page.locator("input[type=search]").fill("sam")
        person.page.locator(".card").nth(1).wait_for(state="detached")
        person.page.locator(".card").click()
        person.wait("scrubber?.frame === 0")
        assert "/v/" in person.page.url
        person.press("ArrowRight")
        person.settles_at(1)
        person.page.locator("a.back").click()
        person.page.locator(".card").nth(1).wait_for()


def test_a_video_that_is_not_there_is_told(browser: Browser, server: str):
    with pages.visit(browser, server, is_watching=False) as person:
        person.complaints_expected = True
        person.page.goto(server + "/v/" + "0" * 16)
        person.part(".waiting.failed").wait_for(state="visible")


def test_the_element_tells_what_it_does(person: Person):
    person.open()
    person.evaluate("(scrubber.addEventListener('framechange', (event) => (window.told = event.detail)), scrubber.time = 2.5)")
    person.settles_at(75)
    told = person.page.evaluate("told")
    assert told["index"] == 75
    assert told["seconds"] == pytest.approx(2.5)
    assert person.evaluate("[scrubber.nFrames, scrubber.time]") == [N_FRAMES, pytest.approx(2.5)]
    person.evaluate("scrubber.play(-2)")
    person.wait("scrubber.rate === -2 && scrubber.frame < 70")
    person.evaluate("scrubber.pause()")
    person.settles()
