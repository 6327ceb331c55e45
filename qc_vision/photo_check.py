"""May this photo be sent? What can be told before the network looks, in a fraction of a second.

A phone asks with a reduced copy before it uploads twelve megapixels; the photo itself is judged again later.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from qc_vision.card_register import CardDemand, KnownCards
from qc_vision.card_sight import find_card_faults, sight_card
from qc_vision.photo import Photo
from qc_vision.photo_origin import PhotoOrigin
from qc_vision.quality import PhotoQuality, RetakeReason, assess
from qc_vision.refusal_limits import SHIPPED, OriginLimits, RefusalLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class Demands:
    """What the caller insists on. `original`: the camera's own file, neither shrunk nor a screenshot."""

    card: CardDemand = "optional"
    original: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoCheck:
    """`reasons` empty: send it. `px_per_mm` at the card and `tilt_deg` of it, None where none is seen."""

    reasons: tuple[RetakeReason, ...]
    quality: PhotoQuality
    card: str | None
    serial: int | None
    px_per_mm: float | None
    tilt_deg: float | None


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
    came_before: bool = False,
    limits: RefusalLimits = SHIPPED,
) -> PhotoCheck:
    """Light and sharpness in the middle of the photo, its card, its file. `came_before`: it is on record already."""
    quality = assess(photo, MIDDLE, limits=limits.quality)
    sight = sight_card(photo, known, limits=limits.card)
    seen, scale = sight.seen, sight.scale
    found = set(quality.reasons) | _origin_reasons(photo, origin, now, demands, limits.origin)
    if came_before:
        found.add(RetakeReason.DUPLICATE)
    found |= find_card_faults(sight, demands.card, limits=limits.card)
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
    photo: Photo, origin: PhotoOrigin, now: datetime, demands: Demands, limits: OriginLimits
) -> set[RetakeReason]:
    found: set[RetakeReason] = set()
    if origin.screenshot or _is_screen(photo, origin, limits):
        found.add(RetakeReason.SCREENSHOT)
    if origin.taken_at is not None and origin.taken_at > now + timedelta(seconds=limits.clock_ahead_max_s):
        found.add(RetakeReason.CLOCK_AHEAD)
    shrunk = max(photo.width, photo.height) in limits.messenger_sides_px
    packed = origin.jpeg_quality is not None and origin.jpeg_quality <= limits.messenger_jpeg_quality_max
    # photos from web pages look like that too: only who asks for originals refuses them
    if demands.original and not origin.from_camera and shrunk and packed:
        found.add(RetakeReason.RECOMPRESSED)
    return found


def _is_screen(photo: Photo, origin: PhotoOrigin, limits: OriginLimits) -> bool:
    """A screenshot that does not say so: no camera's, without loss, and of a phone's screen to the pixel."""
    short, long = sorted((photo.width, photo.height))
    shaped = short in limits.screen_sides_px and long >= limits.screen_aspect_min * short
    return origin.png and not origin.from_camera and shaped
