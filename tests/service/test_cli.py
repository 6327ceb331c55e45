"""The command `qc-service`: what it says when it cannot serve, and its settings."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from service import cli
from service.cli import CannotListen, listen, main
from service.settings import Settings


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
