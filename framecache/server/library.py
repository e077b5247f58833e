"""Library: which videos there are under the folders that may be served, each by an id that says nothing of its path."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from framecache.errors import BadArgumentError, VideoAccessError, VideoNotFoundError

# What a file in a folder must be called to be listed; a file that is named itself may be called anything.
VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".qt", ".mkv", ".webm", ".avi", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".mpe", ".vob"}
    | {".wmv", ".asf", ".flv", ".f4v", ".ogv", ".ogg", ".3gp", ".3g2", ".mxf", ".gxf", ".nut", ".ivf", ".y4m", ".dv"}
    | {".h264", ".264", ".h265", ".265", ".hevc", ".mjpeg", ".mjpg", ".gif", ".apng", ".obu", ".rm", ".rmvb", ".wtv"}
)
MOST_FILES = 100_000
DEEPEST_FOLDERS = 16
ID_DIGITS = 16
# An id that is not known may be that of a new file; but asking for nonsense must not read the disk again and again.
RESCAN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Entry:
    """A file that is served.

    Attributes:
        id: What it is called in URLs: the same in every process that serves the same folder, and opaque.
        name: Its path below the root that it lies in, for people.
        path: Where it is, resolved.
        root: The resolved folder that it must stay in; of a file that was named itself, the file.
        size_bytes: Its size when the folder was last read.
    """

    id: str
    name: str
    path: Path
    root: Path
    size_bytes: int

    def is_within(self) -> bool:
        """Whether the path still leads to a file inside its root: a link may have been put there since."""
        try:
            resolved = self.path.resolve(strict=True)
        except (OSError, RuntimeError):
            return False
        return resolved == self.root or self.root in resolved.parents


class Library:
    """The videos under a few roots. Threads may share it.

    Args:
        roots: Files and folders, at least one.

    Raises:
        BadArgumentError: There is no root.
        VideoNotFoundError: A root is not there.
        VideoAccessError: A root cannot be read.
    """

    def __init__(self, roots: Sequence[str | os.PathLike[str]]) -> None:
        if not roots:
            raise BadArgumentError("there is nothing to serve: give at least one file or folder")
        self._roots = list(dict.fromkeys(_resolved(Path(root)) for root in roots))
        self._lock = threading.Lock()
        # Whoever asks for an unknown id meanwhile waits for this one look.
        self._looking = threading.Lock()
        self._entries: dict[str, Entry] = {}
        self._read_at = 0.0
        self.scan()

    def scan(self) -> list[Entry]:
        """Read the folders anew; all entries, by name."""
        found: dict[str, Entry] = {}
        for root in self._roots:
            for path, name, size_bytes in _files(root):
                at = _id(f"{root.name}/{name}")
                if at in found and found[at].path != path:
                    # Two roots of one name hold files of one name.
                    at = _id(f"{root.name}/{name}/{path}")
                found.setdefault(at, Entry(at, name, path, root, size_bytes))
        with self._lock:
            self._entries, self._read_at = found, time.monotonic()
        return sorted(found.values(), key=lambda entry: entry.name)

    def look_for(self, id_: str) -> None:
        """Read the folders anew for an id that is not known, unless that was done just now; it may take a second."""
        with self._looking:
            if id_ not in self._entries and time.monotonic() - self._read_at > RESCAN_SECONDS:
                self.scan()

    def knows(self, id_: str) -> bool:
        """Whether there was a file of that id when the folders were last read."""
        return id_ in self._entries

    def find(self, id_: str) -> Entry | None:
        """The entry of an id, as the folders were last read; None where there is no such file, or it has left its root."""
        entry = self._entries.get(id_)
        return entry if entry is not None and entry.is_within() else None


def _resolved(root: Path) -> Path:
    try:
        path = root.expanduser().resolve(strict=True)
        if path.is_dir():
            os.listdir(path)
        return path
    except FileNotFoundError as error:
        raise VideoNotFoundError(f"there is no file or folder at {str(root)!r}") from error
    except (OSError, RuntimeError, ValueError) as error:
        raise VideoAccessError(f"{str(root)!r} cannot be read: {error}") from error


def _files(root: Path) -> Iterator[tuple[Path, str, int]]:
    """The files to be listed: (resolved path, name, bytes)."""
    if not root.is_dir():
        size_bytes = _size_of(root)
        # What was there at the start may be gone for a while, and the other roots are served all the same.
        if size_bytes is not None:
            yield root, _shown(root.name), size_bytes
        return
    count = 0
    for folder, inner, names in os.walk(root):
        depth = len(Path(folder).relative_to(root).parts)
        inner[:] = sorted(name for name in inner if not name.startswith(".")) if depth < DEEPEST_FOLDERS else []
        for name in sorted(names):
            if name.startswith(".") or Path(name).suffix.lower() not in VIDEO_SUFFIXES:
                continue
            size_bytes = _size_within(Path(folder, name), root)
            if size_bytes is None:
                continue
            count += 1
            if count > MOST_FILES:
                return
            yield Path(folder, name), _shown(str(Path(folder, name).relative_to(root).as_posix())), size_bytes


def _size_within(path: Path, root: Path) -> int | None:
    """A regular file's size; None for all else, and where a link leads out of the root."""
    try:
        resolved = path.resolve(strict=True)
        if root not in resolved.parents or not resolved.is_file():
            return None
        return resolved.stat().st_size
    except (OSError, RuntimeError):
        return None


def _size_of(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _shown(name: str) -> str:
    """A name that can be sent: file names may hold bytes that are no UTF-8."""
    return os.fsencode(name).decode(errors="replace")


def _id(text: str) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()[:ID_DIGITS]
