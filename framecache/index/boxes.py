"""Reading ISO base media files (MP4, MOV): boxes, and the tables in them as numpy arrays."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from framecache.index.rows import Ints


class MalformedError(Exception):
    """The boxes are not what the format says, so nothing read from them can be trusted."""


class RandomAccessBytes(Protocol):
    """A file's bytes by position."""

    @property
    def size(self) -> int: ...

    def read_at(self, position: int, count: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Box:
    """A box inside bytes already read: its type and its payload's range."""

    kind: bytes
    data: bytes
    start: int
    stop: int

    def children(self, skip: int = 0) -> Iterator[Box]:
        """The boxes inside, after `skip` bytes of the box's own fields."""
        at = self.start + skip
        while at + 8 <= self.stop:
            size, kind = struct.unpack_from(">I4s", self.data, at)
            head = 8
            if size == 1 and at + 16 <= self.stop:
                size, head = struct.unpack_from(">Q", self.data, at + 8)[0], 16
            elif size == 0:
                size = self.stop - at
            if size < head or at + size > self.stop:
                raise MalformedError(f"a {kind!r} box of {size} bytes does not fit where it stands")
            yield Box(kind, self.data, at + head, at + size)
            at += size

    def child(self, *path: bytes) -> Box | None:
        """The first box at the path of types, or None."""
        box: Box | None = self
        for kind in path:
            box = next((c for c in box.children() if c.kind == kind), None) if box else None
        return box

    def unpack(self, form: str, at: int = 0) -> tuple[int, ...]:
        """Big-endian numbers at an offset of the payload."""
        if self.start + at + struct.calcsize(">" + form) > self.stop:
            raise MalformedError(f"a {self.kind!r} box ends early")
        return struct.unpack_from(">" + form, self.data, self.start + at)

    def table(self, at: int, count: int, dtype: str) -> Ints:
        """`count` big-endian numbers of `dtype` at an offset of the payload, as int64."""
        if count < 0 or self.start + at + count * np.dtype(dtype).itemsize > self.stop:
            raise MalformedError(f"a {self.kind!r} box ends before its {count} entries")
        return np.frombuffer(self.data, dtype, count, self.start + at).astype(np.int64)

    def counted(self, columns: int, dtype: str, at: int = 8) -> Ints:
        """A full box's table: a 32-bit count before offset `at`, then rows of `columns` numbers."""
        (count,) = self.unpack("I", at - 4)
        return self.table(at, count * columns, dtype).reshape(count, columns)

    def column(self, number: int, columns: int, dtype: str, at: int = 8) -> Ints:
        """One column of a full box's table, in half the memory that `counted` takes for both of two."""
        (count,) = self.unpack("I", at - 4)
        if self.start + at + count * columns * np.dtype(dtype).itemsize > self.stop:
            raise MalformedError(f"a {self.kind!r} box ends before its {count} entries")
        table = np.frombuffer(self.data, dtype, count * columns, self.start + at).reshape(count, columns)
        return table[:, number].astype(np.int64)


def top_level(file: RandomAccessBytes) -> Iterator[tuple[bytes, int, int]]:
    """The file's own boxes: (type, position, size), headers included in both."""
    at = 0
    while at + 8 <= file.size:
        head = file.read_at(at, 16)
        if len(head) < 8:
            raise MalformedError("the file ends inside a box's header")
        size, kind = struct.unpack_from(">I4s", head)
        if size == 1 and len(head) == 16:
            (size,) = struct.unpack_from(">Q", head, 8)
        elif size == 0:
            size = file.size - at
        if size < 8:
            raise MalformedError(f"a {kind!r} box of {size} bytes at {at}")
        yield kind, at, size
        at += size


def read_box(file: RandomAccessBytes, position: int, size: int) -> Box:
    """A top-level box read whole."""
    data = file.read_at(position, size)
    if len(data) < size:
        raise MalformedError("the file ends inside a box")
    return next(Box(b"file", data, 0, size).children())
