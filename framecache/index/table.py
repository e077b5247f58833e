"""The packets of an MP4 or MOV file from its sample table, without reading media data or decoding.

The table is ISO/IEC 14496-12; what FFmpeg makes of it (edit lists above all) is libavformat/mov.c. Each
doubt ends in None: the caller then scans the packets instead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np

from framecache.index import bitstream
from framecache.index.boxes import Box, MalformedError, RandomAccessBytes, read_box, top_level
from framecache.index.fragments import read_fragments
from framecache.index.frame_index import FrameIndex, flagged_starts, from_rows
from framecache.index.rows import Bools, PacketRows
from framecache.index.samples import Samples
from framecache.index.scan import reorders_too_far

# Codecs whose every MP4 sample shows one frame. MPEG-4 part 2 may hold samples that show nothing, and
# MPEG-2 samples that are fields.
ONE_FRAME_A_SAMPLE = frozenset({"h264", "hevc", "av1", "vp9", "prores", "mjpeg", "dnxhd"})
CHECKED_ENTRIES = 64
CHECKED_FOR_FIELDS = 24
CHECKED_KEYFRAMES = 16
FOREVER = int(np.iinfo(np.int64).max)
VISUAL_SAMPLE_ENTRY_BYTES = 78


@dataclass(frozen=True, slots=True)
class _Edit:
    """The one edit that shows media, in ticks: an empty stretch, then media from `start` up to `stop`."""

    empty: int
    start: int
    stop: int


@dataclass(frozen=True, eq=False, slots=True)
class Track:
    """What the sample table tells of a video track.

    Attributes:
        time_base: Seconds per tick.
        index: The index of its frames, from packets as FFmpeg would hand them out.
        records: The codec's own record (avcC, hvcC) in each sample description; empty where there is none.
    """

    time_base: Fraction
    index: FrameIndex
    records: list[bytes]

    @property
    def rows(self) -> PacketRows:
        return self.index.packets


@dataclass(frozen=True, eq=False, slots=True)
class Movie:
    """The boxes of a file that tell of its tracks: the movie box, and where the fragments' boxes lie."""

    box: Box
    fragments: list[tuple[int, int]]

    @classmethod
    def read(cls, file: RandomAccessBytes) -> Movie | None:
        """None where there is none; MalformedError where the file ends inside a box."""
        movie, fragments = _find_boxes(file)
        return None if movie is None else cls(movie, fragments)

    def video_track_ids(self) -> list[int]:
        """The ids of the video tracks, in the order of their boxes."""
        tracks = [box for box in self.box.children() if box.kind == b"trak"]
        ids = [_track_id(track) for track in tracks if _is_video(track)]
        return [track_id for track_id in ids if track_id is not None]

    def track(self, file: RandomAccessBytes, track_id: int, is_over: Callable[[], bool] = lambda: False) -> Track | None:
        """A track by its id, or None where anything about it is in doubt, or `is_over` says that nobody wants it any more."""
        movie_scale = _scale(self.box.child(b"mvhd"))
        track = next((box for box in self.box.children() if box.kind == b"trak" and _track_id(box) == track_id), None)
        media = track.child(b"mdia") if track else None
        table = media.child(b"minf", b"stbl") if media else None
        if track is None or media is None or table is None:
            return None
        scale = _scale(media.child(b"mdhd"))
        records = _decoder_records(table.child(b"stsd"))
        samples = Samples.from_table(table)
        edit = _edit(track.child(b"edts", b"elst"), scale, movie_scale)
        if edit is None:
            return None
        if self.box.child(b"mvex") is not None:
            # FFmpeg moves fragments by an edit's start; what else an edit list may say it leaves out.
            if len(samples) or edit.empty or edit.stop != FOREVER:
                return None
            samples = read_fragments(file, self.fragments, self.box, track_id)
            if edit.start and samples.cts.min() != edit.start:
                return None
        elif self.fragments:
            return None
        rows = None if is_over() else _as_rows(samples, edit)
        if rows is None or is_over() or not _is_sound(rows, file) or is_over():
            return None
        time_base = Fraction(1, scale)
        return Track(time_base, from_rows(rows, time_base, "table", flagged_starts(rows)), records)


