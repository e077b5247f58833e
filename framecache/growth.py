"""Growth: the rest of an index, scanned in a thread of its own while what is known by now is used already."""

from __future__ import annotations

import atexit
import contextlib
import copy
import ctypes
import threading
import time
import traceback
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from framecache.errors import ClosedError, IndexingError
from framecache.index.frame_index import FrameIndex
from framecache.index.growing import Growing
from framecache.progress import Progress, no_progress

# While somebody waits, so often at most is a larger index made of what was scanned; else each time that it has doubled.
PUBLISH_EVERY_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 0.2
# While frames are asked for, and nobody waits for more of the index: so many packets, then a pause. A thread that reads
# one packet after the other holds Python's lock nearly all the time, and would make the others wait 5 ms for it.
PACKETS_BETWEEN_PAUSES = 32
PAUSE_SECONDS = 0.001
# Whoever opens a video asks for a frame at once, most of the time: so long the scan leaves the processor to that.
HEAD_START_SECONDS = 0.02
# How long an interpreter that ends waits for scans to notice.
LONGEST_GOODBYE_SECONDS = 2.0


class Publish(Protocol):
    """What is done with each larger index; an error ends the growth."""

    def __call__(self, index: FrameIndex, *, is_whole: bool) -> None: ...


@dataclass(slots=True)
class _Job:
    """What a growth works on. Attributes as the arguments there."""

    growing: Growing
    publish: Publish
    check_wanted: Callable[[], None]
    is_busy: Callable[[], bool]


