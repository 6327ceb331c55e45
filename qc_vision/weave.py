"""What the network saw: the maps of one photo. Data only; made in `perception`, read by the rest.

Convention: every map is (h, w), row 0 at the top, and covers the whole upright photo; the cell (i, j)
covers the photo's pixels x in [j, j+1) * px_per_cell, y in [i, i+1) * px_per_cell. All lengths are
pixels of the full-size upright photo. Angles are image angles (x right = 0, y down = 90 degrees),
modulo 180 degrees.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatMap = NDArray[np.float32]
BASKET_AT = 0.7
"""Probability from which a cell counts as basket. More than even odds: the renders that the network learned from are
filled with basket more often than photos are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StrandField:
    """One strand family, cell by cell: along which direction its strands follow each other, how far apart.

    `angle_rad` (h, w) in [0, pi): the direction along which strands are counted.
    `pitch_px` (h, w): distance between neighbouring strands along that direction.
    `pitch_log_sigma` (h, w): standard deviation of ln(pitch), as the network sees it.
    `direction_score` (h, w) in [0, 1]: 1 = the direction is certain, 0 = any.
    """

    angle_rad: FloatMap
    pitch_px: FloatMap
    pitch_log_sigma: FloatMap
    direction_score: FloatMap


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureMap:
    """Values over a part of the photo that the ruler compares with themselves.

    `values` (c, h, w); the cell (i, j) lies at x = origin_px[0] + (j + 0.5) * px_per_cell and
    y = origin_px[1] + (i + 0.5) * px_per_cell in the photo.
    """

    values: FloatMap
    origin_px: tuple[float, float]
    px_per_cell: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WeaveMap:
    """All maps of one photo.

    `basket` (h, w): probability that the cell shows woven basket.
    `defects` (k, h, w): probability of each of `codes`, in that order.
    `weft` are the rows (counted along a steep line on an upright basket), `warp` the stakes.
    `crests` (2, h, w): the strands as the network draws them, weft then warp: 1 on the middle of a strand,
    -1 half-way to the next. `interval_factor`: how much wider than they look intervals of the pitch must be,
    as the model's calibration found. `features`: its early features, which know nothing of strands.
    """

    px_per_cell: float
    basket: FloatMap
    weft: StrandField
    warp: StrandField
    defects: FloatMap
    codes: tuple[str, ...]
    crests: FeatureMap
    features: FeatureMap
    interval_factor: float = 1.0
