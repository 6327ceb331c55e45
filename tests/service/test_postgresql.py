"""The same promises on PostgreSQL. Needs an empty database that may be wiped, named by its SQLAlchemy URL:

QC_TEST_POSTGRESQL=postgresql+pg8000://postgres@/qc?unix_sock=/var/run/postgresql/.s.PGSQL.5432
"""

import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from io import BytesIO
from itertools import cycle
from pathlib import Path

import httpx2
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine, select, text
from sqlalchemy.exc import DBAPIError

from qc_vision.decision import Verdict
from service.accounts import PassKind
from service.app import create_app
from service.audit import Act, Asked, note, read_audit
from service.backup import back_up, restore
from service.checkpoints import Checkpoint
from service.intake import Intake
from service.item import Item
from service.ledger import read_head
from service.photo_bucket import open_photos
from service.photos import PhotoFolder
from service.purge import Retention, purge
from service.reception import Received, Sent, SentFile, accept
from service.secret_box import KEY_FILE, SecretBox
from service.settings import Settings
from service.store import Store, Wanted, append_inspection, now, open_database
from service.tables import DELIVERIES, EVENTS, FACTS, INSPECTIONS, KEPT, METADATA
from service.uploads import claim, count_open
from service.verify import Break, Verified, verify
from service.workplace import open_records
from tests.bench.bench_kill import free_port, wait_until_ready
from tests.service.fakes import FakeInspector, photo_of
from tests.service.nursery import kill_service, start_service
from tests.service.signed_in import new_pass, signed_in
from tests.service.tampering import (
    OUT_OF_THE_LEDGER,
    every_cut,
    every_field,
    every_removed_row,
    every_swapped_pair,
    fill,
    lift_triggers,
    not_vouched_for,
)
from tests.service.test_lots import SPEC, inspect
from tests.service.test_scope import OURS, THEIRS, Village, held_to
from tests.service.test_second_factor import good_for_one_of_many
from tests.service.test_store import inspection
from tests.service.test_verify import delivery, event, fact

URL = os.environ.get("QC_TEST_POSTGRESQL", "")

pytestmark = pytest.mark.skipif(not URL, reason="needs an empty PostgreSQL database: see the module")


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = create_engine(URL)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    yield engine
    engine.dispose()


@pytest.fixture
def store(engine: Engine) -> Iterator[Store]:
    store = open_database(URL)
    with store.writing() as (_, tail):
        append_inspection(tail, inspection("one"))
        tail.append(FACTS, fact("fact-1", kind="lot", subject="LOT-1"))
        tail.append(EVENTS, event("event-1"))
        tail.append(DELIVERIES, delivery("delivery-1", of="event-1"))
    yield store
    store.close()


def test_what_is_kept_is_read_back_and_verified(store: Store) -> None:
    with store.reading() as connection:
        found = verify(connection, photos=None, checkpoints=())

    assert isinstance(found, Verified)
    assert found.entries == 5
    assert [summary.id for summary in store.list(Wanted(village="Kebasen"), limit=5)] == ["one"]


@pytest.mark.parametrize("table", [*KEPT, "ledger"])
@pytest.mark.parametrize(
    "statement",
    ["UPDATE {table} SET seq = 77", "DELETE FROM {table}", "TRUNCATE {table} CASCADE"],
)
def test_no_statement_changes_or_removes_a_row(
    engine: Engine, store: Store, table: str, statement: str
) -> None:
    wanted = statement.format(table=table).replace("seq", "position" if table == "records" else "seq")
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(text(wanted))


def test_a_row_named_by_a_purge_may_be_removed_and_the_rest_still_verifies(
    engine: Engine, store: Store
) -> None:
    with store.writing() as (_, tail):
        tail.append(FACTS, fact("purge-1", kind="purge", subject="facts/fact-1"))
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM facts WHERE id = 'fact-1'"))

    with store.reading() as connection:
        found = verify(connection, photos=None, checkpoints=())
    assert isinstance(found, Verified)
    assert found.purged == 1


