"""Servers that listen on 127.0.0.1, and many clients of theirs at once."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx2

from framecache.server.address import listen
from framecache.server.app import create_app
from framecache.server.connections import ConnectionLimits
from framecache.server.policy import Policy
from framecache.server.run import Prepared, ServerHandle
from framecache.server.service import Service

T = TypeVar("T")
DEADLINE_SECONDS = 60.0


class Loopback:
    """A server under way, and the service behind it.

    Attributes:
        url: Its address.
        service: What its routes share.
    """

    def __init__(self, handle: ServerHandle, service: Service) -> None:
        self.url = handle.url
        self.service = service

    @property
    def place(self) -> tuple[str, int]:
        """Where to connect to."""
        parts = urlsplit(self.url)
        assert parts.hostname
        assert parts.port
        return parts.hostname, parts.port

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx2.Response:
        """One answer, from a connection of its own."""
        with httpx2.Client(base_url=self.url, timeout=DEADLINE_SECONDS, trust_env=False) as client:
            return client.get(path, headers=headers)

    def ids(self) -> dict[str, str]:
        """The ids of the videos by their names."""
        return {video["name"]: video["id"] for video in self.get("/v1/videos").json()["videos"]}

    def frames_url(self, name: str | None = None) -> str:
        """Where the frames of a video are that is ready by then; of the only one, if it is not named."""
        ids = self.ids()
        id_ = ids[name] if name is not None else next(iter(ids.values()))
        wait_until(lambda: self.get(f"/v1/videos/{id_}").json()["state"] == "ready")
        return f"/v1/videos/{id_}/frames"

    def metric(self, name: str) -> float:
        """The value of a counter or gauge, as /metrics tells it; 0.0 for one that never counted."""
        found = re.search(rf"^framecache_{re.escape(name)} (\S+)$", self.get("/metrics").text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    @contextlib.contextmanager
    def asked(self, path: str, headers: dict[str, str] | None = None) -> Iterator[http.client.HTTPConnection]:
        """A connection on which something was asked for, whose answer nobody has read so far; it is closed in the end."""
        with contextlib.closing(http.client.HTTPConnection(*self.place, timeout=DEADLINE_SECONDS)) as connection:
            connection.request("GET", path, headers=headers or {})
            yield connection

    def run(self, act: Callable[[httpx2.AsyncClient], Awaitable[T]]) -> T:
        """What `act` gives, whose client may have hundreds of connections at once."""

        async def begin() -> T:
            async with self._client() as client:
                return await asyncio.wait_for(act(client), 5 * DEADLINE_SECONDS)

        return asyncio.run(begin())

    @contextlib.asynccontextmanager
    async def _client(self) -> AsyncIterator[httpx2.AsyncClient]:
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=100)
        timeout = 2 * DEADLINE_SECONDS
        async with httpx2.AsyncClient(base_url=self.url, limits=limits, timeout=timeout, trust_env=False) as client:
            yield client


@contextlib.contextmanager
def serving(*paths: Path, **options: Any) -> Iterator[Loopback]:
    """A server of these files and folders, in a thread of its own; `options` are those of `create_app`."""
    listener, address = listen("127.0.0.1", 0)
    app = create_app(paths, **options)
    with ServerHandle(Prepared(app, listener, address, Policy(), ConnectionLimits(close_seconds=0.2))) as handle:
        yield Loopback(handle, app.state.service)


def order(client: str, sequence: int, lane: str = "frame") -> dict[str, str]:
    """The headers that tell which of a client's requests this is."""
    return {"Client-Id": client, "Client-Sequence": str(sequence), "Client-Lane": lane}


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait, and fail where it does not come about for a minute."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.005)
