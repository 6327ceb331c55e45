"""Every way to tamper with what is kept, read from the schema of the open database, and what `verify` must say of it.

Not a test itself: the same runs on SQLite and on PostgreSQL.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, Table, delete, inspect, select, text, update

from service.checkpoints import Checkpoint
from service.store import Store, append_inspection
from service.tables import DELIVERIES, EVENTS, FACTS, KEPT, LEDGER
from service.verify import Break, Verified, verify
from tests.service.test_store import inspection
from tests.service.test_verify import delivery, event, fact

ROUNDS = 3
OUT_OF_THE_LEDGER = {
    "waiting": ("computed again from what is kept", {"seq", "asked", "undecided"}),
    "uploads": (
        "work in hand, changed as it goes on; what it leads to is a record",
        {
            *("id", "seq", "key", "content_sha256", "place", "bundle", "state", "item", "by", "card"),
            *(
                "created_at",
                "acknowledged",
                "claims",
                "crashes",
                "lease_by",
                "lease_until_s",
                "problem",
                "trace",
            ),
            *("original", "view"),
        },
    ),
    "upload_photos": (
        "work in hand, like uploads",
        {"id", "upload_id", "position", "filename", "sha256", "size_bytes"},
    ),
    "accounts": (
        "who may sign in today, changed when that changes; who did what stands in the records themselves",
        {"code", "roles", "password_hash", "created_at", "disabled_at", "groups"},
    ),
    "passes": (
        "sessions and tokens, which end",
        {"sha256", "id", "kind", "account", "created_at", "seen_at", "expires_at", "by_identity"},
    ),
    "identities": (
        "whom a provider's sign-in lets in today, changed like accounts",
        {"issuer", "subject", "account"},
    ),
    "second_factors": (
        "what sign-in asks beside a password today, changed like accounts",
        {"account", "secret", "confirmed_at", "last_step"},
    ),
    "recovery_codes": ("the same for whoever lost the phone; a used one is gone", {"sha256", "account"}),
    "photo_marks": (
        "what a photo looks like, told again from the photo itself; forgotten with it",
        {"mark", "inspection", "position"},
    ),
    "attempts": ("tries to sign in, forgotten when they are old", {"id", "key", "at"}),
    "audit": (
        "what was done to accounts: append-only by triggers, but no evidence of a basket",
        {"seq", "id", "at", "what", "account", "by", "detail"},
    ),
    "alembic_version": ("which step the schema is at; the service reads it at each start", {"version_num"}),
}
"""Tables that no entry of the ledger vouches for: why, and with which columns, so that a new one is seen."""


@dataclass(frozen=True, slots=True)
class Place:
    table: str
    row: str


def fill(store: Store) -> None:
    """Three rows in every table of the ledger: an inspection, its record, a fact, an event and a delivery a round."""
    with store.writing() as (_, tail):
        for n in range(1, ROUNDS + 1):
            append_inspection(tail, inspection(f"inspection-{n}", record_id=f"record-of-{n}"))
            tail.append(FACTS, fact(f"fact-{n}", kind="lot", subject=f"LOT-{n}"))
            tail.append(EVENTS, event(f"event-{n}"))
            tail.append(DELIVERIES, delivery(f"delivery-{n}", of=f"event-{n}"))


def lift_triggers(engine: Engine) -> None:
    """As somebody who owns the database does before anything else."""
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
            for name in names.scalars().all():
                connection.execute(text(f"DROP TRIGGER {name}"))
        else:
            for table in inspect(connection).get_table_names():
                connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))


def live_tables(connection: Connection) -> dict[str, Table]:
    """The tables as they are in the database, not as the code thinks that they are."""
    live = MetaData()
    live.reflect(connection)
    return dict(live.tables)


def changed(value: Any) -> Any:
    """The smallest other value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1000
    return "x" if not value else value[:-1] + ("0" if value[-1] != "0" else "1")


@contextmanager
def undone(engine: Engine) -> Iterator[Connection]:
    """A transaction that is rolled back: the next tampering finds everything as it was."""
    with engine.connect() as connection:
        yield connection
        connection.rollback()


def look(connection: Connection, checkpoints: Sequence[Checkpoint] = ()) -> Verified | Break:
    return verify(connection, photos=None, checkpoints=checkpoints)


def place_of(found: Verified | Break) -> Place | None:
    return Place(found.table, found.row) if isinstance(found, Break) else None


