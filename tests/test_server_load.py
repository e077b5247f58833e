"""The frame server under load, through real connections: one decode for many, the newest first, within its bounds."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import logging
import os
import random
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from gates import ScanGate
from loopback import DEADLINE_SECONDS, Loopback, order, serving, wait_until
from serving import spelled

from framecache.decode.decoder import Decoder
from framecache.engine import Engine
from framecache.errors import CancelledError
from framecache.server.desk import Job
from framecache.server.frames import Frames, Picture
from framecache.server.service import Limits

N_CLIENTS = 64
GOP = 150


class Door:
    """Holds the threads up that are to make pictures, until it is opened or their work is not wanted any more."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_open = threading.Event()
        self.waiting: list[int] = []
        self.inside: list[int] = []
        self._lock = threading.Lock()
        real = Frames.make

        def make(frames: Frames, served: Any, place: int, rendition: Any, client: str | None, job: Job) -> Picture:
            with self._lock:
                self.waiting.append(place)
                self.inside.append(place)
            while not (job.is_unwanted() or self.is_open.wait(0.002)):
                """Neither."""
            try:
                return real(frames, served, place, rendition, client, job)
            finally:
                with self._lock:
                    self.inside.remove(place)

        monkeypatch.setattr(Frames, "make", make)


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    it = Door(monkeypatch)
    yield it
    it.is_open.set()


