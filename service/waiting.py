"""Which inspections wait for a person: what the machine failed or was not sure of, and what makers asked for."""

from sqlalchemy import Connection, Exists, exists, select

from qc_vision.decision import Verdict
from service.facts import Kind
from service.item import ItemInspection
from service.store import read_inspections
from service.tables import FACTS, INSPECTIONS

AT_MOST = 50
"""Inspections in one answer of the queue: the page asks again when it has worked through them."""


def undecided(connection: Connection) -> list[ItemInspection]:
    """The last inspection of each item, where the machine failed it or was not sure and nobody decided."""
    decided = exists().where(FACTS.c.kind == Kind.DISPOSITION.value, FACTS.c.subject == INSPECTIONS.c.id)
    query = (
        select(INSPECTIONS)
        .where(INSPECTIONS.c.verdict.in_([Verdict.FAIL.value, Verdict.REVIEW.value]), ~decided, ~_has_later())
        .order_by(INSPECTIONS.c.seq)
        .limit(AT_MOST + 1)
    )
    return list(read_inspections(connection, query))


def asked_for(connection: Connection) -> list[ItemInspection]:
    """The last inspection of each item whose maker asked, where nobody has decided since."""
    decision = FACTS.alias("decision")
    since = exists().where(
        decision.c.kind == Kind.DISPOSITION.value,
        decision.c.item == FACTS.c.item,
        decision.c.seq > FACTS.c.seq,
    )
    items = select(FACTS.c.item).where(FACTS.c.kind == Kind.REVIEW_REQUEST.value, ~since)
    query = (
        select(INSPECTIONS)
        .where(INSPECTIONS.c.ref.in_(items), ~_has_later())
        .order_by(INSPECTIONS.c.seq)
        .limit(AT_MOST + 1)
    )
    return list(read_inspections(connection, query))


def _has_later() -> Exists:
    later = INSPECTIONS.alias("later")
    return exists().where(later.c.ref == INSPECTIONS.c.ref, later.c.seq > INSPECTIONS.c.seq)
