from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import index_of, indices

import framecache
from framecache.decode.plan import Position
from framecache.previews import (
    CLOSE_BEHIND_FRAMES,
    LEAST_FRAMES_TO_GO,
    MOST_FRAMES_AWAY,
    Preview,
    Standing,
    choose_preview,
    is_on_the_way,
    nearest_at_hand,
)

# Keyframes at 0, 250 and 500.
INDEX = index_of(list(range(600)), {0, 250, 500})


def chosen(place: int, at_hand: set[int] = frozenset(), positions: list[Position] = (), has_room: bool = True) -> Preview | None:
    standing = Standing(positions, frozenset(), has_room, 30)
    return choose_preview(INDEX, place, at_hand.__contains__, standing)


def behind(place: int) -> Position:
    """A decoder that gave the frame at a place last."""
    return Position(place // 250 * 250, place + 5, place)


def test_the_nearest_frame_at_hand_is_shown():
    assert chosen(120, {100, 115, 131}) == Preview(115, True)
    assert chosen(120, {100, 131}) == Preview(131, True)
    assert chosen(120, {118, 122}) == Preview(118, True), "of two equally near the earlier"


def test_a_frame_at_hand_may_be_of_another_group_of_pictures():
    assert chosen(252, {248}) == Preview(248, True)


def test_what_is_far_away_is_no_preview():
    assert chosen(120, {120 - MOST_FRAMES_AWAY}) == Preview(60, True)
    assert chosen(120, {120 - MOST_FRAMES_AWAY - 1}) == Preview(0, False)


@pytest.mark.parametrize(
    ("place", "preview"),
    [(60, 0), (124, 0), (126, 250), (249, 250), (310, 250), (590, 500), (599, 500)],
)
def test_with_nothing_near_at_hand_the_nearest_keyframe_is_shown(place: int, preview: int):
    assert chosen(place) == Preview(preview, False)


@pytest.mark.parametrize("place", [0, 1, LEAST_FRAMES_TO_GO - 2, 250, 255])
def test_next_to_its_keyframe_a_frame_needs_no_preview(place: int):
    assert chosen(place) is None


def test_a_little_further_it_does():
    assert chosen(LEAST_FRAMES_TO_GO - 1) == Preview(0, False)


def test_a_decoder_close_behind_makes_a_preview_needless():
    close = 120 - CLOSE_BEHIND_FRAMES
    assert chosen(120, {close}, [behind(close)]) is None
    assert chosen(120, {close - 1}, [behind(close - 1)]) == Preview(close - 1, True)


def test_a_decoder_that_goes_on_is_not_sent_back_to_a_keyframe():
    assert chosen(100, set(), [behind(30)]) is None
    assert chosen(100, {30}, [behind(30)]) == Preview(30, True), "far, and better than nothing"


def test_the_next_keyframe_is_decoded_beside_only_where_no_decoder_is_lost():
    assert chosen(240, {100}, [behind(100)]) == Preview(250, False)
    assert chosen(240, {100}, [behind(100)], has_room=False) == Preview(100, True)
    assert chosen(240, {100, 250}, [behind(100)], has_room=False) == Preview(250, True)


def test_a_frame_known_to_be_undecodable_has_no_preview():
    index = index_of(list(range(100)), {0})
    assert choose_preview(index, 50, {49}.__contains__, Standing((), frozenset(), True, 30)) == Preview(49, True)
    damaged = replace(index, undecodable=np.array([50]))
    assert choose_preview(damaged, 50, {49}.__contains__, Standing((), frozenset(), True, 30)) is None


@given(indices(), st.data())
def test_a_preview_is_another_frame_that_can_be_had(index: framecache.FrameIndex, data: st.DataObject):
    places = st.integers(0, len(index) - 1)
    place, at_hand = data.draw(places), data.draw(st.sets(places))
    at_hand.discard(place)
    preview = choose_preview(index, place, at_hand.__contains__, Standing((), frozenset(), data.draw(st.booleans()), 30))
    if preview is not None:
        assert 0 <= preview.place < len(index)
        assert preview.place != place
        assert preview.is_at_hand == (preview.place in at_hand)
    elif at_hand:
        assert min(abs(other - place) for other in at_hand) > MOST_FRAMES_AWAY


@given(st.integers(0, 50), st.sets(st.integers(0, 50)), st.integers(0, 60))
def test_the_nearest_is_the_nearest(place: int, at_hand: set[int], most: int):
    near = nearest_at_hand(place, 51, at_hand.__contains__, most)
    others = [other for other in at_hand if other != place and abs(other - place) <= most]
    assert near == min(others, key=lambda other: (abs(other - place), other), default=None)


def test_a_place_lies_on_the_way_within_one_gop_and_forward_only():
    index = index_of(list(range(20)), {0, 10})
    assert is_on_the_way(index, 3, 9)
    assert is_on_the_way(index, 3, 3)
    assert not is_on_the_way(index, 9, 3)
    assert not is_on_the_way(index, 9, 10)


@given(indices(), st.data())
def test_what_lies_on_the_way_is_passed_by_a_decoder_that_goes_further(index: framecache.FrameIndex, data: st.DataObject):
    places = st.integers(0, len(index) - 1)
    place, further = data.draw(places), data.draw(places)
    if is_on_the_way(index, place, further):
        assert index.is_reached_from(place, index.start_row(further))
        assert place <= further
