"""Where does the card break, and does it say so? Draws cards under worse and worse conditions and plots.

    python tests/bench/bench_card_sweep.py --out datasets/card_sweep/card_sweep.png

One condition at a time, the others kind: 3 px/mm, tilt 20°, blur 0.5 px, noise 0.01. Each point: drawn photos
of the A6 card with another roll and noise. Error: px per mm at the card against the drawn camera, the weave
0 to 8 mm behind the card. Prints the same numbers as a table.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np

from qc_vision.calibration import FLAT_WALL, calibrate, view_card
from qc_vision.card import Card, scaled, shipped_cards
from qc_vision.card_detection import detect_card
from tests.qc_vision.drawn_card import Shot, draw_card

mpl.use("Agg")
from matplotlib import pyplot

A6 = next(card for card in shipped_cards() if card.id == "qc-a6")
SIZE_PX = (960, 720)
FOCAL_PX = 0.75 * SIZE_PX[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """`print_scale`: how much larger than designed the printer made the card; nobody measured it."""

    tilt_deg: float = 20.0
    blur_px: float = 0.5
    noise: float = 0.01
    px_per_mm: float = 3.0
    print_scale: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Of all photos of one condition: share in which a scale came, relative errors, mean stated uncertainty
    (expanded), and the share of scales whose error lay within it."""

    found: float
    errors: tuple[float, ...]
    stated: float
    held: float


SWEEPS: tuple[tuple[str, tuple[float, ...], Callable[[float], Conditions]], ...] = (
    ("tilt, °", (0, 10, 20, 30, 40, 50, 60, 65, 70), lambda v: Conditions(tilt_deg=v)),
    ("blur (sigma), px", (0, 1, 2, 3, 4, 5, 6, 8), lambda v: Conditions(blur_px=v)),
    ("noise (of stored values in 0 to 1)", (0, 0.02, 0.05, 0.1, 0.15, 0.2), lambda v: Conditions(noise=v)),
    ("distance: px per mm", (4, 3, 2, 1.5, 1, 0.75, 0.5), lambda v: Conditions(px_per_mm=v)),
    ("print scale", (0.95, 0.97, 0.98, 0.99, 1, 1.01, 1.02, 1.05), lambda v: Conditions(print_scale=v)),
)


def photograph(conditions: Conditions, *, count: int) -> Outcome:
    """Draws, detects and calibrates `count` photos."""
    rng = np.random.default_rng(7)
    printed = whole(scaled(A6, conditions.print_scale))
    errors, stated, held = [], [], []
    for seed in range(count):
        shot = Shot(
            card=printed,
            tilt_deg=conditions.tilt_deg,
            roll_deg=rng.uniform(-180, 180),
            distance_mm=FOCAL_PX / conditions.px_per_mm,
            size_px=SIZE_PX,
        )
        photo = draw_card(shot, blur_px=conditions.blur_px, noise=conditions.noise, seed=seed)
        seen = detect_card(photo, (A6,))
        view = None if seen is None else view_card(seen, size_px=SIZE_PX)
        if view is None:
            continue
        x, y = view.centre_px
        scale = calibrate(view, wall=FLAT_WALL, at_px=(x, y))
        if scale.px_per_mm is None or scale.relative_uncertainty is None:
            continue
        around = [shot.px_per_mm(x, y, angle) for angle in np.linspace(0, np.pi, 90, endpoint=False)]
        truth = np.sqrt(max(around) * min(around)) * (1 - rng.uniform(0, 8) / shot.distance_mm)
        errors.append(float(scale.px_per_mm / truth - 1))
        stated.append(scale.relative_uncertainty)
        held.append(abs(errors[-1]) <= scale.relative_uncertainty)
    if not errors:
        return Outcome(found=0.0, errors=(), stated=np.nan, held=np.nan)
    return Outcome(
        found=len(errors) / count,
        errors=tuple(errors),
        stated=float(np.mean(stated)),
        held=float(np.mean(held)),
    )


def whole(card: Card) -> Card:
    """Without what the sweep does not draw, which keeps its own size."""
    return Card(
        dictionary=card.dictionary,
        ids=card.ids,
        marker_mm=card.marker_mm,
        positions_mm=card.positions_mm,
        size_mm=card.size_mm,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=12, help="photos a point")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    figure, axes = pyplot.subplots(len(SWEEPS), 1, figsize=(7, 13), layout="constrained")
    print(f"{'condition':36}{'value':>7}{'found':>7}{'median':>9}{'largest':>9}{'stated U':>10}{'within':>8}")
    for (name, values, conditions), axis in zip(SWEEPS, axes, strict=True):
        outcomes = [photograph(conditions(value), count=arguments.count) for value in values]
        for value, outcome in zip(values, outcomes, strict=True):
            off = np.abs(outcome.errors) if outcome.errors else np.array([np.nan])
            print(
                f"{name:36}{value:7g}{outcome.found:7.0%}{np.median(off):9.2%}{off.max():9.2%}"
                f"{outcome.stated:10.2%}{outcome.held:8.0%}"
            )
        stated = np.array([100 * outcome.stated for outcome in outcomes])
        axis.fill_between(values, -stated, stated, alpha=0.2, label="stated uncertainty (k = 2)")
        for value, outcome in zip(values, outcomes, strict=True):
            axis.plot([value] * len(outcome.errors), [100 * e for e in outcome.errors], "k.", markersize=3)
        axis.set_xlabel(name)
        axis.set_ylabel("error of px/mm, %")
        axis.set_ylim(-6, 6)
        beside = axis.twinx()
        beside.plot(values, [100 * outcome.found for outcome in outcomes], "r--", label="card found, %")
        beside.set_ylim(-5, 105)
        beside.set_ylabel("found, %", color="r")
        if axis is axes[0]:
            axis.legend(loc="lower left", fontsize=8)
    figure.savefig(arguments.out, dpi=80)


if __name__ == "__main__":
    main()
