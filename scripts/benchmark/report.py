"""What was measured, as tables, as JSON and as a chart; and what of the goals was reached."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

from benchmark.targets import TARGETS, Reached, ratio_text, seconds_text
from benchmark.turns import Row
from benchmark.works import OURS, WORKS

PACKAGES = ("av", "numpy", "opencv-python", "decord2", "torch", "torchcodec")
README_MARKS = "<!-- goals: scripts/bench --readme writes these lines -->", "<!-- end of the goals -->"

MEASURED_PAGE = """# Measured

What one run of `scripts/bench --readme` gave: median times of up to three turns of {steps} requests each, on a shared and noisy
machine: {facts}. The files are made by `scripts/benchmark/clips.py`, but for the two laboratory recordings (`flies_120s.mp4`,
`m3v1mp4.mp4`). *limit* is a bare libav loop that knows the index beforehand, decodes only what each frame needs and keeps
nothing. ≈: the reader was given up, and the time of all is told from the requests that it had done.

![How many times as fast as the best other reader, work by work](bench.png)

{times}

## Memory

The most memory in MB over what each reader's process held after its imports, with the pictures that the caller held.

{memory}

## Notes

{notes}
"""


def machine() -> dict[str, str]:
    """What it was measured on."""
    model = platform.processor()
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []:
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    facts = {"processor": model, "cores": str(os.cpu_count()), "python": platform.python_version()}
    for package in PACKAGES:
        try:
            facts[package] = version(package)
        except PackageNotFoundError:
            continue
    return facts


def as_table(rows: Sequence[Row], readers: Sequence[str]) -> str:
    """Median times as Markdown, the ratio to the best other reader with its spread, frames decoded for each returned."""
    heads = ["file", "work", *readers, "best other / framecache", "turns", "decoded / returned"]
    return _table(heads, [_cells(row, readers) for row in rows])


def as_memory_table(rows: Sequence[Row], readers: Sequence[str]) -> str:
    """Each reader's most memory in MB over what its process held after its imports, as Markdown."""
    told = [row for row in rows if WORKS[row.work].others_as is None]
    cells = [[row.file, row.title, *(_peak(row, reader) for reader in readers)] for row in told]
    return _table(["file", "work", *readers], cells)


def as_notes(rows: Sequence[Row]) -> str:
    """What the table leaves out: who failed and why, who gave wrong pictures, who was given up after how many requests."""
    lines = []
    for row in rows:
        what, own = f"{row.file}, {row.title}", [name for name in row.outcomes if name == OURS or not WORKS[row.work].others_as]
        for reader in own:
            error = next((one.error for one in row.outcomes[reader] if one.seconds is None), None)
            if error is not None:
                lines.append(f"- {what}: {reader} failed, {error}")
        wrong = [reader for reader in own if row.is_wrong(reader)]
        if wrong:
            lines.append(f"- {what}: other pictures than framecache's came from {', '.join(wrong)}, which is not compared")
        cut = [f"{reader} after {min(one.n_done for one in row.outcomes[reader])}" for reader in own if row.is_cut(reader)]
        if cut:
            lines.append(f"- {what}: given up, {', '.join(cut)}; the time of all is told from these, ≈")
    return "\n".join(lines)


def as_goals(rows: Sequence[Row]) -> str:
    """The table of goals as Markdown, with what was reached of each and whether that is enough."""
    cells = []
    for target in TARGETS:
        reached = target.reached(rows)
        told = "; ".join(f"{_short(one.where)} {one.text}" for one in reached)
        cells.append([target.work, target.least, told or "—", _verdict(reached)])
    return _table(["work", "at least", "reached", "holds"], cells)


def _verdict(reached: Sequence[Reached]) -> str:
    missed = list(dict.fromkeys(_short(one.where) for one in reached if one.is_met is False))
    if missed:
        return f"no: {', '.join(missed)}"
    return "yes" if any(one.is_met for one in reached) else "—"


def _short(file: str) -> str:
    return file if file.startswith("3-hours") else Path(file).stem


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [heads, ["---"] * len(heads), *rows])


def _cells(row: Row, readers: Sequence[str]) -> list[str]:
    ours = row.outcomes.get(OURS, [])
    counted = ours[-1].counted if ours else {}
    per_frame = f"{counted.get('frames_decoded', 0) / counted['frames']:.2f}" if counted.get("frames") else ""
    return [row.file, row.title, *(_time(row, reader) for reader in readers), _ratio(row), _turns(row), per_frame]


