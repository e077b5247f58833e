"""The command line: shows a video's facts, jumps about in it and back, and writes a contact sheet."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from framecache import __version__
from framecache.errors import DecodeError, FramecacheError
from framecache.export import contact_sheet, write_image
from framecache.frame import VideoInfo, format_seconds
from framecache.reader import VideoReader
from framecache.sample import SAMPLE_FPS, SAMPLE_SECONDS, write_sample

EXIT_FAILURE = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code: 0, 1 for a failure (one line on stderr), 2 for wrong usage."""
    options = _parser().parse_args(arguments)
    try:
        video = options.video or _make_sample(options.out)
        _tour(video, options.out)
    except FramecacheError as error:
        print(f"framecache: {error}", file=sys.stderr)
        return EXIT_FAILURE
    except OSError as error:
        print(f"framecache: {error.filename or options.out}: {error.strerror}", file=sys.stderr)
        return EXIT_FAILURE
    except KeyboardInterrupt:
        print("framecache: stopped", file=sys.stderr)
        return EXIT_FAILURE
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="framecache",
        description="Say what a video is, jump about in it and back, and write a contact sheet.",
        epilog="example: framecache holiday.mp4 --out /tmp",
    )
    parser.add_argument("video", nargs="?", help="the video; without one, a sample clip is made")
    parser.add_argument(
        "--out", type=Path, default=Path(tempfile.gettempdir()) / "framecache-tour", help="the folder for what is written"
    )
    parser.add_argument("--version", action="version", version=f"framecache {__version__}")
    return parser


def _make_sample(folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "sample.mp4"
    if not target.exists():
        print(f"making a sample clip of {SAMPLE_SECONDS * SAMPLE_FPS} frames ...", flush=True)
        write_sample(target)
    return str(target)


def _tour(video: str, folder: Path) -> None:
    """The main job, on one video, told on stdout."""
    with VideoReader(video) as reader:
        _tell(reader.info)
        if not len(reader):
            print("it has no frames to show")
            return
        print("\nrequests, in this order:\n\n   asked   came        time      took   from")
        before = reader.stats
        for index in jumps(len(reader)):
            _request(reader, index)
        stats = reader.stats
        hits, misses = stats.hits - before.hits, stats.misses - before.misses
        print(
            f"\n{hits} of {hits + misses} requests were answered from the cache; "
            f"{stats.frames_decoded} frames were decoded in {stats.seeks} jumps; "
            f"{stats.bytes_held / 2**20:.1f} MiB are held"
        )
        folder.mkdir(parents=True, exist_ok=True)
        sheet = write_image(folder / f"{Path(video).stem}-sheet.png", contact_sheet(reader))
        print(f"a contact sheet is in {sheet}")


def jumps(n_frames: int) -> list[int]:
    """Indices that a person who looks around would ask for: far, near, back, the ends, and back again."""
    last, middle, late = n_frames - 1, n_frames // 2, n_frames * 9 // 10
    wanted = [0, middle, middle - 1, middle - 2, middle + 1, last, late, n_frames // 10, middle, last, 0]
    return [min(max(index, 0), last) for index in wanted]


def _request(reader: VideoReader, index: int) -> None:
    hits, began = reader.stats.hits, time.perf_counter()
    try:
        frame = reader.request_frame(index)
    except DecodeError as error:
        print(f"{index:8d}   {error}")
        return
    milliseconds = 1000 * (time.perf_counter() - began)
    origin = "the cache" if reader.stats.hits > hits else "the decoder"
    seconds = format_seconds(frame.seconds_into_video)
    print(f"{index:8d} {frame.frame_ix:6d} {seconds:>13} {milliseconds:7.1f} ms   {origin}")


def _tell(info: VideoInfo) -> None:
    turned = f", turned {info.rotation} degrees" if info.rotation else ""
    mirrored = ", mirrored" if info.mirrored else ""
    rate = "variable rate" if info.is_variable_rate else "constant rate"
    print(info.path)
    print(f"  {info.codec} in {info.container}, {info.width}x{info.height} pixels{turned}{mirrored}")
    print(f"  {info.n_frames} frames in {format_seconds(info.duration_seconds)}, {info.fps:.3f} a second on average ({rate})")
    print(f"  {info.n_keyframes} keyframes; timestamps are {info.timestamps_are}; fingerprint {info.fingerprint}")
    made = "read from the store" if info.index_from_store else f"made from a {info.index_source}"
    print(f"  the index was {made} in {1000 * info.index_seconds:.1f} ms")
    if info.undecodable:
        print(f"  {len(info.undecodable)} frames cannot be decoded")
