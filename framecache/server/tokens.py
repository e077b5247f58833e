"""Tokens: how whoever asks shows that they may, and addresses signed with a token, for `<img>` and for passing on."""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, unquote_to_bytes, urlencode, urlsplit, urlunsplit

from framecache.arguments import as_whole
from framecache.errors import BadArgumentError, BadTypeError

COOKIE = b"framecache_token"
# What may stand in a cookie's value (RFC 6265 section 4.1.1) and behind "Bearer" alike.
_TOKEN = re.compile(r"[!#-+\--:<-\[\]-~]{1,512}")
_BEARER = re.compile(rb"bearer +([!-~]+) *", re.IGNORECASE)
_EXPIRES = re.compile(r"[0-9]{1,12}")
_SIGNATURE = re.compile(r"[0-9a-f]{64}")


class Proof(Enum):
    """How a request showed that it may be answered."""

    HEADER = "header"
    SIGNATURE = "signature"
    # Browsers send cookies by themselves, so this one does not tell whose page asks.
    COOKIE = "cookie"


class _Query(NamedTuple):
    """A query taken apart: what is signed, and what is said of the signature."""

    rest: list[tuple[str, str]]
    expires: list[str]
    signature: list[str]


def as_token(value: object) -> str:
    """A token that header, cookie and address can carry.

    Raises:
        BadTypeError: It is no text.
        BadArgumentError: It is empty or longer than 512 characters, or has some that no cookie can hold. The message
            does not show it.
    """
    if not isinstance(value, str):
        raise BadTypeError(f"the token is a {type(value).__name__}; it must be text, or None for none")
    if not _TOKEN.fullmatch(value):
        raise BadArgumentError('the token must be 1 to 512 printable ASCII characters, without spaces and any of " , ; \\')
    return value


def is_same(given: bytes, token: str) -> bool:
    """Whether a token is the right one, in a time that does not tell how much of it is right."""
    return hmac.compare_digest(given, token.encode())


def sign_url(path_and_query: str, token: str, expires: int) -> str:
    """An address of the frame server that can be asked for without the token, until it expires.

    The signature is the HMAC-SHA256, with the token as the key, of the address in one form: its path without percent
    escapes, `?`, all other query parameters sorted and encoded as forms are, `&expires=` and the time. So it holds for that
    address alone, however its parameters are ordered; whoever has it may pass it on. Safe to call from any thread.

    Args:
        path_and_query: The address, such as `/v1/videos/k3v.../frames/0.jpg?w=320`, with or without `http://...` before it.
        token: The server's token.
        expires: When it stops to hold, in seconds since 1970 (as of `time.time()`).

    Returns:
        The address with `expires=...&signature=...` after its query.

    Raises:
        BadArgumentError: The address has no path, or has an `expires` or a `signature` already.
    """
    parts = urlsplit(path_and_query)
    when = str(as_whole("expires", expires, 0))
    query = _taken_apart(parts.query)
    if not parts.path.startswith("/") or query.expires or query.signature or not _EXPIRES.fullmatch(when):
        raise BadArgumentError(
            f"{path_and_query!r} until {when} cannot be signed; give an address whose path begins with / and that is not "
            "signed yet, and a time in seconds since 1970"
        )
    signature = _signature(unquote(parts.path), query.rest, when, as_token(token))
    signed = f"{parts.query}{'&' if parts.query else ''}expires={when}&signature={signature}"
    return urlunsplit(parts._replace(query=signed, fragment=""))


def proof_of(headers: Mapping[bytes, bytes], path: str, query: bytes, token: str) -> Proof | None:
    """How a request shows that it has the token; None where it does not.

    Args:
        headers: Those of the request, names in lower case.
        path: The path that was asked for, without percent escapes.
        query: The query as it came.
        token: The right token.
    """
    bearer = _BEARER.fullmatch(headers.get(b"authorization", b""))
    if bearer and is_same(bearer[1], token):
        return Proof.HEADER
    if b"signature=" in query and _is_signed(path, query, token):
        return Proof.SIGNATURE
    if any(is_same(value, token) for value in _cookies(headers.get(b"cookie", b""))):
        return Proof.COOKIE
    return None


def split_token(query: bytes) -> tuple[list[bytes], bytes]:
    """The values of `token` in a query, still encoded as they came, and the query without them."""
    parts = query.split(b"&")
    rest = [part for part in parts if not part.startswith(b"token=")]
    return [part[len(b"token=") :] for part in parts if part.startswith(b"token=")], b"&".join(rest)


def unquoted(value: bytes) -> bytes:
    """A token in a query without percent escapes; none has a space in it, so a plus is a plus."""
    return unquote_to_bytes(value)


def _cookies(header: bytes) -> list[bytes]:
    """The values of every cookie of our name: one for a folder above may stand beside ours."""
    pairs = (part.strip().partition(b"=") for part in header.split(b";"))
    return [value for name, _, value in pairs if name == COOKIE]


def _is_signed(path: str, text: bytes, token: str) -> bool:
    query = _taken_apart(text.decode("latin-1"))
    # Where one is there twice, it is not clear which was signed.
    if len(query.expires) != 1 or len(query.signature) != 1:
        return False
    (expires,), (signature,) = query.expires, query.signature
    if not _EXPIRES.fullmatch(expires) or not _SIGNATURE.fullmatch(signature):
        return False
    right = _signature(path, query.rest, expires, token)
    return hmac.compare_digest(signature.encode(), right.encode()) and time.time() < int(expires)


def _taken_apart(query: str) -> _Query:
    pairs = parse_qsl(query, keep_blank_values=True)
    return _Query(
        [pair for pair in pairs if pair[0] not in ("expires", "signature")],
        [value for name, value in pairs if name == "expires"],
        [value for name, value in pairs if name == "signature"],
    )


def _signature(path: str, rest: list[tuple[str, str]], expires: str, token: str) -> str:
    text = f"{path}?{urlencode(sorted(rest))}&expires={expires}"
    return hmac.new(token.encode(), text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
