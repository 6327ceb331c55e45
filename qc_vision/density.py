"""How densely the strands lie: readings per direction, evenness of the rows, openness.

The network says roughly where strands run and how far apart, and draws them; the ruler counts the drawn
strands, then measures the same step on features that know nothing of strands. Where those two contradict each
other, or no strand is drawn clearly, the reading is marked as not confident.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qc_vision.calibration import Calibration
from qc_vision.quantity import Quantity
from qc_vision.region import BoolMap, fill_outline, fill_quad, find_basket, weighted_median
from qc_vision.ruler import Step, WindowStep, count, recurs_between, rule
from qc_vision.weave import FeatureMap, StrandField, WeaveMap

Direction = Literal["weft", "warp"]

PEAK_CONFIDENT = 0.2
"""Peaks lower than this were wrong by more than 15 % markedly more often (56 hand-counted patches)."""
DRAWN_CONFIDENT, DRAWN_SURE, DRAWN_ALONE = 0.3, 0.5, 0.6
PEAK_CONTRADICTS = 0.3
"""Heights of a drawing that is clear beside a clear ruler, beside any that agrees, and without one; and of a ruler's peak
that may contradict it. Of 182 readings of renders never trained on, 124 instead of 108 were confident by the second of these, and
one of the 16 was off by more than 15 %."""
AGREEMENT = 0.1
AGREEMENT_WINDOWS = 0.15
AGREEING_SHARE = 0.6
NEARER_OR_FARTHER = math.log(1.5)
"""How much the pitch beside the card may differ from the whole basket's: less than an octave."""
BETWEEN_MIN, BETWEEN_SHARE = 0.15, 0.75
"""How alike the weave must be half a step on and beside, and as a share of a whole step on, for hidden strands."""
HALVED_BELOW = 0.9
COARSE_BELOW, COARSE_ABOVE = 0.3, 0.7
"""By how much of ln(pitch) the network's own coarse value may lie below a reading, and above it. Two rows taken for
one lie above it (0.3 to 0.6 of 96 patches on renders never trained on); with 0.3, 2 % of the confident ones were off
by more than 15 %, with 0.5, 5 %."""
INTERVAL_FLOOR = 0.02
"""Relative half width, before the model's own factor: what hand counts are good to, and no reading is better."""
Z_90 = 1.645
WINDOWS_FOR_UNIFORMITY = 6
SEE_THROUGH = ("MAJ-HOLE", "MAJ-GAP")


@dataclass(frozen=True, slots=True, kw_only=True)
class DensityReading:
    """One direction's reading. `angle_deg` is the image angle along which strands are counted (x right
    = 0, y down = 90); `pitch_px` the distance between neighbours along it; intervals hold 90 %.
    `per_10cm` is None without a scale, and where no strands are seen beside the card that tells it; `confident`
    False means: do not lean on it."""

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
    measured = _measure(weave_map, region)
    if not scale.valid_region:
        return tuple(_reading(one, scale, pitch_mm=_at_one_scale(one, scale)) for one in measured)
    known = fill_outline(scale.valid_region, px_per_cell=weave_map.px_per_cell, shape=weave_map.basket.shape)
    near = {one.direction: one for one in _measure(weave_map, region & known)}
    return tuple(_reading_by_card(one, near.get(one.direction), scale) for one in measured)


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


def strand_pitch_px(readings: tuple[DensityReading, ...]) -> float | None:
    """The finer of the two families' pitches: the yardstick for sizes. None without a reading."""
    return min((r.pitch_px for r in readings), default=None)


def _drawn_strands(weave_map: WeaveMap, direction: Direction) -> FeatureMap:
    family = 0 if direction == "weft" else 1
    crests = weave_map.crests
    return FeatureMap(
        values=crests.values[family : family + 1],
        origin_px=crests.origin_px,
        px_per_cell=crests.px_per_cell,
    )


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Joined:
    """All windows of a region as one step: its median `height`, the share of the windows' weight that
    agrees with it, and the standard deviation of ln(pitch) of the whole."""

    step: Step
    height: float
    agreeing: float
    log_sigma: float
    windows: tuple[WindowStep, ...]

    def halved(self) -> "_Joined":
        windows = tuple(replace(w, step=_half(w.step)) for w in self.windows)
        return replace(self, step=_half(self.step), windows=windows)


