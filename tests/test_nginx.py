"""framecache behind nginx, with the configuration that docs/nginx.conf is: all on 127.0.0.1, each a process of its own."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import shutil
import signal
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from machines import DEADLINE_SECONDS, NAME, Answer, Machine, Nginx, Silent, ask, eventually
from serving import spelled

from framecache.server import sign_url

N_VIDEOS = 20
N_KINDS = 4
TOKEN = "a-token-of-the-tests"
# A framecache process in which nobody may wait: it answers 503 to all that is not at hand.
BUSY = f"""
import sys, uvicorn
from framecache.server import Policy, create_app
from framecache.server.service import Limits
app = create_app([sys.argv[1]], policy=Policy(hosts=["{NAME}"]), limits=Limits(waiting=0))
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="error")
"""

Start = Callable[..., Nginx]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, clip: Callable[..., Path]) -> Path:
    """Many small videos: the pictures of the k-th one spell their index plus 100 times k's rest by N_KINDS."""
    made = tmp_path_factory.mktemp("machines") / "recordings"
    made.mkdir()
    for number in range(N_VIDEOS):
        shutil.copy(clip(n_frames=24, first_spelled=100 * (number % N_KINDS)), made / f"{number:02}.mp4")
    return made


@contextlib.contextmanager
def one(folder: Path, own: Path, **options: str) -> Iterator[Machine]:
    machine = Machine(folder, own, **options)
    try:
        machine.wait()
        yield machine
    finally:
        machine.kill()


@contextlib.contextmanager
def two(folder: Path, own: Path, **options: str) -> Iterator[list[Machine]]:
    with one(folder, own / "machine0", **options) as first, one(folder, own / "machine1", **options) as second:
        yield [first, second]


@pytest.fixture(scope="module")
def machines(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Machine]]:
    """Two that nobody may end or ask for pictures but through nginx: each has opened just the videos that are its own."""
    with two(folder, tmp_path_factory.mktemp("lasting")) as made:
        yield made


@pytest.fixture
def mortal(folder: Path, tmp_path: Path) -> Iterator[list[Machine]]:
    """Two for one test."""
    with two(folder, tmp_path) as made:
        yield made


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts nginx, with a cache that is empty and knowing of nobody's failure, before what listens on two ports."""
    with contextlib.ExitStack() as ends:

        def run(*ports: int, **options: str) -> Nginx:
            nginx = Nginx(tmp_path / "nginx", ports, **options)
            ends.callback(nginx.end)
            nginx.wait()
            return nginx

        yield run


@pytest.fixture
def nginx(machines: list[Machine], start: Start) -> Nginx:
    return start(*(machine.port for machine in machines))


def videos(machine: Machine) -> dict[str, int]:
    """The id of each video, and what its first picture spells."""
    listed = json.loads(machine.ask("/v1/videos").body)["videos"]
    return {video["id"]: 100 * (int(video["name"][:2]) % N_KINDS) for video in listed if video["name"][:2].isdigit()}


def owned(machine: Machine) -> set[str]:
    """The videos that a process has opened, for they were asked of it."""
    listed = json.loads(machine.ask("/v1/videos").body)["videos"]
    return {video["id"] for video in listed if video["state"] != "new"}


def fingerprint(nginx: Nginx, id_: str, headers: dict[str, str] | None = None) -> str:
    """The fingerprint of a video, which is opened for that."""
    told = {}

    def is_open() -> bool:
        told.update(json.loads(nginx.ask(f"/v1/videos/{id_}", headers).body))
        return told["state"] == "ready"

    assert eventually(is_open), told
    return str(told["fingerprint"])


def counted(machines: list[Machine], name: str = "answers") -> int:
    """How many pictures, or what else is counted, all of them have answered with."""
    return sum(machine.count(name) for machine in machines)


def address(id_: str, index: int, version: str | None = None) -> str:
    return f"/v1/videos/{id_}/frames/{index}.jpg" + ("" if version is None else f"?v={version}")


def is_trouble(answer: Answer, status: int) -> bool:
    """Whether it is a problem document that no cache may keep."""
    told = (answer.status, answer.headers["content-type"], answer.headers["cache-control"], json.loads(answer.body)["status"])
    return told == (status, "application/problem+json", "no-store", status)


