"""Drawn truth for cards: a card as a pinhole camera would see it, drawn without the code under test.

Light is added up in linear light over 3 x 3 points a pixel and only then encoded as sRGB.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from qc_vision.card import Card
from qc_vision.photo import Photo

FINE = 3
RASTER_PX_PER_MM = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """Where the camera is: the card's middle at `distance_mm` on the optical axis, turned by `tilt_deg` about
    its upright axis and by `roll_deg` in the picture. Focal length 0.75 of the longer side."""

    card: Card
    distance_mm: float = 400.0
    tilt_deg: float = 0.0
    roll_deg: float = 0.0
    size_px: tuple[int, int] = (1600, 1200)

    @property
    def focal_px(self) -> float:
        return 0.75 * max(self.size_px)

    @property
    def rotation(self) -> NDArray[np.float64]:
        tilt, roll = math.radians(self.tilt_deg), math.radians(self.roll_deg)
        turned = np.array(
            [[math.cos(tilt), 0, math.sin(tilt)], [0, 1, 0], [-math.sin(tilt), 0, math.cos(tilt)]]
        )
        rolled = np.array(
            [[math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0], [0, 0, 1]]
        )
        return rolled @ turned

    @property
    def px_from_mm(self) -> NDArray[np.float64]:
        """The first pixel covers [0, 1); the principal point is the middle of the photo."""
        assert self.card.size_mm is not None
        width, height = self.size_px
        camera = np.array([[self.focal_px, 0, width / 2], [0, self.focal_px, height / 2], [0, 0, 1]])
        middle = np.array(self.card.size_mm) / 2
        place = np.array([0, 0, self.distance_mm]) - self.rotation[:, :2] @ middle
        return camera @ np.column_stack([self.rotation[:, :2], place])

    def px_per_mm(self, x: float, y: float, angle_rad: float) -> float:
        """By a step of a hundredth of a pixel laid on the card."""
        step = 0.005 * np.array([math.cos(angle_rad), math.sin(angle_rad)])
        place = np.array([x, y])
        ends = np.array([place - step, place + step]).reshape(-1, 1, 2)
        first, second = cv2.perspectiveTransform(ends, np.linalg.inv(self.px_from_mm))[:, 0]
        return float(0.01 / np.linalg.norm(second - first))

    def corners(self, place: int) -> NDArray[np.float64]:
        """(4, 2) px of the marker at a place in the card's `ids`."""
        assert self.card.positions_mm is not None
        square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * self.card.marker_mm
        printed = np.array(self.card.positions_mm[place]) + square
        return cv2.perspectiveTransform(printed.reshape(-1, 1, 2), self.px_from_mm)[:, 0]


def draw_card(
    shot: Shot,
    *,
    blur_px: float = 0.0,
    noise: float = 0.0,
    light: float = 0.8,
    hidden: int = 0,
    serial_ids: tuple[int, ...] = (),
    seed: int = 0,
) -> Photo:
    """The photo. `light`: what white paper reflects, linear; `hidden`: so many markers lie under a thumb;
    `noise`: standard deviation of the stored values in [0, 1]."""
    paper = _raster(shot.card, hidden, serial_ids)
    width, height = shot.size_px
    to_fine = np.array([[FINE, 0, -0.5], [0, FINE, -0.5], [0, 0, 1]])
    from_raster = np.array([[1 / RASTER_PX_PER_MM, 0, 0.5 / RASTER_PX_PER_MM],
                            [0, 1 / RASTER_PX_PER_MM, 0.5 / RASTER_PX_PER_MM], [0, 0, 1]])  # fmt: skip
    matrix = to_fine @ shot.px_from_mm @ from_raster
    size = (FINE * width, FINE * height)
    seen = cv2.warpPerspective(paper, matrix, size, flags=cv2.INTER_LINEAR, borderValue=0.25)
    lit = light * cv2.resize(seen, (width, height), interpolation=cv2.INTER_AREA)
    if blur_px:
        lit = cv2.GaussianBlur(lit, (0, 0), blur_px)
    noisy = stored_of(lit) + noise * np.random.default_rng(seed).standard_normal(lit.shape)
    grey = np.rint(np.clip(noisy, 0, 1) * 255).astype(np.uint8)
    return as_photo(np.repeat(grey[..., None], 3, axis=2))


