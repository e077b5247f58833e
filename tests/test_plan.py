from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from synthetic import index_of, indices

from framecache.decode.plan import Plan, Position, can_reach, plan, starts_to_try
from framecache.index.frame_index import FrameIndex

GOPS = index_of(list(range(0, 400, 10)), {0, 10, 20, 30})


def test_the_next_frame_is_a_continuation():
    assert plan(GOPS, 6, [Position(0, 7, 5)], 30) == Plan("continue", 0, 0)


def test_a_target_within_the_threshold_is_scanned_to():
    assert plan(GOPS, 15, [Position(0, 6, 5)], 10) == Plan("scan", 0, 0)


def test_a_target_beyond_the_threshold_with_a_keyframe_between_is_sought():
    assert plan(GOPS, 16, [Position(0, 6, 5)], 10) == Plan("seek", None, 10)


def test_without_a_keyframe_between_going_on_is_always_shorter():
    assert plan(GOPS, 19, [Position(10, 12, 11)], 1) == Plan("scan", 0, 10)
    one_keyframe = index_of(list(range(0, 4000, 10)), {0})
    assert plan(one_keyframe, 399, [Position(0, 1, 0)], 0).kind == "scan"


def test_where_nothing_between_is_wanted_a_start_between_is_sought_if_that_pays():
    assert plan(GOPS, 31, [Position(0, 12, 11)], 30, spare_frames=0) == Plan("seek", None, 30)
    assert plan(GOPS, 31, [Position(0, 12, 11)], 30, spare_frames=1) == Plan("seek", None, 30)
    assert plan(GOPS, 31, [Position(0, 12, 11)], 30, spare_frames=5).kind == "scan", "those before the keyframe are wanted"
    assert plan(GOPS, 31, [Position(20, 26, 25)], 30, spare_frames=0).kind == "scan", "a seek costs more than the few between"


def test_a_target_behind_is_sought():
    assert plan(GOPS, 5, [Position(0, 7, 5)], 30) == Plan("seek", None, 0)


def test_the_nearest_of_several_decoders_goes_on():
    assert plan(GOPS, 18, [Position(0, 6, 5), Position(10, 15, 14), Position(10, 12, 11)], 30) == Plan("scan", 1, 10)


def test_a_decoder_that_began_after_the_frames_start_is_no_help():
    leading = index_of([0, 30, 10, 20, 60, 40, 50, 70], {0, 4})
    assert plan(leading, int(leading.place_of_row[5]), [Position(4, 5, -1)], 30) == Plan("seek", None, 0)


def test_a_bad_keyframe_is_passed_over():
    assert plan(GOPS, 15, [], 30, frozenset({10})) == Plan("seek", None, 0)


def test_a_decoder_that_has_just_been_put_at_a_start_serves():
    assert plan(GOPS, 10, [Position(10, 10, -1)], 0) == Plan("continue", 0, 10)


def positions(index: FrameIndex) -> st.SearchStrategy[list[Position]]:
    """Decoders somewhere on their way: begun at a start, and having given all frames up to some row's."""

    def position(numbers: tuple[int, int]) -> Position:
        start = int(index.start_rows[numbers[0] % len(index.start_rows)])
        next_row = start + numbers[1] % (len(index.packets) - start + 1)
        given_out = [int(index.place_of_row[row]) for row in range(start, next_row)]
        return Position(start, next_row, max(given_out, default=-1))

    return st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)).map(position), max_size=4)


def decodes(index: FrameIndex, place: int, first_row: int) -> int:
    """How many packets are decoded from `first_row` until the place's own is."""
    return max(0, int(index.rows[place]) + 1 - first_row)


@given(indices(), st.data())
def test_a_plan_reaches_its_target_and_never_decodes_more_than_the_worse_of_scan_and_seek(index: FrameIndex, data: st.DataObject):
    place = data.draw(st.integers(0, len(index) - 1))
    standing = data.draw(positions(index))
    way = plan(index, place, standing, data.draw(st.integers(0, 40)), spare_frames=data.draw(st.none() | st.integers(0, 40)))
    seek = decodes(index, place, index.start_row(place))
    scans = [decodes(index, place, one.next_row) for one in standing if can_reach(index, place, one)]
    if way.decoder is None:
        assert way.kind == "seek"
        assert index.is_reached_from(place, way.start_row)
        cost = seek
    else:
        chosen = standing[way.decoder]
        assert place > chosen.last_place
        assert index.is_reached_from(place, chosen.start_row)
        cost = decodes(index, place, chosen.next_row)
    assert cost <= max([seek, *scans])


@given(indices(), st.data())
def test_no_bad_start_is_tried(index: FrameIndex, data: st.DataObject):
    place = data.draw(st.integers(0, len(index) - 1))
    bad = frozenset(data.draw(st.sets(st.sampled_from(index.start_rows.tolist())))) - {0}
    assert not bad & set(starts_to_try(index, place, False, bad))


@given(indices(), st.data())
def test_the_ladder_ends_with_the_linear_decode_and_repeats_nothing(index: FrameIndex, data: st.DataObject):
    place = data.draw(st.integers(0, len(index) - 1))
    goes_on = data.draw(st.booleans())
    steps = list(starts_to_try(index, place, goes_on))
    assert steps[-1] == 0
    assert (steps[0] is None) is goes_on
    assert len(steps) == len(set(steps))
    assert all(index.is_reached_from(place, step) for step in steps if step is not None)


def test_a_place_known_to_be_undecodable_is_not_tried():
    names = ("time_base", "pts", "own_pts", "durations", "rows", "packets", "start_rows", "made_from", "times_are")
    broken = FrameIndex(**{name: getattr(GOPS, name) for name in names}, undecodable=np.array([7]))
    assert list(starts_to_try(broken, 7, True)) == []
    assert list(starts_to_try(broken, 8, False)) == [0]
