"""What people and the service state, kept as versions: a correction is the next version and hides nothing.

A fact's kind and subject name the thing; `version` 1 states it first. No rules of quality here, no HTTP.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import rfc8785
from sqlalchemy import ColumnElement, Connection, FromClause, Row, Select, exists, func, or_, select

from qc_vision.errors import QcVisionError
from qc_vision.identifier import new_id
from qc_vision.message import Message
from service import waiting
from service.body_path import BodyPath
from service.filing import not_refiled_since
from service.ledger import Tail
from service.tables import FACTS


class Kind(StrEnum):
    """What a fact speaks of; the value stands in the database and in `/v1/facts`.

    `filed`: an inspection goes with another basket than before; `unfiled`: the same, for the basket that it leaves.
    """

    GROUP = "group"
    MAKER = "maker"
    ITEM = "item"
    LOT = "lot"
    MEMBERSHIP = "membership"
    PHOTOGRAPHED = "photographed"
    DISPOSITION = "disposition"
    REWORK = "rework"
    REVIEW_REQUEST = "review_request"
    FILED = "filed"
    UNFILED = "unfiled"
    CHECK = "check"
    DOCUMENT = "document"
    LOT_DECISION = "lot_decision"
    CERTIFICATE = "certificate"
    SWITCHING = "switching"
    MODEL_WITHDRAWAL = "model_withdrawal"
    PURGE = "purge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A fact to be kept. `lot` and `item` are what it is filed under, None where it is about neither."""

    kind: Kind
    subject: str
    by: str
    body: Mapping[str, Any]
    at: datetime
    lot: str | None = None
    item: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A kept fact. `seq` is its place in the ledger."""

    seq: int
    id: str
    kind: Kind
    subject: str
    version: int
    lot: str | None
    item: str | None
    at: datetime
    by: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedFacts:
    """Which facts to read; None: any. `current`: only the last version of each subject,
    and no decision on an inspection that was filed under another basket since.

    `lot_and_its_items`: filed under that lot, or under an item that was put in it. `group`: what names that
    village group: lots, makers, switching decisions. `maker`: what names that maker: items, filings.
    `within`: the caller's, see `scope.facts_within`.
    """

    kind: Kind | None = None
    subject: str | None = None
    lot: str | None = None
    item: str | None = None
    by: str | None = None
    lot_and_its_items: str | None = None
    group: str | None = None
    maker: str | None = None
    current: bool = True
    within: ColumnElement[bool] | None = None


class AlreadyThere(QcVisionError):
    """The first version of something that exists."""


class EditedMeanwhile(QcVisionError):
    """Another version than the one that the edit was made from is in force."""


def append_fact(
    connection: Connection, tail: Tail, draft: Draft, *, after: int, id: str | None = None
) -> Fact:
    """Keeps the next version of a fact. `after`: the version it was made from, 0 for the first.

    Raises AlreadyThere or EditedMeanwhile where another version is in force.
    """
    before = find_fact(connection, draft.kind, draft.subject)
    in_force = 0 if before is None else before.version
    if in_force != after:
        raise _refuse(draft, in_force=in_force, after=after)
    row: dict[str, str | int | None] = {
        "id": id or new_id(),
        "kind": draft.kind.value,
        "subject": draft.subject,
        "version": after + 1,
        "lot": draft.lot,
        "item": draft.item,
        "at": draft.at.isoformat(),
        "by": draft.by,
        "body": rfc8785.dumps(dict(draft.body)).decode(),
    }
    seq = tail.append(FACTS, row)
    if draft.kind.value in (waiting.DECIDED, waiting.ASKED):
        waiting.refresh(connection, inspection_id=draft.subject, ref=draft.item)
    return Fact(
        seq=seq,
        id=str(row["id"]),
        kind=draft.kind,
        subject=draft.subject,
        version=after + 1,
        lot=draft.lot,
        item=draft.item,
        at=draft.at,
        by=draft.by,
        body=dict(draft.body),
    )


def find_fact(connection: Connection, kind: Kind, subject: str) -> Fact | None:
    """The version in force, None where nothing was stated."""
    query = select(FACTS).where(FACTS.c.kind == kind.value, FACTS.c.subject == subject)
    row = connection.execute(query.order_by(FACTS.c.version.desc()).limit(1)).first()
    return None if row is None else _fact(row)


def list_facts(
    connection: Connection, wanted: WantedFacts, *, limit: int | None = None, before: int | None = None
) -> Sequence[Fact]:
    """Facts, newest first, older than the one numbered `before`."""
    query: Select[Any] = select(FACTS).order_by(FACTS.c.seq.desc())
    for condition in _conditions(wanted):
        query = query.where(condition)
    if before is not None:
        query = query.where(FACTS.c.seq < before)
    if limit is not None:
        query = query.limit(limit)
    return [_fact(row) for row in connection.execute(query)]


def items_of(lot: str) -> Select[tuple[str]]:
    """The refs of all items that were put in a lot, as a query to be part of another."""
    members = FACTS.alias("members")
    return select(members.c.item).where(
        members.c.kind == Kind.MEMBERSHIP.value, members.c.lot == lot, members.c.item.is_not(None)
    )


def corrected(facts: FromClause) -> ColumnElement[bool]:
    """Which facts are no longer in force: a later version says otherwise."""
    later = FACTS.alias()
    return exists().where(
        later.c.kind == facts.c.kind, later.c.subject == facts.c.subject, later.c.version > facts.c.version
    )


def _conditions(wanted: WantedFacts) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.kind is not None:
        conditions.append(FACTS.c.kind == wanted.kind.value)
    for name in ("subject", "lot", "item", "by"):
        value = getattr(wanted, name)
        if value is not None:
            conditions.append(FACTS.c[name] == value)
    if wanted.lot_and_its_items is not None:
        lot = wanted.lot_and_its_items
        conditions.append(or_(FACTS.c.lot == lot, FACTS.c.item.in_(items_of(lot))))
    if wanted.group is not None:
        of_lot, of_itself = BodyPath(FACTS.c.body, "lot", "group"), BodyPath(FACTS.c.body, "group")
        conditions.append(or_(of_lot == wanted.group, of_itself == wanted.group))
    if wanted.maker is not None:
        conditions.append(BodyPath(FACTS.c.body, "maker") == wanted.maker)
    if wanted.within is not None:
        conditions.append(wanted.within)
    if wanted.current:
        other = FACTS.alias()
        last = select(func.max(other.c.version)).where(
            other.c.kind == FACTS.c.kind, other.c.subject == FACTS.c.subject
        )
        conditions.append(FACTS.c.version == last.scalar_subquery())
        conditions.append(or_(FACTS.c.kind != Kind.DISPOSITION.value, not_refiled_since(FACTS)))
    return conditions


def _fact(row: Row[Any]) -> Fact:
    return Fact(
        seq=row.seq,
        id=row.id,
        kind=Kind(row.kind),
        subject=row.subject,
        version=row.version,
        lot=row.lot,
        item=row.item,
        at=datetime.fromisoformat(row.at),
        by=row.by,
        body=json.loads(row.body),
    )


def _refuse(draft: Draft, *, in_force: int, after: int) -> QcVisionError:
    if after == 0:
        return AlreadyThere(
            Message(
                id=f"{draft.subject} sudah ada. Buka catatannya, atau pakai kode lain.",
                en=f"{draft.subject} is there already. Open it, or use another code.",
            )
        )
    return EditedMeanwhile(
        Message(
            id=f"{draft.subject} sudah diubah orang lain (versi {in_force}, bukan {after}). Muat ulang lalu coba lagi.",
            en=f"{draft.subject} was changed meanwhile (version {in_force}, not {after}). Load it again, then retry.",
        )
    )
