"""The frame server: frames by number over HTTP, and a page to scrub in (extra `server`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from framecache.server.policy import Policy
from framecache.server.run import ServerHandle, needing_extra, serve, serve_background
from framecache.server.tokens import sign_url

if TYPE_CHECKING:
    from framecache.server.app import create_app

__all__ = ["Policy", "ServerHandle", "create_app", "serve", "serve_background", "sign_url"]


def __getattr__(name: str) -> Any:
    """`create_app`, once it is asked for: it alone needs the extra to be so much as named."""
    if name != "create_app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with needing_extra():
        from framecache.server.app import create_app
    return create_app
