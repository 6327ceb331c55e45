"""The append-only store of inspections and their records. Nothing is ever edited or deleted.

SQLite through SQLAlchemy. Triggers in the database (see `migrations`) refuse UPDATE, DELETE and REPLACE,
so that the promise also holds against other programs.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    ForeignKey,
    Integer,
    MetaData,
    Row,
    Select,
    String,
    Table,
    Text,
    create_engine,
    event,
    func,
    insert,
    select,
)
from sqlalchemy.exc import SQLAlchemyError

from qc_vision.decision import Verdict
from qc_vision.errors import StorageError
from qc_vision.message import Message
from qc_vision.record import record_from_json, record_json
from service.item import GradedPhoto, Item, ItemInspection

METADATA = MetaData()

INSPECTIONS = Table(
    "inspections",
    METADATA,
    Column("seq", Integer, primary_key=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("created_at", String(32), nullable=False),
    Column("ref", String(64), index=True),
    Column("village", String(80), index=True),
    Column("maker", String(32)),
    Column("spec", String(64), nullable=False),
    Column("verdict", String(8), nullable=False, index=True),
)
RECORDS = Table(
    "records",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("inspection_id", String(32), ForeignKey("inspections.id"), nullable=False, index=True),
    Column("position", Integer, nullable=False),
    Column("record", Text, nullable=False),
    Column("timing_ms", Text, nullable=False),
    Column("photo", String(64), nullable=False),
    Column("overlay", String(64), nullable=False),
    Column("thumbnail", String(64), nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which inspections to list; None: any."""

    verdict: Verdict | None = None
    ref: str | None = None
    village: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """An inspection in a list. `seq` counts inspections in the order in which they were kept."""

    seq: int
    id: str
    created_at: datetime
    item: Item
    verdict: Verdict
    photo_count: int


class Store:
    """An open store. Every method is one transaction and raises StorageError where the disk does."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, inspection: ItemInspection) -> None:
        """Keeps an inspection and all its records, or nothing."""
        item = inspection.item
        with self._transaction() as connection:
            connection.execute(
                insert(INSPECTIONS).values(
                    id=inspection.id,
                    created_at=inspection.created_at.isoformat(),
                    ref=item.ref,
                    village=item.village,
                    maker=item.maker,
                    spec=item.spec,
                    verdict=inspection.verdict.value,
                )
            )
            rows = [_record_row(inspection.id, n, photo) for n, photo in enumerate(inspection.photos)]
            connection.execute(insert(RECORDS), rows)

    def find(self, inspection_id: str) -> ItemInspection | None:
        """The inspection of that id, None where there is none."""
        with self._transaction() as connection:
            return _read(connection, select(INSPECTIONS).where(INSPECTIONS.c.id == inspection_id))

    def find_latest(self, ref: str) -> ItemInspection | None:
        """The last inspection kept of the item `ref`, None where there is none."""
        of_item = select(INSPECTIONS).where(INSPECTIONS.c.ref == ref)
        with self._transaction() as connection:
            return _read(connection, of_item.order_by(INSPECTIONS.c.seq.desc()).limit(1))

    def list(self, wanted: Wanted, *, limit: int, before: int | None = None) -> Sequence[Summary]:
        """At most `limit` inspections, newest first, older than the one numbered `before`."""
        count = select(func.count()).where(RECORDS.c.inspection_id == INSPECTIONS.c.id).scalar_subquery()
        query = (
            select(INSPECTIONS, count.label("photo_count")).order_by(INSPECTIONS.c.seq.desc()).limit(limit)
        )
        if wanted.verdict is not None:
            query = query.where(INSPECTIONS.c.verdict == wanted.verdict.value)
        if wanted.ref is not None:
            query = query.where(INSPECTIONS.c.ref == wanted.ref)
        if wanted.village is not None:
            query = query.where(INSPECTIONS.c.village == wanted.village)
        if before is not None:
            query = query.where(INSPECTIONS.c.seq < before)
        with self._transaction() as connection:
            return [_summary(row) for row in connection.execute(query)]

    def check(self) -> None:
        """Reads one row, as proof that the store answers."""
        with self._transaction() as connection:
            connection.execute(select(INSPECTIONS.c.seq).limit(1)).first()

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as wrong:
            raise _broken(wrong) from wrong


def open_store(path: Path) -> Store:
    """Opens the SQLite file, made where it is missing, and brings its schema up to date.

    Raises StorageError where the file cannot be used.
    """
    engine = create_engine(f"sqlite:///{path}")
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "begin", _begin)
    config = Config()
    config.set_main_option("script_location", "service:migrations")
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except (SQLAlchemyError, CommandError) as wrong:
        engine.dispose()
        raise _broken(wrong) from wrong
    return Store(engine)


def _set_pragmas(connection: Any, _: object) -> None:
    # the driver's own transactions leave DDL outside: it is told to begin none, and `_begin` does
    connection.isolation_level = None
    for pragma in ("busy_timeout=10000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _record_row(inspection_id: str, position: int, photo: GradedPhoto) -> dict[str, Any]:
    return {
        "id": photo.record.id,
        "inspection_id": inspection_id,
        "position": position,
        "record": json.dumps(record_json(photo.record), ensure_ascii=False),
        "timing_ms": json.dumps(photo.timing_ms),
        "photo": photo.photo,
        "overlay": photo.overlay,
        "thumbnail": photo.thumbnail,
    }


def _read(connection: Connection, query: Select[Any]) -> ItemInspection | None:
    row = connection.execute(query).first()
    if row is None:
        return None
    of_inspection = select(RECORDS).where(RECORDS.c.inspection_id == row.id).order_by(RECORDS.c.position)
    return ItemInspection(
        id=row.id,
        created_at=datetime.fromisoformat(row.created_at),
        item=_item(row),
        verdict=Verdict(row.verdict),
        photos=tuple(_graded_photo(r) for r in connection.execute(of_inspection)),
    )


def _summary(row: Row[Any]) -> Summary:
    return Summary(
        seq=row.seq,
        id=row.id,
        created_at=datetime.fromisoformat(row.created_at),
        item=_item(row),
        verdict=Verdict(row.verdict),
        photo_count=row.photo_count,
    )


def _item(row: Row[Any]) -> Item:
    return Item(ref=row.ref, village=row.village, maker=row.maker, spec=row.spec)


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
