from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from gates import DEADLINE_SECONDS, Gate, arrivals_until

import framecache
from framecache import Scrubber, VideoReader
from framecache.frame import VideoFrameInfo
from framecache.sample import read_index


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
