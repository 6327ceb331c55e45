"""AUPRO against a case done by hand, and against the plain definition, threshold by threshold."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from training.evaluate.cells import CellMap
from training.evaluate.overlap import aupro, cover, cover_all, ladder


def measure(scores: NDArray, faults: list[NDArray[np.bool_]], *, limit: float) -> float:
    return aupro([cover(scores, faults, ladder([scores]))], limit=limit)


def by_definition(scores: NDArray, faults: list[NDArray[np.bool_]], *, limit: float) -> float:
    """Bergmann et al.: at each threshold the mean overlap of regions and the false-positive rate; the area under
    the straight lines between them, cut at the limit."""
    sound = ~np.any(faults, axis=0)
    curve = [(0.0, 0.0)]
    for threshold in sorted(set(scores.ravel().tolist()), reverse=True):
        on = scores >= threshold
        curve.append((float(on[sound].mean()), float(np.mean([on[f].mean() for f in faults]))))
    area = 0.0
    for (x0, y0), (x1, y1) in pairwise(curve):
        if x1 > limit and x1 > x0:
            y1 = y0 + (y1 - y0) * max(0.0, limit - x0) / (x1 - x0)
        area += (min(x1, limit) - min(x0, limit)) * (y0 + y1) / 2
    return area / limit


def test_a_case_done_by_hand() -> None:
    # ten sound pixels; a fault of two pixels, both above all else, and one of four, of which two come next,
    # then five false pixels of one score, then the rest
    scores = np.array([[9.0, 9, 8, 8, 1, 1, 5, 5, 5, 5, 5, 0, 0, 0, 0, 0]])
    small, large = np.zeros(scores.shape, bool), np.zeros(scores.shape, bool)
    small[0, :2], large[0, 2:6] = True, True
    # overlap: 1/2 then (1 + 1/2) / 2 = 3/4 at no false pixel; still 3/4 at rate 1/2. Up to 0.3: 3/4 throughout
    assert measure(scores, [small, large], limit=0.3) == pytest.approx(0.75)
    # up to 1: 3/4 until 1/2 (level 5), 1 at the same rate (level 1), then 1 to the end
    assert measure(scores, [small, large], limit=1.0) == pytest.approx(0.5 * 0.75 + 0.5 * 1.0)


def test_between_levels_the_curve_runs_straight() -> None:
    scores = np.array([[1.0, 1, 1, 1, 0, 0]])
    fault = np.array([[True, True, False, False, False, False]])
    # from (0, 0) to (1/2, 1): at 0.25 the overlap is 1/2, so the area is a triangle
    assert measure(scores, [fault], limit=0.25) == pytest.approx(0.25)


def test_a_perfect_map_scores_one_and_a_blind_one_next_to_nothing() -> None:
    fault = np.zeros((20, 20), bool)
    fault[5:9, 5:9] = True
    assert measure(fault.astype(float), [fault], limit=0.3) == pytest.approx(1.0)
    assert measure(np.zeros((20, 20)), [fault], limit=0.3) == pytest.approx(0.15)  # chance: the diagonal


def test_small_faults_count_as_much_as_large_ones() -> None:
    small, large = np.zeros((30, 30), bool), np.zeros((30, 30), bool)
    small[:2, :2], large[10:25, 10:25] = True, True
    assert measure(small.astype(float), [small, large], limit=0.001) == pytest.approx(0.5, abs=0.01)
    assert measure(large.astype(float), [small, large], limit=0.001) == pytest.approx(0.5, abs=0.01)


def test_without_faults_it_is_unknown() -> None:
    assert math.isnan(measure(np.ones((4, 4)), [], limit=0.3))


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.sampled_from([0.1, 0.3, 0.7]))
def test_it_is_the_plain_definition(seed: int, limit: float) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 12, (8, 9)).astype(float)
    labels = rng.choice([0, 0, 0, 1, 2], (8, 9))
    labels[0, :3] = (0, 1, 2)
    faults = [labels == 1, labels == 2]
    assert measure(scores, faults, limit=limit) == pytest.approx(by_definition(scores, faults, limit=limit))


def test_a_ladder_of_many_values_is_fine_enough() -> None:
    rng = np.random.default_rng(0)
    fault = np.zeros((200, 200), bool)
    fault[50:90, 50:90] = True
    scores = rng.normal(size=fault.shape) + 1.5 * fault
    assert measure(scores, [fault], limit=0.3) == pytest.approx(
        by_definition(np.round(scores, 3), [fault], limit=0.3), abs=0.002
    )


def test_pixels_that_do_not_count_change_nothing() -> None:
    rng = np.random.default_rng(1)
    scores = rng.random((20, 20))
    fault = np.zeros((20, 20), bool)
    fault[2:6, 2:6] = True
    counted = np.zeros((20, 20), bool)
    counted[:, :10] = True
    levels = ladder([scores])
    there = aupro([cover(scores, [fault], levels, counted=counted)])
    scores_elsewhere = np.where(counted | fault, scores, 1.0)
    assert aupro([cover(scores_elsewhere, [fault], levels, counted=counted)]) == there


def test_photos_are_pooled_and_maps_are_brought_to_their_pixels() -> None:
    fault = np.zeros((40, 40), bool)
    fault[8:16, 8:16] = True
    cells = CellMap(values=np.zeros((10, 10), np.float16), px_per_cell=4.0)
    lit = np.zeros((10, 10), np.float16)
    lit[2:4, 2:4] = 1
    shapes: list[tuple[int, int]] = [(40, 40), (40, 40)]
    seen = cover_all([CellMap(values=lit, px_per_cell=4.0), cells], [[fault], []], shapes=shapes)
    assert aupro(seen) > 0.95
    assert aupro([seen[1]]) != aupro([seen[1]])  # NaN: a sound photo alone


def test_a_cell_lies_where_its_map_says() -> None:
    values = np.zeros((3, 4), np.float16)
    values[1, 2] = 1
    placed = CellMap(values=values, px_per_cell=10.0, origin_px=(20.0, 5.0)).spread((60, 80))
    y, x = np.unravel_index(int(placed.argmax()), placed.shape)
    assert (abs(x + 0.5 - 45), abs(y + 0.5 - 20)) <= (0.5, 0.5)
    assert placed[:5].max() == 0
    assert placed.sum() == pytest.approx(100, rel=0.01)  # a tent of one cell's volume
