"""The woven surface itself: heights, colours and faults of strands, as a function of where one is on it.

A point of the fabric is (rows, stakes): how many weft rows down and how many warp strands across, as
floats; strand centres lie on whole numbers. All fields are (h, w) tensors over the picture's pixels.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

WEAVES = ("plain", "twill21", "twill22", "lens", "wicker", "twined", "braid", "coil")


@dataclass(frozen=True, slots=True, kw_only=True)
class FabricPlan:
    """What one fabric is made of; everything random about it was drawn when this was made."""

    weave: str
    seed: int
    weft_cover: float
    warp_cover: float
    amplitude: float
    roundness: float
    slant: float
    paired_stakes: bool
    weft_rgb: tuple[float, float, float]
    warp_rgb: tuple[float, float, float]
    tone_spread: float
    fibre: float
    stripes: tuple[tuple[int, int, tuple[float, float, float]], ...]
    gloss: float


@dataclass(slots=True, kw_only=True)
class Surface:
    """A rendered fabric: `height` in row pitches, `rgb` (h, w, 3) linear, `gap` 1 where one sees through."""

    height: Tensor
    rgb: Tensor
    gap: Tensor


def hash01(a: Tensor, b: Tensor | float, seed: float) -> Tensor:
    """A repeatable number in [0, 1) for each pair of whole numbers."""
    return torch.frac(torch.sin(a * 12.9898 + b * 78.233 + seed * 0.731) * 43758.5453).abs()


def smoothstep(x: Tensor) -> Tensor:
    x = x.clamp(0, 1)
    return x * x * (3 - 2 * x)


def _over(weave: str, i: Tensor, j: Tensor) -> Tensor:
    """+1 where weft row i lies over stake j, -1 where it lies under it."""
    if weave == "twill21":
        up = torch.remainder(i + j, 3) < 2
    elif weave == "twill22":
        up = torch.remainder(i + j, 4) < 2
    else:
        up = torch.remainder(i + j, 2) < 1
    return up.float() * 2 - 1


def _flip(over: Tensor, i: Tensor, j: Tensor, floats: list[tuple[int, int, int]]) -> Tensor:
    for row, first, last in floats:
        over = torch.where((i == row) & (j >= first) & (j <= last), torch.ones_like(over), over)
    return over


def _between(over_at, along: Tensor) -> Tensor:
    """Interpolates +-1 at whole numbers smoothly along a strand."""
    lower = torch.floor(along)
    t = smoothstep(along - lower)
    return over_at(lower) * (1 - t) + over_at(lower + 1) * t


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
    i, j = torch.round(rows), torch.round(stakes)
    wobble = (_sample(noise, rows * 0.037, stakes * 0.11) - 0.5) * 0.18
    r, s = rows - i + wobble, stakes - j + wobble * 0.6
    if plan.paired_stakes:
        s = (s.abs() - 0.22) * 1.8
    half_weft = 0.5 * plan.weft_cover * (0.9 + 0.2 * hash01(i, 0.0, plan.seed))
    half_warp = 0.5 * plan.warp_cover * (0.9 + 0.2 * hash01(j, 7.0, plan.seed))
    if plan.weave in ("braid", "coil", "twined"):
        return _lobed_rows(plan, rows, stakes, i, r, half_weft, noise, missing_weft, aspect)

    up_weft = _between(lambda jj: _flip(_over(plan.weave, i, jj), i, jj, floats), stakes)
    up_warp = -_between(lambda ii: _flip(_over(plan.weave, ii, j), ii, j, floats), rows)
    stiff = plan.weave in ("lens", "wicker")
    if plan.weave == "lens":
        half_weft = half_weft * (1.0 + 0.28 * up_weft)
    half_weft = half_weft * (1 - missing_weft)
    half_warp = half_warp * (1 - missing_warp)
    across_weft, across_warp = r / half_weft.clamp_min(1e-3), s / half_warp.clamp_min(1e-3)
    round_weft = (1 - across_weft.abs().clamp(0, 1) ** plan.roundness).clamp_min(0).sqrt()
    round_warp = (1 - across_warp.abs().clamp(0, 1) ** plan.roundness).clamp_min(0).sqrt()
    thick = 0.28 if plan.roundness < 3 else 0.14
    z_weft = plan.amplitude * up_weft + thick * round_weft
    z_warp = (0.0 if stiff else plan.amplitude * up_warp) + thick * round_warp * (0.8 if stiff else 1.0)
    has_weft, has_warp = (
        (across_weft.abs() < 1) & (half_weft > 0.05),
        (across_warp.abs() < 1) & (half_warp > 0.05),
    )
    z_weft = torch.where(has_weft, z_weft, torch.full_like(z_weft, -9.0))
    z_warp = torch.where(has_warp, z_warp, torch.full_like(z_warp, -9.0))
    weft_on_top = z_weft >= z_warp
    gap = ~(has_weft | has_warp)
    height = torch.where(gap, torch.full_like(rows, -0.6), torch.maximum(z_weft, z_warp))

    rgb_weft = _strand_colour(plan, plan.weft_rgb, i, stakes * aspect, r, noise, 0.0)
    rgb_warp = _strand_colour(plan, plan.warp_rgb, j, rows, s * aspect, noise, 31.0)
    rgb = torch.where(weft_on_top[..., None], rgb_weft, rgb_warp)
    return Surface(height=height, rgb=rgb, gap=gap.float())


def _lobed_rows(plan, rows, stakes, i, r, half, noise, missing, aspect) -> Surface:
    """Rows of rope, coil or braid: no stakes to be seen, but slanted lobes along each row."""
    half = half * (1 - missing)
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
    gap = (~present).float() * (missing > 0.4).float()
    groove = ((~present) & (gap < 0.5))[..., None]
    return Surface(height=height, rgb=torch.where(groove, rgb * 0.35, rgb), gap=gap)


def _sample(noise: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """Looks a tiled (n, n) noise table up, at the nearest entry: a table this fine needs no more."""
    n = noise.shape[0]
    x, y = (torch.remainder(u, 1) * n).int(), (torch.remainder(v, 1) * n).int()
    return torch.take(noise, (y % n * n + x % n).long())


def _strand_colour(plan, rgb, index, along, across, noise, salt) -> Tensor:
    """Colour of a strand: its own tone, fibres along it, soft patches, and now and then a node."""
    own = hash01(index, salt, plan.seed)
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
    colour = torch.tensor(rgb, dtype=along.dtype).view(1, 1, 3)
    warm = (hash01(index, salt + 5, plan.seed) - 0.5)[..., None] * plan.tone_spread
    out = colour * tone[..., None] * (1 + warm * torch.tensor([0.25, 0.0, -0.35]).view(1, 1, 3))
    if salt == 0.0:
        for first, last, dyed in plan.stripes:
            inside = (torch.floor(index) >= first) & (torch.floor(index) <= last)
            dye = torch.tensor(dyed).view(1, 1, 3) * tone[..., None]
            out = torch.where(inside[..., None], dye, out)
    return out.clamp(0.004, 1.2)


MATERIALS: dict[str, tuple[tuple[float, float, float], ...]] = {
    "hyacinth": ((0.52, 0.34, 0.17), (0.42, 0.26, 0.12), (0.60, 0.44, 0.24), (0.33, 0.19, 0.09)),
    "mendong": ((0.62, 0.55, 0.30), (0.50, 0.48, 0.24), (0.68, 0.58, 0.36)),
    "banana": ((0.36, 0.27, 0.18), (0.46, 0.36, 0.24), (0.25, 0.18, 0.12)),
    "palm": ((0.66, 0.56, 0.36), (0.72, 0.62, 0.42), (0.55, 0.46, 0.26)),
    "willow": ((0.40, 0.24, 0.11), (0.24, 0.12, 0.06), (0.58, 0.38, 0.16)),
    "dyed": ((0.5, 0.05, 0.2), (0.05, 0.15, 0.4), (0.1, 0.3, 0.1), (0.03, 0.03, 0.03), (0.8, 0.78, 0.72)),
}


def plan_fabric(rng: np.random.Generator) -> tuple[FabricPlan, float]:
    """Draws a fabric; returns it with its aspect (stake pitch / row pitch)."""
    weave = str(rng.choice(WEAVES, p=[0.24, 0.06, 0.08, 0.20, 0.16, 0.06, 0.10, 0.10]))
    material = str(rng.choice(list(MATERIALS), p=[0.36, 0.14, 0.1, 0.16, 0.16, 0.08]))
    palette = MATERIALS[material]
    weft = np.array(palette[rng.integers(len(palette))]) * rng.uniform(0.75, 1.35)
    warp = (
        weft * rng.uniform(0.8, 1.15)
        if rng.random() < 0.75
        else np.array(palette[rng.integers(len(palette))])
    )
    aspect = {
        "plain": lambda: math.exp(rng.normal(0.0, 0.25)),
        "twill21": lambda: math.exp(rng.normal(0.0, 0.2)),
        "twill22": lambda: math.exp(rng.normal(0.0, 0.2)),
        "lens": lambda: rng.uniform(0.8, 2.4),
        "wicker": lambda: rng.uniform(1.8, 5.0),
        "twined": lambda: rng.uniform(0.6, 1.8),
        "braid": lambda: rng.uniform(0.5, 1.1),
        "coil": lambda: rng.uniform(0.3, 1.6),
    }[weave]()
    flat = weave in ("plain", "twill21", "twill22") and rng.random() < 0.7
    stripes: list[tuple[int, int, tuple[float, float, float]]] = []
    if rng.random() < 0.18:
        dyed = tuple(float(c) for c in np.array(MATERIALS["dyed"][rng.integers(5)]))
        start, width, step = int(rng.integers(-30, 0)), int(rng.integers(0, 4)), int(rng.integers(5, 25))
        stripes = [(a, a + width, dyed) for a in range(start, 60, step)][: int(rng.integers(1, 9))]
    lobed = weave in ("braid", "coil", "twined")
    plan = FabricPlan(
        weave=weave,
        seed=int(rng.integers(1, 9999)),
        weft_cover=float(rng.uniform(0.93, 1.06) if lobed else rng.uniform(0.78, 1.02)),
        warp_cover=float(rng.uniform(0.25, 0.6) if weave in ("lens", "wicker") else rng.uniform(0.7, 1.0)),
        amplitude=float(rng.uniform(0.08, 0.2) if flat else rng.uniform(0.18, 0.38)),
        roundness=float(rng.uniform(4, 12) if flat else rng.uniform(1.8, 2.6)),
        slant=float(rng.choice([-1, 1]) * rng.uniform(0.3, 1.5))
        if weave != "braid"
        else float(rng.choice([-1, 1]) * rng.uniform(0.7, 1.6)),
        paired_stakes=bool(weave in ("wicker", "plain") and rng.random() < 0.15),
        weft_rgb=tuple(float(c) for c in weft.clip(0.01, 0.95)),
        warp_rgb=tuple(float(c) for c in warp.clip(0.01, 0.95)),
        tone_spread=float(rng.uniform(0.05, 0.32)),
        fibre=float(rng.uniform(0.05, 0.55)),
        stripes=tuple(stripes),
        gloss=float(rng.choice([0.0, rng.uniform(0.05, 0.4)])),
    )
    return plan, float(aspect)


def noise_table(rng: np.random.Generator, n: int = 512) -> Tensor:
    """A tiled (n, n) table of band-limited noise in [0, 1], several octaves."""
    spectrum = np.fft.rfft2(rng.standard_normal((n, n)))
    fy, fx = np.fft.fftfreq(n)[:, None], np.fft.rfftfreq(n)[None, :]
    spectrum *= 1 / np.maximum(np.hypot(fx, fy), 1 / n) ** 0.7
    table = np.fft.irfft2(spectrum, s=(n, n))
    table = (table - table.mean()) / table.std()
    return torch.from_numpy((0.5 + table / 6).clip(0, 1).astype(np.float32))
