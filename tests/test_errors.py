from __future__ import annotations

import builtins
import pickle

import pytest

import framecache
from framecache import errors

CHILDREN = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, errors.FramecacheError)]


@pytest.mark.parametrize("kind", [child for child in CHILDREN if child is not errors.FramecacheError])
def test_each_error_is_also_the_builtin_it_resembles(kind: type[Exception]):
    resembled = [base for base in kind.__mro__ if getattr(builtins, base.__name__, None) is base]
    assert resembled[0] not in (Exception, BaseException)
    assert getattr(framecache, kind.__name__) is kind


def test_a_decode_error_says_which_frame_why_and_survives_pickling():
    error = pickle.loads(pickle.dumps(framecache.DecodeError(7, 3584, "video.mp4", "it is damaged")))
    assert str(error) == "frame 7 (pts 3584) of video.mp4 cannot be decoded: it is damaged"
    assert (error.index, error.pts, error.file, error.reason) == (7, 3584, "video.mp4", "it is damaged")
    assert "pts" not in str(framecache.DecodeError(7, None, "video.mp4", "it is damaged"))
