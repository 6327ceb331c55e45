"""The record of one photo's inspection: facts and where they came from. Never edited once made."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from qc_vision.basket_colour import BasketColour
from qc_vision.basket_size import BasketSize
from qc_vision.calibration import Calibration
from qc_vision.decision import Finding, Grade, Verdict
from qc_vision.defects import DefectRegion
from qc_vision.density import DensityReading


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoRef:
    sha256: str
    perceptual_hash: str
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BasketRegion:
    """Where the basket is: `box` (x0, y0, x1, y1) in px of the upright photo, `fraction` of the photo."""

    box: tuple[float, float, float, float]
    fraction: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRef:
    version: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecRef:
    id: str
    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectionRecord:
    """What the machine found on one photo. Field names are the public contract of `grade --json`.

    `size` and `colour` of the whole basket: None in records made before they were measured, and of photos to be
    taken again. `refusal_limits`: the version of the limits by which photos are refused, None in records that were made
    before they had one.
    """

    id: str
    inspected_at: datetime
    photo: PhotoRef
    verdict: Verdict
    grade: Grade | None
    reasons: tuple[Finding, ...]
    scale: Calibration
    density: tuple[DensityReading, ...]
    openness: float | None
    uniformity_cv: float | None
    defects: tuple[DefectRegion, ...]
    defect_score: float
    basket: BasketRegion | None
    model: ModelRef
    spec: SpecRef
    software: str
    size: BasketSize | None = None
    colour: BasketColour | None = None
    refusal_limits: str | None = None


_ADAPTER: TypeAdapter[InspectionRecord] = TypeAdapter(InspectionRecord)


def record_json(record: InspectionRecord) -> dict[str, Any]:
    """The record as plain JSON values, every field present."""
    plain: dict[str, Any] = _ADAPTER.dump_python(record, mode="json")
    return plain


def record_from_json(text: str | bytes) -> InspectionRecord:
    """The inverse of `record_json`, for records read back from a store."""
    return _ADAPTER.validate_json(text)
