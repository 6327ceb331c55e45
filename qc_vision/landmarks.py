"""By what a photo is known again when it comes recropped, shrunk or packed anew; and whether two are one.

Landmarks are blobs of light, the largest there are: folds, handles, shadows, the card. A weave repeats itself strand by
strand, but not in these. Each is told in a few short numbers that a store can look up; what comes near is then
laid upon the photo itself.
"""

from collections.abc import Sequence
from itertools import islice

import cv2
import numpy as np
from numpy.typing import NDArray

from qc_vision.photo import Photo

Marks = frozenset[int]
"""Numbers below MARK_END. Two photos that share MARKS_SHARED of them may be one."""
Blob = tuple[float, float, float]

LOOKED_AT_PX = 512
LANDMARKS_MAX = 32
SMALLEST_PX = 7.0
"""Diameter of a blob. So small a one is often a strand, but where the photo shows nothing but weave there is nothing larger."""
PLACES_MAX = 4 * LANDMARKS_MAX
"""Blobs looked at, of which many lie too near the edge to be landmarks."""
WINDOW = 3.0
"""What is hashed of a landmark: a square of so many diameters."""
CONTRAST_MIN = 0.02
SAME_PLACE, SAME_SIZE = 0.25, 0.2
"""Blobs nearer than this share of a diameter and nearer in the logarithm of their size are one."""
HASHED_PX = 32
PARTS, PART_BITS = 3, 20
"""A landmark's low cosine coefficients, above or below their median, in parts: one part whole is enough to find it."""
MARK_END = PARTS << PART_BITS
FLAT_BELOW = 3.0
"""Standard deviation of grey levels below which a window shows nothing."""
MARKS_SHARED = 4
"""Of 52 photos, each asked for as it is and turned, none shared more than 3 with another; copies cut by a fifth shared 5 or
more, those turned by 3° 12 or more, and of those cut by 15 % all round 51."""

MATCH_RATIO = 0.8
INLIERS_MIN = 12
OFF_MAX_PX = 2.0
TURN_MAX_RAD = np.radians(6.0)
"""As far as somebody sets a horizon straight in a gallery."""
TURNS_DEG = (-4.0, -2.0, 2.0, 4.0)
"""A landmark bears a turn of about one degree: so these reach up to five."""
LIKENESS_MIN = 0.95
"""Copies of 4 photos, cut, shrunk and packed, were 0.998 alike or more, and so were copies of 13 turned by 3° and 5°."""
LARGE_PX = 12.0
OVERLAP_MIN = 0.15
"""Share of the smaller photo that both show."""


def find_marks(photo: Photo) -> Marks:
    """The numbers that a photo is known by; none of a photo without anything in it."""
    grey = _grey(photo)
    return _marks_at(grey, _blobs(grey))


def find_marks_turned(photo: Photo) -> Marks:
    """The numbers of a photo as it is and turned a little each way: what it is asked for by, since an earlier one
    may be the same before or after somebody set it straight."""
    grey = _grey(photo)
    height, width = grey.shape
    blobs = _blobs(grey)
    found = _marks_at(grey, blobs)
    for degrees in TURNS_DEG:
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
        turned = cv2.warpAffine(
            grey, turn, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        there = [(*(turn @ (x, y, 1.0)), size) for x, y, size in blobs]
        found |= _marks_at(np.asarray(turned, dtype=np.uint8), there)
    return found


def is_same_photo(first: Photo, second: Photo) -> bool:
    """Whether one is the other cut, scaled or packed anew: moved and scaled with hardly a turn, its features fall upon
    the other's, and then so do its greys. A second shot from a hand moves some strands before others."""
    one, other = _grey(first), _grey(second)
    laid = _lay(one, other)
    if laid is None:
        return False
    height, width = other.shape
    moved = np.asarray(cv2.warpAffine(one, laid, (width, height), flags=cv2.INTER_AREA), dtype=np.uint8)
    covered = cv2.warpAffine(np.ones(one.shape, np.uint8), laid, (width, height), flags=cv2.INTER_NEAREST) > 0
    scale = float(np.hypot(laid[0, 0], laid[1, 0]))
    if covered.sum() < OVERLAP_MIN * min(other.size, one.size * scale**2):
        return False
    return _likeness(moved, other, covered) >= LIKENESS_MIN


def _grey(photo: Photo) -> NDArray[np.uint8]:
    grey = cv2.cvtColor(photo.pixels, cv2.COLOR_RGB2GRAY)
    factor = LOOKED_AT_PX / max(grey.shape)
    size = tuple(max(1, round(side * factor)) for side in grey.shape[::-1])
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(grey, size, interpolation=how), dtype=np.uint8)


