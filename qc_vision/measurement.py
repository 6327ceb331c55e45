"""What was measured on one photo, ready to be compared with limits."""

from dataclasses import dataclass
from typing import Literal

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
    "rim_length",
    "shape_length",
    "openness",
    "uniformity_cv",
    "weft_density",
    "warp_density",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One characteristic of one photo.

    `quantity` is None where it could not be measured (`missing` then says why: `no_scale` or
    `not_confident`). `certain` is False where the thing measured may not be there at all: its score
    lies between the model's two calibrated thresholds. A size has one measurement per defect region
    (`region` is the region's index in the record's `defects`) and per unit it can be stated in
    (`pitch` always, `mm` where there is a scale); a count has two, once of the certain regions only
    and once, with `certain=False`, of all.
    """

    characteristic: Characteristic
    quantity: Quantity | None
    certain: bool = True
    region: int | None = None
    missing: Literal["no_scale", "not_confident"] | None = None
