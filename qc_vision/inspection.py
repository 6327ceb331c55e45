"""The line: a photo walks in as bytes, a record walks out. A bad photo leaves early, as a record too."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Protocol

from qc_vision.basket_colour import BasketColour, read_colour
from qc_vision.basket_size import BasketSize, measure_size
from qc_vision.calibration import NO_SCALE, Calibration
from qc_vision.card_colour import read_patches
from qc_vision.card_register import KnownCards, load_register
from qc_vision.card_sight import find_card_faults, sight_card
from qc_vision.decision import Decision, Finding, Verdict, decide
from qc_vision.defects import DefectRegion, defect_score, find_regions, hide_card
from qc_vision.density import DensityReading, openness, read_density, strand_pitch_px, uniformity
from qc_vision.identifier import new_id
from qc_vision.measurement import measure
from qc_vision.model import Model, load_model
from qc_vision.perception import Perceiver
from qc_vision.photo import Photo, decode
from qc_vision.photo_origin import find_origin_faults, read_origin
from qc_vision.product_scale import scale_by_width
from qc_vision.quality import RetakeReason, assess, message_of
from qc_vision.record import BasketRegion, InspectionRecord, ModelRef, PhotoRef, SpecRef
from qc_vision.refusal_limits import SHIPPED, RefusalLimits
from qc_vision.region import bound, find_basket
from qc_vision.scale import scale_from
from qc_vision.severity import Severity
from qc_vision.spec import ProductSpec
from qc_vision.view import find_view_faults
from qc_vision.weave import WeaveMap

DECODED_SIDE_PX = 2000
"""Nearly twice what the network's closer look takes, so that a basket in half of the photo is still sharp to
it; and just under half of a 12-megapixel photo's 4032, so that those decode at half size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """A record, with what it was read from: enough to draw it. `timing_ms` per station of the line."""

    record: InspectionRecord
    photo: Photo
    weave_map: WeaveMap
    timing_ms: Mapping[str, float]


