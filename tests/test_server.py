"""The frame server, route by route: the right frame under its number, or an error that says what is wrong."""

from __future__ import annotations

import asyncio
import gc
import io
import json
import threading
import weakref
import zipfile
from collections.abc import Callable, Iterator
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from serving import PATIENCE_SECONDS, client_of, id_of, picture, ready, spelled
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from framecache import VideoAccessError, VideoReader
from framecache.decode.source import FINGERPRINT_BYTES
from framecache.errors import CancelledError, ClosedError
from framecache.server import library as library_module
from framecache.server import many, sheets, videos
from framecache.server.app import create_app
from framecache.server.desk import Job
from framecache.server.frames import Frames
from framecache.server.policy import Policy
from framecache.server.problems import Problem
from framecache.server.service import Limits, Service
from framecache.server.wire import IMAGE_FORMATS


@pytest.fixture(scope="module")
def client(sample: Path) -> Iterator[TestClient]:
    with client_of(sample) as one:
        ready(one, id_of(one))
        yield one


@pytest.fixture(scope="module")
def url(client: TestClient) -> str:
    return f"/v1/videos/{id_of(client)}"


@pytest.fixture(scope="module")
def reader(sample: Path) -> Iterator[VideoReader]:
    with VideoReader(sample, prefetch=False, pixel_format="rgb24") as one:
        yield one


def problem(response: object, status: int) -> dict[str, object]:
    assert response.status_code == status, response.text  # type: ignore[attr-defined]
    assert response.headers["content-type"] == "application/problem+json"  # type: ignore[attr-defined]
    told = response.json()  # type: ignore[attr-defined]
    assert told["status"] == status
    assert told["title"]
    assert told["detail"]
    return dict(told)


# What there is


def test_videos_are_listed_without_their_paths(client: TestClient, sample: Path):
    text = client.get("/v1/videos").text
    (video,) = json.loads(text)["videos"]
    assert (video["name"], video["size_bytes"]) == ("sample.mp4", sample.stat().st_size)
    assert str(sample.parent) not in text


def test_a_video_tells_all_that_info_knows(client: TestClient, url: str, reader: VideoReader, sample: Path):
    response = client.get(url)
    told = response.json()
    assert told["state"] == "ready"
    assert told["n_known"] == 330
    assert told["fingerprint"] == reader.info.fingerprint
    ours = reader.info.as_dict() | {"path": "sample.mp4"}
    for name in ("index_seconds", "index_from_store"):
        ours.pop(name), told["info"].pop(name)
    assert told["info"] == ours
    assert str(sample.parent) not in response.text


def test_the_timeline_gives_every_frames_time(client: TestClient, url: str, reader: VideoReader):
    told = client.get(f"{url}/timeline").json()
    gaps = np.repeat(*np.array(told["pts_gaps"]).T)
    assert (told["first_pts"] + np.concatenate([[0], np.cumsum(gaps)])).tolist() == reader.pts.tolist()
    assert told["keyframes"] == reader.keyframe_indices.tolist()
    assert told["is_whole"]


def test_the_timeline_of_a_variable_rate_is_exact_too(clip: Callable[..., Path]):
    path = clip(variable=True, n_frames=40)
    with client_of(path) as client, VideoReader(path, prefetch=False) as reader:
        told = client.get(f"/v1/videos/{id_of(client)}/timeline").json()
        gaps = np.repeat(*np.array(told["pts_gaps"]).T)
        assert (told["first_pts"] + np.concatenate([[0], np.cumsum(gaps)])).tolist() == reader.pts.tolist()


def test_ranges_at_hand_are_told(sample: Path):
    with client_of(sample) as client:
        url = f"/v1/videos/{id_of(client)}"
        assert client.get(f"{url}/cached").json() == {"cached": []}
        client.get(f"{url}/frames/7.jpg")
        cached = client.get(f"{url}/cached").json()["cached"]
        assert any(first <= 7 < stop for first, stop in cached)
        assert client.get(f"{url}/timeline").json()["cached"] == cached


# Frames


