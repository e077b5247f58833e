"""Source: what a video is read from, opened safely, again and again, and provably the same each time."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import stat
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

import av

from framecache.errors import (
    BadArgumentError,
    BadTypeError,
    FramecacheError,
    NotAVideoError,
    VideoAccessError,
    VideoChangedError,
    VideoNotFoundError,
)
from framecache.index.boxes import RandomAccessBytes

# Formats that hold pictures themselves. A playlist (hls, concat, dash, sdp, image2 patterns) names other
# files, which FFmpeg would then read: such a file may call itself .mp4, so formats are allowed by name.
SAFE_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,live_flv,ogg,asf,wtv,mxf,gxf,nut,nuv,"
    "nsv,rm,dv,lxf,gif,apng,ivf,h261,h263,h264,hevc,vvc,evc,av1,obu,m4v,mjpeg,mjpeg_2000,mpjpeg,ingenient,"
    "yuv4mpegpipe,ser,cine,mlv,avs,avs2,avs3,cavsvideo,dirac,dnxhd,vc1,vc1test,apv,smk,bink,flic,roq,film_cpk,swf,"
    "4xm,bfi,cdxl,dfa,ea,gdv,hnm,idcin,ipmovie,jv,psxstr,thp,usm,vmd,vivo,wc3movie,yop,filmstrip,r3d,pva,pmp,dhav,"
    "ifv,kux,lmlm4,moflex,mtv,mv,mvi,ty,xmv,smush,rl2,bethsoftvid,png_pipe,jpeg_pipe,bmp_pipe,webp_pipe,tiff_pipe,"
    "mp3,flac,wav,aac,ac3,aiff,amr"
)
URL = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]+:")
FINGERPRINT_BYTES = 1 << 16


class Source(Protocol):
    """What a video is read from."""

    name: str
    """What messages and `info` call it."""
    size: int
    """Bytes."""
    key: tuple[object, ...]
    """Equal for two sources only where both hold the same bytes."""

    def open_io(self) -> contextlib.AbstractContextManager[RandomAccessBytes]:
        """The bytes themselves."""

    def target(self) -> Any:
        """What PyAV is to open."""

    def check_openable(self) -> None:
        """Raise VideoChangedError where opening anew would read another file than the first time."""

    def check_unchanged(self) -> None:
        """Raise VideoChangedError where an already open decoder may have read changed bytes."""


def make_source(path: object) -> Source:
    """The source for what a user gave: a path (`~` expands), the bytes of a video, or a binary file object.

    Raises:
        VideoNotFoundError: There is no such file.
        VideoAccessError: The file cannot be read.
        NotAVideoError: It is a directory or a device.
        BadArgumentError: It is a URL, or a path that no file can have.
        BadTypeError: It is none of these.
    """
    if isinstance(path, (bytes, bytearray, memoryview)):
        return BytesSource(bytes(path))
    if isinstance(path, (str, os.PathLike)):
        return PathSource(os.fsdecode(os.fspath(path)))
    if callable(getattr(path, "read", None)) and callable(getattr(path, "seek", None)):
        return FileSource(cast(BinaryIO, path))
    raise BadTypeError(
        f"cannot read a video from {type(path).__name__}; give a path, the video's bytes, or a file opened in binary mode"
    )


@contextlib.contextmanager
def opened(source: Source) -> Iterator[av.container.InputContainer]:
    """A container opened for as long as the block runs."""
    container = open_container(source)
    try:
        yield container
    finally:
        container.close()
    source.check_unchanged()


def open_container(source: Source) -> av.container.InputContainer:
    """Open the source with PyAV: no other file, no network, and only formats that hold pictures themselves.

    Raises:
        NotAVideoError: FFmpeg cannot make out what it is, or it is a format that is not opened.
        VideoAccessError, VideoChangedError: As the source says.
    """
    source.check_openable()
    try:
        container: av.container.InputContainer = av.open(
            source.target(),
            metadata_errors="replace",
            container_options={"protocol_whitelist": "file", "format_whitelist": SAFE_FORMATS},
        )
    except FramecacheError:
        raise
    except (av.error.PermissionError, av.error.FileNotFoundError) as error:
        raise VideoAccessError(f"{source.name} cannot be read: {error.strerror}") from error
    except (av.error.FFmpegError, ValueError, EOFError) as error:
        source.check_unchanged()
        reason = getattr(error, "strerror", None) or str(error)
        raise NotAVideoError(
            f"{source.name} is not a video that can be opened ({reason}); it may be cut short, or no video at all"
        ) from error
    except OSError as error:
        raise VideoAccessError(f"{source.name} cannot be read: {error}") from error
    try:
        source.check_openable()
    except FramecacheError:
        container.close()
        raise
    return container


def open_stream(source: Source, number: int) -> tuple[av.container.InputContainer, av.VideoStream]:
    """Open the source and pick its `number`-th video stream. Raises what `open_container` and `pick_stream` do."""
    container = open_container(source)
    try:
        return container, pick_stream(container, number, source.name)
    except BaseException:
        container.close()
        raise


class _Bytes:
    """The bytes of an open file by position."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self.size = file, size

    def read_at(self, position: int, count: int) -> bytes:
        self._file.seek(position)
        return self._file.read(min(count, max(0, self.size - position)))


