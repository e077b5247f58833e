"""What the allocator is told, seen in processes of their own."""

from __future__ import annotations

import subprocess
import sys

import pytest

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
