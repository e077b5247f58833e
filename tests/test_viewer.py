from __future__ import annotations

import string
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import index_of, indices

import framecache
from framecache import Arrival, Engine, FrameIndex, VideoReader
from framecache.sample import read_index
from framecache.viewer import Playhead, Saver, area_for, canvas, compose, display, qt, room_for_pictures, status_of, view
from framecache.viewer.keys import key_name
from framecache.viewer.saving import names, save_new

# 40 ms a frame, but 10 and 11 are far apart.
INDEX = index_of([40 * place + (1000 if place > 10 else 0) for place in range(100)], {0, 50})
KEYS = ["left", "right", "up", "down", "home", "end", "page up", "page down", "enter", "escape", "backspace"]
KEYS += [key for key in string.printable[:95] if key == key.lower()]


def press(playhead: Playhead, keys: str | list[str], now: float = 0.0) -> str | None:
    wish = None
    for key in keys:
        wish = playhead.press(key, now)
    return wish


# Keys


@pytest.mark.parametrize(
    ("name", "codes"),
    {
        "left": [0xFF51, 0xFF96, 0x25 << 16, 0xF702, 0x10FF51],
        "right": [0xFF53, 0xFF98, 0x27 << 16, 0xF703, 0x12FF53],
        "up": [0xFF52, 0x26 << 16, 0xF700],
        "down": [0xFF54, 0x28 << 16, 0xF701],
        "page up": [0xFF55, 0x21 << 16, 0xF72C],
        "page down": [0xFF56, 0x22 << 16, 0xF72D],
        "home": [0xFF50, 0x24 << 16, 0xF729],
        "end": [0xFF57, 0x23 << 16, 0xF72B],
        "enter": [13, 10, 3, 0xFF0D, 0xFF8D],
        "backspace": [8, 127, 0xFF08],
        "escape": [27, 0xFF1B],
        "5": [ord("5"), 0xFFB5],
        ".": [ord("."), 0xFFAE],
        "q": [ord("q"), ord("Q"), 0x20071],
        " ": [32],
    }.items(),
)
def test_keys_have_one_name_on_every_system(name: str, codes: list[int]):
    assert [key_name(code) for code in codes] == [name] * len(codes)


@pytest.mark.parametrize("code", [-1, 0, 0xFFE1, 0xFFBE, 0x70 << 16, 1, 0x3042])
def test_other_keys_have_none(code: int):
    assert key_name(code) is None


# The playhead


@pytest.mark.parametrize(
    ("keys", "position"),
    [
        (["right"], 51),
        ([".", "."], 52),
        (["left"], 49),
        ([","], 49),
        (["down"], 51),
        (["up"], 49),
        (["]"], 60),
        (["page down"], 60),
        (["["], 40),
        (["page up"], 40),
        (["home"], 0),
        (["end"], 99),
        (["end", "right"], 99),
        (["home", "left"], 0),
        (["end", "["], 89),
        ([*"g7", "enter"], 7),
        ([*"g-1", "enter"], 99),
        ([*"g0:00.08", "enter"], 2),
        ([*"g0.4s", "enter"], 10),
        ([*"g70", "backspace", "enter"], 7),
        ([*"g7", "escape"], 50),
        (["g", "enter"], 50),
        ([*"g7", "right"], 51),
        (["x", "escape"], 50),
    ],
)
def test_keys_move_the_playhead(keys: list[str], position: int):
    playhead = Playhead(INDEX, start=50, jump=10)
    press(playhead, keys)
    assert (playhead.position, playhead.entry, playhead.note) == (position, None, "")


@pytest.mark.parametrize("entry", ["100", "-101", "99.5", "abc", "1:2:3:4", "...", "2,5"])
def test_a_wrong_entry_says_so_and_moves_nothing(entry: str):
    playhead = Playhead(INDEX, start=50)
    press(playhead, [*"g", *entry])
    assert playhead.entry == entry
    press(playhead, ["enter"])
    assert playhead.position == 50
    assert playhead.is_fault
    assert playhead.note
    press(playhead, ["right"])
    assert (playhead.position, playhead.note) == (51, "")


