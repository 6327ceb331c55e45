"""Lines of the audit may go once they were kept long enough: a purge on record says up to when, and no later one goes."""

from alembic import op

revision = "r0010"
down_revision = "r0009"

PURGED = "SELECT 1 FROM facts WHERE kind = 'purge' AND subject = 'audit'"
SQLITE = f"""
CREATE TRIGGER audit_refuse_delete BEFORE DELETE ON audit
WHEN NOT EXISTS ({PURGED} AND json_extract(body, '$.before') > OLD.at)
BEGIN SELECT RAISE(ABORT, 'audit are append-only'); END
"""
POSTGRESQL_FUNCTION = f"""
CREATE FUNCTION refuse_unpurged_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS ({PURGED} AND body::json ->> 'before' > OLD.at) THEN RETURN OLD; END IF;
  RAISE EXCEPTION 'audit are append-only';
END $$
"""
POSTGRESQL = """
CREATE TRIGGER audit_refuse_delete BEFORE DELETE ON audit FOR EACH ROW EXECUTE FUNCTION refuse_unpurged_audit()
"""
SQLITE_NONE_GOES = """
CREATE TRIGGER audit_refuse_delete BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'audit are append-only'); END
"""
POSTGRESQL_NONE_GOES = """
CREATE TRIGGER audit_refuse_delete BEFORE DELETE ON audit FOR EACH ROW EXECUTE FUNCTION refuse_change()
"""


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER audit_refuse_delete")
        op.execute(SQLITE)
    else:
        op.execute("DROP TRIGGER audit_refuse_delete ON audit")
        op.execute(POSTGRESQL_FUNCTION)
        op.execute(POSTGRESQL)


def downgrade() -> None:
    """No line goes any more; those that went stay gone."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER audit_refuse_delete")
        op.execute(SQLITE_NONE_GOES)
    else:
        op.execute("DROP TRIGGER audit_refuse_delete ON audit")
        op.execute("DROP FUNCTION refuse_unpurged_audit()")
        op.execute(POSTGRESQL_NONE_GOES)
