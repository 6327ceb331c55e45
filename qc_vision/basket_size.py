"""How large is the whole basket, and does it lean? A frustum fitted to its outline, set in space by the card.

The card gives the place and the lie of the wall in front; the outline lies further back, where the lines of
sight touch the basket. Of a lean only what shows across the view is seen. Frame: the camera's, mm.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
import scipy

from qc_vision.calibration import (
    BEHIND_MM,
    BEHIND_STANDARD_MM,
    LEANING_STANDARD_RAD,
    Calibration,
    Points,
    Surface,
    pose,
)
from qc_vision.quantity import Quantity
from qc_vision.region import count_parts, find_basket, is_cut_off
from qc_vision.weave import WeaveMap

MissingSize = Literal["no_scale", "cut_off", "several_parts", "too_tilted", "not_round", "outline_unclear"]

DIRECTIONS = 96
RIM_POINTS = 72
FINER = 4
"""The map of the basket is made so much finer before its edge is taken."""
EDGE_AT = 0.5
"""The edge lies half-way between basket and none."""
EDGE_STANDARD_CELLS = 0.5
"""How far the network's edge of a basket may lie off the true one, all round alike. A proposal."""
OFF_MAX = 0.01
"""An outline that a frustum misses by more than this share of its height (root mean square) is another form:
drawn bellies of 20 mm a side miss by 1 %, and then heights come out 5 % short."""
OFF_TOLD = 3.0
"""A smaller misfit shifts the sizes by so much of it: drawn bellies of 10 mm a side by up to twice this."""
LEANING_MAX_RAD = math.radians(8)
"""A card that would have to stand off the wall by more than this was fitted to some other outline."""
VIEW_MAX_RAD = math.radians(35)
"""Seen from further above or below, height and base hide behind the rim."""
FLATTER = 2.0
"""A wall whose radius is surely more than so many times the outline's is flat: a box."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BasketSize:
    """Outer height, width at rim and at base (mm) and lean across the view (deg, 0 = upright on its base, never
    negative), each with its expanded uncertainty (k = 2). All are None where `missing` says why."""

    height: Quantity | None = None
    rim_width: Quantity | None = None
    base_width: Quantity | None = None
    lean: Quantity | None = None
    missing: MissingSize | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Setting:
    """Where the card says the wall is: a place on it, its outward normal, a direction up along it."""

    place: Points
    normal: Points
    up: Points
    focal_px: float
    principal_px: Points


def measure_size(weave_map: WeaveMap, *, scale: Calibration) -> BasketSize:
    """The size of a round basket that stands whole in the photo with a card on its wall."""
    if scale.surface is None or scale.error_budget is None:
        return BasketSize(missing="no_scale")
    basket = find_basket(weave_map)
    if is_cut_off(basket):
        return BasketSize(missing="cut_off")
    parts = count_parts(basket)
    if parts != 1:
        return BasketSize(missing="several_parts" if parts > 1 else "outline_unclear")
    reach = _reach(weave_map)
    setting = _set(scale.surface, BEHIND_MM)
    fitted = _fit(setting, reach)
    if fitted is None:
        return BasketSize(missing="outline_unclear")
    found, covariance, off_px = fitted
    distance = float(np.linalg.norm(setting.place))
    height = float(found[4] - found[5])
    off_mm = off_px * distance / setting.focal_px
    if off_mm > OFF_MAX * height or np.abs(found[[1, 7]]).max() > LEANING_MAX_RAD:
        return BasketSize(missing="outline_unclear")
    if _view_rad(setting, found) > VIEW_MAX_RAD:
        return BasketSize(missing="too_tilted")
    if scale.surface.wall.curvature_high * FLATTER * max(found[2], found[3]) < 1:
        return BasketSize(missing="not_round")

    told = _told(found)
    gradient = np.array([(_told(found + step) - told) / 1e-6 for step in 1e-6 * np.eye(len(found))]).T
    squares = np.einsum("ij,jk,ik->i", gradient, covariance, gradient)
    edge_px = EDGE_STANDARD_CELLS * weave_map.px_per_cell
    surface = scale.surface
    others: list[tuple[_Setting, Points]] = [
        (setting, reach + edge_px),
        (_set(surface, BEHIND_MM + BEHIND_STANDARD_MM), reach),
        (_set(replace(surface, focal_px=surface.focal_px * (1 + surface.focal_standard)), BEHIND_MM), reach),
        (_leaning(setting, LEANING_STANDARD_RAD), reach),
    ]
    for other, outline in others:
        refitted = _fit(other, outline)
        if refitted is None:
            return BasketSize(missing="outline_unclear")
        squares += (_told(refitted[0]) - told) ** 2
    budget = scale.error_budget
    relative = math.hypot(budget["print"], budget["corner_noise"], budget["marker_edges"], budget["lens"])
    if surface.wall.curvature_low <= 0:
        # a flat front cannot be ruled out: then the outline lies as near as the card
        relative = math.hypot(relative, max(found[2], found[3]) / distance / math.sqrt(3))
    squares[:3] += (relative * told[:3]) ** 2 + (OFF_TOLD * off_mm) ** 2
    # the edge may lie off by as much to the right at the rim as to the left at the base
    uneven_mm = math.sqrt(2) * edge_px * distance / setting.focal_px
    squares[3] += math.degrees(uneven_mm / height) ** 2
    expanded = 2 * np.sqrt(squares)
    return BasketSize(
        height=Quantity(value=float(told[0]), unit="mm", expanded_uncertainty=float(expanded[0])),
        rim_width=Quantity(value=float(told[1]), unit="mm", expanded_uncertainty=float(expanded[1])),
        base_width=Quantity(value=float(told[2]), unit="mm", expanded_uncertainty=float(expanded[2])),
        lean=Quantity(value=abs(float(told[3])), unit="deg", expanded_uncertainty=float(expanded[3])),
    )


def _told(found: Points) -> Points:
    """(4,) height, rim width, base width in mm and lean in degrees of a fit."""
    shear = math.degrees(math.atan(found[6]))
    return np.array([found[4] - found[5], 2 * found[2], 2 * found[3], shear])


def _reach(weave_map: WeaveMap) -> Points:
    """(DIRECTIONS,) how far the basket reaches in each direction of the photo, px: its support function."""
    filled = find_basket(weave_map).astype(np.float32)
    grey = np.where(filled > 0, np.maximum(weave_map.basket, EDGE_AT), weave_map.basket)
    near = cv2.dilate(filled, np.ones((3, 3), np.uint8))
    fine = cv2.resize(np.asarray(grey * near, np.float32), None, fx=FINER, fy=FINER)
    ys, xs = np.nonzero(fine >= EDGE_AT)
    cell_px = weave_map.px_per_cell / FINER
    points = (np.column_stack([xs, ys]) + 0.5) * cell_px
    hull = cv2.convexHull(points.astype(np.float32))[:, 0].astype(np.float64)
    return np.asarray((hull @ _directions().T).max(axis=0) + cell_px / 2)


def _directions() -> Points:
    turn = np.arange(DIRECTIONS) * 2 * math.pi / DIRECTIONS
    return np.column_stack([np.cos(turn), np.sin(turn)])


def _set(surface: Surface, behind_mm: float) -> _Setting:
    rotation, corner = pose(surface)
    touch = rotation[:, :2] @ np.array(surface.centre_mm) + corner
    normal = -rotation[:, 2] if rotation[:, 2] @ touch > 0 else rotation[:, 2]
    # the direction in the card's plane that stands most upright in the photo
    up = np.array([0.0, -1.0, 0.0])
    up = up - (up @ normal) * normal
    return _Setting(
        place=touch - behind_mm * normal,
        normal=normal,
        up=up / np.linalg.norm(up),
        focal_px=surface.focal_px,
        principal_px=np.array(surface.principal_px),
    )


def _leaning(setting: _Setting, angle_rad: float) -> _Setting:
    """The same with its wall laid back by an angle."""
    normal = math.cos(angle_rad) * setting.normal + math.sin(angle_rad) * setting.up
    up = math.cos(angle_rad) * setting.up - math.sin(angle_rad) * setting.normal
    return replace(setting, normal=normal, up=up)


def _axes(setting: _Setting, unknowns: Points) -> tuple[Points, Points, Points]:
    """Across, along (up) and out of the front of the frustum. Unknowns: roll of the axis in the card's plane,
    yaw of the card round the axis, radius at the rim and at the base, rim and base above the card, shear,
    how far the card leans off the wall."""
    roll, yaw, rim, base, top, bottom, _, lean = unknowns
    sideways = np.cross(setting.up, setting.normal)
    up = math.cos(roll) * setting.up + math.sin(roll) * sideways
    taper = math.atan2(rim - base, top - bottom) + lean
    along = math.cos(taper) * up - math.sin(taper) * setting.normal
    front = math.cos(taper) * setting.normal + math.sin(taper) * up
    across = np.cross(along, front)
    return (
        np.asarray(math.cos(yaw) * across - math.sin(yaw) * front),
        np.asarray(along),
        np.asarray(math.cos(yaw) * front + math.sin(yaw) * across),
    )


def _hull(setting: _Setting, unknowns: Points) -> Points:
    """(DIRECTIONS,) how far the frustum reaches: its outline is the hull of its two rings."""
    across, along, front = _axes(setting, unknowns)
    _, _, rim, base, top, bottom, shear, _ = unknowns
    here = base + (rim - base) * (0 - bottom) / (top - bottom)
    turn = np.arange(RIM_POINTS) * 2 * math.pi / RIM_POINTS
    ring = np.outer(np.cos(turn), across) + np.outer(np.sin(turn), front)
    middle = setting.place - here * front
    rings = [
        middle + level * (along + shear * across) + radius * ring
        for radius, level in ((rim, top), (base, bottom))
    ]
    places = np.concatenate(rings)
    px = setting.principal_px + setting.focal_px * places[:, :2] / np.maximum(places[:, 2:], 1.0)
    return np.asarray((px @ _directions().T).max(axis=0))


def _fit(setting: _Setting, reach: Points) -> tuple[Points, Points, float] | None:
    """The unknowns, their covariance, and by how many px (root mean square) the outline is missed."""
    px_per_mm = setting.focal_px / float(np.linalg.norm(setting.place))
    centre = setting.principal_px + setting.focal_px * setting.place[:2] / setting.place[2]
    quarter = DIRECTIONS // 4
    right, bottom, left, top = (float(reach[k * quarter]) for k in range(4))
    radius = (right + left) / 2 / px_per_mm
    level = (top + centre[1]) / px_per_mm, -(bottom - centre[1]) / px_per_mm
    if radius <= 0 or level[0] <= level[1]:
        return None
    start = np.array([0, 0, radius, radius * 0.95, *level, 0, 0])
    sizes = np.array([0.1, 0.1, radius, radius, radius, radius, 0.1, 0.1])

    def residuals(unknowns: Points) -> Points:
        off = _hull(setting, unknowns) - reach
        # the card is held to the wall: its lean against it is known to a few degrees beforehand
        return np.append(off, unknowns[[1, 7]] / LEANING_STANDARD_RAD)

    found = scipy.optimize.least_squares(residuals, start, x_scale=sizes, max_nfev=60)
    rim, base = found.x[2:4]
    if not found.success or min(rim, base) <= 0 or found.x[4] <= found.x[5]:
        return None
    off_px = float(np.sqrt(np.mean(found.fun[:DIRECTIONS] ** 2)))
    jacobian = np.asarray(found.jac, dtype=np.float64) * sizes
    covariance = np.linalg.pinv(jacobian.T @ jacobian) * np.outer(sizes, sizes) * max(1.0, off_px) ** 2
    return np.asarray(found.x), np.asarray(covariance), off_px


def _view_rad(setting: _Setting, unknowns: Points) -> float:
    """How far from above or below the basket is seen."""
    _, along, _ = _axes(setting, unknowns)
    return abs(math.asin(float(along @ setting.place) / float(np.linalg.norm(setting.place))))
