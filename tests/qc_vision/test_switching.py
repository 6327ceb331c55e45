"""Switching rules: against a reference that is a table of rules, each read off all lots since the last switch."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qc_vision.sampling import ClassPlan, plan_lot
from qc_vision.severity import Severity
from qc_vision.switching import (
    CauseMended,
    LotJudged,
    ProductionIrregular,
    ReducedApproved,
    SeriesEvent,
    score_step,
    switch,
)

Events = Sequence[SeriesEvent]


def lots(events: Events) -> list[LotJudged]:
    return [event for event in events if isinstance(event, LotJudged) and event.original]


def refused(events: Events) -> int:
    return sum(not lot.accepted for lot in events if isinstance(lot, LotJudged))


def score(events: Events) -> int:
    steps = [lot.score_step for lot in lots(events)]
    zeros = [i for i, step in enumerate(steps) if step == 0]
    return sum(steps[zeros[-1] + 1 :] if zeros else steps)


def approved(events: Events) -> bool:
    told = [event for event in events if isinstance(event, ReducedApproved | ProductionIrregular)]
    return bool(told) and isinstance(told[-1], ReducedApproved)


def last(events: Events, kind: type) -> bool:
    return bool(events) and isinstance(events[-1], kind)


# from, the rule over all that happened since the state was entered, to; the first that holds counts
RULES: list[tuple[str, Callable[[Events], bool], str]] = [
    ("normal", lambda e: refused(lots(e)[-5:]) >= 2, "tightened"),
    ("normal", lambda e: score(e) >= 30 and approved(e), "reduced"),
    ("tightened", lambda e: refused(lots(e)) >= 5, "discontinued"),
    ("tightened", lambda e: len(lots(e)) >= 5 and refused(lots(e)[-5:]) == 0, "normal"),
    ("reduced", lambda e: refused(lots(e)) >= 1 or last(e, ProductionIrregular), "normal"),
    ("discontinued", lambda e: last(e, CauseMended), "tightened"),
]


def reference(history: Events) -> str:
    state, since = "normal", list[SeriesEvent]()
    for event in history:
        since.append(event)
        for before, rule, after in RULES:
            if state == before and rule(since):
                # lots of the old state count for nothing in the new one; so does what was approved for it
                state, since = after, []
                break
    return state


def judged(accepted: bool, step: int = 2, original: bool = True) -> LotJudged:
    return LotJudged(
        lot_id="L",
        accepted=accepted,
        score_step=step if accepted else 0,  # type: ignore[arg-type]
        original=original,
    )


EVENTS = st.one_of(
    st.builds(judged, st.just(True), st.sampled_from([0, 2, 3])),
    st.builds(judged, st.just(True), st.just(3)),
    st.builds(judged, st.booleans(), st.sampled_from([0, 2, 3]), st.booleans()),
    st.just(ReducedApproved(by="kemensos")),
    st.just(ProductionIrregular(reason="panen")),
    st.just(CauseMended(by="kemensos")),
)
RUNS = st.lists(st.tuples(EVENTS, st.integers(1, 12)), max_size=12)


@given(runs=RUNS)
def test_the_state_after_any_history_is_that_of_the_rules_table(runs: list[tuple[SeriesEvent, int]]) -> None:
    history = [event for event, times in runs for _ in range(times)]
    assert switch(history).state == reference(history)


@given(history=st.lists(EVENTS, max_size=30), cut=st.integers(0, 30))
def test_a_history_may_be_folded_in_two_parts(history: list[SeriesEvent], cut: int) -> None:
    assert switch(history[cut:], start=switch(history[:cut])) == switch(history)


YES, NO, BACK = judged(True), judged(False), judged(False, original=False)


@pytest.mark.parametrize(
    ("history", "state"),
    [
        ([], "normal"),
        ([NO], "normal"),
        ([NO, NO], "tightened"),
        ([NO, YES, YES, YES, NO], "tightened"),
        ([NO, YES, YES, YES, YES, NO], "normal"),  # six lots apart
        ([NO, BACK, BACK], "normal"),  # lots that came back do not count
        ([NO, NO, *[YES] * 4], "tightened"),
        ([NO, NO, *[YES] * 5], "normal"),
        ([NO, NO, YES, YES, NO, YES, YES, YES], "tightened"),  # five accepted, not in a row
        ([NO, NO, YES, NO, YES, NO, YES, NO, YES, NO], "tightened"),  # four refused on tightened
        ([NO, NO, YES, NO, YES, NO, YES, NO, YES, NO, NO], "discontinued"),
        ([NO, NO, *[NO] * 5], "discontinued"),
        ([NO, NO, *[NO] * 5, *[YES] * 9], "discontinued"),  # only the mended cause ends it
        ([NO, NO, *[NO] * 5, CauseMended(by="k")], "tightened"),
        ([judged(True, 3)] * 10, "normal"),  # nobody has approved
        ([*[judged(True, 3)] * 10, ReducedApproved(by="k")], "reduced"),
        ([ReducedApproved(by="k"), *[judged(True, 3)] * 10], "reduced"),
        ([ReducedApproved(by="k"), *[judged(True, 3)] * 9], "normal"),  # 27 points
        ([ReducedApproved(by="k"), *[YES] * 15], "reduced"),  # 2 points each with Ac 0 or 1
        ([ReducedApproved(by="k"), *[judged(True, 3)] * 9, judged(True, 0), judged(True, 3)], "normal"),
        ([ReducedApproved(by="k"), ProductionIrregular(reason="x"), *[judged(True, 3)] * 10], "normal"),
        ([ReducedApproved(by="k"), *[YES] * 15, NO], "normal"),
        ([ReducedApproved(by="k"), *[YES] * 15, ProductionIrregular(reason="x")], "normal"),
        (
            [ReducedApproved(by="k"), *[YES] * 15, NO, NO],
            "normal",
        ),  # the refusal on reduced is not one of the two
    ],
)
def test_histories_of_the_standard(history: list[SeriesEvent], state: str) -> None:
    assert switch(history).state == state


def test_no_table_applies_while_acceptance_is_discontinued() -> None:
    assert switch([NO] * 7).regime is None
    assert switch([]).regime == "normal"


def plan(aql: str, size: int = 200) -> ClassPlan:
    return plan_lot(size, level="II", aqls={Severity.MAJOR: aql}).classes[1]  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("of", "nonconforming", "step"),
    [
        (plan("1.5"), 0, 2),  # n 32, Ac 1: accepted
        (plan("1.5"), 1, 2),
        (plan("1.5"), 2, 0),
        (plan("2.5"), 1, 3),  # n 32, Ac 2; at 1.5 it is Ac 1
        (plan("2.5"), 2, 0),  # accepted, but not at 1.5
        (plan("4.0"), 2, 3),  # Ac 3; at 2.5 it is Ac 2
        (plan("4.0"), 3, 0),
        (plan("0.65", 3_000), 1, 3),  # n 125, Ac 2; at 0.40 it is Ac 1
        (plan("0.65", 3_000), 2, 0),
    ],
)
def test_the_switching_score_asks_for_the_next_smaller_aql(
    of: ClassPlan, nonconforming: int, step: int
) -> None:
    assert score_step(of, nonconforming) == step
