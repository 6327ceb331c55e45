"""EPCIS events: they and a checked example hold to the schema, and known mistakes do not."""

import copy
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from qc_vision.decision import Verdict
from qc_vision.density import DensityReading
from qc_vision.disposition import Action, Disposition, ItemVerdict, ReviewRequest, Rework, dispose
from qc_vision.epcis import (
    Event,
    Lasting,
    Naming,
    Surroundings,
    declare_error,
    disposition_event,
    epcis_document,
    inspection_event,
    lot_event,
    review_request_event,
    rework_event,
)
from qc_vision.lot import LotDecision, decide_lot, form_lot
from qc_vision.record import SpecRef
from qc_vision.sampling import plan_lot
from qc_vision.severity import Severity
from tests.qc_vision.records import INSPECTED_AT, make_finding, make_record

SCHEMA = json.loads(
    resources.files("qc_vision").joinpath("standards", "epcis-subset.schema.json").read_text("utf-8")
)
VALIDATOR = Draft7Validator(SCHEMA)
EXAMPLE = json.loads((Path(__file__).parent / "data" / "epcis-inspection-event.json").read_text("utf-8"))

NAMING = Naming(base="https://id.example.id", vocabulary="https://ns.example.id/anyam/")
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
MAJOR = Severity.MAJOR


def reading(direction: str, per_10cm: float | None, *, confident: bool = True) -> DensityReading:
    interval = None if per_10cm is None else (per_10cm - 0.9, per_10cm + 0.8)
    return DensityReading(
        direction=direction,  # type: ignore[arg-type]
        angle_deg=90.0,
        pitch_px=41.3,
        pitch_px_interval=(40.6, 42.0),
        per_10cm=per_10cm,
        per_10cm_interval=interval,
        confident=confident,
    )


RECORD = make_record(make_finding(MAJOR), density=(reading("weft", 11.8), reading("warp", 4.2)))


def seen(verdict: Verdict) -> ItemVerdict:
    return ItemVerdict(inspection_id="INS-42", item_ref="KLS/42", verdict=verdict, photographer="akun-siti")


def decided(action: Action, severity: Severity | None = None, of: Verdict = Verdict.FAIL) -> Disposition:
    return dispose(
        seen(of),
        id="D-1",
        action=action,
        severity=severity,
        reason="kata Bu Aminah",
        by="akun-budi",
        at=NOON,
        two_persons=True,
    )


def asked() -> ReviewRequest:
    return ReviewRequest(id="Q-1", item_ref="KLS/42", at=NOON, reason="kata Bu Aminah")


def inspected(verdict: Verdict = Verdict.PASS, before: Lasting | None = None) -> Event:
    around = Surroundings(before=before, location="kalisalak", lot_id="LOT-1")
    return inspection_event(seen(verdict), [RECORD], NAMING, around)


LOT = form_lot(
    id="LOT-1",
    group="kalisalak",
    spec=SpecRef(id="hyacinth_bin", revision=2),
    units=[f"U{n}" for n in range(200)],
    plan=plan_lot(200, level="II", aqls={MAJOR: "2.5", Severity.MINOR: "4.0"}),
    seed="6f1c",
    formed_at=NOON,
)


def lot_decided(dispositions: tuple[Disposition, ...] = ()) -> Event:
    verdicts = [ItemVerdict(inspection_id=f"I{u}", item_ref=u, verdict=Verdict.PASS) for u in LOT.units]
    decision: LotDecision = decide_lot(LOT, verdicts=verdicts, dispositions=dispositions)
    return lot_event(LOT, decision, NAMING, decision_id="LD-1", decided_at=NOON)


def all_events() -> Iterator[Event]:
    """Every kind of event in every state it can have."""
    for before in (None, "conformant", "non_conformant"):
        for verdict in Verdict:
            yield inspected(verdict, before)  # type: ignore[arg-type]
    yield inspection_event(seen(Verdict.RETAKE), [make_record(), make_record()], NAMING)
    yield disposition_event(decided(Action.CONFIRM, MAJOR), NAMING)
    yield disposition_event(
        decided(Action.CONFIRM, of=Verdict.PASS), NAMING, Surroundings(location="sikampuh")
    )
    yield disposition_event(decided(Action.OVERRULE), NAMING, Surroundings(before="non_conformant"))
    yield disposition_event(decided(Action.REWORK, MAJOR), NAMING, Surroundings(before="conformant"))
    yield disposition_event(decided(Action.REINSPECT), NAMING)
    yield rework_event(Rework(id="W-1", item_ref="KLS/42", disposition_id="D-1", at=NOON), NAMING)
    yield review_request_event(asked(), NAMING)
    yield review_request_event(asked(), NAMING, Surroundings(before="non_conformant", lot_id="LOT-1"))
    yield lot_decided()
    yield declare_error(inspected(), NAMING, declared_at=NOON, reason="did_not_occur")
    yield declare_error(
        inspected(),
        NAMING,
        declared_at=NOON,
        reason="incorrect_data",
        corrective_event_ids=[NAMING.event_id("inspection", "INS-43")],
    )


