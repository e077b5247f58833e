"""Policy: whom the frame server answers, and how much it takes on at once."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from framecache.arguments import as_flag, as_seconds, as_whole, shown
from framecache.errors import BadArgumentError, BadTypeError
from framecache.server.tokens import as_token

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})
MOST_URL_BYTES = 8192
MOST_REQUESTS = 256
SEND_TIMEOUT_SECONDS = 30.0

# A name or an address, IPv6 in brackets, and perhaps a port (RFC 9110 section 7.2).
_HOST = re.compile(rb"([a-z0-9_.-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::[0-9]{0,5})?", re.IGNORECASE)
_ORIGIN = re.compile(r"https?://([a-z0-9_.-]{1,253}|\[[0-9a-f:.]{2,45}\])(:[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class Policy:
    """Whom the frame server answers, and how much it takes on at once. Immutable: threads may share it.

    Attributes:
        hosts: The names and addresses that requests may give as their `Host`, without ports. This keeps pages out that had
            their own name point to this machine (DNS rebinding): their requests carry that name.
        token: What whoever asks must show; None asks for nothing.
        origins: Pages of other servers that may ask, such as `https://notes.example.org`: a scheme, a name and perhaps a port.
        takes_any_address: Whether any IP address is taken for a `Host` too. A page under a foreign name cannot send one.
        most_url_bytes: The longest path and query together, as they came.
        most_requests: How many requests are worked on at once; more are told to come again.
        send_timeout_seconds: How long a client may take nothing of what is sent to it.

    Raises:
        BadArgumentError: A value is not one that is allowed; a token is never shown.
        BadTypeError: A value is of another type.
    """

    hosts: Collection[str] = LOOPBACK_HOSTS
    token: str | None = field(default=None, repr=False)
    origins: Collection[str] = frozenset()
    takes_any_address: bool = False
    most_url_bytes: int = MOST_URL_BYTES
    most_requests: int = MOST_REQUESTS
    send_timeout_seconds: float = SEND_TIMEOUT_SECONDS

    def __post_init__(self) -> None:
        def settle(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        settle("hosts", frozenset(map(as_host, _texts("hosts", self.hosts))))
        settle("token", None if self.token is None else as_token(self.token))
        settle("origins", frozenset(map(as_origin, _texts("origins", self.origins))))
        settle("takes_any_address", as_flag("takes_any_address", self.takes_any_address))
        settle("most_url_bytes", as_whole("most_url_bytes", self.most_url_bytes, 1))
        settle("most_requests", as_whole("most_requests", self.most_requests, 1))
        settle("send_timeout_seconds", as_seconds("send_timeout_seconds", self.send_timeout_seconds))
        if self.send_timeout_seconds <= 0:
            raise BadArgumentError(f"send_timeout_seconds is {self.send_timeout_seconds}; it must be more than 0")

    @property
    def is_for_this_machine(self) -> bool:
        """Whether only this machine's own names are answered, and whoever asks by them."""
        return self.token is None and not self.takes_any_address and frozenset(self.hosts) <= LOOPBACK_HOSTS

    def takes_host(self, value: bytes) -> bool:
        """Whether requests for this `Host` are answered; its port does not matter."""
        parts = _HOST.fullmatch(value)
        if parts is None:
            return False
        name = parts[1].decode().lower()
        return name in self.hosts or (self.takes_any_address and address_of(name) is not None)

    def takes_origin(self, value: bytes, host: bytes) -> bool:
        """Whether pages of this `Origin` may ask: the server's own, as its `Host` names it, and those that were named."""
        origin = value.decode("latin-1").lower()
        # A proxy may speak TLS for us, so the scheme of our own is not known here.
        return origin in self.origins or origin.partition("://")[::2] in _own_origins(host)

    def is_named(self, origin: bytes) -> bool:
        """Whether an `Origin` is one of `origins`."""
        return origin.decode("latin-1").lower() in self.origins


def address_of(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The IP address that a host's name is, in brackets or without; None for any other name."""
    try:
        return ipaddress.ip_address(name[1:-1] if name.startswith("[") and name.endswith("]") else name)
    except ValueError:
        return None


def in_url(host: str) -> str:
    """A host's name as addresses hold it: IPv6 in brackets, in lower case."""
    address = address_of(host)
    return f"[{address}]" if isinstance(address, ipaddress.IPv6Address) else host.lower()


def as_host(text: str) -> str:
    """A host as `Policy` keeps it; raises BadArgumentError for what is none."""
    host = in_url(text)
    parts = _HOST.fullmatch(host.encode("utf-8", "replace"))
    if parts is None or parts[1].decode() != host:
        raise BadArgumentError(f"{shown(text)} is no host; give a name or an address, without a port, such as video.example.org")
    return host


def as_origin(text: str) -> str:
    """An origin as browsers write it; raises BadArgumentError for what is none."""
    origin = text.lower()
    if not _ORIGIN.fullmatch(origin):
        raise BadArgumentError(f"{shown(text)} is no origin; give scheme, name and perhaps port: https://notes.example.org:8443")
    return origin


def _own_origins(host: bytes) -> tuple[tuple[str, str], ...]:
    name = host.decode("latin-1").lower()
    return ("http", name), ("https", name)


def _texts(name: str, values: object) -> Iterable[str]:
    # A text is a sequence of its letters, which nobody means.
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise BadTypeError(f"{name} is {shown(values)}; it must be a sequence of texts")
    for value in values:
        if not isinstance(value, str):
            raise BadTypeError(f"{name} has {shown(value)} in it; it must be a sequence of texts")
        yield value
