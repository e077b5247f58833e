"""The index store: indices that took a scan or a decode, kept in the user's cache folder."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from framecache.errors import VideoAccessError
from framecache.index.frame_index import FrameIndex
from framecache.index.rows import COLUMNS, PacketRows

FORMAT_VERSION = 1
FOLDER_VARIABLE = "FRAMECACHE_INDEX_DIR"


def store_folder() -> Path | None:
    """The folder that indices are kept in: FRAMECACHE_INDEX_DIR, or `framecache` in the user's cache folder.

    None where the user has no home.
    """
    named = os.environ.get(FOLDER_VARIABLE)
    try:
        if named:
            return Path(named).expanduser()
        home = Path.home()
    except RuntimeError:
        return None
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "framecache" / "index"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "framecache" / "index"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "framecache" / "index"


def store_key(path: str, size: int, mtime_ns: int, stream: int, options: Mapping[str, Any]) -> str:
    """What an index is stored under: all that its content depends on."""
    versions = {name: list(version) for name, version in sorted(av.library_versions.items())}
    facts = {
        "format": FORMAT_VERSION,
        "path": path,
        "size": size,
        "mtime_ns": mtime_ns,
        "stream": stream,
        "options": dict(options),
        "av": av.__version__,
        "ffmpeg": versions,
    }
    return json.dumps(facts, sort_keys=True)


def load(key: str, fingerprint: str) -> FrameIndex | None:
    """The index under a key, if it is there, whole, and of a file with this fingerprint."""
    path = _path(key)
    if path is None:
        return None
    try:
        if not path.is_file():  # a pipe under that name would be waited for
            return None
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            header = json.loads(str(arrays["header"]))
            if header["key"] != key or header["fingerprint"] != fingerprint:
                return None
            return _unpack(header, arrays)
    except Exception:
        # Damaged bytes make zipfile, NumPy and json raise nearly anything; none of it is worth more than a rebuild.
        return None


def save(key: str, fingerprint: str, index: FrameIndex) -> bool:
    """Keep an index; False where the disk does not let it, which costs nothing but speed."""
    path = _path(key)
    if path is None:
        return False
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".new-", delete=False) as file:
            temporary = file.name
            np.savez(file, **_pack(key, fingerprint, index))
        # Another process may be writing the same index: whoever is last replaces an equal one.
        os.replace(temporary, path)
        return True
    except (OSError, ValueError):
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        return False


def stored_file(key: str) -> Path | None:
    """The file that holds the index under a key, if there is one."""
    path = _path(key)
    try:
        return path if path is not None and path.is_file() else None
    except OSError:
        return None


def remove(key: str) -> bool:
    """Forget the index under a key; whether there was one.

    Raises:
        VideoAccessError: It cannot be removed.
    """
    path = stored_file(key)
    if path is None:
        return False
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise VideoAccessError(f"the stored index {path} cannot be removed: {error.strerror}") from error
    return True


def _path(key: str) -> Path | None:
    folder = store_folder()
    return folder / f"{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}.npz" if folder else None


def _pack(key: str, fingerprint: str, index: FrameIndex) -> dict[str, Any]:
    header = {
        "key": key,
        "fingerprint": fingerprint,
        "time_base": [index.time_base.numerator, index.time_base.denominator],
        "made_from": index.made_from,
        "times_are": index.times_are,
        "has_checksums": index.checksums is not None,
    }
    arrays: dict[str, Any] = {f"packets_{name}": column for name, column in index.packets.columns().items()}
    for name in ("pts", "own_pts", "durations", "rows", "start_rows", "undecodable"):
        arrays[name] = getattr(index, name)
    if index.checksums is not None:
        arrays["checksums"] = index.checksums
    return {"header": json.dumps(header), **arrays}


def _unpack(header: dict[str, Any], arrays: Mapping[str, Any]) -> FrameIndex:
    index = FrameIndex(
        time_base=Fraction(*header["time_base"]),
        pts=arrays["pts"],
        own_pts=arrays["own_pts"],
        durations=arrays["durations"],
        rows=arrays["rows"],
        packets=PacketRows(*(arrays[f"packets_{name}"] for name in COLUMNS)),
        start_rows=arrays["start_rows"],
        undecodable=arrays["undecodable"],
        made_from=header["made_from"],
        times_are=header["times_are"],
        checksums=arrays["checksums"] if header["has_checksums"] else None,
    )
    if not _is_sound(index):
        raise ValueError("the stored index contradicts itself")
    return index


def _is_sound(index: FrameIndex) -> bool:
    count = len(index.pts)
    places = (index.own_pts, index.durations, index.rows)
    columns = index.packets.columns().values()
    return (
        all(len(column) == count for column in places)
        and (index.checksums is not None or int(np.bincount(index.rows, minlength=1).max()) <= 1)
        and len({len(column) for column in columns}) == 1
        and bool((np.diff(index.pts) > 0).all())
        and (index.checksums is None or len(index.checksums) == count)
        and len(index.start_rows) > 0
        and bool((np.diff(index.start_rows) > 0).all())
        and int(index.start_rows[0]) == 0
    )
