"""May this photo be sent? What can be told before the network looks, in a fraction of a second.

A phone asks with a reduced copy before it uploads twelve megapixels; the photo itself is judged again later.
"""

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from qc_vision.card_register import KnownCards
from qc_vision.card_sight import find_card_faults, sight_card
from qc_vision.demands import Demands
from qc_vision.photo import Photo
from qc_vision.photo_origin import PhotoOrigin, find_origin_faults
from qc_vision.quality import PhotoQuality, RetakeReason, assess
from qc_vision.refusal_limits import SHIPPED, RefusalLimits


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
    origin: PhotoOrigin | None,
    *,
    came_at: datetime,
    known: KnownCards,
    demands: Demands,
    came_before: bool = False,
    limits: RefusalLimits = SHIPPED,
) -> PhotoCheck:
    """Light and sharpness in the middle of the photo, its card, its file.

    `origin` None: a copy, whose file says nothing of the photo's own. `came_before`: it is on record already. The view
    that is demanded is not looked at: where the basket is, the network says.
    """
    quality = assess(photo, MIDDLE, limits=limits.quality)
    sight = sight_card(photo, known, limits=limits.card)
    seen, scale = sight.seen, sight.scale
    found = set(quality.reasons)
    if origin is not None:
        found |= find_origin_faults(
            photo, origin, came_at=came_at, original=demands.original, limits=limits.origin
        )
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