def _marks_at(grey: NDArray[np.uint8], blobs: Sequence[Blob]) -> Marks:
    """Of the whole photo and of the first LANDMARKS_MAX landmarks that lie well within it."""
    height, width = grey.shape
    inside = (window for window in map(_window, blobs) if _inside(window, grey.shape))
    windows = [(0, 0, width, height), *islice(inside, LANDMARKS_MAX)]
    return frozenset(mark for x0, y0, x1, y1 in windows for mark in _marks(grey[y0:y1, x0:x1]))


def _blobs(grey: NDArray[np.uint8]) -> list[Blob]:
    """(x, y, diameter) of the largest first, each place once (Lowe 2004, without its orientations: hardly anybody
    sends a photo turned by more than a little)."""
    found = cv2.SIFT.create(contrastThreshold=CONTRAST_MIN).detect(grey)
    kept: list[Blob] = []
    for point in sorted(found, key=lambda point: (-point.size, point.pt)):
        (x, y), size = point.pt, point.size
        if size < SMALLEST_PX or len(kept) == PLACES_MAX:
            break
        near = SAME_PLACE * size
        if not any(
            abs(x - a) < near and abs(y - b) < near and abs(np.log(size / c)) < SAME_SIZE for a, b, c in kept
        ):
            kept.append((x, y, size))
    return kept


def _window(blob: Blob) -> tuple[int, int, int, int]:
    x, y, size = blob
    reach = size * WINDOW / 2
    return round(x - reach), round(y - reach), round(x + reach), round(y + reach)


def _inside(window: tuple[int, int, int, int], shape: tuple[int, ...]) -> bool:
    x0, y0, x1, y1 = window
    return x0 >= 0 and y0 >= 0 and x1 <= shape[1] and y1 <= shape[0]


def _marks(window: NDArray[np.uint8]) -> list[int]:
    if float(window.std()) < FLAT_BELOW:
        return []
    how = cv2.INTER_AREA if min(window.shape) >= HASHED_PX else cv2.INTER_LINEAR
    small = cv2.resize(window, (HASHED_PX, HASHED_PX), interpolation=how).astype(np.float32)
    low = cv2.dct(small)[:8, :8].ravel()[_LOW_FIRST]
    bits = low > np.median(low)
    parts = bits.reshape(PARTS, PART_BITS) @ (1 << np.arange(PART_BITS))
    return [(part << PART_BITS) | int(value) for part, value in enumerate(parts)]


def _low_first() -> NDArray[np.intp]:
    """Places of the PARTS * PART_BITS lowest of 8 × 8 cosine coefficients, without the mean."""
    order = np.argsort(np.add(*np.indices((8, 8))).ravel(), kind="stable")
    return np.asarray(order[1 : 1 + PARTS * PART_BITS])


_LOW_FIRST = _low_first()


def _lay(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.float64] | None:
    """(2, 3) that moves and scales one photo upon the other, None where there is no such."""
    sift = cv2.SIFT.create(nfeatures=1000)
    points, described = sift.detectAndCompute(one, None)
    other_points, other_described = sift.detectAndCompute(other, None)
    if described is None or other_described is None or len(other_points) < 2:
        return None
    pairs = cv2.BFMatcher().knnMatch(described, other_described, k=2)
    sure = [near for near, next_ in pairs if near.distance < MATCH_RATIO * next_.distance]
    if len(sure) < INLIERS_MIN:
        return None
    here = np.array([points[match.queryIdx].pt for match in sure])
    there = np.array([other_points[match.trainIdx].pt for match in sure])
    laid, inliers = cv2.estimateAffinePartial2D(
        here, there, method=cv2.RANSAC, ransacReprojThreshold=OFF_MAX_PX
    )
    if laid is None or inliers.sum() < INLIERS_MIN or abs(np.arctan2(laid[1, 0], laid[0, 0])) > TURN_MAX_RAD:
        return None
    return np.asarray(laid, dtype=np.float64)


def _likeness(one: NDArray[np.uint8], other: NDArray[np.uint8], where: NDArray[np.bool_]) -> float:
    """Correlation of the greys, large shadows taken away: two baskets in one place share those."""
    # both blank outside of what both show, so that the blur brings in the same from there
    soft = [
        cv2.GaussianBlur(np.where(where, grey, 0).astype(np.float32), (0, 0), 1.0) for grey in (one, other)
    ]
    fine = [grey - cv2.GaussianBlur(grey, (0, 0), LARGE_PX) for grey in soft]
    inside = cv2.erode(where.astype(np.uint8), np.ones((9, 9), np.uint8), borderValue=0) > 0
    if inside.sum() < 100 or min(grey[inside].std() for grey in fine) < 1e-6:
        return 0.0
    return float(np.corrcoef(fine[0][inside], fine[1][inside])[0, 1])