# Which process


def test_each_video_always_reaches_the_same_process_and_both_have_their_share(nginx: Nginx, machines: list[Machine]):
    first, second = machines
    for id_, first_spelled in videos(first).items():
        reached = set()
        for index in (0, 7, 23):
            before = first.pictures, second.pictures
            answer = nginx.ask(address(id_, index), {"Client-Id": f"viewer{index}", "Client-Sequence": "1"})
            assert (answer.status, spelled(answer.body)) == (200, first_spelled + index)
            reached.add((first.pictures - before[0], second.pictures - before[1]))
        assert reached in ({(1, 0)}, {(0, 1)})
    assert owned(first), "both have some"
    assert owned(second)


def test_whatever_is_asked_of_a_video_reaches_its_process(nginx: Nginx, machines: list[Machine]):
    paths = ("", "/timeline", "/cached", "/frames/3.png?w=40", "/at/0.5.jpg", "/frames?i=0:3", "/sheet.jpg", "/media")
    for id_ in videos(machines[0]):
        for path in paths:
            assert nginx.ask(f"/v1/videos/{id_}{path}").status == 200
    assert not owned(machines[0]) & owned(machines[1])
    assert owned(machines[0]) | owned(machines[1]) >= videos(machines[0]).keys()


def test_the_list_is_the_same_wherever_it_is_asked_for(nginx: Nginx, machines: list[Machine]):
    listed = json.loads(nginx.ask("/v1/videos").body)["videos"]
    assert {video["id"] for video in listed} >= videos(machines[0]).keys() == videos(machines[1]).keys()


def test_a_process_that_is_killed_is_taken_over_and_has_its_videos_again_when_it_is_back(mortal: list[Machine], start: Start):
    nginx = start(*(machine.port for machine in mortal))
    spelling = videos(mortal[0])
    for id_ in spelling:
        assert nginx.ask(address(id_, 1)).status == 200
    gone, other = mortal
    its_own = owned(gone)
    assert its_own
    gone.kill()
    for index in (2, 3):
        for id_, first_spelled in spelling.items():
            answer = nginx.ask(address(id_, index))
            assert (answer.status, spelled(answer.body)) == (200, first_spelled + index)
    assert owned(other) == spelling.keys()
    gone.start()
    gone.wait()
    assert eventually(lambda: nginx.ask(address(next(iter(its_own)), 4)).status == 200 and bool(owned(gone)))
    for id_, first_spelled in spelling.items():
        answer = nginx.ask(address(id_, 5))
        assert (answer.status, spelled(answer.body)) == (200, first_spelled + 5)
    assert owned(gone) == its_own


def test_a_request_whose_process_dies_over_it_is_answered_by_the_other(folder: Path, tmp_path: Path, start: Start):
    with Silent() as silent, one(folder, tmp_path / "other") as other:
        nginx = start(silent.port, other.port)
        with silent.dying() as heads:
            for id_, first_spelled in videos(other).items():
                answer = nginx.ask(address(id_, 6))
                assert (answer.status, spelled(answer.body)) == (200, first_spelled + 6)
        assert heads


def test_a_busy_process_is_not_helped_by_the_others_and_its_answer_is_not_kept(folder: Path, tmp_path: Path, start: Start):
    with one(folder, tmp_path / "busy", code=BUSY) as busy, one(folder, tmp_path / "idle") as idle:
        nginx = start(busy.port, idle.port)
        paths = [address(id_, 8, fingerprint(nginx, id_)) for id_ in videos(idle)]
        answers = [nginx.ask(path) for path in paths]
        refused = [answer for answer in answers if answer.status != 200]
        assert refused
        assert all(is_trouble(answer, 503) and answer.headers["retry-after"] == "1" for answer in refused)
        assert busy.count("problems") == len(refused)
        assert idle.pictures == len(answers) - len(refused)
        assert [nginx.ask(path).status for path in paths] == [answer.status for answer in answers]
        assert busy.count("problems") == 2 * len(refused), "they were asked again"
        assert idle.pictures == len(answers) - len(refused), "and these were not"


