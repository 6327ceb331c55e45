"""The schema's steps: what an older version kept enters the chain, unchanged."""

import json
import sqlite3
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, true

from qc_vision.demands import Demands
from qc_vision.record import record_json
from service.store import open_store, read_inspections
from service.uploads import find_upload
from service.verify import Verified, verify
from service.waiting import undecided
from tests.service.test_store import inspection


def as_of(revision: str, path: Path) -> Path:
    """An empty file as the version left it that ended with this step."""
    engine = create_engine(f"sqlite:///{path}")
    config = Config()
    config.set_main_option("script_location", "service:migrations")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file as the version before the ledger left it, with two inspections in it."""
    path = as_of("r0001", tmp_path / "records.sqlite")
    with sqlite3.connect(path) as raw:
        for n in (1, 2):
            kept = inspection(f"old-{n}", record_id=f"record-of-{n}")
            moment = kept.created_at.isoformat()
            raw.execute(
                "INSERT INTO inspections VALUES (?, ?, ?, 'A-1', 'Kebasen', 'P-1', 'default', 'pass')",
                (n, kept.id, moment),
            )
            # as json.dumps wrote it then, which is not canonical
            text = json.dumps(record_json(kept.photos[0].record), ensure_ascii=False)
            raw.execute(
                "INSERT INTO records VALUES (?, ?, 0, ?, '{}', ?, ?, ?)",
                (f"record-of-{n}", kept.id, text, "a" * 64, "b" * 64, "c" * 64),
            )
    raw.close()
    return path


def test_what_was_kept_before_the_ledger_enters_it_in_its_order(path: Path) -> None:
    store = open_store(path)
    with store.reading() as connection:
        found = verify(connection, photos=None, checkpoints=())
    with sqlite3.connect(path) as raw:
        rows = raw.execute("SELECT row_id FROM ledger ORDER BY seq").fetchall()
    raw.close()

    assert [row for (row,) in rows] == ["old-1", "record-of-1", "old-2", "record-of-2"]
    assert isinstance(found, Verified)
    store.close()


def test_an_older_version_s_inspections_are_read_and_followed_by_new_ones(path: Path) -> None:
    store = open_store(path)
    old = store.find("old-2")
    assert old is not None
    assert old.photos[0].record.id == "record-of-2"

    store.add(inspection("new", record_id="record-of-3"))

    latest = store.find_latest("A-1")
    assert latest is not None
    assert latest.id == "new"
    store.close()


def test_what_waited_for_a_person_before_the_queue_was_kept_still_waits(path: Path) -> None:
    with sqlite3.connect(path) as raw:
        for n, ref, verdict in (
            (3, None, "fail"),
            (4, "B-1", "fail"),
            (5, "B-1", "pass"),
            (6, "C-1", "review"),
        ):
            raw.execute(
                "INSERT INTO inspections VALUES (?, ?, '2026-05-04T08:30:00+00:00', ?, 'Kebasen', 'P-1', 'default', ?)",
                (n, f"old-{n}", ref, verdict),
            )
    raw.close()

    store = open_store(path)

    with store.reading() as connection:
        waiting = read_inspections(connection, undecided(true(), limit=10))
    # also what failed before new photos came in
    assert [inspection.id for inspection in waiting] == ["old-3", "old-4", "old-6"]
    store.close()


@pytest.mark.parametrize("table", ["inspections", "records"])
def test_old_rows_still_refuse_to_be_changed_or_removed(path: Path, table: str) -> None:
    open_store(path).close()
    with sqlite3.connect(path) as raw:
        for statement in (
            f"UPDATE {table} SET id = 'x'",
            f"DELETE FROM {table}",
            f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}",
        ):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                raw.execute(statement)
    raw.close()


def test_an_upload_that_waited_before_more_could_be_demanded_is_graded_as_it_was_sent(tmp_path: Path) -> None:
    path = as_of("r0011", tmp_path / "records.sqlite")
    with sqlite3.connect(path) as raw:
        raw.execute(
            "INSERT INTO uploads (id, content_sha256, place, bundle, state, item, card, created_at, acknowledged, claims,"
            " crashes, lease_until_s) VALUES ('u-1', ?, 'here', 'b-1', 'waiting', '{}', 'required',"
            " '2026-05-04T08:30:00+00:00', true, 0, 0, 0.0)",
            ("0" * 64,),
        )
    raw.close()

    store = open_store(path)
    with store.reading() as connection:
        upload = find_upload(connection, "u-1")
    store.close()

    assert upload is not None
    assert upload.demands == Demands(card="required")
