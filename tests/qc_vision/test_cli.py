"""The command as a user meets it: what goes to stdout, what to stderr, and the exit code."""

import csv
import io
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from qc_vision import batch, cli, model, perception
from qc_vision.refusal_limits import SHIPPED
from tests.qc_vision.drawn import make_map
from tests.qc_vision.fakes import FakePerceiver, encode_weave, make_inspector, make_model


@pytest.fixture(autouse=True)
def _without_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command with a fake network: these tests are about the command."""
    perceiver = FakePerceiver()
    monkeypatch.setattr(
        batch, "load_inspector", lambda *, cards, limits: make_inspector(perceiver, limits=limits)
    )
    monkeypatch.setattr(model, "load_model", make_model)
    monkeypatch.setattr(perception, "Perceiver", lambda _: perceiver)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "basket.png"
    path.write_bytes(encode_weave())
    return path


def test_json_rows_are_on_stdout_one_per_photo(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = photo.with_name("broken.jpg")
    broken.write_bytes(b"")
    assert cli.main(["grade", str(photo), str(broken), "--json", "--workers", "1"]) == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["path"], first["verdict"]) == (str(photo), "pass")
    assert second["error"]["code"] == "empty_photo"


def test_a_person_reads_the_verdict_in_both_languages(
    photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["grade", str(photo)]) == 0
    out = capsys.readouterr().out
    assert "LOLOS / pass" in out
    assert str(photo) in out


def test_paths_come_from_stdin_after_a_dash(
    photo: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{photo}\n\n"))
    assert cli.main(["grade", "-", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["path"] == str(photo)


def test_csv_has_one_row_per_photo_errors_too(photo: Path, tmp_path: Path) -> None:
    missing = tmp_path / "missing.jpg"
    table = tmp_path / "grades.csv"
    assert cli.main(["grade", str(photo), str(missing), "--csv", str(table), "--workers", "1"]) == 0
    with table.open(newline="", encoding="utf-8") as file:
        first, second = csv.DictReader(file)
    assert (first["verdict"], first["error"]) == ("pass", "")
    assert float(first["weft_pitch_px"]) == pytest.approx(20, rel=0.02)
    assert (second["verdict"], second["error"]) == ("", "unreadable")


def test_the_exit_code_tells_of_a_failed_photo_only_when_asked(
    photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli.main(["grade", str(photo), "--exit-code", "--json"]) == 0
    holed = FakePerceiver(hole=(320, 240, 60))
    monkeypatch.setattr(batch, "load_inspector", lambda *, cards, limits: make_inspector(holed))
    assert cli.main(["grade", str(photo), "--json"]) == 0
    assert cli.main(["grade", str(photo), "--json", "--exit-code"]) == 1


def test_a_demanded_card_that_is_not_seen_asks_for_another_photo(
    photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["grade", str(photo), "--json", "--demand-card", "required"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["verdict"], [r["code"] for r in row["reasons"]]) == ("retake", ["card_missing"])


def test_a_demanded_whole_basket_that_is_cut_off_asks_for_another_photo(
    photo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["grade", str(photo), "--json", "--demand-whole"]) == 0
    close = FakePerceiver()
    close.perceive = lambda seen: make_map(  # type: ignore[method-assign]
        np.zeros((seen.height, seen.width), np.float32)
    )
    monkeypatch.setattr(batch, "load_inspector", lambda *, cards, limits: make_inspector(close))
    assert cli.main(["grade", str(photo), "--json", "--demand-whole"]) == 0
    whole, cut = map(json.loads, capsys.readouterr().out.splitlines())
    assert whole["verdict"] == "pass"
    assert (cut["verdict"], [reason["code"] for reason in cut["reasons"]]) == ("retake", ["basket_cut"])


def test_limits_laid_over_decide_which_photos_are_to_be_taken_again_and_are_on_record(
    photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = tmp_path / "ours.toml"
    ours.write_text('version = "ours-1"\n[quality]\nlong_side_min_px = 1000\n')
    assert cli.main(["grade", str(photo), "--json"]) == 0
    assert cli.main(["grade", str(photo), "--json", "--refusal-limits", str(ours)]) == 0
    shipped, stricter = map(json.loads, capsys.readouterr().out.splitlines())
    assert (shipped["verdict"], shipped["refusal_limits"]) == ("pass", SHIPPED.version)
    assert (stricter["verdict"], stricter["refusal_limits"]) == ("retake", "ours-1")
    assert [reason["code"] for reason in stricter["reasons"]] == ["too_small"]


def test_limits_that_do_not_hold_are_told_before_anything_is_graded(
    photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = tmp_path / "ours.toml"
    ours.write_text('version = "ours-1"\n[quality]\nsharpness_fraction_min = 15\n')
    assert cli.main(["grade", str(photo), "--refusal-limits", str(ours)]) == cli.USAGE
    said = capsys.readouterr()
    assert said.out == ""
    assert "quality.sharpness_fraction_min: found 15, expected a number from 0 to 1" in said.err


def test_overlay_and_maps_are_written(photo: Path, tmp_path: Path) -> None:
    folders = ["--overlay", str(tmp_path / "seen"), "--maps", str(tmp_path / "maps")]
    assert cli.main(["grade", str(photo), "--json", *folders]) == 0
    assert (tmp_path / "seen" / "basket.jpg").is_file()
    names = sorted(p.name for p in (tmp_path / "maps").iterdir())
    assert names == ["basket.basket.png", "basket.defect.png"]


@pytest.mark.parametrize("option", ["--overlay", "--maps", "--csv"])
def test_an_output_that_cannot_be_written_is_told_before_any_photo_is_graded(
    photo: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["grade", str(photo), option, str(photo / "below" / "x")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "tidak bisa ditulis" in err
    assert "cannot be written" in err


@pytest.mark.parametrize(
    "wrong",
    [
        ["grade"],
        ["grade", "a.jpg", "--workers", "0"],
        ["grade", "a.jpg", "--json", "--csv", "x.csv"],
        ["density", "a.jpg", "--quad", "1,2 3,4"],
        ["paint"],
        [],
    ],
)
def test_a_wrong_call_exits_with_2(wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(wrong)
    assert left.value.code == 2


def test_an_unknown_spec_exits_with_2_and_names_it(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["grade", str(photo), "--spec", "nonsense"]) == 2
    assert "nonsense" in capsys.readouterr().err


def test_a_folder_without_photos_exits_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["grade", str(tmp_path)]) == 2
    assert "Tidak ada foto" in capsys.readouterr().err


def test_density_prints_the_readings_of_a_quadrilateral(
    photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    quad = "100,60 540,60 540,420 100,420"
    assert cli.main(["density", str(photo), "--quad", quad, "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert [r["direction"] for r in row["density"]] == ["weft", "warp"]
    assert row["density"][0]["pitch_px"] == pytest.approx(20, rel=0.02)
    assert row["density"][0]["angle_deg"] == pytest.approx(90, abs=3)


def test_density_of_a_broken_photo_exits_with_1_and_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "a.jpg"
    broken.write_bytes(b"")
    assert cli.main(["density", str(broken)]) == 1
    assert cli.main(["density", str(tmp_path / "missing.jpg")]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 4


def test_model_prints_the_manifest(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["model"]) == 0
    assert json.loads(capsys.readouterr().out)["version"] == "fake-1"


@pytest.mark.parametrize("command", ["grade", "density", "model"])
def test_every_command_explains_itself_with_an_example(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main([command, "--help"])
    assert left.value.code == 0
    out = capsys.readouterr().out
    assert f"qc-vision {command}" in out
    assert "example:" in out


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from qc_vision.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: print(sorted({'numpy', 'cv2', 'onnxruntime', 'pydantic'} & set(sys.modules)))"
    )
    start = time.perf_counter()
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "[]"
    assert time.perf_counter() - start < 5  # a busy machine; alone it takes a tenth of a second
