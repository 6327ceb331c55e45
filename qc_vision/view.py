"""Does a photo show one basket, and all of it? Told by its outline, where somebody insists on that view.

Most views of a basket are close: then weave reaches the edges, and nothing here is asked.
"""

import cv2
import numpy as np

from qc_vision.demands import ViewDemand
from qc_vision.quality import RetakeReason
from qc_vision.refusal_limits import SHIPPED, ViewLimits
from qc_vision.region import BoolMap, find_basket
from qc_vision.weave import WeaveMap


def find_view_faults(
    weave_map: WeaveMap, demand: ViewDemand, *, limits: ViewLimits = SHIPPED.view
) -> frozenset[RetakeReason]:
    """What speaks against the view; nothing where any will do. No basket at all is told by `quality`."""
    if demand == "any":
        return frozenset()
    basket = find_basket(weave_map)
    told = {
        RetakeReason.BASKET_CUT: cut_fraction(basket) > limits.cut_fraction_max,
        RetakeReason.SEVERAL_BASKETS: second_fraction(basket) > limits.second_fraction_max,
    }
    return frozenset(reason for reason, is_so in told.items() if is_so)


def cut_fraction(basket: BoolMap) -> float:
    """How much of a basket (h, w) lies on an edge of the photo, as a share of its length along that edge, at the
    edge where that is most; 0 where it touches none."""
    ys, xs = np.nonzero(basket)
    if xs.size == 0:
        return 0.0
    across, down = np.ptp(xs) + 1, np.ptp(ys) + 1
    upright = max(int(basket[:, 0].sum()), int(basket[:, -1].sum())) / down
    level = max(int(basket[0].sum()), int(basket[-1].sum())) / across
    return float(max(upright, level))


def second_fraction(basket: BoolMap) -> float:
    """The area of the second largest piece of a region (h, w) as a share of the largest; 0 where it is in one."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(basket.astype(np.uint8))
    areas = np.sort(stats[1:, cv2.CC_STAT_AREA])
    return float(areas[-2] / areas[-1]) if areas.size > 1 else 0.0
