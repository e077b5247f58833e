"""Lead: taking a run's decoder to a frame, up the ladder of starts where it must, outside every lock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Protocol

import av

from framecache.decode.decoder import BadStartError, DecodedFrame, Decoder, UnsteadyError
from framecache.decode.plan import starts_to_try
from framecache.run import Run
from framecache.video import CacheKey, CacheValue, Keep, Video


class Host(Protocol):
    """What leading a run needs of the engine."""

    threads: int
    _changed: threading.Condition

    def _keep_all(self, video: Video, items: Sequence[tuple[CacheKey, CacheValue] | None]) -> None: ...
    def _forget_frames(self, video: Video) -> None: ...
    def _retire_decoders(self, video: Video) -> None: ...
    def _check_wanted(self, video: Video, place: int, is_cancelled: Callable[[], bool]) -> None: ...


def _keep_nothing(decoded: DecodedFrame) -> None:
    """Frames that are held change which memory the decoder writes the next ones into."""


class Lead:
    """One thread's way with a run to the frame at `place`."""

    def __init__(self, host: Host, run: Run, place: int, keep: Keep, is_cancelled: Callable[[], bool]) -> None:
        self._host = host
        self._run = run
        self._video = run.video
        self._place = place
        self._keep = keep
        self._is_cancelled = is_cancelled

    def reach(self) -> av.VideoFrame:
        """Reach the frame; where something turns out to be damaged, once more with one thread.

        Raises:
            DecodeError: No way leads to it.
            Whatever else ends the run: CancelledError, ClosedError, VideoChangedError and their like.
        """
        try:
            return self._climb()
        except UnsteadyError:
            # From now on one thread decodes this video, as the linear decode does.
            self._video.is_steady = False
            self._host._forget_frames(self._video)
            self._host._retire_decoders(self._video)
            self._put_down()
            return self._climb()

    def _climb(self) -> av.VideoFrame:
        """Reach the frame: as planned, else from its start, else from earlier ones, else from the very first."""
        video, place, run = self._video, self._place, self._run
        failed, reason = list[int](), "no frame came out for its packet"
        goes_on = run.decoder is not None and run.position == run.decoder.position
        steps = () if place in video.undefined else starts_to_try(video.index, place, goes_on, video.bad_rows)
        for start_row in steps:
            try:
                frame = self._attempt(start_row)
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
        with self._host._changed:
            video.failures[place] = reason
        raise video.decode_error(place, reason)

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
        video, run = self._video, self._run
        decoder = run.decoder or self._open(is_pristine)
        packets, seeks = decoder.packets_read, decoder.seeks
        try:
            if start_row is not None:
                decoder.start_at(start_row)
            while not decoder.is_ended and decoder.position.last_place < self._place:
                self._host._check_wanted(video, self._place, self._is_cancelled)
                frame = self._hand_out(decoder.step())
                if frame is not None:
                    return frame
            return None
        finally:
            with self._host._changed:
                video.can_seek &= decoder.can_seek
                video.counters.packets_read += decoder.packets_read - packets
                video.counters.seeks += decoder.seeks - seeks
                run.position = decoder.position

    def _open(self, is_pristine: bool) -> Decoder:
        video = self._video
        self._run.decoder = Decoder(
            video.source,
            video.stream,
            video.index,
            threads=self._host.threads if video.is_steady else 1,
            can_seek=video.can_seek,
            undefined=video.undefined,
            is_pristine=is_pristine,
        )
        return self._run.decoder

    def _put_down(self) -> None:
        """Close the run's decoder, so that the next attempt opens another."""
        if self._run.decoder is not None:
            self._run.decoder.close()
            self._run.decoder = None

    def _hand_out(self, frames: list[DecodedFrame]) -> av.VideoFrame | None:
        """Hand frames that came out to the cache and to those who wait; give the one that this lead is for."""
        if not frames:
            return None
        run = self._run
        self._video.source.check_unchanged()
        kept = [self._keep(decoded) for decoded in frames]
        by_place = {decoded.place: decoded.frame for decoded in frames}
        with self._host._changed:
            self._video.counters.frames_decoded += len(frames)
            self._host._keep_all(self._video, kept)
            for want in run.wants:
                want.frame = by_place.get(want.place)
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
                self._host._forget_frames(self._video)