@pytest.mark.parametrize("ending", IMAGE_FORMATS)
def test_a_frame_comes_under_its_number_in_every_format(client: TestClient, url: str, reader: VideoReader, ending: str):
    for index in (0, 249, 250, 329, 41, -1):
        response = client.get(f"{url}/frames/{index}.{ending}")
        assert response.status_code == 200, response.text
        place = index % 330
        assert response.headers["frame-index"] == str(place)
        assert response.headers["frame-pts"] == str(reader.pts[place])
        assert float(response.headers["frame-time"]) == reader.timestamps[place]
        assert response.headers["frame-keyframe"] == ("true" if place in (0, 250) else "false")
        assert (response.headers["frame-width"], response.headers["frame-height"]) == ("320", "180")
        assert spelled(response.content, ending) == place


def test_the_size_of_the_whole_frame_is_told_of_what_is_cut_or_turned_and_from_the_cache_too(clip: Callable[..., Path]):
    with client_of(clip(orientation="turn90")) as client:
        url = f"/v1/videos/{id_of(client)}"
        told = ready(client, id_of(client))
        for query in ("?w=10", "?w=10", "?crop=0,0,16,16"):
            headers = client.get(f"{url}/frames/3.jpg{query}").headers
            assert (int(headers["frame-width"]), int(headers["frame-height"])) == (told["width"], told["height"])
        assert (told["width"], told["height"]) == (told["info"]["width"], told["info"]["height"])


def test_formats_without_loss_give_the_readers_own_pixels(client: TestClient, url: str, reader: VideoReader):
    for ending in ("png", "npy"):
        assert np.array_equal(picture(client.get(f"{url}/frames/41.{ending}").content, ending), reader[41])


def test_formats_with_loss_are_near(client: TestClient, url: str, reader: VideoReader):
    for ending in ("jpg", "webp", "avif"):
        got = picture(client.get(f"{url}/frames/41.{ending}?q=95").content, ending).astype(int)
        assert np.abs(got - reader[41]).mean() < 6, ending


SHAPES: list[dict[str, object]] = [
    {}, {"orientation": "turn90"}, {"orientation": "mirrored"}, {"pix_fmt": "yuv444p"}, {"pix_fmt": "yuv420p10le"},
    {"size": (145, 97), "pix_fmt": "yuv444p"},
]  # fmt: skip


@pytest.mark.parametrize("features", SHAPES, ids=str)
def test_jpegs_show_what_the_reader_shows_however_it_is_stored(clip: Callable[..., Path], features: dict[str, object]):
    path = clip(**features)
    with client_of(path) as client, VideoReader(path, prefetch=False, pixel_format="rgb24") as reader:
        got, ours = picture(client.get(f"/v1/videos/{id_of(client)}/frames/20.jpg?q=98").content).astype(float), reader[20]
        assert got.shape == ours.shape
        # Chroma is coarse in both, and each decoder of JPEG spreads it in its own way; light and mean colours are not.
        assert np.abs((got - ours) @ (0.299, 0.587, 0.114)).mean() < 3
        assert np.abs((got - ours).mean((0, 1))).max() < 2.5


def test_pictures_are_shrunk_to_fit_and_never_enlarged(client: TestClient, url: str):
    sizes = {"w=160": (90, 160), "h=45": (45, 80), "w=100&h=10": (10, 18), "w=4000": (180, 320), "w=1": (1, 1)}
    for ending in ("jpg", "png"):
        for query, shape in sizes.items():
            assert picture(client.get(f"{url}/frames/3.{ending}?{query}").content, ending).shape[:2] == shape


def test_a_crop_is_cut_out_before_it_is_shrunk(client: TestClient, url: str, reader: VideoReader):
    got = picture(client.get(f"{url}/frames/5.png?crop=10,20,64,32").content, "png")
    assert np.array_equal(got, reader[5][20:52, 10:74])
    assert picture(client.get(f"{url}/frames/5.jpg?crop=10,20,64,32&w=32").content).shape[:2] == (16, 32)
    assert problem(client.get(f"{url}/frames/5.jpg?crop=300,0,64,32"), 400)["parameter"] == "crop"


