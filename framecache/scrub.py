"""Scrubber: the newest wanted position wins, and nobody waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from typing import Any

from framecache.arguments import as_flag, as_seconds, shown
from framecache.arrival import Arrival, Waiter
from framecache.errands import Errands
from framecache.errors import BadArgumentError, BadTypeError
from framecache.forking import begins_anew
from framecache.frame import VideoFrameInfo
from framecache.reader import VideoReader

DEFAULT_PATIENCE_SECONDS = 1.0


class Scrubber:
    """Fetches the newest wanted frame in the background, so that whoever asks, such as a window, never waits.

    ```python
    with VideoReader("video.mp4") as reader, Scrubber(reader) as scrubber:
        scrubber.seek(1500)
        ...
        arrival = scrubber.take()  # at once: the newest that came, or None
    ```

    A newer position overtakes an older one: work on the older one stops between two packets, and what it decoded
    stays in the cache. It is let finish where the newer one lies further along the same way, and where nothing came
    for `patience_seconds` though positions kept being overtaken: so whoever drags on and on still sees pictures.
    The last position that was wanted always arrives.

    Where a frame will take a while, a preview arrives before it: the nearest frame at hand, or the nearest keyframe. It
    bears its own number (`arrival.frame.frame_ix`), and `arrival.is_preview` says that the frame itself follows.

    There are four ways to have what arrives, which may be mixed: `take`; `on_arrival`, a callback; `request`, a
    `concurrent.futures.Future`; and for asyncio `await frame(index)` and `async for ... in arrivals(index)`. All of
    them want the newest position only, so have a scrubber for each client. Any thread and event loop may call; one
    background thread does the work, from the first position that is wanted until the scrubber is closed or dropped.
    After a fork, the child's scrubber begins anew: what the parent wanted is not on its way there.

    Args:
        reader: The reader that frames are had from; it stays open when the scrubber is closed.
        patience_seconds: How long nothing may arrive because of overtaking; at least 0.
        previews: Whether previews may arrive.
        on_arrival: Called by the background thread with all that `take` is to give. It may call the scrubber, `close`
            included, but not wait for frames, which come by its own thread. What it raises goes to
            `threading.excepthook`, and the scrubber goes on.

    Raises:
        BadArgumentError: `patience_seconds` is negative.
        BadTypeError: An argument is of the wrong type.
    """

    def __init__(
        self,
        reader: VideoReader,
        *,
        patience_seconds: float = DEFAULT_PATIENCE_SECONDS,
        previews: bool = True,
        on_arrival: Callable[[Arrival], object] | None = None,
    ) -> None:
        if not isinstance(reader, VideoReader):
            raise BadTypeError(f"reader is a {type(reader).__name__}; it must be a VideoReader")
        self._reader = reader
        self._patience_seconds = as_seconds("patience_seconds", patience_seconds)
        if self._patience_seconds < 0:
            raise BadArgumentError(f"patience_seconds is {patience_seconds!r}; it must be at least 0")
        self._previews = as_flag("previews", previews)
        if on_arrival is not None and not callable(on_arrival):
            raise BadTypeError(f"on_arrival is {shown(on_arrival)}; it must be callable with an Arrival")
        # Held here and not by the thread: what is called may hold the scrubber, and both are to go when dropped.
        self._on_arrival = on_arrival
        self._begin()
        begins_anew(self)

    def _begin(self) -> None:
        self._errands = Errands(self._reader, self._patience_seconds, self._previews, weakref.WeakMethod(self._listen))
        self._finalizer = weakref.finalize(self, self._errands.drop)

    # What is wanted

    def seek(self, index: int) -> int:
        """Want the frame at `index`, for `take` and the callback; at once. The index it will arrive under.

        As in `request_frame`, an index past an end is clamped, and a negative one counts from the end. While the index
        still grows, what it does not know yet is waited for here.

        Raises:
            FrameIndexError: The video has no frames.
            BadTypeError: `index` is no whole number.
            ClosedError: The scrubber or its reader was closed.
        """
        place = self._reader.frame_index_to_nearest_frame(index)
        self._errands.seek(place)
        return place

    def take(self, timeout_seconds: float = 0.0) -> Arrival | None:
        """The newest arrival that was not taken yet, waiting for one up to `timeout_seconds`; None if there is none."""
        return self._errands.take(max(as_seconds("timeout_seconds", timeout_seconds), 0.0))

    def request(self, index: int) -> Future[VideoFrameInfo]:
        """Want the frame at `index`, never a preview; at once. Cancelling the future stops the work between packets.

        The future raises what `request_frame` does, CancelledError (framecache's) if another position overtakes it, and
        ClosedError if the scrubber is closed before. What is called when it is done must not wait for frames.

        Raises:
            FrameIndexError, BadTypeError, ClosedError: As in `seek`.
        """
        return self._send(index, Waiter(Future()))

    async def frame(self, index: int) -> VideoFrameInfo:
        """The frame at `index`; cancelling the task stops the work between packets.

        Raises:
            FrameIndexError, BadTypeError, ClosedError: As in `seek`.
            CancelledError: (framecache's, not asyncio's) Another position was wanted meanwhile.
            DecodeError: And what else `request_frame` raises.
        """
        box = _Mailbox()
        if not self._reader.is_indexed:
            # Which frame that is may have to be waited for, and the event loop goes on meanwhile.
            index = await asyncio.to_thread(self._reader.frame_index_to_nearest_frame, index)
        future = self.request(index)
        future.add_done_callback(box.put)
        try:
            await box.get()
            return future.result()
        finally:
            future.cancel()

    def arrivals(self, index: int) -> AsyncIterator[Arrival]:
        """What arrives of the frame at `index`, which is wanted at once: a preview, if one comes, then the frame or its error.

        Leaving the loop early stops the work. Iterating raises CancelledError (framecache's) if another position
        overtakes it, and ClosedError if the scrubber is closed before. For use in a running event loop.

        Raises:
            FrameIndexError, BadTypeError, ClosedError: As in `seek`.
        """
        box = _Mailbox()
        future: Future[Arrival] = self._send(index, Waiter(Future(), takes_arrivals=True, on_preview=box.put))
        future.add_done_callback(box.put)
        return _Arrivals(future, box)

    @property
    def is_idle(self) -> bool:
        """Whether all that was wanted has arrived (and may still have to be taken)."""
        return self._errands.is_idle

    # Life

    def close(self) -> None:
        """Stop, and end the thread; what had not arrived never will. Twice does no harm.

        Waits for the callback, if that is being called, unless it is the callback that closes.
        """
        self._finalizer.detach()
        self._errands.stop()
        self._errands.join()

    async def aclose(self) -> None:
        """As `close`, without holding up the event loop."""
        box = _Mailbox()
        self._finalizer.detach()
        self._errands.stop()
        self._errands.ended.add_done_callback(box.put)
        await box.get()
        # The thread has nothing left to do: this takes no time.
        self._errands.join()

    def __enter__(self) -> Scrubber:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    async def __aenter__(self) -> Scrubber:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    def _send(self, index: int, waiter: Waiter) -> Future[Any]:
        self._errands.send(self._reader.frame_index_to_nearest_frame(index), waiter)
        return waiter.future

    def _listen(self, arrival: Arrival) -> None:
        if self._on_arrival is not None:
            self._on_arrival(arrival)

    def after_fork(self) -> None:
        """In a forked child: the thread is not here, and whoever held a lock may not be either."""
        was_closed = self._errands.is_closed
        self._finalizer.detach()
        self._begin()
        if was_closed:
            self.close()


class _Mailbox:
    """Brings what other threads have for a coroutine into its event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Any] = asyncio.Queue()

    def put(self, item: object) -> None:
        """From any thread."""
        with contextlib.suppress(RuntimeError):  # the loop was closed, and nobody waits there any more
            self._loop.call_soon_threadsafe(self._queue.put_nowait, item)

    async def get(self) -> Any:
        """The next."""
        return await self._queue.get()


class _Arrivals(AsyncIterator[Arrival]):
    """What comes of one position: previews, and at last what its future holds. Dropped or closed, its work stops."""

    def __init__(self, future: Future[Arrival], box: _Mailbox) -> None:
        self._future = future
        self._box = box
        self._is_over = False

    async def __anext__(self) -> Arrival:
        if self._is_over:
            raise StopAsyncIteration
        try:
            item = await self._box.get()
        except BaseException:
            await self.aclose()
            raise
        if item is not self._future:
            assert isinstance(item, Arrival), "a mailbox holds arrivals, and at last the future"
            return item
        self._is_over = True
        last: Arrival = self._future.result()
        return last

    async def aclose(self) -> None:
        """Want it no more."""
        self._is_over = True
        self._future.cancel()

    def __del__(self) -> None:
        self._future.cancel()
