"""`/v1/reviews`: what waits for a person. `/v1/dispositions`: what the person decides. Makers may ask for a look."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fastapi import APIRouter, Response
from sqlalchemy import ColumnElement, Connection, and_, select

from qc_vision.decision import Verdict
from qc_vision.disposition import Disposition, ReviewRequest, Rework, dispose
from qc_vision.epcis import Naming, disposition_event, review_request_event, rework_event
from qc_vision.identifier import new_id
from qc_vision.message import Message
from qc_vision.spec import load_spec
from service.answers import InspectionAnswer, answer_inspection
from service.dependencies import AtDesk
from service.dossier import (
    disposition_body,
    find_lot_of,
    photographer_of,
    read_lot_file,
    verdict_of,
)
from service.entries import DispositionEntry, ReviewRequestEntry, ReworkEntry
from service.facts import Draft, Fact, Kind, WantedFacts, append_fact, find_fact, items_of, list_facts
from service.filing import filed_under
from service.item import ItemInspection
from service.ledger import Tail
from service.outbox import declare_superseded, surroundings_of, tell
from service.permission import AsFieldwork, AskedFirst, AsReviewer
from service.problems import CONFLICT, RequestRefused, not_found
from service.routes.paging import IfMatch, Limit, make_cursor, read_cursor, read_version, tag
from service.scope import inspections_within, refuse_foreign
from service.store import find_inspection, find_numbers, now, read_inspections
from service.tables import INSPECTIONS
from service.waiting import Waiting, count_waiting, list_waiting, own_photos, specs_of_two_persons

router = APIRouter(prefix="/v1", tags=["reviews"], route_class=AskedFirst)

Why = Literal["fail", "review", "maker_asks", "sample"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """One inspection that waits for a person. `version` goes into If-Match, null for a first decision.

    `request`: the words in which the maker asked, null where nobody asked or none were given.
    """

    why: Why
    request: str | None
    version: int | None
    inspection: InspectionAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """What the caller may decide, oldest first; `next_cursor` asks for the following page, null on the last.

    `for_others`: how many wait for another person, because the caller took their photos and the spec wants two.
    """

    reviews: tuple[Review, ...]
    next_cursor: str | None
    for_others: int


@router.get("/reviews")
def list_reviews(
    desk: AtDesk, caller: AsReviewer, lot: str | None = None, limit: Limit = 50, cursor: str | None = None
) -> Queue:
    """What the machine failed or was not sure of, and what makers asked for; with `lot`, that lot's alone, and its sample
    too."""
    after, own = read_cursor(cursor) or 0, own_photos(caller.code)
    within = inspections_within(caller)
    with desk.store.reading() as connection:
        # one more than asked tells whether there is a next page
        if lot is None:
            found = list_waiting(connection, and_(within, ~own), after=after, limit=limit + 1)
            for_others = count_waiting(connection, and_(within, own))
        else:
            refuse_foreign(connection, caller, lot=lot)
            of_lot, for_others = _of_lot(connection, lot, and_(within, ~own), caller.code)
            found = [waits for waits in of_lot if waits.seq > after][: limit + 1]
        page = found[:limit]
        of_page = select(INSPECTIONS).where(INSPECTIONS.c.seq.in_([waits.seq for waits in page]))
        inspections = read_inspections(connection, of_page.order_by(INSPECTIONS.c.seq))
        reviews = tuple(
            _review(connection, inspection, asked=waits.asked)
            for inspection, waits in zip(inspections, page, strict=True)
        )
    return Queue(
        reviews=reviews,
        next_cursor=make_cursor(page[-1].seq) if len(found) > limit else None,
        for_others=for_others,
    )


@router.post("/dispositions", status_code=201)
def decide(
    desk: AtDesk, caller: AsReviewer, response: Response, entry: DispositionEntry, if_match: IfMatch = None
) -> Fact:
    """A person's decision on an inspection; a later one, sent with the ETag of the one before, supersedes it."""
    with desk.store.writing() as (connection, tail):
        refuse_foreign(connection, caller, inspection=entry.inspection_id)
        inspection = find_inspection(connection, entry.inspection_id)
        if inspection is None:
            raise not_found(Message(id="Pemeriksaan itu", en="such inspection"))
        spec, ref = load_spec(inspection.item.spec), inspection.item.ref
        fact_id = new_id()
        disposition = dispose(
            verdict_of(inspection, photographer_of(connection, inspection.id)),
            id=fact_id,
            action=entry.action,
            severity=entry.severity,
            reason=entry.reason,
            by=caller.signs(entry.by),
            at=now(),
            two_persons=spec.two_persons,
        )
        decided = find_fact(connection, Kind.DISPOSITION, inspection.id)
        standing = list_facts(connection, WantedFacts(kind=Kind.DISPOSITION, subject=inspection.id))
        draft = Draft(
            kind=Kind.DISPOSITION,
            subject=inspection.id,
            by=caller.signs(entry.by),
            body=disposition_body(disposition),
            at=disposition.at,
            lot=None if ref is None else find_lot_of(connection, ref),
            item=ref,
        )
        after = read_version(if_match, exists=decided is not None)
        fact = append_fact(connection, tail, draft, after=after, id=fact_id)
        _tell(
            connection, tail, desk.naming, disposition, superseded=next(iter(standing), None), lot=draft.lot
        )
    return tag(response, fact)


