from __future__ import annotations

import gc
import multiprocessing
import os
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import index_of, indices

from framecache import Engine, VideoReader
from framecache.copies import Copier
from framecache.decode.decoder import Decoder
from framecache.index.frame_index import FrameIndex
from framecache.pace import Motion
from framecache.planes import held_frame_bytes
from framecache.prefetch import inner, prefetcher_of, stretches, window
from framecache.sample import read_index

DEADLINE_SECONDS = 30.0
GOP = 50
INDEX: FrameIndex = index_of(list(range(500)), set(range(0, 500, GOP)))
BACK, FORTH, JUMP = Motion(-1, 10.0), Motion(1, 10.0), Motion()


def wait_until(is_so: Callable[[], bool]) -> None:
    """Waits for what the background thread does; fails where it never does."""
    end = time.monotonic() + DEADLINE_SECONDS
    while not is_so():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.005)


def at_hand(reader: VideoReader, places: range) -> bool:
    return all(reader._pictures.is_at_hand(place) for place in places)


def until_at_rest(reader: VideoReader) -> None:
    """Waits until the background thread has done all it wants to do."""
    prefetcher = prefetcher_of(reader._engine)
    wait_until(lambda: prefetcher._newest is None and (prefetcher._is_asleep or prefetcher._thread is None))


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


# What is worth having


def test_stepping_back_the_gop_before_is_worth_having_whole():
    assert window(INDEX, 130, BACK, 1000).start <= 50
    assert window(INDEX, 130, BACK, 1000).stop > 131, "and a little of the other way"


def test_at_a_quicker_pace_more_is_worth_having():
    slow, quick = (window(INDEX, 130, Motion(1, pace), 10_000) for pace in (5.0, 100.0))
    assert slow.stop < quick.stop == 130 + 200 + 1


@given(indices(), st.data(), st.sampled_from([BACK, FORTH, JUMP]), st.integers(12, 60))
def test_a_window_holds_the_place_and_never_more_than_its_share_of_the_room(
    index: FrameIndex, data: st.DataObject, motion: Motion, room_frames: int
):
    place = data.draw(st.integers(0, len(index) - 1))
    wanted = window(index, place, motion, room_frames)
    assert 0 <= wanted.start <= place < wanted.stop <= len(index)
    assert len(wanted) <= 0.75 * room_frames + 1
    assert wanted.start <= inner(wanted, place).start <= place < inner(wanted, place).stop <= wanted.stop


@given(indices(), st.data(), st.sampled_from([BACK, FORTH, JUMP]))
def test_the_parts_of_a_window_are_all_of_it_but_the_place_itself_each_once(
    index: FrameIndex, data: st.DataObject, motion: Motion
):
    place = data.draw(st.integers(0, len(index) - 1))
    wanted = window(index, place, motion, 40)
    parts = list(stretches(index, wanted, place, motion))
    covered = [one for first, last, _ in parts for one in range(first, last + 1)]
    assert sorted(covered) == [one for one in wanted if one != place]
    before = [last for _, last, is_forward in parts if not is_forward]
    assert before == sorted(before, reverse=True), "the nearest first"


# What is done


def test_the_gop_before_is_ready_before_the_playhead_reaches_it(sample: Path):
    with VideoReader(sample) as reader:
        reader.request_frame(300)
        for place in (299, 298, 297):
            reader.request_frame(place)
            time.sleep(0.05)
        wait_until(lambda: at_hand(reader, range(200, 298)))
        until_at_rest(reader)
        misses = reader.stats.misses
        for place in range(296, 220, -1):
            assert read_index(reader.request_frame(place).image) == place
        assert reader.stats.misses == misses
        assert reader.stats.frames_prefetched > 100


def test_going_forward_the_next_frames_are_ready(sample: Path):
    with VideoReader(sample) as reader:
        for place in (10, 11, 12, 13):
            reader.request_frame(place)
            time.sleep(0.03)
        wait_until(lambda: at_hand(reader, range(14, 30)))


