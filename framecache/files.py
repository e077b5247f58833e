"""Writing files so that each is there whole or not at all, whatever ends the program."""

from __future__ import annotations

import contextlib
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

from framecache.errors import VideoAccessError

UNFINISHED_SUFFIX = ".framecache-part"


def unfinished_of(target: Path) -> Path:
    """The name, in the same folder, under which this thread writes a file before it is whole."""
    return target.with_name(f".{os.getpid()}-{threading.get_ident()}{UNFINISHED_SUFFIX}")


def writable_target(path: Path) -> Path:
    """Where a file is to be written: behind symbolic links, and never in place of a device, a pipe or a folder.

    Raises:
        VideoAccessError: There is something that is no regular file.
    """
    target = Path(os.path.realpath(path))
    try:
        kind = target.stat().st_mode
    except OSError:
        return target
    if not stat.S_ISREG(kind):
        raise VideoAccessError(f"{path} cannot be written: it is {'a folder' if stat.S_ISDIR(kind) else 'no regular file'}")
    return target


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A name to write a file under, which is put in the place of `path` once it is whole, or removed.

    Raises:
        VideoAccessError: It cannot be written.
    """
    target = writable_target(path)
    unfinished = unfinished_of(target)
    try:
        yield unfinished
        with contextlib.suppress(FileNotFoundError):
            # What was there keeps its permissions.
            os.chmod(unfinished, stat.S_IMODE(target.stat().st_mode))
        os.replace(unfinished, target)
    except OSError as error:
        raise VideoAccessError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes) -> Path:
    """Write a file so that it is there whole or not at all. The path.

    Raises:
        VideoAccessError: It cannot be written.
    """
    with whole_file(path) as unfinished:
        unfinished.write_bytes(data)
    return path


def write_first(path: Path, data: bytes) -> bytes:
    """Write a file unless it is there already; what it holds then. Of several who try at once, one is first.

    Raises:
        VideoAccessError: It can neither be written nor read.
    """
    unfinished = unfinished_of(path)
    try:
        unfinished.write_bytes(data)
        try:
            os.link(unfinished, path)
        except FileExistsError:
            return path.read_bytes()
        except OSError:
            # A file system without links: what is written whole first wins all the same, but for a race.
            if path.exists():
                return path.read_bytes()
            os.replace(unfinished, path)
        return data
    except OSError as error:
        raise VideoAccessError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)


def remove_unfinished(folder: Path) -> None:
    """Remove from a folder the files that processes which are no more were writing when they were killed."""
    for path in folder.glob(f".*{UNFINISHED_SUFFIX}"):
        with contextlib.suppress(ValueError, OSError):
            if not _is_running(int(path.name[1:].split("-")[0])):
                path.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
