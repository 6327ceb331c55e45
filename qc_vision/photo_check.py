"""May this photo be sent? What can be told before the network looks, in a fraction of a second.

A phone asks with a reduced copy before it uploads twelve megapixels; the photo itself is judged again later.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import cv2
import numpy as np

from qc_vision.calibration import FLAT_WALL, CardView, calibrate, view_card
from qc_vision.card_detection import SeenCard, detect_card
from qc_vision.card_register import KnownCards
from qc_vision.photo import Photo
from qc_vision.photo_origin import PhotoOrigin
from qc_vision.quality import DEFAULT_LIMITS, PhotoQuality, QualityLimits, RetakeReason, assess
from qc_vision.scale import MISFIT_MAX_SHARE


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckLimits:
    """Where a photo stops being worth sending.

    `tilt_max_deg`: a drawn card is still read truly at 60°. `px_per_mm_min`: strands of 5 mm then span five
    px. `card_fraction_max`: of the photo; proposals. `messenger_sides_px`: what messengers shrink the longer
    side to. `near_bits`: of 64 bits of the perceptual hash; 110 photos of different baskets differed by 12
    or more, halved and packed copies of 60 by at most 2, copies cut by 3 % by 6 in the median.
    """

    tilt_max_deg: float = 60.0
    px_per_mm_min: float = 1.0
    card_fraction_max: float = 0.5
    messenger_sides_px: tuple[int, ...] = (1280, 1600, 2048)
    messenger_quality_max: int = 85
    clock_ahead_max: timedelta = timedelta(minutes=10)
    near_bits: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Demands:
    """What the caller insists on. `card`: an inspection card; `serials`: one of these, None = any, read or not;
    `original`: the camera's own file, neither shrunk nor a screenshot."""

    card: bool = False
    serials: frozenset[int] | None = None
    original: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierPhoto:
    """What is kept of a photo that came before."""

    sha256: str
    perceptual_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoCheck:
    """`reasons` empty: send it. `px_per_mm` at the card and `tilt_deg` of it, None where none is seen."""

    reasons: tuple[RetakeReason, ...]
    quality: PhotoQuality
    card: str | None
    serial: int | None
    px_per_mm: float | None
    tilt_deg: float | None


DEFAULT_CHECK_LIMITS = CheckLimits()

MIDDLE = np.pad(np.ones((3, 3), dtype=np.float32), 1)
"""Nothing says yet where the basket is: the middle three fifths each way are judged, since that is where people
aim, and a white backdrop is not burnt out."""


def check_photo(
    photo: Photo,
    origin: PhotoOrigin,
    *,
    now: datetime,
    known: KnownCards,
    demands: Demands,
    earlier: Iterable[EarlierPhoto] = (),
    limits: CheckLimits = DEFAULT_CHECK_LIMITS,
    quality_limits: QualityLimits = DEFAULT_LIMITS,
) -> PhotoCheck:
    """Light and sharpness in the middle of the photo, its card, its file, and whether it came before."""
    quality = assess(photo, MIDDLE, limits=quality_limits)
    seen = detect_card(photo, known.cards)
    view = None if seen is None else view_card(seen, size_px=(photo.width, photo.height))
    scale = None if view is None else calibrate(view, wall=FLAT_WALL, at_px=view.centre_px)
    found = set(quality.reasons) | _origin_reasons(photo, origin, now, demands, limits)
    if any(_same(photo, other, limits.near_bits) for other in earlier):
        found.add(RetakeReason.DUPLICATE)
    if demands.card:
        found |= _card_reasons(photo, seen, view, demands)
        if scale is not None and view is not None:
            if scale.tilt_deg is not None and scale.tilt_deg > limits.tilt_max_deg:
                found.add(RetakeReason.TILTED)
            if scale.px_per_mm is not None and scale.px_per_mm < limits.px_per_mm_min:
                found.add(RetakeReason.TOO_FAR)
            if _share(view) > limits.card_fraction_max:
                found.add(RetakeReason.TOO_CLOSE)
    reasons = tuple(reason for reason in RetakeReason if reason in found)
    return PhotoCheck(
        reasons=reasons,
        quality=replace(quality, reasons=reasons),
        card=None if seen is None else seen.card.id,
        serial=None if seen is None else seen.serial,
        px_per_mm=None if scale is None else scale.px_per_mm,
        tilt_deg=None if scale is None else scale.tilt_deg,
    )


def _origin_reasons(
    photo: Photo, origin: PhotoOrigin, now: datetime, demands: Demands, limits: CheckLimits
) -> set[RetakeReason]:
    found: set[RetakeReason] = set()
    if origin.screenshot:
        found.add(RetakeReason.SCREENSHOT)
    if origin.taken_at is not None and origin.taken_at > now + limits.clock_ahead_max:
        found.add(RetakeReason.CLOCK_AHEAD)
    shrunk = max(photo.width, photo.height) in limits.messenger_sides_px
    packed = origin.jpeg_quality is not None and origin.jpeg_quality <= limits.messenger_quality_max
    # photos from web pages look like that too: only who asks for originals refuses them
    if demands.original and not origin.from_camera and shrunk and packed:
        found.add(RetakeReason.RECOMPRESSED)
    return found


def _card_reasons(
    photo: Photo, seen: SeenCard | None, view: CardView | None, demands: Demands
) -> set[RetakeReason]:
    if seen is None:
        return {RetakeReason.CARD_MISSING}
    found: set[RetakeReason] = set()
    if len(seen.markers) < len(seen.card.ids):
        found.add(RetakeReason.CARD_CUT)
    if view is None or view.fit.reprojection_error_px > MISFIT_MAX_SHARE * view.fit.marker_px:
        found.add(RetakeReason.CARD_NOT_FLAT)
    if demands.serials is not None and seen.serial not in demands.serials:
        found.add(RetakeReason.CARD_UNKNOWN)
    return found


def _share(view: CardView) -> float:
    width, height = view.size_px
    return float(cv2.contourArea(view.outline_px.astype(np.float32))) / (width * height)


def _same(photo: Photo, other: EarlierPhoto, near_bits: int) -> bool:
    if photo.sha256 == other.sha256:
        return True
    apart = int(photo.perceptual_hash, 16) ^ int(other.perceptual_hash, 16)
    return apart.bit_count() <= near_bits
