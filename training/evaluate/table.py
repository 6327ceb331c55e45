"""The figures as a table for people, and as files for looking closer."""

import csv
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from qc_vision.errors import StorageError
from qc_vision.message import Message
from training.evaluate.alarms import operating_floor
from training.evaluate.figures import Figure
from training.evaluate.measure import Evaluation
from training.evaluate.sight import FLOORS, Sight


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What a version must reach to be shipped, and what is aimed at."""

    must: float
    aim: float
    at_most: bool = False

    def reached(self, value: float) -> bool:
        return value <= self.must if self.at_most else value >= self.must


GOALS = {
    "density, rendered: median error of confident, strand": Goal(must=0.03, aim=0.015, at_most=True),
    "density, rendered: share confident": Goal(must=0.80, aim=0.95),
    "density, real: median error of confident, strand": Goal(must=0.03, aim=0.02, at_most=True),
    "density, real: share confident": Goal(must=0.75, aim=0.95),
    "density, real: confident off by > 15 %, strand or repeat": Goal(must=0.04, aim=0.0, at_most=True),
    "density, real: confident off by > 15 %, strand": Goal(must=0.10, aim=0.0, at_most=True),
    "density, real: direction within 10 degrees": Goal(must=0.90, aim=0.98),
    "rendered: photo AUROC": Goal(must=0.92, aim=0.98),
    "rendered: AUPRO(0.3)": Goal(must=0.82, aim=0.93),
    "rendered: faults >= 8 mm found at 1 false alarm in 5 photos": Goal(must=0.75, aim=0.95),
    "planted: faulty above its twin, clear and moderate": Goal(must=0.85, aim=0.98),
    "false fail on sound: rendered": Goal(must=0.03, aim=0.01, at_most=True),
    "false fail on sound: real products": Goal(must=0.10, aim=0.02, at_most=True),
    "rendered: basket mask IoU": Goal(must=0.93, aim=0.97),
    "negatives: refused as 'no basket'": Goal(must=0.98, aim=1.0),
}
SLICE_UNITS_MIN = 3
CODE_GOAL = Goal(must=0.50, aim=0.95)


def goal_of(figure: Figure) -> Goal | None:
    """The model's goals; a baseline has none."""
    if figure.who != "model":
        return None
    if figure.what.startswith("rendered: ") and " found (" in figure.what:
        return CODE_GOAL
    return GOALS.get(figure.what)


def as_text(evaluation: Evaluation) -> str:
    """One line per figure: value, 90 % interval, number of independent units, what it must reach and aims at.

    Slices of one or two units say little and are left to the saved file.
    """
    figures = [f for f in evaluation.figures if f.part != "slices" or f.n >= SLICE_UNITS_MIN]
    what_width = max((len(f.what) for f in figures), default=4)
    who_width = max((len(f.who) for f in figures), default=3)
    lines, part = [], None
    for figure in figures:
        if figure.part != part:
            part = figure.part
            lines += ["", f"-- {part}"]
        lines.append(
            f"{figure.what:<{what_width}}  {figure.who:<{who_width}}  {figure.value:6.3f}  "
            f"[{figure.low:.3f}, {figure.high:.3f}]  n={figure.n:<3d} {_goal_text(figure)}".rstrip()
        )
    lines += [
        "",
        f"seconds: {', '.join(f'{name} {spent:.0f}' for name, spent in evaluation.seconds.items())}",
    ]
    lines += [f"left out: {path}: {why}" for path, why in evaluation.left_out]
    return "\n".join(lines[1:])


def _goal_text(figure: Figure) -> str:
    goal = goal_of(figure)
    if goal is None:
        return ""
    sign = "<=" if goal.at_most else ">="
    return f" must {sign} {goal.must:g}, aim {goal.aim:g}: {'reached' if goal.reached(figure.value) else 'SHORT'}"


def save(evaluation: Evaluation, path: Path, *, model: str) -> None:
    """Writes `path` (JSON: all figures) and beside it NAME.photos.csv, NAME.readings.csv and NAME.faults.csv.

    StorageError where they cannot be written.
    """
    whole = {
        "model": model,
        "figures": [
            {**asdict(f), "goal": asdict(goal) if (goal := goal_of(f)) else None} for f in evaluation.figures
        ],
        "left_out": [{"path": file, "why": why} for file, why in evaluation.left_out],
        "seconds": evaluation.seconds,
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(_no_nan(whole), indent=1) + "\n", "utf-8")
        _write_rows(path.with_suffix(".photos.csv"), photo_rows(evaluation))
        _write_rows(path.with_suffix(".readings.csv"), reading_rows(evaluation))
        _write_rows(path.with_suffix(".faults.csv"), fault_rows(evaluation))
    except OSError as wrong:
        raise StorageError(
            Message(
                id=f"Hasil tidak dapat disimpan di {path}: {wrong.strerror}. Beri tempat lain yang dapat ditulisi.",
                en=f"The figures cannot be saved at {path}: {wrong.strerror}. Give another place to write to.",
            )
        ) from wrong


