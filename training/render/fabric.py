"""The woven surface itself: heights, colours and faults of strands, as a function of where one is on it.

A point of the fabric is (rows, stakes): how many weft rows down and how many warp strands across, as
floats; strand centres lie on whole numbers. All fields are (h, w) tensors over the canvas.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

LOBED = ("braid", "coil", "twined")
"""Rows of rope: one sees slanted lobes along each row, and no stakes."""
STIFF = ("lens", "wicker")
"""Soft or thin weft over stiff stakes: rows swell over a stake and hide behind the next."""
WEAVES = {
    "plain": 0.14,
    "twill21": 0.05,
    "twill22": 0.06,
    "motif": 0.05,
    "figure": 0.13,
    "lens": 0.20,
    "wicker": 0.17,
    "twined": 0.06,
    "braid": 0.10,
    "coil": 0.04,
}
TWISTED = {"plain": 0.5, "twill21": 0.5, "twill22": 0.5, "lens": 0.35, "wicker": 0.1}
"""Share of the round-stranded fabrics of each weave whose weft is twisted cord: plies run slanted over every lobe, and are no stakes."""
PLY_DEPTH = 0.2
"""Height of a ply, in row pitches; in a groove between two it is a third darker, too."""
MIXED = 0.35
"""Share of the fabrics with stems of two harvests: some strands darker, greener, greyer, and none of it a fault."""
CALM = 0.5
"""Share of the fabrics made of one harvest by a steady hand, close, with few dyes: what most baskets of a village look
like, and where a fault stands out."""
SPLICE_PITCHES = 18.0
"""About how far a stem reaches before the next one goes on in its place, tucked in so that it is no fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stripes:
    """Dyed strands: `width` of every `step` of them, from strand `first` on, `count` in all; each group has one
    of `dyes`."""

    first: int
    count: int
    width: int
    step: int
    dyes: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FabricPlan:
    """What one fabric is made of; everything random about it was drawn when this was made. `material`: a key of
    MATERIALS.

    `tile` (m, n): 1 where a weft row lies over a stake, repeated all over. `cover`: width of a strand as a
    share of its pitch. `swell`: how much wider weft is where it lies over a stake. `tilt`: slant of the
    lobes. `unruly`: how far a strand strays from its place, in pitches. `uneven`: how much strands differ in
    width, from one another and along their way. `mottle`: slow changes of tone over the weave, which are no
    stains. `patchy`: how much one lobe differs in tone from the next of the same strand. `slant`: of the lobes
    of ropes. `other_rgb`: colour of `other_share` of the stems, which come from another harvest; `bundle`
    strands beside one another are of the same one.
    `ply`: of twisted weft, row pitches from ply to ply along it, 0 where it is none; `lay`: how many plies on a line straight
    across it meets.
    """

    weave: str
    material: str
    seed: int
    tile: tuple[tuple[int, ...], ...]
    weft_cover: float
    warp_cover: float
    swell: float
    tilt: float
    unruly: float
    uneven: float
    mottle: float
    patchy: float
    amplitude: float
    roundness: float
    slant: float
    ply: float
    lay: float
    paired_stakes: bool
    weft_rgb: tuple[float, float, float]
    warp_rgb: tuple[float, float, float]
    other_rgb: tuple[float, float, float]
    other_share: float
    bundle: int
    tone_spread: float
    fibre: float
    weft_stripes: Stripes | None
    warp_stripes: Stripes | None
    gloss: float


@dataclass(slots=True, kw_only=True)
class Surface:
    """A rendered fabric: `height` in row pitches, `rgb` (h, w, 3) linear, `gap` 1 where one sees through,
    `stakes` as the eye counts them along a row (lobes where there are no stakes), `weft` True where the rows lie on
    top, None where nobody knows."""

    height: Tensor
    rgb: Tensor
    gap: Tensor
    stakes: Tensor
    weft: Tensor | None


def hash01(a: Tensor, b: Tensor | float, seed: float) -> Tensor:
    """A repeatable number in [0, 1) for each pair of whole numbers."""
    at = a * 12.9898 + b * 78.233
    return at.add_(seed * 0.731).sin_().mul_(43758.5453).frac_().abs_()


