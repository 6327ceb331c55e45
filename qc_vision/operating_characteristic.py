"""What a sampling plan can tell: the chance that a lot is accepted, by how many of its units are nonconforming.

Exact for finite lots (hypergeometric, as the sample is drawn without replacement).
"""

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qc_vision.errors import SamplingError
from qc_vision.message import Message
from qc_vision.sampling import ClassPlan

CURVE_POINTS = 100
NEARLY_NEVER = 1e-3
"""A curve ends where hardly any lot is accepted; beyond lies nothing to see."""
NEGLIGIBLE = 1e-18
"""Smaller terms cannot be seen in a sum of chances in double precision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Whoever says of a unit whether it conforms: a person who looks (taken as never wrong), or a machine with
    its measured sensitivity (nonconforming units it finds) and specificity (conforming units it lets pass).

    Both are shares; raises SamplingError outside 0 to 1.
    """

    sensitivity: float = 1.0
    specificity: float = 1.0

    def __post_init__(self) -> None:
        for name, share in (("sensitivity", self.sensitivity), ("specificity", self.specificity)):
            if not 0 <= share <= 1:
                raise SamplingError(
                    Message(
                        id=f"{name} {share:g} tidak mungkin. Beri bagian antara 0 dan 1.",
                        en=f"A {name} of {share:g} cannot be. Give a share between 0 and 1.",
                    )
                )


NEVER_WRONG = Reader()


@dataclass(frozen=True, slots=True, kw_only=True)
class OcPoint:
    """`accepted`: the chance that a lot with `nonconforming` such units, a share `fraction` of it, is accepted."""

    nonconforming: int
    fraction: float
    accepted: float


def acceptance_probability(
    plan: ClassPlan, *, lot_size: int, nonconforming: ArrayLike, reader: Reader = NEVER_WRONG
) -> NDArray[np.float64]:
    """The chance that a lot is accepted, for each number of nonconforming units in it; shape as given.

    The sample holds X nonconforming units, hypergeometric. Of these the reader reports each with chance
    `sensitivity`, and of the n - X others each with chance 1 - `specificity`, all independent. Accepted: at
    most Ac reported.
    """
    from scipy import stats  # a third of a second, which no start should wait for

    present = np.asarray(nonconforming)
    accepted_given = _accepted_given(plan, reader)
    (in_sample,) = np.nonzero(accepted_given > NEGLIGIBLE)
    chance_in_sample = stats.hypergeom.pmf(in_sample, lot_size, present[..., None], plan.n)
    accepted: NDArray[np.float64] = chance_in_sample @ accepted_given[in_sample]
    return np.clip(accepted, 0, 1)


def operating_characteristic(
    plan: ClassPlan, *, lot_size: int, reader: Reader = NEVER_WRONG
) -> tuple[OcPoint, ...]:
    """The curve from a perfect lot to one that is hardly ever accepted, about a hundred points at most.

    The curve falls, as long as the reader reports a nonconforming unit more readily than a conforming one.
    """
    last = bisect_left(range(lot_size), True, key=lambda number: _hardly_ever(plan, lot_size, number, reader))
    numbers = np.unique(np.linspace(0, last, CURVE_POINTS + 1).astype(int))
    accepted = acceptance_probability(plan, lot_size=lot_size, nonconforming=numbers, reader=reader)
    return tuple(
        OcPoint(nonconforming=int(number), fraction=int(number) / lot_size, accepted=float(chance))
        for number, chance in zip(numbers, accepted, strict=True)
    )


def _hardly_ever(plan: ClassPlan, lot_size: int, nonconforming: int, reader: Reader) -> bool:
    accepted = acceptance_probability(plan, lot_size=lot_size, nonconforming=nonconforming, reader=reader)
    return bool(accepted < NEARLY_NEVER)


def _accepted_given(plan: ClassPlan, reader: Reader) -> NDArray[np.float64]:
    """(n + 1,) the chance of at most Ac reports, given 0 to n nonconforming units in the sample."""
    from scipy import stats

    in_sample = np.arange(plan.n + 1)
    found = np.arange(plan.ac + 1)
    hits = stats.binom.pmf(found, in_sample[:, None], reader.sensitivity)
    room = plan.ac - found
    false_alarms = stats.binom.cdf(room, plan.n - in_sample[:, None], 1 - reader.specificity)
    given: NDArray[np.float64] = np.sum(hits * false_alarms, axis=1)
    return given
