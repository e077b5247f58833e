from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from framecache import VideoReader
from framecache.errors import BadArgumentError
from framecache.sample import draw_sample, read_index, spell_index


@pytest.mark.parametrize("index", [0, 1, 599, 4096, 65535])
def test_a_picture_spells_its_index_to_machines(index: int):
    image = draw_sample(index, (320, 180))
    assert read_index(image) == index
    assert read_index(cv2.resize(image, (160, 90), interpolation=cv2.INTER_AREA)) == index
    assert read_index(image[..., 0]) == index
    assert read_index(image.astype(np.uint16) * 257) == index


def test_a_picture_without_a_strip_is_told():
    with pytest.raises(BadArgumentError, match="no strip"):
        read_index(np.full((100, 200, 3), 128, np.uint8))
    with pytest.raises(ValueError, match="0 to 65535"):
        spell_index(np.zeros((100, 200, 3), np.uint8), 65536)


def test_the_sample_clip_spells_every_index_and_is_hard_to_seek_in(sample: Path):
    with VideoReader(sample) as reader:
        assert len(reader) == 330
        assert reader.keyframe_indices.tolist() == [0, 250]
        assert [read_index(image) for image in reader] == list(range(330))
    with av.open(str(sample)) as container:
        kinds = {frame.pict_type for frame in container.decode(video=0)}
    assert {av.video.frame.PictureType.B, av.video.frame.PictureType.P} <= kinds
    assert list(sample.parent.glob(".*")) == []
