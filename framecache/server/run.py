"""Running the frame server: here until it is told to end, or in a thread of its own."""

from __future__ import annotations

import atexit
import contextlib
import html
import os
import socket
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

from framecache.engine import DEFAULT_BUDGET_BYTES
from framecache.errors import MissingExtraError, ServerError
from framecache.memory import share_one_arena
from framecache.server.address import Address, listen, page_url, policy_for
from framecache.server.policy import Policy

if TYPE_CHECKING:
    from framecache.server.connections import ConnectionLimits
    from framecache.server.listening import Server

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8765
MOST_CONNECTIONS = 512
# Beyond the time that answers under way are given.
CLOSE_PATIENCE_SECONDS = 5.0
EXTRA = ("fastapi", "starlette", "uvicorn", "h11", "simplejpeg", "PIL", "prometheus_client")

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


def serve(
    paths: Paths,
    *,
    host: str = DEFAULT_HOST,
    port: int = DEFAULT_PORT,
    token: str | None = None,
    hosts: Collection[str] = (),
    origins: Collection[str] = (),
    buffer_size_bytes: int = DEFAULT_BUDGET_BYTES,
    tell: Callable[[str], object] = print,
) -> None:
    """Serve videos over HTTP until Ctrl-C or SIGTERM.

    For the main thread, which takes the signals. By default only this machine can ask. On an address that others reach,
    whoever asks must show a token; where none is given, one is made.

    Args:
        paths: Video files, and folders of them; nothing else can be asked for.
        host: The name or address to listen on.
        port: The port; 0 takes any that is free.
        token: What whoever asks must show: 1 to 512 printable ASCII characters.
        hosts: Further names that this server is asked for by, such as that of a proxy before it.
        origins: Pages of other servers that may ask, such as `https://notes.example.org`.
        buffer_size_bytes: The byte budget of all videos together.
        tell: Called once requests are answered, with each address to open in a browser, the token in it.

    Raises:
        MissingExtraError: The extra `server` is not installed.
        ServerError: It cannot listen there, or cannot start.
        VideoNotFoundError, VideoAccessError: A path cannot be served.
        BadArgumentError, BadTypeError: An argument is not allowed.
        KeyboardInterrupt: Ctrl-C ended it, after answers under way were given some seconds. After SIGTERM, the process
            ends as by that signal.
    """
    # This process is the server's own as long as this runs.
    share_one_arena()
    prepared = _prepare(paths, host, port, token, hosts, origins, buffer_size_bytes)
    with prepared.ending():
        prepared.server(lambda: [tell(url) for url in prepared.page_urls]).run_to_the_end()


def serve_background(
    paths: Paths,
    *,
    host: str = DEFAULT_HOST,
    port: int = 0,
    token: str | None = None,
    hosts: Collection[str] = (),
    origins: Collection[str] = (),
    buffer_size_bytes: int = DEFAULT_BUDGET_BYTES,
) -> ServerHandle:
    """Serve videos over HTTP from a thread of its own, until the handle is closed.

    Arguments and errors are as for `serve`; the port is any that is free, if none is given.

    Returns:
        A handle on the server, which answers requests by then.
    """
    return ServerHandle(_prepare(paths, host, port, token, hosts, origins, buffer_size_bytes))


def serve_video(path: str) -> ServerHandle:
    """`serve_background` for one file; the handle's `page_url` is that of the video's page."""
    prepared = _prepare(path, DEFAULT_HOST, 0, None, (), (), DEFAULT_BUDGET_BYTES)
    from framecache.server.library import Library

    (entry,) = Library([path]).scan()
    return ServerHandle(prepared, f"/v/{entry.id}")


