"""What the allocator is told, seen in processes of their own, and what is left of readers."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gates import ScanGate

from framecache import IndexingError, VideoReader
from framecache.index.frame_index import FrameIndex

# Threads that each take and free memory; then glibc tells of each arena (malloc_stats(3)).
ARENAS = """
import ctypes, sys, threading
from framecache.memory import share_one_arena
if sys.argv[1] == "shared":
    share_one_arena()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
libc.malloc.argtypes = [ctypes.c_size_t]
barrier = threading.Barrier(4)
def work():
    barrier.wait()
    taken = [libc.malloc(100_000) for _ in range(50)]
    barrier.wait()
    for address in taken:
        libc.free(address)
threads = [threading.Thread(target=work) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
libc.malloc_stats()
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="malloc_stats is glibc's")
def test_threads_share_one_arena_where_they_are_told_to():
    def arenas(how: str) -> int:
        done = subprocess.run([sys.executable, "-c", ARENAS, how], capture_output=True, text=True, check=True, timeout=60)
        return done.stderr.count("Arena ")

    assert arenas("shared") == 1
    assert arenas("apart") > 1


ENGINES = """
import framecache
def data_bytes():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmData"))
framecache.Engine().close()
before = data_bytes()
for _ in range(5):
    framecache.Engine().close()
print(data_bytes() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is Linux's")
def test_further_engines_do_not_grow_the_heap():
    done = subprocess.run([sys.executable, "-c", ENGINES], capture_output=True, text=True, check=True, timeout=60)
    assert int(done.stdout) < 16 * 1024**2


# What a reader holds


def _indices() -> int:
    return sum(isinstance(thing, FrameIndex) for thing in gc.get_objects())


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("is_whole", [True, False], ids=["whole", "while it grows"])
def test_a_closed_reader_goes_at_once_with_all_that_it_held(
    sample: Path, long_clip: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, is_whole: bool
):
    before = _indices()
    gate = None if is_whole else ScanGate(monkeypatch)
    with VideoReader(long_clip()) as reader:
        if gate is None:
            reader.wait_until_indexed()
        reader.request_frame(40)
        reader.request_frame(39)
    del reader
    if gate is not None:
        gate.open()
    with VideoReader(sample) as reader:
        reader.request_frame(100)
        next(reader.iter_frames(step=-1))
    del reader
    # Threads in the background have their last looks at them.
    deadline = time.monotonic() + 20
    while _indices() > before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert _indices() <= before


# Threads of FFmpeg's decoders; a decoder that is not freed before a fork would be freed in the child, which waits for them.
def _codec_threads() -> int:
    names = [(task / "comm").read_text() for task in Path("/proc/self/task").iterdir()]
    return sum(name.startswith("av:") for name in names)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is Linux's")
@pytest.mark.usefixtures("no_collector")
def test_nothing_is_left_of_a_reader_whose_index_was_not_made(long_clip: Callable[..., Path], monkeypatch: pytest.MonkeyPatch):
    before = _indices(), _codec_threads()
    monkeypatch.setattr("framecache.opening.extends", lambda _larger, _smaller: False)
    reader = VideoReader(long_clip(), prefetch=False)
    reader.request_frame(0)
    assert _codec_threads() > before[1]
    with pytest.raises(IndexingError):
        len(reader)
    reader.close()
    del reader
    assert (_indices(), _codec_threads()) == before


FORK = """
import os, sys
from framecache import VideoChangedError, VideoReader
doomed, other = sys.argv[1:]
reader = VideoReader(doomed, prefetch=False)
os.unlink(doomed)
reader.request_frame(0)
try:
    len(reader)
except VideoChangedError as error:
    print(type(error).__name__)
reader.close()
with VideoReader(other) as reader:
    pid = os.fork()
    if pid == 0:
        os._exit(len(reader) % 251)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_a_child_goes_on_after_an_index_of_the_parent_could_not_be_made(long_clip: Callable[..., Path], tmp_path: Path):
    doomed = shutil.copy(long_clip(), tmp_path / "doomed.mkv")
    environment = {**os.environ, "FRAMECACHE_INDEX_DIR": str(tmp_path / "store")}
    command = [sys.executable, "-c", FORK, str(doomed), str(long_clip())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert (done.stdout.split(), done.stderr) == (["VideoChangedError", str(16 * 48 % 251)], "")
