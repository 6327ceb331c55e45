"""Places inside the weave that look like no weave: through a hole one sees whatever lies behind it."""

import cv2
import numpy as np

from qc_vision.weave import FloatMap

LEVELS = np.arange(2, 10, dtype=np.float32) / 10
MAX_CELLS = 1000
"""About five strands by five where they lie as far apart as at the second look. What is larger is an opening that was meant, a lid, the
ground between two baskets."""


def fill_enclosed(weave: FloatMap) -> FloatMap:
    """(h, w) the probability of weave, raised to that of its brim (to a tenth) wherever a place is enclosed on all sides
    and not too large; what reaches the edge of the map is open to that side. An area closing (Vincent 1993)."""
    filled = weave.copy()
    for level in LEVELS:
        _, labels, stats, _ = cv2.connectedComponentsWithStats(
            (weave < level).astype(np.uint8), connectivity=8
        )
        enclosed = stats[:, cv2.CC_STAT_AREA] <= MAX_CELLS
        for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
            enclosed[edge] = False
        enclosed[0] = False
        filled[enclosed[labels]] = level
    return filled
