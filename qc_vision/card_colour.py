"""The card's patches: how this camera in this light turned known colours into stored ones, and back.

Each patch is compared with the bare paper beside it, so that a shadow across the card, or light that falls
off, changes both alike. What a home printer makes of a colour is not known: the residual says how far.
"""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import scipy
from numpy.typing import NDArray

from qc_vision.calibration import CardView
from qc_vision.card import Patch
from qc_vision.card_fit import project
from qc_vision.colour import LIGHT_OF_STORED, Colours, difference_de00, lab_of
from qc_vision.photo import Photo

MissingColour = Literal["no_card", "no_patches", "too_far", "patches_spoilt", "patches_do_not_fit"]

INNER = 0.6
"""Share of a patch's side that is read: blur and the fit's error stay outside."""
SAMPLES = 12
"""Points a side read of a patch, and along each side of the paper round it."""
GAP_MIN_PX = 2.5
"""Decoded px between patches below which their colours run into the paper."""
BRIGHTEST = 0.5
"""The paper round a patch is the brighter half of what is read there: text and blurred neighbours are darker."""
CLIPPED_FROM = 0.985
"""Stored share from which a channel may be burnt out."""
SPREAD_MAX = 0.12
"""A patch whose light varies by more (median deviation over median) has glare or a shadow's edge on it."""
PATCHES_MIN = 9
OUTLIER_DE00 = 4.0
OUTLIER_TIMES = 3.0
"""A patch that misses by more than both, this and so many times the median, is left out: glare, a thumb, dirt."""
RESIDUAL_MAX_DE00 = 4.0
"""Median beyond which the photo's own colours are as good: see `uncertainty`."""
PER_RESIDUAL = 0.03
UNCORRECTED = 0.15
"""Standard uncertainty of a difference between browns, as a share of it, per unit of residual and without a
correction: drawn cameras (primaries off by 8 %, balance by 12 %, tone curves bent) were off by 0.12 to 0.15 in the
median, corrected ones by 0.02 to 0.03 at a residual of 1.2. Printers' inks are not in that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColourCorrection:
    """What turns stored colours into those that the card says were there.

    corrected light = `matrix` @ (light / `paper`) ** `exponent`: white balance, the phone's tone curve, and how
    its primaries differ from sRGB's. `method` none: the photo's own colours, and `missing` says why.
    `residual_de00`: median over the patches used; `residual_max_de00` their worst; `left_out`: patches with
    glare, shadow's edges or dirt on them.
    """

    method: Literal["card", "none"]
    matrix: tuple[tuple[float, float, float], ...] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    exponent: float = 1.0
    paper: tuple[float, float, float] = (1.0, 1.0, 1.0)
    residual_de00: float | None = None
    residual_max_de00: float | None = None
    patches: int = 0
    left_out: int = 0
    missing: MissingColour | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """A patch as the photo shows it: light (3,) as a share of the paper beside it, that paper, and whether
    both are sound."""

    light: NDArray[np.float64]
    paper: NDArray[np.float64]
    sound: bool


def uncertainty(correction: ColourCorrection) -> float:
    """Relative standard uncertainty of a colour difference read under this correction."""
    if correction.residual_de00 is None or correction.method == "none":
        return UNCORRECTED
    return min(UNCORRECTED, PER_RESIDUAL * max(1.0, correction.residual_de00))


def correct(correction: ColourCorrection, light: Colours) -> Colours:
    """(n, 3) light as the card says it was, relative to its paper."""
    shares = np.maximum(light / np.array(correction.paper), 0.0)
    return np.asarray(shares**correction.exponent @ np.array(correction.matrix).T)


def read_patches(photo: Photo, view: CardView | None) -> ColourCorrection:
    """The correction that the card in a photo gives; `view` None: no card was seen."""
    if view is None:
        return ColourCorrection(method="none", missing="no_card")
    patches = view.seen.card.patches
    if not patches or not view.fit.positions_known:
        return ColourCorrection(method="none", missing="no_patches")
    gap_mm = _gap_mm(patches)
    side_px = np.sqrt(abs(np.linalg.det(view.fit.px_from_mm[:2, :2]))) / photo.reduction
    if gap_mm * side_px < GAP_MIN_PX:
        return ColourCorrection(method="none", missing="too_far")
    readings = [_read(photo, patch, gap_mm, view) for patch in patches]
    sound = [(r, p) for r, p in zip(readings, patches, strict=True) if r is not None and r.sound]
    if len(sound) < PATCHES_MIN:
        return ColourCorrection(method="none", missing="patches_spoilt")
    seen = np.array([reading.light for reading, _ in sound])
    printed = LIGHT_OF_STORED[np.array([patch.rgb for _, patch in sound])]
    used = np.ones(len(sound), dtype=bool)
    matrix, exponent, off = _fit(seen, printed)
    far = off > max(OUTLIER_DE00, OUTLIER_TIMES * float(np.median(off)))
    if far.any():
        used = ~far
        if used.sum() < PATCHES_MIN:
            return ColourCorrection(method="none", missing="patches_spoilt")
        matrix, exponent, off = _fit(seen[used], printed[used])
    residual = float(np.median(off))
    if residual > RESIDUAL_MAX_DE00:
        return ColourCorrection(method="none", missing="patches_do_not_fit", residual_de00=residual)
    paper = np.median([reading.paper for reading, _ in sound], axis=0)
    return ColourCorrection(
        method="card",
        matrix=tuple((float(a), float(b), float(c)) for a, b, c in matrix),
        exponent=exponent,
        paper=(float(paper[0]), float(paper[1]), float(paper[2])),
        residual_de00=residual,
        residual_max_de00=float(off.max()),
        patches=int(used.sum()),
        left_out=len(patches) - int(used.sum()),
    )


def _gap_mm(patches: tuple[Patch, ...]) -> float:
    """Between neighbouring patches, the smallest."""
    gaps = [
        max(b.box_mm[axis] - a.box_mm[axis] - a.box_mm[axis + 2] for axis in (0, 1))
        for a in patches
        for b in patches
    ]
    return min(gap for gap in gaps if gap > 0)


def _read(photo: Photo, patch: Patch, gap_mm: float, view: CardView) -> _Reading | None:
    """None where the patch lies outside the photo."""
    x, y, width, height = patch.box_mm
    across = np.linspace((1 - INNER) / 2, (1 + INNER) / 2, SAMPLES)
    inside = np.stack(np.meshgrid(x + across * width, y + across * height), axis=-1).reshape(-1, 2)
    along, out = np.linspace(0, 1, SAMPLES), gap_mm / 2
    sides = [(x + along * width, np.full(SAMPLES, at)) for at in (y - out, y + height + out)]
    sides += [(np.full(SAMPLES, at), y + along * height) for at in (x - out, x + width + out)]
    around = np.concatenate([np.stack(side, axis=-1) for side in sides])
    own, ring = (_sample(photo, points, view) for points in (inside, around))
    if own is None or ring is None:
        return None
    brightness = ring.sum(axis=1)
    paper = np.median(ring[brightness >= np.quantile(brightness, BRIGHTEST)], axis=0)
    middle = np.median(own, axis=0)
    spread = np.abs(own - middle).mean(axis=0).max() / max(float(middle.max()), 0.02)
    burnt = max(float(paper.max()), float(middle.max())) >= CLIPPED_FROM
    return _Reading(
        light=middle / np.maximum(paper, 1e-4),
        paper=paper,
        sound=not burnt and float(paper.min()) > 0.01 and spread <= SPREAD_MAX,
    )


def _sample(photo: Photo, points_mm: NDArray[np.float64], view: CardView) -> Colours | None:
    """(n, 3) light at places of the card; None where one of them lies outside the photo."""
    # OpenCV counts pixel centres in whole numbers
    at = (project(view.fit.px_from_mm, points_mm) / photo.reduction - 0.5).astype(np.float32)
    height, width = photo.pixels.shape[:2]
    if (at < 0).any() or (at > np.array([width - 1, height - 1])).any():
        return None
    stored = cv2.remap(photo.pixels, at[:, 0], at[:, 1], cv2.INTER_LINEAR)[:, 0]
    return np.asarray(LIGHT_OF_STORED[stored])


def _fit(seen: Colours, printed: Colours) -> tuple[Colours, float, NDArray[np.float64]]:
    """Matrix, exponent and each patch's CIEDE2000, by robust least squares in CIELAB, where errors are as large as
    they look. The paper is one more patch: it stays white."""
    shares, wanted = np.vstack([seen, np.ones((1, 3))]), lab_of(np.vstack([printed, np.ones((1, 3))]))

    def bent(unknowns: NDArray[np.float64]) -> Colours:
        return np.asarray(np.maximum(shares, 0) ** unknowns[9] @ unknowns[:9].reshape(3, 3).T)

    def residuals(unknowns: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray((lab_of(bent(unknowns)) - wanted).ravel())

    start = np.append(np.eye(3).ravel(), 1.0)
    found = scipy.optimize.least_squares(residuals, start, loss="soft_l1", f_scale=3.0)
    off = difference_de00(lab_of(bent(found.x)), wanted)[:-1]
    return found.x[:9].reshape(3, 3), float(found.x[9]), off
