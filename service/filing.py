"""Under which basket an inspection is filed: the one it was sent for, until a person files it under another.

A filing is a fact about the inspection, whose row never changes. Here is what queries ask of it; see
`service.refiling` for how it is done.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Select, and_, case, exists, func, or_, select

from service.body_path import BodyPath
from service.tables import FACTS, INSPECTIONS

FILED = "filed"
"""The kind of fact that files an inspection (`subject`) under a basket (`item`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filing:
    """Where an inspection was last filed. `maker`: of that basket, None where nobody said."""

    ref: str
    maker: str | None


def present_ref(table: FromClause = INSPECTIONS) -> ColumnElement[Any]:
    """The basket that a row of inspections is filed under now, NULL for none."""
    filed = FACTS.alias()
    return func.coalesce(_last(filed.c.item, filed, table), table.c.ref)


def present_maker(table: FromClause = INSPECTIONS) -> ColumnElement[Any]:
    """The maker's code of a row: what was said of the wrong basket no longer counts."""
    filed = FACTS.alias()
    maker = _last(BodyPath(filed.c.body, "maker"), filed, table)
    return case((_is_refiled(table), maker), else_=table.c.maker)


def filed_under(
    ref: str | ColumnElement[Any] | Select[Any], table: FromClause = INSPECTIONS
) -> ColumnElement[bool]:
    """Which rows are filed under the basket `ref` now, or under one of those that a query gives."""

    def named(column: ColumnElement[Any]) -> ColumnElement[bool]:
        return column.in_(ref) if isinstance(ref, Select) else column == ref

    filed, later = FACTS.alias(), FACTS.alias()
    overtaken = exists().where(
        later.c.kind == FILED, later.c.subject == filed.c.subject, later.c.version > filed.c.version
    )
    # by the indexes of both tables: never by reading all inspections
    here = select(filed.c.subject).where(filed.c.kind == FILED, named(filed.c.item), ~overtaken)
    return or_(and_(named(table.c.ref), ~_is_refiled(table)), table.c.id.in_(here))


def not_refiled_since(facts: FromClause) -> ColumnElement[bool]:
    """Which facts about an inspection are younger than its last filing: a decision made on another basket is none."""
    filed = FACTS.alias()
    return ~exists().where(
        filed.c.kind == FILED, filed.c.subject == facts.c.subject, filed.c.seq > facts.c.seq
    )


def read_filings(connection: Connection, inspections: Sequence[str]) -> dict[str, Filing]:
    """Those of the inspections that were filed anew, each with its last filing."""
    query = (
        select(FACTS.c.subject, FACTS.c.item, BodyPath(FACTS.c.body, "maker").label("maker"))
        .where(FACTS.c.kind == FILED, FACTS.c.subject.in_(inspections))
        .order_by(FACTS.c.version)
    )
    return {row.subject: Filing(ref=row.item, maker=row.maker) for row in connection.execute(query)}


def _last(column: ColumnElement[Any], filed: FromClause, table: FromClause) -> ColumnElement[Any]:
    of_row = select(column).where(filed.c.kind == FILED, filed.c.subject == table.c.id)
    return of_row.order_by(filed.c.version.desc()).limit(1).correlate(table).scalar_subquery()


def _is_refiled(table: FromClause) -> ColumnElement[bool]:
    filed = FACTS.alias()
    return exists().where(filed.c.kind == FILED, filed.c.subject == table.c.id)
