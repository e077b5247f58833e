"""Which files are served: those under the roots, and nothing that links lead to from there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from framecache import BadArgumentError, VideoNotFoundError
from framecache.server import library as library_module
from framecache.server.library import Library


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "videos"
    (folder / "inner").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    for name in ("a.mp4", "b.MKV", "inner/c.webm", "notes.txt", ".d.mp4", ".hidden/e.mp4"):
        (folder / name).write_bytes(b"x")
    return folder


def names(library: Library) -> list[str]:
    return [entry.name for entry in library.scan()]


def test_videos_are_listed_by_name_and_other_files_and_hidden_ones_are_not(root: Path):
    assert names(Library([root])) == ["a.mp4", "b.MKV", "inner/c.webm"]


def test_a_file_that_is_named_itself_may_be_called_anything(root: Path):
    assert names(Library([root / "notes.txt"])) == ["notes.txt"]


def test_an_id_says_nothing_of_the_path_and_is_the_same_wherever_the_folder_lies(root: Path, tmp_path: Path):
    entries = {entry.name: entry.id for entry in Library([root]).scan()}
    assert all(len(id_) == 16 and "mp4" not in id_ for id_ in entries.values())
    elsewhere = tmp_path / "elsewhere" / "videos"
    shutil.copytree(root, elsewhere)
    assert {entry.name: entry.id for entry in Library([elsewhere]).scan()} == entries


def test_two_roots_of_one_name_are_kept_apart(root: Path, tmp_path: Path):
    other = tmp_path / "other" / "videos"
    shutil.copytree(root, other)
    entries = Library([root, other]).scan()
    assert len({entry.id for entry in entries}) == len(entries) == 6
    assert {entry.path.parts[-2] for entry in entries if entry.name == "a.mp4"} == {"videos"}
    assert len({entry.path for entry in entries}) == 6


def test_links_out_of_the_root_are_not_followed_and_links_within_are(root: Path, tmp_path: Path):
    outside = tmp_path / "secret.mp4"
    outside.write_bytes(b"x")
    (root / "out.mp4").symlink_to(outside)
    (root / "within.mp4").symlink_to(root / "a.mp4")
    (root / "folder-out").symlink_to(tmp_path)
    (root / "dangling.mp4").symlink_to(tmp_path / "nothing.mp4")
    (root / "loop.mp4").symlink_to(root / "loop.mp4")
    assert names(Library([root])) == ["a.mp4", "b.MKV", "inner/c.webm", "within.mp4"]


def test_a_file_that_is_replaced_by_a_link_out_is_not_found_any_more(root: Path, tmp_path: Path):
    library = Library([root])
    id_ = library.scan()[0].id
    assert library.find(id_) is not None
    outside = tmp_path / "secret.mp4"
    outside.write_bytes(b"x")
    (root / "a.mp4").unlink()
    (root / "a.mp4").symlink_to(outside)
    assert library.find(id_) is None


def test_a_new_file_is_found_by_its_id_and_nonsense_does_not_read_the_disk_each_time(root: Path, monkeypatch: pytest.MonkeyPatch):
    library = Library([root])
    (root / "new.mp4").write_bytes(b"x")
    new = next(entry for entry in Library([root]).scan() if entry.name == "new.mp4")
    scans = list[int]()
    monkeypatch.setattr(library, "scan", lambda: scans.append(1) or Library.scan(library))
    monkeypatch.setattr(library_module, "RESCAN_SECONDS", 3600.0)
    library.look_for(new.id)
    assert library.find(new.id) is None
    assert scans == []
    monkeypatch.setattr(library_module, "RESCAN_SECONDS", -1.0)
    library.look_for(new.id)
    library.look_for(new.id)
    assert scans == [1]
    found = library.find(new.id)
    assert found is not None
    assert found.name == "new.mp4"


def test_a_root_may_be_a_link_itself(root: Path, tmp_path: Path):
    (tmp_path / "link").symlink_to(root)
    assert names(Library([tmp_path / "link"])) == names(Library([root]))


def test_roots_that_vanish_are_left_out_until_they_are_back(root: Path, tmp_path: Path):
    alone = tmp_path / "alone.mp4"
    alone.write_bytes(b"x")
    library = Library([alone, root, root / "inner"])
    (before,) = (entry for entry in library.scan() if entry.name == "alone.mp4")
    alone.unlink()
    shutil.rmtree(root / "inner")
    assert names(library) == ["a.mp4", "b.MKV"]
    assert library.find(before.id) is None
    alone.write_bytes(b"x")
    assert before in library.scan()
    shutil.rmtree(root)
    assert names(library) == ["alone.mp4"]


def test_fifos_and_folders_with_the_name_of_a_video_are_left_out(root: Path):
    os.mkfifo(root / "pipe.mp4")
    (root / "folder.mp4").mkdir()
    assert names(Library([root])) == ["a.mp4", "b.MKV", "inner/c.webm"]


def test_names_that_are_no_utf_8_can_be_told(root: Path):
    (root / os.fsdecode(b"bad-\xff.mp4")).write_bytes(b"x")
    assert any(name.startswith("bad-") and name.encode() for name in names(Library([root])))


def test_nothing_to_serve_and_roots_that_are_not_there_are_refused(tmp_path: Path):
    with pytest.raises(BadArgumentError):
        Library([])
    with pytest.raises(VideoNotFoundError):
        Library([tmp_path / "nothing"])
