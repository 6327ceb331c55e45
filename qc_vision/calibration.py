"""From pixels to millimetres, at a place and along a direction, with what is not known about it.

The card gives the plane it lies in. The wall it leans on may be round: `wall` says how round, and the scale
then follows the cylinder that touches the card. Frames: px of the full-size upright photo; millimetres of
the camera (x right, y down, z away from it) once a pose is known.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from qc_vision.card_detection import SeenCard
from qc_vision.card_fit import PlaneFit, fit_plane, project

Points = NDArray[np.float64]

FOCAL_PER_LONG_SIDE = 0.75
"""Focal length of a phone's main camera as a share of the photo's longer side: 27 mm on 36 mm film. Those of
current phones are 23 to 28 mm (0.64 to 0.78). The plane's scale does not depend on it."""
FOCAL_STANDARD = 0.06
FOCAL_STANDARD_TOLD = 0.03
"""Where the file tells the 35 mm equivalent: rounded to whole millimetres, and some makers compare widths instead
of diagonals, which makes 4 % at 4:3."""
BEHIND_MM = 4.0
"""How far the middle of the weave lies behind a card that rests on the crests of its strands: with strands
and rims of 0 to 8 mm."""
BEHIND_STANDARD_MM = 8 / math.sqrt(12)
LEANING_STANDARD_RAD = math.radians(2.0)
"""How far a card held to a wall is off parallel to it."""
LENS_STANDARD = 0.003
"""Change of scale left over by the distortion of a phone's lens, which its software corrects."""
EDGE_STANDARD_PX = 0.15
"""Systematic shift of a marker's edge: after refinement in linear light 109 markers of known side came out
0.5 % short, which is 0.2 px a side."""
TAPER_MAX_RAD = math.radians(10)
"""A basket's wall leans in or out by up to this; the cylinder that stands for it does not."""
UNKNOWN_RADIUS_MM = 110.0
"""The roundest wall reckoned with where nothing tells its form."""
VALID_UP_TO = 0.10
"""Expanded relative uncertainty of the scale beyond which readings are marked."""
ASLANT_MAX = 4.0
"""A pixel that spans so many times more one way than the other lies on a wall turned away by 75°."""
GRID = 32

RIGHT: Points = np.array([1.0, 0.0])
DOWN: Points = np.array([0.0, 1.0])

PRINT_STANDARD = {"as designed": 0.005, "measured": 0.002, "side only": 0.004}
"""Relative standard uncertainty of what is printed: home printers are off by up to 1 %; a bar of 50 mm read
off a ruler to 0.2 mm; the side of a foreign card's marker of some 30 mm likewise."""

