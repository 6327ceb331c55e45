"""`/v1/checks` and `/v1/documents`: what an instrument showed, what a person felt, and the papers of a lot."""

from typing import Any

from fastapi import APIRouter, Response

from qc_vision.identifier import new_id
from qc_vision.message import Message
from service.caller import Caller
from service.dependencies import AtDesk, Desk
from service.entries import CheckEntry, DocumentEntry, body_of
from service.facts import Draft, Fact, Kind, append_fact, find_fact
from service.permission import AsFieldwork, AskedFirst, AsLots
from service.problems import not_found
from service.routes.paging import IfMatch, read_version, tag
from service.scope import refuse_foreign
from service.store import now

router = APIRouter(prefix="/v1", tags=["checks"], route_class=AskedFirst)

NO_LOT = Message(id="Lot itu", en="such lot")
NO_ENTRY = Message(id="Catatan itu", en="such entry")


@router.post("/checks", status_code=201)
def add_check(desk: AtDesk, caller: AsFieldwork, response: Response, entry: CheckEntry) -> Fact:
    """A human check of an item or of its whole lot."""
    return _keep(desk, caller, response, Kind.CHECK, entry, item=entry.item, lot=entry.lot)


@router.put("/checks/{subject}")
def correct_check(
    desk: AtDesk,
    caller: AsFieldwork,
    response: Response,
    subject: str,
    entry: CheckEntry,
    if_match: IfMatch = None,
) -> Fact:
    """A check corrected; the wrong one stays on record. `subject`: as it was answered when it was added."""
    return _keep(
        desk,
        caller,
        response,
        Kind.CHECK,
        entry,
        item=entry.item,
        lot=entry.lot,
        subject=subject,
        if_match=if_match,
    )


@router.post("/documents", status_code=201)
def add_document(desk: AtDesk, caller: AsLots, response: Response, entry: DocumentEntry) -> Fact:
    """A paper of a lot: the Lacey declaration, or proof of treatment against pests."""
    return _keep(desk, caller, response, Kind.DOCUMENT, entry, item=None, lot=entry.lot)


@router.put("/documents/{subject}")
def correct_document(
    desk: AtDesk,
    caller: AsLots,
    response: Response,
    subject: str,
    entry: DocumentEntry,
    if_match: IfMatch = None,
) -> Fact:
    """A paper corrected; the wrong one stays on record."""
    return _keep(
        desk,
        caller,
        response,
        Kind.DOCUMENT,
        entry,
        item=None,
        lot=entry.lot,
        subject=subject,
        if_match=if_match,
    )


def _keep(
    desk: Desk,
    caller: Caller,
    response: Response,
    kind: Kind,
    entry: Any,
    *,
    item: str | None,
    lot: str | None,
    subject: str | None = None,
    if_match: str | None = None,
) -> Fact:
    fact_id = new_id()
    with desk.store.writing() as (connection, tail):
        refuse_foreign(connection, caller, lot=lot, items=(item,))
        if lot is not None and find_fact(connection, Kind.LOT, lot) is None:
            raise not_found(NO_LOT)
        if subject is not None and find_fact(connection, kind, subject) is None:
            raise not_found(NO_ENTRY)
        draft = Draft(
            kind=kind,
            subject=subject or fact_id,
            by=caller.signs(entry.by),
            body=body_of(entry),
            at=now(),
            # a check of one item is filed under the item: under its lot it would speak for all of it
            lot=lot,
            item=item,
        )
        after = read_version(if_match, exists=subject is not None)
        fact = append_fact(connection, tail, draft, after=after, id=fact_id)
    return tag(response, fact)
