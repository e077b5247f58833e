from __future__ import annotations

import copy
import pickle
import sys
import threading
from collections import OrderedDict
from dataclasses import dataclass

import av
import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from framecache import BadArgumentError, CacheDict
from framecache.cache import held_bytes


def array(size: int) -> np.ndarray:
    return np.zeros(size, np.uint8)


def test_the_least_recently_used_goes_first_and_reading_counts_as_use():
    cache = CacheDict(buffer_length=2)
    cache["a"], cache["b"] = 1, 2
    assert cache["a"] == 1
    cache["c"] = 3
    assert list(cache) == ["a", "c"]


def test_get_counts_as_use_and_contains_peek_and_iterating_do_not():
    cache = CacheDict(buffer_length=3)
    cache.update(a=1, b=2, c=3)
    cache.get("a")
    assert "b" in cache
    assert cache.peek("b") == 2
    assert dict(cache.items()) == {"a": 1, "b": 2, "c": 3}
    assert list(cache.values()) == [2, 3, 1]
    cache["d"] = 4
    assert "b" not in cache


def test_both_limits_hold():
    cache = CacheDict(buffer_length=3, buffer_size_bytes=100)
    for number in range(10):
        cache[number] = array(40)
        assert len(cache) <= 3
        assert cache.bytes_held <= 100
    assert list(cache) == [8, 9]


def test_an_array_counts_its_buffer_and_a_view_what_it_keeps_alive():
    cache = CacheDict(buffer_size_bytes=10_000)
    cache["array"] = array(5000)
    assert cache.bytes_held == 5000
    assert held_bytes(array(5000)[:10]) == 5000
    assert held_bytes((array(300), array(200))) >= 500
    assert held_bytes("text") == sys.getsizeof("text")


def test_overwriting_and_deleting_account_exactly():
    cache = CacheDict(buffer_size_bytes=100)
    cache["a"] = array(60)
    cache["b"] = array(40)
    cache["a"] = array(50)
    assert cache.bytes_held == 90
    assert set(cache) == {"a", "b"}, "old and new never count together"
    del cache["b"]
    assert cache.bytes_held == 50
    cache.clear()
    assert (cache.bytes_held, len(cache)) == (0, 0)


def test_an_item_over_the_budget_is_refused_without_disturbing_the_others():
    cache = CacheDict(buffer_size_bytes=100)
    cache["a"] = array(60)
    cache["big"] = array(101)
    assert list(cache) == ["a"]
    assert cache.stats.refused == 1
    assert cache.stats.evictions == 0


def test_a_refused_item_does_not_leave_the_outdated_one_under_its_key():
    cache = CacheDict(buffer_size_bytes=100)
    cache["a"] = array(60)
    cache["a"] = array(101)
    assert "a" not in cache
    assert cache.bytes_held == 0


def test_always_allow_one_item_lets_it_stay_alone():
    cache = CacheDict(buffer_size_bytes=100, always_allow_one_item=True)
    cache["a"] = array(60)
    cache["big"] = array(500)
    assert list(cache) == ["big"]
    cache["b"] = array(10)
    assert list(cache) == ["b"]


def test_calculate_size_once_takes_the_first_size_for_all():
    sizes: list[int] = []
    cache = CacheDict(buffer_size_bytes=100, calculate_size_once=True, sizeof=lambda value: sizes.append(1) or len(value))
    for number in range(5):
        cache[number] = array(30)
    cache[4] = array(30)
    assert len(sizes) == 1
    assert cache.bytes_held == 90


@pytest.mark.parametrize("limit", [0, -1])
@pytest.mark.parametrize("name", ["buffer_length", "buffer_size_bytes"])
def test_a_zero_or_negative_limit_is_a_value_error(name: str, limit: int):
    with pytest.raises(ValueError, match=name):
        CacheDict(**{name: limit})
    with pytest.raises(BadArgumentError):
        CacheDict(**{name: limit})


def test_the_counters_tell_hits_misses_and_evictions():
    cache = CacheDict(buffer_length=1)
    cache["a"] = 1
    assert cache["a"] == 1
    with pytest.raises(KeyError):
        cache["b"]
    cache["b"] = 2
    stats = cache.stats
    assert (stats.hits, stats.misses, stats.evictions) == (1, 1, 1)


def test_pop_popitem_and_setdefault_behave_as_a_dictionary():
    cache = CacheDict(buffer_length=3)
    cache.update(a=1, b=2)
    assert cache.pop("a") == 1
    assert cache.pop("a", 7) == 7
    assert cache.pop("a", default=8) == 8
    with pytest.raises(KeyError):
        cache.pop("a")
    assert cache.setdefault("b", 9) == 2
    assert cache.setdefault("c", 9) == 9
    assert cache.popitem() == ("b", 2)
    assert cache == {"c": 9}
    cache.clear()
    with pytest.raises(KeyError):
        cache.popitem()


