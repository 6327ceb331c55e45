"""Second factors of accounts, and the recovery codes that stand in for them."""

import sqlalchemy as sa
from alembic import op

revision = "r0015"
down_revision = "r0014"


def upgrade() -> None:
    op.create_table(
        "second_factors",
        sa.Column("account", sa.String(32), sa.ForeignKey("accounts.code"), primary_key=True),
        sa.Column("secret", sa.Text, nullable=False),
        sa.Column("confirmed_at", sa.String(32)),
        sa.Column("last_step", sa.Integer),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("account", sa.String(32), sa.ForeignKey("accounts.code"), nullable=False, index=True),
    )


def downgrade() -> None:
    op.drop_table("recovery_codes")
    op.drop_table("second_factors")
