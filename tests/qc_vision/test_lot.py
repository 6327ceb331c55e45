"""Lots: a unit counts once at its worst class, only what a person confirmed counts, nobody waits unseen."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qc_vision.decision import Verdict
from qc_vision.disposition import Action, Disposition, ItemVerdict, dispose
from qc_vision.errors import SamplingError
from qc_vision.lot import Lot, decide_lot, form_lot, switching_events
from qc_vision.record import SpecRef
from qc_vision.sampling import plan_lot
from qc_vision.severity import Severity

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
CRITICAL, MAJOR, MINOR = Severity.CRITICAL, Severity.MAJOR, Severity.MINOR
UNITS = tuple(f"KLS-{n:04d}" for n in range(200))


def make_lot(units: tuple[str, ...] = UNITS, *, resubmits: str | None = None) -> Lot:
    return form_lot(
        id="LOT-1",
        group="kalisalak",
        spec=SpecRef(id="hyacinth_bin", revision=2),
        units=units,
        plan=plan_lot(len(units), level="II", aqls={MAJOR: "2.5", MINOR: "4.0"}),
        seed="6f1c",
        formed_at=NOON,
        resubmits=resubmits,
    )


LOT = make_lot()
SAMPLE, REST = LOT.sample, tuple(unit for unit in UNITS if unit not in LOT.sample)


def machine(unit: str, verdict: Verdict = Verdict.PASS, *, inspection: str = "first") -> ItemVerdict:
    return ItemVerdict(inspection_id=f"{unit}-{inspection}", item_ref=unit, verdict=verdict)


def person(
    unit: str,
    found: Severity | None = None,
    *,
    inspection: str = "first",
    action: Action | None = None,
    hour: int = 0,
) -> Disposition:
    """Of a unit that the machine passed: confirmed where the person finds nothing grave, else overruled."""
    grave = found in (CRITICAL, MAJOR)
    return dispose(
        machine(unit, inspection=inspection),
        id=f"D-{unit}-{inspection}-{hour}",
        action=action or (Action.OVERRULE if grave else Action.CONFIRM),
        severity=found,
        reason="terlihat" if grave else None,
        by="budi",
        at=NOON + timedelta(hours=hour),
        two_persons=False,
    )


def all_passed() -> list[ItemVerdict]:
    return [machine(unit) for unit in UNITS]


def sample_seen(**found: Severity) -> list[Disposition]:
    """The sample looked at; `found` says what at the nth drawn unit, as `at3=MAJOR`."""
    return [person(unit, found.get(f"at{n}")) for n, unit in enumerate(SAMPLE)]


def verdict_of(dispositions: list[Disposition], verdicts: list[ItemVerdict] | None = None) -> str:
    return decide_lot(
        LOT, verdicts=all_passed() if verdicts is None else verdicts, dispositions=dispositions
    ).verdict


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        ({}, "accepted"),
        ({"at0": MAJOR, "at31": MAJOR}, "accepted"),  # Ac 2
        ({"at0": MAJOR, "at1": MAJOR, "at31": MAJOR}, "rejected"),  # Re 3
        ({f"at{n}": MINOR for n in range(3)}, "accepted"),  # Ac 3
        ({f"at{n}": MINOR for n in range(4)}, "rejected"),
        ({"at0": MAJOR, "at1": MAJOR, "at2": MINOR, "at3": MINOR, "at4": MINOR}, "accepted"),
        ({"at7": CRITICAL}, "rejected"),
    ],
)
def test_the_sample_decides_by_the_printed_numbers_for_200(found: dict[str, Severity], verdict: str) -> None:
    assert verdict_of(sample_seen(**found)) == verdict


def test_what_only_the_machine_fails_counts_for_nothing_and_waits_for_a_person() -> None:
    verdicts = [*all_passed(), *(machine(unit, Verdict.FAIL) for unit in REST[:20])]
    decision = decide_lot(LOT, verdicts=verdicts, dispositions=sample_seen())
    assert decision.verdict == "open"
    assert all(not of_class.nonconforming for of_class in decision.classes)
    assert [(need.code, need.units) for need in decision.missing] == [("confirmation", REST[:20])]


def test_new_photos_do_not_wash_away_what_the_machine_failed() -> None:
    unit = REST[0]
    again = [*all_passed(), machine(unit, Verdict.FAIL, inspection="2"), machine(unit, inspection="3")]

    def missing(*decided: Disposition) -> dict[str, tuple[str, ...]]:
        needs = decide_lot(LOT, verdicts=again, dispositions=[*sample_seen(), *decided]).missing
        return {need.code: need.units for need in needs}

    assert missing() == {"confirmation": (unit,)}
    assert missing(person(unit, inspection="first")) == {
        "confirmation": (unit,)
    }  # it was made before the failure
    assert missing(person(unit, inspection="2")) == missing(person(unit, inspection="3")) == {}


def test_a_critical_unit_outside_the_sample_refuses_the_lot_and_a_major_one_does_not() -> None:
    outside = REST[0]
    assert verdict_of([*sample_seen(), person(outside, CRITICAL)]) == "rejected"
    assert verdict_of([*sample_seen(), *(person(unit, MAJOR) for unit in REST[:20])]) == "accepted"


def test_a_unit_counts_once_at_its_worst_class_over_all_inspections() -> None:
    unit = SAMPLE[0]
    dispositions = [*sample_seen(), person(unit, MAJOR, inspection="second", hour=1), person(unit, MINOR)]
    by_class = {
        c.plan.severity: c for c in decide_lot(LOT, verdicts=all_passed(), dispositions=dispositions).classes
    }
    assert by_class[MAJOR].nonconforming == (unit,)
    assert by_class[MINOR].nonconforming == ()


def test_mending_a_unit_does_not_undo_that_it_was_found() -> None:
    mended = [person(SAMPLE[n], inspection="after rework", hour=5) for n in range(3)]
    assert verdict_of([*sample_seen(at0=MAJOR, at1=MAJOR, at2=MAJOR), *mended]) == "rejected"


def test_a_later_decision_on_the_same_inspection_corrects_the_earlier() -> None:
    wrongly = sample_seen(at0=MAJOR, at1=MAJOR, at2=MAJOR)
    assert verdict_of([*wrongly, person(SAMPLE[0], None, hour=1)]) == "accepted"


def test_a_refusal_is_certain_before_everybody_has_looked_and_acceptance_is_not() -> None:
    early = [person(unit, MAJOR) for unit in SAMPLE[:3]]
    assert verdict_of(early) == "rejected"
    assert verdict_of(sample_seen()[:-1]) == "open"


def test_an_open_lot_says_what_is_missing_and_on_which_units() -> None:
    verdicts = [machine(unit) for unit in UNITS if unit not in (REST[0], REST[1], SAMPLE[0])]
    verdicts += [machine(REST[1], Verdict.RETAKE), machine(SAMPLE[0], Verdict.REVIEW)]
    undecided = person(SAMPLE[0], action=Action.REINSPECT)
    decision = decide_lot(LOT, verdicts=verdicts, dispositions=[*sample_seen()[2:], undecided])
    assert {need.code: need.units for need in decision.missing} == {
        "photos": (REST[0],),
        "retake": (REST[1],),
        "confirmation": (SAMPLE[0],),
        "sample": (SAMPLE[1],),
    }
    assert all(need.message.id and need.message.en for need in decision.missing)


def test_each_class_is_judged_on_the_first_n_of_the_sample() -> None:
    """A lot of 40: major n 5 Ac 0, minor n 13 Ac 1."""
    lot = make_lot(UNITS[:40])
    assert len(lot.sample) == 13
    verdicts = [machine(unit) for unit in lot.units]

    def decided(major_at: int) -> str:
        seen = [person(unit, MAJOR if n == major_at else None) for n, unit in enumerate(lot.sample)]
        return decide_lot(lot, verdicts=verdicts, dispositions=seen).verdict

    assert decided(4) == "rejected"
    assert decided(5) == "accepted"


def test_facts_of_other_units_are_left_aside() -> None:
    strangers = [person(f"OTHER-{n}", CRITICAL) for n in range(9)]
    assert verdict_of([*sample_seen(), *strangers]) == "accepted"


def test_a_plan_for_another_number_of_units_is_refused() -> None:
    with pytest.raises(SamplingError, match="200"):
        form_lot(
            id="LOT-2",
            group="kalisalak",
            spec=LOT.spec,
            units=UNITS[:10],
            plan=LOT.plan,
            seed="6f1c",
            formed_at=NOON,
        )


def test_a_decided_lot_tells_the_switching_rules_and_one_that_came_back_does_not_count() -> None:
    dispositions = sample_seen(at0=MAJOR, at1=MINOR)
    decision = decide_lot(LOT, verdicts=all_passed(), dispositions=dispositions)
    told = switching_events(LOT, decision)
    assert {severity: (e.accepted, e.score_step, e.original) for severity, e in told.items()} == {
        MAJOR: (True, 3, True),
        MINOR: (True, 3, True),
    }
    back = make_lot(resubmits="LOT-0")
    assert not any(e.original for e in switching_events(back, decision).values())


def test_an_open_lot_tells_the_switching_rules_nothing_though_a_class_is_decided() -> None:
    unseen = [verdict for verdict in all_passed() if verdict.item_ref != REST[0]]
    decision = decide_lot(LOT, verdicts=unseen, dispositions=sample_seen())
    by_class = {of_class.plan.severity: of_class.verdict for of_class in decision.classes}
    assert by_class == {CRITICAL: "open", MAJOR: "accepted", MINOR: "accepted"}
    assert switching_events(LOT, decision) == {}


@settings(max_examples=60)
@given(found=st.lists(st.sampled_from([None, MINOR, MAJOR, CRITICAL]), min_size=32, max_size=32))
def test_the_verdict_is_that_of_counting_by_hand(found: list[Severity | None]) -> None:
    dispositions = [person(unit, severity) for unit, severity in zip(SAMPLE, found, strict=True)]
    bad = found.count(CRITICAL) > 0 or found.count(MAJOR) > 2 or found.count(MINOR) > 3
    assert verdict_of(dispositions) == ("rejected" if bad else "accepted")


@settings(max_examples=30)
@given(order=st.permutations(sample_seen(at0=MAJOR, at5=MINOR, at9=MAJOR)))
def test_the_order_in_which_people_decide_does_not_matter(order: list[Disposition]) -> None:
    expected = decide_lot(
        LOT, verdicts=all_passed(), dispositions=sample_seen(at0=MAJOR, at5=MINOR, at9=MAJOR)
    )
    assert decide_lot(LOT, verdicts=all_passed(), dispositions=order) == expected
