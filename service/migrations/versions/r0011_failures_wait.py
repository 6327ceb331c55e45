"""What the machine failed waits for a person also after new photos of the basket came in."""

from alembic import op

revision = "r0011"
down_revision = "r0010"

OVERTAKEN_FAILURES = """
INSERT INTO waiting (seq, asked, undecided)
SELECT seen.seq, false, true FROM inspections AS seen
WHERE seen.verdict = 'fail'
AND NOT EXISTS (SELECT 1 FROM waiting WHERE waiting.seq = seen.seq)
AND EXISTS (SELECT 1 FROM inspections AS later WHERE later.ref = seen.ref AND later.seq > seen.seq)
AND NOT EXISTS (SELECT 1 FROM facts WHERE facts.kind = 'filed' AND facts.subject = seen.id)
AND NOT EXISTS (
  SELECT 1 FROM facts JOIN inspections AS looked ON looked.id = facts.subject
  WHERE facts.kind = 'disposition' AND facts.item = seen.ref AND looked.seq >= seen.seq
)
"""
"""Of baskets that were never filed anew; those are found when the next entry about them is made."""


def upgrade() -> None:
    op.execute(OVERTAKEN_FAILURES)


def downgrade() -> None:
    """Nothing to take back: who waits is no evidence, and a failure too many that a person looks at is none too few."""
