"""The card as one photo shows it, and what is wrong with it where somebody insists on one.

The same answer before a photo is sent and when it is graded.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from qc_vision.calibration import FLAT_WALL, Calibration, CardView, Points, calibrate, view_card
from qc_vision.card import scaled
from qc_vision.card_detection import SeenCard, detect_card
from qc_vision.card_register import KnownCards
from qc_vision.demands import CardDemand
from qc_vision.photo import Photo
from qc_vision.quality import RetakeReason
from qc_vision.refusal_limits import SHIPPED, CardLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class CardSight:
    """What is seen of a card: `seen` None where there is none, `view` None where no plane fits its corners.
    `registered`: somebody has measured the card of this number. `flat`: its corners fit one plane. `scale` at the card,
    as if on a flat wall."""

    seen: SeenCard | None = None
    view: CardView | None = None
    registered: bool = False
    flat: bool = False
    scale: Calibration | None = None

    @property
    def cover_px(self) -> Points | None:
        """(k, 2) outline of what surely is a card, px; None with fewer than two markers, since weave may look like one."""
        sure = self.seen is not None and len(self.seen.markers) > 1
        return self.view.outline_px if sure and self.view is not None else None


def sight_card(photo: Photo, known: KnownCards, *, limits: CardLimits = SHIPPED.card) -> CardSight:
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
    fit = None if view is None else view.fit
    flat = fit is not None and fit.reprojection_error_px <= limits.misfit_fraction_max * fit.marker_px
    return CardSight(seen=seen, view=view, registered=measured is not None, flat=flat, scale=scale)


def find_card_faults(
    sight: CardSight, demand: CardDemand, *, limits: CardLimits = SHIPPED.card
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
