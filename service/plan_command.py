"""`qc-service lot plan`: how many to look at, how many may be nonconforming, and what such a plan can tell."""

import json
from dataclasses import asdict
from typing import Any

from qc_vision.errors import SamplingError
from qc_vision.message import Message
from qc_vision.operating_characteristic import (
    Reader,
    acceptance_probability,
    operating_characteristic,
)
from qc_vision.sampling import Level, LotPlan, Regime, plan_lot
from qc_vision.severity import Severity
from qc_vision.spec import SamplingScheme, load_spec
from service.measured_model import measured_model

SHOWN_PERCENT = (0.0, 1.0, 2.5, 4.0, 6.5, 10.0, 15.0, 20.0)
"""Shares of nonconforming units at which the table for people shows the chance of acceptance."""
NAMES = {
    Severity.CRITICAL: "kritis / critical",
    Severity.MAJOR: "besar / major",
    Severity.MINOR: "ringan / minor",
}


def print_lot_plan(
    *, size: int, spec: str, level: Level | None, regime: Regime, reader: Reader, as_json: bool
) -> None:
    """Prints the plan of a lot under a spec's scheme, for people or as JSON.

    `level` overrides the spec's. Raises SpecError or SamplingError.
    """
    scheme = _scheme_of(spec)
    plan = plan_lot(
        size,
        level=level or scheme.level,
        aqls=scheme.aqls,
        regimes={Severity.MAJOR: regime, Severity.MINOR: regime},
    )
    print(json.dumps(_as_json(plan, reader)) if as_json else _as_text(plan, reader))


def _scheme_of(spec: str) -> SamplingScheme:
    scheme = load_spec(spec).sampling
    if scheme is None:
        raise SamplingError(
            Message(
                id=f"Spesifikasi {spec} tidak menyebut rencana sampel. Tambahkan bagian [sampling].",
                en=f"The spec {spec} names no sampling scheme. Add a [sampling] section.",
            )
        )
    return scheme


def _as_json(plan: LotPlan, reader: Reader) -> dict[str, Any]:
    machine = measured_model()
    return {
        **asdict(plan),
        "sample_size": plan.sample_size,
        "reader": asdict(reader),
        "curves": _curves(plan, reader),
        "machine": None
        if machine is None
        else {
            "version": machine.version,
            "reader": asdict(machine.reader),
            "curves": _curves(plan, machine.reader),
        },
    }


def _curves(plan: LotPlan, reader: Reader) -> dict[str, list[dict[str, Any]]]:
    return {
        of.severity.value: [
            asdict(point) for point in operating_characteristic(of, lot_size=plan.lot_size, reader=reader)
        ]
        for of in plan.classes
    }


def _as_text(plan: LotPlan, reader: Reader) -> str:
    machine = measured_model()
    lines = [
        f"{plan.standard}, level {plan.level}: {plan.lot_size} keranjang / units, huruf / letter {plan.code}",
        f"Orang melihat {plan.sample_size} keranjang yang diundi. / A person looks at {plan.sample_size} drawn units.",
        "",
        f"{'kelas / class':<20}{'AQL':>6}{'n':>7}{'Ac':>5}{'Re':>5}",
        *(f"{NAMES[p.severity]:<20}{p.aql or '-':>6}{p.n:>7}{p.ac:>5}{p.re:>5}" for p in plan.classes),
        "",
        f"Peluang lot diterima / chance that a lot is accepted (sensitivity {reader.sensitivity:g}, "
        f"specificity {reader.specificity:g})",
        *_chances(plan, reader),
    ]
    if machine is not None:
        lines += [
            "",
            f"Bila hanya mesin yang menilai / if the machine alone judged (model {machine.version}, measured: "
            f"sensitivity {machine.reader.sensitivity:.3f}, specificity {machine.reader.specificity:.3f})",
            *_chances(plan, machine.reader),
        ]
    return "\n".join(lines)


def _chances(plan: LotPlan, reader: Reader) -> list[str]:
    """A table: a line for each share of nonconforming units, a column for each class."""
    lines = [
        f"{'tidak sesuai / nonconforming':<30}" + "".join(f"{p.severity.value:>10}" for p in plan.classes)
    ]
    for number in sorted({round(percent / 100 * plan.lot_size) for percent in SHOWN_PERCENT}):
        chances = [
            float(acceptance_probability(p, lot_size=plan.lot_size, nonconforming=number, reader=reader))
            for p in plan.classes
        ]
        share = f"{number} ({100 * number / plan.lot_size:.1f} %)"
        lines.append(f"{share:<30}" + "".join(f"{chance:>10.3f}" for chance in chances))
    return lines
