"""Readers of files whose index is still growing: what is known is used at once, and what is not is waited for."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clips import digest
from gates import ScanGate as Gate

from framecache import (
    BadTypeError,
    ClosedError,
    Engine,
    FrameIndexError,
    IndexingError,
    Scrubber,
    TimeRangeError,
    VideoChangedError,
    VideoReader,
)
from framecache.index import build
from framecache.index.frame_index import FrameIndex
from framecache.index.growing import FIRST_PACKETS, Growing
from framecache.index.linear import from_decode
from framecache.index.rows import NO_PTS
from framecache.index.scan import PacketScan
from framecache.progress import no_progress
from framecache.sample import read_index

TURN = 48
COUNT = 16 * TURN
PATIENCE_SECONDS = 60.0


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """A gate in every scan; without it, a short file is scanned before a test can look."""
    it = Gate(monkeypatch)
    yield it
    it.open()


@contextlib.contextmanager
def in_thread(act: Callable[[], Any]) -> Iterator[list[Any]]:
    """What `act` gives or raises, in a list, once the block and the act are over."""
    got: list[Any] = []

    def run() -> None:
        try:
            got.append(act())
        except Exception as error:
            got.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    yield got
    thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive(), "it still waits"


def open_paths() -> list[str]:
    """The files that this process has open."""
    folder = "/proc/self/fd"
    if not os.path.isdir(folder):
        pytest.skip("this system does not list open files")
    found = []
    for name in os.listdir(folder):
        with contextlib.suppress(OSError):
            found.append(os.readlink(f"{folder}/{name}"))
    return found


# What is known is used at once


def test_frames_are_had_while_the_scan_goes_on_and_the_number_of_frames_is_not_known(long_clip: Callable[..., Path], gate: Gate):
    with VideoReader(long_clip()) as reader:
        frame = reader.request_frame(20)
        assert (read_index(frame.image), frame.frame_ix, frame.seconds_into_video) == (20, 20, 0.8)
        assert (frame.n_frames, frame.duration_seconds, frame.fps) == (None, None, 25.0)
        assert frame.get_progress_string() == "frame 20, 0:00:00.800"
        assert reader.shape == (96, 144, 3)
        assert not reader.is_indexed
        assert 0.0 < reader.indexing_progress < 1.0
        assert "so far" in repr(reader)
        assert not reader.wait_until_indexed(timeout_seconds=0.01)
        gate.open()
        assert reader.wait_until_indexed()
        assert (reader.is_indexed, reader.indexing_progress, len(reader)) == (True, 1.0, COUNT)
        frame = reader.request_frame(20)
        assert (frame.n_frames, frame.duration_seconds) == (COUNT, COUNT / 25)
        assert repr(reader).endswith(f"{COUNT} frames>")


@pytest.mark.parametrize(
    ("features", "ending"),
    [
        ({"b_frames": 3, "open_gop": True}, "ts"),
        ({"b_frames": 3}, "mkv"),
        ({"codec": "libx265", "open_gop": True}, "mkv"),
        ({"codec": "mpeg2video", "container": "mpg", "open_gop": True}, "ts"),
        ({"codec": "libvpx-vp9", "container": "webm"}, "webm"),
    ],
    ids=str,
)
@pytest.mark.parametrize("use_cache", [True, False])
def test_every_frame_has_its_own_picture_and_time_however_far_the_index_is(
    long_clip: Callable[..., Path],
    gate: Gate,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    features: dict[str, object],
    ending: str,
    use_cache: bool,
):
    path = long_clip(ending, **features)
    with VideoReader(path, wait_for_index=True) as whole:
        truth = [digest(whole[place]) for place in range(COUNT)]
        pts = whole.pts.tolist()
    monkeypatch.setenv("FRAMECACHE_INDEX_DIR", str(tmp_path / "another-store"))
    with VideoReader(path, use_cache=use_cache) as reader:
        at = 0
        for packets in (FIRST_PACKETS, 173, 260, 400, 640):
            gate.let(packets)
            reader.request_frame(packets - 104)
            known = len(reader._known.index)
            assert at < known < packets
            # Onward over the cut, with the decoder that stood there, and back before it.
            for place in [*range(at, known), *range(known - 1, max(known - 20, 0), -3), 0, known // 2, known - 1]:
                frame = reader.request_frame(place)
                assert (frame.frame_ix, frame.pts, digest(frame.image)) == (place, pts[place], truth[place])
            at = known
        assert not reader.is_indexed
        assert reader.stats.frames_decoded < 8 * COUNT
        gate.open()
        assert [digest(reader[place]) for place in range(at, COUNT)] == truth[at:]
        assert reader.pts.tolist() == pts
        # No doubt arose, which would have been met by decoding everything.
        assert reader.index.checksums is None


def test_playing_on_over_what_was_known_needs_no_new_start(long_clip: Callable[..., Path], gate: Gate):
    with VideoReader(long_clip(gop=48, b_frames=3), use_cache=False) as reader:
        place = 0
        for packets in range(FIRST_PACKETS, FIRST_PACKETS + 40 * 8, 8):
            gate.let(packets)
            reader.request_frame(packets - 104)
            known = len(reader._known.index)
            seeks = reader.stats.seeks
            while place < known:
                assert read_index(reader.request_frame(place).image) == place % TURN
                place += 1
        assert reader.stats.seeks == seeks
        gate.open()


# What is not known is waited for


WAITING: list[Callable[[VideoReader], Any]] = [
    lambda reader: reader.request_frame(400).frame_ix == 400,
    lambda reader: read_index(reader[400]) == 400 % TURN,
    lambda reader: reader[380:400:10].shape[0] == 2,
    lambda reader: reader[400:380:-10].shape[0] == 2,
    lambda reader: reader[[400, 3]].shape[0] == 2,
    lambda reader: reader.frame_at(400 / 25).frame_ix == 400,
    lambda reader: reader.time_to_nearest_frame(400 / 25) == 400,
    lambda reader: list(reader.iter_frame_ixs((15.96, 16.0))) == [399, 400],
    lambda reader: list(reader.iter_frame_ixs(frame_interval=(395, 401), step=5)) == [395, 400],
    lambda reader: [ix for ix, _ in zip(reader.iter_frame_ixs((16.0, None)), range(3))] == [400, 401, 402],
    lambda reader: reader.frame_index_to_nearest_frame(400) == 400,
    lambda reader: len(reader.request_frames([400, 2])) == 2,
    lambda reader: reader.request_planes(400).frame_ix == 400,
]


def test_a_time_after_the_last_known_frame_may_be_nearer_to_the_next(long_clip: Callable[..., Path], gate: Gate):
    with VideoReader(long_clip()) as reader:
        known = len(reader._known.index)
        assert reader.time_to_nearest_frame((known - 1) / 25) == known - 1
        for ask in (reader.time_to_nearest_frame, lambda seconds: next(reader.iter_frame_ixs((seconds, None)))):
            with in_thread(lambda: ask((known - 0.2) / 25)) as got:  # noqa: B023
                assert not reader.wait_until_indexed(0.05)
                assert got == ([] if gate.allowed == FIRST_PACKETS else [known])
                gate.let(300)
            assert got == [known]


@pytest.mark.parametrize("ask", WAITING, ids=range(len(WAITING)))
def test_what_lies_further_on_is_waited_for_and_the_end_is_not(
    long_clip: Callable[..., Path], gate: Gate, ask: Callable[[VideoReader], Any]
):
    with VideoReader(long_clip()) as reader:
        with in_thread(lambda: ask(reader)) as got:
            assert not reader.wait_until_indexed(0.1)
            assert got == []
            gate.let(640)
        assert got == [True]
        assert not reader.is_indexed


ENDS: list[Callable[[VideoReader], Any]] = [
    lambda reader: len(reader) == COUNT,
    lambda reader: reader.get_n_frames() == COUNT,
    lambda reader: reader.request_frame(-1).frame_ix == COUNT - 1,
    lambda reader: reader.request_frame(10**9).frame_ix == COUNT - 1,
    lambda reader: read_index(reader[-1]) == TURN - 1,
    lambda reader: reader[-3:].shape[0] == 3,
    lambda reader: reader[:-760].shape[0] == 8,
    lambda reader: reader[760:].shape[0] == 8,
    lambda reader: reader[:758:-1].shape[0] == 9,
    lambda reader: reader[[1, -1]].shape[0] == 2,
    lambda reader: reader[np.arange(COUNT) == 5].shape[0] == 1,
    lambda reader: len(reader.pts) == len(reader.timestamps) == COUNT,
    lambda reader: len(reader.keyframe_indices) == 64,
    lambda reader: reader.info.n_frames == COUNT,
    lambda reader: len(reader.index) == COUNT,
    lambda reader: reader.time_to_nearest_frame(10**6) == COUNT - 1,
    lambda reader: next(reader.iter_frame_ixs(step=-1)) == COUNT - 1,
    lambda reader: len(list(reader.iter_frame_ixs())) == COUNT,
    lambda reader: list(reader.iter_frame_ixs((30.6, None))) == [765, 766, 767],
    lambda reader: list(reader.iter_frame_ixs(frame_interval=(-2, None))) == [COUNT - 2, COUNT - 1],
    lambda reader: list(reader.iter_frame_ixs(frame_interval=(5000, None))) == [],
    lambda reader: reader.wait_until_indexed(),
]


@pytest.mark.parametrize("ask", ENDS, ids=range(len(ENDS)))
def test_what_needs_the_end_waits_for_it(long_clip: Callable[..., Path], gate: Gate, ask: Callable[[VideoReader], Any]):
    with VideoReader(long_clip()) as reader:
        with in_thread(lambda: ask(reader)) as got:
            gate.let(640)
            assert not reader.wait_until_indexed(0.05)
            assert got == []
            gate.open()
        assert got == [True]


def test_indices_outside_the_video_are_errors_once_its_end_is_known(long_clip: Callable[..., Path], gate: Gate):
    with VideoReader(long_clip()) as reader:
        with in_thread(lambda: reader[COUNT]) as got:
            gate.open()
        assert isinstance(got[0], FrameIndexError)
        with pytest.raises(ValueError, match="outside"):
            reader.frame_at(COUNT / 25)
        with pytest.raises(BadTypeError):
            reader["one"]  # type: ignore[index]


def test_what_is_no_index_is_refused_without_waiting(long_clip: Callable[..., Path], gate: Gate):
    with VideoReader(long_clip()) as reader:
        for wrong in ("one", 1.5, [0.5], slice("a", "b"), np.zeros((2, 2), int)):
            with pytest.raises(BadTypeError):
                reader[wrong]  # type: ignore[index]
        with pytest.raises(ValueError, match="step"):
            reader.iter_frames(step=0)


def test_going_through_all_frames_goes_along_with_the_scan(long_clip: Callable[..., Path], gate: Gate):
    with VideoReader(long_clip()) as reader:
        frames = reader.iter_frames(step=2)
        assert [next(frames).frame_ix for _ in range(15)] == list(range(0, 30, 2))
        gate.let(400)
        assert [next(frames).frame_ix for _ in range(100)] == list(range(30, 230, 2))
        assert not reader.is_indexed
        gate.open()
        assert [frame.frame_ix for frame in frames] == list(range(230, COUNT, 2))


def test_a_scrubber_shows_what_is_known(long_clip: Callable[..., Path], gate: Gate):
    with VideoReader(long_clip()) as reader, Scrubber(reader, previews=False) as scrubber:
        for place in (3, 20, 11):
            scrubber.seek(place)
        arrival = scrubber.take(PATIENCE_SECONDS)
        while arrival is not None and arrival.index != 11:
            arrival = scrubber.take(PATIENCE_SECONDS)
        assert arrival is not None
        assert read_index(arrival.get().image) == 11
        assert not reader.is_indexed
        gate.open()


# How it is told


def test_waiting_from_the_start_makes_the_index_in_the_calling_thread(long_clip: Callable[..., Path], gate: Gate):
    names: list[str] = []
    told = lambda stage, done: names.append(threading.current_thread().name)  # noqa: E731
    with VideoReader(long_clip(), wait_for_index=True, progress=told) as reader:
        assert reader.is_indexed
        assert set(names) == {threading.current_thread().name}
    assert gate.threads == []


def test_progress_is_told_by_the_thread_that_scans(long_clip: Callable[..., Path], gate: Gate, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("framecache.index.scan.PROGRESS_EVERY_PACKETS", 50)
    told: list[tuple[str, float, str]] = []
    with VideoReader(
        long_clip(), progress=lambda stage, done: told.append((stage, done, threading.current_thread().name))
    ) as reader:
        gate.open()
        reader.wait_until_indexed()
        assert {stage for stage, *_ in told} == {"scanning"}
        done = [part for _, part, _ in told]
        assert done == sorted(done)
        assert done[-1] == 1.0
        assert {name for *_, name in told[5:]} == {"framecache-index"}


def test_a_stored_index_is_whole_at_once(long_clip: Callable[..., Path], gate: Gate):
    with VideoReader(long_clip()) as reader:
        gate.open()
        reader.wait_until_indexed()
        assert not reader.info.index_from_store
    with VideoReader(long_clip()) as reader:
        assert reader.is_indexed
        assert reader.indexing_progress == 1.0
        assert reader.info.index_from_store
        assert reader.request_frame(0).n_frames == COUNT


def test_bytes_grow_and_file_objects_are_scanned_at_once(long_clip: Callable[..., Path], gate: Gate):
    data = long_clip().read_bytes()
    with VideoReader(data) as reader:
        assert read_index(reader[20]) == 20
        assert not reader.is_indexed
        gate.open()
        assert len(reader) == COUNT
    with VideoReader(io.BytesIO(data)) as reader:
        assert reader.is_indexed


def test_a_pickled_reader_begins_anew(long_clip: Callable[..., Path], gate: Gate):
    with VideoReader(long_clip()) as reader, pickle.loads(pickle.dumps(reader)) as copy:
        assert digest(copy[20]) == digest(reader[20])
        assert not copy.is_indexed
        gate.open()
        assert len(copy) == len(reader) == COUNT


# Sharing and ending


def test_a_reader_closed_at_once_has_its_file_opened_once(long_clip: Callable[..., Path], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("framecache.growth.HEAD_START_SECONDS", 60.0)
    monkeypatch.setattr(Growing, "_opened_anew", lambda _growing: pytest.fail("nobody wants the rest"))
    reader = VideoReader(long_clip())
    growth = reader._video.growth
    assert growth is not None
    assert growth._job is not None
    assert growth._job.growing.take_packets() is None, "the decoder has them, and nobody else"
    reader.close()
    assert growth._thread is not None
    growth._thread.join(10)
    assert not growth._thread.is_alive()


def test_packets_are_kept_while_they_are_few(long_clip: Callable[..., Path], monkeypatch: pytest.MonkeyPatch):
    def scan(count: int) -> PacketScan:
        scan = PacketScan(container, container.streams.video[0], no_progress, keeps_packets=True)
        scan.read(lambda read: read == count)
        return scan

    with av.open(str(long_clip())) as container:
        packets = scan(5).hand_over()
        assert packets is not None
        assert len(list(packets)) == COUNT, "those that were read, and the rest"
    with av.open(str(long_clip())) as container:
        few = scan(5)
        few.keep_no_more()
        assert few.hand_over() is None
    monkeypatch.setattr("framecache.index.scan.MOST_KEPT_BYTES", 2000)
    with av.open(str(long_clip())) as container:
        assert scan(20).hand_over() is None
    # Where no packets can be handed over, the scan goes on where it is.
    with VideoReader(long_clip()) as reader:
        assert len(reader) == COUNT
        assert read_index(reader[40]) == 40


def test_two_readers_share_one_scan(long_clip: Callable[..., Path], gate: Gate, monkeypatch: pytest.MonkeyPatch):
    scans: list[PacketScan] = []
    begin = PacketScan.__init__

    def begin_noted(scan: PacketScan, *args: Any, **options: Any) -> None:
        scans.append(scan)
        begin(scan, *args, **options)

    monkeypatch.setattr(PacketScan, "__init__", begin_noted)
    with Engine() as engine:
        first = VideoReader(long_clip(), engine=engine)
        with VideoReader(long_clip(), engine=engine) as second:
            assert not second.is_indexed
            first.close()
            assert read_index(second[20]) == 20
            gate.open()
            assert len(second) == COUNT
            with VideoReader(long_clip(), engine=engine, wait_for_index=True) as third:
                assert third.is_indexed
        assert [scan.is_ended for scan in scans].count(True) == 1


def test_a_reader_that_waits_for_the_index_waits_for_the_scan_that_goes_on(long_clip: Callable[..., Path], gate: Gate):
    with Engine() as engine, VideoReader(long_clip(), engine=engine) as first:

        def open_and_count() -> int:
            with VideoReader(long_clip(), engine=engine, wait_for_index=True) as second:
                return len(second._known.index)

        with in_thread(open_and_count) as got:
            assert not first.wait_until_indexed(0.1)
            assert got == []
            gate.open()
        assert got == [COUNT]


@pytest.mark.parametrize("closing", ["reader", "engine"])
def test_closing_ends_the_scan_and_who_waits(long_clip: Callable[..., Path], gate: Gate, closing: str):
    path = str(long_clip())
    with Engine() as engine:
        reader = VideoReader(path, engine=engine)
        reader.request_frame(3)
        with in_thread(lambda: len(reader)) as got, in_thread(lambda: reader.request_frame(400)) as more:
            assert not reader.wait_until_indexed(0.1)
            assert path in open_paths()
            (reader if closing == "reader" else engine).close()
            assert "framecache-index" not in {thread.name for thread in threading.enumerate()}
        assert [type(error) for error in got + more] == [ClosedError, ClosedError]
        for ask in (lambda: reader.request_frame(400), lambda: len(reader), lambda: reader.request_frame(3)):
            with pytest.raises(ClosedError):
                ask()
        reader.close()
        assert path not in open_paths()


def test_a_reader_that_is_dropped_ends_its_scan(long_clip: Callable[..., Path], gate: Gate):
    for engine in (None, Engine()):
        reader = VideoReader(long_clip(), engine=engine)
        reader.request_frame(3)
        growth = reader._video.growth
        assert growth is not None
        del reader
        gc.collect()
        growth.join()
        assert not growth.is_over
        if engine is not None:
            engine.close()


def test_closing_does_not_wait_for_a_progress_callback(
    long_clip: Callable[..., Path], gate: Gate, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("framecache.index.scan.PROGRESS_EVERY_PACKETS", 50)
    is_inside, is_closed = threading.Event(), threading.Event()

    def told(stage: str, done: float) -> None:
        if threading.current_thread().name == "framecache-index":
            is_inside.set()
            assert is_closed.wait(PATIENCE_SECONDS)

    gate.open()
    reader = VideoReader(long_clip(), progress=told)
    growth = reader._video.growth
    assert growth is not None
    assert is_inside.wait(PATIENCE_SECONDS)
    reader.close()
    is_closed.set()
    assert growth._thread is not None
    growth._thread.join(PATIENCE_SECONDS)


def test_a_progress_callback_that_waits_for_the_index_is_told_that_it_cannot(
    long_clip: Callable[..., Path], gate: Gate, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("framecache.index.scan.PROGRESS_EVERY_PACKETS", 50)
    readers: list[VideoReader] = []

    def told(stage: str, done: float) -> None:
        if readers:
            len(readers[0])

    reported: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", reported.append)
    with VideoReader(long_clip(), progress=told) as reader:
        readers.append(reader)
        gate.open()
        assert len(reader) == COUNT
    assert [type(one.exc_value) for one in reported] == [IndexingError]
    assert "callback" in str(reported[0].exc_value)


def test_a_forked_child_scans_for_itself(long_clip: Callable[..., Path], gate: Gate):
    with VideoReader(long_clip()) as reader:
        early = digest(reader[20])
        gate.let(300)
        reader.request_frame(150)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                # The parent's gate stands where it stood, and would keep this scan waiting too.
                gate._changed = threading.Condition()
                gate.is_open = True
                right = digest(reader[20]) == early and read_index(reader[700]) == 700 % TURN
                code = 0 if right and len(reader) == COUNT and reader.is_indexed else 2
                reader.close()
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        gate.open()
        assert len(reader) == COUNT


ENDING = """
import sys, time
from framecache import VideoReader
from framecache.growth import Growth
from framecache.index import build
from framecache.index.frame_index import FrameIndex
is_time = Growth._is_time
def slow(self, count, known):
    time.sleep(0.002)
    return is_time(self, count, known)
