"""The index, in each of the ways it is made: they agree wherever two apply, and each clip takes the cheapest."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import clips
import numpy as np
import pytest

from framecache.decode.source import make_source, opened, pick_stream
from framecache.index.build import build_index
from framecache.index.frame_index import FrameIndex, IndexSource
from framecache.index.probe import Opened


def index_of(path: Path, made_from: IndexSource | None = None, stream: int = 0, **more: object) -> FrameIndex:
    source = make_source(path)

    @contextlib.contextmanager
    def open_stream() -> Iterator[Opened]:
        with opened(source) as container:
            yield container, pick_stream(container, stream, source.name)

    return build_index(open_stream, source.open_io, made_from=made_from, **more)  # type: ignore[arg-type]


def assert_equal(one: FrameIndex, other: FrameIndex) -> None:
    for name in ("pts", "own_pts", "durations", "rows", "start_rows", "keyframes"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=f"{name}, {other.made_from}")
    for name, column in one.packets.columns().items():
        np.testing.assert_array_equal(column, other.packets.columns()[name], err_msg=f"packets.{name}, {other.made_from}")


MP4S: list[dict[str, object]] = [
    {},
    {"b_frames": 0},
    {"variable": True},
    {"start": 20},
    {"start": -5},
    {"container": "mov", "orientation": "turn90"},
    {"codec": "libx265"},
    {"codec": "libsvtav1"},
    {"codec": "libvpx-vp9", "n_frames": 30},
    {"codec": "mjpeg", "container": "mov", "pix_fmt": "yuvj420p"},
    {"codec": "prores_ks", "container": "mov", "pix_fmt": "yuv422p10le"},
    {"n_frames": 1},
    {"n_frames": 2},
]


@pytest.mark.parametrize("features", MP4S, ids=str)
def test_the_sample_table_gives_what_a_scan_and_a_decode_give(clip: Callable[..., Path], features: dict[str, object]):
    path = clip(**features)
    table = index_of(path)
    assert table.made_from == "table"
    assert table.frames_decoded == 0
    assert_equal(table, index_of(path, "scan"))
    assert_equal(table, index_of(path, "decode"))


FRAGMENTED = ["frag_keyframe+empty_moov", "frag_keyframe+empty_moov+default_base_moof", "dash+frag_every_frame+default_base_moof"]


@pytest.mark.parametrize("flags", FRAGMENTED)
@pytest.mark.parametrize("b_frames", [0, 2])
def test_fragments_are_read_without_a_scan(tmp_path: Path, clip: Callable[..., Path], flags: str, b_frames: int):
    path = remux(clip(b_frames=b_frames), tmp_path / "fragmented.mp4", movflags=flags)
    index = index_of(path)
    assert index.made_from == "table"
    assert_equal(index, index_of(path, "scan"))
    assert len(index) == 48


@pytest.mark.parametrize(
    "name",
    ["discard_first_keyframe.mp4", "mov_neg_first_pts_discard.mov", "extradata-reload-multi-stsd.mp4", "interlaced_crop.mp4"]
    + ["sample_fragmented_seekable_multiple_sidx.mp4", "cursed-vfr.mp4", "test_non_zero_start.mp4", "unordered.mov"]
    + ["nasa_13013.mp4", "nasa_13013_rotated.mp4", "prores4444_alpha.mov", "testsrc2_444_12bit_hevc.mp4", "video_90.mov"],
)
def test_real_tables_give_what_a_scan_and_a_decode_give(media: Path, name: str):
    table = index_of(media / name)
    assert table.made_from == "table"
    assert_equal(table, index_of(media / name, "scan"))
    assert_equal(table, index_of(media / name, "decode"))


def test_each_stream_of_a_file_has_its_own_table(media: Path):
    path = media / "nasa_13013.mp4"
    assert [len(index_of(path, stream=number)) for number in (0, 1)] == [325, 390]
    assert_equal(index_of(path, stream=1), index_of(path, "scan", stream=1))


SCANNED: list[dict[str, object]] = [
    {"container": "mkv"},
    {"container": "mkv", "open_gop": True},
    {"container": "ts"},
    {"codec": "libx265", "container": "mkv"},
    {"codec": "libvpx-vp9", "container": "webm"},
    {"codec": "libvpx", "container": "webm"},
    {"codec": "libsvtav1", "container": "mkv"},
    {"codec": "mpeg2video", "container": "ts"},
    {"codec": "mpeg4", "container": "mp4", "b_frames": 0},
    {"codec": "mjpeg", "container": "avi", "pix_fmt": "yuvj420p"},
    {"codec": "ffv1", "container": "mkv"},
]


@pytest.mark.parametrize("features", SCANNED, ids=str)
def test_clean_streams_are_scanned_and_not_decoded(clip: Callable[..., Path], features: dict[str, object]):
    path = clip(**{"n_frames": 160, **features})
    index = index_of(path)
    assert index.made_from == "scan"
    # The first packets are decoded to see whether they bear the scan out, however long the stream is.
    assert index.frames_decoded <= 100
    decoded = index_of(path, "decode")
    for name in ("pts", "rows", "durations"):
        np.testing.assert_array_equal(getattr(index, name), getattr(decoded, name), err_msg=name)


TROUBLED = {
    "CAPAMA3_Sand_F.264": (50, "synthesised"),
    "mpeg2_field_encoding.ts": (31, "stored"),
    "no-initial-keyframe.ts": (15, "stored"),
    "packed_bframes.avi": (15, "ordered"),
    "vid.avi": (256, "ordered"),
}


@pytest.mark.parametrize("name", TROUBLED)
def test_what_packets_cannot_settle_is_decoded_once(media: Path, name: str):
    index = index_of(media / name)
    assert index.made_from == "decode"
    assert (len(index), index.times_are) == TROUBLED[name]
    assert (np.diff(index.pts) > 0).all()
    assert index.frames_decoded == len(index)


def test_a_packet_that_should_have_shown_a_frame_keeps_its_place(media: Path):
    decoded = index_of(media / "corrupted.mp4", "decode")
    assert decoded.undecodable.tolist() == [30]
    assert len(decoded) == 50
    np.testing.assert_array_equal(decoded.pts, index_of(media / "corrupted.mp4", "table").pts)


def with_every_packet_marked_as_a_keyframe(path: Path, target: Path) -> Path:
    """An AVI whose index (idx1) claims that decoding may start anywhere, as some writers' do."""
    data = bytearray(path.read_bytes())
    at = data.rindex(b"idx1")
    size = int.from_bytes(data[at + 4 : at + 8], "little")
    for entry in range(at + 8, at + 8 + size, 16):
        data[entry + 4] |= 0x10
    target.write_bytes(data)
    return target


