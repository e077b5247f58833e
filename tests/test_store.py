from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import framecache
from framecache.index import store

pytestmark = pytest.mark.usefixtures("no_prefetch")


@pytest.fixture
def scanned(clip: Callable[..., Path]) -> Path:
    """A clip whose index takes a scan, and so is stored."""
    return clip(container="mkv")


def stored_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.npz"))


def from_store(path: Path) -> bool:
    with framecache.VideoReader(path) as reader:
        assert len(reader) == 48
        assert reader.request_frame(30).frame_ix == 30
        return reader.info.index_from_store


def test_a_scan_is_paid_once(scanned: Path, tmp_path: Path):
    assert not from_store(scanned)
    assert from_store(scanned)
    assert len(stored_files(tmp_path / "index-store")) == 1


def test_what_is_stored_is_what_was_made(scanned: Path, media: Path):
    for path in (scanned, media / "corrupted.mp4", media / "vid.avi"):
        with framecache.VideoReader(path, index_from="decode") as made, framecache.VideoReader(path, index_from="decode") as read:
            assert read.info.index_from_store
            assert read.stats.frames_decoded <= 1
            for name in ("pts", "own_pts", "durations", "rows", "start_rows", "undecodable", "checksums", "keyframes"):
                np.testing.assert_array_equal(getattr(made.index, name), getattr(read.index, name))


def test_a_sample_table_is_not_stored(clip: Callable[..., Path], tmp_path: Path):
    with framecache.VideoReader(clip()):
        assert stored_files(tmp_path / "index-store") == []


@pytest.mark.parametrize("damage", [b"", b"not an index", None])
def test_a_damaged_index_is_ignored_and_made_anew(scanned: Path, tmp_path: Path, damage: bytes | None):
    from_store(scanned)
    (stored,) = stored_files(tmp_path / "index-store")
    stored.write_bytes(stored.read_bytes()[: stored.stat().st_size // 2] if damage is None else damage)
    assert not from_store(scanned)
    assert from_store(scanned)


def test_single_flipped_bytes_never_change_the_answer(scanned: Path, tmp_path: Path):
    from_store(scanned)
    (stored,) = stored_files(tmp_path / "index-store")
    whole = stored.read_bytes()
    rng = np.random.default_rng(5)
    with framecache.VideoReader(scanned, index_from="scan") as reader:
        expected = reader.pts.tolist()
    for at in rng.integers(0, len(whole), 60).tolist():
        damaged = bytearray(whole)
        damaged[at] ^= 0xFF
        stored.write_bytes(damaged)
        with framecache.VideoReader(scanned) as reader:
            assert reader.pts.tolist() == expected


def test_a_foreign_index_under_the_right_name_is_ignored(scanned: Path, clip: Callable[..., Path], tmp_path: Path):
    other = clip(container="mkv", n_frames=20)
    with framecache.VideoReader(other):
        (foreign,) = stored_files(tmp_path / "index-store")
    data = foreign.read_bytes()
    from_store(scanned)
    (own,) = set(stored_files(tmp_path / "index-store")) - {foreign}
    own.write_bytes(data)
    assert not from_store(scanned)


def test_a_changed_file_is_indexed_anew(scanned: Path, clip: Callable[..., Path], tmp_path: Path):
    path = tmp_path / "video.mkv"
    path.write_bytes(scanned.read_bytes())
    assert not from_store(path)
    path.write_bytes(clip(container="mkv", n_frames=20).read_bytes())
    with framecache.VideoReader(path) as reader:
        assert not reader.info.index_from_store
        assert len(reader) == 20


def test_the_same_size_and_time_with_other_content_is_another_file(clip: Callable[..., Path], tmp_path: Path):
    path, status = tmp_path / "video.mkv", None
    for first in (0, 1000):
        data = clip(container="mkv", n_frames=12, first_spelled=first).read_bytes()
        path.write_bytes(data + bytes(100_000 - len(data)))
        if status is not None:
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        status = path.stat()
        with framecache.VideoReader(path) as reader:
            assert not reader.info.index_from_store


@pytest.mark.parametrize("change", ["ffmpeg", "format", "stream", "option"])
def test_all_that_shapes_an_index_is_in_its_key(change: str, monkeypatch: pytest.MonkeyPatch):
    def key(stream: int = 0, option: str | None = None) -> str:
        return store.store_key("/video.mkv", 1, 2, stream, {"index_from": option})

    before = key()
    if change == "ffmpeg":
        monkeypatch.setitem(store.av.library_versions, "libavcodec", (1, 2, 3))
    elif change == "format":
        monkeypatch.setattr(store, "FORMAT_VERSION", store.FORMAT_VERSION + 1)
    after = key(stream=int(change == "stream"), option="decode" if change == "option" else None)
    assert before != after


def test_a_store_that_cannot_be_written_costs_speed_only(scanned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    blocked = tmp_path / "a-file"
    blocked.write_text("no folder")
    monkeypatch.setenv("FRAMECACHE_INDEX_DIR", str(blocked / "below"))
    assert not from_store(scanned)
    assert not from_store(scanned)


def test_a_full_disk_leaves_nothing_behind(scanned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*args: object, **arrays: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store.np, "savez", full)
    assert not from_store(scanned)
    assert list((tmp_path / "index-store").iterdir()) == []


def test_the_folder_is_the_users_cache_unless_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.delenv("FRAMECACHE_INDEX_DIR")
    monkeypatch.setattr(store.sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert store.store_folder() == tmp_path / "framecache" / "index"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert store.store_folder() == tmp_path / ".cache" / "framecache" / "index"


def test_two_processes_at_once_do_no_harm(scanned: Path, tmp_path: Path):
    code = (
        "import sys, framecache\n"
        "for _ in range(15):\n"
        "    with framecache.VideoReader(sys.argv[1]) as reader:\n"
        "        assert len(reader) == 48\n"
        "        framecache.index.store.store_folder().joinpath('x').parent.mkdir(parents=True, exist_ok=True)\n"
        "        [path.unlink(missing_ok=True) for path in framecache.index.store.store_folder().glob('*.npz')]\n"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code, str(scanned)], stderr=subprocess.PIPE) for _ in range(2)]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert (process.returncode, errors) == (0, b"")
    assert [p for p in (tmp_path / "index-store").iterdir() if p.name.startswith(".new-")] == []
