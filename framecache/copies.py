"""Copies: keeping frames in memory that is used again, apart from that of the decoders they came from."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from fractions import Fraction

import av
from av.filter import Graph
from av.filter.context import FilterContext

from framecache.memory import give_back_pages
from framecache.planes import held_frame_bytes

# Less is not worth the time it takes to give it back.
MUCH_MEMORY_BYTES = 64 * 1024**2
TIME_BASE = Fraction(1, 1_000_000)


@dataclass(eq=False, slots=True)
class _Pool:
    """A filter graph that copies frames of one kind, and the buffers that it uses again.

    `most_bytes` is the most that it may hold: all that it ever gave, since none may have come back.
    """

    graph: Graph
    entrance: FilterContext
    exit: FilterContext
    most_bytes: int = 0


class Copier:
    """Copies decoded frames, so that a cache's frames hold no memory but their own. Threads may share it.

    FFmpeg's decoders keep the memory of all their frames that were ever held at once, until they are closed: several
    decoders would hold a cache's budget several times over. And holding their frames would change which memory they
    write to next, and so what damaged pictures show. A copy keeps what conversion goes by (matrix and range where they
    matter, field order, place of chroma), so it is converted to the same bytes. What a copy held is used again by the next
    of its kind.

    Args:
        budget_bytes: What copies may hold altogether; memory that could exceed it is given back.
    """

    def __init__(self, budget_bytes: int) -> None:
        self._budget_bytes = budget_bytes
        # Re-entrant: the garbage collector, which may run while a copy is made, may close an engine.
        self._lock = threading.RLock()
        # By kind of frame, the least recently used first.
        self._pools: dict[tuple[object, ...], _Pool] = {}

    def copy(self, frame: av.VideoFrame) -> av.VideoFrame:
        """A copy of the frame in memory of its own; the frame itself where FFmpeg has no copy of its kind."""
        kind = (frame.format.name, frame.width, frame.height, int(frame.colorspace), int(frame.color_range))
        with self._lock:
            try:
                pool = self._pools.pop(kind, None) or _make_pool(frame)
                pool.entrance.push(frame)
                copied = pool.exit.pull()
            except (av.error.FFmpegError, OSError, ValueError):
                return frame
            self._pools[kind] = pool
            pool.most_bytes += held_frame_bytes(frame)
            self._give_back()
        assert isinstance(copied, av.VideoFrame), "a graph of video filters gives video frames"
        return copied

    def close(self) -> None:
        """Give back all memory that no copy is in."""
        with self._lock:
            had_bytes = sum(pool.most_bytes for pool in self._pools.values())
            self._pools.clear()
        if had_bytes > MUCH_MEMORY_BYTES:
            give_back_pages()

    def _give_back(self) -> None:
        """Let go of the pools that were not used for longest, as long as all together might exceed the budget."""
        might_hold = sum(min(pool.most_bytes, self._budget_bytes) for pool in self._pools.values())
        while len(self._pools) > 1 and might_hold > self._budget_bytes:
            pool = self._pools.pop(next(iter(self._pools)))
            might_hold -= min(pool.most_bytes, self._budget_bytes)


def _make_pool(frame: av.VideoFrame) -> _Pool:
    graph = Graph()
    # Threads of its own would be of no use, and would not survive a fork.
    graph.threads = 1
    entrance = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=TIME_BASE)
    copy, exit_ = graph.add("copy"), graph.add("buffersink")
    entrance.link_to(copy)
    copy.link_to(exit_)
    graph.configure()
    return _Pool(graph, entrance, exit_)
