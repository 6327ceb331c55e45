"""Inspections and records, append-only: the database itself refuses to change or delete them."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = ("inspection", "record")


def upgrade() -> None:
    op.create_table(
        "inspection",
        sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(36), nullable=False, unique=True),
        sa.Column("created_at", sa.String(40), nullable=False),
        sa.Column("item_ref", sa.String(64), index=True),
        sa.Column("village", sa.String(64), index=True),
        sa.Column("maker", sa.String(32)),
        sa.Column("spec_id", sa.String(64), nullable=False),
        sa.Column("verdict", sa.String(8), nullable=False, index=True),
    )
    op.create_table(
        "record",
        sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("inspection_id", sa.String(36), sa.ForeignKey("inspection.id"), nullable=False, index=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("photo_sha256", sa.String(64), nullable=False, index=True),
        sa.Column("stored_sha256", sa.String(64), nullable=False),
        sa.Column("overlay_sha256", sa.String(64), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    for table in TABLES:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
