"""Accounts, what lets them in, and the append-only audit of it."""

import sqlalchemy as sa
from alembic import op

from service.migrations.refusals import refusals

revision = "r0003"
down_revision = "r0002"


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("code", sa.String(32), primary_key=True),
        sa.Column("roles", sa.String(80), nullable=False),
        sa.Column("password_hash", sa.Text),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("disabled_at", sa.String(32)),
    )
    op.create_table(
        "passes",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("id", sa.String(32), nullable=False, unique=True),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("account", sa.String(32), sa.ForeignKey("accounts.code"), nullable=False, index=True),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("seen_at", sa.String(32), nullable=False),
        sa.Column("expires_at", sa.String(32), nullable=False),
    )
    op.create_table(
        "attempts",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key", sa.String(64), nullable=False, index=True),
        sa.Column("at", sa.String(32), nullable=False),
    )
    op.create_table(
        "audit",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("id", sa.String(32), nullable=False, unique=True),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("what", sa.String(24), nullable=False),
        sa.Column("account", sa.String(32)),
        sa.Column("by", sa.String(32), nullable=False),
        sa.Column("detail", sa.String(200), nullable=False),
    )
    keys = ("id = NEW.id", "seq = NEW.seq")
    for statement in refusals(op.get_bind().dialect.name, "audit", keys=keys, purgeable=False):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the audit is append-only: restore a copy of the database instead")
