"""Guard: stands before the whole server, refuses whom it must not answer, and puts the headers that protect on every answer."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Iterable

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from framecache.server.policy import Policy
from framecache.server.problems import Problem
from framecache.server.tokens import COOKIE, Proof, is_same, proof_of, split_token, unquoted

__all__ = ["Guard", "Policy"]

ALLOWED_HEADERS = "Authorization, Client-Id, Client-Lane, Client-Sequence, If-None-Match, Range"
EXPOSED_HEADERS = (
    "Content-Location, ETag, Frame-Height, Frame-Index, Frame-Keyframe, Frame-Pts, Frame-Time, Frame-Width, Retry-After, "
    "Server-Timing"
)
PREFLIGHT_AGE_SECONDS = 600
# How much longer is waited here than by the connections of `framecache serve`, which can close what they give up.
PATIENCE = 1.5
# Whoever asks these two, a load balancer say, need not know the token, nor is told to come again.
OPEN_PATHS = ("/healthz", "/readyz")

# The page's own code is no secret, and a page of a named origin imports it without a token.
OPEN_FOLDER = "/static/"

_LOOKED_AT = frozenset(
    name.encode() for name in ("host", "origin", "authorization", "cookie", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest")
) | {b"access-control-request-method"}
_WHOLE_ADDRESS = re.compile(r"https?://([^/]*)(/.*)?", re.IGNORECASE | re.DOTALL)
_RAW_WHOLE_ADDRESS = re.compile(rb"https?://([^/]*)(/.*)?", re.IGNORECASE | re.DOTALL)
_PAGE_PATHS = re.compile(r"/|/v/[A-Za-z0-9_-]{1,64}")
_OWN_SITES = (b"", b"same-origin", b"none")
# Pages of this machine's other servers, such as a notebook's.
_LOOPBACK_ORIGINS = ("http://localhost:*", "http://127.0.0.1:*")

log = logging.getLogger(__name__)

Headers = dict[bytes, bytes]
RawHeaders = list[tuple[bytes, bytes]]


class Guard:
    """An ASGI application around another: only what the policy allows gets through.

    In this order: addresses that are too long (414), a `Host` that is not ours (403), an `Origin` that is neither ours nor
    named (403; preflights of named ones are answered here), pictures and scripts that a foreign page wants (403), no token
    or a wrong one (401), more requests at once than are allowed (503). A client that takes nothing for
    `send_timeout_seconds` is given up, though only the server below can close its connection. `/healthz` and `/readyz` need
    no token and are never told to come again, nor does the page's code need one; all else holds for them.

    It belongs to one event loop.

    Args:
        app: What answers those who get through.
        policy: Whom it answers.
        on_failure: Called with each error that the application did not answer itself; the log has it already.
    """

    def __init__(self, app: ASGIApp, policy: Policy, on_failure: Callable[[Exception], object] = lambda _: None) -> None:
        self._app = app
        self._policy = policy
        self._on_failure = on_failure
        self._headers = _protecting(policy)
        self._page_policy = _page_policy(policy)
        self._n_requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or have it answered."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            # There are no web sockets here; closed before it is accepted, one is answered with 403.
            await send({"type": "websocket.close", "code": 1008})
            return
        scope = _in_origin_form(scope)
        headers = _headers_of(scope)
        way_back = _WayBack(send, self._headers_for(headers), self._page_policy, self._policy.send_timeout_seconds)
        try:
            answer = self._own_answer(scope, headers)
        except Problem as problem:
            answer = problem.response()
        if answer is None:
            await self._pass_on(scope, receive, way_back)
        else:
            await answer(scope, receive, way_back.send)

    def _own_answer(self, scope: Scope, headers: Headers) -> Response | None:
        """The answer to what goes no further; None for what may be passed on.

        Raises:
            Problem: It is refused.
        """
        self._check_length(scope)
        self._check_host(headers)
        self._check_origin(headers)
        if self._is_preflight(scope, headers):
            return _allowance()
        token = self._policy.token
        if token is not None and (redirect := _kept_token(scope, token)) is not None:
            return redirect
        proof = None if token is None else proof_of(headers, scope["path"], scope["query_string"], token)
        self._check_site(scope, headers, proof)
        if token is not None and proof is None and not _is_open(_path_here(scope)):
            raise _unauthorised("this server asks for its token, and none that is right came")
        self._check_room(scope)
        return None

    def _check_length(self, scope: Scope) -> None:
        path = scope.get("raw_path") or scope["path"].encode()
        length = len(path) + len(scope["query_string"])
        if length > self._policy.most_url_bytes:
            raise Problem(414, f"the address has {length} bytes; at most {self._policy.most_url_bytes} are taken")

    def _check_host(self, headers: Headers) -> None:
        if not self._policy.takes_host(headers.get(b"host", b"")):
            raise Problem(403, "this server is not known under that Host; name it (--allow-host) when you start the server")

    def _check_origin(self, headers: Headers) -> None:
        origin = headers.get(b"origin")
        if origin is not None and not self._policy.takes_origin(origin, headers[b"host"]):
            raise Problem(403, "pages of this Origin may not ask here; name it (--allow-origin) when you start the server")

    def _is_preflight(self, scope: Scope, headers: Headers) -> bool:
        is_asked = scope["method"] == "OPTIONS" and b"access-control-request-method" in headers
        return is_asked and self._policy.is_named(headers.get(b"origin", b""))

    def _check_site(self, scope: Scope, headers: Headers, proof: Proof | None) -> None:
        """Refuse what a foreign page embeds: such requests carry no Origin, but browsers say where they come from."""
        if headers.get(b"sec-fetch-site", b"") in _OWN_SITES or self._policy.origins:
            return
        is_opened = headers.get(b"sec-fetch-mode") == b"navigate" and headers.get(b"sec-fetch-dest") in self._ways_to_open(scope)
        if not is_opened and proof not in (Proof.HEADER, Proof.SIGNATURE):
            raise Problem(403, "another site's page may not embed this; sign its address, or name the page's origin")

    def _ways_to_open(self, scope: Scope) -> tuple[bytes, ...]:
        """Where a browser may open what a foreign page links to. Which pages may frame ours, `_page_policy` tells it."""
        may_be_framed = self._policy.is_for_this_machine and _PAGE_PATHS.fullmatch(_path_here(scope))
        return (b"document", b"iframe") if may_be_framed else (b"document",)

    def _check_room(self, scope: Scope) -> None:
        if self._n_requests >= self._policy.most_requests and _path_here(scope) not in OPEN_PATHS:
            at_once = f"{self._policy.most_requests} requests are being answered, and no more are at once"
            raise Problem(503, f"{at_once}; come again", headers={"Retry-After": "1"})

    def _headers_for(self, headers: Headers) -> RawHeaders:
        origin = headers.get(b"origin", b"")
        if not self._policy.is_named(origin):
            return self._headers
        return [
            *self._headers,
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", EXPOSED_HEADERS.encode()),
        ]

    async def _pass_on(self, scope: Scope, receive: Receive, way_back: _WayBack) -> None:
        self._n_requests += 1
        try:
            await self._app(scope, receive, way_back.send)
        except Exception as error:
            if way_back.is_given_up:
                return
            log.error("an answer failed", exc_info=error)
            self._on_failure(error)
            if not way_back.has_begun:
                failure = Problem(500, "something went wrong here; the server's log tells what").response()
                await failure(scope, receive, way_back.send)
            # An answer that ends half-way is cut off by the server below, so that nobody takes it for a whole one.
        finally:
            self._n_requests -= 1


class _WayBack:
    """What goes back to one client: with the headers that protect, and not for ever where the client takes nothing."""

    __slots__ = ("_headers", "_page_policy", "_send", "_timeout_seconds", "has_begun", "is_given_up")

    def __init__(self, send: Send, headers: RawHeaders, page_policy: bytes, timeout_seconds: float) -> None:
        self._send = send
        self._headers = headers
        self._page_policy = page_policy
        self._timeout_seconds = PATIENCE * timeout_seconds
        self.has_begun = False
        self.is_given_up = False

    async def send(self, message: Message) -> None:
        """Pass a message on.

        Raises:
            TimeoutError: (an OSError, which Starlette takes for a client that is gone) Nothing was taken for too long.
        """
        if message["type"] == "http.response.start":
            self.has_begun = True
            # A head is small, so servers take it at once; a timer for it would cost as much as all the rest here.
            await self._send({**message, "headers": self._completed(message.get("headers", ()))})
            return
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await self._send(message)
        except TimeoutError:
            self.is_given_up = True
            raise

    def _completed(self, headers: Iterable[tuple[bytes, bytes]]) -> RawHeaders:
        given = []
        for pair in headers:
            name = pair[0].lower()
            if name == b"content-type" and pair[1].startswith(b"text/html"):
                given.append((b"content-security-policy", self._page_policy))
            if name != b"server":
                given.append(pair)
        return given + self._headers


def _in_origin_form(scope: Scope) -> Scope:
    """A request whose target is a whole address, as proxies send it, as one for its path at its host (RFC 9112, 3.2.2)."""
    whole = _WHOLE_ADDRESS.fullmatch(scope["path"])
    raw = _RAW_WHOLE_ADDRESS.fullmatch(scope.get("raw_path") or scope["path"].encode())
    if whole is None or raw is None:
        return scope
    headers = [(name, value) for name, value in scope["headers"] if name != b"host"]
    return {
        **scope,
        "path": whole[2] or "/",
        "raw_path": raw[2] or b"/",
        "headers": [(b"host", raw[1]), *headers],
    }


def _headers_of(scope: Scope) -> Headers:
    """The headers that are looked at here. One that came twice becomes a value that nothing allows, but for cookies."""
    found: Headers = {}
    for name, value in scope["headers"]:
        if name in _LOOKED_AT:
            found[name] = found[name] + b"; " + value if name in found else value
    return found


def _protecting(policy: Policy) -> RawHeaders:
    headers = [
        (b"x-content-type-options", b"nosniff"),
        (b"cross-origin-resource-policy", b"cross-origin" if policy.origins else b"same-origin"),
        (b"referrer-policy", b"no-referrer"),
    ]
    # Whether an answer may be read depends on who asked, so no cache may hand it to another origin.
    return [*headers, (b"vary", b"Origin")] if policy.origins else headers


def _page_policy(policy: Policy) -> bytes:
    own = _LOOPBACK_ORIGINS if policy.is_for_this_machine else ()
    ancestors = " ".join(["'self'", *own, *sorted(policy.origins)])
    return (
        "default-src 'self'; img-src 'self' blob: data:; style-src 'self'; script-src 'self'; object-src 'none'; "
        f"base-uri 'none'; frame-ancestors {ancestors}"
    ).encode()


def _allowance() -> Response:
    """The answer to a preflight, which never carries a token (Fetch standard, section 4.8)."""
    allowed = {
        "Access-Control-Allow-Methods": "GET, HEAD",
        "Access-Control-Allow-Headers": ALLOWED_HEADERS,
        "Access-Control-Max-Age": str(PREFLIGHT_AGE_SECONDS),
    }
    return Response(status_code=204, headers=allowed)


def _kept_token(scope: Scope, token: str) -> Response | None:
    """Where a page is opened with `?token=`: a cookie that keeps it, and the same address without it."""
    if not _PAGE_PATHS.fullmatch(_path_here(scope)):
        return None
    given, rest = split_token(scope["query_string"])
    if not given:
        return None
    if len(given) > 1 or not is_same(unquoted(given[0]), token):
        raise _unauthorised("the token in this address is not the right one")
    secure = "; Secure" if scope.get("scheme") == "https" else ""
    # Relative, for a proxy may have put the server under a path that is not known here.
    here = scope["path"].rpartition("/")[2] or "./"
    headers = {
        "Location": here + ("?" + rest.decode("latin-1") if rest else ""),
        "Set-Cookie": f"{COOKIE.decode()}={token}; HttpOnly; SameSite=Strict; Path=/{secure}",
        "Cache-Control": "no-store",
    }
    return Response(status_code=303, headers=headers)


def _unauthorised(what: str) -> Problem:
    remedy = "send it as 'Authorization: Bearer <token>', open the address that the server printed, or ask with a signed address"
    return Problem(401, f"{what}; {remedy}", headers={"WWW-Authenticate": "Bearer"})


def _path_here(scope: Scope) -> str:
    """The path below that which another application has put this one under."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith(OPEN_FOLDER)
