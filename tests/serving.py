"""Apps and clients for tests of the server."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg
from starlette.testclient import TestClient

from framecache.sample import read_index
from framecache.server.app import create_app

BASE = "http://127.0.0.1"
PATIENCE_SECONDS = 60


@contextlib.contextmanager
def client_of(*paths: Path, **options: Any) -> Iterator[TestClient]:
    """A client of an app that serves these files and folders."""
    with TestClient(create_app(paths, **options), base_url=BASE, raise_server_exceptions=False) as client:
        yield client


def id_of(client: TestClient, name: str | None = None) -> str:
    """The id of the video of that name, or of the only one."""
    listed = client.get("/v1/videos").json()["videos"]
    return next(video["id"] for video in listed if name in (None, video["name"]))


def ready(client: TestClient, id_: str) -> dict[str, Any]:
    """All that is known of a video, once it is."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        told = client.get(f"/v1/videos/{id_}").json()
        if told["state"] in ("ready", "failed") or time.monotonic() > deadline:
            return dict(told)
        time.sleep(0.02)


def picture(body: bytes, ending: str = "jpg") -> np.ndarray:
    """The RGB picture of an answer."""
    import PIL.Image

    if ending == "npy":
        return np.load(io.BytesIO(body), allow_pickle=False)
    if ending == "jpg":
        return simplejpeg.decode_jpeg(body)
    return np.asarray(PIL.Image.open(io.BytesIO(body)).convert("RGB"))


def spelled(body: bytes, ending: str = "jpg") -> int:
    """The index that the picture of an answer spells."""
    return read_index(picture(body, ending))
