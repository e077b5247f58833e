"""Listening: uvicorn, set up to answer on one socket and to end in time."""

from __future__ import annotations

import contextlib
import math
import socket
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from framecache.errors import ServerError
from framecache.server.address import BACKLOG
from framecache.server.connections import ConnectionLimits, connection_type

KEEP_ALIVE_SECONDS = 5
# All of a request's head: its address, cookies and the like.
MOST_HEAD_BYTES = 32 * 1024


class Server(uvicorn.Server):
    """uvicorn's server on one socket.

    Args:
        app: What answers.
        listener: The socket; it is closed in the end.
        limits: What a connection may do.
        on_start: Called, in the server's thread, once requests are answered.
    """

    def __init__(self, app: ASGIApp, listener: socket.socket, limits: ConnectionLimits, on_start: Callable[[], object]) -> None:
        # Work that goes on after its connection was closed is cancelled then.
        self.close_seconds = math.ceil(limits.close_seconds) + 1
        config = uvicorn.Config(
            app,
            http=connection_type(limits),
            ws="none",
            lifespan="on",
            # Whoever starts a server from a program of their own keeps their own logging.
            log_config=None,
            server_header=False,
            proxy_headers=False,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=self.close_seconds,
            h11_max_incomplete_event_size=MOST_HEAD_BYTES,
        )
        super().__init__(config)
        self._listener = listener
        self._on_start = on_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        await super().startup(sockets)
        if self.started:
            self._on_start()

    def run_to_the_end(self) -> None:
        """Answer requests until told to end.

        Raises:
            ServerError: It could not start; the log says why.
            KeyboardInterrupt: Ctrl-C ended it, in the main thread.
        """
        # uvicorn exits where it cannot start.
        with self._listener, contextlib.suppress(SystemExit):
            self.run(sockets=[self._listener])
        if not self.started:
            raise ServerError("the frame server could not start; its log says why")
