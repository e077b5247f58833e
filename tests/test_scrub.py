from __future__ import annotations

import asyncio
import concurrent.futures
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from gates import DEADLINE_SECONDS, Gate, arrivals_until

import framecache
from framecache import Arrival, Scrubber, VideoReader
from framecache.frame import VideoFrameInfo
from framecache.sample import read_index

pytestmark = pytest.mark.usefixtures("no_prefetch")


@pytest.fixture
def reader(sample: Path) -> Iterator[VideoReader]:
    with VideoReader(sample) as reader:
        yield reader


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch, reader: VideoReader) -> Gate:
    return Gate(monkeypatch, reader)


def test_what_is_wanted_arrives_as_itself(reader: VideoReader):
    with Scrubber(reader, previews=False) as scrubber:
        assert scrubber.take() is None
        for index in (0, 200, 199, 329, 7):
            assert scrubber.seek(index) == index
            (arrival,) = arrivals_until(scrubber, index)
            assert read_index(arrival.get().image) == arrival.get().frame_ix == index
            assert arrival.error is None
            assert arrival.seconds_taken > 0
        assert scrubber.take() is None
        assert scrubber.is_idle


def test_positions_are_clamped_and_counted_from_the_end(reader: VideoReader):
    with Scrubber(reader, previews=False) as scrubber:
        assert [scrubber.seek(index) for index in (-1, 9999, -9999)] == [329, 329, 0]
        with pytest.raises(framecache.BadTypeError):
            scrubber.seek(1.5)  # type: ignore[arg-type]


def test_hits_and_misses_are_told_apart(reader: VideoReader):
    with Scrubber(reader, previews=False) as scrubber:
        came = []
        for index in (100, 100, 99, 250):
            scrubber.seek(index)
            came += arrivals_until(scrubber, index)
    # 99 was passed on the way to 100.
    assert [arrival.is_hit for arrival in came] == [False, True, True, False]


def test_the_newest_wins_and_work_on_the_older_stops(reader: VideoReader, gate: Gate):
    with Scrubber(reader, previews=False) as scrubber:
        scrubber.seek(300)
        gate.wait_for_next()
        for index in (100, 120, 50):
            scrubber.seek(index)
        gate.wait_for_next()
        gate.is_open.set()
        assert arrivals_until(scrubber, 50)[-1].get().frame_ix == 50
    assert gate.overtaken[0] == 300
    assert gate.began[-1] == 50


def test_a_seek_returns_while_decoding_goes_on(reader: VideoReader, gate: Gate):
    with Scrubber(reader, previews=False) as scrubber:
        scrubber.seek(200)
        gate.wait_for_next()
        assert scrubber.seek(200) == 200
        assert scrubber.take() is None
        assert not scrubber.is_idle
        gate.is_open.set()
        arrivals_until(scrubber, 200)
        assert scrubber.is_idle
    assert gate.began == [200], "what is on its way already is not begun anew"


def test_going_forward_does_not_cancel_what_lies_on_the_way(reader: VideoReader, gate: Gate):
    with Scrubber(reader, previews=False) as scrubber:
        scrubber.seek(20)
        gate.wait_for_next()
        scrubber.seek(40)
        time.sleep(0.05)
        gate.is_open.set()
        indices = [arrival.index for arrival in arrivals_until(scrubber, 40)]
    assert gate.overtaken == []
    assert indices in ([20, 40], [40]), "take gives the newest"


def test_what_is_at_hand_overtakes_at_once(reader: VideoReader, monkeypatch: pytest.MonkeyPatch):
    reader.request_frame(5)
    gate = Gate(monkeypatch, reader)
    with Scrubber(reader, previews=False, patience_seconds=0.0) as scrubber:
        scrubber.seek(300)
        gate.wait_for_next()
        scrubber.seek(5)
        gate.wait_for_next()
        gate.is_open.set()
        assert arrivals_until(scrubber, 5)[-1].is_hit
    assert gate.overtaken == [300]