def document(*events: Event) -> dict[str, Any]:
    return epcis_document(events, NAMING, created_at=NOON)


def faults(of: dict[str, Any]) -> list[str]:
    return [f"{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in VALIDATOR.iter_errors(of)]


def test_the_schema_is_itself_sound() -> None:
    Draft7Validator.check_schema(SCHEMA)


def test_every_event_holds_to_the_schema() -> None:
    for event in all_events():
        assert faults(document(event)) == []
    assert faults(document(*all_events())) == []
    assert faults(document()) == []


def test_an_example_checked_against_the_schema_of_gs1_holds_to_ours() -> None:
    assert faults(EXAMPLE) == []


MISTAKES: dict[str, Callable[[Event], object]] = {
    "a disposition that is no word of the vocabulary": lambda e: e.update(disposition="good"),
    "a field of our own without a prefix": lambda e: e.update(decision="pass"),
    "no time zone offset": lambda e: e.pop("eventTimeZoneOffset"),
    "a sensor type of our own without a prefix": lambda e: e["sensorElementList"][0]["sensorReport"][
        0
    ].update(type="weaveDensityWeft"),
    "a unit that is no address": lambda e: e.update(epcList=["KLS-42"]),
    "ilmd on an observation": lambda e: e.update(ilmd={"https://ns.example.id/anyam/material": "mendong"}),
    "the step sampling, which destroys": lambda e: e.update(bizStep="sampling"),
    "a time without milliseconds": lambda e: e.update(eventTime="2026-05-04T10:14:22+07:00"),
    "a time without an offset": lambda e: e.update(eventTime="2026-05-04T10:14:22.000"),
    "an offset in words": lambda e: e.update(eventTimeZoneOffset="WIB"),
    "an action that adds": lambda e: e.update(action="ADD"),
    "an event without an id": lambda e: e.pop("eventID"),
    "density in millimetres": lambda e: e["sensorElementList"][0]["sensorReport"][0].update(uom="MMT"),
    "density without a unit": lambda e: e["sensorElementList"][0]["sensorReport"][0].pop("uom"),
    "units and quantities at once": lambda e: e.update(quantityList=[{"epcClass": "urn:x:y", "quantity": 1}]),
    "neither units nor quantities": lambda e: e.pop("epcList"),
    "a lasting state in progress": lambda e: e.update(persistentDisposition={"set": ["in_progress"]}),
    "a business transaction of no type": lambda e: e["bizTransactionList"][0].pop("type"),
    "corrections of what did not occur": lambda e: e.update(
        errorDeclaration={
            "declarationTime": e["eventTime"],
            "reason": "did_not_occur",
            "correctiveEventIDs": [e["eventID"]],
        }
    ),
    "an error without a known reason": lambda e: e.update(
        errorDeclaration={"declarationTime": e["eventTime"], "reason": "typo"}
    ),
}


@pytest.mark.parametrize(
    "start", [inspected(), EXAMPLE["epcisBody"]["eventList"][0]], ids=["ours", "example"]
)
@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())
def test_a_known_mistake_does_not_hold_to_the_schema(
    mistake: Callable[[Event], object], start: Event
) -> None:
    event = copy.deepcopy(start)
    sound = document(copy.deepcopy(start))
    mistake(event)
    assert faults(sound) == []
    assert faults(document(event)) != []


def test_every_prefix_in_use_is_explained_in_the_context() -> None:
    packed = document(*all_events())
    used = set(re.findall(r'"([a-z][A-Za-z0-9]*):[A-Za-z]+":', json.dumps(packed["epcisBody"])))
    types = set(re.findall(r'"type": "([a-z][A-Za-z0-9]*):', json.dumps(packed["epcisBody"])))
    assert used | types == {"ext"}
    assert packed["@context"][1] == {"ext": "https://ns.example.id/anyam/"}


