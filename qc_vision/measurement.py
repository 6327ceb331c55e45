"""What was measured on one photo, ready to be compared with limits."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from qc_vision.basket_colour import BasketColour
from qc_vision.basket_size import BasketSize
from qc_vision.calibration import NO_SCALE, Calibration
from qc_vision.defects import DefectRegion
from qc_vision.density import Z_90, DensityReading, Direction
from qc_vision.quantity import Quantity

Characteristic = Literal[
    "hole_diameter",
    "hole_count",
    "gap_width",
    "broken_count",
    "loose_end_length",
    "loose_end_count",
    "pattern_length",
    "stain_area",
    "mould_area",
    "colour_area",
    "stain_contrast",
    "colour_unevenness",
    "rim_length",
    "shape_length",
    "openness",
    "uniformity_cv",
    "weft_density",
    "warp_density",
    "height",
    "rim_width",
    "base_width",
    "lean",
]

Missing = Literal["no_scale", "far_from_card", "not_confident"]

UNITS_OF: Mapping[Characteristic, tuple[str, ...]] = {
    "hole_diameter": ("pitch", "mm"),
    "hole_count": ("count",),
    "gap_width": ("pitch", "mm"),
    "broken_count": ("count",),
    "loose_end_length": ("pitch", "mm"),
    "loose_end_count": ("count",),
    "pattern_length": ("pitch", "mm"),
    "stain_area": ("pitch2", "mm2"),
    "mould_area": ("pitch2", "mm2"),
    "colour_area": ("pitch2", "mm2"),
    "stain_contrast": ("dE00",),
    "colour_unevenness": ("dE00",),
    "rim_length": ("pitch", "mm"),
    "shape_length": ("pitch", "mm"),
    "openness": ("1",),
    "uniformity_cv": ("1",),
    "weft_density": ("per_10cm",),
    "warp_density": ("per_10cm",),
    "height": ("mm",),
    "rim_width": ("mm",),
    "base_width": ("mm",),
    "lean": ("deg",),
}
"""The units that `measure` states each characteristic in; a limit in any other unit would never apply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One characteristic of one photo.

    `quantity` is None where it could not be measured (`missing` then says why: `no_scale`; `far_from_card`, where the
    scale does not hold so far; or `not_confident`). `certain` is False where the thing measured may not be there at all: its score
    lies between the model's two calibrated thresholds. A size has one measurement per defect region
    (`region` is the region's index in the record's `defects`) and per unit it can be stated in
    (`pitch` always, `mm` where there is a scale); a count has two, once of the certain regions only
    and once, with `certain=False`, of all.
    """

    characteristic: Characteristic
    quantity: Quantity | None
    certain: bool = True
    region: int | None = None
    missing: Missing | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreThresholds:
    """Region scores of one defect code: from `review` on a person should look, from `fail` on the
    machine is sure. Calibrated with the model, kept in its manifest."""

    review: float
    fail: float


RELATIVE_SIZE_UNCERTAINTY = 0.2
"""Expanded uncertainty of a region's size as a share of it. A proposal until checked against a card."""

_DENSITIES: dict[Direction, Characteristic] = {"weft": "weft_density", "warp": "warp_density"}
_COUNTED: dict[str, Characteristic] = {
    "MAJ-HOLE": "hole_count",
    "MAJ-BROKEN": "broken_count",
    "MIN-LOOSE": "loose_end_count",
}
_LENGTHS: dict[str, Characteristic] = {
    "MIN-LOOSE": "loose_end_length",
    "MIN-PATTERN": "pattern_length",
    "MAJ-RIM": "rim_length",
    "MAJ-SHAPE": "shape_length",
}
_WIDTHS: dict[str, Characteristic] = {"MAJ-HOLE": "hole_diameter", "MAJ-GAP": "gap_width"}
_AREAS: dict[str, Characteristic] = {
    "MAJ-STAIN": "stain_area",
    "CRT-MOLD": "mould_area",
    "MIN-COLOR": "colour_area",
}


