"""Annotating on the page: marks, ranges and boxes, undo, keeping, and files out and in."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pages
import pytest
from pages import Person
from playwright.sync_api import Browser

import framecache

LARGE = (320, 180)
KINDS = ("json", "csv", "coco")


@pytest.fixture
def person(browser: Browser, server: str) -> Iterator[Person]:
    with pages.visit(browser, server) as person:
        person.open("/?frame=20")
        person.settles_at(20)
        yield person


def items(person: Person) -> list[dict[str, Any]]:
    return list(person.evaluate("scrubber.annotations.items"))


def only(person: Person) -> dict[str, Any]:
    (item,) = items(person)
    return item


def box(person: Person, start: tuple[float, float], stop: tuple[float, float]) -> None:
    """Draws a box between two points of the picture, in its pixels."""
    person.press("b")
    person.drag(person.stage_point(*start), person.stage_point(*stop))
    person.press("b")


def sides(item: dict[str, Any]) -> list[float]:
    return [item["x"], item["y"], item["w"], item["h"]]


def annotate(person: Person) -> None:
    """One of everything, with two labels, one of which CSV has to quote."""
    person.press("m")
    box(person, (40, 30), (120, 90))
    person.part(".new-label").fill('left, "big" one')
    person.part(".new-label").press("Enter")
    person.evaluate("scrubber.focus()")
    person.press("Escape")
    person.evaluate("scrubber.frame = 60")
    person.settles_at(60)
    person.press("Shift+M")
    person.evaluate("scrubber.frame = 50")
    person.settles_at(50)
    person.press("Shift+M")
    box(person, (200, 100), (260.5, 140))


def test_a_mark_is_made_on_the_frame_that_is_seen_and_taken_back(person: Person):
    person.press("m")
    assert only(person) == {"id": 1, "kind": "mark", "label": "object", "frame": 20}
    assert person.part(".chip").text_content() == "mark · object"
    person.press("ArrowRight")
    person.settles_at(21)
    assert person.part(".chip").count() == 0
    person.press("ArrowLeft")
    person.settles_at(20)
    person.press("m")
    assert items(person) == []


def test_a_range_begins_and_ends_where_the_key_is_pressed_in_either_order(person: Person):
    person.press("Shift+M")
    person.press("Shift+ArrowLeft")
    person.settles_at(10)
    person.press("Shift+M")
    assert only(person) == {"id": 1, "kind": "range", "label": "object", "first": 10, "last": 20}


def test_a_box_is_drawn_moved_resized_and_deleted(person: Person):
    box(person, (40, 30), (120, 90))
    drawn = only(person)
    assert (drawn["kind"], drawn["frame"], drawn["label"]) == ("box", 20, "object")
    assert sides(drawn) == pytest.approx([40, 30, 80, 60], abs=0.5)
    person.drag(person.stage_point(80, 60), person.stage_point(100, 75))
    assert sides(only(person)) == pytest.approx([60, 45, 80, 60], abs=0.7)
    person.drag(person.stage_point(140, 105), person.stage_point(200, 120))
    assert sides(only(person)) == pytest.approx([60, 45, 140, 75], abs=1)
    person.press("Delete")
    assert items(person) == []


def test_a_box_stays_within_the_picture(person: Person):
    box(person, (250, 120), (330, 190))
    x, y, w, h = sides(only(person))
    assert (x + w, y + h) == pytest.approx(LARGE)
    person.drag(person.stage_point(280, 150), person.stage_point(-20, -20))
    moved = sides(only(person))
    assert moved[:2] == [0, 0]
    assert moved[2:] == pytest.approx([w, h])


def test_boxes_are_drawn_rightly_while_zoomed_in(person: Person):
    person.page.mouse.move(*person.stage_point(60, 40))
    person.evaluate("scrubber.focus()")
    person.page.mouse.wheel(0, -700)
    person.wait("scrubber.view.zoom > 2")
    box(person, (50, 30), (80, 50))
    assert sides(only(person)) == pytest.approx([50, 30, 30, 20], abs=0.4)


def test_fingers_draw_with_one_and_zoom_with_two(browser: Browser, server: str):
    with pages.visit(browser, server, has_touch=True) as person:
        person.open("/?frame=20")
        person.settles_at(20)
        person.part("button[aria-label='Draw boxes']").tap()
        touch = pages.Touch(person)
        touch.move([person.stage_point(40, 30)], [person.stage_point(120, 90)])
        assert sides(only(person)) == pytest.approx([40, 30, 80, 60], abs=0.7)
        (x, y), (left, top) = person.stage_point(160, 90), person.stage_point(150, 90)
        touch.move([(left, top), (x, y)], [(left - 60, top), (x + 60, y)])
        assert person.evaluate("scrubber.view.zoom") > 2
        assert len(items(person)) == 1


def test_a_box_is_made_moved_and_resized_by_keys_alone(person: Person):
    person.press("Shift+B")
    assert sides(only(person)) == [120, 67.5, 80, 45]
    person.press("Alt+ArrowRight", "Alt+ArrowRight", "Alt+ArrowUp", "Alt+Shift+ArrowRight", "Alt+Shift+ArrowUp")
    assert sides(only(person)) == [122, 66.5, 81, 44]
    person.part(".inspector input").nth(3).fill("50")
    person.part(".inspector input").nth(3).press("Enter")
    assert sides(only(person)) == [122, 66.5, 50, 44]
    person.press("Backspace")
    assert items(person) == []


def test_undo_and_redo_go_through_every_step(person: Person):
    states = [items(person)]
    person.press("m")
    states.append(items(person))
    box(person, (40, 30), (120, 90))
    states.append(items(person))
    person.drag(person.stage_point(80, 60), person.stage_point(100, 75))
    states.append(items(person))
    person.press("Delete")
    states.append(items(person))
    assert len({json.dumps(state) for state in states}) == 4
    for state in reversed(states[:-1]):
        person.press("Control+z")
        assert items(person) == state
    person.press("Control+z")
    for state in states[1:]:
        person.press("Control+y")
        assert items(person) == state
    person.press("Control+z")
    person.press("Control+Shift+Z")
    assert items(person) == states[-1]


def test_boxes_are_carried_to_the_next_frame_once(person: Person):
    box(person, (40, 30), (120, 90))
    person.press("n")
    person.settles_at(21)
    first, second = items(person)
    assert (first["frame"], second["frame"]) == (20, 21)
    assert sides(first) == sides(second)
    # The carried one is selected: it can be moved to where the object is now, and carried on.
    person.press("Alt+ArrowRight", "n")
    person.settles_at(22)
    assert [sides(item)[0] - sides(first)[0] for item in items(person)] == pytest.approx([0, 1, 1])
    person.press("ArrowLeft")
    person.settles_at(21)
    person.press("Escape", "n")
    assert len(items(person)) == 3


def test_carrying_faster_than_frames_come_carries_only_what_was_chosen(person: Person):
    held = pages.hold_frames(person.page, lambda index: index == 31)
    person.evaluate("scrubber.frame = 30")
    person.settles_at(30)
    box(person, (40, 30), (80, 60))
    box(person, (150, 30), (200, 60))
    person.press("n", "n", "n")
    pages.until(lambda: held, person.page)
    for route in held:
        route.continue_()
    person.settles_at(31)
    assert [item["frame"] for item in items(person)] == [30, 30, 31]
    assert sides(items(person)[1]) == sides(items(person)[2])


def test_labels_are_added_chosen_by_key_renamed_and_given_to_what_is_selected(person: Person):
    for name in ("wing", "leg"):
        person.part(".new-label").fill(name)
        person.part(".new-label").press("Enter")
    person.evaluate("scrubber.focus()")
    person.press("w", "m")
    assert only(person)["label"] == "wing"
    person.press("e")
    assert only(person)["label"] == "leg"
    person.part(".label").filter(has_text="leg").dblclick()
    field = person.part(".labels input")
    field.fill("foot")
    field.press("Enter")
    assert only(person)["label"] == "foot"
    assert [label["name"] for label in person.evaluate("scrubber.annotations.labels")] == ["object", "wing", "foot"]


def test_annotations_are_kept_in_the_browser(person: Person):
    annotate(person)
    before = person.evaluate("scrubber.annotations")
    assert len(before["items"]) == 4
    person.page.on("dialog", lambda dialog: dialog.accept())
    person.page.reload()
    person.wait("scrubber && scrubber.frame !== null")
    assert person.evaluate("scrubber.annotations") == before


def test_leaving_with_unexported_work_is_warned_of(person: Person, tmp_path: Path):
    warned: list[str] = []

    def answer(dialog: Any) -> None:
        warned.append(dialog.type)
        dialog.accept()

    person.page.on("dialog", answer)
    person.page.reload()
    person.wait("scrubber && scrubber.frame !== null")
    assert warned == []
    person.evaluate("scrubber.focus()")
    person.press("m")
    person.page.reload()
    person.wait("scrubber && scrubber.frame !== null")
    assert warned == ["beforeunload"]
    with person.page.expect_download() as saving:
        person.press("Control+s")
    pages.saved_to(tmp_path, saving.value)
    assert "exported" in person.part(".status").text_content()
    person.page.reload()
    person.wait("scrubber && scrubber.frame !== null")
    assert warned == ["beforeunload"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_exported_imported_and_exported_again_is_the_same(person: Person, kind: str, tmp_path: Path):
    annotate(person)
    with person.page.expect_download() as saving:
        person.part(".file-buttons button").filter(has_text=kind.upper()).click()
    path = pages.saved_to(tmp_path, saving.value)
    text = path.read_bytes().decode()
    assert text == person.evaluate("scrubber.exportText(argument)", kind)
    while items(person):
        person.press("Control+z")
    person.part(".file-input").set_input_files(path)
    person.wait("scrubber.annotations.items.length === 4")
    assert person.evaluate("scrubber.exportText(argument)", kind) == text


def test_every_row_tells_index_pts_time_and_fingerprint(person: Person, sample: Path):
    annotate(person)
    exported = {kind: person.evaluate("scrubber.exportText(argument)", kind) for kind in KINDS}
    with framecache.VideoReader(sample) as reader:
        pts, times, fingerprint = reader.pts.tolist(), reader.timestamps.tolist(), reader.info.fingerprint
    rows = json.loads(exported["json"])["annotations"]
    assert [(row["kind"], row["index"]) for row in rows] == [("mark", 20), ("box", 20), ("range", 50), ("box", 50)]
    table = list(csv.DictReader(io.StringIO(exported["csv"])))
    coco = json.loads(exported["coco"])
    images = [{**image, "index": image["frame_index"]} for image in coco["images"]]
    boxes = [{**row, "index": row["frame_index"]} for row in coco["annotations"]]
    assert (len(table), len(images), len(boxes)) == (4, 2, 2)
    for row in [*rows, *table, *images, *boxes]:
        index = int(row["index"])
        assert int(row["pts"]) == pts[index]
        assert float(row["time"]) == pytest.approx(times[index], abs=1e-9)
        assert row["fingerprint"] == fingerprint
    assert (rows[2]["last_index"], rows[2]["last_pts"]) == (60, pts[60])
    assert [box["bbox"] for box in coco["annotations"]] == [
        [row["x"], row["y"], row["w"], row["h"]] for row in rows if "w" in row
    ]
    assert {category["name"] for category in coco["categories"]} == {"object", 'left, "big" one'}
    assert all(box["area"] == pytest.approx(box["bbox"][2] * box["bbox"][3]) for box in coco["annotations"])


def test_a_file_of_another_video_is_asked_about_before_it_is_taken(person: Person):
    person.press("m")
    text = person.evaluate("scrubber.exportText('json')")
    other = text.replace(person.evaluate("scrubber.fingerprint"), "0" * 32)
    person.press("Control+z")
    for answer, count in (("Cancel", 0), ("Import", 1)):
        person.evaluate("void scrubber.importText(argument, 'other.json')", other)
        dialog = person.part("dialog")
        assert "another video" in dialog.text_content()
        dialog.get_by_role("button", name=answer, exact=True).click()
        dialog.wait_for(state="detached")
        assert len(items(person)) == count


def test_what_is_imported_can_be_added_to_what_is_there(person: Person):
    person.press("m")
    text = person.evaluate("scrubber.exportText('csv')")
    person.press("ArrowRight")
    person.settles_at(21)
    person.press("m")
    person.evaluate("void scrubber.importText(argument, 'more.csv')", text)
    person.part("dialog").get_by_role("button", name="Add to them").click()
    person.wait("scrubber.annotations.items.length === 3")
    assert sorted(item["frame"] for item in items(person)) == [20, 20, 21]
    assert len({item["id"] for item in items(person)}) == 3
    person.press("Control+z")
    assert len(items(person)) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hello", "no column"),
        ("{", "no whole JSON"),
        ('{"format": "other"}', "neither"),
        ('id,kind,label,index\r\n1,mark,a,"3', "quote"),
        ("id,kind,label,index\n1,mark,a,-3\n", "Row 2"),
        ("id,kind,label,index\n1,circle,a,3\n", "circle"),
        ('{"images": [], "annotations": [{"image_id": 4, "bbox": [1, 2, 3, 4]}]}', "Annotation 1"),
        ('{"format": "framecache-annotations", "annotations": [{"kind": "box", "label": "a", "index": 1, "x": 1}]}', "no box"),
    ],
)
def test_a_file_that_is_no_export_is_told_and_changes_nothing(person: Person, text: str, said: str):
    person.press("m")
    person.evaluate("void scrubber.importText(argument, 'broken')", text)
    dialog = person.part("dialog")
    assert said in dialog.text_content()
    person.press("Escape")
    dialog.wait_for(state="detached")
    assert len(items(person)) == 1


def test_coco_of_other_tools_is_read_by_file_names_and_scaled(person: Person):
    coco = {
        "images": [{"id": 7, "file_name": "clip/frame_000031.jpg", "width": 640, "height": 360}],
        "annotations": [{"id": 3, "image_id": 7, "category_id": 2, "bbox": [20, 40, 60, 80]}],
        "categories": [{"id": 2, "name": "fly"}],
    }
    person.evaluate("void scrubber.importText(argument, 'coco.json')", json.dumps(coco))
    person.part("dialog").get_by_role("button", name="Import", exact=True).click()
    person.wait("scrubber.annotations.items.length === 1")
    item = only(person)
    assert (item["frame"], item["label"], sides(item)) == (31, "fly", [10, 20, 30, 40])


def test_another_tab_of_the_same_video_sees_the_changes(person: Person):
    second = Person(person.context, person.address)
    second.open()
    person.press("m")
    second.wait("scrubber.annotations.items.length === 1")
    second.press("m")
    person.wait("scrubber.annotations.items.length === 2")
    second.leave()


def test_a_browser_that_keeps_nothing_says_so(browser: Browser, server: str):
    with pages.visit(browser, server) as person:
        person.page.add_init_script(
            "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); };"
        )
        person.open()
        person.press("m")
        assert "cannot keep" in person.part(".status").text_content()


def test_of_very_many_annotations_those_near_the_frame_are_listed(person: Person):
    marks = [{"kind": "mark", "label": f"label {index % 3}", "frame": index % 330} for index in range(1000)]
    person.evaluate("scrubber.annotations = argument", {"items": marks})
    assert "200 nearest" in person.part(".summary").text_content()
    person.press("End")
    person.settles_at(329)
    listed = [int(text) for text in person.part(".item-where").all_text_contents()]
    assert (len(listed), max(listed)) == (200, 329)
    assert min(listed) > 200


def test_the_element_hands_out_and_takes_annotations(person: Person):
    person.evaluate("(scrubber.addEventListener('annotationschange', () => (window.changes = (window.changes ?? 0) + 1)), null)")
    labels = [{"name": "fly", "color": "#ff0000"}]
    item = {"kind": "box", "label": "fly", "frame": 20, "x": 1, "y": 2, "w": 3, "h": 4}
    person.evaluate("scrubber.annotations = argument", {"labels": labels, "items": [item]})
    assert only(person) == {"id": 1, **item}
    assert person.page.evaluate("changes") >= 1
    assert person.evaluate("scrubber.annotations.labels") == labels
    fault = person.page.evaluate(
        """() => {
            const bad = {items: [{kind: "mark", label: "a", frame: -1}]};
            try { document.querySelector("frame-scrubber").annotations = bad; } catch (error) { return error.message; }
        }"""
    )
    assert "-1 is no frame index" in fault
    person.evaluate("scrubber.focus()")
    person.press("Control+z")
    assert items(person) == []
