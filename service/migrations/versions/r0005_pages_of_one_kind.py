"""Indexes for what is read a page at a time, so that a page costs the same in a long ledger as in a short one."""

from alembic import op

revision = "r0005"
down_revision = "r0002"


def upgrade() -> None:
    op.create_index("ix_facts_kind_seq", "facts", ["kind", "seq"])
    op.create_index("ix_facts_by", "facts", ["by"])
    op.create_index("ix_inspections_maker", "inspections", ["maker"])
    op.create_index("ix_deliveries_target_outcome_seq", "deliveries", ["target", "outcome", "seq"])


def downgrade() -> None:
    raise NotImplementedError("records are append-only: restore a copy of the file instead")
