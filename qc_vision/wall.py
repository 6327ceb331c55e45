"""How round is the wall that a card touches? The one on which the strands lie evenly.

A weaver keeps a pitch; seen round a bend the strands crowd. Of all cylinders that touch the card, and the
plane, that one is taken on which the network's pitches, laid on it in millimetres, scatter least.
"""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from qc_vision.calibration import UNKNOWN_WALL, CardView, Surface, Wall, on_wall, surface_of
from qc_vision.card_fit import project
from qc_vision.region import find_basket
from qc_vision.weave import StrandField, WeaveMap

RADII_MM = (800.0, 500.0, 350.0, 260.0, 210.0, 175.0, 150.0, 130.0, 115.0, 100.0, 88.0, 75.0, 60.0)
CURVATURES = (0.0, *(1 / radius for radius in RADII_MM))
REACH_CARDS = 2.0
"""Strands are looked at within this many card diagonals of the card: the wall of one basket, lit alike."""
CELLS_MIN = 60
CELLS_MAX = 1500
MISSED = 1.0
"""Deviation, in ln(pitch), of a strand that a wall leaves hanging in the air."""
SCATTER_MAX = 0.3
"""Pitches that scatter more than this (standard deviation of the logarithm) say nothing of the wall."""
AS_GOOD = 1.4
"""Walls on which the pitches scatter up to this much more than on the best cannot be ruled out."""

RING = 1.3
"""The ring round a card in which basket is looked for, as a multiple of the card."""
TOUCHING_MIN, TOUCHING_SURE = 0.1, 0.3
"""Share of that ring that is basket. 26 rendered photos with the card on the wall: 0.12 to 1.0; two with it on
the table: 0.0 and 0.24, and there no wall fitted."""

Points = NDArray[np.float64]
Steps = tuple[Points, Points]


def find_wall(view: CardView, weave_map: WeaveMap) -> Wall | None:
    """The wall that the card touches; None where it lies elsewhere, on a table or in a hand.

    Round a card that lies elsewhere there is little basket, and strands laid on its plane scatter.
    """
    share = _touching_share(view, weave_map)
    if share < TOUCHING_MIN:
        return None
    wall = fit_wall(view, weave_map)
    return None if wall == UNKNOWN_WALL and share < TOUCHING_SURE else wall


def fit_wall(view: CardView, weave_map: WeaveMap) -> Wall:
    """The cylinder or plane on which strands near the card scatter least, with the curvatures that cannot be
    ruled out; UNKNOWN_WALL where too few strands are seen, or they lie too unevenly to tell."""
    near = _near_card(view, weave_map)
    families = [_steps(field, near, weave_map) for field in (weave_map.weft, weave_map.warp)]
    seen = [steps for steps in families if steps is not None]
    if families[0] is None or not seen:
        return UNKNOWN_WALL
    plane = surface_of(view, Wall(axis_rad=_axis_rad(view, families[0])))
    scatter = np.array([_scatter(_bent(plane, curvature), seen) for curvature in CURVATURES])
    if scatter.min() > SCATTER_MAX:
        return UNKNOWN_WALL
    best = int(np.argmin(scatter))
    likely = np.nonzero(scatter <= AS_GOOD * scatter[best])[0]
    return Wall(
        curvature=CURVATURES[best],
        curvature_low=_towards(best, int(likely.min()), -1),
        curvature_high=_towards(best, int(likely.max()), 1),
        axis_rad=plane.wall.axis_rad,
    )


def _towards(best: int, furthest: int, side: int) -> float:
    """The end of the likely curvatures on a side: one tried further than the last that was likely, and where
    only the best was, half-way to its neighbour, since the true one may lie between."""
    beyond = CURVATURES[min(max(furthest + side, 0), len(CURVATURES) - 1)]
    return beyond if furthest != best else (CURVATURES[best] + beyond) / 2


