"""The files that are measured on: made on the spot, moving and noisy, so that their bit rates are natural ones."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt

from benchmark.scheduling import kept_scheduling

FPS = 25
NOISE_LEVELS = 5.0
DISCS = 6


@dataclass(frozen=True)
class Made:
    """A clip to be made: how, and what it is called."""

    name: str
    codec: str
    size_xy: tuple[int, int]
    n_frames: int
    options: dict[str, str]


@dataclass(frozen=True)
class Repeated:
    """A long clip: the packets of a short one over and over, without encoding anew."""

    name: str
    of: str
    hours: float


X264 = {"preset": "veryfast"}
X265 = {"preset": "superfast", "crf": "20", "x265-params": "log-level=0:keyint=250"}
MADE = [
    Made("h264-1080p-gop250.mp4", "libx264", (1920, 1080), 500, {**X264, "x264-params": "keyint=250:scenecut=0"}),
    Made("h264-720p-gop30.mp4", "libx264", (1280, 720), 600, {**X264, "x264-params": "keyint=30:scenecut=0"}),
    Made("h264-2160p.mp4", "libx264", (3840, 2160), 120, {**X264, "x264-params": "keyint=60:scenecut=0"}),
    Made("h265-1080p.mp4", "libx265", (1920, 1080), 300, X265),
    Made("vp9-720p.webm", "libvpx-vp9", (1280, 720), 250, {"deadline": "realtime", "cpu-used": "8", "g": "125", "b": "3M"}),
    Made("av1-720p.mkv", "libsvtav1", (1280, 720), 250, {"preset": "10", "g": "125", "crf": "26"}),
    Made("short.mp4", "libx264", (320, 240), 1500, {**X264, "crf": "30", "x264-params": "keyint=250"}),
]
REPEATED = [
    Repeated("1-minute.mp4", "short.mp4", 1 / 60),
    Repeated("3-hours.mp4", "short.mp4", 3.0),
    Repeated("3-hours.mkv", "short.mp4", 3.0),
]


def clip(name: str, folder: Path) -> Path:
    """The file of that name, made if it is not there yet, or was made otherwise.

    Raises:
        KeyError: No file of that name can be made.
    """
    path, recipe_path = folder / name, folder / f".{name}.recipe"
    how = {one.name: one for one in (*MADE, *REPEATED)}[name]
    # What a repeated clip repeats belongs to it.
    recipe = f"{how} {[one for one in MADE if isinstance(how, Repeated) and one.name == how.of]} {FPS} {NOISE_LEVELS} {DISCS}"
    if path.exists() and recipe_path.exists() and recipe_path.read_text() == recipe:
        return path
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f".{os.getpid()}.{name}"
    print(f"making {path} ...", file=sys.stderr, flush=True)
    if isinstance(how, Made):
        _encode(unfinished, how)
    else:
        _repeat(clip(how.of, folder), unfinished, how.hours)
    os.replace(unfinished, path)
    recipe_path.write_text(recipe)
    return path


def _texture(width: int, height: int) -> npt.NDArray[np.uint8]:
    """Noise of all sizes, as surfaces have it."""
    random = np.random.default_rng(1)
    total = np.full((height, width, 3), 120, np.float32)
    for octave in range(7):
        cells = 2 ** (octave + 2)
        coarse = random.normal(0, 1, (cells * height // width + 2, cells, 3)).astype(np.float32)
        total += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) * np.float32(40 / 1.6**octave)
    return np.clip(total, 0, 255).astype(np.uint8)


def _pictures(size_xy: tuple[int, int], count: int) -> Iterator[npt.NDArray[np.uint8]]:
    """A camera that sways over a surface on which discs move, with noise: `(H, W, 3) uint8` BGR."""
    width, height = size_xy
    ground = _texture(2 * width, 2 * height)
    random = np.random.default_rng(2)
    grain = [random.normal(0, NOISE_LEVELS, (height, width)).astype(np.int16) for _ in range(DISCS)]
    for index in range(count):
        left = int(width / 2 * (1 + np.sin(index / 97)) * 0.99)
        top = int(height / 2 * (1 + np.cos(index / 131)) * 0.99)
        image = ground[top : top + height, left : left + width].copy()
        for disc in range(DISCS):
            angle = index / (30 + 7 * disc) + disc
            centre = int(width * (0.5 + 0.4 * np.cos(angle))), int(height * (0.5 + 0.4 * np.sin(angle * 1.3)))
            cv2.circle(image, centre, height // (14 + 2 * disc), (40 * disc, 255 - 30 * disc, 80 + 20 * disc), -1, cv2.LINE_AA)
        noise = np.roll(grain[index % len(grain)], index * 37 % height, axis=0)
        yield cv2.add(image, cv2.merge([noise] * 3), dtype=cv2.CV_8U)


def _encode(path: Path, made: Made) -> None:
    with kept_scheduling(), av.open(str(path), "w") as container:
        stream = container.add_stream(made.codec, rate=FPS, options=made.options)
        stream.width, stream.height = made.size_xy
        stream.pix_fmt = "yuv420p"
        for index, image in enumerate(_pictures(made.size_xy, made.n_frames)):
            frame = av.VideoFrame.from_ndarray(image, "bgr24").reformat(format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _repeat(source: Path, path: Path, hours: float) -> None:
    with av.open(str(source)) as short:
        stream = short.streams.video[0]
        packets = [(bytes(p), p.pts, p.dts, p.duration, p.is_keyframe) for p in short.demux(stream) if p.size]
        base = stream.time_base
        assert base is not None
        length = max(pts for _, pts, *_ in packets) - min(pts for _, pts, *_ in packets) + packets[0][3]
        with av.open(str(path), "w") as container:
            copy = container.add_stream_from_template(stream)
            for turn in range(max(1, round(hours * 3600 / float(length * base)))):
                for data, pts, dts, duration, is_keyframe in packets:
                    packet = av.Packet(data)
                    packet.pts, packet.dts, packet.duration = pts + turn * length, dts + turn * length, duration
                    packet.time_base, packet.stream, packet.is_keyframe = base, copy, is_keyframe
                    container.mux(packet)
