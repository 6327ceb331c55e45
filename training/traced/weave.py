"""Strands that pass over and under each other, as paths on a wall; and the meshes that they make."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from training.traced.wall import Points, Values, Wall

WEAVES = ("plain", "lens", "wicker", "twill21", "twill22", "double", "twined", "rope", "braid")
TILES: dict[str, tuple[tuple[int, ...], ...]] = {
    "twill21": ((1, 1, 0), (0, 1, 1), (1, 0, 1)),
    "twill22": ((1, 1, 0, 0), (0, 1, 1, 0), (0, 0, 1, 1), (1, 0, 0, 1)),
}
PLAIN = ((1, 0), (0, 1))
STAKELESS = ("rope", "braid")
"""Rows laid on each other and sewn."""
STOPS_A_STAKE = 8
ROUND = 8
"""Corners of a strand's cross-section."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strand:
    """A path: `row`, `stake` (n,) where on the wall, `off` how far outside it (dm), `width` and `thick` of its
    cross-section (dm), `tone` (n,) what its colour is multiplied by, `tint` its colour (linear RGB); `ply`: of a
    twisted strand, dm from ply to ply along it, else 0, and `lay`: how many plies it is made of, less than 0 where they lean the
    other way."""

    family: str
    index: int
    row: Values
    stake: Values
    off: Values
    width: Values
    thick: Values
    tone: Values
    tint: tuple[float, float, float]
    ply: float = 0.0
    lay: int = 0

    def cut(self, keep: NDArray[np.bool_]) -> list["Strand"]:
        """What is left of it, in pieces of at least three stops."""
        edges = np.flatnonzero(np.diff(np.concatenate([[0], keep.astype(int), [0]])))
        return [self.part(slice(a, b)) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= 3]

    def part(self, stops: slice) -> "Strand":
        return replace(
            self,
            **{n: getattr(self, n)[stops] for n in ("row", "stake", "off", "width", "thick", "tone")},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fabric:
    """How a wall is woven. Shares of the pitch or step: `weft_width`, `weft_thick`, `stake_width`; `swell`: how much
    wider weft is over a stake; `unruly`: how far strands stray; `uneven`: spread of widths; `spread`: of tones
    (ln). `weft`, `stake`: colours, linear RGB; `other` that of `other_share` of the weft, in bands of `band` rows, or
    of single rows where that is 1; `checked`: of every second band of weft and of stakes. Rope and braid show a lobe
    where others have a stake. `ply`, `lay`: of twisted weft, as of a `Strand`."""

    weave: str
    weft_width: float
    weft_thick: float
    stake_width: float
    swell: float
    unruly: float
    uneven: float
    spread: float
    weft: tuple[float, float, float]
    stake: tuple[float, float, float]
    other: tuple[float, float, float]
    other_share: float
    band: int
    checked: bool
    ply: float
    lay: int
    seed: int


def _wander(rng: np.random.Generator, count: int, stops: int, reach: float) -> Values:
    """(count, stops) slow random waves of standard deviation 1; `reach` stops to a bend."""
    knots = max(4, round(stops / reach) + 2)
    coarse = rng.normal(0, 1, (count, knots))
    at = np.linspace(0, knots - 1, stops)
    low = np.minimum(at.astype(int), knots - 2)
    part = at - low
    part = part * part * (3 - 2 * part)
    return np.asarray(coarse[:, low] * (1 - part) + coarse[:, low + 1] * part)


def _over(tile: tuple[tuple[int, ...], ...], row: int, stake: Values) -> Values:
    """1 where the weft of that row lies over the stake, -1 where it lies under it, smoothly between."""
    line = np.array(tile[row % len(tile)], float) * 2 - 1
    low = np.floor(stake).astype(int)
    part = stake - low
    part = part * part * (3 - 2 * part)
    return np.asarray(line[low % len(line)] * (1 - part) + line[(low + 1) % len(line)] * part)


def _every_second(band: int, count: int) -> NDArray[np.bool_]:
    return np.arange(count) // band % 2 == 1


def weave(wall: Wall, fabric: Fabric, *, skipped: tuple[tuple[int, int, int], ...] = ()) -> list[Strand]:
    """All strands of a wall; `skipped`: (row, first stake, last stake) where the weft stays on top."""
    rng = np.random.default_rng(fabric.seed)
    stops = wall.stakes * STOPS_A_STAKE + 1
    stake = np.linspace(0, wall.stakes, stops)
    rows = wall.rows
    stray = _wander(rng, rows, stops, 3 * STOPS_A_STAKE) * fabric.unruly
    if wall.closed:
        stray += (stray[:, :1] - stray[:, -1:]) * np.linspace(0, 1, stops)
    breadth = np.exp(
        _wander(rng, rows, stops, 5 * STOPS_A_STAKE) * fabric.uneven + rng.normal(0, fabric.uneven, (rows, 1))
    )
    tone = np.exp(
        _wander(rng, rows, stops, 6 * STOPS_A_STAKE) * fabric.spread * 0.6
        + rng.normal(0, fabric.spread, (rows, 1))
    )
    others = rng.random(-(-rows // fabric.band)).repeat(fabric.band)[:rows] < fabric.other_share
    if fabric.checked:
        others = _every_second(fabric.band, rows)
    strands: list[Strand] = []
    width, thick = fabric.weft_width * wall.pitch, fabric.weft_thick * wall.pitch
    stake_thick = fabric.stake_width * min(wall.step, wall.pitch * 1.5) * 0.6
    rise = (thick + stake_thick) / 2 * 0.95
    for k in range(rows):
        tint = fabric.other if others[k] else fabric.weft
        for path in _weft_paths(wall, fabric, k, stake, rise, thick, skipped, rng):
            row, off, wider = path
            strands.append(
                Strand(
                    family="weft",
                    index=k,
                    row=row + stray[k],
                    stake=stake,
                    off=off,
                    width=width * breadth[k] * wider,
                    thick=thick * np.sqrt(breadth[k]) * np.ones(stops),
                    tone=tone[k],
                    tint=tint,
                    ply=fabric.ply,
                    lay=fabric.lay,
                )
            )
    if fabric.weave not in STAKELESS:
        strands += _stakes(wall, fabric, rng, rise, stake_thick)
    return strands


def _weft_paths(
    wall: Wall,
    fabric: Fabric,
    k: int,
    stake: Values,
    rise: float,
    thick: float,
    skipped: tuple[tuple[int, int, int], ...],
    rng: np.random.Generator,
) -> list[tuple[Values, Values, Values]]:
    """Row, offset and relative width of each strand that makes up the k-th row."""
    row, even = np.full(len(stake), k + 0.5), np.ones(len(stake))
    if fabric.weave in STAKELESS:
        around = 2 * np.pi * stake / 3
        turn = -1 if k % 2 and fabric.weave == "braid" else 1
        start = rng.uniform(0, 2 * np.pi)
        paths = []
        for strand in range(3):
            phase = turn * around + start + 2 * np.pi * strand / 3
            if fabric.weave == "rope":
                paths.append((row + 0.24 * np.cos(phase), 0.24 * wall.pitch * np.sin(phase), 0.62 * even))
            else:
                paths.append((row + 0.27 * np.sin(phase), 0.17 * wall.pitch * np.sin(2 * phase), 0.62 * even))
        return paths
    if fabric.weave == "twined":
        phase = np.pi * stake + np.pi * k
        return [
            (row + sign * 0.26 * np.sin(phase), sign * rise * np.cos(phase), 0.62 * even) for sign in (1, -1)
        ]
    over = _over(TILES.get(fabric.weave, PLAIN), k, stake)
    for at, first, last in skipped:
        if at == k:
            on = (
                np.clip(1.5 - np.abs(stake - (first + last) / 2) / max(1, (last - first) / 2 + 0.5), 0, 0.5)
                * 2
            )
            over = over * (1 - on) + on
    wider = 1 + fabric.swell * (over - 0.3)
    if fabric.weave == "double":
        return [(row + shift, rise * over, 0.5 * wider) for shift in (-0.25, 0.25)]
    return [(row, rise * over, wider)]


def _stakes(wall: Wall, fabric: Fabric, rng: np.random.Generator, rise: float, thick: float) -> list[Strand]:
    stops = wall.rows * 4 + 1
    row = np.linspace(0, wall.rows, stops)
    count = wall.stakes if wall.closed else wall.stakes + 1
    flat = fabric.weave in ("plain", "twill21", "twill22")
    stray = _wander(rng, count, stops, 20) * fabric.unruly * 0.4
    others = _every_second(fabric.band, count) & fabric.checked
    strands = []
    for j in range(count):
        under = np.zeros(stops)
        if flat:
            tile = TILES.get(fabric.weave, PLAIN)
            low = np.floor(row - 0.5).astype(int)
            part = row - 0.5 - low
            line = (
                np.array([tile[i % len(tile)][j % len(tile[0])] for i in range(-1, wall.rows + 2)], float) * 2
                - 1
            )
            under = -(line[low + 1] * (1 - part) + line[low + 2] * part) * rise * 0.35
        strands.append(
            Strand(
                family="stake",
                index=j,
                row=row,
                stake=np.full(stops, float(j)) + stray[j],
                off=under,
                width=np.full(stops, fabric.stake_width * wall.step * np.exp(rng.normal(0, fabric.uneven))),
                thick=np.full(stops, thick),
                tone=np.exp(np.full(stops, rng.normal(0, fabric.spread))),
                tint=fabric.other if others[j] else fabric.stake,
            )
        )
    return strands


@dataclass(slots=True, kw_only=True)
class Mesh:
    """`places` (n, 3), `faces` (m, 4) indices, `colour` (n, 3) linear RGB, `along` (n, 3): length along the strand in
    dm, share of the way round it, and plies passed by (0, a crest, where nothing is twisted); `row`, `stake` (n,) where on the
    wall; `mould` (n,) how mouldy, in [0, 1]."""

    places: Points
    faces: NDArray[np.int32]
    colour: Points
    along: Points
    row: Values
    stake: Values
    mould: Values


def tube(wall: Wall, strand: Strand) -> Mesh:
    """The strand's skin."""
    row, stake = np.clip(strand.row, -2, wall.rows + 2), strand.stake
    outward = wall.outward(row, stake)
    centre = wall.at(row, stake) + outward * strand.off[:, None]
    return sweep(centre, outward, strand, row=row, stake=stake)


def sweep(centre: Points, outward: Points, strand: Strand, *, row: Values, stake: Values) -> Mesh:
    """A skin round a line in space: an ellipse of `width` across and `thick` along `outward`, closed at the ends of a
    line that is not."""
    stops = len(centre)
    ends = np.ones((stops, 1, 1))
    if np.linalg.norm(centre[0] - centre[-1]) > strand.width[0]:
        ends[[0, -1]] = 0.1
    ahead = np.gradient(centre, axis=0)
    ahead /= np.maximum(np.linalg.norm(ahead, axis=1, keepdims=True), 1e-9)
    aside = np.cross(outward, ahead)
    aside /= np.maximum(np.linalg.norm(aside, axis=1, keepdims=True), 1e-9)
    up = np.cross(ahead, aside)
    angle = 2 * np.pi * np.arange(ROUND) / ROUND
    places = (
        centre[:, None]
        + aside[:, None] * (np.cos(angle)[None, :, None] * strand.width[:, None, None] / 2 * ends)
        + up[:, None] * (np.sin(angle)[None, :, None] * strand.thick[:, None, None] / 2 * ends)
    )
    i, j = np.arange(stops - 1)[:, None] * ROUND, np.arange(ROUND)[None, :]
    after = (j + 1) % ROUND
    faces = np.stack([i + j, i + after, i + ROUND + after, i + ROUND + j], axis=2).reshape(-1, 4)
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(centre, axis=0), axis=1))])
    colour = np.asarray(strand.tint)[None, None] * strand.tone[:, None, None] * np.ones((1, ROUND, 1))
    share = np.repeat(angle[None] / (2 * np.pi), stops, 0)
    passed = length[:, None] / strand.ply + strand.lay * share if strand.ply else np.zeros_like(share)
    along = np.stack([np.repeat(length[:, None], ROUND, 1), share, passed], axis=2)
    return Mesh(
        places=places.reshape(-1, 3),
        faces=faces.astype(np.int32),
        colour=colour.reshape(-1, 3),
        along=along.reshape(-1, 3),
        row=np.repeat(row, ROUND),
        stake=np.repeat(stake, ROUND),
        mould=np.zeros(stops * ROUND),
    )


