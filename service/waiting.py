"""Which inspections wait for a person: what the machine failed or was not sure of, and what makers asked for.

The table `waiting` names them, so that the queue costs what waits and not all that was ever failed. It can be
computed again from what is kept; every append that may change who waits refreshes it in its own transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from sqlalchemy import (
    ColumnElement,
    Connection,
    Exists,
    and_,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
)

from qc_vision.decision import Verdict
from qc_vision.spec import load_spec, shipped_specs
from service.filing import filed_under, not_refiled_since, present_ref
from service.tables import FACTS, INSPECTIONS, WAITING

DECIDED, ASKED = "disposition", "review_request"
"""Kinds of facts that change who waits."""
PHOTOGRAPHED = "photographed"
"""The kind of fact that says who took an inspection's photos."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An inspection that waits, by its `seq`, and the basket that it is filed under. `asked`: its maker asked."""

    seq: int
    ref: str | None
    asked: bool


def refresh(connection: Connection, *, inspection_id: str, ref: str | None) -> None:
    """Finds again who waits, of all inspections of the item `ref`, or of the one inspection without an item."""
    of_item = INSPECTIONS.c.id == inspection_id if ref is None else filed_under(ref)
    asked, undecided = _asked(), _undecided()
    now_waiting = select(INSPECTIONS.c.seq, asked, undecided).where(of_item, or_(asked, undecided))
    connection.execute(delete(WAITING).where(WAITING.c.seq.in_(select(INSPECTIONS.c.seq).where(of_item))))
    connection.execute(insert(WAITING).from_select(["seq", "asked", "undecided"], now_waiting))


def list_waiting(
    connection: Connection, within: ColumnElement[bool], *, after: int = 0, limit: int | None = None
) -> Sequence[Waiting]:
    """What waits and the caller may see, oldest first, after the one numbered `after`: what the machine failed, where nobody
    has decided on it or on later photos of the item; the last of each item, or one that names no item, where it was not
    sure and nobody decided; and the last of each item whose maker asked, where nobody decided since."""
    # not a join: SQLite would begin it with all that was ever failed
    asked = INSPECTIONS.c.seq.in_(select(WAITING.c.seq).where(WAITING.c.asked))
    listed = INSPECTIONS.c.seq.in_(select(WAITING.c.seq).where(WAITING.c.seq > after))
    query = select(INSPECTIONS.c.seq, present_ref().label("ref"), asked.label("asked"))
    query = query.where(listed, within).order_by(INSPECTIONS.c.seq).limit(limit)
    return [Waiting(seq=row.seq, ref=row.ref, asked=bool(row.asked)) for row in connection.execute(query)]


def own_photos(caller: str) -> ColumnElement[bool]:
    """Rows of INSPECTIONS that are not the caller's to decide: of a spec that wants two persons, photographed by the
    caller."""
    theirs = exists().where(
        FACTS.c.kind == PHOTOGRAPHED, FACTS.c.subject == INSPECTIONS.c.id, FACTS.c.by == caller
    )
    return and_(INSPECTIONS.c.spec.in_(specs_of_two_persons()), theirs)


def count_waiting(connection: Connection, within: ColumnElement[bool]) -> int:
    """How many inspections wait that the caller may see."""
    listed = INSPECTIONS.c.seq.in_(select(WAITING.c.seq))
    return connection.execute(
        select(func.count()).select_from(INSPECTIONS).where(listed, within)
    ).scalar_one()


@cache
def specs_of_two_persons() -> tuple[str, ...]:
    """Names of the specs whose photographer may not decide."""
    return tuple(name for name in shipped_specs() if load_spec(name).two_persons)


def _undecided() -> ColumnElement[bool]:
    decided = exists().where(
        FACTS.c.kind == DECIDED, FACTS.c.subject == INSPECTIONS.c.id, not_refiled_since(FACTS)
    )
    failed = and_(INSPECTIONS.c.verdict == Verdict.FAIL.value, ~_decided_later())
    unsure = and_(INSPECTIONS.c.verdict == Verdict.REVIEW.value, ~_has_later())
    return and_(or_(failed, unsure), ~decided)


def _decided_later() -> Exists:
    """On a later inspection of the same item: whoever decided could see this one."""
    decision, later = FACTS.alias("decision"), INSPECTIONS.alias("later")
    return exists().where(
        decision.c.kind == DECIDED,
        decision.c.item == present_ref(),
        not_refiled_since(decision),
        later.c.id == decision.c.subject,
        later.c.seq > INSPECTIONS.c.seq,
    )


def _asked() -> ColumnElement[bool]:
    request, decision = FACTS.alias("request"), FACTS.alias("decision")
    since = exists().where(
        decision.c.kind == DECIDED,
        decision.c.item == request.c.item,
        decision.c.seq > request.c.seq,
        not_refiled_since(decision),
    )
    open_request = exists().where(request.c.kind == ASKED, request.c.item == present_ref(), ~since)
    return and_(open_request, ~_has_later())


def _has_later() -> Exists:
    later = INSPECTIONS.alias("later")
    return exists().where(filed_under(present_ref(), later), later.c.seq > INSPECTIONS.c.seq)
