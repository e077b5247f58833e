from __future__ import annotations

import threading
from fractions import Fraction

import av
import av.filter
import cv2
import numpy as np
import pytest
from clips import ORIENTATIONS
from hypothesis import given
from hypothesis import strategies as st

from framecache.decode.convert import (
    PIXEL_FORMATS,
    Orientation,
    PixelFormat,
    Transform,
    UnconvertibleError,
    convert,
    fit,
    orientation_of,
)
from framecache.planes import plane_views

BT709_TAG, UNTAGGED, YCGCO_TAG, LIMITED_TAG, FULL_TAG = 1, 2, 8, 1, 2


def picture(width: int, height: int) -> np.ndarray:
    """A smooth picture with every colour in it."""
    small = np.random.default_rng(1).integers(0, 256, (height // 24 + 2, width // 24 + 2, 3), np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def frame_of(pix_fmt: str, width: int, height: int) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(picture(width, height), "rgb24").reformat(format=pix_fmt)
    frame.pts = 0
    return frame


def through_libavfilter(frame: av.VideoFrame, pixel_format: str, size: tuple[int, int], flags: str) -> np.ndarray:
    """The frame through PyAV's own filter graph: scale, with accurate rounding."""
    graph = av.filter.Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 25))
    scale = graph.add("scale", f"{size[0]}:{size[1]}:flags={flags}+accurate_rnd")
    form, sink = graph.add("format", f"pix_fmts={pixel_format}"), graph.add("buffersink")
    source.link_to(scale)
    scale.link_to(form)
    form.link_to(sink)
    graph.configure()
    graph.push(frame)
    planes = plane_views(graph.pull())
    return planes[0].copy() if len(planes) == 1 else np.stack((planes[2], planes[0], planes[1]), axis=2)


# swscale's own rgb24 and bgr24 are not the same colours on most of its ways; ours are, and differ in their order alone.
MIRRORS: dict[PixelFormat, PixelFormat] = {"rgb24": "bgr24", "rgba": "bgra"}


def assert_mirror(rgb: np.ndarray, bgr: np.ndarray) -> None:
    assert np.array_equal(rgb[..., [2, 1, 0, *range(3, rgb.shape[2])]], bgr)


FFMPEG_NAMES = {"gray8": "gray", "rgb48le": "gbrp16le"}
SOURCES = [
    "yuv420p", "yuv422p", "yuv444p", "yuv410p", "yuv411p", "nv12", "gray", "yuvj420p", "yuva420p", "yuv420p10le",
    "yuv422p10le", "yuv444p12le", "yuv444p16le", "gray12le", "gbrp", "gbrp10le", "rgb24", "bgra", "rgb48le", "yuyv422",
]  # fmt: skip


@pytest.mark.parametrize("size", [(96, 64), (97, 65), (33, 1)], ids=str)
@pytest.mark.parametrize("source", SOURCES)
def test_every_format_is_right_to_within_2_levels_of_libavfilter(source: str, size: tuple[int, int]):
    frame = frame_of(source, *size)
    images = {name: convert(frame, Transform(name), Orientation()) for name in PIXEL_FORMATS}
    for name, image in images.items():
        if name in MIRRORS:
            assert_mirror(image, images[MIRRORS[name]])
            continue
        # 8-bit 4:2:0 of even height goes the fast way, which repeats chroma samples as `neighbor` does.
        distances = [
            np.abs(image.astype(int) - through_libavfilter(frame, FFMPEG_NAMES.get(name, name), size, flags)).max()
            for flags in ("bilinear", "neighbor")
        ]
        tolerance = 2 * 257 if image.dtype == np.uint16 else 2
        assert min(distances) <= tolerance, name