def test_dragging_on_and_on_does_not_starve(reader: VideoReader, gate: Gate):
    """Positions that come faster than any can be decoded: after the patience, one is let finish."""
    with Scrubber(reader, previews=False, patience_seconds=0.1) as scrubber:
        for index in (300, 10):
            scrubber.seek(index)
            gate.wait_for_next()
        time.sleep(0.1)
        for index in (320, 200, 260):
            scrubber.seek(index)
            time.sleep(0.02)
        gate.is_open.set()
        arrivals_until(scrubber, 260)
    assert gate.began == [300, 10, 260]
    assert gate.overtaken == [300], "10 arrived, though 260 was wanted by then"


def test_what_is_wanted_again_just_as_it_is_given_up_arrives(reader: VideoReader, gate: Gate):
    with Scrubber(reader, previews=False) as scrubber:
        scrubber.seek(300)
        gate.wait_for_next()
        for _ in range(200):
            scrubber.seek(10)
            scrubber.seek(300)
        gate.is_open.set()
        assert arrivals_until(scrubber, 300)[-1].get().frame_ix == 300


def test_what_was_decoded_for_an_overtaken_position_is_kept(reader: VideoReader):
    with Scrubber(reader, previews=False) as scrubber:
        scrubber.seek(249)
        deadline = time.monotonic() + DEADLINE_SECONDS
        while reader.stats.frames_decoded < 20 and time.monotonic() < deadline:
            time.sleep(0.001)
        scrubber.seek(3)
        arrivals_until(scrubber, 3)
        before = reader.stats.frames_decoded
        scrubber.seek(249)
        arrivals_until(scrubber, 249)
        assert reader.stats.frames_decoded - before <= 249 - 20 + 32, "the decoder goes on from where it stood"
        assert reader.stats.seeks <= 1


def test_a_frame_that_cannot_be_decoded_arrives_as_its_error(media: Path):
    with VideoReader(media / "corrupted.mp4") as reader, Scrubber(reader, previews=False) as scrubber:
        scrubber.seek(30)
        (arrival,) = arrivals_until(scrubber, 30)
        assert isinstance(arrival.error, framecache.DecodeError)
        with pytest.raises(framecache.DecodeError):
            arrival.get()
        scrubber.seek(31)
        assert arrivals_until(scrubber, 31)[-1].get().frame_ix == 31