def smoothstep(x: Tensor) -> Tensor:
    x = x.clamp(0, 1)
    return x * x * (3 - 2 * x)


def _stray(plan: FabricPlan, index: Tensor, along: Tensor, salt: float) -> Tensor:
    """How far strand `index` lies beside its place, in pitches: slow waves, other ones for every strand."""
    phase = hash01(index, salt, plan.seed) * 6.283
    faster = 0.6 + 0.9 * hash01(index, salt + 2.0, plan.seed)
    return plan.unruly * (
        0.6 * torch.sin(0.7 * faster * along + phase) + 0.4 * torch.sin(1.9 * along + 2 * phase)
    )


def _width(plan: FabricPlan, index: Tensor, along: Tensor, salt: float) -> Tensor:
    """Width of strand `index` as a share of the usual one; a stem swells and thins along its way."""
    own = hash01(index, salt, plan.seed)
    swelling = torch.sin((0.5 + 0.8 * own) * along + 40 * own)
    return 1 + plan.uneven * (0.7 * (own - 0.5) + 0.3 * swelling)


def weave_surface(
    plan: FabricPlan,
    rows: Tensor,
    stakes: Tensor,
    *,
    noise: Tensor,
    floats: list[tuple[int, int, int]],
    missing_weft: Tensor,
    missing_warp: Tensor,
    aspect: float,
) -> Surface:
    """Lays the strands. `missing_*` in [0, 1] thin a strand away; `aspect` = stake pitch / row pitch."""
    rough = (_sample(noise, rows * 0.037, stakes * 0.11) - 0.5) * 0.1
    if plan.weave in LOBED:
        return _lobed_rows(plan, rows, stakes, rough, noise, missing_weft, aspect)
    tile = torch.tensor(plan.tile, dtype=torch.float32) * 2 - 1
    thick = (0.28 if plan.roundness < 3 else 0.14) * (1 + 0.8 * plan.swell)

    # A swollen lobe reaches over its neighbours' places: both rows beside a point may be the one on top.
    lower = torch.floor(rows)
    z_weft, i_weft, r_weft = torch.full_like(rows, -99.0), lower, rows - lower
    tone_weft: Tensor | float = 1.0
    for i in (lower, lower + 1):
        up = _between(lambda jj, i=i: _over(tile, i, jj, floats), stakes)
        r = rows - i + rough + _stray(plan, i, stakes, 0.0)
        if plan.tilt:
            r = r + plan.tilt * (stakes - torch.round(stakes)) * up.clamp_min(0)
        half = 0.5 * plan.weft_cover * _width(plan, i, stakes, 0.0)
        half = half * (1 + plan.swell * up) * (1 - missing_weft)
        across = r / half.clamp_min(1e-3)
        present = (across.abs() < 1) & (half > 0.05)
        body = (1 - across.abs().clamp(0, 1) ** plan.roundness).clamp_min(0).sqrt()
        z = torch.where(present, plan.amplitude * up + thick * body, torch.full_like(rows, -9.0))
        if plan.ply:
            bulge = _ply(plan, i, stakes * aspect, across)
            z = z + PLY_DEPTH * bulge * present
            tone_weft = torch.where(z > z_weft, 0.67 + 0.33 * bulge, tone_weft)
        above = z > z_weft
        i_weft, r_weft = torch.where(above, i, i_weft), torch.where(above, r, r_weft)
        z_weft = torch.maximum(z, z_weft)

    j = torch.round(stakes)
    s = stakes - j + rough * 0.6 + _stray(plan, j, rows, 31.0)
    s_of_pair = (s.abs() - 0.22) * 1.8 if plan.paired_stakes else s
    half_warp = 0.5 * plan.warp_cover * _width(plan, j, rows, 7.0) * (1 - missing_warp)
    across = s_of_pair / half_warp.clamp_min(1e-3)
    has_warp = (across.abs() < 1) & (half_warp > 0.05)
    body = (1 - across.abs().clamp(0, 1) ** plan.roundness).clamp_min(0).sqrt()
    stiff = plan.weave in STIFF
    up = 0.0 if stiff else -plan.amplitude * _between(lambda ii: _over(tile, ii, j, floats), rows)
    z_warp = torch.where(has_warp, up + thick * body * (0.8 if stiff else 1.0), torch.full_like(rows, -9.0))

    gap = (z_weft < -5) & (z_warp < -5)
    height = torch.where(gap, torch.full_like(rows, -0.6), torch.maximum(z_weft, z_warp))
    rgb_weft = _strand_colour(plan, plan.weft_rgb, i_weft, stakes * aspect, r_weft, noise, 0.0)
    rgb_warp = _strand_colour(plan, plan.warp_rgb, j, rows, s_of_pair * aspect, noise, 31.0)
    rgb_weft = rgb_weft * _lobe_tone(plan, i_weft, j) * tone_weft
    rgb_warp = rgb_warp * _lobe_tone(plan, torch.round(rows), j + 0.5)
    weft = z_weft >= z_warp
    rgb = torch.where(weft, rgb_weft, rgb_warp) * _mottle(plan, rows, stakes * aspect, noise)
    return Surface(height=height, rgb=rgb.permute(1, 2, 0), gap=gap.float(), stakes=stakes, weft=weft)


