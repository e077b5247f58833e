"""create_app: the frame server as an ASGI application, to be run or to be put into another."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

import framecache
from framecache.engine import DEFAULT_BUDGET_BYTES, Engine
from framecache.server.desk import ClientGoneError
from framecache.server.guard import Guard, Policy
from framecache.server.library import ID_DIGITS
from framecache.server.many import many_routes
from framecache.server.problems import Problem
from framecache.server.routes import FRAME_PATH, add, query_of, video_routes
from framecache.server.service import Limits, Service
from framecache.server.sheets import sheet_routes
from framecache.server.wire import parameters

STATIC = Path(__file__).parent / "static"
# What is counted, and told to nobody, where a client hung up before its answer; others use that number for it too.
CLIENT_GONE = 499
_ID = re.compile(f"[0-9a-f]{{{ID_DIGITS}}}")


def create_app(
    paths: Sequence[str | os.PathLike[str]],
    *,
    engine: Engine | None = None,
    buffer_size_bytes: int = DEFAULT_BUDGET_BYTES,
    policy: Policy | None = None,
    limits: Limits | None = None,
) -> FastAPI:
    """The frame server of these files and folders: interface, page and guard. `app.state.service.close()` ends it.

    Args:
        paths: Files and folders; nothing outside them is ever served.
        engine: Share this engine; else one is made, of `buffer_size_bytes`, and closed with the app.
        buffer_size_bytes: The byte budget for frames and pictures.
        policy: Who may ask; by default whoever calls it by a name of this machine's loopback.
        limits: What one request may ask for.

    Raises:
        BadArgumentError, VideoNotFoundError, VideoAccessError: A path cannot be served.
    """
    policy = policy or Policy()
    service = Service(
        paths, engine=engine, buffer_size_bytes=buffer_size_bytes, is_private=policy.token is not None, limits=limits
    )

    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        yield
        service.close()

    # The pages that FastAPI has for its document come from elsewhere on the internet.
    app = FastAPI(
        title="framecache",
        version=framecache.__version__,
        summary="Frames of videos by number, exact and fast.",
        docs_url=None,
        redoc_url=None,
        # What is asked for is there, or it is not: no answer repeats an address that somebody else made up.
        redirect_slashes=False,
        lifespan=life,
    )
    app.state.service = service
    app.add_exception_handler(Problem, _told(service))
    app.add_exception_handler(ClientGoneError, _told(service))
    app.add_exception_handler(HTTPException, _told(service))
    app.add_exception_handler(RequestValidationError, _told(service))
    for routes in (video_routes(service), many_routes(service), sheet_routes(service)):
        app.include_router(routes)
        _put_first(app, routes)
    _add_health(app, service)
    _add_page(app)
    app.add_middleware(Guard, policy=policy, on_failure=lambda _: service.metrics.problems.labels("500").inc())
    return app


def _put_first(app: FastAPI, router: APIRouter) -> None:
    """Have frames looked for before all else, and by Starlette alone; FastAPI's route of them is for its document.

    A picture that the cache holds is sent in less time than FastAPI takes to find a route and call it.
    """
    for route in router.routes:
        if isinstance(route, APIRoute) and route.path == FRAME_PATH and "GET" in (route.methods or ()):
            app.router.routes.insert(0, Route(FRAME_PATH, route.endpoint, methods=["GET"], include_in_schema=False))


def _told(service: Service):  # type: ignore[no-untyped-def]
    async def answer(_request: Request, error: Exception) -> Response:
        if isinstance(error, ClientGoneError):
            service.metrics.problems.labels(str(CLIENT_GONE)).inc()
            return Response(status_code=CLIENT_GONE)
        if isinstance(error, HTTPException):
            # Each route is there for GET and for HEAD, and the first that was found tells of itself alone.
            headers = dict(error.headers or {}) | ({"Allow": "GET, HEAD"} if error.status_code == 405 else {})
            problem = Problem(error.status_code, str(error.detail), headers=headers)
        elif isinstance(error, Problem):
            problem = error
        else:
            problem = Problem(400, "the request is malformed")
        service.metrics.problems.labels(str(problem.status)).inc()
        return problem.response()

    return answer


def _add_health(app: FastAPI, service: Service) -> None:
    async def healthz(_request: Request) -> Response:
        """Whether the process answers."""
        return Response("ok\n", media_type="text/plain")

    async def readyz(_request: Request) -> Response:
        """Whether it can take requests now."""
        if service.desk.waiting >= service.limits.waiting:
            raise Problem(503, "too many requests are waiting", headers={"Retry-After": "1"})
        return Response("ok\n", media_type="text/plain")

    async def metrics(request: Request) -> Response:
        """What the server counts, for Prometheus."""
        parameters(query_of(request), ())
        return Response(service.metrics.as_text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    for path, endpoint, title in (
        ("/healthz", healthz, "Health"),
        ("/readyz", readyz, "Readiness"),
        ("/metrics", metrics, "Metrics"),
    ):
        described = {"summary": title, "responses": {"200": {"description": "Here it is.", "content": {"text/plain": {}}}}}
        add(app.router, path, endpoint, described)


def _add_page(app: FastAPI) -> None:
    # Where the server is cannot be known here: a proxy may have put it under a path. So the addresses are relative.
    html = (STATIC / "index.html").read_text()

    def page_with(static: str) -> Response:
        text = html.replace("{static}", static)
        return Response(text, headers={"Cache-Control": "no-cache"}, media_type="text/html; charset=utf-8")

    async def first_page(_request: Request) -> Response:
        """The page to scrub in, or to choose a video."""
        return page_with("static")

    async def video_page(request: Request) -> Response:
        """The page of one video."""
        if not _ID.fullmatch(request.path_params["id"]):
            raise Problem(404, "there is no such video; /v1/videos lists them")
        return page_with("../static")

    app.add_api_route("/", first_page, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_api_route("/v/{id}", video_page, methods=["GET", "HEAD"], include_in_schema=False)
    app.mount("/static", _Static(directory=STATIC), name="static")


class _Static(StaticFiles):
    """The page's modules; asked for anew each time, for they belong to this version of the server."""

    def file_response(self, *args, **more) -> Response:  # type: ignore[no-untyped-def]
        response = super().file_response(*args, **more)
        response.headers["Cache-Control"] = "no-cache"
        return response
