"""Which cells of a photo's maps are the basket, as a filled region; shared by all that measure inside it."""

import cv2
import numpy as np
from numpy.typing import NDArray

from qc_vision.weave import BASKET_AT, WeaveMap

KEPT_SHARE = 0.1
"""A part split off by a strap or a hand still counts when it is this large beside the largest one."""

BoolMap = NDArray[np.bool_]
Box = tuple[float, float, float, float]


def find_basket(weave_map: WeaveMap) -> BoolMap:
    """(h, w) True on the basket: its large parts, openings inside them filled. All False without a basket."""
    seen = (weave_map.basket > BASKET_AT).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(seen, connectivity=4)
    if count < 2:
        return np.zeros(seen.shape, dtype=bool)
    area = stats[:, cv2.CC_STAT_AREA]
    large = [k for k in range(1, count) if area[k] >= KEPT_SHARE * area[1:].max()]
    outlines, _ = cv2.findContours(
        np.isin(labels, large).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    return np.asarray(cv2.drawContours(np.zeros_like(seen), outlines, -1, 1, thickness=cv2.FILLED) > 0)


def is_cut_off(region: BoolMap) -> bool:
    """Whether a region reaches the edge of the photo."""
    return bool(region[[0, -1]].any() or region[:, [0, -1]].any())


def count_parts(region: BoolMap) -> int:
    """How many pieces a region is in; cells that touch at a corner are one piece."""
    return cv2.connectedComponents(region.astype(np.uint8))[0] - 1


def bound(region: BoolMap, *, px_per_cell: float, width: int, height: int) -> Box | None:
    """The box (x0, y0, x1, y1) round a region in px of the photo, or None where the region is empty."""
    ys, xs = np.nonzero(region)
    if xs.size == 0:
        return None
    return (
        float(xs.min()) * px_per_cell,
        float(ys.min()) * px_per_cell,
        min(float(width), float(xs.max() + 1) * px_per_cell),
        min(float(height), float(ys.max() + 1) * px_per_cell),
    )


def fill_quad(quad: NDArray[np.float64], *, px_per_cell: float, shape: tuple[int, int]) -> BoolMap:
    """(h, w) True on the cells whose centre lies in a quadrilateral of (x, y) corners in px of the photo.

    The corners may come in any order: what counts is their convex hull.
    """
    y, x = (np.indices(shape) + 0.5) * px_per_cell
    hull = cv2.convexHull(quad.astype(np.float32))[:, 0, :].astype(np.float64)
    turned = zip(hull, np.roll(hull, -1, axis=0), strict=True)
    sides = np.stack([(bx - ax) * (y - ay) - (by - ay) * (x - ax) for (ax, ay), (bx, by) in turned])
    return np.asarray((sides >= 0).all(axis=0) | (sides <= 0).all(axis=0))


def fill_outline(
    outline: tuple[tuple[float, float], ...], *, px_per_cell: float, shape: tuple[int, int]
) -> BoolMap:
    """(h, w) True on the cells within an outline of (x, y) px; all False without one."""
    cells = np.zeros(shape, dtype=np.uint8)
    if outline:
        corners = np.floor(np.array(outline) / px_per_cell).astype(np.int32)
        cv2.fillPoly(cells, [corners], 1)
    return np.asarray(cells > 0)


def weighted_median(values: NDArray[np.floating], weights: NDArray[np.floating]) -> float:
    """The value below and above which half of the weight lies. Needs at least one value."""
    order = np.argsort(values)
    share = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(share, share[-1] / 2)])
