"""Reading the sample table while FFmpeg opens the file: the same index, and never a thread or an error left over."""

from __future__ import annotations

import contextlib
import io
import threading
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from framecache import NotAVideoError, VideoReader
from framecache.decode.source import make_source
from framecache.index import ahead
from framecache.index.ahead import TableAhead
from framecache.index.boxes import RandomAccessBytes
from framecache.index.table import Movie, Track

FEATURES: list[dict[str, object]] = [
    {},
    {"b_frames": 0},
    {"start": 20},
    {"container": "mov", "codec": "mjpeg", "pix_fmt": "yuvj420p"},
]


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[Track | None]:
    """What was read ahead for whoever asked, of a file of any size."""
    monkeypatch.setattr(ahead, "LARGE_MOVIE_BYTES", 0)
    given: list[Track | None] = []
    track = TableAhead.track

    def noted(reading: TableAhead, track_id: int) -> Track | None:
        given.append(track(reading, track_id))
        return given[-1]

    monkeypatch.setattr(TableAhead, "track", noted)
    return given


def indexed(path: Path, stream: int = 0) -> tuple[np.ndarray, ...]:
    with VideoReader(path, stream=stream) as reader:
        assert reader.info.index_source == "table"
        index = reader._video.index
        return index.pts, index.rows, index.start_rows, index.durations, *index.packets.columns().values()


def assert_same(one: tuple[np.ndarray, ...], other: tuple[np.ndarray, ...]) -> None:
    for column, expected in zip(one, other, strict=True):
        np.testing.assert_array_equal(column, expected)


def test_where_the_table_is_not_asked_for_it_is_not_read(clip: Callable[..., Path], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ahead, "LARGE_MOVIE_BYTES", 0)
    monkeypatch.setattr(TableAhead, "start", lambda _reading: pytest.fail("nobody asked for it"))
    for way in ("scan", "decode"):
        with VideoReader(clip(), index_from=way) as reader:
            assert len(reader) == 48


@pytest.mark.parametrize("features", FEATURES, ids=str)
def test_the_index_is_the_same(clip: Callable[..., Path], found: list[Track | None], features: dict[str, object]):
    path = clip(**features)
    read_ahead = indexed(path)
    assert [track is not None for track in found] == [True]
    with contextlib.ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(ahead, "LARGE_MOVIE_BYTES", 1 << 40)
        assert_same(read_ahead, indexed(path))
    assert len(found) == 1


def two_streams(path: Path, sources: list[Path]) -> Path:
    """The video streams of some files in one."""
    with contextlib.ExitStack() as stack, av.open(str(path), "w") as target:
        containers = [stack.enter_context(av.open(str(source))) for source in sources]
        streams = [target.add_stream_from_template(container.streams.video[0]) for container in containers]
        for container, stream in zip(containers, streams, strict=True):
            for packet in container.demux(video=0):
                if packet.dts is not None:
                    packet.stream = stream
                    target.mux(packet)
    return path


def test_of_several_streams_the_one_that_is_asked_for_is_read(
    clip: Callable[..., Path], found: list[Track | None], tmp_path: Path
):
    path = two_streams(tmp_path / "two.mp4", [clip(), clip(n_frames=30)])
    assert [len(indexed(path, stream)[0]) for stream in (0, 1)] == [48, 30]
    assert all(track is not None for track in found)
    assert len(found) == 2


def test_another_track_than_ffmpeg_has_is_not_believed(clip: Callable[..., Path], found: list[Track | None], tmp_path: Path):
    path = two_streams(tmp_path / "two.mp4", [clip(), clip(n_frames=30)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Movie, "video_track_ids", lambda _movie: [2, 1])
        assert len(indexed(path)[0]) == 48
    assert found == [None]


def test_without_a_thread_the_table_is_read_afterwards(
    clip: Callable[..., Path], found: list[Track | None], monkeypatch: pytest.MonkeyPatch
):
    def refused(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    with VideoReader(clip(), prefetch=False) as reader:
        assert len(reader) == 48
    assert found == [None]


def test_what_goes_wrong_in_the_thread_is_told_by_nobody(
    clip: Callable[..., Path], found: list[Track | None], monkeypatch: pytest.MonkeyPatch
):
    read = Movie.read

    def broken(file: RandomAccessBytes) -> Movie | None:
        if threading.current_thread().name == "framecache-table":
            raise OSError("the disk is gone for a moment")
        return read(file)

    monkeypatch.setattr(Movie, "read", broken)
    assert len(indexed(clip())[0]) == 48
    assert found == [None]


def test_the_thread_has_ended_where_opening_fails(
    tmp_path: Path, clip: Callable[..., Path], found: list[Track | None], monkeypatch: pytest.MonkeyPatch
):
    data = clip().read_bytes()
    path = tmp_path / "no-codec.mp4"
    path.write_bytes(data.replace(b"avc1", b"zzz1").replace(b"avcC", b"zzzC"))
    read, ends = Movie.read, []

    def slowly(file: RandomAccessBytes) -> Movie | None:
        time.sleep(0.3)
        ends.append(read(file))
        return ends[0]

    monkeypatch.setattr(Movie, "read", slowly)
    with pytest.raises(NotAVideoError):
        VideoReader(path)
    assert len(ends) == 1, "it was waited for"
    assert "framecache-table" not in {thread.name for thread in threading.enumerate()}
    assert found == []


def test_what_nobody_wants_any_more_is_not_read_to_its_end(clip: Callable[..., Path]):
    with make_source(clip()).open_io() as file:
        movie = Movie.read(file)
        assert movie is not None
        (track_id,) = movie.video_track_ids()
        assert movie.track(file, track_id, lambda: True) is None
        assert movie.track(file, track_id) is not None


def test_neither_bytes_nor_file_objects_nor_other_formats_are_read_ahead(clip: Callable[..., Path], found: list[Track | None]):
    path = clip()
    for given in (path.read_bytes(), io.BytesIO(path.read_bytes()), clip(container="mkv")):
        with VideoReader(given) as reader:
            assert len(reader) == 48
    assert found == []


def test_a_video_that_is_open_already_is_not_read_again(clip: Callable[..., Path], found: list[Track | None]):
    with VideoReader(clip()) as reader, VideoReader(clip(), engine=reader._engine) as other:
        assert len(other) == len(reader)
    assert len(found) == 1