def test_after_a_jump_both_ways_are_ready(sample: Path):
    with VideoReader(sample) as reader:
        reader.request_frame(150)
        wait_until(lambda: at_hand(reader, range(100, 170)))


@pytest.mark.parametrize("options", [{"prefetch": False}, {"use_cache": False}], ids=str)
def test_it_can_be_switched_off_and_is_off_without_a_cache(sample: Path, options: dict[str, bool]):
    with VideoReader(sample, **options) as reader:
        for place in (150, 149, 148):
            reader.request_frame(place)
            time.sleep(0.05)
        assert "framecache-prefetch" not in threads()
        assert reader.stats.frames_prefetched == 0


def test_frames_that_were_prefetched_are_the_ones_that_are_decoded_when_asked_for(sample: Path):
    with VideoReader(sample) as reader, VideoReader(sample, use_cache=False) as plain:
        reader.request_frame(200)
        wait_until(lambda: reader.stats.frames_prefetched > 60)
        for place in range(140, 224):
            assert np.array_equal(reader[place], plain[place])


def test_it_stays_within_the_budget_and_comes_to_rest(sample: Path):
    frame = 320 * 180 * 3 // 2 * 1.4
    with VideoReader(sample, int(60 * frame)) as reader:
        for place in (200, 199, 198):
            reader.request_frame(place)
            time.sleep(0.02)
        until_at_rest(reader)
        decoded = reader.stats.frames_decoded
        time.sleep(0.2)
        assert reader.stats.frames_decoded == decoded, "it does not go round in circles"
        assert reader._pictures.is_at_hand(198)
        assert reader.stats.bytes_held <= 60 * frame


