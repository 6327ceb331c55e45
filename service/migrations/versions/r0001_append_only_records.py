"""Inspections and their records, and the triggers that refuse to change them."""

import sqlalchemy as sa
from alembic import op

revision = "r0001"
down_revision = None

TABLES = ("inspections", "records")


def upgrade() -> None:
    op.create_table(
        "inspections",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("id", sa.String(32), nullable=False, unique=True),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("ref", sa.String(64), index=True),
        sa.Column("village", sa.String(80), index=True),
        sa.Column("maker", sa.String(32)),
        sa.Column("spec", sa.String(64), nullable=False),
        sa.Column("verdict", sa.String(8), nullable=False, index=True),
    )
    op.create_table(
        "records",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column(
            "inspection_id", sa.String(32), sa.ForeignKey("inspections.id"), nullable=False, index=True
        ),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("record", sa.Text, nullable=False),
        sa.Column("timing_ms", sa.Text, nullable=False),
        sa.Column("photo", sa.String(64), nullable=False),
        sa.Column("overlay", sa.String(64), nullable=False),
        sa.Column("thumbnail", sa.String(64), nullable=False),
    )
    if op.get_bind().dialect.name != "sqlite":
        return  # r0002 sets the triggers of other databases
    for table in TABLES:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_refuse_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} are append-only'); END"
            )
    # INSERT OR REPLACE deletes without firing the trigger on DELETE (unless recursive_triggers is on)
    op.execute(
        "CREATE TRIGGER inspections_refuse_replace BEFORE INSERT ON inspections "
        "WHEN EXISTS (SELECT 1 FROM inspections WHERE id = NEW.id OR seq = NEW.seq) "
        "BEGIN SELECT RAISE(ABORT, 'inspections are append-only'); END"
    )
    op.execute(
        "CREATE TRIGGER records_refuse_replace BEFORE INSERT ON records "
        "WHEN EXISTS (SELECT 1 FROM records WHERE id = NEW.id) "
        "BEGIN SELECT RAISE(ABORT, 'records are append-only'); END"
    )


def downgrade() -> None:
    raise NotImplementedError("records are append-only: restore a copy of the file instead")
