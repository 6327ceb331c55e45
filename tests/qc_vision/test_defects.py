"""Regions and their sizes against discs and bars that were drawn into the probability maps."""

import math

import cv2
import numpy as np
import pytest

from qc_vision.calibration import BEHIND_MM, FLAT_WALL, NO_SCALE, Calibration, calibrate, view_card
from qc_vision.card import shipped_cards
from qc_vision.card_detection import SeenCard
from qc_vision.defects import DefectRegion, _outline, defect_map, defect_score, find_regions
from qc_vision.weave import WeaveMap
from tests.qc_vision.drawn import CODES, make_map
from tests.qc_vision.drawn_card import Shot

SHAPE = (120, 160)
STRIDE = 4
A6 = next(card for card in shipped_cards() if card.id == "qc-a6")
FLOOR = dict.fromkeys(CODES, 0.4)


def test_a_round_hole_has_the_size_it_was_drawn_with() -> None:
    radius_px = 30.0
    (hole,) = _find(_seen(hole=_disc((300, 200), radius_px)))
    assert hole.code == "MAJ-HOLE"
    # half a cell (2 px) on either side is what a map of 4 px cells can tell
    assert hole.width_pitch == pytest.approx(2 * radius_px / 20, abs=4 / 20)
    assert hole.max_feret_pitch == pytest.approx(2 * radius_px / 20, abs=4 / 20)
    assert hole.area_pitch2 == pytest.approx(math.pi * radius_px**2 / 400, rel=0.1)
    assert hole.area_px == pytest.approx(math.pi * radius_px**2, rel=0.1)


def test_a_region_lies_where_it_was_drawn_in_x_and_y_of_the_photo() -> None:
    (hole,) = _find(_seen(hole=_disc((420, 120), 24)))
    assert hole.box == pytest.approx((396, 96, 444, 144), abs=4)
    xs, ys = zip(*hole.polygon, strict=True)
    assert (min(xs), min(ys), max(xs), max(ys)) == pytest.approx(hole.box, abs=2)


def test_a_slanted_slit_is_long_and_narrow() -> None:
    slit = np.zeros((480, 640), np.float32)
    cv2.line(slit, (200, 100), (320, 260), 1.0, thickness=13)
    (gap,) = _find(_seen(gap=slit))
    assert gap.max_feret_pitch == pytest.approx((200 + 13) / 20, abs=8 / 20)
    assert gap.width_pitch == pytest.approx(13 / 20, abs=4 / 20)


def test_millimetres_are_given_with_a_scale_and_only_then() -> None:
    weave_map = _seen(hole=_disc((300, 200), 30))
    (without,) = _find(weave_map)
    assert (without.area_mm2, without.width_mm, without.max_feret_mm) == (None, None, None)
    scale = Calibration(method="card", px_per_mm=3.0, relative_uncertainty=0.02, tilt_deg=0.0)
    (scaled,) = find_regions(weave_map, pitch_px=None, scale=scale, floor=FLOOR)
    assert scaled.width_mm == pytest.approx(20, abs=1.5)
    assert (scaled.area_pitch2, scaled.width_pitch, scaled.max_feret_pitch) == (None, None, None)


def test_a_slit_on_a_wall_seen_from_the_side_is_as_long_and_as_narrow_as_it_is() -> None:
    shot = Shot(card=A6, distance_mm=250, tilt_deg=50, size_px=(640, 480))
    corners = {marker: shot.corners(place) for place, marker in enumerate(A6.ids)}
    view = view_card(SeenCard(card=A6, markers=corners), size_px=shot.size_px)
    assert view is not None
    scale = calibrate(view, wall=FLAT_WALL, at_px=view.centre_px)
    # level on the card, where 40 mm span as many px as 26 mm do upright
    level = np.array([[54, 46], [94, 46], [94, 59], [54, 59]], np.float64)
    drawn = cv2.perspectiveTransform(level.reshape(-1, 1, 2), shot.px_from_mm)
    slit = cv2.fillPoly(np.zeros((480, 640), np.float32), [np.round(drawn).astype(np.int32)], 1.0)
    (gap,) = find_regions(_seen(gap=slit), pitch_px=None, scale=scale, floor=FLOOR)
    farther = (
        1 + BEHIND_MM / shot.distance_mm
    )  # what shows there is that much larger on the weave behind the card
    assert gap.max_feret_mm == pytest.approx(math.hypot(40, 13) * farther, abs=2)
    assert gap.width_mm == pytest.approx(13 * farther, abs=2)
    assert gap.area_mm2 == pytest.approx(40 * 13 * farther**2, rel=0.1)


def test_each_code_has_its_own_floor() -> None:
    weave_map = _seen(hole=0.6 * _disc((300, 200), 30), gap=0.6 * _disc((100, 300), 30))
    found = find_regions(weave_map, pitch_px=20, scale=NO_SCALE, floor=FLOOR | {"MAJ-HOLE": 0.7})
    assert [r.code for r in found] == ["MAJ-GAP"]
    assert found[0].score == pytest.approx(0.6, abs=0.02)


def test_a_code_without_a_floor_is_refused_rather_than_overlooked() -> None:
    with pytest.raises(KeyError):
        find_regions(_seen(), pitch_px=20, scale=NO_SCALE, floor={"MAJ-HOLE": 0.4})


