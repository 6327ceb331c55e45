"""Gathers what the store knows of an item or a lot, for the core to judge. Reads only; decides nothing itself."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, select

from qc_vision.decision import Verdict
from qc_vision.disposition import (
    Disposition,
    ItemVerdict,
    ReviewRequest,
    in_force,
    undecided_failures,
    worst_severity,
)
from qc_vision.document import TreatmentCertificate
from qc_vision.eligibility import Eligibility, ItemFacts, PhotoVerdict, judge_eligibility
from qc_vision.lot import Lot, LotDecision, decide_lot
from qc_vision.spec import ProductSpec, load_spec
from service.entries import read_check, read_document
from service.facts import Fact, Kind, WantedFacts, find_fact, items_of, list_facts
from service.filing import filed_under
from service.item import ItemInspection
from service.store import PORTION, read_inspections
from service.tables import FACTS, INSPECTIONS

_LOT: TypeAdapter[Lot] = TypeAdapter(Lot)
_DECISION: TypeAdapter[LotDecision] = TypeAdapter(LotDecision)
_DISPOSITION: TypeAdapter[Disposition] = TypeAdapter(Disposition)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One basket of a lot: its last inspection, who took its photos, and how it stands."""

    ref: str
    in_sample: bool
    inspection: ItemInspection | None
    photographer: str | None
    disposition: Disposition | None
    eligibility: Eligibility


@dataclass(frozen=True, slots=True, kw_only=True)
class LotFile:
    """A lot with all that is known of it. `fact` is the lot as it was formed; `decided` the verdict on record."""

    fact: Fact
    lot: Lot
    decision: LotDecision
    decided: Fact | None
    units: tuple[Unit, ...]

    @property
    def changed_since_decided(self) -> bool:
        """Whether the facts now say otherwise than the verdict on record."""
        return self.decided is not None and read_decision(self.decided) != self.decision

    @property
    def counts(self) -> Mapping[str, int]:
        """How many units are eligible, not eligible and on hold."""
        counted = Counter(unit.eligibility.eligibility for unit in self.units)
        return {state: counted[state] for state in ("eligible", "on_hold", "not_eligible")}


def lot_of(fact: Fact) -> Lot:
    """The lot that a fact of kind `lot` states."""
    return _LOT.validate_python(fact.body["lot"])


def lot_body(lot: Lot) -> dict[str, Any]:
    return {"lot": _LOT.dump_python(lot, mode="json")}


def disposition_body(disposition: Disposition) -> dict[str, Any]:
    plain: dict[str, Any] = _DISPOSITION.dump_python(disposition, mode="json")
    return plain


def read_lot_file(
    connection: Connection, lot_id: str, *, now: datetime, later_too: bool = False
) -> LotFile | None:
    """A lot and each of its units, judged as of `now`; None where there is no such lot.

    `later_too`: readings and papers of after `now` count as if they were of that moment, so that the answer is what
    would have been said then, had all of today been known; without it they are not believed.
    """
    fact = find_fact(connection, Kind.LOT, lot_id)
    if fact is None:
        return None
    lot = lot_of(fact)
    spec = load_spec(lot.spec.id)
    inspections = _inspections_of(connection, lot)
    about = list_facts(connection, WantedFacts(lot_and_its_items=lot_id))
    here = {inspection.id for inspection in inspections}
    # a basket that comes back in another lot brings its old decisions with it: they are not this lot's
    dispositions = [d for d in _dispositions(about) if d.inspection_id in here]
    photographers = _photographers(connection, inspections)
    verdicts = [verdict_of(i, photographers.get(i.id)) for i in inspections]
    decision = decide_lot(lot, verdicts=verdicts, dispositions=dispositions)
    latest = {inspection.item.ref: inspection for inspection in inspections}
    graded: dict[str, list[ItemVerdict]] = defaultdict(list)
    for verdict in verdicts:
        graded[verdict.item_ref].append(verdict)
    sample = frozenset(lot.sample)
    by_unit = _by_unit(about)
    withdrawn = withdrawn_models(connection)
    units = tuple(
        _unit(
            ref,
            latest.get(ref),
            by_unit.get(ref, ()),
            by_unit.get(None, ()),
            spec,
            decision,
            verdicts=graded[ref],
            photographers=photographers,
            in_sample=ref in sample,
            withdrawn=withdrawn,
            now=now,
            later_too=later_too,
        )
        for ref in lot.units
    )
    decided = find_fact(connection, Kind.LOT_DECISION, lot_id)
    return LotFile(fact=fact, lot=lot, decision=decision, decided=decided, units=units)


