"""Acceptance sampling by attributes: the single plans of ISO 2859-1:1999, and the draw of a sample.

The tables are data (`standards/iso2859-1999.json`, with their provenance). What the plans can tell stands in
`operating_characteristic`, when they change in `switching`, what was found under them in `lot`.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal, get_args

from qc_vision.errors import SamplingError
from qc_vision.message import Message
from qc_vision.severity import Severity

STANDARD = "ISO 2859-1:1999"
"""The edition of the tables. The third edition (2026) exists; its tables were not seen."""

Level = Literal["S-1", "S-2", "S-3", "S-4", "I", "II", "III"]
Aql = Literal["0.65", "1.0", "1.5", "2.5", "4.0", "6.5"]
Regime = Literal["normal", "tightened", "reduced"]
"""What the standard calls the severity of inspection; here `Severity` already says how much a defect weighs."""

LEVELS: tuple[Level, ...] = get_args(Level)
AQLS: tuple[Aql, ...] = get_args(Aql)
REGIMES: tuple[Regime, ...] = get_args(Regime)

SMALLEST_LOT = 2
"""Where the standard's table of code letters begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassPlan:
    """The single sampling plan of one class of nonconformity.

    Of the first `n` units drawn, at most `ac` may be nonconforming; `re` or more refuse the lot. `code` is
    the letter of the plan used, where an arrow of the table may have led to another letter than the lot's.
    `aql`, `code` and `regime` are None where the plan is not from the table: every unit, none nonconforming.
    """

    severity: Severity
    aql: Aql | None
    regime: Regime | None
    code: str | None
    n: int
    ac: int
    re: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LotPlan:
    """How a lot is judged: one plan per class, heaviest first. `code` is the letter of the lot's size.

    Classes may have different `n`. The units are drawn once, in a fixed random order, and each class is
    judged on the first `n` of them: that is a random sample of the size its table names.
    """

    lot_size: int
    level: Level
    code: str
    standard: str
    classes: tuple[ClassPlan, ...]

    @property
    def sample_size(self) -> int:
        """How many units a person must look at: the largest `n` of the classes with an AQL."""
        return max((plan.n for plan in self.classes if plan.aql is not None), default=self.lot_size)


def plan_lot(
    lot_size: int,
    *,
    level: Level,
    aqls: Mapping[Severity, Aql],
    regimes: Mapping[Severity, Regime] | None = None,
) -> LotPlan:
    """The plan of a lot, by inspection level and acceptance quality limit per class.

    Critical has no AQL: every unit, Ac 0. `regimes` says where switching has led each class; a class that
    it does not name is inspected normally. Raises SamplingError for a lot of fewer than two units.
    """
    code = code_letter(lot_size, level)
    every_unit = ClassPlan(
        severity=Severity.CRITICAL, aql=None, regime=None, code=None, n=lot_size, ac=0, re=1
    )
    sampled = [
        _class_plan(lot_size, code, severity, aqls[severity], (regimes or {}).get(severity, "normal"))
        for severity in (Severity.MAJOR, Severity.MINOR)
        if severity in aqls
    ]
    return LotPlan(
        lot_size=lot_size, level=level, code=code, standard=STANDARD, classes=(every_unit, *sampled)
    )


def code_letter(lot_size: int, level: Level) -> str:
    """The sample size code letter (A to R, without I and O) of a lot. Raises SamplingError below two units."""
    if lot_size < SMALLEST_LOT:
        raise SamplingError(
            Message(
                id=f"Lot berisi {lot_size} keranjang; rencana sampel mulai dari {SMALLEST_LOT}. Gabungkan lot.",
                en=f"The lot holds {lot_size}; sampling plans begin at {SMALLEST_LOT}. Join it with another lot.",
            )
        )
    rows = _tables()["code_letters"]
    row = next(row for row in rows if row["lot_max"] is None or lot_size <= row["lot_max"])
    letter: str = row[level]
    return letter


def ac_one_step_tighter(plan: ClassPlan) -> int:
    """The acceptance number of the same letter on normal inspection at the next smaller AQL.

    For the switching score, which asks for it where Ac is 2 or more; there both plans have the same n.
    """
    assert plan.aql is not None
    if plan.aql == AQLS[0]:
        at_040: int = _tables()["switching"]["ac_at_aql_0.40_for_score"][plan.code]
        return at_040
    tighter = AQLS[AQLS.index(plan.aql) - 1]
    ac: int = _tables()["plans"]["normal"][tighter][plan.code]["ac"]
    return ac


def draw_sample(units: Sequence[str], *, seed: str, n: int) -> tuple[str, ...]:
    """The first `n` units of the order that the seed gives, in that order; all of them where there are fewer.

    Anybody can draw it again with any SHA-256: hash the text `seed:unit` (UTF-8) of every unit of the lot,
    sort the hexadecimal digests, take the units of the first `n` (the README has it as lines of shell).

    The order in which the units are named does not matter, and a smaller sample is the head of a larger one.
    The seed must be drawn at random and kept with the list of units before anybody inspects. Raises
    SamplingError where a unit is named twice.
    """
    if len(set(units)) != len(units):
        twice = next(unit for unit in units if units.count(unit) > 1)
        raise SamplingError(
            Message(
                id=f"Keranjang {twice} tercantum dua kali dalam lot. Hapus salah satunya.",
                en=f"Unit {twice} is named twice in the lot. Remove one of them.",
            )
        )
    return tuple(sorted(units, key=lambda unit: _sort_key(seed, unit))[:n])


def _sort_key(seed: str, unit: str) -> str:
    return hashlib.sha256(f"{seed}:{unit}".encode()).hexdigest()


def _class_plan(lot_size: int, code: str, severity: Severity, aql: Aql, regime: Regime) -> ClassPlan:
    cell = _tables()["plans"][regime][aql][code]
    return ClassPlan(
        severity=severity,
        aql=aql,
        regime=regime,
        code=cell["code"],
        n=min(cell["n"], lot_size),  # a sample as large as the lot is 100 % inspection; Ac stays
        ac=cell["ac"],
        re=cell["re"],
    )


@cache
def _tables() -> dict[str, Any]:
    text = resources.files("qc_vision").joinpath("standards", "iso2859-1999.json").read_text("utf-8")
    tables: dict[str, Any] = json.loads(text)
    return tables
