"""The append-only store: transactions, inspections and their records. Nothing is ever edited or deleted.

SQLite or PostgreSQL through SQLAlchemy. Triggers in the database (see `migrations`) refuse UPDATE, DELETE and
REPLACE, so that the promise also holds against other programs; the ledger shows it where they were lifted.
"""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import rfc8785
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    Select,
    Table,
    create_engine,
    event,
    func,
    select,
)
from sqlalchemy.exc import InvalidatePoolError, SQLAlchemyError

from qc_vision.decision import Verdict
from qc_vision.errors import StorageError
from qc_vision.message import Message
from qc_vision.record import record_from_json, record_json
from service import waiting
from service.filing import Filing, filed_under, read_filings
from service.item import GradedPhoto, Item, ItemInspection
from service.ledger import Tail
from service.tables import INSPECTIONS, LEDGER, RECORDS

PORTION = 500
BUSY_MS = 30_000
"""How long a writer waits for others, on SQLite."""
UNUSABLE = (SQLAlchemyError, ConnectionError, TimeoutError)
"""What is raised where the database cannot be used: a driver lets errors of its socket through."""
NO_TURN = Message(
    id="Basis data terlalu sibuk. Tunggu sebentar lalu coba lagi.",
    en="The database is too busy. Wait a moment, then try again.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which inspections to list; None: any. `within`: the caller's, see `scope.inspections_within`."""

    verdict: Verdict | None = None
    ref: str | None = None
    village: str | None = None
    within: ColumnElement[bool] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """An inspection in a list. `seq` counts inspections in the order in which they were kept."""

    seq: int
    id: str
    created_at: datetime
    item: Item
    verdict: Verdict
    photo_count: int


def now() -> datetime:
    return datetime.now(UTC)


class Store:
    """An open store. Every method is one transaction and raises StorageError where the disk does."""

    def __init__(self, engine: Engine, *, clock: Callable[[], datetime] = now) -> None:
        self._engine = engine
        self._clock = clock
        self._turn = threading.Lock()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One transaction that sees the store as it is at its start."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except UNUSABLE as wrong:
            raise _broken(wrong) from wrong

    @contextmanager
    def writing(self) -> Iterator[tuple[Connection, Tail]]:
        """One transaction of the only writer at a time: all that it appends is kept, or nothing."""
        try:
            with self._in_turn(), self._engine.execution_options(writing=True).begin() as connection:
                yield connection, Tail(connection, clock=self._clock)
        except UNUSABLE as wrong:
            raise _broken(wrong) from wrong

    @contextmanager
    def changing(self, *, alone: Table | None = None) -> Iterator[Connection]:
        """One transaction on what stands outside the ledger. `alone`: a table that nobody else writes meanwhile."""
        sqlite = self._engine.dialect.name == "sqlite"
        options: dict[str, Any] = {"changing": True} if sqlite else {"isolation_level": "READ COMMITTED"}
        try:
            with self._in_turn(), self._engine.execution_options(**options).begin() as connection:
                if alone is not None and not sqlite:
                    connection.exec_driver_sql(f"LOCK TABLE {alone.name} IN EXCLUSIVE MODE")
                yield connection
        except UNUSABLE as wrong:
            raise _broken(wrong) from wrong

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        """One writer of this process after the other, on SQLite, where there is only one at a time anyway.

        SQLite lets those who wait ask again after pauses that grow: of forty who write at once, some were not let in
        within ten seconds. Other processes still ask so. PostgreSQL keeps a queue of its own.
        """
        if self._engine.dialect.name != "sqlite":
            yield
            return
        if not self._turn.acquire(timeout=BUSY_MS / 1000):
            raise StorageError(NO_TURN)
        try:
            yield
        finally:
            self._turn.release()

    def add(self, inspection: ItemInspection) -> None:
        """Keeps an inspection and all its records, or nothing."""
        with self.writing() as (_, tail):
            append_inspection(tail, inspection)

    def find(self, inspection_id: str) -> ItemInspection | None:
        """The inspection of that id, None where there is none."""
        with self.reading() as connection:
            return find_inspection(connection, inspection_id)

    def find_latest(self, ref: str) -> ItemInspection | None:
        """The last inspection kept of the item `ref`, None where there is none."""
        of_item = select(INSPECTIONS).where(filed_under(ref))
        with self.reading() as connection:
            return _read(connection, of_item.order_by(INSPECTIONS.c.seq.desc()).limit(1))

    def list(self, wanted: Wanted, *, limit: int, before: int | None = None) -> Sequence[Summary]:
        """At most `limit` inspections, newest first, older than the one numbered `before`."""
        count = select(func.count()).where(RECORDS.c.inspection_id == INSPECTIONS.c.id).scalar_subquery()
        query = _newest(select(INSPECTIONS, count.label("photo_count")), wanted, limit=limit, before=before)
        with self.reading() as connection:
            rows = connection.execute(query).all()
            filings = read_filings(connection, [row.id for row in rows])
        return [_summary(row, filings.get(row.id)) for row in rows]

    def portions(self, wanted: Wanted) -> Iterator[Sequence[ItemInspection]]:
        """All that is wanted, whole and newest first, in portions that are each read in a short transaction."""
        before = None
        while True:
            with self.reading() as connection:
                newest = _newest(select(INSPECTIONS.c.seq), wanted, limit=PORTION, before=before)
                numbers = connection.execute(newest).scalars().all()
                if not numbers:
                    return
                whole = select(INSPECTIONS).where(INSPECTIONS.c.seq.in_(numbers))
                found = read_inspections(connection, whole.order_by(INSPECTIONS.c.seq.desc()))
            yield found
            before = numbers[-1]

    def erase_removed(self) -> bool:
        """Writes the database's files anew, so that nothing of what was removed stays in them.

        Returns whether it could: not while others use them for long.
        """
        try:
            if self._engine.dialect.name == "sqlite":
                return self._rewrite_sqlite()
            with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("VACUUM FULL")
        except (SQLAlchemyError, sqlite3.OperationalError):
            return False
        return True

    def _rewrite_sqlite(self) -> bool:
        # past SQLAlchemy, which would begin a transaction: there is no VACUUM inside one
        raw = self._engine.raw_connection()
        try:
            cursor = raw.cursor()
            cursor.execute("VACUUM")
            # what VACUUM wrote is in the journal; the file itself is old until it is carried over
            busy, _, _ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return not busy
        finally:
            raw.close()

    def check(self) -> None:
        """Reads one row, as proof that the store answers."""
        with self.reading() as connection:
            connection.execute(select(INSPECTIONS.c.seq).limit(1)).first()

    def close(self) -> None:
        self._engine.dispose()


def open_store(path: Path) -> Store:
    """Opens the SQLite file, made where it is missing, and brings its schema up to date.

    Raises StorageError where the file cannot be used.
    """
    return open_database(f"sqlite:///{path}")


def open_database(url: str) -> Store:
    """Opens the database at a SQLAlchemy URL: `sqlite:///` or `postgresql+pg8000://`. Raises StorageError."""
    try:
        engine = create_engine(url, isolation_level="REPEATABLE READ" if "postgresql" in url else None)
    except (SQLAlchemyError, ImportError) as wrong:
        raise _broken(wrong) from wrong
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_pragmas)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        event.listen(engine, "checkout", _ping)
        event.listen(engine, "begin", _begin_postgresql)
    config = Config()
    config.set_main_option("script_location", "service:migrations")
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except (*UNUSABLE, CommandError) as wrong:
        engine.dispose()
        raise _broken(wrong) from wrong
    return Store(engine)


