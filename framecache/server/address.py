"""Address: where a server listens, what browsers open to reach it, and whom it must hold off there."""

from __future__ import annotations

import ipaddress
import re
import secrets
import socket
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import quote

from framecache.arguments import as_whole, shown
from framecache.errors import BadArgumentError, BadTypeError, ServerError
from framecache.server.policy import LOOPBACK_HOSTS, Policy, in_url

LAST_PORT = 65_535
TOKEN_BYTES = 32
# The connections that the system accepts before the server has.
BACKLOG = 256

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,253}")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens.

    Attributes:
        name: The name or address that it was told to listen on.
        ip: The IP address that this was found to be.
        port: The port.
    """

    name: str
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address
    port: int

    @property
    def is_any(self) -> bool:
        """Whether it stands for all addresses of this machine."""
        return self.ip.is_unspecified

    @property
    def url(self) -> str:
        """What reaches it from this machine, such as `http://127.0.0.1:8765`."""
        name = ("127.0.0.1" if self.ip.version == 4 else "::1") if self.is_any else self.name
        return f"http://{in_url(name)}:{self.port}"

    @property
    def urls(self) -> list[str]:
        """`url`, and what other machines may reach it by."""
        machine = _machine_name() if self.is_any else None
        return [self.url, *([f"http://{machine}:{self.port}"] if machine else [])]


def listen(host: str, port: int) -> tuple[socket.socket, Address]:
    """A socket that waits for connections; port 0 takes any that is free.

    Raises:
        ServerError: There is no such address here, or the port is taken or not ours to take.
        BadArgumentError: The host is empty, or the port is out of its range.
        BadTypeError: They are no text and no whole number.
    """
    if not isinstance(host, str):
        raise BadTypeError(f"host is {shown(host)}; it must be a name or an address as text")
    if not host or as_whole("port", port, 0) > LAST_PORT:
        raise BadArgumentError(f"host {host!r} and port {port} name no place to listen on; a port is 0 to {LAST_PORT}")
    try:
        family, *_, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # What the name was found to be, rather than the name, which may be found to be another the next time.
        listener = socket.create_server(place[:2], family=family, backlog=BACKLOG)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ServerError(f"the server cannot listen on {host}, port {port}: {reason}; choose another host or port") from error
    ip, bound_port = listener.getsockname()[:2]
    return listener, Address(host, ipaddress.ip_address(ip.partition("%")[0]), bound_port)


def policy_for(address: Address, token: str | None, hosts: Collection[str], origins: Collection[str]) -> Policy:
    """Whom a server at an address answers: those who know it by its own names, or by those that are given.

    Where others than this machine can reach it, there is a token: the one given, or a new one.
    """
    if token is None and not address.ip.is_loopback:
        token = secrets.token_urlsafe(TOKEN_BYTES)
    given = Policy(hosts=hosts, origins=origins)
    own = {*LOOPBACK_HOSTS, *([name] if address.is_any and (name := _machine_name()) else [])}
    if not address.is_any:
        # Browsers leave the zone of a link-local address out.
        own.add(address.name.partition("%")[0])
    return Policy(hosts={*own, *given.hosts}, token=token, origins=given.origins, takes_any_address=address.is_any)


def page_url(url: str, token: str | None, path: str = "/") -> str:
    """What a browser opens to see a page: its address with the token, which the browser then keeps as a cookie."""
    return f"{url}{path}" + ("" if token is None else f"?token={quote(token, safe='')}")


def _machine_name() -> str | None:
    name = socket.gethostname()
    return name if _NAME.fullmatch(name) else None