def every_field(engine: Engine) -> Iterator[tuple[str, Place | None, Place]]:
    """Each field of each row changed, one after the other: where, what was found, and the first break there is."""
    with engine.connect() as connection:
        tables = live_tables(connection)
        rows = {
            name: [dict(row) for row in connection.execute(select(tables[name])).mappings()]
            for name in (*KEPT, LEDGER.name)
        }
    for name, of_table in rows.items():
        key = tables[name].c["seq" if name == LEDGER.name else "id"]
        for row in of_table:
            for column in tables[name].c:
                with undone(engine) as connection:
                    to = {column.name: changed(row[column.name])}
                    connection.execute(update(tables[name]).where(key == row[key.name]).values(to))
                    found = place_of(look(connection))
                # a row or an entry is missed where it was, also where its own name was changed
                yield f"{name}.{column.name} of {row[key.name]}", found, Place(name, str(row[key.name]))


def every_removed_row(engine: Engine, checkpoint: Checkpoint) -> Iterator[tuple[str, Place | None, Place]]:
    """Each row and each entry removed. The last entry leaves a row that nothing vouches for."""
    with engine.connect() as connection:
        tables = live_tables(connection)
        ids = {name: connection.execute(select(tables[name].c.id)).scalars().all() for name in KEPT}
    for name, of_table in ids.items():
        for row_id in of_table:
            with undone(engine) as connection:
                connection.execute(delete(tables[name]).where(tables[name].c.id == row_id))
                yield f"{name} {row_id}", place_of(look(connection)), Place(name, row_id)
    for seq in range(1, checkpoint.seq + 1):
        with undone(engine) as connection:
            connection.execute(delete(LEDGER).where(LEDGER.c.seq == seq))
            last = seq == checkpoint.seq
            first = Place(DELIVERIES.name, f"delivery-{ROUNDS}") if last else Place(LEDGER.name, str(seq))
            yield f"entry {seq}", place_of(look(connection)), first


def every_swapped_pair(engine: Engine, last: int) -> Iterator[tuple[str, Place | None, Place]]:
    """Each entry changed places with the next, and each row of a table with the next of its table."""
    for seq in range(1, last):
        with undone(engine) as connection:
            _swap(connection, LEDGER, "seq", seq, seq + 1, between=-1)
            yield f"entries {seq}", place_of(look(connection)), Place(LEDGER.name, str(seq))
    stems = {
        "inspections": "inspection-",
        "records": "record-of-",
        "facts": "fact-",
        "events": "event-",
        "deliveries": "delivery-",
    }
    assert stems.keys() == KEPT.keys()
    for name, stem in stems.items():
        for n in range(1, ROUNDS):
            with undone(engine) as connection:
                _swap(connection, KEPT[name], "id", f"{stem}{n}", f"{stem}{n + 1}", between="between")
                yield f"{name} {n}", place_of(look(connection)), Place(name, f"{stem}{n}")


def every_cut(
    engine: Engine, checkpoint: Checkpoint
) -> Iterator[tuple[int, Verified | Break, Verified | Break]]:
    """The ledger and all rows cut off after each entry: what is found with the checkpoint outside, and without."""
    for end in range(checkpoint.seq):
        with undone(engine) as connection:
            gone = connection.execute(select(LEDGER).where(LEDGER.c.seq > end)).all()
            for entry in gone:
                table = KEPT[entry.table_name]
                connection.execute(delete(table).where(table.c.id == entry.row_id))
            connection.execute(delete(LEDGER).where(LEDGER.c.seq > end))
            yield end, look(connection, [checkpoint]), look(connection)


def not_vouched_for(engine: Engine) -> dict[str, set[str]]:
    """Columns of the live schema that no hash covers, by table."""
    with engine.connect() as connection:
        tables = live_tables(connection)
    covered = {**{name: set(KEPT[name].c.keys()) for name in KEPT}, LEDGER.name: set(LEDGER.c.keys())}
    left = {name: set(table.c.keys()) - covered.get(name, set()) for name, table in tables.items()}
    return {name: columns for name, columns in left.items() if columns}


def _swap(connection: Connection, table: Table, column: str, one: Any, other: Any, *, between: Any) -> None:
    for old, new in ((one, between), (other, one), (between, other)):
        connection.execute(update(table).where(table.c[column] == old).values({column: new}))
