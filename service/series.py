"""The series of lots of one village group and product: where the switching rules have led each class."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain

from sqlalchemy import Connection

from qc_vision.lot import switching_events
from qc_vision.severity import Severity
from qc_vision.spec import ProductSpec
from qc_vision.switching import (
    CauseMended,
    ProductionIrregular,
    ReducedApproved,
    SeriesEvent,
    Switching,
    switch,
)
from service.dossier import lot_of, read_decision
from service.facts import Fact, Kind, WantedFacts, list_facts


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """What happened to one class at one place of the ledger."""

    seq: int
    severity: Severity
    event: SeriesEvent


def read_series(connection: Connection, spec: ProductSpec, *, group: str) -> Mapping[Severity, Switching]:
    """The state of each class with an AQL, after all lots decided and all that persons decided on the series."""
    assert spec.sampling is not None
    steps = sorted(
        chain(_lots(connection, spec, group), _persons(connection, spec, group)), key=lambda step: step.seq
    )
    return {
        severity: switch(step.event for step in steps if step.severity is severity)
        for severity in spec.sampling.aqls
    }


def _lots(connection: Connection, spec: ProductSpec, group: str) -> list[_Step]:
    formed = list_facts(connection, WantedFacts(kind=Kind.LOT, group=group))
    lots = {fact.subject: lot for fact in formed if (lot := lot_of(fact)).spec.id == spec.id}
    first: dict[str, int] = {}
    in_force: dict[str, Fact] = {}
    for lot_id in lots:
        for fact in list_facts(
            connection, WantedFacts(kind=Kind.LOT_DECISION, subject=lot_id, current=False)
        ):
            in_force.setdefault(lot_id, fact)
            first[lot_id] = fact.seq
    return [
        # a verdict that was corrected keeps its place in the series
        _Step(seq=first[lot_id], severity=severity, event=event)
        for lot_id, fact in in_force.items()
        for severity, event in switching_events(lots[lot_id], read_decision(fact)).items()
    ]


def _persons(connection: Connection, spec: ProductSpec, group: str) -> list[_Step]:
    decided = list_facts(connection, WantedFacts(kind=Kind.SWITCHING, group=group))
    return [
        _Step(seq=fact.seq, severity=Severity(fact.body["severity"]), event=_event(fact))
        for fact in decided
        if fact.body["spec"] == spec.id
    ]


def _event(fact: Fact) -> SeriesEvent:
    match fact.body["action"]:
        case "approve_reduced":
            return ReducedApproved(by=fact.by)
        case "cause_mended":
            return CauseMended(by=fact.by)
        case _:
            return ProductionIrregular(reason=fact.body["reason"])
