"""Export eligibility: one sound set of facts, and a table of what each change to it does."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from qc_vision.decision import Verdict
from qc_vision.disposition import Action, Disposition, ItemVerdict, ReviewRequest, dispose
from qc_vision.document import LaceyDeclaration, PlantEntry, TreatmentCertificate
from qc_vision.eligibility import Eligibility, ItemFacts, PhotoVerdict, judge_eligibility, weigh_rules
from qc_vision.human_check import CheckReading
from qc_vision.lot import LotDecision, LotVerdict, Need
from qc_vision.message import Message
from qc_vision.record import SpecRef
from qc_vision.rule import Rule, RuleStatus
from qc_vision.severity import Severity
from qc_vision.spec import RequiredDocument, load_spec, shipped_specs

NOW = datetime(2026, 5, 10, 12, tzinfo=UTC)
SPEC = load_spec("hyacinth_bin")
PASS, FAIL, REVIEW, RETAKE = Verdict.PASS, Verdict.FAIL, Verdict.REVIEW, Verdict.RETAKE


def days(count: float) -> datetime:
    """So many days before the question is asked."""
    return NOW - timedelta(days=count)


def photos(
    *verdicts: Verdict, model: str = "2026.5", spec: str = "hyacinth_bin", revision: int = SPEC.revision
) -> tuple[PhotoVerdict, ...]:
    judged_by = SpecRef(id=spec, revision=revision)
    return tuple(
        PhotoVerdict(record_id=f"r{n}", verdict=v, model=model, spec=judged_by)
        for n, v in enumerate(verdicts)
    )


def reading(code: str, at: datetime, **said: Any) -> CheckReading:
    return CheckReading(id=f"check-{code}", code=code, at=at, by="budi", **said)


def checks(**moisture: Any) -> tuple[CheckReading, ...]:
    measured = reading("moisture", days(2), **(moisture or {"value": 11.5}))
    return (
        measured,
        *(reading(c.code, days(30), holds=True) for c in SPEC.human_checks if c.code != "moisture"),
    )


def decision(
    action: Action,
    *,
    of: Verdict = FAIL,
    severity: Severity | None = None,
    by: str = "budi",
    inspection: str = "I1",
    id: str = "D1",
) -> Disposition:
    seen = ItemVerdict(inspection_id=inspection, item_ref="A-1", verdict=of)
    return dispose(
        seen, id=id, action=action, severity=severity, reason="bayangan", by=by, at=days(1), two_persons=False
    )


OVERRULED = decision(Action.OVERRULE)
CONFIRMED = decision(Action.CONFIRM, severity=Severity.MAJOR)
REWORK = decision(Action.REWORK, severity=Severity.MAJOR)
REINSPECT = decision(Action.REINSPECT)

HYACINTH = PlantEntry(
    part="eceng_gondok", genus="Pontederia", species="crassipes", country_of_harvest="ID", weight_kg=0.8
)
LACEY = LaceyDeclaration(
    id="lacey", at=days(3), by="ooa", plants=(HYACINTH,), value=Decimal("2.40"), currency="USD"
)
TREATMENT = TreatmentCertificate(
    id="treated",
    at=days(3),
    by="ooa",
    treatment="phosphine",
    certificate_number="FUM-0042",
    treated_on=date(2026, 5, 6),
)


def lot(verdict: LotVerdict) -> LotDecision:
    need = Need(code="sample", message=Message(id="x", en="x"), units=("A-1", "A-2"))
    return LotDecision(
        lot_id="LOT-1", verdict=verdict, classes=(), missing=(need,) if verdict == "open" else ()
    )


SOUND = ItemFacts(
    photos=photos(PASS, PASS),
    inspection_id="I1",
    photographer="siti",
    checks=checks(),
    lot=lot("accepted"),
    documents=(LACEY, TREATMENT),
)


def judge(facts: ItemFacts, spec_name: str = "hyacinth_bin") -> Eligibility:
    return judge_eligibility(facts, load_spec(spec_name), now=NOW)


def statuses(answer: Eligibility) -> dict[str, RuleStatus]:
    return {rule.code: rule.status for rule in answer.rules}


def test_an_item_with_everything_in_order_is_eligible_until_the_moisture_reading_is_too_old() -> None:
    answer = judge(SOUND)
    assert set(statuses(answer).values()) == {"holds"}
    assert answer.eligibility == "eligible"
    assert answer.valid_until == days(2) + timedelta(days=7)


def lacey(**changes: Any) -> tuple[Any, ...]:
    return (replace(LACEY, **changes), TREATMENT)


def plant(**changes: Any) -> tuple[Any, ...]:
    return lacey(plants=(replace(HYACINTH, **changes),))


def treated(**changes: Any) -> tuple[Any, ...]:
    return (LACEY, replace(TREATMENT, **changes))


def without(code: str) -> tuple[CheckReading, ...]:
    return tuple(check for check in checks() if check.code != code)


ON_HOLD, NOT_ELIGIBLE, ELIGIBLE = "on_hold", "not_eligible", "eligible"
Case = tuple[str, dict[str, Any], str, dict[str, RuleStatus]]
YES_OR_NO = ("smell", "sharp", "insects", "mould_inside", "handle_pull", "size_weight")


def refused(code: str) -> Case:
    facts = {"checks": (*without(code), reading(code, days(1), holds=False))}
    return f"{code} refused", facts, NOT_ELIGIBLE, {f"human_check_{code}": "fails"}


def not_checked(code: str) -> Case:
    return f"{code} not checked", {"checks": without(code)}, ON_HOLD, {f"human_check_{code}": "missing"}


CASES: list[Case] = [
    # what the machine says of the photos
    ("no photo", {"photos": ()}, ON_HOLD, {"every_photo_passes": "missing"}),
    ("fail", {"photos": photos(PASS, FAIL)}, NOT_ELIGIBLE, {"every_photo_passes": "fails"}),
    (
        "review",
        {"photos": photos(PASS, REVIEW)},
        ON_HOLD,
        {"every_photo_passes": "missing", "no_open_review": "missing"},
    ),
    (
        "retake",
        {"photos": photos(PASS, RETAKE)},
        ON_HOLD,
        {"every_photo_passes": "missing", "no_retake_pending": "missing"},
    ),
    # what a person decides on them
    ("fail overruled", {"photos": photos(FAIL), "dispositions": (OVERRULED,)}, ELIGIBLE, {}),
    ("review overruled", {"photos": photos(REVIEW), "dispositions": (OVERRULED,)}, ELIGIBLE, {}),
    (
        "fail confirmed",
        {"photos": photos(FAIL), "dispositions": (CONFIRMED,)},
        NOT_ELIGIBLE,
        {"every_photo_passes": "fails"},
    ),
    (
        "pass overruled by a person",
        {"dispositions": (decision(Action.OVERRULE, of=PASS, severity=Severity.MAJOR),)},
        NOT_ELIGIBLE,
        {"every_photo_passes": "fails"},
    ),
    ("sent to rework", {"dispositions": (REWORK,)}, NOT_ELIGIBLE, {"every_photo_passes": "fails"}),
    ("to be inspected again", {"dispositions": (REINSPECT,)}, ON_HOLD, {"every_photo_passes": "missing"}),
    (
        "a decision on an earlier inspection does not carry over",
        {"photos": photos(FAIL), "dispositions": (decision(Action.OVERRULE, inspection="I0"),)},
        NOT_ELIGIBLE,
        {"every_photo_passes": "fails"},
    ),
    (
        "refused before, mended and inspected again",
        {"dispositions": (decision(Action.CONFIRM, severity=Severity.MAJOR, inspection="I0"),)},
        ELIGIBLE,
        {},
    ),
    (
        "a retake is not decided away",
        {"photos": photos(FAIL, RETAKE), "dispositions": (OVERRULED,)},
        ON_HOLD,
        {"no_retake_pending": "missing"},
    ),
    (
        "decided, but nothing was photographed",
        {"photos": (), "dispositions": (OVERRULED,)},
        ON_HOLD,
        {"every_photo_passes": "missing"},
    ),
    # two persons
    (
        "the photographer decided",
        {"photos": photos(FAIL), "dispositions": (decision(Action.OVERRULE, by="siti"),)},
        NOT_ELIGIBLE,
        {"every_photo_passes": "fails", "two_persons": "missing"},
    ),
    (
        "nobody knows who took the photos",
        {"photographer": None, "dispositions": (decision(Action.CONFIRM, of=PASS),)},
        ON_HOLD,
        {"two_persons": "missing"},
    ),
    # the maker's request
    (
        "a request is open",
        {"review_requests": (ReviewRequest(id="q", item_ref="A-1", at=days(1)),)},
        ON_HOLD,
        {"no_open_request": "missing"},
    ),
    (
        "a request is answered by a later decision",
        {
            "review_requests": (ReviewRequest(id="q", item_ref="A-1", at=days(2)),),
            "dispositions": (decision(Action.CONFIRM, of=PASS),),
        },
        ELIGIBLE,
        {},
    ),
    (
        "a request after the decision is open again",
        {
            "review_requests": (ReviewRequest(id="q", item_ref="A-1", at=days(0.5)),),
            "dispositions": (decision(Action.CONFIRM, of=PASS),),
        },
        ON_HOLD,
        {"no_open_request": "missing"},
    ),
    (
        "asking for new photos is no answer",
        {
            "review_requests": (ReviewRequest(id="q", item_ref="A-1", at=days(2)),),
            "dispositions": (REINSPECT,),
        },
        ON_HOLD,
        {"no_open_request": "missing", "every_photo_passes": "missing"},
    ),
    (
        "a request at the moment of the decision is answered by it",
        {
            "review_requests": (ReviewRequest(id="q", item_ref="A-1", at=days(1)),),
            "dispositions": (decision(Action.CONFIRM, of=PASS),),
        },
        ELIGIBLE,
        {},
    ),
    (
        "the request is superseded",
        {
            "review_requests": (ReviewRequest(id="q", item_ref="A-1", at=days(1)),),
            "superseded": frozenset({"q"}),
        },
        ELIGIBLE,
        {},
    ),
    # the spec and the model
    (
        "judged by another spec",
        {"photos": photos(PASS, spec="default")},
        ON_HOLD,
        {"judged_by_spec": "missing"},
    ),
    (
        "judged by an older revision",
        {"photos": photos(PASS, revision=1)},
        ON_HOLD,
        {"judged_by_spec": "missing"},
    ),
    (
        "judged by a spec that nobody noted",
        {"photos": (PhotoVerdict(record_id="r0", verdict=PASS),)},
        ON_HOLD,
        {"judged_by_spec": "missing"},
    ),
    (
        "judged by another spec, but a person has decided",
        {"photos": photos(PASS, spec="default"), "dispositions": (decision(Action.CONFIRM, of=PASS),)},
        ELIGIBLE,
        {},
    ),
    (
        "graded by a withdrawn model",
        {"withdrawn_models": frozenset({"2026.5"})},
        ON_HOLD,
        {"model_not_withdrawn": "missing"},
    ),
    ("another model is withdrawn", {"withdrawn_models": frozenset({"2026.4"})}, ELIGIBLE, {}),
    (
        "withdrawn, but a person has decided",
        {"withdrawn_models": frozenset({"2026.5"}), "dispositions": (decision(Action.CONFIRM, of=PASS),)},
        ELIGIBLE,
        {},
    ),
    # human checks
    ("no moisture reading", {"checks": without("moisture")}, ON_HOLD, {"human_check_moisture": "missing"}),
    ("moisture at the limit", {"checks": checks(value=12.0)}, ELIGIBLE, {}),
    ("moisture a little high", {"checks": checks(value=12.1)}, ON_HOLD, {"human_check_moisture": "missing"}),
    (
        "moisture at the upper limit",
        {"checks": checks(value=15.0)},
        ON_HOLD,
        {"human_check_moisture": "missing"},
    ),
    ("too wet", {"checks": checks(value=15.1)}, NOT_ELIGIBLE, {"human_check_moisture": "fails"}),
    (
        "moisture without a value",
        {"checks": checks(holds=True)},
        ON_HOLD,
        {"human_check_moisture": "missing"},
    ),
    (
        "a value that is no number",
        {"checks": checks(value=float("nan"))},
        ON_HOLD,
        {"human_check_moisture": "missing"},
    ),
    (
        "moisture exactly seven days old",
        {"checks": (*without("moisture"), reading("moisture", days(7), value=11.0))},
        ELIGIBLE,
        {},
    ),
    (
        "moisture over seven days old",
        {"checks": (*without("moisture"), reading("moisture", days(7.01), value=11.0))},
        ON_HOLD,
        {"human_check_moisture": "missing"},
    ),
    (
        "moisture dated tomorrow",
        {"checks": (*without("moisture"), reading("moisture", days(-1), value=11.0))},
        ON_HOLD,
        {"human_check_moisture": "missing"},
    ),
    (
        "wet at first, dry later",
        {"checks": (*checks(), reading("moisture", days(4), value=18.0))},
        ELIGIBLE,
        {},
    ),
    (
        "dry at first, wet later",
        {"checks": (*checks(), reading("moisture", days(1), value=18.0))},
        NOT_ELIGIBLE,
        {"human_check_moisture": "fails"},
    ),
    *(refused(code) for code in YES_OR_NO),
    *(not_checked(code) for code in YES_OR_NO),
    (
        "smell entered without an answer",
        {"checks": (*without("smell"), reading("smell", days(1)))},
        ON_HOLD,
        {"human_check_smell": "missing"},
    ),
    # the lot
    ("no lot", {"lot": None}, ON_HOLD, {"lot_accepted": "missing"}),
    ("lot open", {"lot": lot("open")}, ON_HOLD, {"lot_accepted": "missing"}),
    ("lot refused", {"lot": lot("rejected")}, NOT_ELIGIBLE, {"lot_accepted": "fails"}),
    # the plant declaration
    ("no declaration", {"documents": (TREATMENT,)}, ON_HOLD, {"document_lacey_declaration": "missing"}),
    ("older botanical name", {"documents": plant(genus="Eichhornia")}, ELIGIBLE, {}),
    ("no genus", {"documents": plant(genus=None)}, ON_HOLD, {"document_lacey_declaration": "missing"}),
    ("no species", {"documents": plant(species="spp.")}, ON_HOLD, {"document_lacey_declaration": "missing"}),
    (
        "another plant's name",
        {"documents": plant(genus="Musa", species="acuminata")},
        NOT_ELIGIBLE,
        {"document_lacey_declaration": "fails"},
    ),
    (
        "no country",
        {"documents": plant(country_of_harvest=None)},
        ON_HOLD,
        {"document_lacey_declaration": "missing"},
    ),
    (
        "country in words",
        {"documents": plant(country_of_harvest="Indonesia")},
        NOT_ELIGIBLE,
        {"document_lacey_declaration": "fails"},
    ),
    ("no weight", {"documents": plant(weight_kg=None)}, ON_HOLD, {"document_lacey_declaration": "missing"}),
    (
        "weight nothing",
        {"documents": plant(weight_kg=0.0)},
        NOT_ELIGIBLE,
        {"document_lacey_declaration": "fails"},
    ),
    ("no value", {"documents": lacey(value=None)}, ON_HOLD, {"document_lacey_declaration": "missing"}),
    ("no currency", {"documents": lacey(currency=None)}, ON_HOLD, {"document_lacey_declaration": "missing"}),
    ("no plants", {"documents": lacey(plants=())}, ON_HOLD, {"document_lacey_declaration": "missing"}),
    (
        "a second material is not declared",
        {"materials": ("eceng_gondok", "mendong")},
        ON_HOLD,
        {"document_lacey_declaration": "missing"},
    ),
    (
        "declared tomorrow",
        {"documents": lacey(at=days(-1))},
        ON_HOLD,
        {"document_lacey_declaration": "missing"},
    ),
    (
        "value nothing",
        {"documents": lacey(value=Decimal(0))},
        NOT_ELIGIBLE,
        {"document_lacey_declaration": "fails"},
    ),
    (
        "a wrong declaration before the right one",
        {"documents": (*lacey(), replace(LACEY, at=days(5), value=None))},
        ELIGIBLE,
        {},
    ),
    (
        "an emptier declaration after the right one",
        {"documents": (*lacey(), replace(LACEY, at=days(1), value=None))},
        ON_HOLD,
        {"document_lacey_declaration": "missing"},
    ),
    # treatment
    (
        "an expired treatment before the valid one",
        {
            "documents": (
                *treated(),
                replace(TREATMENT, treated_on=date(2026, 4, 1), valid_until=date(2026, 4, 9)),
            )
        },
        ELIGIBLE,
        {},
    ),
    ("no treatment", {"documents": (LACEY,)}, ON_HOLD, {"document_treatment": "missing"}),
    ("no number", {"documents": treated(certificate_number=" ")}, ON_HOLD, {"document_treatment": "missing"}),
    ("valid through today", {"documents": treated(valid_until=date(2026, 5, 10))}, ELIGIBLE, {}),
    (
        "valid until yesterday",
        {"documents": treated(valid_until=date(2026, 5, 9))},
        ON_HOLD,
        {"document_treatment": "missing"},
    ),
    (
        "treated tomorrow",
        {"documents": treated(treated_on=date(2026, 5, 11))},
        ON_HOLD,
        {"document_treatment": "missing"},
    ),
    # superseded records count for nothing
    (
        "the failed photo is superseded",
        {"photos": photos(PASS, FAIL), "superseded": frozenset({"r1"})},
        ELIGIBLE,
        {},
    ),
    (
        "all photos are superseded",
        {"superseded": frozenset({"r0", "r1"})},
        ON_HOLD,
        {"every_photo_passes": "missing"},
    ),
    (
        "the machine failed earlier photos and nobody decided",
        {"undecided_failures": ("I0",)},
        ON_HOLD,
        {"no_open_review": "missing"},
    ),
    (
        "the machine failed the latest photos, and a person overruled it",
        {"photos": photos(FAIL), "dispositions": (OVERRULED,), "undecided_failures": ("I1",)},
        ELIGIBLE,
        {},
    ),
    (
        "the overrule is superseded",
        {"photos": photos(FAIL), "dispositions": (OVERRULED,), "superseded": frozenset({"D1"})},
        NOT_ELIGIBLE,
        {"every_photo_passes": "fails"},
    ),
    (
        "the reading is superseded",
        {"superseded": frozenset({"check-moisture"})},
        ON_HOLD,
        {"human_check_moisture": "missing"},
    ),
    (
        "the declaration is superseded",
        {"superseded": frozenset({"lacey"})},
        ON_HOLD,
        {"document_lacey_declaration": "missing"},
    ),
]


@pytest.mark.parametrize(
    ("facts", "eligibility", "changed"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_each_change_to_sound_facts_changes_these_rules_alone(
    facts: dict[str, Any], eligibility: str, changed: dict[str, RuleStatus]
) -> None:
    answer = judge(replace(SOUND, **facts))
    assert answer.eligibility == eligibility
    assert {code: status for code, status in statuses(answer).items() if status != "holds"} == changed
    assert all(rule.message.id and rule.message.en for rule in answer.rules)
    assert all(rule.valid_until is None for rule in answer.rules if rule.status != "holds")


def test_a_rule_names_the_records_that_show_it() -> None:
    answer = judge(replace(SOUND, photos=photos(PASS, FAIL, REVIEW, RETAKE, FAIL)))
    evidence = {rule.code: rule.evidence for rule in answer.rules}
    assert evidence["every_photo_passes"] == ("r1", "r4")
    assert evidence["no_open_review"] == ("r2",)
    assert evidence["no_retake_pending"] == ("r3",)
    assert evidence["human_check_moisture"] == ("check-moisture",)
    assert evidence["lot_accepted"] == ("LOT-1",)
    assert evidence["document_treatment"] == ("treated",)


def test_a_failure_by_the_machine_is_provisional_until_a_person_confirms_it() -> None:
    (rule, *_) = judge(replace(SOUND, photos=photos(FAIL))).rules
    assert "sementara" in rule.message.id
    assert "provisional" in rule.message.en


@pytest.mark.parametrize(("name", "wanted"), [("mendong", "mendong"), ("default", None)])
def test_what_nobody_entered_is_missing_never_met(name: str, wanted: str | None) -> None:
    passed = photos(PASS, spec=name, revision=load_spec(name).revision)
    answer = judge(ItemFacts(photos=passed, inspection_id="I1"), name)
    expected = {f"human_check_{check.code}" for check in load_spec(name).human_checks}
    expected |= {"lot_accepted", "document_lacey_declaration", "document_treatment"}
    assert {code for code, status in statuses(answer).items() if status == "missing"} == expected
    assert answer.eligibility == "on_hold"


def test_a_wet_reading_is_told_with_its_value_and_limits_in_both_languages() -> None:
    rules = {rule.code: rule for rule in judge(replace(SOUND, checks=checks(value=13.5))).rules}
    message = rules["human_check_moisture"].message
    assert "13,5 %" in message.id
    assert "13.5 %" in message.en
    assert "15" in message.en


def test_a_declaration_tells_all_that_it_lacks_at_once() -> None:
    rules = {rule.code: rule for rule in judge(replace(SOUND, documents=lacey(plants=(), value=None))).rules}
    message = rules["document_lacey_declaration"].message.en
    for lacking in ("genus and species", "country of harvest", "weight in kg", "value of the goods"):
        assert lacking in message


@pytest.mark.parametrize("swapped", [False, True])
def test_of_two_species_of_one_part_each_is_declared_in_full(swapped: bool) -> None:
    rattan = replace(SPEC, frame="rattan")
    manan = PlantEntry(part="frame", genus="Calamus", species="manan", country_of_harvest="ID", weight_kg=0.2)
    other = replace(manan, species="caesius", weight_kg=None)
    plants = (HYACINTH, other, manan) if swapped else (HYACINTH, manan, other)
    lacking = judge_eligibility(replace(SOUND, documents=lacey(plants=plants)), rattan, now=NOW)
    (rule,) = [rule for rule in lacking.rules if rule.code == "document_lacey_declaration"]
    assert rule.status == "missing"
    assert "frame: weight in kg" in rule.message.en
    whole = lacey(plants=(HYACINTH, manan, replace(other, weight_kg=0.1)))
    assert statuses(judge_eligibility(replace(SOUND, documents=whole), rattan, now=NOW))[rule.code] == "holds"


def test_a_spec_for_any_material_needs_to_be_told_what_the_item_is_of() -> None:
    facts = replace(SOUND, checks=checks())
    assert statuses(judge(facts, "default"))["document_lacey_declaration"] == "missing"
    told = replace(facts, materials=("eceng_gondok",))
    assert statuses(judge(told, "default"))["document_lacey_declaration"] == "holds"


def test_a_frame_that_is_a_plant_must_be_declared_as_well() -> None:
    rattan = replace(SPEC, frame="rattan")
    frame = PlantEntry(part="frame", genus="Calamus", species="manan", country_of_harvest="ID", weight_kg=0.2)
    alone = judge_eligibility(SOUND, rattan, now=NOW)
    both = judge_eligibility(replace(SOUND, documents=lacey(plants=(HYACINTH, frame))), rattan, now=NOW)
    assert statuses(alone)["document_lacey_declaration"] == "missing"
    assert statuses(both)["document_lacey_declaration"] == "holds"


def test_a_spec_may_let_papers_age() -> None:
    aging = replace(SPEC, documents=(RequiredDocument(code="treatment", valid_days=5.0),))
    answer = judge_eligibility(SOUND, aging, now=NOW)
    assert answer.valid_until == datetime(2026, 5, 11, tzinfo=UTC)  # five days after the sixth
    later = judge_eligibility(SOUND, aging, now=datetime(2026, 5, 11, tzinfo=UTC))
    assert statuses(later)["document_treatment"] == "missing"
    assert "document_lacey_declaration" not in statuses(later)


def test_a_declaration_may_age_as_well() -> None:
    aging = replace(SPEC, documents=(RequiredDocument(code="lacey_declaration", valid_days=3.0),))
    assert judge_eligibility(SOUND, aging, now=NOW).valid_until == NOW  # declared three days ago
    later = judge_eligibility(SOUND, aging, now=NOW + timedelta(seconds=1))
    assert statuses(later)["document_lacey_declaration"] == "missing"


def test_where_the_spec_asks_for_one_person_the_photographer_may_decide() -> None:
    alone = replace(SPEC, two_persons=False)
    facts = replace(SOUND, photos=photos(FAIL), dispositions=(decision(Action.OVERRULE, by="siti"),))
    assert judge_eligibility(facts, alone, now=NOW).eligibility == "eligible"


@pytest.mark.parametrize("name", shipped_specs())
def test_every_shipped_spec_asks_for_moisture_by_value_and_age(name: str) -> None:
    check = next(check for check in load_spec(name).human_checks if check.code == "moisture")
    assert (check.unit, check.hold_above, check.fail_above, check.valid_days) == ("percent", 12.0, 15.0, 7)
    assert check.source == "proposal"


def rule(status: RuleStatus, valid_until: datetime | None = None) -> Rule:
    return Rule(code="any", status=status, message=Message(id="x", en="x"), valid_until=valid_until)


@pytest.mark.parametrize(
    ("given", "eligibility"),
    [
        (["holds", "holds"], "eligible"),
        (["holds", "missing"], "on_hold"),
        (["missing", "fails", "holds"], "not_eligible"),
        ([], "on_hold"),
    ],
)
def test_eligible_only_where_every_rule_holds(given: list[RuleStatus], eligibility: str) -> None:
    assert weigh_rules(tuple(map(rule, given))).eligibility == eligibility


def test_eligibility_ends_with_the_first_rule_that_ages() -> None:
    rules = (rule("holds"), rule("holds", days(-3)), rule("holds", days(-1)))
    assert weigh_rules(rules).valid_until == days(-1)
    assert weigh_rules((*rules, rule("missing"))).valid_until is None
