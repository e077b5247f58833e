"""The frame server as it listens: slow clients, lost clients, ends, signals. It listens on 127.0.0.1 alone, always."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import ipaddress
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import processes
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

import framecache
from framecache import BadArgumentError, BadTypeError, MissingExtraError, ServerError, VideoNotFoundError, VideoReader
from framecache.server.address import Address, listen, page_url, policy_for
from framecache.server.connections import ConnectionLimits
from framecache.server.guard import Guard, Policy
from framecache.server.listening import MOST_HEAD_BYTES, Server
from framecache.server.run import most_connections, serve_background

DEADLINE_SECONDS = 60.0
ROOT = Path(__file__).resolve().parents[1]


def eventually(is_so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


class Stand:
    """A small application in the server's place: `/` answers, the others are what slow clients ask for."""

    def __init__(self) -> None:
        self.is_open = threading.Event()
        self.waiting = threading.Semaphore(0)
        self.gone = threading.Semaphore(0)
        self.state = self
        self.service = self
        self.is_closed = False
        routes = [
            Route("/", lambda _: PlainTextResponse("here"), methods=["GET", "POST"]),
            Route("/endless", self._endless),
            Route("/large/{n}", lambda request: Response(bytes(int(request.path_params["n"])))),
            Route("/hangs", self._hangs),
            Route("/seconds/{n}", self._seconds),
        ]
        self._app = Guard(Starlette(routes=routes), Policy())

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._app(scope, receive, send)

    def close(self) -> None:
        self.is_closed = True

    async def _endless(self, _: Request) -> Response:
        async def body():  # type: ignore[no-untyped-def]
            while True:
                yield bytes(65_536)
                await asyncio.sleep(0)

        return StreamingResponse(body())

    async def _hangs(self, request: Request) -> Response:
        self.waiting.release()
        while not await request.is_disconnected():
            await asyncio.sleep(0.01)
        self.gone.release()
        return PlainTextResponse("too late")

    async def _seconds(self, request: Request) -> Response:
        await asyncio.sleep(float(request.path_params["n"]))
        return PlainTextResponse("slept")


