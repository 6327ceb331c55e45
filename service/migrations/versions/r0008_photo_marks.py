"""What photos are known by, so that one that comes again is found. Those kept before are not looked through."""

import sqlalchemy as sa
from alembic import op

revision = "r0008"
down_revision = "r0007"


def upgrade() -> None:
    op.create_table(
        "photo_marks",
        sa.Column("mark", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("inspection", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_photo_marks_inspection", "photo_marks", ["inspection"])


def downgrade() -> None:
    op.drop_table("photo_marks")
