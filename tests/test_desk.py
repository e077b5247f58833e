"""The order of work: bounded, the newest of a lane alone, and nothing for those who are gone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from framecache.errors import CancelledError
from framecache.server.desk import ClientGoneError, Desk, Job, Ticket
from framecache.server.problems import Problem

PATIENCE_SECONDS = 60


@pytest.fixture
def desk() -> Iterator[Desk]:
    one = Desk(1, 3)
    yield one
    one.close()


class Hold:
    """Work that waits until it is let go, or not wanted any more."""

    def __init__(self) -> None:
        self.began, self.may_end = threading.Event(), threading.Event()
        self.was_called_off = False

    def __call__(self, job: Job) -> str:
        self.began.set()
        while not self.may_end.wait(0.005):
            if job.is_unwanted():
                self.was_called_off = True
                raise CancelledError("not wanted")
        return "done"


async def begun(hold: Hold) -> None:
    assert await asyncio.to_thread(hold.began.wait, PATIENCE_SECONDS)


def run(act: object) -> None:
    asyncio.run(asyncio.wait_for(act, PATIENCE_SECONDS))  # type: ignore[arg-type]


def test_work_is_done_and_its_errors_are_told(desk: Desk):
    async def act() -> None:
        assert await desk.do(lambda _: 7) == 7
        with pytest.raises(ZeroDivisionError):
            await desk.do(lambda _: 1 // 0)
        assert desk.waiting == 0

    run(act())


def test_a_newer_request_of_a_lane_overtakes_one_that_is_under_way(desk: Desk):
    async def act() -> None:
        hold = Hold()
        old = asyncio.create_task(desk.do(hold, Ticket(("a", "v", "frame"), 1)))
        await begun(hold)
        new = asyncio.create_task(desk.do(lambda _: "new", Ticket(("a", "v", "frame"), 2)))
        with pytest.raises(Problem) as raised:
            await old
        assert raised.value.status == 409
        assert await new == "new"
        assert hold.was_called_off
        assert desk.overtaken == 1

    run(act())


def test_one_that_is_overtaken_while_it_waits_is_never_begun(desk: Desk):
    async def act() -> None:
        hold, calls = Hold(), list[int]()
        first = asyncio.create_task(desk.do(hold))
        await begun(hold)
        waiting = [
            asyncio.create_task(desk.do(lambda _, n=n: calls.append(n), Ticket(("a", "v", "frame"), n))) for n in range(20)
        ]
        ended = await asyncio.gather(*waiting[:-1], return_exceptions=True)
        assert {error.status for error in ended if isinstance(error, Problem)} == {409}
        # Those that were overtaken take nobody's place among those that wait.
        assert desk.waiting == 1
        hold.may_end.set()
        await asyncio.gather(first, waiting[-1])
        assert calls == [19]

    run(act())


def test_an_older_request_that_comes_late_is_refused_and_an_equal_one_is_not(desk: Desk):
    async def act() -> None:
        assert await desk.do(lambda _: 1, Ticket(("a",), 5)) == 1
        with pytest.raises(Problem):
            await desk.do(lambda _: 1, Ticket(("a",), 4))
        with pytest.raises(Problem):
            desk.check_lane(Ticket(("a",), 4))
        assert await desk.do(lambda _: 2, Ticket(("a",), 5)) == 2

    run(act())


def test_a_newer_request_overtakes_all_of_the_same_number(desk: Desk):
    async def act() -> None:
        holds = Hold(), Hold()
        first = asyncio.create_task(desk.do(holds[0], Ticket(("a", "v", "frame"), 1)))
        await begun(holds[0])
        second = asyncio.create_task(desk.do(holds[1], Ticket(("a", "v", "frame"), 1)))
        await asyncio.sleep(0)
        desk.check_lane(Ticket(("a", "v", "frame"), 2))
        for old in (first, second):
            with pytest.raises(Problem) as raised:
                await old
            assert raised.value.status == 409
        assert (desk.overtaken, desk.waiting, holds[1].began.is_set()) == (2, 0, False)

    run(act())


def test_lanes_and_clients_do_not_overtake_each_other(desk: Desk):
    async def act() -> None:
        lanes = [("a", "v", "frame"), ("b", "v", "frame"), ("a", "w", "frame")]
        done = await asyncio.gather(*(desk.do(lambda _: 1, Ticket(lane, n)) for n, lane in enumerate(lanes)))
        assert done == [1, 1, 1]

    run(act())


def test_too_many_are_sent_away_and_told_when_to_come_again(desk: Desk):
    async def act() -> None:
        hold = Hold()
        first = asyncio.create_task(desk.do(hold))
        await begun(hold)
        others = [asyncio.create_task(desk.do(lambda _: 1)) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Problem) as raised:
            await desk.do(lambda _: 1)
        assert (raised.value.status, raised.value.headers["Retry-After"]) == (503, "1")
        hold.may_end.set()
        assert await asyncio.gather(first, *others) == ["done", 1, 1, 1]

    run(act())


def test_one_that_was_sent_away_is_not_counted_when_it_is_overtaken(desk: Desk):
    async def act() -> None:
        hold = Hold()
        first = asyncio.create_task(desk.do(hold))
        await begun(hold)
        others = [asyncio.create_task(desk.do(lambda _: 1)) for _ in range(3)]
        await asyncio.sleep(0)
        for sequence in range(3):
            with pytest.raises(Problem) as raised:
                await desk.do(lambda _: 1, Ticket(("a",), sequence))
            assert raised.value.status == 503
        assert (desk.waiting, desk.overtaken) == (3, 0)
        hold.may_end.set()
        await asyncio.gather(first, *others)
        assert desk.waiting == 0

    run(act())


def test_whoever_waits_elsewhere_is_told_to_look_again_once_work_under_way_is_not_wanted():
    looked: list[bool] = []
    desk = Desk(1, 3, lambda: looked.append(True))

    async def act() -> None:
        hold = Hold()
        old = asyncio.create_task(desk.do(hold, Ticket(("a",), 1)))
        await begun(hold)
        assert await desk.do(lambda _: 1, Ticket(("a",), 2)) == 1
        with pytest.raises(Problem):
            await old
        assert looked == [True]

    run(act())
    desk.close()


def test_work_ends_between_packets_once_its_client_is_gone(desk: Desk):
    async def act() -> None:
        hold, gone = Hold(), asyncio.Event()
        task = asyncio.create_task(desk.do(hold, gone=gone))
        await begun(hold)
        gone.set()
        with pytest.raises(ClientGoneError):
            await task
        assert await desk.do(lambda _: 1) == 1
        assert hold.was_called_off

    run(act())


def test_work_ends_once_the_task_that_waits_is_cancelled(desk: Desk):
    async def act() -> None:
        hold = Hold()
        task = asyncio.create_task(desk.do(hold))
        await begun(hold)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await desk.do(lambda _: 1) == 1
        assert hold.was_called_off

    run(act())
