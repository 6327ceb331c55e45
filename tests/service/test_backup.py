"""A backup taken while the service runs, restored into an empty place, and verified there."""

import json
import shutil
import stat
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import pyrage
import pytest
from fastapi.testclient import TestClient

from qc_vision.decision import Verdict
from service.app import create_app
from service.cli import main
from service.settings import Settings
from tests.service.fakes import FakeInspector, photo_of
from tests.service.signed_in import signed_in
from tests.service.test_lots import inspect


def verified(data: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What `record verify` says of a place where everything holds."""
    capsys.readouterr()
    assert main(["record", "verify", "--data", str(data)]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.fixture
def backup(client: TestClient, settings: Settings, tmp_path: Path) -> Path:
    """Of a service that runs, with two inspections and a checkpoint."""
    inspect(client, "A-1", Verdict.PASS)
    inspect(client, "A-2", Verdict.FAIL)
    assert main(["record", "checkpoint", "--data", str(settings.data_dir)]) == 0
    assert main(["backup", str(tmp_path / "all.zip"), "--data", str(settings.data_dir)]) == 0
    return tmp_path / "all.zip"


def test_an_empty_place_holds_all_of_it_after_restoring(
    client: TestClient, settings: Settings, backup: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "elsewhere"
    assert main(["restore", str(backup), "--data", str(place)]) == 0

    # the running service may have signed another checkpoint since
    assert verified(place, capsys) | {"checkpoints": 0} == verified(settings.data_dir, capsys) | {
        "checkpoints": 0
    }
    keys = client.get("/.well-known/jwks.json").json()
    first = client.get("/v1/inspections").json()["inspections"][0]
    shown = client.get(first["links"]["thumbnail"]).content
    there = settings.model_copy(update={"data_dir": place})
    with signed_in(create_app(there, inspector=FakeInspector())) as restored:
        assert restored.get("/.well-known/jwks.json").json() == keys
        assert restored.get(f"/v1/inspections/{first['id']}").json()["item"]["ref"] == "A-2"
        assert restored.get(first["links"]["thumbnail"]).content == shown
        inspect(restored, "A-3", Verdict.PASS)
    assert verified(place, capsys)["photos"] == 9


def test_only_its_owner_may_read_what_holds_private_keys(backup: Path, tmp_path: Path) -> None:
    place = tmp_path / "elsewhere"
    main(["restore", str(backup), "--data", str(place)])

    for path in (backup, *(place / "keys").glob("*.jwk")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_backup_taken_while_uploads_come_in_holds_together(
    client: TestClient, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, stop = threading.Event(), threading.Event()

    def send() -> Iterator[int]:
        for width in count(256):
            if stop.is_set():
                return
            photo = ("photos", ("a.jpg", photo_of(Verdict.PASS, size=(width, 200))))
            yield client.post("/v1/inspections", files=[photo]).status_code
            kept.set()

    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(lambda: set(send()))
        try:
            # on a busy machine both backups are over before the first upload is
            assert kept.wait(timeout=60)
            statuses = [
                main(["backup", str(tmp_path / f"{number}.zip"), "--data", str(settings.data_dir)])
                for number in range(2)
            ]
        finally:
            stop.set()

    assert statuses == [0, 0]
    assert sending.result() == {201}
    assert main(["restore", str(tmp_path / "1.zip"), "--data", str(tmp_path / "elsewhere")]) == 0
    found = verified(tmp_path / "elsewhere", capsys)
    assert 0 < found["entries"] <= verified(settings.data_dir, capsys)["entries"]


def test_nothing_is_restored_over_what_is_there(
    settings: Settings, backup: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = verified(settings.data_dir, capsys)

    assert main(["restore", str(backup), "--data", str(settings.data_dir)]) == 1
    assert "not empty" in capsys.readouterr().err
    assert verified(settings.data_dir, capsys)["head"] == before["head"]


@pytest.mark.parametrize("harm", ["cut off", "a photo less", "no backup"])
def test_a_damaged_backup_is_refused_before_anything_is_written(
    backup: Path, harm: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = tmp_path / "damaged.zip"
    if harm == "cut off":
        damaged.write_bytes(backup.read_bytes()[:-500])
    elif harm == "no backup":
        damaged.write_bytes(b"a photo")
    else:
        with zipfile.ZipFile(backup) as whole, zipfile.ZipFile(damaged, "w") as less:
            photo = next(name for name in whole.namelist() if name.startswith("photos/"))
            for name in whole.namelist():
                if name != photo:
                    less.writestr(name, whole.read(name))

    assert main(["restore", str(damaged), "--data", str(tmp_path / "elsewhere")]) == 1
    assert not (tmp_path / "elsewhere").exists()
    assert capsys.readouterr().err.count("\n") == 2


def test_a_broken_place_gives_no_backup_and_leaves_the_last_one(
    settings: Settings, backup: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = backup.read_bytes()
    shutil.rmtree(settings.data_dir / "photos")

    assert main(["backup", str(backup), "--data", str(settings.data_dir)]) == 1
    assert "does not verify" in capsys.readouterr().err
    assert backup.read_bytes() == good
    assert list(backup.parent.glob("*.part")) == []


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """A key on another disk; its public half is in the settings from now on."""
    assert main(["key", "backup", str(tmp_path / "backup.key")]) == 0
    public = json.loads(capsys.readouterr().out)["QC_BACKUP_PUBLIC_KEY"]
    monkeypatch.setenv("QC_BACKUP_PUBLIC_KEY", public)
    return tmp_path / "backup.key"


@pytest.fixture
def sealed(key: Path, client: TestClient, settings: Settings, tmp_path: Path) -> Path:
    inspect(client, "A-1", Verdict.PASS)
    assert main(["backup", str(tmp_path / "sealed.age"), "--data", str(settings.data_dir)]) == 0
    return tmp_path / "sealed.age"


def restored(file: Path, place: Path, *words: str) -> int:
    return main(["restore", str(file), "--data", str(place), *words])


def test_a_sealed_backup_is_read_by_nobody_and_restored_with_its_key_by_file_or_variable(
    sealed: Path,
    key: Path,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert not zipfile.is_zipfile(sealed)
    assert b"PRIVATE" not in sealed.read_bytes()
    assert stat.S_IMODE(sealed.stat().st_mode) == stat.S_IMODE(key.stat().st_mode) == 0o600
    assert not list(settings.data_dir.rglob("*.zip"))

    assert restored(sealed, tmp_path / "one", "--key", str(key)) == 0
    monkeypatch.setenv("QC_BACKUP_KEY", key.read_text())
    assert restored(sealed, tmp_path / "two") == 0

    assert verified(tmp_path / "one", capsys) == verified(tmp_path / "two", capsys)
    assert verified(tmp_path / "one", capsys)["head"] == verified(settings.data_dir, capsys)["head"]


def test_a_sealed_backup_is_what_others_read_as_age(sealed: Path, key: Path, tmp_path: Path) -> None:
    identity = pyrage.x25519.Identity.from_str(key.read_text().splitlines()[-1])
    (tmp_path / "opened.zip").write_bytes(pyrage.decrypt(sealed.read_bytes(), [identity]))

    assert "records.sqlite" in zipfile.ZipFile(tmp_path / "opened.zip").namelist()


@pytest.mark.parametrize("harm", ["no key", "another key", "no such file", "not a key", "cut off", "changed"])
def test_a_sealed_backup_says_why_it_does_not_open_and_nothing_is_written(
    sealed: Path, key: Path, tmp_path: Path, harm: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words, said = ["--key", str(key)], "cut off or changed"
    if harm == "no key":
        words, said = [], "QC_BACKUP_KEY"
    elif harm == "another key":
        main(["key", "backup", str(tmp_path / "other.key")])
        words, said = ["--key", str(tmp_path / "other.key")], "not the one of that backup"
    elif harm == "no such file":
        words, said = ["--key", str(tmp_path / "none.key")], "cannot be read"
    elif harm == "not a key":
        key.write_text("hunter2")
        said = "expected one line"
    else:
        data = sealed.read_bytes()
        middle = len(data) // 2
        other = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
        sealed.write_bytes(data[:-100] if harm == "cut off" else other)
    capsys.readouterr()

    assert restored(sealed, tmp_path / "elsewhere", *words) == 1

    told = capsys.readouterr().err
    assert said in told
    assert "hunter2" not in told
    assert not (tmp_path / "elsewhere").exists()


def test_a_key_is_never_written_over(key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = key.read_text()

    assert main(["key", "backup", str(key)]) == 1
    assert key.read_text() == before