def read_table(
    file: RandomAccessBytes,
    container: av.container.InputContainer,
    stream: av.VideoStream,
    read_track: Callable[[int], Track | None] | None = None,
) -> FrameIndex | None:
    """The index of a stream from its sample table, or None where anything is in doubt.

    Args:
        file: The file's bytes.
        container: What FFmpeg makes of it.
        stream: The stream there.
        read_track: Gives a track by its id that was read before, or None.
    """
    codec = stream.codec_context.codec.canonical_name
    if "mp4" not in container.format.name.split(",") or codec not in ONE_FRAME_A_SAMPLE:
        return None
    try:
        track = read_track(stream.id) if read_track else None
        if track is None:
            movie = Movie.read(file)
            track = movie.track(file, stream.id) if movie else None
        return track.index if track is not None and _is_borne_out(track, file, stream, codec) else None
    except (MalformedError, EOFError, IndexError, ValueError, OverflowError):
        return None


def _find_boxes(file: RandomAccessBytes) -> tuple[Box | None, list[tuple[int, int]]]:
    """The movie box, and where the fragments' boxes lie."""
    movie, fragments = None, []
    for kind, position, size in top_level(file):
        if position + size > file.size:
            raise MalformedError("the file ends inside a box")
        if kind == b"moov":
            if movie is not None:
                raise MalformedError("two movie boxes")
            movie = read_box(file, position, size)
        elif kind == b"moof":
            fragments.append((position, size))
    return movie, fragments


def _track_id(track: Box) -> int | None:
    header = track.child(b"tkhd")
    if header is None:
        return None
    (version,) = header.unpack("B")
    return header.unpack("I", 20 if version == 1 else 12)[0]


def _is_video(track: Box) -> bool:
    handler = track.child(b"mdia", b"hdlr")
    return handler is not None and handler.unpack("I", 8) == (int.from_bytes(b"vide"),)


def _scale(header: Box | None) -> int:
    """The ticks per second of an mvhd or mdhd box."""
    if header is None:
        raise MalformedError("a header box is missing")
    (version,) = header.unpack("B")
    (scale,) = header.unpack("I", 20 if version == 1 else 12)
    if not scale:
        raise MalformedError("zero ticks per second")
    return int(scale)


def _decoder_records(descriptions: Box | None) -> list[bytes]:
    """The codec's own record (avcC, hvcC) in each sample description; empty where there is none."""
    entries = list(descriptions.children(skip=8)) if descriptions else []
    if not entries or len({entry.kind for entry in entries}) > 1:
        raise MalformedError("no sample description, or ones of several codecs, of which FFmpeg reads the first")
    records = []
    for entry in entries:
        inside = {box.kind: box.data[box.start : box.stop] for box in entry.children(VISUAL_SAMPLE_ENTRY_BYTES)}
        records.append(inside.get(b"avcC") or inside.get(b"hvcC") or b"")
    return records


def _edit(box: Box | None, scale: int, movie_scale: int) -> _Edit | None:
    """The edit list as empty edits and one of media at normal speed; None for anything more."""
    if box is None:
        return _Edit(0, 0, FOREVER)
    (version,), (count,) = box.unpack("B"), box.unpack("I", 4)
    form, width = ("QqI", 20) if version == 1 else ("IiI", 12)
    entries = [box.unpack(form, 8 + width * number) for number in range(count)]
    empty = 0
    while entries and entries[0][1] == -1:
        empty += entries.pop(0)[0]
    if not entries:
        return _Edit(0, 0, FOREVER) if not count else None
    if len(entries) > 1 or entries[0][2] != 1 << 16 or entries[0][1] < 0:
        return None
    duration, start, _ = entries[0]
    length = round(Fraction(duration * scale, movie_scale) + Fraction(1, 10**9))
    return _Edit(round(Fraction(empty * scale, movie_scale)), start, start + length if duration else FOREVER)


