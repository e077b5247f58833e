"""Problem: what is told of a request that cannot be answered (RFC 9457), without a path or a traceback in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):  # noqa: N818 - so RFC 9457 calls it
    """A request that is answered with an error.

    Args:
        status: The HTTP status, 400 to 599.
        detail: What is wrong with this request, with the value, the range and the remedy. It is shown to whoever asked.
        members: What programs may want to know besides, such as the frame's `index`.
        headers: Headers of the answer, such as `Retry-After`.
    """

    def __init__(
        self, status: int, detail: str, *, members: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.members = dict(members or {})
        self.headers = dict(headers or {})

    def as_dict(self) -> dict[str, Any]:
        """The members of the problem document."""
        title = HTTPStatus(self.status).phrase
        return {"type": "about:blank", "title": title, "status": self.status, "detail": self.detail, **self.members}

    def response(self) -> Response:
        """The answer. Of what may be otherwise the next time, nothing is stored."""
        headers = {"Cache-Control": "no-store", **self.headers}
        return Response(json.dumps(self.as_dict()) + "\n", self.status, headers, MEDIA_TYPE)