class PathSource:
    """A file by its path, known by its inode, size and time of change."""

    def __init__(self, path: str) -> None:
        if URL.match(path) and not os.path.exists(path):
            raise BadArgumentError(f"{path!r} is a URL; URLs are not opened yet: download the file and give its path")
        self.name = path
        try:
            self.path = os.path.abspath(_expanded(path)) if path else ""
            status = os.stat(self.path)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise VideoNotFoundError(f"there is no file at {path!r}") from error
        except (ValueError, RuntimeError) as error:
            raise BadArgumentError(f"{path!r} cannot be a path: {error}") from error
        except OSError as error:
            raise VideoAccessError(f"{path!r} cannot be read: {error.strerror}") from error
        if stat.S_ISDIR(status.st_mode):
            raise NotAVideoError(f"{path!r} is a directory; give the path of one video file")
        if not stat.S_ISREG(status.st_mode):
            raise NotAVideoError(f"{path!r} is no regular file, so it cannot be read from any place at will")
        if not os.access(self.path, os.R_OK):
            raise VideoAccessError(f"{path!r} cannot be read: permission denied")
        self._identity = _identity(status)
        self.size = status.st_size
        self.mtime_ns = status.st_mtime_ns
        self.key: tuple[object, ...] = ("path", self.path, *self._identity)

    @contextlib.contextmanager
    def open_io(self) -> Iterator[RandomAccessBytes]:
        self.check_openable()
        try:
            with open(self.path, "rb") as file:
                yield _Bytes(file, self.size)
        except OSError as error:
            if isinstance(error, FramecacheError):
                raise
            raise VideoAccessError(f"{self.name!r} cannot be read: {error.strerror}") from error

    def target(self) -> str:
        # The prefix keeps a colon in the name from being taken for a protocol.
        return f"file:{self.path}"

    def check_openable(self) -> None:
        if self._identity_now() != self._identity:
            raise VideoChangedError(f"{self.name!r} was replaced, changed or deleted since it was opened; open it anew")

    def check_unchanged(self) -> None:
        now = self._identity_now()
        # Deleted, or another file under the name: who holds the old one open still reads the old one.
        if now is not None and now[:2] == self._identity[:2] and now != self._identity:
            raise VideoChangedError(f"{self.name!r} was written to or cut short since it was opened; open it anew")

    def _identity_now(self) -> tuple[int, int, int, int] | None:
        try:
            return _identity(os.stat(self.path))
        except OSError:
            return None


def _expanded(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)  # nobody of that name has a home: the name itself begins with a tilde


