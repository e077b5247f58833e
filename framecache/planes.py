"""A decoded frame's planes: as numpy views, as the bytes they hold in memory, as a checksum."""

from __future__ import annotations

import zlib
from typing import Any, cast

import av
import numpy as np
import numpy.typing as npt

# What a frame costs beside its pixels: the Python objects, FFmpeg's AVFrame, its properties and buffers.
FRAME_OVERHEAD_BYTES = 2048
# libavcodec rounds a decoder's buffers up: heights to whole macroblock rows of interlaced pictures, plus
# two lines that optimised chroma code may read, plus a few vectors (avcodec_align_dimensions2 and
# update_frame_pool in libavcodec).
HEIGHT_ALIGNMENT = 32
EXTRA_LINES = 2
PLANE_PADDING_BYTES = 128


def plane_views(frame: av.VideoFrame) -> tuple[npt.NDArray[Any], ...]:
    """The frame's planes as arrays without their padding; they keep the frame alive.

    `(h, w)` for a plane of one component, `(h, w, c)` for one of several; uint8, or uint16 where a
    component has more than 8 bits (float32 for 32). A palette is `(256, 4) uint8`.
    """
    return tuple(_view(frame, index, plane) for index, plane in enumerate(frame.planes))


def _view(frame: av.VideoFrame, index: int, plane: av.video.plane.VideoPlane) -> npt.NDArray[Any]:
    form, memory = frame.format, memoryview(cast(Any, plane))
    if form.has_palette and index == 1:
        return np.frombuffer(memory, np.uint8).reshape(256, 4)
    components = [component for component in form.components if component.plane == index]
    itemsize, dtype = _sample_type(form, max(component.bits for component in components))
    width, height = plane.width, plane.height
    if form.is_bit_stream:
        shape: tuple[int, ...] = (height, (width + 7) // 8)
    elif (len(components) == 1 and len(frame.planes) > 1) or form.padded_bits_per_pixel <= 8 * itemsize:
        shape = (height, width)
    elif len(frame.planes) > 1:
        shape = (height, width, len(components))
    else:
        shape = (height, width, form.padded_bits_per_pixel // (8 * itemsize))
    stride, offset = plane.line_size, 0
    if stride < 0:
        # The buffer begins at the last line in memory, which is the picture's lowest address.
        offset = (height - 1) * -stride
    strides = (stride, itemsize) if len(shape) == 2 else (stride, shape[2] * itemsize, itemsize)
    return np.ndarray(shape, dtype, buffer=memory, offset=offset, strides=strides)


def _sample_type(form: av.VideoFormat, bits: int) -> tuple[int, np.dtype[Any]]:
    if bits > 16:
        return 4, np.dtype(">f4" if form.is_big_endian else "<f4")
    if bits > 8:
        return 2, np.dtype(">u2" if form.is_big_endian else "<u2")
    return 1, np.dtype(np.uint8)


def held_frame_bytes(frame: av.VideoFrame) -> int:
    """The bytes that keeping a decoded frame holds in memory, its padding and overhead included."""
    total = FRAME_OVERHEAD_BYTES
    for plane in frame.planes:
        lines = -(-plane.height // HEIGHT_ALIGNMENT) * HEIGHT_ALIGNMENT + EXTRA_LINES
        total += abs(plane.line_size) * lines + PLANE_PADDING_BYTES
    return total


def checksum(frame: av.VideoFrame) -> int:
    """A CRC-32 of the picture as decoded: its format, size and planes without their padding."""
    value = zlib.crc32(f"{frame.format.name} {frame.width}x{frame.height}".encode())
    for view in plane_views(frame):
        value = zlib.crc32(np.ascontiguousarray(view).tobytes(), value)
    return value
