"""framecache processes and Debian's nginx before them, all on 127.0.0.1, for tests of how they work together."""

from __future__ import annotations

import contextlib
import http.client
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import processes
import pytest

CONFIGURATION = Path(__file__).resolve().parents[1] / "docs" / "nginx.conf"
NAME = "video.example.org"
# A hang, not a slow machine.
DEADLINE_SECONDS = 240.0
# What is read before docs/nginx.conf, in the place of Debian's /etc/nginx/nginx.conf.
FRAME = """
{user}
daemon off;
worker_processes 2;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ worker_connections 768; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/framecache.conf;
}}
"""


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


def ask(port: int, path: str, headers: dict[str, str] | None = None, *, method: str = "GET") -> Answer:
    """One request to 127.0.0.1 on a connection of its own, for the name that everything here is known by."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_SECONDS)
    with contextlib.closing(connection):
        connection.request(method, path, headers={"Host": NAME, **(headers or {})})
        answer = connection.getresponse()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())


def eventually(is_so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def free_port() -> int:
    """A port that nobody listens on; below those that outgoing connections take, so that it stays free for a while."""
    while True:
        port = random.randrange(20_000, 32_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


class Machine:
    """A framecache process. It listens where it listened before when it is started again.

    Args:
        served: The folder that is served.
        own: A folder for its output and its index store.
        code: Python that serves on the port in `sys.argv[2]` the folder in `sys.argv[1]`, in place of `framecache serve`.
        token: What it asks for.
    """

    def __init__(self, served: Path, own: Path, *, code: str | None = None, token: str | None = None) -> None:
        own.mkdir()
        self.port = free_port()
        self.token = token
        self._output = own / "output"
        self._environment = {**os.environ, "FRAMECACHE_INDEX_DIR": str(own / "index-store")}
        self._environment.pop("FRAMECACHE_TOKEN", None)
        if token is not None:
            self._environment["FRAMECACHE_TOKEN"] = token
        serve = [*processes.COMMAND, "serve", str(served), "--port", str(self.port), "--allow-host", NAME]
        self._command = serve if code is None else [sys.executable, "-c", code, str(served), str(self.port)]
        self.start()

    def start(self) -> None:
        """Begin to start; see `wait`."""
        with self._output.open("ab") as output:
            self.process = subprocess.Popen(self._command, env=self._environment, stdout=output, stderr=output)

    def wait(self) -> None:
        """Come back once it answers."""

        def answers() -> bool:
            assert self.process.poll() is None, self._output.read_text()
            with contextlib.suppress(OSError):
                return ask(self.port, "/healthz").status == 200
            return False

        assert eventually(answers), self._output.read_text()

    def kill(self) -> None:
        """End it as a power cut does."""
        self.process.kill()
        self.process.wait(DEADLINE_SECONDS)

    def ask(self, path: str) -> Answer:
        """A request that goes past nginx."""
        return ask(self.port, path, {} if self.token is None else {"Authorization": f"Bearer {self.token}"})

    def count(self, name: str) -> int:
        """The sum of a counter of /metrics over all its labels."""
        text = self.ask("/metrics").body.decode()
        return sum(int(float(value)) for value in re.findall(rf"^framecache_{name}_total(?:{{.*}})? (\S+)$", text, re.MULTILINE))

    @property
    def pictures(self) -> int:
        """How many requests for pictures it has answered with one, or with 304."""
        return self.count("answers")


class Nginx:
    """nginx with docs/nginx.conf, in which the addresses and folders are the only things that are filled in.

    Args:
        folder: Where all its files lie.
        ports: Where the framecache processes listen.
        token: The token that nginx itself is to show: what is prepared in comments for that is switched on.
    """

    def __init__(self, folder: Path, ports: Sequence[int], *, token: str | None = None) -> None:
        folder.mkdir()
        self._folder = folder
        self.port = free_port()
        text = filled(CONFIGURATION.read_text(), self.port, ports, folder)
        if token is not None:
            text = switched_on(text, token)
        (folder / "framecache.conf").write_text(text)
        # As root, nginx would serve as a user who may not enter the folders of tests.
        user = "user root;" if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(FRAME.format(folder=folder, user=user))
        with (folder / "output").open("wb") as output:
            command = [program(), "-p", str(folder), "-c", str(folder / "nginx.conf")]
            self._process = subprocess.Popen(command, stdout=output, stderr=output)

    def wait(self) -> None:
        """Come back once it answers: it answers for one address by itself."""

        def answers() -> bool:
            assert self._process.poll() is None, self.told
            with contextlib.suppress(OSError):
                return ask(self.port, "/metrics").status == 404
            return False

        assert eventually(answers), self.told

    @property
    def told(self) -> str:
        """All that it wrote."""
        return "".join((self._folder / name).read_text() for name in ("output", "error.log") if (self._folder / name).exists())

    @property
    def access_log(self) -> str:
        return (self._folder / "access.log").read_text()

    def ask(self, path: str, headers: dict[str, str] | None = None, *, method: str = "GET") -> Answer:
        return ask(self.port, path, headers, method=method)

    def end(self) -> None:
        self._process.terminate()
        self._process.wait(DEADLINE_SECONDS)


def filled(text: str, port: int, servers: Sequence[int], folder: Path) -> str:
    """The configuration with all that must differ here; fails where it is not there to be replaced."""
    first, second = servers
    for given, here in (
        ("listen 80;", f"listen 127.0.0.1:{port};"),
        ("server 192.0.2.11:8765 ", f"server 127.0.0.1:{first} "),
        ("server 192.0.2.12:8765 ", f"server 127.0.0.1:{second} "),
        ("/var/cache/framecache-nginx ", f"{folder}/cache "),
        ("/var/log/nginx/framecache.log ", f"{folder}/access.log "),
    ):
        assert text.count(given) == 1, given
        text = text.replace(given, here)
    assert text.count(f" {NAME};") == 1
    return text


def switched_on(text: str, token: str) -> str:
    """The configuration in which nginx shows the token."""
    assert text.count("#trusted# ") == 3
    return text.replace("#trusted# ", "").replace('"Bearer TOKEN"', f'"Bearer {token}"')


def program() -> str:
    """Where nginx is; Debian keeps it where only root looks."""
    found = shutil.which("nginx", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))
    if found is None:
        assert os.environ.get("CI") != "true", "CI needs nginx"
        pytest.skip("nginx is not installed; on Debian: apt-get install nginx")
    return found


class Silent:
    """A socket in the place of a framecache process: it answers nothing but what a test sends."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(DEADLINE_SECONDS)
        self.port = int(self._listener.getsockname()[1])

    def __enter__(self) -> Silent:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    @contextlib.contextmanager
    def dying(self) -> Iterator[list[str]]:
        """Hang up on every request in a thread; the heads of those requests, as they come."""
        heads: list[str] = []

        def die() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, head = self.take()
                    heads.append(head)
                    connection.close()

        thread = threading.Thread(target=die)
        thread.start()
        try:
            yield heads
        finally:
            # This wakes whoever waits for a connection; closing it does not.
            self._listener.shutdown(socket.SHUT_RDWR)
            thread.join(DEADLINE_SECONDS)

    def take(self) -> tuple[socket.socket, str]:
        """The next connection, and the head of the request that came over it."""
        connection, _ = self._listener.accept()
        connection.settimeout(DEADLINE_SECONDS)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            part = connection.recv(1 << 16)
            assert part, "it ended within a request"
            head += part
        return connection, head.decode()
