"""How densely the strands lie: readings per direction, evenness of the rows, openness."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class DensityReading:
    """One direction's reading. `angle_deg` is the image angle along which strands are counted (x right
    = 0, y down = 90); `pitch_px` the distance between neighbours along it; intervals hold 90 %.
    `per_10cm` is None without a scale; `confident` False means: do not lean on it."""

    direction: Literal["weft", "warp"]
    angle_deg: float
    pitch_px: float
    pitch_px_interval: tuple[float, float]
    per_10cm: float | None
    per_10cm_interval: tuple[float, float] | None
    confident: bool
