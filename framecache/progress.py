"""How long work tells how far it is."""

from __future__ import annotations

from collections.abc import Callable

# Called with the stage that the work is in, and how much of that is done, 0.0 to 1.0.
Progress = Callable[[str, float], None]


def no_progress(stage: str, done: float) -> None:
    """Progress that nobody watches."""
