from __future__ import annotations

import multiprocessing
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from clips import digest, draw

from framecache import BadArgumentError, ClosedError, Engine, VideoReader
from framecache.decode.decoder import Decoder
from framecache.errors import CancelledError
from framecache.sample import read_index

pytestmark = pytest.mark.usefixtures("no_prefetch")


def in_threads(work: Callable[[int], object], count: int) -> list[object]:
    """Run `work(0)` to `work(count - 1)` at once; what each gave, or raised."""
    results: list[object] = [None] * count
    barrier = threading.Barrier(count)

    def run(number: int) -> None:
        barrier.wait()
        try:
            results[number] = work(number)
        except Exception as error:
            results[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
        assert not thread.is_alive(), "a request hangs"
    return results


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("use_cache", [True, False])
def test_32_threads_that_ask_for_one_cold_frame_decode_its_gop_once(sample: Path, use_cache: bool):
    with VideoReader(sample, use_cache=use_cache) as reader:
        results = in_threads(lambda _: read_index(reader.request_frame(240).image), 32)
        assert results == [240] * 32
        # The GOP has 250 frames; a decoder may run a few frames ahead.
        assert reader.stats.frames_decoded <= 250
        assert reader.stats.seeks <= 1


def test_32_threads_that_ask_for_neighbours_decode_their_gop_once(sample: Path):
    with VideoReader(sample) as reader:
        results = in_threads(lambda number: read_index(reader.request_frame(100 + 3 * number).image), 32)
        assert results == [100 + 3 * number for number in range(32)]
        assert reader.stats.frames_decoded <= 250
        assert reader.stats.open_decoders == 1


def test_threads_in_different_gops_decode_side_by_side_within_the_limit(clip: Callable[..., Path]):
    with Engine(max_decoders=2) as engine, VideoReader(clip(gop=12), engine=engine, use_cache=False) as reader:
        most = 0

        def work(number: int) -> int:
            nonlocal most
            index = (number * 12 + 5) % 48
            got = read_index(reader.request_frame(index).image)
            most = max(most, engine.open_decoders)
            return got - index

        assert in_threads(work, 16) == [0] * 16
        assert most <= 2


@pytest.mark.parametrize("max_decoders", [1, 3])
@pytest.mark.parametrize("budget", [60_000, 500_000])
def test_scrubbing_threads_with_small_budgets_always_get_their_own_frames(
    clip: Callable[..., Path], max_decoders: int, budget: int
):
    path = clip(gop=12)
    with Engine(budget, max_decoders=max_decoders) as engine, VideoReader(path, engine=engine) as reader:

        def work(number: int) -> list[int]:
            wrong, index = [], 5 * number
            for step in (7, -5, 1, -1, 13, -11, 2, -3) * 8:
                index = (index + step) % 48
                if read_index(reader.request_frame(index).image) != index:
                    wrong.append(index)
                assert reader.stats.bytes_held <= budget
            return wrong

        assert in_threads(work, 8) == [[]] * 8


def test_readers_of_one_engine_share_its_budget_and_never_each_others_frames(clip: Callable[..., Path]):
    plain, other = clip(gop=12), clip(gop=12, first_spelled=600)
    with Engine(400_000) as engine:
        readers = {
            0: VideoReader(plain, engine=engine),
            600: VideoReader(other, engine=engine),
        }
        small = VideoReader(plain, engine=engine, max_size_xy=(72, 48))
        grey = VideoReader(plain, engine=engine, pixel_format="gray8", writable=False)
        for index in (5, 40, 6, 39, 7, 5):
            for first, reader in readers.items():
                assert read_index(reader[index]) == first + index
            assert read_index(small[index]) == index
            assert small[index].shape == (48, 72, 3)
            assert read_index(grey[index]) == index
            assert engine.cache.bytes_held <= 400_000
        for reader in (*readers.values(), small, grey):
            reader.close()
        assert engine.cache.bytes_held == 0
        assert engine.open_decoders == 0


def test_a_frame_that_one_reader_passed_is_a_hit_for_another_of_the_same_file(clip: Callable[..., Path]):
    with Engine() as engine, VideoReader(clip(), engine=engine) as one, VideoReader(clip(), engine=engine) as other:
        one.request_frame(10)
        decoded = one.stats.frames_decoded
        other.request_frame(9)
        assert other.stats.frames_decoded == decoded


@pytest.mark.skipif(sys.platform != "linux", reason="counts open files in /proc")
@pytest.mark.parametrize("ending", ["closed", "kept open", "dropped"])
def test_a_thousand_videos_in_turn_stay_within_one_budget_and_a_few_open_files(
    clip: Callable[..., Path], tmp_path: Path, ending: str
):
    # Ten films of eight pictures, each under a hundred names, for pictures of one must not pass for another's.
    films = [clip(n_frames=8, first_spelled=8 * film) for film in range(10)]
    budget, kept = 300_000, list[VideoReader]()
    with Engine(budget, max_decoders=2) as engine:
        before = open_files()
        for number in range(1000):
            path = tmp_path / f"{number}.mp4"
            os.link(films[number % 10], path)
            reader = VideoReader(path, engine=engine)
            for index in (number % 8, (number + 3) % 8):
                assert read_index(reader[index]) == 8 * (number % 10) + index
            assert open_files() - before <= 2
            assert engine.open_decoders <= 2
            assert engine.cache.bytes_held <= budget
            if ending == "kept open":
                kept.append(reader)
            elif ending == "closed":
                reader.close()
                assert (engine.open_decoders, engine.cache.bytes_held) == (0, 0)
            del reader
        for number in range(0, len(kept), 37):
            assert read_index(kept[number][5]) == 8 * (number % 10) + 5
        assert open_files() - before <= 2
        for reader in kept:
            reader.close()
        assert (engine.open_decoders, engine.cache.bytes_held) == (0, 0)


def with_two_streams(path: Path) -> Path:
    """A video of two streams, the second one larger and its pictures spelled from 500 on."""
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("libx264", rate=25, options={"x264-params": "keyint=10"}) for _ in range(2)]
        for stream, size in zip(streams, SIZES):
            stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for number in range(30):
            for stream, size, first in zip(streams, SIZES, (0, 500)):
                frame = av.VideoFrame.from_ndarray(draw(first + number, size), "bgr24")
                frame.pts, frame.time_base = number, Fraction(1, 25)
                container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode(None))
    return path