def test_lines_of_the_audit_go_in_their_time_and_the_database_lets_no_younger_one_go(
    engine: Engine, store: Store, tmp_path: Path
) -> None:
    with store.changing() as connection:
        for days, detail in ((731, "old"), (729, "young")):
            at = now() - timedelta(days=days)
            note(connection, Act.LINK_MADE, account="R-9", by="A-1", now=at, detail=detail)
    kept = Retention(photos=timedelta(730), records=timedelta(3650), audit=timedelta(730))

    removed = purge(store, PhotoFolder(tmp_path), Intake(tmp_path), kept, by="A-1", now=now())

    assert removed.audit == 1
    with store.reading() as connection:
        assert [line.detail for line in read_audit(connection, Asked())] == ["young"]
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(text("DELETE FROM audit"))


def test_the_files_are_written_anew_after_a_purge(store: Store) -> None:
    assert store.erase_removed()


def test_what_was_changed_with_the_triggers_off_is_found(engine: Engine, store: Store) -> None:
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE facts DISABLE TRIGGER ALL"))
        connection.execute(text("UPDATE facts SET body = '{}'"))

    with store.reading() as connection:
        found = verify(connection, photos=None, checkpoints=())
    assert isinstance(found, Break)
    assert (found.table, found.row) == ("facts", "fact-1")


def test_all_tampering_is_found_with_its_first_break(engine: Engine) -> None:
    store = open_database(URL)
    fill(store)
    with store.reading() as connection:
        head = read_head(connection)
    store.close()
    lift_triggers(engine)
    checkpoint = Checkpoint(seq=head.seq, hash=head.hash, line=1)

    tried = [
        *every_field(engine),
        *every_removed_row(engine, checkpoint),
        *every_swapped_pair(engine, checkpoint.seq),
    ]

    assert [(what, found, first) for what, found, first in tried if found != first] == []
    assert {what.split(".")[0] for what, _, _ in tried if "." in what} == {*KEPT, "ledger"}
    for end, with_checkpoint, without in every_cut(engine, checkpoint):
        assert isinstance(without, Verified)
        assert isinstance(with_checkpoint, Break)
        assert (with_checkpoint.table, with_checkpoint.found) == ("ledger", f"the last entry is {end}")
    assert not_vouched_for(engine) == {name: columns for name, (_, columns) in OUT_OF_THE_LEDGER.items()}


def test_of_many_who_send_the_same_code_of_an_app_at_once_one_gets_in(store: Store, tmp_path: Path) -> None:
    good_for_one_of_many(store, SecretBox(tmp_path / "keys" / KEY_FILE))


def test_an_entry_that_does_not_follow_the_last_one_is_refused(engine: Engine, store: Store) -> None:
    values = "9, 'now', 'facts', 'x', repeat('0', 64), repeat('0', 64), repeat('1', 64)"
    with pytest.raises(DBAPIError, match="follows the last one"), engine.begin() as connection:
        connection.execute(text(f"INSERT INTO ledger VALUES ({values})"))


def test_the_migrations_make_the_schema_that_the_code_expects(engine: Engine, store: Store) -> None:
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_an_account_held_to_a_village_finds_its_own_alone(engine: Engine, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, port=0, database_url=URL)
    app = create_app(settings, inspector=FakeInspector())
    with signed_in(app) as client:
        records = app.state.desk.store
        us, them = (held_to(records, f"F-{group}", frozenset({group})) for group in (OURS, THEIRS))
        theirs, ours = Village(client, THEIRS, them), Village(client, OURS, us)
        for list_of in ("inspections", "facts", "lots", "epcis/events"):
            found = client.get(f"/v1/{list_of}", headers=us, params={"limit": 100}).text
            assert not [mark for mark in theirs.marks if mark in found]
            assert [mark for mark in ours.marks if mark in found]
        for verdict, lots in (("open", [ours.lot]), ("accepted", [])):
            asked = {"verdict": verdict, "spec": SPEC, "formed_since": "2020-01-01T00:00:00Z"}
            found = client.get("/v1/lots", headers=us, params=asked).json()["lots"]
            assert [lot["id"] for lot in found] == lots
        for lot, status in ((theirs.lot, 404), (ours.lot, 200)):
            assert client.get(f"/v1/lots/{lot}", headers=us).status_code == status


def accept_photo(store: Store, folder: Path, *, key: str) -> Received:
    photo = SentFile(filename=None, file=BytesIO(b"photo"))
    sent = Sent(id=None, key=key, item=Item(), by=None, photos=[photo], photo_ids=None)
    return accept(sent, store=store, intake=Intake(folder), max_open=9, acknowledged=True, clock=now)