def judge_item(connection: Connection, inspection: ItemInspection, *, now: datetime) -> Eligibility:
    """Export eligibility of an item by its latest inspection, in its lot where it is in one."""
    ref = inspection.item.ref
    assert ref is not None
    lot_id = find_lot_of(connection, ref)
    if lot_id is not None:
        file = read_lot_file(connection, lot_id, now=now)
        assert file is not None
        unit = next(unit for unit in file.units if unit.ref == ref)
        if unit.inspection is not None:
            return unit.eligibility
    of_item = list_facts(connection, WantedFacts(item=ref))
    photographers = _photographers(connection, [inspection])
    verdicts = _verdicts_of(connection, ref)
    facts = _item_facts(inspection, of_item, (), None, verdicts, photographers, withdrawn_models(connection))
    return judge_eligibility(facts, load_spec(inspection.item.spec), now=now)


def find_lot_of(connection: Connection, ref: str) -> str | None:
    """The last lot that holds the item, None where none does."""
    membership = find_fact(connection, Kind.MEMBERSHIP, ref)
    return None if membership is None else membership.lot


def withdrawn_models(connection: Connection) -> frozenset[str]:
    """Versions of models whose verdicts no longer stand."""
    withdrawals = list_facts(connection, WantedFacts(kind=Kind.MODEL_WITHDRAWAL))
    return frozenset(fact.subject for fact in withdrawals if fact.body["withdrawn"])


def verdict_of(inspection: ItemInspection, photographer: str | None) -> ItemVerdict:
    """What the machine said of an item, over all its photos."""
    return ItemVerdict(
        inspection_id=inspection.id,
        item_ref=inspection.item.ref or inspection.id,
        verdict=inspection.verdict,
        worst=worst_severity(photo.record for photo in inspection.photos),
        photographer=photographer,
    )


def photographer_of(connection: Connection, inspection_id: str) -> str | None:
    """Who took the photos, None where nobody said."""
    fact = find_fact(connection, Kind.PHOTOGRAPHED, inspection_id)
    return None if fact is None else fact.by


def decision_body(decision: LotDecision) -> dict[str, Any]:
    plain: dict[str, Any] = _DECISION.dump_python(decision, mode="json")
    return plain


def read_decision(fact: Fact) -> LotDecision:
    """The lot's verdict that a fact of kind `lot_decision` states."""
    return _DECISION.validate_python(fact.body)


def read_disposition(fact: Fact) -> Disposition:
    return _DISPOSITION.validate_python(fact.body)


def _inspections_of(connection: Connection, lot: Lot) -> Sequence[ItemInspection]:
    """The inspections of the lot's units since it was formed, oldest first."""
    query = (
        select(INSPECTIONS)
        .where(filed_under(items_of(lot.id)), INSPECTIONS.c.created_at >= lot.formed_at.isoformat())
        .order_by(INSPECTIONS.c.seq)
    )
    return read_inspections(connection, query)


def _verdicts_of(connection: Connection, ref: str) -> Sequence[ItemVerdict]:
    """What the machine said of an item at each inspection, oldest first."""
    rows = connection.execute(
        select(INSPECTIONS.c.id, INSPECTIONS.c.verdict).where(filed_under(ref)).order_by(INSPECTIONS.c.seq)
    )
    return [ItemVerdict(inspection_id=row.id, item_ref=ref, verdict=Verdict(row.verdict)) for row in rows]