def test_a_time_gives_the_frame_displayed_then_and_where_it_is(client: TestClient, url: str, reader: VideoReader):
    for seconds in (0, 1.0, 1.01, 10.999):
        response = client.get(f"{url}/at/{seconds}.jpg?w=320")
        place = reader.index.displayed_at(seconds)
        assert spelled(response.content) == place
        canonical = response.headers["content-location"]
        assert canonical.startswith(f"{url}/frames/{place}.jpg?w=320&v=")
        assert client.get(canonical).content == response.content
    problem(client.get(f"{url}/at/11.jpg"), 404)
    problem(client.get(f"{url}/at/-0.1.jpg"), 404)


def test_head_gives_the_headers_alone(client: TestClient, url: str):
    get, head = (client.request(method, f"{url}/frames/9.jpg") for method in ("GET", "HEAD"))
    assert head.status_code == 200
    assert head.headers["etag"] == get.headers["etag"]


# What is kept


def test_a_picture_that_the_client_has_is_not_sent_nor_decoded_again(sample: Path):
    with client_of(sample) as client:
        url = f"/v1/videos/{id_of(client)}"
        tag = client.get(f"{url}/frames/100.jpg").headers["etag"]
        assert not tag.startswith("W/")
    with client_of(sample) as client:
        response = client.get(f"{url}/frames/100.jpg", headers={"If-None-Match": tag})
        assert (response.status_code, response.content) == (304, b"")
        assert response.headers["etag"] == tag
        service = client.app.state.service  # type: ignore[attr-defined]
        assert service.videos.counted().frames_decoded == 0


def test_only_a_url_that_names_the_file_may_be_kept_for_good(client: TestClient, url: str, reader: VideoReader):
    assert client.get(f"{url}/frames/9.jpg").headers["cache-control"] == "public, no-cache"
    kept = client.get(f"{url}/frames/9.jpg?v={reader.info.fingerprint}")
    assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
    problem(client.get(f"{url}/frames/9.jpg?v={'0' * 32}"), 410)


def test_a_file_that_was_changed_has_other_tags_and_the_old_name_is_gone(clip: Callable[..., Path], tmp_path: Path):
    path = tmp_path / "a.mp4"
    path.write_bytes(clip(n_frames=20).read_bytes())
    with client_of(path) as client:
        url = f"/v1/videos/{id_of(client)}"
        before = ready(client, id_of(client))["fingerprint"]
        assert client.get(f"{url}/frames/19.jpg?v={before}").status_code == 200
        path.unlink()
        path.write_bytes(clip(n_frames=30, first_spelled=100).read_bytes())
        problem(client.get(f"{url}/frames/19.jpg?v={before}"), 410)
        assert spelled(client.get(f"{url}/frames/29.jpg").content) == 129


def test_a_file_that_was_changed_between_its_ends_has_other_tags_too(sample: Path, tmp_path: Path):
    path = tmp_path / "a.mp4"
    path.write_bytes(sample.read_bytes())
    with client_of(path) as client:
        url = f"/v1/videos/{id_of(client)}"
        names = ("frames/3.jpg", "sprites/0.jpg", "media")
        before = {name: client.get(f"{url}/{name}").headers["etag"] for name in names}
        content = bytearray(path.read_bytes())
        assert len(content) > 3 * FINGERPRINT_BYTES
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        for name, tag in before.items():
            answer = client.get(f"{url}/{name}", headers={"If-None-Match": tag})
            assert answer.status_code == 200
            assert answer.headers["etag"] != tag


def test_encoded_pictures_are_kept_within_the_budget(sample: Path):
    with client_of(sample, buffer_size_bytes=2_000_000) as client:
        url = f"/v1/videos/{id_of(client)}"
        for index in range(0, 330, 3):
            assert spelled(client.get(f"{url}/frames/{index}.jpg").content) == index
        engine = client.app.state.service.engine  # type: ignore[attr-defined]
        assert 0 < engine.cache.bytes_held <= 2_000_000
        again = client.get(f"{url}/frames/327.jpg")
        assert "cache" in again.headers["server-timing"]


