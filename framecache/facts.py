"""VideoFacts: what a reader tells of its video, now or once all frames are known."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import numpy.typing as npt

from framecache.arguments import as_seconds
from framecache.decode.convert import Orientation
from framecache.engine import Engine
from framecache.frame import ReaderStats, VideoInfo
from framecache.horizon import Horizon, Known
from framecache.index.frame_index import FrameIndex
from framecache.opening import OpenedVideo
from framecache.options import ReaderOptions
from framecache.pictures import Life, Pictures
from framecache.video import Video


class VideoFacts:
    """What is known of a reader's video. What takes all frames waits until they are known. Threads may share it.

    While it waits, it raises ClosedError once the reader is closed, and whatever keeps the frames from being found:
    IndexingError, VideoChangedError, VideoAccessError.
    """

    _options: ReaderOptions
    _opened: OpenedVideo
    _life: Life
    _engine: Engine
    _video: Video
    _horizon: Horizon
    _pictures: Pictures

    @property
    def index(self) -> FrameIndex:
        """The frames' places, timestamps and keyframes, as an immutable value; waits until all are known."""
        return self._horizon.whole()

    @property
    def is_indexed(self) -> bool:
        """Whether all frames are known, so that nothing has to wait for the end of a scan."""
        return self._horizon.is_whole

    @property
    def indexing_progress(self) -> float:
        """How much of the work that finds all frames is done, 0.0 to 1.0: of a scan, or of a decode where that is needed."""
        return self._horizon.done

    def wait_until_indexed(self, timeout_seconds: float | None = None) -> bool:
        """Wait until all frames are known, so long at most; whether they are.

        Raises:
            IndexingError, VideoChangedError, VideoAccessError: They cannot be found out.
            ClosedError: The reader was closed.
        """
        seconds = None if timeout_seconds is None else as_seconds("timeout_seconds", timeout_seconds)
        return self._horizon.wait(timeout_seconds=seconds)

    @property
    def _known(self) -> Known:
        return self._horizon.now()

    @property
    def options(self) -> ReaderOptions:
        """What the reader was told, as an immutable value."""
        return self._options

    @property
    def pts(self) -> npt.NDArray[np.int64]:
        """Every frame's timestamp: `(n,) int64` ticks of `info.time_base`, ascending, read-only; see `info.timestamps_are`."""
        return self.index.pts

    @property
    def timestamps(self) -> npt.NDArray[np.float64]:
        """Every frame's seconds into the video: `(n,) float64`, ascending, frame 0 at 0.0, read-only."""
        return self.index.timestamps

    @property
    def keyframe_indices(self) -> npt.NDArray[np.int64]:
        """The frames from which decoding may start: `(k,) int64`, ascending, read-only."""
        return self.index.keyframes

    @property
    def info(self) -> VideoInfo:
        """What is known of the video. The first use may decode a frame, to see how it is turned."""
        return self._opened.info(self.index, self._pictures.orientation())

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the first frame's image: `(H, W, 3)` for bgr24, after turning and resizing."""
        orientation = self._pictures.orientation() if self._options.apply_rotation else Orientation()
        return self._options.transform.shape(*self._opened.size(orientation))

    @property
    def stats(self) -> ReaderStats:
        """The counters of this video and what its engine holds, as they are now."""
        engine = self._engine
        return ReaderStats(
            **asdict(self._video.counters),
            evictions=engine.cache.stats.evictions,
            bytes_held=engine.cache.bytes_held,
            budget_bytes=engine.buffer_size_bytes,
            open_decoders=engine.open_decoders,
        )

    def get_n_frames(self) -> int:
        """The number of frames; the same as `len(reader)`."""
        return len(self)

    def __len__(self) -> int:
        return len(self.index)

    def __bool__(self) -> bool:
        """Whether there are any frames; unlike `len`, it does not wait for all of them."""
        return len(self._horizon.up_to(1)) > 0

    def __repr__(self) -> str:
        state = f"{len(self._video.index)} frames{'' if self.is_indexed else ' so far'}"
        return f"<VideoReader {self._life.name!r}, {'closed' if self._life.is_closed else state}>"