def draw_colours(shot: Shot, behind: NDArray[np.float64]) -> NDArray[np.float64]:
    """(h, w, 3) linear light of the card with its patches before what lies `behind` (h, w, 3), paper 1."""
    paper = np.repeat(_raster(shot.card, 0, ())[..., None], 3, axis=2)
    for patch in shot.card.patches:
        x, y, width, height = (round(side * RASTER_PX_PER_MM) for side in patch.box_mm)
        paper[y : y + height, x : x + width] = light_of(np.array(patch.rgb) / 255)
    from_raster = np.array([[1 / RASTER_PX_PER_MM, 0, 0.5 / RASTER_PX_PER_MM],
                            [0, 1 / RASTER_PX_PER_MM, 0.5 / RASTER_PX_PER_MM], [0, 0, 1]])  # fmt: skip
    to_fine = np.array([[FINE, 0, FINE / 2 - 0.5], [0, FINE, FINE / 2 - 0.5], [0, 0, 1]])
    matrix = to_fine @ np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]]) @ shot.px_from_mm @ from_raster
    width, height = shot.size_px
    size = (FINE * width, FINE * height)
    card = cv2.warpPerspective(paper, matrix, size, flags=cv2.INTER_LINEAR)
    inside = cv2.warpPerspective(np.ones(paper.shape[:2], np.float32), matrix, size, flags=cv2.INTER_LINEAR)
    card, inside = (
        cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA) for part in (card, inside)
    )
    return np.asarray(card + (1 - inside[..., None]) * behind)


def light_of(stored: NDArray[np.float64]) -> NDArray[np.float64]:
    """Linear light of sRGB values in [0, 1]."""
    return np.where(stored <= 0.04045, stored / 12.92, ((stored + 0.055) / 1.055) ** 2.4)


def stored_of(light: NDArray[np.floating]) -> NDArray[np.floating]:
    """sRGB values in [0, 1] of linear light; the inverse of `light_of`."""
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055)


def as_photo(pixels: NDArray[np.uint8]) -> Photo:
    height, width = pixels.shape[:2]
    return Photo(
        pixels=pixels, width=width, height=height, reduction=1, sha256="0" * 64, perceptual_hash="0" * 16,
        format="jpeg",
    )  # fmt: skip


def _raster(card: Card, hidden: int, serial_ids: tuple[int, ...]) -> NDArray[np.float32]:
    assert card.size_mm is not None
    assert card.positions_mm is not None
    width, height = (round(side * RASTER_PX_PER_MM) for side in card.size_mm)
    paper = np.ones((height, width), np.float32)
    words = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, card.dictionary))
    markers = list(zip(card.ids, card.positions_mm, strict=True))[hidden:]
    drawn = [(marker, place, card.marker_mm) for marker, place in markers]
    if card.serial is not None:
        side = card.serial.marker_mm
        drawn += [(m, at, side) for m, at in zip(serial_ids, card.serial.positions_mm, strict=False)]
    for marker, (x, y), side_mm in drawn:
        side = round(side_mm * RASTER_PX_PER_MM)
        left, top = round(x * RASTER_PX_PER_MM), round(y * RASTER_PX_PER_MM)
        bits = cv2.aruco.generateImageMarker(words, marker, words.markerSize + 2)
        black = cv2.resize(bits, (side, side), interpolation=cv2.INTER_NEAREST)
        paper[top : top + side, left : left + side] = black.astype(np.float32) / 255 * 0.97 + 0.03
    return paper