def test_times_are_local_with_milliseconds_and_say_the_same_offset_twice() -> None:
    event = inspected()
    assert event["eventTime"] == "2026-05-04T10:14:22.125+07:00"  # 03:14:22 UTC in western Indonesia
    assert event["eventTimeZoneOffset"] == "+07:00"
    east = Naming(base="https://id.example.id", vocabulary="https://x.id/", utc_offset=timedelta(hours=9))
    moved = inspection_event(seen(Verdict.PASS), [RECORD], east)
    assert (moved["eventTime"], moved["eventTimeZoneOffset"]) == ("2026-05-04T12:14:22.125+09:00", "+09:00")
    assert datetime.fromisoformat(moved["eventTime"]) == INSPECTED_AT
    for any_event in all_events():
        assert any_event["eventTime"].endswith(any_event["eventTimeZoneOffset"])


def test_an_inspection_happened_when_its_last_photo_was_graded() -> None:
    later = replace(RECORD, inspected_at=INSPECTED_AT + timedelta(seconds=5))
    for records in ([later, RECORD], [RECORD, later]):
        event = inspection_event(seen(Verdict.PASS), records, NAMING)
        assert event["eventTime"] == "2026-05-04T10:14:27.125+07:00"
        times = [element["sensorMetadata"]["time"] for element in event["sensorElementList"]]
        assert sorted(times) == ["2026-05-04T10:14:22.125+07:00", "2026-05-04T10:14:27.125+07:00"]


def test_density_is_told_per_centimetre_with_its_interval() -> None:
    weft, warp, *others = inspected()["sensorElementList"][0]["sensorReport"]
    assert weft == {
        "type": "ext:weaveDensityWeft",
        "value": 1.18,
        "uom": "E90",
        "minValue": 1.09,
        "maxValue": 1.26,
        "component": "y",
    }
    assert (warp["type"], warp["value"], warp["component"]) == ("ext:weaveDensityWarp", 0.42, "x")
    assert [report["type"] for report in others] == ["Dimensionless"]


@pytest.mark.parametrize("unsure", [reading("weft", None), reading("weft", 11.8, confident=False)])
def test_a_density_that_nobody_may_lean_on_is_not_told(unsure: DensityReading) -> None:
    event = inspection_event(seen(Verdict.PASS), [make_record(density=(unsure,))], NAMING)
    assert "weaveDensity" not in json.dumps(event)


def test_a_density_by_a_coarse_scale_is_not_told() -> None:
    record = make_record(density=(reading("weft", 11.8),))
    coarse = replace(record, scale=replace(record.scale, method="product"))
    assert "weaveDensity" in json.dumps(inspection_event(seen(Verdict.PASS), [record], NAMING))
    assert "weaveDensity" not in json.dumps(inspection_event(seen(Verdict.PASS), [coarse], NAMING))


def test_findings_are_counted_by_code_and_class_and_information_is_left_out() -> None:
    gap, minor_gap = make_finding(MAJOR), make_finding(Severity.MINOR)
    unsure = make_finding(Severity.INFO, "not_confident")
    event = inspection_event(
        seen(Verdict.FAIL), [make_record(gap, unsure), make_record(gap, minor_gap)], NAMING
    )
    assert event["ext:defects"] == [
        {"ext:code": "MAJ-GAP", "ext:severity": "major", "ext:count": 2},
        {"ext:code": "MAJ-GAP", "ext:severity": "minor", "ext:count": 1},
    ]
    assert "ext:defects" not in inspection_event(seen(Verdict.PASS), [make_record(unsure)], NAMING)


def test_ids_are_stable_and_differ_between_facts_and_between_bases() -> None:
    ids = [
        NAMING.event_id("inspection", "1"),
        NAMING.event_id("inspection", "2"),
        NAMING.event_id("disposition", "1"),
        Naming(base="https://other.id", vocabulary="https://x.id/").event_id("inspection", "1"),
    ]
    assert len(set(ids)) == 4
    assert inspected()["eventID"] == inspected()["eventID"] == NAMING.event_id("inspection", "INS-42")
    # RFC 9562, version 5 under the namespace of URLs, as any library computes it
    assert ids[0] == "urn:uuid:" + _uuid5_of("https://id.example.id/event/inspection/1")


def _uuid5_of(url: str) -> str:
    """By the definition: SHA-1 of the namespace's bytes and the name, with version and variant set."""
    digest = bytearray(
        hashlib.sha1(bytes.fromhex("6ba7b8119dad11d180b400c04fd430c8") + url.encode()).digest()[:16]
    )
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