SIZES = ((144, 96), (192, 128))
DIFFERING: list[dict[str, Any]] = [
    {},
    {"stream": 1},
    {"stream": 1, "max_size_xy": (72, 48)},
    {"pixel_format": "rgb24"},
    {"pixel_format": "bgra"},
    {"pixel_format": "gray8", "writable": False},
    {"pixel_format": "gray16le"},
    {"max_size_xy": (72, 48)},
    {"max_size_xy": (72, 48), "pixel_format": "rgb24"},
    {"max_size_xy": (48, 72)},
    {"max_size_xy": (48, 72), "apply_rotation": False},
    {"apply_rotation": False},
    {"apply_rotation": False, "writable": False},
    {"matrix": "bt709"},
    {"matrix": "bt601"},
    {"color_range": "full", "writable": False},
    {"writable": False},
    {"use_cache": False},
    {"index_from": "scan"},
    {"index_from": "decode"},
    {"threshold_frames_to_scan": 0},
]


@pytest.mark.parametrize("budget", [150_000, 10**9])
def test_readers_that_differ_in_stream_size_format_or_turn_give_in_one_engine_what_they_give_alone(
    clip: Callable[..., Path], tmp_path: Path, budget: int
):
    films = [clip(n_frames=30, orientation="turn90"), clip(n_frames=30, first_spelled=300, orientation="turn90")]
    asked = [(film, options) for film in films for options in DIFFERING if "stream" not in options]
    two = with_two_streams(tmp_path / "two.mp4")
    asked += [(two, options) for options in DIFFERING if "apply_rotation" not in options]
    alone = []
    for path, options in asked:
        with VideoReader(path, **options) as reader:
            alone.append([digest(image) for image in reader])
    assert len({tuple(hashes) for hashes in alone}) > 30, "they do differ"
    rng = random.Random(4)
    with Engine(budget) as engine:
        readers = [VideoReader(path, engine=engine, **options) for path, options in asked]
        for _ in range(1500):
            number, index = rng.randrange(len(readers)), rng.choice((3, 4, 5, 17, 29))
            assert digest(readers[number][index]) == alone[number][index], (asked[number], index)
            assert engine.cache.bytes_held <= budget
        for reader in readers:
            reader.close()


@pytest.mark.skipif(sys.platform != "linux", reason="counts open files in /proc")
def test_readers_that_are_dropped_leave_nothing_open(clip: Callable[..., Path]):
    path, before = clip(), open_files()
    for _ in range(20):
        VideoReader(path).request_frame(3)
    assert open_files() - before <= 1


