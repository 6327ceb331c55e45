"""Indexes, and the table of who waits, so that a page costs the same in a long ledger as in a short one."""

import sqlalchemy as sa
from alembic import op

revision = "r0005"
down_revision = "r0004"

WHO_WAITS = """
INSERT INTO waiting (seq, asked, undecided)
SELECT seq, asked, undecided FROM (
  SELECT
    seen.seq AS seq,
    EXISTS (
      SELECT 1 FROM facts AS request
      WHERE request.kind = 'review_request' AND request.item = seen.ref
      AND NOT EXISTS (
        SELECT 1 FROM facts AS decision
        WHERE decision.kind = 'disposition' AND decision.item = request.item AND decision.seq > request.seq
      )
    ) AS asked,
    seen.verdict IN ('fail', 'review') AND NOT EXISTS (
      SELECT 1 FROM facts WHERE facts.kind = 'disposition' AND facts.subject = seen.id
    ) AS undecided
  FROM inspections AS seen
  WHERE NOT EXISTS (SELECT 1 FROM inspections AS later WHERE later.ref = seen.ref AND later.seq > seen.seq)
) AS found
WHERE asked OR undecided
"""
"""As the service finds it at this version, not as later code will."""


def upgrade() -> None:
    op.create_index("ix_facts_kind_seq", "facts", ["kind", "seq"])
    op.create_index("ix_facts_lot_kind", "facts", ["lot", "kind"])
    op.create_index("ix_facts_item_kind_seq", "facts", ["item", "kind", "seq"])
    op.drop_index("ix_facts_lot", "facts")
    op.drop_index("ix_facts_item", "facts")
    op.create_index("ix_facts_by", "facts", ["by"])
    op.create_index("ix_inspections_maker", "inspections", ["maker"])
    op.create_index("ix_deliveries_target_outcome_seq", "deliveries", ["target", "outcome", "seq"])
    op.create_table(
        "waiting",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("asked", sa.Boolean, nullable=False),
        sa.Column("undecided", sa.Boolean, nullable=False),
    )
    op.execute(WHO_WAITS)


def downgrade() -> None:
    """Who waits is no evidence: a step up finds it again."""
    op.drop_table("waiting")
    op.drop_index("ix_deliveries_target_outcome_seq", "deliveries")
    op.drop_index("ix_inspections_maker", "inspections")
    op.drop_index("ix_facts_by", "facts")
    op.create_index("ix_facts_item", "facts", ["item"])
    op.create_index("ix_facts_lot", "facts", ["lot"])
    op.drop_index("ix_facts_item_kind_seq", "facts")
    op.drop_index("ix_facts_lot_kind", "facts")
    op.drop_index("ix_facts_kind_seq", "facts")
