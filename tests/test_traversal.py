"""Ways out of the served folder, sent as they are over a socket: none leads anywhere, and no answer tells where files lie."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from loopback import DEADLINE_SECONDS, Loopback, serving
from serving import spelled

import framecache
from framecache.sample import read_index
from framecache.server.library import _id

SECRET = b"nobody-may-read-this"
# What the pictures of the secret video spell; those of the served one begin at 0.
FIRST_SECRET = 500


@dataclass(frozen=True)
class Place:
    """A served folder in another, which is not.

    Attributes:
        parent: The folder that holds a text and a video that nobody may have.
        root: The folder below it that is served.
        secrets: Parts of what is in those two files.
    """

    parent: Path
    root: Path
    secrets: tuple[bytes, ...]

    def check(self, answer: bytes) -> None:
        """Fail where an answer holds anything of the secrets, or tells where files lie."""
        assert not any(secret in answer for secret in self.secrets)
        for path in (self.parent, Path(framecache.__file__).parents[1], Path(os.__file__).parent, Path.home() / "."):
            assert os.fsencode(path) + b"/" not in answer, answer[:2000]
        assert b"Traceback" not in answer


@pytest.fixture(scope="module")
def place(clip: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Place:
    parent = tmp_path_factory.mktemp("parent-that-is-not-served")
    root = parent / "served"
    (root / "inner").mkdir(parents=True)
    (root / "open.mp4").write_bytes(clip(n_frames=20).read_bytes())
    (root / "inner" / "deep.mp4").write_bytes(clip(n_frames=20).read_bytes())
    video = clip(n_frames=20, first_spelled=FIRST_SECRET).read_bytes()
    (parent / "secret.mp4").write_bytes(video)
    (parent / "secret.txt").write_bytes(SECRET)
    middle = len(video) // 2
    return Place(parent, root, (SECRET, *(video[at : at + 48] for at in range(middle, middle + 960, 96))))


@pytest.fixture(scope="module")
def server(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loopback]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FRAMECACHE_INDEX_DIR", str(tmp_path_factory.mktemp("index-store")))
        with serving(place.root) as one:
            one.frames_url("open.mp4")
            yield one


def ask(server: Loopback, target: bytes, method: bytes = b"GET") -> bytes:
    """All that comes back for a request line, up to the end of the connection."""
    with socket.create_connection(server.place, DEADLINE_SECONDS) as client:
        client.sendall(method + b" " + target + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        parts = []
        while part := client.recv(1 << 16):
            parts.append(part)
    return b"".join(parts)


def check_refused(place: Place, target: bytes, answer: bytes) -> None:
    """An answer must be a problem document of the client's making, or what is said to who does not speak HTTP."""
    place.check(answer)
    if not answer:
        return  # closed
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split()[1])
    assert 400 <= status < 500, (target, answer[:500])
    if b"\r\ncontent-type: application/problem+json" not in head.lower():
        assert (status, body) == (400, b"Invalid HTTP request received."), (target, answer[:500])
        return
    assert json.loads(body)["status"] == status