def photo_rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    """One row per photo: what it is, what was said of it."""
    rows = []
    for look in evaluation.rendered:
        codes = "+".join(f.code for f in look.truth.faults)
        kind = f"{look.truth.weave}/{look.truth.family}"
        rows.append(
            _photo_row("rendered", look.sight, bool(codes), codes, kind, look.oddness, iou=look.mask_iou)
        )
    for look in (look for pair in evaluation.twins for look in pair):
        code = f"{look.pair.code} {look.pair.severity}"
        rows.append(_photo_row("planted", look.sight, look.faulty, code, look.pair.source, look.oddness))
    rows += [_photo_row("real", x.sight, False, "", x.group, None) for x in evaluation.real]
    rows += [
        _photo_row("negative", sight, False, "", sight.path.parent.name, None)
        for sight in evaluation.negatives
    ]
    return rows


def _photo_row(
    kind: str, sight: Sight, faulty: bool, codes: str, group: str, oddness: Any, iou: float | None = None
) -> dict[str, Any]:
    return {
        "set": kind,
        "photo": str(sight.path),
        "faulty": faulty,
        "codes": codes,
        "group": group,
        "verdict": sight.verdict,
        "reasons": "+".join(sight.reasons),
        "defect_score": round(sight.score, 5),
        "patchcore_score": round(oddness.score, 4) if oddness else None,
        "mask_iou": None if iou is None else round(iou, 4),
        "seconds": round(sight.seconds, 3),
    }


def reading_rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    """One row per counted direction and reader."""
    return [
        {
            "set": name,
            "photo": r.count.photo,
            "kind": "/".join(r.count.slices),
            "direction": r.count.direction,
            "who": r.who,
            "true_angle_deg": round(r.count.angle_deg, 1),
            "angle_deg": None if r.angle_deg is None else round(r.angle_deg, 1),
            "true_pitch_px": round(r.count.pitch_px, 2),
            "repeat_px": round(r.count.repeat_px, 2),
            "pitch_px": None if r.pitch_px is None else round(r.pitch_px, 2),
            "error": round(r.error, 4),
            "error_either": round(r.error_either, 4),
            "confident": r.confident,
            "covered": r.covered,
            "named": r.named,
        }
        for name, looks in (("rendered", evaluation.rendered), ("real", evaluation.real))
        for look in looks
        for r in look.readings
    ]


def fault_rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    """One row per true fault: at which floor it is first found, and whether that floor is allowed."""
    rows: list[dict[str, Any]] = []
    traced = [look for look in evaluation.rendered if look.alarms is not None]
    planted = [look for pair in evaluation.twins for look in pair if look.alarms is not None]
    allowed = operating_floor([look.alarms for look in traced if look.alarms])
    for look in traced:
        for fault, found in zip(look.truth.faults, look.alarms.found, strict=True):
            rows.append(
                _fault_row("rendered", look.sight, fault.code, round(fault.size_mm, 1), found, allowed)
            )
    allowed = operating_floor([look.alarms for look in planted if look.alarms and not look.faulty])
    for look in (look for look in planted if look.faulty):
        for found in look.alarms.found:
            rows.append(_fault_row("planted", look.sight, look.pair.code, None, found, allowed))
    return rows


def _fault_row(
    name: str, sight: Sight, code: str, size_mm: float | None, found: Any, allowed: int | None
) -> dict[str, Any]:
    return {
        "set": name,
        "photo": str(sight.path),
        "code": code,
        "size_mm": size_mm,
        "found_from_floor": float(FLOORS[found.argmax()]) if found.any() else None,
        "allowed_floor": None if allowed is None else float(FLOORS[allowed]),
        "found": allowed is not None and bool(found[allowed]),
    }


def _write_rows(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        if rows:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


def _no_nan(value: Any) -> Any:
    """JSON has no NaN and no infinity: null says unknown."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {k: _no_nan(v) for k, v in value.items()}
    return [_no_nan(v) for v in value] if isinstance(value, list) else value
