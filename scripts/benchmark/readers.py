"""The readers that are compared: each opens a file and gives pictures by number."""

from __future__ import annotations

import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from more_itertools import consume

Image = npt.NDArray[np.uint8]


class Reader(Protocol):
    """A file that is open."""

    def __len__(self) -> int: ...

    def first(self) -> Image:
        """The first picture of a file that was just opened, `(H, W, 3) uint8`."""

    def get(self, index: int) -> Image:
        """The picture of that number, `(H, W, 3) uint8`."""

    def get_all(self, indices: Sequence[int]) -> Sequence[Image]:
        """The pictures of those numbers, all in memory at once, in the order asked."""

    def play(self, count: int) -> Iterator[Image]:
        """The first pictures, in order."""

    def play_back(self, indices: range) -> Iterator[Image]:
        """The pictures of a descending range, in that order."""

    def stride(self, indices: range) -> Iterator[Image]:
        """The pictures of an ascending range, in that order."""

    def counters(self) -> dict[str, int]:
        """What the reader counted, if it counts."""

    def close(self) -> None: ...


class OneByOne(ABC):
    """What readers do that have no call for several pictures."""

    @abstractmethod
    def get(self, index: int) -> Image:
        """The picture of that number."""

    def first(self) -> Image:
        return self.get(0)

    def get_all(self, indices: Sequence[int]) -> Sequence[Image]:
        return [self.get(index) for index in indices]

    def play_back(self, indices: range) -> Iterator[Image]:
        return (self.get(index) for index in indices)

    def stride(self, indices: range) -> Iterator[Image]:
        return (self.get(index) for index in indices)


class Framecache(OneByOne):
    """framecache, as `VideoReader` comes."""

    def __init__(self, path: str, **options: Any) -> None:
        from framecache import VideoReader

        self.reader = VideoReader(path, **options)

    def __len__(self) -> int:
        return len(self.reader)

    def get(self, index: int) -> Image:
        return self.reader[index]

    def get_all(self, indices: Sequence[int]) -> Sequence[Image]:
        return self.reader[list(indices)]

    def play(self, count: int) -> Iterator[Image]:
        return (frame.image for frame in self.reader.iter_frames(frame_interval=(0, count)))

    def play_back(self, indices: range) -> Iterator[Image]:
        assert indices.step == -1
        last_first = indices[-1], indices[0] + 1
        return (frame.image for frame in self.reader.iter_frames(frame_interval=last_first, step=-1))

    def stride(self, indices: range) -> Iterator[Image]:
        interval = indices.start, indices.stop
        return (frame.image for frame in self.reader.iter_frames(frame_interval=interval, step=indices.step))

    def counters(self) -> dict[str, int]:
        stats = self.reader.stats
        return {"frames_decoded": stats.frames_decoded, "seeks": stats.seeks, "misses": stats.misses}

    def close(self) -> None:
        self.reader.close()


class OpenCV(OneByOne):
    """`cv2.VideoCapture`, sought by CAP_PROP_POS_FRAMES."""

    def __init__(self, path: str) -> None:
        import cv2

        self._cv2 = cv2
        self._capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG)

    def __len__(self) -> int:
        return int(self._capture.get(self._cv2.CAP_PROP_FRAME_COUNT))

    def first(self) -> Image:
        return next(self.play(1))

    def get(self, index: int) -> Image:
        self._capture.set(self._cv2.CAP_PROP_POS_FRAMES, index)
        has_frame, image = self._capture.read()
        assert has_frame, f"OpenCV gives no frame {index}"
        return np.asarray(image, np.uint8)

    def play(self, count: int) -> Iterator[Image]:
        for index in range(count):
            has_frame, image = self._capture.read()
            assert has_frame, f"OpenCV gives no frame {index}"
            yield np.asarray(image, np.uint8)

    def counters(self) -> dict[str, int]:
        return {}

    def close(self) -> None:
        self._capture.release()


class PyAV(OneByOne):
    """What a script over PyAV does: seek to the keyframe before a time, decode up to the frame. Index times rate is the time."""

    def __init__(self, path: str) -> None:
        import av

        self._container = av.open(path)
        self._stream = self._container.streams.video[0]
        self._stream.thread_type = "AUTO"
        rate, base = self._stream.average_rate, self._stream.time_base
        assert rate
        assert base
        self._ticks = 1 / (rate * base)
        self._first = self._stream.start_time or 0
        self._decoded = 0

    def __len__(self) -> int:
        if self._stream.frames:
            return self._stream.frames
        assert self._container.duration
        assert self._stream.time_base
        return round(self._container.duration / 1_000_000 / self._stream.time_base / self._ticks)

    def first(self) -> Image:
        return next(self.play(1))

    def get(self, index: int) -> Image:
        wanted = self._first + round(index * self._ticks)
        self._container.seek(wanted, backward=True, stream=self._stream)
        for frame in self._container.decode(self._stream):
            self._decoded += 1
            if frame.pts is not None and frame.pts >= wanted - self._ticks / 2:
                return self._picture(frame)
        raise AssertionError(f"no frame {index}")

    def play(self, count: int) -> Iterator[Image]:
        for number, frame in enumerate(self._container.decode(self._stream), start=1):
            self._decoded += 1
            yield self._picture(frame)
            if number == count:
                return

    def _picture(self, frame: Any) -> Image:
        return np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)

    def counters(self) -> dict[str, int]:
        return {"frames_decoded": self._decoded}

    def close(self) -> None:
        self._container.close()


