"""GS1 EPCIS 2.0 events of what was inspected, decided and mended; plain JSON values, nothing sent.

One `ObjectEvent` with action OBSERVE each. The step is `inspecting`, never `sampling`: in the vocabulary
(CBV 2.0) sampling destroys what is sampled. No event names a maker, a photographer or who decided.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Literal
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from qc_vision.calibration import Calibration
from qc_vision.decision import Verdict
from qc_vision.density import DensityReading, Direction
from qc_vision.disposition import Disposition, ItemVerdict, Outcome, ReviewRequest, Rework
from qc_vision.lot import Lot, LotDecision, LotVerdict
from qc_vision.record import InspectionRecord, SpecRef
from qc_vision.severity import Severity

Event = dict[str, Any]
Lasting = Literal["conformant", "non_conformant"]
ErrorReason = Literal["incorrect_data", "did_not_occur"]

CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
PREFIX = "ext"
"""Of all terms that are not of the standard; `Naming.vocabulary` says where they are explained."""
WIB = timedelta(hours=7)
RECIPROCAL_CENTIMETRE = "E90"
"""UN/ECE Recommendation 20. The standard knows no type for strands per length, hence an extension."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """Addresses by which things are known outside. `base` has no slash at its end; below it lie `/unit/`,
    `/lot/`, `/loc/` and so on. Without a company prefix of GS1 such private addresses are valid."""

    base: str
    vocabulary: str
    utc_offset: timedelta = WIB

    def uri(self, kind: str, *names: str) -> str:
        return "/".join((self.base, kind, *(quote(name, safe="") for name in names)))

    def event_id(self, kind: str, id: str) -> str:
        """Always the same for the same fact, so that an event sent twice is known as one."""
        return f"urn:uuid:{uuid5(NAMESPACE_URL, self.uri('event', kind, id))}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What an item's event tells besides the fact itself. `before`: what lasted for it until now; `location`
    and `lot_id`: codes, None where not known."""

    before: Lasting | None = None
    location: str | None = None
    lot_id: str | None = None


NOTHING_KNOWN = Surroundings()


def inspection_event(
    seen: ItemVerdict,
    records: Sequence[InspectionRecord],
    naming: Naming,
    surroundings: Surroundings = NOTHING_KNOWN,
    *,
    filed_by: str | None = None,
) -> Event:
    """The machine looked at an item: its verdict, and what it measured on each photo (one record at least).

    A pass lasts; a fail is provisional and lasts only when a person confirms it. `filed_by`: the fact that says that
    the inspection is of this item and not of another; the event then takes the place of the one told of that.
    """
    lasting: Lasting | None = "conformant" if seen.verdict is Verdict.PASS else None
    kind, told_of = ("inspection", seen.inspection_id) if filed_by is None else ("filing", filed_by)
    return {
        **_head(naming, kind, told_of, max(record.inspected_at for record in records)),
        "epcList": [naming.uri("unit", seen.item_ref)],
        **_state("inspecting", _OF_VERDICT[seen.verdict], lasting, surroundings.before),
        **_place(naming, surroundings),
        "bizTransactionList": _transactions(naming, surroundings, seen.inspection_id),
        "sensorElementList": [_sensor_element(record, naming) for record in records],
        f"{PREFIX}:decision": seen.verdict.value,
        f"{PREFIX}:decidedBy": "model",
        **_defects(records),
    }


def disposition_event(
    disposition: Disposition, naming: Naming, surroundings: Surroundings = NOTHING_KNOWN
) -> Event:
    """A person decided on an item."""
    state, lasting = _OF_OUTCOME[disposition.outcome]
    return {
        **_head(naming, "disposition", disposition.id, disposition.at),
        "epcList": [naming.uri("unit", disposition.item_ref)],
        **_state("inspecting", state, lasting, surroundings.before),
        **_place(naming, surroundings),
        "bizTransactionList": _transactions(naming, surroundings, disposition.inspection_id),
        f"{PREFIX}:decision": disposition.action.value,
        f"{PREFIX}:decidedBy": "human",
        **({} if disposition.severity is None else {f"{PREFIX}:severity": disposition.severity.value}),
    }


