"""Connections: uvicorn's, with an end to the patience: for a request that never comes whole, for an answer that is not taken."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from dataclasses import dataclass
from typing import Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

LONGEST_LOOK_SECONDS = 1.0
# Of its own, since uvicorn warns of every bad request, and another uvicorn in this process has its own settings.
_LOGGER = logging.getLogger("framecache.server")
_LOGGER.setLevel(logging.ERROR)
# What is called off when the server closes has not failed.
_LOGGER.addFilter(lambda record: not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError)))


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """How long and how many.

    Attributes:
        most: How many connections are open at once; one more is closed at once.
        head_seconds: From when a connection is made, or the last answer was taken, until the whole head of the next request
            has come, however it trickles in.
        send_seconds: How long a client may take nothing of an answer.
        close_seconds: How long answers that are under way may take when the server closes.
    """

    most: int = 512
    head_seconds: float = 10.0
    send_seconds: float = 30.0
    close_seconds: float = 2.0

    @property
    def look_seconds(self) -> float:
        """How often a connection is looked at."""
        return min(self.head_seconds / 8, self.send_seconds / 8, LONGEST_LOOK_SECONDS)


class Connection(H11Protocol):
    """One client's connection. It looks at itself now and then, which costs requests nothing."""

    limits: ClassVar[ConnectionLimits] = ConnectionLimits()

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.logger = _LOGGER
        self.access_log = False
        self._timers: list[asyncio.TimerHandle] = []
        self._waits_since = self._took_at = self.loop.time()
        self._n_untaken_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there."""
        super().connection_made(transport)
        if len(self.connections) > self.limits.most:
            transport.abort()
            return
        _send_at_once(transport)
        self._waits_since = self._took_at = self.loop.time()
        self._look_later()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone, or was cut off."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        super().connection_lost(exc)

    def resume_writing(self) -> None:
        """Most of what was written has been taken."""
        self._took_at = self.loop.time()
        super().resume_writing()

    def on_response_complete(self) -> None:
        """The next request may come."""
        self._waits_since = self.loop.time()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Tell that what came is no request, unless an answer is under way or was given already."""
        if self.cycle is not None and not self.cycle.response_complete:
            # To whoever works on the answer, this client is gone: nothing more can be sent, which is no failure of theirs.
            self.cycle.disconnected = True
            self.transport.abort()
            return
        try:
            super().send_400_response(msg)
        except h11.LocalProtocolError:
            self.transport.abort()

    def shutdown(self) -> None:
        """Close, as soon as what is under way is done, and before long in any case."""
        self._timers.append(self.loop.call_later(self.limits.close_seconds, self.transport.abort))
        # A connection that saw an error cannot say that it ends.
        with contextlib.suppress(h11.LocalProtocolError):
            super().shutdown()

    def _look_later(self) -> None:
        self._timers[:] = [self.loop.call_later(self.limits.look_seconds, self._look)]

    def _look(self) -> None:
        if self._is_overdue(self.loop.time()):
            self.transport.abort()
        else:
            self._look_later()

    def _is_overdue(self, now: float) -> bool:
        n_untaken_bytes = self.transport.get_write_buffer_size()
        if n_untaken_bytes == 0 or n_untaken_bytes < self._n_untaken_bytes:
            self._took_at = now
        self._n_untaken_bytes = n_untaken_bytes
        if n_untaken_bytes:
            self._waits_since = now
            return now - self._took_at >= self.limits.send_seconds
        is_waiting = self.cycle is None or self.cycle.response_complete
        return is_waiting and now - self._waits_since >= self.limits.head_seconds


def _send_at_once(transport: asyncio.Transport) -> None:
    """Let small answers go out without waiting for the client's acknowledgement of their head, which takes it 40 ms.

    asyncio does so itself only where the listener was made with its protocol named, which `socket.create_server` does not.
    """
    connection = transport.get_extra_info("socket")
    if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError):  # a client that is gone already
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def connection_type(limits: ConnectionLimits) -> type[Connection]:
    """The connections of a server with these limits, as uvicorn's `http` option takes them."""
    return type("LimitedConnection", (Connection,), {"limits": limits})
