from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from framecache.planes import checksum, plane_views


@pytest.mark.parametrize(
    ("name", "shapes", "dtype"),
    [
        ("yuv420p", [(9, 21), (5, 11), (5, 11)], "|u1"),
        ("yuv422p10le", [(9, 21), (9, 11), (9, 11)], "<u2"),
        ("yuv444p16be", [(9, 21)] * 3, ">u2"),
        ("yuva420p", [(9, 21), (5, 11), (5, 11), (9, 21)], "|u1"),
        ("nv12", [(9, 21), (5, 11, 2)], "|u1"),
        ("p010le", [(9, 21), (5, 11, 2)], "<u2"),
        ("gray", [(9, 21)], "|u1"),
        ("gray12le", [(9, 21)], "<u2"),
        ("gbrp", [(9, 21)] * 3, "|u1"),
        ("rgb24", [(9, 21, 3)], "|u1"),
        ("bgra", [(9, 21, 4)], "|u1"),
        ("rgb48le", [(9, 21, 3)], "<u2"),
        ("yuyv422", [(9, 21, 2)], "|u1"),
        ("pal8", [(9, 21), (256, 4)], "|u1"),
        ("monow", [(9, 3)], "|u1"),
        ("gbrpf32le", [(9, 21)] * 3, "<f4"),
    ],
)
def test_planes_have_the_shape_and_type_of_their_format(name: str, shapes: list[tuple[int, ...]], dtype: str):
    views = plane_views(av.VideoFrame(21, 9, name))
    assert [view.shape for view in views] == shapes
    assert {view.dtype.str for view in views} == {dtype}


def test_views_leave_out_the_padding():
    image = np.random.default_rng(0).integers(0, 256, (9, 21, 3), np.uint8)
    (view,) = plane_views(av.VideoFrame.from_ndarray(image, "rgb24"))
    np.testing.assert_array_equal(view, image)


def test_the_checksum_is_of_the_picture_and_not_of_its_padding():
    image = np.random.default_rng(0).integers(0, 256, (9, 21, 3), np.uint8)
    one, other = (av.VideoFrame.from_ndarray(image, "rgb24") for _ in range(2))
    for frame, value in ((one, 1), (other, 2)):
        plane = frame.planes[0]
        padded = np.frombuffer(plane, np.uint8).reshape(9, plane.line_size)
        assert padded.shape[1] > 63
        padded[:, 63:] = value
    assert checksum(one) == checksum(other)
    plane_views(other)[0][0, 0, 0] ^= 1
    assert checksum(one) != checksum(other)
    assert checksum(av.VideoFrame.from_ndarray(image, "bgr24")) != checksum(one)


HOLD_ALL = """
import sys
from clips import linear
from framecache.planes import held_frame_bytes

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096

next(linear(sys.argv[1]))
before = resident()
frames = list(linear(sys.argv[1]))
print(resident() - before, sum(map(held_frame_bytes, frames)), held_frame_bytes(frames[0]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("size", [(640, 360), (1280, 720)])
def test_held_frames_are_charged_at_what_memory_really_holds(clip: Callable[..., Path], size: tuple[int, int]):
    path = clip(size=size, n_frames=80, gop=40)
    command = [sys.executable, "-c", HOLD_ALL, str(path)]
    tests = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": str(tests.parent / "scripts")}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tests, env=environment, check=True)
    grown, charged, one = map(int, done.stdout.split())
    # The decoder itself holds some pictures more, and its tables.
    assert 0.85 * charged < grown < 1.15 * charged + 20 * one