def find_revisions(url: str) -> tuple[str | None, str | None]:
    """The schema's revision in the database, None where it is empty, and the one that this version expects.

    Changes nothing. Raises StorageError where the database cannot be reached.
    """
    config = Config()
    config.set_main_option("script_location", "service:migrations")
    expected = ScriptDirectory.from_config(config).get_current_head()
    try:
        engine = create_engine(url)
        with engine.connect() as connection:
            found = MigrationContext.configure(connection).get_current_revision()
        engine.dispose()
    except (*UNUSABLE, ImportError) as wrong:
        raise _broken(wrong) from wrong
    return found, expected


def append_inspection(tail: Tail, inspection: ItemInspection) -> None:
    """Appends an inspection, then its records in the order of its photos, and finds again who waits for review."""
    item = inspection.item
    tail.append(
        INSPECTIONS,
        {
            "id": inspection.id,
            "created_at": inspection.created_at.isoformat(),
            "ref": item.ref,
            "village": item.village,
            "maker": item.maker,
            "spec": item.spec,
            "verdict": inspection.verdict.value,
        },
    )
    for position, photo in enumerate(inspection.photos):
        tail.append(RECORDS, _record_row(inspection.id, position, photo))
    waiting.refresh(tail.connection, inspection_id=inspection.id, ref=item.ref)