MissingScale = Literal["no_card", "card_on_table", "card_does_not_fit", "place_too_far"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CardRef:
    """Which card the scale comes from. `print_scale`: how much larger than designed it was printed."""

    id: str
    version: int
    serial: int | None
    print_scale: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Wall:
    """The surface that the card touches: a plane, or a cylinder along `axis_rad` (angle in the card's plane).

    Curvatures are 1 / radius, per mm, 0 = plane; the true one is taken to lie between `low` and `high`.
    """

    curvature: float = 0.0
    curvature_low: float = 0.0
    curvature_high: float = 1 / UNKNOWN_RADIUS_MM
    axis_rad: float = math.pi / 2


UNKNOWN_WALL = Wall()
FLAT_WALL = Wall(curvature_high=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """What turns a pixel into a place on the wall: `mm_from_px` (3 × 3, rows) into the card's plane, the focal
    length and principal point of the camera in px, where the card is (`centre_mm` in its plane). `focal_standard`:
    relative standard uncertainty of the focal length."""

    mm_from_px: tuple[tuple[float, float, float], ...]
    focal_px: float
    principal_px: tuple[float, float]
    centre_mm: tuple[float, float]
    wall: Wall
    focal_standard: float = FOCAL_STANDARD


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How many pixels a millimetre has at the weave; all numbers None where there is no scale.

    `method`: a card in the photo; the product's width by its spec, which is coarse (see `product_scale`); or none.

    `px_per_mm` is the geometric mean over directions at `at_px`, and `relative_uncertainty` expanded (k = 2),
    as a share of it, made of the standard uncertainties in `error_budget`. `tilt_deg`: between the card's
    normal and the line of sight. `valid_region`: polygon in px within which the uncertainty of the scale
    stays below VALID_UP_TO. `missing` says why there is no scale.
    """

    method: Literal["card", "product", "none"]
    px_per_mm: float | None = None
    relative_uncertainty: float | None = None
    tilt_deg: float | None = None
    missing: MissingScale | None = None
    card: CardRef | None = None
    at_px: tuple[float, float] | None = None
    reprojection_error_px: float | None = None
    valid_region: tuple[tuple[float, float], ...] = ()
    error_budget: Mapping[str, float] | None = None
    surface: Surface | None = None

    def px_per_mm_along(self, x: float, y: float, angle_rad: float) -> float | None:
        """Pixels per millimetre of the weave at a place of the photo, along an image angle; None without a
        scale, or where that place is not on the wall as far as it is known. Along and across a view tilted
        by 40° the scales differ by a quarter."""
        if self.surface is None or self.px_per_mm is None:
            return self.px_per_mm
        along = float(_scale_along(self.surface, np.array([[x, y]]), np.array([angle_rad]))[0])
        return along if math.isfinite(along) else None

    def px_per_mm_at(self, x: float, y: float) -> float | None:
        """The geometric mean over directions at a place of the photo: for areas, and widths of any direction."""
        if self.surface is None or self.px_per_mm is None:
            return self.px_per_mm
        mean = float(_mean_scale(self.surface, np.array([[x, y]]))[0])
        return mean if math.isfinite(mean) else None

    def is_sure_at(self, x: float, y: float) -> bool:
        """Whether a place of the photo lies in `valid_region`; every place does where there is none."""
        if not self.valid_region:
            return True
        outline = np.array(self.valid_region, dtype=np.float32)
        return cv2.pointPolygonTest(outline, (x, y), False) >= 0

    def mm_from_px_at(self, x: float, y: float) -> Points | None:
        """(2, 2) that lays steps in px next to a place of the photo flat on the weave, in mm, turned anyhow: for shapes.
        None where there is no scale, and where the wall is seen too much from the side (ASLANT_MAX)."""
        if self.px_per_mm is None:
            return None
        if self.surface is None:
            return np.eye(2) / self.px_per_mm
        if self.px_per_mm_at(x, y) is None:
            return None
        flat = np.linalg.qr(_spans(self.surface, np.array([[x, y]]))[0])[1] / _set_back(self.surface)
        longest, shortest = np.linalg.svd(flat, compute_uv=False)
        return np.asarray(flat) if longest <= ASLANT_MAX * shortest else None


NO_SCALE = Calibration(method="none", missing="no_card")


@dataclass(frozen=True, slots=True, kw_only=True)
class CardView:
    """A card as this photo shows it, before it is said what it touches. `size_px` (width, height). `focal_px` None:
    the file does not tell it."""

    seen: SeenCard
    fit: PlaneFit
    size_px: tuple[int, int]
    print_scale: float
    print_standard: float
    focal_px: float | None = None

    @property
    def centre_px(self) -> tuple[float, float]:
        x, y = project(self.fit.px_from_mm, np.array([self.fit.centre_mm]))[0]
        return float(x), float(y)

    @property
    def outline_px(self) -> Points:
        """(k, 2) the card's outline, or that of its seen markers where its size is not known."""
        if self.seen.card.size_mm is not None and self.fit.positions_known:
            width, height = self.seen.card.size_mm
            return project(self.fit.px_from_mm, np.array([[0, 0], [width, 0], [width, height], [0, height]]))
        corners = np.concatenate(list(self.seen.markers.values())).astype(np.float32)
        return np.asarray(cv2.convexHull(corners)[:, 0, :], dtype=np.float64)


def view_card(
    seen: SeenCard,
    *,
    size_px: tuple[int, int],
    print_scale: float = 1.0,
    measured: bool = False,
    focal_px: float | None = None,
) -> CardView | None:
    """The card's plane in the photo; None where no plane fits its corners.

    `seen.card` as it was printed (`card.scaled`); `print_scale` is told on. `measured`: somebody has measured
    this card's bar.
    """
    fit = fit_plane(seen)
    if fit is None:
        return None
    kind = "measured" if measured else "as designed" if seen.card.positions_mm is not None else "side only"
    return CardView(
        seen=seen,
        fit=fit,
        size_px=size_px,
        print_scale=print_scale,
        print_standard=PRINT_STANDARD[kind],
        focal_px=focal_px,
    )


def surface_of(view: CardView, wall: Wall) -> Surface:
    """The geometry that a view and a wall make together."""
    rows = np.linalg.inv(view.fit.px_from_mm)
    rows = rows / np.abs(rows).max()
    width, height = view.size_px
    return Surface(
        mm_from_px=tuple((float(a), float(b), float(c)) for a, b, c in rows),
        focal_px=view.focal_px or FOCAL_PER_LONG_SIDE * max(width, height),
        focal_standard=FOCAL_STANDARD_TOLD if view.focal_px else FOCAL_STANDARD,
        principal_px=(width / 2, height / 2),
        centre_mm=view.fit.centre_mm,
        wall=wall,
    )


def calibrate(view: CardView, *, wall: Wall, at_px: tuple[float, float]) -> Calibration:
    """The scale of a view at a place of the photo, with its uncertainty there and where it may be used."""
    surface = surface_of(view, wall)
    rotation, _ = pose(surface)
    place = np.array([at_px])
    scale = _mean_scale(surface, place)
    budget = _budget(view, surface, place)
    card = view.seen.card
    found = Calibration(
        method="card",
        tilt_deg=_tilt_deg(surface, rotation),
        card=CardRef(id=card.id, version=card.version, serial=view.seen.serial, print_scale=view.print_scale),
        at_px=at_px,
        reprojection_error_px=view.fit.reprojection_error_px,
        valid_region=valid_region(view, wall),
    )
    expanded = 2 * float(_joined(budget)[0])
    if not (math.isfinite(scale[0]) and math.isfinite(expanded) and expanded < 1):
        return replace(found, missing="place_too_far")
    return replace(
        found,
        px_per_mm=float(scale[0]),
        relative_uncertainty=expanded,
        error_budget={name: float(values[0]) for name, values in budget.items()},
        surface=surface,
    )


def without_scale(view: CardView, *, missing: MissingScale) -> Calibration:
    """A card was seen, but its scale does not hold for the weave."""
    card = view.seen.card
    return Calibration(
        method="card",
        missing=missing,
        card=CardRef(id=card.id, version=card.version, serial=view.seen.serial, print_scale=view.print_scale),
        reprojection_error_px=view.fit.reprojection_error_px,
        tilt_deg=_tilt_deg(*_surface_and_rotation(view)),
    )


def on_wall(surface: Surface, points_px: Points) -> Points:
    """(n, 3) places on the wall, mm, in the camera's frame; nan where the line of sight misses it."""
    rotation, corner = pose(surface)
    sight = np.column_stack(
        [(points_px - np.array(surface.principal_px)) / surface.focal_px, np.ones(len(points_px))]
    )
    touch = rotation[:, :2] @ np.array(surface.centre_mm) + corner
    normal = -rotation[:, 2] if rotation[:, 2] @ touch > 0 else rotation[:, 2]
    wall = surface.wall
    if wall.curvature <= 0:
        facing = sight @ normal
        depth = np.where(facing < -1e-6, (touch @ normal) / np.where(facing < -1e-6, facing, 1), np.nan)
        return np.asarray(sight * depth[:, None])
    axis = rotation[:, :2] @ np.array([math.cos(wall.axis_rad), math.sin(wall.axis_rad)])
    radius = 1 / wall.curvature
    across = sight - np.outer(sight @ axis, axis)
    middle = touch - radius * normal
    middle = middle - (middle @ axis) * axis
    a, b = (across * across).sum(axis=1), across @ middle
    under = b * b - a * (middle @ middle - radius**2)
    depth = np.where(under >= 0, (b - np.sqrt(np.maximum(under, 0))) / a, np.nan)
    return np.asarray(sight * np.where(depth > 0, depth, np.nan)[:, None])


def pose(surface: Surface) -> tuple[Points, Points]:
    """Rotation (3, 3) and place (3,) in mm of the card's frame in the camera's."""
    focal, (x, y) = surface.focal_px, surface.principal_px
    camera = np.array([[focal, 0, x], [0, focal, y], [0, 0, 1]])
    seen = np.linalg.inv(camera) @ np.linalg.inv(np.array(surface.mm_from_px))
    seen = seen / math.sqrt(float(np.linalg.norm(seen[:, 0]) * np.linalg.norm(seen[:, 1])))
    centre = np.append(np.array(surface.centre_mm), 1.0)
    if (seen @ centre)[2] < 0:
        seen = -seen
    left, _, right = np.linalg.svd(np.column_stack([seen[:, :2], np.cross(seen[:, 0], seen[:, 1])]))
    return np.asarray(left @ right), seen[:, 2]


def _surface_and_rotation(view: CardView) -> tuple[Surface, Points]:
    surface = surface_of(view, FLAT_WALL)
    return surface, pose(surface)[0]


def _tilt_deg(surface: Surface, rotation: Points) -> float:
    touch = rotation[:, :2] @ np.array(surface.centre_mm) + pose(surface)[1]
    return math.degrees(
        math.acos(min(1.0, abs(float(rotation[:, 2] @ touch)) / float(np.linalg.norm(touch))))
    )


def _scale_along(surface: Surface, points: Points, angles: Points) -> Points:
    """(n,) px per mm at points along image angles: a step of one pixel each way, laid on the wall.

    In the plane the homography alone says how long that is, whatever the focal length.
    """
    step = np.column_stack([np.cos(angles), np.sin(angles)])
    if surface.wall.curvature <= 0:
        to_mm = np.array(surface.mm_from_px)
        apart = project(to_mm, points + step) - project(to_mm, points - step)
        # beyond the horizon of the plane the signs turn
        depth = (points @ to_mm[2, :2] + to_mm[2, 2]) * np.sign(_depth_at_card(surface))
        apart = np.where(depth[:, None] > 0, apart, np.nan)
    else:
        apart = on_wall(surface, points + step) - on_wall(surface, points - step)
    length = np.linalg.norm(apart, axis=1)
    return np.asarray(np.where(length > 0, 2 / np.where(length > 0, length, 1), np.nan) * _set_back(surface))


def _depth_at_card(surface: Surface) -> float:
    to_px = np.linalg.inv(np.array(surface.mm_from_px))
    place = project(to_px, np.array([surface.centre_mm]))[0]
    row = surface.mm_from_px[2]
    return float(place[0] * row[0] + place[1] * row[1] + row[2])


def _set_back(surface: Surface) -> float:
    """The weave lies a little behind the card and looks smaller by this factor."""
    return 1 - BEHIND_MM / _distance_mm(surface)


def _distance_mm(surface: Surface) -> float:
    rotation, corner = pose(surface)
    return float(np.linalg.norm(rotation[:, :2] @ np.array(surface.centre_mm) + corner))


def _mean_scale(surface: Surface, points: Points) -> Points:
    """(n,) geometric mean over all directions: the square root of how areas grow."""
    level, steep = (np.full(len(points), angle) for angle in (0.0, math.pi / 2))
    right, down = np.moveaxis(_spans(surface, points), 2, 0)
    area = np.sqrt(np.maximum((right**2).sum(1) * (down**2).sum(1) - (right * down).sum(1) ** 2, 0))
    inside = np.isfinite(_scale_along(surface, points, level)) & np.isfinite(
        _scale_along(surface, points, steep)
    )
    usable = inside & (area > 0)
    return np.asarray(np.where(usable, 1 / np.sqrt(np.where(usable, area, 1)), np.nan) * _set_back(surface))


def _spans(surface: Surface, points: Points) -> Points:
    """(n, 2 or 3, 2) mm on the wall that a pixel to the right and one down span, in the plane's frame or in space."""
    if surface.wall.curvature <= 0:
        to_mm = np.array(surface.mm_from_px)
        ends = [project(to_mm, points + step) - project(to_mm, points - step) for step in (RIGHT, DOWN)]
    else:
        ends = [on_wall(surface, points + step) - on_wall(surface, points - step) for step in (RIGHT, DOWN)]
    return np.stack(ends, axis=2) / 2


def _budget(view: CardView, surface: Surface, points: Points) -> dict[str, Points]:
    """Relative standard uncertainties (n,) of the scale at points, one array per cause."""
    distance = _distance_mm(surface)
    places = on_wall(surface, points)
    rotation, corner = pose(surface)
    touch = rotation[:, :2] @ np.array(surface.centre_mm) + corner
    away = np.linalg.norm(places - touch, axis=1)
    sight = places / np.linalg.norm(places, axis=1, keepdims=True)
    facing = np.abs(sight @ rotation[:, 2])
    slope = np.sqrt(np.maximum(0, 1 - facing**2)) / np.maximum(facing, 0.05)
    constant = np.ones(len(points))
    side_only = 0.0 if view.fit.positions_known else 2 * EDGE_STANDARD_PX / view.fit.marker_px
    return {
        "print": view.print_standard * constant,
        "card_offset": BEHIND_STANDARD_MM / distance * constant,
        "card_leaning": LEANING_STANDARD_RAD * np.hypot(slope / 2, away / distance),
        "corner_noise": _corner_noise(view, surface, points),
        "marker_edges": side_only * constant,
        "lens": LENS_STANDARD * constant,
        "wall_curvature": _wall_term(surface, points),
        "focal_length": _focal_term(surface, points),
        "wall_taper": _taper_term(surface, places, touch, rotation, slope),
    }


def _joined(budget: Mapping[str, Points]) -> Points:
    return np.asarray(np.sqrt(sum(values**2 for values in budget.values())))


def _corner_noise(view: CardView, surface: Surface, points: Points) -> Points:
    """How the scatter of the corners reaches the plane's scale at points, by the homography's covariance."""
    plane = replace(surface, wall=FLAT_WALL)
    eight = view.fit.px_from_mm.ravel()[:8]
    slopes: list[Points] = []
    for k in range(8):
        step = np.zeros(8)
        step[k] = 1e-3 * math.sqrt(view.fit.covariance[k, k])
        ends = [np.log(_mean_scale(_with_homography(plane, eight + sign * step), points)) for sign in (1, -1)]
        slopes.append((ends[0] - ends[1]) / (2 * step[k]))
    gradient = np.stack(slopes, axis=1)
    return np.asarray(np.sqrt(np.einsum("ni,ij,nj->n", gradient, view.fit.covariance, gradient)))


def _with_homography(surface: Surface, eight: Points) -> Surface:
    rows = np.linalg.inv(np.append(eight, 1.0).reshape(3, 3))
    return replace(surface, mm_from_px=tuple((float(a), float(b), float(c)) for a, b, c in rows))


def _wall_term(surface: Surface, points: Points) -> Points:
    """The scale may be that of the flattest or the roundest wall that cannot be ruled out, and all between."""
    wall = surface.wall
    others = [
        replace(surface, wall=replace(wall, curvature=at))
        for at in {wall.curvature_low, wall.curvature_high} - {wall.curvature}
    ]
    return _changed(surface, others, points) / math.sqrt(3)


def _focal_term(surface: Surface, points: Points) -> Points:
    """On a round wall the pose counts, and with it a focal length that is only assumed."""
    if surface.wall.curvature <= 0:
        return np.zeros(len(points))
    off = surface.focal_standard
    others = [replace(surface, focal_px=surface.focal_px * (1 + share)) for share in (-off, off)]
    return _changed(surface, others, points)


def _changed(surface: Surface, others: list[Surface], points: Points) -> Points:
    """(n,) the largest change of ln(scale) from one surface to any of the others, along any direction tried."""
    largest = np.zeros(len(points))
    for angle in (0.0, math.pi / 4, math.pi / 2, 3 * math.pi / 4):
        angles = np.full(len(points), angle)
        here = np.log(_scale_along(surface, points, angles))
        for other in others:
            largest = np.maximum(largest, np.abs(np.log(_scale_along(other, points, angles)) - here))
    return largest


def _taper_term(surface: Surface, places: Points, touch: Points, rotation: Points, slope: Points) -> Points:
    """Round walls lean: away from the card's line the wall turns off the cylinder that stands for it."""
    wall = surface.wall
    if wall.curvature <= 0:
        return np.zeros(len(places))
    across = rotation[:, :2] @ np.array([-math.sin(wall.axis_rad), math.cos(wall.axis_rad)])
    turned = np.clip(np.abs((places - touch) @ across) * wall.curvature, 0, 1)
    return np.asarray(TAPER_MAX_RAD * (1 - np.sqrt(1 - turned**2)) * np.maximum(slope, 0.5) / math.sqrt(3))


def valid_region(view: CardView, wall: Wall) -> tuple[tuple[float, float], ...]:
    """Polygon in px within which the expanded uncertainty stays below VALID_UP_TO, told on a coarse grid: the
    largest such patch; empty where there is none."""
    surface = surface_of(view, wall)
    width, height = view.size_px
    ys, xs = np.indices((GRID, GRID)) + 0.5
    points = np.column_stack([xs.ravel() * width / GRID, ys.ravel() * height / GRID])
    with np.errstate(invalid="ignore", divide="ignore"):
        expanded = 2 * _joined(_budget(view, surface, points)).reshape(GRID, GRID)
    fine = (np.nan_to_num(expanded, nan=np.inf) <= VALID_UP_TO).astype(np.uint8)
    outlines, _ = cv2.findContours(cv2.resize(fine, None, fx=4, fy=4, interpolation=cv2.INTER_NEAREST),
                                   cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)  # fmt: skip
    if not outlines:
        return ()
    largest = cv2.approxPolyDP(max(outlines, key=cv2.contourArea), 1.0, closed=True)[:, 0, :]
    to_px = np.array([width, height]) / (4 * GRID)
    return tuple((float(x), float(y)) for x, y in (largest + 0.5) * to_px)
