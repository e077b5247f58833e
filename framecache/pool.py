"""DecoderPool: the open decoders of an engine, those under way and those that nobody leads; used under its lock."""

from __future__ import annotations

from dataclasses import dataclass

from framecache.decode.decoder import Decoder
from framecache.decode.plan import Position, can_reach, plan
from framecache.run import Run, Want
from framecache.video import Video

# What open decoders may hold together for pictures, as long as no more of them are under way at once: three at
# 720p, two at 1080p, one at 2160p.
DECODERS_BYTES = 128 * 1024**2


@dataclass(eq=False, slots=True)
class Idle:
    """An open decoder that nobody leads."""

    video: Video
    decoder: Decoder


class DecoderPool:
    """Which decoder goes where. It decodes nothing and closes nothing, for its owner's lock is held.

    Args:
        max_decoders: The most decoders at any time.

    Attributes:
        runs: Those under way.
    """

    def __init__(self, max_decoders: int) -> None:
        self._max_decoders = max_decoders
        self._idle: list[Idle] = []  # the least recently used first
        self.runs: list[Run] = []

    def __len__(self) -> int:
        return len(self._idle) + len(self.runs)

    def positions(self, video: Video) -> list[Position]:
        """Where the decoders of a video stand now, or stood when last looked at; those that were never used stand nowhere."""
        runs = [run.position for run in self.runs if run.video is video]
        return runs + [idle.decoder.position for idle in self._idle if idle.video is video and not idle.decoder.is_fresh]

    def way_to(self, video: Video, place: int, threshold_frames: int, spare_frames: int | None) -> tuple[Run | None, bool]:
        """The run for a place, and whether it is a new one, to be led; no run where all decoders are under way elsewhere."""
        runs = [run for run in self.runs if run.video is video]
        fresh = [one for one in self._idle if one.video is video and one.decoder.is_fresh]
        idle = [one for one in self._idle if one.video is video and not one.decoder.is_fresh]
        way = plan(video.index, place, self.positions(video), threshold_frames, video.bad_rows, spare_frames)
        if way.decoder is not None and way.decoder < len(runs):
            return runs[way.decoder], False
        if way.decoder is not None:
            chosen = idle[way.decoder - len(runs)]
            return self._take_up(chosen, video, chosen.decoder.position), True
        start = Position(way.start_row, way.start_row, -1)
        # One that was never used, or was drained, is of no use where it stands.
        free = [*fresh, *(one for one in idle if one.decoder.is_ended)]
        if free:
            return self._take_up(free[0], video, start), True
        is_full = len(self) >= self._max_decoders
        if not self._idle and is_full:
            return None, False
        if is_full or (self._idle and self._would_hold_bytes() > DECODERS_BYTES):
            # The least recently used goes; one of the same video is only put elsewhere.
            return self._take_up(self._idle[0], video, start), True
        return self.add_run(video, None, start), True

    def add_run(self, video: Video, decoder: Decoder | None, position: Position) -> Run:
        """A decoder, or one that is yet to be opened, is under way."""
        self.runs.append(run := Run(video, decoder, position))
        return run

    def stop(self, run: Run, *, is_of_use: bool) -> list[Decoder]:
        """A run's leader is done: the next who waits leads on, or the decoder is idle. The decoders to be closed."""
        self.runs.remove(run)
        waiting = sorted(run.wants, key=lambda want: want.place)
        reachable = [want for want in waiting if is_of_use and can_reach(run.video.index, want.place, run.position)]
        for want in waiting:
            want.is_dropped = want not in reachable
        if run.decoder is None:
            return []
        if reachable:
            heir = reachable.pop(0)
            heir.run = self.add_run(run.video, run.decoder, run.position)
            heir.run.wants = reachable
            return []
        return self.put_back(run.video, run.decoder) if is_of_use else [run.decoder]

    def withdraw(self, want: Want) -> None:
        """Nobody waits any more. It need not be with the run that was joined: another waiter may have led that on."""
        for run in self.runs:
            run.wants = [other for other in run.wants if other is not want]

    def put_back(self, video: Video, decoder: Decoder) -> list[Decoder]:
        """Nobody leads a decoder now. The decoders to be closed, for what is open would hold too much."""
        self._idle.append(Idle(video, decoder))
        closing = []
        while len(self._idle) > 1 and sum(self._held_bytes()) > DECODERS_BYTES:
            closing.append(self._idle.pop(0).decoder)
        return closing

    def lend(self, video: Video, decoder: Decoder) -> bool:
        """Take a decoder that was just opened, for whoever asks for a frame first; whether there is room for it."""
        if len(self) >= self._max_decoders:
            return False
        # Nobody may ever want it, so it is the first to go.
        self._idle.insert(0, Idle(video, decoder))
        return True

    def take_idle(self, video: Video | None = None) -> list[Decoder]:
        """Take out the decoders that nobody leads, of a video or all, to be closed."""
        taken = [idle for idle in self._idle if video is None or idle.video is video]
        self._idle = [idle for idle in self._idle if idle not in taken]
        return [idle.decoder for idle in taken]

    def _held_bytes(self) -> list[int]:
        open_decoders = [*(run.decoder for run in self.runs), *(idle.decoder for idle in self._idle)]
        return [decoder.held_bytes for decoder in open_decoders if decoder is not None]

    def _would_hold_bytes(self) -> int:
        """About what is held once another decoder was opened, and those that are being opened."""
        held = self._held_bytes()
        return sum(held) + (1 + len(self) - len(held)) * max(held, default=0)

    def _take_up(self, idle: Idle, video: Video, position: Position) -> Run:
        """Lead an idle decoder; another video's is only to be closed by the new run's leader."""
        self._idle.remove(idle)
        run = self.add_run(video, idle.decoder if idle.video is video else None, position)
        run.outworn = None if idle.video is video else idle.decoder
        return run
