"""The schema's steps: what an older version kept enters the chain, unchanged."""

import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, create_engine, insert, inspect, select, text, true
from sqlalchemy.exc import DBAPIError

from qc_vision.demands import Demands
from qc_vision.record import record_json
from service.account_tables import ACCOUNTS, AUDIT, RECOVERY_CODES, SECOND_FACTORS
from service.accounts import list_accounts
from service.filing import present_ref
from service.store import open_database, open_store
from service.tables import FACTS, INSPECTIONS, METADATA, UPLOADS, WAITING
from service.uploads import find_upload
from service.verify import Verified, verify
from service.waiting import list_waiting, refresh
from tests.service.tampering import fill, live_tables
from tests.service.test_store import inspection

POSTGRESQL = os.environ.get("QC_TEST_POSTGRESQL", "")
"""An empty database that may be wiped, see `test_postgresql.py`."""
AT = "2026-05-04T08:30:00+00:00"


def step_to(engine: Engine, revision: str, *, back: bool = False) -> None:
    """Steps the schema up, or `back`, to a revision."""
    config = Config()
    config.set_main_option("script_location", "service:migrations")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        (command.downgrade if back else command.upgrade)(config, revision)


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty database, of either kind."""
    if request.param == "postgresql" and not POSTGRESQL:
        pytest.skip("needs an empty PostgreSQL database: see test_postgresql.py")
    engine = create_engine(
        POSTGRESQL if request.param == "postgresql" else f"sqlite:///{tmp_path / 'empty.sqlite'}"
    )
    if request.param == "postgresql":
        with engine.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
    yield engine
    engine.dispose()


def as_of(revision: str, path: Path) -> Path:
    """An empty file as the version left it that ended with this step."""
    engine = create_engine(f"sqlite:///{path}")
    step_to(engine, revision)
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
        waiting = [waits.seq for waits in list_waiting(connection, true())]
    # also what failed before new photos came in
    assert waiting == [3, 4, 6]
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


class Before0011:
    """What a service kept and let wait before r0011: of each basket the last inspection alone, as it was filed then."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._seq = 0
        self._numbers: dict[str, int] = {}

    def inspect(self, name: str, ref: str, verdict: str = "fail") -> None:
        self._numbers[name] = seq = len(self._numbers) + 1
        row = {"seq": seq, "id": name, "created_at": AT, "ref": ref, "spec": "default", "verdict": verdict}
        self._connection.execute(insert(INSPECTIONS).values(row))

    def state(self, kind: str, name: str, item: str, *, version: int = 1) -> None:
        self._seq += 1
        row = {"seq": self._seq, "id": f"f-{self._seq}", "kind": kind, "subject": name, "version": version}
        self._connection.execute(insert(FACTS).values(**row, item=item, at=AT, by="R-1", body="{}"))

    def let_wait(self, name: str) -> None:
        row = {"seq": self._numbers[name], "asked": False, "undecided": True}
        self._connection.execute(insert(WAITING).values(row))


def test_what_the_machine_failed_waits_until_decided_on_also_where_something_was_filed_anew(
    engine: Engine,
) -> None:
    step_to(engine, "r0010")
    with engine.begin() as connection:
        kept = Before0011(connection)
        kept.inspect("overtaken by one filed here", "A")
        kept.inspect("a", "elsewhere", "pass")
        kept.state("filed", "a", "A")
        kept.inspect("filed here, then overtaken", "elsewhere")
        kept.state("filed", "filed here, then overtaken", "B")
        kept.inspect("b", "B", "pass")
        kept.inspect("its later decision left", "C")
        kept.inspect("c", "C", "pass")
        kept.state("disposition", "c", "C")
        kept.state("filed", "c", "elsewhere")
        kept.inspect("cc", "C", "pass")
        kept.inspect("decided under another code", "elsewhere")
        kept.state("disposition", "decided under another code", "elsewhere")
        kept.state("filed", "decided under another code", "D")
        kept.inspect("d", "D", "pass")
        kept.inspect("filed twice", "elsewhere")
        kept.state("filed", "filed twice", "wrong again")
        kept.state("filed", "filed twice", "E", version=2)
        kept.inspect("e", "wrong again", "pass")
        kept.state("disposition", "e", "wrong again")
        kept.inspect("ee", "E", "pass")
        kept.inspect("waited before", "F")
        kept.let_wait("waited before")

        kept.inspect("decided on here", "elsewhere")
        kept.state("filed", "decided on here", "G")
        kept.state("disposition", "decided on here", "G")
        kept.inspect("settled by one filed here", "H")
        kept.inspect("h", "elsewhere", "pass")
        kept.state("filed", "h", "H")
        kept.state("disposition", "h", "H")
        kept.inspect("settled after filing", "elsewhere")
        kept.state("filed", "settled after filing", "I")
        kept.inspect("i", "I", "pass")
        kept.state("disposition", "i", "I")

    step_to(engine, "head")

    with engine.begin() as connection:
        waiting = select(INSPECTIONS.c.id).join(WAITING, WAITING.c.seq == INSPECTIONS.c.seq)
        found = list(connection.execute(waiting.order_by(INSPECTIONS.c.seq)).scalars())
        # what the service itself finds, were everything looked at again
        for id, ref in connection.execute(select(INSPECTIONS.c.id, present_ref())).all():
            refresh(connection, inspection_id=id, ref=ref)
        again = list(connection.execute(waiting.order_by(INSPECTIONS.c.seq)).scalars())
    assert found == [
        "overtaken by one filed here",
        "filed here, then overtaken",
        "its later decision left",
        "decided under another code",
        "filed twice",
        "waited before",
    ]
    assert again == found


