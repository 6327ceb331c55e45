"""Regions of the photo that look like a defect, with their sizes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DefectRegion:
    """One region. `box` (x0, y0, x1, y1) and `polygon` ((x, y), ...) in px of the upright photo;
    `score` in [0, 1]; `max_feret_pitch` the longest and `width_pitch` the greatest inner (inscribed
    circle) diameter, in strand pitches; the mm fields are None without a scale."""

    code: str
    score: float
    box: tuple[float, float, float, float]
    polygon: tuple[tuple[float, float], ...]
    area_px: float
    area_pitch2: float | None
    width_pitch: float | None
    max_feret_pitch: float | None
    area_mm2: float | None
    width_mm: float | None
    max_feret_mm: float | None
