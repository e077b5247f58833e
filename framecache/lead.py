"""Lead: taking a run's decoder to a frame, up the ladder of starts where it must, outside every lock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Protocol

import av

from framecache.decode.decoder import BadStartError, Decoder
from framecache.decode.plan import starts_to_try
from framecache.decode.settled import DecodedFrame, UnsteadyError
from framecache.decode.source import opened, pick_stream
from framecache.errors import CancelledError, FramecacheError
from framecache.index.frame_index import FrameIndex
from framecache.index.linear import decode_linear, hold_to
from framecache.pace import Around
from framecache.run import Run
from framecache.shelf import Shelf
from framecache.video import CacheKey, CacheValue, Keep, Video


class Host(Protocol):
    """What leading a run needs of the engine."""

    threads: int
    cache: Shelf
    _changed: threading.Condition

    def _keep_all(self, video: Video, items: Sequence[tuple[CacheKey, CacheValue] | None]) -> None: ...
    def _retire_decoders(self, video: Video) -> None: ...
    def _check_wanted(self, video: Video, place: int, is_cancelled: Callable[[], bool]) -> None: ...


# How often what is known of a video may change under one request before it is too much.
MOST_CHANGES = 4


class StaleError(Exception):
    """What is known of the video changed while it was decoded: the decoder's index or start is not held for right."""


class UnsettledError(FramecacheError):
    """Something turned out to be damaged where nobody asked for a frame: it is settled when somebody does."""


def _keep_nothing(decoded: DecodedFrame) -> None:
    """Frames that are held change which memory the decoder writes the next ones into."""


