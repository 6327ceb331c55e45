"""The card as one photo shows it, and what is wrong with it where somebody insists on one.

The same answer before a photo is sent and when it is graded.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from qc_vision.calibration import FLAT_WALL, Calibration, CardView, calibrate, view_card
from qc_vision.card import scaled
from qc_vision.card_detection import SeenCard, detect_card
from qc_vision.card_register import CardDemand, KnownCards
from qc_vision.photo import Photo
from qc_vision.quality import RetakeReason

MISFIT_MAX_SHARE = 0.012
"""A card whose corners lie off a plane by more than this share of a marker's side is bent, or another card. The
28 rendered photos of flat cards: 0.001 to 0.006."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardLimits:
    """Where a card stops being of use.

    `tilt_max_deg`: a drawn card is still read truly at 60°. `px_per_mm_min`: strands of 5 mm then span five
    px. `card_fraction_max`: of the photo; proposals.
    """

    tilt_max_deg: float = 60.0
    px_per_mm_min: float = 1.0
    card_fraction_max: float = 0.5


DEFAULT_CARD_LIMITS = CardLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class CardSight:
    """What is seen of a card: `seen` None where there is none, `view` None where no plane fits its corners.
    `registered`: somebody has measured the card of this number. `scale` at the card, as if on a flat wall."""

    seen: SeenCard | None = None
    view: CardView | None = None
    registered: bool = False
    scale: Calibration | None = None

    @property
    def flat(self) -> bool:
        """A card was seen whose corners fit one plane."""
        fit = None if self.view is None else self.view.fit
        return fit is not None and fit.reprojection_error_px <= MISFIT_MAX_SHARE * fit.marker_px


def sight_card(photo: Photo, known: KnownCards) -> CardSight:
    """Looks for the known cards, those that somebody has measured by their true size."""
    seen = detect_card(photo, known.cards)
    if seen is None:
        return CardSight()
    measured = known.print_scale(seen.card, seen.serial)
    print_scale = 1.0 if measured is None else measured
    view = view_card(
        replace(seen, card=scaled(seen.card, print_scale)),
        size_px=(photo.width, photo.height),
        print_scale=print_scale,
        measured=measured is not None,
        focal_px=photo.focal_px,
    )
    scale = None if view is None else calibrate(view, wall=FLAT_WALL, at_px=view.centre_px)
    return CardSight(seen=seen, view=view, registered=measured is not None, scale=scale)


def find_card_faults(
    sight: CardSight, demand: CardDemand, *, limits: CardLimits = DEFAULT_CARD_LIMITS
) -> frozenset[RetakeReason]:
    """What speaks against the card; nothing where none is demanded."""
    if demand == "optional":
        return frozenset()
    if sight.seen is None:
        return frozenset({RetakeReason.CARD_MISSING})
    tilt_deg = None if sight.scale is None else sight.scale.tilt_deg
    px_per_mm = None if sight.scale is None else sight.scale.px_per_mm
    told = {
        RetakeReason.CARD_CUT: len(sight.seen.markers) < len(sight.seen.card.ids),
        RetakeReason.CARD_NOT_FLAT: not sight.flat,
        RetakeReason.CARD_UNKNOWN: demand == "registered" and not sight.registered,
        RetakeReason.TILTED: tilt_deg is not None and tilt_deg > limits.tilt_max_deg,
        RetakeReason.TOO_FAR: px_per_mm is not None and px_per_mm < limits.px_per_mm_min,
        RetakeReason.TOO_CLOSE: sight.view is not None and _share(sight.view) > limits.card_fraction_max,
    }
    return frozenset(reason for reason, is_so in told.items() if is_so)


def _share(view: CardView) -> float:
    width, height = view.size_px
    return float(cv2.contourArea(np.asarray(view.outline_px, dtype=np.float32))) / (width * height)
