"""Prefetch: decoding in the background what is likely to be asked for next; a client of the engine."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from framecache.decode.settled import DecodedFrame
from framecache.engine import Engine
from framecache.errors import CancelledError, DecodeError
from framecache.index.frame_index import FrameIndex
from framecache.lead import UnsettledError
from framecache.pace import Around, Motion
from framecache.video import CacheKey, CacheValue, Video, held_value_bytes

# So long nothing must have been asked for: whoever takes one frame after another is never disturbed.
QUIET_SECONDS = 0.003
LONGEST_PAUSE_SECONDS = 0.05
# So long a thread waits for something to do before it ends.
IDLE_SECONDS = 1.0
# How much of what is ahead at the pace of the last requests is had ready, and how much at least.
AHEAD_SECONDS = 2.0
LEAST_FRAMES = 24
# Frames to have ready before a place that was jumped to, for whoever steps back from there.
BEHIND_A_JUMP_FRAMES = 64
# How much of the budget may hold what was not asked for, and how much of that lies where requests are going.
BUDGET_SHARE = 0.75
LEADING_SHARE = 2 / 3
# With room for fewer frames, the cache is left to what was asked for.
FEWEST_FRAMES = 12
# A video that was not asked for frames for so long does not share the budget any more.
RECENT_SECONDS = 5.0


class Client(Protocol):
    """A reader, as far as prefetching for it goes."""

    video: Video
    """Whose frames."""
    threshold_frames: int
    """Targets up to this far ahead are decoded forward to."""

    def keys(self, place: int) -> Sequence[CacheKey]:
        """The keys under which a place's frame may be cached."""

    def hold(self, place: int) -> bool:
        """Whether the cache holds a place's frame, which is then among the last to be pushed out."""

    def keep(self, decoded: DecodedFrame) -> tuple[CacheKey, CacheValue] | None:
        """As in `Engine.fetch`."""

    def check_open(self) -> None:
        """Raise ClosedError once the reader is closed."""


