"""Sampling plans: every cell against the printed tables, arrows against the raw table, the draw against sha256sum."""

import json
import re
import shutil
import subprocess
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qc_vision.errors import SamplingError
from qc_vision.sampling import (
    AQLS,
    LEVELS,
    REGIMES,
    Aql,
    ClassPlan,
    Level,
    Regime,
    ac_one_step_tighter,
    code_letter,
    draw_sample,
    plan_lot,
)
from qc_vision.severity import Severity

DATA = json.loads(resources.files("qc_vision").joinpath("standards", "iso2859-1999.json").read_text("utf-8"))
LETTERS = "ABCDEFGHJKLMNPQR"
LARGEST_LOT = 35_000


def read_printed() -> dict[tuple[str, str, str], tuple[int, int, int]]:
    """(regime, AQL, letter) to (n, Ac, Re), from the tables as printed."""
    cells: dict[tuple[str, str, str], tuple[int, int, int]] = {}
    regime = ""
    text = (Path(__file__).parent / "data" / "iso2859-printed.txt").read_text("utf-8")
    for line in text.splitlines():
        if line in REGIMES:
            regime = line
        elif not line.startswith("#"):
            letter, *columns = (part.strip() for part in line.split("|"))
            for aql, cell in zip(AQLS, columns, strict=True):
                n, ac, re_ = map(int, re.findall(r"\d+", cell))
                cells[regime, aql, letter] = n, ac, re_
    return cells


PRINTED = read_printed()


def major_plan(
    lot_size: int, *, level: Level = "II", aql: Aql = "2.5", regime: Regime = "normal"
) -> ClassPlan:
    plan = plan_lot(lot_size, level=level, aqls={Severity.MAJOR: aql}, regimes={Severity.MAJOR: regime})
    return next(p for p in plan.classes if p.severity is Severity.MAJOR)


def lot_sizes(letter: str, level: Level) -> list[int]:
    """Both ends of the ranges of lots up to 35,000 that have this letter at this level."""
    ends = [(row["lot_min"], row["lot_max"]) for row in DATA["code_letters"] if row[level] == letter]
    return [size for low, high in ends if high is not None and high <= LARGEST_LOT for size in (low, high)]


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("aql", AQLS)
@pytest.mark.parametrize("level", LEVELS)
def test_every_cell_that_lots_up_to_35000_reach_is_as_printed(level: Level, aql: Aql, regime: Regime) -> None:
    reached = 0
    for letter in LETTERS:
        for size in lot_sizes(letter, level):
            n, ac, re_ = PRINTED[regime, aql, letter]
            plan = major_plan(size, level=level, aql=aql, regime=regime)
            assert (plan.n, plan.ac, plan.re) == (min(n, size), ac, re_), (letter, size)
            reached += 1
    assert reached == 24  # twelve ranges of lot sizes up to 35,000, both ends


def test_the_printed_tables_are_whole() -> None:
    assert len(PRINTED) == 3 * 6 * len("ABCDEFGHJKLMN")


def follow_arrows(regime: str, aql: str, letter: str) -> tuple[int, int]:
    """n and Ac from the raw table, by walking along its arrows."""
    column = DATA["master_raw"][regime][aql]
    while column[letter] in ("up", "down"):
        letter = LETTERS[LETTERS.index(letter) + (1 if column[letter] == "down" else -1)]
    return DATA["sample_size"][regime][letter], column[letter]


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("aql", AQLS)
def test_arrows_lead_where_the_resolved_table_says(regime: str, aql: str) -> None:
    for letter in LETTERS:
        cell = DATA["plans"][regime][aql][letter]
        assert (cell["n"], cell["ac"]) == follow_arrows(regime, aql, letter), letter
        assert cell["re"] == cell["ac"] + 1


@pytest.mark.parametrize(
    ("size", "aql", "regime", "expected"),
    [
        # a lot of 200, level II, letter G
        (200, "2.5", "normal", (32, 2, 3)),
        (200, "4.0", "normal", (32, 3, 4)),
        (200, "2.5", "tightened", (32, 1, 2)),
        (200, "4.0", "tightened", (32, 2, 3)),
        (200, "2.5", "reduced", (13, 1, 2)),
        (200, "4.0", "reduced", (13, 2, 3)),
        # a shipment of 12,422 as one lot, letter M
        (12_422, "2.5", "normal", (315, 14, 15)),
        (12_422, "4.0", "normal", (315, 21, 22)),
        # 26 to 50, letter D: an arrow up for one class and down for the other
        (40, "2.5", "normal", (5, 0, 1)),
        (40, "4.0", "normal", (13, 1, 2)),
    ],
)
def test_well_known_plans(size: int, aql: Aql, regime: Regime, expected: tuple[int, int, int]) -> None:
    plan = major_plan(size, aql=aql, regime=regime)
    assert (plan.n, plan.ac, plan.re) == expected


