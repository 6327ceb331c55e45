"""The command `qc-service`: what it says when it cannot serve, and its settings."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from qc_vision.decision import Verdict
from service import cli
from service.app import create_app
from service.cli import CannotListen, listen, main
from service.settings import Settings
from tests.service.fakes import FakeInspector, photo_of
from tests.service.signed_in import signed_in


def test_a_port_in_use_is_named_with_another_to_try() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotListen) as caught:
            listen("127.0.0.1", port)

    assert f"Port {port} sudah dipakai" in caught.value.message.id
    assert f"--port {port + 1}" in caught.value.message.en


def test_a_data_folder_that_cannot_be_made_stops_with_words_in_both_languages(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")

    status = main(["run", "--data", str(tmp_path / "file" / "data")])

    said = capsys.readouterr().err
    assert status == 1
    assert "Tidak bisa menulis" in said
    assert "Cannot write" in said
    assert "Traceback" not in said


def test_a_port_that_is_none_stops_with_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--port", "99999"]) == 1
    assert "Pengaturan tidak sah" in capsys.readouterr().err


def test_help_answers_without_loading_the_model_or_the_web_framework() -> None:
    script = (
        "import sys; from service.cli import main\n"
        "try: main(['run', '--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'fastapi', 'onnxruntime', 'cv2'} & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(cli.__file__).parents[1],
    )

    assert "qc-service run --port 8000 --data data/" in run.stdout
    assert run.stdout.strip().endswith("[]")


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QC_PORT", "8123")
    monkeypatch.setenv("QC_DATA_DIR", "/srv/qc")

    assert Settings().port == 8123
    assert Settings().data_dir == Path("/srv/qc")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The folder of a service in which one basket was graded."""
    folder = tmp_path / "data"
    with signed_in(create_app(Settings(data_dir=folder), inspector=FakeInspector())) as client:
        client.post("/v1/inspections", files=[("photos", ("a.jpg", photo_of(Verdict.PASS)))])
    # on a slow machine the courier has signed one meanwhile
    (folder / "checkpoints.jsonl").unlink(missing_ok=True)
    return folder


def test_what_is_kept_verifies_and_a_checkpoint_outside_is_asked_for(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["record", "verify", "--data", str(data)]) == 0
    first = capsys.readouterr()
    assert json.loads(first.out)["photos"] == 3
    assert "belum ada titik periksa" in first.err

    assert main(["record", "checkpoint", "--data", str(data)]) == 0
    assert main(["record", "verify", "--data", str(data)]) == 0
    second = capsys.readouterr()
    assert json.loads(second.out.splitlines()[-1])["checkpoints"] == 1
    assert second.err == ""


def test_a_changed_photo_stops_the_verification_with_its_name_in_both_languages(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = next((data / "photos").rglob("*.jpg"))
    changed.write_bytes(b"another")

    assert main(["record", "verify", "--data", str(data)]) == 3
    said = capsys.readouterr()
    assert json.loads(said.out)["row"] == changed.stem
    assert f"photos {changed.stem}: Berkas foto diubah." in said.err
    assert main(["record", "verify", "--no-photos", "--data", str(data)]) == 0


def test_what_is_new_is_not_purged(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["record", "purge", "--by", "R-1", "--data", str(data)]) == 0

    kept = {"photos": 0, "inspections": 0, "facts": 0, "audit": 0, "uploads": 0, "erased": True}
    assert json.loads(capsys.readouterr().out) == kept


@pytest.mark.parametrize(
    "command",
    [
        ["run"],
        ["record", "verify"],
        ["record", "checkpoint"],
        ["record", "purge"],
        ["record", "check"],
        ["key", "rotate"],
        ["key", "backup"],
        ["account"],
        ["account", "log"],
        ["backup"],
        ["restore"],
    ],
)
def test_every_command_shows_an_example(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([*command, "--help"])

    assert stopped.value.code == 0
    assert f"qc-service {' '.join(command)}" in capsys.readouterr().out.split("example:")[1]
