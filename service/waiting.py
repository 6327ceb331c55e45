"""Which inspections wait for a person: what the machine failed or was not sure of, and what makers asked for.

The table `waiting` names them, so that the queue costs what waits and not all that was ever failed. It can be
computed again from what is kept; every append that may change who waits refreshes it in its own transaction.
"""

from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Exists,
    Select,
    and_,
    delete,
    exists,
    insert,
    or_,
    select,
)

from qc_vision.decision import Verdict
from service.filing import filed_under, not_refiled_since, present_ref
from service.tables import FACTS, INSPECTIONS, WAITING

DECIDED, ASKED = "disposition", "review_request"
"""Kinds of facts that change who waits."""


def refresh(connection: Connection, *, inspection_id: str, ref: str | None) -> None:
    """Finds again who waits, of all inspections of the item `ref`, or of the one inspection without an item."""
    of_item = INSPECTIONS.c.id == inspection_id if ref is None else filed_under(ref)
    asked, undecided = _asked(), _undecided()
    now_waiting = select(INSPECTIONS.c.seq, asked, undecided).where(
        of_item, or_(asked, undecided), ~_has_later()
    )
    connection.execute(delete(WAITING).where(WAITING.c.seq.in_(select(INSPECTIONS.c.seq).where(of_item))))
    connection.execute(insert(WAITING).from_select(["seq", "asked", "undecided"], now_waiting))


def undecided(within: ColumnElement[bool], *, limit: int) -> Select[Any]:
    """Rows of INSPECTIONS that the caller may see, oldest first: the last of each item, where the machine failed it
    or was not sure and nobody decided; and each such inspection that names no item."""
    return _oldest(WAITING.c.undecided, within, limit)


def asked_for(within: ColumnElement[bool], *, limit: int) -> Select[Any]:
    """Rows of INSPECTIONS that the caller may see, oldest first: the last of each item whose maker asked, where
    nobody decided since."""
    return _oldest(WAITING.c.asked, within, limit)


def _oldest(which: Column[bool], within: ColumnElement[bool], limit: int) -> Select[Any]:
    # not a join: SQLite would begin it with all that was ever failed
    listed = INSPECTIONS.c.seq.in_(select(WAITING.c.seq).where(which))
    return select(INSPECTIONS).where(listed, within).order_by(INSPECTIONS.c.seq).limit(limit)


def _undecided() -> ColumnElement[bool]:
    decided = exists().where(
        FACTS.c.kind == DECIDED, FACTS.c.subject == INSPECTIONS.c.id, not_refiled_since(FACTS)
    )
    return and_(INSPECTIONS.c.verdict.in_([Verdict.FAIL.value, Verdict.REVIEW.value]), ~decided)


def _asked() -> Exists:
    request, decision = FACTS.alias("request"), FACTS.alias("decision")
    since = exists().where(
        decision.c.kind == DECIDED,
        decision.c.item == request.c.item,
        decision.c.seq > request.c.seq,
        not_refiled_since(decision),
    )
    return exists().where(request.c.kind == ASKED, request.c.item == present_ref(), ~since)


def _has_later() -> Exists:
    later = INSPECTIONS.alias("later")
    return exists().where(filed_under(present_ref(), later), later.c.seq > INSPECTIONS.c.seq)
