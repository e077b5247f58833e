"""OpenVideos: the videos that are open now, opened in the background when they are first asked for."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from typing import Any, Literal

from framecache.engine import Engine
from framecache.errors import ClosedError, FramecacheError, IndexingError
from framecache.reader import VideoReader
from framecache.server.library import Entry, Library
from framecache.server.problems import Problem
from framecache.video import Counters

State = Literal["new", "opening", "growing", "ready", "failed"]
MOST_OPEN = 128
OPENING_THREADS = 2
# A file that could not be reached is opened anew where it is asked for so much later.
RETRY_SECONDS = 2.0
# How long a path that led to a file within its root is taken to do so, while it leads to the same file.
LOOK_AGAIN_SECONDS = 1.0
# What such errors say may hold any path.
UNTOLD = "this video cannot be opened, for a reason that the server's log tells"
log = logging.getLogger(__name__)
Identity = tuple[int, int, int, int]


class ServedVideo:
    """A file that is open, or on its way there. Threads may share it.

    Attributes:
        entry: The file.
        identity: Which bytes: what the disk says of the file when it was opened.
        opening: The reader, once it can be had; or why not.
        stage, progress: What is done for its index, and how much of it: 0.0 to 1.0.
        users: How many requests use it now: it is not closed meanwhile. Changed under the lock of OpenVideos.
        is_put_away: Whether it is to be closed once nobody uses it.
        is_closed: Whether that was done.
        failed_at: When opening it failed, on the monotonic clock; None where it has not.
        frames_told, told_index: What is told of its frames, and the index that it holds for; see `frames.told_of`.
        looked_at: When its path was last followed link by link, and led to a file within its root; on the same clock.
    """

    def __init__(self, entry: Entry, identity: Identity) -> None:
        self.entry = entry
        self.identity = identity
        self.opening: Future[VideoReader] = Future()
        self.stage: str | None = None
        self.progress = 0.0
        self.users = 0
        self.is_put_away = self.is_closed = False
        self.failed_at: float | None = None
        self.looked_at = time.monotonic()
        self.frames_told: dict[Any, Any] = {}
        self.told_index: object = None

    @property
    def may_be_tried_again(self) -> bool:
        """Whether it failed for what need not be so any more, such as rights or too many open files, some seconds ago."""
        if self.failed_at is None or time.monotonic() - self.failed_at < RETRY_SECONDS or not self.opening.done():
            return False
        return isinstance(self.opening.exception(), (OSError, MemoryError))

    @property
    def reader(self) -> VideoReader | None:
        """The reader, if it can be had now."""
        if self.opening.done() and not self.opening.cancelled() and self.opening.exception() is None:
            return self.opening.result()
        return None

    @property
    def error(self) -> str | None:
        """Why it cannot be opened, or its index not be made; without its path."""
        if not self.opening.done():
            return None
        error = self.opening.exception()
        reader = self.reader
        if reader is not None:
            try:
                _ = reader._known
            except Exception as raised:  # one video must not spoil the list of all
                error = raised
        if error is None:
            return None
        return self.told(error) if isinstance(error, FramecacheError) else UNTOLD

    @property
    def state(self) -> State:
        """How far it is."""
        if not self.opening.done():
            return "opening"
        if self.error is not None:
            return "failed"
        return "ready" if self.opening.result().is_indexed else "growing"

    def told(self, error: BaseException) -> str:
        """An error's message, in which the file has its name and no path."""
        return self.without_path(str(error))

    def without_path(self, text: str) -> str:
        """A text in which the file has its name and no path."""
        for path in (repr(str(self.entry.path)), str(self.entry.path)):
            text = text.replace(path, self.entry.name)
        return text

    def tell(self, stage: str, done: float) -> None:
        """Take down how far its index is; from any thread."""
        self.stage, self.progress = (stage, done) if done < 1.0 else (None, 1.0)


