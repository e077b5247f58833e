from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import framecache.verify
from framecache import VideoReader
from framecache.errors import DecodeError, NotAVideoError
from framecache.frame import VideoFrameInfo
from framecache.verify import verify


@pytest.mark.parametrize(
    "name", ["cursed-vfr.mp4", "vid.avi", "no-initial-keyframe.ts", "nasa_13013_rotated.mp4", "newtonscradle.gif"]
)
def test_the_contract_holds_on_real_clips(media: Path, name: str):
    verdict = verify(media / name, requests=30)
    assert verdict.faults == []
    assert verdict.n_frames == verdict.n_linear > 0
    assert verdict.requests > verdict.n_frames + 30
    assert verdict.undecodable == []


def test_damage_is_told_and_is_no_fault(media: Path):
    verdict = verify(media / "corrupted.mp4", requests=20)
    assert verdict.undecodable == [30]
    assert (verdict.n_frames, verdict.n_linear) == (50, 49)
    assert verdict.faults == []


def test_bytes_can_be_verified(clip: Callable[..., Path]):
    assert verify(clip().read_bytes(), requests=5).faults == []


class Liar(VideoReader):
    """A reader that falls short in a way that the tests choose."""

    lie: Callable[[VideoReader, int], VideoFrameInfo]

    def request_frame(self, index: int) -> VideoFrameInfo:
        return type(self).lie(super(), index)  # type: ignore[arg-type]


def found(monkeypatch: pytest.MonkeyPatch, path: Path, lie: Callable[..., VideoFrameInfo]) -> framecache.verify.Verdict:
    monkeypatch.setattr(Liar, "lie", staticmethod(lie), raising=False)
    monkeypatch.setattr(framecache.verify, "VideoReader", Liar)
    return verify(path, requests=60)


def test_a_neighbour_is_named(monkeypatch: pytest.MonkeyPatch, sample: Path):
    verdict = found(monkeypatch, sample, lambda reader, index: reader.request_frame(8 if index == 7 else index))
    assert {fault.index for fault in verdict.faults} == {7}
    assert any("frame 8 of a linear decode" in fault.what for fault in verdict.faults)


def test_a_picture_that_differs_with_how_it_was_reached_is_named(monkeypatch: pytest.MonkeyPatch, clip: Callable[..., Path]):
    asked: set[int] = set()

    def lie(reader: VideoReader, index: int) -> VideoFrameInfo:
        frame = reader.request_frame(index)
        if index == 5 and index in asked:
            frame.image[...] = 0
        asked.add(index)
        return frame

    verdict = found(monkeypatch, clip(), lie)
    assert {fault.index for fault in verdict.faults} == {5}
    assert all(fault.history != "forward" for fault in verdict.faults)
    assert "no frame of a linear decode is like it" in verdict.faults[0].what


def test_an_error_where_there_is_a_frame_is_named(monkeypatch: pytest.MonkeyPatch, clip: Callable[..., Path]):
    def lie(reader: VideoReader, index: int) -> VideoFrameInfo:
        if index == 9:
            raise DecodeError(9, None, "x", "made up")
        return reader.request_frame(index)

    verdict = found(monkeypatch, clip(), lie)
    assert any(fault.index == 9 and "made up" in fault.what for fault in verdict.faults)


def test_a_missing_frame_is_a_fault(monkeypatch: pytest.MonkeyPatch, clip: Callable[..., Path]):
    monkeypatch.setattr(Liar, "lie", staticmethod(lambda reader, index: reader.request_frame(index)), raising=False)
    monkeypatch.setattr(Liar, "__len__", lambda self: len(self.index) - 1)
    monkeypatch.setattr(framecache.verify, "VideoReader", Liar)
    verdict = verify(clip(), requests=0)
    assert [fault.index for fault in verdict.faults] == [None]


def test_progress_is_told(clip: Callable[..., Path]):
    told: list[tuple[str, float]] = []
    verify(clip(), requests=20, progress=lambda stage, done: told.append((stage, done)))
    assert {stage for stage, _ in told} >= {"decoding linearly", "asking forward", "asking at random", "asking without a cache"}
    assert all(0 <= done <= 1 for _, done in told)
    assert np.all(np.diff([done for stage, done in told if stage == "asking forward"]) >= 0)


def test_no_video_is_a_typed_error(media: Path):
    with pytest.raises(NotAVideoError):
        verify(media / "sample_audio_only.mp4")