class Brake:
    """Lets the first who decodes take so many steps, and one more once its request is not wanted any more."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, n_steps: int) -> None:
        self.is_held = threading.Event()
        self.steps = 0
        self.outcomes: list[object] = []
        self._n_steps = n_steps
        self._first: int | None = None
        self._is_cancelled: Callable[[], bool] = lambda: False
        real_step, real_fetch = Decoder.step, Engine.fetch

        def fetch(engine: Engine, *args: Any, is_cancelled: Callable[[], bool], **more: Any) -> Any:
            if self._first is not None:
                return real_fetch(engine, *args, is_cancelled=is_cancelled, **more)
            self._first, self._is_cancelled = threading.get_ident(), is_cancelled
            try:
                got = real_fetch(engine, *args, is_cancelled=is_cancelled, **more)
            except BaseException as error:
                got = error
                raise
            finally:
                self.outcomes.append(got)
                # The thread may serve others.
                self._first = 0
            return got

        def step(decoder: Decoder, *args: Any, **more: Any) -> Any:
            if threading.get_ident() == self._first:
                self._count()
            return real_step(decoder, *args, **more)

        monkeypatch.setattr(Engine, "fetch", fetch)
        monkeypatch.setattr(Decoder, "step", step)

    def _count(self) -> None:
        self.steps += 1
        if self.steps > self._n_steps:
            self.is_held.set()
            wait_until(self._is_cancelled)

    def wait_until_held(self) -> None:
        assert self.is_held.wait(DEADLINE_SECONDS)


@pytest.fixture
def long_gop(clip: Callable[..., Path]) -> Path:
    return clip(n_frames=3 * GOP, gop=GOP)


# One decode for all


@pytest.mark.parametrize("has_names", [False, True], ids=["nameless", "named"])
def test_one_decode_serves_all_who_wait_for_frames_of_one_gop(long_gop: Path, door: Door, has_names: bool):
    places = [GOP + 2 * n for n in range(N_CLIENTS)]
    random.Random(3).shuffle(places)
    with serving(long_gop) as server:
        url = server.frames_url()
        before = server.service.videos.counted()

        async def act(client: httpx2.AsyncClient) -> list[httpx2.Response]:
            headers = [order(f"client{number}", 1) if has_names else {} for number in range(N_CLIENTS)]
            asked = [asyncio.create_task(client.get(f"{url}/{n}.jpg", headers=told)) for n, told in zip(places, headers)]
            await asyncio.to_thread(wait_until, lambda: len(door.waiting) + server.service.desk.waiting == N_CLIENTS)
            door.is_open.set()
            return await asyncio.gather(*asked)

        answers = server.run(act)
        assert [spelled(answer.content) for answer in answers] == places
        after = server.service.videos.counted()
        # A decoder with several threads is fed some packets beyond the last frame that is wanted; what is fetched ahead
        # is counted apart.
        decoded = after.frames_decoded - before.frames_decoded - (after.frames_prefetched - before.frames_prefetched)
        assert decoded <= GOP + 8
        assert after.seeks - before.seeks <= 1
        assert server.metric('answers_total{how="made"}') == N_CLIENTS


def test_a_picture_that_many_wait_for_is_made_once(long_gop: Path, door: Door):
    with serving(long_gop) as server:
        url = server.frames_url()

        async def act(client: httpx2.AsyncClient) -> list[httpx2.Response]:
            asked = [asyncio.create_task(client.get(f"{url}/100.jpg")) for _ in range(N_CLIENTS)]
            await asyncio.to_thread(wait_until, lambda: len(door.waiting) + server.service.desk.waiting == N_CLIENTS)
            door.is_open.set()
            return await asyncio.gather(*asked)

        answers = server.run(act)
        assert {spelled(answer.content) for answer in answers} == {100}
        assert server.metric('answers_total{how="made"}') == 1


def test_a_burst_at_a_video_that_is_not_open_yet_gets_the_right_frames(long_gop: Path):
    with serving(long_gop) as server:
        (id_,) = server.ids().values()

        async def act(client: httpx2.AsyncClient) -> list[httpx2.Response]:
            return await asyncio.gather(*(client.get(f"/v1/videos/{id_}/frames/{3 * n}.jpg") for n in range(N_CLIENTS)))

        assert [spelled(answer.content) for answer in server.run(act)] == [3 * n for n in range(N_CLIENTS)]


# The newest first


def test_what_its_client_has_overtaken_ends_at_once_and_is_never_decoded(long_gop: Path, door: Door):
    n_requests = 40
    with serving(long_gop) as server:
        url = server.frames_url()
        before = server.service.videos.counted().frames_decoded

        async def act(client: httpx2.AsyncClient) -> list[httpx2.Response]:
            asked = [asyncio.create_task(client.get(f"{url}/{4 * n}.jpg", headers=order("me", n))) for n in range(n_requests)]
            # All but the newest are answered while nothing at all can be decoded.
            overtaken = await asyncio.gather(*asked[:-1])
            await asyncio.to_thread(wait_until, lambda: door.inside == [4 * (n_requests - 1)])
            assert not asked[-1].done()
            door.is_open.set()
            return [*overtaken, await asked[-1]]

        *overtaken, newest = server.run(act)
        assert {answer.status_code for answer in overtaken} == {409}
        assert {answer.headers["content-type"] for answer in overtaken} == {"application/problem+json"}
        assert spelled(newest.content) == 4 * (n_requests - 1)
        counted = server.service.videos.counted()
        # The newest lies shortly after a keyframe, and all the others before that.
        assert counted.frames_decoded - counted.frames_prefetched - before < 40
        assert server.metric('problems_total{status="409"}') == n_requests - 1


@pytest.mark.parametrize("how", ["hung up", "overtaken"])
def test_decoding_stops_between_two_packets_once_nobody_wants_it(
    long_gop: Path, monkeypatch: pytest.MonkeyPatch, no_prefetch: None, caplog: pytest.LogCaptureFixture, how: str
):
    with serving(long_gop) as server, contextlib.ExitStack() as stack:
        url = server.frames_url()
        brake = Brake(monkeypatch, 5)
        with caplog.at_level(logging.INFO):
            connection = stack.enter_context(server.asked(f"{url}/{2 * GOP - 1}.jpg", order("me", 1)))
            brake.wait_until_held()
            if how == "hung up":
                connection.close()
            else:
                assert spelled(server.get(f"{url}/3.jpg", order("me", 2)).content) == 3
                assert connection.getresponse().status == 409
            wait_until(lambda: bool(brake.outcomes))
            # The step that was held is taken to its end, and no other.
            assert isinstance(brake.outcomes[0], CancelledError)
            assert brake.steps == 6
            assert spelled(server.get(f"{url}/200.jpg").content) == 200
        assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_client_that_hangs_up_while_it_waits_is_never_decoded_for(
    long_gop: Path, door: Door, no_prefetch: None, caplog: pytest.LogCaptureFixture
):
    with serving(long_gop) as server, contextlib.ExitStack() as stack:
        url = server.frames_url()
        before = server.service.videos.counted().frames_decoded
        connections = [stack.enter_context(server.asked(f"{url}/{n}.jpg")) for n in range(N_CLIENTS)]
        desk = server.service.desk
        wait_until(lambda: len(door.waiting) + desk.waiting == N_CLIENTS)
        for connection in connections:
            connection.close()
        wait_until(lambda: desk.waiting == 0)
        door.is_open.set()
        answer = server.get(f"{url}/{GOP}.jpg")
        assert spelled(answer.content) == GOP
        # Those in its GOP; those that hung up wanted the first.
        assert server.service.videos.counted().frames_decoded - before <= GOP + 8
        assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
        assert server.metric('problems_total{status="500"}') == 0


def test_a_client_that_hangs_up_in_the_middle_of_a_batch_ends_it_and_harms_nobody(
    long_gop: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    made: list[int] = []
    real = Frames.make

    def make(frames: Frames, served: Any, place: int, *args: Any) -> Picture:
        made.append(place)
        return real(frames, served, place, *args)

    monkeypatch.setattr(Frames, "make", make)
    with serving(long_gop) as server:
        url = server.frames_url()
        with server.asked(f"{url}?i=0:{3 * GOP}&as=zip&format=png&w=100000") as connection:
            assert connection.getresponse().status == 400
        with server.asked(f"{url}?i=0:{3 * GOP}&as=zip&format=png") as connection:
            # What the client does not take, is not made: sockets hold little.
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            answer = connection.getresponse()
            assert answer.read(4) == b"PK\x03\x04"
            answer.close()
        wait_until(lambda: all(served.users == 0 for served in server.service.videos.all()))
        assert server.service.desk.waiting == 0
        assert len(made) < 3 * GOP
        assert spelled(server.get(f"{url}/200.jpg").content) == 200
        assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


# Bounds


def test_more_than_may_wait_are_sent_away_and_told_when_to_come_again(long_gop: Path, door: Door):
    with serving(long_gop, limits=Limits(waiting=5)) as server:
        url = server.frames_url()
        n_sent_away = N_CLIENTS - server.service.desk.n_threads - 5

        async def act(client: httpx2.AsyncClient) -> list[httpx2.Response]:
            asked = [asyncio.create_task(client.get(f"{url}/{n}.jpg")) for n in range(N_CLIENTS)]
            # Those who may not wait are answered while nobody else is.
            while sum(task.done() for task in asked) < n_sent_away:
                await asyncio.sleep(0.005)
            assert (await client.get("/readyz")).status_code == 503
            door.is_open.set()
            return await asyncio.gather(*asked)

        answers = server.run(act)
        sent_away = [answer for answer in answers if answer.status_code != 200]
        assert len(sent_away) == n_sent_away
        assert {(answer.status_code, answer.headers["retry-after"]) for answer in sent_away} == {(503, "1")}
        assert all(spelled(answer.content) == n for n, answer in enumerate(answers) if answer.status_code == 200)
        assert server.get("/readyz").status_code == 200


class Watch:
    """Looks all the time at what a server holds, and takes down the most."""

    def __init__(self, server: Loopback) -> None:
        self.most_bytes = self.most_decoders = 0
        self._server = server
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _look(self) -> None:
        engine = self._server.service.engine
        while not self._is_over.wait(0.002):
            self.most_bytes = max(self.most_bytes, engine.cache.bytes_held)
            self.most_decoders = max(self.most_decoders, engine.open_decoders)


N_VIDEOS = 24
N_FRAMES = 40
BUDGET_BYTES = 1_500_000


@pytest.fixture(scope="module")
def shelf(clip: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of videos, in which no picture spells the same as another."""
    folder = tmp_path_factory.mktemp("shelf")
    for number in range(N_VIDEOS):
        made = clip(n_frames=N_FRAMES, gop=20, first_spelled=N_FRAMES * number, container=("mp4", "mkv")[number % 2])
        (folder / f"{number:02}{made.suffix}").write_bytes(made.read_bytes())
    return folder