class Running:
    """A server in a thread of its own, on a port of 127.0.0.1."""

    def __init__(self, limits: ConnectionLimits) -> None:
        listener, address = listen("127.0.0.1", 0)
        self.place = ("127.0.0.1", address.port)
        self.stand = Stand()
        has_started = threading.Event()
        self.server = Server(self.stand, listener, limits, has_started.set)
        self._thread = threading.Thread(target=self.server.run_to_the_end)
        self._thread.start()
        assert has_started.wait(DEADLINE_SECONDS)

    @property
    def n_connections(self) -> int:
        return len(self.server.server_state.connections)

    def connect(self, text: str = "") -> socket.socket:
        """A client that takes little at once, and has sent so much."""
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(DEADLINE_SECONDS)
        client.connect(self.place)
        client.sendall(text.encode())
        return client

    def get(self, path: str = "/", **headers: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(*self.place, timeout=DEADLINE_SECONDS)
        with contextlib.closing(connection):
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def ask(self, text: str) -> bytes:
        """All that comes for what was sent, until the server closes."""
        with contextlib.closing(self.connect(text)) as client:
            return received(client)

    def end(self) -> None:
        self.server.should_exit = True
        self._thread.join(DEADLINE_SECONDS)
        assert not self._thread.is_alive()


@pytest.fixture
def running() -> Iterator[Callable[..., Running]]:
    servers: list[Running] = []

    def run(**limits: Any) -> Running:
        servers.append(Running(ConnectionLimits(**{"close_seconds": 0.2, **limits})))
        return servers[-1]

    yield run
    for server in servers:
        server.end()


def received(client: socket.socket) -> bytes:
    parts = []
    with contextlib.suppress(ConnectionError):
        while part := client.recv(1 << 20):
            parts.append(part)
    return b"".join(parts)


GET = "GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n"


# Slow clients


def test_two_hundred_slow_clients_are_cut_off_while_others_are_served(running: Callable[..., Running]):
    server = running(head_seconds=1.0, send_seconds=1.0)
    silent = [server.connect() for _ in range(60)]
    trickling = [server.connect("GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ") for _ in range(60)]
    # These send on after they were answered, and never the whole of what they announced.
    posting = [server.connect("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n\r\n") for _ in range(40)]
    taking_nothing = [server.connect(GET.format("/endless")) for _ in range(40)]
    assert eventually(lambda: server.n_connections == 200)

    def trickle() -> None:
        while server.n_connections:
            for client in trickling + posting:
                with contextlib.suppress(OSError):
                    client.send(b"x")
            time.sleep(0.05)

    dripping = threading.Thread(target=trickle)
    dripping.start()
    n_served = 0
    while server.n_connections and n_served < 10_000:
        assert server.get() == (200, b"here")
        n_served += 1
        time.sleep(0.01)
    dripping.join(DEADLINE_SECONDS)
    assert n_served > 10, "others were served meanwhile"
    assert eventually(lambda: server.n_connections == 0), "nothing is left of the slow ones"
    assert eventually(lambda: not server.server.server_state.tasks), "nor of what was done for them"
    assert all(received(client) == b"" for client in silent + trickling)
    for client in silent + trickling + posting + taking_nothing:
        client.close()


def test_a_client_that_takes_none_of_an_answer_that_was_written_whole_is_cut_off(running: Callable[..., Running]):
    server = running(send_seconds=0.3)
    with contextlib.closing(server.connect(GET.format("/large/50000000"))) as client:
        assert eventually(lambda: server.n_connections == 1)
        assert eventually(lambda: server.n_connections == 0)
        assert len(received(client)) < 50_000_000


def test_a_client_that_takes_an_answer_slowly_gets_the_whole_of_it(running: Callable[..., Running]):
    server = running(head_seconds=0.3, send_seconds=0.5)
    n_bytes = 30_000_000
    with contextlib.closing(
        server.connect(GET.format(f"/large/{n_bytes}").replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"))
    ) as client:
        n_taken, pause_at = 0, 0
        while part := client.recv(1 << 16):
            n_taken += len(part)
            if n_taken >= pause_at:
                pause_at = n_taken + n_bytes // 20
                time.sleep(0.1)
    assert n_taken > n_bytes


def test_the_time_for_the_next_request_begins_when_the_last_answer_was_taken(running: Callable[..., Running]):
    server = running(head_seconds=1.5)
    with contextlib.closing(server.connect(GET.format("/large/20000000"))) as client:
        n_left, began = 20_000_000, time.monotonic()
        while n_left > 0:
            # One part comes with the head.
            n_left -= len(client.recv(min(1 << 16, n_left)))
            if time.monotonic() - began < 2.5 and n_left < 12_000_000:
                time.sleep(0.01)
        time.sleep(0.2)
        client.sendall(GET.format("/").replace("localhost", "localhost\r\nConnection: close").encode())
        assert received(client).endswith(b"here")


def test_an_answer_that_takes_long_is_no_slow_client(running: Callable[..., Running]):
    server = running(head_seconds=0.2, send_seconds=0.2)
    assert server.get("/seconds/0.8") == (200, b"slept")


def test_requests_one_after_another_on_one_connection_are_not_cut_off(running: Callable[..., Running]):
    server = running(head_seconds=0.4)
    with contextlib.closing(http.client.HTTPConnection(*server.place, timeout=DEADLINE_SECONDS)) as connection:
        for _ in range(8):
            connection.request("GET", "/")
            assert connection.getresponse().read() == b"here"
            time.sleep(0.1)
        assert server.n_connections == 1


def test_small_answers_do_not_wait_for_the_clients_acknowledgement(running: Callable[..., Running]):
    server = running()
    with contextlib.closing(server.connect(GET.format("/"))) as client:
        assert client.recv(1)
        (connection,) = server.server.server_state.connections
        assert connection.transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)  # type: ignore[union-attr]


def test_a_second_request_that_does_not_come_whole_is_cut_off(running: Callable[..., Running]):
    server = running(head_seconds=0.3)
    with contextlib.closing(server.connect(GET.format("/") + "GET / HTTP/1.1\r\nHost:")) as client:
        assert received(client).endswith(b"here")
    assert eventually(lambda: server.n_connections == 0)


def test_connections_beyond_the_most_are_closed_at_once(running: Callable[..., Running]):
    server = running(most=5, head_seconds=DEADLINE_SECONDS)
    held = [server.connect() for _ in range(5)]
    assert eventually(lambda: server.n_connections == 5)
    with contextlib.closing(server.connect()) as sixth:
        assert received(sixth) == b""
    assert server.n_connections == 5, "those before are held"
    for client in held:
        client.close()
    assert eventually(lambda: server.n_connections == 0)
    assert server.get() == (200, b"here")


def test_a_client_gone_in_the_middle_is_noticed(running: Callable[..., Running]):
    server = running()
    clients = [server.connect(GET.format("/hangs")) for _ in range(20)]
    for _ in clients:
        assert server.stand.waiting.acquire(timeout=DEADLINE_SECONDS)
    for number, client in enumerate(clients):
        if number % 2:  # some are torn off rather than closed
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
    for _ in clients:
        assert server.stand.gone.acquire(timeout=DEADLINE_SECONDS)
    assert eventually(lambda: server.n_connections == 0)
    assert server.get() == (200, b"here")


# What is no request


@pytest.mark.parametrize(
    "text",
    [
        "nonsense\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        "GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: many\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\n" + "X-Long: " + "x" * 2 * MOST_HEAD_BYTES,
    ],
    ids=lambda text: repr(text[:60]),
)
def test_what_is_no_request_ends_its_connection_and_nothing_else(
    text: str, running: Callable[..., Running], caplog: pytest.LogCaptureFixture
):
    server = running(head_seconds=0.5)
    answer = server.ask(text)
    assert b" 400 " in answer.split(b"\r\n")[0] or answer == b"" or answer.endswith(b"here")
    assert eventually(lambda: server.n_connections == 0)
    assert server.get() == (200, b"here")
    assert caplog.messages == [], "nobody should be able to fill the log"


@pytest.mark.parametrize("target", ["GET /endless", "POST /"])
def test_nonsense_during_an_answer_or_after_it_ends_the_connection(
    target: str, running: Callable[..., Running], caplog: pytest.LogCaptureFixture
):
    server = running()
    with contextlib.closing(
        server.connect(f"{target} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
    ) as client:
        assert client.recv(12) == b"HTTP/1.1 200"
        client.sendall(b"nonsense\r\n")
        received(client)
    assert eventually(lambda: server.n_connections == 0)
    assert eventually(lambda: not server.server.server_state.tasks)
    assert caplog.messages == []


def test_foreign_hosts_are_refused_where_it_listens(running: Callable[..., Running]):
    server = running(head_seconds=0.5)
    assert server.ask("GET / HTTP/1.0\r\n\r\n").split()[1] == b"403", "HTTP 1.0 may leave the Host out"
    assert server.get(Host="evil.example")[0] == 403
    assert server.get("/" + "x" * 9000)[0] == 414
    for named, other, status in (("evil.example", "localhost", b"403"), ("localhost", "evil.example", b"200")):
        answer = server.ask(f"GET http://{named}/ HTTP/1.1\r\nHost: {other}\r\nConnection: close\r\n\r\n")
        assert answer.split()[1] == status, "a whole address is what counts (RFC 9112, 3.2.2)"
        assert b"server:" not in answer.lower()


# Where it listens


def test_a_port_that_is_taken_is_told():
    listener, address = listen("127.0.0.1", 0)
    with listener, pytest.raises(ServerError, match=f"port {address.port}: .*in use"):
        listen("127.0.0.1", address.port)


def test_a_place_that_is_none_is_told():
    with pytest.raises(ServerError, match="cannot listen on no-such-name"):
        listen("no-such-name.invalid", 0)
    for host, port in (("", 0), ("127.0.0.1", 65536), ("127.0.0.1", -1)):
        with pytest.raises(BadArgumentError):
            listen(host, port)
    for host, port in ((None, 0), ("127.0.0.1", "http")):
        with pytest.raises(BadTypeError):
            listen(host, port)  # type: ignore[arg-type]


def at(host: str, ip: str | None = None) -> Address:
    return Address(host, ipaddress.ip_address(ip or host), 8765)


def test_this_machine_alone_needs_no_token():
    for address in (at("127.0.0.1"), at("localhost", "127.0.0.1"), at("::1")):
        policy = policy_for(address, None, (), ())
        assert policy.token is None
        assert policy.takes_host(b"localhost:8765")
        assert not policy.takes_host(b"192.168.1.5")
    assert policy_for(at("127.0.0.1"), "mine", (), ()).token == "mine"


def test_any_other_address_gets_a_token():
    addresses = [at("0.0.0.0"), at("::"), at("192.168.1.5"), at("box", "192.168.1.5"), at("localhost", "192.168.1.5")]
    tokens = {policy_for(address, None, (), ()).token for address in addresses}
    assert len(tokens) == len(addresses), "each another"
    assert all(token is not None and len(token) >= 32 for token in tokens)
    assert policy_for(at("0.0.0.0"), "mine", (), ()).token == "mine"
    with pytest.raises(BadArgumentError):
        policy_for(at("0.0.0.0"), "", (), ())


def test_hosts_are_those_of_the_address_and_those_named():
    box = policy_for(at("box", "192.168.1.5"), None, ["Video.example.org"], ["https://notes.example.org"])
    assert box.takes_host(b"box:8765")
    assert box.takes_host(b"video.example.org")
    assert not box.takes_host(b"192.168.1.6")
    assert box.is_named(b"https://notes.example.org")
    everywhere = policy_for(at("0.0.0.0"), None, (), ())
    assert everywhere.takes_host(b"192.168.1.6:8765")
    assert everywhere.takes_host(socket.gethostname().encode())
    assert not everywhere.takes_host(b"evil.example")
    assert policy_for(at("fe80::1%eth0", "fe80::1"), None, (), ()).takes_host(b"[fe80::1]:8765")


def test_addresses_are_told_as_browsers_take_them():
    assert at("127.0.0.1").urls == ["http://127.0.0.1:8765"]
    assert at("::1").urls == ["http://[::1]:8765"]
    assert at("Box", "192.168.1.5").urls == ["http://box:8765"]
    assert at("0.0.0.0").urls == ["http://127.0.0.1:8765", f"http://{socket.gethostname()}:8765"]
    assert page_url("http://box:8765", None) == "http://box:8765/"
    assert page_url("http://box:8765", "a/b+c", "/v/abc") == "http://box:8765/v/abc?token=a%2Fb%2Bc"


def test_connections_leave_files_for_the_videos(monkeypatch: pytest.MonkeyPatch):
    import resource

    for may_open, most in ((256, 128), (1024, 512), (1 << 20, 512), (resource.RLIM_INFINITY, 512)):
        monkeypatch.setattr(resource, "getrlimit", lambda _, may_open=may_open: (may_open, may_open))
        assert most_connections() == most


# The server in the background


def fetched(url: str, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    host, _, port = url.removeprefix("http://").rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=DEADLINE_SECONDS)
    with contextlib.closing(connection):
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


def test_videos_are_served_in_the_background(sample: Path):
    with serve_background(sample) as server:
        assert server.url.startswith("http://127.0.0.1:")
        assert (server.token, server.page_url) == (None, f"{server.url}/")
        status, headers, body = fetched(server.url, "/v1/videos")
        assert (status, headers["x-content-type-options"]) == (200, "nosniff")
        (video,) = json.loads(body)["videos"]
        assert str(sample.parent).encode() not in body
        status, headers, body = fetched(server.url, f"/v1/videos/{video['id']}/frames/7.jpg")
        assert (status, headers["frame-index"], body[:2]) == (200, "7", b"\xff\xd8")
        assert fetched(server.url, "/v1/videos", Host="evil.example")[0] == 403
    with pytest.raises(ConnectionError):
        fetched(server.url, "/v1/videos")
    server.close()
    assert "closed" in repr(server)


def test_a_token_is_asked_for_where_one_is_given(sample: Path):
    with serve_background([sample], token="mine") as server:
        assert server.page_url == f"{server.url}/?token=mine"
        assert server.token == "mine"
        for path in ("/v1/videos", "/", "/metrics", "/static/../v1/videos", "/static/%2e%2e/v1/videos"):
            assert fetched(server.url, path)[0] in (401, 404)
        assert fetched(server.url, "/static/frame-scrubber.js")[0] == 200
        assert fetched(server.url, "/v1/videos", Authorization="Bearer mine")[0] == 200
        status, headers, _ = fetched(server.url, "/?token=mine")
        assert (status, headers["location"]) == (303, "./")
        cookie = headers["set-cookie"].partition(";")[0]
        assert fetched(server.url, "/v1/videos", Cookie=cookie)[0] == 200
        assert fetched(server.url, "/healthz")[0] == 200


def test_nothing_is_left_where_a_server_cannot_start(sample: Path, tmp_path: Path):
    before = threading.active_count()
    with pytest.raises(VideoNotFoundError):
        serve_background(tmp_path / "missing.mp4")
    with pytest.raises(BadArgumentError):
        serve_background(sample, token="two words")
    with serve_background(sample) as server, pytest.raises(ServerError):
        serve_background(sample, port=int(server.url.rpartition(":")[2]))
    assert threading.active_count() <= before


@pytest.fixture
def stand(monkeypatch: pytest.MonkeyPatch) -> Stand:
    """What `serve_background` serves, in place of videos."""
    made = Stand()
    monkeypatch.setattr("framecache.server.app.create_app", lambda *_, **__: made)
    return made


def test_closing_ends_soon_while_clients_hang(stand: Stand):
    server = serve_background(["videos"])
    port = int(server.url.rpartition(":")[2])
    texts = ["", "GET / HTTP/1.1\r\n", GET.format("/endless"), GET.format("/large/9999999"), GET.format("/seconds/9999")]
    clients = []
    for text in texts * 3:
        clients.append(socket.create_connection(("127.0.0.1", port)))
        clients[-1].sendall(text.encode())
    hanging = socket.create_connection(("127.0.0.1", port))
    hanging.sendall(GET.format("/hangs").encode())
    assert stand.waiting.acquire(timeout=DEADLINE_SECONDS)
    server.close()
    assert "closed" in repr(server)
    assert stand.is_closed
    for client in [*clients, hanging]:
        client.settimeout(DEADLINE_SECONDS)
        received(client)  # to its end
        client.close()


def test_an_answer_under_way_is_finished_when_it_closes(stand: Stand):
    server = serve_background(["videos"])
    answers: list[Any] = []
    asking = threading.Thread(target=lambda: answers.append(fetched(server.url, "/seconds/0.5")))
    asking.start()
    assert eventually(lambda: bool(server._server.server_state.tasks))
    server.close()
    asking.join(DEADLINE_SECONDS)
    assert answers[0][0] == 200


def test_a_server_that_cannot_start_is_told_and_let_go(stand: Stand):
    async def refuse(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "lifespan"
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no"})

    stand._app = refuse  # type: ignore[assignment]
    with pytest.raises(ServerError, match="could not start"):
        serve_background(["videos"])
    assert stand.is_closed


# play


def test_a_video_is_played_in_the_browser(sample: Path, monkeypatch: pytest.MonkeyPatch):
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    with VideoReader(sample) as reader, framecache.play(reader) as server:
        (url,) = opened
        assert url == server.page_url
        assert url.startswith(f"{server.url}/v/")
        id_ = url.rpartition("/")[2]
        assert json.loads(fetched(server.url, f"/v1/videos/{id_}")[2])["name"] == "sample.mp4"
        assert fetched(server.url, f"/v/{id_}")[0] == 200
    with framecache.play(str(sample), open_browser=False) as server:
        assert len(opened) == 1
        assert server.page_url.endswith(id_)


def test_a_notebook_shows_what_it_may(sample: Path):
    for options in ({"token": "mine"}, {"hosts": ["video.example.org"]}):
        with serve_background(sample, **options) as server:
            assert server._repr_html_() is None
    for options in ({}, {"hosts": ["video.example.org"], "origins": ["https://notes.example.org"]}):
        with serve_background(sample, **options) as server:
            shown = server._repr_html_()
            assert shown is not None
            assert f'src="{server.page_url}"' in shown
        assert server._repr_html_() is None


def test_what_has_no_path_cannot_be_played(sample: Path, tmp_path: Path):
    with VideoReader(sample.read_bytes()) as reader, pytest.raises(BadTypeError, match="only a video with a path"):
        framecache.play(reader)
    for wrong in (sample.read_bytes(), 5):
        with pytest.raises(BadTypeError):
            framecache.play(wrong)  # type: ignore[arg-type]
    with pytest.raises(VideoNotFoundError):
        framecache.play(tmp_path / "missing.mp4")


def test_a_server_that_nobody_closes_does_not_keep_the_program(sample: Path):
    code = f"import framecache; print(framecache.play({str(sample)!r}, open_browser=False).url)"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=DEADLINE_SECONDS)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("http://127.0.0.1:")


# The extra


EXTRA = ("fastapi", "starlette", "uvicorn", "h11", "simplejpeg", "PIL", "prometheus_client")


def test_the_library_imports_nothing_of_the_extra(sample: Path):
    code = (
        "import framecache, framecache.server, framecache.cli.app, sys; "
        f"framecache.VideoReader({str(sample)!r})[0]; print(set({EXTRA}) & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=DEADLINE_SECONDS)
    assert (done.stdout, done.stderr) == ("set()\n", "")


@pytest.mark.parametrize("package", ["fastapi", "uvicorn"])
def test_where_the_extra_is_missing_it_is_named(package: str, sample: Path, tmp_path: Path):
    (tmp_path / f"{package}.py").write_text(f"raise ModuleNotFoundError('not here', name={package!r})\n")
    environment = {"PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    done = processes.run("serve", sample, "--port", 0, **environment)
    told = f"the frame server needs {package}: pip install 'framecache[server]'"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"framecache: {told}\n")
    code = (
        f"import framecache\ntry: framecache.play({str(sample)!r})\n"
        "except ImportError as error: print(type(error).__name__, error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=DEADLINE_SECONDS, env={**os.environ, **environment}
    )
    assert (done.stdout, done.stderr) == (f"{MissingExtraError.__name__} {told}\n", "")


# The command


class Serving:
    """`framecache serve` as a process; its address is the first line that it prints."""

    def __init__(self, command: list[Any], cwd: Path, **environment: str) -> None:
        # Into a pipe, which must not hold the address back.
        self.process = subprocess.Popen(
            list(map(str, command)),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=cwd,
            env={**os.environ, **environment},
        )
        assert self.process.stdout is not None
        self.lines: list[str] = []
        while not self.lines or not self.lines[-1].startswith("http"):
            self.lines.append(self.process.stdout.readline().rstrip())
            assert self.lines[-1], f"it ended: {self.process.communicate()}"
        self.url = self.lines[-1].partition("/?")[0].rstrip("/")

    def end(self, how: signal.Signals) -> tuple[int, str, str]:
        self.process.send_signal(how)
        out, err = self.process.communicate(timeout=DEADLINE_SECONDS)
        return self.process.returncode, out, err


@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_the_command_serves_until_it_is_told_to_end(how: signal.Signals, code: int, sample: Path, tmp_path: Path):
    serving = Serving([*processes.COMMAND, "serve", sample, "--port", "0"], tmp_path)
    assert fetched(serving.url, "/v1/videos")[0] == 200
    silent = socket.create_connection(("127.0.0.1", int(serving.url.rpartition(":")[2])))
    assert serving.end(how) == (code, "", "")
    silent.close()


def test_the_command_serves_the_folder_where_it_stands(sample: Path, tmp_path: Path):
    (tmp_path / "inner").mkdir()
    shutil.copy(sample, tmp_path / "inner" / "a.mp4")
    serving = Serving([*processes.COMMAND, "serve", "--port", "0"], tmp_path)
    (video,) = json.loads(fetched(serving.url, "/v1/videos")[2])["videos"]
    assert video["name"] == "inner/a.mp4"
    serving.end(signal.SIGINT)


def test_the_command_takes_tokens_hosts_and_origins(sample: Path, tmp_path: Path):
    options = ["--allow-host", "a.example", "--allow-host", "b.example", "--allow-origin", "https://c.example", "--budget", "64M"]
    serving = Serving(
        [*processes.COMMAND, "serve", sample, "--port", "0", *options], tmp_path, FRAMECACHE_TOKEN="from-the-variable"
    )
    assert serving.lines == [f"{serving.url}/?token=from-the-variable"]
    token = {"Authorization": "Bearer from-the-variable"}
    assert fetched(serving.url, "/v1/videos")[0] == 401
    for host in ("a.example", "b.example:80", "localhost"):
        assert fetched(serving.url, "/v1/videos", Host=host, **token)[0] == 200
    assert fetched(serving.url, "/v1/videos", Host="c.example", **token)[0] == 403
    status, headers, _ = fetched(serving.url, "/v1/videos", Origin="https://c.example", **token)
    assert (status, headers["access-control-allow-origin"]) == (200, "https://c.example")
    serving.end(signal.SIGINT)


def test_the_command_tells_what_keeps_it_from_serving(sample: Path, tmp_path: Path):
    listener, address = listen("127.0.0.1", 0)
    with listener:
        for arguments, told in (
            (["missing.mp4", "--port", "0"], "missing.mp4"),
            ([sample, "--port", address.port], f"cannot listen on 127.0.0.1, port {address.port}"),
            ([sample, "--port", "0", "--token", "two words"], "the token must be"),
        ):
            done = processes.run("serve", *arguments, cwd=tmp_path)
            assert (done.returncode, done.stdout) == (1, "")
            (line,) = done.stderr.splitlines()
            assert told in line


def test_the_script_serves_a_sample_clip_or_the_video(sample: Path, tmp_path: Path):
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    shutil.copy(ROOT / "scripts" / "run", scripts)
    # In place of the installation: what is tested, as it is here.
    (scripts / "setup.sh").write_text(f'cd "{tmp_path}"\nmake_venv() {{ echo "$1" >extras; }}\n')
    command = tmp_path / ".venv" / "bin" / "framecache"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m framecache "$@"\n')
    command.chmod(0o755)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(sample, elsewhere / "mine.mp4")
    # As if it had been made before, which takes a while.
    (tmp_path / "framecache-sample").mkdir()
    shutil.copy(sample, tmp_path / "framecache-sample" / "sample.mp4")
    environment = {"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    for arguments, name in (([], "sample.mp4"), (["mine.mp4"], "mine.mp4")):
        serving = Serving([scripts / "run", *arguments, "--port", "0"], elsewhere, **environment)
        (video,) = json.loads(fetched(serving.url, "/v1/videos")[2])["videos"]
        assert (video["name"], video["size_bytes"]) == (name, sample.stat().st_size)
        assert serving.end(signal.SIGINT)[0] == 130
    assert set((tmp_path / "extras").read_text().strip().split(",")) >= {"cli", "server"}