Growth._is_time = slow
reader = VideoReader(sys.argv[1])
print(reader.request_frame(5).frame_ix, reader.is_indexed)
"""


@pytest.mark.parametrize("how", ["", "raise SystemExit(0)", "reader.close()", "import os; os.kill(os.getpid(), 2); len(reader)"])
def test_an_interpreter_ends_while_a_scan_goes_on(long_clip: Callable[..., Path], how: str):
    command = [sys.executable, "-W", "error", "-c", ENDING + how, str(long_clip())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.stdout == "5 False\n"
    if "kill" in how:
        assert "KeyboardInterrupt" in done.stderr
        assert done.returncode == -2
    else:
        assert (done.returncode, done.stderr) == (0, "")


# What goes wrong on the way


@pytest.mark.parametrize("change", ["cut short", "replaced"])
def test_a_file_that_changes_meanwhile_is_told_to_all(long_clip: Callable[..., Path], gate: Gate, tmp_path: Path, change: str):
    path = tmp_path / "video.mkv"
    path.write_bytes(long_clip().read_bytes())
    with VideoReader(path) as reader:
        reader.request_frame(3)
        with in_thread(lambda: len(reader)) as got:
            if change == "cut short":
                os.truncate(path, path.stat().st_size * 2 // 3)
            else:
                (tmp_path / "other").write_bytes(b"another file")
                os.replace(tmp_path / "other", path)
            gate.open()
        assert isinstance(got[0], VideoChangedError)
        for ask in (lambda: len(reader), lambda: reader.request_frame(3), lambda: reader[700]):
            with pytest.raises(VideoChangedError):
                ask()
        assert not reader.is_indexed


@pytest.mark.parametrize("error", [LookupError, SystemExit, KeyboardInterrupt])
def test_what_a_progress_callback_raises_is_reported_and_harms_nobody(
    long_clip: Callable[..., Path], gate: Gate, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
):
    monkeypatch.setattr("framecache.index.scan.PROGRESS_EVERY_PACKETS", 50)
    reported: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", reported.append)

    def told(stage: str, done: float) -> None:
        if done > 0.5:
            raise error("enough of it")

    with (
        Engine() as engine,
        VideoReader(long_clip(), progress=told, engine=engine) as reader,
        VideoReader(long_clip(), engine=engine) as other,
    ):
        gate.open()
        assert len(other) == len(reader) == COUNT
        assert read_index(other[700]) == 700 % TURN
    assert [type(one.exc_value) for one in reported] == [error], "it is not called any more"


def test_a_reader_that_was_closed_is_told_of_no_progress(
    long_clip: Callable[..., Path], gate: Gate, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("framecache.index.scan.PROGRESS_EVERY_PACKETS", 50)
    told: list[float] = []
    with Engine() as engine:
        reader = VideoReader(long_clip(), progress=lambda stage, done: told.append(done), engine=engine)
        with VideoReader(long_clip(), engine=engine) as other:
            reader.close()
            before = len(told)
            gate.open()
            assert len(other) == COUNT
    assert len(told) <= before + 1


def test_a_scan_for_which_no_thread_can_be_had_is_begun_by_whoever_waits_later(
    long_clip: Callable[..., Path], gate: Gate, monkeypatch: pytest.MonkeyPatch
):
    def none_left(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    gate.open()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", none_left)
        reader = VideoReader(long_clip(), prefetch=False)
        assert read_index(reader[20]) == 20
        with pytest.raises(IndexingError, match="thread"):
            len(reader)
    with reader:
        assert len(reader) == COUNT


def test_whether_there_are_frames_and_times_before_the_first_are_told_at_once(long_clip: Callable[..., Path], gate: Gate):
    with VideoReader(long_clip()) as reader:
        assert reader
        with pytest.raises(TimeRangeError, match=r"before the video.* 0\.0 s"):
            reader.frame_at(-1)
        assert not reader.is_indexed


def spoil_row(monkeypatch: pytest.MonkeyPatch, row: int, pts: int) -> None:
    """Let one packet of every scan bear a wrong timestamp."""
    true_row = PacketScan._row

    def row_of(scan: PacketScan, packet: Any) -> tuple[int, ...]:
        columns = true_row(scan, packet)
        return (pts, *columns[1:]) if scan.count == row else columns

    monkeypatch.setattr(PacketScan, "_row", row_of)


def test_trouble_late_in_a_file_is_settled_by_a_decode_and_the_numbers_hold(
    long_clip: Callable[..., Path], gate: Gate, monkeypatch: pytest.MonkeyPatch
):
    spoil_row(monkeypatch, COUNT - 3, NO_PTS)
    stages: list[str] = []
    with VideoReader(long_clip(b_frames=0), progress=lambda stage, done: stages.append(stage)) as reader:
        gate.let(600)
        before = {place: reader.request_frame(place) for place in (0, 30, 400)}
        assert not reader.is_indexed
        gate.open()
        assert len(reader) == COUNT
        assert "decoding" in stages
        assert (reader.info.index_source, reader.info.timestamps_are) == ("decode", "synthesised")
        assert reader.info.index_frames_decoded == COUNT
        for place, frame in before.items():
            again = reader.request_frame(place)
            assert (again.pts, again.seconds_into_video) == (frame.pts, frame.seconds_into_video)
            assert digest(again.image) == digest(frame.image)
        assert read_index(reader[-1]) == TURN - 1
    with VideoReader(long_clip(b_frames=0)) as reader:
        assert reader.info.index_from_store
        assert len(reader) == COUNT


def test_an_end_that_contradicts_what_was_handed_out_is_told_and_opening_anew_mends_it(
    long_clip: Callable[..., Path], gate: Gate, monkeypatch: pytest.MonkeyPatch
):
    spoil_row(monkeypatch, COUNT - 3, NO_PTS)

    def other_frames(*args: Any) -> FrameIndex:
        """A decode that gives a frame less than the packets promised, early on."""
        index = from_decode(*args)
        kept = np.arange(len(index)) != 20
        columns = {name: getattr(index, name)[kept] for name in ("pts", "own_pts", "durations", "rows", "checksums")}
        return replace(index, **columns)

    monkeypatch.setattr(build, "from_decode", other_frames)
    with Engine() as engine, VideoReader(long_clip(b_frames=0), engine=engine) as reader:
        reader.request_frame(30)
        gate.open()
        with pytest.raises(IndexingError, match="wait_for_index"):
            len(reader)
        with pytest.raises(IndexingError):
            reader.request_frame(30)
        assert not reader.is_indexed
        with VideoReader(long_clip(b_frames=0), engine=engine) as anew:
            assert read_index(anew[30]) == 31
    for wait_for_index in (False, True):
        with VideoReader(long_clip(b_frames=0), wait_for_index=wait_for_index) as reader:
            assert reader.is_indexed
            assert len(reader) == COUNT - 1


def test_damage_met_while_the_index_grows_is_settled_once_it_is_whole(long_clip: Callable[..., Path], gate: Gate, tmp_path: Path):
    path = tmp_path / "damaged.mkv"
    with VideoReader(long_clip(b_frames=0), wait_for_index=True) as reader:
        packets = reader.index.packets
    data = bytearray(long_clip(b_frames=0).read_bytes())
    # The slice of a packet beyond those that are probed, but for what tells the packet.
    at, stop = int(packets.pos[51]) + 16, int(packets.pos[51] + packets.size[51])
    data[at:stop] = b"\xff" * (stop - at)
    path.write_bytes(data)
    with VideoReader(path) as reader:
        with in_thread(lambda: reader.request_frame(53)) as got:
            assert not reader.wait_until_indexed(0.1)
            assert got == []
            gate.open()
        assert got[0].frame_ix == 53
        assert len(reader) == COUNT
        assert reader.index.checksums is not None
        with VideoReader(path, wait_for_index=True, use_cache=False) as anew:
            assert digest(anew[53]) == digest(got[0].image)