@pytest.mark.parametrize(("size", "letter"), [(2, "A"), (150, "F"), (151, "G"), (280, "G"), (281, "H")])
def test_letters_change_at_the_printed_sizes(size: int, letter: str) -> None:
    assert code_letter(size, "II") == letter


def test_a_sample_as_large_as_the_lot_is_every_unit_and_ac_stays() -> None:
    plan = major_plan(15, aql="0.65")  # an arrow leads from letter B to n = 20
    assert (plan.n, plan.ac, plan.re) == (15, 0, 1)


def test_critical_is_every_unit_with_none_allowed_and_needs_no_aql() -> None:
    plan = plan_lot(200, level="II", aqls={Severity.MAJOR: "2.5", Severity.MINOR: "4.0"})
    critical = plan.classes[0]
    assert (critical.severity, critical.n, critical.ac, critical.re) == (Severity.CRITICAL, 200, 0, 1)
    assert plan.sample_size == 32  # units that a person looks at; critical is screened on all


def test_classes_keep_their_own_sample_sizes_and_regimes() -> None:
    plan = plan_lot(
        40,
        level="II",
        aqls={Severity.MAJOR: "2.5", Severity.MINOR: "4.0"},
        regimes={Severity.MINOR: "tightened"},
    )
    assert [(p.n, p.ac, p.regime) for p in plan.classes[1:]] == [(5, 0, "normal"), (20, 1, "tightened")]
    assert plan.sample_size == 20


@pytest.mark.parametrize("size", [1, 0, -3])
def test_a_lot_too_small_for_the_table_is_refused_in_both_languages(size: int) -> None:
    with pytest.raises(SamplingError) as refused:
        major_plan(size)
    assert str(size) in refused.value.message.id
    assert str(size) in refused.value.message.en


def test_the_tighter_plan_has_the_same_sample_and_the_next_smaller_ac_of_the_table() -> None:
    """Where Ac is 2 or more, the table's columns run 1, 2, 3, 5, 7, 10, 14, 21 along each letter."""
    steps = [1, 2, 3, 5, 7, 10, 14, 21]
    compared = 0
    for aql in AQLS:
        for row in DATA["code_letters"][:-1]:
            plan = major_plan(row["lot_max"], level="III", aql=aql)
            if plan.ac >= 2:
                assert ac_one_step_tighter(plan) == steps[steps.index(plan.ac) - 1]
                compared += 1
    assert compared > 40


# -- the draw ---------------------------------------------------------------------------------------------

UNITS = [f"KLS-{n:04d}" for n in range(1, 201)]


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="no sha256sum here")
def test_the_documented_shell_lines_draw_the_same_sample(tmp_path: Path) -> None:
    (tmp_path / "units.txt").write_text("\n".join(UNITS) + "\n", "utf-8")
    readme = (Path(__file__).parents[2] / "qc_vision" / "README.md").read_text("utf-8")
    (lines,) = re.findall(r"```sh\n(while read.*?)```", readme, re.DOTALL)
    run = subprocess.run(
        ["bash", "-c", lines],
        cwd=tmp_path,
        env={"SEED": "6f1c", "PATH": "/usr/bin:/bin", "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert tuple(run.stdout.split()) == draw_sample(UNITS, seed="6f1c", n=32)


@given(
    seed=st.text(min_size=1, max_size=40),
    n=st.integers(0, 60),
    units=st.sets(st.text(min_size=1), max_size=40),
)
def test_a_draw_depends_on_the_seed_and_the_set_of_units_alone(seed: str, n: int, units: set[str]) -> None:
    drawn = draw_sample(sorted(units), seed=seed, n=n)
    assert drawn == draw_sample(sorted(units, reverse=True), seed=seed, n=n)
    assert drawn == draw_sample(sorted(units), seed=seed, n=len(units))[:n]
    assert len(set(drawn)) == len(drawn) == min(n, len(units))
    assert set(drawn) <= units


def test_each_unit_is_drawn_about_equally_often_over_seeds() -> None:
    """2,000 draws of 32 of 200: a unit's count is binomial, mean 320, standard deviation 16.4."""
    counts = dict.fromkeys(UNITS, 0)
    for seed in range(2_000):
        for unit in draw_sample(UNITS, seed=str(seed), n=32):
            counts[unit] += 1
    assert sum(counts.values()) == 2_000 * 32
    assert all(abs(count - 320) < 5 * 16.4 for count in counts.values())


def test_a_unit_named_twice_is_refused_by_name() -> None:
    with pytest.raises(SamplingError, match="KLS-0002"):
        draw_sample(["KLS-0001", "KLS-0002", "KLS-0002"], seed="s", n=1)


def test_the_data_says_which_edition_it_is_and_how_it_was_checked() -> None:
    basis: dict[str, Any] = DATA
    assert "ISO 2859-1:1999" in basis["edition_basis"]
    assert "2026" in basis["edition_basis"]
    assert {"normal", "tightened", "reduced", "code_letters"} <= set(basis["verification"])
    assert plan_lot(200, level="II", aqls={}).standard == "ISO 2859-1:1999"