def test_a_bug_arrives_too_and_the_thread_goes_on(reader: VideoReader, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> VideoFrameInfo:
        raise ZeroDivisionError

    with Scrubber(reader, previews=False) as scrubber:
        with monkeypatch.context() as patch:
            patch.setattr(reader, "_frame", fail)
            scrubber.seek(1)
            assert isinstance(arrivals_until(scrubber, 1)[-1].error, ZeroDivisionError)
        scrubber.seek(2)
        assert arrivals_until(scrubber, 2)[-1].get().frame_ix == 2


def test_closing_while_decoding_ends_the_thread(reader: VideoReader, gate: Gate):
    scrubber = Scrubber(reader, previews=False)
    scrubber.seek(300)
    gate.wait_for_next()
    scrubber.close()
    scrubber.close()
    assert gate.overtaken == [300]
    assert not scrubber._errands._thread.is_alive()
    assert scrubber.take(1.0) is None
    with pytest.raises(framecache.ClosedError):
        scrubber.seek(1)
    assert reader.request_frame is not None


def test_closing_the_reader_first_is_told(sample: Path):
    reader = VideoReader(sample)
    with Scrubber(reader, previews=False) as scrubber:
        reader.close()
        with pytest.raises(framecache.ClosedError):
            scrubber.seek(1)


def test_random_seeking_always_ends_at_the_last(reader: VideoReader):
    chosen = random.Random(3)
    with Scrubber(reader, previews=False, patience_seconds=0.05) as scrubber:
        for _ in range(6):
            targets = [chosen.randrange(330) for _ in range(chosen.randrange(1, 30))]
            for target in targets:
                scrubber.seek(target)
                time.sleep(chosen.choice((0, 0, 0.002, 0.01)))
            for arrival in arrivals_until(scrubber, targets[-1]):
                assert read_index(arrival.get().image) == arrival.index
            # The last position may have been passed before: what comes after it is it again, or nothing.
            while not scrubber.is_idle:
                time.sleep(0.001)
            last = scrubber.take()
            assert last is None or last.index == targets[-1]


@pytest.mark.parametrize("patience", [-1, float("nan"), "much"])
def test_a_wrong_patience_is_refused(reader: VideoReader, patience: object):
    with pytest.raises(framecache.FramecacheError):
        Scrubber(reader, previews=False, patience_seconds=patience)  # type: ignore[arg-type]


def test_only_readers_are_scrubbed():
    with pytest.raises(framecache.BadTypeError):
        Scrubber("video.mp4")  # type: ignore[arg-type]


# Previews


@pytest.fixture
def shown(reader: VideoReader) -> Iterator[tuple[Scrubber, list[Arrival]]]:
    """A scrubber, and all that arrives."""
    came: list[Arrival] = []
    with Scrubber(reader, on_arrival=came.append) as scrubber:
        yield scrubber, came


def test_a_keyframe_is_shown_first_under_its_own_number(reader: VideoReader, sample: Path, shown):
    scrubber, came = shown
    scrubber.seek(120)
    arrivals_until(scrubber, 120)
    preview, exact = came
    assert (preview.is_preview, preview.index, preview.is_hit, preview.error) == (True, 120, False, None)
    assert (exact.is_preview, exact.index, exact.is_hit, exact.error) == (False, 120, False, None)
    with VideoReader(sample) as other:
        for arrival, index in ((preview, 0), (exact, 120)):
            frame, wanted = arrival.get(), other.request_frame(index)
            assert (frame.frame_ix, frame.pts, frame.seconds_into_video) == (index, wanted.pts, wanted.seconds_into_video)
            assert read_index(frame.image) == index
            assert frame.image.tobytes() == wanted.image.tobytes()
    assert preview.seconds_taken < exact.seconds_taken


def test_the_keyframe_shown_first_is_no_detour(reader: VideoReader, sample: Path, shown):
    scrubber, _ = shown
    scrubber.seek(120)
    arrivals_until(scrubber, 120)
    with VideoReader(sample) as straight:
        straight.request_frame(120)
        assert (reader.stats.packets_read, reader.stats.seeks) == (straight.stats.packets_read, straight.stats.seeks)
    assert reader.stats.open_decoders == 1


def test_the_next_keyframe_is_shown_where_it_is_nearer(reader: VideoReader, shown):
    scrubber, came = shown
    scrubber.seek(240)
    arrivals_until(scrubber, 240)
    assert [arrival.get().frame_ix for arrival in came] == [250, 240]


def test_the_nearest_frame_at_hand_is_shown_first(reader: VideoReader, shown):
    reader.request_frame(100)
    scrubber, came = shown
    scrubber.seek(120)
    arrivals_until(scrubber, 120)
    assert [(arrival.get().frame_ix, arrival.is_hit) for arrival in came] == [(100, True), (120, False)]


def test_a_frame_at_hand_has_no_preview(reader: VideoReader, shown):
    reader.request_frames([60, 99, 100])
    scrubber, came = shown
    for index in (100, 60, 99):
        scrubber.seek(index)
        arrivals_until(scrubber, index)
    assert [(arrival.is_preview, arrival.index) for arrival in came] == [(False, 100), (False, 60), (False, 99)]


def test_stepping_and_playing_show_no_previews(shown):
    scrubber, came = shown
    for index in (0, 1, 2, 4, 7):
        scrubber.seek(index)
        arrivals_until(scrubber, index)
    assert not any(arrival.is_preview for arrival in came)


def test_a_preview_can_be_taken_while_the_frame_is_on_its_way(reader: VideoReader, monkeypatch: pytest.MonkeyPatch):
    gate = Gate(monkeypatch, reader, but_not={0})
    with Scrubber(reader) as scrubber:
        scrubber.seek(120)
        arrival = scrubber.take(DEADLINE_SECONDS)
        gate.wait_for_next()
        assert arrival is not None
        assert arrival.is_preview
        assert arrival.get().frame_ix == 0
        assert not scrubber.is_idle
        gate.is_open.set()
        assert [arrival.is_preview for arrival in arrivals_until(scrubber, 120)] == [False]


def test_a_preview_that_was_not_taken_gives_way_to_the_frame(reader: VideoReader):
    with Scrubber(reader) as scrubber:
        scrubber.seek(120)
        while not scrubber.is_idle:
            time.sleep(0.001)
        arrival = scrubber.take()
        assert arrival is not None
        assert (arrival.is_preview, arrival.get().frame_ix) == (False, 120)
        assert scrubber.take() is None


def test_a_preview_that_is_pushed_out_meanwhile_is_not_decoded(reader: VideoReader, monkeypatch: pytest.MonkeyPatch, shown):
    monkeypatch.setattr(reader._pictures, "is_at_hand", lambda place: place == 119)
    scrubber, came = shown
    scrubber.seek(120)
    arrivals_until(scrubber, 120)
    assert [arrival.get().frame_ix for arrival in came] == [120]


def test_an_overtaken_preview_stops_too(reader: VideoReader, gate: Gate):
    came: list[Arrival] = []
    with Scrubber(reader, on_arrival=came.append) as scrubber:
        scrubber.seek(120)
        gate.wait_for_next()
        scrubber.seek(5)
        gate.wait_for_next()
        gate.is_open.set()
        arrivals_until(scrubber, 5)
    assert gate.overtaken == [0]
    assert [arrival.index for arrival in came] == [5]


def test_a_damaged_keyframe_is_no_preview_and_the_frame_still_comes(reader: VideoReader, monkeypatch: pytest.MonkeyPatch, shown):
    real = reader._frame

    def frame(place: int, *rest: object, **more: object) -> VideoFrameInfo:
        if place == 0:
            raise framecache.DecodeError(0, 0, "sample", "damaged")
        return real(place, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(reader, "_frame", frame)
    scrubber, came = shown
    scrubber.seek(120)
    arrivals_until(scrubber, 120)
    assert [(arrival.is_preview, arrival.error) for arrival in came] == [(False, None)]


def test_without_a_cache_previews_are_keyframes(sample: Path):
    came: list[Arrival] = []
    with VideoReader(sample, use_cache=False) as reader, Scrubber(reader, on_arrival=came.append) as scrubber:
        for index in (120, 110):
            scrubber.seek(index)
            arrivals_until(scrubber, index)
    assert [arrival.get().frame_ix for arrival in came] == [0, 120, 0, 110]


def test_previews_can_be_switched_off(reader: VideoReader):
    came: list[Arrival] = []
    with Scrubber(reader, previews=False, on_arrival=came.append) as scrubber:
        scrubber.seek(120)
        arrivals_until(scrubber, 120)
    assert [arrival.is_preview for arrival in came] == [False]


# Callbacks


def test_a_callback_that_raises_is_reported_and_the_scrubber_goes_on(reader: VideoReader, monkeypatch: pytest.MonkeyPatch):
    reported: list[type[BaseException]] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: reported.append(args.exc_type))

    def fail(arrival: Arrival) -> None:
        raise SystemExit if arrival.index == 2 else ZeroDivisionError

    with Scrubber(reader, on_arrival=fail) as scrubber:
        for index in (1, 2, 3):
            scrubber.seek(index)
            assert arrivals_until(scrubber, index)[-1].get().frame_ix == index
    assert reported == [ZeroDivisionError, SystemExit, ZeroDivisionError]


def test_a_callback_may_seek_and_close(reader: VideoReader):
    came: list[int] = []
    is_over = threading.Event()

    def chase(arrival: Arrival) -> None:
        assert scrubber.take() is arrival
        came.append(arrival.index)
        if len(came) < 4:
            scrubber.seek(arrival.index + (len(came) == 2))
        else:
            scrubber.close()
            is_over.set()

    scrubber = Scrubber(reader, previews=False, on_arrival=chase)
    scrubber.seek(7)
    assert is_over.wait(DEADLINE_SECONDS)
    scrubber.close()
    assert came == [7, 7, 8, 8]
    with pytest.raises(framecache.ClosedError):
        scrubber.seek(1)


def test_a_callback_that_closes_on_a_preview_sees_no_frame_after_it(reader: VideoReader, gate: Gate):
    came: list[Arrival] = []

    def leave(arrival: Arrival) -> None:
        came.append(arrival)
        scrubber.close()

    scrubber = Scrubber(reader, on_arrival=leave)
    scrubber.seek(120)
    gate.wait_for_next()
    future = scrubber.request(120)
    gate.is_open.set()
    with pytest.raises(framecache.ClosedError):
        future.result(DEADLINE_SECONDS)
    scrubber.close()
    assert [arrival.is_preview for arrival in came] == [True]
    assert gate.began == [0, 120]


def test_no_callback_comes_after_closing(reader: VideoReader):
    came: list[Arrival] = []
    for index in range(0, 330, 30):
        scrubber = Scrubber(reader, on_arrival=came.append)
        scrubber.seek(index)
        scrubber.close()
        count = len(came)
        time.sleep(0.002)
        assert len(came) == count


@pytest.mark.parametrize("wrong", [{"on_arrival": 3}, {"previews": 1}, {"previews": None}])
def test_wrong_arguments_are_refused_at_once(reader: VideoReader, wrong: dict[str, object]):
    with pytest.raises(framecache.BadTypeError):
        Scrubber(reader, **wrong)  # type: ignore[arg-type]


# Futures


def test_a_future_gives_the_frame_itself(reader: VideoReader):
    with Scrubber(reader) as scrubber:
        frame = scrubber.request(-1).result(DEADLINE_SECONDS)
        assert read_index(frame.image) == frame.frame_ix == 329
        assert scrubber.take() is None, "what a future waits for is for it alone"


def test_futures_of_one_frame_have_images_of_their_own(reader: VideoReader, gate: Gate):
    with Scrubber(reader) as scrubber:
        first = scrubber.request(5)
        gate.wait_for_next()
        others = [scrubber.request(5), scrubber.request(5)]
        scrubber.seek(5)
        gate.is_open.set()
        frames = [future.result(DEADLINE_SECONDS) for future in (first, *others)] + [arrivals_until(scrubber, 5)[-1].get()]
    assert gate.began == [5]
    for frame in frames:
        assert read_index(frame.image) == 5
        frame.image[:] = 0


def test_an_overtaken_future_says_so(reader: VideoReader, gate: Gate):
    with Scrubber(reader) as scrubber:
        under_way = scrubber.request(300)
        gate.wait_for_next()
        waiting = scrubber.request(100)
        last = scrubber.request(50)
        with pytest.raises(framecache.CancelledError, match="frame 100 was overtaken by frame 50"):
            waiting.result(0)
        with pytest.raises(framecache.CancelledError, match="frame 300 was overtaken by frame 50"):
            under_way.result(DEADLINE_SECONDS)
        gate.is_open.set()
        assert last.result(DEADLINE_SECONDS).frame_ix == 50
    assert gate.overtaken == [300]
    assert gate.began == [300, 50]


def test_a_cancelled_future_stops_the_work(reader: VideoReader, gate: Gate):
    with Scrubber(reader) as scrubber:
        future = scrubber.request(300)
        gate.wait_for_next()
        assert future.cancel()
        gate.wait_for_stop()
        assert gate.overtaken == [300]
        assert concurrent.futures.wait([future], DEADLINE_SECONDS).done == {future}
        assert future.cancelled()
        again = scrubber.request(300)
        gate.is_open.set()
        assert again.result(DEADLINE_SECONDS).frame_ix == 300


def test_a_cancelled_future_does_not_stop_what_others_wait_for(reader: VideoReader, gate: Gate):
    with Scrubber(reader) as scrubber:
        first, second = scrubber.request(300), scrubber.request(300)
        gate.wait_for_next()
        assert first.cancel()
        waiting = scrubber.request(50)
        assert waiting.cancel()
        gate.is_open.set()
        assert second.result(DEADLINE_SECONDS).frame_ix == 300
    assert gate.overtaken == []
    assert gate.began == [300]


def test_cancelled_work_stops_between_packets(reader: VideoReader):
    with Scrubber(reader) as scrubber:
        future = scrubber.request(249)
        deadline = time.monotonic() + DEADLINE_SECONDS
        while reader.stats.frames_decoded < 10 and time.monotonic() < deadline:
            time.sleep(0.0005)
        future.cancel()
        while not scrubber.is_idle and time.monotonic() < deadline:
            time.sleep(0.0005)
        decoded = reader.stats.frames_decoded
        assert 10 <= decoded < 249
        scrubber.request(249).result(DEADLINE_SECONDS)
        assert reader.stats.frames_decoded <= 250 + 32, "what was decoded is kept"


def test_closing_fails_the_futures(reader: VideoReader, gate: Gate):
    scrubber = Scrubber(reader)
    under_way = scrubber.request(300)
    gate.wait_for_next()
    waiting = scrubber.request(301)
    scrubber.close()
    for future in (under_way, waiting):
        with pytest.raises(framecache.ClosedError):
            future.result(0)
    with pytest.raises(framecache.ClosedError):
        scrubber.request(1)


def test_a_frame_that_cannot_be_decoded_fails_its_future(media: Path):
    with VideoReader(media / "corrupted.mp4") as reader, Scrubber(reader) as scrubber:
        with pytest.raises(framecache.DecodeError):
            scrubber.request(30).result(DEADLINE_SECONDS)
        assert scrubber.request(31).result(DEADLINE_SECONDS).frame_ix == 31


def test_wrong_indices_are_refused_at_once(reader: VideoReader):
    with Scrubber(reader) as scrubber:
        with pytest.raises(framecache.BadTypeError):
            scrubber.request("5")  # type: ignore[arg-type]
        assert scrubber._errands._thread is None


def test_what_is_called_when_a_future_is_done_may_ask_for_more(reader: VideoReader):
    came: list[int] = []
    is_over = threading.Event()

    def chase(future: concurrent.futures.Future[VideoFrameInfo]) -> None:
        came.append(future.result().frame_ix)
        if len(came) < 3:
            scrubber.request(came[-1] + 1).add_done_callback(chase)
        else:
            is_over.set()

    with Scrubber(reader) as scrubber:
        scrubber.request(5).add_done_callback(chase)
        assert is_over.wait(DEADLINE_SECONDS)
    assert came == [5, 6, 7]


# asyncio


def test_a_frame_can_be_awaited(reader: VideoReader):
    async def main() -> list[int]:
        async with Scrubber(reader) as scrubber:
            return [read_index((await scrubber.frame(index)).image) for index in (5, 200, -1)]

    assert asyncio.run(main()) == [5, 200, 329]


def test_arrivals_are_a_preview_and_then_the_frame(reader: VideoReader):
    async def main() -> list[tuple[bool, int, int]]:
        async with Scrubber(reader) as scrubber:
            return [
                (arrival.is_preview, arrival.index, arrival.get().frame_ix)
                for index in (120, 119)
                async for arrival in scrubber.arrivals(index)
            ]

    assert asyncio.run(main()) == [(True, 120, 0), (False, 120, 120), (False, 119, 119)]


def test_an_awaited_frame_that_is_overtaken_says_so(reader: VideoReader, gate: Gate):
    async def main() -> None:
        async with Scrubber(reader) as scrubber:
            first = asyncio.create_task(scrubber.frame(300))
            await asyncio.to_thread(gate.wait_for_next)
            arrivals = scrubber.arrivals(200)
            last = asyncio.create_task(scrubber.frame(50))
            with pytest.raises(framecache.CancelledError, match="overtaken by frame 50"):
                await first
            with pytest.raises(framecache.CancelledError, match="overtaken by frame 50"):
                await anext(arrivals)
            gate.is_open.set()
            assert (await last).frame_ix == 50

    asyncio.run(main())


def test_a_cancelled_task_stops_the_work(reader: VideoReader, gate: Gate):
    async def main() -> None:
        async with Scrubber(reader) as scrubber:
            task = asyncio.create_task(scrubber.frame(300))
            await asyncio.to_thread(gate.wait_for_next)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.to_thread(gate.wait_for_stop)

    asyncio.run(main())
    assert gate.overtaken == [300]


def test_leaving_the_arrivals_early_stops_the_work(reader: VideoReader, monkeypatch: pytest.MonkeyPatch):
    gate = Gate(monkeypatch, reader, but_not={0})

    async def main() -> None:
        async with Scrubber(reader) as scrubber:
            arrivals = scrubber.arrivals(120)
            assert (await anext(arrivals)).is_preview
            await arrivals.aclose()  # type: ignore[attr-defined]
            await asyncio.to_thread(gate.wait_for_stop)

    asyncio.run(main())
    assert gate.overtaken == [120]


def test_arrivals_that_are_never_looked_at_stop_the_work_too(reader: VideoReader, gate: Gate):
    async def main() -> None:
        async with Scrubber(reader, previews=False) as scrubber:
            for dropped in (False, True):
                arrivals = scrubber.arrivals(300)
                await asyncio.to_thread(gate.wait_for_next)
                if dropped:
                    del arrivals
                else:
                    await arrivals.aclose()  # type: ignore[attr-defined]
                await asyncio.to_thread(gate.wait_for_stop)

    asyncio.run(main())
    assert gate.overtaken == [300, 300]


def test_an_error_is_the_last_arrival(media: Path):
    async def main() -> None:
        with VideoReader(media / "corrupted.mp4") as reader:
            async with Scrubber(reader) as scrubber:
                *_, last = [arrival async for arrival in scrubber.arrivals(30)]
                assert isinstance(last.error, framecache.DecodeError)
                with pytest.raises(framecache.DecodeError):
                    await scrubber.frame(30)

    asyncio.run(main())


def test_closing_fails_what_is_awaited(reader: VideoReader, gate: Gate):
    async def main() -> None:
        scrubber = Scrubber(reader)
        task = asyncio.create_task(scrubber.frame(300))
        await asyncio.to_thread(gate.wait_for_next)
        await scrubber.aclose()
        with pytest.raises(framecache.ClosedError):
            await task
        await scrubber.aclose()
        with pytest.raises(framecache.ClosedError):
            await scrubber.frame(1)
        with pytest.raises(framecache.ClosedError):
            scrubber.arrivals(1)

    asyncio.run(main())


def test_the_event_loop_goes_on_while_a_frame_is_awaited_and_the_scrubber_closed(reader: VideoReader, gate: Gate):
    async def main() -> None:
        ticks = 0
        async with Scrubber(reader) as scrubber:
            task = asyncio.create_task(scrubber.frame(5))
            while ticks < 50:
                await asyncio.sleep(0)
                ticks += 1
            gate.is_open.set()
            assert (await task).frame_ix == 5

    asyncio.run(main())


def test_one_scrubber_serves_several_event_loops(reader: VideoReader):
    with Scrubber(reader) as scrubber:
        assert [asyncio.run(scrubber.frame(index)).frame_ix for index in (3, 100, 5)] == [3, 100, 5]


def test_a_loop_that_was_closed_is_not_waited_for(reader: VideoReader, gate: Gate, caplog: pytest.LogCaptureFixture):
    with Scrubber(reader) as scrubber:
        loop = asyncio.new_event_loop()

        async def begin() -> object:
            return scrubber.arrivals(300)

        arrivals = loop.run_until_complete(begin())
        gate.wait_for_next()
        loop.close()
        gate.is_open.set()
        assert scrubber.request(300).result(DEADLINE_SECONDS).frame_ix == 300
        assert arrivals is not None
    assert caplog.records == []