def test_the_time_that_each_part_took_is_told(sample: Path):
    with client_of(sample) as client:
        timing = client.get(f"/v1/videos/{id_of(client)}/frames/9.jpg").headers["server-timing"]
        assert [part.split(";")[0] for part in timing.split(", ")] == ["queue", "decode", "encode"]


# What goes wrong


def test_a_frame_past_an_end_is_not_found(client: TestClient, url: str):
    for index in (330, -331, 10**9):
        assert problem(client.get(f"{url}/frames/{index}.jpg"), 404)["n_frames"] == 330


@pytest.mark.parametrize("path", ["/v1/videos/0123456789abcdef", "/v1/videos/x/frames/1.jpg", "/v1/nothing", "/v2"])
def test_what_is_not_there_is_a_problem_too(client: TestClient, path: str):
    problem(client.get(path), 404)


@pytest.mark.parametrize("path", ["frames/a.jpg", "frames/1.5.jpg", "frames/1e3.jpg", "frames/1.jpg?w=0", "frames/1.jpg?bogus=1",
                                  "at/x.jpg", "frames", "frames?i=a", "frames?i=1&as=rar", "frames?i=1&as=npz&format=jpg",
                                  "sheet.jpg?count=0", "sprites/x.jpg"])  # fmt: skip
def test_bad_parameters_are_named(client: TestClient, url: str, path: str):
    assert problem(client.get(f"{url}/{path}"), 400)["parameter"]


def test_a_format_that_cannot_be_had_or_is_not_accepted_is_refused(client: TestClient, url: str):
    problem(client.get(f"{url}/frames/1.bmp"), 406)
    problem(client.get(f"{url}/frames/1.jpg", headers={"Accept": "image/png"}), 406)


def test_other_methods_are_refused(client: TestClient, url: str):
    for path in (f"{url}/frames/1.jpg", url, "/", "/healthz"):
        answer = client.post(path)
        assert problem(answer, 405)
        assert answer.headers["allow"] == "GET, HEAD"


def test_a_file_that_is_no_video_says_so_without_its_path(tmp_path: Path):
    (tmp_path / "no.mp4").write_bytes(b"nothing of a video" * 100)
    with client_of(tmp_path) as client:
        id_ = id_of(client)
        told = ready(client, id_)
        assert told["state"] == "failed"
        assert "no.mp4" in told["error"]
        response = client.get(f"/v1/videos/{id_}/frames/0.jpg")
        problem(response, 422)
        assert str(tmp_path) not in response.text + json.dumps(told)


def test_a_playlist_under_the_name_of_a_video_reads_no_other_file(tmp_path: Path, sample: Path):
    (tmp_path / "list.mp4").write_text(f"#EXTM3U\n#EXTINF:1,\nfile://{sample}\n#EXT-X-ENDLIST\n")
    with client_of(tmp_path) as client:
        problem(client.get(f"/v1/videos/{id_of(client)}/frames/0.jpg"), 422)


def test_a_frame_that_cannot_be_decoded_says_which(media: Path):
    with client_of(media / "corrupted.mp4") as client:
        answer = problem(client.get(f"/v1/videos/{id_of(client)}/frames/30.jpg"), 422)
        assert (answer["index"], answer["pts"]) == (30, 30720)
        assert answer["reason"]
        assert client.get(f"/v1/videos/{id_of(client)}/frames/0.jpg").status_code == 200


# Order


def test_a_request_that_its_own_client_has_overtaken_is_refused_and_not_kept(client: TestClient, url: str):
    def ask(index: int, sequence: int, lane: str = "frame") -> object:
        headers = {"Client-Id": "me", "Client-Sequence": str(sequence), "Client-Lane": lane}
        return client.get(f"{url}/frames/{index}.jpg", headers=headers)

    assert ask(10, 5).status_code == 200  # type: ignore[attr-defined]
    late = ask(11, 4)
    problem(late, 409)
    assert late.headers["cache-control"] == "no-store"  # type: ignore[attr-defined]
    assert ask(11, 4, "thumbnail").status_code == 200  # type: ignore[attr-defined]
    assert ask(12, 6).status_code == 200  # type: ignore[attr-defined]


