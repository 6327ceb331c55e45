"""A figure with its bootstrap interval, and the statistics that figures are made of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLINGS = 1000

Rows = NDArray[np.intp]
Statistic = Callable[[Rows], float]
"""A figure of the rows with these numbers, some perhaps more than once; NaN where they leave nothing to measure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the table: what `who` reaches, with its 90 % bootstrap interval over `n` independent units
    (photos; sources where photos are kin). NaN where there was nothing to measure."""

    part: str
    what: str
    who: str
    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a figure is about: the part of the table, and whose figure it is (the model's or a baseline's)."""

    part: str
    who: str = "model"

    def measure(self, what: str, units: Sequence[str], statistic: Statistic) -> Figure:
        """`statistic` of all rows, and its percentile interval when whole units are drawn with replacement.

        `units`: for each row the unit that it belongs to.
        """
        names = sorted(set(units))
        if not names:
            return self._figure(what, float("nan"), (float("nan"), float("nan")), 0)
        of_unit = [np.flatnonzero(np.array(units) == name) for name in names]
        rng = np.random.default_rng(0)
        draws = [
            statistic(np.concatenate([of_unit[i] for i in rng.integers(len(names), size=len(names))]))
            for _ in range(RESAMPLINGS)
        ]
        known = np.array(draws)[~np.isnan(draws)]
        low, high = np.percentile(known, [5, 95]) if known.size else (float("nan"), float("nan"))
        return self._figure(what, statistic(np.arange(len(units))), (float(low), float(high)), len(names))

    def share(self, what: str, hits: Sequence[bool], units: Sequence[str]) -> Figure:
        return self.mean(what, [float(hit) for hit in hits], units)

    def mean(self, what: str, values: Sequence[float], units: Sequence[str]) -> Figure:
        v = np.array(values, dtype=float)
        return self.measure(what, units, lambda rows: float(v[rows].mean()))

    def median(self, what: str, values: Sequence[float], units: Sequence[str]) -> Figure:
        v = np.array(values, dtype=float)
        return self.measure(what, units, lambda rows: float(np.median(v[rows])))

    def auroc(
        self, what: str, scores: Sequence[float], faulty: Sequence[bool], units: Sequence[str]
    ) -> Figure:
        return self.measure(what, units, auroc_of(scores, faulty))

    def _figure(self, what: str, value: float, interval: tuple[float, float], n: int) -> Figure:
        return Figure(
            part=self.part, what=what, who=self.who, value=value, low=interval[0], high=interval[1], n=n
        )


def auroc_of(scores: Sequence[float], faulty: Sequence[bool]) -> Statistic:
    """The statistic that a bootstrap asks for: AUROC of the photos with these numbers."""
    s, f = np.array(scores, dtype=float), np.array(faulty, dtype=bool)
    return lambda rows: auroc(s[rows][f[rows]], s[rows][~f[rows]])


def auroc(faulty: ArrayLike, sound: ArrayLike) -> float:
    """Chance that a faulty one scores above a sound one (ties count half); NaN without one of each."""
    high, low = np.asarray(faulty, dtype=float), np.sort(np.asarray(sound, dtype=float))
    if high.size == 0 or low.size == 0:
        return float("nan")
    below, up_to = np.searchsorted(low, high, "left"), np.searchsorted(low, high, "right")
    return float((below + up_to).mean() / (2 * low.size))
