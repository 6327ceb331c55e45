"""`/v1/lots`: form a lot and draw its sample, see what it still lacks, put its verdict on record."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import AwareDatetime, ConfigDict, Field
from pydantic.dataclasses import dataclass as checked
from sqlalchemy import Connection, and_

from qc_vision.disposition import Disposition
from qc_vision.eligibility import Eligibility
from qc_vision.epcis import lot_event
from qc_vision.lot import Lot, LotDecision, form_lot
from qc_vision.message import Message
from qc_vision.operating_characteristic import OcPoint, Reader, operating_characteristic
from qc_vision.record import SpecRef
from qc_vision.sampling import ClassPlan, LotPlan, Regime, plan_lot
from qc_vision.severity import Severity
from qc_vision.spec import ProductSpec, load_spec, shipped_specs
from service.answers import SummaryAnswer, summarise
from service.dependencies import AtDesk, Desk
from service.dossier import LotFile, decision_body, lot_body, lot_of, read_lot_file
from service.entries import LotEntry, Person
from service.facts import Draft, Fact, Kind, WantedFacts, append_fact, find_fact, list_facts
from service.item import FIELD_RULES, ItemRefused, Ref
from service.measured_model import measured_model
from service.outbox import declare_superseded, tell
from service.permission import AsAnyone, AskedFirst, AsLots, AsReviewer
from service.problems import CONFLICT, RequestRefused, not_found
from service.routes.paging import IfMatch, Limit, make_cursor, read_cursor, read_version, tag
from service.scope import facts_within, refuse_foreign
from service.series import read_series
from service.store import now
from service.wanted_lots import WantedLots, lots_like

router = APIRouter(prefix="/v1/lots", tags=["lots"], route_class=AskedFirst)

Moment = Annotated[
    AwareDatetime, Field(ge=datetime(1970, 1, 1, tzinfo=UTC), lt=datetime(9999, 1, 1, tzinfo=UTC))
]
"""Within what every clock can tell: at the ends of the calendar there is no other offset."""
NO_LOT = Message(id="Lot itu", en="such lot")


@dataclass(frozen=True, slots=True, kw_only=True)
class LotSummary:
    id: str
    group: str
    spec: SpecRef
    size: int
    sample_size: int
    formed_at: datetime
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LotsPage:
    """Lots, newest first; `next_cursor` asks for the following page, null on the last."""

    lots: tuple[LotSummary, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitAnswer:
    """One basket of a lot; `inspection` and `disposition` are null where there is none yet."""

    ref: str
    in_sample: bool
    inspection: SummaryAnswer | None
    disposition: Disposition | None
    eligibility: Eligibility


@dataclass(frozen=True, slots=True, kw_only=True)
class LotAnswer:
    """A lot and what it still lacks. `decided`: the verdict that a person put on record, null before;
    `changed_since_decided`: later facts say otherwise."""

    lot: Lot
    decision: LotDecision
    decided: Fact | None
    changed_since_decided: bool
    counts: dict[str, int]
    units: tuple[UnitAnswer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """How likely a lot is accepted in one class, by how many of its units are nonconforming."""

    plan: ClassPlan
    points: tuple[OcPoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineAlone:
    """The same, were the lot judged by what the model in use fails, with nobody looking: as it was measured."""

    version: str
    reader: Reader
    curves: tuple[Curve, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanAnswer:
    """`machine`: null where the model came without its measured figures."""

    plan: LotPlan
    curves: tuple[Curve, ...]
    machine: MachineAlone | None


@checked(frozen=True, slots=True, kw_only=True, config=ConfigDict(extra="forbid"))
class DecisionEntry:
    by: Person | None = None


@router.post("", status_code=201)
def form(desk: AtDesk, caller: AsLots, response: Response, entry: LotEntry) -> Fact:
    """Forms a lot and draws its sample from a fresh seed. Photos taken from now on count for it."""
    spec = _spec(entry.spec)
    formed_at = now()
    with desk.store.writing() as (connection, tail):
        refuse_foreign(connection, caller, group=entry.group, lot=entry.resubmits, items=entry.units)
        plan = _plan(connection, spec, entry.group, len(entry.units))
        lot = form_lot(
            id=entry.id,
            group=entry.group,
            spec=SpecRef(id=spec.id, revision=spec.revision),
            units=entry.units,
            plan=plan,
            seed=secrets.token_hex(16),
            formed_at=formed_at,
            resubmits=entry.resubmits,
        )
        draft = Draft(
            kind=Kind.LOT,
            subject=lot.id,
            by=caller.signs(entry.by),
            body=lot_body(lot),
            at=formed_at,
            lot=lot.id,
        )
        fact = append_fact(connection, tail, draft, after=0)
        for unit in lot.units:
            before = find_fact(connection, Kind.MEMBERSHIP, unit)
            _refuse_taken(connection, unit, before, resubmits=entry.resubmits)
            member = Draft(
                kind=Kind.MEMBERSHIP,
                subject=unit,
                by=caller.signs(entry.by),
                body={},
                at=formed_at,
                lot=lot.id,
                item=unit,
            )
            append_fact(connection, tail, member, after=0 if before is None else before.version)
    return tag(response, fact)


@router.get("")
def list_lots(
    desk: AtDesk,
    caller: AsAnyone,
    group: Ref | None = None,
    spec: str | None = None,
    verdict: Literal["open", "accepted", "rejected"] | None = None,
    formed_since: Moment | None = None,
    formed_until: Moment | None = None,
    limit: Limit = 20,
    cursor: str | None = None,
) -> LotsPage:
    """Lots, newest first. `verdict`: the one on record, `open` while there is none. Formed at `formed_since` or later, and
    before `formed_until`; both with their offset, for instance `2026-11-01T00:00:00+07:00`."""
    wanted_lots = WantedLots(spec=spec, verdict=verdict, formed_since=formed_since, formed_until=formed_until)
    with desk.store.reading() as connection:
        within = and_(facts_within(caller), *lots_like(wanted_lots))
        wanted = WantedFacts(kind=Kind.LOT, group=group, within=within)
        found = list_facts(connection, wanted, limit=limit + 1, before=read_cursor(cursor))
        page = found[:limit]
        lots = tuple(_summary(connection, fact) for fact in page)
    return LotsPage(lots=lots, next_cursor=make_cursor(page[-1].seq) if len(found) > limit else None)


@router.get("/{lot_id}")
def read_lot(desk: AtDesk, caller: AsAnyone, lot_id: str) -> LotAnswer:
    """The lot, each of its units, and what is missing before it can be decided and exported."""
    return _answer(_file(desk, lot_id))


@router.post("/{lot_id}/decision", status_code=201)
def decide(
    desk: AtDesk,
    caller: AsReviewer,
    response: Response,
    lot_id: str,
    entry: DecisionEntry,
    if_match: IfMatch = None,
) -> Fact:
    """Puts the lot's verdict on record. Refused while anything that the plan needs is still open.

    Where later facts changed it, the new verdict is sent with the ETag of the one that it supersedes.
    """
    with desk.store.writing() as (connection, tail):
        file = read_lot_file(connection, lot_id, now=now())
        if file is None:
            raise not_found(NO_LOT)
        if file.decision.verdict == "open":
            raise RequestRefused(CONFLICT, _still_open(file.decision))
        draft = Draft(
            kind=Kind.LOT_DECISION,
            subject=lot_id,
            by=caller.signs(entry.by),
            body=decision_body(file.decision),
            at=now(),
            lot=lot_id,
        )
        after = read_version(if_match, exists=file.decided is not None)
        fact = append_fact(connection, tail, draft, after=after)
        event = lot_event(file.lot, file.decision, desk.naming, decision_id=fact.id, decided_at=fact.at)
        if file.decided is not None:
            declare_superseded(
                connection,
                tail,
                desk.naming,
                kind="lot-decision",
                superseded=file.decided,
                by_event=event,
                at=fact.at,
            )
        tell(tail, event, type="lot.decided", at=fact.at, lot=lot_id)
    return tag(response, fact)


@router.get("/{lot_id}/plan")
def read_plan(
    desk: AtDesk, caller: AsAnyone, lot_id: str, sensitivity: float = 1.0, specificity: float = 1.0
) -> PlanAnswer:
    """The sampling plan and its operating characteristic.

    `sensitivity` and `specificity`: of whoever looks at the sample; 1 never errs.
    """
    with desk.store.reading() as connection:
        fact = find_fact(connection, Kind.LOT, lot_id)
    if fact is None:
        raise not_found(NO_LOT)
    plan = lot_of(fact).plan
    machine = measured_model()
    return PlanAnswer(
        plan=plan,
        curves=_curves(plan, Reader(sensitivity=sensitivity, specificity=specificity)),
        machine=None
        if machine is None
        else MachineAlone(
            version=machine.version, reader=machine.reader, curves=_curves(plan, machine.reader)
        ),
    )


def _curves(plan: LotPlan, reader: Reader) -> tuple[Curve, ...]:
    return tuple(
        Curve(plan=of, points=tuple(operating_characteristic(of, lot_size=plan.lot_size, reader=reader)))
        for of in plan.classes
    )


def _spec(name: str) -> ProductSpec:
    # only shipped names: load_spec would also open a path
    if name not in shipped_specs():
        raise ItemRefused({"spec": FIELD_RULES["spec"]})
    return load_spec(name)


def _plan(connection: Connection, spec: ProductSpec, group: str, size: int) -> LotPlan:
    if spec.sampling is None:
        raise RequestRefused(
            CONFLICT,
            Message(
                id=f"Spesifikasi {spec.id} tidak punya rencana sampel. Pakai spesifikasi lain untuk lot.",
                en=f"The spec {spec.id} has no sampling scheme. Use another spec for lots.",
            ),
        )
    regimes = _regimes(connection, spec, group)
    return plan_lot(size, level=spec.sampling.level, aqls=spec.sampling.aqls, regimes=regimes)


def _regimes(connection: Connection, spec: ProductSpec, group: str) -> dict[Severity, Regime]:
    """Where the series has led each class. Refused while acceptance is stopped."""
    regimes: dict[Severity, Regime] = {}
    for severity, state in read_series(connection, spec, group=group).items():
        if state.regime is None:
            raise RequestRefused(CONFLICT, DISCONTINUED)
        regimes[severity] = state.regime
    return regimes


def _refuse_taken(connection: Connection, unit: str, member: Fact | None, *, resubmits: str | None) -> None:
    """A basket is in one lot at a time: in another only after that was refused and comes back in this one."""
    if member is not None and member.lot != resubmits:
        raise RequestRefused(
            CONFLICT,
            Message(
                id=f"Keranjang {unit} sudah ada di lot {member.lot}. Keluarkan dari daftar.",
                en=f"Item {unit} is in lot {member.lot} already. Take it off the list.",
            ),
        )


def _summary(connection: Connection, fact: Fact) -> LotSummary:
    lot = lot_of(fact)
    decided = find_fact(connection, Kind.LOT_DECISION, lot.id)
    return LotSummary(
        id=lot.id,
        group=lot.group,
        spec=lot.spec,
        size=len(lot.units),
        sample_size=len(lot.sample),
        formed_at=lot.formed_at,
        verdict="open" if decided is None else str(decided.body["verdict"]),
    )


def _file(desk: Desk, lot_id: str) -> LotFile:
    with desk.store.reading() as connection:
        file = read_lot_file(connection, lot_id, now=now())
    if file is None:
        raise not_found(NO_LOT)
    return file


def _answer(file: LotFile) -> LotAnswer:
    units = tuple(
        UnitAnswer(
            ref=unit.ref,
            in_sample=unit.in_sample,
            inspection=None if unit.inspection is None else summarise(unit.inspection),
            disposition=unit.disposition,
            eligibility=unit.eligibility,
        )
        for unit in file.units
    )
    return LotAnswer(
        lot=file.lot,
        decision=file.decision,
        decided=file.decided,
        changed_since_decided=file.changed_since_decided,
        counts=dict(file.counts),
        units=units,
    )


def _still_open(decision: LotDecision) -> Message:
    waiting = len({unit for need in decision.missing for unit in need.units})
    return Message(
        id=f"Lot belum bisa diputuskan: {waiting} keranjang masih menunggu. Lihat daftarnya di papan lot.",
        en=f"The lot cannot be decided yet: {waiting} items still wait. See the list on the lot's board.",
    )


DISCONTINUED = Message(
    id="Penerimaan dihentikan: lima lot ditolak pada pemeriksaan ketat. Perbaiki penyebabnya, lalu minta yang "
    "berwenang membukanya.",
    en="Acceptance is discontinued: five lots were refused on tightened inspection. Mend the cause, then ask "
    "the authority to lift it.",
)
