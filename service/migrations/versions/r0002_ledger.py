"""Facts, events, deliveries, and the ledger that chains them; what was kept before enters the ledger now."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from service.ledger import Tail
from service.migrations.refusals import POSTGRESQL_FOLLOWS, POSTGRESQL_FUNCTIONS, SQLITE_FOLLOWS, refusals

revision = "r0002"
down_revision = "r0001"

KEYS = {
    "inspections": ("id = NEW.id", "seq = NEW.seq"),
    "records": ("id = NEW.id",),
    "facts": (
        "id = NEW.id",
        "seq = NEW.seq",
        "(kind = NEW.kind AND subject = NEW.subject AND version = NEW.version)",
    ),
    "events": ("id = NEW.id", "seq = NEW.seq"),
    "deliveries": ("id = NEW.id", "seq = NEW.seq"),
    "ledger": ("seq = NEW.seq", "(table_name = NEW.table_name AND row_id = NEW.row_id)"),
}


def upgrade() -> None:
    dialect = op.get_bind().dialect.name
    _create_tables()
    if dialect == "sqlite":
        for table in ("inspections", "records"):
            op.execute(f"DROP TRIGGER {table}_refuse_update")
            op.execute(f"DROP TRIGGER {table}_refuse_delete")
            op.execute(f"DROP TRIGGER {table}_refuse_replace")
    else:
        for function in POSTGRESQL_FUNCTIONS:
            op.execute(function)
    for table, keys in KEYS.items():
        purgeable = table in ("inspections", "records", "facts")
        for statement in refusals(dialect, table, keys=keys, purgeable=purgeable):
            op.execute(statement)
    op.execute(SQLITE_FOLLOWS if dialect == "sqlite" else POSTGRESQL_FOLLOWS)
    _enter_what_was_kept()


def downgrade() -> None:
    raise NotImplementedError("records are append-only: restore a copy of the file instead")


def _create_tables() -> None:
    op.create_table(
        "facts",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("id", sa.String(32), nullable=False, unique=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(80), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("lot", sa.String(64), index=True),
        sa.Column("item", sa.String(64), index=True),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("by", sa.String(32), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.UniqueConstraint("kind", "subject", "version"),
    )
    op.create_table(
        "events",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("id", sa.String(64), nullable=False, unique=True),
        sa.Column("type", sa.String(48), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("lot", sa.String(64), index=True),
        sa.Column("item", sa.String(64), index=True),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "deliveries",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("id", sa.String(32), nullable=False, unique=True),
        sa.Column("event_id", sa.String(64), sa.ForeignKey("events.id"), nullable=False, index=True),
        sa.Column("target", sa.String(16), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("outcome", sa.String(12), nullable=False),
        sa.Column("detail", sa.String(200), nullable=False),
    )
    op.create_table(
        "ledger",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("table_name", sa.String(16), nullable=False),
        sa.Column("row_id", sa.String(64), nullable=False),
        sa.Column("row_sha256", sa.String(64), nullable=False),
        sa.Column("prev_hash", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.UniqueConstraint("table_name", "row_id"),
    )


def _enter_what_was_kept() -> None:
    connection = op.get_bind()
    # as they are now, not as later code will describe them
    inspections, records = (
        sa.Table(name, sa.MetaData(), autoload_with=connection, resolve_fks=False)
        for name in ("inspections", "records")
    )
    tail = Tail(connection, clock=lambda: datetime.now(UTC))
    for inspection in _in_order(connection, inspections):
        tail.enter(inspections, dict(inspection._mapping))
        of_inspection = sa.select(records).where(records.c.inspection_id == inspection.id)
        for record in connection.execute(of_inspection.order_by(records.c.position)).all():
            tail.enter(records, dict(record._mapping))


def _in_order(connection: sa.Connection, table: sa.Table) -> Iterator[sa.Row[Any]]:
    """All rows in the order in which they were kept, a few at a time in memory."""
    last = -1
    while page := connection.execute(
        sa.select(table).where(table.c.seq > last).order_by(table.c.seq).limit(200)
    ).all():
        yield from page
        last = page[-1].seq