class Limit(PyAV):
    """A bare libav loop that knows the index beforehand and decodes only what a frame needs; it keeps nothing."""

    def __init__(self, path: str) -> None:
        from av.video.reformatter import VideoReformatter

        from framecache import VideoReader

        super().__init__(path)
        # Knowing where the frames are is not what is measured here.
        if path not in _known:
            with VideoReader(path) as reader:
                _known[path] = reader.index
        self._index = _known[path]
        self._reformatter = VideoReformatter()
        self._is_primed = False

    def __len__(self) -> int:
        return len(self._index)

    def get(self, index: int) -> Image:
        return self.get_all([index])[0]

    def get_all(self, indices: Sequence[int]) -> Sequence[Image]:
        """Of several, those of one GOP are decoded in one go."""
        got: dict[int, Image] = {}
        by_start: dict[int, list[int]] = {}
        for index in sorted(set(indices)):
            by_start.setdefault(self._index.start_row(index), []).append(index)
        for start_row, wanted in by_start.items():
            pts = [int(self._index.pts[index]) for index in wanted]
            got.update(zip(wanted, self._decode(int(self._index.packets.pts[start_row]), pts)))
        return [got[index] for index in indices]

    def _decode(self, start_pts: int, wanted: list[int]) -> Iterator[Image]:
        """The pictures with these timestamps, ascending, from the keyframe on."""
        context, place = self._stream.codec_context, 0
        if not self._is_primed:
            # Old x264 wrote only into the first packet what decoders must know of it.
            context.decode(next(self._container.demux(self._stream)))
            self._is_primed = True
        self._container.seek(start_pts, backward=True, stream=self._stream)
        awaited = set(wanted)
        for packet in self._container.demux(self._stream):
            context.skip_frame = "NONREF" if packet.pts is not None and packet.pts < wanted[place] else "DEFAULT"
            awaited.discard(packet.pts)
            frames = context.decode(packet if packet.size else None)
            if not awaited and packet.size:
                # All that is wanted is in the decoder, which would hold some of it back until more packets come.
                frames += context.decode(None)
            for frame in frames:
                self._decoded += 1
                if frame.pts == wanted[place]:
                    yield self._picture(frame)
                    place += 1
                    if place == len(wanted):
                        return
        raise AssertionError(f"no frame at {wanted[place]}")

    def _picture(self, frame: Any) -> Image:
        return np.array(self._reformatter.reformat(frame, format="bgr24", threads=1).to_ndarray())


_known: dict[str, Any] = {}


class Listed(OneByOne):
    """A reader that is a list of pictures already, of arrays that NumPy can take over."""

    def __init__(self, pictures: Any) -> None:
        self._pictures = pictures

    def __len__(self) -> int:
        return len(self._pictures)

    def get(self, index: int) -> Image:
        return _as_array(self._pictures[index])

    def play(self, count: int) -> Iterator[Image]:
        return (self.get(index) for index in range(count))

    def counters(self) -> dict[str, int]:
        return {}

    def close(self) -> None:
        del self._pictures


class Decord(Listed):
    """decord2's VideoReader."""

    def __init__(self, path: str) -> None:
        import decord

        super().__init__(decord.VideoReader(path))

    def get_all(self, indices: Sequence[int]) -> Sequence[Image]:
        return _as_array(self._pictures.get_batch(list(indices)))


class TorchCodec(Listed):
    """torchcodec's VideoDecoder, with as many threads as FFmpeg likes."""

    def __init__(self, path: str, seek_mode: str = "exact") -> None:
        from torchcodec.decoders import VideoDecoder

        super().__init__(VideoDecoder(path, seek_mode=seek_mode, num_ffmpeg_threads=0))

    def get_all(self, indices: Sequence[int]) -> Sequence[Image]:
        return _as_array(self._pictures.get_frames_at(list(indices)).data)


class TorchCodecApproximate(TorchCodec):
    """torchcodec, which takes a constant rate for granted."""

    def __init__(self, path: str) -> None:
        super().__init__(path, "approximate")


def _as_array(pictures: Any) -> Image:
    return np.asarray(pictures.asnumpy() if hasattr(pictures, "asnumpy") else pictures.numpy(), np.uint8)


READERS: dict[str, Callable[..., Reader]] = {
    "framecache": Framecache,
    "opencv": OpenCV,
    "pyav": PyAV,
    "decord2": Decord,
    "torchcodec": TorchCodec,
    "torchcodec-approximate": TorchCodecApproximate,
    "limit": Limit,
}
# Opening, these find no frames: how many there are, they take from the container's header or from duration and rate.
GUESSERS = ("opencv", "pyav", "torchcodec-approximate")
# What each imports; where it is not installed, the reader is left out.
MODULES = {
    "framecache": "framecache",
    "opencv": "cv2",
    "pyav": "av",
    "decord2": "decord",
    "torchcodec": "torchcodec.decoders",
    "torchcodec-approximate": "torchcodec.decoders",
    "limit": "framecache",
}


def available() -> list[str]:
    """The readers that are installed here."""
    return [name for name in READERS if importlib.util.find_spec(MODULES[name].split(".")[0])]


def open_several(name: str, paths: Sequence[str], budget_bytes: int) -> tuple[list[Reader], Callable[[], None]]:
    """A reader for each path, and what closes them: framecache's under one budget, the others each on its own."""
    if name != "framecache":
        readers = [READERS[name](path) for path in paths]
        return readers, lambda: consume(reader.close() for reader in readers)
    from framecache import Engine

    engine = Engine(budget_bytes, max_decoders=len(paths))
    shared: list[Reader] = [Framecache(path, engine=engine) for path in paths]
    return shared, engine.close
