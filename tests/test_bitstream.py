from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import pytest

from framecache.index.bitstream import (
    BitReader,
    H264Fields,
    is_hidden,
    is_non_reference,
    may_start,
    nal_length_size,
    nal_units,
    tells_whole_frames,
)


def packets(path: Path) -> tuple[list[tuple[bytes, bool]], bytes | None]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return [(bytes(p), p.is_keyframe) for p in container.demux(stream) if p.size], stream.codec_context.extradata


def test_exp_golomb_numbers_are_read_as_the_standard_codes_them():
    bits = BitReader(bytes([0b1_010_011_0, 0b0100_0010, 0b1_0000000]))
    assert [bits.ue() for _ in range(5)] == [0, 1, 2, 3, 4]
    signed = BitReader(bytes([0b010_011_00, 0b100_00101]))
    assert [signed.se() for _ in range(4)] == [1, -1, 2, -2]
    with pytest.raises(EOFError):
        BitReader(b"\0").ue()


def test_emulation_prevention_is_taken_out():
    assert BitReader(b"\0\0\3\1").u(24) == 1


def test_nal_units_behind_lengths_and_behind_start_codes():
    assert list(nal_units(b"\0\0\0\2ab\0\0\0\1c", 4)) == [b"ab", b"c"]
    assert list(nal_units(b"\0\0\0\1ab\0\0\1c", 0)) == [b"ab", b"c"]


@pytest.mark.parametrize(
    ("codec", "features"),
    [
        ("h264", {"codec": "libx264"}),
        ("h264", {"codec": "libx264", "container": "ts"}),
        ("h264", {"codec": "libx264", "open_gop": True}),
        ("hevc", {"codec": "libx265"}),
        ("hevc", {"codec": "libx265", "open_gop": True}),
        ("vp8", {"codec": "libvpx", "container": "webm"}),
        ("vp9", {"codec": "libvpx-vp9", "container": "webm"}),
        ("mpeg2video", {"codec": "mpeg2video", "container": "ts"}),
    ],
)
def test_keyframes_say_so_in_their_own_bytes_and_others_do_not(
    clip: Callable[..., Path], codec: str, features: dict[str, object]
):
    found, extradata = packets(clip(**features))
    length_size = nal_length_size(codec, extradata)
    assert sum(is_key for _, is_key in found) > 1
    for data, is_key in found:
        assert may_start(codec, data, length_size) == is_key


def test_a_periodic_intra_refresh_is_no_start(clip: Callable[..., Path]):
    options = (("x264-params", "intra-refresh=1:keyint=12:bframes=0"),)
    found, extradata = packets(clip(options=options))
    length_size = nal_length_size("h264", extradata)
    assert [may_start("h264", data, length_size) for data, _ in found] == [True] + [False] * (len(found) - 1)


def test_empty_and_broken_packets_are_no_start():
    for codec in ("h264", "hevc", "vp8", "vp9", "mpeg2video"):
        assert not may_start(codec, b"")
    assert not may_start("h264", b"\0\0\1\x06\x06\x01", 0)


def test_hidden_vp9_frames_are_told(media: Path):
    found, _ = packets(media / "vp90-2-10-show-existing-frame.mp4")
    assert sum(not is_hidden("vp9", data) for data, _ in found) == 13


def test_hidden_vp8_frames_are_told(media: Path):
    found, _ = packets(media / "testsrc2_vp8.webm")
    assert sum(not is_hidden("vp8", data) for data, _ in found) == 30


def test_fields_in_packets_of_their_own_are_told_from_frames(clip: Callable[..., Path], media: Path):
    whole, extradata = packets(clip(options=(("x264-params", "tff=1:keyint=12"),)))
    assert extradata is not None
    fields = H264Fields.from_avcc(extradata)
    assert not fields.frame_mbs_only
    assert not any(fields.is_lone_field(data, 4) for data, _ in whole)
    halves, _ = packets(media / "CAPAMA3_Sand_F.264")
    sps = next(nal for nal in nal_units(halves[0][0], 0) if nal[0] & 31 == 7)
    assert sum(H264Fields.from_sps(sps).is_lone_field(data, 0) for data, _ in halves) == 2 * (79 - 50)


@pytest.mark.parametrize("container", ["mp4", "ts", "mkv"])
@pytest.mark.parametrize(("name", "codec"), [("h264", "libx264"), ("hevc", "libx265")])
def test_non_reference_frames_are_those_that_ffmpeg_passes_over(name: str, codec: str, container: str, clip: Callable[..., Path]):
    with av.open(str(clip(codec=codec, container=container))) as opened:
        stream = opened.streams.video[0]
        context = stream.codec_context
        context.skip_frame = "NONREF"
        size = nal_length_size(name, context.extradata)
        rows, came = [], set()
        for packet in opened.demux(stream):
            if packet.size:
                rows.append(is_non_reference(name, bytes(packet), size))
                packet.pts = len(rows) - 1
                came |= {frame.pts for frame in context.decode(packet)}
        came |= {frame.pts for frame in context.decode(None)}
    assert any(rows)
    assert {row for row, is_spare in enumerate(rows) if not is_spare} == came


def test_of_other_codecs_and_broken_packets_nothing_is_passed_over():
    assert not is_non_reference("vp9", b"\x01\x02", 0)
    for broken in (b"", b"\0", b"\0\0\0\xff"):
        for size in (0, 4):
            assert not is_non_reference("h264", broken, size)
            assert not is_non_reference("hevc", broken, size)


def test_h264_without_fields_that_begins_with_an_idr_picture_tells_whole_frames(clip: Callable[..., Path]):
    (first, *others), extradata = packets(clip(container="mkv"))
    assert tells_whole_frames("h264", extradata, first[0])
    assert not tells_whole_frames("h264", extradata, others[0][0]), "no keyframe"
    assert not tells_whole_frames("h264", None, first[0])
    assert not tells_whole_frames("h264", (extradata or b"")[:9], first[0]), "a record cut short"
    assert not tells_whole_frames("vp9", extradata, first[0])
    interlaced, record = packets(clip(container="mkv", options=(("x264-params", "tff=1"),)))
    assert not tells_whole_frames("h264", record, interlaced[0][0]), "there may be fields"
    refreshed, record = packets(clip(container="mkv", options=(("x264-params", "intra-refresh=1"),)))
    assert not tells_whole_frames("h264", record, refreshed[14][0]), "no picture is whole at once"


def test_h265_that_begins_where_decoding_may_start_tells_whole_frames(clip: Callable[..., Path]):
    (first, *others), extradata = packets(clip(codec="libx265", container="mkv"))
    assert tells_whole_frames("hevc", extradata, first[0])
    assert not tells_whole_frames("hevc", extradata, others[0][0])
