"""Can this photo be graded? Sharpness, light, glare, size, and whether there is a basket at all."""

from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from qc_vision.message import Message
from qc_vision.photo import Photo
from qc_vision.weave import FloatMap

MEASURED_SIDE_PX = 1024


class RetakeReason(StrEnum):
    TOO_SMALL = "too_small"
    NO_BASKET = "no_basket"
    BASKET_SMALL = "basket_small"
    TOO_DARK = "too_dark"
    BURNT_OUT = "burnt_out"
    GLARE = "glare"
    BLURRED = "blurred"


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityLimits:
    """Where a photo stops being gradable. Proposals: set so that sound photos from makers' pages pass
    and the same photos blurred by a gaussian of 1 % of their long side, or darkened to a twentieth, do
    not; see `tests/qc_vision/test_quality.py`."""

    side_min_px: int = 200
    sharpness_min: float = 0.40
    luminance_min: float = 0.10
    clipped_max: float = 0.35
    glare_max: float = 0.30
    basket_fraction_min: float = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoQuality:
    """Figures over the basket (over the whole photo where there is none), each in [0, 1].

    `sharpness`: how much of the local contrast a further blur takes away (0 = nothing left to lose).
    `luminance`: mean grey value. `clipped`: share of pixels burnt out to white. `glare`: share that is
    near white without colour. `basket_fraction`: share of the photo that is basket.
    """

    sharpness: float
    luminance: float
    clipped: float
    glare: float
    basket_fraction: float
    reasons: tuple[RetakeReason, ...]


def assess(photo: Photo, basket: FloatMap, *, limits: QualityLimits | None = None) -> PhotoQuality:
    """Measures the photo where `basket` (h, w, probability, covering the photo) says the basket is."""
    limits = limits or QualityLimits()
    scale = min(1.0, MEASURED_SIDE_PX / max(photo.pixels.shape[:2]))
    small = cv2.resize(photo.pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    rgb = np.asarray(small, dtype=np.float32) / 255
    mask = cv2.resize(basket, (rgb.shape[1], rgb.shape[0]), interpolation=cv2.INTER_LINEAR) > 0.5
    fraction = float(mask.mean())
    where = np.asarray(mask) if fraction >= limits.basket_fraction_min else np.ones(rgb.shape[:2], dtype=bool)

    grey = rgb @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    white = rgb.min(axis=2)
    pale = (white > 0.92) & (rgb.max(axis=2) - white < 0.06)
    sharpness = _sharpness(grey, where)
    luminance = float(grey[where].mean())
    clipped = float((white > 0.985)[where].mean())
    glare = float(pale[where].mean())
    found = {
        RetakeReason.TOO_SMALL: max(photo.width, photo.height) < limits.side_min_px,
        RetakeReason.TOO_DARK: luminance < limits.luminance_min,
        RetakeReason.BURNT_OUT: clipped > limits.clipped_max,
        RetakeReason.GLARE: glare > limits.glare_max and clipped <= limits.clipped_max,
        RetakeReason.BLURRED: sharpness < limits.sharpness_min,
        RetakeReason.NO_BASKET: fraction == 0.0,
        RetakeReason.BASKET_SMALL: 0.0 < fraction < limits.basket_fraction_min,
    }
    if found[RetakeReason.NO_BASKET] or found[RetakeReason.BASKET_SMALL]:
        # without a basket these would be read off the background, which need not be sharp or well lit
        found |= {RetakeReason.GLARE: False, RetakeReason.BURNT_OUT: False}
    return PhotoQuality(
        sharpness=sharpness,
        luminance=luminance,
        clipped=clipped,
        glare=glare,
        basket_fraction=fraction,
        reasons=tuple(reason for reason in RetakeReason if found[reason]),
    )


def _sharpness(grey: NDArray[np.float32], where: NDArray[np.bool_]) -> float:
    """Share of the gradient that a box blur removes, after Crété et al. 2007 ("The blur effect")."""
    lost, total = 0.0, 1e-6
    for axis in (0, 1):
        kernel = np.ones((9, 1) if axis == 0 else (1, 9), np.float32) / 9
        blurred = cv2.filter2D(grey, -1, kernel)
        before, after = np.abs(np.diff(grey, axis=axis)), np.abs(np.diff(blurred, axis=axis))
        inside = where[1:] if axis == 0 else where[:, 1:]
        lost += float(np.maximum(0.0, before - after)[inside].sum())
        total += float(before[inside].sum())
    return lost / total


MESSAGES = {
    RetakeReason.TOO_SMALL: Message(
        id="Foto terlalu kecil. Kirim foto asli dari kamera, bukan salinan kecil.",
        en="The photo is too small. Send the camera's original, not a small copy.",
    ),
    RetakeReason.NO_BASKET: Message(
        id="Tidak terlihat keranjang anyaman. Arahkan kamera ke dinding keranjang dan foto lagi.",
        en="No woven basket is seen. Point the camera at the basket's wall and retake.",
    ),
    RetakeReason.BASKET_SMALL: Message(
        id="Keranjang terlalu jauh. Mendekatlah sampai keranjang memenuhi lebih dari separuh foto.",
        en="The basket is too far away. Come closer until it fills more than half of the photo.",
    ),
    RetakeReason.TOO_DARK: Message(
        id="Foto terlalu gelap. Pindah ke tempat teduh yang terang, jangan di dalam ruangan gelap.",
        en="The photo is too dark. Move to bright shade and retake.",
    ),
    RetakeReason.BURNT_OUT: Message(
        id="Foto terlalu terang sampai anyaman hilang. Hindari matahari langsung dan lampu kilat.",
        en="The photo is burnt out and the weave is lost. Avoid direct sun and flash.",
    ),
    RetakeReason.GLARE: Message(
        id="Ada silau pada anyaman. Putar keranjang atau pindah ke tempat teduh.",
        en="There is glare on the weave. Turn the basket or move into the shade.",
    ),
    RetakeReason.BLURRED: Message(
        id="Foto buram. Pegang ponsel dengan dua tangan, ketuk layar pada anyaman, lalu foto lagi.",
        en="The photo is blurred. Hold the phone with both hands, tap on the weave to focus, retake.",
    ),
}


def message_of(reason: RetakeReason) -> Message:
    """What is wrong with the photo and what to do about it."""
    return MESSAGES[reason]