@pytest.mark.parametrize("size", [(64, 48), (64, 33), (282, 173), (37, 20)], ids=str)
@pytest.mark.parametrize("max_size", [None, (30, 30)], ids=str)
@pytest.mark.parametrize(
    "source", ["yuv420p", "yuvj422p", "nv12", "yuv444p", "yuv420p10le", "yuva420p", "bgr24", "rgb24", "pal8"]
)
def test_the_order_of_channels_changes_no_colour_even_of_noise(
    source: str, max_size: tuple[int, int] | None, size: tuple[int, int]
):
    frame = av.VideoFrame(*size, source)
    noise = np.random.default_rng(3)
    for plane in frame.planes:
        plane.update(noise.integers(0, 256, plane.buffer_size, np.uint8).tobytes())
    first = {name: convert(frame, Transform(name, max_size), Orientation()) for name in ("rgb24", "bgr24", "rgba", "bgra")}
    again = convert(frame, Transform("bgr24", max_size), Orientation())
    assert np.array_equal(first["bgr24"], again), "nothing was reordered in the frame's own memory"
    assert_mirror(first["rgb24"], first["bgr24"])
    assert_mirror(first["rgba"], first["bgra"])


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("max_size", [(40, 40), (61, 500), (7, 5)], ids=str)
def test_shrinking_averages_areas_as_libavfilter_does(source: str, max_size: tuple[int, int]):
    frame = frame_of(source, 97, 66)
    for pixel_format in PIXEL_FORMATS:
        transform = Transform(pixel_format, max_size)
        got = convert(frame, transform, Orientation())
        assert got.shape == transform.shape(97, 66)
        if pixel_format in MIRRORS:
            assert_mirror(got, convert(frame, Transform(MIRRORS[pixel_format], max_size), Orientation()))
            continue
        name = FFMPEG_NAMES.get(pixel_format, pixel_format)
        expected = through_libavfilter(frame, name, fit(97, 66, max_size), "area")
        tolerance = 2 * 257 if got.dtype == np.uint16 else 2
        assert np.abs(got.astype(int) - expected.astype(int)).max() <= tolerance, pixel_format


@pytest.mark.parametrize("pixel_format", PIXEL_FORMATS)
def test_the_image_is_the_callers_own(pixel_format: str):
    for frame in (frame_of("yuv420p", 64, 48), frame_of("bgr24", 64, 48), frame_of("rgba", 50, 48)):
        transform = Transform(pixel_format)  # type: ignore[arg-type]
        image = convert(frame, transform, Orientation())
        assert image.shape == transform.shape(frame.width, frame.height)
        assert image.dtype == transform.dtype
        assert image.flags.c_contiguous
        assert image.flags.writeable
        again = convert(frame, transform, Orientation())
        expected = image.copy()
        image[...] = 0
        np.testing.assert_array_equal(again, expected)
        np.testing.assert_array_equal(convert(frame, transform, Orientation()), expected)


def test_colours_come_out_in_the_order_that_the_format_names():
    frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), (200, 100, 50), np.uint8), "rgb24")
    pixels = {name: convert(frame, Transform(name), Orientation())[0, 0].tolist() for name in PIXEL_FORMATS}
    assert pixels["rgb24"] == [200, 100, 50]
    assert pixels["bgr24"] == [50, 100, 200]
    assert pixels["rgba"] == [200, 100, 50, 255]
    assert pixels["bgra"] == [50, 100, 200, 255]
    np.testing.assert_allclose(pixels["rgb48le"], np.array([200, 100, 50]) * 257, atol=257)
    assert abs(pixels["gray8"] - (0.299 * 200 + 0.587 * 100 + 0.114 * 50)) <= 2


def test_deep_colours_are_clipped_and_never_wrap_round():
    noise = np.random.default_rng(3).integers(0, 256, (65, 97, 3), np.uint8)
    for source in ("yuv420p", "yuv422p10le", "yuv444p12le"):
        frame = av.VideoFrame.from_ndarray(noise, "rgb24").reformat(format=source)
        deep, shallow = (convert(frame, Transform(name), Orientation()).astype(int) for name in ("rgb48le", "rgb24"))  # type: ignore[arg-type]
        assert np.abs(deep / 257 - shallow).max() < 4


def test_grey_reaches_from_black_to_white_for_limited_range():
    frame = av.VideoFrame(64, 64, "yuv420p")
    for plane, value in zip(frame.planes, (235, 128, 128)):
        plane.update(bytes([value]) * plane.buffer_size)
    frame.color_range = LIMITED_TAG
    assert convert(frame, Transform("gray8"), Orientation()).min() >= 253
    assert convert(frame, Transform("gray16le"), Orientation()).min() >= 253 * 257
    assert convert(frame, Transform("bgr24"), Orientation()).min() >= 253


