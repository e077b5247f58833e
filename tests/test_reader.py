from __future__ import annotations

import contextlib
import inspect
import io
import math
import pickle
import random
import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import clips
import numpy as np
import pytest
from clips import ORIENTATIONS, Clip, digest, linear, pairwise, pts_of
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import framecache
from framecache import (
    BadArgumentError,
    BadTypeError,
    ClosedError,
    DecodeError,
    FrameIndexError,
    TimeRangeError,
    VideoChangedError,
    VideoReader,
)
from framecache.decode.convert import Orientation, Transform, convert
from framecache.sample import read_index


@pytest.fixture
def reader(clip: Callable[..., Path]) -> Any:
    with VideoReader(clip()) as opened:
        yield opened


# The contract, on clips whose pixels spell their index

AXES: dict[str, tuple[Any, ...]] = {
    "codec": ("libx264", "libx265", "libvpx-vp9", "libsvtav1", "mpeg2video", "mpeg4", "prores_ks", "ffv1", "mjpeg"),
    "gop": (1, 12, 250),
    "open_gop": (False, True),
    "b_frames": (0, 2),
    "variable": (False, True),
    "start": (0, 37, -3),
    "orientation": tuple(ORIENTATIONS),
    "size": ((144, 96), (145, 97)),
    "cut": (False, True),
}
CONTAINERS = {"libvpx-vp9": "webm", "libsvtav1": "mkv", "mpeg2video": "ts", "ffv1": "mkv"}
FORMATS = {"prores_ks": "yuv422p10le", "mjpeg": "yuvj420p"}


def pairwise_clips() -> list[Clip]:
    rows = []
    for row in pairwise(AXES):
        codec, is_odd = row["codec"], row["size"][0] % 2
        container = CONTAINERS.get(codec, "mov" if codec in ("prores_ks", "mjpeg") else "mp4")
        if container not in ("mp4", "mov"):
            row |= {"orientation": "upright", "start": max(0, row["start"])}
        if codec == "mpeg2video":
            row["variable"] = False  # it has no timestamps but those of its rate
        if codec == "libsvtav1":
            row["size"] = (144, 96)  # the encoder pads odd sizes
        pix_fmt = "yuv444p" if is_odd and codec in ("libx264", "libx265") else FORMATS.get(codec, "yuv420p")
        rows.append(Clip(container=container, pix_fmt=pix_fmt, n_frames=40, **row))
    return sorted(set(rows), key=repr)


@pytest.mark.parametrize("features", pairwise_clips(), ids=str)
def test_an_index_names_the_picture_that_a_linear_decode_has_there(clip_folder: Path, features: Clip):
    path = clip_folder / features.name()
    if not path.exists():
        clips.make(path, features)
    with VideoReader(path) as reader:
        orientation = Orientation(reader.info.rotation, reader.info.mirrored)
        truth = [(frame.pts, digest(convert(frame, Transform(), orientation))) for frame in linear(path)]
        # What half a packet shows depends on the memory that it is decoded into, and so on which frames are held.
        held = [digest(convert(frame, Transform(), orientation)) for frame in list(linear(path))]
        missing = [place for place in range(len(reader)) if not is_decodable(reader, place)]
        assert len(reader) - len(missing) == len(truth) > 0
        assert not missing or features.cut
        places = [place for place in range(len(reader)) if place not in missing]
        if not features.cut:
            # MP4 and MOV cut off what comes before time 0, with an edit list.
            shown = [(number, pts) for number, pts in enumerate(pts_of(features)) if pts >= 0]
            assert [read_index(reader[place]) for place in places] == [number for number, _ in shown]
            seconds = np.array([pts - shown[0][1] for _, pts in shown]) / clips.FPS
            np.testing.assert_allclose(reader.timestamps, seconds, atol=0.0011)
        assert [reader.request_frame(place).pts for place in places] == [pts for pts, _ in truth]
        hashes = [
            hash_ if hash_ == other else digest(reader[place])
            for (_, hash_), other, place in zip(truth, held, places, strict=True)
        ]
        assert sum(one != other for one, (_, other) in zip(hashes, truth)) <= features.cut
    rng = random.Random(1)
    asked = [len(places) - 1, *(rng.randrange(len(places)) for _ in range(60))]
    for options in ({}, {"use_cache": False}, {"buffer_size_bytes": 150_000}, {"threshold_frames_to_scan": 0}):
        with VideoReader(path, **options) as reader:
            for number in asked:
                assert digest(reader[places[number]]) == hashes[number], (options, places[number])