def _joined(windows: tuple[WindowStep, ...]) -> _Joined | None:
    if not windows:
        return None
    pitch = np.array([w.step.pitch_px for w in windows])
    height = np.array([w.height for w in windows])
    step = Step(angle_rad=_mean_angle(windows), pitch_px=weighted_median(pitch, height))
    off = np.abs(np.log(pitch / step.pitch_px))
    # windows may overlap by half each way: then a quarter of them are independent
    independent = max(1.0, len(windows) / 4)
    return _Joined(
        step=step,
        height=float(np.median(height)),
        agreeing=float(height[off < AGREEMENT_WINDOWS].sum() / height.sum()),
        log_sigma=1.2533 * 1.4826 * float(np.median(off)) / math.sqrt(independent),
        windows=windows,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """All that was found about one direction: the network's word, the drawn strands, the ruler's step."""

    direction: Direction
    coarse: _Coarse
    drawn: _Joined | None
    ruled: _Joined | None

    @property
    def best(self) -> Step:
        joined = self.ruled or self.drawn
        return self.coarse.step if joined is None else joined.step

    def halved(self) -> "_Seen":
        """The same, where the lattice shows a strand between any two: what was drawn and measured was a pair."""
        return replace(
            self,
            coarse=replace(self.coarse, step=_half(self.best)),
            drawn=None if self.drawn is None else self.drawn.halved(),
            ruled=None if self.ruled is None else self.ruled.halved(),
        )


def _seen(weave_map: WeaveMap, direction: Direction, coarse: _Coarse, region: BoolMap) -> _Seen:
    """Counts the drawn strands, then lets the ruler measure from there."""
    cell = weave_map.px_per_cell
    strands = _drawn_strands(weave_map, direction)
    drawn = _joined(count(strands, inside=region, px_per_cell=cell, step=coarse.step))
    start = coarse.step if drawn is None else drawn.step
    ruled = _joined(rule(weave_map.features, inside=region, px_per_cell=cell, step=start))
    return _Seen(direction=direction, coarse=coarse, drawn=drawn, ruled=ruled)


def _half(step: Step) -> Step:
    return Step(angle_rad=step.angle_rad, pitch_px=step.pitch_px / 2)


def _hides_strands(weave_map: WeaveMap, region: BoolMap, seen: _Seen, other: _Seen) -> bool:
    """Whether every second strand hides on a line along `seen`, and shows beside it.

    A wall of bricks has the same lattice on its side, and each brick counts: so the network's own coarse
    pitch must have been smaller, too.
    """
    if seen.coarse.step.pitch_px > HALVED_BELOW * seen.best.pitch_px:
        return False
    between, whole = recurs_between(
        weave_map.features,
        inside=region,
        px_per_cell=weave_map.px_per_cell,
        step=seen.best,
        across=other.best,
    )
    straight = 0.0 if seen.ruled is None else seen.ruled.height
    return between > BETWEEN_MIN and between > BETWEEN_SHARE * max(whole, straight)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    """One direction's reading in px. `log_spread`: half the width of the 90 % interval of ln(pitch)."""

    direction: Direction
    step: Step
    log_spread: float
    confident: bool
    windows: tuple[WindowStep, ...]


def _measure(weave_map: WeaveMap, region: BoolMap) -> tuple[_Measured, ...]:
    """Weft, then warp, of a part of the photo, as far as it shows them."""
    seen = [
        _seen(weave_map, direction, coarse, region)
        for direction, field in _families(weave_map)
        if (coarse := _coarse(weave_map, field, region)) is not None
    ]
    if len(seen) == 2:
        seen = [
            one.halved() if _hides_strands(weave_map, region, one, other) else one
            for one, other in (seen, seen[::-1])
        ]
    return tuple(_join(one, factor=weave_map.interval_factor) for one in seen)


def _join(seen: _Seen, *, factor: float) -> _Measured:
    """Joins the count of drawn strands and the ruler's step into one reading.

    Where both agree the ruler's is the finer one; the clearer the drawing, the less clear the ruler need be. A drawing
    may stand alone, too, if the ruler has nothing clear to say against it. Either way the octave must be the one the network
    meant at first.
    """
    coarse, drawn, ruled = seen.coarse, seen.drawn, seen.ruled
    apart = (
        math.inf
        if drawn is None or ruled is None
        else abs(math.log(ruled.step.pitch_px / drawn.step.pitch_px))
    )
    agree = apart < AGREEMENT
    best = ruled if agree else drawn or ruled
    if best is None:
        return _Measured(
            direction=seen.direction,
            step=coarse.step,
            log_spread=factor * max(Z_90 * coarse.log_sigma, INTERVAL_FLOOR),
            confident=False,
            windows=(),
        )
    octave = math.log(best.step.pitch_px / coarse.step.pitch_px)
    confident = (
        -COARSE_ABOVE < octave < COARSE_BELOW
        and drawn is not None
        and drawn.agreeing >= AGREEING_SHARE
        and drawn.height > _height_needed(ruled, agree=agree)
    )
    spread = factor * max(INTERVAL_FLOOR, Z_90 * best.log_sigma, apart / 2 if agree else 0.0)
    if not confident:
        spread = max(spread, factor * Z_90 * coarse.log_sigma)
    return _Measured(
        direction=seen.direction,
        step=best.step,
        log_spread=spread,
        confident=confident,
        windows=best.windows,
    )


def _height_needed(ruled: _Joined | None, *, agree: bool) -> float:
    """How clear a drawing must be to be leant on, beside such a ruler."""
    if agree:
        return DRAWN_CONFIDENT if _clear(ruled, PEAK_CONFIDENT) else DRAWN_SURE
    return math.inf if _clear(ruled, PEAK_CONTRADICTS) else DRAWN_ALONE


def _clear(joined: _Joined | None, height: float) -> bool:
    return joined is not None and joined.height > height and joined.agreeing >= AGREEING_SHARE


def _reading_by_card(one: _Measured, near: _Measured | None, scale: Calibration) -> DensityReading:
    """Millimetres are read where the card says how long they are, each window by the scale at its own place.

    `near`: what that part of the basket shows by itself. Where it shows nothing, or another octave, no millimetres are told:
    elsewhere the wall may be nearer or farther.
    """
    if near is not None and _bears_out(near, one):
        seen = [
            (w.step.pitch_px / per_mm, w.height)
            for w in near.windows
            if (per_mm := scale.px_per_mm_along(*w.centre_px, w.step.angle_rad)) is not None
        ]
        if seen:
            return _reading(one, scale, pitch_mm=weighted_median(*np.array(seen).T))
    return _reading(one, scale, pitch_mm=None)


def _bears_out(near: _Measured, whole: _Measured) -> bool:
    """Whether a part shows the strands of the whole: a confident reading may differ as perspective makes it differ, another
    must agree."""
    apart = abs(math.log(near.step.pitch_px / whole.step.pitch_px))
    return apart < (NEARER_OR_FARTHER if near.confident else AGREEMENT_WINDOWS)


def _at_one_scale(one: _Measured, scale: Calibration) -> float | None:
    """The pitch in mm by one scale for all, that of its own place if it has one; None without a scale. How coarse that is its
    uncertainty says."""
    per_mm = scale.px_per_mm
    if scale.at_px is not None:
        per_mm = scale.px_per_mm_along(*scale.at_px, one.step.angle_rad)
    return None if per_mm is None else one.step.pitch_px / per_mm


def _reading(one: _Measured, scale: Calibration, *, pitch_mm: float | None) -> DensityReading:
    step, spread = one.step, one.log_spread
    per_10cm, per_10cm_interval = None, None
    if pitch_mm is not None:
        per_10cm = 100 / pitch_mm
        # the scale's uncertainty is stated for k = 2, the interval for 90 %
        both = math.hypot(spread, (scale.relative_uncertainty or 0.0) * Z_90 / 2)
        per_10cm_interval = (per_10cm * math.exp(-both), per_10cm * math.exp(both))
    return DensityReading(
        direction=one.direction,
        angle_deg=math.degrees(step.angle_rad) % 180,
        pitch_px=step.pitch_px,
        pitch_px_interval=(step.pitch_px * math.exp(-spread), step.pitch_px * math.exp(spread)),
        per_10cm=per_10cm,
        per_10cm_interval=per_10cm_interval,
        confident=one.confident,
    )


def _mean_angle(windows: tuple[WindowStep, ...]) -> float:
    turned = sum(w.height * np.exp(2j * w.step.angle_rad) for w in windows)
    return float(np.angle(turned)) / 2 % math.pi
