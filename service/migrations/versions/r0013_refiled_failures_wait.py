"""What the machine failed waits for a person also in baskets of which something was filed anew: r0011 left them out."""

from alembic import op

revision = "r0013"
down_revision = "r0012"

FAILURES_THAT_NOBODY_DECIDED_ON = """
WITH failed AS (
  SELECT seen.seq, seen.id, COALESCE(
    (SELECT filed.item FROM facts AS filed WHERE filed.kind = 'filed' AND filed.subject = seen.id
     ORDER BY filed.version DESC LIMIT 1),
    seen.ref
  ) AS present_ref
  FROM inspections AS seen
  WHERE seen.verdict = 'fail' AND NOT EXISTS (SELECT 1 FROM waiting WHERE waiting.seq = seen.seq)
)
INSERT INTO waiting (seq, asked, undecided)
SELECT failed.seq, false, true FROM failed
WHERE NOT EXISTS (
  SELECT 1 FROM facts AS decision
  WHERE decision.kind = 'disposition' AND decision.subject = failed.id
  AND decision.seq > COALESCE(
    (SELECT filed.seq FROM facts AS filed WHERE filed.kind = 'filed' AND filed.subject = decision.subject
     ORDER BY filed.version DESC LIMIT 1),
    0
  )
)
AND NOT EXISTS (
  SELECT 1 FROM facts AS decision JOIN inspections AS looked ON looked.id = decision.subject
  WHERE decision.kind = 'disposition' AND decision.item = failed.present_ref AND looked.seq > failed.seq
  AND decision.seq > COALESCE(
    (SELECT filed.seq FROM facts AS filed WHERE filed.kind = 'filed' AND filed.subject = decision.subject
     ORDER BY filed.version DESC LIMIT 1),
    0
  )
)
"""
"""Neither on it nor on later photos of its basket, as they are filed now; a decision that was made before its photos were
filed anew was about another basket."""


def upgrade() -> None:
    op.execute(FAILURES_THAT_NOBODY_DECIDED_ON)


def downgrade() -> None:
    """Nothing to take back: who waits is no evidence, and is found again with the next entry."""
