from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import av
import numpy as np
import pytest

from framecache import VideoReader
from framecache.copies import Copier
from framecache.decode.convert import PIXEL_FORMATS, Transform, convert, orientation_of
from framecache.planes import checksum, held_frame_bytes

pytestmark = pytest.mark.usefixtures("no_prefetch")

SHRUNK = Transform(max_size_xy=(57, 43))
TRANSFORMS = [Transform(pixel_format) for pixel_format in PIXEL_FORMATS] + [SHRUNK]


def first_frame(path: Path) -> av.VideoFrame:
    with av.open(str(path), metadata_errors="replace") as container:
        return next(container.decode(video=0))


def assert_same(frame: av.VideoFrame, copier: Copier, transforms: Sequence[Transform]) -> None:
    """Asserts that a copy of the frame is another one, and what is made of it the same."""
    copied = copier.copy(frame)
    assert copied is not frame
    assert checksum(copied) == checksum(frame)
    assert orientation_of(copied) == orientation_of(frame)
    for transform in transforms:
        expected, image = (convert(one, transform, orientation_of(frame)) for one in (frame, copied))
        assert np.array_equal(image, expected), transform


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p10le", "yuvj444p", "gray", "pal8", "rgba", "nv12", "gbrp"])
@pytest.mark.parametrize("size", [(64, 48), (61, 37)])
def test_what_is_made_of_a_copy_is_what_is_made_of_the_frame(pix_fmt: str, size: tuple[int, int]):
    frame, random, copier = av.VideoFrame(*size, pix_fmt), np.random.default_rng(1), Copier(10**6)
    for plane in frame.planes:
        plane.update(random.integers(0, 256, plane.buffer_size, np.uint8).tobytes())
    for colorspace, color_range in [(2, 0), (1, 1), (9, 1), (5, 2)]:
        frame.colorspace, frame.color_range = colorspace, color_range
        assert_same(frame, copier, TRANSFORMS)


def test_what_is_made_of_copies_of_real_frames_is_the_same(media: Path):
    copier, seen = Copier(10**8), 0
    for path in sorted(media.iterdir()):
        try:
            frame = first_frame(path)
        except (av.error.FFmpegError, IndexError, StopIteration):
            continue  # no video, or not to be opened so simply
        assert_same(frame, copier, [Transform(), SHRUNK])
        seen += 1
    assert seen > 20


def test_a_copy_holds_what_is_charged_for_it_and_its_memory_is_used_again():
    command = """
from framecache.copies import Copier
import av

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096

frame, copier = av.VideoFrame(640, 360, "yuv420p"), Copier(10**9)
copies, before = [copier.copy(frame) for _ in range(4)], resident()
copies += [copier.copy(frame) for _ in range(200)]
grown, held = resident() - before, resident()
for turn in range(1000):
    copies[turn % len(copies)] = None
    copies[turn % len(copies)] = copier.copy(frame)
again = resident() - held
del copies
copier.close()
print(grown, again, resident() - held)
"""
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, timeout=300, check=True)
    grown, again, after = (int(word) for word in done.stdout.split())
    charged = 200 * held_frame_bytes(av.VideoFrame(640, 360, "yuv420p"))
    assert charged / 1.1 < grown < 1.1 * charged
    assert again < charged / 20
    assert after < -charged / 2


def test_kinds_of_frames_that_take_turns_do_not_hold_more_than_the_budget_together():
    frames = [av.VideoFrame(64 + 16 * number, 48, "yuv420p") for number in range(6)]
    copier = Copier(4 * held_frame_bytes(frames[0]))
    for turn in range(30):
        copier.copy(frames[turn * turn % len(frames)])
        held = sum(min(pool.most_bytes, 4 * held_frame_bytes(frames[0])) for pool in copier._pools.values())
        assert held <= 4 * held_frame_bytes(frames[0]) or len(copier._pools) == 1


def test_a_copy_outlives_its_copier():
    frame = av.VideoFrame(64, 48, "gray")
    frame.planes[0].update(bytes(range(256)) * 12)
    copier = Copier(10**6)
    copied = copier.copy(frame)
    copier.close()
    del copier
    assert checksum(copied) == checksum(frame)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_several_decoders_do_not_hold_the_budget_several_times(clip: Callable[..., Path]):
    path, budget = clip(n_frames=300, gop=60, size=(640, 360)), 40_000_000
    command = """
import sys, random, framecache

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096

framecache.VideoReader(sys.argv[1]).request_frame(0)
before, most, chance = resident(), 0, random.Random(6)
with framecache.VideoReader(sys.argv[1], int(sys.argv[2])) as reader:
    for _ in range(30):
        start = chance.randrange(260)
        for index in range(start, start + 30):
            reader.request_frame(index)
        most = max(most, resident())
print(most - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", command, str(path), str(budget)], capture_output=True, text=True, timeout=300, check=True
    )
    decoders = 3 * 20 * 1.25 * 640 * 360 * 3 // 2
    assert int(done.stdout) < budget + decoders + 10_000_000


def test_reading_frames_from_the_cache_gives_what_decoding_gave(sample: Path):
    with VideoReader(sample) as reader, VideoReader(sample, use_cache=False) as uncached:
        first = [reader[index] for index in range(20)]
        again = [reader[index] for index in range(20)]
        assert reader.stats.hits >= 20
        for index in range(20):
            assert np.array_equal(first[index], again[index])
            assert np.array_equal(first[index], uncached[index])