def test_uploads_in_hand_outlast_the_step_to_their_traces_and_the_one_back(engine: Engine) -> None:
    step_to(engine, "r0011")
    upload = {
        "id": "u-1",
        "content_sha256": "0" * 64,
        "place": "here",
        "bundle": "b-1",
        "state": "waiting",
        "item": "{}",
        "card": "optional",
        "created_at": AT,
        "acknowledged": True,
        "claims": 0,
        "crashes": 0,
        "lease_until_s": 0.0,
    }
    columns = ", ".join(upload)
    values = ", ".join(f":{name}" for name in upload)
    with engine.begin() as connection:
        connection.execute(text(f"INSERT INTO uploads ({columns}) VALUES ({values})"), upload)

    step_to(engine, "r0012")
    with engine.begin() as connection:
        assert connection.execute(select(UPLOADS.c.id, UPLOADS.c.trace)).all() == [("u-1", None)]

    step_to(engine, "r0011", back=True)
    with engine.begin() as connection:
        assert connection.execute(select(UPLOADS.c.id)).all() == [("u-1",)]
    assert "trace" not in {column["name"] for column in inspect(engine).get_columns("uploads")}


def test_an_upload_that_waited_before_more_could_be_demanded_is_graded_as_it_was_sent(tmp_path: Path) -> None:
    path = as_of("r0013", tmp_path / "records.sqlite")
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


def test_accounts_outlast_the_step_to_second_factors_and_the_one_back(engine: Engine) -> None:
    step_to(engine, "r0014")
    row = {"code": "R-1", "roles": "admin", "created_at": AT}
    with engine.begin() as connection:
        connection.execute(insert(ACCOUNTS).values(row))

    step_to(engine, "r0015")
    with engine.begin() as connection:
        (account,) = list_accounts(connection)
        connection.execute(insert(SECOND_FACTORS).values(account="R-1", secret="sealed"))
        connection.execute(insert(RECOVERY_CODES).values(sha256="0" * 64, account="R-1"))
    assert (account.code, account.second_factor) == ("R-1", False)

    step_to(engine, "r0014", back=True)
    assert not {"second_factors", "recovery_codes"} & set(inspect(engine).get_table_names())
    with engine.begin() as connection:
        assert connection.execute(select(ACCOUNTS.c.code)).all() == [("R-1",)]


def everything(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """What each table holds, as it is in the database."""
    return {
        name: sorted((dict(row) for row in connection.execute(select(table)).mappings()), key=str)
        for name, table in live_tables(connection).items()
        if name != "alembic_version"
    }


def test_the_way_back_and_up_again_keeps_all_that_an_older_version_knows(engine: Engine) -> None:
    store = open_database(engine.url.render_as_string(hide_password=False))
    fill(store)
    store.close()
    with engine.begin() as connection:
        connection.execute(insert(ACCOUNTS).values(code="R-1", roles="admin", created_at=AT))
        line = {"seq": 1, "id": "a-1", "at": AT, "what": "sign-in", "by": "R-1", "detail": ""}
        connection.execute(insert(AUDIT).values(line))
        before = everything(connection)

    for revision in ("r0011", "r0010", "r0009", "r0005", "r0004", "r0003"):
        step_to(engine, revision, back=True)
        with engine.begin() as connection:
            old = everything(connection)
        for table in ("inspections", "records", "facts", "events", "deliveries", "ledger", "audit"):
            assert old[table] == before[table]
        with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
            connection.execute(text("DELETE FROM audit"))
    assert [account["code"] for account in old["accounts"]] == ["R-1"]

    step_to(engine, "head")
    with engine.begin() as connection:
        assert everything(connection) == before
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
        assert isinstance(verify(connection, photos=None, checkpoints=()), Verified)


@pytest.mark.parametrize("revision", ["r0002", "r0001", "base"])
def test_no_step_back_takes_evidence_along(engine: Engine, revision: str) -> None:
    step_to(engine, "r0003")
    with engine.begin() as connection:
        before = everything(connection)

    with pytest.raises(NotImplementedError, match="append-only"):
        step_to(engine, revision, back=True)

    with engine.begin() as connection:
        assert everything(connection).keys() == before.keys()
