"""Writing to terminals and pipes: text that cannot harm a terminal, tables, progress bars where somebody watches."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from framecache.progress import Progress as Watcher
from framecache.progress import no_progress

PIPE_COLUMNS = 10_000


def printable(text: object) -> str:
    """Text on one line, with whatever would move a cursor or change colours written as an escape."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in str(text))


def prepare_streams() -> None:
    """Let file names that are no text, and letters that the terminal lacks, be written as escapes rather than fail."""
    # Streams that were closed before the start are None.
    sys.stdout, sys.stderr = (stream or open(os.devnull, "w") for stream in (sys.stdout, sys.stderr))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def say(text: str) -> None:
    """A line on stdout."""
    print(printable(text))


def complain(text: object) -> None:
    """A line on stderr."""
    print(f"framecache: {printable(text)}", file=sys.stderr)


def _console(*, is_error: bool = False, width: int | None = None) -> Console:
    stream = sys.stderr if is_error else sys.stdout
    # Into a pipe, lines are as long as they are.
    return Console(file=stream, highlight=False, width=width if width or stream.isatty() else PIPE_COLUMNS)


def say_table(heads: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[str] = ()) -> None:
    """A table on stdout, as wide as it is; the columns named in `right` are numbers."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in heads:
        table.add_column(head, justify="right" if head in right else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    _print_table(_console(width=PIPE_COLUMNS), table)


def _print_table(console: Console, table: Table) -> None:
    with console.capture() as captured:
        console.print(table)
    # Rich fills the last column up.
    print("\n".join(line.rstrip() for line in captured.get().splitlines()))


def say_facts(title: str, facts: Iterable[tuple[str, str]]) -> None:
    """What is known of one thing, a line each, under its name."""
    console = _console()
    console.print(Text(printable(title), style="bold"), soft_wrap=True)
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        table.add_row(Text(f"  {name}"), Text(printable(value)))
    _print_table(console, table)


@contextlib.contextmanager
def watched() -> Iterator[Watcher]:
    """What to call with a stage and the part of it that is done, 0.0 to 1.0: a bar on stderr, if that is a terminal."""
    console = _console(is_error=True)
    if not console.is_terminal or console.is_dumb_terminal:
        yield no_progress
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    bars = Progress(*columns, console=console, transient=True)
    tasks: dict[str, TaskID] = {}

    def watch(stage: str, done: float) -> None:
        if stage not in tasks:
            # Work that tells nothing, since it is quick or cannot begin, gets no bar.
            bars.start()
            for task in tasks.values():
                bars.update(task, visible=False)
            tasks[stage] = bars.add_task(printable(stage), total=1.0)
        bars.update(tasks[stage], completed=done)

    try:
        yield watch
    finally:
        bars.stop()
        if tasks:
            # Ctrl-C may have come between hiding the cursor and noting that.
            console.show_cursor(True)
