"""Which faults are found where false alarms are as rare as a line can bear: one per five photos."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

ALARMS_PER_PHOTO = 0.2
NEAR_SHARE = 0.01
"""An outline this share of the photo's longer side away from a fault is still at it."""
ON_FAULT_SHARE = 0.1
"""A region that lies on faults by less than this is a false alarm, however many it grazes."""


HOPELESS = 20
"""So many false places on one photo are all that a hundred photos may show together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarms:
    """One photo at every floor, highest first: `false` (F,) places pointed at without a fault, and `found`
    (R, F) which of its R faults are pointed at."""

    false: NDArray[np.int64]
    found: NDArray[np.bool_]


def count_alarms(
    regions: Iterable[Sequence[NDArray[np.float64]]],
    faults: Sequence[NDArray[np.bool_]],
    *,
    floors: int,
    shape: tuple[int, int],
) -> Alarms:
    """Compares what is shown at each of so many floors with the truth.

    `regions`: for each floor, highest first, the outlines (n, 2) px; `faults`: masks of `shape` (height, width).
    Regions that touch or overlap are one place, of whatever code: a person is sent there once. After the floor
    that shows `HOPELESS` false places nothing more is asked of `regions`; lower ones are taken to say the same.
    """
    reach = max(1, round(NEAR_SHARE * max(shape)))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    near = [cv2.dilate(fault.astype(np.uint8), disc) > 0 for fault in faults]
    any_fault = np.any(np.stack([*near, np.zeros(shape, dtype=bool)]), axis=0)
    false, found = np.zeros(floors, np.int64), np.zeros((len(faults), floors), dtype=bool)
    for level, outlines in enumerate(regions):
        drawn = np.zeros(shape, np.uint8)
        for outline in outlines:
            # one by one: overlapping outlines filled together would cancel out
            cv2.fillPoly(drawn, [np.round(outline - 0.5).astype(np.int32)], 1)
        count, places = cv2.connectedComponents(drawn)
        area = np.bincount(places.ravel(), minlength=count)
        on_fault = np.bincount(places[any_fault], minlength=count)
        right = on_fault >= ON_FAULT_SHARE * area
        right[0] = False
        false[level:] = count - 1 - right.sum()
        found[:, level:] = np.array([[bool(right[places[fault]].any())] for fault in near]).reshape(-1, 1)
        if false[level] >= HOPELESS:
            break
    return Alarms(false=false, found=found)


def share_found(
    alarms: Sequence[Alarms], wanted: Sequence[NDArray[np.bool_]], *, counted: Sequence[bool]
) -> float:
    """Share of the wanted faults found at the lowest floor that keeps false alarms rare enough.

    `wanted`: per photo (R,) which of its faults count; `counted`: whether its false alarms do. Floors are
    taken from the highest down, as long as there is at most one false alarm per five counted photos.
    """
    sound = [a for a, c in zip(alarms, counted, strict=True) if c]
    found = [a.found[w] for a, w in zip(alarms, wanted, strict=True) if w.any()]
    if not sound or not found:
        return float("nan")
    allowed = operating_floor(sound)
    return 0.0 if allowed is None else float(np.concatenate(found)[:, allowed].mean())


def operating_floor(alarms: Sequence[Alarms]) -> int | None:
    """Index of the lowest floor at which false alarms are rare enough; None where not even the highest is."""
    if not alarms:
        return None
    rare = np.mean([a.false for a in alarms], axis=0) <= ALARMS_PER_PHOTO
    steps = int(rare.size if rare.all() else np.argmin(rare))
    return steps - 1 if steps else None