def test_the_same_upload_accepted_many_times_at_once_is_one(store: Store, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        received = list(pool.map(lambda _: accept_photo(store, tmp_path / "intake", key="a"), range(8)))

    assert len({each.upload.id for each in received}) == 1
    assert [each.is_new for each in received].count(True) == 1


def test_two_workers_take_different_uploads_and_neither_waits_for_the_other(
    store: Store, tmp_path: Path
) -> None:
    folder = tmp_path / "intake"
    sent = [accept_photo(store, folder, key=key).upload.id for key in ("a", "b")]
    place = Intake(folder).place()

    with store.changing() as one, store.changing() as other:
        taken = [
            claim(connection, worker=worker, place=place, now_s=1.0, lease_s=60.0)
            for worker, connection in (("one", one), ("other", other))
        ]

    assert [None if upload is None else upload.id for upload in taken] == sent


def test_of_two_services_on_one_database_one_is_killed_and_the_other_loses_and_doubles_nothing(
    engine: Engine, tmp_path: Path
) -> None:
    both = [
        Settings(data_dir=tmp_path / "data", port=free_port(), workers=1, database_url=URL) for _ in range(2)
    ]
    store = open_records(both[0])
    headers = {"Authorization": f"Bearer {new_pass(store, 'R-1', PassKind.TOKEN)}"}
    services = [start_service(settings) for settings in both]
    accepted: dict[str, str] = {}

    def send_on(ref: str) -> None:
        """To one service and the other in turn, under the same key, until one has accepted it."""
        for settings in cycle(both):
            with suppress(httpx2.HTTPError):
                answer = httpx2.post(
                    f"http://127.0.0.1:{settings.port}/v1/inspections",
                    files={"photos": ("a.jpg", photo_of(Verdict.PASS))},
                    data={"item": json.dumps({"ref": ref})},
                    headers=headers | {"Idempotency-Key": ref, "Prefer": "respond-async"},
                    timeout=60,
                )
                assert answer.status_code in (202, 409, 503, 507), answer.text
                if answer.status_code == 202:
                    accepted[ref] = answer.json()["id"]
                    return
            time.sleep(0.1)

    try:
        for settings in both:
            wait_until_ready(settings.port)
        with ThreadPoolExecutor(4) as pool:
            sending = [pool.submit(send_on, f"A-{number}") for number in range(24)]
            while len(accepted) < 8:
                time.sleep(0.01)
            kill_service(services[0], whole=True)
            for each in sending:
                each.result()
        end = time.monotonic() + 90  # less than a lease: the other service frees what the killed one held
        while True:
            with store.reading() as connection:
                if count_open(connection) == 0:
                    break
            assert time.monotonic() < end
            time.sleep(0.1)
    finally:
        for service in services:
            kill_service(service, whole=True)
    with store.reading() as connection:
        kept = connection.execute(select(INSPECTIONS.c.ref, INSPECTIONS.c.id)).all()
        chain = verify(connection, photos=open_photos(both[0]), checkpoints=())
    store.close()
    assert sorted((row.ref, row.id) for row in kept) == sorted(accepted.items())
    assert len(accepted) == 24
    assert isinstance(chain, Verified)


def test_a_backup_of_either_database_restores_into_the_other(
    engine: Engine, settings: Settings, tmp_path: Path
) -> None:
    with signed_in(create_app(settings, inspector=FakeInspector())) as client:
        inspect(client, "A-1", Verdict.PASS)
    of_sqlite = back_up(settings, tmp_path / "sqlite.zip")

    there = settings.model_copy(update={"data_dir": tmp_path / "there", "database_url": URL})
    assert restore(there, tmp_path / "sqlite.zip") == of_sqlite
    # its counters go on where the rows that came with their numbers end
    with signed_in(create_app(there, inspector=FakeInspector())) as client:
        inspect(client, "A-2", Verdict.PASS)
    of_postgresql = back_up(there, tmp_path / "postgresql.zip")
    assert of_postgresql.entries > of_sqlite.entries

    back = settings.model_copy(update={"data_dir": tmp_path / "back"})
    assert restore(back, tmp_path / "postgresql.zip") == of_postgresql