# What is kept


def test_many_who_ask_for_one_picture_at_once_are_one_request(nginx: Nginx, machines: list[Machine]):
    id_, first_spelled = next(iter(videos(machines[0]).items()))
    path = address(id_, 11, fingerprint(nginx, id_))
    before = counted(machines)
    with ThreadPoolExecutor(20) as pool:
        # So long as they are stopped, nothing can be kept.
        for machine in machines:
            machine.process.send_signal(signal.SIGSTOP)
        try:
            asked = [pool.submit(nginx.ask, path) for _ in range(20)]
            # Those who asked before are being served by now.
            assert [nginx.ask("/metrics").status for _ in range(20)] == [404] * 20
        finally:
            for machine in machines:
                machine.process.send_signal(signal.SIGCONT)
        answers = [one.result() for one in asked]
    assert {(answer.status, spelled(answer.body)) for answer in answers} == {(200, first_spelled + 11)}
    assert counted(machines) == before + 1


def test_pictures_that_never_change_are_served_while_no_process_is_there(mortal: list[Machine], start: Start):
    nginx = start(*(machine.port for machine in mortal))
    id_, first_spelled = next(iter(videos(mortal[0]).items()))
    version = fingerprint(nginx, id_)
    kept, unnamed = nginx.ask(address(id_, 9, version)), nginx.ask(address(id_, 9))
    assert (kept.status, unnamed.status) == (200, 200)
    for machine in mortal:
        machine.kill()
    again = nginx.ask(address(id_, 9, version))
    assert (again.status, spelled(again.body)) == (200, first_spelled + 9)
    own = {"date", "connection", "accept-ranges"}
    assert {**kept.headers, **dict.fromkeys(own)} == {**again.headers, **dict.fromkeys(own)}
    assert again.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert nginx.ask(address(id_, 9, version), {"If-None-Match": kept.headers["etag"]}).status == 304
    assert nginx.ask(address(id_, 9, version), {"Host": "evil.example"}).status == 421, "framecache would have refused it too"
    for path in (address(id_, 9), address(id_, 10, version), "/v1/videos"):
        answer = nginx.ask(path)
        assert is_trouble(answer, 503)
        assert answer.headers["retry-after"] == "5"


def test_pictures_that_may_change_are_asked_for_anew_each_time(nginx: Nginx, machines: list[Machine], folder: Path):
    path = folder / "changing.mp4"
    shutil.copy(folder / "00.mp4", path)
    listed = json.loads(nginx.ask("/v1/videos").body)["videos"]
    id_ = next(video["id"] for video in listed if video["name"] == path.name)
    first = nginx.ask(address(id_, 2))
    assert (first.status, spelled(first.body), first.headers["cache-control"]) == (200, 2, "public, no-cache")
    known = {"If-None-Match": first.headers["etag"]}
    before = counted(machines)
    assert nginx.ask(address(id_, 2), known).status == 304
    assert counted(machines) == before + 1
    shutil.copy(folder / "01.mp4", folder / "changing.tmp")
    (folder / "changing.tmp").replace(path)
    changed = nginx.ask(address(id_, 2), known)
    assert (changed.status, spelled(changed.body)) == (200, 102)


def test_who_scrubs_is_served_by_the_process_which_keeps_the_order(nginx: Nginx, machines: list[Machine]):
    id_ = next(iter(videos(machines[0])))
    path = address(id_, 12, fingerprint(nginx, id_))

    def scrubbing(sequence: int) -> Answer:
        return nginx.ask(path, {"Client-Id": "one-who-scrubs", "Client-Sequence": str(sequence)})

    before = counted(machines)
    assert scrubbing(5).status == 200
    assert is_trouble(scrubbing(3), 409)
    assert [nginx.ask(path).status for _ in range(3)] == [200] * 3
    assert counted(machines) == before + 2, "nothing of who scrubs was kept; the first of the others was"
    assert scrubbing(6).status == 200
    assert counted(machines) == before + 3
    assert is_trouble(scrubbing(4), 409), "also where the picture is kept for others"


