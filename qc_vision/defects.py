"""Regions of the photo that look like a defect, with their sizes, and the photo's score for ranking."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from qc_vision.calibration import Calibration, Points
from qc_vision.quantity import Quantity
from qc_vision.region import BoolMap, fill_quad, find_basket
from qc_vision.weave import FloatMap, WeaveMap

ROOM_CELLS = 3
"""Faults of the rim and loose ends stick out of the basket by a little: this many cells still count."""
TOP_SHARE = 0.25
TOP_MIN_CELLS = 4
"""A region's score is the mean of its highest quarter, four cells at least: one bright cell is noise."""
GROW_TO = 0.5
"""A region reaches down to this share of its score: the outline lies at half height."""
FINER = 4
"""Sizes are taken on a grid this much finer than the map's cells."""
SUBPIXEL_BITS = 4
SMOOTH_CELLS = 0.7
MASS_CELLS = 100
"""Area that the photo's score averages over, in cells: about four strand crossings at the working scale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DefectRegion:
    """One region. `box` (x0, y0, x1, y1) and `polygon` ((x, y), ...) in px of the upright photo;
    `score` in [0, 1]; `max_feret_pitch` the longest and `width_pitch` the greatest inner (inscribed
    circle) diameter, in strand pitches; the mm fields are None without a scale. `contrast`: how far its colour
    is from the weave round it (`dE00`), for codes of colour, see `basket_colour`."""

    code: str
    score: float
    box: tuple[float, float, float, float]
    polygon: tuple[tuple[float, float], ...]
    area_px: float
    area_pitch2: float | None
    width_pitch: float | None
    max_feret_pitch: float | None
    area_mm2: float | None
    width_mm: float | None
    max_feret_mm: float | None
    contrast: Quantity | None = None


def find_regions(
    weave_map: WeaveMap, *, pitch_px: float | None, scale: Calibration, floor: Mapping[str, float]
) -> tuple[DefectRegion, ...]:
    """All regions whose score reaches their code's `floor`, highest score first.

    A place has one fault: regions are found on the highest probability over all codes, and each is named by
    the code that is likeliest over it. Cells from half the lowest floor on are joined into islands; in each
    island the parts above half of the island's own score are the regions. So a sure core does not lose its
    pale border, two holes with a haze between them stay two, and a haze without a core is no region. Every
    code of the map needs a floor (KeyError otherwise).
    """
    floors = [floor[code] for code in weave_map.codes]
    probability = defect_map(weave_map)
    regions: list[DefectRegion] = []
    for island in _islands(probability >= GROW_TO * min(floors, default=1.0)):
        level = GROW_TO * _score(probability[island])
        above = island & (probability >= level)
        for part in _islands(above):
            score = _score(probability[part])
            likeliest = int(weave_map.defects[:, part].sum(axis=1).argmax())
            if score >= floors[likeliest]:
                outline = _outline(np.where(island & (part | ~above), probability, 0), level=level)
                code = weave_map.codes[likeliest]
                regions.append(_measure(code, score, outline, weave_map.px_per_cell, pitch_px, scale))
    return tuple(sorted(regions, key=lambda r: -r.score))


def defect_map(weave_map: WeaveMap) -> FloatMap:
    """(h, w) the highest probability over all codes, 0 away from the basket."""
    highest = np.max(weave_map.defects, axis=0, initial=0.0)
    return np.where(_near_basket(weave_map), highest, 0).astype(np.float32)


def defect_score(weave_map: WeaveMap) -> float:
    """How much the photo looks like a faulty basket, in [0, 1]; for ranking photos, from raw probabilities.

    A quarter of it is the mean over the highest cells of the smoothed map, together a small area; the rest
    the mean of p² over the basket, so that one more fault counts even where another is as loud already. Smooth
    in every probability. Chosen on renders and their sound twins, see training/LOG.md.
    """
    probability = defect_map(weave_map)
    smooth = cv2.GaussianBlur(probability, (0, 0), SMOOTH_CELLS).ravel()
    basket = max(1, int(_near_basket(weave_map).sum()))
    if smooth.size == 0:
        return 0.0
    count = min(MASS_CELLS, smooth.size)
    loudest = float(np.partition(smooth, -count)[-count:].mean())
    share = float(np.square(probability, dtype=np.float64).sum()) / basket
    return float(np.clip((loudest + 3 * share) / 4, 0, 1))


def hide_card(weave_map: WeaveMap, outline_px: Points) -> WeaveMap:
    """The map without faults under a card, whose outline (k, 2) is given in px of the upright photo, and a margin of
    ROOM_CELLS round it: a card on the weave is enclosed by it as a hole would be, and looks no more like it."""
    covered = fill_quad(outline_px, px_per_cell=weave_map.px_per_cell, shape=weave_map.basket.shape)
    hidden = cv2.dilate(covered.astype(np.uint8), _disc(ROOM_CELLS)) > 0
    defects = np.where(hidden, np.float32(0), weave_map.defects)
    defects.flags.writeable = False
    return replace(weave_map, defects=defects)


def _near_basket(weave_map: WeaveMap) -> BoolMap:
    region = find_basket(weave_map).astype(np.uint8)
    return np.asarray(cv2.dilate(region, _disc(ROOM_CELLS)) > 0)


def _disc(radius: int) -> NDArray[np.uint8]:
    return np.asarray(
        cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)), np.uint8
    )


def _islands(above: BoolMap) -> Iterator[BoolMap]:
    count, labels = cv2.connectedComponents(above.astype(np.uint8), connectivity=8)
    for label in range(1, count):
        yield np.asarray(labels == label)


def _score(probabilities: NDArray[np.float32]) -> float:
    count = min(probabilities.size, max(TOP_MIN_CELLS, round(TOP_SHARE * probabilities.size)))
    return float(np.partition(probabilities, -count)[-count:].mean()) * min(
        1.0, probabilities.size / TOP_MIN_CELLS
    )


def _outline(probability: FloatMap, *, level: float) -> Points:
    """(n, 2) the largest outline at a level, which some cell must reach, in cells of the map; it runs through the
    middles of the squares along the border of a grid FINER times as fine."""
    ys, xs = np.nonzero(probability >= level)
    y0, x0 = max(0, int(ys.min()) - 2), max(0, int(xs.min()) - 2)
    cut = np.pad(probability, ((0, 2), (0, 2)))[y0 : int(ys.max()) + 3, x0 : int(xs.max()) + 3]
    cut = np.pad(cut, 1)  # so that an outline on the photo's edge closes
    fine = cv2.resize(cut, None, fx=FINER, fy=FINER, interpolation=cv2.INTER_LINEAR)
    # between cells the finer grid may stay just below a lone cell's own peak
    mask = (fine >= min(level, float(fine.max()))).astype(np.uint8)
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    largest = max(outlines, key=cv2.contourArea)
    # from a fine pixel's index to cells: its centre lies half a fine pixel on
    return np.asarray((largest[:, 0, :] + 0.5) / FINER + np.array([x0 - 1, y0 - 1]))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Size:
    """Area, diameter of the inscribed circle, longest diameter, in the unit of the outline."""

    area: float
    width: float
    max_feret: float


def _size_of(outline: Points, *, step: float) -> _Size:
    """Of an outline that runs through the middles of squares of side `step`, which all belong to it."""
    grid = outline / step
    grid = grid - np.floor(grid.min(axis=0)) + 1
    columns, rows = np.ceil(grid.max(axis=0)).astype(int) + 2
    filled = np.zeros((rows, columns), np.uint8)
    cv2.fillPoly(filled, [np.round(grid * 2**SUBPIXEL_BITS).astype(np.int32)], 1, shift=SUBPIXEL_BITS)
    # the distance runs to the first square outside, half a square past the border
    inscribed = 2 * float(cv2.distanceTransform(filled, cv2.DIST_L2, 5).max()) - 1
    return _Size(
        area=float(filled.sum()) * step**2, width=inscribed * step, max_feret=_max_feret(outline) + step
    )


def _measure(
    code: str, score: float, outline: Points, px_per_cell: float, pitch_px: float | None, scale: Calibration
) -> DefectRegion:
    contour = np.maximum(outline, 0) * px_per_cell
    approximated = cv2.approxPolyDP(contour.astype(np.float32)[:, None, :], 0.5 * px_per_cell, True)[:, 0, :]
    step_px = px_per_cell / FINER
    size = _size_of(contour, step=step_px)
    (x0, y0), (x1, y1) = contour.min(axis=0), contour.max(axis=0)
    flat = scale.mm_from_px_at(*(float(v) for v in contour.mean(axis=0)))
    on_weave = None
    if flat is not None:
        on_weave = _size_of(contour @ flat.T, step=step_px * float(np.sqrt(abs(np.linalg.det(flat)))))
    return DefectRegion(
        code=code,
        score=min(1.0, score),
        box=(float(x0), float(y0), float(x1), float(y1)),
        polygon=tuple((float(x), float(y)) for x, y in approximated),
        area_px=size.area,
        area_pitch2=size.area / pitch_px**2 if pitch_px else None,
        width_pitch=size.width / pitch_px if pitch_px else None,
        max_feret_pitch=size.max_feret / pitch_px if pitch_px else None,
        area_mm2=on_weave.area if on_weave else None,
        width_mm=on_weave.width if on_weave else None,
        max_feret_mm=on_weave.max_feret if on_weave else None,
    )


def _max_feret(contour: Points) -> float:
    """The greatest distance between two points of an outline; they lie on its convex hull."""
    hull = cv2.convexHull(contour.astype(np.float32))[:, 0, :].astype(np.float64)
    return float(np.linalg.norm(hull[:, None] - hull[None, :], axis=2).max())
