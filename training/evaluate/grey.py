"""The classical baseline for density: autocorrelation of grey values, told nothing but the patch.

It shares no code with the product's ruler and asks nothing of the network: it finds direction and period by
itself. A second reader is told the true direction, and finds the period alone.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates, maximum_filter

from qc_vision.photo import Photo

PATCH_SIDE_PX = 512
"""Larger patches are shrunk to this; smaller ones are taken as they are."""
LOCAL_MEAN_SHARE = 0.08
"""Sigma of the local mean that is taken out, as a share of the patch's longer side. This and `NEAR_HIGHEST` were
chosen in the baseline's favour, on hand-counted and path-traced photos that it is measured on (0.04 to 0.3)."""
LAG_MIN_PX = 3.0
OVERLAP_MIN = 0.25
PEAK_MIN = 0.05
NEAR_HIGHEST = 0.2
"""The shortest of the peaks that are this high beside the highest is taken for the period (0.1 to 0.8 tried): its
multiples may stand higher than it does."""
APART_DEG = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GreyStep:
    """From one repeat to the next: along `angle_deg` (x right = 0, y down = 90), `pitch_px` of the photo."""

    angle_deg: float
    pitch_px: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Lags:
    """How alike a patch is to itself, shifted: `alike` (H, W), the zero shift in the middle, NaN where too
    little overlaps. One lag is `px_per_lag` px of the upright full-size photo."""

    alike: NDArray[np.float64]
    px_per_lag: float


def correlate(photo: Photo, quad: NDArray[np.float64]) -> Lags:
    """The lags of a patch: `quad` (4, 2) corners in px of the upright full-size photo, in any order."""
    pixels, quad = photo.pixels, quad / photo.reduction
    low = np.maximum(np.floor(quad.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(quad.max(axis=0)).astype(int), pixels.shape[1::-1])
    crop = cv2.cvtColor(np.ascontiguousarray(pixels[low[1] : high[1], low[0] : high[0]]), cv2.COLOR_RGB2GRAY)
    shrink = min(1.0, PATCH_SIDE_PX / max(crop.shape))
    size = (max(1, round(crop.shape[1] * shrink)), max(1, round(crop.shape[0] * shrink)))
    grey = cv2.resize(crop, size, interpolation=cv2.INTER_AREA).astype(np.float64)
    hull = cv2.convexHull(((quad - low) * shrink).astype(np.float32))
    inside = cv2.fillConvexPoly(np.zeros(grey.shape), np.round(hull - 0.5).astype(np.int32), 1.0)
    sigma = LOCAL_MEAN_SHARE * max(grey.shape)
    around = np.maximum(cv2.GaussianBlur(inside, (0, 0), sigma), 1e-6)
    flat = (grey - cv2.GaussianBlur(grey * inside, (0, 0), sigma) / around) * inside
    size = [2 * n for n in grey.shape]
    product = np.fft.fftshift(np.fft.ifft2(np.abs(np.fft.fft2(flat, s=size)) ** 2).real)
    pairs = np.fft.fftshift(np.fft.ifft2(np.abs(np.fft.fft2(inside, s=size)) ** 2).real)
    alike = np.where(pairs >= OVERLAP_MIN * inside.sum(), product / np.maximum(pairs, 1e-6), np.nan)
    zero = alike[grey.shape[0], grey.shape[1]]
    return Lags(alike=alike / zero if zero > 1e-9 else alike * np.nan, px_per_lag=photo.reduction / shrink)


def find_steps(lags: Lags) -> tuple[GreyStep, ...]:
    """Two steps at most, told nothing: the shortest high peak, and the shortest high one across it."""
    known = np.isfinite(lags.alike)
    heights = np.where(known, lags.alike, -1.0)
    centre = np.array(heights.shape) // 2
    # a peak on the rim of what overlaps is only the slope of one that lies beyond
    inner = cv2.erode(known.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    rows, columns = np.nonzero((heights == maximum_filter(heights, size=3)) & inner & (heights > PEAK_MIN))
    lag = np.stack([columns - centre[1], rows - centre[0]], axis=1).astype(float)
    half = (np.hypot(*lag.T) >= LAG_MIN_PX) & ((lag[:, 1] > 0) | ((lag[:, 1] == 0) & (lag[:, 0] > 0)))
    lag, height = lag[half], heights[rows[half], columns[half]]
    steps: list[GreyStep] = []
    for _ in range(2):
        if not len(lag):
            break
        best = _shortest_high(np.hypot(*lag.T), height)
        angle_deg = math.degrees(math.atan2(lag[best, 1], lag[best, 0])) % 180
        steps.append(GreyStep(angle_deg=angle_deg, pitch_px=float(np.hypot(*lag[best])) * lags.px_per_lag))
        angles = np.degrees(np.arctan2(lag[:, 1], lag[:, 0]))
        apart = np.abs((angles - angle_deg + 90) % 180 - 90) >= APART_DEG
        lag, height = lag[apart], height[apart]
    return tuple(steps)


def find_period(lags: Lags, *, angle_deg: float) -> GreyStep | None:
    """Told its direction: the shortest high peak along that line."""
    centre = np.array(lags.alike.shape) // 2
    length = np.arange(0, math.hypot(*centre), 0.25)
    angle = math.radians(angle_deg)
    at = [centre[0] + length * math.sin(angle), centre[1] + length * math.cos(angle)]
    known = map_coordinates(np.isfinite(lags.alike).astype(float), at, order=1, cval=0.0) > 0.999
    line = map_coordinates(np.nan_to_num(lags.alike), at, order=1, cval=0.0)
    until = len(known) if known.all() else int(np.argmin(known))
    peaks = [
        i
        for i in range(1, until - 1)
        if length[i] >= LAG_MIN_PX and line[i] > PEAK_MIN and line[i - 1] < line[i] >= line[i + 1]
    ]
    if not peaks:
        return None
    best = peaks[_shortest_high(length[peaks], line[peaks])]
    return GreyStep(angle_deg=angle_deg % 180, pitch_px=float(length[best]) * lags.px_per_lag)


def _shortest_high(length: NDArray[np.float64], height: NDArray[np.float64]) -> int:
    high = np.flatnonzero(height >= NEAR_HIGHEST * height.max())
    return int(high[np.argmin(length[high])])
