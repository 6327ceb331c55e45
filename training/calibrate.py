"""Chooses the two thresholds of each defect code for a stated risk, on rendered photos never trained on.

Conformal in the simplest sense: with n photos, at most a share `risk` of new photos from the same source
show a false region of that code that scores above the threshold, as (k + 1) / (n + 1) <= risk with k the
number of calibration photos that do. It holds for renders; for real photos it is only a starting point.
"""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from qc_vision.calibration import NO_SCALE
from qc_vision.defects import DefectRegion, find_regions
from qc_vision.measurement import ScoreThresholds
from qc_vision.model import load_model
from qc_vision.perception import Perceiver
from qc_vision.photo import decode, encode_jpeg
from training.render.fault import CODES
from training.render.scene import CELL_PX, Picture, Renderer

FIRST_SEED = 900_000_000
"""Far from any seed that training draws from."""
SIDE_PX = 512
FLOOR = 0.05
REVIEW_MIN, SURE_MIN = 0.4, 0.6
"""Floors under both thresholds. On renders far lower scores keep the stated risk, but a focal loss leaves sound
weave at 0.2 to 0.3, and on real photos such regions are nothing one would show to a person."""


def calibrate(
    model: Path, *, photos: int, fail_risk: float, review_risk: float
) -> dict[str, ScoreThresholds]:
    """Thresholds per code: `fail` at `fail_risk`, `review` at `review_risk` false regions per photo."""
    perceiver, renderer = Perceiver(load_model(model)), Renderer(side_px=SIDE_PX)
    highest: dict[str, list[float]] = {code: [] for code in CODES}
    for seed in tqdm(range(FIRST_SEED, FIRST_SEED + photos), desc="calibrate", unit="photo"):
        picture = renderer.render(seed)
        weave_map = perceiver.perceive(decode(encode_jpeg(picture.rgb, quality=95)))
        regions = find_regions(weave_map, pitch_px=None, scale=NO_SCALE, floor=dict.fromkeys(CODES, FLOOR))
        for code in CODES:
            false = [r.score for r in regions if r.code == code and not _true(r, picture)]
            highest[code].append(max(false, default=0.0))
    return {
        code: ScoreThresholds(
            review=round(max(REVIEW_MIN, _quantile(scores, review_risk)), 4),
            fail=round(max(SURE_MIN, _quantile(scores, fail_risk)), 4),
        )
        for code, scores in highest.items()
    }


def _quantile(scores: Iterable[float], risk: float) -> float:
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
