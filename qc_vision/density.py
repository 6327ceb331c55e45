"""How densely the strands lie: readings per direction, evenness of the rows, openness.

The network says roughly where strands run and how far apart; the ruler sharpens that. Where the two do not
agree, or the ruler sees nothing, the reading is the network's and is marked as not confident.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qc_vision.calibration import Calibration
from qc_vision.quantity import Quantity
from qc_vision.region import BoolMap, fill_quad, find_basket, weighted_median
from qc_vision.ruler import Step, WindowStep, rule
from qc_vision.weave import StrandField, WeaveMap

Direction = Literal["weft", "warp"]

PEAK_CONFIDENT = 0.2
"""Peaks lower than this were wrong by more than 15 % markedly more often (56 hand-counted patches)."""
AGREEMENT_COARSE = 0.25
AGREEMENT_WINDOWS = 0.15
AGREEING_SHARE = 0.6
PEAK_SINGLE_WINDOW = 0.3
"""A lone window has no neighbour to agree with, so its peak must be clearer."""
INTERVAL_FLOOR = 0.03
"""Relative half width. Nine in ten confident readings should lie within; the hand counts that say so are
themselves only good to about 2 %."""
Z_90 = 1.645
WINDOWS_FOR_UNIFORMITY = 6
SEE_THROUGH = ("MAJ-HOLE", "MAJ-GAP")


@dataclass(frozen=True, slots=True, kw_only=True)
class DensityReading:
    """One direction's reading. `angle_deg` is the image angle along which strands are counted (x right
    = 0, y down = 90); `pitch_px` the distance between neighbours along it; intervals hold 90 %.
    `per_10cm` is None without a scale; `confident` False means: do not lean on it."""

    direction: Direction
    angle_deg: float
    pitch_px: float
    pitch_px_interval: tuple[float, float]
    per_10cm: float | None
    per_10cm_interval: tuple[float, float] | None
    confident: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Coarse:
    """What the network says of a region: a step, and the standard deviation of ln(pitch)."""

    step: Step
    log_sigma: float


def read_density(
    weave_map: WeaveMap, *, scale: Calibration, quad: NDArray[np.float64] | None = None
) -> tuple[DensityReading, ...]:
    """The readings (weft, then warp) of the whole basket, or of a quadrilateral.

    `quad` (4, 2): its corners (x, y) in px of the upright photo. Where the wall runs away from the camera
    the pitch changes over the region; the reading is its median. Empty where there is nothing to read.
    """
    region = _region(weave_map, quad)
    readings: list[DensityReading] = []
    for direction, field in _families(weave_map):
        coarse = _coarse(weave_map, field, region)
        if coarse is not None:
            windows = rule(
                weave_map.features, inside=region, px_per_cell=weave_map.px_per_cell, step=coarse.step
            )
            readings.append(_read(direction, coarse, windows, scale))
    return tuple(readings)


def uniformity(weave_map: WeaveMap, readings: tuple[DensityReading, ...]) -> Quantity | None:
    """How uneven the rows lie: the coefficient of variation of their pitch over the basket's windows.

    A trend linear in x and y is taken out first: perspective explains it. Each window averages some six
    rows, so a single crooked row hardly counts; bands of tight and loose rows do. None where the rows
    were not read with confidence, or in too few windows.
    """
    weft = next((r for r in readings if r.direction == "weft" and r.confident), None)
    if weft is None:
        return None
    step = Step(angle_rad=math.radians(weft.angle_deg), pitch_px=weft.pitch_px)
    region = find_basket(weave_map)
    windows = rule(weave_map.features, inside=region, px_per_cell=weave_map.px_per_cell, step=step)
    windows = tuple(w for w in windows if w.height >= PEAK_CONFIDENT)
    if len(windows) < WINDOWS_FOR_UNIFORMITY:
        return None
    log_pitch = np.log([w.step.pitch_px for w in windows])
    plane = np.column_stack([np.ones(len(windows)), np.array([w.centre_px for w in windows])])
    trend, *_ = np.linalg.lstsq(plane, log_pitch, rcond=None)
    freedom = len(windows) - 3
    cv = float(np.sqrt(np.sum((log_pitch - plane @ trend) ** 2) / freedom))
    return Quantity(value=cv, unit="1", expanded_uncertainty=2 * cv / math.sqrt(2 * freedom))


def openness(weave_map: WeaveMap) -> Quantity | None:
    """Which share of the basket one can see through: holes and gaps by area. None without a basket.

    The uncertainty is how far the share moves when the probability that counts goes from 0.35 to 0.65.
    """
    region = find_basket(weave_map)
    kinds = [k for k, code in enumerate(weave_map.codes) if code in SEE_THROUGH]
    if not region.any() or not kinds:
        return None
    open_here = weave_map.defects[kinds].max(axis=0)[region]
    low, share, high = (float((open_here > at).mean()) for at in (0.65, 0.5, 0.35))
    return Quantity(value=share, unit="1", expanded_uncertainty=max(high - share, share - low))


def strand_pitch_px(weave_map: WeaveMap) -> float | None:
    """The finer of the two families' coarse pitches on the basket: the yardstick for sizes."""
    region = find_basket(weave_map)
    coarse = [_coarse(weave_map, field, region) for _, field in _families(weave_map)]
    return min((c.step.pitch_px for c in coarse if c is not None), default=None)


