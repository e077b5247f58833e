"""Engine: who decodes. One byte budget and a few open decoders, shared by any number of readers and threads."""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

import av

from framecache.arguments import as_whole
from framecache.decode.decoder import Decoder
from framecache.decode.plan import Position
from framecache.errors import CancelledError, ClosedError, DecodeError
from framecache.forking import begins_anew
from framecache.index.frame_index import FrameIndex
from framecache.index.probe import Opened
from framecache.index.scan import Packets
from framecache.lead import Lead
from framecache.memory import keep_freed_pages
from framecache.pace import Around
from framecache.pool import DecoderPool
from framecache.run import Follower, Run, Want, never
from framecache.shelf import Shelf
from framecache.video import CacheKey, CacheValue, Keep, Video

DEFAULT_BUDGET_BYTES = 1024**3
DEFAULT_MAX_DECODERS = 3
MAX_DEFAULT_THREADS = 4
# A picture is made of its planes in less than this.
BUSY_SECONDS = 0.01
ALONE = Around()


class Engine:
    """One byte budget and a fixed number of open decoders, for many readers and threads.

    Threads may share it. A request is answered from the cache; or joins a decoder that is on its way past the frame;
    or leads a decoder there itself. No lock is held while decoding.

    Args:
        buffer_size_bytes: The most bytes of frames that its cache holds, at least 1.
        max_decoders: The most decoders (and open files) it has at any time, at least 1. Each may hold some
            twenty pictures of its own, beside the budget.
        threads: How many threads a decoder uses; None for two more than there are processors, up to 4.
            Damaged streams are always decoded with one.

    Raises:
        BadArgumentError: A number is zero or negative.
    """

    def __init__(
        self,
        buffer_size_bytes: int = DEFAULT_BUDGET_BYTES,
        max_decoders: int = DEFAULT_MAX_DECODERS,
        threads: int | None = None,
    ) -> None:
        self.buffer_size_bytes = as_whole("buffer_size_bytes", buffer_size_bytes, 1)
        self.max_decoders = as_whole("max_decoders", max_decoders, 1)
        # More than there are processors: while a frame is converted, the others must not run out of work.
        default_threads = min((os.cpu_count() or 1) + 2, MAX_DEFAULT_THREADS)
        self.threads = default_threads if threads is None else as_whole("threads", threads, 1)
        keep_freed_pages()
        self._is_closed = False
        self._videos: dict[CacheKey, Video] = {}
        self._dropped: deque[Video] = deque()
        self._start_empty()
        begins_anew(self)

    def _start_empty(self) -> None:
        self.cache = Shelf(self.buffer_size_bytes)
        self._changed = threading.Condition()
        self._pool = DecoderPool(self.max_decoders)
        # Who decodes in the background as long as it is open, to be stopped first.
        self.followers: list[Follower] = []
        self._n_asking = 0
        self._quiet_since = -math.inf

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every decoder and forget every frame; readers that use this engine raise ClosedError then."""
        growths = [video.growth for video in self._videos.values() if video.growth is not None]
        self.close_soon()
        for follower in self.followers:
            follower.join()
        for growth in growths:
            growth.join()

    def close_soon(self) -> None:
        """`close`, without waiting for threads in the background: for the garbage collector, which may run anywhere."""
        for follower in self.followers:
            follower.stop()
        if not any(follower.takes_over(self._shut) for follower in self.followers):
            self._shut()

    def _shut(self) -> None:
        with self._changed:
            self._is_closed = True
            closing = self._pool.take_idle()
            self._changed.notify_all()
        _close_all(closing)
        self.cache.close()

    @property
    def open_decoders(self) -> int:
        """How many decoders are open now."""
        self._release_dropped()
        with self._changed:
            return len(self._pool)

    def positions(self, video: Video) -> list[Position]:
        """Where the decoders of a video stand now."""
        with self._changed:
            return self._pool.positions(video)

    def look_again(self) -> None:
        """Have those who wait for a decoder ask at once whether they are still wanted."""
        with self._changed:
            self._changed.notify_all()

    def join_video(self, key: CacheKey, fresh: Video | None = None) -> Video | None:
        """The video of that key, if a reader has it open, else `fresh`; `release` it when done."""
        self._release_dropped()
        with self._changed:
            self._check_open()
            video = self._videos.get(key)
            if video is not None and video.growth is not None and video.growth.has_failed:
                # Its numbers may be wrong: whoever opens it anew has nothing to do with it.
                self.cache.forget(video)
                video.key, video = (object(), *key), None
            if (video := video or fresh) is not None:
                self._videos[key] = video
                video.readers += 1
            return video

    def has_video(self, key: CacheKey) -> bool:
        """Whether a reader has the video of that key open."""
        with self._changed:
            return key in self._videos

    def grow(self, video: Video, index: FrameIndex) -> None:
        """Go on with a larger index of the same frames; one with checksums is what all decoding after this is held to."""
        with self._changed:
            self._check_open(video)
            video.counters.frames_decoded += index.frames_decoded - video.index.frames_decoded
            video.index = index
            if index.checksums is not None:
                self.cache.forget(video)
        if index.checksums is not None:
            self._retire_decoders(video)

    def lend(self, video: Video, opened: Opened, packets: Packets | None = None) -> None:
        """Have the first request go on with a container that was just opened; where there is no room for it, close it.

        `packets` are all that it holds, where some were read already.
        """
        decoder = video.open_decoder(self.threads, opened=opened, packets=packets)
        with self._changed:
            is_lent = not self._is_closed and video.readers > 0 and self._pool.lend(video, decoder)
        if not is_lent:
            decoder.close()

    def check_wanted(self, video: Video) -> None:
        """Raise ClosedError once no reader has the video open."""
        self._release_dropped()
        self._check_open(video)

    def release_dropped(self, video: Video) -> None:
        """`release` at the next use of the engine: for the garbage collector, which may run while the lock is held."""
        self._dropped.append(video)

    def release(self, video: Video) -> None:
        """One reader less; the last one's video is forgotten, with its decoders and frames."""
        with self._changed:
            video.readers -= 1
            if video.readers > 0:
                return
            self._videos.pop(video.key, None)
            self.cache.forget(video)
        self._retire_decoders(video)

    def fetch(
        self,
        video: Video,
        place: int,
        keys: Sequence[CacheKey],
        *,
        threshold_frames: int,
        keep: Keep,
        around: Around = ALONE,
        is_cancelled: Callable[[], bool] = never,
    ) -> CacheValue:
        """The frame at a place: what the cache holds under one of `keys`, else the decoded frame.

        Args:
            video: Whose frame.
            place: Which frame.
            keys: The keys under which the cache may hold it, the best first.
            threshold_frames: Targets up to this far ahead are decoded forward to.
            keep: Gives the key and value under which a frame that came out is cached, or None.
            around: Which frames around it are to come out too; others may be passed over, or wait for a seek.
            is_cancelled: Looked at between packets; CancelledError once it says so.

        Raises:
            DecodeError: The frame cannot be decoded.
            ClosedError, CancelledError, VideoChangedError, VideoAccessError: As they say.
        """
        self._release_dropped()
        with self._changed:
            self._check_open(video)
            value = self.cache.first(keys)
            if not around.is_speculative:
                self._quiet_since = time.monotonic()
                video.counters.hits += value is not None
                video.counters.misses += value is None
                self._n_asking += value is None
            if value is not None:
                return value
        try:
            while True:
                value, run = self._join_or_start(video, place, keys, threshold_frames, is_cancelled, around)
                if value is not None:
                    return value
                if run is not None:
                    return self._lead(Lead(self, run, place, keep, is_cancelled, around))
        finally:
            if not around.is_speculative:
                with self._changed:
                    self._n_asking -= 1
                    self._quiet_since = time.monotonic()

    def quiet_seconds(self) -> float:
        """How long nothing was asked for; 0.0 while a request is under way."""
        return 0.0 if self._n_asking else time.monotonic() - self._quiet_since

    def is_busy(self) -> bool:
        """Whether a request is under way, or has just ended and its picture is perhaps being made."""
        return self.quiet_seconds() < BUSY_SECONDS

    def keep(self, video: Video, key: CacheKey, value: CacheValue) -> None:
        """Keep what was made of a frame, under a key that begins with the video's own, as long as the budget lets it."""
        self._keep_all(video, [(key, value)])

    def replace(self, video: Video, old: CacheKey, new: CacheKey, value: CacheValue) -> None:
        """Keep `value` under `new` in place of what is cached under `old`."""
        with self._changed:
            if not self._is_closed and video.readers > 0:
                self.cache.pop(old, None)
                self.cache[new] = value

    # Who leads and who joins

    def _join_or_start(
        self,
        video: Video,
        place: int,
        keys: Sequence[CacheKey],
        threshold_frames: int,
        is_cancelled: Callable[[], bool],
        around: Around,
    ) -> tuple[CacheValue | None, Run | None]:
        """The frame, from a run that was joined; or a run to lead; or neither, when all is to be seen anew."""
        with self._changed:
            self._check_wanted(video, place, is_cancelled)
            # It may have passed by since this request first looked.
            value = self.cache.first(keys)
            if value is not None:
                video.counters.joined += 1
                return value, None
            reason = video.failures.get(place)
            if reason is not None:
                raise video.decode_error(place, reason)
            run, is_new = self._pool.way_to(video, place, threshold_frames, around.before)
            if run is None:
                # Every decoder is under way: look again when one stops.
                self._changed.wait(timeout=1.0)
                return None, None
            return (None, run) if is_new else self._wait_for(run, place, is_cancelled)

    def _wait_for(self, run: Run, place: int, is_cancelled: Callable[[], bool]) -> tuple[av.VideoFrame | None, Run | None]:
        want = Want(place)
        run.wants.append(want)
        try:
            while want.frame is None and want.run is None and not want.is_dropped:
                self._check_wanted(run.video, place, is_cancelled)
                self._changed.wait(timeout=1.0)
        except BaseException:
            self._withdraw(want)
            raise
        run.video.counters.joined += want.frame is not None
        return want.frame, want.run

    def _withdraw(self, want: Want) -> None:
        """A waiting thread gives up, having been handed the lead or not."""
        if want.run is not None:
            _close_all(self._stop(want.run))
        else:
            self._pool.withdraw(want)

    def _stop(self, run: Run, *, is_broken: bool = False) -> list[Decoder]:
        """A run's leader is done. The decoders to be closed."""
        self._changed.notify_all()
        is_right = run.decoder is not None and not is_broken and run.video.trusts(run.decoder)
        closing = self._pool.stop(run, is_of_use=is_right)
        if self._is_closed or run.video.readers <= 0:
            closing += self._pool.take_idle(run.video)
        return closing

    # Leading a run

    def _lead(self, lead: Lead) -> av.VideoFrame:
        run, is_broken = lead.run, True
        try:
            if run.outworn is not None:
                run.outworn.close()
            frame = lead.reach()
            is_broken = False
            return frame
        except (DecodeError, CancelledError):
            # The decoder stands somewhere known, and others may go on with it.
            is_broken = False
            raise
        finally:
            with self._changed:
                closing = self._stop(run, is_broken=is_broken)
            _close_all(closing)

    def _keep_all(self, video: Video, items: Sequence[tuple[CacheKey, CacheValue] | None]) -> None:
        with self._changed:
            for item in items:
                if item is not None and not self._is_closed and video.readers > 0:
                    self.cache[item[0]] = item[1]

    def _release_dropped(self) -> None:
        while self._dropped:
            with contextlib.suppress(IndexError):  # another thread was quicker
                self.release(self._dropped.popleft())

    def _retire_decoders(self, video: Video) -> None:
        """Close the decoders of a video that nobody leads."""
        with self._changed:
            stale = self._pool.take_idle(video)
            self._changed.notify_all()
        _close_all(stale)

    def _check_wanted(self, video: Video, place: int, is_cancelled: Callable[[], bool]) -> None:
        self._check_open(video)
        if is_cancelled():
            raise CancelledError(f"frame {place} is not wanted any more")

    def _check_open(self, video: Video | None = None) -> None:
        if self._is_closed:
            raise ClosedError("the engine was closed")
        if video is not None and video.readers <= 0:
            raise ClosedError(f"the reader of {video.source.name} was closed")

    def after_fork(self) -> None:
        """In a forked child: the parent's decoders have threads and file positions that are not the child's.

        They must not even be freed here, nor when the child ends: that would wait for threads that do not
        exist. So they are given a reference that is never taken back.
        """
        ctypes.pythonapi.Py_IncRef(ctypes.py_object((self.cache, self._pool, self._changed)))
        self._start_empty()
        for video in self._videos.values():
            video.is_settling = False
            if video.growth is not None:
                video.growth.after_fork()


def _close_all(decoders: list[Decoder]) -> None:
    for decoder in decoders:
        decoder.close()
