"""What an account that is held to village groups may see and write: the one place that says so, by kind of row.

A basket is of its lot's group; without a lot, of its maker's; without either, of whoever photographed or entered
it. A condition here is part of a query; `refuse_foreign` answers for single things as if they were not there.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    and_,
    exists,
    literal,
    or_,
    select,
    true,
)

from qc_vision.errors import QcVisionError
from qc_vision.message import Message
from service.body_path import BodyPath
from service.caller import Caller
from service.facts import Kind, corrected
from service.filing import filed_under, present_maker, present_ref
from service.tables import EVENTS, FACTS, INSPECTIONS, UPLOADS


class Foreign(QcVisionError):
    """Of a group that the account is not held to: answered like what is not there."""


def facts_within(caller: Caller) -> ColumnElement[bool]:
    """Which rows of FACTS the caller may see; withdrawals of models concern every group."""
    if caller.groups is None:
        return true()
    kind, subject, alone = FACTS.c.kind, FACTS.c.subject, FACTS.c.lot.is_(None)
    seen = select(INSPECTIONS.c.id).where(inspections_within(caller))
    return or_(
        FACTS.c.lot.in_(_lots(caller)),
        and_(alone, FACTS.c.item.is_not(None), _item_within(caller, FACTS.c.item)),
        and_(alone, kind.in_([Kind.PHOTOGRAPHED.value, Kind.DISPOSITION.value]), subject.in_(seen)),
        and_(kind == Kind.MAKER.value, subject.in_(_makers(caller))),
        and_(kind == Kind.GROUP.value, subject.in_(caller.groups)),
        and_(kind == Kind.SWITCHING.value, BodyPath(FACTS.c.body, "group").in_(caller.groups)),
        kind == Kind.MODEL_WITHDRAWAL.value,
    )


def inspections_within(caller: Caller, table: FromClause = INSPECTIONS) -> ColumnElement[bool]:
    """Which rows of INSPECTIONS the caller may see."""
    if caller.groups is None:
        return true()
    ref, maker = present_ref(table), present_maker(table)
    makers, photos = FACTS.alias(), FACTS.alias()
    registered = exists().where(makers.c.kind == Kind.MAKER.value, makers.c.subject == maker)
    own = exists().where(
        photos.c.kind == Kind.PHOTOGRAPHED.value, photos.c.subject == table.c.id, photos.c.by == caller.code
    )
    return or_(
        _in_lot_of(caller, ref),
        and_(~_in_a_lot(ref), or_(maker.in_(_makers(caller)), and_(~registered, own))),
    )


def events_within(caller: Caller) -> ColumnElement[bool]:
    """Which rows of EVENTS the caller may see."""
    if caller.groups is None:
        return true()
    # an event of an inspection without a code is filed under the inspection
    seen = select(INSPECTIONS.c.id).where(inspections_within(caller))
    return or_(
        EVENTS.c.lot.in_(_lots(caller)),
        and_(
            EVENTS.c.lot.is_(None),
            EVENTS.c.item.is_not(None),
            or_(_item_within(caller, EVENTS.c.item), EVENTS.c.item.in_(seen)),
        ),
    )


def refuse_foreign(
    connection: Connection,
    caller: Caller,
    *,
    group: str | None = None,
    maker: str | None = None,
    lot: str | None = None,
    items: Iterable[str | None] = (),
    inspection: str | None = None,
    upload: str | None = None,
    entry: str | None = None,
) -> None:
    """Raises Foreign where one of these is there, but not within the caller's groups.

    What is not there at all passes: it may be made. `entry`: a check's or a paper's subject.
    """
    if caller.groups is None:
        return
    if group is not None and group not in caller.groups:
        raise Foreign(HIDDEN)
    # IS NOT TRUE: a condition on an empty column is unknown, and unknown is foreign
    foreign: list[Select[Any]] = []
    for kinds, subject in (
        ([Kind.MAKER], maker),
        ([Kind.LOT], lot),
        ([Kind.CHECK, Kind.DOCUMENT], entry),
    ):
        if subject is not None:
            named = and_(FACTS.c.kind.in_([kind.value for kind in kinds]), FACTS.c.subject == subject)
            foreign.append(select(FACTS.c.seq).where(named, facts_within(caller).is_not(true())))
    if inspection is not None:
        named = INSPECTIONS.c.id == inspection
        foreign.append(select(INSPECTIONS.c.seq).where(named, inspections_within(caller).is_not(true())))
    if upload is not None:
        # its inspection has the same id; until there is one, only the sender knows of it
        of_upload = INSPECTIONS.c.id == upload
        own = and_(UPLOADS.c.by == caller.code, ~exists().where(of_upload))
        theirs = or_(own, exists().where(of_upload, inspections_within(caller))).is_not(true())
        foreign.append(select(UPLOADS.c.id).where(UPLOADS.c.id == upload, theirs))
    for item in items:
        if item is not None:
            ref = literal(item)
            # facts of inspections count where the inspection is filed now
            of_item = (FACTS.c.item == ref, FACTS.c.kind.not_in(OF_INSPECTIONS))
            known = or_(exists().where(*of_item), exists().where(filed_under(ref)))
            foreign.append(select(ref).where(known, _item_within(caller, ref).is_not(true())))
    for query in foreign:
        if connection.execute(query.limit(1)).first() is not None:
            raise Foreign(HIDDEN)


OF_INSPECTIONS = [kind.value for kind in (Kind.PHOTOGRAPHED, Kind.DISPOSITION, Kind.FILED, Kind.UNFILED)]
"""Kinds of facts whose subject is an inspection."""


def _item_within(caller: Caller, ref: ColumnElement[Any]) -> ColumnElement[bool]:
    seen, entered = INSPECTIONS.alias(), FACTS.alias()
    photographed = exists().where(filed_under(ref, seen), inspections_within(caller, seen))
    stated = exists().where(
        entered.c.kind == Kind.ITEM.value,
        entered.c.subject == ref,
        or_(BodyPath(entered.c.body, "maker").in_(_makers(caller)), entered.c.by == caller.code),
        ~corrected(entered),
    )
    return or_(_in_lot_of(caller, ref), and_(~_in_a_lot(ref), or_(photographed, stated)))


def _in_lot_of(caller: Caller, ref: ColumnElement[Any]) -> ColumnElement[bool]:
    members = FACTS.alias()
    of_ref = (members.c.kind == Kind.MEMBERSHIP.value, members.c.subject == ref)
    return exists().where(*of_ref, members.c.lot.in_(_lots(caller)))


def _in_a_lot(ref: ColumnElement[Any]) -> ColumnElement[bool]:
    members = FACTS.alias()
    return exists().where(members.c.kind == Kind.MEMBERSHIP.value, members.c.subject == ref)


def _lots(caller: Caller) -> Select[tuple[str]]:
    lots = FACTS.alias()
    group = BodyPath(lots.c.body, "lot", "group")
    return select(lots.c.subject).where(lots.c.kind == Kind.LOT.value, group.in_(caller.groups or ()))


def _makers(caller: Caller) -> Select[tuple[str]]:
    makers = FACTS.alias()
    group = BodyPath(makers.c.body, "group")
    return select(makers.c.subject).where(
        makers.c.kind == Kind.MAKER.value, group.in_(caller.groups or ()), ~corrected(makers)
    )


HIDDEN = Message(
    id="Itu tidak ada. Periksa kodenya; akun Anda hanya melihat kelompok desanya sendiri.",
    en="There is no such thing. Check its code; your account sees its own village groups alone.",
)
