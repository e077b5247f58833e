from __future__ import annotations

from synthetic import index_of

from framecache.index.frame_index import FrameIndex
from framecache.pace import NEIGHBOUR_FRAMES, Around, Pace, around_in_list, around_in_steps

GOP = 40
INDEX: FrameIndex = index_of(list(range(400)), set(range(0, 400, GOP)))


def after(*places: int, is_kept: bool) -> Around:
    """What is worth having around the last of the places that were asked for."""
    pace = Pace()
    for place in places:
        pace.note(place, 0.0)
    return pace.around(INDEX, is_kept=is_kept, threshold_frames=30)


def test_where_frames_are_kept_a_jump_keeps_a_few_before_it_and_a_step_back_all():
    assert after(300, is_kept=True) == Around(NEIGHBOUR_FRAMES)
    assert after(300, 299, is_kept=True) == Around(299)
    assert after(300, 300, is_kept=True) == Around(300)
    assert after(300, 100, is_kept=True) == Around(NEIGHBOUR_FRAMES)


def test_with_a_regular_stride_nothing_between_is_of_use():
    assert after(0, 5, 10, is_kept=True) == Around(0, is_single=False), "the next is ahead in the same GOP"
    assert after(0, 60, 120, is_kept=True) == Around(0, is_single=True), "the next is in another"
    assert after(0, 5, 12, is_kept=True) == Around(NEIGHBOUR_FRAMES)


def test_where_nothing_is_kept_the_second_jump_on_end_is_taken_for_one_of_many():
    assert after(300, is_kept=False) == Around(0, is_single=False)
    assert after(300, 100, is_kept=False) == Around(0, is_single=True)
    assert after(300, 100, 101, is_kept=False) == Around(0, is_single=False)
    assert after(300, 301, 302, is_kept=False) == Around(0, is_single=False)


def test_step_by_step_backward_all_before_is_of_use_and_nothing_after():
    assert around_in_steps(INDEX, 75, -1) == Around(75, is_single=True)
    assert around_in_steps(INDEX, 75, 1) is None
    assert around_in_steps(INDEX, 10, 90) == Around(0, is_single=True)
    assert around_in_steps(INDEX, 10, 5) == Around(0, is_single=False)


def test_of_a_list_the_next_place_tells():
    assert around_in_list(INDEX, 10, 12) == Around(0, is_single=False)
    assert around_in_list(INDEX, 10, 90) == Around(0, is_single=True)
    assert around_in_list(INDEX, 10, None) == Around(0, is_single=False)
    assert around_in_list(INDEX, 390, 420) == Around(0, is_single=False), "there is no such place"
