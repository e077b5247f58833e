"""Asking an ASGI application without a server between, with any headers at all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

App = Callable[..., Awaitable[None]]
Headers = list[tuple[str, str]] | dict[str, str]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """The value of a header that comes once; None where it does not come."""
        values = [value for key, value in self.headers if key == name]
        assert len(values) < 2, f"{name} comes {len(values)} times"
        return values[0] if values else None

    @property
    def detail(self) -> str:
        """What a problem document says."""
        assert self.header("content-type") == "application/problem+json"
        told = json.loads(self.body)
        assert told["status"] == self.status
        return str(told["detail"])


def scope_of(target: str, headers: Headers = (), *, method: str = "GET", host: str | None = "localhost") -> dict[str, Any]:  # type: ignore[assignment]
    """A request as uvicorn tells it; `host` is the Host header, unless it is None."""
    path, _, query = target.partition("?")
    pairs = [*([("host", host)] if host is not None else []), *(headers.items() if isinstance(headers, dict) else headers)]
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in pairs],
        "server": ("127.0.0.1", 8765),
        "client": ("127.0.0.1", 50000),
    }


async def ask_later(app: App, target: str, headers: Headers = (), **more: Any) -> Answer:  # type: ignore[assignment]
    messages: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    await app(scope_of(target, headers, **more), receive, send)
    start, *parts = messages
    assert start["type"] == "http.response.start"
    assert not parts[-1].get("more_body")
    told = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"]]
    return Answer(start["status"], told, b"".join(part.get("body", b"") for part in parts))


def ask(app: App, target: str, headers: Headers = (), **more: Any) -> Answer:  # type: ignore[assignment]
    """One request and its answer."""
    return asyncio.run(ask_later(app, target, headers, **more))
