"""Finds an inspection card in a photo: its markers with corners to a fraction of a pixel, and its serial.

Only where it lies in the photo; what that says about millimetres is `calibration`'s.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from qc_vision.card import SERIAL_BASE, Card, Dictionary, serial_of
from qc_vision.colour import LIGHT_OF_STORED
from qc_vision.photo import Photo

Corners = NDArray[np.float64]
Grey = NDArray[np.uint8]
GreyLight = NDArray[np.float32]

SMALLEST_SIDE_PX = 12
"""Of a marker looked for, in decoded pixels: its seven cells need nearly two each. Smaller squares are many in
a weave, and looking at each costs most of the time."""
ENLARGED_UP_TO_PX = 1000
"""A photo whose longer side is no larger is also looked at twice as large."""
PROFILE_STEP_PX = 0.25
SIDE_ENDS = 0.1
"""Share of a side left out at each end, where blur rounds the corner."""
CONTRAST_MIN = 0.03
"""Difference of light between the black and the white of a marker below which its edge is not trusted."""
MOVED_MAX_SHARE = 0.12
"""A refined corner further than this share of a side from where it was found is not believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenCard:
    """A card in a photo. `markers`: id → (4, 2) corners (x, y) in px of the full-size upright photo, from
    the marker's top left clockwise; the first pixel covers [0, 1). `serial` None: none printed, or not read."""

    card: Card
    markers: Mapping[int, Corners]
    serial: int | None = None


def detect_card(photo: Photo, cards: Iterable[Card]) -> SeenCard | None:
    """The card of which most markers are seen, or None. Of cards that share markers the first one wins."""
    cards = tuple(cards)
    light = light_of(photo)
    grey = _grey(photo)
    best: tuple[Card, dict[int, Corners]] | None = None
    for dictionary in dict.fromkeys(card.dictionary for card in cards):
        of_dictionary = [card for card in cards if card.dictionary == dictionary]
        found = _markers(grey, dictionary, of_dictionary)
        for card in of_dictionary:
            own = {i: found[i] for i in card.ids if i in found}
            if own and (best is None or len(own) > len(best[1])):
                best = (card, own)
    if best is None:
        return None
    card, rough = best
    refined = {i: refine(light, corners) for i, corners in rough.items()}
    markers = {i: _to_photo(corners, photo) for i, corners in refined.items()}
    return SeenCard(card=card, markers=markers, serial=_serial(card, refined, grey))


def light_of(photo: Photo) -> GreyLight:
    """(h, w) light in [0, 1], linear in what fell on the sensor: blur then leaves edges where they are.

    In stored (gamma) values white spreads over black: marker sides came out 1.2 % short on 109 markers of
    known size, in linear light 0.5 %.
    """
    return np.asarray(LIGHT_OF_STORED[_grey(photo)], dtype=np.float32)


def refine(light: GreyLight, corners: Corners) -> Corners:
    """Corners (4, 2) where lines through the marker's four edges meet; as they were where no edge is clear.

    Pixel centres are whole numbers here, as in OpenCV. Each edge is crossed by many profiles; a line goes
    through the places where they pass half-way between the marker's black and the paper's white.
    """
    now = corners
    for _ in range(2):
        lines = [_edge(light, now[k], now[(k + 1) % 4], _reach(now)) for k in range(4)]
        if any(line is None for line in lines):
            return corners
        met = [_meet(first, second) for first, second in pairwise([lines[-1], *lines])]
        if any(point is None for point in met):
            return corners
        now = np.array(met)
    moved = np.linalg.norm(now - corners, axis=1).max()
    return now if moved <= max(2.0, MOVED_MAX_SHARE * _shortest_side(corners)) else corners


