"""AUPRO: how well a map covers each fault, whatever its size, at few false pixels (Bergmann et al. 2021)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.evaluate.cells import CellMap
from training.evaluate.figures import Statistic

FPR_LIMIT = 0.3
LEVELS = 2000
SAMPLED_PX = 40_000
"""Of each photo, for choosing levels that are even in rank over all photos."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """One photo at every level of a descending ladder: `false_px` (L,) sound pixels at or above the level,
    of `sound_px`; `overlap` (R, L) the share of each of its R faults at or above it."""

    sound_px: int
    false_px: NDArray[np.float64]
    overlap: NDArray[np.float64]


def ladder(scores: Sequence[NDArray[np.floating]]) -> NDArray[np.float64]:
    """Descending levels: all values that occur, or `LEVELS` of them, even in rank and denser at the top."""
    values = np.unique(np.concatenate([s.ravel() for s in scores]).astype(np.float64))[::-1]
    if values.size <= LEVELS:
        return values
    # half of the levels on the top fiftieth of the values, where the curve is steep
    top, rest = np.linspace(0, 0.02, LEVELS // 2), np.linspace(0.02, 1, LEVELS // 2)
    return values[np.unique(np.round(np.concatenate([top, rest]) * (values.size - 1)).astype(int))]


def cover_all(
    maps: Sequence[CellMap],
    faults: Sequence[Sequence[NDArray[np.bool_]]],
    *,
    shapes: Sequence[tuple[int, int]],
    counted: Sequence[NDArray[np.bool_]] | None = None,
) -> list[Coverage]:
    """The coverage of each of N photos, at levels common to all; `shapes` (height, width) in px."""
    # between cells lie values that no cell has, so levels are taken from pixels, of which a part will do
    sampled = [
        m.spread(shape)[:: _stride(shape), :: _stride(shape)] for m, shape in zip(maps, shapes, strict=True)
    ]
    levels = ladder(sampled)
    return [
        cover(m.spread(shapes[i]), faults[i], levels, counted=counted[i] if counted else None)
        for i, m in enumerate(maps)
    ]


def _stride(shape: tuple[int, int]) -> int:
    return max(1, round(math.sqrt(shape[0] * shape[1] / SAMPLED_PX)))


def cover(
    scores: NDArray[np.floating],
    faults: Sequence[NDArray[np.bool_]],
    levels: NDArray[np.float64],
    *,
    counted: NDArray[np.bool_] | None = None,
) -> Coverage:
    """One photo's coverage. `scores`, each of `faults` and `counted` (where sound pixels count; everywhere
    if None) are (H, W)."""
    faulty = np.any(np.stack([*faults, np.zeros(scores.shape, dtype=bool)]), axis=0)
    sound = scores[~faulty if counted is None else ~faulty & counted]
    return Coverage(
        sound_px=sound.size,
        false_px=_at_or_above(sound, levels),
        overlap=np.array([_at_or_above(scores[f], levels) / f.sum() for f in faults if f.any()]).reshape(
            -1, len(levels)
        ),
    )


def _at_or_above(values: NDArray[np.floating], levels: NDArray[np.float64]) -> NDArray[np.float64]:
    ranked = np.sort(values.astype(np.float64))
    return (ranked.size - np.searchsorted(ranked, levels, "left")).astype(np.float64)


def aupro_of(coverages: Sequence[Coverage]) -> Statistic:
    """The statistic that a bootstrap asks for: AUPRO of the photos with these numbers."""
    return lambda rows: aupro([coverages[i] for i in rows])


def aupro(coverages: Sequence[Coverage], *, limit: float = FPR_LIMIT) -> float:
    """Area under mean overlap against false-positive rate, from 0 to `limit`, divided by `limit`.

    The mean is over faults, the rate over all sound pixels of all photos; between levels both run straight,
    as in the benchmark's own evaluation code. NaN without faults or without sound pixels.
    """
    overlaps = [c.overlap for c in coverages if len(c.overlap)]
    sound = sum(c.sound_px for c in coverages)
    if not overlaps or not sound:
        return float("nan")
    rate = np.concatenate([[0.0], np.sum([c.false_px for c in coverages], axis=0) / sound, [1.0]])
    overlap = np.concatenate([[0.0], np.concatenate(overlaps).mean(axis=0), [1.0]])
    inside = rate <= limit
    at_limit = _value_at(limit, rate, overlap)
    x, y = np.append(rate[inside], limit), np.append(overlap[inside], at_limit)
    return float(np.trapezoid(y, x) / limit)


def _value_at(limit: float, rate: NDArray[np.float64], overlap: NDArray[np.float64]) -> float:
    """The overlap where the curve crosses `limit`: on the straight line between the levels on either side."""
    last = int(np.flatnonzero(rate <= limit)[-1])
    if last + 1 == len(rate):
        return float(overlap[last])
    share = (limit - rate[last]) / (rate[last + 1] - rate[last])
    return float(overlap[last] + share * (overlap[last + 1] - overlap[last]))
