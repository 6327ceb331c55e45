"""A person's decision: what may follow which verdict, by whom, and with what reason."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from qc_vision.decision import Verdict
from qc_vision.disposition import (
    Action,
    Disposition,
    ItemVerdict,
    Outcome,
    dispose,
    in_force,
    undecided_failures,
    worst_severity,
)
from qc_vision.errors import DispositionError
from qc_vision.severity import Severity
from tests.qc_vision.records import make_finding, make_record

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
CRITICAL, MAJOR, MINOR = Severity.CRITICAL, Severity.MAJOR, Severity.MINOR


def seen(verdict: str, photographer: str | None = "siti") -> ItemVerdict:
    return ItemVerdict(
        inspection_id="I1", item_ref="A-1", verdict=Verdict(verdict), photographer=photographer
    )


def decide(
    verdict: str,
    action: str,
    severity: Severity | None = None,
    reason: str | None = None,
    *,
    photographer: str | None = "siti",
    by: str = "budi",
    two_persons: bool = True,
) -> Disposition:
    return dispose(
        seen(verdict, photographer),
        id="D1",
        action=Action(action),
        severity=severity,
        reason=reason,
        by=by,
        at=NOON,
        two_persons=two_persons,
    )


@pytest.mark.parametrize(
    ("verdict", "action", "severity", "reason", "outcome"),
    [
        ("pass", "confirm", None, None, "accepted"),
        ("pass", "confirm", MINOR, None, "accepted"),
        ("fail", "confirm", MAJOR, None, "refused"),
        ("fail", "confirm", CRITICAL, None, "refused"),
        ("fail", "confirm", MINOR, None, "refused"),  # more minor ones than the spec allows
        ("review", "confirm", MAJOR, None, "refused"),
        ("fail", "overrule", None, "bayangan", "accepted"),
        ("fail", "overrule", MINOR, "hanya serabut", "accepted"),
        ("review", "overrule", None, "tidak ada lubang", "accepted"),
        ("pass", "overrule", CRITICAL, "kawat menonjol", "refused"),
        ("fail", "rework", MAJOR, None, "rework"),
        ("pass", "rework", MINOR, None, "rework"),
        ("retake", "rework", MAJOR, None, "rework"),
        ("review", "reinspect", None, None, "open"),
        ("retake", "reinspect", None, None, "open"),
    ],
)
def test_what_a_decision_leads_to(
    verdict: str, action: str, severity: Severity | None, reason: str | None, outcome: Outcome
) -> None:
    made = decide(verdict, action, severity, reason)
    assert (made.outcome, made.severity, made.reason) == (outcome, severity, reason)
    assert (made.inspection_id, made.item_ref, made.by, made.at) == ("I1", "A-1", "budi", NOON)


@pytest.mark.parametrize(
    ("verdict", "action", "severity", "reason", "said"),
    [
        ("fail", "overrule", None, None, "without a reason"),
        ("fail", "overrule", None, "  ", "without a reason"),
        ("fail", "overrule", MAJOR, "x", "at most a minor"),
        ("pass", "confirm", MAJOR, None, "at most a minor"),
        ("fail", "confirm", None, None, "not chosen"),
        ("review", "confirm", None, None, "not chosen"),
        ("pass", "overrule", None, "x", "not chosen"),
        ("fail", "confirm", Severity.INFO, None, "not chosen"),
        ("fail", "rework", None, None, "not chosen"),
        ("fail", "reinspect", MAJOR, None, "undecided"),
        ("retake", "confirm", MAJOR, None, "could not be graded"),
        ("retake", "overrule", None, "x", "could not be graded"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_rule(
    verdict: str, action: str, severity: Severity | None, reason: str | None, said: str
) -> None:
    with pytest.raises(DispositionError, match=said) as refused:
        decide(verdict, action, severity, reason)
    assert refused.value.message.id != refused.value.message.en


@pytest.mark.parametrize("photographer", ["budi", None])
def test_where_two_persons_are_asked_for_the_second_must_be_known_to_be_another(
    photographer: str | None,
) -> None:
    with pytest.raises(DispositionError, match="another person"):
        decide("pass", "confirm", photographer=photographer, by="budi")
    assert decide("pass", "confirm", photographer=photographer, by="budi", two_persons=False)


def test_the_latest_decision_on_an_inspection_is_in_force() -> None:
    def at(hours: int, id: str, inspection: str = "I1") -> Disposition:
        return Disposition(
            id=id,
            inspection_id=inspection,
            item_ref="A-1",
            action=Action.CONFIRM,
            outcome="accepted",
            severity=None,
            reason=None,
            by="budi",
            at=NOON + timedelta(hours=hours),
        )

    decisions = [at(2, "second"), at(1, "first"), at(9, "other", "I2"), at(2, "second again")]
    found = in_force(decisions, "I1")
    assert found is not None
    assert found.id == "second again"
    assert in_force(decisions, "I3") is None


def test_the_worst_severity_passes_over_what_is_only_information() -> None:
    info, minor, major = make_finding(Severity.INFO), make_finding(MINOR), make_finding(MAJOR)
    assert worst_severity([make_record(info, minor), make_record(major), make_record()]) is MAJOR
    assert worst_severity([make_record(info)]) is None
    assert worst_severity([]) is None


@pytest.mark.parametrize(
    ("verdicts", "decided", "waiting"),
    [
        ("fail", "", "0"),
        ("fail pass", "", "0"),  # new photos settle nothing
        ("fail fail pass", "", "0 1"),
        ("fail pass", "0", ""),
        ("fail pass", "1", ""),  # whoever decided on the later photos could see the earlier
        ("pass fail", "0", "1"),  # and not what came after
        ("fail pass fail", "1", "2"),
        ("review retake pass", "", ""),
    ],
)
def test_a_failure_waits_until_a_person_has_decided_on_it_or_on_what_came_after(
    verdicts: str, decided: str, waiting: str
) -> None:
    graded = [
        ItemVerdict(inspection_id=str(n), item_ref="A", verdict=Verdict(v))
        for n, v in enumerate(verdicts.split())
    ]
    dispositions = [
        replace(decide("fail", "overrule", reason="bayangan"), inspection_id=id) for id in decided.split()
    ]

    assert undecided_failures(graded, dispositions) == tuple(waiting.split())