def test_keyframe_flags_that_lie_are_not_trusted(tmp_path: Path, clip: Callable[..., Path]):
    honest = clip(codec="msvideo1", container="avi", pix_fmt="rgb555le")
    assert len(index_of(honest).start_rows) > 1
    index = index_of(with_every_packet_marked_as_a_keyframe(honest, tmp_path / "liar.avi"))
    assert index.packets.is_key.all()
    assert index.start_rows.tolist() == [0]


def test_an_mp4_whose_media_is_cut_short_is_scanned(clip: Callable[..., Path]):
    index = index_of(clip(cut=True))
    assert index.made_from != "table"
    assert 0 < len(index) < 48


def test_progress_is_told_up_to_the_end(media: Path):
    told: list[tuple[str, float]] = []
    index_of(media / "vid.avi", progress=lambda stage, done: told.append((stage, done)))
    assert {stage for stage, _ in told} == {"scanning", "decoding"}
    assert all(0 <= done <= 1 for _, done in told)
    assert told[-1] == ("decoding", 1.0)


def remux(path: Path, target: Path, **options: str) -> Path:
    """Copy a clip's packets into another file."""
    import av

    with av.open(str(path)) as source, av.open(str(target), "w", container_options=options) as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    return target


def test_the_pairwise_rows_hold_every_pair():
    axes = {"a": (1, 2, 3), "b": (1, 2), "c": (1, 2, 3, 4)}
    rows = clips.pairwise(axes)
    for one, other in (("a", "b"), ("a", "c"), ("b", "c")):
        assert {(row[one], row[other]) for row in rows} == {(x, y) for x in axes[one] for y in axes[other]}
