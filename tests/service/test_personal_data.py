"""After a purge nothing personal is left: not in a table, a file, a backup, an event, a certificate or the log."""

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image
from sqlalchemy import MetaData, create_engine, insert, select

from qc_vision.decision import Verdict
from service.backup import back_up
from service.cli import main
from service.intake import Intake
from service.photos import PhotoFolder
from service.purge import Retention, purge
from service.settings import Settings
from service.store import Store, now, open_store
from service.tables import UPLOAD_PHOTOS, UPLOADS
from tests.service.fakes import photo_of
from tests.service.signed_in import AsNamed
from tests.service.test_lots import SPEC, UNITS, decide, enter_checks_and_papers, form_lot, inspect

MAKER, NAMED, WORDS, IN_THE_PHOTO = "P-SUMIATI-77", "ibu-sumiati.jpg", "kata-bu-aminah", "sumiati-di-gps"
MARKS = (MAKER, NAMED, WORDS, IN_THE_PHOTO)
"""A maker's code, a file's name as a phone gave it, words that somebody typed, what a camera wrote into a photo."""
LATER = datetime.now(UTC) + timedelta(days=3651)


@pytest.fixture
def store(client: TestClient, settings: Settings) -> Iterator[Store]:
    """A service in which a lot went all the way to its certificate, and an upload was set aside."""
    form_lot(client)
    client.put(f"/v1/makers/{MAKER}", json={"by": "R-1", "group": "KLS"})
    exif = Image.Exif()
    exif[0x010E] = IN_THE_PHOTO  # ImageDescription
    for unit in UNITS:
        client.put(f"/v1/items/{unit}", json={"by": "R-1", "maker": MAKER})
        sent = client.post(
            "/v1/inspections",
            files=[("photos", (NAMED, photo_of(Verdict.PASS, exif=exif)))],
            data={"item": json.dumps({"ref": unit, "maker": MAKER, "spec": SPEC}), "by": "F-1"},
        )
        decide(client, sent.json()["id"], reason=WORDS)
    assert isinstance(client.auth, AsNamed)
    as_companion = {"authorization": f"Bearer {client.auth.token('R-1')}"}  # makers have no accounts
    asked = {"by": MAKER, "item": UNITS[0], "reason": WORDS}
    assert client.post("/v1/review-requests", json=asked, headers=as_companion).status_code == 201
    moved = inspect(client, "ELSEWHERE", Verdict.FAIL)
    filed = {"by": "R-1", "item": UNITS[0], "maker": MAKER, "reason": WORDS}
    client.put(f"/v1/inspections/{moved}/filing", json=filed)
    decide(client, moved, "overrule", reason=WORDS)
    enter_checks_and_papers(client)
    assert client.post("/v1/lots/LOT-1/decision", json={"by": "R-1"}).status_code == 201
    assert client.post("/v1/lots/LOT-1/certificates", json={"by": "R-1"}).status_code == 201
    store = open_store(settings.data_dir / "records.sqlite")
    set_aside(store, Intake(settings.data_dir / "intake"), photo_of(Verdict.FAIL, exif=exif))
    yield store
    store.close()


def set_aside(store: Store, intake: Intake, photo: bytes) -> None:
    intake.place()
    intake.keep("bundle-1", [io.BytesIO(photo)])
    row: dict[str, Any] = {
        "id": "a" * 32,
        "content_sha256": "0" * 64,
        "place": intake.place(),
        "bundle": "bundle-1",
        "state": "set_aside",
        "item": json.dumps({"maker": MAKER}),
        "card": "optional",
        "created_at": now().isoformat(),
        "acknowledged": True,
        "claims": 2,
        "crashes": 2,
        "lease_until_s": 0.0,
    }
    of_photo = {"id": "b" * 32, "upload_id": "a" * 32, "position": 0, "filename": NAMED, "sha256": "0" * 64}
    with store.changing() as connection:
        connection.execute(insert(UPLOADS).values(row))
        connection.execute(insert(UPLOAD_PHOTOS).values({**of_photo, "size_bytes": len(photo)}))


def in_tables(url: str) -> set[str]:
    engine = create_engine(url)
    live = MetaData()
    live.reflect(engine)
    with engine.connect() as connection:
        cells = [
            str(cell)
            for table in live.sorted_tables
            for row in connection.execute(select(table))
            for cell in row
        ]
    engine.dispose()
    return {mark for mark in MARKS if any(mark in cell for cell in cells)}


def in_files(folder: Path) -> set[str]:
    """The marks that a file holds, byte for byte."""
    contents = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    return {mark for mark in MARKS if any(mark.encode() in content for content in contents)}


def test_nothing_personal_is_left_anywhere(
    store: Store, client: TestClient, settings: Settings, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{settings.data_dir / 'records.sqlite'}"
    number = client.get("/v1/facts", params={"kind": "certificate"}).json()["facts"][0]["subject"]
    certificate = client.get(f"/v1/certificates/{number}").text
    pdf = client.get(f"/v1/certificates/{number}/pdf").content
    assert in_tables(url) == {MAKER, NAMED, WORDS}  # what there is to find
    assert in_files(settings.data_dir) == set(MARKS)

    kept = Retention(photos=timedelta(days=730), records=timedelta(days=3650), audit=timedelta(days=730))
    folder = settings.data_dir
    removed = purge(
        store, PhotoFolder(folder / "photos"), Intake(folder / "intake"), kept, by="A-1", now=LATER
    )

    assert removed.erased
    assert in_tables(url) == set()
    assert in_files(folder) == set()
    client.auth = AsNamed(store)  # by then the token had run out
    told = client.get("/v1/epcis/events", params={"limit": 100}).text
    assert "eventID" in told  # they stay: they name no person
    back_up(settings, tmp_path / "backup.zip")
    with zipfile.ZipFile(tmp_path / "backup.zip") as archive:
        in_backup = b"".join(archive.read(name) for name in archive.namelist())
    said = capfd.readouterr()
    for mark in MARKS:
        assert mark.encode() not in in_backup + pdf
        assert mark not in told + certificate + said.out + said.err
    assert main(["record", "verify", "--data", str(folder)]) == 0


def test_no_photo_is_kept_with_what_the_camera_wrote_into_it(store: Store, settings: Settings) -> None:
    assert in_files(settings.data_dir / "photos") == set()


def test_originals_and_file_names_go_with_the_photos(store: Store, settings: Settings) -> None:
    kept = Retention(photos=timedelta(days=730), records=timedelta(days=3650), audit=timedelta(days=730))
    folder = settings.data_dir

    removed = purge(
        store,
        PhotoFolder(folder / "photos"),
        Intake(folder / "intake"),
        kept,
        by="A-1",
        now=datetime.now(UTC) + timedelta(days=731),
    )

    assert (removed.uploads, removed.inspections) == (7, 0)
    assert in_files(folder) & {NAMED, IN_THE_PHOTO} == set()
