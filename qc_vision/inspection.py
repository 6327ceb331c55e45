"""The line a photo walks, from bytes to a record. Everything it needs from outside is handed in."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from uuid import uuid4

import numpy as np

from qc_vision.calibration import NO_SCALE
from qc_vision.decision import Decision, Finding, Verdict, decide
from qc_vision.defects import defect_score, find_regions
from qc_vision.density import DensityReading, openness, read_density, uniformity
from qc_vision.measurement import ScoreThresholds, measure
from qc_vision.model import load_model
from qc_vision.perception import Perceiver
from qc_vision.photo import Photo, decode
from qc_vision.quality import RetakeReason, assess, message_of
from qc_vision.record import BasketRegion, InspectionRecord, ModelRef, PhotoRef, SpecRef
from qc_vision.severity import Severity
from qc_vision.spec import ProductSpec
from qc_vision.weave import WeaveMap

DECODE_SIDE_PX = 1600
"""Longer side that is decoded at least: more than the network ever looks at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """A record with what is needed to draw it; `timing_ms` per station of the line."""

    record: InspectionRecord
    photo: Photo
    weave_map: WeaveMap
    timing_ms: dict[str, float]


class Inspector:
    """Holds the loaded model; `clock` and `new_id` are handed in so that records can be repeated."""

    def __init__(self, perceiver: Perceiver, *, clock: Callable[[], datetime], new_id: Callable[[], str]) -> None:
        self._perceiver = perceiver
        self._clock = clock
        self._new_id = new_id

    @property
    def thresholds(self) -> dict[str, ScoreThresholds]:
        return self._perceiver.manifest.thresholds

    @property
    def model(self) -> ModelRef:
        manifest = self._perceiver.manifest
        return ModelRef(version=manifest.version, sha256=manifest.sha256)

    def perceive(self, data: bytes) -> tuple[Photo, WeaveMap]:
        """The first half of the line, for whoever wants maps or densities and no verdict."""
        photo = decode(data, min_side_px=DECODE_SIDE_PX)
        return photo, self._perceiver.perceive(photo)

    def inspect(self, data: bytes, *, spec: ProductSpec) -> Inspection:
        """Grades one photo under a spec. Raises PhotoError where the bytes are no photo; a photo that
        cannot be measured is a record too, with verdict `retake`."""
        watch = _Stopwatch()
        photo = decode(data, min_side_px=DECODE_SIDE_PX)
        watch.lap("decode")
        weave_map = self._perceiver.perceive(photo)
        watch.lap("perceive")
        quality = assess(photo, weave_map.basket)
        watch.lap("assess")
        manifest = self._perceiver.manifest
        readings = read_density(weave_map, scale=NO_SCALE)
        evenness, opening = uniformity(weave_map), openness(weave_map)
        watch.lap("density")
        floor = {code: t.review for code, t in manifest.thresholds.items()}
        regions = find_regions(weave_map, pitch_px=_strand_px(readings), scale=NO_SCALE, floor=floor)
        watch.lap("defects")
        if quality.reasons:
            decision = _retake(quality.reasons)
        else:
            measurements = measure(
                regions=regions, thresholds=manifest.thresholds, readings=readings, openness=opening, uniformity_cv=evenness
            )
            decision = decide(measurements, spec)
        watch.lap("decide")
        record = InspectionRecord(
            id=self._new_id(),
            inspected_at=self._clock(),
            photo=PhotoRef(
                sha256=photo.sha256, perceptual_hash=photo.perceptual_hash, width=photo.width, height=photo.height
            ),
            verdict=decision.verdict,
            grade=decision.grade,
            reasons=decision.findings,
            scale=NO_SCALE,
            density=readings,
            openness=opening.value if opening else None,
            uniformity_cv=evenness.value if evenness else None,
            defects=regions,
            defect_score=defect_score(weave_map),
            basket=_basket(weave_map, photo),
            model=self.model,
            spec=SpecRef(id=spec.id, revision=spec.revision),
            software=f"qc_vision {version('qc_vision')}",
        )
        return Inspection(record=record, photo=photo, weave_map=weave_map, timing_ms=watch.laps)


def load_inspector(model: Path | None = None, *, threads: int = 1) -> Inspector:
    """An inspector with the shipped model (or the version in a folder), real clock and random ids."""
    perceiver = Perceiver(load_model(model, threads=threads))
    return Inspector(perceiver, clock=lambda: datetime.now(UTC), new_id=lambda: str(uuid4()))


class _Stopwatch:
    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = round((now - self._last) * 1000, 1)
        self._last = now


def _strand_px(readings: tuple[DensityReading, ...]) -> float | None:
    """The pitch that sizes are stated in: the finer of the two directions, which is the strand's."""
    return min((r.pitch_px for r in readings), default=None)


def _retake(reasons: tuple[RetakeReason, ...]) -> Decision:
    findings = [
        Finding(
            code=str(reason), severity=Severity.INFO, value=None, limit=None, unit=None, message=message_of(reason), advice=None
        )
        for reason in reasons
    ]
    return Decision(verdict=Verdict.RETAKE, grade=None, findings=tuple(findings))


def _basket(weave_map: WeaveMap, photo: Photo) -> BasketRegion | None:
    mask = weave_map.basket > 0.5
    if not mask.any():
        return None
    ys, xs = np.nonzero(mask)
    c = weave_map.px_per_cell
    box = (
        float(xs.min() * c),
        float(ys.min() * c),
        float(min((xs.max() + 1) * c, photo.width)),
        float(min((ys.max() + 1) * c, photo.height)),
    )
    return BasketRegion(box=box, fraction=float(mask.mean()))
