"""Chooses the two thresholds of region scores for a stated risk, and how wide the intervals of the pitch
must be, on rendered photos never trained on.

Conformal in the simplest sense: with n photos, at most a share `risk` of new photos from the same source
show any false region that scores above the threshold, as (k + 1) / (n + 1) <= risk with k the number of
calibration photos that do. One threshold for all codes: what a family feels is a photo failed, whatever the
code, and a code that renders seldom mistake for is not thereby surer on real photos. Likewise the factor: the 90 % quantile of error over stated half width.
Both hold for renders; for real photos they are only a starting point.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from qc_vision.calibration import NO_SCALE
from qc_vision.defects import DefectRegion, find_regions
from qc_vision.density import read_density
from qc_vision.measurement import ScoreThresholds
from qc_vision.model import load_model
from qc_vision.perception import Perceiver
from qc_vision.photo import decode, encode_jpeg
from qc_vision.weave import WeaveMap
from training.render.fault import CODES
from training.render.scene import Renderer
from training.render.truth import CELL_PX, Picture

FIRST_SEED = 900_000_000
"""Far from any seed that training draws from."""
SIDE_PX = 512
FLOOR = 0.05
REVIEW_MIN, SURE_MIN = 0.4, 0.6
"""Floors under both thresholds: a region less likely than not is nothing one would show to a person."""
COVERAGE = 0.9
PATCHES = 3
PATCH_ROWS, PATCH_STAKES = 5, 3
"""A patch of so many strands on either side of its middle is what an inspector's eye would take in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """`interval_readings`: how many confident readings the factor stands on."""

    thresholds: dict[str, ScoreThresholds]
    interval_factor: float
    interval_readings: int


def calibrate(model: Path, *, photos: int, fail_risk: float, review_risk: float) -> Chosen:
    """Thresholds: at most a share `fail_risk` of photos has a false region above `fail`, `review_risk` above
    `review`; and the factor by which intervals of the pitch must be widened to hold 90 % of the truths."""
    perceiver, renderer = Perceiver(load_model(model)), Renderer(side_px=SIDE_PX)
    rng = np.random.default_rng(FIRST_SEED)
    highest: list[float] = []
    ratios: list[float] = []
    for seed in tqdm(range(FIRST_SEED, FIRST_SEED + photos), desc="calibrate", unit="photo"):
        picture = renderer.render(seed)
        weave_map = perceiver.perceive(decode(encode_jpeg(picture.rgb, quality=95)))
        regions = find_regions(weave_map, pitch_px=None, scale=NO_SCALE, floor=dict.fromkeys(CODES, FLOOR))
        highest.append(max((r.score for r in regions if not _true(r, picture)), default=0.0))
        ratios += _error_ratios(weave_map, picture, rng)
    thresholds = ScoreThresholds(
        review=round(max(REVIEW_MIN, _threshold(highest, review_risk)), 4),
        fail=round(max(SURE_MIN, _threshold(highest, fail_risk)), 4),
    )
    factor = _conformal(ratios, COVERAGE) * perceiver.manifest.interval_factor
    return Chosen(
        thresholds=dict.fromkeys(CODES, thresholds),
        interval_factor=round(max(1.0, factor), 3),
        interval_readings=len(ratios),
    )


def _error_ratios(weave_map: WeaveMap, picture: Picture, rng: np.random.Generator) -> Iterator[float]:
    """Error of ln(pitch) over the stated half width, for every confident reading of some patches."""
    for quad, truth in _patches(picture, rng):
        for reading in read_density(weave_map, scale=NO_SCALE, quad=quad):
            if reading.confident:
                steps = [np.array(t) for t in truth]
                angle = np.deg2rad(reading.angle_deg)
                along = [abs(t @ [np.cos(angle), np.sin(angle)]) / np.linalg.norm(t) for t in steps]
                true_px = float(np.linalg.norm(steps[int(np.argmax(along))]))
                low, high = reading.pitch_px_interval
                half = np.log(high / low) / 2
                yield abs(float(np.log(reading.pitch_px / true_px))) / half


def _patches(
    picture: Picture, rng: np.random.Generator
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Quadrilaterals (4, 2) in px on sound judged weave, with the mean step to the next row and the next
    stake (2, 2) in px."""
    counted = (picture.steps != 0).any(0)
    sound = (picture.judged > 0.9) & (picture.defects.max(0) < 0.1) & counted
    places = np.argwhere(sound)
    for y, x in places[rng.permutation(len(places))[:PATCHES]]:
        row, stake = picture.steps[:2, y, x], picture.steps[2:, y, x]
        middle = (np.array([x, y]) + 0.5) * CELL_PX
        a, b = row * PATCH_ROWS, stake * PATCH_STAKES
        quad = np.array([middle - a - b, middle - a + b, middle + a + b, middle + a - b])
        drawn = np.zeros(sound.shape, np.uint8)
        cv2.fillPoly(drawn, [np.round(quad / CELL_PX - 0.5).astype(np.int32)], 1)
        inside = drawn > 0
        side = picture.rgb.shape[0]
        if (quad < 0).any() or (quad > side).any() or not inside.any() or not sound[inside].all():
            continue
        yield quad.astype(np.float64), picture.steps[:, inside].mean(1).reshape(2, 2).astype(np.float64)


def _conformal(ratios: list[float], coverage: float) -> float:
    """The smallest factor that holds `coverage` of the next ones, too: the ceil((n + 1) * coverage)-th value."""
    if not ratios:
        return 1.0
    rank = min(len(ratios), int(np.ceil((len(ratios) + 1) * coverage)))
    return float(np.sort(np.array(ratios))[rank - 1])


def _threshold(scores: Iterable[float], risk: float) -> float:
    """The lowest threshold with (k + 1) / (n + 1) <= risk, k = scores at or above it."""
    ranked = np.sort(np.array(list(scores)))[::-1]
    allowed = int(np.floor(risk * (len(ranked) + 1))) - 1
    if allowed < 0:
        return 1.0
    return float(np.clip(ranked[min(allowed, len(ranked) - 1)] + 1e-4, 2 * FLOOR, 1.0))


def _true(region: DefectRegion, picture: Picture) -> bool:
    """Whether any planted fault, of whatever code, lies under the region."""
    truth = picture.defects.max(axis=0)
    drawn = np.zeros(truth.shape, np.uint8)
    cv2.fillPoly(drawn, [np.round(np.array(region.polygon) / CELL_PX - 0.5).astype(np.int32)], 1)
    grown = cv2.dilate(drawn, np.ones((3, 3), np.uint8)) > 0
    return bool((truth[grown] > 0.2).any()) if grown.any() else False
