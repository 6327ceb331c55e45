import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import binary_fill_holes

from qc_vision.enclosed import LEVELS, MAX_CELLS, fill_enclosed

MAPS = arrays(np.float32, (9, 11), elements=st.sampled_from([np.float32(v / 20) for v in range(21)]))


@given(MAPS)
def test_on_a_small_map_it_is_the_hole_filling_of_scipy_level_by_level(weave: np.ndarray) -> None:
    filled = fill_enclosed(weave)

    for level in LEVELS:
        expected = binary_fill_holes(weave >= level, structure=np.ones((3, 3)))
        assert np.array_equal(filled >= level, expected)
    assert (filled >= weave).all()
    assert np.array_equal(fill_enclosed(filled), filled)


@pytest.mark.parametrize(("side", "closes"), [(31, True), (32, False)])
def test_what_is_large_was_meant(side: int, closes: bool) -> None:
    assert (side**2 <= MAX_CELLS) == closes
    weave = np.full((50, 50), 1.0, np.float32)
    weave[5 : 5 + side, 5 : 5 + side] = 0.1

    assert (fill_enclosed(weave)[10, 10] > 0.8) == closes


def test_what_reaches_the_edge_is_open() -> None:
    weave = np.ones((20, 20), np.float32)
    weave[:5, 8:12] = 0

    assert np.array_equal(fill_enclosed(weave), weave)
