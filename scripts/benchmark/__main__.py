"""`scripts/bench`: the same work, on the same files, side by side in one run, readers taking turns."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from benchmark import report
from benchmark.clips import clip
from benchmark.matrix import LABORATORY, MATRIX, QUICK, QUICK_SECONDS, QUICK_STEPS, STEPS
from benchmark.readers import available
from benchmark.turns import Pace, Row, take_turns
from benchmark.workers import Worker
from benchmark.works import NEVER_SECONDS, OURS, WORKS

ROOT = Path(__file__).resolve().parents[2]
MEDIA = ROOT.parent / "shared" / "media"
DEFAULT_FOLDER = Path(tempfile.gettempdir()) / "framecache-bench"
TURNS = 3


def main() -> int:
    """Run it; the exit code: 0, or 1 where framecache failed at something."""
    options = _options()
    if options.server:
        from benchmark import serving

        return serving.main(options, ROOT / "README.md")
    began = time.monotonic()
    readers = [name for name in available() if not options.readers or name in options.readers]
    matrix = {name: works for name, works in (QUICK if options.quick else MATRIX).items() if _is_wanted(name, options.files)}
    paths = {name: path for name in matrix if (path := _path(name, options.folder)) is not None}
    todo = [(name, work) for name in paths for work in matrix[name] if not options.works or work in options.works]
    rows = _measure_all(todo, paths, readers, options, began)
    print(f"machine: {', '.join(f'{key} {value}' for key, value in report.machine().items())}\n")
    for title, text in (
        ("Median times", report.as_table(rows, readers)),
        ("", report.as_notes(rows)),
        ("Peak memory in MB, over that after imports", report.as_memory_table(rows, readers)),
        ("Goals", report.as_goals(rows)),
    ):
        print(f"{title}\n\n{text}\n" if title else f"{text}\n" if text else "", end="\n" if text else "")
    if options.json:
        report.write_json(options.json, rows)
    if options.chart:
        report.write_chart(options.chart, rows)
    if options.readme:
        report.write_readme(ROOT / "README.md", rows, list(paths))
        report.write_measured(ROOT / "docs" / "measured.md", rows, readers)
        report.write_chart(ROOT / "docs" / "bench.png", rows)
    return int(any(one.seconds is None for row in rows for one in row.outcomes.get(OURS, [])))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few works with few steps, in about two minutes")
    parser.add_argument("--server", action="store_true", help="the frame server alone: answers a second, many clients, the page")
    parser.add_argument("--files", nargs="*", help="only files whose names hold one of these")
    parser.add_argument("--works", nargs="*", choices=sorted(WORKS), help="only these works")
    parser.add_argument("--readers", nargs="*", help="only these readers; framecache should be among them")
    parser.add_argument("--steps", type=int, help=f"requests a work (default: {STEPS}; {QUICK_STEPS} with --quick)")
    parser.add_argument("--turns", type=int, help=f"turns; slow readers get fewer (default: {TURNS}; 1 with --quick)")
    parser.add_argument(
        "--folder", type=Path, default=DEFAULT_FOLDER, help="where the files are made and kept (default: %(default)s)"
    )
    parser.add_argument("--json", type=Path, help="write everything there too")
    parser.add_argument("--chart", type=Path, help="draw a bar chart there (PNG)")
    parser.add_argument(
        "--readme", action="store_true", help="write the goals into README.md, all tables and the chart into docs/"
    )
    return parser.parse_args()


def _is_wanted(name: str, wanted: list[str] | None) -> bool:
    return not wanted or any(part in name for part in wanted)


def _path(name: str, folder: Path) -> Path | None:
    if name not in LABORATORY:
        return clip(name, folder)
    if (MEDIA / name).exists():
        return MEDIA / name
    print(f"{name} is left out, for it is not in {MEDIA}", file=sys.stderr)
    return None


def _measure_all(
    todo: list[tuple[str, str]], paths: dict[str, Path], readers: list[str], options: argparse.Namespace, began: float
) -> list[Row]:
    quick = options.quick
    pace = Pace(
        options.steps or (QUICK_STEPS if quick else STEPS),
        options.turns or (1 if quick else TURNS),
        QUICK_SECONDS if quick else NEVER_SECONDS,
    )
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as index_folder:
        workers = {reader: Worker(reader, Path(index_folder)) for reader in readers}
        for number, (name, work) in enumerate(todo, start=1):
            if not rows or rows[-1].file != name:
                for worker in workers.values():
                    # Whatever a reader does once, and the file's way into the system's cache, are not timed.
                    worker.run("open", paths[name], 1)
            if rows and OURS in workers:
                # Its memory is held against a goal, so nothing of earlier works must be left.
                workers[OURS].renew()
                workers[OURS].run("open", paths[name], 1)
            rows.append(Row(name, work, pace.steps))
            take_turns(rows[-1], paths[name], workers, pace, Path(index_folder), rows)
            line = report.as_table(rows[-1:], readers).splitlines()[-1]
            print(f"{time.monotonic() - began:5.0f} s, {number} of {len(todo)} {line}", file=sys.stderr, flush=True)
        for worker in workers.values():
            worker.close()
    return rows


if __name__ == "__main__":
    sys.exit(main())