class ServerHandle:
    """A server that runs in a thread of its own. Threads may share it; `with` closes it. A notebook shows it as its page.

    Attributes:
        url: The server's address, such as `http://127.0.0.1:40123`.
        token: What requests must show, or None.
        page_url: What to open in a browser, with the token, if there is one.
    """

    def __init__(self, prepared: Prepared, page: str = "/") -> None:
        self.url = prepared.address.url
        self.token = prepared.policy.token
        self.page_url = page_url(self.url, self.token, page)
        # A notebook should not keep a token, and is not let in where neither it nor this machine's pages are named.
        self._may_be_framed = self.token is None and (prepared.policy.is_for_this_machine or bool(prepared.policy.origins))
        self._failure: BaseException | None = None
        self._is_answered = threading.Event()
        self._server = prepared.server(self._is_answered.set)
        self._thread = threading.Thread(target=self._run, args=(prepared,), name="framecache-server", daemon=True)
        self._thread.start()
        self._is_answered.wait()
        if self._failure is not None:
            raise self._failure
        # The engine's threads should not be stopped half-way by the end of the program.
        atexit.register(self.close)

    def __repr__(self) -> str:
        return f"<ServerHandle {self.url}, {'open' if self._thread.is_alive() else 'closed'}>"

    def _repr_html_(self) -> str | None:
        """The page, for notebooks; None where it is closed, or pages of others may not frame it."""
        if not self._thread.is_alive() or not self._may_be_framed:
            return None
        # A frame keeps the page's keys from being the notebook's too.
        style = "width: 100%; height: 38rem; border: 0"
        return f'<iframe src="{html.escape(self.page_url)}" title="framecache" style="{style}" allowfullscreen></iframe>'

    def close(self) -> None:
        """Stop to listen, give answers under way two seconds, and end the thread. It may be called again.

        It takes some seconds at most, also where clients hang.

        Raises:
            ServerError: Work that cannot be called off goes on; the thread ends with that.
        """
        atexit.unregister(self.close)
        self._server.should_exit = True
        if self._thread is threading.current_thread():
            return
        self._thread.join(self._server.close_seconds + CLOSE_PATIENCE_SECONDS)
        if self._thread.is_alive():
            raise ServerError(f"the server at {self.url} did not end in time; it ends with what it still works on")

    def __enter__(self) -> ServerHandle:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _run(self, prepared: Prepared) -> None:
        try:
            with prepared.ending():
                self._server.run_to_the_end()
        except BaseException as error:
            self._failure = error
        finally:
            self._is_answered.set()


class Prepared(NamedTuple):
    """All that a server is made of: it listens, and nothing is answered yet."""

    app: Any
    listener: socket.socket
    address: Address
    policy: Policy
    limits: ConnectionLimits

    @property
    def page_urls(self) -> list[str]:
        """What to open in a browser, on this machine and, where others reach the server, on those."""
        return [page_url(url, self.policy.token) for url in self.address.urls]

    def server(self, on_start: Callable[[], object]) -> Server:
        """The server, which calls `on_start` once it answers."""
        from framecache.server.listening import Server

        return Server(self.app, self.listener, self.limits, on_start)

    @contextlib.contextmanager
    def ending(self) -> Iterator[None]:
        """Let go of everything in the end, however it comes."""
        try:
            yield
        finally:
            self.listener.close()
            self.app.state.service.close()


def _prepare(
    paths: Paths,
    host: str,
    port: int,
    token: str | None,
    hosts: Collection[str],
    origins: Collection[str],
    buffer_size_bytes: int,
) -> Prepared:
    with needing_extra():
        from framecache.server.app import create_app
        from framecache.server.connections import ConnectionLimits
    listener, address = listen(host, port)
    try:
        policy = policy_for(address, token, hosts, origins)
        limits = ConnectionLimits(most=most_connections(), send_seconds=policy.send_timeout_seconds)
        roots = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
        app = create_app(roots, buffer_size_bytes=buffer_size_bytes, policy=policy)
    except BaseException:
        listener.close()
        raise
    return Prepared(app, listener, address, policy, limits)


@contextlib.contextmanager
def needing_extra() -> Iterator[None]:
    """Name the extra where an import finds that it is not installed.

    Raises:
        MissingExtraError: One of its packages is missing.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRA:
            raise
        raise MissingExtraError(f"the frame server needs {package}: pip install 'framecache[server]'") from error


def most_connections() -> int:
    """How many connections may be open at once: half of the files that this process may open, for videos are files too."""
    try:
        import resource
    except ImportError:  # there are none to count on Windows
        return MOST_CONNECTIONS
    may_open, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_CONNECTIONS if may_open == resource.RLIM_INFINITY else max(1, min(MOST_CONNECTIONS, may_open // 2))
