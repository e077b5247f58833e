from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import clips
import pytest

from framecache.prefetch import Prefetcher
from framecache.sample import write_sample

if TYPE_CHECKING:
    from pages import Person
    from playwright.sync_api import Browser

# A shell that starts the tests in the background has them, and all that they start, ignore Ctrl-C; some of them send it.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

MEDIA = Path(__file__).resolve().parents[2] / "shared" / "media"


SCHEDULING = os.sched_getscheduler(0) if hasattr(os, "sched_getscheduler") else None


@pytest.fixture(autouse=True)
def _own_index_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's index store."""
    monkeypatch.setenv("FRAMECACHE_INDEX_DIR", str(tmp_path / "index-store"))


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="session")
def clip(clip_folder: Path) -> Callable[..., Path]:
    """Makes a clip of a kind, once."""

    def make(**features: object) -> Path:
        wanted = clips.Clip(**features)  # type: ignore[arg-type]
        path = clip_folder / wanted.name()
        return path if path.exists() else clips.make(path, wanted)

    return make


@pytest.fixture(scope="session")
def long_clip(clip: Callable[..., Path], clip_folder: Path) -> Callable[..., Path]:
    """Makes a clip of 48 pictures, sixteen times over, in a container that needs a scan."""

    def make(ending: str = "mkv", turns: int = 16, **features: object) -> Path:
        source = clip(**features)
        path = clip_folder / f"{turns}-times-{source.name}.{ending}"
        return path if path.exists() else clips.repeat(source, path, turns)

    return make


@pytest.fixture(scope="session")
def sample(clip_folder: Path) -> Path:
    """A small sample clip: 330 frames of 320x180, a keyframe every 250."""
    return write_sample(clip_folder / "sample.mp4", n_frames=330, size_xy=(320, 180))


@pytest.fixture
def no_prefetch(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that count what requests cost: nothing is decoded beside them."""
    monkeypatch.setattr(Prefetcher, "note", lambda *_: None)


@pytest.fixture(scope="session")
def media() -> Path:
    """The folder of real clips; without it (a checkout on its own) the tests that need it are skipped."""
    if not MEDIA.is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI needs {MEDIA}")
        pytest.skip(f"the real clips are not here: {MEDIA}")
    return MEDIA


@pytest.fixture(autouse=True)
def _no_test_runs_before_all_others() -> None:
    """Encoders may make a thread a real-time one, whose waiting loops then starve the very processes that it waits for."""
    if SCHEDULING is not None:
        assert os.sched_getscheduler(0) == SCHEDULING


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = _own_threads()
    yield
    # A thread of a reader that was not closed ends by itself, soon.
    deadline = time.monotonic() + 10
    while _own_threads() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert _own_threads() <= before, "a test left a thread behind"


def _own_threads() -> int:
    """How many threads there are, those left out that a server which serves many tests may start in any of them."""
    pools = ("framecache-serve", "framecache-open", "AnyIO worker thread", "asyncio_")
    return sum(not thread.name.startswith(pools) for thread in threading.enumerate())


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real Chromium."""
    import pages

    with pages.chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def server(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server of the sample clip, in a process of its own."""
    import pages

    with pages.server(tmp_path_factory.mktemp("server"), sample) as address:
        yield address


@pytest.fixture
def person(browser: Browser, server: str) -> Iterator[Person]:
    """Somebody who sits down at the page."""
    import pages

    with pages.visit(browser, server) as person:
        yield person
