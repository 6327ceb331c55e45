"""`qc-vision card`: a sheet is written, a measured bar is kept, and a call without a purpose is refused."""

import json
from pathlib import Path

import pytest

from qc_vision import cli


def test_a_card_is_written_as_a_pdf(tmp_path: Path) -> None:
    sheet = tmp_path / "new" / "card.pdf"
    call = ["card", "--paper", "id1", "--serial", "7", "--lang", "en", "-o", str(sheet)]
    assert cli.main(call) == 0
    assert sheet.read_bytes().startswith(b"%PDF-")


def test_a_measured_bar_is_kept_in_the_register(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    register = tmp_path / "cards.json"
    call = ["card", "--serial", "7", "--measured-bar-mm", "48.5", "--card-register", str(register)]
    assert cli.main(call) == 0
    assert "48.5 mm" in capsys.readouterr().out
    kept = json.loads(register.read_text())
    assert kept == [{"card": "qc-a6", "version": 1, "serial": 7, "measured_bar_mm": 48.5}]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (["card"], "-o card.pdf"),
        (["card", "--serial", "999999", "-o", "card.pdf"], "cannot be printed"),
        (["card", "--serial", "7", "--measured-bar-mm", "2"], "cannot be right"),
    ],
    ids=["no purpose", "serial too large", "bar in inches"],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(
    call: list[str],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main([*call, "--card-register", str(tmp_path / "cards.json")]) == 2
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_card_file_that_does_not_hold_together_stops_grading(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo, wrong = tmp_path / "basket.jpg", tmp_path / "card.json"
    photo.write_bytes(b"never read")
    wrong.write_text('{"dictionary": "DICT_4X4_50"}')
    assert cli.main(["grade", str(photo), "--card", str(wrong)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "marker_mm" in err
