"""The ruler's shifts against the same sums written out, and against a wave whose period is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qc_vision.ruler import OVERLAP_MIN, autocorrelate


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    size=st.tuples(st.integers(5, 14), st.integers(5, 14)),
    finer=st.integers(1, 3),
    reach=st.integers(2, 6),
)
def test_the_height_of_a_shift_is_the_mean_product_of_the_pairs_it_brings_together(
    seed: int, size: tuple[int, int], finer: int, reach: int
) -> None:
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((2, *size)).astype(np.float32)
    mask = rng.random(size) < 0.9
    alike = autocorrelate(values, mask, reach=reach, finer=finer)
    centred = (values - values[:, mask].mean(axis=1)[:, None, None]) * mask
    at_rest = (centred**2).sum() / mask.sum()
    dy, dx = (
        int(rng.integers(0, min(reach, size[0] - 1) + 1)),
        int(rng.integers(0, min(reach, size[1] - 1) + 1)),
    )
    here, there = (slice(size[0] - dy), slice(size[1] - dx)), (slice(dy, None), slice(dx, None))
    pairs = int((mask[here] & mask[there]).sum())
    found = alike[alike.shape[0] // 2 + finer * dy, alike.shape[1] // 2 + finer * dx]
    if pairs < OVERLAP_MIN * mask.sum() - 0.01:
        assert np.isnan(found)
    elif pairs > OVERLAP_MIN * mask.sum() + 0.01:
        product = (centred[:, *here] * centred[:, *there]).sum() / pairs
        assert found == pytest.approx(product / at_rest, abs=1e-3)


@pytest.mark.parametrize("period", [5.3, 9.0])
def test_a_wave_falls_upon_itself_one_period_on_between_cells_too(period: float) -> None:
    x = np.arange(48, dtype=np.float32)
    wave = np.tile(np.cos(2 * np.pi * x / period), (1, 40, 1)).astype(np.float32)
    alike = autocorrelate(wave, np.ones((40, 48), bool), reach=12, finer=4)
    along = alike[alike.shape[0] // 2, alike.shape[1] // 2 :]
    half = round(period / 2 * 4)
    peak = half + int(along[half : round(period * 1.4 * 4)].argmax())
    assert peak / 4 == pytest.approx(period, abs=0.26)