def _ply(plan: FabricPlan, index: Tensor, along: Tensor, across: Tensor) -> Tensor:
    """1 on the crest of a ply of a twisted strand, 0 in the groove between two; `across` in half widths."""
    turn = along / plan.ply + 0.5 * plan.lay * across + hash01(index, 13.0, plan.seed)
    return (1 - (2 * (turn - torch.round(turn))).abs() ** 2.2).clamp_min(0).sqrt()


def _mottle(plan: FabricPlan, down: Tensor, along: Tensor, noise: Tensor) -> Tensor:
    """Slow changes of tone, over five to twenty strands."""
    waves = torch.sin(0.31 * down + 0.17 * along + plan.seed) * torch.sin(0.23 * along - 0.11 * down)
    cloud = _sample(noise, down * 0.004, along * 0.004) - 0.5
    return 1 + plan.mottle * (0.5 * waves + 1.2 * cloud)


def _lobe_tone(plan: FabricPlan, i: Tensor, j: Tensor) -> Tensor:
    """Tone of the lobe where row i meets stake j: a stem shows another side at every turn."""
    return 1 + plan.patchy * (hash01(i, j * 1.7, plan.seed + 3) - 0.5)


def _over(tile: Tensor, i: Tensor, j: Tensor, floats: list[tuple[int, int, int]]) -> Tensor:
    """+1 where weft row i lies over stake j, -1 where it lies under it."""
    m, n = tile.shape
    up = torch.take(tile, (torch.remainder(i, m) * n + torch.remainder(j, n)).long())
    for row, first, last in floats:
        up = torch.where((i == row) & (j >= first) & (j <= last), torch.ones_like(up), up)
    return up


def _between(over_at, along: Tensor) -> Tensor:
    """Interpolates +-1 at whole numbers smoothly along a strand."""
    lower = torch.floor(along)
    t = smoothstep(along - lower)
    return over_at(lower) * (1 - t) + over_at(lower + 1) * t


