from __future__ import annotations

from concurrent.futures import Future
from fractions import Fraction

import numpy as np
import pytest

from framecache import Arrival, ClosedError, DecodeError, VideoFrameInfo
from framecache.arrival import Errand, Waiter


def arrival_of(error: Exception | None = None) -> Arrival:
    image = np.zeros((4, 6, 3), np.uint8)
    frame = None if error else VideoFrameInfo(image, 0.12, 3, 25.0, 1536, Fraction(1, 12800), False, 10, 0.4)
    return Arrival(3, frame, error, False, 0.01)


FAULT = DecodeError(3, 1536, "clip", "damaged")


def test_an_arrival_gives_its_frame_or_raises_its_error():
    assert arrival_of().get().frame_ix == 3
    with pytest.raises(DecodeError):
        arrival_of(FAULT).get()


def test_another_has_an_image_of_its_own():
    one = arrival_of()
    other = one.another(np.copy)
    assert not np.shares_memory(one.get().image, other.get().image)
    assert (other.index, other.get().pts, other.is_preview) == (3, 1536, False)
    assert arrival_of(FAULT).another(np.copy).error is FAULT


def test_what_cannot_be_copied_for_want_of_memory_arrives_as_that_error():
    def fail(_: object) -> np.ndarray:
        raise MemoryError

    assert isinstance(arrival_of().another(fail).error, MemoryError)


def test_a_waiter_is_settled_with_a_frame_an_arrival_or_an_error():
    arrival, fault = arrival_of(), arrival_of(FAULT)
    waiters = [Waiter(Future(), takes_arrivals=takes) for takes in (False, True, False, True, False)]
    for waiter, what in zip(waiters, (arrival, arrival, fault, fault)):
        waiter.arrive(what)
    waiters[4].fail(ClosedError("closed"))
    assert [waiter.future.result() for waiter in waiters[:2]] == [arrival.frame, arrival]
    assert waiters[2].future.exception() is FAULT
    assert waiters[3].future.result() is fault
    assert isinstance(waiters[4].future.exception(), ClosedError)


def test_a_waiter_that_gave_up_is_left_alone():
    for settle in (lambda waiter: waiter.arrive(arrival_of()), lambda waiter: waiter.fail(FAULT)):
        waiter = Waiter(Future())
        waiter.future.cancel()
        settle(waiter)
        assert waiter.future.cancelled()


def test_an_errand_is_wanted_as_long_as_anybody_waits():
    silent, curious = Waiter(Future()), Waiter(Future(), on_preview=print)
    for errand, is_wanted, wants_preview in (
        (Errand(3), False, False),
        (Errand(3, is_sought=True), True, True),
        (Errand(3, waiters=[silent]), True, False),
        (Errand(3, waiters=[silent, curious]), True, True),
    ):
        assert (errand.is_wanted, errand.wants_preview) == (is_wanted, wants_preview)
