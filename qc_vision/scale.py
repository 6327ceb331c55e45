"""The scale of one photo: the card found, the wall it touches, the pixels a millimetre has at the basket."""

from dataclasses import replace

import cv2
import numpy as np

from qc_vision.calibration import NO_SCALE, Calibration, calibrate, valid_region, without_scale
from qc_vision.card_register import KnownCards
from qc_vision.card_sight import CardSight, sight_card
from qc_vision.photo import Photo
from qc_vision.region import BoolMap, fill_outline, find_basket
from qc_vision.wall import find_wall
from qc_vision.weave import WeaveMap


def read_scale(photo: Photo, weave_map: WeaveMap, *, known: KnownCards) -> Calibration:
    """The scale in the middle of that part of the basket where it is valid, or of the whole basket where it is
    valid nowhere; without a scale `missing` says why."""
    return scale_from(sight_card(photo, known), weave_map)


def scale_from(sight: CardSight, weave_map: WeaveMap) -> Calibration:
    """As `read_scale`, of a card that was looked for already."""
    view = sight.view
    if sight.seen is None:
        return NO_SCALE
    if view is None:
        return replace(NO_SCALE, missing="card_does_not_fit")
    if not sight.flat:
        return without_scale(view, missing="card_does_not_fit")
    wall = find_wall(view, weave_map)
    if wall is None:
        return without_scale(view, missing="card_on_table")
    basket = find_basket(weave_map)
    valid = fill_outline(valid_region(view, wall), px_per_cell=weave_map.px_per_cell, shape=basket.shape)
    hidden = fill_outline(
        tuple(map(tuple, view.outline_px)), px_per_cell=weave_map.px_per_cell, shape=basket.shape
    )
    near = valid & basket & ~hidden
    at = _middle(near if near.any() else basket, px_per_cell=weave_map.px_per_cell)
    return calibrate(view, wall=wall, at_px=at)


def _middle(cells: BoolMap, *, px_per_cell: float) -> tuple[float, float]:
    """The place farthest from the edge of a part of the map, px; the middle of the map where it is empty."""
    inside = cells if cells.any() else np.ones_like(cells)
    depth = cv2.distanceTransform(np.pad(inside.astype(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    row, column = np.unravel_index(int(np.argmax(depth)), depth.shape)
    return float(column + 0.5) * px_per_cell, float(row + 0.5) * px_per_cell
