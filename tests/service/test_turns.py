"""Who may send photos while the queue is all but full, and when the others are told to come again."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta

import pytest

from qc_vision.decision import Verdict
from service.item import Item, ItemInspection
from service.problems import RequestRefused
from service.settings import Settings
from service.store import Store, now
from service.turns import FIRST_PACE_S, LATEST_S, SOONEST_S, Turns
from service.workplace import open_records

START_S = 1000.0
FIRST = ItemInspection(
    id=f"{0:032x}", created_at=now(), item=Item(ref="A"), verdict=Verdict.RETAKE, photos=()
)


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    store = open_records(settings)
    yield store
    store.close()


def told_s(turns: Turns) -> int:
    """When somebody is told to come again who asks while the queue is full."""
    with pytest.raises(RequestRefused) as refused, turns.place():
        pass
    assert refused.value.kind.retry_after_s is not None
    return refused.value.kind.retry_after_s


def graded(store: Store, *, count: int, pace_s: float) -> None:
    for n in range(count):
        at = FIRST.created_at + timedelta(seconds=n * pace_s)
        store.add(replace(FIRST, id=f"{n:032x}", created_at=at))


def test_of_a_crowd_one_is_let_in_for_each_free_place_and_the_next_when_one_has_gone(store: Store) -> None:
    turns = Turns(store, most=2)
    with ExitStack() as here:
        here.enter_context(turns.place())
        here.enter_context(turns.place())
        told_s(turns)
        told_s(turns)

    with turns.place(), turns.place():
        told_s(turns)


def test_whoever_breaks_off_leaves_the_place_to_others(store: Store) -> None:
    turns = Turns(store, most=1)
    with pytest.raises(ConnectionError), turns.place():
        raise ConnectionError

    with turns.place():
        pass


def test_those_who_are_sent_away_come_again_one_after_the_other_as_fast_as_is_graded(store: Store) -> None:
    graded(store, count=12, pace_s=4.0)
    turns = Turns(store, most=0, clock_s=lambda: START_S)

    assert [told_s(turns) for _ in range(20)] == [max(SOONEST_S, min(LATEST_S, 4 * n)) for n in range(1, 21)]


def test_time_that_has_passed_shortens_what_the_next_is_told(store: Store) -> None:
    clock = iter([START_S, START_S, START_S + 7])
    graded(store, count=2, pace_s=10.0)
    turns = Turns(store, most=0, clock_s=lambda: next(clock))

    assert [told_s(turns) for _ in range(3)] == [10, 20, 23]


@pytest.mark.parametrize("count", [0, 1])
def test_before_anything_was_graded_nobody_is_told_to_come_at_once(store: Store, count: int) -> None:
    graded(store, count=count, pace_s=0.0)

    assert told_s(Turns(store, most=0)) == SOONEST_S > FIRST_PACE_S


def test_after_a_night_nobody_waits_for_a_night(store: Store) -> None:
    graded(store, count=3, pace_s=36_000.0)

    assert told_s(Turns(store, most=0)) == LATEST_S
