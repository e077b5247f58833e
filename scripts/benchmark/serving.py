"""`scripts/bench --server`: what the frame server does in a second, and how long its frames take, for many clients at once."""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import Response

from benchmark import report
from benchmark.asking import Asked, ask_all, scrub_all
from benchmark.clips import clip
from benchmark.matrix import GOP30_720P, GOP250_1080P
from benchmark.workers import _forget_memory, _memory

MARKS = "<!-- server: scripts/bench --server --readme writes these lines -->", "<!-- end of the server's figures -->"
LEAST_RATIO = 0.7
N_CONNECTIONS, N_CLIENTS, N_VIDEOS = 8, 64, 64
BUDGET_BYTES = 256 * 1024**2
CACHED_QUERY = "w=960"
MIB = 1024**2


@dataclass(frozen=True)
class Rates:
    """Answers per second of both servers, turn by turn.

    Attributes:
        size_bytes: Of each picture.
        constant, cached: Answers per second: of an app that does nothing but return those bytes, and of framecache.
    """

    size_bytes: int
    constant: list[float]
    cached: list[float]

    @property
    def ratios(self) -> list[float]:
        """How much of the constant app's rate framecache reaches, turn by turn, ascending."""
        return sorted(ours / theirs for ours, theirs in zip(self.cached, self.constant))


@dataclass(frozen=True)
class Scrubbing:
    """Many clients that scrub at once.

    Attributes:
        what: In which videos.
        seconds: How long each frame took, ascending.
        n_refused: Answers that were no frame.
        peak_bytes: The most memory that the server's process held, over what it held before.
        budget_bytes: What its cache may hold.
    """

    what: str
    seconds: list[float]
    n_refused: int
    peak_bytes: int
    budget_bytes: int


@dataclass(frozen=True)
class Dragging:
    """The page: how long from letting go of the strip until the frame there is shown, ascending; or why there is none."""

    seconds: list[float]
    error: str = ""


def percentile(values: Sequence[float], part: float) -> float:
    """The least of ascending values that so large a part of them does not exceed."""
    return values[max(0, math.ceil(round(part * len(values), 6)) - 1)]


def as_table(rates: Rates, scrubbing: Sequence[Scrubbing], dragging: Dragging | None) -> str:
    """All figures as Markdown."""
    ratios, ours, theirs = rates.ratios, median(rates.cached), median(rates.constant)
    rows = [
        [
            f"cached JPEG of {rates.size_bytes / 1000:.0f} kB, {N_CONNECTIONS} connections",
            f"{ours:.0f} a second; the same framework returning constant bytes {theirs:.0f}: "
            f"{median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})",
            f"{LEAST_RATIO}: {'yes' if median(ratios) >= LEAST_RATIO else 'no'}",
        ]
    ]
    for one in scrubbing:
        refused = f", {one.n_refused} refused" if one.n_refused else ""
        memory = f"; peak memory {one.peak_bytes / MIB:.0f} MiB with a budget of {one.budget_bytes / MIB:.0f} MiB"
        rows.append([one.what, f"{_spread(one.seconds)}{refused}{memory if one.peak_bytes else ''}", ""])
    if dragging is not None:
        told = _spread(dragging.seconds) if dragging.seconds else f"not measured: {dragging.error}"
        rows.append(["from a drag to the exact frame in the page", told, ""])
    heads = ["work", "seen", "at least"]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [heads, ["---"] * len(heads), *rows])


def _spread(seconds: Sequence[float]) -> str:
    if not seconds:
        return "no frames"
    return f"p50 {_ms(percentile(seconds, 0.5))}, p99 {_ms(percentile(seconds, 0.99))}"


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.1f} ms" if seconds < 0.1 else f"{1000 * seconds:.0f} ms"


def write_readme(path: Path, table: str) -> None:
    """Put the table, and what it was measured on, between the marks in a README.

    Raises:
        ValueError: The marks are not there.
    """
    report.put_between(path, MARKS, f"{table}\n\n{report.seen_on()}.")


def main(options: argparse.Namespace, readme: Path) -> int:
    """Measure; the exit code: 1 where answers were refused."""
    n_turns, n_each, n_steps = (3, 400, 8) if options.quick else (7, 2000, 30)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["FRAMECACHE_INDEX_DIR"] = str(Path(folder, "index"))
        small, large = clip(GOP30_720P, options.folder), clip(GOP250_1080P, options.folder)
        rates = measure_rates(small, n_turns, n_each)
        several = Path(folder, "several")
        several.mkdir()
        for number in range(N_VIDEOS):
            _link(small, several / f"{number:02}-{small.name}")
        scrubbing = [
            measure_scrubbing(f"{N_CLIENTS} clients scrub in one video, {large.stem}", large, n_steps),
            measure_scrubbing(f"{N_CLIENTS} clients scrub in {N_VIDEOS} videos, {small.stem}", several, n_steps),
        ]
        dragging = measure_dragging(large, n_steps)
    table = as_table(rates, scrubbing, dragging)
    print(f"machine: {', '.join(f'{key} {value}' for key, value in report.machine().items())}\n\n{table}")
    if options.json:
        content = {"rates": asdict(rates), "scrubbing": [asdict(one) for one in scrubbing], "page": asdict(dragging)}
        options.json.write_text(json.dumps({"machine": report.machine(), **content}, indent=1) + "\n")
    if options.readme:
        write_readme(readme, table)
    return int(any(one.n_refused for one in scrubbing))