def rework_event(rework: Rework, naming: Naming, surroundings: Surroundings = NOTHING_KNOWN) -> Event:
    """An item was mended. Whether it conforms now, the next inspection says."""
    lot = [("prodorder", naming.uri("lot", surroundings.lot_id))] if surroundings.lot_id else []
    return {
        **_head(naming, "rework", rework.id, rework.at),
        "epcList": [naming.uri("unit", rework.item_ref)],
        **_state("repairing", "in_progress", None, surroundings.before),
        **_place(naming, surroundings),
        "bizTransactionList": _list([("testres", naming.uri("disposition", rework.disposition_id)), *lot]),
    }


def review_request_event(
    request: ReviewRequest, naming: Naming, surroundings: Surroundings = NOTHING_KNOWN
) -> Event:
    """A maker asked that a person look again: what is said of the item is open until somebody has decided."""
    lot = [("prodorder", naming.uri("lot", surroundings.lot_id))] if surroundings.lot_id else []
    return {
        **_head(naming, "review-request", request.id, request.at),
        "epcList": [naming.uri("unit", request.item_ref)],
        **_state("inspecting", "in_progress", None, surroundings.before),
        **_place(naming, surroundings),
        "bizTransactionList": _list([("testres", naming.uri("review-request", request.id)), *lot]),
        f"{PREFIX}:decision": "review_requested",
    }


def lot_event(
    lot: Lot, decision: LotDecision, naming: Naming, *, decision_id: str, decided_at: datetime
) -> Event:
    """A lot was decided, as so many units of one class. `decision_id` names this decision among the lot's."""
    state, lasting = _OF_LOT[decision.verdict]
    return {
        **_head(naming, "lot-decision", decision_id, decided_at),
        "quantityList": [{"epcClass": naming.uri("lot", lot.id), "quantity": lot.plan.lot_size}],
        **_state("inspecting", state, lasting, None),
        **_place(naming, Surroundings(location=lot.group)),
        "bizTransactionList": _list(
            [
                ("testres", naming.uri("lot-decision", decision_id)),
                ("testprd", naming.uri("plan", lot.plan.standard, lot.plan.level)),
                ("prodorder", naming.uri("lot", lot.id)),
            ]
        ),
        f"{PREFIX}:decision": decision.verdict,
        f"{PREFIX}:sampling": [
            {
                f"{PREFIX}:severity": of_class.plan.severity.value,
                f"{PREFIX}:aql": of_class.plan.aql or "none allowed",
                f"{PREFIX}:inspection": of_class.plan.regime or "every unit",
                f"{PREFIX}:n": of_class.plan.n,
                f"{PREFIX}:ac": of_class.plan.ac,
                f"{PREFIX}:re": of_class.plan.re,
                f"{PREFIX}:nonconforming": len(of_class.nonconforming),
            }
            for of_class in decision.classes
        ],
    }


def declare_error(
    event: Event,
    naming: Naming,
    *,
    declared_at: datetime,
    reason: ErrorReason,
    corrective_event_ids: Sequence[str] = (),
) -> Event:
    """The same event once more, declared wrong: events are never edited.

    Raises ValueError where an event that did not occur names others in its place, which the vocabulary
    forbids.
    """
    if reason == "did_not_occur" and corrective_event_ids:
        raise ValueError("an event that did not occur has no corrective events")
    declaration: dict[str, Any] = {
        "declarationTime": _local(declared_at, naming).isoformat(timespec="milliseconds"),
        "reason": reason,
    }
    if corrective_event_ids:
        declaration["correctiveEventIDs"] = list(corrective_event_ids)
    return {**event, "errorDeclaration": declaration}


def epcis_document(events: Sequence[Event], naming: Naming, *, created_at: datetime) -> dict[str, Any]:
    """Events as one document with its context, ready for `POST /capture`."""
    created = created_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "@context": [CONTEXT, {PREFIX: naming.vocabulary}],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": created,
        "epcisBody": {"eventList": list(events)},
    }


