"""An upload knows the request that brought it, so that its grading appears in the same trace."""

import sqlalchemy as sa
from alembic import op

revision = "r0012"
down_revision = "r0011"


def upgrade() -> None:
    op.add_column("uploads", sa.Column("trace", sa.String(55)))


def downgrade() -> None:
    op.drop_column("uploads", "trace")
