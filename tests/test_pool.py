"""Which decoder goes where: a pool of stand-ins, for it decodes nothing itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from framecache import Engine, VideoReader
from framecache.decode import decoder as decoder_module
from framecache.decode import source as source_module
from framecache.decode.plan import Position
from framecache.growth import PACKETS_BETWEEN_PAUSES, Growth
from framecache.pool import DECODERS_BYTES, DecoderPool
from framecache.progress import no_progress
from framecache.run import Run, Want
from framecache.sample import read_index
from framecache.video import Video


class StandIn:
    """A decoder that stands somewhere and holds so much."""

    def __init__(self, next_row: int, held_bytes: int = 0, *, is_fresh: bool = False, is_ended: bool = False) -> None:
        self.position = Position(0, next_row, next_row - 1)
        self.held_bytes, self.is_fresh, self.is_ended = held_bytes, is_fresh, is_ended
        self.index = None


@pytest.fixture
def video(clip: Callable[..., Path]) -> Any:
    with VideoReader(clip(n_frames=60, gop=10), prefetch=False, wait_for_index=True) as reader:
        yield reader._video


def stopped(pool: DecoderPool, video: Video, standin: StandIn) -> list[Any]:
    """Have a decoder in the pool that nobody leads; those that are to be closed for it."""
    return pool.stop(pool.add_run(video, cast(Any, standin), standin.position), is_of_use=True)


def way(pool: DecoderPool, video: Video, place: int, threshold: int = 10) -> Run:
    run, is_new = pool.way_to(video, place, threshold, None)
    assert run is not None
    assert is_new
    return run


def test_a_decoder_behind_the_place_goes_on(video: Video):
    pool, near, far = DecoderPool(3), StandIn(25), StandIn(5)
    assert stopped(pool, video, far) == stopped(pool, video, near) == []
    assert way(pool, video, 28).decoder is cast(Any, near)
    assert len(pool) == 2


def test_one_that_was_never_used_is_taken_where_a_seek_is_needed_and_another_is_not_opened(video: Video):
    pool, used, fresh = DecoderPool(3), StandIn(5), StandIn(0, is_fresh=True)
    stopped(pool, video, used)
    assert pool.lend(video, cast(Any, fresh))
    assert pool.positions(video) == [used.position]
    assert way(pool, video, 57).decoder is cast(Any, fresh)
    assert way(pool, video, 38).decoder is None, "there is room for another"


def test_who_gives_up_after_another_led_on_is_never_handed_the_lead(video: Video):
    pool = DecoderPool(3)
    run = pool.add_run(video, cast(Any, StandIn(20)), Position(0, 20, 19))
    heir, gone, left = run.wants = [Want(25), Want(26), Want(27)]
    assert pool.stop(run, is_of_use=True) == []
    assert heir.run is not None
    assert heir.run.wants == [gone, left]
    pool.withdraw(gone)
    pool.stop(heir.run, is_of_use=True)
    assert gone.run is None
    assert left.run is not None


def test_what_was_lent_is_the_first_to_go(video: Video, clip: Callable[..., Path]):
    with VideoReader(clip(n_frames=20), prefetch=False) as other:
        pool, used, lent = DecoderPool(2), StandIn(5), StandIn(0, is_fresh=True)
        stopped(pool, video, used)
        assert pool.lend(other._video, cast(Any, lent))
        assert not pool.lend(other._video, cast(Any, StandIn(0, is_fresh=True))), "there is no room"
        run = way(pool, video, 57)
        assert (run.decoder, run.outworn) == (None, lent)
        assert len(pool) == 2


def test_no_other_decoder_is_opened_where_both_would_hold_too_much(video: Video):
    pool, large = DecoderPool(3), StandIn(5, DECODERS_BYTES * 2 // 3)
    stopped(pool, video, large)
    assert way(pool, video, 57).decoder is cast(Any, large)
    # That one is under way now, and nobody is to wait for it.
    assert way(pool, video, 38).decoder is None


def test_of_two_that_hold_too_much_the_one_used_last_stays(video: Video):
    pool, first, last = DecoderPool(3), StandIn(5, DECODERS_BYTES * 2 // 3), StandIn(25, DECODERS_BYTES * 2 // 3)
    assert stopped(pool, video, first) == []
    assert stopped(pool, video, last) == [first]
    assert len(pool) == 1


def test_the_first_frame_opens_the_file_once(clip: Callable[..., Path], monkeypatch: pytest.MonkeyPatch):
    opened = list[str]()
    real = source_module.open_container

    def counted(source: source_module.Source) -> Any:
        opened.append(source.name)
        return real(source)

    monkeypatch.setattr(source_module, "open_container", counted)
    monkeypatch.setattr(decoder_module, "open_stream", source_module.open_stream)
    with VideoReader(clip(n_frames=60, gop=10), prefetch=False) as reader:
        assert reader.stats.open_decoders == 1
        assert [read_index(reader[index]) for index in (47, 0, 46)] == [47, 0, 46]
        assert len(opened) == 2, "the second decoder opens it once more"


def test_a_reader_that_is_opened_while_others_decode_takes_no_decoder_from_them(clip: Callable[..., Path]):
    path, other = clip(n_frames=60, gop=10), clip(n_frames=20)
    with Engine(10_000_000, max_decoders=1) as engine, VideoReader(path, engine=engine, prefetch=False) as reader:
        reader.request_frame(47)
        with VideoReader(other, engine=engine, prefetch=False) as second:
            assert engine.open_decoders == 1
            assert reader.stats.open_decoders == 1
            assert read_index(second[3]) == 3


@pytest.mark.parametrize("is_busy", [True, False])
def test_a_growing_index_pauses_while_frames_are_asked_for(monkeypatch: pytest.MonkeyPatch, is_busy: bool):
    pauses = list[float]()
    monkeypatch.setattr("framecache.growth.time.sleep", pauses.append)
    growth = Growth(cast(Any, None), cast(Any, None), lambda: None, lambda: is_busy, no_progress)
    known = 10 * PACKETS_BETWEEN_PAUSES
    for count in range(known):
        growth._is_time(count + 1, known)
    assert len(pauses) == (10 if is_busy else 0)
    # Somebody who waits for the end of it is not to wait for others.
    growth._waiting_for_all = 1
    growth._is_time(known, known)
    assert len(pauses) == (10 if is_busy else 0)