def _grey(photo: Photo) -> Grey:
    return np.asarray(cv2.cvtColor(photo.pixels, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def _markers(grey: Grey, dictionary: Dictionary, cards: Sequence[Card]) -> dict[int, Corners]:
    """All markers of a dictionary: first as the photo is, then, while none of the cards is whole, with
    shadows levelled, enlarged (small markers) and reduced (blur, noise). What was found first stays."""
    words = _words(dictionary, count=1 + max(i for card in cards for i in card.ids))
    found: dict[int, Corners] = {}
    levelled = cv2.createCLAHE(clipLimit=4.0, tileGridSize=(8, 8))
    for scale, level in ((1.0, False), (1.0, True), (2.0, True), (0.5, False)):
        if any(set(card.ids) <= found.keys() for card in cards):
            break
        if scale > 1 and max(grey.shape) > ENLARGED_UP_TO_PX:
            continue
        looked_at = levelled.apply(grey) if level else grey
        if scale != 1.0:
            how = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
            looked_at = cv2.resize(looked_at, None, fx=scale, fy=scale, interpolation=how)
        for marker, corners in _detect(np.asarray(looked_at, dtype=np.uint8), words).items():
            # the centre of pixel 0 lies at 0 in OpenCV, so that a scaled frame is shifted by half a pixel
            found.setdefault(marker, (corners + 0.5) / scale - 0.5)
    return found


def _words(dictionary: Dictionary, *, count: int | None = None) -> cv2.aruco.Dictionary:
    """All markers of a dictionary or its first ones: against a thousand each square of a weave takes long."""
    words = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, dictionary))
    return cv2.aruco.Dictionary(words.bytesList[:count], words.markerSize, words.maxCorrectionBits)


def _detect(grey: Grey, words: cv2.aruco.Dictionary) -> dict[int, Corners]:
    settings = cv2.aruco.DetectorParameters()
    settings.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
    settings.adaptiveThreshWinSizeMin = 3
    settings.adaptiveThreshWinSizeMax = 53
    settings.adaptiveThreshWinSizeStep = 25
    settings.minMarkerPerimeterRate = 4 * SMALLEST_SIDE_PX / max(grey.shape)
    corners, ids, _ = cv2.aruco.ArucoDetector(words, settings).detectMarkers(grey)
    largest: dict[int, Corners] = {}
    # OpenCV gives None where nothing was found
    for marker, quad in zip(np.array(ids if len(corners) else [], dtype=int).ravel(), corners, strict=True):
        seen = np.asarray(quad[0], dtype=np.float64)
        # an id seen twice: chance patterns in the weave are small
        if int(marker) not in largest or _area(seen) > _area(largest[int(marker)]):
            largest[int(marker)] = seen
    return largest


def _area(quad: Corners) -> float:
    return float(cv2.contourArea(quad.astype(np.float32)))


def _shortest_side(quad: Corners) -> float:
    return float(np.linalg.norm(quad - np.roll(quad, 1, axis=0), axis=1).min())


def _reach(quad: Corners) -> float:
    """How far a profile goes to either side of an edge: well within a marker's one cell of black border."""
    return float(np.clip(_shortest_side(quad) / 12, 1.5, 6.0))


_Line = tuple[NDArray[np.float64], NDArray[np.float64]]


