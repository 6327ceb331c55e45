"""What the sender of an upload insists on beside a card: the camera's own file, one whole basket."""

import sqlalchemy as sa
from alembic import op

revision = "r0014"
down_revision = "r0013"


def upgrade() -> None:
    op.add_column("uploads", sa.Column("original", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("uploads", sa.Column("view", sa.String(12), nullable=False, server_default="any"))


def downgrade() -> None:
    op.drop_column("uploads", "view")
    op.drop_column("uploads", "original")