# Ways up: {text} is the name of what is to be had
UP = [
    b"../%s", b"../../%s", b"../../../../../../../../%s", b"./../%s", b".//..//%s", b"x/../../%s", b"inner/../../%s", b".../%s",
    b"....//%s", b"..././%s", b"../%s/", b"../%s/.", b"..",  b"../",
    # Encoded, once, twice, three times, and not to the end
    b"%%2e%%2e/%s", b"%%2E%%2E/%s", b".%%2e/%s", b"%%2e./%s", b"..%%2f%s", b"..%%2F%s", b"%%2e%%2e%%2f%s",
    b"%%252e%%252e%%252f%s", b"..%%252f%s", b"%%25252e%%25252e%%25252f%s", b"%%252e%%252e/%s", b"..%%2", b"..%%zz/%s",
    b"%%%%32%%65%%%%32%%65/%s",
    # Backslashes
    b"..\\%s", b"..%%5c%s", b"..%%255c%s", b"%%2e%%2e%%5c%s", b"\\..\\%s", b"..\\/%s",
    # Zero bytes and other control characters
    b"..%%00/%s", b"../%s%%00", b"../%s%%00.mp4", b"../%s\0", b"%%00../%s", b"..%%0d%%0a/%s", b"..%%09/%s", b"..%%7f/%s",
    b"../%s\r\nX: ", b"..%%0d%%0aLocation:%%20/%s",
    # UTF-8 that is longer than it may be, and what looks like a dot or a slash
    b"%%c0%%ae%%c0%%ae/%s", b"%%c0%%ae%%c0%%ae%%c0%%af%s", b"..%%c0%%af%s", b"..%%c1%%9c%s", b"%%e0%%80%%ae%%e0%%80%%ae/%s",
    b"%%f0%%80%%80%%ae%%f0%%80%%80%%ae/%s", b"%%uff0e%%uff0e/%s", b"%%ef%%bc%%8e%%ef%%bc%%8e/%s", b"%%e2%%80%%a5/%s",
    b"%%e2%%80%%a4%%e2%%80%%a4/%s", b"..%%ef%%bc%%8f%s", b"..%%e2%%88%%95%s", b"..%%e2%%81%%84%s", b"..%%ff/%s",
    "\uff0e\uff0e/%s".encode(), b"\xc0\xae\xc0\xae/%s", b"\xff\xfe/%s",
    # Names that some systems read otherwise
    b"..;/%s", b"..;a=b/%s", b"../%s.", b"../%s%%20", b"../%s::$DATA", b"%%20../%s", b"~/%s", b"~root/%s",
    b"C:\\%s", b"C%%3a%%5c%s", b"\\\\127.0.0.1\\%s", b"//127.0.0.1/%s", b"../" * 600 + b"%s", b"a" * 5000 + b"/../%s",
]  # fmt: skip
# By the whole path of what is to be had
WHOLE = [
    b"%s", b"/%s", b"//%s", b"file:%s", b"file://%s", b"file://localhost%s", b"file:%%2f%%2f%s", b"concat:%s", b"subfile:%s",
    b"file,%s", b"cache:file:%s", b"%%2f%s",
]  # fmt: skip
BEFORE = [
    b"/", b"/static/", b"/v/", b"/v1/videos/", b"/v1/", b"/v1/videos/{id}/", b"/v1/videos/{id}/frames/", b"/v1/videos/{id}/media/"
]  # fmt: skip
# Request lines of other kinds
OTHERS = [
    b"http://127.0.0.1/../secret.txt", b"http://127.0.0.1/static/..%2f..%2fsecret.txt", b"*", b"127.0.0.1:80",
    b"file:///etc/passwd", b"?/../secret.txt", b"#/../secret.txt", b"/static", b"/static/", b"/v", b"/v/",
    b"/v1/videos/../../secret.mp4/frames/0.jpg", b"/static/%2e%2e/app.py", b"/static/..%2fapp.py", b"/static/../../server/app.py",
]  # fmt: skip
AFTER = [b"/media", b"/frames/0.jpg", b"/timeline"]


def targets(server: Loopback, form: bytes, name: bytes) -> Iterator[bytes]:
    """A form behind each part of the interface that takes anything, and as a video's id."""
    id_ = server.ids()["open.mp4"].encode()
    filled = form % name if b"%s" in form else form.replace(b"%%", b"%")
    for before in BEFORE:
        yield before.replace(b"{id}", id_) + filled
    for after in AFTER:
        yield b"/v1/videos/" + filled + after
    # Without the slash that begins a path
    yield filled


def test_there_are_at_least_forty_forms():
    assert len(set(UP + WHOLE)) >= 40


