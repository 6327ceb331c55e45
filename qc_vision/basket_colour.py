"""Colours compared within one basket: how far a stain stands out, how uneven the wall is. Never its shade as such.

CIEDE2000, under the card's colour correction where there is one. Light falls unevenly on a round wall, so
zones are compared at the same lightness; a stain is compared with what lies right beside it, lightness and all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import cv2
import numpy as np
from numpy.typing import NDArray

from qc_vision.card_colour import ColourCorrection, correct, uncertainty
from qc_vision.colour import LIGHT_OF_STORED, LUMINANCE, Colours, difference_de00, lab_of
from qc_vision.defects import DefectRegion
from qc_vision.photo import Photo
from qc_vision.quantity import Quantity
from qc_vision.region import BoolMap, find_basket
from qc_vision.weave import WeaveMap

OF_COLOUR = ("MAJ-STAIN", "CRT-MOLD", "MIN-COLOR")
"""Codes whose regions differ from the weave by their colour."""
LOOKED_AT_PX = 640
"""Longer side at which colours are compared: gaps between strands and JPEG's blocks blend with them alike."""
RING_SHARE = 0.6
RING_MIN_PX = 4
"""The ring round a region: this share of its inscribed circle's diameter wide, and how wide at least."""
PIXELS_MIN = 12
ZONE_PIXELS_MIN = 400
DARKEST, BRIGHTEST = 0.01, 0.9
"""Light outside of this is shadow between strands, or burnt out, and has no colour to compare."""
SAME_LIGHT = 0.2
"""Luminance at which zones are compared: L* 52, as woven fibre has it in even light."""
STRAND_PX = 8.0
"""Colours of one strand go together: so many px each way count as one look. About a strand at LOOKED_AT_PX."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BasketColour:
    """`unevenness`: the largest CIEDE2000 (`dE00`) between thirds of the wall, across or down, at equal lightness;
    None where too little of the basket is lit well enough. `correction`: what made colours comparable."""

    correction: ColourCorrection
    unevenness: Quantity | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """The photo reduced: corrected `light` (h, w, 3), which px are `basket` and lit well, `px` of the full photo
    per px of it."""

    light: NDArray[np.float64]
    basket: BoolMap
    px: float


def read_colour(
    photo: Photo,
    weave_map: WeaveMap,
    *,
    correction: ColourCorrection,
    card_outline_px: NDArray[np.float64] | None,
    regions: Sequence[DefectRegion],
) -> tuple[BasketColour, tuple[DefectRegion, ...]]:
    """How uneven the wall is, and the regions with the `contrast` of those that are a matter of colour."""
    look = _look(photo, weave_map, correction, card_outline_px)
    faulty = np.zeros(look.basket.shape, dtype=np.uint8)
    for region in regions:
        _fill(faulty, region.polygon, look.px)
    plain = look.basket & (faulty == 0)
    told = tuple(
        replace(region, contrast=_contrast(region, look, plain, correction))
        if region.code in OF_COLOUR
        else region
        for region in regions
    )
    return BasketColour(correction=correction, unevenness=_unevenness(look, plain, correction)), told


def _look(
    photo: Photo,
    weave_map: WeaveMap,
    correction: ColourCorrection,
    card_outline_px: NDArray[np.float64] | None,
) -> _Look:
    height, width = photo.pixels.shape[:2]
    shrink = min(1.0, LOOKED_AT_PX / max(height, width))
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    small = np.asarray(cv2.resize(photo.pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    px = photo.width / size[0]
    light = correct(correction, LIGHT_OF_STORED[small].reshape(-1, 3)).reshape(*small.shape)
    luminance = light @ LUMINANCE
    cells = ((np.indices(small.shape[:2]) + 0.5) * px / weave_map.px_per_cell).astype(int)
    rows, columns = (np.minimum(at, end - 1) for at, end in zip(cells, weave_map.basket.shape, strict=True))
    basket = find_basket(weave_map)[rows, columns] & (luminance > DARKEST) & (luminance < BRIGHTEST)
    if card_outline_px is not None:
        card = np.zeros(basket.shape, dtype=np.uint8)
        _fill(card, card_outline_px, px)
        basket &= cv2.dilate(card, np.ones((5, 5), np.uint8)) == 0
    return _Look(light=light, basket=basket, px=px)


def _fill(
    mask: NDArray[np.uint8], outline: Sequence[tuple[float, float]] | NDArray[np.float64], px: float
) -> None:
    cv2.fillPoly(mask, [np.round(np.array(outline) / px - 0.5).astype(np.int32)], 1)


def _contrast(
    region: DefectRegion, look: _Look, plain: BoolMap, correction: ColourCorrection
) -> Quantity | None:
    """Median colour of a region against that of the sound weave in a ring round it."""
    inside = np.zeros(look.basket.shape, dtype=np.uint8)
    _fill(inside, region.polygon, look.px)
    thickness = 2 * float(cv2.distanceTransform(inside, cv2.DIST_L2, 5).max())
    reach = max(RING_MIN_PX, round(RING_SHARE * thickness))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    ring = (cv2.dilate(inside, disc) > 0) & plain
    own = (inside > 0) & look.basket
    if own.sum() < PIXELS_MIN or ring.sum() < PIXELS_MIN:
        return None
    return _difference(look.light[own], look.light[ring], correction)


def _unevenness(look: _Look, plain: BoolMap, correction: ColourCorrection) -> Quantity | None:
    """The wall is what is left without the edge, where rims and turned-away strands look different."""
    rows, columns = np.nonzero(plain)
    if rows.size < 9 * ZONE_PIXELS_MIN:
        return None
    luminance = np.maximum(look.light @ LUMINANCE, 1e-6)
    level = look.light * (SAME_LIGHT / luminance)[..., None]
    found: list[Quantity] = []
    for at in (rows, columns):
        thirds = np.quantile(at, (1 / 3, 2 / 3))
        zone = np.digitize(at, thirds)
        zones = [level[rows[zone == k], columns[zone == k]] for k in range(3)]
        if min(len(colours) for colours in zones) >= ZONE_PIXELS_MIN:
            found += [_difference(first, second, correction) for first, second in combinations(zones, 2)]
    return max(found, key=lambda difference: difference.value, default=None)


def _difference(first: Colours, second: Colours, correction: ColourCorrection) -> Quantity:
    """CIEDE2000 of two medians, with what the strands' own scatter and the correction leave open (k = 2)."""
    medians = [lab_of(np.median(colours, axis=0)[None]) for colours in (first, second)]
    value = float(difference_de00(*medians)[0])
    scatter = [
        float(np.median(difference_de00(lab_of(colours), np.repeat(middle, len(colours), axis=0))))
        / np.sqrt(max(1.0, len(colours) / STRAND_PX**2))
        for colours, middle in zip((first, second), medians, strict=True)
    ]
    standard = np.sqrt(sum(each**2 for each in scatter) + (uncertainty(correction) * value) ** 2)
    return Quantity(value=value, unit="dE00", expanded_uncertainty=float(2 * standard))
