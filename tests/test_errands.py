from __future__ import annotations

import concurrent.futures
import gc
import itertools
import multiprocessing
import os
import random
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from gates import DEADLINE_SECONDS, Gate, arrivals_until

import framecache
from framecache import Arrival, Engine, Scrubber, VideoReader
from framecache.sample import read_index

pytestmark = pytest.mark.usefixtures("no_prefetch")

THREAD_NAME = "framecache-scrubber"


@pytest.fixture
def reader(sample: Path) -> Iterator[VideoReader]:
    with VideoReader(sample) as reader:
        yield reader


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch, reader: VideoReader) -> Gate:
    return Gate(monkeypatch, reader)


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == THREAD_NAME]


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.001)


def test_the_last_position_arrives_after_a_storm_from_several_threads(reader: VideoReader):
    came: list[Arrival] = []
    settled: list[concurrent.futures.Future[framecache.VideoFrameInfo]] = []

    def storm(seed: int) -> None:
        chosen = random.Random(seed)
        for _ in range(60):
            place = chosen.randrange(330)
            if chosen.random() < 0.5:
                scrubber.seek(place)
            else:
                settled.append(scrubber.request(place))
                if chosen.random() < 0.3:
                    settled[-1].cancel()
            time.sleep(chosen.choice((0, 0, 0.001)))

    with Scrubber(reader, patience_seconds=0.05, on_arrival=came.append) as scrubber:
        storms = [threading.Thread(target=storm, args=(seed,)) for seed in range(4)]
        for thread in storms:
            thread.start()
        for thread in storms:
            thread.join()
        scrubber.seek(77)
        last = scrubber.request(77)
        assert last.result(DEADLINE_SECONDS).frame_ix == 77
        wait_until(lambda: scrubber.is_idle)
        arrivals = list(came)
        assert not concurrent.futures.wait(settled, DEADLINE_SECONDS).not_done, "every future is settled"
    assert (arrivals[-1].index, arrivals[-1].is_preview) == (77, False)
    for arrival in arrivals:
        assert read_index(arrival.get().image) == arrival.get().frame_ix
        assert arrival.is_preview == (arrival.get().frame_ix != arrival.index)
    for future in settled:
        error = None if future.cancelled() else future.exception()
        assert error is None or isinstance(error, framecache.CancelledError)


def test_hundreds_of_scrubbers_can_be_made_and_closed(reader: VideoReader):
    before = threading.active_count()
    scrubbers = [Scrubber(reader) for _ in range(300)]
    assert threading.active_count() == before, "one that nothing was wanted of has no thread"
    futures = [scrubber.request(number % 20) for number, scrubber in enumerate(scrubbers)]
    assert threading.active_count() == before + 300
    assert [future.result(DEADLINE_SECONDS).frame_ix for future in futures] == [number % 20 for number in range(300)]
    for scrubber in scrubbers:
        scrubber.close()
    assert threading.active_count() == before


def test_a_scrubber_that_is_dropped_takes_its_thread_along(reader: VideoReader):
    scrubber = Scrubber(reader)
    future = scrubber.request(5)
    future.result(DEADLINE_SECONDS)
    (thread,) = threads()
    del scrubber
    gc.collect()
    thread.join(DEADLINE_SECONDS)
    assert not thread.is_alive()


def test_one_that_its_own_callback_holds_goes_too(reader: VideoReader):
    class Window:
        def __init__(self) -> None:
            self.came: list[int] = []
            self.scrubber = Scrubber(reader, on_arrival=self.show)

        def show(self, arrival: Arrival) -> None:
            self.came.append(arrival.index)

    window = Window()
    window.scrubber.seek(5)
    came = window.came
    wait_until(lambda: came == [5])
    gone = weakref.ref(window)
    (thread,) = threads()
    del window
    gc.collect()
    assert gone() is None
    thread.join(DEADLINE_SECONDS)
    assert not thread.is_alive()


def test_what_a_dropped_scrubber_was_asked_for_fails(reader: VideoReader, gate: Gate):
    scrubber = Scrubber(reader)
    future = scrubber.request(300)
    gate.wait_for_next()
    del scrubber
    gc.collect()
    with pytest.raises(framecache.ClosedError):
        future.result(DEADLINE_SECONDS)
    wait_until(lambda: not threads())