def test_wishes_are_for_the_viewer():
    playhead = Playhead(INDEX)
    assert press(playhead, "s") == "save"
    assert press(playhead, "q") == press(playhead, ["escape"]) == press(playhead, "g12q") == "quit"


def test_escape_puts_the_help_and_the_entry_away_first():
    playhead = Playhead(INDEX)
    press(playhead, "h")
    assert playhead.is_helping
    assert press(playhead, ["escape"]) is None
    assert not playhead.is_helping
    press(playhead, "hh")
    assert not playhead.is_helping


def test_playing_follows_the_frames_own_timestamps():
    playhead = Playhead(INDEX)
    playhead.press(" ", 100.0)
    shown = []
    for tick in range(1, 200):
        playhead.tick(100.003 + tick * 0.01, playhead.position)
        shown.append(playhead.position)
    # Frame 10 stands for more than a second.
    assert shown[39] == shown[39 + 100] == 10
    assert [shown[tick - 1] for tick in (3, 4, 5, 8, 143, 144, 148)] == [0, 1, 1, 2, 10, 11, 12]


def test_playing_stops_at_the_end_and_starts_there_anew():
    playhead = Playhead(INDEX, start=97)
    playhead.press(" ", 0.0)
    for tick in range(1, 20):
        playhead.tick(tick * 0.02, playhead.position)
    assert (playhead.position, playhead.is_playing) == (99, False)
    playhead.press(" ", 1.0)
    assert (playhead.position, playhead.is_playing) == (0, True)


def test_space_steps_and_drags_stop_playing_and_jumps_do_not():
    playhead = Playhead(INDEX)
    for stop in (lambda: playhead.press(" ", 0.0), lambda: playhead.press(".", 0.0), lambda: playhead.drag(5)):
        playhead.press(" ", 0.0)
        assert playhead.is_playing
        stop()
        assert not playhead.is_playing
    playhead.press(" ", 0.0)
    press(playhead, ["]", "home", *"g20", "enter"])
    assert playhead.is_playing
    playhead.tick(0.05, playhead.position)
    assert playhead.position == 21


def test_playing_skips_frames_but_waits_for_pictures_that_come_far_too_late():
    playhead = Playhead(INDEX, start=20)
    playhead.press(" ", 0.0)
    playhead.tick(0.2, 20)
    assert playhead.position == 25, "five frames late: they are skipped"
    for tick in range(2, 50):
        playhead.tick(tick * 0.2, 20)
    assert playhead.position == 26, "a quarter of a second ahead of the picture, and no further"
    playhead.tick(10.0, 26)
    assert playhead.position > 26


def test_a_clock_that_leaps_does_not_leap_through_the_video():
    playhead = Playhead(INDEX)
    playhead.press(" ", 0.0)
    playhead.tick(3600.0, 0)
    assert playhead.position == 10


def test_a_video_without_frames_moves_nowhere():
    playhead = Playhead(index_of([], set()))
    press(playhead, [*KEYS])
    press(playhead, [*"g0", "enter"])
    assert (playhead.position, playhead.is_fault) == (0, True)
    status = status_of(playhead, index_of([], set()), None)
    assert status.shown == "no frames"
    assert compose(None, (480, 270), status).max() > 200


@pytest.mark.parametrize("start", ["100", "0:59", "later", "-101"])
def test_a_wrong_start_is_refused(start: str):
    with pytest.raises(framecache.FramecacheError):
        Playhead(INDEX, start=start)


def test_the_start_is_written_as_people_do_and_the_jump_is_a_second():
    assert [Playhead(INDEX, start=start).position for start in (7, "7", "-1", "0:00.08")] == [7, 7, 99, 2]
    assert Playhead(index_of([40 * place for place in range(100)], {0})).jump == 25
    with pytest.raises(framecache.BadArgumentError):
        Playhead(INDEX, jump=0)


