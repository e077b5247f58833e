from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from framecache.errors import VideoAccessError
from framecache.files import UNFINISHED_SUFFIX, remove_unfinished, unfinished_of, write_first, write_whole


def test_a_file_is_replaced_only_by_a_whole_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    target = tmp_path / "a"
    target.write_bytes(b"before")

    def full(path: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(VideoAccessError, match="No space left"):
        write_whole(target, b"after")
    assert target.read_bytes() == b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_link_is_written_through_and_permissions_stay(tmp_path: Path):
    kept, dangling = tmp_path / "kept", tmp_path / "new"
    kept.write_bytes(b"before")
    kept.chmod(0o600)
    for name, target in (("link", kept), ("dangling", dangling)):
        (tmp_path / name).symlink_to(target)
        write_whole(tmp_path / name, b"after")
        assert (tmp_path / name).is_symlink()
        assert target.read_bytes() == b"after"
    assert kept.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes on this system")
def test_what_is_no_regular_file_is_never_replaced(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name, told in (("pipe", "no regular file"), ("folder", "a folder")):
        with pytest.raises(VideoAccessError, match=told):
            write_whole(tmp_path / name, b"x")
    assert (tmp_path / "pipe").is_fifo()


def test_of_many_who_write_first_all_read_the_same(tmp_path: Path):
    seen: list[bytes] = []
    barrier = threading.Barrier(8)

    def write(number: int) -> None:
        barrier.wait()
        seen.append(write_first(tmp_path / "note", b"%d" % number))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(seen) == {(tmp_path / "note").read_bytes()}
    assert [path.name for path in tmp_path.iterdir()] == ["note"]


def test_without_links_a_file_is_written_first_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def no_links(*paths: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    assert write_first(tmp_path / "note", b"a") == b"a"
    assert write_first(tmp_path / "note", b"b") == b"a"


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_writes_is_not(tmp_path: Path):
    gone = os.fork()
    if gone == 0:
        os._exit(0)
    os.waitpid(gone, 0)
    left, living = tmp_path / f".{gone}-1{UNFINISHED_SUFFIX}", tmp_path / f".{os.getppid()}-1{UNFINISHED_SUFFIX}"
    for path in (left, living, unfinished_of(tmp_path / "a"), tmp_path / f".odd{UNFINISHED_SUFFIX}"):
        path.write_bytes(b"half")
    remove_unfinished(tmp_path)
    assert not left.exists()
    assert len(list(tmp_path.iterdir())) == 3
