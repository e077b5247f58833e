"""The frame server while a video's index grows, and where it stops to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from loopback import order, serving, wait_until
from serving import PATIENCE_SECONDS, client_of, id_of, ready, spelled

from framecache.growth import Growth
from framecache.server.service import Limits

TURN = 48
COUNT = 16 * TURN


class Hold:
    """Holds every scan up once its first frames are known."""

    def __init__(self) -> None:
        self.is_open = threading.Event()
        self.failure: Exception | None = None
        self.growth: Growth | None = None

    def __call__(self, growth: Growth) -> None:
        self.growth = growth
        while not self.is_open.wait(0.005):
            growth._check_goes_on()
        if self.failure is not None:
            raise self.failure


@pytest.fixture
def hold(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hold]:
    it, is_time = Hold(), Growth._is_time

    def held(growth: Growth, count: int, known: int) -> bool:
        it(growth)
        return is_time(growth, count, known)

    monkeypatch.setattr(Growth, "_is_time", held)
    yield it
    it.is_open.set()


def test_what_is_known_does_not_wait_behind_those_who_wait_for_the_end(long_clip: Callable[..., Path], hold: Hold):
    with client_of(long_clip(), limits=Limits(growing_seconds=PATIENCE_SECONDS)) as client:
        url = f"/v1/videos/{id_of(client)}"
        assert spelled(client.get(f"{url}/frames/3.jpg").content) == 3
        came = list[str]()

        def ask() -> None:
            came.append(client.get(f"{url}/frames/-1.jpg").headers["frame-index"])

        last = [threading.Thread(target=ask) for _ in range(12)]
        for thread in last:
            thread.start()
        wait_until(lambda: hold.growth is not None and hold.growth._waiting_for_all == 12)
        assert client.get(f"{url}/at/1.0.jpg").headers["frame-index"] == "25"
        assert client.get(f"{url}/frames/40.jpg").headers["frame-index"] == "40"
        assert not came
        hold.is_open.set()
        for thread in last:
            thread.join()
        assert came == [str(COUNT - 1)] * 12


def test_whoever_waits_for_an_index_to_grow_is_not_waited_for_once_gone_or_overtaken(long_clip: Callable[..., Path], hold: Hold):
    with serving(long_clip(), limits=Limits(growing_seconds=10 * PATIENCE_SECONDS)) as server:
        (id_,) = server.ids().values()
        last = f"/v1/videos/{id_}/frames/-1.jpg"
        assert server.get(f"/v1/videos/{id_}/frames/3.jpg").status_code == 200
        with server.asked(last):
            wait_until(lambda: hold.growth is not None and hold.growth._waiting_for_all == 1)
        wait_until(lambda: hold.growth._waiting_for_all == 0)
        with server.asked(last, order("somebody", 1)) as overtaken:
            wait_until(lambda: hold.growth._waiting_for_all == 1)
            assert server.get(f"/v1/videos/{id_}/frames/40.jpg", order("somebody", 2)).headers["frame-index"] == "40"
            assert overtaken.getresponse().status == 409
        wait_until(lambda: hold.growth._waiting_for_all == 0)
        hold.is_open.set()
        assert server.get(last).headers["frame-index"] == str(COUNT - 1)


def test_a_time_before_the_video_is_not_found_however_far_its_index_is(long_clip: Callable[..., Path], hold: Hold):
    with client_of(long_clip()) as client:
        answer = client.get(f"/v1/videos/{id_of(client)}/at/-1.jpg")
        assert answer.status_code == 404
        assert answer.json()["detail"] == "-1 s lies outside the video, which is shown from 0 s"


def test_an_index_that_cannot_be_made_spoils_neither_the_list_nor_its_own_page(
    long_clip: Callable[..., Path], sample: Path, hold: Hold
):
    hold.failure = RuntimeError("/secret/place")
    with client_of(long_clip(), sample) as client:
        id_ = id_of(client, long_clip().name)
        assert client.get(f"/v1/videos/{id_}/frames/3.jpg").status_code == 200
        hold.is_open.set()
        told = ready(client, id_)
        assert told["state"] == "failed"
        assert "/secret" not in told["error"]
        # What was known of it by then may be wrong.
        for path in ("frames/3.jpg", "frames/-1.jpg", "at/0.1.jpg", "timeline", "frames?i=0:3"):
            answer = client.get(f"/v1/videos/{id_}/{path}")
            assert answer.status_code == 500, path
            assert "/secret" not in answer.text
        states = {video["name"]: video["state"] for video in client.get("/v1/videos").json()["videos"]}
        assert states == {long_clip().name: "failed", sample.name: "new"}
