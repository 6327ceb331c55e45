"""How round a wall is, from strands drawn evenly on it: maps of a faultless network, by tracing."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from qc_vision.calibration import NO_SCALE, UNKNOWN_WALL, CardView, view_card
from qc_vision.card import Card, shipped_cards
from qc_vision.card_detection import SeenCard
from qc_vision.card_register import KnownCards, MeasuredCard
from qc_vision.scale import read_scale
from qc_vision.wall import find_wall, fit_wall
from qc_vision.weave import FeatureMap, StrandField, WeaveMap
from tests.qc_vision.drawn_card import Shot, as_photo, draw_card

A6 = next(card for card in shipped_cards() if card.id == "qc-a6")
ID1 = next(card for card in shipped_cards() if card.id == "qc-id1")
CELL_PX = 8.0
ROW_MM, STAKE_MM = 6.0, 10.0

Grid = NDArray[np.float64]


def look(shot: Shot, card: Card) -> CardView:
    corners = {marker: shot.corners(place) for place, marker in enumerate(card.ids)}
    view = view_card(SeenCard(card=card, markers=corners), size_px=shot.size_px)
    assert view is not None
    return view


def weave_map(shot: Shot, *, radius: float | None, noise: float = 0.03, cover: float = 1.0) -> WeaveMap:
    """Strands ROW_MM and STAKE_MM apart on a plane or an upright cylinder that touches the card's middle.

    `noise`: of ln(pitch), cell by cell; `cover`: the basket is this share of the photo's width, from the left.
    """
    width, height = shot.size_px
    rows, columns = np.indices((int(height / CELL_PX), int(width / CELL_PX)))
    x, y = ((at + 0.5) * CELL_PX for at in (columns, rows))
    basket = (_trace(shot, x, y, radius)[2] > 0) & (columns < cover * width / CELL_PX)
    rng = np.random.default_rng(5)
    fields = []
    for pitch_mm, place in ((ROW_MM, 1), (STAKE_MM, 0)):
        step = np.stack([_gradient(shot, x, y, radius, place, way) for way in (0, 1)])
        # along the image gradient of a wall coordinate: the shortest step to the next strand in the picture
        length = np.linalg.norm(step, axis=0)
        pitch = pitch_mm / np.where(length > 0, length, np.nan) * np.exp(noise * rng.standard_normal(x.shape))
        fields.append(
            StrandField(
                angle_rad=(np.arctan2(step[1], step[0]) % math.pi).astype(np.float32),
                pitch_px=np.nan_to_num(pitch).astype(np.float32),
                pitch_log_sigma=np.full(x.shape, 0.05, np.float32),
                direction_score=np.ones(x.shape, np.float32),
            )
        )
    empty = FeatureMap(values=np.zeros((2, 1, 1), np.float32), origin_px=(0.0, 0.0), px_per_cell=CELL_PX)
    return WeaveMap(
        px_per_cell=CELL_PX,
        basket=basket.astype(np.float32),
        weft=fields[0],
        warp=fields[1],
        defects=np.zeros((0, *x.shape), np.float32),
        codes=(),
        crests=empty,
        features=empty,
    )


def _trace(shot: Shot, x: Grid, y: Grid, radius: float | None) -> tuple[Grid, Grid, Grid]:
    """Round the wall and up it, mm, and whether the wall is hit at all; the card faces the camera."""
    width, height = shot.size_px
    right, down = (x - width / 2) / shot.focal_px, (y - height / 2) / shot.focal_px
    distance = shot.distance_mm
    if radius is None:
        return right * distance, down * distance, np.ones_like(x)
    a, b, c = right**2 + 1, distance + radius, (distance + radius) ** 2 - radius**2
    under = b**2 - a * c
    depth = (b - np.sqrt(np.maximum(under, 0))) / a
    azimuth = np.arctan2(right * depth, distance + radius - depth)
    return azimuth * radius, down * depth, (under > 0).astype(float)


def _gradient(shot: Shot, x: Grid, y: Grid, radius: float | None, place: int, way: int) -> Grid:
    step = np.array([0.5, 0.0]) if way == 0 else np.array([0.0, 0.5])
    after = _trace(shot, x + step[0], y + step[1], radius)[place]
    return after - _trace(shot, x - step[0], y - step[1], radius)[place]


@pytest.mark.parametrize("radius", [90.0, 140.0, 220.0])
def test_a_round_wall_s_curvature_is_found(radius: float) -> None:
    shot = Shot(card=ID1, distance_mm=450)
    wall = fit_wall(look(shot, ID1), weave_map(shot, radius=radius))
    assert wall.curvature_low <= 1 / radius <= wall.curvature_high
    assert wall.curvature == pytest.approx(1 / radius, rel=0.25)
    assert abs(math.sin(wall.axis_rad)) == pytest.approx(1, abs=0.02)


def test_a_flat_wall_is_found_flat() -> None:
    shot = Shot(card=ID1, distance_mm=450)
    wall = fit_wall(look(shot, ID1), weave_map(shot, radius=None))
    assert wall.curvature_low == 0
    assert wall.curvature_high <= 1 / 250


def test_strands_that_scatter_say_nothing_of_the_wall() -> None:
    shot = Shot(card=ID1, distance_mm=450)
    assert fit_wall(look(shot, ID1), weave_map(shot, radius=120, noise=0.8)) == UNKNOWN_WALL


def test_a_card_beside_the_basket_touches_no_wall() -> None:
    shot = Shot(card=ID1, distance_mm=450)
    assert find_wall(look(shot, ID1), weave_map(shot, radius=None, cover=0.25)) is None
    assert find_wall(look(shot, ID1), weave_map(shot, radius=None)) is not None


def test_from_photo_to_scale_on_a_flat_wall() -> None:
    shot = Shot(card=A6, distance_mm=400, size_px=(1200, 900))
    scale = read_scale(draw_card(shot), weave_map(shot, radius=None), known=KnownCards())
    assert scale.px_per_mm is not None
    assert scale.relative_uncertainty is not None
    truth = shot.focal_px / 404  # the middle of the weave lies some 4 mm behind the card
    assert abs(scale.px_per_mm / truth - 1) <= scale.relative_uncertainty < 0.06
    assert scale.card is not None
    assert (scale.card.id, scale.card.serial, scale.missing) == ("qc-a6", None, None)


def test_a_registered_serial_is_read_by_its_measured_size() -> None:
    shot = Shot(card=A6, distance_mm=400, size_px=(1200, 900))
    photo, seen = draw_card(shot, serial_ids=(100, 557)), weave_map(shot, radius=None)
    small = MeasuredCard(card="qc-a6", version=1, serial=7, measured_bar_mm=48.5)
    believed = read_scale(photo, seen, known=KnownCards())
    measured = read_scale(photo, seen, known=KnownCards(measured=(small,)))
    assert believed.px_per_mm is not None
    assert measured.px_per_mm is not None
    assert measured.card is not None
    assert (measured.card.serial, measured.card.print_scale) == (7, 0.97)
    assert measured.px_per_mm / believed.px_per_mm == pytest.approx(1 / 0.97, rel=2e-3)


def test_no_card_no_scale_and_a_card_on_the_table_says_so() -> None:
    shot = Shot(card=A6, distance_mm=400, size_px=(1200, 900))
    blank = as_photo(np.full((900, 1200, 3), 90, np.uint8))
    assert read_scale(blank, weave_map(shot, radius=None), known=KnownCards()) == NO_SCALE
    beside = read_scale(draw_card(shot), weave_map(shot, radius=None, cover=0.15), known=KnownCards())
    assert beside.px_per_mm is None
    assert beside.missing == "card_on_table"
    assert beside.card is not None
    assert beside.tilt_deg == pytest.approx(0, abs=3)


def test_a_card_of_another_geometry_does_not_fit() -> None:
    assert A6.positions_mm
    moved = (*A6.positions_mm[:3], (60.0, 30.0))
    other = Card(dictionary=A6.dictionary, ids=A6.ids, marker_mm=A6.marker_mm, positions_mm=moved)
    shot = Shot(card=A6, distance_mm=400, size_px=(1200, 900))
    scale = read_scale(draw_card(shot), weave_map(shot, radius=None), known=KnownCards(cards=(other,)))
    assert scale.px_per_mm is None
    assert scale.missing == "card_does_not_fit"


def test_a_foreign_card_gives_a_scale_by_its_side_alone() -> None:
    shot = Shot(card=A6, distance_mm=400, size_px=(1200, 900))
    foreign = Card(dictionary=A6.dictionary, ids=A6.ids, marker_mm=A6.marker_mm)
    scale = read_scale(draw_card(shot), weave_map(shot, radius=None), known=KnownCards(cards=(foreign,)))
    assert scale.px_per_mm == pytest.approx(shot.focal_px / 404, rel=0.01)
