"""Desk: the order in which work is done that takes a decoder: bounded, and not at all where nobody wants it any more."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from framecache.errors import CancelledError
from framecache.server.problems import Problem

T = TypeVar("T")
Gone = Callable[[], bool]

MOST_LANES = 4096
RETRY_AFTER_SECONDS = "1"


class ClientGoneError(Exception):
    """Whoever asked has hung up; nobody reads the answer."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """Which of a client's requests this is, so that a newer one overtakes it.

    Attributes:
        lane: Whose, for which video and what: of one lane, only the newest counts.
        sequence: The larger, the newer.
    """

    lane: tuple[str, ...]
    sequence: int


@dataclass(eq=False, slots=True)
class Job:
    """Work that waits, or is being done.

    Attributes:
        is_overtaken: Set when a newer request of its lane came.
        is_dropped: Set when nobody waits for it any more.
        is_waiting: Whether it counts among those that wait for a thread.
        ended: Set when it is over or overtaken.
        queued_at, began_at: Of the monotonic clock; began_at is 0.0 until it begins.
    """

    ended: asyncio.Event
    is_overtaken: bool = False
    is_dropped: bool = False
    is_waiting: bool = False
    queued_at: float = field(default_factory=time.monotonic)
    began_at: float = 0.0

    def is_unwanted(self) -> bool:
        """Whether its work may stop: looked at between packets."""
        return self.is_overtaken or self.is_dropped


class Desk:
    """Does work in a few threads, in the order in which it came. Its methods are for the event loop's thread.

    Args:
        threads: How many pieces of work are done at once.
        most_waiting: How many may wait for that; those above are sent away.
        look_again: Called when work under way is not wanted any more, for a thread may wait for another's without looking.
    """

    def __init__(self, threads: int, most_waiting: int, look_again: Callable[[], object] = lambda: None) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="framecache-serve")
        self._most_waiting = most_waiting
        self._look_again = look_again
        self.n_threads = threads
        self._newest: OrderedDict[tuple[str, ...], tuple[int, list[Job]]] = OrderedDict()
        self._lock = threading.Lock()
        self.waiting = 0
        self.overtaken = 0

    def close(self) -> None:
        """End the threads, once what they do is done; what waits is dropped."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    async def do(self, work: Callable[[Job], T], ticket: Ticket | None = None, gone: asyncio.Event | None = None) -> T:
        """Do `work` in a thread of the desk.

        Args:
            work: Called with its job; is to raise CancelledError soon after `is_unwanted` says so.
            ticket: Which of its client's requests this is; None for one that is never overtaken.
            gone: Set once the client has hung up.

        Raises:
            Problem: 409: Overtaken. 503: Too many wait.
            ClientGoneError: The client hung up.
            Whatever `work` raises.
        """
        job = Job(asyncio.Event())
        self._take_lane(ticket, job)
        if not self._enter_queue(job):
            self._leave_lane(ticket, job)
            raise Problem(
                503, "too many requests are waiting; ask again in a second", headers={"Retry-After": RETRY_AFTER_SECONDS}
            )
        loop = asyncio.get_running_loop()
        done = loop.run_in_executor(self._pool, self._run, work, job)
        done.add_done_callback(lambda _: job.ended.set())
        watch = None if gone is None else loop.create_task(_end_when(gone, job))
        try:
            await job.ended.wait()
            if done.done() and not job.is_overtaken:
                return done.result()
            raise overtaken() if job.is_overtaken else ClientGoneError
        except CancelledError:
            raise (overtaken() if job.is_overtaken else ClientGoneError) from None
        finally:
            job.is_dropped = True
            if watch is not None:
                watch.cancel()
            self._leave_queue(job)
            if not done.done():
                # Whatever it ends with, nobody is told.
                done.add_done_callback(_forget)
                self._look_again()
            self._leave_lane(ticket, job)

    def _run(self, work: Callable[[Job], T], job: Job) -> T:
        self._leave_queue(job)
        if job.is_unwanted():
            raise CancelledError("nobody wants this any more")
        job.began_at = time.monotonic()
        return work(job)

    def _enter_queue(self, job: Job) -> bool:
        with self._lock:
            job.is_waiting = self.waiting < self._most_waiting
            self.waiting += job.is_waiting
            return job.is_waiting

    def _leave_queue(self, job: Job) -> None:
        with self._lock:
            self.waiting -= job.is_waiting
            job.is_waiting = False

    def check_lane(self, ticket: Ticket | None) -> None:
        """Take down that a request came that has no work to be done so far. Raises Problem 409 for one that was overtaken."""
        self._take_lane(ticket, None)

    def _take_lane(self, ticket: Ticket | None, job: Job | None) -> None:
        if ticket is None:
            return
        newest, others = self._newest.get(ticket.lane, (ticket.sequence, []))
        if ticket.sequence < newest:
            self.overtaken += 1
            raise overtaken()
        if ticket.sequence > newest:
            for other in others:
                self.overtaken += 1
                other.is_overtaken = True
                other.ended.set()
                self._leave_queue(other)
            others = []
        self._newest[ticket.lane] = ticket.sequence, [*others, *([] if job is None else [job])]
        self._newest.move_to_end(ticket.lane)
        while len(self._newest) > MOST_LANES:
            self._newest.popitem(last=False)

    def _leave_lane(self, ticket: Ticket | None, job: Job) -> None:
        if ticket is not None:
            _, jobs = self._newest.get(ticket.lane, (0, []))
            if job in jobs:
                jobs.remove(job)


async def _end_when(gone: asyncio.Event, job: Job) -> None:
    await gone.wait()
    job.is_dropped = True
    job.ended.set()


def overtaken() -> Problem:
    """The answer to a request that its own client has overtaken."""
    return Problem(409, "a newer request of the same client has overtaken this one")


def _forget(done: asyncio.Future[T]) -> None:
    with contextlib.suppress(BaseException):
        done.exception()