class Lead:
    """One thread's way with a run to the frame at `place`."""

    def __init__(self, host: Host, run: Run, place: int, keep: Keep, is_cancelled: Callable[[], bool], around: Around) -> None:
        self._host = host
        self.run = run
        self._video = run.video
        self._place = place
        self._keep = keep
        self._is_cancelled = is_cancelled
        self._spare_frames = around.before
        self._is_single = around.is_single
        self._is_speculative = around.is_speculative
        # What came out that nobody else waited for.
        self._n_for_itself = 0

    def reach(self) -> av.VideoFrame:
        """Reach the frame; where something turns out to be damaged, once more with what a linear decode says.

        Raises:
            DecodeError: No way leads to it.
            Whatever else ends the run: CancelledError, ClosedError, VideoChangedError and their like.
        """
        for _ in range(MOST_CHANGES):
            try:
                return self._climb()
            except UnsteadyError:
                if self._is_speculative:
                    raise UnsettledError from None
                self._settle()
            except StaleError:
                self._put_down()
            except CancelledError:
                if not self._is_speculative:
                    with self._host._changed:
                        self._video.counters.frames_decoded_for_nobody += self._n_for_itself
                raise
        raise self._video.decode_error(self._place, "what is known of the video changed again and again meanwhile")

    def _climb(self) -> av.VideoFrame:
        """Reach the frame: as planned, else from its start, else from earlier ones, else from the very first."""
        video, place, run = self._video, self._place, self.run
        failed, reason = list[int](), "no frame came out for its packet"
        goes_on = run.decoder is not None and run.position == run.decoder.position
        steps = () if place in video.undefined else starts_to_try(video.index, place, goes_on, video.bad_rows)
        for start_row in steps:
            try:
                frame = self._attempt(start_row)
                if frame is None and self._is_single:
                    # It may come with the packets that follow.
                    self._is_single = False
                    frame = self._attempt(video.index.start_row(place, video.bad_rows) if start_row is None else start_row)
            except BadStartError as bad:
                frame, reason = None, str(bad)
            if frame is not None:
                self._remember_bad(failed)
                return frame
            if place in video.undefined:
                break
            failed += [start_row] if start_row else []
        if place in video.undefined:
            frame = self._decode_pristine()
            if frame is not None:
                return frame
        if video.index.checksums is None:
            raise UnsteadyError(reason)
        with self._host._changed:
            video.failures[place] = reason
        raise video.decode_error(place, reason)

    def _settle(self) -> None:
        """Decode the video once from its start, and hold all decoding after that to what came."""
        video, host = self._video, self._host
        self._put_down()
        if video.growth is not None:
            # A linear decode needs to know all packets.
            video.growth.wait(lambda: host._check_wanted(video, self._place, self._is_cancelled))
        with host._changed:
            while video.is_settling:
                host._check_wanted(video, self._place, self._is_cancelled)
                host._changed.wait(timeout=0.2)
            if video.index.checksums is not None:
                return
            video.is_settling = True
        try:
            index = self._decode_linear()
            with host._changed:
                video.counters.frames_decoded += index.frames_decoded - video.index.frames_decoded
                video.index = index
                host.cache.forget(video)
        finally:
            with host._changed:
                video.is_settling = False
                host._changed.notify_all()
        host._retire_decoders(video)
        video.remember(index)

    def _decode_linear(self) -> FrameIndex:
        video = self._video

        def look(_stage: str, _done: float) -> None:
            self._host._check_wanted(video, self._place, self._is_cancelled)

        with opened(video.source) as container:
            stream = pick_stream(container, video.stream, video.source.name)
            decoded = decode_linear(container, stream, with_checksums=True, progress=look)
        return hold_to(video.index, decoded)

    def _decode_pristine(self) -> av.VideoFrame | None:
        """A frame whose picture depends on the memory that it is decoded into: all as in the index's own decode."""
        keep, self._keep = self._keep, _keep_nothing
        self._put_down()
        try:
            frame = self._attempt(0, is_pristine=True)
        finally:
            self._keep = keep
            self._put_down()
        if frame is not None:
            self._host._keep_all(self._video, [keep(DecodedFrame(self._place, frame))])
        return frame

    def _attempt(self, start_row: int | None, *, is_pristine: bool = False) -> av.VideoFrame | None:
        """Decode up to the place, from a start or (None) from where the decoder stands; None if its frame never came."""
        video, run = self._video, self.run
        decoder = run.decoder or self._open(is_pristine)
        packets, seeks = decoder.packets_read, decoder.seeks
        try:
            index = video.index
            if index.checksums is None:
                decoder.adopt(index)
            if start_row is not None:
                decoder.start_at(start_row)
            is_playing = self._place == decoder.position.last_place + 1
            while not decoder.has_passed(self._place):
                self._host._check_wanted(video, self._place, self._is_cancelled)
                frame = self._hand_out(decoder.step(self._skip_before(), is_playing=is_playing, last_row=self._last_row(decoder)))
                if frame is not None:
                    return frame
            video.source.check_unchanged()
            return None
        finally:
            with self._host._changed:
                video.can_seek &= decoder.can_seek
                video.counters.packets_read += decoder.packets_read - packets
                video.counters.seeks += decoder.seeks - seeks
                run.position = decoder.position

    def _skip_before(self) -> int:
        """The place before which no frame is waited for, nor worth its time for being near the one that is."""
        return min([self._place, *(want.place for want in list(self.run.wants))]) - self._spare_frames

    def _last_row(self, decoder: Decoder) -> int | None:
        """The packet to end with, where nothing after it is wanted: a decoder gives frames later than it could."""
        is_alone = self._is_single and not self.run.wants
        return decoder.last_row_of(self._place, self._spare_frames) if is_alone else None

    def _open(self, is_pristine: bool) -> Decoder:
        self.run.decoder = self._video.open_decoder(self._host.threads, is_pristine=is_pristine)
        return self.run.decoder

    def _put_down(self) -> None:
        """Close the run's decoder, so that the next attempt opens another."""
        if self.run.decoder is not None:
            self.run.decoder.close()
            self.run.decoder = None

    def _hand_out(self, frames: list[DecodedFrame]) -> av.VideoFrame | None:
        """Hand frames that came out to the cache and to those who wait; give the one that this lead is for."""
        if not frames:
            return None
        run = self.run
        self._video.source.check_unchanged()
        # Where none of those before it is of use, what comes on the way is not worth its memory.
        of_use = [decoded for decoded in frames if self._spare_frames or decoded.place == self._place]
        kept = [self._keep(decoded) for decoded in of_use]
        by_place = {decoded.place: decoded.frame for decoded in frames}
        with self._host._changed:
            if run.decoder is not None and not self._video.trusts(run.decoder):
                raise StaleError
            self._video.counters.frames_decoded += len(frames)
            self._video.counters.frames_prefetched += len(frames) if self._is_speculative else 0
            self._host._keep_all(self._video, kept)
            for want in run.wants:
                want.frame = by_place.get(want.place)
            self._n_for_itself += len(by_place.keys() - {want.place for want in run.wants})
            if run.decoder is not None:
                run.position = run.decoder.position
            if any(want.frame is not None for want in run.wants):
                run.wants = [want for want in run.wants if want.frame is None]
                self._host._changed.notify_all()
        return by_place.get(self._place)

    def _remember_bad(self, rows: list[int]) -> None:
        """Keyframes that failed where an earlier one did not are none; what came from them is forgotten."""
        if rows:
            with self._host._changed:
                self._video.bad_rows |= frozenset(rows)
                self._host.cache.forget(self._video)
            self._host._retire_decoders(self._video)