class Growth:
    """A growing index under way. Any thread may wait. Its lock is never held while another is taken.

    After a fork, the child's growth begins anew once somebody waits for it, and calls no progress callback.

    Args:
        growing: The rest of the index.
        publish: Called in the growth's thread with each larger index, the last of which is whole.
        check_wanted: Called between packets in that thread; raises ClosedError once nobody wants the index.
        is_busy: Whether frames are being asked for just now, to which it gives way.
        progress: Called in that thread with the stage and how much of it is done.

    Attributes:
        is_over: Whether the whole index was published.
        made: The whole index as it was made; None until then.
        seconds: How long it took; 0.0 until then.
    """

    def __init__(
        self,
        growing: Growing,
        publish: Publish,
        check_wanted: Callable[[], None],
        is_busy: Callable[[], bool],
        progress: Progress,
    ) -> None:
        self._job: _Job | None = _Job(growing, publish, check_wanted, is_busy)
        self._progress = progress
        self._began = time.perf_counter()
        self._changed = threading.Condition(threading.Lock())
        self._thread: threading.Thread | None = None
        self._is_orphaned = self._is_stopped = self._is_joined = self._is_telling = False
        self._waiting = self._waiting_for_all = 0
        self._published_at = 0.0
        self._decoded: float | None = None
        self._done_in_the_end = 0.0
        self._error: BaseException | None = None
        self.is_over = False
        self.made: FrameIndex | None = None
        self.seconds = 0.0
        _growths.add(self)

    @property
    def done(self) -> float:
        """How much of the stage under way is done, 0.0 to 1.0: of the scan, or of a decode that it showed to be needed."""
        if self.is_over:
            return 1.0
        job = self._job
        scanned = self._done_in_the_end if job is None else job.growing.done
        return scanned if self._decoded is None else self._decoded

    @property
    def has_failed(self) -> bool:
        """Whether it ended before the index was whole."""
        return self._error is not None

    def start(self) -> None:
        """Go on with the scan in a thread of its own, unless that is done already.

        Raises:
            IndexingError: No thread can be started; whoever waits tries again.
        """
        with self._changed:
            if self._thread is None and not self.is_over and self._error is None:
                # A daemon: an interpreter that ends does not wait for the end of a long file.
                self._thread = threading.Thread(target=self._work, name="framecache-index", daemon=True)
                try:
                    self._thread.start()
                except RuntimeError as error:
                    self._thread = None
                    raise IndexingError(f"no thread can be started that makes the rest of the index ({error})") from error

    def wait(
        self, look: Callable[[], None], is_enough: Callable[[], bool] | None = None, timeout_seconds: float | None = None
    ) -> bool:
        """Wait until the index is whole, or `is_enough` before that; whether that came about in time.

        Raises:
            IndexingError, VideoChangedError, VideoAccessError: What ended the growth.
            Whatever `look` raises, which is called every so often.
        """
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        self.check()
        while not (self.is_over or (is_enough is not None and is_enough())):
            look()
            if threading.current_thread() is self._thread:
                raise IndexingError("a progress callback cannot wait for the index whose progress it is told")
            self.start()
            left = LONGEST_WAIT_SECONDS if deadline is None else min(deadline - time.monotonic(), LONGEST_WAIT_SECONDS)
            if left <= 0:
                return False
            self._wait(is_enough, left)
            self.check()
        return True

    def _wait(self, is_enough: Callable[[], bool] | None, seconds: float) -> None:
        with self.awaited(is_enough is None), self._changed:
            if not (self.is_over or self._error is not None or (is_enough is not None and is_enough())):
                self._changed.wait(seconds)

    @contextlib.contextmanager
    def awaited(self, is_whole: bool) -> Iterator[None]:
        """Somebody waits for the whole index, or for some of it, as long as the block runs: it goes on without pauses then.

        `wait` tells it itself; this is for who looks again and again with no time to wait, such as an event loop.
        """
        with self._changed:
            # For those who wait for the end, nothing is to be done before it.
            self._waiting += not is_whole
            self._waiting_for_all += is_whole
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._waiting -= not is_whole
                self._waiting_for_all -= is_whole

    def check(self) -> None:
        """Raise what ended the growth, if anything did before its end."""
        error = self._error
        if error is not None:
            try:
                again = copy.copy(error)
            except Exception:  # an error of a callback's own, of a type that cannot be copied
                again = error
            try:
                raise again from error
            finally:
                # An error that its own traceback leads back to would keep all callers' variables until the collector runs.
                del again, error

    def stop(self) -> None:
        """End it between two packets; whoever waits meets ClosedError."""
        self._is_stopped = True
        with self._changed:
            self._changed.notify_all()

    def join(self, timeout_seconds: float | None = None) -> None:
        """Wait for the thread's end, once the growth is not wanted any more; not while it is in the progress callback."""
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        with self._changed:
            self._is_joined = True
            self._changed.notify_all()
        thread = self._thread
        while thread is not None and thread is not threading.current_thread() and thread.is_alive() and not self._is_telling:
            if deadline is not None and time.monotonic() >= deadline:
                return
            thread.join(0.02)

    def after_fork(self) -> None:
        """In a forked child: there is no thread, and what it had open must be neither used nor freed."""
        self._changed = threading.Condition(threading.Lock())
        self._waiting = self._waiting_for_all = 0
        self._is_telling = self._is_joined = False
        self._progress = no_progress
        if not self.is_over and self._error is None:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object((self._job and self._job.growing, self._thread)))
            self._thread, self._is_orphaned = None, True

    # The growth's own thread

    def _work(self) -> None:
        error: BaseException | None = None
        try:
            self._grow()
        except BaseException as raised:  # it is for those who wait, and a thread that ends by it would only print it
            error = raised
        with self._changed:
            self._error = None if error is None else _without_frames(error)
            self._let_go()
            self._changed.notify_all()

    def _let_go(self) -> None:
        """What was scanned is as large as the index, and the callbacks lead back to the video that holds this."""
        if self._job is not None:
            self._done_in_the_end, self._job = self._job.growing.done, None

    def _grow(self) -> None:
        job = self._job
        assert job is not None, "it is let go of by this thread, in the end"
        with self._changed:
            self._changed.wait_for(self._is_awaited, HEAD_START_SECONDS)
        # Before a container is opened for it.
        self._check_goes_on()
        if self._is_orphaned:
            job.growing, self._is_orphaned = job.growing.begin_anew(), False
        growing = job.growing
        with contextlib.closing(growing.indices(self._is_time, self._tell)) as indices:
            for index in indices:
                job.publish(index, is_whole=growing.is_whole)
                with self._changed:
                    self._published_at = time.monotonic()
                    if growing.is_whole:
                        self.made, self.seconds, self.is_over = index, time.perf_counter() - self._began, True
                    self._changed.notify_all()

    def _is_time(self, count: int, known: int) -> bool:
        self._check_goes_on()
        if count % PACKETS_BETWEEN_PAUSES == 0 and not (self._waiting or self._waiting_for_all) and self._is_busy():
            time.sleep(PAUSE_SECONDS)
        if self._waiting and count > known and time.monotonic() - self._published_at >= PUBLISH_EVERY_SECONDS:
            return True
        return count >= 2 * known

    def _tell(self, stage: str, done: float) -> None:
        self._check_goes_on()
        self._decoded = done if stage == "decoding" else None
        self._is_telling = True
        try:
            self._progress(stage, done)
        except BaseException as error:
            # It is the callback's affair, and not that of those who ask for frames.
            self._progress = no_progress
            threading.excepthook(threading.ExceptHookArgs((type(error), error, error.__traceback__, threading.current_thread())))
        finally:
            self._is_telling = False

    def tell_no_more(self, progress: Progress) -> None:
        """Do not call this callback any more: whoever wanted to know is gone."""
        if self._progress is progress:
            self._progress = no_progress

    def _is_awaited(self) -> bool:
        return self._waiting + self._waiting_for_all > 0 or self._is_joined or self._is_stopped

    def _is_busy(self) -> bool:
        return self._job is not None and self._job.is_busy()

    def _check_goes_on(self) -> None:
        if self._is_stopped:
            raise ClosedError("the index is not made any further, for the interpreter ends")
        if self._job is not None:
            self._job.check_wanted()


def _without_frames(error: BaseException) -> BaseException:
    """An error that still says where it was raised, but no longer holds what was in use there."""
    link: BaseException | None = error
    while link is not None:
        traceback.clear_frames(link.__traceback__)
        link = link.__cause__ or link.__context__
    # The first frame is that of the thread itself, which goes on.
    return error.with_traceback(error.__traceback__ and error.__traceback__.tb_next)


_growths: weakref.WeakSet[Growth] = weakref.WeakSet()


def _stop_all() -> None:
    """At the interpreter's end: a thread inside FFmpeg must not outlive it."""
    under_way = list(_growths)
    for growth in under_way:
        growth.stop()
    deadline = time.monotonic() + LONGEST_GOODBYE_SECONDS
    for growth in under_way:
        growth.join(max(0.0, deadline - time.monotonic()))


atexit.register(_stop_all)