def joined(meshes: list[Mesh]) -> Mesh:
    """One mesh of many."""
    starts = np.cumsum([0, *(len(m.places) for m in meshes[:-1])])
    return Mesh(
        places=np.concatenate([m.places for m in meshes]),
        faces=np.concatenate([m.faces + start for m, start in zip(meshes, starts, strict=True)]),
        colour=np.concatenate([m.colour for m in meshes]),
        along=np.concatenate([m.along for m in meshes]),
        row=np.concatenate([m.row for m in meshes]),
        stake=np.concatenate([m.stake for m in meshes]),
        mould=np.concatenate([m.mould for m in meshes]),
    )


def rope_ring(
    wall: Wall,
    row: float,
    *,
    radius: float,
    lobe: float,
    tint: tuple[float, float, float],
    spread: float,
    rng: np.random.Generator,
) -> list[Strand]:
    """A rope of three strands laid along the wall at `row`: a rim or a foot; `lobe`: dm from lobe to lobe."""
    stops = max(wall.stakes * STOPS_A_STAKE, round(wall.stakes * wall.step / lobe * 6)) + 1
    stake = np.linspace(0, wall.stakes, stops)
    turns = max(1, round(wall.stakes * wall.step / (3 * lobe)))
    strands = []
    for k in range(3):
        phase = 2 * math.pi * (turns * stake / wall.stakes + k / 3)
        strands.append(
            Strand(
                family="rim",
                index=k,
                row=row + 0.45 * radius / wall.pitch * np.cos(phase),
                stake=stake,
                off=0.45 * radius * np.sin(phase),
                width=np.full(stops, radius * 1.15),
                thick=np.full(stops, radius * 1.1),
                tone=np.exp(_wander(rng, 1, stops, 30)[0] * spread + rng.normal(0, spread)),
                tint=tint,
            )
        )
    return strands