def _by_unit(facts: Sequence[Fact]) -> Mapping[str | None, Sequence[Fact]]:
    by_unit: dict[str | None, list[Fact]] = {}
    for fact in facts:
        by_unit.setdefault(fact.item, []).append(fact)
    return by_unit


def _unit(
    ref: str,
    inspection: ItemInspection | None,
    of_unit: Sequence[Fact],
    of_lot: Sequence[Fact],
    spec: ProductSpec,
    decision: LotDecision,
    *,
    verdicts: Sequence[ItemVerdict],
    photographers: Mapping[str, str],
    in_sample: bool,
    withdrawn: frozenset[str],
    now: datetime,
    later_too: bool,
) -> Unit:
    facts = _item_facts(inspection, of_unit, of_lot, decision, verdicts, photographers, withdrawn)
    if later_too:
        facts = _as_if_at(facts, now)
    standing = None if inspection is None else in_force(_dispositions(of_unit), inspection.id)
    return Unit(
        ref=ref,
        in_sample=in_sample,
        inspection=inspection,
        photographer=facts.photographer,
        disposition=standing,
        eligibility=judge_eligibility(facts, spec, now=now),
    )


def _item_facts(
    inspection: ItemInspection | None,
    of_item: Sequence[Fact],
    of_lot: Sequence[Fact],
    decision: LotDecision | None,
    verdicts: Sequence[ItemVerdict],
    photographers: Mapping[str, str],
    withdrawn: frozenset[str],
) -> ItemFacts:
    both, dispositions = [*of_item, *of_lot], _dispositions(of_item)
    item = next((fact for fact in of_item if fact.kind is Kind.ITEM), None)
    photos = () if inspection is None else inspection.photos
    return ItemFacts(
        photos=tuple(
            PhotoVerdict(
                record_id=p.record.id,
                verdict=p.record.verdict,
                model=p.record.model.version,
                spec=p.record.spec,
            )
            for p in photos
        ),
        inspection_id=None if inspection is None else inspection.id,
        photographer=None if inspection is None else photographers.get(inspection.id),
        undecided_failures=undecided_failures(verdicts, dispositions),
        dispositions=tuple(dispositions),
        review_requests=tuple(
            ReviewRequest(id=fact.id, item_ref=fact.item or "", at=fact.at, reason=fact.body.get("reason"))
            for fact in of_item
            if fact.kind is Kind.REVIEW_REQUEST
        ),
        checks=tuple(read_check(f.id, f.body, by=f.by) for f in both if f.kind is Kind.CHECK),
        lot=decision,
        documents=tuple(
            read_document(f.id, f.body, by=f.by, at=f.at) for f in both if f.kind is Kind.DOCUMENT
        ),
        materials=() if item is None else tuple(item.body["materials"]),
        withdrawn_models=withdrawn,
    )


def _as_if_at(facts: ItemFacts, moment: datetime) -> ItemFacts:
    return replace(
        facts,
        checks=tuple(replace(check, at=min(check.at, moment)) for check in facts.checks),
        documents=tuple(
            replace(paper, treated_on=min(paper.treated_on, moment.date()))
            if isinstance(paper, TreatmentCertificate)
            else replace(paper, at=min(paper.at, moment))
            for paper in facts.documents
        ),
    )


def _dispositions(facts: Sequence[Fact]) -> list[Disposition]:
    return [read_disposition(fact) for fact in reversed(facts) if fact.kind is Kind.DISPOSITION]


def _photographers(connection: Connection, inspections: Sequence[ItemInspection]) -> dict[str, str]:
    """Who took whose photos, whatever basket they were filed under then."""
    ids = [inspection.id for inspection in inspections]
    said = select(FACTS.c.subject, FACTS.c.by).where(FACTS.c.kind == Kind.PHOTOGRAPHED.value)
    found: dict[str, str] = {}
    for start in range(0, len(ids), PORTION):
        of_portion = said.where(FACTS.c.subject.in_(ids[start : start + PORTION])).order_by(FACTS.c.version)
        found |= {row.subject: row.by for row in connection.execute(of_portion)}
    return found
