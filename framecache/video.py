"""Video: one stream of one source as an engine knows it, and the pictures that a reader makes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import av
import numpy as np

from framecache.decode.decoder import Decoder
from framecache.decode.settled import DecodedFrame
from framecache.decode.source import Source
from framecache.errors import DecodeError
from framecache.frame import Image
from framecache.growth import Growth
from framecache.index.frame_index import FrameIndex
from framecache.index.probe import Opened
from framecache.index.scan import Packets
from framecache.planes import held_frame_bytes

ARRAY_OVERHEAD_BYTES = 256

CacheKey = tuple[object, ...]
CacheValue = av.VideoFrame | Image
Keep = Callable[[DecodedFrame], tuple[CacheKey, CacheValue] | None]


def held_value_bytes(value: CacheValue) -> int:
    """The bytes that a cached picture holds: a decoded frame with its padding, or an array."""
    if isinstance(value, np.ndarray):
        return value.nbytes + ARRAY_OVERHEAD_BYTES
    return held_frame_bytes(value)


@dataclass(slots=True)
class Counters:
    """What was done for one video; changed under the engine's lock only."""

    hits: int = 0
    misses: int = 0
    joined: int = 0
    seeks: int = 0
    packets_read: int = 0
    frames_decoded: int = 0
    frames_prefetched: int = 0
    frames_decoded_for_nobody: int = 0


@dataclass(eq=False, slots=True)
class Video:
    """One stream of one source; all readers of the same bytes in an engine share it.

    Attributes:
        source, stream: What it is read from.
        index: Its frames, or while it grows, those known by now; see `Growth`.
        growth: What makes the rest of the index; None where it was whole from the start.
        is_from_store: Whether the index was read from the index store.
        key: What its frames are cached under.
        remember: Stores an index that a linear decode had to mend.
        can_seek: Whether FFmpeg's seek has landed right so far.
        bad_rows: Keyframes that proved to be none.
        failures: Places that cannot be decoded, with the reason.
        undefined: Places whose picture depends on what was in memory before; see `Decoder`.
        counters: What was done for it.
        readers: How many readers have it open; with none, it is forgotten.
        is_settling: Whether somebody is decoding it linearly, because damage was met.
    """

    source: Source
    stream: int
    index: FrameIndex
    key: CacheKey
    remember: Callable[[FrameIndex], None]
    is_from_store: bool = False
    growth: Growth | None = None
    can_seek: bool = True
    bad_rows: frozenset[int] = frozenset()
    failures: dict[int, str] = field(default_factory=dict)
    undefined: set[int] = field(default_factory=set)
    counters: Counters = field(default_factory=Counters)
    readers: int = 0
    is_settling: bool = False

    def open_decoder(
        self,
        threads: int,
        *,
        is_pristine: bool = False,
        opened: Opened | None = None,
        packets: Packets | None = None,
    ) -> Decoder:
        """A decoder at the start, in a container that was just opened or in one of its own. Arguments as in Decoder."""
        index = self.index
        return Decoder(
            self.source,
            self.stream,
            index,
            threads=threads if index.checksums is None else 1,
            can_seek=self.can_seek,
            undefined=self.undefined,
            is_pristine=is_pristine,
            opened=opened,
            packets=packets,
        )

    def trusts(self, decoder: Decoder) -> bool:
        """Whether what comes out of a decoder is still held for right: its index is this one, its start no bad one.

        Or one that has grown to this one: indices without checksums are never replaced but by larger ones.
        """
        is_grown = decoder.index.checksums is None and self.index.checksums is None
        return (decoder.index is self.index or is_grown) and decoder.position.start_row not in self.bad_rows

    def decode_error(self, place: int, reason: str) -> DecodeError:
        """The error for a place of this video."""
        return DecodeError(place, self.index.own_pts_at(place), self.source.name, reason)

    def planes_key(self, place: int) -> CacheKey:
        """What a place's decoded frame is cached under."""
        return (*self.key, place)

    def image_key(self, place: int, transform: object) -> CacheKey:
        """What a place's image is cached under, once made by a transform."""
        return (*self.key, place, transform)
