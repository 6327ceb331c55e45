"""The statistics that a model is judged by, against sums one can do by hand."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from training.evaluate.figures import Subject, auroc

MODEL = Subject(part="any")


def test_auroc_counts_pairs_and_halves_ties() -> None:
    assert auroc([3, 4], [1, 2]) == 1.0
    assert auroc([1, 2], [3, 4]) == 0.0
    assert auroc([2, 2], [2, 2]) == 0.5
    assert auroc([1, 3], [2]) == 0.5


def test_auroc_of_one_kind_alone_is_unknown() -> None:
    assert math.isnan(auroc([], [1.0]))


@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=20), st.lists(st.integers(0, 9), min_size=1, max_size=20)
)
def test_auroc_is_the_rank_sum_statistic_of_another_library(faulty: list[int], sound: list[int]) -> None:
    u = mannwhitneyu(faulty, sound, method="asymptotic").statistic
    assert math.isclose(auroc(faulty, sound), u / (len(faulty) * len(sound)))


def test_the_interval_of_an_auroc_widens_with_fewer_photos() -> None:
    scores, faulty = [0.4, 0.9, 0.6, 0.1, 0.5, 0.7], [True] * 3 + [False] * 3
    few = MODEL.auroc("few", scores, faulty, list("abcdef"))
    many = MODEL.auroc("many", scores * 20, faulty * 20, [str(i) for i in range(120)])
    assert few.value == many.value
    assert few.high - few.low > many.high - many.low


def test_kin_photos_count_as_one_unit() -> None:
    alone = MODEL.mean("alone", [0.0, 1.0] * 20, [str(i) for i in range(40)])
    kin = MODEL.mean("kin", [0.0, 1.0] * 20, ["a", "b"] * 20)
    assert (alone.n, kin.n) == (40, 2)
    assert kin.high - kin.low > alone.high - alone.low


def test_the_interval_of_a_share_is_that_of_the_binomial() -> None:
    hits = [True] * 30 + [False] * 70
    figure = MODEL.share("hits", hits, [str(i) for i in range(100)])
    spread = 1.645 * math.sqrt(0.3 * 0.7 / 100)
    # a percentile of 1000 draws of a share in steps of 0.01 is good to about one step
    assert np.allclose([figure.low, figure.high], [0.3 - spread, 0.3 + spread], atol=0.015)


def test_a_median_is_a_median_and_nothing_is_unknown() -> None:
    assert MODEL.median("m", [1.0, 2.0, 100.0], list("abc")).value == 2.0
    nothing = MODEL.median("m", [], [])
    assert nothing.n == 0
    assert math.isnan(nothing.value)