def _families(weave_map: WeaveMap) -> tuple[tuple[Direction, StrandField], ...]:
    return ("weft", weave_map.weft), ("warp", weave_map.warp)


def _region(weave_map: WeaveMap, quad: NDArray[np.float64] | None) -> BoolMap:
    if quad is None:
        return find_basket(weave_map)
    return fill_quad(quad, px_per_cell=weave_map.px_per_cell, shape=weave_map.basket.shape)


def _coarse(weave_map: WeaveMap, field: StrandField, region: BoolMap) -> _Coarse | None:
    """The region's weighted mean direction and median pitch, sure cells weighing more; None if none is."""
    sigma = np.maximum(field.pitch_log_sigma, 0.02)
    weight = (weave_map.basket * field.direction_score / sigma)[region].astype(np.float64)
    pitch = field.pitch_px[region].astype(np.float64)
    usable = (weight > 1e-6) & np.isfinite(pitch) & (pitch > 0)
    if not usable.any():
        return None
    weight, pitch = weight[usable], pitch[usable]
    doubled = 2 * field.angle_rad[region][usable].astype(np.float64)
    angle = math.atan2(float(weight @ np.sin(doubled)), float(weight @ np.cos(doubled))) / 2
    step = Step(angle_rad=angle % math.pi, pitch_px=weighted_median(pitch, weight))
    return _Coarse(step=step, log_sigma=weighted_median(sigma[region][usable], weight))


def _read(
    direction: Direction, coarse: _Coarse, windows: tuple[WindowStep, ...], scale: Calibration
) -> DensityReading:
    """Joins the windows with the network's coarse step into one reading."""
    if not windows:
        spread = max(Z_90 * coarse.log_sigma, INTERVAL_FLOOR)
        return _reading(direction, coarse.step, spread, scale, confident=False)
    pitch = np.array([w.step.pitch_px for w in windows])
    height = np.array([w.height for w in windows])
    step = Step(angle_rad=_mean_angle(windows), pitch_px=weighted_median(pitch, height))
    off = np.abs(np.log(pitch / step.pitch_px))
    confident = (
        float(np.median(height)) > (PEAK_SINGLE_WINDOW if len(windows) == 1 else PEAK_CONFIDENT)
        and abs(math.log(step.pitch_px / coarse.step.pitch_px)) < AGREEMENT_COARSE
        and float(height[off < AGREEMENT_WINDOWS].sum()) >= AGREEING_SHARE * float(height.sum())
    )
    # windows may overlap by half each way: then a quarter of them are independent
    independent = max(1.0, len(windows) / 4)
    deviation = 1.4826 * float(np.median(off))
    spread = max(INTERVAL_FLOOR, Z_90 * 1.2533 * deviation / math.sqrt(independent))
    if not confident:
        spread = max(spread, Z_90 * coarse.log_sigma)
    return _reading(direction, step, spread, scale, confident=confident)


def _reading(
    direction: Direction, step: Step, log_spread: float, scale: Calibration, *, confident: bool
) -> DensityReading:
    per_10cm, per_10cm_interval = None, None
    if scale.px_per_mm is not None:
        per_10cm = 100 * scale.px_per_mm / step.pitch_px
        # the scale's uncertainty is stated for k = 2, the interval for 90 %
        both = math.hypot(log_spread, (scale.relative_uncertainty or 0.0) * Z_90 / 2)
        per_10cm_interval = (per_10cm * math.exp(-both), per_10cm * math.exp(both))
    return DensityReading(
        direction=direction,
        angle_deg=math.degrees(step.angle_rad) % 180,
        pitch_px=step.pitch_px,
        pitch_px_interval=(step.pitch_px * math.exp(-log_spread), step.pitch_px * math.exp(log_spread)),
        per_10cm=per_10cm,
        per_10cm_interval=per_10cm_interval,
        confident=confident,
    )


def _mean_angle(windows: tuple[WindowStep, ...]) -> float:
    turned = sum(w.height * np.exp(2j * w.step.angle_rad) for w in windows)
    return float(np.angle(turned)) / 2 % math.pi