def test_a_secret_in_an_answer_would_be_noticed(place: Place):
    for given in ((place.parent / "secret.mp4").read_bytes(), SECRET, os.fsencode(place.root / "open.mp4")):
        with pytest.raises(AssertionError):
            place.check(b"HTTP/1.1 200 OK\r\n\r\n" + given)
    with pytest.raises(AssertionError):
        check_refused(place, b"/", b"HTTP/1.1 200 OK\r\n\r\nharmless")


@pytest.mark.parametrize("form", UP, ids=lambda form: ascii(form[:40]))
def test_no_form_leads_up(place: Place, server: Loopback, form: bytes):
    for name in (b"secret.txt", b"secret.mp4"):
        for target in targets(server, form, name):
            check_refused(place, target, ask(server, target))


@pytest.mark.parametrize("form", WHOLE, ids=lambda form: ascii(form))
def test_no_whole_path_leads_to_a_file(place: Place, server: Loopback, form: bytes):
    for path in (place.parent / "secret.txt", place.parent / "secret.mp4", Path("/etc/passwd"), Path("/proc/self/environ")):
        for encoded in (os.fsencode(path), os.fsencode(path).replace(b"/", b"%2f"), os.fsencode(path).replace(b"/", b"%252f")):
            for target in targets(server, form, encoded):
                answer = ask(server, target)
                # What was asked for is not told again.
                check_refused(place, target, answer)
                assert b"root:x:" not in answer


@pytest.mark.parametrize("target", OTHERS)
@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"OPTIONS", b"POST", b"PROPFIND", b"CONNECT"])
def test_no_other_request_line_leads_anywhere(place: Place, server: Loopback, target: bytes, method: bytes):
    answer = ask(server, target, method)
    if method != b"HEAD":
        check_refused(place, target, answer)
    else:
        assert not answer or 400 <= int(answer.split()[1]) < 500


@pytest.mark.parametrize("name", ["v", "w", "q", "crop", "i", "as", "format"])
def test_parameters_name_no_files(place: Place, server: Loopback, name: str):
    id_ = server.ids()["open.mp4"]
    for value in ("../secret.txt", "..%2fsecret.mp4", "%2fetc%2fpasswd", "file:///etc/passwd", "%00"):
        for path in ("frames/0.jpg?", "frames?i=0&", "sheet.jpg?", "media?"):
            target = f"/v1/videos/{id_}/{path}{name}={value}".encode()
            check_refused(place, target, ask(server, target))


# Links


def test_links_that_lead_out_of_the_folder_are_neither_listed_nor_served(clip: Callable[..., Path], place: Place, tmp_path: Path):
    root = tmp_path / "root"
    root.mkdir()
    (root / "own.mp4").write_bytes(clip(n_frames=20).read_bytes())
    links = {
        "link.mp4": place.parent / "secret.mp4",
        "relative.mp4": Path(os.path.relpath(place.parent / "secret.mp4", root)),
        "folder.mp4": place.parent,
        "outside": place.parent,
        "passwd.mp4": Path("/etc/passwd"),
        "self.mp4": Path("/proc/self/exe"),
        "lost.mp4": Path("nowhere.mp4"),
        "loop.mp4": Path("loop.mp4"),
        "twice.mp4": Path("link.mp4"),
    }
    for name, target in links.items():
        (root / name).symlink_to(target)
    (root / "within.mp4").symlink_to("own.mp4")
    with serving(root) as server:
        assert set(server.ids()) == {"own.mp4", "within.mp4"}
        for name in (*links, "outside/secret.mp4", "outside/secret.txt", "folder.mp4/secret.mp4"):
            # What the file's id would be.
            for path in ("", "/frames/0.jpg", "/media", "/timeline"):
                target = f"/v1/videos/{_id(f'root/{name}')}{path}".encode()
                check_refused(place, target, ask(server, target))


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_link_that_is_put_there_later_leads_nowhere(clip: Callable[..., Path], place: Place, tmp_path: Path, what: str):
    root = tmp_path / "root"
    (root / "inner").mkdir(parents=True)
    path = root / "inner" / "secret.mp4"
    path.write_bytes(clip(n_frames=20).read_bytes())
    with serving(root) as server:
        url = server.frames_url()
        assert spelled(server.get(f"{url}/7.jpg").content) == 7
        path.unlink()
        if what == "file":
            path.symlink_to(place.parent / "secret.mp4")
        else:
            (root / "inner").rmdir()
            (root / "inner").symlink_to(place.parent)
        assert _first_spelled(path) == FIRST_SECRET
        for target in (f"{url}/7.jpg", f"{url}/8.jpg", url.removesuffix("/frames"), url.removesuffix("frames") + "media"):
            answer = ask(server, target.encode())
            assert answer.split()[1] == b"404"
            check_refused(place, target.encode(), answer)
        assert server.ids() == {}


