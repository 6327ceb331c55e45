"""The scale at a place against a drawn camera's own geometry, and what it says of its doubts."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from qc_vision.calibration import (
    BEHIND_MM,
    FLAT_WALL,
    NO_SCALE,
    UNKNOWN_WALL,
    Calibration,
    CardView,
    Wall,
    calibrate,
    on_wall,
    pose,
    surface_of,
    view_card,
)
from qc_vision.card import Card, scaled, shipped_cards
from qc_vision.card_detection import SeenCard, detect_card
from tests.qc_vision.drawn_card import Shot, draw_card

A6 = next(card for card in shipped_cards() if card.id == "qc-a6")
SIDE_ONLY = Card(dictionary=A6.dictionary, ids=A6.ids, marker_mm=A6.marker_mm)


def look(shot: Shot, *, card: Card = A6, noise_px: float = 0.0, markers: int = 4, seed: int = 0) -> CardView:
    """The view of a card whose corners are known but for a noise."""
    rng = np.random.default_rng(seed)
    corners = {
        marker: shot.corners(place) + noise_px * rng.standard_normal((4, 2))
        for place, marker in list(enumerate(shot.card.ids))[:markers]
    }
    view = view_card(SeenCard(card=card, markers=corners), size_px=shot.size_px)
    assert view is not None
    return view


def behind(shot: Shot) -> float:
    """The weave lies this much farther away than the card, and so looks smaller."""
    return 1 - BEHIND_MM / shot.distance_mm


@given(
    tilt=st.floats(0, 60),
    roll=st.floats(-180, 180),
    distance=st.floats(200, 900),
    x=st.floats(300, 1300),
    y=st.floats(300, 900),
    angle=st.floats(0, math.pi),
)
@settings(deadline=None, max_examples=60)
def test_the_scale_along_any_direction_is_that_of_the_camera(
    tilt: float, roll: float, distance: float, x: float, y: float, angle: float
) -> None:
    shot = Shot(card=A6, tilt_deg=tilt, roll_deg=roll, distance_mm=distance)
    scale = calibrate(look(shot), wall=FLAT_WALL, at_px=look(shot).centre_px)
    along = scale.px_per_mm_along(x, y, angle)
    assert along is not None
    assert along == pytest.approx(shot.px_per_mm(x, y, angle) * behind(shot), rel=1e-3)


def test_px_per_mm_is_the_mean_over_directions_at_its_place() -> None:
    shot = Shot(card=A6, tilt_deg=50)
    view = look(shot)
    scale = calibrate(view, wall=FLAT_WALL, at_px=view.centre_px)
    x, y = view.centre_px
    # turned about the upright axis by 50°: level lengths shrink by its cosine, steep ones do not
    level, steep = (scale.px_per_mm_along(x, y, angle) for angle in (0.0, math.pi / 2))
    assert level is not None
    assert steep is not None
    assert level / steep == pytest.approx(math.cos(math.radians(50)), rel=0.01)
    assert scale.px_per_mm == pytest.approx(math.sqrt(level * steep), rel=1e-3)
    assert scale.tilt_deg == pytest.approx(50, abs=0.5)


@pytest.mark.parametrize("wall", [FLAT_WALL, Wall(curvature=0.005)], ids=["flat", "round"])
def test_the_mean_scale_at_a_place_tells_how_areas_grow(wall: Wall) -> None:
    view = look(Shot(card=A6, tilt_deg=35, roll_deg=20))
    scale = calibrate(view, wall=wall, at_px=view.centre_px)
    x, y = view.centre_px[0] + 90, view.centre_px[1] - 60
    square = np.array([[x - 1, y - 1], [x + 1, y - 1], [x + 1, y + 1], [x - 1, y + 1]])
    assert scale.surface is not None
    places = on_wall(scale.surface, square)
    first, second = places[2] - places[0], places[3] - places[1]
    area_mm2 = float(np.linalg.norm(np.cross(first, second))) / 2
    assert scale.px_per_mm_at(x, y) == pytest.approx(
        math.sqrt(4 / area_mm2) * behind(Shot(card=A6)), rel=5e-3
    )
    assert scale.px_per_mm_at(*view.centre_px) == pytest.approx(scale.px_per_mm)


@pytest.mark.parametrize("card", [A6, SIDE_ONLY], ids=["positions", "side only"])
def test_the_true_scale_lies_within_the_stated_uncertainty(card: Card) -> None:
    """Over drawn photos: any tilt to 60°, blur, noise, distance, a printer off by up to 1 %, a weave 0 to 8 mm
    behind the card. The expanded uncertainty (k = 2) should hold 95 %."""
    rng = np.random.default_rng(11)
    held = []
    for seed in range(40):
        shot = Shot(
            card=A6,
            tilt_deg=rng.uniform(0, 60),
            roll_deg=rng.uniform(-180, 180),
            distance_mm=rng.uniform(180, 260),
            size_px=(720, 540),
        )
        seen = detect_card(
            draw_card(shot, blur_px=rng.uniform(0, 1.5), noise=rng.uniform(0, 0.02), seed=seed), (card,)
        )
        assert seen is not None
        view = view_card(seen, size_px=shot.size_px)
        assert view is not None
        x, y = view.centre_px
        scale = calibrate(view, wall=FLAT_WALL, at_px=(x, y))
        assert scale.px_per_mm is not None
        assert scale.relative_uncertainty is not None
        level, steep = (shot.px_per_mm(x, y, angle) for angle in (0.0, math.pi / 2))
        turned = [shot.px_per_mm(x, y, angle) for angle in (math.pi / 4, 3 * math.pi / 4)]
        truth = _mean([level, steep, *turned]) * (1 - rng.uniform(0, 8) / shot.distance_mm)
        printed = rng.uniform(0.99, 1.01)
        held.append(abs(scale.px_per_mm * printed / truth - 1) <= scale.relative_uncertainty)
    assert np.mean(held) >= 0.95


def _mean(values: list[float]) -> float:
    """Over all directions 1/scale² averages to the inverse of the ellipse: close enough for four of them."""
    longest, shortest = max(values), min(values)
    return math.sqrt(longest * shortest)


def test_known_positions_are_surer_than_a_side_alone() -> None:
    shot = Shot(card=A6, tilt_deg=20)
    sure, poor = (
        calibrate(look(shot, card=card, noise_px=0.2), wall=FLAT_WALL, at_px=look(shot).centre_px)
        for card in (A6, SIDE_ONLY)
    )
    assert sure.error_budget
    assert poor.error_budget
    assert sure.error_budget["corner_noise"] < poor.error_budget["corner_noise"]
    assert sure.error_budget["marker_edges"] == 0 < poor.error_budget["marker_edges"]


def test_doubt_grows_away_from_the_card_and_the_valid_region_says_how_far() -> None:
    shot = Shot(card=A6, tilt_deg=30, distance_mm=500)
    view = look(shot, noise_px=0.2)
    here, there = (
        calibrate(view, wall=UNKNOWN_WALL, at_px=(x, view.centre_px[1]))
        for x in (view.centre_px[0], view.centre_px[0] + 250)
    )
    assert here.relative_uncertainty is not None
    assert there.relative_uncertainty is not None
    assert here.relative_uncertainty < there.relative_uncertainty
    xs = [x for x, _ in here.valid_region]
    assert min(xs) < view.centre_px[0] < max(xs)
    assert max(xs) - min(xs) < shot.size_px[0]


def test_ink_that_spreads_leaves_the_scale_of_a_card_with_known_positions() -> None:
    thick = replace(
        A6, marker_mm=26.8, positions_mm=tuple((x - 0.4, y - 0.4) for x, y in A6.positions_mm or ())
    )
    shot = Shot(card=thick)
    view = look(shot, card=A6)
    scale = calibrate(view, wall=FLAT_WALL, at_px=view.centre_px)
    truth = shot.px_per_mm(*view.centre_px, 0.0) * behind(shot)
    assert scale.px_per_mm == pytest.approx(truth, rel=2e-3)


def test_a_card_measured_off_scale_is_read_by_its_true_size() -> None:
    shot = Shot(card=A6)
    corners = {marker: shot.corners(place) for place, marker in enumerate(A6.ids)}
    seen = SeenCard(card=scaled(A6, 0.97), markers=corners, serial=7)
    view = view_card(seen, size_px=shot.size_px, print_scale=0.97, measured=True)
    assert view is not None
    scale = calibrate(view, wall=FLAT_WALL, at_px=view.centre_px)
    believed = calibrate(look(shot), wall=FLAT_WALL, at_px=view.centre_px)
    assert scale.px_per_mm is not None
    assert believed.px_per_mm is not None
    # the card is smaller than designed, hence nearer: a millimetre has more pixels
    assert scale.px_per_mm == pytest.approx(believed.px_per_mm / 0.97, rel=2e-3)
    assert scale.card is not None
    assert (scale.card.serial, scale.card.print_scale) == (7, 0.97)
    assert scale.error_budget
    assert believed.error_budget
    assert scale.error_budget["print"] < believed.error_budget["print"]


@pytest.mark.parametrize("radius", [80.0, 120.0, 250.0])
def test_on_a_round_wall_the_scale_is_that_of_the_cylinder(radius: float) -> None:
    """Truth by tracing: points on a cylinder that touches the card, seen by the drawn camera."""
    shot = Shot(card=A6, distance_mm=500)
    view = look(shot)
    wall = Wall(curvature=1 / radius, curvature_low=1 / radius, curvature_high=1 / radius)
    scale = calibrate(view, wall=wall, at_px=view.centre_px)
    for azimuth in (-0.5, 0.2, 0.6):
        place = np.array([radius * math.sin(azimuth), 20.0, 500 + radius * (1 - math.cos(azimuth))])
        along = np.array([math.cos(azimuth), 0, math.sin(azimuth)])
        width, height = shot.size_px
        ends = [shot.focal_px * p[:2] / p[2] for p in (place - 0.005 * along, place + 0.005 * along)]
        truth = float(np.linalg.norm(ends[1] - ends[0])) / 0.01 * behind(shot)
        x, y = shot.focal_px * place[:2] / place[2] + np.array([width, height]) / 2
        step = ends[1] - ends[0]
        seen = scale.px_per_mm_along(float(x), float(y), math.atan2(step[1], step[0]))
        assert seen == pytest.approx(truth, rel=5e-3)


def test_places_on_a_round_wall_lie_on_it_and_beside_it_there_are_none() -> None:
    shot = Shot(card=A6, distance_mm=500)
    view = look(shot)
    surface = surface_of(view, Wall(curvature=0.01))
    places = on_wall(surface, np.array([view.centre_px, (10.0, 600.0)]))
    assert places[0] == pytest.approx([0, 0, 500], abs=0.1)
    assert np.isnan(places[1]).all()


def test_beyond_the_wall_there_is_no_scale_but_a_reason() -> None:
    view = look(Shot(card=A6, distance_mm=500))
    lost = calibrate(view, wall=Wall(curvature=0.01), at_px=(10.0, 600.0))
    assert lost.px_per_mm is None
    assert lost.missing == "place_too_far"
    assert lost.px_per_mm_along(10, 600, 0) is None


def test_a_focal_length_that_the_file_tells_leaves_less_open_on_a_round_wall() -> None:
    shot = Shot(card=A6, distance_mm=500, tilt_deg=25)
    assumed = look(shot)
    told = replace(assumed, focal_px=shot.focal_px)
    wall, beside = Wall(curvature=0.006), (1100.0, 600.0)
    budgets = [calibrate(view, wall=wall, at_px=beside).error_budget for view in (assumed, told)]
    assert budgets[0] is not None
    assert budgets[1] is not None
    assert budgets[1]["focal_length"] == pytest.approx(budgets[0]["focal_length"] / 2, rel=0.1)
    longer = surface_of(replace(assumed, focal_px=1.2 * shot.focal_px), wall)
    distances = [np.linalg.norm(pose(surface)[1]) for surface in (longer, surface_of(told, wall))]
    assert distances[0] > 1.1 * distances[1]


def test_corners_off_any_plane_show_in_the_reprojection_error() -> None:
    shot = Shot(card=A6)
    corners = {marker: shot.corners(place) for place, marker in enumerate(A6.ids)}
    corners[A6.ids[2]] = corners[A6.ids[2]] + [12.0, -9.0]
    bent = view_card(SeenCard(card=A6, markers=corners), size_px=shot.size_px)
    assert bent is not None
    assert bent.fit.reprojection_error_px > 1
    assert look(shot).fit.reprojection_error_px < 1e-3


def test_a_calibration_crosses_json_unchanged() -> None:
    adapter = TypeAdapter(Calibration)
    view = look(Shot(card=A6, tilt_deg=20), noise_px=0.1)
    for scale in (NO_SCALE, calibrate(view, wall=Wall(curvature=0.004), at_px=view.centre_px)):
        assert adapter.validate_json(adapter.dump_json(scale)) == scale


def test_a_record_from_before_there_was_a_card_is_still_read() -> None:
    old = '{"method": "none", "px_per_mm": null, "relative_uncertainty": null, "tilt_deg": null}'
    assert TypeAdapter(Calibration).validate_json(old).px_per_mm is None