@given(indices(), st.lists(st.tuples(st.sampled_from(KEYS), st.floats(0, 2))), st.integers(0, 60))
def test_whatever_is_pressed_the_playhead_stays_inside(index: FrameIndex, keys: list[tuple[str, float]], dragged: int):
    playhead, now = Playhead(index, jump=7), 0.0
    for number, (key, wait) in enumerate(keys):
        now += wait
        if number % 5 == 4:
            playhead.drag(dragged)
        before = playhead.position, playhead.is_playing
        playhead.tick(now, playhead.position)
        assert playhead.position >= before[0], "the clock goes forward"
        assert before[1] or playhead.position == before[0]
        playhead.press(key, now)
        assert 0 <= playhead.position < len(index)


# The canvas


def arrival_of(image: np.ndarray | None = None, index: int = 3, error: Exception | None = None) -> Arrival:
    frame = None
    if image is not None:
        frame = framecache.VideoFrameInfo(image, 0.12, index, 25.0, 0, INDEX.time_base, False, 100, 4.0)
    return Arrival(index, frame, error, True, 0.0123)


@given(st.integers(1, 700), st.integers(1, 700))
def test_pictures_are_shown_whole_unscaled_and_free_of_words(width: int, height: int):
    image = np.random.default_rng(1).integers(0, 255, (height, width, 3), np.uint8)
    area_xy = area_for((width, height))
    arrival = arrival_of(image)
    shown = compose(arrival, area_xy, status_of(Playhead(INDEX), INDEX, arrival))
    assert shown.shape == (area_xy[1] + canvas.strip_height(area_xy[0]), area_xy[0], 3)
    top, left = (area_xy[1] - height) // 2, (area_xy[0] - width) // 2
    assert (shown[top : top + height, left : left + width] == image).all()


def test_the_strip_never_names_the_picture_by_the_number_that_is_loading():
    arrival, playhead = arrival_of(np.zeros((9, 9, 3), np.uint8)), Playhead(INDEX, start=80)
    status = status_of(playhead, INDEX, arrival)
    assert status.shown == "frame 3 of 100   0:00:00.120"
    assert status.state == "loading 80 ..."
    assert status_of(playhead, INDEX, None).shown == ""
    playhead.go(3)
    assert status_of(playhead, INDEX, arrival).state == "hit 12.3 ms"


def test_a_frame_that_cannot_be_decoded_is_words():
    arrival = arrival_of(error=framecache.DecodeError(3, None, "video.mp4", "it is damaged"))
    playhead = Playhead(INDEX, start=3)
    status = status_of(playhead, INDEX, arrival)
    assert status.state == "failed"
    area = compose(arrival, (480, 270), status)[:270]
    assert 0.001 < (area.max(axis=2) > 100).mean() < 0.1


def test_the_help_fits_the_smallest_window():
    playhead = Playhead(INDEX, jump=123456)
    playhead.press("h", 0.0)
    status = status_of(playhead, INDEX, None)
    assert len(status.help_lines) == len(canvas.HELP)
    area = compose(None, canvas.LEAST_AREA_XY, status)[: canvas.LEAST_AREA_XY[1]]
    is_ink = area.max(axis=2) > 100
    assert not is_ink[:, -2:].any()
    assert not is_ink[-2:].any()
    assert not is_ink[:2].any()


@given(st.text(st.characters(codec="ascii", exclude_categories=["C"])), st.integers(40, 500), st.integers(1, 3))
def test_wrapped_words_fit(text: str, width: int, n_lines: int):
    lines = canvas.wrapped(text, width, n_lines)
    assert 1 <= len(lines) <= n_lines
    assert all(canvas.text_width(line) <= width for line in lines)
    if not lines[-1].endswith("..."):
        assert " ".join(lines).split() == text.split()


def test_a_canvas_fits_the_room_that_pictures_were_given():
    for room in ((1216, 880), (640, 480), (300, 200)):
        pictures = room_for_pictures(room)
        assert pictures[0] <= room[0]
        assert pictures[1] + canvas.strip_height(pictures[0]) <= max(room[1], 72)


# Saving