def _first_spelled(path: Path) -> int:
    """What a way out would show."""
    with framecache.VideoReader(path, prefetch=False) as reader:
        return read_index(reader[0])


# Playlists


PLAYLISTS = {
    "m3u8": "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{url}\n#EXT-X-ENDLIST\n",
    "m3u8 of the same folder": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nopen.mp4\n#EXT-X-ENDLIST\n",
    "m3u8 key": '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-KEY:METHOD=AES-128,URI="{url}"\n#EXTINF:1,\n{url}\n#EXT-X-ENDLIST\n',
    "m3u8 of m3u8": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{url}\n",
    "concat": "ffconcat version 1.0\nfile '{path}'\n",
    "concat of the same folder": "ffconcat version 1.0\nfile open.mp4\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1S">'
    '<Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1"><BaseURL>{url}</BaseURL>'
    "</Representation></AdaptationSet></Period></MPD>",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    "svg": '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="144" height="96">'
    '<image width="144" height="96" xlink:href="{url}"/></svg>',
    "entity": '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "{url}">]><svg>&e;</svg>',
    "smil": '<smil><body><video src="{url}"/></body></smil>',
    "pls": "[playlist]\nNumberOfEntries=1\nFile1={url}\n",
    "asx": '<asx version="3.0"><entry><ref href="{url}"/></entry></asx>',
}


@pytest.mark.parametrize("kind", PLAYLISTS)
def test_a_playlist_under_the_name_of_a_video_reads_nothing_else(
    clip: Callable[..., Path], place: Place, tmp_path: Path, kind: str
):
    root = tmp_path / "root"
    root.mkdir()
    (root / "open.mp4").write_bytes(clip(n_frames=20, first_spelled=FIRST_SECRET).read_bytes())
    secret = place.parent / "secret.mp4"
    for number, (url, path) in enumerate([(secret, secret), (f"file://{secret}", f"file:{secret}"), (f"../{secret.name}",) * 2]):
        for ending in ("mp4", "mkv", "ts", "gif"):
            (root / f"list{number}.{ending}").write_text(PLAYLISTS[kind].format(url=url, path=path))
    with serving(root) as server:
        ids = server.ids()
        assert len(ids) == 13
        for name, id_ in ids.items():
            if name == "open.mp4":
                continue
            for path in ("/frames/0.jpg", "/at/0.jpg", "/media", "/timeline", "/sheet.jpg", "/thumbnails.vtt", "/frames?i=0"):
                target = f"/v1/videos/{id_}{path}".encode()
                answer = ask(server, target)
                assert answer.split()[1] == b"422", (name, answer[:300])
                check_refused(place, target, answer)
            told = server.get(f"/v1/videos/{id_}")
            assert told.json()["state"] == "failed"
            place.check(told.content)


def test_what_is_refused_leaves_the_server_as_it_was(place: Place, server: Loopback):
    """After all that, the video that is served is still there."""
    url = server.frames_url("open.mp4")
    answer = ask(server, f"{url}/7.jpg".encode())
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split()[1] == b"200"
    assert spelled(body) == 7