def _set_pragmas(connection: Any, _: object) -> None:
    # the driver's own transactions leave DDL outside: it is told to begin none, and `_begin_sqlite` does
    connection.isolation_level = None
    for pragma in (f"busy_timeout={BUSY_MS}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # a writer takes the lock before it reads the head of the ledger, so that nobody else extends it meanwhile
    options = connection.get_execution_options()
    writing = options.get("writing") or options.get("changing")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _ping(connection: Any, *_: object) -> None:
    """Finds out, before it is used, whether the server has closed the connection; then all that are open are made anew.

    SQLAlchemy's own ping (`pool_pre_ping`) does not know a closed one by what pg8000 says of it.
    """
    try:
        connection.cursor().execute("SELECT 1")
        connection.rollback()
    except Exception as wrong:
        raise InvalidatePoolError from wrong


def _begin_postgresql(connection: Connection) -> None:
    if connection.get_execution_options().get("writing"):
        connection.exec_driver_sql(f"LOCK TABLE {LEDGER.name} IN EXCLUSIVE MODE")


def _record_row(inspection_id: str, position: int, photo: GradedPhoto) -> dict[str, Any]:
    return {
        "id": photo.record.id,
        "inspection_id": inspection_id,
        "position": position,
        "record": rfc8785.dumps(record_json(photo.record)).decode(),
        "timing_ms": rfc8785.dumps(photo.timing_ms).decode(),
        "photo": photo.photo,
        "overlay": photo.overlay,
        "thumbnail": photo.thumbnail,
    }


def read_inspections(connection: Connection, query: Select[Any]) -> Sequence[ItemInspection]:
    """The whole inspections behind a selection of rows of INSPECTIONS, in its order."""
    rows = connection.execute(query).all()
    photos: dict[str, list[GradedPhoto]] = {row.id: [] for row in rows}
    filings: dict[str, Filing] = {}
    # in portions: a statement may hold only so many values
    for start in range(0, len(rows), PORTION):
        ids = [row.id for row in rows[start : start + PORTION]]
        filings |= read_filings(connection, ids)
        records = select(RECORDS).where(RECORDS.c.inspection_id.in_(ids)).order_by(RECORDS.c.position)
        for record in connection.execute(records):
            photos[record.inspection_id].append(_graded_photo(record))
    return [
        ItemInspection(
            id=row.id,
            created_at=datetime.fromisoformat(row.created_at),
            item=_item(row, filings.get(row.id)),
            verdict=Verdict(row.verdict),
            photos=tuple(photos[row.id]),
        )
        for row in rows
    ]


def find_inspection(connection: Connection, inspection_id: str) -> ItemInspection | None:
    """The inspection of that id, None where there is none."""
    return _read(connection, select(INSPECTIONS).where(INSPECTIONS.c.id == inspection_id))


def find_numbers(connection: Connection, ids: Sequence[str]) -> dict[str, int]:
    """The `seq` of each of these inspections, by id."""
    numbers = dict[str, int]()
    for start in range(0, len(ids), PORTION):
        of_portion = INSPECTIONS.c.id.in_(ids[start : start + PORTION])
        rows = connection.execute(select(INSPECTIONS.c.id, INSPECTIONS.c.seq).where(of_portion))
        numbers |= {row.id: row.seq for row in rows}
    return numbers


def _newest(query: Select[Any], wanted: Wanted, *, limit: int, before: int | None) -> Select[Any]:
    query = query.order_by(INSPECTIONS.c.seq.desc()).limit(limit)
    if wanted.verdict is not None:
        query = query.where(INSPECTIONS.c.verdict == wanted.verdict.value)
    if wanted.ref is not None:
        query = query.where(filed_under(wanted.ref))
    if wanted.village is not None:
        query = query.where(INSPECTIONS.c.village == wanted.village)
    if wanted.within is not None:
        query = query.where(wanted.within)
    if before is not None:
        query = query.where(INSPECTIONS.c.seq < before)
    return query


def _read(connection: Connection, query: Select[Any]) -> ItemInspection | None:
    return next(iter(read_inspections(connection, query)), None)


def _summary(row: Row[Any], filing: Filing | None) -> Summary:
    return Summary(
        seq=row.seq,
        id=row.id,
        created_at=datetime.fromisoformat(row.created_at),
        item=_item(row, filing),
        verdict=Verdict(row.verdict),
        photo_count=row.photo_count,
    )


def _item(row: Row[Any], filing: Filing | None) -> Item:
    ref, maker = (row.ref, row.maker) if filing is None else (filing.ref, filing.maker)
    return Item(ref=ref, village=row.village, maker=maker, spec=row.spec)


def _graded_photo(row: Row[Any]) -> GradedPhoto:
    return GradedPhoto(
        record=record_from_json(row.record),
        timing_ms=json.loads(row.timing_ms),
        photo=row.photo,
        overlay=row.overlay,
        thumbnail=row.thumbnail,
    )


def _broken(wrong: Exception) -> StorageError:
    why = str(getattr(wrong, "orig", None) or wrong)
    return StorageError(
        Message(
            id=f"Penyimpanan catatan tidak bisa dipakai ({why}). Periksa ruang disk dan izin tulis.",
            en=f"The store of records cannot be used ({why}). Check disk space and permission to write.",
        )
    )