@pytest.mark.parametrize("most_open", [128, 6], ids=["all open", "six open"])
def test_many_who_scrub_in_many_videos_always_get_the_picture_that_they_asked_for(shelf: Path, most_open: int):
    """Each client asks for frames here and there, and now and then for two at once, of which the newer one counts."""
    n_requests = 8

    async def scrub(client: httpx2.AsyncClient, ids: list[str], number: int) -> int:
        chance = random.Random(number)
        sequence, seen = 0, 0
        for step in range(n_requests):
            video = number % N_VIDEOS if step % 4 else chance.randrange(N_VIDEOS)
            asked = []
            for _ in range(chance.choice((1, 1, 2))):
                sequence += 1
                frame = chance.randrange(N_FRAMES)
                path = f"/v1/videos/{ids[video]}/frames/{frame}.jpg?w={chance.choice((144, 72))}"
                asked.append((N_FRAMES * video + frame, client.get(path, headers=order(f"client-{number}", sequence))))
            answers = await asyncio.gather(*(asking for _, asking in asked))
            statuses = [answer.status_code for answer in answers]
            assert statuses[-1] == 200, answers[-1].text
            assert set(statuses) <= {200, 409}
            for (expected, _), answer in zip(asked, answers):
                if answer.status_code == 200:
                    assert spelled(answer.content) == expected
                    seen += 1
        return seen

    with serving(shelf, buffer_size_bytes=BUDGET_BYTES, limits=Limits(open_videos=most_open)) as server:
        ids = [id_ for _, id_ in sorted(server.ids().items())]

        async def act(client: httpx2.AsyncClient) -> list[int]:
            return await asyncio.gather(*(scrub(client, ids, number) for number in range(N_CLIENTS)))

        with Watch(server) as watch:
            seen = server.run(act)
        assert min(seen) >= n_requests
        engine = server.service.engine
        assert 0 < watch.most_bytes <= BUDGET_BYTES
        assert 0 < watch.most_decoders <= engine.max_decoders
        assert engine.cache.stats.evictions > 0, "the budget was to be too small"
        assert server.service.desk.waiting == 0
        # Only those in use may be more, and none is now; the next that is taken pushes the others out.
        server.get(f"/v1/videos/{ids[0]}/frames/0.jpg")
        assert len(server.service.videos.all()) <= most_open
        readers = [served.reader for served in server.service.videos.all()]
        assert all(reader in readers for reader, _ in server.service.views._views.values())


