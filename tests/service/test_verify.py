"""Evidence: photos, checkpoints, purges, and what was put in. `test_tampering` changes, removes, reorders and cuts."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import insert

from qc_vision.decision import Verdict
from qc_vision.record import record_from_json, record_json
from service.checkpoints import append_checkpoint, read_checkpoints, sign_checkpoint
from service.ledger import read_head
from service.photos import PhotoFolder
from service.signing import Keyring
from service.store import Store, append_inspection, open_store
from service.tables import DELIVERIES, EVENTS, FACTS, KEPT, LEDGER
from service.verify import Break, Verified, verify
from tests.service.test_store import MOMENT, inspection


class Kept:
    """A data folder with one row or more in every table, three photos, and a checkpoint outside."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "records.sqlite"
        self.outside = folder / "checkpoints.jsonl"
        self.photos = PhotoFolder(folder / "photos")
        self.keyring = Keyring(folder / "keys")
        self.names = [self.photos.save(content) for content in (b"photo", b"overlay", b"thumbnail")]

    def fill(self) -> None:
        store = open_store(self.path)
        with store.writing() as (_, tail):
            for n in (1, 2, 3):
                append_inspection(tail, self.inspection(n))
                tail.append(FACTS, fact(f"fact-{n}", kind="lot", subject=f"LOT-{n}"))
                tail.append(EVENTS, event(f"event-{n}"))
                tail.append(DELIVERIES, delivery(f"delivery-{n}", of=f"event-{n}"))
        self.checkpoint(store)
        store.close()

    def inspection(self, n: int):
        made = inspection(f"inspection-{n}", record_id=f"record-of-{n}")
        photo, overlay, thumbnail = self.names
        graded = replace(made.photos[0], photo=photo, overlay=overlay, thumbnail=thumbnail)
        return replace(made, photos=(graded,))

    def checkpoint(self, store: Store) -> None:
        with store.reading() as connection:
            token = sign_checkpoint(read_head(connection), self.keyring, at=MOMENT)
        append_checkpoint(self.outside, token)

    def tamper(self, *statements: str) -> None:
        """As somebody with the file and a tool, who first takes the triggers away."""
        with sqlite3.connect(self.path, isolation_level=None) as raw:
            raw.execute("PRAGMA foreign_keys=OFF")
            triggers = raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
            for (name,) in triggers:
                raw.execute(f"DROP TRIGGER {name}")
            for statement in statements:
                raw.execute(statement)
        raw.close()

    def verify(self, *, with_checkpoints: bool = True) -> Verified | Break:
        store = open_store(self.path)
        good, bad = read_checkpoints(self.outside, self.keyring.jwks())
        with store.reading() as connection:
            found = verify(
                connection,
                photos=self.photos,
                checkpoints=good if with_checkpoints else (),
                bad_checkpoints=bad,
            )
        store.close()
        return found


def fact(name: str, *, kind: str, subject: str) -> dict[str, str | int | None]:
    return {
        "id": name,
        "kind": kind,
        "subject": subject,
        "version": 1,
        "lot": "LOT-1",
        "item": "A-1",
        "at": MOMENT.isoformat(),
        "by": "P-9",
        "body": '{"size":200}',
    }


def event(name: str) -> dict[str, str | int | None]:
    return {
        "id": name,
        "type": "inspection",
        "at": MOMENT.isoformat(),
        "lot": None,
        "item": "A-1",
        "body": "{}",
    }


def delivery(name: str, *, of: str) -> dict[str, str | int | None]:
    return {
        "id": name,
        "event_id": of,
        "target": "epcis",
        "at": MOMENT.isoformat(),
        "outcome": "delivered",
        "detail": "202",
    }


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("untouched")
    Kept(folder).fill()
    return folder


@pytest.fixture
def kept(untouched: Path, tmp_path: Path) -> Kept:
    shutil.copytree(untouched, tmp_path, dirs_exist_ok=True)
    return Kept(tmp_path)


@pytest.fixture
def store(kept: Kept) -> Iterator[Store]:
    store = open_store(kept.path)
    yield store
    store.close()


def test_what_nobody_touched_holds_and_is_counted(kept: Kept) -> None:
    found = kept.verify()

    # per round an inspection, its record, a fact, an event and a delivery; three photo files per record
    assert isinstance(found, Verified)
    assert (found.entries, found.photos, found.purged, found.checkpoints) == (15, 9, 0, 1)


