"""Uploads in hand and their photos: what was accepted and is yet to be graded."""

import sqlalchemy as sa
from alembic import op

revision = "r0004"
down_revision = "r0003"


def upgrade() -> None:
    op.create_table(
        "uploads",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("id", sa.String(32), nullable=False, unique=True),
        sa.Column("key", sa.String(255), unique=True),
        sa.Column("content_sha256", sa.String(64), nullable=False),
        sa.Column("place", sa.String(32), nullable=False),
        sa.Column("bundle", sa.String(32), nullable=False),
        sa.Column("state", sa.String(12), nullable=False, index=True),
        sa.Column("item", sa.Text, nullable=False),
        sa.Column("by", sa.String(32)),
        sa.Column("card", sa.String(12), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("acknowledged", sa.Boolean, nullable=False),
        sa.Column("claims", sa.Integer, nullable=False),
        sa.Column("crashes", sa.Integer, nullable=False),
        sa.Column("lease_by", sa.String(120)),
        sa.Column("lease_until_s", sa.Float, nullable=False),
        sa.Column("problem", sa.Text),
    )
    op.create_table(
        "upload_photos",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("upload_id", sa.String(32), sa.ForeignKey("uploads.id"), nullable=False, index=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("filename", sa.String(80)),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size_bytes", sa.Integer, nullable=False),
    )


def downgrade() -> None:
    unsettled = sa.text("SELECT count(*) FROM uploads WHERE state NOT IN ('done', 'refused')")
    if op.get_bind().execute(unsettled).scalar_one():
        raise NotImplementedError("uploads still wait or were set aside: settle them first, none may be lost")
    op.drop_table("upload_photos")
    op.drop_table("uploads")
