"""Scheduling: encoders that leave their caller a real-time thread."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator


@contextlib.contextmanager
def kept_scheduling() -> Iterator[None]:
    """Have the calling thread scheduled in the end as it was before, and so all that it starts then.

    Where it may, as root, SVT-AV1 makes the thread that opens it a real-time one (SCHED_FIFO, 99). A loop that waits in such a
    thread, or in a browser started from it, leaves nothing of its processor to anything else.
    """
    if not hasattr(os, "sched_getscheduler"):  # Linux has it
        yield
        return
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        os.sched_setscheduler(0, *before)
