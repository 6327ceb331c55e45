"""What the service stands on fails and comes back: nothing acknowledged is lost, nothing is kept twice, and what is
left behind the doctor mends. The database on SQLite and on PostgreSQL, the photos in a folder and in a bucket."""

import errno
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import create_engine, event, make_url, text

from service.app import create_app
from service.doctor import Health, examine
from service.settings import Settings
from service.store import _set_pragmas
from tests.service.fakes import FakeInspector
from tests.service.signed_in import signed_in
from tests.service.test_uploads import GREEN, RED, HeldInspector, listed, send, settled

POSTGRESQL = os.environ.get("QC_TEST_POSTGRESQL", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What the service stands on. Within `failing` a part of it fails."""

    settings: Settings
    failing: Callable[[], AbstractContextManager[None]]


@contextmanager
def written_by_another(path: Path) -> Iterator[None]:
    other = sqlite3.connect(path)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.rollback()
    other.close()


@contextmanager
def server_away() -> Iterator[None]:
    """The server breaks off all that is open to the database, and lets nobody in."""
    name = make_url(POSTGRESQL).database
    keeper = create_engine(make_url(POSTGRESQL).set(database="postgres"), isolation_level="AUTOCOMMIT")
    with keeper.connect() as connection:
        connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
        connection.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"),
            {"name": name},
        )
        try:
            yield
        finally:
            connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true"))
    keeper.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(
    request: pytest.FixtureRequest, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Ground]:
    if request.param == "sqlite":

        def set_impatient(connection: sqlite3.Connection, record: object) -> None:
            _set_pragmas(connection, record)
            connection.execute("PRAGMA busy_timeout=0")

        monkeypatch.setattr("service.store._set_pragmas", set_impatient)
        path = settings.data_dir / "records.sqlite"
        yield Ground(settings=settings, failing=lambda: written_by_another(path))
        return
    if not POSTGRESQL:
        pytest.skip("needs an empty PostgreSQL database: see test_postgresql.py")
    engine = create_engine(POSTGRESQL)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    yield Ground(
        settings=settings.model_copy(update={"database_url": POSTGRESQL}), failing=lambda: server_away()
    )


@contextmanager
def folder_away(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    away = folder.rename(folder.with_name("away"))
    folder.write_text("something else is mounted here")
    yield
    folder.unlink()
    away.rename(folder)


@contextmanager
def bucket_away(settings: Settings) -> Iterator[None]:
    """An empty bucket is removed and made again."""
    address = f"{settings.s3_endpoint}/{urlsplit(settings.photos_url or '').netloc}"
    urlopen(Request(address, method="DELETE")).close()
    yield
    urlopen(Request(address, method="PUT")).close()


@pytest.fixture(params=["folder", "bucket"])
def photos(request: pytest.FixtureRequest, settings: Settings) -> Ground:
    if request.param == "folder":
        return Ground(settings=settings, failing=lambda: folder_away(settings.data_dir / "photos"))
    stored: Settings = request.getfixturevalue("s3_settings")
    return Ground(settings=stored, failing=lambda: bucket_away(stored))


def mended(settings: Settings) -> set[Health]:
    list(examine(settings, repair=True, load=FakeInspector, abandoned_s=0.0))
    return {f.health for f in examine(settings, repair=False, load=FakeInspector, abandoned_s=0.0)}


def test_while_the_database_is_away_nothing_is_acknowledged_and_the_same_upload_goes_through_later(
    database: Ground,
) -> None:
    with signed_in(create_app(database.settings, inspector=FakeInspector())) as client:
        first = send(client, RED, key="a").json()["id"]

        with database.failing():
            refused = send(client, GREEN, key="b")
        later = send(client, GREEN, key="b")

        assert refused.status_code == 507
        assert refused.json()["messages"]["id"] != refused.json()["messages"]["en"]
        assert later.status_code == 201
        assert listed(client) == [later.json()["id"], first]
    assert mended(database.settings) == {Health.OK}


def test_what_was_acknowledged_before_the_database_went_is_graded_once_it_is_back(
    database: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.worker.LEASE_S", 2.0)
    inspector = HeldInspector()
    with signed_in(create_app(database.settings, inspector=inspector)) as client:
        link = send(client, RED, prefer="respond-async").headers["location"]
        while client.get(link).json()["state"] != "working":
            time.sleep(0.01)

        with database.failing():
            inspector.go.set()
            time.sleep(1.0)  # the worker finishes, and cannot keep what it found

        assert settled(client, link, timeout_s=60)["state"] == "done"
        assert listed(client) == [link.rpartition("/")[2]]
    assert mended(database.settings) == {Health.OK}


def test_while_the_photo_store_is_away_nobody_is_told_a_verdict_and_what_was_accepted_is_graded_later(
    photos: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.worker.REST_S", 0.2)
    with signed_in(create_app(photos.settings, inspector=FakeInspector())) as client:
        with photos.failing():
            refused = send(client, GREEN, key="b")
            accepted = send(client, RED, prefer="respond-async")
            assert client.get("/readyz").status_code == 507

        assert (accepted.status_code, refused.status_code) == (202, 507)
        assert settled(client, accepted.headers["location"], timeout_s=60)["state"] == "done"
        assert send(client, GREEN, key="b").status_code == 201
        assert len(listed(client)) == 2
    assert mended(photos.settings) == {Health.OK}


def test_a_disk_that_is_full_while_a_photo_arrives_is_not_the_senders_fault(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as broken:
        broken.setattr("starlette.datastructures.UploadFile.write", full)
        refused = send(client, RED, key="a")

    assert refused.status_code == 507
    assert os.strerror(errno.ENOSPC) in refused.json()["messages"]["en"]
    assert send(client, RED, key="a").status_code == 201


def test_a_full_database_keeps_nothing_by_halves(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.worker.LEASE_S", 1.0)
    monkeypatch.setattr("service.worker.REST_S", 0.2)
    app = create_app(settings.model_copy(update={"wait_s": 1.0}), inspector=FakeInspector())
    with signed_in(app, raise_server_exceptions=False) as client:
        send(client, RED, key="first")
        engine = app.state.desk.store._engine
        with engine.connect() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()

        def limit(connection: sqlite3.Connection, *_: object) -> None:
            connection.execute(f"PRAGMA max_page_count={pages}")

        event.listen(engine, "checkout", limit)
        accepted = []
        while (answer := send(client, RED, key=f"{len(accepted)}")).is_success:
            accepted.append(answer.json()["id"])
        pages = 1 << 30

        assert answer.status_code == 507
        accepted.append(send(client, GREEN, key="last").json()["id"])
        for id in accepted:
            assert settled(client, f"/v1/uploads/{id}", timeout_s=60)["state"] == "done"
        assert set(accepted) < set(listed(client))
        assert len(listed(client)) == len(accepted) + 1
    assert mended(settings) == {Health.OK}