def _lobed_rows(
    plan: FabricPlan,
    rows: Tensor,
    stakes: Tensor,
    rough: Tensor,
    noise: Tensor,
    missing: Tensor,
    aspect: float,
) -> Surface:
    """Rows of rope, coil or braid: no stakes to be seen, but slanted lobes along each row."""
    i = torch.round(rows)
    r = rows - i + rough + _stray(plan, i, stakes, 0.0) * 0.6
    half = 0.5 * plan.weft_cover * _width(plan, i, stakes, 0.0) * (1 - missing)
    across = r / half.clamp_min(1e-3)
    body = (1 - across.abs().clamp(0, 1) ** 2).clamp_min(0).sqrt()
    shift = hash01(i, 3.0, plan.seed) if plan.weave == "braid" else torch.remainder(i, 2) * 0.5
    lean = across.abs() if plan.weave == "braid" else across
    turn = stakes + plan.slant * lean * 0.5 + shift
    k = torch.round(turn)
    lobe = (1 - (2 * (turn - k)).abs() ** 2.4).clamp_min(0).sqrt()
    present = (across.abs() < 1) & (half > 0.05)
    height = torch.where(present, plan.amplitude + 0.38 * body + 0.16 * lobe, torch.full_like(rows, -0.5))
    strand = i * 57 + k
    rgb = _strand_colour(plan, plan.weft_rgb, strand * 0.37 + i, stakes * aspect, r + 0.4 * turn, noise, 0.0)
    rgb = rgb * _mottle(plan, rows, stakes * aspect, noise) * _lobe_tone(plan, i, k)
    gap = (~present).float() * (missing > 0.4).float()
    groove = (~present) & (gap < 0.5)
    rgb = torch.where(groove, rgb * 0.35, rgb).permute(1, 2, 0)
    return Surface(height=height, rgb=rgb, gap=gap, stakes=turn, weft=torch.ones_like(present))