def is_decodable(reader: VideoReader, place: int) -> bool:
    try:
        return reader.request_frame(place).frame_ix == place
    except DecodeError:
        return False


def damaged(path: Path, target: Path, at: float, count: int) -> Path:
    """A copy of a clip with some bytes in the midst of its media set to zero."""
    data = bytearray(path.read_bytes())
    first = int(len(data) * at)
    data[first : first + count] = bytes(count)
    target.write_bytes(data)
    return target


@pytest.mark.parametrize("container", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize(("at", "count"), [(0.6, 900), (0.75, 40), (0.9, 300)])
def test_damage_that_shows_midway_changes_no_other_frame(
    tmp_path: Path, clip: Callable[..., Path], container: str, at: float, count: int
):
    path = damaged(clip(n_frames=150, gop=40, container=container), tmp_path / f"damaged.{container}", at, count)
    truth = [digest(convert(frame, Transform(), Orientation())) for frame in linear(path)]
    histories: list[list[int]] = [list(range(150)), list(range(150))[::-1], random.Random(4).sample(range(150), 150)]
    for options in ({}, {"use_cache": False}, {"buffer_size_bytes": 200_000}):
        for history in histories:
            with VideoReader(path, **options) as reader:  # type: ignore[arg-type]
                got: dict[int, str] = {}
                for index in (index for index in history if index < len(reader)):
                    with contextlib.suppress(DecodeError):
                        got[index] = digest(reader[index])
                # Where a whole index shows damage only once it is met, what was handed out before it stands.
                assert [got[index] for index in sorted(got)] == truth, (options, history[:3])


def test_frames_that_do_not_come_after_a_seek_are_had_all_the_same(clip: Callable[..., Path]):
    # Interlaced MPEG-4 with B-frames: FFmpeg's decoder drops them all once decoding begins midway.
    path = clip(codec="mpeg4", options=(("flags", "+ilme+ildct+qpel"),))
    truth = [digest(convert(frame, Transform(), Orientation())) for frame in linear(path)]
    for history in (list(range(48))[::-1], random.Random(5).sample(range(48), 48)):
        with VideoReader(path, use_cache=False) as reader:
            assert len(reader) == 48
            for index in history:
                assert digest(reader[index]) == truth[index]


@pytest.mark.usefixtures("no_prefetch")
def test_one_linear_decode_settles_damage_and_is_stored(media: Path):
    path = media / "corrupted.mp4"
    with VideoReader(path) as reader:
        assert reader.index.checksums is None
        assert reader.info.undecodable == ()
        for index in range(50):
            is_decodable(reader, index)
        assert reader.index.checksums is not None
        undecodable = reader.info.undecodable
        assert undecodable == (30,)
    with VideoReader(path) as reader:
        assert reader.info.index_from_store
        assert reader.info.undecodable == undecodable
        assert reader.stats.frames_decoded <= 1
        for index in undecodable:
            with pytest.raises(DecodeError):
                reader.request_frame(index)


def test_a_timestamp_far_out_of_order_takes_no_other_frame_with_it(tmp_path: Path, clip: Callable[..., Path]):
    whole = clip(n_frames=120, gop=40, container="ts")
    data = bytearray(whole.read_bytes())
    starts = [at for at in range(0, len(data), 188) if data[at + 1] & 0x40 and b"\0\0\1\xe0" in data[at : at + 40]]
    # The timestamp of one packetised elementary stream header, moved by half an hour (its bits 32 to 30).
    header = data.index(b"\0\0\1\xe0", starts[70])
    data[header + 9] ^= 0b0000_0010
    path = tmp_path / "wild.ts"
    path.write_bytes(data)
    truth = [digest(convert(frame, Transform(), Orientation())) for frame in linear(path)]
    with VideoReader(path) as reader:
        assert [digest(image) for image in reader] == truth


def test_one_keyframe_only_its_last_frame_300_back_and_1000_random_requests(clip: Callable[..., Path]):
    path = clip(n_frames=420, gop=1000)
    budget = 2_000_000
    hashes = [digest(convert(frame, Transform(), Orientation())) for frame in linear(path)]
    with VideoReader(path, budget) as reader:
        assert reader.keyframe_indices.tolist() == [0]
        rng = random.Random(2)
        for index in [419, *range(418, 118, -1), *(rng.randrange(420) for _ in range(1000))]:
            assert digest(reader[index]) == hashes[index]
            assert reader.stats.bytes_held <= budget


class ReaderAgainstLinearDecode(RuleBasedStateMachine):
    """Whatever is asked for, in whatever order, comes out as the linear decode has it."""

    path: Path
    hashes: list[str]

    @initialize(
        budget=st.sampled_from([30_000, 200_000, 10**9]),
        threshold=st.integers(0, 60),
        use_cache=st.booleans(),
        decoders=st.integers(1, 3),
        writable=st.booleans(),
    )
    def begin(self, budget: int, threshold: int, use_cache: bool, decoders: int, writable: bool) -> None:
        self.engine = framecache.Engine(budget, max_decoders=decoders)
        self.reader = VideoReader(
            self.path, threshold_frames_to_scan=threshold, use_cache=use_cache, engine=self.engine, writable=writable
        )

    def check(self, frame: framecache.VideoFrameInfo, index: int) -> None:
        assert frame.frame_ix == index
        assert digest(frame.image) == self.hashes[index]
        if frame.image.flags.writeable:
            frame.image[...] = 0

    @rule(index=st.integers(-130, 130))
    def one(self, index: int) -> None:
        count = len(self.hashes)
        self.check(self.reader.request_frame(index), min(max(index + count if index < 0 else index, 0), count - 1))

    @rule(indices=st.lists(st.integers(0, 89), max_size=6))
    def several(self, indices: list[int]) -> None:
        for frame, index in zip(self.reader.request_frames(indices), indices, strict=True):
            self.check(frame, index)

    @rule(start=st.integers(0, 89), length=st.integers(0, 12), step=st.integers(1, 4))
    def a_slice(self, start: int, length: int, step: int) -> None:
        indices = range(90)[start : start + length : step]
        stack = self.reader[start : start + length : step]
        assert [digest(image) for image in stack] == [self.hashes[index] for index in indices]

    @rule(start=st.integers(0, 89), length=st.integers(0, 12))
    def an_interval(self, start: int, length: int) -> None:
        got = list(self.reader.iter_frames(frame_interval=(start, start + length)))
        assert len(got) == min(length, 90 - start)
        for number, frame in enumerate(got):
            self.check(frame, start + number)

    @rule(indices=st.lists(st.integers(0, 89), min_size=2, max_size=5))
    def at_once(self, indices: list[int]) -> None:
        got: dict[int, framecache.VideoFrameInfo] = {}
        threads = [
            threading.Thread(target=lambda at=at, index=index: got.update({at: self.reader.request_frame(index)}))
            for at, index in enumerate(indices)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(got) == len(indices)
        for at, index in enumerate(indices):
            self.check(got[at], index)

    @invariant()
    def holds_no_more_than_its_budget(self) -> None:
        if hasattr(self, "engine"):
            assert self.engine.cache.bytes_held <= self.engine.buffer_size_bytes
            assert self.engine.open_decoders <= self.engine.max_decoders

    def teardown(self) -> None:
        if hasattr(self, "engine"):
            self.reader.close()
            self.engine.close()


@pytest.mark.parametrize("features", [{"open_gop": True, "container": "mkv"}, {"gop": 250}], ids=str)
def test_any_history_gives_the_linear_decode(clip: Callable[..., Path], features: dict[str, Any]):
    from hypothesis.stateful import run_state_machine_as_test

    path = clip(n_frames=90, **features)
    hashes = [digest(convert(frame, Transform(), Orientation())) for frame in linear(path)]
    machine = type("Machine", (ReaderAgainstLinearDecode,), {"path": path, "hashes": hashes})
    quick = settings(max_examples=20, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(machine, settings=quick)


# The interface


def test_the_signature_is_the_one_that_scripts_use():
    parameters = inspect.signature(VideoReader).parameters
    positional = [name for name, p in parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert positional == ["path", "buffer_size_bytes", "threshold_frames_to_scan", "max_size_xy", "use_cache"]
    defaults = {name: parameters[name].default for name in (*positional[1:], "pixel_format", "stream", "engine")}
    assert defaults == {
        "buffer_size_bytes": 1024**3,
        "threshold_frames_to_scan": 30,
        "max_size_xy": None,
        "use_cache": True,
        "pixel_format": "bgr24",
        "stream": 0,
        "engine": None,
    }


def test_a_frame_tells_all_about_itself(reader: VideoReader):
    frame = reader.request_frame(12)
    assert (frame.frame_ix, frame.pts, frame.time_base, frame.is_keyframe) == (12, 12 * 512, Fraction(1, 12800), True)
    assert frame.seconds_into_video == 0.48
    assert frame.fps == 25.0
    assert frame.get_size_xy() == (144, 96)
    assert frame.get_progress_string() == "frame 12 of 48 (27.1 %), 0:00:00.480 of 0:00:01.920"
    assert not reader.request_frame(13).is_keyframe


@pytest.mark.parametrize(
    ("asked", "index"), [(0, 0), (47, 47), (48, 47), (10**9, 47), (-1, 47), (-48, 0), (-49, 0), (-(10**9), 0)]
)
def test_requests_are_clamped_and_negative_ones_count_from_the_end(reader: VideoReader, asked: int, index: int):
    assert reader.request_frame(asked).frame_ix == index
    assert reader.frame_index_to_nearest_frame(asked) == index
    assert read_index(reader.request_frame(np.int32(max(-(2**31), min(asked, 2**31 - 1)))).image) == index


@pytest.mark.parametrize("wrong", [1.0, "1", None, [1], math.nan])
def test_an_index_that_is_no_whole_number_is_a_type_error(reader: VideoReader, wrong: object):
    with pytest.raises(BadTypeError, match="whole number"):
        reader.request_frame(wrong)  # type: ignore[arg-type]


def test_square_brackets_take_what_a_list_and_an_array_take(reader: VideoReader):
    spelled = [read_index(image) for image in reader[10:20:3]]
    assert spelled == [10, 13, 16, 19]
    assert reader[5].shape == (96, 144, 3)
    assert [read_index(image) for image in reader[[3, 1, 7, 1]]] == [3, 1, 7, 1]
    assert [read_index(image) for image in reader[np.array([-1, 0])]] == [47, 0]
    assert [read_index(image) for image in reader[::-20]] == [47, 27, 7]
    assert [read_index(image) for image in reader[range(2)]] == [0, 1]
    mask = np.zeros(48, bool)
    mask[[4, 40]] = True
    assert [read_index(image) for image in reader[mask]] == [4, 40]
    assert read_index(reader[np.int64(6)]) == 6
    assert read_index(reader[np.array(6)]) == 6
    assert reader[5:5].shape == (0, 96, 144, 3)
    assert reader[[]].shape == (0, 96, 144, 3)
    assert reader[[]].dtype == np.uint8
    assert sum(1 for _ in reader) == 48


@pytest.mark.parametrize("wrong", [48, -49, 10**30, [0, 48], np.array([100]), [True] * 47])
def test_an_index_outside_is_an_index_error(reader: VideoReader, wrong: Any):
    with pytest.raises(IndexError):
        reader[wrong]
    with pytest.raises(FrameIndexError, match="48 frames"):
        reader[wrong]


def test_numbers_of_any_length_get_a_typed_error(reader: VideoReader):
    for wrong in (10**400, -(10**400)):
        with pytest.raises(ValueError, match="finite"):
            reader.frame_at(wrong)
    with pytest.raises(IndexError):
        reader[10**5000]
    with pytest.raises(BadArgumentError, match="slice"):
        reader[0:10:0]


@pytest.mark.parametrize("wrong", ["1", (1, 2), 1.5, None, [1.5], [[1]], np.zeros((2, 2), int), slice("a", None)])
def test_anything_else_in_square_brackets_is_a_type_error(reader: VideoReader, wrong: Any):
    with pytest.raises(TypeError):
        reader[wrong]


def test_frames_of_several_sizes_are_handed_out_each_in_its_own(media: Path):
    with VideoReader(media / "vp90-2-05-resize.ivf") as reader:
        sizes = [reader.request_frame(index).get_size_xy() for index in range(10)]
        assert sorted(sizes) == [(282, 173)] * 3 + [(352, 288)] * 7
        same = [index for index, size in enumerate(sizes) if size == (352, 288)]
        assert reader[same].shape == (7, 288, 352, 3)
        with pytest.raises(BadArgumentError, match="differ in size"):
            reader[:]


def test_intervals_of_frames_are_half_open_and_clamped(reader: VideoReader):
    def visited(*interval: int | None) -> list[int]:
        return list(reader.iter_frame_ixs(frame_interval=interval))  # type: ignore[arg-type]

    assert visited(3, 6) == [3, 4, 5]
    assert visited(45, 1000) == [45, 46, 47]
    assert visited(-3, None) == [45, 46, 47]
    assert visited(None, 2) == [0, 1]
    assert visited(6, 3) == []
    assert visited(None, None) == list(range(48)) == list(reader.iter_frame_ixs())
    assert [frame.frame_ix for frame in reader.iter_frames(frame_interval=(3, 6))] == [3, 4, 5]


def test_intervals_of_time_go_from_nearest_through_nearest(reader: VideoReader):
    def visited(*interval: float | None) -> list[int]:
        return list(reader.iter_frame_ixs(time_interval=interval))  # type: ignore[arg-type]

    assert visited(0.12, 0.2) == [3, 4, 5]
    assert visited(0.1, 0.1) == [2]
    assert visited(-5.0, 0.0) == [0]
    assert visited(1.8, 99.0) == [45, 46, 47]
    assert visited(None, 0.04) == [0, 1]
    assert visited(1.84, None) == [46, 47]


def test_wrong_intervals_are_refused_before_anything_is_decoded(reader: VideoReader):
    with pytest.raises(ValueError, match="both"):
        reader.iter_frames((0.0, 1.0), (0, 1))
    with pytest.raises(ValueError, match="ends before it begins"):
        reader.iter_frames(time_interval=(1.0, 0.5))
    with pytest.raises(ValueError, match="finite"):
        reader.iter_frames(time_interval=(math.nan, 1.0))
    with pytest.raises(BadTypeError):
        reader.iter_frames(time_interval=("a", 1.0))  # type: ignore[arg-type]
    with pytest.raises(BadTypeError):
        reader.iter_frames(frame_interval=(0.5, 2))  # type: ignore[arg-type]
    with pytest.raises(BadTypeError, match="pair"):
        reader.iter_frames(frame_interval=3)  # type: ignore[arg-type]


def test_the_frame_at_a_time_is_the_one_displayed_then(reader: VideoReader):
    for index, seconds in enumerate(reader.timestamps):
        assert reader.frame_at(float(seconds)).frame_ix == index
        assert reader.frame_at(float(seconds) + 0.039).frame_ix == index
        assert reader.time_to_nearest_frame(float(seconds) + 0.021) == min(index + 1, 47)
    for outside in (-0.001, 1.92, 1e9):
        with pytest.raises(TimeRangeError, match=r"from 0\.0 s up to before 1\.92 s"):
            reader.frame_at(outside)
    for wrong in (math.nan, math.inf):
        with pytest.raises(ValueError, match="finite"):
            reader.frame_at(wrong)
    with pytest.raises(BadTypeError):
        reader.frame_at("soon")  # type: ignore[arg-type]


@pytest.mark.usefixtures("no_prefetch")
def test_request_frames_keeps_the_order_and_decodes_each_gop_once(reader: VideoReader):
    asked = [40, 3, 17, 3, -1, 5]
    assert [frame.frame_ix for frame in reader.request_frames(asked)] == [40, 3, 17, 3, 47, 5]
    assert reader.stats.frames_decoded <= 48
    assert reader.request_frames([]) == []
    with pytest.raises(BadTypeError, match="list"):
        reader.request_frames(5)  # type: ignore[arg-type]


@pytest.mark.usefixtures("no_prefetch")
def test_a_frame_asked_for_twice_is_decoded_once_and_handed_out_twice(clip: Callable[..., Path]):
    with VideoReader(clip(), use_cache=False) as reader:
        one, other = reader.request_frames([5, 5])
        decoded = reader.stats.frames_decoded
        one.image[...] = 0
        assert read_index(other.image) == 5
        assert decoded <= 12


def test_images_belong_to_the_caller(reader: VideoReader):
    first = reader.request_frame(7)
    expected = first.image.copy()
    first.image[...] = 0
    again = reader.request_frame(7)
    np.testing.assert_array_equal(again.image, expected)
    assert again.image.flags.c_contiguous
    assert again.image.flags.writeable


def test_shared_images_are_read_only_and_not_copied(clip: Callable[..., Path]):
    with VideoReader(clip(), writable=False) as reader:
        image = reader.request_frame(7).image
        with pytest.raises(ValueError, match="read-only"):
            image[0, 0] = 0
        assert np.shares_memory(reader.request_frame(7).image, image)
        assert digest(reader[7]) == digest(image)
        assert not reader[8].flags.writeable
        with pytest.raises(ValueError, match="WRITEABLE"):
            image.flags.writeable = True
    with VideoReader(clip(), writable=False, use_cache=False) as reader:
        assert not reader[8].flags.writeable


@pytest.mark.usefixtures("no_prefetch")
def test_a_preview_size_is_cached_as_it_is_handed_out(clip: Callable[..., Path]):
    with VideoReader(clip(), max_size_xy=(36, 36)) as reader:
        assert reader.shape == (24, 36, 3)
        assert reader[20].shape == (24, 36, 3)
        decoded = reader.stats.frames_decoded
        assert reader.stats.bytes_held <= decoded * (24 * 36 * 3 + 256)
        assert digest(reader[19]) == digest(reader[19])
        assert reader.stats.frames_decoded == decoded
        image = reader[19]
        image[...] = 0
        assert reader[19].any()


def test_planes_come_as_the_stream_has_them(clip: Callable[..., Path], media: Path):
    path = clip()
    truth = list(linear(path))
    with VideoReader(path) as reader:
        for index in (5, 4, 40):
            planes = reader.request_planes(index)
            assert (planes.format, planes.frame_ix, planes.pts) == ("yuv420p", index, index * 512)
            assert [array.shape for array in planes.arrays] == [(96, 144), (48, 72), (48, 72)]
            for array, plane in zip(planes.arrays, truth[index].planes, strict=True):
                stored = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
                np.testing.assert_array_equal(array, stored)
            planes.arrays[0][...] = 0
            assert reader.request_planes(index).arrays[0].any()
    with VideoReader(media / "prores4444_alpha.mov") as reader:
        planes = reader.request_planes(0)
        assert [(array.shape, str(array.dtype)) for array in planes.arrays] == [((1080, 1920), "uint16")] * 4


@pytest.mark.parametrize(
    ("pixel_format", "shape", "dtype"),
    [
        ("rgb24", (96, 144, 3), "uint8"),
        ("gray8", (96, 144), "uint8"),
        ("bgra", (96, 144, 4), "uint8"),
        ("rgba", (96, 144, 4), "uint8"),
        ("gray16le", (96, 144), "uint16"),
        ("rgb48le", (96, 144, 3), "uint16"),
    ],
)
def test_every_pixel_format_has_the_shape_and_type_that_is_promised(
    clip: Callable[..., Path], pixel_format: Any, shape: tuple[int, ...], dtype: str
):
    with VideoReader(clip(), pixel_format=pixel_format) as reader:
        image = reader[20]
        assert (image.shape, str(image.dtype), reader.shape) == (shape, dtype, shape)
        assert read_index(image) == 20


def test_deep_video_keeps_its_depth(clip: Callable[..., Path]):
    path = clip(codec="libx265", pix_fmt="yuv444p10le")
    with VideoReader(path, pixel_format="gray16le") as reader:
        assert len(np.unique(reader[3] // 64)) > 260, "more levels than 8 bits have"


def test_rotation_can_be_switched_off(clip: Callable[..., Path]):
    path = clip(orientation="turn90")
    with VideoReader(path) as reader:
        assert reader.shape == reader[0].shape == (96, 144, 3)
        assert (reader.info.rotation, reader.info.width, reader.info.coded_width) == (90, 144, 96)
    with VideoReader(path, apply_rotation=False) as reader:
        assert reader.shape == reader[0].shape == (144, 96, 3)


def test_matrix_and_range_can_be_overridden(clip: Callable[..., Path]):
    images = []
    for options in ({}, {"matrix": "bt709"}, {"matrix": "bt601"}, {"color_range": "full"}):
        with VideoReader(clip(), **options) as reader:  # type: ignore[arg-type]
            images.append(reader[3])
    assert digest(images[0]) == digest(images[2]), "96 lines, untagged: BT.601"
    assert len({digest(image) for image in images}) == 3


def test_info_says_what_the_video_is(clip: Callable[..., Path], media: Path):
    path = clip(variable=True, start=5)
    with VideoReader(path) as reader:
        info = reader.info
        assert (info.codec, info.container, info.pixel_format) == ("h264", "mov,mp4,m4a,3gp,3g2,mj2", "yuv420p")
        assert (info.width, info.height, info.n_frames, info.n_keyframes) == (144, 96, 48, 4)
        assert info.is_variable_rate
        assert (info.min_gap_seconds, info.max_gap_seconds) == (0.04, 0.28)
        assert info.start_seconds == 0.2
        assert (info.index_source, info.timestamps_are, info.undecodable) == ("table", "stored", ())
    with VideoReader(media / "sar_2x1.mp4") as reader:
        assert reader.info.pixel_aspect == 2
        assert reader.shape == (360, 640, 3), "reported, not applied"
    with VideoReader(media / "bt601_full_range.mp4") as reader:
        assert (reader.info.matrix, reader.info.color_range) == ("bt601", "full")


def test_synthesised_times_are_told_and_frames_then_have_no_pts(media: Path):
    with VideoReader(media / "CAPAMA3_Sand_F.264") as reader:
        assert reader.info.timestamps_are == "synthesised"
        assert reader.request_frame(3).pts is None
        assert reader.request_frame(3).seconds_into_video == pytest.approx(3 / 25)


@pytest.mark.usefixtures("no_prefetch")
def test_a_table_is_opened_without_decoding(reader: VideoReader):
    assert reader.stats.frames_decoded == 0
    assert reader.stats.packets_read == 0


def test_a_clip_without_frames_opens_and_says_so(tmp_path: Path, clip: Callable[..., Path], monkeypatch: pytest.MonkeyPatch):
    from synthetic import index_of

    from framecache import opening

    monkeypatch.setattr(opening, "begin_index", lambda *args, **more: index_of([], set()))
    with VideoReader(clip()) as reader:
        assert len(reader) == 0
        assert list(reader.iter_frames()) == []
        assert reader[:].shape == (0, 96, 144, 3)
        for request in (lambda: reader.request_frame(0), lambda: reader.time_to_nearest_frame(0.0), lambda: reader[0]):
            with pytest.raises(FrameIndexError):
                request()
        with pytest.raises(TimeRangeError):
            reader.frame_at(0.0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("buffer_size_bytes", 0),
        ("buffer_size_bytes", -1),
        ("threshold_frames_to_scan", -1),
        ("max_size_xy", (0, 10)),
        ("max_size_xy", (10, -1)),
        ("pixel_format", "yuv420p"),
        ("stream", -1),
        ("stream", 7),
        ("matrix", "bt470"),
        ("color_range", "jpeg"),
        ("index_from", "guess"),
    ],
)
def test_a_wrong_argument_is_a_value_error_that_names_it(clip: Callable[..., Path], name: str, value: object):
    with pytest.raises(ValueError, match=name):
        VideoReader(clip(), **{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value"),
    [("max_size_xy", 100), ("max_size_xy", ("a", 2)), ("stream", "0"), ("engine", "x")]
    + [
        ("buffer_size_bytes", "1"),
        ("use_cache", "no"),
        ("writable", np.zeros(3)),
        ("apply_rotation", 1),
        ("pixel_format", 5),
        ("progress", 5),
    ],
)
def test_an_argument_of_the_wrong_type_is_a_type_error(clip: Callable[..., Path], name: str, value: object):
    with pytest.raises(TypeError, match=name):
        VideoReader(clip(), **{name: value})  # type: ignore[arg-type]


def test_a_closed_reader_says_so_and_closing_twice_does_no_harm(clip: Callable[..., Path]):
    reader = VideoReader(clip())
    frames = reader.iter_frames()
    next(frames)
    reader.close()
    reader.close()
    for request in (
        lambda: reader.request_frame(0),
        lambda: reader[0],
        lambda: reader[0:0],
        lambda: reader.request_frames([1]),
        lambda: reader.frame_at(0.0),
        lambda: reader.iter_frames(),
        lambda: next(frames),
        lambda: pickle.dumps(reader),
    ):
        with pytest.raises(ClosedError):
            request()
    assert "closed" in repr(reader)
    assert len(reader) == 48


def test_a_reader_can_be_pickled_and_the_copy_reads_the_same_file(clip: Callable[..., Path], tmp_path: Path):
    path = tmp_path / "video.mp4"
    path.write_bytes(clip().read_bytes())
    with VideoReader(path, max_size_xy=(72, 72), pixel_format="rgb24") as reader:
        data = pickle.dumps(reader)
        with pickle.loads(data) as copy:
            assert digest(copy[30]) == digest(reader[30])
            assert copy.shape == (48, 72, 3)
        path.write_bytes(clip(n_frames=20).read_bytes())
        with pytest.raises(VideoChangedError):
            pickle.loads(data)
    with VideoReader(clip().read_bytes()) as reader, pickle.loads(pickle.dumps(reader)) as copy:
        assert digest(copy[30]) == digest(reader[30])
    with VideoReader(io.BytesIO(clip().read_bytes())) as reader, pytest.raises(TypeError, match="pickled"):
        pickle.dumps(reader)


def test_nothing_is_written_to_stderr(media: Path, capfd: pytest.CaptureFixture[str]):
    for name in ("corrupted.mp4", "no-initial-keyframe.ts", "mpeg2_field_encoding.ts", "packed_bframes.avi"):
        with VideoReader(media / name) as reader:
            for index in range(len(reader)):
                is_decodable(reader, index)
    assert capfd.readouterr().err == ""


def test_truncated_files_give_the_frames_they_have(tmp_path: Path, clip: Callable[..., Path]):
    import test_build

    fragmented = test_build.remux(clip(n_frames=120), tmp_path / "whole.mp4", movflags="frag_keyframe+empty_moov")
    for path in (clip(n_frames=120, container="ts"), clip(n_frames=120, container="mkv"), fragmented):
        cut = tmp_path / f"cut{path.suffix}"
        cut.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        truth = list(linear(cut))
        assert 20 < len(truth) < 120
        with VideoReader(cut) as reader:
            good = [index for index in range(len(reader)) if is_decodable(reader, index)]
            assert len(good) == len(truth)
            assert [read_index(reader[index]) for index in good[:-1]] == good[:-1]
