"""Strand density against hand counts and against the path tracer's truth."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qc_vision.density import DensityReading
from qc_vision.photo import Photo
from qc_vision.record import InspectionRecord
from training.evaluate.figures import Figure, Subject
from training.evaluate.grey import GreyStep, correlate, find_period, find_steps
from training.evaluate.sets import CentreTruth
from training.labels import DensityLabel

GROSS_ERROR = 0.15
DIRECTION_DEG = 10.0
GREY_ALONE, GREY_TOLD = "grey, told the patch", "grey, told the direction"


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """A true density in one direction of a patch round `centre_px`: strands lie `pitch_px` apart along `angle_deg`,
    the same picture comes back after `repeat_px`. `slices`: what kind of weave it is, for the figures by kind."""

    photo: str
    centre_px: tuple[float, float]
    direction: str
    angle_deg: float
    pitch_px: float
    repeat_px: float
    slices: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was read where `count` was counted; pitch None where nothing was. `covered`: the truth lies within
    the stated interval. `named`: weft and warp are called so. `who` read it."""

    who: str
    count: Count
    pitch_px: float | None
    angle_deg: float | None
    confident: bool
    covered: bool | None = None
    named: bool | None = None

    @property
    def error(self) -> float:
        """Relative error against the strand; infinite where nothing was read."""
        return self._off(self.count.pitch_px)

    @property
    def error_either(self) -> float:
        """Relative error against the strand or the repeat, whichever is nearer."""
        return min(self.error, self._off(self.count.repeat_px))

    @property
    def turn_deg(self) -> float:
        """Angle between the directions read and counted; 90 where nothing was read."""
        return 90.0 if self.angle_deg is None else turn(self.angle_deg, self.count.angle_deg)

    def _off(self, truth_px: float) -> float:
        return float("inf") if self.pitch_px is None else abs(self.pitch_px / truth_px - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaledReading:
    """One density in strands per 10 cm against the truth."""

    photo: str
    error: float
    confident: bool
    covered: bool


def turn(a_deg: float, b_deg: float) -> float:
    """The angle between two lines, 0 to 90 degrees."""
    return abs((a_deg - b_deg + 90) % 180 - 90)


def count_of(label: DensityLabel, slices: tuple[str, ...]) -> Count:
    return Count(
        photo=label.file,
        centre_px=(float(label.quad[:, 0].mean()), float(label.quad[:, 1].mean())),
        direction=label.direction,
        angle_deg=label.dir_deg,
        pitch_px=label.pitch_px,
        repeat_px=label.repeat_px,
        slices=slices,
    )


def counts_at(photo: str, centre: CentreTruth, slices: tuple[str, ...]) -> tuple[Count, Count]:
    """The two true counts at the middle of a rendered photo; strand and repeat are one there."""

    def count(direction: str, step: np.ndarray) -> Count:
        angle_deg, pitch_px = float(np.degrees(np.arctan2(step[1], step[0]))) % 180, float(np.hypot(*step))
        return Count(
            photo=photo,
            centre_px=(float(centre.quad[:, 0].mean()), float(centre.quad[:, 1].mean())),
            direction=direction,
            angle_deg=angle_deg,
            pitch_px=pitch_px,
            repeat_px=pitch_px,
            slices=slices,
        )

    return count("weft", centre.weft_px), count("warp", centre.warp_px)


def compare(count: Count, readings: Sequence[DensityReading]) -> Reading:
    """The model's reading in the direction nearest to the counted one."""
    nearest = min(readings, key=lambda r: turn(r.angle_deg, count.angle_deg), default=None)
    if nearest is None:
        return Reading(who="model", count=count, pitch_px=None, angle_deg=None, confident=False)
    low, high = nearest.pitch_px_interval
    return Reading(
        who="model",
        count=count,
        pitch_px=nearest.pitch_px,
        angle_deg=nearest.angle_deg,
        confident=nearest.confident,
        covered=low <= count.pitch_px <= high,
        named=nearest.direction == count.direction,
    )


def read_grey(photo: Photo, quad: NDArray[np.float64], counts: Sequence[Count]) -> Iterator[Reading]:
    """The classical baselines' readings of a patch, chosen as the model's are; they have no doubt of their own."""
    lags = correlate(photo, quad)
    steps = find_steps(lags)
    for count in counts:
        yield _grey_reading(
            GREY_ALONE, count, min(steps, key=lambda s: turn(s.angle_deg, count.angle_deg), default=None)
        )
    for count in counts:
        yield _grey_reading(GREY_TOLD, count, find_period(lags, angle_deg=count.angle_deg))


def _grey_reading(who: str, count: Count, step: GreyStep | None) -> Reading:
    return Reading(
        who=who,
        count=count,
        pitch_px=step.pitch_px if step else None,
        angle_deg=step.angle_deg if step else None,
        confident=step is not None,
    )


def compare_scaled(
    photo: str, record: InspectionRecord, centre: CentreTruth | None
) -> tuple[ScaledReading, ...]:
    """The record's own densities of the whole basket against the middle's truth, where a scale was read."""
    if centre is None or not any(r.per_10cm for r in record.density):
        return ()
    scaled = []
    for count, truth in zip(
        counts_at(photo, centre, ()), (centre.weft_per_10cm, centre.warp_per_10cm), strict=True
    ):
        nearest = min(record.density, key=lambda r: turn(r.angle_deg, count.angle_deg))
        if nearest.per_10cm is not None and nearest.per_10cm_interval is not None:
            low, high = nearest.per_10cm_interval
            scaled.append(
                ScaledReading(
                    photo=photo,
                    error=abs(nearest.per_10cm / truth - 1),
                    confident=nearest.confident,
                    covered=low <= truth <= high,
                )
            )
    return tuple(scaled)


def scaled_figures(readings: Sequence[ScaledReading]) -> Iterator[Figure]:
    subject, sure = Subject(part="density"), [r for r in readings if r.confident]
    units = [r.photo for r in sure]
    yield subject.median(
        "density, rendered with a card: median error per 10 cm", [r.error for r in sure], units
    )
    yield subject.share(
        "density, rendered with a card: truth in the 90 % interval", [r.covered for r in sure], units
    )


def density_figures(place: str, readings: Sequence[Reading]) -> Iterator[Figure]:
    """Figures of everybody who read. A baseline's confident readings are all that it read."""
    for who in dict.fromkeys(r.who for r in readings):
        subject, own = Subject(part="density", who=who), [r for r in readings if r.who == who]
        sure = [r for r in own if r.confident]
        units = [r.count.photo for r in sure]
        yield subject.median(f"{place}: median error of confident, strand", [r.error for r in sure], units)
        yield subject.median(
            f"{place}: median error of confident, strand or repeat", [r.error_either for r in sure], units
        )
        yield subject.share(
            f"{place}: share confident", [r.confident for r in own], [r.count.photo for r in own]
        )
        yield subject.share(
            f"{place}: confident off by > 15 %, strand or repeat",
            [r.error_either > GROSS_ERROR for r in sure],
            units,
        )
        yield subject.share(
            f"{place}: confident off by > 15 %, strand", [r.error > GROSS_ERROR for r in sure], units
        )
        if who != GREY_TOLD:
            yield subject.share(
                f"{place}: direction within 10 degrees",
                [r.turn_deg <= DIRECTION_DEG for r in own],
                [r.count.photo for r in own],
            )
        if who == "model":
            yield subject.share(
                f"{place}: truth in the 90 % interval", [bool(r.covered) for r in sure], units
            )
            yield subject.share(f"{place}: weft and warp named rightly", [bool(r.named) for r in sure], units)


def density_slices(place: str, readings: Sequence[Reading]) -> Iterator[Figure]:
    """The model's gross errors and share confident by kind of weave."""
    subject, own = Subject(part="slices"), [r for r in readings if r.who == "model"]
    for kind in sorted({kind for r in own for kind in r.count.slices if kind}):
        chosen = [r for r in own if kind in r.count.slices]
        sure = [r for r in chosen if r.confident]
        units = [r.count.photo for r in sure]
        yield subject.share(
            f"{place}, {kind}: share confident",
            [r.confident for r in chosen],
            [r.count.photo for r in chosen],
        )
        yield subject.median(
            f"{place}, {kind}: median error, strand or repeat", [r.error_either for r in sure], units
        )
        yield subject.share(
            f"{place}, {kind}: off by > 15 %, strand", [r.error > GROSS_ERROR for r in sure], units
        )