def test_errors_are_not_kept(nginx: Nginx, machines: list[Machine]):
    id_ = next(iter(videos(machines[0])))
    version = fingerprint(nginx, id_)
    for path, status in (
        (address(id_, 24, version), 404),
        (address(id_, 0, "0" * 32), 410),
        (address(id_, 0, version) + "&w=0", 400),
        (address("unknown", 0, version), 404),
    ):
        before = counted(machines, "problems")
        assert all(is_trouble(nginx.ask(path), status) for _ in range(2))
        assert counted(machines, "problems") == before + 2


# Tokens


@pytest.fixture(scope="module")
def guarded(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Machine]]:
    with two(folder, tmp_path_factory.mktemp("guarded"), token=TOKEN) as made:
        yield made


def test_what_a_token_was_needed_for_is_kept_for_nobody(guarded: list[Machine], start: Start):
    nginx = start(*(machine.port for machine in guarded))
    id_ = next(iter(videos(guarded[0])))
    shown = {"Authorization": f"Bearer {TOKEN}"}
    path = address(id_, 3, fingerprint(nginx, id_, shown))
    login = nginx.ask(f"/?token={TOKEN}")
    assert (login.status, login.headers["location"]) == (303, "./")
    cookie = {"Cookie": login.headers["set-cookie"].partition(";")[0]}
    signed = sign_url(path, token=TOKEN, expires=4102444800)
    before = counted(guarded)
    for number in range(1, 3):
        assert is_trouble(nginx.ask(path), 401)
        for answer in (nginx.ask(path, shown), nginx.ask(path, cookie), nginx.ask(signed)):
            assert answer.status == 200
            assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
        assert counted(guarded) == before + 3 * number
    assert is_trouble(nginx.ask(signed.replace("frames/3", "frames/4")), 401)
    assert signed.partition("?")[0] in nginx.access_log
    assert not any(secret in nginx.access_log for secret in (TOKEN, "signature", "?"))


def test_nginx_may_show_the_token_and_keep_what_it_is_given(guarded: list[Machine], start: Start):
    nginx = start(*(machine.port for machine in guarded), token=TOKEN)
    id_, first_spelled = next(iter(videos(guarded[0]).items()))
    version = fingerprint(nginx, id_)
    before = counted(guarded)
    for _ in range(2):
        answer = nginx.ask(address(id_, 3, version))
        assert (answer.status, spelled(answer.body)) == (200, first_spelled + 3)
    assert counted(guarded) == before + 1
    for number in range(2, 4):
        assert nginx.ask(address(id_, 3)).status == 200
        assert counted(guarded) == before + number, "without v= it is asked for anew"
    before = counted(guarded, "problems")
    assert all(is_trouble(nginx.ask(address(id_, 24, version)), 404) for _ in range(2))
    assert counted(guarded, "problems") == before + 2, "errors are not kept"


# What goes through


def test_parts_of_the_file_come_through(nginx: Nginx, machines: list[Machine], folder: Path):
    data = (folder / "00.mp4").read_bytes()
    listed = json.loads(nginx.ask("/v1/videos").body)["videos"]
    path = "/v1/videos/" + next(video["id"] for video in listed if video["name"] == "00.mp4") + "/media"
    whole = nginx.ask(path)
    assert (whole.status, whole.body, whole.headers["accept-ranges"]) == (200, data, "bytes")
    part = nginx.ask(path, {"Range": "bytes=10-19"})
    assert (part.status, part.body, part.headers["content-range"]) == (206, data[10:20], f"bytes 10-19/{len(data)}")
    assert nginx.ask(path, {"Range": "bytes=-7"}).body == data[-7:]
    assert nginx.ask(path, {"Range": "bytes=10-19", "If-Range": whole.headers["etag"]}).body == data[10:20]
    assert nginx.ask(path, {"Range": "bytes=10-19", "If-Range": '"another"'}).body == data
    assert is_trouble(nginx.ask(path, {"Range": "bytes=99999999-"}), 416)
    assert nginx.ask(path, method="HEAD").headers["content-length"] == str(len(data))