BAD_ORDER = [("a b", "1"), ("a", None), (None, "1"), ("a", "-1"), ("x" * 65, "1")]


@pytest.mark.parametrize(("client_id", "sequence"), BAD_ORDER)
def test_bad_order_headers_are_refused(client: TestClient, url: str, client_id: str | None, sequence: str | None):
    given = {"Client-Id": client_id, "Client-Sequence": sequence}
    headers = {name: value for name, value in given.items() if value is not None}
    problem(client.get(f"{url}/frames/1.jpg", headers=headers), 400)


# Many


def test_what_is_made_of_many_frames_neither_overtakes_nor_is_overtaken(client: TestClient, url: str):
    def order(sequence: int) -> dict[str, str]:
        return {"Client-Id": "many", "Client-Sequence": str(sequence)}

    assert client.get(f"{url}/frames/7.jpg", headers=order(7)).status_code == 200
    for path in ("frames?i=1", "sheet.jpg?count=2", "sprites/0.jpg", "thumbnails.vtt"):
        assert client.get(f"{url}/{path}", headers=order(6)).status_code == 200, path
        assert client.get(f"{url}/{path}", headers=order(9)).status_code == 200, path
    assert client.get(f"{url}/frames/8.jpg", headers=order(8)).status_code == 200


def test_a_zip_holds_each_frame_under_its_index(client: TestClient, url: str):
    response = client.get(f"{url}/frames?i=0:300:50,-1&as=zip")
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert names == [f"frame_{place:06d}.jpg" for place in (0, 50, 100, 150, 200, 250, 329)]
        assert [spelled(archive.read(name)) for name in names] == [0, 50, 100, 150, 200, 250, 329]


