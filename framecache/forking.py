"""Forking: what has threads, locks or open files begins anew in a forked child."""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Forked(Protocol):
    """Something that cannot be used in a child as it is."""

    def after_fork(self) -> None:
        """In a forked child: begin anew. No other thread is there, and whoever held a lock may not be either."""


_living: weakref.WeakSet[Forked] = weakref.WeakSet()


def begins_anew(one: Forked) -> None:
    """Have `after_fork` called in every child, as long as it lives."""
    _living.add(one)


def _in_child() -> None:
    for one in list(_living):
        one.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