def window(index: FrameIndex, place: int, motion: Motion, room_frames: int) -> range:
    """The places around one that was asked for that are to be had ready, where the cache has room for so many."""
    most = int(room_frames * BUDGET_SHARE)
    leading, trailing = int(most * LEADING_SHARE), most - int(most * LEADING_SHARE)
    reach = max(LEAST_FRAMES, int(motion.frames_per_second * AHEAD_SECONDS))
    if motion.direction > 0:
        behind, ahead = min(LEAST_FRAMES, trailing), min(reach, leading)
    elif motion.direction < 0:
        # The GOP before this one too: it is decoded as a whole.
        neighbour = place - _gop_start(index, _gop_start(index, place) - 1)
        behind, ahead = min(max(reach, neighbour), leading), min(LEAST_FRAMES, trailing)
    else:
        behind, ahead = min(BEHIND_A_JUMP_FRAMES, most // 2), min(LEAST_FRAMES, most // 2)
    return range(max(place - behind, 0), min(place + ahead + 1, len(index)))


def inner(window: range, place: int) -> range:
    """The part of a window in which the next place may lie before another window is looked at: half of it each way."""
    return range(place - (place - window.start) // 2, place + (window.stop - place) // 2 + 1)


def stretches(index: FrameIndex, window: range, place: int, motion: Motion) -> Iterator[tuple[int, int, bool]]:
    """The parts of a window in the order in which they are to be decoded: first, last, and whether forward from `place`.

    Those before the place, GOP by GOP, the nearest first; each is decoded in one go.
    """
    ahead = (place + 1, window.stop - 1, True)
    if motion.direction >= 0 and ahead[1] >= ahead[0]:
        yield ahead
    last = place - 1
    while last >= window.start:
        first = max(_gop_start(index, last), window.start)
        yield first, last, False
        last = first - 1
    if motion.direction < 0 and ahead[1] >= ahead[0]:
        yield ahead


def _gop_start(index: FrameIndex, place: int) -> int:
    """The first place that decoding gives when it starts where it must to reach `place`."""
    return index.first_place_from(index.start_row(place)) if place >= 0 else 0


@dataclass(frozen=True, eq=False, slots=True)
class _Note:
    client: Client
    place: int
    motion: Motion


class Prefetcher:
    """The background thread of one engine, which follows the newest request of any of its readers.

    It decodes only while no request does, stops between two packets when one comes, and does not fill more of the
    budget than its share. The thread starts with the first thing to do and ends when there is nothing for a while.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = weakref.ref(engine)
        self._changed = threading.Condition(threading.Lock())
        self._newest: _Note | None = None
        self._thread: threading.Thread | None = None
        self._is_asleep = False
        self._is_stopped = False
        # For whom a window was filled last, where in it nothing is to be done, and how many evictions there had been.
        self._filled: tuple[weakref.ref[Client], range, int] | None = None
        self._given_up: weakref.ref[Client] | None = None
        self._close_engine: Callable[[], None] | None = None
        self._seen: dict[CacheKey, float] = {}

    def note(self, client: Client, place: int, motion: Motion) -> None:
        """A frame was asked for, and had. Returns at once; where no thread can be started, nothing is prefetched."""
        if self._is_stopped or self._is_filled(client, place):
            return
        # First this, then the look at the thread, which does it the other way round: one of the two sees the other.
        self._newest = _Note(client, place, motion)
        if self._thread is not None and not self._is_asleep:
            return  # the thread looks for itself before long
        with self._changed:
            if self._is_stopped or self._thread is not None:
                self._changed.notify_all()
                return
            # A daemon: an interpreter that ends does not wait for it.
            thread = threading.Thread(target=self._work, name="framecache-prefetch", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                self._newest = None
            else:
                self._thread = thread

    def stop(self) -> None:
        """Have the thread end after the packet that it is at; without waiting for it."""
        # Nothing that leads back to the engine is kept.
        self._is_stopped, self._newest, self._filled = True, None, None
        if self._changed.acquire(blocking=False):
            self._changed.notify_all()
            self._changed.release()

    def takes_over(self, close: Callable[[], None]) -> bool:
        """Whether this is the thread itself, which then closes the engine when its work under way is done."""
        if threading.current_thread() is not self._thread:
            return False
        self._close_engine = close
        return True

    def join(self) -> None:
        """Wait for the end of the thread, unless this is it."""
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    # The thread

    def _work(self) -> None:
        while (note := self._await_note()) is not None:
            try:
                self._follow(note)
            except CancelledError:
                if self._newest is None and not self._is_stopped:
                    # Something was asked for meanwhile: the rest of this, or whatever is newer, when it is quiet.
                    self._newest = note
            except UnsettledError:
                self._given_up = weakref.ref(note.client)
            except Exception:
                """Whoever asks for that frame meets it too, and is told."""
            del note
        if self._close_engine is not None:
            self._close_engine()

    def _await_note(self) -> _Note | None:
        """The newest request, once it is quiet; None once all is over, or nothing came for long."""
        idle_since, pause_seconds = time.monotonic(), QUIET_SECONDS
        with self._changed:
            while not self._is_stopped:
                engine = self._engine()
                if engine is None:
                    break
                quiet_for = engine.quiet_seconds()
                # No thread that waits keeps an engine alive.
                del engine
                if self._newest is not None and quiet_for >= QUIET_SECONDS:
                    note, self._newest = self._newest, None
                    return note
                left = idle_since + IDLE_SECONDS - time.monotonic()
                if self._newest is None and left <= 0:
                    self._thread = None
                    if self._newest is None:
                        return None
                    self._thread = threading.current_thread()
                self._is_asleep = True
                # Only who sleeps without anything to do is to be woken.
                self._is_asleep = is_idle = self._newest is None
                self._changed.wait(max(left, QUIET_SECONDS) if is_idle else pause_seconds)
                self._is_asleep = False
                # The longer it is busy, the more seldom it is disturbed by looking.
                pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)
            self._thread = self._newest = None
            return None

    def _follow(self, note: _Note) -> None:
        """Have ready what is worth having around a request. Raises CancelledError when something is asked for."""
        engine, client, place = self._engine(), note.client, note.place
        # A troubled stream is decoded with one thread and checked; a request may have to begin from the start.
        if engine is None or client.video.index.checksums is not None or self._is_given_up(client):
            return
        if self._is_filled(client, place):
            return
        room = self._room_frames(engine, client, place)
        if room < FEWEST_FRAMES:
            return
        index = client.video.index
        wanted = window(index, place, note.motion, room)
        self._filled = None
        # Farthest first, so that what is nearest is pushed out last.
        for one in sorted(wanted, key=lambda one: -abs(one - place)):
            client.hold(one)
        for first, last, is_forward in stretches(index, wanted, place, note.motion):
            missing = [one for one in range(first, last + 1) if not client.hold(one)]
            # Backwards the last brings all before it along; forward one after the other, to stop anywhere.
            for target in missing if is_forward else missing[-1:]:
                self._fetch(engine, note, wanted, target, before=0 if is_forward else target - missing[0])
        if not self._is_stopped:
            self._filled = weakref.ref(client), inner(wanted, place), engine.cache.stats.evictions

    def _fetch(self, engine: Engine, note: _Note, wanted: range, place: int, *, before: int) -> None:
        client = note.client

        def is_over() -> bool:
            client.check_open()
            newest = self._newest
            has_left = newest is not None and (newest.client.video is not client.video or newest.place not in wanted)
            return has_left or self._is_stopped or engine.quiet_seconds() < QUIET_SECONDS

        try:
            engine.fetch(
                client.video,
                place,
                client.keys(place),
                threshold_frames=client.threshold_frames,
                keep=lambda decoded: client.keep(decoded) if decoded.place in wanted else None,
                around=Around(before, is_speculative=True),
                is_cancelled=is_over,
            )
        except DecodeError:
            return  # the others may still be had

    def _is_filled(self, client: Client, place: int) -> bool:
        filled, engine = self._filled, self._engine()
        if filled is None or engine is None or filled[0]() is not client or place not in filled[1]:
            return False
        # Where much was pushed out since, some of it was in the window perhaps.
        return engine.cache.stats.evictions - filled[2] <= len(filled[1]) // 4

    def _is_given_up(self, client: Client) -> bool:
        return self._given_up is not None and self._given_up() is client

    def _room_frames(self, engine: Engine, client: Client, place: int) -> int:
        """How many frames of a video the cache has room for, with those of other videos that are being looked at."""
        now, key = time.monotonic(), client.video.key
        self._seen = {key: at for key, at in self._seen.items() if now - at < RECENT_SECONDS} | {key: now}
        for value in map(engine.cache.peek, client.keys(place)):
            if value is not None:
                return engine.buffer_size_bytes // held_value_bytes(value) // len(self._seen)
        return 0


def prefetcher_of(engine: Engine) -> Prefetcher:
    """The engine's prefetcher. After a fork, the child's engine has another."""
    while True:
        for follower in engine.followers:
            if isinstance(follower, Prefetcher):
                return follower
        # Should two threads do this, the first one's is taken, and the other never has a thread.
        engine.followers.append(Prefetcher(engine))
