"""Memory: reusing pages that were paid for, and giving them back in the end."""

from __future__ import annotations

import contextlib
import ctypes
import functools

import numpy as np

# Just below the largest block that glibc takes as a measure of what to keep (DEFAULT_MMAP_THRESHOLD_MAX, 32 MiB on 64 bits).
LARGEST_MEASURE_BYTES = 31 * 1024**2
# In glibc's malloc.h.
M_ARENA_MAX = -8


@functools.cache
def keep_freed_pages() -> None:
    """Have the allocator keep the pages of freed pictures for the next ones.

    glibc maps every block above a threshold afresh and unmaps it when it is freed, so that each picture costs a page
    fault for every 4 KiB. The threshold rises to the largest such block that was ever freed, up to 32 MiB (mallopt(3),
    M_MMAP_THRESHOLD, "dynamic"), and up to twice that much is then kept. A block that large, freed untouched, costs
    nothing, here and under other allocators. Once in a process: a second one would come from the heap that the first brought
    about, and leave it 31 MiB larger, in huge pages that take long to be cleared.
    """
    np.empty(LARGEST_MEASURE_BYTES, np.uint8)


def share_one_arena() -> None:
    """Have all threads that begin after this take their memory from one place, where the allocator can (mallopt(3)).

    glibc gives each thread a place of its own, up to eight for every processor, and pictures that are decoded in one and let
    go of in another leave each as large as it ever had to be. For a process that is framecache's own, before its threads begin:
    programs of others may have threads that ask for memory much oftener than once in a picture.
    """
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)


def give_back_pages() -> None:
    """Have the allocator give the pages of freed memory back to the system, where it can (malloc_trim(3))."""
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