def test_looking_for_a_value_or_an_item_counts_as_no_use():
    cache = CacheDict(buffer_length=2)
    cache.update(a=1, b=2)
    assert 1 in cache.values()
    assert ("a", 1) in cache.items()
    assert ("a", 2) not in cache.items()
    assert list(cache) == ["a", "b"]
    assert cache.stats.hits == 0


def test_what_a_value_contains_is_counted():
    @dataclass(frozen=True, slots=True)
    class Frame:
        image: np.ndarray
        number: int

    assert held_bytes(Frame(array(5000), 3)) >= 5000
    assert held_bytes(av.VideoFrame(64, 64, "yuv420p")) >= 64 * 64 * 3 // 2
    endless: list[object] = [array(300)]
    endless.append(endless)
    assert 300 <= held_bytes(endless) < 1000


def test_a_cache_is_neither_copied_nor_pickled():
    for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="cannot be copied"):
            attempt(CacheDict(buffer_length=2))


def test_a_negative_size_and_a_limit_that_is_no_number_are_refused():
    with pytest.raises(ValueError, match="-5"):
        CacheDict(buffer_size_bytes=10, sizeof=lambda value: -5)["a"] = 1
    with pytest.raises(TypeError, match="buffer_length"):
        CacheDict(buffer_length="5")  # type: ignore[arg-type]


def test_iterating_while_others_write_does_no_harm():
    cache = CacheDict(buffer_length=10)
    cache.update({number: number for number in range(10)})
    for key in cache:
        cache[key + 100] = key
    assert len(cache) == 10


def test_threads_leave_the_account_exact():
    cache: CacheDict[int, np.ndarray] = CacheDict(buffer_length=20, buffer_size_bytes=2000)

    def work(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(2000):
            key = int(rng.integers(40))
            match int(rng.integers(4)):
                case 0 | 1:
                    cache[key] = array(int(rng.integers(1, 300)))
                case 2:
                    cache.get(key)
                case 3:
                    cache.pop(key, None)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.bytes_held == sum(value.nbytes for value in cache.values()) <= 2000
    assert len(cache) <= 20


class CacheAgainstModel(RuleBasedStateMachine):
    """A CacheDict does what a plain ordered dictionary, trimmed by the book, does."""

    @initialize(length=st.none() | st.integers(1, 5), size=st.none() | st.integers(1, 60), one=st.booleans())
    def begin(self, length: int | None, size: int | None, one: bool) -> None:
        self.length, self.size, self.one = length, size, one
        self.cache: CacheDict[int, bytes] = CacheDict(length, size, always_allow_one_item=one, sizeof=len)
        self.model: OrderedDict[int, bytes] = OrderedDict()

    def too_much(self) -> bool:
        held = sum(map(len, self.model.values()))
        return (self.length is not None and len(self.model) > self.length) or (self.size is not None and held > self.size)

    @rule(key=st.integers(0, 7), size=st.integers(0, 70))
    def write(self, key: int, size: int) -> None:
        value = bytes(size)
        self.cache[key] = value
        self.model.pop(key, None)
        if self.size is not None and size > self.size:
            if not self.one:
                return
            self.model.clear()
        self.model[key] = value
        while self.too_much() and len(self.model) > 1:
            self.model.popitem(last=False)

    @rule(key=st.integers(0, 7))
    def read(self, key: int) -> None:
        assert self.cache.get(key) == self.model.get(key)
        if key in self.model:
            self.model.move_to_end(key)

    @rule(key=st.integers(0, 7))
    def remove(self, key: int) -> None:
        if key in self.model:
            del self.model[key]
            del self.cache[key]
        else:
            with pytest.raises(KeyError):
                del self.cache[key]

    @rule()
    def take_oldest(self) -> None:
        if self.model:
            assert self.cache.popitem() == self.model.popitem(last=False)

    @rule()
    def clear(self) -> None:
        self.cache.clear()
        self.model.clear()

    @invariant()
    def agrees(self) -> None:
        if not hasattr(self, "model"):
            return
        assert list(self.cache.items()) == list(self.model.items())
        assert self.cache.bytes_held == sum(map(len, self.model.values()))


TestCacheAgainstModel = CacheAgainstModel.TestCase
TestCacheAgainstModel.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def test_touching_counts_as_use_and_as_no_look_up():
    cache: CacheDict[str, int] = CacheDict(buffer_length=2)
    cache["a"], cache["b"] = 1, 2
    assert cache.touch("a")
    assert not cache.touch("nothing")
    cache["c"] = 3
    assert list(cache) == ["a", "c"]
    assert (cache.stats.hits, cache.stats.misses) == (0, 0)