_OF_VERDICT = {
    Verdict.PASS: "conformant",
    Verdict.FAIL: "non_conformant",
    Verdict.REVIEW: "in_progress",
    Verdict.RETAKE: "unknown",
}
_OF_OUTCOME: dict[Outcome, tuple[str, Lasting | None]] = {
    "accepted": ("conformant", "conformant"),
    "refused": ("non_conformant", "non_conformant"),
    "rework": ("non_conformant", "non_conformant"),
    "open": ("in_progress", None),
}
_OF_LOT: dict[LotVerdict, tuple[str, Lasting | None]] = {
    "accepted": ("conformant", "conformant"),
    "rejected": ("non_conformant", "non_conformant"),
    "open": ("in_progress", None),
}
_TERMS: dict[Direction, tuple[str, str]] = {
    "weft": (f"{PREFIX}:weaveDensityWeft", "y"),
    "warp": (f"{PREFIX}:weaveDensityWarp", "x"),
}


def _head(naming: Naming, kind: str, id: str, at: datetime) -> Event:
    """`at` must know its time zone."""
    event_time = _local(at, naming).isoformat(timespec="milliseconds")
    return {
        "type": "ObjectEvent",
        "eventID": naming.event_id(kind, id),
        "eventTime": event_time,
        "eventTimeZoneOffset": event_time[-6:],
        "action": "OBSERVE",
    }


def _local(at: datetime, naming: Naming) -> datetime:
    return at.astimezone(timezone(naming.utc_offset))


def _state(step: str, disposition: str, lasting: Lasting | None, before: Lasting | None) -> Event:
    """`lasting` takes the place of `before`; where nothing new lasts, what lasted goes on."""
    state: Event = {"bizStep": step, "disposition": disposition}
    if lasting is not None:
        unset = {"unset": [before]} if before not in (None, lasting) else {}
        state["persistentDisposition"] = {"set": [lasting], **unset}
    return state


def _place(naming: Naming, surroundings: Surroundings) -> Event:
    if surroundings.location is None:
        return {}
    place = {"id": naming.uri("loc", surroundings.location)}
    return {"readPoint": place, "bizLocation": place}


def _transactions(naming: Naming, surroundings: Surroundings, inspection_id: str) -> list[dict[str, str]]:
    lot = [("prodorder", naming.uri("lot", surroundings.lot_id))] if surroundings.lot_id else []
    return _list([("testres", naming.uri("inspection", inspection_id)), *lot])


def _list(transactions: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"type": kind, "bizTransaction": uri} for kind, uri in transactions]


def _sensor_element(record: InspectionRecord, naming: Naming) -> dict[str, Any]:
    return {
        "sensorMetadata": {
            "time": _local(record.inspected_at, naming).isoformat(timespec="milliseconds"),
            "dataProcessingMethod": naming.uri("model", record.model.version, record.model.sha256),
            "bizRules": _spec_uri(record.spec, naming),
            "rawData": naming.uri("photo", record.photo.sha256),
        },
        "sensorReport": [
            *(_density_report(reading) for reading in record.density if _can_be_told(reading, record.scale)),
            {
                "type": "Dimensionless",
                "value": round(record.defect_score, 4),
                f"{PREFIX}:feature": "defectScore",
            },
        ],
    }


def _spec_uri(spec: SpecRef, naming: Naming) -> str:
    return naming.uri("spec", spec.id, str(spec.revision))


def _can_be_told(reading: DensityReading, scale: Calibration) -> bool:
    """Densities by a coarse scale are not handed on: nobody there would know how coarse."""
    scaled = reading.per_10cm is not None and reading.per_10cm_interval is not None
    return scaled and reading.confident and scale.method != "product"


def _density_report(reading: DensityReading) -> dict[str, Any]:
    """Per centimetre; the interval is the reading's own, which holds 90 %."""
    assert reading.per_10cm is not None
    assert reading.per_10cm_interval is not None
    term, component = _TERMS[reading.direction]
    low, high = reading.per_10cm_interval
    return {
        "type": term,
        "value": round(reading.per_10cm / 10, 4),
        "uom": RECIPROCAL_CENTIMETRE,
        "minValue": round(low / 10, 4),
        "maxValue": round(high / 10, 4),
        "component": component,
    }


def _defects(records: Sequence[InspectionRecord]) -> Event:
    findings = [finding for record in records for finding in record.reasons]
    counted = Counter((f.code, f.severity) for f in findings if f.severity is not Severity.INFO)
    if not counted:
        return {}
    return {
        f"{PREFIX}:defects": [
            {f"{PREFIX}:code": code, f"{PREFIX}:severity": severity.value, f"{PREFIX}:count": count}
            for (code, severity), count in sorted(counted.items())
        ]
    }
