"""Whole round baskets drawn with known dimensions, a card held to their wall; without the code under test."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from qc_vision.calibration import Calibration, Wall, calibrate, view_card
from qc_vision.card import shipped_cards
from qc_vision.card_detection import SeenCard
from qc_vision.weave import WeaveMap
from tests.qc_vision.drawn import make_map

A6 = next(card for card in shipped_cards() if card.id == "qc-a6")
SIZE_PX = (1504, 2000)
CELL_PX = 8

Grid = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """A basket on a table and a camera on its front. Base in the origin, z up, camera at negative y.

    `shift_mm`: how far the rim stands to the right of the base; `turned_deg`: the camera about its axis;
    `bulge_mm`: how much wider the wall is half-way up than a straight one.
    """

    height: float = 300.0
    rim: float = 260.0
    base: float = 220.0
    shift_mm: float = 0.0
    bulge_mm: float = 0.0
    above_deg: float = 10.0
    turned_deg: float = 0.0
    distance_mm: float = 1200.0
    card_at: float = 0.45
    focal_share: float = 0.75
    aside_mm: float = 0.0

    def radius(self, share: float) -> float:
        return (self.base + (self.rim - self.base) * share) / 2 + self.bulge_mm * 4 * share * (1 - share) / 2

    def project(self, places: Grid) -> Grid:
        """(n, 3) mm to (n, 2) px."""
        above, turned = math.radians(self.above_deg), math.radians(self.turned_deg)
        target = np.array([-self.aside_mm, 0, self.height / 2])
        eye = target + self.distance_mm * np.array([0, -math.cos(above), math.sin(above)])
        ahead = (target - eye) / self.distance_mm
        right = np.array([1.0, 0, 0])
        down = np.cross(ahead, right)
        right, down = (
            math.cos(turned) * right + math.sin(turned) * down,
            math.cos(turned) * down - math.sin(turned) * right,
        )
        seen = (places - eye) @ np.stack([right, down, ahead]).T
        focal = self.focal_share * max(SIZE_PX)
        return seen[:, :2] / seen[:, 2:] * focal + np.array(SIZE_PX) / 2

    def mask(self) -> NDArray[np.float32]:
        """(h, w) share of each cell that is basket: ring over ring, each filled."""
        full = np.zeros((SIZE_PX[1], SIZE_PX[0]), np.uint8)
        azimuth = np.linspace(0, 2 * math.pi, 180, endpoint=False)
        before = None
        for share in np.linspace(0, 1, 40):
            radius = self.radius(share)
            ring = np.column_stack([
                self.shift_mm * share + radius * np.cos(azimuth), radius * np.sin(azimuth),
                np.full(180, self.height * share),
            ])  # fmt: skip
            px = self.project(ring)
            both = px if before is None else np.concatenate([before, px])
            hull = cv2.convexHull(both.astype(np.float32))
            cv2.fillConvexPoly(full, np.round((hull - 0.5) * 16).astype(np.int32), 1, shift=4)
            before = px
        cells = full.reshape(SIZE_PX[1] // CELL_PX, CELL_PX, -1, CELL_PX).mean(axis=(1, 3))
        return cells.astype(np.float32)

    def calibration(self, wall: Wall | None = None) -> Calibration:
        """The card upright on the middle of the front, 4 mm before the weave."""
        assert A6.size_mm
        assert A6.positions_mm
        taper = math.atan2((self.rim - self.base) / 2, self.height)
        out = np.array([0, -math.cos(taper), -math.sin(taper)])
        up = np.array([self.shift_mm / self.height, -math.sin(taper), math.cos(taper)])
        up /= np.linalg.norm(up)
        right = np.cross(up, -out)
        right = -right if right[0] < 0 else right
        front = self.radius(self.card_at)
        middle = np.array([self.shift_mm * self.card_at, -front, self.height * self.card_at]) + 4 * out
        markers = {}
        for marker, place in zip(A6.ids, A6.positions_mm, strict=True):
            square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * A6.marker_mm + place
            x, y = (square - np.array(A6.size_mm) / 2).T
            markers[marker] = self.project(middle + np.outer(x, right) - np.outer(y, up))
        view = view_card(SeenCard(card=A6, markers=markers), size_px=SIZE_PX)
        assert view is not None
        curved = 1 / front
        round_wall = Wall(curvature=curved, curvature_low=curved * 0.7, curvature_high=curved * 1.4)
        return calibrate(view, wall=wall or round_wall, at_px=view.centre_px)

    def lean_deg(self) -> float:
        return math.degrees(math.atan(abs(self.shift_mm) / self.height))


def see(stand: Stand) -> WeaveMap:
    grey = np.zeros((SIZE_PX[1], SIZE_PX[0]), np.float32)
    return make_map(grey, basket=stand.mask(), stride=CELL_PX)