@pytest.mark.parametrize(
    ("verdict", "before", "disposition", "lasting"),
    [
        (Verdict.PASS, None, "conformant", {"set": ["conformant"]}),
        (Verdict.PASS, "conformant", "conformant", {"set": ["conformant"]}),
        (Verdict.PASS, "non_conformant", "conformant", {"set": ["conformant"], "unset": ["non_conformant"]}),
        (Verdict.FAIL, None, "non_conformant", None),  # provisional: nobody has confirmed it
        (Verdict.FAIL, "conformant", "non_conformant", None),
        (Verdict.REVIEW, None, "in_progress", None),
        (Verdict.RETAKE, None, "unknown", None),
    ],
)
def test_what_the_machine_says_and_what_lasts(
    verdict: Verdict, before: Lasting | None, disposition: str, lasting: dict[str, list[str]] | None
) -> None:
    event = inspected(verdict, before)
    assert (event["disposition"], event.get("persistentDisposition")) == (disposition, lasting)
    assert event["bizStep"] == "inspecting"


@pytest.mark.parametrize(
    ("disposition", "state", "lasting"),
    [
        (decided(Action.CONFIRM, MAJOR), "non_conformant", ["non_conformant"]),
        (decided(Action.REWORK, MAJOR), "non_conformant", ["non_conformant"]),
        (decided(Action.OVERRULE), "conformant", ["conformant"]),
        (decided(Action.CONFIRM, of=Verdict.PASS), "conformant", ["conformant"]),
        (decided(Action.REINSPECT), "in_progress", None),
    ],
)
def test_what_a_person_says_lasts(disposition: Disposition, state: str, lasting: list[str] | None) -> None:
    event = disposition_event(disposition, NAMING)
    assert event["disposition"] == state
    assert event.get("persistentDisposition", {}).get("set") == lasting


def test_rework_is_a_repair_that_decides_nothing() -> None:
    event = rework_event(Rework(id="W", item_ref="A", disposition_id="D", at=NOON), NAMING)
    assert (event["bizStep"], event["disposition"]) == ("repairing", "in_progress")
    assert "persistentDisposition" not in event


def test_a_maker_s_request_leaves_open_what_was_said_and_lasts() -> None:
    event = review_request_event(asked(), NAMING, Surroundings(before="non_conformant"))
    assert (event["bizStep"], event["disposition"]) == ("inspecting", "in_progress")
    assert event["ext:decision"] == "review_requested"
    assert "persistentDisposition" not in event


def test_a_lot_is_told_as_a_quantity_with_its_plan_and_what_was_found() -> None:
    event = lot_decided()
    assert event["quantityList"] == [{"epcClass": "https://id.example.id/lot/LOT-1", "quantity": 200}]
    assert "epcList" not in event
    assert (event["bizStep"], event["disposition"]) == ("inspecting", "in_progress")  # nobody has looked yet
    told = {s["ext:severity"]: (s["ext:n"], s["ext:ac"], s["ext:re"]) for s in event["ext:sampling"]}
    assert told == {"critical": (200, 0, 1), "major": (32, 2, 3), "minor": (32, 3, 4)}
    assert {t["type"] for t in event["bizTransactionList"]} == {"testres", "testprd", "prodorder"}


def test_a_correction_repeats_the_event_and_leaves_the_original_as_it_was() -> None:
    original = inspected()
    kept = copy.deepcopy(original)
    wrong = declare_error(
        original, NAMING, declared_at=NOON, reason="incorrect_data", corrective_event_ids=["urn:uuid:x"]
    )
    assert original == kept
    declaration = wrong.pop("errorDeclaration")
    assert wrong == kept
    assert declaration["declarationTime"] == "2026-05-04T19:00:00.000+07:00"
    with pytest.raises(ValueError, match="did not occur"):
        declare_error(
            original, NAMING, declared_at=NOON, reason="did_not_occur", corrective_event_ids=["urn:uuid:x"]
        )


def test_no_event_names_a_person_or_a_free_word_of_one() -> None:
    told = json.dumps(list(all_events()))
    for private in ("akun", "Aminah"):
        assert private not in told


def test_names_with_signs_become_addresses() -> None:
    assert inspected()["epcList"] == ["https://id.example.id/unit/KLS%2F42"]
    assert (
        Naming(base="https://a.id", vocabulary="https://b.id/").uri("loc", "Désa é")
        == "https://a.id/loc/D%C3%A9sa%20%C3%A9"
    )
