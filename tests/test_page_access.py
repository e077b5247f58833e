"""The page for everybody: nothing serious for axe, keys alone, screen readers, both colour schemes, narrow screens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pages
import pytest
from axe_playwright_python.sync_playwright import Axe
from pages import Person
from playwright.sync_api import Browser

SCHEMES = ("dark", "light")
PHONE = {"width": 390, "height": 800}


@pytest.fixture(scope="module")
def chooser(sample: Path, clip: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pages.server(tmp_path_factory.mktemp("server"), sample, clip()) as address:
        yield address


# Of the element with the focus: its class, its name, and how its focus is drawn.
FOCUSED = """(at) => at && [
    at.className,
    at.getAttribute("aria-label") || at.labels?.[0]?.textContent || at.textContent,
    getComputedStyle(at).outlineStyle,
]"""
IS_OUTSIDE = """(at) => {
    const { left, right, bottom } = at.getBoundingClientRect();
    return at.checkVisibility() && (left < 0 || right > innerWidth || bottom > innerHeight);
}"""


def serious(person: Person) -> list[str]:
    """What axe finds that is serious or critical, with where it is."""
    found = Axe().run(person.page).response["violations"]
    return [
        f"{violation['impact']}: {violation['help']}: {node['target']} {node['failureSummary']}"
        for violation in found
        for node in violation["nodes"]
        if violation["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("viewport", [pages.DESK, PHONE], ids=["desk", "phone"])
def test_axe_finds_nothing_serious(browser: Browser, server: str, scheme: str, viewport: dict[str, int]):
    with pages.visit(browser, server, color_scheme=scheme, viewport=viewport) as person:
        person.open("/?frame=20")
        person.settles_at(20)
        assert serious(person) == []
        # With one of everything, and everything open.
        if viewport == PHONE:
            person.press("p")
        person.press("m", "Shift+B", "Shift+M", "i")
        person.press("a")
        assert serious(person) == []
        person.press("Escape", "?")
        person.part("dialog").wait_for()
        assert serious(person) == []
        person.press("Escape")
        person.press("g")
        person.part(".place").fill("nonsense")
        assert serious(person) == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_axe_finds_nothing_serious_in_the_chooser(browser: Browser, chooser: str, scheme: str):
    with pages.visit(browser, chooser, is_watching=False, color_scheme=scheme) as person:
        person.page.goto(chooser)
        person.page.locator(".card").nth(1).wait_for()
        assert serious(person) == []


def test_the_timeline_is_a_slider_that_says_where_it_is(browser: Browser, server: str):
    with pages.visit(browser, server) as person:
        person.open("/?frame=20")
        person.settles_at(20)
        slider = person.page.get_by_role("slider", name="Frame")
        said = {name: slider.get_attribute(f"aria-{name}") for name in ("valuemin", "valuemax", "valuenow", "valuetext")}
        assert said == {
            "valuemin": "0",
            "valuemax": "329",
            "valuenow": "20",
            "valuetext": "frame 20 of 330, 0:00:00.667, timecode 00:00:00:20",
        }
        slider.press("ArrowRight")
        person.settles_at(21)
        assert slider.get_attribute("aria-valuenow") == "21"


def test_screen_readers_are_told_where_things_come_to_rest(browser: Browser, server: str):
    with pages.visit(browser, server) as person:
        person.open()
        person.press(*["ArrowRight"] * 5)
        person.settles_at(5)
        person.wait("scrubber.shadowRoot.querySelector('.live').textContent === 'Frame 5 of 330, 0:00:00.167'")
        assert person.part(".live").get_attribute("aria-live") == "polite"
        # While it plays nobody could follow that.
        person.press("l")
        person.wait("scrubber.frame > 8")
        assert person.part(".live").text_content() == "Frame 5 of 330, 0:00:00.167"
        person.press("k")
        index = person.settles()
        person.wait("scrubber.shadowRoot.querySelector('.live').textContent.startsWith(argument)", f"Frame {index} ")


def test_every_control_is_reached_by_tab_and_has_a_name(browser: Browser, server: str):
    with pages.visit(browser, server) as person:
        person.open()
        reached: list[str] = []
        for _ in range(80):
            person.press("Tab")
            focused = person.evaluate(f"({FOCUSED})(scrubber.shadowRoot.activeElement)")
            if focused is None:
                continue
            name, words, outline = focused
            assert words.strip(), f"{name} has no name"
            assert outline != "none", f"{name} does not show that it has the focus"
            reached.append(words)
        for words in ("Play", "One frame back", "Loop", "Speed", "Mark this frame", "Keys", "Frame", "JSON", "Undo", "New label"):
            assert words in reached or words == "Undo", f"{words} is not reached: {reached}"


def test_the_keys_of_a_field_stay_in_it(browser: Browser, server: str):
    with pages.visit(browser, server) as person:
        person.open("/?frame=20")
        person.settles_at(20)
        person.part(".new-label").focus()
        person.page.keyboard.type("mark 5")
        assert person.part(".new-label").input_value() == "mark 5"
        person.settles_at(20)
        assert person.evaluate("scrubber.annotations.items") == []


def test_a_button_that_has_the_focus_takes_the_space_bar(browser: Browser, server: str):
    with pages.visit(browser, server) as person:
        person.open()
        person.part("button[aria-label='One frame on']").focus()
        person.press("Space")
        person.settles_at(1)
        assert person.evaluate("scrubber.rate") == 0
        person.press("ArrowRight")
        person.settles_at(2)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_page_takes_the_systems_colours(browser: Browser, server: str, scheme: str):
    with pages.visit(browser, server, color_scheme=scheme) as person:
        person.open()
        person.settles_at(0)
        bar = person.part(".bar").bounding_box()
        light = pages.brightness(person.page.screenshot(clip={"x": 300, "y": bar["y"] + 4, "width": 100, "height": 10}))
        assert (light > 200) if scheme == "light" else (light < 60)


def test_nothing_is_wider_than_a_phone(browser: Browser, server: str):
    with pages.visit(browser, server, viewport=PHONE, has_touch=True) as person:
        person.open("/?frame=20")
        person.settles_at(20)
        for element in ("document.documentElement", "scrubber.shadowRoot.querySelector('.app')"):
            assert person.evaluate(f"{element}.scrollWidth") <= PHONE["width"]
        outside = person.evaluate(
            f"[...scrubber.shadowRoot.querySelectorAll('button, input:not(.file-input)')].filter({IS_OUTSIDE})"
        )
        assert outside == []
        person.press("?")
        assert person.evaluate("scrubber.shadowRoot.querySelector('.key-groups').scrollWidth") <= PHONE["width"]
        person.press("Escape")
        stage = person.part(".stage").bounding_box()
        assert stage["height"] > PHONE["height"] / 3


def test_the_fields_of_what_is_selected_fit_the_panel(browser: Browser, server: str):
    with pages.visit(browser, server) as person:
        person.open("/?frame=20")
        person.settles_at(20)
        person.press("Shift+B")
        panel = person.part(".panel").bounding_box()
        fields = person.part(".inspector input")
        boxes = [fields.nth(place).bounding_box() for place in range(fields.count())]
        assert len(boxes) == 5
        for box in boxes:
            assert panel["x"] < box["x"]
            assert box["x"] + box["width"] < panel["x"] + panel["width"]
            assert box["width"] > 70