def _identity(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


class BytesSource:
    """A video held in memory."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size = len(data)
        self.name = f"<{self.size} bytes>"
        self.key: tuple[object, ...] = ("bytes", hashlib.sha256(data).hexdigest())

    @contextlib.contextmanager
    def open_io(self) -> Iterator[RandomAccessBytes]:
        yield _Bytes(io.BytesIO(self.data), self.size)

    def target(self) -> io.BytesIO:
        return io.BytesIO(self.data)

    def check_openable(self) -> None:
        """Bytes do not change."""

    def check_unchanged(self) -> None:
        """Bytes do not change."""


class FileSource:
    """A binary file object, which every decoder reads through a view with a position of its own.

    What the object raises is kept until it can be told: PyAV prints, and drops, errors that are raised while
    FFmpeg reads.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.name = str(getattr(file, "name", f"<{type(file).__name__}>"))
        if isinstance(file, io.TextIOBase):
            raise BadTypeError(f"{self.name} was opened as text; open it in binary mode ('rb')")
        self._file = file
        self._failure: Exception | None = None
        try:
            with _lock_of(file):
                self.size = int(file.seek(0, os.SEEK_END))
                file.seek(0)
                probe: object = file.read(1)
        except Exception as error:
            raise VideoAccessError(f"{self.name} cannot be read from any place at will: {error!r}") from error
        if not isinstance(probe, bytes):
            raise BadTypeError(f"{self.name} gives {type(probe).__name__} when it is read; it must give bytes")
        self.key: tuple[object, ...] = ("file", id(file), self.size)

    @contextlib.contextmanager
    def open_io(self) -> Iterator[RandomAccessBytes]:
        yield _Bytes(cast(BinaryIO, self.target()), self.size)
        self.check_unchanged()

    def target(self) -> _FileView:
        return _FileView(self, self._file, self.size, self.name)

    def fail(self, error: Exception) -> None:
        """Keep what the object raised."""
        self._failure = error

    def check_openable(self) -> None:
        self.check_unchanged()

    def check_unchanged(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            raise VideoAccessError(f"{self.name} cannot be read: {failure!r}") from failure


# A file object has one position, so whoever reads it, through whichever source, does so alone.
_file_locks: weakref.WeakKeyDictionary[object, threading.Lock] = weakref.WeakKeyDictionary()
_lock_for_the_rest = threading.Lock()


def _lock_of(file: object) -> threading.Lock:
    try:
        return _file_locks.setdefault(file, threading.Lock())
    except TypeError:  # neither hashable nor to be referred to weakly
        return _lock_for_the_rest


def _renew_file_locks() -> None:
    """In a forked child: a thread of the parent may have held one."""
    global _lock_for_the_rest
    _file_locks.clear()
    _lock_for_the_rest = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_file_locks)


def _descriptor(file: object) -> int | None:
    """The descriptor of a plain file, which can be read anywhere without moving the position that others share."""
    raw = file.raw if isinstance(file, (io.BufferedReader, io.BufferedRandom)) else file
    if not isinstance(raw, io.FileIO) or not hasattr(os, "pread"):
        return None
    number = raw.fileno()
    return number if stat.S_ISREG(os.fstat(number).st_mode) else None


class _FileView:
    """A position of its own in a shared file object."""

    def __init__(self, source: FileSource, file: BinaryIO, size: int, name: str) -> None:
        self._source, self._file, self._size, self._position = source, file, size, 0
        self.name = name

    def read(self, count: int = -1) -> bytes:
        count = self._size - self._position if count < 0 else count
        try:
            data = self._read(count)
        except Exception as error:
            self._source.fail(error)
            return b""
        self._position += len(data)
        return data

    def _read(self, count: int) -> bytes:
        descriptor = _descriptor(self._file)
        if descriptor is not None:
            return os.pread(descriptor, count, self._position)
        with _lock_of(self._file):
            self._file.seek(self._position)
            return self._file.read(count)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        return self._position


def fingerprint(source: Source) -> str:
    """A hash of what the source contains: its size, its first and its last 64 KiB; 32 hexadecimal digits.

    Equal for a copy elsewhere, so that annotations can carry it.
    """
    with source.open_io() as file:
        head = file.read_at(0, FINGERPRINT_BYTES)
        tail = file.read_at(max(0, source.size - FINGERPRINT_BYTES), FINGERPRINT_BYTES)
    digest = hashlib.sha256(source.size.to_bytes(8, "little"))
    digest.update(head)
    digest.update(tail)
    return digest.hexdigest()[:32]


def pick_stream(container: av.container.InputContainer, number: int, name: str) -> av.VideoStream:
    """The `number`-th video stream, cover pictures not counted.

    Raises:
        NotAVideoError: There is no video stream, or no decoder for it.
        BadArgumentError: There are fewer.
    """
    attached = int(av.stream.Disposition.attached_pic)
    streams = [s for s in container.streams.video if not int(s.disposition) & attached]
    if not streams:
        covers = " (a cover picture is not counted)" if container.streams.video else ""
        raise NotAVideoError(f"{name} holds no video stream{covers}")
    if not 0 <= number < len(streams):
        raise BadArgumentError(f"stream is {number}, and {name} holds video streams 0 to {len(streams) - 1}")
    stream = streams[number]
    if stream.codec_context is None:
        raise NotAVideoError(f"there is no decoder for video stream {number} of {name}")
    return stream