def test_batches_wait_where_too_many_do_and_lack_no_frame(sample: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(many, "BUSY_SECONDS", 0.001)
    with client_of(sample) as client:
        desk = client.app.state.service.desk  # type: ignore[attr-defined]
        do, sent_away = desk.do, list[int]()

        async def busy(*given: object, **more: object) -> object:
            if len(sent_away) % 2 == 0:
                sent_away.append(1)
                raise Problem(503, "too many requests are waiting")
            sent_away.append(0)
            return await do(*given, **more)

        monkeypatch.setattr(desk, "do", busy)
        answer = client.get(f"/v1/videos/{id_of(client)}/frames?i=:12&as=npz")
        assert np.load(io.BytesIO(answer.content)).files == [f"frame_{place:06d}" for place in range(12)]
        assert sum(sent_away) == 12


def test_an_npz_holds_arrays_in_rgb(client: TestClient, url: str, reader: VideoReader):
    with np.load(io.BytesIO(client.get(f"{url}/frames?i=3,1&as=npz").content)) as arrays:
        assert list(arrays) == ["frame_000003", "frame_000001"]
        assert np.array_equal(arrays["frame_000003"], reader[3])


def test_a_multipart_answer_tells_of_each_frame(client: TestClient, url: str):
    response = client.get(f"{url}/frames?i=7,8&as=multipart&w=320")
    message = BytesParser().parsebytes(
        b"Content-Type: " + response.headers["content-type"].encode() + b"\r\n\r\n" + response.content
    )
    parts = message.get_payload()
    assert [part["Frame-Index"] for part in parts] == ["7", "8"]  # type: ignore[index, union-attr]
    assert [spelled(part.get_payload(decode=True)) for part in parts] == [7, 8]  # type: ignore[union-attr]


def test_head_of_many_frames_makes_none_of_them(sample: Path):
    with client_of(sample) as client:
        service = client.app.state.service  # type: ignore[attr-defined]
        many = f"/v1/videos/{id_of(client)}/frames"
        assert client.head(f"{many}?i=:").headers["content-type"] == "application/zip"
        assert client.head(f"{many}?i=330").status_code == 404
        assert service.videos.counted().frames_decoded == 0
        assert not any(served.users for served in service.videos.all())


def test_too_many_frames_at_once_are_refused_with_the_number(sample: Path):
    with client_of(sample, limits=Limits(frames=10)) as client:
        assert "10" in str(problem(client.get(f"/v1/videos/{id_of(client)}/frames?i=0:11"), 400)["detail"])


# Sheets


def test_a_contact_sheet_is_a_picture_of_its_size(client: TestClient, url: str):
    shape = picture(client.get(f"{url}/sheet.jpg?count=6&columns=3&w=100").content).shape
    assert shape[1] == 3 * 108 + 8


@pytest.mark.parametrize("query", ["count=100&columns=100&w=700", "count=100&columns=1&w=1200", "count=330&columns=18&w=2048"])
def test_a_contact_sheet_that_is_too_large_is_refused_before_it_is_made(
    query: str, client: TestClient, url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sheets, "cell_of", None)
    assert "too large" in str(problem(client.get(f"{url}/sheet.jpg?{query}"), 400)["detail"])


def test_the_pictures_of_a_contact_sheet_that_nobody_wants_any_more_are_not_made(sample: Path, monkeypatch: pytest.MonkeyPatch):
    made = list[int]()
    job = Job(asyncio.Event())

    def cell_of(_reader: VideoReader, place: int, width: int) -> np.ndarray:
        made.append(place)
        job.is_dropped = True
        return np.zeros((9, width, 3), np.uint8)

    monkeypatch.setattr(sheets, "cell_of", cell_of)
    with client_of(sample) as client:
        service = client.app.state.service  # type: ignore[attr-defined]
        served = service.videos.take(id_of(client))
        with pytest.raises(CancelledError):
            sheets._sheet(served, served.opening.result(), 16, 4, 320, job)
    assert made == [0]


def test_sprites_show_what_their_table_says(client: TestClient, url: str, reader: VideoReader):
    lines = client.get(f"{url}/thumbnails.vtt").text.split("\n\n")
    assert lines[0] == "WEBVTT"
    cues = [cue.splitlines() for cue in lines[1:] if cue.strip()]
    indices = [int(cue[0]) for cue in cues]
    assert indices == sorted(set(indices))
    assert {0, 250} <= set(indices)
    sheets: dict[str, np.ndarray] = {}
    for index, (_, clock, target) in zip(indices, cues, strict=True):
        assert " --> " in clock
        name, area = target.split("#xywh=")
        x, y, width, height = map(int, area.split(","))
        if name not in sheets:
            sheets[name] = picture(client.get(f"{url}/{name}").content)
        thumbnail = sheets[name][y : y + height, x : x + width].astype(int)
        own = picture(client.get(f"{url}/frames/{index}.png?w={width}").content, "png").astype(int)
        assert np.abs(thumbnail - own).mean() < 12, index
    problem(client.get(f"{url}/sprites/999.jpg"), 404)


# The file, and the rest


def test_the_file_itself_is_sent_whole_and_in_parts(client: TestClient, url: str, sample: Path):
    whole = client.get(f"{url}/media")
    assert whole.content == sample.read_bytes()
    assert whole.headers["content-type"] == "video/mp4"
    part = client.get(f"{url}/media", headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, sample.read_bytes()[100:200])
    past = client.get(f"{url}/media", headers={"Range": "bytes=999999999-"})
    problem(past, 416)
    assert past.headers["content-range"] == f"bytes */{sample.stat().st_size}"
    assert problem(client.get(f"{url}/media", headers={"Range": "bytes=2-1"}), 400)


def test_ranges_of_other_units_are_ignored_and_those_that_are_none_refused(client: TestClient, url: str, sample: Path):
    answer = client.get(f"{url}/media", headers={"Range": "pages=0-1"})
    assert (answer.status_code, answer.content) == (200, sample.read_bytes())
    problem(client.get(f"{url}/media", headers={"Range": "bytes=a-b"}), 400)


def test_a_file_that_the_client_has_is_not_sent_again(client: TestClient, url: str):
    tag = client.head(f"{url}/media").headers["etag"]
    for more in ({}, {"Range": "bytes=0-9"}):
        answer = client.get(f"{url}/media", headers={"If-None-Match": tag, **more})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
    assert client.get(f"{url}/media", headers={"If-None-Match": '"other"'}).status_code == 200


def test_health_and_metrics_are_told(client: TestClient, url: str):
    client.get(f"{url}/frames/77.jpg")
    assert client.get("/healthz").text == client.get("/readyz").text == "ok\n"
    text = client.get("/metrics").text
    names = [
        "answers_total",
        "hits_total",
        "misses_total",
        "evictions_total",
        "cache_bytes",
        "cache_budget_bytes",
        "waiting_requests",
    ]
    for name in [*names, "decode_seconds_bucket", "encode_seconds_bucket", "frames_decoded_for_nobody_total"]:
        assert f"framecache_{name}" in text, name


def test_a_failure_is_told_without_its_words_counted_and_logged_once(
    client: TestClient, url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("/secret/place")

    monkeypatch.setattr(Frames, "at_hand", fail)
    assert "secret" not in str(problem(client.get(f"{url}/frames/3.jpg"), 500))
    assert [record.exc_info is not None for record in caplog.records if record.levelname == "ERROR"] == [True]
    assert 'framecache_problems_total{status="500"} 1.0' in client.get("/metrics").text


def test_whoever_waits_for_a_video_that_is_not_begun_when_the_server_closes_is_told(
    clip: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for number in range(4):
        (tmp_path / f"{number}.mp4").write_bytes(clip(n_frames=20, first_spelled=number).read_bytes())
    may_open, n_open = threading.Event(), threading.Semaphore(0)

    def slowly(*args: Any, **options: Any) -> VideoReader:
        n_open.release()
        assert may_open.wait(60)
        return VideoReader(*args, **options)

    monkeypatch.setattr(videos, "VideoReader", slowly)
    service = Service([tmp_path])
    taken = [service.videos.take(entry.id) for entry in service.library.scan()]
    for _ in range(videos.OPENING_THREADS):
        assert n_open.acquire(timeout=60)
    closing = threading.Thread(target=service.close)
    closing.start()
    assert [isinstance(served.opening.exception(60), ClosedError) for served in taken[2:]] == [True, True]
    may_open.set()
    closing.join(60)
    assert not closing.is_alive()
    assert all(served.is_closed and served.opening.result()._life.is_closed for served in taken[:2])
    assert service.engine.open_decoders == 0


def test_every_route_is_described(client: TestClient):
    described = client.get("/openapi.json").json()["paths"]
    assert {path for path in described if path.startswith("/v1")} == {
        "/v1/videos", "/v1/videos/{id}", "/v1/videos/{id}/timeline", "/v1/videos/{id}/cached", "/v1/videos/{id}/frames/{n}.{ext}",
        "/v1/videos/{id}/at/{seconds}.{ext}", "/v1/videos/{id}/media", "/v1/videos/{id}/frames", "/v1/videos/{id}/sheet.jpg",
        "/v1/videos/{id}/sprites/{k}.jpg", "/v1/videos/{id}/thumbnails.vtt",
    }  # fmt: skip
    assert {"/healthz", "/readyz", "/metrics"} <= set(described)


def test_closing_an_app_leaves_no_thread_no_decoder_and_no_frame(sample: Path):
    before = {thread.ident for thread in threading.enumerate()}
    with client_of(sample) as client:
        client.get(f"/v1/videos/{id_of(client)}/frames/7.jpg")
        service = client.app.state.service  # type: ignore[attr-defined]
    assert (service.engine.open_decoders, service.engine.cache.bytes_held) == (0, 0)
    left = [thread.name for thread in threading.enumerate() if thread.ident not in before]
    assert not [name for name in left if name.startswith("framecache")]


@pytest.mark.parametrize(
    ("failure", "status"), [(OSError(24, "Too many open files"), 500), (VideoAccessError("no right to"), 422)]
)
def test_a_file_that_could_not_be_reached_is_tried_again(
    failure: Exception, status: int, sample: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    failures = [failure]

    def opened(*given: object, **more: object) -> VideoReader:
        if failures:
            raise failures.pop()
        return VideoReader(*given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(videos, "VideoReader", opened)
    with client_of(sample) as client:
        url = f"/v1/videos/{id_of(client)}/frames/7.jpg"
        problem(client.get(url), status)
        assert ("Too many open files" in caplog.text) == (status == 500), "what is not told to clients stands in the log"
        problem(client.get(url), status)
        assert "/secret" not in client.get(f"/v1/videos/{id_of(client)}").text
        monkeypatch.setattr(videos, "RETRY_SECONDS", 0.0)
        assert spelled(client.get(url).content) == 7


def test_others_are_answered_while_folders_are_searched_for_an_unknown_id(sample: Path, monkeypatch: pytest.MonkeyPatch):
    with client_of(sample) as client:
        library = client.app.state.service.library  # type: ignore[attr-defined]
        is_begun, may_end = threading.Event(), threading.Event()
        scan = library.scan

        def slow() -> object:
            is_begun.set()
            assert may_end.wait(PATIENCE_SECONDS)
            return scan()

        monkeypatch.setattr(library_module, "RESCAN_SECONDS", -1.0)
        monkeypatch.setattr(library, "scan", slow)
        statuses = list[int]()
        asking = threading.Thread(target=lambda: statuses.append(client.get("/v1/videos/0123456789abcdef").status_code))
        asking.start()
        assert is_begun.wait(PATIENCE_SECONDS)
        assert client.get("/healthz").status_code == 200
        assert not statuses
        may_end.set()
        asking.join()
        assert statuses == [404]


def test_nothing_is_kept_of_a_file_that_was_replaced(clip: Callable[..., Path], tmp_path: Path):
    path = tmp_path / "a.mp4"
    path.write_bytes(clip(n_frames=20).read_bytes())
    with client_of(path) as client:
        service = client.app.state.service  # type: ignore[attr-defined]
        video = f"/v1/videos/{id_of(client)}"
        for name in ("one", "two"):
            client.get(f"{video}/frames/3.jpg?w=64", headers={"Client-Id": name, "Client-Sequence": "1"})
            client.get(f"{video}/frames/3.jpg?w=32")
        kept = weakref.ref(service.videos.peek(id_of(client)).reader)
        path.write_bytes(clip(n_frames=20, first_spelled=40).read_bytes())
        assert spelled(client.get(f"{video}/frames/3.jpg").content) == 43
        gc.collect()
        assert kept() is None


def test_an_app_may_be_put_under_a_path_of_another(sample: Path):
    inner = create_app([sample], policy=Policy(token="secret"))
    outer = Starlette(routes=[Mount("/films", inner)])
    with TestClient(outer, base_url="http://127.0.0.1", follow_redirects=False) as client:
        assert client.get("/films/healthz").status_code == 200
        assert client.get("/films/v1/videos").status_code == 401
        opened = client.get("/films/?token=secret")
        assert (opened.status_code, opened.headers["location"]) == (303, "./")
        (video,) = client.get("/films/v1/videos").json()["videos"]
        there = client.get(f"/films/v1/videos/{video['id']}/at/0.1.jpg").headers["content-location"]
        assert client.get(there).headers["frame-index"] == "3"
        parts = client.get(f"/films/v1/videos/{video['id']}/frames?i=3&as=multipart").content
        assert f"Content-Location: {there}".encode() in parts
    inner.state.service.close()


def test_a_new_file_is_found_without_a_restart(clip: Callable[..., Path], tmp_path: Path):
    (tmp_path / "a.mp4").write_bytes(clip(n_frames=20).read_bytes())
    with client_of(tmp_path) as client:
        (tmp_path / "b.mp4").write_bytes(clip(n_frames=20, first_spelled=40).read_bytes())
        assert spelled(client.get(f"/v1/videos/{id_of(client, 'b.mp4')}/frames/3.jpg").content) == 43
