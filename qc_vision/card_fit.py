"""From the corners of a card's markers to the plane it lies in: homography, its covariance, its fit."""

from dataclasses import dataclass

import numpy as np
import scipy  # its parts are loaded when they are first used
from numpy.typing import NDArray

from qc_vision.card import Card
from qc_vision.card_detection import SeenCard

Points = NDArray[np.float64]
Matrix = NDArray[np.float64]

CORNER_SIGMA_MIN_PX = 0.15
"""Corners are never taken as surer than this, however well they fit (109 markers: median error 0.3 px)."""
CORNER_SIGMA_ALONE_PX = 0.5
"""Assumed where a single marker fits exactly and its residual says nothing."""
SQUARE: Points = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaneFit:
    """The card's plane. `px_from_mm` (3, 3) maps millimetres in the plane to px of the upright photo.

    `covariance` (8, 8) of its elements, the last of which is 1; `corner_sigma_px` what one corner coordinate
    scatters by; `reprojection_error_px` root mean square over both coordinates of all corners;
    `centre_mm` the middle of the seen markers; `marker_px` a marker's side there; `positions_known`: the
    card says where its markers lie, so that distances between them give the scale, not their sides alone.
    """

    px_from_mm: Matrix
    covariance: Matrix
    corner_sigma_px: float
    reprojection_error_px: float
    centre_mm: tuple[float, float]
    marker_px: float
    positions_known: bool


def fit_plane(seen: SeenCard) -> PlaneFit | None:
    """Least squares over all seen corners, or None where no plane fits.

    With known positions the printed side is free: ink that spreads moves all edges outward alike and
    leaves the centres where they are. Without, the side is as stated and each marker may lie anywhere in
    the plane, turned like the first.
    """
    card, ids = seen.card, list(seen.markers)
    corners = np.concatenate([seen.markers[i] for i in ids])
    known = card.positions_mm is not None and len(ids) > 1
    try:
        start = _start_known(card, ids, corners) if known else _start_unknown(card, corners)
    except np.linalg.LinAlgError:
        return None
    if start is None:
        return None

    def place(unknowns: Points) -> Points:
        return _known(card, ids, unknowns[8:]) if known else _unknown(card, unknowns[8:])

    def residuals(unknowns: Points) -> Points:
        off: Points = (project(_matrix(unknowns[:8]), place(unknowns)) - corners).ravel()
        return off

    found = scipy.optimize.least_squares(residuals, start, x_scale="jac", method="lm")
    if not np.isfinite(found.x).all():
        return None
    freedom = found.fun.size - found.x.size
    squares = float(found.fun @ found.fun)
    sigma = max(CORNER_SIGMA_MIN_PX, np.sqrt(squares / freedom)) if freedom else CORNER_SIGMA_ALONE_PX
    # columns differ by powers of ten in size: scaled before inversion
    jacobian = np.asarray(found.jac, dtype=np.float64)
    size = np.linalg.norm(jacobian, axis=0)
    scaled = jacobian / size
    covariance = sigma**2 * np.linalg.pinv(scaled.T @ scaled) / np.outer(size, size)
    placed = place(found.x)
    sides = np.linalg.norm(corners.reshape(-1, 4, 2) - np.roll(corners.reshape(-1, 4, 2), 1, axis=1), axis=2)
    x, y = placed.mean(axis=0)
    return PlaneFit(
        px_from_mm=_matrix(found.x[:8]),
        covariance=covariance[:8, :8],
        corner_sigma_px=float(sigma),
        reprojection_error_px=float(np.sqrt(squares / found.fun.size)),
        centre_mm=(float(x), float(y)),
        marker_px=float(sides.mean()),
        positions_known=known,
    )


def project(homography: Matrix, points: Points) -> Points:
    """Points (n, 2) through a homography (3, 3)."""
    lifted = points @ homography[:, :2].T + homography[:, 2]
    return np.asarray(lifted[:, :2] / lifted[:, 2:])


def _matrix(eight: Points) -> Matrix:
    return np.append(eight, 1.0).reshape(3, 3)


def _known(card: Card, ids: list[int], free: Points) -> Points:
    """Corners in the card's frame; `free` holds the printed side of a marker."""
    assert card.positions_mm is not None
    centres = [np.array(card.positions_mm[card.ids.index(i)]) + card.marker_mm / 2 for i in ids]
    return np.concatenate([centre + (SQUARE - 0.5) * free[0] for centre in centres])


def _unknown(card: Card, free: Points) -> Points:
    """Corners in the frame of the first seen marker; `free` holds where the others' top left corners lie."""
    corners = SQUARE * card.marker_mm
    return np.concatenate([corners, *(corners + at for at in free.reshape(-1, 2))])


def _start_known(card: Card, ids: list[int], corners: Points) -> Points | None:
    eight = _direct(_known(card, ids, np.array([card.marker_mm])), corners)
    return None if eight is None else np.append(eight, card.marker_mm)


def _start_unknown(card: Card, corners: Points) -> Points | None:
    eight = _direct(SQUARE * card.marker_mm, corners[:4])
    if eight is None:
        return None
    back = project(np.asarray(np.linalg.inv(_matrix(eight)), dtype=np.float64), corners[4:])
    return np.concatenate([eight, (back.reshape(-1, 4, 2).mean(axis=1) - card.marker_mm / 2).ravel()])


def _direct(printed: Points, seen: Points) -> Points | None:
    """The homography by the direct linear transform on centred, scaled points (Hartley 1997)."""
    forward, printed_unit = _unit(printed)
    backward, seen_unit = _unit(seen)
    x, y = printed_unit.T
    u, v = seen_unit.T
    one, nought = np.ones_like(x), np.zeros_like(x)
    rows_u = np.stack([x, y, one, nought, nought, nought, -u * x, -u * y, -u], axis=1)
    rows_v = np.stack([nought, nought, nought, x, y, one, -v * x, -v * y, -v], axis=1)
    _, _, right = np.linalg.svd(np.concatenate([rows_u, rows_v]))
    matrix = np.linalg.inv(backward) @ right[-1].reshape(3, 3) @ forward
    if abs(matrix[2, 2]) < 1e-12 * np.abs(matrix).max():
        return None
    return np.asarray((matrix / matrix[2, 2]).ravel()[:8])


def _unit(points: Points) -> tuple[Matrix, Points]:
    """The similarity that brings points to mean 0 and mean distance √2, and the points so brought."""
    middle = points.mean(axis=0)
    size = np.sqrt(2) / max(1e-12, float(np.linalg.norm(points - middle, axis=1).mean()))
    return np.array([[size, 0, -size * middle[0]], [0, size, -size * middle[1]], [0, 0, 1]]), (
        points - middle
    ) * size
