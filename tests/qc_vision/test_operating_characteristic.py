"""Chances of acceptance: against exact fractions, and against figures reckoned elsewhere."""

from fractions import Fraction
from itertools import pairwise, product
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from qc_vision.errors import SamplingError
from qc_vision.operating_characteristic import Reader, acceptance_probability, operating_characteristic
from qc_vision.sampling import AQLS, LEVELS, REGIMES, ClassPlan, plan_lot
from qc_vision.severity import Severity


def plan_of(n: int, ac: int) -> ClassPlan:
    return ClassPlan(severity=Severity.MAJOR, aql="2.5", regime="normal", code="G", n=n, ac=ac, re=ac + 1)


def exact(lot_size: int, bad: int, n: int, ac: int, sensitivity: Fraction, specificity: Fraction) -> Fraction:
    """By counting: every number of bad units in the sample, every number of them found, every false alarm."""
    total = Fraction(0)
    for x in range(max(0, n - lot_size + bad), min(n, bad) + 1):
        drawn = Fraction(comb(bad, x) * comb(lot_size - bad, n - x), comb(lot_size, n))
        for hits in range(x + 1):
            found = comb(x, hits) * sensitivity**hits * (1 - sensitivity) ** (x - hits)
            for alarms in range(min(n - x, ac - hits) + 1):
                false = comb(n - x, alarms) * (1 - specificity) ** alarms * specificity ** (n - x - alarms)
                total += drawn * found * false
    return total


@given(data=st.data())
def test_a_finite_lot_is_exact_also_with_a_reader_who_errs(data: st.DataObject) -> None:
    lot_size = data.draw(st.integers(2, 60))
    bad = data.draw(st.integers(0, lot_size))
    n = data.draw(st.integers(1, min(lot_size, 20)))
    ac = data.draw(st.integers(0, 4))
    sensitivity = Fraction(data.draw(st.integers(0, 20)), 20)
    specificity = Fraction(data.draw(st.integers(0, 20)), 20)
    reader = Reader(sensitivity=float(sensitivity), specificity=float(specificity))
    chance = acceptance_probability(plan_of(n, ac), lot_size=lot_size, nonconforming=bad, reader=reader)
    expected = exact(lot_size, bad, n, ac, sensitivity, specificity)
    assert float(chance) == pytest.approx(float(expected), abs=1e-9)


@pytest.mark.parametrize("lot_size", [200, 3_200, 35_000])
def test_a_perfect_reader_gives_the_hypergeometric_distribution(lot_size: int) -> None:
    plan = plan_lot(lot_size, level="II", aqls={Severity.MAJOR: "2.5"}).classes[1]
    bad = np.unique(np.linspace(0, lot_size // 3, 50).astype(int))
    chance = acceptance_probability(plan, lot_size=lot_size, nonconforming=bad)
    np.testing.assert_allclose(chance, stats.hypergeom.cdf(plan.ac, lot_size, bad, plan.n), atol=1e-9)


def every_plan() -> list[tuple[int, ClassPlan]]:
    """Each plan that the tables give lots of up to 35,000, with a lot's size: both ends of each range of sizes."""
    ends = [1, 8, 15, 25, 50, 90, 150, 280, 500, 1_200, 3_200, 10_000, 35_000]
    found = {}
    for size in sorted({size for end in ends for size in (end, end + 1)} - {1, 35_001}):
        for level, aql, regime in product(LEVELS, AQLS, REGIMES):
            (plan,) = plan_lot(
                size, level=level, aqls={Severity.MAJOR: aql}, regimes={Severity.MAJOR: regime}
            ).classes[1:]
            found[size, plan.n, plan.ac] = size, plan
    return list(found.values())


def test_every_plan_has_the_curve_of_the_hypergeometric_distribution() -> None:
    plans = every_plan()
    for lot_size, plan in plans:
        # where the curve falls, and both of its ends
        bad = np.unique(np.linspace(0, min(lot_size, 4 * (plan.ac + 1) * lot_size // plan.n), 12).astype(int))
        chance = acceptance_probability(plan, lot_size=lot_size, nonconforming=bad)
        expected = stats.hypergeom.cdf(plan.ac, lot_size, bad, plan.n)
        np.testing.assert_allclose(chance, expected, atol=1e-9, err_msg=f"{lot_size} {plan}")
    assert len(plans) > 400


@pytest.mark.parametrize(("percent", "chance"), [(2.5, 0.97), (5, 0.80), (10, 0.35), (15, 0.10), (20, 0.02)])
def test_chances_reckoned_elsewhere_for_a_lot_of_200(percent: float, chance: float) -> None:
    accepted = acceptance_probability(plan_of(32, 2), lot_size=200, nonconforming=round(2 * percent))
    assert float(accepted) == pytest.approx(chance, abs=0.005)


@pytest.mark.parametrize(("false_fails", "chance"), [(0.02, 0.974), (0.03, 0.93), (0.05, 0.79), (0.08, 0.52)])
def test_false_failures_alone_refuse_perfect_lots(false_fails: float, chance: float) -> None:
    reader = Reader(specificity=1 - false_fails)
    accepted = acceptance_probability(plan_of(32, 2), lot_size=200, nonconforming=0, reader=reader)
    assert float(accepted) == pytest.approx(chance, abs=0.005)


@pytest.mark.parametrize("reader", [Reader(), Reader(sensitivity=0.9, specificity=0.99)])
@pytest.mark.parametrize("lot_size", [2, 40, 200, 35_000])
def test_a_curve_falls_from_a_perfect_lot_to_one_hardly_ever_accepted(lot_size: int, reader: Reader) -> None:
    for plan in plan_lot(lot_size, level="II", aqls={Severity.MAJOR: "2.5", Severity.MINOR: "4.0"}).classes:
        curve = operating_characteristic(plan, lot_size=lot_size, reader=reader)
        chances = [point.accepted for point in curve]
        assert curve[0].nonconforming == 0
        # logarithms of factorials leave about nine digits for a large lot
        assert all(a >= b - 1e-9 for a, b in pairwise(chances))
        # the last point is the first hardly ever accepted one, or the whole lot
        assert chances[-1] < 1e-3 or curve[-1].nonconforming == lot_size
        assert all(chance >= 1e-3 for chance in chances[:-1])
        assert len(curve) <= 101
        assert all(point.fraction == pytest.approx(point.nonconforming / lot_size) for point in curve)


def test_every_unit_inspected_by_a_perfect_reader_leaves_no_chance() -> None:
    curve = operating_characteristic(plan_lot(200, level="II", aqls={}).classes[0], lot_size=200)
    assert [(point.nonconforming, point.accepted) for point in curve] == [(0, 1.0), (1, 0.0)]


@pytest.mark.parametrize(
    "wrong", [{"sensitivity": 1.01}, {"specificity": -0.1}, {"sensitivity": float("nan")}]
)
def test_a_reader_has_shares_between_nothing_and_all(wrong: dict[str, float]) -> None:
    with pytest.raises(SamplingError, match=next(iter(wrong))):
        Reader(**wrong)