def _edge(
    light: GreyLight, start: NDArray[np.float64], end: NDArray[np.float64], reach: float
) -> _Line | None:
    """The line (point, direction) along the edge from black to white between two corners."""
    along = end - start
    length = float(np.hypot(*along))
    if length < 4:
        return None
    outward = np.array([along[1], -along[0]]) / length
    shares = np.linspace(SIDE_ENDS, 1 - SIDE_ENDS, max(9, round(length * (1 - 2 * SIDE_ENDS))))
    feet = start + shares[:, None] * along
    offsets = np.arange(-reach, reach + PROFILE_STEP_PX / 2, PROFILE_STEP_PX)
    at = (feet[:, None, :] + offsets[None, :, None] * outward).astype(np.float32)
    profiles = cv2.remap(light, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    black, white = (float(np.median(profiles[:, side])) for side in (slice(None, 4), slice(-4, None)))
    if white - black < CONTRAST_MIN:
        return None
    crossings = _crossings(profiles - (black + white) / 2, offsets)
    seen = np.isfinite(crossings)
    if seen.sum() < 5:
        return None
    points = (feet[seen] + crossings[seen, None] * outward).astype(np.float32)
    dx, dy, x, y = cv2.fitLine(points, cv2.DIST_HUBER, 0, 0.01, 0.01).ravel().astype(np.float64)
    return np.array([x, y]), np.array([dx, dy])


def _crossings(signed: NDArray[np.floating], offsets: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) where each profile of (n, k) rises through zero, the rise nearest to offset 0; nan where none."""
    rises = (signed[:, :-1] < 0) & (signed[:, 1:] >= 0)
    nearest = np.argmin(np.where(rises, np.abs(offsets[:-1]), np.inf), axis=1)
    row = np.arange(len(signed))
    before, after = signed[row, nearest], signed[row, nearest + 1]
    step = np.where(after > before, -before / np.where(after > before, after - before, 1), 0)
    return np.where(rises.any(axis=1), offsets[nearest] + PROFILE_STEP_PX * step, np.nan)


def _meet(first: _Line | None, second: _Line | None) -> NDArray[np.float64] | None:
    if first is None or second is None:
        return None
    (p, u), (q, v) = first, second
    turn = u[0] * v[1] - u[1] * v[0]
    if abs(turn) < 0.05:
        return None
    return np.asarray(p + u * ((q[0] - p[0]) * v[1] - (q[1] - p[1]) * v[0]) / turn)


def _to_photo(corners: Corners, photo: Photo) -> Corners:
    placed: Corners = (corners + 0.5) * photo.reduction
    placed.flags.writeable = False
    return placed


def _serial(card: Card, markers: Mapping[int, Corners], grey: Grey) -> int | None:
    """The serial number, where both of its digits lie where the card has them; all in decoded px."""
    if card.serial is None or card.positions_mm is None:
        return None
    square = np.array([[0.0, 0.0], [1, 0], [1, 1], [0, 1]])
    printed = np.concatenate(
        [np.array(card.positions_mm[card.ids.index(i)]) + square * card.marker_mm for i in markers]
    )
    to_card, _ = cv2.findHomography(np.concatenate(list(markers.values())), printed)
    if np.shape(to_card) != (3, 3):  # OpenCV gives None where the corners span no plane
        return None
    origin, part = _round_card(markers, grey)
    seen = _detect(part, _words(card.dictionary))
    found: list[int] = []
    for place, position in enumerate(card.serial.positions_mm):
        centre = np.array(position) + card.serial.marker_mm / 2
        first = card.serial.first_id + place * SERIAL_BASE
        for marker, corners in seen.items():
            middle = (corners.mean(axis=0) + origin).reshape(1, 1, 2)
            at = cv2.perspectiveTransform(middle, to_card).ravel()
            near = np.linalg.norm(at - centre) < card.serial.marker_mm / 2
            if first <= marker < first + SERIAL_BASE and near:
                found.append(marker)
    return serial_of(card.serial, (found[0], found[1])) if len(found) == 2 else None


def _round_card(markers: Mapping[int, Corners], grey: Grey) -> tuple[NDArray[np.int64], Grey]:
    """The part of the photo round the seen markers, and where it starts: five sides of a marker further each
    way, which holds the whole card even where a single corner of it is seen."""
    corners = np.concatenate(list(markers.values()))
    room = 5 * max(_shortest_side(quad) for quad in markers.values())
    size = np.array(grey.shape[::-1])
    start = np.clip(corners.min(axis=0) - room, 0, size - 1).astype(np.int64)
    end = np.clip(corners.max(axis=0) + room, 0, size).astype(np.int64)
    return start, grey[start[1] : end[1], start[0] : end[0]]
