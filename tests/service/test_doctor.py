"""The doctor names what is wrong and what to do, mends what is safe, and leaves evidence alone."""

import sqlite3
import time
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from pyrage import x25519

from qc_vision.decision import Verdict
from service.app import create_app
from service.cli import main
from service.doctor import Finding, Health, examine
from service.intake import Intake
from service.photo_bucket import open_photos
from service.second_factor import begin, confirm
from service.secret_box import KEY_FILE, SecretBox
from service.settings import Settings
from service.store import find_revisions, now, open_database
from service.uploads import claim, set_aside
from tests.service.fakes import FakeInspector, photo_of, refuse_to_load
from tests.service.signed_in import add_missing, signed_in
from tests.service.test_second_factor import App


@pytest.fixture
def used(settings: Settings) -> Settings:
    """The settings of a stopped service in which one basket was graded."""
    with signed_in(create_app(settings, inspector=FakeInspector())) as client:
        send(client)
        client.get("/.well-known/jwks.json")
    return settings


def send(client: TestClient, *, prefer: str = "") -> str:
    files = [("photos", ("a.jpg", photo_of(Verdict.PASS)))]
    return str(client.post("/v1/inspections", files=files, headers={"Prefer": prefer}).json()["id"])


def look(settings: Settings, *, repair: bool = False) -> dict[str, Finding]:
    found = examine(settings, repair=repair, load=FakeInspector, abandoned_s=0.0)
    return {finding.what: finding for finding in found}


def ill(settings: Settings, *, repair: bool = False) -> dict[str, Health]:
    return {
        what: finding.health
        for what, finding in look(settings, repair=repair).items()
        if finding.health is not Health.OK
    }


def kept_photos(settings: Settings) -> list[Path]:
    return sorted((settings.data_dir / "photos").glob("*/*"))


def test_a_service_in_order_is_told_so_in_both_languages(used: Settings) -> None:
    found = look(used)

    assert {finding.health for finding in found.values()} == {Health.OK}
    assert all(finding.message.id and finding.message.en for finding in found.values())
    assert "4 entries" in found["ledger"].message.en


def test_photos_and_originals_that_nobody_names_are_found_then_removed_and_nothing_else(
    used: Settings,
) -> None:
    kept = kept_photos(used)
    open_photos(used).save(photo_of(Verdict.FAIL))
    (kept[0].parent / "tmp.part").write_bytes(b"half")
    intake = used.data_dir / "intake" / "b1"
    intake.mkdir()
    (intake / "0.photo").write_bytes(b"photo")

    assert ill(used) == {"orphan photos": Health.WRONG, "originals": Health.WRONG}
    assert ill(used, repair=True) == {"orphan photos": Health.MENDED, "originals": Health.MENDED}
    assert ill(used) == {}
    assert kept_photos(used) == kept


def test_what_was_being_written_when_its_writer_was_killed_is_found_then_removed(used: Settings) -> None:
    halves = [used.data_dir / folder / "tmp.part" for folder in ("intake", "keys")]
    for half in halves:
        half.write_text("half")

    assert ill(used) == {"unfinished": Health.WRONG}
    assert ill(used, repair=True) == {"unfinished": Health.MENDED}
    assert ill(used) == {}
    assert not any(half.exists() for half in halves)


def test_orphans_in_a_bucket_are_found_then_removed_and_nothing_else(s3_settings: Settings) -> None:
    with signed_in(create_app(s3_settings, inspector=FakeInspector())) as client:
        send(client)
    photos = open_photos(s3_settings)
    kept = sorted(photos.names())
    photos.save(photo_of(Verdict.FAIL))

    assert ill(s3_settings) == {"orphan photos": Health.WRONG}
    assert ill(s3_settings, repair=True) == {"orphan photos": Health.MENDED}
    assert ill(s3_settings) == {}
    assert sorted(photos.names()) == kept


def test_a_photo_that_is_gone_is_named_and_repair_does_not_hide_it(used: Settings) -> None:
    gone = kept_photos(used)[0]
    gone.unlink()

    assert ill(used, repair=True) == {"photos": Health.WRONG}
    assert gone.stem in look(used)["photos"].message.en


def test_a_changed_row_is_told_and_left_as_it_is(used: Settings) -> None:
    path = used.data_dir / "records.sqlite"
    with sqlite3.connect(path) as raw:
        raw.execute("DROP TRIGGER " + str(raw.execute(UPDATE_TRIGGER).fetchone()[0]))
        raw.execute("UPDATE inspections SET verdict = 'fail'")
    raw.close()

    assert ill(used, repair=True) == {"ledger": Health.WRONG}


