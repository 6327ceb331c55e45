"""An index that finds the latest lines of the audit about one account: they are shown to whom it belongs."""

from alembic import op

revision = "r0016"
down_revision = "r0015"


def upgrade() -> None:
    op.create_index("ix_audit_account_seq", "audit", ["account", "seq"])


def downgrade() -> None:
    op.drop_index("ix_audit_account_seq", "audit")
