"""Holding a scrubber's work up at a known point, so that tests need no sleeping."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection

import pytest

import framecache
from framecache import Arrival, Scrubber, VideoReader
from framecache.frame import VideoFrameInfo
from framecache.growth import Growth
from framecache.index.growing import FIRST_PACKETS

DEADLINE_SECONDS = 60.0


class Gate:
    """Holds a reader's requests up between two packets until it is opened, and writes down what became of them.

    Those for `but_not` pass at once.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, reader: VideoReader, but_not: Collection[int] = ()) -> None:
        self.began: list[int] = []
        self.overtaken: list[int] = []
        self.is_open = threading.Event()
        self.has_begun = threading.Semaphore(0)
        self.has_stopped = threading.Semaphore(0)
        real = reader._frame

        def frame(place: int, is_cancelled: Callable[[], bool], spare_frames: int | None = None) -> VideoFrameInfo:
            if place in but_not:
                return real(place, is_cancelled, spare_frames)
            self.began.append(place)
            self.has_begun.release()
            while not self.is_open.wait(0.001):
                if is_cancelled():
                    self.overtaken.append(place)
                    self.has_stopped.release()
                    raise framecache.CancelledError(f"frame {place}")
            return real(place, is_cancelled, spare_frames)

        monkeypatch.setattr(reader, "_frame", frame)

    def wait_for_next(self) -> None:
        assert self.has_begun.acquire(timeout=DEADLINE_SECONDS)

    def wait_for_stop(self) -> None:
        assert self.has_stopped.acquire(timeout=DEADLINE_SECONDS)


class ScanGate:
    """Lets the threads that scan growing files go on up to a number of packets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_open = False
        self.allowed = FIRST_PACKETS
        self.threads: list[str] = []
        self._changed = threading.Condition()
        is_time = Growth._is_time

        def gated(growth: Growth, count: int, known: int) -> bool:
            return self.pass_by(growth, count, known) or is_time(growth, count, known)

        monkeypatch.setattr(Growth, "_is_time", gated)
        monkeypatch.setattr("framecache.growth.PUBLISH_EVERY_SECONDS", 0.0)

    def let(self, count: int) -> None:
        with self._changed:
            self.allowed = count
            self._changed.notify_all()

    def open(self) -> None:
        with self._changed:
            self.is_open = True
            self._changed.notify_all()

    def pass_by(self, growth: Growth, count: int, known: int) -> bool:
        """Wait until the gate lets the thread on; whether a larger index is to be made, for those who wait meanwhile."""
        with self._changed:
            self.threads.append(threading.current_thread().name)
            while count > self.allowed and not self.is_open:
                growth._check_goes_on()
                if growth._waiting and known < self.allowed:
                    return True
                self._changed.wait(0.01)
        return False


def arrivals_until(scrubber: Scrubber, index: int) -> list[Arrival]:
    """What arrives, up to and with the frame at `index` itself."""
    came: list[Arrival] = []
    while not came or came[-1].index != index or came[-1].is_preview:
        arrival = scrubber.take(DEADLINE_SECONDS)
        assert arrival is not None, f"{index} never came"
        came.append(arrival)
    return came
