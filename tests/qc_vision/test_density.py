"""Density against drawn weaves: their pitch and direction are known before anything is measured."""

import math

import numpy as np
import pytest

from qc_vision.calibration import NO_SCALE, Calibration
from qc_vision.density import openness, read_density, uniformity
from qc_vision.weave import WeaveMap
from tests.qc_vision.drawn import CODES, draw_lobes, draw_weave, make_map

SIZE = (480, 640)


@pytest.mark.parametrize("turned_deg", [0.0, 20.0, 45.0, 110.0])
@pytest.mark.parametrize(("row_pitch", "stake_pitch"), [(16.0, 40.0), (24.0, 24.0)])
def test_pitch_and_direction_are_read_when_the_network_is_off_by_a_sixth_and_seven_degrees(
    turned_deg: float, row_pitch: float, stake_pitch: float
) -> None:
    grey = draw_weave(size=SIZE, row_pitch=row_pitch, stake_pitch=stake_pitch, turned_deg=turned_deg)
    weave_map = make_map(
        grey,
        weft=(90 + turned_deg + 7, row_pitch * 1.16),
        warp=(turned_deg - 7, stake_pitch * 0.86),
    )
    weft, warp = read_density(weave_map, scale=NO_SCALE)
    assert (weft.direction, warp.direction) == ("weft", "warp")
    assert weft.confident
    assert warp.confident
    # 2 % is what hand counts are good to, and what the reading promises at best
    assert weft.pitch_px == pytest.approx(row_pitch, rel=0.02)
    assert warp.pitch_px == pytest.approx(stake_pitch, rel=0.02)
    assert _between(weft.angle_deg, 90 + turned_deg) < 3
    assert _between(warp.angle_deg, turned_deg) < 3


def test_the_truth_lies_in_the_interval() -> None:
    grey = draw_weave(size=SIZE, row_pitch=18.0, stake_pitch=36.0)
    for reading in read_density(make_map(grey, weft=(90, 20), warp=(0, 33)), scale=NO_SCALE):
        low, high = reading.pitch_px_interval
        assert low < {"weft": 18.0, "warp": 36.0}[reading.direction] < high


@pytest.mark.parametrize("over_under", [True, False])
def test_one_strand_is_counted_not_the_repeat_of_two(over_under: bool) -> None:
    grey = draw_weave(size=SIZE, row_pitch=20.0, stake_pitch=50.0, over_under=over_under)
    weft, _ = read_density(make_map(grey, weft=(90, 22), warp=(0, 55)), scale=NO_SCALE)
    assert weft.pitch_px == pytest.approx(20.0, rel=0.02)


@pytest.mark.parametrize("wrong_by", [0.45, 2.0])
def test_the_octave_is_right_when_the_network_is_off_by_one(wrong_by: float) -> None:
    grey = draw_weave(size=SIZE, row_pitch=22.0, stake_pitch=50.0)
    weft, _ = read_density(make_map(grey, weft=(90, 22 * wrong_by), warp=(0, 55)), scale=NO_SCALE)
    assert weft.pitch_px == pytest.approx(22.0, rel=0.02)


def test_hidden_rows_are_counted_where_they_show_in_the_next_column() -> None:
    lobes = draw_lobes(size=SIZE, row_pitch=16.0, stake_pitch=48.0)
    weft, _ = read_density(make_map(lobes, weft=(90, 24), warp=(0, 50)), scale=NO_SCALE)
    assert weft.pitch_px == pytest.approx(16.0, rel=0.02)


def test_rows_are_not_halved_where_the_network_meant_them_so() -> None:
    lobes = draw_lobes(size=SIZE, row_pitch=16.0, stake_pitch=48.0)
    weft, _ = read_density(make_map(lobes, weft=(90, 31), warp=(0, 50)), scale=NO_SCALE)
    assert weft.pitch_px == pytest.approx(32.0, rel=0.02)


def test_nothing_is_sure_when_two_rows_may_have_been_taken_for_one() -> None:
    weave = draw_weave(size=SIZE, row_pitch=22.0, stake_pitch=50.0)
    weft, _ = read_density(make_map(weave, weft=(90, 22 * 0.7), warp=(0, 55)), scale=NO_SCALE)
    assert not weft.confident


