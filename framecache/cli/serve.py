"""`framecache serve`: videos over HTTP, and a page to scrub in."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from framecache.cli.console import printable
from framecache.cli.parameters import read_bytes, read_host, read_origin
from framecache.cli.sample import sample_clip
from framecache.engine import DEFAULT_BUDGET_BYTES
from framecache.server.address import LAST_PORT
from framecache.server.run import DEFAULT_HOST, DEFAULT_PORT
from framecache.server.run import serve as serve_videos

SAMPLE_FOLDER = Path(tempfile.gettempdir()) / "framecache-sample"


def serve(
    videos: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE|FOLDER]...",
            help="What is served: videos, and folders of them; where none is given, the folder you are in.",
            show_default=False,
        ),
    ] = None,
    host: Annotated[
        str, typer.Option("--host", metavar="NAME", help="Listen on this name or address; if others reach it, a token is needed.")
    ] = DEFAULT_HOST,
    port: Annotated[int, typer.Option("--port", min=0, max=LAST_PORT, help="The port; 0 takes any that is free.")] = DEFAULT_PORT,
    token: Annotated[
        str | None,
        typer.Option(
            "--token",
            metavar="TEXT",
            envvar="FRAMECACHE_TOKEN",
            help="What whoever asks must show. Others on this machine may see it here, but not in the variable.",
            show_default=False,
        ),
    ] = None,
    hosts: Annotated[
        list[Any] | None,
        typer.Option(
            "--allow-host",
            parser=read_host,
            metavar="NAME",
            help="Answer to this name too, such as that of a proxy; may be given several times.",
            show_default=False,
        ),
    ] = None,
    origins: Annotated[
        list[Any] | None,
        typer.Option(
            "--allow-origin",
            parser=read_origin,
            metavar="ORIGIN",
            help="Let pages of this origin ask: https://notes.example.org; may be given several times.",
            show_default=False,
        ),
    ] = None,
    budget: Annotated[
        Any, typer.Option("--budget", parser=read_bytes, metavar="BYTES", help="Memory for all frames together: 512M, 2G.")
    ] = f"{DEFAULT_BUDGET_BYTES // 2**30}G",
    is_sample: Annotated[bool, typer.Option("--sample", help="Where no video is given, serve a sample clip.")] = False,
) -> None:
    """Serve videos over HTTP: frames by number, and a page to scrub in.

    It prints the address to open, and answers until Ctrl-C. Only this machine can ask; on any other address, whoever
    asks needs a token, and one is made if none is given.
    """
    paths = videos or ([sample_clip(SAMPLE_FOLDER)] if is_sample else ["."])
    serve_videos(
        paths,
        host=host,
        port=port,
        token=token,
        hosts=hosts or (),
        origins=origins or (),
        buffer_size_bytes=budget,
        tell=_tell,
    )


def _tell(url: str) -> None:
    # Whoever reads it from a pipe should not have to wait for the end.
    print(printable(url), flush=True)