def test_with_hardly_any_budget_nothing_is_prefetched(sample: Path):
    with VideoReader(sample, 6 * 320 * 180 * 3 // 2) as reader:
        for place in (100, 101, 102):
            reader.request_frame(place)
            time.sleep(0.02)
        until_at_rest(reader)
        assert reader.stats.frames_prefetched == 0


def test_a_request_does_not_wait_for_it(sample: Path, monkeypatch: pytest.MonkeyPatch):
    step, speculating, order = Decoder.step, threading.Event(), list[str]()

    def watched(self: Decoder, *args: object, **options: object) -> object:
        name = threading.current_thread().name
        if name == "framecache-prefetch":
            speculating.set()
            time.sleep(0.02)
        order.append(name)
        return step(self, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Decoder, "step", watched)
    with VideoReader(sample) as reader:
        reader.request_frame(200)
        assert speculating.wait(DEADLINE_SECONDS)
        order.clear()
        reader.request_frame(280)
        asked = [number for number, name in enumerate(order) if name != "framecache-prefetch"]
        between = [name for name in order[asked[0] : asked[-1]] if name == "framecache-prefetch"]
        assert len(between) <= 1, "at most the packet that it was at"


def test_a_frame_that_is_on_its_way_is_taken_over(sample: Path, monkeypatch: pytest.MonkeyPatch):
    step, at_it, go_on = Decoder.step, threading.Event(), threading.Event()

    def held(self: Decoder, *args: object, **options: object) -> object:
        if threading.current_thread().name == "framecache-prefetch" and 120 <= self.position.last_place < 190:
            at_it.set()
            go_on.wait(DEADLINE_SECONDS)
        return step(self, *args, **options)  # type: ignore[arg-type]

    with VideoReader(sample) as reader:
        reader.request_frame(200)
        monkeypatch.setattr(Decoder, "step", held)
        assert at_it.wait(DEADLINE_SECONDS)
        decoded = reader.stats.frames_decoded
        taken: list[int] = []
        wanted = next(place for place in range(130, 190) if not reader._pictures.is_at_hand(place))
        asking = threading.Thread(target=lambda: taken.append(read_index(reader.request_frame(wanted).image)))
        asking.start()
        wait_until(lambda: reader.stats.misses == 2)
        go_on.set()
        asking.join(DEADLINE_SECONDS)
        assert taken == [wanted]
        assert reader.stats.frames_decoded - reader.stats.frames_prefetched - decoded < 60, "it did not begin anew"


def test_of_two_readers_on_one_engine_the_newest_request_is_followed(sample: Path, clip: Callable[..., Path]):
    other = clip(n_frames=120, gop=40)
    with Engine() as engine, VideoReader(sample, engine=engine) as one, VideoReader(other, engine=engine) as two:
        one.request_frame(200)
        two.request_frame(60)
        wait_until(lambda: at_hand(two, range(50, 80)))
        one.request_frame(100)
        wait_until(lambda: at_hand(one, range(90, 110)))


# How it ends


def test_closing_ends_the_thread_at_once(sample: Path):
    reader = VideoReader(sample)
    reader.request_frame(200)
    reader.close()
    assert "framecache-prefetch" not in threads()


def test_closing_one_reader_of_a_shared_engine_stops_what_is_done_for_it(sample: Path):
    with Engine() as engine:
        with VideoReader(sample, engine=engine) as reader:
            reader.request_frame(200)
        prefetcher = prefetcher_of(engine)
        wait_until(lambda: prefetcher._newest is None and (prefetcher._is_asleep or prefetcher._thread is None))
        assert engine.cache.bytes_held == 0
        with VideoReader(sample, engine=engine) as reader:
            reader.request_frame(200)
            wait_until(lambda: at_hand(reader, range(180, 210)))


def test_a_reader_that_is_dropped_takes_the_thread_along(sample: Path):
    reader = VideoReader(sample)
    reader.request_frame(200)
    del reader
    gc.collect()
    wait_until(lambda: "framecache-prefetch" not in threads())


def test_the_thread_ends_when_there_is_nothing_to_do(sample: Path):
    with VideoReader(sample) as reader:
        reader.request_frame(20)
        wait_until(lambda: "framecache-prefetch" not in threads())
        reader.request_frame(300)
        wait_until(lambda: at_hand(reader, range(290, 310)))


def _in_child(reader: VideoReader, answers: object) -> None:
    reader.request_frame(300)
    wait_until(lambda: at_hand(reader, range(280, 310)))
    answers.put(read_index(reader.request_frame(290).image))  # type: ignore[attr-defined]
    reader.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_after_a_fork_the_child_prefetches_for_itself(sample: Path):
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    with VideoReader(sample) as reader:
        reader.request_frame(200)
        child = context.Process(target=_in_child, args=(reader, answers))
        child.start()
        child.join(2 * DEADLINE_SECONDS)
        assert child.exitcode == 0
        assert answers.get() == 290


@pytest.mark.parametrize("ending", ["", "raise SystemExit(3)", "import os; os._exit(0)"])
def test_an_interpreter_that_ends_in_the_middle_of_it_ends(sample: Path, ending: str):
    command = f"import framecache\nreader = framecache.VideoReader({str(sample)!r})\nreader.request_frame(200)\n{ending}"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, timeout=120)
    assert done.returncode == (3 if "3" in ending else 0), done.stderr
    assert not done.stderr


def test_damage_that_nobody_asked_for_is_not_decoded_again_and_again(clip: Callable[..., Path], tmp_path: Path):
    data = bytearray(clip(n_frames=120, gop=40).read_bytes())
    with VideoReader(clip(n_frames=120, gop=40)) as reader:
        rows = reader.index.packets
        middle = int(rows.pos[60])
    for at in range(middle + 20, middle + 60):
        data[at] ^= 0x5A
    path = tmp_path / "damaged.mp4"
    path.write_bytes(data)
    with VideoReader(path) as reader:
        reader.request_frame(45)
        until_at_rest(reader)
        seeks = reader.stats.seeks
        for place in (46, 47, 48, 47, 46, 45):
            reader.request_frame(place)
            time.sleep(0.02)
        until_at_rest(reader)
        assert reader.stats.seeks - seeks <= 2
        assert reader.index.checksums is None, "nobody asked for what is damaged"