def test_closing_wakes_those_who_wait(sample: Path):
    reader = VideoReader(sample, use_cache=False)

    def work(number: int) -> object:
        if number == 0:
            time.sleep(0.02)
            reader.close()
            return "closed"
        for index in range(329, 0, -number):
            reader.request_frame(index)
        return "done"

    results = in_threads(work, 8)
    assert results[0] == "closed"
    assert all(isinstance(result, ClosedError) for result in results[1:])


def test_a_cancelled_request_leaves_the_lead_to_those_who_joined(sample: Path, monkeypatch: pytest.MonkeyPatch):
    step, started, cancelled = Decoder.step, threading.Event(), threading.Event()

    def slow(self: Decoder, *args: Any, **options: Any) -> object:
        started.set()
        time.sleep(0.002)
        return step(self, *args, **options)

    monkeypatch.setattr(Decoder, "step", slow)
    with VideoReader(sample) as reader:
        engine, video = reader._engine, reader._video

        def fetch(place: int, is_cancelled: Callable[[], bool]) -> object:
            return engine.fetch(video, place, (), threshold_frames=30, keep=lambda _: None, is_cancelled=is_cancelled)

        def work(number: int) -> object:
            if number == 0:
                return fetch(200, cancelled.is_set)
            started.wait(10)
            time.sleep(0.01)
            if number == 1:
                cancelled.set()
                return None
            return fetch(200 - number, lambda: False)

        results = in_threads(work, 4)
        assert isinstance(results[0], CancelledError)
        assert [video.index.place_of_row[frame.pts] for frame in results[2:]] == [198, 197]  # type: ignore[attr-defined]
        assert reader.stats.frames_decoded <= 250, "the run went on where it was"


def test_requests_called_off_at_random_leave_nobody_waiting(sample: Path):
    with Engine(1, max_decoders=2) as engine, VideoReader(sample, engine=engine, prefetch=False) as reader:
        video = reader._video
        n_came = Counter[str]()

        def work(number: int) -> None:
            chance = random.Random(number)
            for _ in range(120):
                place, looks = chance.randrange(30), chance.choice([1, 4, 15, 10**9])

                def is_cancelled() -> bool:
                    nonlocal looks
                    looks -= 1
                    engine.look_again()
                    return looks < 0

                try:
                    frame = engine.fetch(video, place, (), threshold_frames=30, keep=lambda _: None, is_cancelled=is_cancelled)
                    assert video.index.place_of_row[frame.pts] == place  # type: ignore[union-attr]
                    n_came["frame"] += 1
                except CancelledError:
                    n_came["called off"] += 1

        assert in_threads(work, 8) == [None] * 8
        assert min(n_came["frame"], n_came["called off"]) > 100


def test_a_run_stops_between_packets_once_it_is_cancelled(sample: Path):
    with VideoReader(sample) as reader:
        looks = 0

        def is_cancelled() -> bool:
            nonlocal looks
            looks += 1
            return looks > 10

        with pytest.raises(CancelledError):
            reader._engine.fetch(reader._video, 249, (), threshold_frames=30, keep=lambda _: None, is_cancelled=is_cancelled)
        assert reader.stats.packets_read <= 10
        assert read_index(reader[249]) == 249


@pytest.mark.parametrize("name", ["buffer_size_bytes", "max_decoders", "threads"])
def test_a_zero_or_negative_number_is_a_value_error(name: str):
    for value in (0, -1):
        with pytest.raises(BadArgumentError, match=name):
            Engine(**{name: value})


def test_a_closed_engine_says_so(clip: Callable[..., Path]):
    engine = Engine()
    reader = VideoReader(clip(), engine=engine)
    engine.close()
    with pytest.raises(ClosedError):
        reader.request_frame(0)
    with pytest.raises(ClosedError):
        VideoReader(clip(), engine=engine)
    reader.close()


def test_a_frame_that_cannot_be_decoded_says_which_why_and_is_not_tried_again(media: Path):
    from framecache import DecodeError

    with VideoReader(media / "corrupted.mp4") as reader:
        with pytest.raises(DecodeError, match="frame 30") as caught:
            reader.request_frame(30)
        assert (caught.value.index, caught.value.pts) == (30, 30720)
        assert caught.value.file.endswith("corrupted.mp4")
        packets = reader.stats.packets_read
        with pytest.raises(DecodeError, match="no frame came out"):
            reader.request_frame(30)
        assert reader.stats.packets_read == packets
        assert reader.request_frame(31).frame_ix == 31


