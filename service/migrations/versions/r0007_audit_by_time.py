"""An index that finds the latest lines of the audit of one act: refusals are counted before they are kept."""

from alembic import op

revision = "r0007"
down_revision = "r0006"


def upgrade() -> None:
    op.create_index("ix_audit_what_at", "audit", ["what", "at"])


def downgrade() -> None:
    op.drop_index("ix_audit_what_at", "audit")