def _sample(noise: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """Looks a tiled (n, n) noise table up, at the nearest entry: a table this fine needs no more. n: a power of two."""
    n = noise.shape[0]
    x, y = ((u - u.floor()).mul_(n).int(), (v - v.floor()).mul_(n).int())
    return torch.take(noise, ((y & (n - 1)) * n + (x & (n - 1))).long())


def _strand_colour(plan, rgb, index, along, across, noise, salt) -> Tensor:
    """(3, h, w) colour of a strand: its own tone, fibres along it, soft patches, and now and then a node."""
    stem = torch.floor(along / SPLICE_PITCHES + 7 * hash01(index, salt + 3.0, plan.seed))
    own = hash01(index, salt + 0.37 * stem, plan.seed)
    fibre = _sample(noise, along * 0.02 + own, across * 0.35 + own * 7.3)
    patch = _sample(noise, along * 0.013 + own * 3.1, index * 0.137 + across * 0.05)
    tone = (
        1
        + plan.tone_spread * (own - 0.5) * 2
        + plan.fibre * (fibre - 0.5) * 1.6
        + plan.tone_spread * (patch - 0.5) * 1.5
    )
    cell = torch.floor(along / 5.0)
    node_at = (cell + hash01(cell, index, plan.seed + salt)) * 5.0
    has_node = hash01(cell, index + 0.5, plan.seed + 11) < 0.12
    node = torch.exp(-(((along - node_at) / 0.12) ** 2)) * has_node
    tone = tone * (1 - 0.35 * node)
    colour = torch.tensor(rgb, dtype=along.dtype).view(3, 1, 1)
    if plan.other_share:
        harvest = hash01(
            torch.floor(index / plan.bundle) + (0.37 * stem if plan.bundle == 1 else 0), salt + 9, plan.seed
        )
        other = torch.tensor(plan.other_rgb, dtype=along.dtype).view(3, 1, 1)
        colour = torch.where(harvest < plan.other_share, other, colour)
    warm = (hash01(index, salt + 5, plan.seed) - 0.5) * plan.tone_spread
    out = colour * tone * (1 + warm * torch.tensor([0.25, 0.0, -0.35]).view(3, 1, 1))
    stripes = plan.weft_stripes if salt == 0.0 else plan.warp_stripes
    if stripes is not None:
        place = torch.floor(index) - stripes.first
        dyed = (place >= 0) & (place < stripes.count) & (torch.remainder(place, stripes.step) < stripes.width)
        group = hash01(torch.floor(place / stripes.step), salt, plan.seed) * len(stripes.dyes)
        dye = torch.tensor(stripes.dyes).T[:, group.long().clamp_max(len(stripes.dyes) - 1)]
        out = torch.where(dyed, dye * tone, out)
    return out.clamp(0.004, 1.2)


MATERIALS: dict[str, tuple[tuple[float, float, float], ...]] = {
    "hyacinth": ((0.52, 0.34, 0.17), (0.42, 0.26, 0.12), (0.60, 0.44, 0.24), (0.33, 0.19, 0.09)),
    "mendong": ((0.62, 0.55, 0.30), (0.50, 0.48, 0.24), (0.68, 0.58, 0.36)),
    "banana": ((0.36, 0.27, 0.18), (0.46, 0.36, 0.24), (0.25, 0.18, 0.12)),
    "palm": ((0.66, 0.56, 0.36), (0.72, 0.62, 0.42), (0.55, 0.46, 0.26)),
    "willow": ((0.40, 0.24, 0.11), (0.24, 0.12, 0.06), (0.58, 0.38, 0.16)),
    "dyed": ((0.5, 0.05, 0.2), (0.05, 0.15, 0.4), (0.1, 0.3, 0.1), (0.03, 0.03, 0.03), (0.8, 0.78, 0.72)),
}
TILES: dict[str, tuple[tuple[int, ...], ...]] = {
    "plain": ((1, 0), (0, 1)),
    "twill21": ((1, 1, 0), (1, 0, 1), (0, 1, 1)),
    "twill22": ((1, 1, 0, 0), (1, 0, 0, 1), (0, 0, 1, 1), (0, 1, 1, 0)),
}


def plan_fabric(rng: np.random.Generator) -> tuple[FabricPlan, float]:
    """Draws a fabric; returns it with its aspect (stake pitch / row pitch)."""
    weave = str(rng.choice(list(WEAVES), p=list(WEAVES.values())))
    material = str(rng.choice(list(MATERIALS), p=[0.36, 0.14, 0.1, 0.16, 0.16, 0.08]))
    palette = MATERIALS[material]
    # Dark baskets and pale ones: the camera's exposure looks at the whole scene, not at the basket.
    albedo = float(np.exp(rng.normal(0.0, 0.45)))
    weft = np.array(palette[rng.integers(len(palette))]) * albedo
    warp = (
        weft * rng.uniform(0.8, 1.15)
        if rng.random() < 0.7
        else np.array(palette[rng.integers(len(palette))]) * albedo
    )
    if rng.random() < (0.85 if weave == "figure" else 0.06):
        warp = np.array(MATERIALS["dyed"][rng.integers(5)]) * rng.uniform(0.6, 1.4)
        if rng.random() < 0.4:
            weft, warp = warp, weft
    aspect = {
        "plain": lambda: math.exp(rng.normal(0.0, 0.3)),
        "twill21": lambda: math.exp(rng.normal(0.0, 0.2)),
        "twill22": lambda: math.exp(rng.normal(0.0, 0.2)),
        "motif": lambda: math.exp(rng.normal(0.1, 0.3)),
        "figure": lambda: math.exp(rng.normal(0.0, 0.15)),
        "lens": lambda: math.exp(rng.uniform(math.log(1.3), math.log(6.0))),
        "wicker": lambda: math.exp(rng.uniform(math.log(1.8), math.log(15.0))),
        "twined": lambda: rng.uniform(0.6, 1.8),
        "braid": lambda: rng.uniform(0.5, 1.1),
        "coil": lambda: rng.uniform(0.3, 1.6),
    }[weave]()
    lobed, stiff = weave in LOBED, weave in STIFF
    flat = not lobed and not stiff and rng.random() < (0.95 if weave == "figure" else 0.7)
    airy = not lobed and rng.random() < (0.35 if stiff else 0.15)
    mixed = rng.random() < MIXED
    other = (
        np.array(palette[rng.integers(len(palette))])
        * albedo
        * np.exp(rng.normal(0, 0.4, 3) + rng.normal(0, 0.4))
    )
    weft_cover = rng.uniform(0.93, 1.06) if lobed else rng.uniform(0.78, 1.02)
    warp_cover = rng.uniform(0.25, 0.6) if stiff else rng.uniform(0.7, 1.0)
    if airy:
        weft_cover, warp_cover = rng.uniform(0.45, 0.78), warp_cover * rng.uniform(0.6, 1.0)
    weft_stripes = _stripes(rng) if rng.random() < 0.35 else None
    warp_stripes = _stripes(rng) if rng.random() < (0.6 if weft_stripes else 0.08) else None
    slant = rng.uniform(0.7, 1.6) if weave == "braid" else rng.uniform(0.3, 1.5)
    plan = FabricPlan(
        weave=weave,
        material=material,
        seed=int(rng.integers(1, 9999)),
        tile=_tile(weave, rng),
        weft_cover=float(weft_cover),
        warp_cover=float(warp_cover),
        swell=float(rng.uniform(0.55, 0.95) if weave == "lens" else rng.uniform(0.1, 0.75) if stiff else 0.0),
        tilt=float(rng.uniform(-0.7, 0.7)) if weave == "lens" and rng.random() < 0.4 else 0.0,
        unruly=float(rng.uniform(0.0, 0.22) * rng.random()),
        uneven=float(rng.uniform(0.1, 0.6)),
        mottle=float(rng.uniform(0.0, 0.5) * rng.random()),
        patchy=float(rng.uniform(0.0, 0.7) * rng.random()),
        amplitude=float(rng.uniform(0.08, 0.2) if flat else rng.uniform(0.18, 0.38)),
        roundness=float(rng.uniform(4, 12) if flat else rng.uniform(1.8, 2.6)),
        slant=float(rng.choice([-1, 1]) * slant),
        ply=0.0,
        lay=0.0,
        paired_stakes=bool(weave in ("wicker", "plain") and rng.random() < 0.18),
        weft_rgb=tuple(float(c) for c in weft.clip(0.008, 0.95)),
        warp_rgb=tuple(float(c) for c in warp.clip(0.008, 0.95)),
        other_rgb=tuple(float(c) for c in other.clip(0.008, 0.95)),
        other_share=float(rng.uniform(0.1, 0.5)) if mixed else 0.0,
        bundle=1 if rng.random() < 0.6 else int(rng.integers(2, 12)),
        tone_spread=float(rng.uniform(0.05, 0.4) if rng.random() < 0.7 else rng.uniform(0.4, 0.9)),
        fibre=float(rng.uniform(0.05, 0.55)),
        weft_stripes=weft_stripes,
        warp_stripes=warp_stripes,
        gloss=float(rng.choice([0.0, rng.uniform(0.05, 0.4)])),
    )
    plan = _calm(plan, rng) if rng.random() < CALM else plan
    return plan if flat else _twisted(plan), float(aspect)


def _twisted(plan: FabricPlan) -> FabricPlan:
    """Some fabrics with cord for weft; in half of the plain ones thick, over thin stakes."""
    rng = np.random.default_rng(plan.seed)
    if rng.random() >= TWISTED.get(plan.weave, 0.0):
        return plan
    thin = plan.weave == "plain" and rng.random() < 0.5
    return replace(
        plan,
        ply=float(np.exp(rng.uniform(np.log(0.2), np.log(0.6)))),
        lay=float(rng.choice([-1, 1]) * rng.uniform(0.6, 1.8)),
        warp_cover=float(rng.uniform(0.2, 0.55)) if thin else plan.warp_cover,
    )


def _calm(plan: FabricPlan, rng: np.random.Generator) -> FabricPlan:
    """The same fabric from a steady hand: close, even, of one harvest, dyed in few strands if at all."""
    striped = rng.random() < 0.25
    plain = plan.weave in ("plain", "motif") or (plan.weave == "figure" and rng.random() < 0.7)
    return replace(
        plan,
        weave="plain" if plain else plan.weave,
        tile=TILES["plain"] if plain else plan.tile,
        weft_cover=plan.weft_cover if plan.weave in LOBED else float(rng.uniform(0.86, 1.02)),
        warp_cover=max(plan.warp_cover, 0.8 if plan.weave not in STIFF else 0.25),
        warp_rgb=plan.weft_rgb if plain and rng.random() < 0.8 else plan.warp_rgb,
        unruly=plan.unruly * 0.4,
        uneven=plan.uneven * 0.5,
        mottle=plan.mottle * 0.5,
        patchy=plan.patchy * 0.4,
        tone_spread=min(plan.tone_spread, float(rng.uniform(0.05, 0.3))),
        other_share=0.0,
        weft_stripes=plan.weft_stripes if striped else None,
        warp_stripes=None,
    )


def _tile(weave: str, rng: np.random.Generator) -> tuple[tuple[int, ...], ...]:
    if weave == "motif":
        return _motif(rng)
    return _figure(rng) if weave == "figure" else TILES.get(weave, TILES["plain"])


def _figure(rng: np.random.Generator) -> tuple[tuple[int, ...], ...]:
    """Fields where the weft shows beside fields where the warp does, as two-coloured plaiting draws its
    diamonds, steps and checks: every strand is in its place, whatever the fields look like."""
    m, n = (4 * int(v) for v in rng.integers(3, 11, 2))
    i, j = np.mgrid[0:m, 0:n]
    u, v = np.abs(2 * i / m - 1), np.abs(2 * j / n - 1)
    fields = (
        lambda: u + v < rng.uniform(0.5, 1.3),
        lambda: (np.maximum(u, v) < rng.uniform(0.3, 0.8)) ^ (np.maximum(u, v) < rng.uniform(0.0, 0.3)),
        lambda: (u < 0.5) ^ (v < 0.5),
        lambda: np.remainder(i // 4 + j // 4, 4) < 2,
        lambda: np.remainder(u + v, 0.5) < 0.25,
        lambda: u < rng.uniform(0.2, 0.8),
    )
    shown = fields[rng.integers(len(fields))]()
    over, step = int(rng.integers(2, 4)), int(rng.choice([1, 3]))
    weft_faced = np.remainder(j + step * i, 4) < over
    warp_faced = np.remainder(j + step * i, 4) >= over if rng.random() < 0.7 else np.remainder(i + j, 2) > 0
    tile = np.where(shown, weft_faced, warp_faced)
    return tuple(tuple(int(cell) for cell in row) for row in tile)


def _motif(rng: np.random.Generator) -> tuple[tuple[int, ...], ...]:
    """A woven figure: floats of two and three where the weaver meant them, over and over; no fault."""
    m, n = (int(v) for v in rng.integers(4, 11, 2))
    i, j = np.mgrid[0:m, 0:n]
    tile = (i + j) % 2
    tile[rng.random((m, n)) < rng.uniform(0.08, 0.3)] = 1
    return tuple(tuple(int(v) for v in row) for row in tile)


def _stripes(rng: np.random.Generator) -> Stripes:
    """Dyed strands every so many, or all of them in several colours: a pattern, not a fault."""
    count = 1 if rng.random() < 0.6 else int(rng.integers(2, 6))
    dyes = np.array(MATERIALS["dyed"])[rng.integers(0, 5, count)] * rng.uniform(0.5, 1.4, (count, 1))
    dyes = 0.8 * dyes + 0.2 * rng.uniform(0.02, 0.8, (count, 3))
    width = int(rng.integers(1, 6))
    return Stripes(
        first=int(rng.integers(-40, 10)),
        count=int(rng.choice([width, 20, 200])),
        width=width,
        step=width + int(rng.integers(0 if count > 1 else 1, 20 if count == 1 else 4)),
        dyes=tuple((float(r), float(g), float(b)) for r, g, b in dyes),
    )


def noise_table(rng: np.random.Generator, n: int = 512) -> Tensor:
    """A tiled (n, n) table of band-limited noise in [0, 1], several octaves."""
    spectrum = np.fft.rfft2(rng.standard_normal((n, n)))
    fy, fx = np.fft.fftfreq(n)[:, None], np.fft.rfftfreq(n)[None, :]
    spectrum *= 1 / np.maximum(np.hypot(fx, fy), 1 / n) ** 0.7
    table = np.fft.irfft2(spectrum, s=(n, n))
    table = (table - table.mean()) / table.std()
    return torch.from_numpy((0.5 + table / 6).clip(0, 1).astype(np.float32))
