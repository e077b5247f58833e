"""Clips whose pixels spell their own index, made on the spot, and the truth about them."""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from benchmark.scheduling import kept_scheduling

from framecache.sample import spell_index

FPS = 25

# Stored picture for an upright one, and the 2x2 part of the display matrix that turns it upright again.
ORIENTATIONS: dict[str, tuple[Any, tuple[int, int, int, int]]] = {
    "upright": (lambda m: m, (1, 0, 0, 1)),
    "turn90": (lambda m: np.rot90(m, 1), (0, 1, -1, 0)),
    "turn180": (lambda m: np.rot90(m, 2), (-1, 0, 0, -1)),
    "turn270": (lambda m: np.rot90(m, -1), (0, -1, 1, 0)),
    "mirrored": (np.fliplr, (-1, 0, 0, 1)),
    "flipped": (np.flipud, (1, 0, 0, -1)),
    "transposed": (lambda m: np.swapaxes(m, 0, 1), (0, 1, 1, 0)),
    "antitransposed": (lambda m: np.rot90(np.swapaxes(m, 0, 1), 2), (0, -1, -1, 0)),
}


@dataclass(frozen=True)
class Clip:
    """What a clip is like; the file ends as `container` says."""

    codec: str = "libx264"
    container: str = "mp4"
    n_frames: int = 48
    gop: int = 12
    open_gop: bool = False
    b_frames: int = 2
    variable: bool = False
    start: int = 0
    orientation: str = "upright"
    size: tuple[int, int] = (144, 96)
    pix_fmt: str = "yuv420p"
    cut: bool = False
    options: tuple[tuple[str, str], ...] = ()
    first_spelled: int = 0

    def name(self) -> str:
        digest = hashlib.sha256(repr(self).encode()).hexdigest()[:8]
        return f"{self.codec}-{digest}.{self.container}"


def pts_of(clip: Clip) -> list[int]:
    """The timestamps given to a clip's frames, in frames of 1/25 s."""
    steps = itertools.cycle((1, 3, 1, 2, 7)) if clip.variable else itertools.repeat(1)
    return list(itertools.accumulate(itertools.islice(steps, clip.n_frames - 1), initial=clip.start))