@pytest.mark.parametrize("closes", [True, False])
def test_readers_that_are_done_with_soon_leave_nothing_behind(sample: Path, closes: bool):
    gone = []
    for _ in range(5):
        reader = VideoReader(sample)
        reader.request_frame(200)
        gone.append(weakref.ref(reader._engine))
        if closes:
            reader.close()
        del reader
    wait_until(lambda: "framecache-prefetch" not in threads())
    gc.collect()
    assert [one() for one in gone] == [None] * 5


def test_an_engine_that_is_collected_in_the_background_thread_itself_is_closed_by_it_afterwards(
    sample: Path, monkeypatch: pytest.MonkeyPatch
):
    real, collected = Copier.copy, threading.Event()
    reader: VideoReader | None = VideoReader(sample)
    assert reader is not None
    engine = weakref.ref(reader._engine)
    reader.request_frame(200)

    def collecting(self: Copier, frame: av.VideoFrame) -> av.VideoFrame:
        if threading.current_thread().name == "framecache-prefetch" and not collected.is_set():
            with self._lock:
                collected.set()
                held.clear()
                gc.collect()
        return real(self, frame)

    held = [reader]
    held.append(held)  # type: ignore[arg-type]
    monkeypatch.setattr(Copier, "copy", collecting)
    reader = None
    assert collected.wait(DEADLINE_SECONDS)
    wait_until(lambda: "framecache-prefetch" not in threads())
    gc.collect()
    assert engine() is None


def test_whatever_goes_wrong_in_the_background_it_goes_on_with_the_next_request(sample: Path, monkeypatch: pytest.MonkeyPatch):
    real, failed = Engine.fetch, threading.Event()

    def failing(self: Engine, *args: Any, **options: Any) -> object:
        if threading.current_thread().name == "framecache-prefetch" and not failed.is_set():
            failed.set()
            raise MemoryError("no memory, as a test has it")
        return real(self, *args, **options)

    monkeypatch.setattr(Engine, "fetch", failing)
    with VideoReader(sample) as reader:
        reader.request_frame(20)
        assert failed.wait(DEADLINE_SECONDS)
        reader.request_frame(200)
        wait_until(lambda: at_hand(reader, range(190, 210)))


def test_where_no_thread_can_be_started_requests_are_answered_all_the_same(sample: Path, monkeypatch: pytest.MonkeyPatch):
    def none_left(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with VideoReader(sample) as reader:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", none_left)
            assert read_index(reader.request_frame(200).image) == 200
        reader.request_frame(201)
        wait_until(lambda: at_hand(reader, range(195, 210)))


def test_each_reader_of_a_video_has_its_own_form_of_the_frames_ready(sample: Path):
    with Engine() as engine, VideoReader(sample, engine=engine, max_size_xy=(40, 40)) as small:
        small.request_frame(200)
        wait_until(lambda: at_hand(small, range(190, 215)))
        with VideoReader(sample, engine=engine) as plain:
            plain.request_frame(200)
            wait_until(lambda: at_hand(plain, range(190, 215)))


def test_small_frames_of_another_video_do_not_make_room_for_large_ones(sample: Path, clip: Callable[..., Path]):
    large = held_frame_bytes(av.VideoFrame(320, 180, "yuv420p"))
    with (
        Engine(40 * large) as engine,
        VideoReader(clip(n_frames=48), engine=engine) as small,
        VideoReader(sample, engine=engine) as reader,
    ):
        for place in range(40):
            small.request_frame(place)
        reader.request_frame(100)
        room_frames = prefetcher_of(engine)._room_frames(engine, reader._pictures, 100)
        assert 10 < room_frames <= 40, "of its own size, and shared with the other"


@pytest.fixture(autouse=True)
def _threads_end() -> Iterator[None]:
    yield
    wait_until(lambda: "framecache-prefetch" not in threads())
