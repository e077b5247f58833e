"""Where commands write: seen to before any work is done, so that nothing of the user's is lost and no work is in vain."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from framecache.decode.source import PathSource, make_source
from framecache.errors import BadArgumentError
from framecache.export import CSV_HEADS


def output_file(named: Path | None, default: str, video: str) -> Path:
    """The file to write: as named, else of a default name in the current folder, which nothing may have yet.

    Raises:
        BadArgumentError: It is the video itself, there is no such folder, or the default name is taken.
    """
    if named is None:
        path = Path(default)
        if os.path.lexists(path):
            raise BadArgumentError(f"{path} is there already; name the file to write with -o")
        return path
    check_output(named, video)
    return named


def check_output(path: Path, video: str) -> None:
    """Raise BadArgumentError where a file is the video itself, or its folder is not there."""
    source = make_source(video)
    with contextlib.suppress(OSError):
        if isinstance(source, PathSource) and path.samefile(source.path):
            raise BadArgumentError(f"{path} is the video itself; choose another file to write to")
    if not path.parent.is_dir():
        raise BadArgumentError(f"{path} cannot be written: there is no folder {path.parent}")


def check_csv(path: Path, video: str) -> None:
    """As `check_output`, and raise BadArgumentError where a file is there that is no earlier one of these."""
    check_output(path, video)
    if path.is_file() and path.stat().st_size:
        with path.open("rb") as file:
            if file.readline().strip() != ",".join(CSV_HEADS).encode():
                raise BadArgumentError(f"{path} is there already, and holds something else; choose another file")