class Perceives(Protocol):
    def perceive(self, photo: Photo) -> WeaveMap: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stopwatch:
    """Milliseconds per named station."""

    timing_ms: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def station(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.timing_ms[name] = round(1000 * (time.perf_counter() - start), 1)


class Inspector:
    """Holds the loaded model; `inspect` is free of state and may be called from one thread at a time."""

    def __init__(
        self,
        *,
        model: Model,
        perceiver: Perceives,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        cards: KnownCards | None = None,
        limits: RefusalLimits = SHIPPED,
    ) -> None:
        self._manifest = model.manifest
        self._perceiver = perceiver
        self._clock = clock
        self._new_id = new_id
        self._cards = cards or KnownCards()
        self._limits = limits

    def inspect(self, data: bytes, *, spec: ProductSpec, came_at: datetime | None = None) -> Inspection:
        """Decodes, perceives, measures and decides. `came_at`: when the photo reached us, where that is not now: none is
        taken later. Raises a PhotoError where the bytes are no photo."""
        watch = _Stopwatch()
        with watch.station("decode"):
            photo = decode(data, min_side_px=DECODED_SIDE_PX)
            origin = read_origin(data)
        with watch.station("perceive"):
            weave_map = self._perceiver.perceive(photo)
        with watch.station("quality"):
            quality = assess(
                photo, weave_map.basket, px_per_cell=weave_map.px_per_cell, limits=self._limits.quality
            )
        with watch.station("scale"):
            sight = sight_card(photo, self._cards, limits=self._limits.card)
            if sight.cover_px is not None:
                weave_map = hide_card(weave_map, sight.cover_px)
            scale = scale_from(sight, weave_map)
            if scale.missing == "no_card" and spec.rim_width_mm is not None:
                low_mm, high_mm = spec.rim_width_mm
                scale = scale_by_width(photo, weave_map, low_mm=low_mm, high_mm=high_mm) or scale
        faults = set(quality.reasons) | find_card_faults(sight, spec.card, limits=self._limits.card)
        faults |= find_view_faults(weave_map, spec.view, limits=self._limits.view)
        faults |= find_origin_faults(
            photo,
            origin,
            came_at=came_at or self._clock(),
            original=spec.original,
            limits=self._limits.origin,
        )
        if spec.card != "optional" and scale.missing == "card_on_table":
            faults.add(RetakeReason.CARD_OFF_WEAVE)
        if faults:
            record = self._record(photo, weave_map, spec, decision=_retake(faults), scale=scale)
            return Inspection(record=record, photo=photo, weave_map=weave_map, timing_ms=watch.timing_ms)

        thresholds = self._manifest.thresholds
        with watch.station("density"):
            readings = read_density(weave_map, scale=scale)
            evenness = uniformity(weave_map, readings)
            see_through = openness(weave_map)
        with watch.station("defects"):
            regions = find_regions(
                weave_map,
                pitch_px=strand_pitch_px(readings),
                scale=scale,
                floor={code: t.review for code, t in thresholds.items()},
            )
        with watch.station("size"):
            size = measure_size(weave_map, scale=scale)
        with watch.station("colour"):
            colour, regions = read_colour(
                photo,
                weave_map,
                correction=read_patches(photo, sight.view if sight.flat else None),
                card_outline_px=None if sight.view is None else sight.view.outline_px,
                regions=regions,
            )
        with watch.station("decide"):
            measurements = measure(
                regions=regions,
                thresholds=thresholds,
                readings=readings,
                openness=see_through,
                uniformity_cv=evenness,
                scale=scale,
                size=size,
                colour=colour,
            )
            decision = decide(measurements, spec)
        record = self._record(
            photo,
            weave_map,
            spec,
            decision=decision,
            scale=scale,
            density=readings,
            openness=see_through.value if see_through else None,
            uniformity_cv=evenness.value if evenness else None,
            defects=regions,
            size=size,
            colour=colour,
        )
        return Inspection(record=record, photo=photo, weave_map=weave_map, timing_ms=watch.timing_ms)

    def _record(
        self,
        photo: Photo,
        weave_map: WeaveMap,
        spec: ProductSpec,
        *,
        decision: Decision,
        scale: Calibration = NO_SCALE,
        density: tuple[DensityReading, ...] = (),
        openness: float | None = None,
        uniformity_cv: float | None = None,
        defects: tuple[DefectRegion, ...] = (),
        size: BasketSize | None = None,
        colour: BasketColour | None = None,
    ) -> InspectionRecord:
        return InspectionRecord(
            id=self._new_id(),
            inspected_at=self._clock(),
            photo=PhotoRef(
                sha256=photo.sha256,
                perceptual_hash=photo.perceptual_hash,
                width=photo.width,
                height=photo.height,
            ),
            verdict=decision.verdict,
            grade=decision.grade,
            reasons=decision.findings,
            scale=scale,
            density=density,
            openness=openness,
            uniformity_cv=uniformity_cv,
            defects=defects,
            defect_score=defect_score(weave_map),
            basket=_basket(photo, weave_map),
            model=ModelRef(version=self._manifest.version, sha256=self._manifest.sha256),
            spec=SpecRef(id=spec.id, revision=spec.revision),
            software=SOFTWARE,
            size=size,
            colour=colour,
            refusal_limits=self._limits.version,
        )


def retake(inspection: Inspection, reasons: Collection[RetakeReason]) -> Inspection:
    """The inspection of a photo that something outside of it speaks against, beside what it is itself to be taken again
    for; what was measured stays on record."""
    found = {finding.code for finding in inspection.record.reasons}
    decision = _retake([reason for reason in RetakeReason if reason in reasons or reason in found])
    record = replace(
        inspection.record, verdict=decision.verdict, grade=decision.grade, reasons=decision.findings
    )
    return replace(inspection, record=record)


def load_inspector(
    model_folder: Path | None = None, *, cards: KnownCards | None = None, limits: RefusalLimits = SHIPPED
) -> Inspector:
    """An inspector with the shipped model (or the one in a folder), this computer's clock and ids that grow with it.

    Without `cards` it looks for the cards that `qc-vision card` prints, those measured here read by their
    true size. Raises CardError where the register of those is broken, and ModelError where the model is missing,
    altered, or answers otherwise than when it was exported.
    """
    model = load_model(model_folder)
    return Inspector(
        model=model,
        perceiver=Perceiver(model),
        clock=lambda: datetime.now(UTC),
        new_id=new_id,
        cards=cards or KnownCards(measured=load_register()),
        limits=limits,
    )


def _retake(reasons: Collection[RetakeReason]) -> Decision:
    """A photo that cannot be measured: a fact about the photo, no verdict about the basket."""
    findings = tuple(
        Finding(
            code=reason.value,
            severity=Severity.INFO,
            value=None,
            limit=None,
            unit=None,
            message=message_of(reason),
            advice=None,
        )
        for reason in RetakeReason
        if reason in reasons
    )
    return Decision(verdict=Verdict.RETAKE, grade=None, findings=findings)


def _basket(photo: Photo, weave_map: WeaveMap) -> BasketRegion | None:
    region = find_basket(weave_map)
    box = bound(region, px_per_cell=weave_map.px_per_cell, width=photo.width, height=photo.height)
    return BasketRegion(box=box, fraction=float(region.mean())) if box else None


def _software() -> str:
    try:
        return f"qc_vision {metadata.version('qc_vision')}"
    except metadata.PackageNotFoundError:  # a checkout that was never installed
        return "qc_vision (not installed)"


SOFTWARE = _software()
