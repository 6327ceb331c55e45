"""Identities at an OpenID Connect provider that open an account, and which sessions came through one."""

import sqlalchemy as sa
from alembic import op

revision = "r0009"
down_revision = "r0008"


def upgrade() -> None:
    op.create_table(
        "identities",
        sa.Column("issuer", sa.String(255), primary_key=True),
        sa.Column("subject", sa.String(255), primary_key=True),
        sa.Column("account", sa.String(32), sa.ForeignKey("accounts.code"), nullable=False, index=True),
    )
    op.add_column("passes", sa.Column("by_identity", sa.Boolean, nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.drop_column("passes", "by_identity")
    op.drop_table("identities")
