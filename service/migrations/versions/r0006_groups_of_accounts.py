"""The village groups that an account is held to."""

import sqlalchemy as sa
from alembic import op

revision = "r0006"
down_revision = "r0005"


def upgrade() -> None:
    op.add_column("accounts", sa.Column("groups", sa.Text))


def downgrade() -> None:
    op.drop_column("accounts", "groups")