def test_a_lease_that_ran_out_is_freed_and_a_photo_set_aside_is_graded_once_more_when_asked(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    app = create_app(settings, inspector=FakeInspector())
    with signed_in(app) as client:
        app.state.desk.crew.stop()
        stuck, aside = (send(client, prefer="respond-async") for _ in range(2))
    store = open_database(settings.database)
    place = Intake(settings.data_dir / "intake").place()
    with store.changing() as connection:
        claim(connection, worker="dead", place=place, now_s=time.time() - 100, lease_s=1.0)
        set_aside(connection, aside)
    store.close()

    assert ill(settings) == {"leases": Health.WRONG, "set aside": Health.WRONG}
    assert aside in look(settings)["set aside"].message.en
    assert ill(settings, repair=True) == {"leases": Health.MENDED, "set aside": Health.WRONG}
    assert main(["doctor", "--data", str(settings.data_dir), "--again", aside]) == 0
    assert "set aside: ok" in capsys.readouterr().out
    assert main(["doctor", "--data", str(settings.data_dir), "--again", aside]) == 1
    assert "tidak disisihkan" in capsys.readouterr().err
    with signed_in(create_app(settings, inspector=FakeInspector())) as client:
        for id in (stuck, aside):
            while client.get(f"/v1/uploads/{id}").json()["state"] != "done":
                time.sleep(0.02)


def test_originals_of_an_accepted_upload_that_are_gone_are_told(settings: Settings) -> None:
    app = create_app(settings, inspector=FakeInspector())
    with signed_in(app) as client:
        app.state.desk.crew.stop()
        id = send(client, prefer="respond-async")
    for photo in (settings.data_dir / "intake").glob("*/*.photo"):
        photo.unlink()

    assert id in look(settings)["uploads"].message.en


def test_a_schema_of_another_version_is_named_and_brought_up_to_date_when_asked(used: Settings) -> None:
    path = used.data_dir / "records.sqlite"
    newest = find_revisions(used.database)[1]
    with sqlite3.connect(path) as raw:
        raw.execute("DELETE FROM alembic_version")
    raw.close()

    found = look(used)

    assert found["database"].health is Health.WRONG
    assert str(newest) in found["database"].message.en
    assert "ledger" not in found


def test_a_model_that_does_not_load_and_an_unreadable_key_are_told_and_the_rest_is_looked_at(
    used: Settings,
) -> None:
    for key in (used.data_dir / "keys").glob("*.jwk"):
        key.write_text("{")

    found = {f.what: f for f in examine(used, repair=False, load=refuse_to_load)}

    assert found["model"].message.en == "the model is broken"
    assert found["keys"].health is Health.WRONG
    assert found["photos"].health is Health.OK


def test_whose_second_factor_cannot_be_read_is_told(used: Settings) -> None:
    key = used.data_dir / "keys" / KEY_FILE
    begun_alone, turned_on = "R-7", "R-8"
    store = open_database(used.database)
    for code in (begun_alone, turned_on):
        add_missing(store, code)
    with store.changing() as connection:
        for code in (begun_alone, turned_on):
            shown = begin(connection, code, box=SecretBox(key))
        assert confirm(connection, turned_on, App(shown.key).code(), box=SecretBox(key), now=now())
    store.close()
    assert look(used)["second factors"].message.en == "1 on and readable"

    key.unlink()
    lost = look(used)["second factors"]
    key.write_text(str(x25519.Identity.generate()))
    another = look(used)["second factors"]

    for found in (lost, another):
        assert found.health is Health.WRONG
        assert turned_on in found.message.en
        assert begun_alone not in found.message.en


def test_too_little_room_is_told(used: Settings) -> None:
    greedy = used.model_copy(update={"max_upload_bytes": 10**18})

    assert "free" in look(greedy)["disk"].message.en
    assert ill(greedy) == {"disk": Health.WRONG}


def test_the_exit_status_tells_and_nothing_is_made_in_a_wrong_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--data", str(tmp_path / "wrong")]) == 3

    said = capsys.readouterr().out
    assert "database: SALAH / WRONG" in said
    assert "belum ada" in said
    assert not (tmp_path / "wrong" / "records.sqlite").exists()
    assert not (tmp_path / "wrong" / "keys").exists()


UPDATE_TRIGGER = (
    "SELECT name FROM sqlite_master WHERE type = 'trigger' AND sql LIKE '%UPDATE ON inspections%'"
)