def test_a_keyframe_that_proved_bad_is_remembered(clip: Callable[..., Path], monkeypatch: pytest.MonkeyPatch):
    from test_build import index_of
    from test_decoder import replace_starts

    from framecache import opening

    path = clip()
    lying = replace_starts(index_of(path), [0, 5, 12, 17])
    monkeypatch.setattr(opening, "begin_index", lambda *args, **more: lying)
    with VideoReader(path) as reader:
        for index in (20, 8, 7, 21, 6, 40):
            assert read_index(reader[index]) == index
        assert reader._video.bad_rows == {5, 17}
        assert reader._video.failures == {}


def in_child(reader: VideoReader, indices: Iterable[int]) -> list[str]:
    return [digest(reader.request_frame(index).image) for index in indices]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_reader_is_used_on_both_sides_of_a_fork(sample: Path):
    indices = [3, 300, 20, 299, 310, 2]
    with VideoReader(sample) as reader:
        expected = [digest(reader.request_frame(index).image) for index in indices]
        stop = threading.Event()

        def scrub() -> None:
            for index in range(0, 330, 7):
                if stop.is_set():
                    return
                reader.request_frame(329 - index)

        busy = threading.Thread(target=scrub)
        busy.start()
        _shared.append(reader)
        with multiprocessing.get_context("fork").Pool(2) as pool:
            results = [pool.apply_async(_from_global, (indices,)) for _ in range(4)]
            assert [result.get(timeout=60) for result in results] == [expected] * 4
        stop.set()
        busy.join()
        assert in_child(_shared.pop(), indices) == expected


# What a forked child finds as it was in its parent.
_shared: list[VideoReader] = []


def _from_global(indices: list[int]) -> list[str]:
    return in_child(_shared[0], indices)


CLOSE_WHILE_LOGGING = """
import sys
import av, framecache

av.logging.set_level(av.logging.PANIC)
for _ in range(20):
    with framecache.VideoReader(sys.argv[1]) as reader:
        for index in range(0, len(reader), 7):
            reader.request_frame(index)
        # The decoder is closed with packets still under way in its threads.
        list(reader.iter_frames(frame_interval=(3, 12)))
"""


def test_closing_does_not_hang_where_pyavs_logging_is_switched_on(clip: Callable[..., Path]):
    for features in ({"container": "ts", "open_gop": True, "n_frames": 60}, {"codec": "libvpx-vp9", "container": "webm"}):
        features["size"] = (320, 180)
        command = [sys.executable, "-c", CLOSE_WHILE_LOGGING, str(clip(**features))]
        assert subprocess.run(command, timeout=120, check=False).returncode == 0


SCRUB = """
import random, sys
import framecache

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096

framecache.VideoReader(sys.argv[1]).request_frame(0)
before, most, rng = resident(), 0, random.Random(6)
with framecache.VideoReader(sys.argv[1], int(sys.argv[2])) as reader:
    for index in [199, *range(198, 100, -1), *(rng.randrange(200) for _ in range(60))]:
        reader.request_frame(index)
        most = max(most, resident())
    assert reader.stats.bytes_held <= int(sys.argv[2])
print(most - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_stays_within_the_budget_and_what_is_documented_for_decoders(clip: Callable[..., Path]):
    path, budget = clip(n_frames=200, gop=1000, size=(640, 360)), 20_000_000
    command = [sys.executable, "-c", SCRUB, str(path), str(budget)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    picture = 640 * 360 * 3 // 2
    assert int(done.stdout) < budget + 3 * 20 * 1.25 * picture + 10_000_000


def test_after_a_far_jump_stepping_back_costs_at_most_one_more_pass_over_the_gop(sample: Path):
    with VideoReader(sample) as reader:
        reader.request_frame(240)
        jumped = reader.stats.frames_decoded
        assert jumped < 200, "frames that no other is predicted from were passed over"
        for index in range(239, 150, -1):
            assert read_index(reader.request_frame(index).image) == index
        assert reader.stats.frames_decoded - jumped <= 250


def test_after_playing_stepping_back_decodes_nothing(sample: Path):
    with VideoReader(sample) as reader:
        for index in range(120):
            reader.request_frame(index)
        decoded, seeks = reader.stats.frames_decoded, reader.stats.seeks
        for index in range(118, 58, -1):
            assert read_index(reader.request_frame(index).image) == index
        assert (reader.stats.frames_decoded, reader.stats.seeks) == (decoded, seeks)
