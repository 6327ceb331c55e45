"""The figures that a model is judged by, against sums one can do by hand."""

import math

from training.evaluate import auroc, auroc_figure, bootstrap


def test_auroc_counts_pairs_and_halves_ties() -> None:
    assert auroc([3, 4], [1, 2]) == 1.0
    assert auroc([1, 2], [3, 4]) == 0.0
    assert auroc([2, 2], [2, 2]) == 0.5
    assert auroc([1, 3], [2]) == 0.5


def test_auroc_of_one_kind_alone_is_unknown() -> None:
    assert math.isnan(auroc([], [1.0]))


def test_the_interval_of_an_auroc_widens_with_fewer_photos() -> None:
    few = auroc_figure("few", [0.4, 0.9, 0.6], [0.1, 0.5, 0.7])
    many = auroc_figure("many", [0.4, 0.9, 0.6] * 20, [0.1, 0.5, 0.7] * 20)
    assert few.value == many.value
    assert few.high - few.low > many.high - many.low


def test_kin_photos_count_as_one_unit() -> None:
    alone = bootstrap("alone", [0.0, 1.0] * 20)
    kin = bootstrap("kin", [0.0, 1.0] * 20, groups=["a", "b"] * 20)
    assert (alone.n, kin.n) == (40, 2)
    assert kin.high - kin.low > alone.high - alone.low


def test_a_median_is_a_median() -> None:
    assert bootstrap("m", [1.0, 2.0, 100.0], statistic="median").value == 2.0
