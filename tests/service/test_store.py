"""The store: append-only against our own code and against other programs, and whole or not at all."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from qc_vision.decision import Verdict
from qc_vision.errors import StorageError
from qc_vision.spec import load_spec
from service.item import GradedPhoto, Item, ItemInspection
from service.store import Store, Wanted, _set_pragmas, open_store
from service.tables import METADATA
from tests.service.fakes import FakeInspector, photo_of

INSPECTOR = FakeInspector()
MOMENT = datetime(2026, 5, 4, 8, 30, tzinfo=UTC)


def inspection(name: str, *, record_id: str | None = None) -> ItemInspection:
    record = INSPECTOR.inspect(photo_of(Verdict.PASS), spec=load_spec("default")).record
    graded = GradedPhoto(
        record=replace(record, id=record_id or record.id),
        timing_ms={"decode": 1.5},
        photo="a" * 64,
        overlay="b" * 64,
        thumbnail="c" * 64,
    )
    return ItemInspection(
        id=name,
        created_at=MOMENT,
        item=Item(ref="A-1", village="Kebasen", maker="P-1"),
        verdict=Verdict.PASS,
        photos=(graded,),
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records.sqlite"


@pytest.fixture
def store(path: Path) -> Store:
    return open_store(path)


def test_what_is_kept_is_read_back_equal_after_the_store_was_closed(path: Path) -> None:
    kept = inspection("one")
    first = open_store(path)
    first.add(kept)
    first.close()

    assert open_store(path).find("one") == kept


@pytest.mark.parametrize("table", ["inspections", "records"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {table} SET id = 'other'",
        "DELETE FROM {table}",
        "INSERT OR REPLACE INTO {table} SELECT * FROM {table}",
    ],
)
def test_another_program_cannot_change_what_is_kept(
    store: Store, path: Path, table: str, statement: str
) -> None:
    store.add(inspection("one"))

    with sqlite3.connect(path) as other, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        other.execute(statement.format(table=table))

    other.close()
    assert store.find("one") is not None


def test_an_inspection_whose_record_cannot_be_kept_leaves_nothing_behind(store: Store) -> None:
    kept = inspection("one")
    store.add(kept)
    clashing = ItemInspection(
        id="two", created_at=kept.created_at, item=kept.item, verdict=kept.verdict, photos=kept.photos
    )

    with pytest.raises(StorageError):
        store.add(clashing)

    assert store.find("two") is None
    assert [summary.id for summary in store.list(Wanted(), limit=10)] == ["one"]


def test_the_file_is_in_wal_mode_and_every_commit_reaches_the_disk(store: Store, path: Path) -> None:
    with store.reading() as connection:
        synchronous = connection.exec_driver_sql("PRAGMA synchronous").scalar_one()
    other = sqlite3.connect(path)

    assert synchronous == 2  # FULL, https://sqlite.org/pragma.html#pragma_synchronous
    assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    other.close()


def test_of_many_writers_in_one_process_none_is_turned_away(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def set_impatient(connection: sqlite3.Connection, record: object) -> None:
        _set_pragmas(connection, record)
        connection.execute("PRAGMA busy_timeout=0")  # whom SQLite itself would let wait fails at once

    monkeypatch.setattr("service.store._set_pragmas", set_impatient)
    store = open_store(path)
    several = [inspection(f"{number}") for number in range(48)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(store.add, several))

    assert len(store.list(Wanted(), limit=100)) == len(several)
    store.close()


def test_the_migrations_make_the_schema_that_the_code_expects(store: Store, path: Path) -> None:
    store.check()
    with create_engine(f"sqlite:///{path}").connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), METADATA)

    assert differences == []


def test_a_file_that_is_no_database_is_a_storage_error_in_both_languages(path: Path) -> None:
    path.write_bytes(b"this is not a database" * 100)

    with pytest.raises(StorageError) as caught:
        open_store(path)

    assert caught.value.message.id != caught.value.message.en
