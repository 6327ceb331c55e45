"""Triggers that refuse to change or remove what is kept, in the words of SQLite and of PostgreSQL.

A row may be removed only after a fact of kind `purge` names it: its entry in the ledger stays.
"""

from collections.abc import Iterator, Sequence

UNPURGED = "NOT EXISTS (SELECT 1 FROM facts WHERE kind = 'purge' AND subject = '{table}/' || OLD.id)"

POSTGRESQL_FUNCTIONS = (
    """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% are append-only', TG_TABLE_NAME; END $$
""",
    """
CREATE FUNCTION refuse_unpurged() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF to_jsonb(OLD) ->> 'kind' IS DISTINCT FROM 'purge' AND EXISTS (
    SELECT 1 FROM facts WHERE kind = 'purge' AND subject = TG_TABLE_NAME || '/' || OLD.id
  ) THEN RETURN OLD; END IF;
  RAISE EXCEPTION '% are append-only', TG_TABLE_NAME;
END $$
""",
    """
CREATE FUNCTION refuse_break() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.seq <> coalesce((SELECT max(seq) FROM ledger), 0) + 1
    OR NEW.prev_hash <> coalesce((SELECT hash FROM ledger WHERE seq = NEW.seq - 1), repeat('0', 64))
  THEN RAISE EXCEPTION 'an entry of the ledger follows the last one'; END IF;
  RETURN NEW;
END $$
""",
)


SQLITE_FOLLOWS = """
CREATE TRIGGER ledger_refuse_break BEFORE INSERT ON ledger
WHEN NEW.seq <> coalesce((SELECT max(seq) FROM ledger), 0) + 1
  OR NEW.prev_hash <> coalesce((SELECT hash FROM ledger WHERE seq = NEW.seq - 1), printf('%064d', 0))
BEGIN SELECT RAISE(ABORT, 'an entry of the ledger follows the last one'); END
"""
POSTGRESQL_FOLLOWS = """
CREATE TRIGGER ledger_refuse_break BEFORE INSERT ON ledger FOR EACH ROW EXECUTE FUNCTION refuse_break()
"""


def refusals(dialect: str, table: str, *, keys: Sequence[str], purgeable: bool) -> Iterator[str]:
    """The statements that make the triggers of one table. `keys`: SQL conditions under which a new row
    would replace an old one, which only SQLite needs to be told."""
    if dialect == "sqlite":
        yield from _sqlite(table, keys=keys, purgeable=purgeable)
    else:
        yield from _postgresql(table, purgeable=purgeable)


def _sqlite(table: str, *, keys: Sequence[str], purgeable: bool) -> Iterator[str]:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{table} are append-only'); END"
    unpurged = UNPURGED.format(table=table) + (" OR OLD.kind = 'purge'" if table == "facts" else "")
    when = f"WHEN {unpurged} " if purgeable else ""
    yield f"CREATE TRIGGER {table}_refuse_update BEFORE UPDATE ON {table} {refuse}"
    yield f"CREATE TRIGGER {table}_refuse_delete BEFORE DELETE ON {table} {when}{refuse}"
    # INSERT OR REPLACE deletes without firing the trigger on DELETE (unless recursive_triggers is on)
    same = f"SELECT 1 FROM {table} WHERE {' OR '.join(keys)}"  # noqa: S608 - names of our own tables
    yield f"CREATE TRIGGER {table}_refuse_replace BEFORE INSERT ON {table} WHEN EXISTS ({same}) {refuse}"


def _postgresql(table: str, *, purgeable: bool) -> Iterator[str]:
    delete = "refuse_unpurged" if purgeable else "refuse_change"
    yield (
        f"CREATE TRIGGER {table}_refuse_update BEFORE UPDATE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    yield (
        f"CREATE TRIGGER {table}_refuse_delete BEFORE DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {delete}()"
    )
    yield (
        f"CREATE TRIGGER {table}_refuse_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