# A file that is being scanned

TURN = 48


@pytest.fixture
def scan_gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScanGate]:
    it = ScanGate(monkeypatch)
    yield it
    it.open()


def test_a_file_that_is_being_scanned_gives_what_is_known_and_tells_how_far_it_is(
    long_clip: Callable[..., Path], scan_gate: ScanGate
):
    with serving(long_clip(), limits=Limits(growing_seconds=0.05)) as server:
        (id_,) = server.ids().values()
        url = f"/v1/videos/{id_}"
        wait_until(lambda: server.get(url).json()["state"] == "growing")
        told = server.get(url).json()
        assert (told["stage"], told["info"], told["error"]) == ("scanning", None, None)
        assert 0 < told["progress"] < 1
        known = told["n_known"]
        assert 0 < known < 16 * TURN
        for n in (0, 20, known - 1):
            answer = server.get(f"{url}/frames/{n}.jpg")
            assert spelled(answer.content) == n % TURN
        assert spelled(server.get(f"{url}/at/0.8.jpg").content) == 20
        # Neither what lies beyond, nor what takes the end to be known.
        for path in (
            f"{url}/frames/{16 * TURN - 1}.jpg",
            f"{url}/frames/-1.jpg",
            f"{url}/frames/{10**8}.jpg",
            f"{url}/at/25.jpg",
        ):
            answer = server.get(path)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1"), answer.text
            assert 0 < answer.json()["progress"] < 1
        scan_gate.let(10 * TURN)
        wait_until(lambda: server.get(f"{url}/frames/{8 * TURN}.jpg").status_code == 200)
        assert known < server.get(url).json()["n_known"] < 16 * TURN
        scan_gate.open()
        wait_until(lambda: server.get(url).json()["state"] == "ready")
        told = server.get(url).json()
        assert (told["n_known"], told["progress"], told["info"]["n_frames"]) == (16 * TURN, 1.0, 16 * TURN)
        assert spelled(server.get(f"{url}/frames/-1.jpg").content) == TURN - 1
        assert server.get(f"{url}/frames/{16 * TURN}.jpg").status_code == 404


def test_of_a_file_that_grows_while_it_is_sent_as_much_is_sent_as_was_told(
    long_gop: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    path = tmp_path / "grows.mp4"
    path.write_bytes(long_gop.read_bytes())
    n_bytes = path.stat().st_size + 64 * 1024**2 + 5
    os.truncate(path, n_bytes)
    with serving(path) as server:
        media = server.frames_url().removesuffix("frames") + "media"
        with server.asked(media) as connection:
            answer = connection.getresponse()
            assert answer.headers["content-length"] == str(n_bytes)
            answer.read(1024)
            with path.open("ab") as file:
                file.write(bytes(1_000_000))
            assert len(answer.read()) == n_bytes - 1024
    assert caplog.messages == []


def test_a_file_that_is_cut_short_while_it_is_sent_ends_its_answer_and_nothing_more(
    long_gop: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    path = tmp_path / "cut.mp4"
    path.write_bytes(long_gop.read_bytes())
    with path.open("ab") as file:
        file.truncate(path.stat().st_size + 256 * 1024**2)
    with serving(path) as server:
        media = server.frames_url().removesuffix("frames") + "media"
        with server.asked(media) as connection:
            answer = connection.getresponse()
            assert answer.read(1024) == long_gop.read_bytes()[:1024]
            os.truncate(path, 100_000)
            with pytest.raises(http.client.IncompleteRead):
                answer.read()
        assert server.get("/healthz").status_code == 200
    assert not [record for record in caplog.records if record.exc_info]
    assert any("has become shorter" in record.getMessage() for record in caplog.records)
