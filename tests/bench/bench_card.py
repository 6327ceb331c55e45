"""How true is the scale, and with it density and lengths, on photos whose truth is known? Prints; asserts nothing.

    python tests/bench/bench_card.py FOLDER

FOLDER holds NAME.jpg with NAME.json: `form`, `card` (`where`: on_surface or table, `dict`, `marker_mm`, ids 0 to 3),
`centre` (`x`, `y`, `stake_pitch_mm`, `weaver_pitch_mm`, `px_per_mm`, `px_per_mm_along_stake_step` and
`..._weaver_step`) and `points` (`x`, `y`, `stake_vec_px`, `weaver_vec_px` and the local pitches in mm). A
pixel's centre is a whole number there. Photos without a card are left out.
"""

import argparse
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qc_vision.calibration import Calibration
from qc_vision.card import Card
from qc_vision.card_register import KnownCards
from qc_vision.density import read_density
from qc_vision.inspection import DECODED_SIDE_PX
from qc_vision.model import load_model
from qc_vision.perception import Perceiver
from qc_vision.photo import decode
from qc_vision.scale import read_scale
from training.evaluate.density import turn

FLAT = ("panel_flat", "panel_stand")
"""Forms whose whole wall lies in the plane of the card."""
STEPS = {"weft": "weaver", "warp": "stake"}
NEAR_POINTS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Relative errors of one photo of a basket of this `form`: of the scale at its place and of lengths from strand to strand round it;
    of density by direction, taken from the reading that runs along it most nearly, and whether that was confident; whether
    it bore that direction's name."""

    name: str
    form: str
    scale: Calibration
    error: float | None
    lengths: tuple[float, ...]
    density: dict[str, tuple[float, bool]]
    named: tuple[bool, ...]


def read(path: Path, truth: dict[str, Any], perceiver: Perceiver) -> Row:
    photo = decode(path.read_bytes(), min_side_px=DECODED_SIDE_PX)
    card = truth["card"]
    known = KnownCards(cards=(Card(dictionary=card["dict"], ids=(0, 1, 2, 3), marker_mm=card["marker_mm"]),))
    weave_map = perceiver.perceive(photo)
    scale = read_scale(photo, weave_map, known=known)
    centre = truth["centre"]
    middle = min(truth["points"], key=lambda p: math.hypot(p["x"] - centre["x"], p["y"] - centre["y"]))
    readings = [r for r in read_density(weave_map, scale=scale) if r.per_10cm is not None]
    density, named = {}, []
    for direction, step in STEPS.items():
        dx, dy = middle[f"{step}_vec_px"]
        angle_deg = math.degrees(math.atan2(dy, dx))
        if readings:
            reading = min(readings, key=lambda r: turn(r.angle_deg, angle_deg))
            error = (reading.per_10cm or 0.0) * centre[f"{step}_pitch_mm"] / 100 - 1
            density[direction] = (error, reading.confident)
            named.append(reading.direction == direction)
    return Row(
        name=path.stem,
        form=truth["form"],
        scale=scale,
        error=_error_at(scale, truth["points"]),
        lengths=_length_errors(scale, truth["points"]),
        density=density,
        named=tuple(named),
    )


def _error_at(scale: Calibration, points: list[dict[str, Any]]) -> float | None:
    """Of the scale, mean of both directions of the weave, at the nine crossings nearest to its place; median."""
    if scale.px_per_mm is None or scale.at_px is None:
        return None
    x, y = scale.at_px
    nearest = sorted(points, key=lambda p: math.hypot(p["x"] + 0.5 - x, p["y"] + 0.5 - y))[:9]
    errors = [_length_errors_at(scale, point) for point in nearest]
    both = [-sum(pair) / 2 for pair in errors if len(pair) == 2]
    return float(np.median(both)) if both else None


def _length_errors(scale: Calibration, points: list[dict[str, Any]]) -> tuple[float, ...]:
    """Of the millimetres read from a strand to the next, at the points nearest to the scale's place."""
    if scale.px_per_mm is None or scale.at_px is None:
        return ()
    at_x, at_y = scale.at_px
    nearest = sorted(points, key=lambda p: math.hypot(p["x"] - at_x, p["y"] - at_y))[:NEAR_POINTS]
    return tuple(error for point in nearest for error in _length_errors_at(scale, point))


def _length_errors_at(scale: Calibration, point: dict[str, Any]) -> tuple[float, ...]:
    errors = []
    for step in STEPS.values():
        dx, dy = point[f"{step}_vec_px"]
        local = scale.px_per_mm_along(point["x"] + 0.5, point["y"] + 0.5, math.atan2(dy, dx))
        if local is not None:
            errors.append(math.hypot(dx, dy) / local / point[f"{step}_pitch_mm"] - 1)
    return tuple(errors)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    perceiver = Perceiver(load_model())
    on_wall: list[Row] = []
    for path in sorted(folder.glob("*.jpg")):
        truth = json.loads(path.with_suffix(".json").read_text("utf-8"))
        if not truth.get("card"):
            continue
        row = read(path, truth, perceiver)
        stated = row.scale.relative_uncertainty
        said = row.scale.missing if row.error is None else f"{row.error:+.3f} ± {stated:.3f}"
        print(f"{row.name} {truth['form']:12} {truth['card']['where']:10} {said}", flush=True)
        if truth["card"]["where"] == "on_surface":
            on_wall.append(row)
    read_rows = [
        row for row in on_wall if row.error is not None and row.scale.relative_uncertainty is not None
    ]
    errors = np.array([row.error for row in read_rows])
    stated = np.array([row.scale.relative_uncertainty for row in read_rows])
    print(f"\ncard on the wall: {len(on_wall)} photos, a scale in {len(read_rows)}")
    print(
        f"px/mm: median error {np.median(np.abs(errors)):.2%}, within what was stated {np.mean(np.abs(errors) <= stated):.0%}"
    )
    print(
        f"stated uncertainty (k = 2): median {np.median(stated):.1%}, 90 % below {np.quantile(stated, 0.9):.1%}"
    )
    sure = [row for row in read_rows if (row.scale.relative_uncertainty or 1) <= 0.1]
    flat = [row for row in read_rows if row.form in FLAT]
    for rows, which in ((read_rows, "all"), (sure, "stated within 10 %"), (flat, "flat walls")):
        lengths = np.abs([e for row in rows for e in row.lengths])
        print(f"lengths, {which} ({len(rows)} photos): median error {np.median(lengths):.2%}")
        for direction in STEPS:
            density = [row.density[direction] for row in rows if direction in row.density]
            confident = [error for error, is_confident in density if is_confident]
            for errors_of, kind in (([e for e, _ in density], "any"), (confident, "confident")):
                median = f"{np.median(np.abs(errors_of)):.1%}" if errors_of else "none"
                print(f"  {direction} per 10 cm, {kind} readings ({len(errors_of)}): median error {median}")
    named = [name for row in read_rows for name in row.named]
    print(f"called weft and warp rightly: {np.mean(named):.0%} of {len(named)} readings")


if __name__ == "__main__":
    main()