def test_frames_are_saved_in_full_size_and_over_nothing(sample: Path, tmp_path: Path):
    with (
        Engine() as engine,
        VideoReader(sample, max_size_xy=(100, 100), engine=engine) as shown,
        Saver(sample, shown, engine, tmp_path / "new") as saver,
    ):
        texts = []
        for index in (150, 7, 150):
            saver.save(index)
        while len(texts) < 3:
            saved = saver.take()
            if saved is not None:
                assert not saved.is_fault
                texts.append(saved.text)
        assert [text.split()[:4] for text in texts[:2]] == [
            ["saved", f"sample-frame-{index}.png", "in", str(tmp_path / "new")] for index in ("150", "007")
        ]
        assert texts[2].startswith("sample-frame-150.png is already in ")
        assert shown.stats.bytes_held < 330 * 40_000, "whole frames do not push the shown ones out"
    import cv2

    image = cv2.imread(str(tmp_path / "new" / "sample-frame-150.png"))
    assert image.shape == (180, 320, 3)
    assert read_index(image) == 150


def test_what_is_there_is_kept_whatever_it_is(tmp_path: Path):
    image = np.full((4, 5, 3), 7, np.uint8)
    (tmp_path / "v-frame-03.png").write_text("not a picture")
    (tmp_path / "v-frame-03-2.png").symlink_to(tmp_path / "nowhere")
    assert save_new(image, tmp_path, "v", 3, 12).startswith("saved v-frame-03-3.png in ")
    assert (tmp_path / "v-frame-03.png").read_text() == "not a picture"
    assert "already" in save_new(image, tmp_path, "v", 3, 12)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["v-frame-03-2.png", "v-frame-03-3.png", "v-frame-03.png"]


def test_names_sort_as_the_frames_do():
    assert [next(names("v", index, 1000)) for index in (0, 10, 999)] == [
        f"v-frame-{number}.png" for number in ("000", "010", "999")
    ]


def test_what_cannot_be_saved_is_told(sample: Path, tmp_path: Path):
    (tmp_path / "file").write_text("")
    with Engine() as engine, VideoReader(sample, engine=engine) as shown:
        saver = Saver(sample, shown, engine, tmp_path / "file")
        saver.save(1)
        saver.close()
        saved = saver.take()
    assert saved is not None
    assert saved.is_fault
    assert "cannot be made" in saved.text


def test_another_file_under_the_same_name_is_not_saved_from(sample: Path, tmp_path: Path, clip):
    video = tmp_path / "video.mp4"
    video.write_bytes(sample.read_bytes())
    with Engine() as engine, VideoReader(video, engine=engine) as shown:
        assert shown.info.fingerprint
        video.unlink()
        video.write_bytes(clip().read_bytes())
        saver = Saver(video, shown, engine, tmp_path)
        saver.save(1)
        saver.close()
        saved = saver.take()
    assert saved is not None
    assert saved.is_fault
    assert [path.name for path in tmp_path.glob("*.png")] == []


# The display


@pytest.mark.skipif(not qt.is_in_wheel(), reason="OpenCV is not the wheel for Linux")
@pytest.mark.parametrize("name", [None, ":32123", "nonsense"])
def test_without_a_screen_there_is_an_error_at_once(sample: Path, monkeypatch: pytest.MonkeyPatch, name: str | None):
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    monkeypatch.delenv("DISPLAY", raising=False)
    if name is not None:
        monkeypatch.setenv("DISPLAY", name)
    with pytest.raises(framecache.DisplayError, match="DISPLAY"):
        view(sample)


@pytest.mark.skipif(not qt.library_folders(), reason="OpenCV is not the wheel for Linux")
def test_pyav_before_opencv_is_an_error_and_no_hang(tmp_path: Path):
    maps = tmp_path / "maps"
    name = next(path.name for folder in qt.library_folders() for path in folder.glob("libxcb-shape*"))
    line = "7f00-7f01 r-xp 00000000 00:00 1     {}\n"
    maps.write_text(line.format(f"/x/av.libs/{name}"))
    assert qt.is_av_in_the_way(maps)
    maps.write_text(line.format("/x/av.libs/libxcb-0.so") + "7f00-7f01 rw-p 00000000 00:00 0\n")
    assert not qt.is_av_in_the_way(maps)
    assert not qt.is_av_in_the_way(tmp_path / "nowhere")


def test_canvases_leave_room_on_the_screen():
    assert display.usable((1280, 1024)) == (1216, 880)