def _time(row: Row, reader: str) -> str:
    if not row.outcomes.get(reader):
        return ""
    seconds = row.seconds(reader)
    if seconds is None:
        return "failed"
    if row.is_wrong(reader):
        return f"wrong ({seconds_text(seconds)})"
    return f"≈ {seconds_text(seconds)}" if row.is_cut(reader) else seconds_text(seconds)


def _ratio(row: Row) -> str:
    other = row.best_other
    ratios = row.ratios(other) if other else []
    if not ratios or other is None:
        return ""
    spread = f" ({ratio_text(ratios[0])} to {ratio_text(ratios[-1])})" if len(ratios) > 1 else ""
    return f"{'≈ ' if row.is_cut(other) else ''}{ratio_text(median(ratios))}{spread}, {other}"


def _turns(row: Row) -> str:
    """Framecache's turns, and the fewest of the others."""
    ours = len(row.outcomes.get(OURS, []))
    fewest = min((len(outcomes) for reader, outcomes in row.outcomes.items() if reader != OURS), default=ours)
    return f"{ours}" if ours == fewest else f"{ours}, others {fewest} or more"


def _peak(row: Row, reader: str) -> str:
    peaks = [one.peak_bytes for one in row.outcomes.get(reader, []) if one.seconds is not None]
    return f"{max(peaks) / 1e6:.0f}" if peaks else ""


def write_json(path: Path, rows: Sequence[Row]) -> None:
    """Everything, for programs."""
    goals = [
        {"work": target.work, "least": target.least, "reached": [asdict(one) for one in target.reached(rows)]}
        for target in TARGETS
    ]
    content: dict[str, Any] = {"machine": machine(), "rows": [asdict(row) for row in rows], "goals": goals}
    path.write_text(json.dumps(content, indent=1) + "\n")


def write_readme(path: Path, rows: Sequence[Row], files: Sequence[str]) -> None:
    """Put the table of goals, and what it was measured on, between the marks in a README.

    Raises:
        ValueError: The marks are not there.
    """
    put_between(path, README_MARKS, f"{as_goals(rows)}\n\n{seen_on()}; files: {', '.join(files)}.")


def seen_on() -> str:
    """What was measured on, as the beginning of a sentence."""
    return f"Seen on {', '.join(f'{key} {value}' for key, value in machine().items())}"


def put_between(path: Path, marks: tuple[str, str], content: str) -> None:
    """Put a text between two marks in a file, in place of what is there.

    Raises:
        ValueError: The marks are not there.
    """
    start, end = marks
    text = path.read_text()
    if text.count(start) != 1 or text.count(end) != 1 or text.index(start) > text.index(end):
        raise ValueError(f"{path} must hold {start} and, below it, {end}")
    before, after = text.split(start)[0], text.split(end)[1]
    path.write_text(f"{before}{start}\n{content}\n{end}{after}")


def write_measured(path: Path, rows: Sequence[Row], readers: Sequence[str]) -> None:
    """Write all tables as a page of the docs, which shows the chart that lies beside it as bench.png."""
    facts = ", ".join(f"{key} {value}" for key, value in machine().items())
    steps = ", ".join(str(count) for count in dict.fromkeys(row.steps for row in rows))
    path.write_text(
        MEASURED_PAGE.format(
            facts=facts, steps=steps, times=as_table(rows, readers), memory=as_memory_table(rows, readers), notes=as_notes(rows)
        )
    )


def write_chart(path: Path, rows: Sequence[Row]) -> None:
    """A bar for each row: how many times as fast as the best other reader."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    told = [
        (f"{row.file}, {row.title}", median(ratios), ratios, "≈ " if row.is_cut(row.best_other) else "")
        for row in rows
        if row.best_other and (ratios := row.ratios(row.best_other))
    ]
    figure, axes = pyplot.subplots(figsize=(10, 1.2 + 0.32 * len(told)), layout="constrained")
    values = [value for _, value, _, _ in told]
    errors = [[value - ratios[0] for _, value, ratios, _ in told], [ratios[-1] - value for _, value, ratios, _ in told]]
    # From 1 on, to the right where framecache is faster, to the left where it is slower.
    colors = ["#3b7dd8" if value >= 1 else "#c8553d" for value in values]
    widths = [value - 1 for value in values]
    axes.barh(range(len(told)), widths, left=1, xerr=errors, color=colors, ecolor="#777777", height=0.7)
    axes.set_yticks(range(len(told)), [name for name, *_ in told], fontsize=8)
    axes.set_xscale("log")
    for place, (_, value, ratios, more) in enumerate(told):
        axes.text(max(ratios[-1], 1) * 1.1, place, f"{more}{ratio_text(value)}", va="center", fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.15, y=0.01)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xlabel("times as fast as the best other reader (median, spread)")
    figure.savefig(path, dpi=120)
