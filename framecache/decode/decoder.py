"""Decoder: one open position in a stream, which moves forward packet by packet and can be put elsewhere."""

from __future__ import annotations

from typing import Any, cast

import av
import numpy as np
from av.codec.context import ThreadType
from more_itertools import peekable

from framecache.decode.plan import Position
from framecache.decode.seeking import is_row, seek_argument
from framecache.decode.settled import LONGEST_DELAY_PACKETS, DecodedFrame, Settled, UnsteadyError
from framecache.decode.source import Source, open_stream
from framecache.index import bitstream
from framecache.index.frame_index import FrameIndex
from framecache.index.probe import Opened
from framecache.index.rows import NO_PTS
from framecache.index.scan import Packets, demux
from framecache.planes import checksum

# As measured: reference pictures, those that threads are at, and those that wait their turn.
HELD_PICTURES = 20
# So many frames at most wait for their turn while a video is played.
MOST_READY_FRAMES = 8
# Codecs that several threads decode to the same bytes as one. Not so interlaced MPEG-4, for one.
EXACT_WITH_THREADS = frozenset({"h264", "hevc", "vp8", "vp9", "av1", "prores", "dnxhd", "ffv1"})

# Codecs whose frames come out the same when those that none is predicted from are passed over before them; others gain nothing.
SKIPS_EXACTLY = frozenset({"h264", "hevc"})


class BadStartError(Exception):
    """Decoding from the row at which this decoder began does not give the frames of a linear decode."""