class OpenVideos:
    """The videos that are open. Threads may share it.

    Args:
        library: Which files there are.
        engine: Who decodes for all of them.
        most_open: The most that stay open; the least recently used goes first.
        on_close: Called with each reader that is closed, from any thread.
    """

    def __init__(
        self,
        library: Library,
        engine: Engine,
        *,
        most_open: int = MOST_OPEN,
        on_close: Callable[[VideoReader], object] = lambda _: None,
    ) -> None:
        self._library = library
        self._engine = engine
        self._most_open = most_open
        self._on_close = on_close
        self._lock = threading.Lock()
        self._videos: OrderedDict[str, ServedVideo] = OrderedDict()
        self._is_closed = False
        self._counted = Counters()
        self._threads = ThreadPoolExecutor(OPENING_THREADS, thread_name_prefix="framecache-open")

    def peek(self, id_: str) -> ServedVideo | None:
        """A video that was asked for before, if it is open or on its way."""
        return self._videos.get(id_)

    def all(self) -> list[ServedVideo]:
        """Those that are open, or on their way."""
        with self._lock:
            return list(self._videos.values())

    def counted(self) -> Counters:
        """What was done for all of them, those included that were closed since."""
        with self._lock:
            open_now = [served for served in self._videos.values() if not served.is_closed]
            readers = [reader for served in open_now if (reader := served.reader) is not None]
            total = self._counted
        for reader in readers:
            total = _sum(total, reader._video.counters)
        return total

    def give_back(self, served: ServedVideo) -> None:
        """Whoever took it does not use it any more."""
        with self._lock:
            served.users -= 1
        if served.is_put_away:
            self._close_unused(served)

    def close(self) -> None:
        """Close them all."""
        with self._lock:
            self._is_closed = True
            videos, self._videos = list(self._videos.values()), OrderedDict()
        for served in videos:
            served.is_put_away = True
            self._close_unused(served, in_any_case=True)
        self._threads.shutdown(wait=True, cancel_futures=True)
        for served in videos:
            self._close_unused(served, in_any_case=True)

    def take(self, id_: str) -> ServedVideo:
        """The video of an id, which stays open until it is given back; opening begins if it has not.

        Raises:
            Problem: 404: There is none. 503: The server is closing.
        """
        entry, identity = self._look_at(id_)
        away: list[ServedVideo] = []
        with self._lock:
            if self._is_closed:
                raise Problem(503, "the server is closing", headers={"Retry-After": "5"})
            served = self._videos.get(id_)
            if served is not None and (served.identity != identity or served.may_be_tried_again):
                # Another file by now, which has other frames; or one that could not be reached.
                away.append(self._videos.pop(id_))
                served = None
            if served is None:
                served = self._videos[id_] = ServedVideo(entry, identity)
                self._threads.submit(self._open, served).add_done_callback(partial(_not_opened, served))
            self._videos.move_to_end(id_)
            served.users += 1
            while len(self._videos) > self._most_open:
                unused = next((id_ for id_, one in self._videos.items() if not one.users), None)
                if unused is None:
                    break
                away.append(self._videos.pop(unused))
        for one in away:
            one.is_put_away = True
            self._close_unused(one)
        return served

    def _look_at(self, id_: str) -> tuple[Entry, Identity]:
        """Which file an id means, and which bytes that is now. Raises Problem 404 where there is none within its root."""
        served, now = self._videos.get(id_), time.monotonic()
        if served is not None and now - served.looked_at < LOOK_AGAIN_SECONDS:
            # The very file that was found within its root a moment ago; to look at every link on its way costs more than
            # all else of a request that the cache answers.
            identity = _identity(served.entry.path)
            if identity == served.identity:
                return served.entry, identity
        entry = self._library.find(id_) if served is None or not served.entry.is_within() else served.entry
        identity = None if entry is None else _identity(entry.path)
        if entry is None or identity is None:
            raise Problem(404, "there is no such video; /v1/videos lists them")
        if served is not None and served.entry is entry:
            served.looked_at = now
        return entry, identity

    def _open(self, served: ServedVideo) -> None:
        try:
            reader = VideoReader(served.entry.path, engine=self._engine, progress=served.tell, writable=False)
        except BaseException as error:  # whatever it is, whoever asks is told
            if not isinstance(error, FramecacheError):
                log.error("a video could not be opened: %s", served.entry.path, exc_info=error)
            served.failed_at = time.monotonic()
            served.opening.set_exception(error)
            return
        served.opening.set_result(reader)
        if served.is_put_away:
            self._close_unused(served)

    def _close_unused(self, served: ServedVideo, *, in_any_case: bool = False) -> None:
        with self._lock:
            reader = served.reader
            if served.is_closed or reader is None or (served.users and not in_any_case):
                return
            served.is_closed = True
            self._counted = _sum(self._counted, reader._video.counters)
        reader.close()
        self._on_close(reader)


def _not_opened(served: ServedVideo, opened: Future[None]) -> None:
    """Tell those who wait for a video whose opening was called off before it began."""
    if opened.cancelled():
        served.opening.set_exception(ClosedError("the server is closing"))


def problem_of(served: ServedVideo, error: BaseException) -> Problem:
    """What an error of opening or of the index is answered with."""
    if isinstance(error, ClosedError):
        return Problem(503, "the video was closed meanwhile; ask again", headers={"Retry-After": "1"})
    if isinstance(error, (FramecacheError, IndexingError)):
        return Problem(422, f"this video cannot be read: {served.told(error)}")
    return Problem(500, UNTOLD)


def _sum(one: Counters, other: Counters) -> Counters:
    return Counters(**{name: value + getattr(other, name) for name, value in asdict(one).items()})


def _identity(path: os.PathLike[str]) -> Identity | None:
    try:
        status: Any = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
