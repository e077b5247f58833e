"""The viewer and the example script, driven by keys and mouse on a screen of their own, and read by their pixels."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import screen as screens
from screen import Screen, Viewer, wait_until

from framecache.frame import Image
from framecache.sample import read_index, spell_index
from framecache.viewer.canvas import loading_text

N_FRAMES, SIZE_XY, FPS = 330, (320, 180), 30
HUGE_FRAMES, HUGE_XY = 90, (3840, 2160)

KINDS = pytest.mark.parametrize("kind", ["command", "script"])


@pytest.fixture(scope="module")
def screen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screen]:
    missing = screens.missing()
    if missing and os.environ.get("CI") != "true":
        pytest.skip(f"driving windows needs {' and '.join(missing)}")
    assert not missing, "CI needs them"
    screen = Screen(tmp_path_factory.mktemp("screen"))
    yield screen
    screen.close()


@pytest.fixture(scope="module", params=["command", "script"])
def kept_open(
    request: pytest.FixtureRequest, screen: Screen, sample: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Viewer]:
    """One viewer of each kind, kept open from test to test."""
    viewer = Viewer(screen, request.param, sample, tmp_path_factory.mktemp("here"))
    see(viewer, 0)
    yield viewer
    viewer.key("q")
    assert viewer.end() == (0, "", ""), "it ends well, and nothing was said on stderr"


@pytest.fixture
def viewer(kept_open: Viewer) -> Viewer:
    """A viewer that stands on frame 0."""
    kept_open.key("Home")
    see(kept_open, 0)
    return kept_open


@pytest.fixture
def opened(screen: Screen, tmp_path: Path) -> Iterator[Callable[..., Viewer]]:
    """Opens viewers for one test."""
    viewers: list[Viewer] = []

    def open_viewer(kind: str, video: Path, **options: int) -> Viewer:
        viewers.append(Viewer(screen, kind, video, tmp_path, **options))
        return viewers[-1]

    yield open_viewer
    for viewer in viewers:
        viewer.stop()


def see(viewer: Viewer, index: int) -> None:
    viewer.wait_for_frame(index, N_FRAMES, index / FPS, SIZE_XY)


def test_it_opens_on_the_first_frame_and_fits_the_screen(viewer: Viewer):
    x, y, width, height = viewer.place()
    assert x >= 0
    assert y >= 0
    assert x + width <= screens.SCREEN_XY[0]
    assert y + height <= screens.SCREEN_XY[1]
    # Unscaled: the words are where they were drawn, pixel for pixel.
    assert viewer.says("h shows the keys", 1)


def test_keys_step_and_jump(viewer: Viewer):
    ways = [("Right", 1), ("period", 2), ("Left", 1), ("comma", 0), ("Down", 1), ("Up", 0), ("bracketright", 30)]
    ways += [("Next", 60), ("bracketleft", 30), ("Prior", 0), ("End", 329), ("Right", 329), ("Home", 0), ("Left", 0)]
    for key, index in ways:
        viewer.key(key)
        see(viewer, index)


def test_g_goes_to_numbers_and_times(viewer: Viewer):
    for typed, index in (("150", 150), ("0:02.5", 75), ("-1", 329)):
        viewer.type(typed)
        viewer.key("Return")
        see(viewer, index)


def test_a_wrong_entry_shows_an_error_and_moves_nothing(viewer: Viewer):
    viewer.key("Right")
    see(viewer, 1)
    viewer.type("999")
    viewer.key("Return")
    wait_until(lambda: viewer.says("index 999 lies outside the video", 1), "no error is shown")
    see(viewer, 1)
    viewer.type("xy")
    viewer.key("Return")
    wait_until(lambda: viewer.says("'xy' is neither a frame index", 1), "no error is shown")
    see(viewer, 1)


def test_hits_and_misses_are_shown(viewer: Viewer):
    for key, index in (("Right", 1), ("Right", 2), ("Left", 1)):
        viewer.key(key)
        see(viewer, index)
    wait_until(viewer.is_hit, "what was seen before is a hit")


def test_what_was_not_seen_before_is_a_miss(opened: Callable[..., Viewer], sample: Path):
    viewer = opened("script", sample)
    see(viewer, 0)
    viewer.type("200")
    viewer.key("Return")
    see(viewer, 200)
    assert not viewer.is_hit()
    assert not viewer.says("loading", at_right=True)


def test_dragging_the_trackbar_ends_at_the_exact_frame_and_the_keys_work_after_it(viewer: Viewer):
    xdotool, (first, last) = viewer.screen.xdotool, viewer.trackbar_ends()
    see(viewer, 0)
    xdotool("mousemove", *first, "mousedown", 1)
    lies = 0
    for part in [*np.linspace(0.05, 0.9, 12), 0.3, 0.7, 0.5]:
        xdotool("mousemove", round(first[0] + part * (last[0] - first[0])), first[1])
        lies += all(is_lie(viewer) for _ in range(3))
    xdotool("mouseup", 1)
    wait_until(lambda: is_settled(viewer), lambda: f"the picture is {viewer.spelled(SIZE_XY)}, the strip says another")
    index = viewer.spelled(SIZE_XY)
    assert index is not None
    assert abs(index - N_FRAMES // 2) < 8
    assert lies == 0
    # Qt's trackbar would keep these keys for itself, and jump by 5.
    for key, step in (("Right", 1), ("Left", -1), ("Next", 30), ("Prior", -30)):
        viewer.key(key)
        index += step
        see(viewer, index)


def is_lie(viewer: Viewer) -> bool:
    """Whether a picture stands over another number; one look may fall between a picture and its words."""
    spelled = viewer.spelled(SIZE_XY)
    is_named = viewer.says(f"frame {spelled} of")
    return spelled is not None and not is_named and viewer.spelled(SIZE_XY) == spelled


def is_settled(viewer: Viewer) -> bool:
    """Whether picture and strip agree and nothing is loading, for a while."""
    first = viewer.spelled(SIZE_XY)
    for _ in range(5):
        time.sleep(0.05)
        index = viewer.spelled(SIZE_XY)
        if index is None or index != first or not viewer.says(f"frame {index} of {N_FRAMES}   0:00:{index / FPS:06.3f}"):
            return False
    return True


def test_space_plays_and_stops(viewer: Viewer):
    viewer.key("space")
    wait_until(lambda: viewer.says("playing", 1), "it does not say that it plays")
    wait_until(lambda: (viewer.spelled(SIZE_XY) or 0) > 15, "it does not play")
    viewer.key("space")
    wait_until(lambda: is_settled(viewer), "it does not stop")
    assert 15 < (viewer.spelled(SIZE_XY) or 0) < N_FRAMES - 1


def test_playing_stops_on_the_last_frame(viewer: Viewer):
    viewer.type("-10")
    viewer.key("Return")
    see(viewer, N_FRAMES - 10)
    viewer.key("space")
    see(viewer, N_FRAMES - 1)
    wait_until(lambda: viewer.says("h shows the keys", 1), "it still says that it plays")


def test_s_saves_the_frame_that_is_shown(viewer: Viewer):
    viewer.type("42")
    viewer.key("Return")
    see(viewer, 42)
    viewer.key("s")
    wait_until(lambda: viewer.says("saved sample-frame-042.png in", 1), "it does not say what it saved")
    image = cv2.imread(str(viewer.folder / "sample-frame-042.png"))
    assert image.shape == (180, 320, 3)
    assert read_index(image) == 42
    viewer.key("s")
    wait_until(lambda: viewer.says("sample-frame-042.png is already in ", 1), "it does not say that it is there")
    assert len(list(viewer.folder.glob("*.png"))) == 1


def test_h_shows_the_keys_and_puts_them_away(viewer: Viewer):
    before = viewer.area()
    viewer.key("h")
    wait_until(lambda: viewer.area().mean() < before.mean() * 0.6, "the picture is not darkened")
    assert (viewer.area().max(axis=2) > 200).any(), "there are words"
    viewer.key("h")
    wait_until(lambda: bool((viewer.area() == before).all()), "the keys stay")


@KINDS
@pytest.mark.parametrize("way", ["escape", "close", "interrupt"])
def test_it_ends_well_however_it_is_ended(opened: Callable[..., Viewer], sample: Path, kind: str, way: str):
    viewer = opened(kind, sample)
    see(viewer, 0)
    {"escape": lambda: viewer.key("Escape"), "close": viewer.close_window, "interrupt": viewer.interrupt}[way]()
    assert viewer.end() == (0, "", "")


@KINDS
def test_a_far_frame_that_is_on_its_way_holds_nothing_up(opened: Callable[..., Viewer], huge: Path, kind: str):
    """On 4K with one keyframe: keys are answered while the frame decodes, and the old picture keeps its own number."""
    viewer = opened(kind, huge, jump=20)
    x, _, width, height = viewer.place()
    assert 0 <= x <= x + width <= screens.SCREEN_XY[0]
    wait_until(lambda: spelled_huge(viewer) == 0, "no first frame")
    viewer.area_height = picture_height(width)
    assert height <= screens.SCREEN_XY[1]
    viewer.key("End")
    events = watch(viewer, HUGE_FRAMES - 1)
    assert events == ["loading", "answered", "here"]


def picture_height(width: int) -> int:
    return round(width * HUGE_XY[1] / HUGE_XY[0])


def spelled_huge(viewer: Viewer) -> int | None:
    width = viewer.place()[2]
    viewer.area_height = picture_height(width)
    return viewer.spelled((width, viewer.area_height))


def watch(viewer: Viewer, index: int) -> list[str]:
    """What was seen on the way to a frame, in this order; "g" is pressed as soon as it is loading."""
    events: list[str] = []
    text = f"frame {index} of {HUGE_FRAMES}"

    def look() -> bool:
        is_loading = viewer.says(loading_text(index), at_right=True)
        if is_loading and not events:
            assert viewer.says(f"frame 0 of {HUGE_FRAMES}"), "the old picture keeps its number"
            events.append("loading")
            viewer.key("g")
        if events == ["loading"] and viewer.says("go to: _", 1):
            events.append("answered")
        is_named, spelled = viewer.says(text), spelled_huge(viewer)
        if spelled == index and is_named:
            events.append("here")
        elif is_named and spelled == 0 and viewer.says(text):
            # The screen may be looked at between a picture and its words, but not twice.
            events.extend(["lie"] * (spelled_huge(viewer) == 0))
        return "here" in events

    wait_until(look, lambda: f"frame {index} never came: {events}")
    return events


@pytest.fixture(scope="module")
def huge(clip_folder: Path) -> Path:
    """4K with a single keyframe, costly to decode: noise that moves."""
    path = clip_folder / "huge.mp4"
    width, height = HUGE_XY
    noise = np.random.default_rng(1).integers(30, 220, (height // 8, width // 8), np.uint8).repeat(8, 0).repeat(8, 1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"preset": "ultrafast", "crf": "30", "x264-params": "keyint=250:scenecut=0"}
        for index in range(HUGE_FRAMES):
            grey: Image = np.roll(noise, 16 * index, 1)
            spell_index(grey, index)
            planes = np.concatenate([grey, np.full((height // 2, width), 128, np.uint8)])
            frame = av.VideoFrame.from_ndarray(planes, "yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
