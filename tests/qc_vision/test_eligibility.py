"""Export eligibility: a table of cases, and that what nobody entered is never met."""

import pytest

from qc_vision.decision import Verdict
from qc_vision.eligibility import PhotoVerdict, Rule, judge_eligibility, weigh_rules
from qc_vision.message import Message
from qc_vision.spec import load_spec

PASS, FAIL, REVIEW, RETAKE = Verdict.PASS, Verdict.FAIL, Verdict.REVIEW, Verdict.RETAKE
PHOTO_RULES = ("every_photo_passes", "no_open_review", "no_retake_pending")


def photos(*verdicts: Verdict) -> list[PhotoVerdict]:
    return [PhotoVerdict(record_id=f"r{n}", verdict=verdict) for n, verdict in enumerate(verdicts)]


@pytest.mark.parametrize(
    ("verdicts", "eligibility", "statuses"),
    [
        ([], "on_hold", ("missing", "holds", "holds")),
        ([PASS], "on_hold", ("holds", "holds", "holds")),
        ([PASS, PASS], "on_hold", ("holds", "holds", "holds")),
        ([PASS, REVIEW], "on_hold", ("missing", "missing", "holds")),
        ([RETAKE], "on_hold", ("missing", "holds", "missing")),
        ([REVIEW, RETAKE], "on_hold", ("missing", "missing", "missing")),
        ([FAIL], "not_eligible", ("fails", "holds", "holds")),
        ([PASS, FAIL], "not_eligible", ("fails", "holds", "holds")),
        ([FAIL, REVIEW, RETAKE], "not_eligible", ("fails", "missing", "missing")),
    ],
)
def test_photo_rules(verdicts: list[Verdict], eligibility: str, statuses: tuple[str, ...]) -> None:
    answer = judge_eligibility(photos(*verdicts), load_spec("default"))
    assert answer.eligibility == eligibility
    assert tuple(rule.status for rule in answer.rules if rule.code in PHOTO_RULES) == statuses


def test_a_rule_names_the_records_that_show_it() -> None:
    answer = judge_eligibility(photos(PASS, FAIL, REVIEW, RETAKE, FAIL), load_spec("default"))
    evidence = {rule.code: rule.evidence for rule in answer.rules}
    assert evidence["every_photo_passes"] == ("r1", "r4")
    assert evidence["no_open_review"] == ("r2",)
    assert evidence["no_retake_pending"] == ("r3",)


def test_a_failure_by_the_machine_is_provisional_until_a_person_confirms_it() -> None:
    (rule, *_) = judge_eligibility(photos(FAIL), load_spec("default")).rules
    assert "sementara" in rule.message.id
    assert "provisional" in rule.message.en


def test_each_human_check_the_lot_and_the_documents_are_missing_never_met() -> None:
    spec = load_spec("mendong")
    answer = judge_eligibility(photos(PASS), spec)
    others = {rule.code: rule.status for rule in answer.rules if rule.code not in PHOTO_RULES}
    expected = {f"human_check_{check.code}" for check in spec.human_checks}
    expected |= {"lot_accepted", "document_lacey_declaration", "document_treatment"}
    assert set(others) == expected
    assert set(others.values()) == {"missing"}


def rule(status: str) -> Rule:
    return Rule(code="any", status=status, message=Message(id="x", en="x"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("statuses", "eligibility"),
    [
        (["holds", "holds"], "eligible"),
        (["holds", "missing"], "on_hold"),
        (["missing", "fails", "holds"], "not_eligible"),
        ([], "on_hold"),
    ],
)
def test_eligible_only_where_every_rule_holds(statuses: list[str], eligibility: str) -> None:
    assert weigh_rules(tuple(map(rule, statuses))).eligibility == eligibility
