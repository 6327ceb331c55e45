"""Regions of the photo that look like a defect, with their sizes, and one score for the whole photo."""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from qc_vision.calibration import Calibration
from qc_vision.weave import FloatMap, WeaveMap


@dataclass(frozen=True, slots=True, kw_only=True)
class DefectRegion:
    """One region. `box` (x0, y0, x1, y1) and `polygon` ((x, y), ...) in px of the upright photo;
    `score` in [0, 1]; `max_feret` the longest and `width` the greatest inner (inscribed circle)
    diameter, in strand pitches and in mm; the mm fields are None without a scale."""

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


OUTLINE = 0.5
"""A region's edge lies where the probability falls to this share of the region's highest."""
SUBCELLS = 2
"""Regions are outlined on a grid this much finer than the network's cells."""


def find_regions(
    weave_map: WeaveMap, *, pitch_px: float | None, scale: Calibration, floor: Mapping[str, float]
) -> tuple[DefectRegion, ...]:
    """All regions of every code whose score reaches `floor[code]`, highest score first.

    A region's score is the mean of the highest quarter of its cells (at least four of them), so that one
    hot cell is not a defect. `pitch_px` is the strand pitch that relative sizes are stated in.
    """
    regions: list[DefectRegion] = []
    for code, probability in zip(weave_map.codes, weave_map.defects, strict=True):
        regions += _regions_of(code, probability, floor[code], weave_map.px_per_cell, pitch_px, scale)
    return tuple(sorted(regions, key=lambda region: -region.score))


def defect_map(weave_map: WeaveMap) -> FloatMap:
    """(h, w): the highest probability of any code, cell by cell."""
    return np.asarray(weave_map.defects.max(axis=0), dtype=np.float32)


def defect_score(weave_map: WeaveMap) -> float:
    """One number in [0, 1] to rank photos by: the highest local mean (over a spot of five cells) of any
    code's probability, and a little of how much of the basket is suspect beyond it."""
    inside = weave_map.basket > 0.5
    if not inside.any():
        return 0.0
    spots = np.stack([cv2.GaussianBlur(d, (0, 0), 1.2) for d in weave_map.defects]).max(axis=0)
    top = float(spots[inside].max())
    mass = float(np.square(spots[inside]).sum())
    return float(0.8 * top + 0.2 * (1 - np.exp(-mass / 20)))


def _regions_of(
    code: str, probability: FloatMap, floor: float, px_per_cell: float, pitch_px: float | None, scale: Calibration
) -> list[DefectRegion]:
    if probability.size == 0 or float(probability.max()) < floor:
        return []
    fine = cv2.resize(probability, None, fx=SUBCELLS, fy=SUBCELLS, interpolation=cv2.INTER_LINEAR)
    _, labels, stats, _ = cv2.connectedComponentsWithStats((fine >= OUTLINE * floor).astype(np.uint8))
    found = []
    for label in range(1, len(stats)):
        x, y, w, h, _ = (int(v) for v in stats[label])
        crop = np.where(labels[y : y + h, x : x + w] == label, fine[y : y + h, x : x + w], 0.0)
        score = _score(crop)
        if score < floor:
            continue
        shape = crop >= OUTLINE * max(score, floor)
        found.append(_region(code, score, shape, (x, y), px_per_cell / SUBCELLS, pitch_px, scale))
    return found


def _score(crop: NDArray[np.floating]) -> float:
    values = np.sort(crop[crop > 0])[::-1]
    top = max(4 * SUBCELLS * SUBCELLS, len(values) // 4)
    return float(values[:top].sum() / min(top, max(len(values), 4 * SUBCELLS * SUBCELLS)))


def _region(
    code: str,
    score: float,
    shape: NDArray[np.bool_],
    corner: tuple[int, int],
    px: float,
    pitch_px: float | None,
    scale: Calibration,
) -> DefectRegion:
    """Sizes of a shape (h, w) whose top left cell is `corner`, on cells of `px` photo pixels."""
    padded = np.pad(shape.astype(np.uint8), 1)
    width_px = 2 * float(cv2.distanceTransform(padded, cv2.DIST_L2, 5).max()) * px
    contours, _ = cv2.findContours(padded, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    outline = max(contours, key=cv2.contourArea)
    polygon = cv2.approxPolyDP(outline, 0.8, True).reshape(-1, 2)
    points = [((corner[0] + int(p[0]) - 0.5) * px, (corner[1] + int(p[1]) - 0.5) * px) for p in polygon]
    ys, xs = np.nonzero(shape)
    box = (
        (corner[0] + int(xs.min())) * px,
        (corner[1] + int(ys.min())) * px,
        (corner[0] + int(xs.max()) + 1) * px,
        (corner[1] + int(ys.max()) + 1) * px,
    )
    area_px = float(shape.sum()) * px * px
    feret_px = _feret(outline) * px
    mm = scale.px_per_mm
    return DefectRegion(
        code=code,
        score=score,
        box=box,
        polygon=tuple(points),
        area_px=area_px,
        area_pitch2=area_px / pitch_px**2 if pitch_px else None,
        width_pitch=width_px / pitch_px if pitch_px else None,
        max_feret_pitch=feret_px / pitch_px if pitch_px else None,
        area_mm2=area_px / mm**2 if mm else None,
        width_mm=width_px / mm if mm else None,
        max_feret_mm=feret_px / mm if mm else None,
    )


def _feret(outline: NDArray[np.int32]) -> float:
    """Longest distance between two points of an outline, in cells, counting whole cells."""
    hull = cv2.convexHull(outline).reshape(-1, 2).astype(np.float64)
    return float(np.hypot(*(hull[:, None] - hull[None]).T).max()) + 1.0