def test_many_frames_come_through(nginx: Nginx, machines: list[Machine]):
    id_, first_spelled = list(videos(machines[0]).items())[1]
    archive = zipfile.ZipFile(io.BytesIO(nginx.ask(f"/v1/videos/{id_}/frames?i=0:24:5").body))
    assert [spelled(archive.read(name)) for name in archive.namelist()] == [first_spelled + index for index in range(0, 24, 5)]


def test_what_is_too_long_is_told_by_framecache(nginx: Nginx):
    assert is_trouble(nginx.ask("/v1/videos?" + "x" * 8000), 400)
    assert is_trouble(nginx.ask("/v1/videos?" + "x" * 9000), 414)


def test_the_page_comes_through(nginx: Nginx, machines: list[Machine]):
    for path in ("/", f"/v/{next(iter(videos(machines[0])))}"):
        page = nginx.ask(path, {"Accept-Encoding": "gzip"})
        assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "content-security-policy" in page.headers
        assert page.body == ask(machines[0].port, path).body
    assert nginx.ask("/static/frame-scrubber.js", {"Origin": f"http://{NAME}"}).status == 200
    assert is_trouble(nginx.ask("/static/frame-scrubber.js", {"Origin": "http://evil.example"}), 403)


def test_the_figures_of_a_process_are_not_told(nginx: Nginx, machines: list[Machine]):
    assert nginx.ask("/metrics").status == 404
    assert ask(machines[0].port, "/metrics").status == 200
    assert nginx.ask("/healthz").body == b"ok\n"


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (address("any", 5, "0" * 32), {"Client-Id": "viewer", "Client-Sequence": "1"}),
        (address("any", 5), {}),
        ("/v1/videos/any/frames?i=0:9", {}),
        ("/v1/videos/any/media", {}),
    ],
    ids=["scrubbing", "picture", "zip", "media"],
)
def test_a_client_that_hangs_up_is_heard_of_behind_nginx(path: str, headers: dict[str, str], start: Start):
    with Silent() as silent:
        nginx = start(silent.port, silent.port)
        client = http.client.HTTPConnection("127.0.0.1", nginx.port, timeout=DEADLINE_SECONDS)
        client.request("GET", path, headers={"Host": NAME, **headers})
        connection, head = silent.take()
        assert head.startswith(f"GET {path} HTTP/1.1\r\n")
        assert f"\r\nHost: {NAME}\r\n" in head
        client.close()
        with connection:
            assert connection.recv(1) == b""


def test_a_picture_that_others_wait_for_is_made_though_who_asked_first_hangs_up(start: Start):
    path = address("any", 5, "0" * 32)
    answer = b"HTTP/1.1 200 OK\r\nCache-Control: public, max-age=99\r\nContent-Length: 7\r\n\r\npicture"
    with Silent() as silent, ThreadPoolExecutor(1) as pool:
        nginx = start(silent.port, silent.port)
        client = http.client.HTTPConnection("127.0.0.1", nginx.port, timeout=DEADLINE_SECONDS)
        client.request("GET", path, headers={"Host": NAME})
        first, _ = silent.take()
        waiting = pool.submit(nginx.ask, path)
        client.close()
        assert eventually(lambda: "client prematurely closed connection" in nginx.told)
        with first:
            first.setblocking(False)
            with pytest.raises(BlockingIOError):
                first.recv(1)
            first.sendall(answer)
        # nginx throws away what it cannot send to who asked; framecache has it at hand by then.
        second, _ = silent.take()
        with second:
            second.sendall(answer)
            assert waiting.result().body == b"picture"
        assert nginx.ask(path).body == b"picture", "it is kept"


@pytest.mark.parametrize("path", ["/v1/videos/any/frames?i=0:9", "/v1/videos/any/media"])
def test_what_is_long_is_sent_on_as_it_comes(path: str, start: Start):
    with Silent() as silent:
        nginx = start(silent.port, silent.port)
        client = http.client.HTTPConnection("127.0.0.1", nginx.port, timeout=DEADLINE_SECONDS)
        with contextlib.closing(client):
            client.request("GET", path, headers={"Host": NAME})
            connection, _ = silent.take()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst")
                answer = client.getresponse()
                assert answer.read(5) == b"first", "while the rest is not there yet"
                connection.sendall(b" last")
                assert answer.read() == b" last"