def test_alpha_is_dropped_unless_it_is_asked_for():
    image = np.full((32, 32, 4), (200, 100, 50, 77), np.uint8)
    frame = av.VideoFrame.from_ndarray(image, "rgba")
    assert convert(frame, Transform("rgb24"), Orientation())[0, 0].tolist() == [200, 100, 50]
    assert convert(frame, Transform("bgra"), Orientation())[0, 0].tolist() == [50, 100, 200, 77]


def test_a_palette_is_looked_up():
    indices, palette = np.zeros((16, 16), np.uint8), np.zeros((256, 4), np.uint8)
    indices[:, 8:], palette[1] = 1, (255, 10, 20, 30)
    frame = av.VideoFrame.from_ndarray((indices, palette), "pal8")
    image = convert(frame, Transform("bgr24"), Orientation())
    assert image[0, 0].tolist() == [0, 0, 0]
    assert image[0, 15].tolist() == [30, 20, 10]


def yuv(matrix: int, height: int, color_range: int = LIMITED_TAG) -> av.VideoFrame:
    frame = av.VideoFrame(64, height, "yuv420p")
    for plane, value in zip(frame.planes, (120, 90, 190)):
        plane.update(bytes([value]) * plane.buffer_size)
    frame.colorspace, frame.color_range = matrix, color_range
    return frame


def by_the_book(kr: float, kb: float, *, full: bool) -> np.ndarray:
    """BGR of Y'CbCr (120, 90, 190) by ITU-R BT.601, BT.709 or BT.2020 (their Kr and Kb)."""
    y, cb, cr = (120 / 255, (90 - 128) / 255, (190 - 128) / 255) if full else (104 / 219, -38 / 224, 62 / 224)
    r, b = y + 2 * (1 - kr) * cr, y + 2 * (1 - kb) * cb
    return np.array([b, (y - kr * r - kb * b) / (1 - kr - kb), r]) * 255


BT601, BT709, BT2020 = (0.299, 0.114), (0.2126, 0.0722), (0.2627, 0.0593)


@pytest.mark.parametrize(
    ("tag", "height", "expected"),
    [(BT709_TAG, 64, BT709), (5, 64, BT601), (6, 720, BT601), (9, 64, BT2020), (UNTAGGED, 718, BT601), (UNTAGGED, 720, BT709)],
)
@pytest.mark.parametrize("full", [False, True])
def test_the_tagged_matrix_and_range_are_followed_and_untagged_ones_go_by_the_lines(
    tag: int, height: int, expected: tuple[float, float], full: bool
):
    got = convert(yuv(tag, height, FULL_TAG if full else LIMITED_TAG), Transform(), Orientation())
    np.testing.assert_allclose(got[5, 5], by_the_book(*expected, full=full), atol=2)


def test_matrix_and_range_can_be_overridden():
    frame = yuv(BT709_TAG, 64)
    for name, book in (("bt601", BT601), ("bt2020", BT2020)):
        got = convert(frame, Transform(matrix=name), Orientation())  # type: ignore[arg-type]
        np.testing.assert_allclose(got[5, 5], by_the_book(*book, full=False), atol=2)
    got = convert(frame, Transform(color_range="full"), Orientation())
    np.testing.assert_allclose(got[5, 5], by_the_book(*BT709, full=True), atol=2)