def draw(index: int, size: tuple[int, int]) -> np.ndarray:
    """A picture that spells its index, with enough movement that neighbours depend on each other."""
    width, height = size
    rng = np.random.default_rng(7)
    texture = rng.integers(40, 200, (height // 4 + 1, width // 4 + 1, 3), np.uint8).repeat(4, 0).repeat(4, 1)
    image = np.ascontiguousarray(np.roll(texture, (index, 2 * index), (0, 1))[:height, :width])
    left = (5 * index) % max(1, width - 16)
    image[height // 4 : height // 4 + 12, left : left + 12] = (250, 250, 60)
    spell_index(image, index)
    return image


def _codec_options(clip: Clip) -> dict[str, str]:
    options: dict[str, str] = {}
    if clip.codec == "libx264":
        options = {"preset": "veryfast", "crf": "18", "bf": str(clip.b_frames)}
        options["x264-params"] = f"keyint={clip.gop}:min-keyint={clip.gop}:scenecut=0:open-gop={int(clip.open_gop)}"
    elif clip.codec == "libx265":
        options = {"preset": "ultrafast", "crf": "18"}
        options["x265-params"] = (
            f"keyint={clip.gop}:min-keyint={clip.gop}:scenecut=0:bframes={clip.b_frames}"
            f":open-gop={int(clip.open_gop)}:log-level=none:pools=1:frame-threads=1"
        )
    elif clip.codec in ("libvpx", "libvpx-vp9"):
        options = {"deadline": "realtime", "cpu-used": "8", "crf": "10", "b": "2M", "auto-alt-ref": str(int(clip.b_frames > 0))}
        options["lag-in-frames"] = "12"
    elif clip.codec == "libsvtav1":
        options = {"preset": "12", "crf": "20"}
    elif clip.codec in ("mpeg2video", "mpeg4"):
        options = {"qmax": "4", "bf": str(clip.b_frames), "sc_threshold": "1000000000"}
        options["flags"] = "" if clip.open_gop else "+cgop"
    return {key: value for key, value in {**options, **dict(clip.options)}.items() if value}


def make(path: Path, clip: Clip) -> Path:
    """Write the clip's file."""
    muxing = {"movflags": "+faststart"} if clip.container in ("mp4", "mov") else {}
    store, matrix = ORIENTATIONS[clip.orientation]
    with kept_scheduling(), av.open(str(path), "w", container_options=muxing) as container:
        stream = container.add_stream(clip.codec, rate=FPS)
        first = store(draw(0, clip.size))
        stream.width, stream.height = first.shape[1], first.shape[0]
        stream.pix_fmt = clip.pix_fmt
        stream.codec_context.gop_size = clip.gop
        stream.options = _codec_options(clip)
        if clip.container in ("mp4", "mov") and clip.orientation != "upright":
            a, b, c, d = (65536 * v for v in matrix)
            stream.set_display_matrix([a, b, 0, c, d, 0, 0, 0, 1 << 30])
        for number, pts in enumerate(pts_of(clip)):
            picture = np.ascontiguousarray(store(draw(clip.first_spelled + number, clip.size)))
            frame = av.VideoFrame.from_ndarray(picture, "bgr24")
            frame.pts, frame.time_base = pts, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    if clip.cut:
        path.write_bytes(path.read_bytes()[: path.stat().st_size * 7 // 10])
    return path


def linear(path: Path, stream: int = 0) -> Iterator[av.VideoFrame]:
    """F: the frames of one single-threaded linear decode, in the order in which they come out."""
    with av.open(f"file:{path}", metadata_errors="replace") as container:
        picked = container.streams.video[stream]
        picked.thread_type = "NONE"
        packets = container.demux(picked)
        ended = False
        while not ended:
            try:
                packet = next(packets)
            except (StopIteration, av.error.FFmpegError):
                packet, ended = None, True
            try:
                yield from picked.codec_context.decode(packet)
            except av.error.EOFError:
                return
            except av.error.FFmpegError:
                continue


def digest(image: np.ndarray) -> str:
    """A hash of an image's shape, type and bytes."""
    return hashlib.sha256(repr((image.shape, image.dtype.str)).encode() + image.tobytes()).hexdigest()


def pairwise(axes: dict[str, Sequence[Any]], seed: int = 3) -> list[dict[str, Any]]:
    """Rows that hold every pair of values of every two axes at least once."""
    rng, names = random.Random(seed), list(axes)
    missing = {
        (a, x, b, y) for a, b in itertools.combinations(names, 2) for x in range(len(axes[a])) for y in range(len(axes[b]))
    }
    rows = []
    while missing:
        a, x, b, y = min(missing)
        best: tuple[int, dict[str, int]] = (-1, {})
        for _ in range(40):
            row = {name: rng.randrange(len(axes[name])) for name in names} | {a: x, b: y}
            best = max(best, (len(missing & _pairs(row)), row), key=lambda pair: pair[0])
        missing -= _pairs(best[1])
        rows.append({name: axes[name][at] for name, at in best[1].items()})
    return rows


def _pairs(row: dict[str, int]) -> set[tuple[str, int, str, int]]:
    return {(a, row[a], b, row[b]) for a, b in itertools.combinations(row, 2)}


def repeat(source: Path, target: Path, turns: int) -> Path:
    """The packets of a clip over and over, without encoding anew: a long clip, in which frame n shows n % its length."""
    with av.open(str(source)) as short:
        stream = short.streams.video[0]
        packets = [(bytes(p), p.pts, p.dts, p.duration, p.is_keyframe) for p in short.demux(stream) if p.size]
        shown = [pts for _, pts, *_ in packets]
        length = max(shown) - min(shown) + packets[0][3]
        with av.open(str(target), "w") as container:
            copy = container.add_stream_from_template(stream)
            for turn in range(turns):
                for data, pts, dts, duration, is_keyframe in packets:
                    packet = av.Packet(data)
                    packet.pts, packet.dts, packet.duration = pts + turn * length, dts + turn * length, duration
                    packet.time_base, packet.stream, packet.is_keyframe = stream.time_base, copy, is_keyframe
                    container.mux(packet)
    return target
