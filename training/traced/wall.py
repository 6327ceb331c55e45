"""The surface that a basket is woven on: from (row, stake) to a place in space and the direction that is outside.

Lengths in decimetres (one of Blender's units is one here); z up, the basket stands on z = 0.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Values = NDArray[np.float64]
Places = Callable[[Values, Values], Points]
SIDES = 720
EPSILON = 0.02
"""Of a step: how far apart the places lie whose difference is a tangent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dent:
    """A place where the wall is pushed out (or in, below 0) by `depth` dm; `reach` in steps."""

    row: float
    stake: float
    reach: float
    depth: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Wall:
    """`at(rows, stakes)` gives (n, 3) places. Rows run from 0 to `rows`, stakes from 0 to `stakes`; where it is
    `closed` the last stake is the first one. `pitch`, `step`: dm from row to row and from stake to stake."""

    rows: int
    stakes: int
    pitch: float
    step: float
    closed: bool
    smooth: Places
    dents: tuple[Dent, ...] = field(default=())

    def at(self, rows: Values, stakes: Values) -> Points:
        places = self.smooth(rows, stakes)
        if not self.dents:
            return places
        outward = _outward(self.smooth, rows, stakes)
        return places + outward * self._dented(rows, stakes)[:, None]

    def outward(self, rows: Values, stakes: Values) -> Points:
        """(n, 3) unit vectors away from the inside."""
        return _outward(self.at, rows, stakes)

    def dented(self, dents: tuple[Dent, ...]) -> "Wall":
        return replace(self, dents=dents)

    def apart(self, stakes: Values, stake: float) -> Values:
        """How many stakes away, the short way round."""
        away = stakes - stake
        return away - self.stakes * np.round(away / self.stakes) if self.closed else away

    def _dented(self, rows: Values, stakes: Values) -> Values:
        depth = np.zeros_like(rows)
        for dent in self.dents:
            far2 = (rows - dent.row) ** 2 + (self.apart(stakes, dent.stake) * self.step / self.pitch) ** 2
            depth += dent.depth * np.exp(-1.5 * far2 / dent.reach**2)
        return depth


def _outward(at: Places, rows: Values, stakes: Values) -> Points:
    up = at(rows + EPSILON, stakes) - at(rows - EPSILON, stakes)
    ahead = at(rows, stakes + EPSILON) - at(rows, stakes - EPSILON)
    normal = np.cross(ahead, up)
    return np.asarray(normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12))


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A basket's form: half axes `a`, `b` at the rim and `height`, dm; `squareness` 2 for an ellipse, more for a box
    with rounded corners; `taper`, `belly`: how much wider the rim is than the base, and the middle than both."""

    a: float
    b: float
    height: float
    squareness: float
    taper: float
    belly: float

    def width(self, up: Values) -> Values:
        """Share of the rim's width, at a share of the height."""
        up = np.clip(up, -0.1, 1.1)
        return np.asarray(1 + self.taper * (up - 1) + self.belly * np.sin(np.pi * np.clip(up, 0, 1)))

    def section(self) -> tuple[Points, float]:
        """(SIDES + 1, 2) places evenly along the rim, and its length in dm."""
        t = np.linspace(0, 2 * np.pi, 20 * SIDES + 1)
        power = 2 / self.squareness
        x = self.a * np.sign(np.cos(t)) * np.abs(np.cos(t)) ** power
        y = self.b * np.sign(np.sin(t)) * np.abs(np.sin(t)) ** power
        along = np.concatenate([[0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
        even = np.linspace(0, along[-1], SIDES + 1)
        return np.column_stack([np.interp(even, along, x), np.interp(even, along, y)]), float(along[-1])


def side_wall(form: Form, *, pitch: float, aspect: float) -> Wall:
    """The wall of a basket; `aspect` of a stake's step to a row's pitch, about. Its stakes are a multiple of 12, so that
    every weave goes on where it began."""
    section, length = form.section()
    stakes = max(12, 12 * round(length / (pitch * aspect) / 12))
    rows = max(3, round(form.height / pitch))

    def smooth(row: Values, stake: Values) -> Points:
        up = row / rows
        # a period of the section, so that what runs past the seam goes on smoothly
        where = np.mod(stake / stakes, 1.0) * SIDES
        xy = np.column_stack([np.interp(where, np.arange(SIDES + 1), section[:, k]) for k in (0, 1)])
        return np.column_stack([xy * form.width(up)[:, None], up * form.height])

    return Wall(
        rows=rows, stakes=stakes, pitch=form.height / rows, step=length / stakes, closed=True, smooth=smooth
    )


def base_of(form: Form, *, pitch: float) -> Wall:
    """The bottom, in rings from its rim to nearly its middle; what one sees of it is its upper side."""
    section, length = form.section()
    width = float(form.width(np.zeros(1))[0])
    rings = max(3, round(min(form.a, form.b) * width / pitch * 0.96))
    stakes = max(8, 2 * round(length * width / (pitch * 3) / 2))

    def smooth(row: Values, stake: Values) -> Points:
        where = np.mod(stake / stakes, 1.0) * SIDES
        xy = np.column_stack([np.interp(where, np.arange(SIDES + 1), section[:, k]) for k in (0, 1)])
        inward = width * (1 - row / rings * 0.96)
        return np.column_stack([xy * inward[:, None], np.full(len(row), 0.5 * pitch)])

    return Wall(
        rows=rings, stakes=stakes, pitch=pitch, step=length * width / stakes, closed=True, smooth=smooth
    )


def mat(width: float, height: float, *, pitch: float, aspect: float, bend: float, turn_rad: float) -> Wall:
    """A flat piece lying on the ground, outside up; `turn_rad` turns the weave in it, `bend` dm lifts its middle."""
    rows, stakes = max(3, round(height / pitch)), max(4, round(width / (pitch * aspect)))
    cos, sin = np.cos(turn_rad), np.sin(turn_rad)

    def smooth(row: Values, stake: Values) -> Points:
        x, y = (stake / stakes - 0.5) * width, (row / rows - 0.5) * height
        lift = bend * np.cos(np.pi * x / width * 0.9) * np.cos(np.pi * y / height * 0.9) + 0.15 * pitch
        return np.column_stack([x * cos - y * sin, x * sin + y * cos, lift])

    return Wall(
        rows=rows, stakes=stakes, pitch=height / rows, step=width / stakes, closed=False, smooth=smooth
    )
