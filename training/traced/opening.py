"""Openings that are meant: the slot of a tissue box, a hole for the hand. Their edge is bound, and they are no fault."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.traced.fault import Fault
from training.traced.wall import Values, Wall
from training.traced.weave import Fabric, Strand

STOPS = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """At `row` and `stake` of a wall, half as high and wide as `rows` and `stakes`; `squareness` 2 for an ellipse, more
    for a slot; `bound_dm`: how thick its edge is, of `twists` strands if more than one, in the colour `tint`."""

    row: float
    stake: float
    rows: float
    stakes: float
    squareness: float
    bound_dm: float
    twists: int
    tint: tuple[float, float, float]

    def far(self, wall: Wall, rows: Values, stakes: Values) -> Values:
        """1 on its edge, less within."""
        down, across = (
            np.abs(rows - self.row) / self.rows,
            np.abs(wall.apart(stakes, self.stake)) / self.stakes,
        )
        return np.asarray((down**self.squareness + across**self.squareness) ** (1 / self.squareness))

    def spares(self, wall: Wall, fault: Fault) -> bool:
        """Whether the fault lies clear of it."""
        rows, stakes = self.rows + fault.rows + 1, self.stakes + fault.stakes + 1
        apart = float(wall.apart(np.array([fault.stake]), self.stake)[0])
        return abs(fault.row - self.row) > rows or abs(apart) > stakes

    def left(self, wall: Wall, strand: Strand) -> list[Strand]:
        """What it leaves of a strand of the wall."""
        gone = self.far(wall, strand.row, strand.stake) < 1
        return strand.cut(~gone) if gone.any() else [strand]

    def edge(self, wall: Wall) -> list[Strand]:
        t = np.linspace(0, 2 * np.pi, STOPS)
        power = 2 / self.squareness
        # half the binding lies on the wall
        down = (
            (self.rows + 0.3 * self.bound_dm / wall.pitch) * np.sign(np.sin(t)) * np.abs(np.sin(t)) ** power
        )
        across = (
            (self.stakes + 0.3 * self.bound_dm / wall.step) * np.sign(np.cos(t)) * np.abs(np.cos(t)) ** power
        )
        length = 4 * (self.rows * wall.pitch + self.stakes * wall.step)
        turns = round(length / (6 * self.bound_dm))
        thick = self.bound_dm / (1 if self.twists == 1 else 1.5)
        strands = []
        for k in range(self.twists):
            phase = turns * t + 2 * np.pi * k / self.twists
            swing = 0.0 if self.twists == 1 else 0.3 * self.bound_dm
            strands.append(
                Strand(
                    family="rim",
                    index=k,
                    row=self.row + down + swing / wall.pitch * np.cos(phase) * np.sin(t),
                    stake=self.stake + across + swing / wall.step * np.cos(phase) * np.cos(t),
                    off=0.25 * self.bound_dm + swing * np.sin(phase),
                    width=np.full(STOPS, thick),
                    thick=np.full(STOPS, thick),
                    tone=1 + 0.15 * np.sin(phase),
                    tint=self.tint,
                )
            )
        return strands


def draw_opening(wall: Wall, fabric: Fabric, toward_stake: float, rng: np.random.Generator) -> Opening | None:
    """An opening in the side that faces `toward_stake`, where the wall is large enough for one."""
    slot = rng.random() < 0.5
    half_wide_dm = rng.uniform(0.35, 0.75)
    half_high_dm = half_wide_dm * (rng.uniform(0.12, 0.35) if slot else rng.uniform(0.4, 0.9))
    rows, stakes = half_high_dm / wall.pitch, half_wide_dm / wall.step
    if rows < 1 or rows > 0.3 * wall.rows or stakes > 0.15 * wall.stakes:
        return None
    return Opening(
        row=rng.uniform(0.4, 0.9 - rows / wall.rows) * wall.rows,
        stake=toward_stake + rng.normal(0, 0.03) * wall.stakes,
        rows=rows,
        stakes=stakes,
        squareness=math.exp(rng.uniform(math.log(2), math.log(6))),
        bound_dm=float(np.clip(wall.pitch * rng.uniform(0.6, 1.2), 0.04, 0.14)),
        twists=int(rng.choice([1, 2, 3])),
        tint=fabric.weft if rng.random() < 0.6 else fabric.other,
    )


def without(opening: Opening | None, wall: Wall, row: Values, stake: Values) -> NDArray[np.bool_]:
    """Which places of the wall are not in the opening."""
    return np.ones(len(row), bool) if opening is None else opening.far(wall, row, stake) >= 1
