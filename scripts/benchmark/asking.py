"""Clients of the frame server that cost next to nothing themselves: bare sockets, many at once."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

DRAG_FRAMES = (1, 2, 5, -3, 8, -1, 30, -60)


@dataclass(frozen=True)
class Asked:
    """What came: the last answer's body, and answers per second."""

    body: bytes
    rate: float


class Client:
    """One connection that is kept open."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def connect(cls, port: int) -> Client:
        """Connect to a server on this machine."""
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 20))

    async def get(self, target: str, *headers: str) -> tuple[int, bytes]:
        """The status and the body of an answer."""
        lines = [f"GET {target} HTTP/1.1", "Host: 127.0.0.1", *headers, "\r\n"]
        self._writer.write("\r\n".join(lines).encode())
        head = await self._reader.readuntil(b"\r\n\r\n")
        return int(head.split(b" ", 2)[1]), await self._reader.readexactly(length_of(head))

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()


def length_of(head: bytes) -> int:
    """How many bytes follow the head of an answer, as it says; ValueError where it does not."""
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    raise ValueError(f"an answer without a length: {head[:200]!r}")


def ask_all(port: int, target: str, n_connections: int, n_each: int) -> Asked:
    """Ask for the same again and again over some connections at once.

    Raises:
        RuntimeError: It is refused.
    """

    async def one(client: Client) -> bytes:
        body = b""
        for _ in range(n_each):
            status, body = await client.get(target)
            if status != 200:
                raise RuntimeError(f"{target} is answered with {status}: {body[:200]!r}")
        return body

    async def act() -> Asked:
        clients = [await Client.connect(port) for _ in range(n_connections)]
        began = time.perf_counter()
        try:
            bodies = await asyncio.gather(*map(one, clients))
            seconds = time.perf_counter() - began
        finally:
            for client in clients:
                await client.close()
        return Asked(bodies[0], n_connections * n_each / seconds)

    return asyncio.run(act())


def way(seed: int, n_frames: int, n_steps: int) -> list[int]:
    """Where one client scrubs: from some place on to and fro, now and then far away."""
    chance = random.Random(seed)
    at, places = chance.randrange(n_frames), []
    for _ in range(n_steps):
        at = chance.randrange(n_frames) if chance.random() < 0.1 else (at + chance.choice(DRAG_FRAMES)) % n_frames
        places.append(at)
    return places


def scrub_all(port: int, ids: Sequence[str], n_frames: int, n_steps: int) -> tuple[list[float], int]:
    """One client for each id, all scrubbing at once; how long each frame took, and how many answers were none."""

    async def one(number: int, id_: str) -> list[tuple[float, int]]:
        client, came = await Client.connect(port), []
        for sequence, place in enumerate(way(number, n_frames, n_steps)):
            began = time.perf_counter()
            order = f"Client-Id: bench-{number}", f"Client-Sequence: {sequence}"
            status, _ = await client.get(f"/v1/videos/{id_}/frames/{place}.jpg?w=960", *order)
            came.append((time.perf_counter() - began, status))
        await client.close()
        return came

    async def act() -> list[list[tuple[float, int]]]:
        return await asyncio.gather(*(one(number, id_) for number, id_ in enumerate(ids)))

    came = [answer for client in asyncio.run(act()) for answer in client]
    return [seconds for seconds, status in came if status == 200], sum(status != 200 for _, status in came)