def _touching_share(view: CardView, weave_map: WeaveMap) -> float:
    """Share of a ring round the card that is basket; 0 where the ring lies outside the photo."""
    outline = view.outline_px
    middle = outline.mean(axis=0)
    ring = middle + RING * (outline - middle)
    sides = np.concatenate([ring + t * (np.roll(ring, -1, axis=0) - ring) for t in np.arange(0, 1, 0.1)])
    cells = np.floor(sides / weave_map.px_per_cell).astype(int)
    height, width = weave_map.basket.shape
    inside = (cells >= 0).all(axis=1) & (cells[:, 0] < width) & (cells[:, 1] < height)
    if not inside.any():
        return 0.0
    return float(find_basket(weave_map)[cells[inside, 1], cells[inside, 0]].mean())


def _near_card(view: CardView, weave_map: WeaveMap) -> NDArray[np.bool_]:
    """(h, w) cells of the basket round the card, the card itself left out."""
    outline = view.outline_px / weave_map.px_per_cell
    middle = outline.mean(axis=0)
    diagonal = 2 * float(np.linalg.norm(outline - middle, axis=1).max())
    card = cv2.fillConvexPoly(
        np.zeros(weave_map.basket.shape, dtype=np.uint8),
        np.round(middle + (outline - middle) * 1.2).astype(np.int32), 1,
    )  # fmt: skip
    ys, xs = np.indices(weave_map.basket.shape) + 0.5
    close = np.hypot(xs - middle[0], ys - middle[1]) <= REACH_CARDS * diagonal
    return np.asarray(find_basket(weave_map) & (card == 0) & close)


def _steps(field: StrandField, near: NDArray[np.bool_], weave_map: WeaveMap) -> Steps | None:
    """From strand to strand, (n, 2) start and end in px, at the surer half of the cells near the card."""
    ys, xs = np.nonzero(near & np.isfinite(field.pitch_px) & (field.pitch_px > 0))
    if len(ys) < 2 * CELLS_MIN:
        return None
    sure = (field.direction_score / np.maximum(field.pitch_log_sigma, 0.02))[ys, xs]
    kept = np.nonzero(sure >= np.median(sure))[0]
    kept = kept[:: max(1, len(kept) // CELLS_MAX)]
    ys, xs = ys[kept], xs[kept]
    angle = field.angle_rad[ys, xs].astype(np.float64)
    half = np.column_stack([np.cos(angle), np.sin(angle)]) * field.pitch_px[ys, xs, None] / 2
    middle = np.column_stack([xs + 0.5, ys + 0.5]) * weave_map.px_per_cell
    return middle - half, middle + half


def _axis_rad(view: CardView, weft: Steps) -> float:
    """The wall's straight direction in the card's plane: the one along which rows follow each other."""
    to_mm = np.asarray(np.linalg.inv(view.fit.px_from_mm), dtype=np.float64)
    middle = (weft[0] + weft[1]) / 2
    nearest = np.argsort(np.linalg.norm(middle - np.array(view.centre_px), axis=1))[: CELLS_MIN * 3]
    along: Points = project(to_mm, weft[1][nearest]) - project(to_mm, weft[0][nearest])
    doubled = np.exp(2j * np.arctan2(along[:, 1], along[:, 0]))
    return float(np.angle(np.median(doubled.real) + 1j * np.median(doubled.imag)) / 2)


def _bent(plane: Surface, curvature: float) -> Surface:
    return replace(plane, wall=replace(plane.wall, curvature=curvature))


def _scatter(surface: Surface, families: list[Steps]) -> float:
    """Mean over families of the robust standard deviation of ln(pitch in mm)."""
    return float(np.mean([_scatter_of(surface, steps) for steps in families]))


def _scatter_of(surface: Surface, steps: Steps) -> float:
    length = np.linalg.norm(on_wall(surface, steps[1]) - on_wall(surface, steps[0]), axis=1)
    hit = np.isfinite(length) & (length > 0)
    if hit.sum() < CELLS_MIN / 2:
        return MISSED
    log_pitch = np.log(length[hit])
    off = np.full(len(length), MISSED)
    off[hit] = np.abs(log_pitch - np.median(log_pitch))
    return 1.4826 * float(np.median(off))
