"""`/v1/groups`, `/v1/makers`, `/v1/items`, `/v1/model-withdrawals`: what persons enter once and may correct; and `/v1/facts`, all of it.

A correction is sent with the ETag of the version that it corrects, and hides nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Response
from sqlalchemy import select

from qc_vision.message import Message
from service.answers import InspectionAnswer, answer_inspection
from service.caller import Caller
from service.dependencies import AtDesk, Desk
from service.dossier import find_lot_of
from service.entries import GroupEntry, ItemEntry, MakerEntry, WithdrawalEntry, body_of
from service.export import TABLES, ListFormat, Row, answer_table
from service.facts import Draft, Fact, Kind, WantedFacts, append_fact, find_fact, list_facts
from service.filing import present_maker
from service.item import MakerCode, Ref
from service.permission import AsAdmin, AsAnyone, AsFieldwork, AskedFirst, AsModelKeeper, AsRegistrar
from service.problems import not_found
from service.routes.paging import FIRST_VERSION, IfMatch, Limit, make_cursor, read_cursor, read_version, tag
from service.scope import facts_within, inspections_within, refuse_foreign
from service.store import PORTION, now, read_inspections
from service.tables import INSPECTIONS
from service.tabulate import FACT_COLUMNS, fact_row

router = APIRouter(prefix="/v1", tags=["register"], route_class=AskedFirst)

ABOUT_A_BASKET = frozenset({Kind.MEMBERSHIP, Kind.DISPOSITION, Kind.REWORK, Kind.CHECK})
"""What is said of a basket is said of its maker too. Other kinds may name another maker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FactsPage:
    """Facts, newest first; `next_cursor` asks for the following page, null on the last."""

    facts: tuple[Fact, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MakerData:
    """Inspections of the maker's baskets, what persons decided and checked on them, and facts about the maker or by
    the maker; old versions too."""

    maker: str
    inspections: tuple[InspectionAnswer, ...]
    facts: tuple[Fact, ...]


@router.put("/groups/{group}", responses=FIRST_VERSION)
def put_group(
    desk: AtDesk, caller: AsAdmin, response: Response, group: Ref, entry: GroupEntry, if_match: IfMatch = None
) -> Fact:
    """A village group, stated or corrected."""
    return _put(desk, caller, response, Kind.GROUP, group, entry, if_match)


@router.get("/groups/{group}")
def read_group(desk: AtDesk, caller: AsAnyone, response: Response, group: Ref) -> Fact:
    return _read(desk, response, Kind.GROUP, group, Message(id="Kelompok itu", en="such group"))


@router.put("/makers/{maker}", responses=FIRST_VERSION)
def put_maker(
    desk: AtDesk,
    caller: AsRegistrar,
    response: Response,
    maker: MakerCode,
    entry: MakerEntry,
    if_match: IfMatch = None,
) -> Fact:
    """A maker, by code alone, stated or corrected."""
    return _put(desk, caller, response, Kind.MAKER, maker, entry, if_match)


@router.get("/makers/{maker}")
def read_maker(desk: AtDesk, caller: AsAnyone, response: Response, maker: MakerCode) -> Fact:
    return _read(desk, response, Kind.MAKER, maker, Message(id="Perajin itu", en="such maker"))


@router.get("/makers/{maker}/data")
def export_maker(desk: AtDesk, caller: AsAdmin, maker: MakerCode) -> MakerData:
    """All that is on record of a maker, as the law on personal data lets the maker ask for."""
    within = facts_within(caller)
    with desk.store.reading() as connection:
        theirs = select(INSPECTIONS).where(present_maker() == maker, inspections_within(caller))
        inspections = read_inspections(connection, theirs)
        named = [
            WantedFacts(kind=Kind.MAKER, subject=maker, current=False, within=within),
            WantedFacts(by=maker, current=False, within=within),
            WantedFacts(kind=Kind.ITEM, maker=maker, current=False, within=within),
        ]
        facts = [fact for wanted in named for fact in list_facts(connection, wanted)]
        items = list_facts(connection, WantedFacts(kind=Kind.ITEM, maker=maker, within=within))
        baskets = {fact.subject for fact in items} | {i.item.ref for i in inspections if i.item.ref}
        for ref in sorted(baskets):
            of_basket = list_facts(connection, WantedFacts(item=ref, current=False, within=within))
            facts += [fact for fact in of_basket if fact.kind in ABOUT_A_BASKET]
    return MakerData(
        maker=maker, inspections=tuple(answer_inspection(i) for i in inspections), facts=tuple(facts)
    )


@router.put("/items/{ref}", responses=FIRST_VERSION)
def put_item(
    desk: AtDesk,
    caller: AsFieldwork,
    response: Response,
    ref: Ref,
    entry: ItemEntry,
    if_match: IfMatch = None,
) -> Fact:
    """What is known of a basket beside its photos, stated or corrected."""
    return _put(desk, caller, response, Kind.ITEM, ref, entry, if_match)


@router.get("/items/{ref}")
def read_item(desk: AtDesk, caller: AsAnyone, response: Response, ref: Ref) -> Fact:
    return _read(desk, response, Kind.ITEM, ref, Message(id="Keranjang itu", en="such item"))


@router.put("/model-withdrawals/{version}", responses=FIRST_VERSION)
def put_withdrawal(
    desk: AtDesk,
    caller: AsModelKeeper,
    response: Response,
    version: Ref,
    entry: WithdrawalEntry,
    if_match: IfMatch = None,
) -> Fact:
    """A model withdrawn: items that it graded are held back until a person or another model has seen them."""
    return _put(desk, caller, response, Kind.MODEL_WITHDRAWAL, version, entry, if_match)


@router.get("/facts", responses=TABLES, response_model=FactsPage)
def list_all_facts(
    desk: AtDesk,
    caller: AsAnyone,
    kind: Kind | None = None,
    subject: str | None = None,
    lot: str | None = None,
    item: str | None = None,
    by: str | None = None,
    current: bool = False,
    limit: Limit = 50,
    cursor: str | None = None,
    format: ListFormat = "json",
) -> Any:
    """All facts with their whole history; `current=true` leaves out what was corrected since.

    `format=csv` and `format=parquet` give all that match, without pages.
    """
    wanted = WantedFacts(
        kind=kind, subject=subject, lot=lot, item=item, by=by, current=current, within=facts_within(caller)
    )
    if format != "json":
        return answer_table("facts", FACT_COLUMNS, _portions(desk, wanted), format=format)
    with desk.store.reading() as connection:
        found = list_facts(connection, wanted, limit=limit + 1, before=read_cursor(cursor))
    page = tuple(found[:limit])
    return FactsPage(facts=page, next_cursor=make_cursor(page[-1].seq) if len(found) > limit else None)


def _put(
    desk: Desk, caller: Caller, response: Response, kind: Kind, subject: str, entry: Any, if_match: str | None
) -> Fact:
    with desk.store.writing() as (connection, tail):
        # the maker of a basket, the group of a maker
        maker, group = getattr(entry, "maker", None), getattr(entry, "group", None)
        refuse_foreign(connection, caller, maker=maker, group=group)
        exists = find_fact(connection, kind, subject) is not None
        item = subject if kind is Kind.ITEM else None
        draft = Draft(
            kind=kind,
            subject=subject,
            by=caller.signs(entry.by),
            body=body_of(entry),
            at=now(),
            lot=None if item is None else find_lot_of(connection, item),
            item=item,
        )
        fact = append_fact(connection, tail, draft, after=read_version(if_match, exists=exists))
    response.status_code = 200 if exists else 201
    return tag(response, fact)


def _read(desk: Desk, response: Response, kind: Kind, subject: str, what: Message) -> Fact:
    with desk.store.reading() as connection:
        fact = find_fact(connection, kind, subject)
    if fact is None:
        raise not_found(what)
    return tag(response, fact)


def _portions(desk: Desk, wanted: WantedFacts) -> Iterator[Sequence[Row]]:
    """Rows in portions, each read in its own short transaction."""
    before = None
    while True:
        with desk.store.reading() as connection:
            found = list_facts(connection, wanted, limit=PORTION, before=before)
        if not found:
            return
        yield [fact_row(fact) for fact in found]
        before = found[-1].seq
