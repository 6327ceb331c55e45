"""Size and lean of whole baskets drawn with known dimensions, a card held to their wall."""

import numpy as np
import pytest

from qc_vision.basket_size import BasketSize, measure_size
from qc_vision.calibration import FLAT_WALL, NO_SCALE, Wall
from qc_vision.quantity import Quantity
from tests.qc_vision.drawn import make_map
from tests.qc_vision.drawn_basket import CELL_PX, SIZE_PX, Stand, see


def measured(stand: Stand) -> BasketSize:
    return measure_size(see(stand), scale=stand.calibration())


def holds(quantity: Quantity | None, true: float) -> bool:
    return quantity is not None and quantity.low <= true <= quantity.high


STANDS = {
    "as the protocol asks": Stand(),
    "at eye level": Stand(above_deg=0),
    "from above": Stand(above_deg=25),
    "turned camera": Stand(turned_deg=6),
    "near": Stand(distance_mm=800),
    "narrow foot": Stand(base=170),
    "wider foot": Stand(rim=200, base=240),
    "low": Stand(height=150, rim=300, base=280),
    "another lens": Stand(focal_share=0.70),
    "beside the middle": Stand(aside_mm=120),
    "a slight belly": Stand(bulge_mm=20),
    "leaning": Stand(shift_mm=30),
    "leaning to the left, turned": Stand(shift_mm=-20, turned_deg=4),
}


@pytest.mark.parametrize("stand", STANDS.values(), ids=STANDS.keys())
def test_size_and_lean_of_a_drawn_basket_lie_within_their_interval(stand: Stand) -> None:
    found = measured(stand)
    assert found.missing is None
    assert holds(found.height, stand.height)
    assert holds(found.rim_width, stand.rim)
    assert holds(found.base_width, stand.base)
    assert holds(found.lean, stand.lean_deg())


def test_sizes_are_told_to_a_few_per_cent_and_a_lean_to_two_degrees() -> None:
    stand = Stand(shift_mm=30)
    found = measured(stand)
    assert found.height
    assert found.rim_width
    assert found.lean
    assert found.height.value == pytest.approx(stand.height, rel=0.02)
    assert found.rim_width.value == pytest.approx(stand.rim, rel=0.02)
    assert found.height.expanded_uncertainty < 0.06 * stand.height
    assert found.rim_width.expanded_uncertainty < 0.06 * stand.rim
    assert found.lean.value == pytest.approx(stand.lean_deg(), abs=1)
    assert found.lean.expanded_uncertainty < 2.5


def test_a_wall_that_may_be_flat_widens_the_interval() -> None:
    stand = Stand()
    unsure = measure_size(see(stand), scale=stand.calibration(Wall()))
    sure = measured(stand)
    assert unsure.rim_width
    assert sure.rim_width
    assert unsure.rim_width.expanded_uncertainty > 1.5 * sure.rim_width.expanded_uncertainty


def test_without_a_card_there_is_no_size() -> None:
    assert measure_size(see(Stand()), scale=NO_SCALE) == BasketSize(missing="no_scale")


def test_a_basket_cut_off_by_the_photo_has_no_size() -> None:
    assert measured(Stand(distance_mm=300)) == BasketSize(missing="cut_off")
    assert measured(Stand(aside_mm=500)) == BasketSize(missing="cut_off")


def test_a_basket_seen_from_high_above_has_no_size() -> None:
    assert measured(Stand(above_deg=50)) == BasketSize(missing="too_tilted")


def test_a_box_has_no_size_of_a_round_basket() -> None:
    stand = Stand()
    flat = stand.calibration(FLAT_WALL)
    assert measure_size(see(stand), scale=flat) == BasketSize(missing="not_round")


def test_a_belly_has_no_size_of_a_straight_basket() -> None:
    for bulge_mm in (50, 80):
        assert measured(Stand(bulge_mm=bulge_mm)) == BasketSize(missing="outline_unclear")


@pytest.mark.parametrize("cells", [6, 45])
def test_a_handle_above_the_rim_leaves_the_outline_unclear(cells: int) -> None:
    stand = Stand()
    basket = stand.mask()
    rows, columns = np.nonzero(basket)
    basket[rows.min() - cells : rows.min() + 5, int(columns.mean()) - 5 : int(columns.mean()) + 5] = 1
    grey = np.zeros((SIZE_PX[1], SIZE_PX[0]), np.float32)
    handled = make_map(grey, basket=basket, stride=CELL_PX)
    assert measure_size(handled, scale=stand.calibration()) == BasketSize(missing="outline_unclear")


def test_two_baskets_have_no_size() -> None:
    stand = Stand(distance_mm=1500)
    basket = np.maximum(stand.mask(), np.roll(stand.mask(), 60, axis=1))
    grey = np.zeros((SIZE_PX[1], SIZE_PX[0]), np.float32)
    two = make_map(grey, basket=basket, stride=CELL_PX)
    assert measure_size(two, scale=stand.calibration()) == BasketSize(missing="several_parts")