def test_a_sure_core_keeps_its_pale_border_and_a_haze_without_core_is_nothing() -> None:
    core = np.maximum(0.55 * _disc((300, 200), 40), 0.9 * _disc((300, 200), 24))
    (hole,) = _find(_seen(hole=core))
    # the border is hardly higher than half the core, so its outline is good to a cell on either side
    assert hole.width_pitch == pytest.approx(80 / 20, abs=8 / 20)
    assert _find(_seen(hole=0.3 * _disc((300, 200), 60))) == ()


def test_two_holes_are_two_regions_when_a_faint_bridge_joins_them() -> None:
    bridge = np.zeros((480, 640), np.float32)
    cv2.line(bridge, (200, 200), (400, 200), 0.25, thickness=16)
    two = np.maximum(bridge, np.maximum(_disc((200, 200), 24), _disc((400, 200), 24)))
    assert len(_find(_seen(hole=two))) == 2


def test_what_lies_away_from_the_basket_is_not_a_defect() -> None:
    basket = np.zeros(SHAPE, np.float32)
    basket[:, :80] = 1
    beside = _seen(hole=_disc((500, 200), 30), basket=basket)
    assert _find(beside) == ()
    assert defect_score(beside) == 0
    assert defect_map(beside).max() == 0
    assert len(_find(_seen(hole=_disc((200, 200), 30), basket=basket))) == 1


def test_an_opening_that_the_mask_leaves_out_still_belongs_to_the_basket() -> None:
    basket = np.ones(SHAPE, np.float32)
    hole = _disc((300, 200), 30)
    basket -= _cells(hole)
    assert len(_find(_seen(hole=hole, basket=basket))) == 1


def test_a_hole_at_the_photos_edge_is_kept_inside_the_photo() -> None:
    (hole,) = _find(_seen(hole=_disc((0, 0), 40)))
    assert min(hole.box) >= 0
    assert hole.max_feret_pitch == pytest.approx(40 * math.sqrt(2) / 20, rel=0.15)


def test_the_surest_region_comes_first() -> None:
    seen = _seen(hole=0.6 * _disc((300, 200), 30), stain=0.9 * _disc((100, 300), 30))
    assert [r.code for r in _find(seen)] == ["MAJ-STAIN", "MAJ-HOLE"]


def test_the_photos_score_grows_with_probability_and_with_extent_and_ignores_a_lone_cell() -> None:
    nothing, faint, strong = (defect_score(_seen(hole=p * _disc((300, 200), 20))) for p in (0, 0.3, 0.9))
    assert 0 == nothing < faint < strong <= 1
    assert defect_score(_seen(hole=_disc((300, 200), 6))) < defect_score(_seen(hole=_disc((300, 200), 12)))
    lone = np.zeros((480, 640), np.float32)
    lone[200:204, 300:304] = 1
    assert defect_score(_seen(hole=lone)) < 0.1


def test_the_photos_score_hardly_depends_on_how_much_basket_is_in_view() -> None:
    half = np.zeros(SHAPE, np.float32)
    half[:, :90] = 1
    hole = 0.8 * _disc((200, 200), 24)
    assert defect_score(_seen(hole=hole, basket=half)) == pytest.approx(
        defect_score(_seen(hole=hole)), rel=0.05
    )


def test_the_defect_map_is_the_highest_over_all_codes() -> None:
    seen = defect_map(_seen(hole=0.5 * _disc((300, 200), 30), gap=0.8 * _disc((300, 200), 12)))
    assert seen[50, 75] == pytest.approx(0.8)
    assert seen[50, 80] == pytest.approx(0.5)


def _find(weave_map: WeaveMap) -> tuple[DefectRegion, ...]:
    return find_regions(weave_map, pitch_px=20.0, scale=NO_SCALE, floor=FLOOR)


def _disc(centre: tuple[float, float], radius: float) -> np.ndarray:
    """A disc of ones, centre (x, y) and radius in px of a photo 640 wide and 480 high."""
    y, x = np.indices((480, 640)) + 0.5
    return (np.hypot(x - centre[0], y - centre[1]) <= radius).astype(np.float32)


def _cells(full: np.ndarray) -> np.ndarray:
    return full.reshape(SHAPE[0], STRIDE, SHAPE[1], STRIDE).mean(axis=(1, 3))


def _seen(
    *,
    hole: np.ndarray | None = None,
    gap: np.ndarray | None = None,
    stain: np.ndarray | None = None,
    basket: np.ndarray | None = None,
) -> WeaveMap:
    defects = np.zeros((len(CODES), *SHAPE), np.float32)
    for code, drawn in (("MAJ-HOLE", hole), ("MAJ-GAP", gap), ("MAJ-STAIN", stain)):
        if drawn is not None:
            defects[CODES.index(code)] = _cells(drawn)
    return make_map(np.zeros((480, 640), np.float32), basket=basket, defects=defects, stride=STRIDE)


def test_a_lone_cell_just_at_the_floor_still_has_an_outline() -> None:
    probability = np.zeros((12, 12), np.float32)
    probability[4:9, 4:9] = 0.049
    probability[6, 6] = 0.0501
    for level in (0.0499, 0.05, 0.0501):
        assert len(_outline(probability, level=level)) > 0