def measure(
    *,
    regions: Sequence[DefectRegion],
    thresholds: Mapping[str, ScoreThresholds],
    readings: Sequence[DensityReading],
    openness: Quantity | None,
    uniformity_cv: Quantity | None,
    scale: Calibration = NO_SCALE,
    size: BasketSize | None = None,
    colour: BasketColour | None = None,
) -> tuple[Measurement, ...]:
    """Everything that a spec may limit, from one photo.

    Regions scored below their code's `review` are left out; every code needs thresholds (KeyError
    otherwise). Counts and densities, openness and evenness are always there, if only as missing; a size
    only where a region was found.

    The `size` of the whole basket is asked of nobody where the photo does not show it: a photo of a wall
    could never have one, and the check by hand is there. Where the basket stands whole in the photo with a
    card on its wall and still cannot be measured, its sizes are missing. Colours are there where they could be
    compared.
    """
    seen = [(i, r) for i, r in enumerate(regions) if r.score >= thresholds[r.code].review]
    sure = {i for i, r in seen if r.score >= thresholds[r.code].fail}
    found: list[Measurement] = []
    for index, region in seen:
        for characteristic, quantity in _sizes(region, scale):
            found.append(
                Measurement(
                    characteristic=characteristic,
                    quantity=quantity,
                    certain=index in sure,
                    region=index,
                    missing=None if quantity else "not_confident",
                )
            )
            if not scale.is_sure_at(*_middle(region)):
                found.append(
                    Measurement(
                        characteristic=characteristic, quantity=None, region=index, missing="far_from_card"
                    )
                )
    for code, characteristic in _COUNTED.items():
        of_code = [i for i, r in seen if r.code == code]
        certain = sum(i in sure for i in of_code)
        found.append(Measurement(characteristic=characteristic, quantity=_count(certain)))
        if len(of_code) > certain:
            found.append(
                Measurement(characteristic=characteristic, quantity=_count(len(of_code)), certain=False)
            )
    by_direction = {reading.direction: reading for reading in readings}
    found += [_density(name, by_direction.get(direction), scale) for direction, name in _DENSITIES.items()]
    found.append(_optional("openness", openness))
    found.append(_optional("uniformity_cv", uniformity_cv))
    found += _whole(size)
    if colour is not None and colour.unevenness is not None:
        found.append(Measurement(characteristic="colour_unevenness", quantity=colour.unevenness))
    return tuple(found)


def _whole(size: BasketSize | None) -> list[Measurement]:
    if size is None or size.missing in ("no_scale", "cut_off", "several_parts"):
        return []
    return [
        _optional("height", size.height),
        _optional("rim_width", size.rim_width),
        _optional("base_width", size.base_width),
        _optional("lean", size.lean),
    ]


def _sizes(region: DefectRegion, scale: Calibration) -> list[tuple[Characteristic, Quantity | None]]:
    """A region's size in every unit it can be stated in; strand pitches always, if only as unknown.

    In millimetres the scale's own uncertainty comes on top, twice for an area; out of its reach none are stated.
    """
    code = region.code
    sizes: list[tuple[Characteristic, float | None, str, float | None, str]] = []
    if code in _WIDTHS:
        sizes.append((_WIDTHS[code], region.width_pitch, "pitch", region.width_mm, "mm"))
    if code in _LENGTHS:
        sizes.append((_LENGTHS[code], region.max_feret_pitch, "pitch", region.max_feret_mm, "mm"))
    if code in _AREAS:
        sizes.append((_AREAS[code], region.area_pitch2, "pitch2", region.area_mm2, "mm2"))
    found: list[tuple[Characteristic, Quantity | None]] = []
    if code == "MAJ-STAIN" and region.contrast is not None:
        found.append(("stain_contrast", region.contrast))
    for characteristic, relative, unit, absolute, metric in sizes:
        found.append((characteristic, None if relative is None else _sized(relative, unit)))
        if absolute is not None and scale.is_sure_at(*_middle(region)):
            power = 2 if metric == "mm2" else 1
            of_scale = power * (scale.relative_uncertainty or 0.0)
            found.append((characteristic, _sized(absolute, metric, of_scale=of_scale)))
    return found


def _middle(region: DefectRegion) -> tuple[float, float]:
    x0, y0, x1, y1 = region.box
    return (x0 + x1) / 2, (y0 + y1) / 2


def _sized(value: float, unit: str, *, of_scale: float = 0.0) -> Quantity:
    relative = math.hypot(RELATIVE_SIZE_UNCERTAINTY, of_scale)
    return Quantity(value=value, unit=unit, expanded_uncertainty=relative * value)


def _count(value: int) -> Quantity:
    return Quantity(value=float(value), unit="count")


def _density(
    characteristic: Characteristic, reading: DensityReading | None, scale: Calibration
) -> Measurement:
    if scale.px_per_mm is None:
        # said first: without a scale no photo of this weave, however clear, would give a density
        return Measurement(characteristic=characteristic, quantity=None, missing="no_scale")
    if reading is None or not reading.confident:
        return Measurement(characteristic=characteristic, quantity=None, missing="not_confident")
    if reading.per_10cm is None or reading.per_10cm_interval is None:
        return Measurement(characteristic=characteristic, quantity=None, missing="far_from_card")
    low, high = reading.per_10cm_interval
    half = max(reading.per_10cm - low, high - reading.per_10cm)
    expanded = half * 2 / Z_90  # the interval holds 90 %, an expanded uncertainty is stated for k = 2
    return Measurement(
        characteristic=characteristic,
        quantity=Quantity(value=reading.per_10cm, unit="per_10cm", expanded_uncertainty=expanded),
    )


def _optional(characteristic: Characteristic, quantity: Quantity | None) -> Measurement:
    missing: Missing | None = None if quantity else "not_confident"
    return Measurement(characteristic=characteristic, quantity=quantity, missing=missing)
