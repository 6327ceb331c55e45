"""A coarse scale without a card: the spec says how wide the product is, and the whole basket stands in the photo.

Good for what lies far from a limit. Nobody can see that a basket is of another size than its spec says.
"""

import math

import numpy as np

from qc_vision.calibration import FOCAL_PER_LONG_SIDE, FOCAL_STANDARD, FOCAL_STANDARD_TOLD, Calibration
from qc_vision.photo import Photo
from qc_vision.region import count_parts, find_basket, is_cut_off
from qc_vision.weave import WeaveMap

OUTLINE_STANDARD = 0.03
"""By what share of its width an outline may be off: handles at the sides, a shadow taken for basket. A proposal."""
ASLANT_LEAST = 0.75
"""To this share lengths shrink that are not on the nearest front: upright ones from 25° above, low on the wall; level ones
on a round wall two thirds of the radius beside its middle."""


def scale_by_width(photo: Photo, weave_map: WeaveMap, *, low_mm: float, high_mm: float) -> Calibration | None:
    """The mean scale on the front of a round basket between `low_mm` and `high_mm` wide; None where it does not stand
    whole and alone in the photo.

    Lines of sight touch it beside its middle, at the angle whose sine is radius over distance; its front is
    nearer than that by the radius.
    """
    basket = find_basket(weave_map)
    if is_cut_off(basket) or count_parts(basket) != 1:
        return None
    ys, xs = np.nonzero(basket)
    width_px = float(xs.max() - xs.min() + 1) * weave_map.px_per_cell
    radius_mm = low_mm * high_mm / (low_mm + high_mm)  # half the harmonic mean: the scale goes with 1 / width
    focal_px = photo.focal_px or FOCAL_PER_LONG_SIDE * max(photo.width, photo.height)
    focal_standard = FOCAL_STANDARD_TOLD if photo.focal_px else FOCAL_STANDARD
    at_front = _at_front(width_px, radius_mm, focal_px)
    budget = {
        "product": (high_mm - low_mm) / (high_mm + low_mm) / math.sqrt(3),
        "outline": OUTLINE_STANDARD,
        "focal_length": abs(_at_front(width_px, radius_mm, focal_px * (1 + focal_standard)) / at_front - 1),
        "aslant": (1 - ASLANT_LEAST) / (1 + ASLANT_LEAST) / math.sqrt(3),
    }
    return Calibration(
        method="product",
        px_per_mm=at_front * (1 + ASLANT_LEAST) / 2,
        relative_uncertainty=2 * math.hypot(*budget.values()),
        at_px=(
            float(xs.min() + xs.max() + 1) / 2 * weave_map.px_per_cell,
            float(ys.min() + ys.max() + 1) / 2 * weave_map.px_per_cell,
        ),
        error_budget=budget,
    )


def _at_front(width_px: float, radius_mm: float, focal_px: float) -> float:
    sine = math.sin(math.atan(width_px / 2 / focal_px))
    return focal_px / (radius_mm * (1 / sine - 1))