class Decoder:
    """One open container and decoder. Used by one thread at a time.

    Every packet is stamped with its row in the index before it is decoded, and a frame is known by the
    stamp it carries, never by counting frames.

    Args:
        source: What to read.
        stream: Which video stream, cover pictures not counted.
        index: The stream's frames.
        threads: How many threads to decode with, where the codec is exact with several.
        can_seek: Whether to try FFmpeg's seek; without it, the container is opened anew and read up to
            the row, which works for all.
        undefined: Places whose picture depends on what was in memory before (a frame that lacks its second
            field, or half of its packet); those found are added. Only a pristine decoder gives them.
        is_pristine: Whether it is to decode from the start, and take every frame for right: they are F's.
        opened: The container, freshly opened, and the stream; the decoder closes it in the end. None to open one.
        packets: All packets of that stream, where some were read from the container already.
    """

    def __init__(
        self,
        source: Source,
        stream: int,
        index: FrameIndex,
        *,
        threads: int,
        can_seek: bool,
        undefined: set[int],
        is_pristine: bool = False,
        opened: Opened | None = None,
        packets: Packets | None = None,
    ) -> None:
        self._source = source
        self._stream_number = stream
        self.index = index
        self.threads = threads
        self.can_seek = can_seek
        self._undefined = undefined
        self._is_pristine = is_pristine
        self._has_matched = False
        self._ready: list[DecodedFrame] = []
        self._settled = Settled(index, 0)
        self._placeless: list[av.VideoFrame] = []
        self._is_skipping = False
        self.packets_read = 0
        self.seeks = 0
        self._start_row = self._next_row = 0
        self._last_place = self._handed_place = -1
        self._is_drained = self._is_cut_off = False
        self._packets: peekable[av.Packet[av.VideoStream]] = peekable(())
        self._open(opened, packets)

    @property
    def position(self) -> Position:
        """Where it stands, for the plan."""
        return Position(self._start_row, self._next_row, len(self.index) if self.is_ended else self._handed_place)

    @property
    def is_ended(self) -> bool:
        """Whether nothing that is of use to others will come out any more."""
        return self._is_drained and (not self._ready or self._is_cut_off)

    @property
    def is_fresh(self) -> bool:
        """Whether nothing was read or decoded since its container was opened."""
        return self._is_fresh

    @property
    def held_bytes(self) -> int:
        """About how much memory it holds for pictures."""
        if self.is_fresh:
            return 0
        bits = av.VideoFormat(self._context.pix_fmt).padded_bits_per_pixel if self._context.pix_fmt else 12
        return HELD_PICTURES * self._context.width * self._context.height * bits // 8

    def adopt(self, index: FrameIndex) -> None:
        """Go on with an index that this one has grown to.

        Raises:
            UnsteadyError: As in `step`.
        """
        if index is not self.index:
            self.index = index
            self._settled.adopt(index)
            frames, self._placeless = self._placeless, []
            self._ready += self._once_sure([decoded for frame in frames if (decoded := self._identify(frame)) is not None])

    def close(self) -> None:
        """Close the container; nothing may be called after that."""
        self._packets = peekable(())
        if self.threads != 1 and self._context.is_open:
            # PyAV frees a decoder with the GIL held, and that waits for the decoder's threads; one that logs, while
            # somebody has switched PyAV's logging on, waits for the GIL. Flushing parks them, without the GIL.
            self._context.flush_buffers()
        self._container.close()

    def start_at(self, row: int) -> None:
        """Go to `row`, so that its packet is the next to be decoded.

        Raises:
            BadStartError: The packet there says that decoding cannot start at it, or cannot be found again.
        """
        if row == 0 and self._is_fresh:
            return
        self.seeks += 1
        # A seek does not revive every demuxer that has reached its end (chained Ogg).
        if not self._is_fresh and (row == 0 or (self._is_drained and self._container.format.name == "ogg")):
            self._reopen()
        if row == 0:
            return
        landed = self._seek_to(row)
        if landed is None:
            self._reopen()
            landed = self._skip_to(row)
        if landed is None:
            raise BadStartError(f"row {row} is not where the index says")
        if not self._may_start(landed):
            raise BadStartError(f"row {row} is marked as a keyframe and is none")
        self._begin(row)
        self._packets.prepend(landed)

    def step(self, skip_before: int = 0, *, is_playing: bool = False, last_row: int | None = None) -> list[DecodedFrame]:
        """Give the next frame that came out; if there is none left, decode one packet, or at the end drain the decoder.

        One frame at most, so that those which came out together with a wanted one are still ahead of the decoder. Frames
        without a place (cut off, or leading frames that need an earlier start) are left out.

        Args:
            skip_before: Frames of places before this one need not come out: those that no other frame is predicted
                from are passed over, which is quicker.
            is_playing: Decode a packet even while frames are left, so that the decoder's threads have work while those
                are converted: frames come out in bursts.
            last_row: Decode no packet after this one, but drain the decoder: what is on its way comes out at once, and
                nothing more until it is put elsewhere.

        Raises:
            BadStartError: A frame is not the one of the linear decode.
            UnsteadyError: Something is damaged, and the index has no checksums to hold frames to.
        """
        if not self._ready or (is_playing and not self._is_drained and len(self._ready) < MOST_READY_FRAMES):
            self._ready += self._decode_next(skip_before, last_row)
        if not self._ready:
            return []
        decoded = self._ready.pop(0)
        self._handed_place = max(self._handed_place, decoded.place)
        return [decoded]

    def last_row_of(self, place: int, before: int = 0) -> int | None:
        """The last packet that a place and so many before it need; None where the decoder cannot be drained after it."""
        # Frames that are shown before it may come after it in the file, though never by far.
        row = int(self.index.rows[max(0, place - min(before, LONGEST_DELAY_PACKETS)) : place + 1].max())
        if self.index.checksums is not None or self._context.codec.canonical_name not in EXACT_WITH_THREADS:
            return None
        # A packet without a frame of its own may be the other field of this one.
        is_whole = row + 1 < len(self.index.packets) and self.index.place_of_row[row + 1] >= 0
        return row if is_whole else None

    def _decode_next(self, skip_before: int, last_row: int | None) -> list[DecodedFrame]:
        if self._is_drained:
            return []
        if last_row is not None and self._next_row > last_row:
            self._is_drained = self._is_cut_off = True
            packet = None
        else:
            packet = self._next_packet()
        if packet is not None and self._can_skip:
            self._choose_skipping(packet, skip_before)
        try:
            frames = self._context.decode(packet)
        except EOFError:
            frames = []
        except av.error.FFmpegError as error:
            if self.index.checksums is None:
                raise UnsteadyError(f"row {self._next_row - 1} is refused") from error
            frames = []
        identified = [decoded for frame in frames if (decoded := self._identify(frame)) is not None]
        return self._once_sure(identified)

    def _once_sure(self, identified: list[DecodedFrame]) -> list[DecodedFrame]:
        if self.index.checksums is not None:
            return identified
        is_all = self._is_drained and not self._is_cut_off
        return self._settled.take(identified, self._next_row, 0 if is_all else LONGEST_DELAY_PACKETS)

    def _choose_skipping(self, packet: av.Packet[av.VideoStream], skip_before: int) -> None:
        """Tell the decoder whether to pass over this packet, the last that was read."""
        row = self._next_row - 1
        place = int(self.index.place_of_row[row])
        skips = 0 <= place < skip_before and bitstream.is_non_reference(
            self._context.codec.canonical_name, memoryview(cast(Any, packet)), self._nal_length_size
        )
        if skips != self._is_skipping:
            self._context.skip_frame = "NONREF" if skips else "DEFAULT"
            self._is_skipping = skips
        if skips:
            self._settled.rows_skipped.add(row)
            # It will not come out any more, so this decoder is past it.
            self._handed_place = max(self._handed_place, place)

    def has_passed(self, place: int) -> bool:
        """Whether a place's frame, had it come at all, would have come by now."""
        is_late = self._next_row > int(self.index.rows[place]) + LONGEST_DELAY_PACKETS
        return not self._ready and (self._is_drained or is_late)

    def _open(self, opened: Opened | None = None, packets: Packets | None = None) -> None:
        self._container, self._stream = opened or open_stream(self._source, self._stream_number)
        for other in self._container.streams:
            if other.index != self._stream.index:
                other.discard = av.stream.Discard.all
        self._context = self._stream.codec_context
        if self._context.codec.canonical_name not in EXACT_WITH_THREADS:
            self.threads = 1
        self._context.thread_type = ThreadType.AUTO if self.threads != 1 else ThreadType.NONE
        self._context.thread_count = self.threads
        codec = self._context.codec.canonical_name
        # Damaged frames are concealed with what is in memory, so nothing may be passed over where any are.
        self._can_skip = codec in SKIPS_EXACTLY and self.index.checksums is None
        self._nal_length_size = bitstream.nal_length_size(codec, self._context.extradata)
        self._is_skipping = False
        self._packets = peekable(demux(self._container, self._stream) if packets is None else packets)
        self._is_primed = False
        self._is_fresh = True
        self._begin(0)

    def _reopen(self) -> None:
        self.close()
        self._open()

    def _begin(self, row: int) -> None:
        self._start_row = self._next_row = row
        self._last_place = self._handed_place = -1
        self._has_matched = False
        self._ready = []
        self._placeless = []
        self._settled = Settled(self.index, row)
        self._is_drained = self._is_cut_off = False

    def _prime(self) -> None:
        """Decode the first packet once: x264 writes its version only there, and old 4:4:4 streams need it."""
        if self._is_primed:
            return
        self._is_primed, self._is_fresh = True, False
        packet = next(self._packets, None)
        if packet is not None:
            packet.pts = 0
            try:
                self._context.decode(packet)
            except (EOFError, av.error.FFmpegError):
                return

    def _seek_to(self, row: int) -> av.Packet[av.VideoStream] | None:
        """Seek and read up to `row`; None where the seek fails or lands beyond it."""
        argument = seek_argument(self._container.format.name, self.index.packets, row) if self.can_seek else None
        if argument is None:
            return None
        self._prime()
        self._is_fresh = False
        try:
            self._container.seek(argument, backward=True, stream=self._stream)
        except (av.error.FFmpegError, OSError):
            self.can_seek = False
            return None
        self._packets = peekable(demux(self._container, self._stream))
        landed = self._read_up_to(row)
        if landed is None:
            self.can_seek = False
        return landed

    def _skip_to(self, row: int) -> av.Packet[av.VideoStream] | None:
        """From the freshly opened start, read up to `row` without decoding."""
        self._prime()
        self._context.flush_buffers()
        for number, packet in enumerate(self._packets, start=1):
            self.packets_read += 1
            if number == row:
                return packet if is_row(packet, self.index.packets, row) else None
        return None

    def _read_up_to(self, row: int) -> av.Packet[av.VideoStream] | None:
        limit = int(self.index.packets.dts[row])
        for packet in self._packets:
            self.packets_read += 1
            if is_row(packet, self.index.packets, row):
                return packet
            if limit != NO_PTS and packet.dts is not None and packet.dts > limit:
                return None
        return None

    def _may_start(self, packet: av.Packet[av.VideoStream]) -> bool:
        codec = self._context.codec.canonical_name
        if codec not in bitstream.SELF_EVIDENT:
            return True
        return bitstream.may_start(codec, bytes(packet), bitstream.nal_length_size(codec, self._context.extradata))

    def _next_packet(self) -> av.Packet[av.VideoStream] | None:
        """The next packet, stamped; None once at the end."""
        packet = next(self._packets, None)
        if packet is None:
            self._is_drained = True
            return None
        self.packets_read += 1
        sizes = self.index.packets.size
        if self._next_row >= len(sizes) or packet.size != sizes[self._next_row]:
            raise BadStartError(f"the packets from row {self._start_row} on are not those of the index")
        packet.pts = self._next_row
        self._next_row += 1
        self._is_primed, self._is_fresh = True, False
        return packet

    def _identify(self, frame: av.VideoFrame) -> DecodedFrame | None:
        """The frame with its place, if it has one, and is the right one there."""
        if frame.is_corrupt and self.index.checksums is None:
            raise UnsteadyError("a frame is marked as damaged")
        if frame.pts is None or not 0 <= frame.pts < len(self.index.packets) or frame.pts in self._settled.rows_skipped:
            # One that was passed over may come out all the same, in part: a field of it that others need.
            return None
        if self.index.checksums is not None:
            return self._identify_by_checksum(frame, frame.pts)
        place = int(self.index.place_of_row[frame.pts])
        if place < 0 and not self.index.packets.never_shows(frame.pts):
            self._placeless.append(frame)
            self._settled.rows_out.add(frame.pts)
        is_reached = place >= 0 and self.index.is_reached_from(place, self._start_row)
        return DecodedFrame(place, frame) if is_reached else None

    def _identify_by_checksum(self, frame: av.VideoFrame, row: int) -> DecodedFrame | None:
        """Hold a frame of a troubled stream to what the linear decode left of it.

        Some decoders give two frames one packet's stamp where references are missing: the checksum tells them apart.
        """
        assert self.index.checksums is not None
        places = [p for p in np.flatnonzero(self.index.rows == row).tolist() if self.index.is_reached_from(p, self._start_row)]
        if not places:
            return None
        value = checksum(frame)
        matching = [place for place in places if self.index.checksums[place] == value]
        place = matching[0] if matching else next((p for p in places if p > self._last_place), places[-1])
        self._last_place = max(self._last_place, place)
        if matching or self._is_pristine:
            self._has_matched = True
            return DecodedFrame(place, frame)
        if self._start_row and not self._has_matched:
            raise BadStartError(f"decoding from row {self._start_row} gives another picture at frame {place}")
        # The start is good, for the frames before came out right: it is this frame that differs each time.
        self._undefined.add(place)
        return None