@router.post("/reworks", status_code=201)
def record_rework(desk: AtDesk, caller: AsFieldwork, response: Response, entry: ReworkEntry) -> Fact:
    """A basket that was sent back has been mended; new photos follow."""
    with desk.store.writing() as (connection, tail):
        refuse_foreign(connection, caller, items=(entry.item,))
        latest = list_facts(connection, WantedFacts(kind=Kind.DISPOSITION, item=entry.item), limit=1)
        if not latest or latest[0].body["outcome"] != "rework":
            raise RequestRefused(CONFLICT, NOT_SENT_BACK)
        rework = Rework(id=new_id(), item_ref=entry.item, disposition_id=latest[0].id, at=now())
        around = surroundings_of(connection, entry.item)
        draft = Draft(
            kind=Kind.REWORK,
            subject=rework.id,
            by=caller.signs(entry.by),
            body={"disposition_id": rework.disposition_id},
            at=rework.at,
            lot=around.lot_id,
            item=entry.item,
        )
        fact = append_fact(connection, tail, draft, after=0, id=rework.id)
        event = rework_event(rework, desk.naming, around)
        tell(tail, event, type="rework.recorded", at=rework.at, lot=around.lot_id, item=entry.item)
    return tag(response, fact)


@router.post("/review-requests", status_code=201)
def ask_for_review(desk: AtDesk, caller: AsFieldwork, response: Response, entry: ReviewRequestEntry) -> Fact:
    """A maker asks that a person look again: the item waits until somebody has decided after that."""
    with desk.store.reading() as connection:
        refuse_foreign(connection, caller, items=(entry.item,), maker=entry.by)
    if desk.store.find_latest(entry.item) is None:
        raise not_found(Message(id="Pemeriksaan keranjang itu", en="inspection of such item"))
    with desk.store.writing() as (connection, tail):
        request = ReviewRequest(id=new_id(), item_ref=entry.item, at=now(), reason=entry.reason)
        around = surroundings_of(connection, entry.item)
        draft = Draft(
            kind=Kind.REVIEW_REQUEST,
            subject=request.id,
            by=entry.by,
            body={"reason": request.reason, "entered_by": caller.code},
            at=request.at,
            lot=around.lot_id,
            item=entry.item,
        )
        fact = append_fact(connection, tail, draft, after=0, id=request.id)
        event = review_request_event(request, desk.naming, around)
        tell(tail, event, type="review.requested", at=request.at, lot=around.lot_id, item=entry.item)
    return tag(response, fact)


def _of_lot(
    connection: Connection, lot: str, within: ColumnElement[bool], caller: str
) -> tuple[Sequence[Waiting], int]:
    """What of a lot waits for the caller, its sample too, oldest first; and how many wait for somebody else."""
    file = read_lot_file(connection, lot, now=now())
    if file is None:
        raise not_found(Message(id="Lot itu", en="such lot"))
    waiting = list_waiting(connection, and_(within, filed_under(items_of(lot))))
    need = {u for n in file.decision.missing for u in n.units if n.code in ("confirmation", "sample")}
    need -= {waits.ref for waits in waiting}
    for_others, looked_at = 0, dict[str, str]()
    for unit in file.units:
        seen = unit.inspection
        if seen is None or unit.ref not in need:
            continue
        if unit.photographer == caller and seen.item.spec in specs_of_two_persons():
            for_others += 1
        else:
            looked_at[seen.id] = unit.ref
    sample = [
        Waiting(seq=seq, ref=looked_at[id], asked=False)
        for id, seq in find_numbers(connection, list(looked_at)).items()
    ]
    return sorted([*waiting, *sample], key=lambda waits: waits.seq), for_others


def _tell(
    connection: Connection,
    tail: Tail,
    naming: Naming,
    disposition: Disposition,
    *,
    superseded: Fact | None,
    lot: str | None,
) -> None:
    """Tells of the decision; one that it supersedes without a maker having asked was an error, and is declared."""
    item = disposition.item_ref
    event = disposition_event(disposition, naming, surroundings_of(connection, item))
    if superseded is not None and not _asked_since(connection, superseded):
        declare_superseded(
            connection,
            tail,
            naming,
            kind="disposition",
            superseded=superseded,
            by_event=event,
            at=disposition.at,
        )
    tell(tail, event, type="disposition.recorded", at=disposition.at, lot=lot, item=item)


def _asked_since(connection: Connection, superseded: Fact) -> bool:
    requests = list_facts(connection, WantedFacts(kind=Kind.REVIEW_REQUEST, item=superseded.item), limit=1)
    return superseded.item is not None and bool(requests) and requests[0].seq > superseded.seq


def _review(connection: Connection, inspection: ItemInspection, *, asked: bool) -> Review:
    decided = find_fact(connection, Kind.DISPOSITION, inspection.id)
    why: Why = "sample"
    if asked:
        why = "maker_asks"
    elif inspection.verdict is Verdict.FAIL:
        why = "fail"
    elif inspection.verdict is Verdict.REVIEW:
        why = "review"
    return Review(
        why=why,
        request=_words_of_request(connection, inspection) if asked else None,
        version=None if decided is None else decided.version,
        inspection=answer_inspection(inspection),
    )


def _words_of_request(connection: Connection, inspection: ItemInspection) -> str | None:
    requests = WantedFacts(kind=Kind.REVIEW_REQUEST, item=inspection.item.ref)
    # none where the request was kept long enough and is purged
    return next((fact.body["reason"] for fact in list_facts(connection, requests, limit=1)), None)


NOT_SENT_BACK = Message(
    id="Keranjang ini tidak sedang dikembalikan untuk diperbaiki. Lihat riwayatnya.",
    en="This item was not sent back to be mended. See its history.",
)