def test_threads_that_convert_one_frame_with_different_matrices_do_not_mix():
    frame, wrong = yuv(UNTAGGED, 64), []
    expected = {name: convert(frame, Transform(matrix=name), Orientation())[5, 5].tolist() for name in ("bt601", "bt709")}  # type: ignore[arg-type]

    def work(name: str) -> None:
        for _ in range(300):
            got = convert(frame, Transform(matrix=name), Orientation())[5, 5].tolist()  # type: ignore[arg-type]
            if got != expected[name]:
                wrong.append((name, got))

    threads = [threading.Thread(target=work, args=(name,)) for name in ("bt601", "bt709") * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert frame.colorspace == UNTAGGED


def test_colours_that_cannot_be_converted_say_what_to_do():
    frame = yuv(3, 64)  # a reserved matrix
    try:
        convert(frame, Transform(), Orientation())
    except UnconvertibleError as error:
        assert "give matrix=" in str(error)
    np.testing.assert_allclose(
        convert(frame, Transform(matrix="bt601"), Orientation())[5, 5], by_the_book(*BT601, full=False), atol=2
    )


@pytest.mark.parametrize("name", ORIENTATIONS)
@pytest.mark.parametrize("pixel_format", PIXEL_FORMATS)
def test_every_turn_and_mirror_is_undone(name: str, pixel_format: str):
    upright = picture(40, 24)
    store, _ = ORIENTATIONS[name]
    named = {
        "upright": Orientation(), "turn90": Orientation(90), "turn180": Orientation(180), "turn270": Orientation(270),
        "mirrored": Orientation(0, True), "flipped": Orientation(180, True), "transposed": Orientation(270, True),
        "antitransposed": Orientation(90, True),
    }  # fmt: skip
    transform = Transform(pixel_format)  # type: ignore[arg-type]
    stored = av.VideoFrame.from_ndarray(np.ascontiguousarray(store(upright)), "bgr24")
    expected = convert(av.VideoFrame.from_ndarray(upright, "bgr24"), transform, Orientation())
    got = convert(stored, transform, named[name])
    np.testing.assert_array_equal(got, expected)
    assert got.flags.c_contiguous
    assert got.flags.writeable


def test_a_picture_is_fitted_as_it_is_displayed():
    frame = frame_of("yuv420p", 96, 64)
    assert convert(frame, Transform(max_size_xy=(32, 48)), Orientation(90)).shape == (48, 32, 3)
    assert convert(frame, Transform(max_size_xy=(32, 48), is_oriented=False), Orientation(90)).shape == (21, 32, 3)


def test_a_frame_without_a_display_matrix_is_upright():
    assert orientation_of(frame_of("yuv420p", 32, 32)) == Orientation()


@pytest.mark.parametrize(
    ("size", "limit", "expected"),
    [
        ((1920, 1080), (640, 360), (640, 360)),
        ((1920, 1080), (640, 640), (640, 360)),
        ((1080, 1920), (640, 640), (360, 640)),
        ((321, 241), (100, 100), (100, 75)),
        ((100, 100), (200, 200), (100, 100)),
        ((1000, 10), (50, 50), (50, 1)),
        ((10000, 1), (10, 10), (10, 1)),
        ((3, 2), (2, 2), (2, 1)),
        ((64, 64), None, (64, 64)),
    ],
)
def test_sizes_fit_and_are_never_enlarged(size: tuple[int, int], limit: tuple[int, int] | None, expected: tuple[int, int]):
    assert fit(*size, limit) == expected


@given(*(st.integers(1, 5000) for _ in range(4)))
def test_a_fitted_size_keeps_the_aspect_to_the_nearest_pixel(width: int, height: int, most_x: int, most_y: int):
    got = fit(width, height, (most_x, most_y))
    assert got[0] <= min(width, most_x)
    assert got[1] <= min(height, most_y)
    scale = min(Fraction(most_x, width), Fraction(most_y, height), Fraction(1))
    for side, fitted in zip((width, height), got):
        assert fitted >= 1
        assert abs(side * scale - fitted) <= Fraction(1, 2) or fitted == 1


@pytest.mark.parametrize("pixel_format", PIXEL_FORMATS)
@pytest.mark.parametrize("stored", ["yuv420p", "yuva420p", "yuv422p", "yuv444p", "nv12", "yuv420p10le"])
def test_every_pixel_is_written_whatever_was_in_memory_before(stored: str, pixel_format: PixelFormat):
    for width in range(32, 49):
        frame = av.VideoFrame(width, 6, stored)
        for plane in frame.planes:
            plane.update(bytes([3]) * plane.buffer_size)
        images = []
        for fill in (0, 255):
            # Freed at once, so that the image is made in the same memory.
            old = [av.VideoFrame(width, 6, name) for name in ("bgra", "bgr24", "gray", "gray16le", "gbrp16le") for _ in range(12)]
            for plane in (plane for one in old for plane in one.planes):
                plane.update(bytes([fill]) * plane.buffer_size)
            del old, plane
            images.append(convert(frame, Transform(pixel_format), Orientation()))
        assert np.array_equal(*images), width