def _link(source: Path, path: Path) -> None:
    # A link of the same file would be the same video, which is opened once.
    path.write_bytes(source.read_bytes() + path.name.encode())


def measure_rates(path: Path, n_turns: int, n_each: int) -> Rates:
    """Both servers asked in turns, each in a process of its own, by clients in this one."""
    with _serving("frames", str(path)) as ours:
        target = f"/v1/videos/{ours.ids()[0]}/frames/41.jpg?{CACHED_QUERY}"
        first = ask_all(ours.port, target, 1, 1)
        with _serving("constant", first.body.hex()) as theirs:
            constant, cached = [], []
            for _ in range(n_turns):
                constant.append(ask_all(theirs.port, "/constant.jpg", N_CONNECTIONS, n_each).rate)
                cached.append(ask_all(ours.port, target, N_CONNECTIONS, n_each).rate)
    return Rates(len(first.body), constant, cached)


def measure_scrubbing(what: str, path: Path, n_steps: int) -> Scrubbing:
    """Clients that each drag through a video at once; where there are several, each through its own."""
    with _serving("frames", str(path)) as server:
        ids = server.ids()
        for id_ in ids:
            server.wait_until_ready(id_)
        before = server.memory("start")
        seconds, n_refused = scrub_all(
            server.port, [ids[n % len(ids)] for n in range(N_CLIENTS)], server.n_frames(ids[0]), n_steps
        )
        return Scrubbing(what, sorted(seconds), n_refused, server.memory("peak") - before, BUDGET_BYTES)


def measure_dragging(path: Path, n_steps: int) -> Dragging:
    """The page in Chromium, where Playwright and the browser are there."""
    try:
        from benchmark.page import drag
    except ImportError as error:
        return Dragging([], f"{error.name} is not installed")
    with _serving("frames", str(path)) as server:
        (id_,) = server.ids()
        server.wait_until_ready(id_)
        try:
            return Dragging(sorted(drag(f"http://127.0.0.1:{server.port}/v/{id_}", n_steps)))
        except Exception as error:  # whatever a browser may lack, the rest was measured
            print(f"the page is left out: {error}", file=sys.stderr)
            return Dragging([], type(error).__name__)


class Server:
    """A server in a process of its own."""

    def __init__(self, port: int, pipe: Connection) -> None:
        self.port, self._pipe = port, pipe

    def ids(self) -> list[str]:
        """The videos."""
        return [video["id"] for video in self._told("/v1/videos")["videos"]]

    def n_frames(self, id_: str) -> int:
        """How many frames a video has."""
        return int(self._told(f"/v1/videos/{id_}")["n_known"])

    def wait_until_ready(self, id_: str) -> None:
        """Wait until all of a video's frames are known."""
        while self._told(f"/v1/videos/{id_}")["state"] in ("opening", "growing"):
            """It is asked again."""

    def memory(self, which: str) -> int:
        """The bytes that its process holds now ("start"), from when on the most is taken down, or that most ("peak")."""
        self._pipe.send(which)
        return int(self._pipe.recv())

    def _told(self, path: str) -> dict[str, Any]:
        return dict(json.loads(ask_all(self.port, path, 1, 1).body))


@contextlib.contextmanager
def _serving(kind: str, what: str) -> Iterator[Server]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(kind, what, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Server(ours.recv(), ours)
    finally:
        ours.close()
        process.join(10)
        process.terminate()


def _serve(kind: str, what: str, pipe: Connection) -> None:
    from framecache.memory import share_one_arena
    from framecache.server.address import listen
    from framecache.server.app import create_app
    from framecache.server.connections import ConnectionLimits
    from framecache.server.policy import Policy
    from framecache.server.run import Prepared, ServerHandle

    # As `framecache serve` does.
    share_one_arena()
    listener, address = listen("127.0.0.1", 0)
    app = _constant_app(bytes.fromhex(what)) if kind == "constant" else create_app([what], buffer_size_bytes=BUDGET_BYTES)
    with ServerHandle(Prepared(app, listener, address, Policy(), ConnectionLimits())), contextlib.suppress(EOFError):
        pipe.send(address.port)
        while (asked := pipe.recv()) in ("start", "peak"):
            if asked == "start":
                _forget_memory()
            pipe.send(_memory("VmRSS" if asked == "start" else "VmHWM"))


def _constant_app(body: bytes) -> Any:
    class Nothing:
        def close(self) -> None: ...

    app = FastAPI()
    app.state.service = Nothing()

    async def constant(_request: Request) -> Response:
        return Response(body, media_type="image/jpeg")

    app.add_api_route("/constant.jpg", constant, methods=["GET"], response_class=Response)
    return app


__all__ = ["Asked", "Dragging", "Rates", "Scrubbing", "as_table", "main", "percentile", "write_readme"]
