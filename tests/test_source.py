from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from framecache import (
    BadArgumentError,
    BadTypeError,
    Engine,
    FramecacheError,
    NotAVideoError,
    VideoAccessError,
    VideoChangedError,
    VideoNotFoundError,
    VideoReader,
)
from framecache.decode.source import fingerprint, make_source, opened, pick_stream


def touched(path: Path) -> Path:
    """A file that was changed a while ago, so that a change now shows in its time."""
    os.utime(path, ns=(0, 1_000_000_000))
    return path


def copy(path: Path, target: Path) -> Path:
    target.write_bytes(path.read_bytes())
    return touched(target)


BAD_FILES: dict[str, bytes] = {
    "empty.mp4": b"",
    "text.mp4": b"this is no video\n" * 50,
    "playlist.mp4": b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n/etc/passwd\n#EXT-X-ENDLIST\n",
    "concat.mp4": b"ffconcat version 1.0\nfile /etc/passwd\n",
    "sdp.mp4": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
    "zeros.mkv": bytes(4096),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_what_is_no_video_is_refused(tmp_path: Path, name: str):
    path = tmp_path / name
    path.write_bytes(BAD_FILES[name])
    with pytest.raises(NotAVideoError, match=name):
        VideoReader(path)
    with pytest.raises(ValueError, match="not a video"):
        VideoReader(BAD_FILES[name])


def test_a_playlist_in_disguise_reads_no_other_file(tmp_path: Path, clip: Callable[..., Path]):
    segment = copy(clip(container="ts"), tmp_path / "segment.ts")
    playlist = tmp_path / "video.mp4"
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:2,\n{segment.name}\n#EXT-X-ENDLIST\n")
    with pytest.raises(NotAVideoError):
        VideoReader(playlist)


def test_an_mp4_cut_before_its_index_is_refused(tmp_path: Path, sample: Path):
    path = tmp_path / "cut.mp4"
    path.write_bytes(sample.read_bytes()[:20_000])
    with pytest.raises(NotAVideoError, match="cut short"):
        VideoReader(path)


def test_sound_alone_is_no_video(media: Path):
    for name in ("sample_audio_only.mp4", "cover_art_audio.m4a"):
        with pytest.raises(NotAVideoError, match="no video stream"):
            VideoReader(media / name)


def test_missing_files_and_directories_are_told_apart(tmp_path: Path):
    with pytest.raises(VideoNotFoundError, match="nowhere"):
        VideoReader(tmp_path / "nowhere.mp4")
    with pytest.raises(FileNotFoundError):
        VideoReader("")
    with pytest.raises(NotAVideoError, match="directory"):
        VideoReader(tmp_path)
    with pytest.raises(BadArgumentError):
        VideoReader("a\0b")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes on this system")
def test_a_named_pipe_is_refused_at_once(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotAVideoError, match="regular file"):
        VideoReader(tmp_path / "pipe")


@pytest.mark.parametrize("url", ["http://127.0.0.1/video.mp4", "rtsp://127.0.0.1/x", "file:///tmp/x.mp4", "concat:a|b", "pipe:0"])
def test_urls_are_not_opened_yet(url: str):
    with pytest.raises(BadArgumentError, match="URL"):
        VideoReader(url)


@pytest.mark.parametrize("name", ["a:b.mp4", "100%d.mp4", "-x.mp4", "new\nline.mp4", "with space?#.mp4", "ünï.mp4", "[1].mp4"])
def test_any_name_can_be_opened(tmp_path: Path, clip: Callable[..., Path], name: str):
    path = copy(clip(), tmp_path / name)
    with VideoReader(path) as reader:
        assert len(reader) == 48
        assert reader.request_frame(40).frame_ix == 40


def test_a_relative_path_a_home_and_undecodable_bytes_in_a_name(
    tmp_path: Path, clip: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    copy(clip(), tmp_path / "video.mp4")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    odd = Path(os.fsdecode(bytes(tmp_path) + b"/\xff\xfe.mp4"))
    try:
        copy(clip(), odd)
    except OSError:
        odd = tmp_path / "video.mp4"  # this file system takes no such names
    for path in ("video.mp4", "~/video.mp4", odd):
        with VideoReader(path) as reader:
            monkeypatch.chdir("/")
            assert reader.request_frame(40).frame_ix == 40
        monkeypatch.chdir(tmp_path)


def test_bytes_and_file_objects_are_read(clip: Callable[..., Path]):
    path = clip()
    data = path.read_bytes()
    with VideoReader(path) as reader:
        expected = reader[33].tobytes()
    with path.open("rb") as file:
        for source in (data, bytearray(data), memoryview(data), io.BytesIO(data), file):
            with VideoReader(source) as reader:  # type: ignore[arg-type]
                assert len(reader) == 48
                assert reader[33].tobytes() == expected
        assert not file.closed


def test_decoders_of_one_file_object_do_not_disturb_each_other(clip: Callable[..., Path]):
    file = io.BytesIO(clip(gop=6).read_bytes())
    with VideoReader(file, use_cache=False) as reader:
        wrong: list[int] = []

        def work(first: int) -> None:
            for index in [first, 40 - first, first + 3] * 5:
                if reader.request_frame(index).frame_ix != index:
                    wrong.append(index)

        threads = [threading.Thread(target=work, args=(first,)) for first in (1, 9, 20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []


def test_what_cannot_be_read_from_is_a_type_error():
    for thing in (7, None, object(), ["video.mp4"]):
        with pytest.raises(BadTypeError):
            VideoReader(thing)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="binary"):
        VideoReader(io.StringIO("text"))  # type: ignore[arg-type]
    with open(__file__) as text, pytest.raises(TypeError, match="binary"):
        VideoReader(text)  # type: ignore[arg-type]


def test_readers_of_one_file_object_do_not_disturb_each_other(clip: Callable[..., Path]):
    class Wrapped(io.BytesIO):
        """Not a plain file, so that it has one position for all."""

    file, wrong = Wrapped(clip(gop=6).read_bytes()), []

    def work(number: int) -> None:
        with VideoReader(file, use_cache=False) as reader:
            for index in (40, number, 30, 2 * number, 47):
                if reader.request_frame(index).frame_ix != index:
                    wrong.append(index)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_errors_of_a_file_object_do_not_litter_stderr(clip: Callable[..., Path], capfd: pytest.CaptureFixture[str]):
    class Failing(io.BytesIO):
        fails = False

        def read(self, count: int | None = -1, /) -> bytes:
            if self.fails:
                raise OSError(5, "Input/output error")
            return super().read(count)

    file = Failing(clip(n_frames=200).read_bytes())
    with VideoReader(file) as reader:
        reader.request_frame(0)
        file.fails = True
        with pytest.raises(VideoAccessError, match="Input/output"):
            reader.request_frame(190)
        file.fails = False
        assert reader.request_frame(190).frame_ix == 190
    assert capfd.readouterr().err == ""


def test_a_renamed_file_is_another_to_a_shared_engine(tmp_path: Path, clip: Callable[..., Path]):
    path = copy(clip(), tmp_path / "one.mp4")
    with Engine() as engine, VideoReader(path, engine=engine):
        renamed = path.rename(tmp_path / "two.mp4")
        with VideoReader(renamed, engine=engine) as reader:
            assert reader.request_frame(40).frame_ix == 40


def test_a_file_object_that_fails_gives_a_typed_error(clip: Callable[..., Path]):
    class Failing(io.BytesIO):
        left = 3

        def read(self, count: int | None = -1, /) -> bytes:
            self.left -= 1
            if self.left < 0:
                raise OSError(5, "Input/output error")
            return super().read(count)

    with pytest.raises(VideoAccessError, match="Input/output"):
        VideoReader(Failing(clip().read_bytes()))
    for raised in (RuntimeError("no"), KeyError("no"), StopIteration(), MemoryError()):

        class Raising(io.BytesIO):
            def read(self, count: int | None = -1, /) -> bytes:
                if self.tell() > 1000:
                    raise raised  # noqa: B023
                return super().read(count)

        with pytest.raises(VideoAccessError):
            VideoReader(Raising(clip().read_bytes()))
    closed = io.BytesIO(b"x")
    closed.close()
    with pytest.raises(VideoAccessError):
        VideoReader(closed)


def test_another_stream_is_picked_by_number(media: Path):
    with VideoReader(media / "nasa_13013.mp4", stream=1) as reader:
        assert (len(reader), reader.shape) == (390, (270, 480, 3))
    with pytest.raises(BadArgumentError, match="streams 0 to 1"):
        VideoReader(media / "nasa_13013.mp4", stream=2)


def test_the_fingerprint_is_of_what_a_file_contains(tmp_path: Path, clip: Callable[..., Path]):
    path = clip()
    there = fingerprint(make_source(path))
    assert fingerprint(make_source(copy(path, tmp_path / "other-name.mp4"))) == there
    assert fingerprint(make_source(path.read_bytes())) == there
    assert fingerprint(make_source(path.read_bytes() + b"x")) != there
    assert len(there) == 32


def test_the_picked_stream_is_the_first_that_moves(media: Path):
    source = make_source(media / "nasa_13013.mp4")
    with opened(source) as container:
        assert [pick_stream(container, number, source.name).index for number in (0, 1)] == [0, 3]


# Files that change under an open reader


@pytest.fixture
def video(tmp_path: Path, clip: Callable[..., Path]) -> Path:
    return copy(clip(gop=12), tmp_path / "video.mp4")


def read_all(reader: VideoReader, first_spelled: int = 0) -> int:
    """Ask for frames all over; each is right or a typed error. How many were right."""
    from framecache.sample import read_index

    right = 0
    for index in (0, 47, 13, 30, 5, 46, 25, 1):
        try:
            assert read_index(reader.request_frame(index).image) == index + first_spelled
            right += 1
        except FramecacheError as error:
            assert isinstance(error, VideoChangedError)
    return right


@pytest.mark.parametrize("use_cache", [True, False])
def test_a_replaced_file_is_never_mixed_with_the_old_one(video: Path, clip: Callable[..., Path], use_cache: bool):
    with VideoReader(video, use_cache=use_cache) as reader:
        assert read_all(reader) == 8
        os.replace(copy(clip(gop=12, first_spelled=500), video.with_name("new.mp4")), video)
        read_all(reader)
    with VideoReader(video) as reader:
        assert read_all(reader, first_spelled=500) == 8


@pytest.mark.parametrize("use_cache", [True, False])
def test_a_file_overwritten_in_place_raises(video: Path, clip: Callable[..., Path], use_cache: bool):
    with VideoReader(video, use_cache=use_cache) as reader:
        reader.request_frame(20)
        video.write_bytes(clip(gop=12, first_spelled=500).read_bytes())
        read_all(reader)
        with pytest.raises(VideoChangedError, match=r"video\.mp4"):
            for index in range(48):
                reader.request_frame(47 - index)


def test_a_file_cut_short_raises_where_it_matters(video: Path):
    with VideoReader(video) as reader:
        reader.request_frame(2)
        os.truncate(video, video.stat().st_size // 2)
        with pytest.raises(VideoChangedError):
            reader.request_frame(45)


def test_a_deleted_file_goes_on_or_raises(video: Path):
    with VideoReader(video) as reader:
        reader.request_frame(0)
        video.unlink()
        read_all(reader)
    with pytest.raises(VideoNotFoundError):
        VideoReader(video)
