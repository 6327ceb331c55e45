"""One basket, whole: drawn outlines, and what is told of them where that is demanded."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from qc_vision.quality import RetakeReason
from qc_vision.refusal_limits import SHIPPED
from qc_vision.spec import load_spec
from qc_vision.view import cut_fraction, find_view_faults, second_fraction
from qc_vision.weave import WeaveMap
from tests.qc_vision.drawn import make_map
from tests.qc_vision.fakes import FakePerceiver, encode_weave, make_inspector

SHAPE = (60, 80)
CUT, SEVERAL = RetakeReason.BASKET_CUT, RetakeReason.SEVERAL_BASKETS

Cells = NDArray[np.bool_]


def disc(x: float, y: float, radius: float) -> Cells:
    rows, columns = np.indices(SHAPE)
    return np.hypot(columns - x, rows - y) <= radius


def seen(basket: Cells) -> WeaveMap:
    blank = np.zeros((SHAPE[0] * 4, SHAPE[1] * 4), np.float32)
    return make_map(blank, basket=basket.astype(np.float32))


@pytest.mark.parametrize(
    ("basket", "reasons"),
    [
        (disc(40, 30, 20), set()),
        # a chord of 32 of 40 cells
        (disc(12, 30, 20), {CUT}),
        (disc(40, 48, 20), {CUT}),
        (disc(20, 30, 14) | disc(60, 30, 14), {SEVERAL}),
        (disc(20, 30, 14) | disc(70, 30, 14), {SEVERAL, CUT}),
        # a tag beside it, a seventh as long
        (disc(40, 30, 21) | disc(70, 30, 3), set()),
        # a handle alone reaches the top: 4 of 41 cells
        (disc(40, 35, 20) | (disc(40, 8, 60) & (np.abs(np.indices(SHAPE)[1] - 40) < 2)), set()),
    ],
    ids=["whole", "cut left", "cut below", "two", "two, one cut", "a tag", "a handle"],
)
def test_what_is_told_of_a_basket_s_outline(basket: Cells, reasons: set[RetakeReason]) -> None:
    assert find_view_faults(seen(basket), "whole") == reasons
    assert find_view_faults(seen(basket), "any") == set()


def test_a_close_view_in_which_weave_fills_the_photo_is_cut_off_only_where_the_whole_is_demanded() -> None:
    full = np.ones(SHAPE, bool)
    assert find_view_faults(seen(full), "whole") == {CUT}
    assert find_view_faults(seen(full), "any") == set()


def test_the_figures_are_shares_of_the_basket() -> None:
    assert cut_fraction(disc(12, 30, 20)) == pytest.approx(2 * np.sqrt(20**2 - 12**2) / 40, abs=0.05)
    assert second_fraction(disc(20, 30, 16) | disc(60, 30, 8)) == pytest.approx(1 / 4, abs=0.03)
    assert cut_fraction(np.zeros(SHAPE, bool)) == second_fraction(np.zeros(SHAPE, bool)) == 0


def test_a_spec_that_demands_the_whole_basket_asks_for_another_photo() -> None:
    spec = replace(load_spec("default"), view="whole")
    close = FakePerceiver()
    close.perceive = lambda photo: make_map(  # type: ignore[method-assign]
        np.zeros((photo.height, photo.width), np.float32)
    )
    record = make_inspector(close).inspect(encode_weave(), spec=spec).record
    assert (record.verdict, [reason.code for reason in record.reasons]) == ("retake", ["basket_cut"])
    whole = make_inspector().inspect(encode_weave(), spec=spec).record
    assert whole.verdict == "pass"


def test_limits_laid_over_are_heeded() -> None:
    strict = replace(SHIPPED.view, cut_fraction_max=0.0)
    touching = seen(disc(40, 20, 20))
    assert find_view_faults(touching, "whole") == set()
    assert find_view_faults(touching, "whole", limits=strict) == {CUT}