def test_nothing_is_sure_where_the_drawn_strands_and_the_features_differ() -> None:
    weave = draw_weave(size=SIZE, row_pitch=20.0, stake_pitch=50.0)
    weave[1:] = draw_weave(size=SIZE, row_pitch=15.0, stake_pitch=38.0)[1:]
    assert not any(r.confident for r in read_density(make_map(weave, weft=(90, 17)), scale=NO_SCALE))


@pytest.mark.parametrize(("of_photo", "of_drawing", "sure"), [(3, 4, True), (8, 2, True), (8, 4, False)])
def test_the_clearer_the_drawing_the_less_clear_the_photo_need_be(
    of_photo: float, of_drawing: float, sure: bool
) -> None:
    weave = draw_weave(size=SIZE, row_pitch=20.0, stake_pitch=50.0)
    rng = np.random.default_rng(4)
    weave[0] += of_photo * weave[0].std() * rng.normal(0, 1, SIZE).astype(np.float32)
    weave[1:] += of_drawing * rng.normal(0, 1, (2, *SIZE)).astype(np.float32)
    weft, _ = read_density(make_map(weave, weft=(90, 17), warp=(0, 45)), scale=NO_SCALE)
    assert weft.pitch_px == pytest.approx(20.0, rel=0.04)
    assert weft.confident == sure


def test_nothing_is_claimed_when_there_is_no_weave() -> None:
    noise = np.random.default_rng(3).random(SIZE).astype(np.float32)
    assert not any(r.confident for r in read_density(make_map(noise), scale=NO_SCALE))


def test_nothing_is_sure_when_cells_are_too_coarse_for_the_strands() -> None:
    weave = draw_weave(size=SIZE, row_pitch=7.0, stake_pitch=40.0)
    weave[1] = 0  # nor can anyone draw them on such cells
    weft, _ = read_density(make_map(weave, weft=(90, 7.5)), scale=NO_SCALE)
    assert weft.pitch_px == pytest.approx(7.5)
    assert not weft.confident


def test_only_the_quadrilateral_is_read_when_one_is_given() -> None:
    left = draw_weave(size=(480, 320), row_pitch=16.0, stake_pitch=40.0)
    right = draw_weave(size=(480, 320), row_pitch=20.0, stake_pitch=40.0)
    weave_map = make_map(np.concatenate([left, right], axis=2), weft=(90, 18))
    for corners, pitch in (([8, 310], 16.0), ([330, 630], 20.0)):
        (x0, x1) = corners
        quad = np.array([[x0, 20], [x1, 20], [x1, 460], [x0, 460]], dtype=float)
        weft, _ = read_density(weave_map, scale=NO_SCALE, quad=quad)
        assert weft.pitch_px == pytest.approx(pitch, rel=0.02)


def test_corners_of_a_quadrilateral_may_come_in_any_order() -> None:
    weave_map = make_map(draw_weave(size=SIZE, row_pitch=18.0, stake_pitch=36.0), weft=(90, 20), warp=(0, 33))
    corners = np.array([[40, 40], [400, 60], [380, 400], [60, 380]], dtype=float)
    shuffled = corners[[2, 0, 3, 1]]
    assert read_density(weave_map, scale=NO_SCALE, quad=corners) == read_density(
        weave_map, scale=NO_SCALE, quad=shuffled
    )


def test_strands_per_10_cm_follow_from_the_scale() -> None:
    grey = draw_weave(size=SIZE, row_pitch=20.0, stake_pitch=40.0)
    scale = Calibration(method="card", px_per_mm=2.0, relative_uncertainty=0.04, tilt_deg=0.0)
    weft, _ = read_density(make_map(grey), scale=scale)
    # 20 px at 2 px per mm is 10 mm: ten strands in 10 cm
    assert weft.per_10cm == pytest.approx(10.0, rel=0.02)
    assert weft.per_10cm_interval is not None
    low, high = weft.per_10cm_interval
    assert high / low > weft.pitch_px_interval[1] / weft.pitch_px_interval[0]


def card_at(x0: float, x1: float) -> Calibration:
    """A scale of 2 px per mm from a card beside this part of the photo."""
    return Calibration(
        method="card",
        px_per_mm=2.0,
        relative_uncertainty=0.04,
        tilt_deg=0.0,
        at_px=((x0 + x1) / 2, 240.0),
        valid_region=((x0, 0.0), (x1, 0.0), (x1, 480.0), (x0, 480.0)),
    )


