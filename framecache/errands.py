"""Errands: the newest wanted position, the one under way, and the thread that runs them one after another."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from queue import SimpleQueue
from typing import Any

from framecache.arrival import Arrival, Errand, Waiter
from framecache.errors import CancelledError, ClosedError
from framecache.frame import VideoFrameInfo
from framecache.pace import Around
from framecache.previews import Preview, choose_preview, is_on_the_way
from framecache.reader import VideoReader

# Whoever is to be told of arrivals, as long as it lives.
Listener = Callable[[], Callable[[Arrival], None] | None]


def _always() -> bool:
    return True


class Errands:
    """What a Scrubber wants of a reader, and the thread that gets it. Any thread may call.

    The thread knows this object and not the Scrubber, so that a Scrubber that is dropped takes its thread along. It is
    started when first something is wanted.

    Args:
        reader: The reader.
        patience_seconds: As in Scrubber.
        previews: As in Scrubber.
        listener: Gives whom to tell of what was sought; None once nobody is there.
    """

    def __init__(self, reader: VideoReader, patience_seconds: float, previews: bool, listener: Listener) -> None:
        self._reader = reader
        self._patience_seconds = patience_seconds
        self._previews = previews
        self._listener = listener
        # Nothing is called under this lock: neither the reader, which asks `_is_overtaken` under its engine's, nor a
        # callback or a future, which call back here. Re-entrant, for the garbage collector may call off a future anywhere.
        self._changed = threading.Condition(threading.RLock())
        # Wakes the thread. A queue, because `drop` must never wait for a lock.
        self._signals: SimpleQueue[None] = SimpleQueue()
        self.is_closed = False
        # For those who cannot `join`.
        self.ended: Future[None] = Future()
        self._has_ended = False
        self._wanted: Errand | None = None
        self._under_way: Errand | None = None
        self._arrived: Arrival | None = None
        # When the first position was overtaken since something arrived.
        self._starving_since: float | None = None
        self._thread: threading.Thread | None = None

    @property
    def is_idle(self) -> bool:
        """Whether nothing is wanted that has not arrived."""
        with self._changed:
            return self._wanted is None and self._under_way is None

    def seek(self, place: int) -> None:
        """Want a place, for `take` and the listener."""
        self._want(place, None)

    def send(self, place: int, waiter: Waiter) -> None:
        """Want a place, for somebody who waits for it alone, and may cancel the future that it waits by."""
        errand = self._want(place, waiter)
        # By the errand alone: a future that knew its waiter would keep its frame in a cycle.
        waiter.future.add_done_callback(partial(self._withdraw, errand))

    def take(self, timeout_seconds: float) -> Arrival | None:
        """The newest arrival of what was sought, if it was not taken yet."""
        with self._changed:
            self._changed.wait_for(lambda: self._arrived is not None or self.is_closed, timeout_seconds)
            arrival, self._arrived = self._arrived, None
            return arrival

    def stop(self) -> None:
        """Have the thread end, after the packet that it is at; without waiting for it."""
        with self._changed:
            self.is_closed = True
            self._changed.notify_all()
            is_started = self._thread is not None
        if is_started:
            self._nudge()
        else:
            self._end()

    def join(self) -> None:
        """Wait for the end of the thread, unless this is it."""
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def drop(self) -> None:
        """As `stop`, for the garbage collector, which may run in any thread while the lock is held."""
        self.is_closed = True
        self._signals.put(None)

    # What is wanted

    def _want(self, place: int, waiter: Waiter | None) -> Errand:
        with self._changed:
            if self.is_closed:
                raise ClosedError("the scrubber was closed")
            self._start()
            errand, left = self._errand_to(place), self._wanted
            self._wanted = None if errand is self._under_way else errand
            if waiter is None:
                errand.is_sought = True
            else:
                errand.waiters.append(waiter)
            waiters = self._dismiss(left) if left is not None and left is not errand else []
        self._nudge()
        _fail(waiters, _overtaken(left.index, place) if left is not None else None)
        return errand

    def _nudge(self) -> None:
        """Wake the thread, whether it waits for work, or for a decoder that another leads."""
        self._signals.put(None)
        self._reader._pictures.look_again()

    def _errand_to(self, place: int) -> Errand:
        """The errand to a place: one that is on its way, the one that is next, or a new one."""
        for known in (self._under_way, self._wanted):
            if known is not None and known.index == place and not known.is_given_up:
                return known
        return Errand(place)

    def _start(self) -> None:
        if self._thread is None:
            # A daemon: an interpreter that ends does not wait for a scrubber that nobody closed.
            thread = threading.Thread(target=self._work, name="framecache-scrubber", daemon=True)
            thread.start()
            self._thread = thread

    def _dismiss(self, errand: Errand) -> list[Waiter]:
        """Nobody is to wait for it any more; those who did, to be told."""
        errand.is_given_up = True
        waiters, errand.waiters = errand.waiters, []
        return waiters

    def _withdraw(self, errand: Errand, future: Future[Any]) -> None:
        """A future is done; if it was cancelled by who waited, nothing is to be done for it any more."""
        with self._changed:
            is_known = any(waiter.future is future for waiter in errand.waiters)
            if not is_known:
                return
            errand.waiters = [waiter for waiter in errand.waiters if waiter.future is not future]
            if not errand.is_wanted and self._wanted is errand:
                self._wanted = None
        # Only this tells `concurrent.futures.wait` and its like.
        future.set_running_or_notify_cancel()
        self._nudge()

    # The thread

    def _work(self) -> None:
        try:
            while self._run_next():
                """One after another."""
        finally:
            self._end()

    def _run_next(self) -> bool:
        """Run the newest wanted, once there is one; False once all is over."""
        # In a function of its own, so that a thread that waits holds on to no frame.
        errand = self._next()
        if errand is None:
            return False
        self._finish(errand, self._run(errand))
        return True

    def _next(self) -> Errand | None:
        while True:
            with self._changed:
                if self.is_closed:
                    return None
                if self._wanted is not None:
                    self._under_way, self._wanted = self._wanted, None
                    return self._under_way
            self._signals.get()

    def _run(self, errand: Errand) -> Arrival | None:
        """What comes of it; None if it was given up."""
        reader, index, began = self._reader, errand.index, time.perf_counter()
        is_hit = reader._pictures.is_at_hand(index)
        frame: VideoFrameInfo | None = None
        error: Exception | None = None
        try:
            if self._previews and not is_hit and errand.wants_preview:
                self._show_preview(errand, began)
            frame = reader._frame(index, lambda: self._is_overtaken(errand))
        except CancelledError:
            return None
        except Exception as raised:  # whatever it is, it is for whoever takes the arrival, and ends no thread
            error = raised
        return Arrival(index, frame, error, is_hit, time.perf_counter() - began)

    def _finish(self, errand: Errand, arrival: Arrival | None) -> None:
        with self._changed:
            # From here on it is too late to join it.
            waiters = self._dismiss(errand)
        if arrival is not None:
            self._hand_out(arrival, errand.is_sought, [waiter.arrive for waiter in waiters], is_last=True)
            return
        by = errand.overtaken_by
        with self._changed:
            self._under_way = None
            if by is not None and self._starving_since is None:
                self._starving_since = time.monotonic()
        _fail(waiters, _closed() if by is None else _overtaken(errand.index, by))

    def _hand_out(self, arrival: Arrival, is_sought: bool, calls: Sequence[Callable[[Arrival], None]], *, is_last: bool) -> None:
        """Give it to whoever waits, each with an image of its own; `is_last` of what comes of the errand."""
        # Before anybody has it, for it may be drawn on.
        n_copies = len(calls) if is_sought else max(len(calls) - 1, 0)
        owned = [arrival.another(self._reader._pictures.another) for _ in range(n_copies)]
        with self._changed:
            if is_last:
                self._under_way, self._starving_since = None, None
            if is_sought:
                self._arrived = arrival
            self._changed.notify_all()
        if is_sought:
            _guarded(self._tell, arrival)
        for call, own in zip(calls, [*owned, arrival]):
            _guarded(call, own)

    def _tell(self, arrival: Arrival) -> None:
        listener = self._listener()
        if listener is not None:
            listener(arrival)

    def _end(self) -> None:
        """Nothing will come any more."""
        with self._changed:
            self.is_closed = True
            errands = [errand for errand in (self._under_way, self._wanted) if errand is not None]
            self._under_way = self._wanted = None
            waiters = [waiter for errand in errands for waiter in self._dismiss(errand)]
            self._changed.notify_all()
            is_first, self._has_ended = not self._has_ended, True
        _fail(waiters, _closed())
        if is_first:
            self.ended.set_result(None)

    # Previews

    def _show_preview(self, errand: Errand, began: float) -> None:
        """Give what may be shown meanwhile. Raises CancelledError if the errand is given up."""
        reader = self._reader
        chosen = choose_preview(reader._known.index, errand.index, reader._pictures.is_at_hand, reader._pictures.standing())
        frame = None if chosen is None else self._preview_frame(errand, chosen)
        if chosen is None or frame is None:
            return
        arrival = Arrival(errand.index, frame, None, chosen.is_at_hand, time.perf_counter() - began, is_preview=True)
        with self._changed:
            calls = [waiter.on_preview for waiter in errand.waiters if waiter.on_preview is not None]
        self._hand_out(arrival, errand.is_sought, calls, is_last=False)

    def _preview_frame(self, errand: Errand, preview: Preview) -> VideoFrameInfo | None:
        # What is at hand may be pushed out meanwhile; then it is not to be decoded.
        is_cancelled = _always if preview.is_at_hand else partial(self._is_overtaken, errand)
        try:
            return self._reader._frame(preview.place, is_cancelled, Around())
        except CancelledError:
            if preview.is_at_hand:
                return None
            raise
        except Exception:  # the way to the frame itself will meet it too, or lead past it
            return None

    # Overtaking

    def _is_overtaken(self, errand: Errand) -> bool:
        """What the engine asks between packets: whether the frame is not to be waited for any more."""
        with self._changed:
            if self.is_closed or not errand.is_wanted:
                errand.is_given_up = True
                return True
            wanted, starving_since = self._wanted, self._starving_since
        if wanted is None or not self._may_overtake(errand.index, wanted.index, starving_since):
            return False
        with self._changed:
            # In the meantime it may have become the newest again.
            if self._wanted is wanted:
                errand.is_given_up, errand.overtaken_by = True, wanted.index
            return errand.is_given_up

    def _may_overtake(self, index: int, wanted_index: int, starving_since: float | None) -> bool:
        if self._reader._pictures.is_at_hand(wanted_index):
            return True
        is_starved = starving_since is not None and time.monotonic() - starving_since >= self._patience_seconds
        return not is_starved and not is_on_the_way(self._reader._known.index, index, wanted_index)


def _overtaken(index: int, by: int) -> CancelledError:
    return CancelledError(f"frame {index} was overtaken by frame {by}, which the scrubber was asked for after it")


def _closed() -> ClosedError:
    return ClosedError("the scrubber was closed")


def _fail(waiters: Sequence[Waiter], error: Exception | None) -> None:
    for waiter in waiters:
        assert error is not None
        _guarded(waiter.fail, error)


def _guarded(call: Callable[[Any], None], argument: Any) -> None:
    """Call what is not ours: what it raises is reported as threads report it, and ends no thread."""
    try:
        call(argument)
    except BaseException as error:
        report = threading.ExceptHookArgs((type(error), error, error.__traceback__, threading.current_thread()))
        threading.excepthook(report)
        del report
    finally:
        del call, argument
