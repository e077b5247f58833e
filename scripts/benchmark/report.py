"""What was measured, as a table, as JSON and as a chart."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

from benchmark.workers import Outcome
from benchmark.works import WORKS

OURS, LIMIT = "framecache", "limit"
PACKAGES = ("av", "numpy", "opencv-python", "decord2", "torch", "torchcodec")


@dataclass
class Row:
    """One work on one file, by all readers.

    Attributes:
        file, work, steps: What was done.
        outcomes: By reader, its runs, turn by turn.
    """

    file: str
    work: str
    steps: int
    outcomes: dict[str, list[Outcome]] = field(default_factory=dict)

    def seconds(self, reader: str) -> float | None:
        """The median of a reader's runs; None where one failed."""
        times = [one.seconds for one in self.outcomes.get(reader, [])]
        return median(times) if times and None not in times else None  # type: ignore[type-var]

    @property
    def best_other(self) -> str | None:
        """The quickest of the others, the limit left out."""
        times = {name: self.seconds(name) for name in self.outcomes if name not in (OURS, LIMIT)}
        known = {name: seconds for name, seconds in times.items() if seconds is not None}
        return min(known, key=known.__getitem__) if known else None

    def ratios(self, other: str) -> list[float]:
        """How many times as long another reader took, turn by turn."""
        pairs = zip(self.outcomes.get(other, []), self.outcomes.get(OURS, []))
        return sorted(their.seconds / our.seconds for their, our in pairs if their.seconds and our.seconds)


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


def as_table(rows: list[Row], readers: list[str]) -> str:
    """The table as Markdown: median times, the ratio to the best other reader with its spread, counters and memory."""
    heads = ["file", "work", *readers, "best other / framecache", "decoded / returned", "peak MB"]
    lines = [_line(heads), _line(["---"] * len(heads))]
    for row in rows:
        ours = row.outcomes.get(OURS, [])
        counted = ours[-1].counted if ours else {}
        per_frame = f"{counted.get('frames_decoded', 0) / counted['frames']:.2f}" if counted.get("frames") else ""
        peak = f"{max(one.peak_bytes for one in ours) / 1e6:.0f}" if ours else ""
        times = [_time(row.seconds(reader)) for reader in readers]
        title = WORKS[row.work].title
        lines.append(_line([row.file, f"{row.steps} {title}" if row.steps > 1 else title, *times, _ratio(row), per_frame, peak]))
    return "\n".join(lines)


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "failed"
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.1f} ms" if seconds >= 0.001 else f"{1e6 * seconds:.0f} us"


def _ratio(row: Row) -> str:
    other = row.best_other
    ratios = row.ratios(other) if other else []
    if not ratios:
        return ""
    spread = f" ({ratios[0]:.2f} to {ratios[-1]:.2f})" if len(ratios) > 1 else ""
    return f"{median(ratios):.2f}{spread}, {other}"


def write_json(path: Path, rows: list[Row]) -> None:
    """Everything, for programs."""
    content: dict[str, Any] = {"machine": machine(), "rows": [asdict(row) for row in rows]}
    path.write_text(json.dumps(content, indent=1) + "\n")


def write_chart(path: Path, rows: list[Row]) -> None:
    """A bar for each row: how many times as fast as the best other reader."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    told = [(f"{row.file}, {WORKS[row.work].title}", median(row.ratios(row.best_other)), row.ratios(row.best_other))
            for row in rows if row.best_other and row.ratios(row.best_other)]  # fmt: skip
    figure, axes = pyplot.subplots(figsize=(9, 1.2 + 0.32 * len(told)), layout="constrained")
    values = [value for _, value, _ in told]
    errors = [[value - ratios[0] for _, value, ratios in told], [ratios[-1] - value for _, value, ratios in told]]
    axes.barh(range(len(told)), values, xerr=errors, color="#3b7dd8", ecolor="#777777", height=0.7)
    axes.set_yticks(range(len(told)), [name for name, _, _ in told], fontsize=8)
    for place, value in enumerate(values):
        axes.text(value * 1.05, place, f"{value:.1f}", va="center", fontsize=8)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xlabel("times as fast as the best other reader of the same run (median and spread)")
    figure.savefig(path, dpi=120)