def nearer_on_the_left() -> WeaveMap:
    """Rows 20 px apart on two thirds of the photo, 25 on the rest: the same rows, nearer to the camera."""
    left = draw_weave(size=(480, 200), row_pitch=25.0, stake_pitch=50.0)
    right = draw_weave(size=(480, 440), row_pitch=20.0, stake_pitch=40.0)
    return make_map(np.concatenate([left, right], axis=2), weft=(90, 21), warp=(0, 42))


@pytest.mark.parametrize(("card", "per_10cm"), [(card_at(0, 190), 8.0), (card_at(220, 640), 10.0)])
def test_strands_per_10_cm_are_counted_where_the_card_tells_the_scale(
    card: Calibration, per_10cm: float
) -> None:
    weft, _ = read_density(nearer_on_the_left(), scale=card)
    assert weft.pitch_px == pytest.approx(20.0, rel=0.03)
    assert weft.per_10cm == pytest.approx(per_10cm, rel=0.03)
    assert weft.confident


@pytest.mark.parametrize("card", [card_at(700, 800), card_at(100, 120)])
def test_strands_per_10_cm_are_not_told_where_none_are_seen_beside_the_card(card: Calibration) -> None:
    weave_map = make_map(draw_weave(size=SIZE, row_pitch=20.0, stake_pitch=40.0))
    assert all(reading.confident for reading in read_density(weave_map, scale=NO_SCALE))
    _, warp = read_density(weave_map, scale=card)
    assert warp.per_10cm is None
    assert warp.per_10cm_interval is None
    assert warp.confident


def test_there_are_no_readings_without_a_basket() -> None:
    grey = draw_weave(size=SIZE, row_pitch=20.0, stake_pitch=40.0)
    weave_map = make_map(grey, basket=np.zeros((120, 160), np.float32))
    assert read_density(weave_map, scale=NO_SCALE) == ()
    assert openness(weave_map) is None
    assert uniformity(weave_map, ()) is None


def test_even_rows_are_even_and_perspective_does_not_make_them_uneven() -> None:
    for stretch in (0.0, 0.15):
        grey = draw_weave(size=SIZE, row_pitch=18.0, stake_pitch=36.0, stretch=stretch, over_under=False)
        weave_map = make_map(grey, weft=(90, 19), warp=(0, 34))
        cv = uniformity(weave_map, read_density(weave_map, scale=NO_SCALE))
        assert cv is not None
        assert cv.unit == "1"
        assert cv.value < 0.025


def test_bands_of_tight_and_loose_rows_are_uneven() -> None:
    bands = [draw_weave(size=(160, 640), row_pitch=p, stake_pitch=36.0) for p in (16.0, 20.0, 16.0)]
    weave_map = make_map(np.concatenate(bands, axis=1), weft=(90, 18), warp=(0, 34))
    readings = read_density(weave_map, scale=NO_SCALE)
    cv = uniformity(weave_map, readings)
    # two pitches a quarter apart, in thirds: standard deviation over mean is 0.11; windows blur the borders
    assert cv is not None
    assert 0.05 < cv.value < 0.14


def test_openness_is_the_share_of_the_basket_that_is_hole_or_gap() -> None:
    grey = draw_weave(size=SIZE, row_pitch=20.0, stake_pitch=40.0)
    basket = np.zeros((120, 160), np.float32)
    basket[10:110, 30:130] = 1
    defects = np.zeros((len(CODES), 120, 160), np.float32)
    defects[CODES.index("MAJ-HOLE"), 20:30, 40:60] = 0.9
    defects[CODES.index("MAJ-GAP"), 50:55, 40:60] = 0.8
    defects[CODES.index("MAJ-STAIN"), 60:80, 40:60] = 0.9
    share = openness(make_map(grey, basket=basket, defects=defects))
    assert share is not None
    assert share.value == pytest.approx((10 * 20 + 5 * 20) / (100 * 100))


def _between(a_deg: float, b_deg: float) -> float:
    """The angle between two directions without a sense, in degrees."""
    turn = math.fmod(abs(a_deg - b_deg), 180)
    return min(turn, 180 - turn)