@pytest.mark.parametrize("table", [name for name in KEPT if name != "records"])
def test_a_row_put_in_past_the_ledger_is_found(kept: Kept, table: str) -> None:
    with sqlite3.connect(kept.path) as raw:
        names = [name for _, name, *_ in raw.execute(f"PRAGMA table_info({table})")]
    raw.close()
    new = {"id": "'put-in'", "seq": "9999", "subject": "'put-in'"}
    values = ", ".join(new.get(name, f'"{name}"') for name in names)
    kept.tamper(f"INSERT INTO {table} SELECT {values} FROM {table} LIMIT 1")

    found = kept.verify(with_checkpoints=False)

    assert isinstance(found, Break)
    assert (found.table, found.row, found.expected) == (table, "put-in", "no row")


def test_a_cut_off_end_is_found_by_the_checkpoint_outside_alone(kept: Kept) -> None:
    kept.tamper(
        "DELETE FROM ledger WHERE seq > 13",
        "DELETE FROM events WHERE id = 'event-3'",
        "DELETE FROM deliveries WHERE id = 'delivery-3'",
    )

    assert isinstance(kept.verify(with_checkpoints=False), Verified)
    found = kept.verify()
    assert isinstance(found, Break)
    assert (found.table, found.row, found.found) == ("ledger", "15", "the last entry is 13")


def test_a_chain_that_was_made_anew_is_found_by_the_checkpoint_outside(kept: Kept, tmp_path: Path) -> None:
    kept.path.unlink()
    for name in ("records.sqlite-wal", "records.sqlite-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    store = open_store(kept.path)
    with store.writing() as (_, tail):
        for n in range(20):
            tail.append(EVENTS, event(f"other-{n}"))
    store.close()

    found = kept.verify()

    assert isinstance(found, Break)
    assert (found.table, found.row) == ("ledger", "15")
    assert found.found != found.expected


def test_a_checkpoint_that_was_not_signed_by_us_is_found(kept: Kept, tmp_path: Path) -> None:
    stranger = Keyring(tmp_path / "stranger")
    store = open_store(kept.path)
    with store.reading() as connection:
        append_checkpoint(kept.outside, sign_checkpoint(read_head(connection), stranger, at=MOMENT))
    store.close()

    found = kept.verify()

    assert isinstance(found, Break)
    assert (found.table, found.row) == ("checkpoints", "2")


@pytest.mark.parametrize("name", [0, 1, 2])
def test_a_changed_photo_is_found(kept: Kept, name: int) -> None:
    kept.photos.path(kept.names[name]).write_bytes(b"another basket")

    found = kept.verify()

    assert isinstance(found, Break)
    assert (found.table, found.row) == ("photos", kept.names[name])


def test_a_missing_photo_is_found_unless_a_purge_is_on_record(kept: Kept, store: Store) -> None:
    kept.photos.path(kept.names[0]).unlink()
    found = kept.verify()
    assert isinstance(found, Break)
    assert (found.table, found.row, found.found) == ("photos", kept.names[0], "no file")

    with store.writing() as (_, tail):
        tail.append(FACTS, fact("purge-1", kind="purge", subject=f"photos/{kept.names[0]}"))

    found = kept.verify()
    assert isinstance(found, Verified)
    assert found.purged == 3


def test_entries_come_only_after_the_last_one_and_with_its_hash(store: Store) -> None:
    entry = {
        "at": MOMENT.isoformat(),
        "table_name": "events",
        "row_id": "x",
        "row_sha256": "0" * 64,
        "hash": "1" * 64,
    }
    for seq, prev_hash in ((16, "0" * 64), (99, "0" * 64)):
        with pytest.raises(Exception, match="follows the last one"), store.writing() as (connection, _):
            connection.execute(insert(LEDGER).values(seq=seq, prev_hash=prev_hash, **entry))


def test_a_kept_record_is_canonical_json_whatever_its_floats(kept: Kept) -> None:
    with sqlite3.connect(kept.path) as raw:
        (text,) = raw.execute("SELECT record FROM records").fetchone()
    raw.close()

    assert text == json.dumps(json.loads(text), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert record_json(record_from_json(text))["verdict"] == Verdict.PASS
