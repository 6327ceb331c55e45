"""From pixels to millimetres. Today no reference is read from the photo, so there is no scale."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How many pixels a millimetre has at the weave; all numbers None where `method` is `none`.

    `relative_uncertainty` is expanded (k = 2), as a share of `px_per_mm`.
    """

    method: Literal["card", "none"]
    px_per_mm: float | None = None
    relative_uncertainty: float | None = None
    tilt_deg: float | None = None


NO_SCALE = Calibration(method="none")
