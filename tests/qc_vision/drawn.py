"""Drawn truth for the tests: weaves of known pitch and direction, and what a faultless network would say.

The features are plain filters (grey and its gradients), so nothing here knows the ruler under test.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from qc_vision.weave import FeatureMap, StrandField, WeaveMap

CODES = ("MAJ-HOLE", "MAJ-GAP", "MAJ-BROKEN", "MIN-LOOSE", "MAJ-STAIN")


def draw_weave(
    *,
    size: tuple[int, int],
    row_pitch: float,
    stake_pitch: float,
    turned_deg: float = 0.0,
    over_under: bool = True,
    stretch: float = 0.0,
    seed: int = 0,
) -> NDArray[np.float32]:
    """A plain weave as (3, height, width): grey in [0, 1], and its rows and its stakes drawn as a faultless
    network would, 1 on the middle of a strand and -1 between two. Rows lie level at `turned_deg` 0, and turn
    clockwise on screen. `stretch`: relative change of the row pitch from the left edge to the right one. Each strand has a
    tone of its own, and all is a little noisy, as fibre is."""
    rng = np.random.default_rng(seed)
    y, x = np.indices(size).astype(np.float64)
    u = math.radians(turned_deg)
    along = x * math.cos(u) + y * math.sin(u)
    across = -x * math.sin(u) + y * math.cos(u)
    pitch = row_pitch * (1 + stretch * (x / size[1] - 0.5))
    row, stake = across / pitch, along / stake_pitch
    lens = np.cos(np.pi * (row - np.floor(row) - 0.5))
    bulge = np.cos(np.pi * (stake - np.floor(stake) - 0.5))
    on_top = (np.floor(row) + np.floor(stake)) % 2 == 0 if over_under else np.full(size, True)
    tones = 0.85 + 0.3 * rng.random(4096)
    grey = np.where(on_top, lens * (0.5 + 0.5 * bulge), 0.45 * lens * bulge)
    grey = grey * tones[np.floor(row).astype(int) % 4096]
    photo = (0.15 + 0.7 * grey + 0.05 * rng.standard_normal(size)).clip(0, 1)
    return np.stack([photo, -np.cos(2 * np.pi * row), -np.cos(2 * np.pi * stake)]).astype(np.float32)


def draw_lobes(
    *, size: tuple[int, int], row_pitch: float, stake_pitch: float, seed: int = 0
) -> NDArray[np.float32]:
    """Soft stems over stiff stakes, as (3, height, width): in every column only each second row is in front and
    swells over the hidden one, in the next column the others. The rows are drawn wrongly, two for one, as a
    network draws them that sees the lobes alone."""
    rng = np.random.default_rng(seed)
    y, x = np.indices(size).astype(np.float64)
    row, stake = y / row_pitch, x / stake_pitch
    column = np.floor(stake)
    from_middle = (row - column) % 2 - 1
    lobe = np.cos(np.pi / 2 * from_middle) * np.cos(np.pi * (stake - column - 0.5))
    tones = 0.85 + 0.3 * rng.random(4096)
    grey = lobe * tones[(np.floor((row - column) / 2) * 57 + column).astype(int) % 4096]
    photo = (0.15 + 0.7 * grey + 0.05 * rng.standard_normal(size)).clip(0, 1)
    return np.stack([photo, np.cos(np.pi * row), -np.cos(2 * np.pi * stake)]).astype(np.float32)


def filter_weave(grey: NDArray[np.float32], *, stride: int = 4) -> FeatureMap:
    """Grey, its gradients and its curvature, averaged over cells of `stride` px."""
    soft = cv2.GaussianBlur(grey, (0, 0), stride / 2)
    dx, dy = cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1)
    channels = np.stack([soft, dx, dy, np.abs(dx), np.abs(dy), cv2.Laplacian(soft, cv2.CV_32F)])
    cells = _pooled(channels, stride)
    scaled = cells / np.maximum(cells.std(axis=(1, 2), keepdims=True), 1e-6)
    return FeatureMap(values=scaled.astype(np.float32), origin_px=(0.0, 0.0), px_per_cell=float(stride))


def _pooled(channels: NDArray[np.float32], stride: int) -> NDArray[np.float32]:
    h, w = channels.shape[1] // stride, channels.shape[2] // stride
    cut = channels[:, : h * stride, : w * stride]
    return np.asarray(cut.reshape(-1, h, stride, w, stride).mean(axis=(2, 4)), dtype=np.float32)


def make_field(
    shape: tuple[int, int], *, angle_deg: float, pitch_px: float, log_sigma: float = 0.1
) -> StrandField:
    return StrandField(
        angle_rad=np.full(shape, math.radians(angle_deg) % math.pi, np.float32),
        pitch_px=np.full(shape, pitch_px, np.float32),
        pitch_log_sigma=np.full(shape, log_sigma, np.float32),
        direction_score=np.ones(shape, np.float32),
    )


def make_map(
    weave: NDArray[np.float32],
    *,
    weft: tuple[float, float] = (90.0, 20.0),
    warp: tuple[float, float] = (0.0, 40.0),
    basket: NDArray[np.float32] | None = None,
    defects: NDArray[np.float32] | None = None,
    stride: int = 4,
) -> WeaveMap:
    """The maps of a drawn weave (3, h, w), or of a grey photo (h, w) that shows no strands. `weft`, `warp`:
    coarse (angle in degrees, pitch in px)."""
    grey, crests = (weave[0], weave[1:]) if weave.ndim == 3 else (weave, np.zeros((2, *weave.shape)))
    features = filter_weave(grey, stride=stride)
    shape = features.values.shape[1:]
    return WeaveMap(
        px_per_cell=float(stride),
        basket=np.ones(shape, np.float32) if basket is None else basket,
        weft=make_field(shape, angle_deg=weft[0], pitch_px=weft[1]),
        warp=make_field(shape, angle_deg=warp[0], pitch_px=warp[1]),
        defects=np.zeros((len(CODES), *shape), np.float32) if defects is None else defects,
        codes=CODES,
        crests=FeatureMap(values=_pooled(crests, stride), origin_px=(0.0, 0.0), px_per_cell=float(stride)),
        features=features,
    )