def _as_rows(samples: Samples, edit: _Edit) -> PacketRows | None:
    """The samples on the movie's time line, flagged as the edit list says."""
    if not len(samples) or not (samples.size > 0).all():
        return None
    shown = (samples.cts >= edit.start) & (samples.cts < edit.stop)
    if edit.start and not (samples.cts == edit.start).any():
        return None
    shift = edit.empty - edit.start
    none: Bools = np.zeros(len(samples), bool)
    return PacketRows(
        pts=samples.cts + shift,
        dts=samples.dts + (shift - samples.order_delay),
        size=samples.size,
        pos=samples.pos,
        duration=samples.duration,
        is_key=samples.is_sync,
        is_discard=~shown,
        is_hidden=none,
        is_corrupt=none.copy(),
    )


def _is_sound(rows: PacketRows, file: RandomAccessBytes) -> bool:
    order = rows.display_order
    return (
        len(order) > 0
        and bool(rows.is_key[0])
        and not rows.has_doubles
        and (rows.never_shows(0) or int(order[0]) == 0)
        and int((rows.pos + rows.size).max()) <= file.size
        and not reorders_too_far(rows)
    )


def _is_borne_out(track: Track, file: RandomAccessBytes, stream: av.VideoStream, codec: str) -> bool:
    """Whether FFmpeg and the packets themselves say the same."""
    base = stream.time_base
    return (
        base is not None
        and base.denominator > 0
        and Fraction(base.numerator, base.denominator) == track.time_base
        and _agrees_with_ffmpeg(track.rows, stream)
        and _media_is_sound(track.rows, file, codec, track.records)
    )


def _agrees_with_ffmpeg(rows: PacketRows, stream: av.VideoStream) -> bool:
    """Compare an even sample of FFmpeg's own index, ends included, with the rows.

    Of a fragmented file FFmpeg has read only the first fragments so far: those are compared.
    """
    entries = stream.index_entries
    count = len(entries)
    if (stream.frames and stream.frames != len(rows)) or not 0 < count <= len(rows):
        return False
    if stream.frames and count != len(rows):
        return False
    sample = {*range(min(count, 8)), *range(max(0, count - 8), count), *range(0, count, max(1, count // CHECKED_ENTRIES))}
    return all(
        (entry.pos, entry.timestamp, entry.size, entry.is_keyframe, entry.is_discard)
        == (rows.pos[row], rows.dts[row], rows.size[row], rows.is_key[row], rows.is_discard[row])
        for row, entry in ((row, entries[row]) for row in sorted(sample))
    )


def _media_is_sound(rows: PacketRows, file: RandomAccessBytes, codec: str, records: list[bytes]) -> bool:
    """Look into a few packets: decoding may start at the first, and none is a lone field of a frame."""
    length_size = bitstream.nal_length_size(codec, records[0])
    keys = np.flatnonzero(rows.is_key)
    for row in keys[:: max(1, len(keys) // CHECKED_KEYFRAMES)].tolist():
        if not bitstream.may_start(codec, _packet(rows, file, row), length_size):
            return False
    if codec != "h264":
        return True
    if not length_size or any(bitstream.nal_length_size(codec, record) != length_size for record in records):
        return False
    fields = [bitstream.H264Fields.from_avcc(record) for record in records]
    if all(field.frame_mbs_only for field in fields):
        return True
    if len(fields) > 1:
        return False
    step = max(1, len(rows) // CHECKED_FOR_FIELDS)
    return not any(fields[0].is_lone_field(_packet(rows, file, row), length_size) for row in range(0, len(rows), step))


def _packet(rows: PacketRows, file: RandomAccessBytes, row: int) -> bytes:
    return file.read_at(int(rows.pos[row]), int(rows.size[row]))
