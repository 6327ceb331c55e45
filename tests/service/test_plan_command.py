"""`qc-service lot plan`: the printed tables on the terminal, whole curves as JSON, refusals in words."""

import json

import pytest

from service.cli import PLAN_HELP, main


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["lot", "plan", *arguments]) == 0
    return capsys.readouterr().out


def test_a_lot_of_200_prints_its_plan_and_chances(capsys: pytest.CaptureFixture[str]) -> None:
    by_a_person, _ = run(capsys, "--size", "200").split("Bila hanya mesin")
    rows = [line.split() for line in by_a_person.splitlines() if line]
    assert ["besar", "/", "major", "2.5", "32", "2", "3"] in rows
    assert ["ringan", "/", "minor", "4.0", "32", "3", "4"] in rows
    assert ["kritis", "/", "critical", "-", "200", "0", "1"] in rows
    chance_of_major = {row[1].strip("("): row[4] for row in rows if row[-1][0] in "01" and row[2:3] == ["%)"]}
    assert (chance_of_major["2.5"], chance_of_major["10.0"]) == ("0.970", "0.346")


def test_json_holds_the_plan_and_a_curve_per_class(capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads(run(capsys, "--size", "200", "--severity", "tightened", "--level", "I", "--json"))
    assert (told["standard"], told["level"], told["code"]) == ("ISO 2859-1:1999", "I", "E")
    plans = {plan["severity"]: (plan["n"], plan["ac"], plan["regime"]) for plan in told["classes"]}
    # printed tightened table, letter E: arrows down at both AQLs
    assert plans == {"critical": (200, 0, None), "major": (32, 1, "tightened"), "minor": (20, 1, "tightened")}
    assert set(told["curves"]) == {"critical", "major", "minor"}
    assert told["curves"]["major"][0] == {"nonconforming": 0, "fraction": 0.0, "accepted": 1.0}


def test_a_reader_who_errs_is_folded_in(capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads(run(capsys, "--size", "200", "--specificity", "0.98", "--json"))
    assert told["curves"]["major"][0]["accepted"] == pytest.approx(0.974, abs=0.0005)


def test_the_machine_s_measured_figures_are_folded_in_beside(capsys: pytest.CaptureFixture[str]) -> None:
    """Were its word alone counted: as of a person who errs as often."""
    machine = json.loads(run(capsys, "--size", "200", "--json"))["machine"]
    reader = {name: str(value) for name, value in machine["reader"].items()}
    as_often = ["--sensitivity", reader["sensitivity"], "--specificity", reader["specificity"]]
    assert machine["curves"] == json.loads(run(capsys, "--size", "200", "--json", *as_often))["curves"]
    assert float(reader["sensitivity"]) < 1
    assert f"model {machine['version']}" in run(capsys, "--size", "200")


def test_a_lot_of_one_is_refused_in_both_languages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lot", "plan", "--size", "1"]) == 1
    said = capsys.readouterr().err
    assert "Gabungkan" in said
    assert "Join" in said


def test_a_share_above_one_is_refused_in_both_languages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lot", "plan", "--size", "200", "--sensitivity", "1.1"]) == 1
    said = capsys.readouterr().err
    assert "antara 0 dan 1" in said
    assert "between 0 and 1" in said


@pytest.mark.parametrize(
    "wrong", [["--sensitivity", "x"], ["--level", "IV"], ["--severity", "lax"], ["--size", "x"]]
)
def test_what_is_no_option_is_refused_by_name(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["lot", "plan", "--size", "200", *wrong])
    assert stopped.value.code == 2
    assert wrong[0] in capsys.readouterr().err


def test_the_example_of_its_help_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = [line.split() for line in PLAN_HELP.splitlines() if line.startswith("  qc-service")]
    assert main(example[1:]) == 0
    assert "32" in capsys.readouterr().out