def test_dropping_while_its_lock_is_held_does_not_hang(reader: VideoReader):
    """The collector may run in any thread, at any moment."""
    scrubber = Scrubber(reader)
    scrubber.request(5).result(DEADLINE_SECONDS)
    errands = scrubber._errands
    dropping = threading.Thread(target=errands.drop)
    with errands._changed:
        dropping.start()
        dropping.join(DEADLINE_SECONDS)
        assert not dropping.is_alive()
    del scrubber, errands
    wait_until(lambda: not threads())


def test_a_frame_that_arrived_is_held_by_nobody_but_who_has_it(reader: VideoReader):
    with Scrubber(reader) as scrubber:
        scrubber.seek(5)
        future = scrubber.request(5)
        images = [weakref.ref(future.result(DEADLINE_SECONDS).image), weakref.ref(arrivals_until(scrubber, 5)[-1].get().image)]
        wait_until(lambda: scrubber.is_idle)
        gc.disable()
        try:
            del future
            wait_until(lambda: all(image() is None for image in images))
        finally:
            gc.enable()


def test_shared_images_are_shared(sample: Path):
    with VideoReader(sample, writable=False) as reader, Scrubber(reader) as scrubber:
        one, other = scrubber.request(5).result(DEADLINE_SECONDS), scrubber.request(5).result(DEADLINE_SECONDS)
        assert np.shares_memory(one.image, other.image)


def test_one_that_waits_for_anothers_decoder_is_overtaken_at_once(sample: Path, monkeypatch: pytest.MonkeyPatch):
    """Two clients of one engine with one decoder: the second must not wait for the first to be called off."""
    with Engine(max_decoders=1) as engine, VideoReader(sample, engine=engine) as reader:
        is_held, is_free, looks = threading.Event(), threading.Event(), itertools.count()
        real = reader._frame

        def hold() -> bool:
            if next(looks) == 0:  # before it leads, under the engine's lock
                return False
            is_held.set()
            return is_free.wait(DEADLINE_SECONDS) and False

        holding = threading.Thread(target=real, args=(200, hold))
        holding.start()
        assert is_held.wait(DEADLINE_SECONDS)
        # What waits looks again only when it is woken.
        monkeypatch.setattr(engine._changed, "wait", lambda timeout: threading.Condition.wait(engine._changed, DEADLINE_SECONDS))
        try:
            with Scrubber(reader, previews=False) as scrubber:
                future = scrubber.request(249)
                wait_until(lambda: bool(engine._pool.runs and engine._pool.runs[0].wants))
                began = time.monotonic()
                future.cancel()
                wait_until(lambda: scrubber.is_idle)
                assert time.monotonic() - began < DEADLINE_SECONDS / 2
        finally:
            is_free.set()
            holding.join()


def _in_child(scrubber: Scrubber, answers: multiprocessing.SimpleQueue[object]) -> None:
    try:
        answers.put((scrubber.is_idle, scrubber.take(), scrubber.request(7).result(DEADLINE_SECONDS).frame_ix))
        scrubber.close()
    except Exception as error:
        answers.put(error)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_forked_childs_scrubber_begins_anew(reader: VideoReader, gate: Gate):
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    with Scrubber(reader) as scrubber:
        scrubber.seek(300)
        gate.wait_for_next()
        gate.is_open.set()
        # Whatever the parent's thread is doing, locks it holds included.
        with scrubber._errands._changed:
            child = context.Process(target=_in_child, args=(scrubber, answers))
            child.start()
        child.join(DEADLINE_SECONDS)
        assert child.exitcode == 0
        assert answers.get() == (True, None, 7)
        assert arrivals_until(scrubber, 300)[-1].get().frame_ix == 300, "the parent's goes on"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_closed_scrubber_stays_closed_after_a_fork(reader: VideoReader):
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    scrubber = Scrubber(reader)
    scrubber.close()
    child = context.Process(target=_in_child, args=(scrubber, answers))
    child.start()
    child.join(DEADLINE_SECONDS)
    assert isinstance(answers.get(), framecache.ClosedError)


def test_looking_for_a_preview_asks_the_cache_a_bounded_number_of_times(reader: VideoReader, monkeypatch: pytest.MonkeyPatch):
    asked: list[int] = []
    real = reader._pictures.is_at_hand
    monkeypatch.setattr(reader._pictures, "is_at_hand", lambda place: asked.append(place) or real(place))
    with Scrubber(reader) as scrubber:
        scrubber.seek(120)
        arrivals_until(scrubber, 120)
    assert len(asked) <= 130
