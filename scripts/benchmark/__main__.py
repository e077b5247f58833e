"""`scripts/bench`: the same work, on the same files, side by side in one run, readers taking turns."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from benchmark import report
from benchmark.clips import clip
from benchmark.readers import available
from benchmark.workers import Worker
from benchmark.works import WORKS

ROOT = Path(__file__).resolve().parents[2]
MEDIA = ROOT.parent / "shared" / "media"
DEFAULT_FOLDER = Path(tempfile.gettempdir()) / "framecache-bench"

H264 = ("open", "random-cold", "random", "back", "scrub", "every-30th", "same", "same-shared", "forward", "reverse")
# For each file the works that say something.
MATRIX: dict[str, tuple[str, ...]] = {
    "h264-1080p-gop250.mp4": H264,
    "h264-720p-gop30.mp4": ("random-cold", "back", "every-30th", "forward", "reverse"),
    "h264-2160p.mp4": ("random-cold", "back", "forward"),
    "h265-1080p.mp4": ("random-cold", "back", "forward"),
    "vp9-720p.webm": ("random-cold", "back", "forward"),
    "av1-720p.mkv": ("random-cold", "back", "forward"),
    "1-minute.mp4": ("open", "random-cold"),
    "3-hours.mp4": ("open", "random-cold"),
    "3-hours.mkv": ("open",),
    "flies_120s.mp4": ("open", "random-cold", "back", "scrub", "every-30th", "forward"),
    "m3v1mp4.mp4": ("open", "random-cold", "back", "scrub", "forward"),
}
QUICK: dict[str, tuple[str, ...]] = {
    "h264-1080p-gop250.mp4": ("random-cold", "back", "forward"),
    "h264-720p-gop30.mp4": ("open", "random-cold", "back", "scrub", "every-30th", "same", "same-shared", "forward", "reverse"),
}
STEPS, QUICK_STEPS = 60, 8
REPEATS = 3
ONCE = ("open", "same-shared", "same")


def main() -> int:
    """Run it; the exit code: 0, or 1 where framecache failed at something."""
    options = _options()
    readers = [name for name in available() if not options.readers or name in options.readers]
    matrix = {name: works for name, works in (QUICK if options.quick else MATRIX).items() if _is_wanted(name, options.files)}
    steps, repeats = (QUICK_STEPS, 1) if options.quick else (options.steps, options.repeats)
    paths = {name: path for name in matrix if (path := _path(name, options.folder)) is not None}
    with tempfile.TemporaryDirectory() as index_folder:
        workers = {reader: Worker(reader, Path(index_folder)) for reader in readers}
        rows = []
        for name, path in paths.items():
            for work in matrix[name]:
                if options.works and work not in options.works:
                    continue
                row = report.Row(name, work, 1 if work == "open" else steps)
                _measure(row, path, workers, max(repeats, REPEATS) if work in ONCE else repeats, Path(index_folder))
                rows.append(row)
                print(report.as_table([row], readers).splitlines()[-1], file=sys.stderr, flush=True)
        for worker in workers.values():
            worker.close()
    print(f"machine: {', '.join(f'{key} {value}' for key, value in report.machine().items())}\n")
    print(report.as_table(rows, readers))
    if options.json:
        report.write_json(options.json, rows)
    if options.chart:
        report.write_chart(options.chart, rows)
    return int(any(one.seconds is None for row in rows for one in row.outcomes.get(report.OURS, [])))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few works with few steps, in about two minutes")
    parser.add_argument("--files", nargs="*", help="only files whose names hold one of these")
    parser.add_argument("--works", nargs="*", choices=sorted(WORKS), help="only these works")
    parser.add_argument("--readers", nargs="*", help="only these readers; framecache should be among them")
    parser.add_argument("--steps", type=int, default=STEPS, help="requests a work (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="turns (default: %(default)s)")
    parser.add_argument(
        "--folder", type=Path, default=DEFAULT_FOLDER, help="where the files are made and kept (default: %(default)s)"
    )
    parser.add_argument("--json", type=Path, help="write everything there too")
    parser.add_argument("--chart", type=Path, help="draw a bar chart there (PNG)")
    return parser.parse_args()


def _is_wanted(name: str, wanted: list[str] | None) -> bool:
    return not wanted or any(part in name for part in wanted)


def _path(name: str, folder: Path) -> Path | None:
    if (MEDIA / name).exists():
        return MEDIA / name
    if name in ("flies_120s.mp4", "m3v1mp4.mp4"):
        print(f"{name} is left out, for it is not in {MEDIA}", file=sys.stderr)
        return None
    return clip(name, folder)


def _measure(row: report.Row, path: Path, workers: dict[str, Worker], repeats: int, index_folder: Path) -> None:
    for worker in workers.values():
        # Imports, and whatever a reader does once, are not timed.
        worker.run("open", path, 1)
    for _ in range(repeats):
        for reader, worker in workers.items():
            # Each opens as for the first time.
            shutil.rmtree(index_folder, ignore_errors=True)
            row.outcomes.setdefault(reader, []).append(worker.run(row.work, path, row.steps))


if __name__ == "__main__":
    sys.exit(main())
