"""What looks like a fault and is none: openings for hands, straps, flowers, labels, things in front, shadows."""

import math

import cv2
import numpy as np
import torch
from torch import Tensor

from training.render.fabric import FabricPlan, hash01
from training.render.shape import grid
from training.render.truth import LaidCard, Truth


def add_opening(
    canvas: Tensor, behind: Tensor, truth: Truth, rng: np.random.Generator, pitch: float, plan: FabricPlan
) -> Tensor:
    """A hole that is meant, for a hand or for tissues: its edge is bound, or else nobody could tell it from a fault."""
    n = canvas.shape[0]
    spot = _spot(truth, rng)
    if spot is None:
        return canvas
    w = min(n * 0.3, pitch * rng.uniform(2.0, 7.0))
    h, edge = w * rng.uniform(0.3, 1.0), pitch * rng.uniform(0.5, 1.4)
    u, v = _turned(n, spot, rng.normal(0, 0.15) if rng.random() < 0.7 else rng.uniform(0, math.pi))
    power = rng.choice([2.0, 4.0])
    size = ((u / w).abs() ** power + (v / h).abs() ** power) ** (1 / power)
    if rng.random() < 0.2:
        angle = torch.atan2(v, u)
        size = size * (
            1 + sum(rng.uniform(-0.2, 0.2) * torch.sin(k * angle + rng.uniform(0, 6.3)) for k in (1, 2, 3))
        )
    far = (size - 1) * min(w, h)
    inside, bound = far < 0, (far >= 0) & (far < edge)
    lobe = torch.atan2(v, u) * w / edge * rng.uniform(0.6, 1.5) + far / edge * rng.uniform(-0.6, 0.6)
    across = far / edge
    body = (1 - (2 * across - 1) ** 2).clamp_min(0).sqrt() * (
        1 - 0.8 * (2 * (lobe - torch.round(lobe))).abs() ** 3
    )
    tone = (0.35 + 0.75 * body) * (0.85 + 0.3 * hash01(torch.round(lobe), 0.0, plan.seed))
    rgb = torch.tensor(plan.weft_rgb if rng.random() < 0.6 else plan.warp_rgb).view(1, 1, 3)
    canvas = torch.where(bound[..., None], rgb * tone[..., None], canvas)
    seen = {
        "dark": torch.full_like(canvas, 0.012) + 0.03 * canvas,
        "behind": behind * float(rng.uniform(0.4, 1.0)),
        "white": torch.full_like(canvas, float(rng.uniform(0.4, 0.9))),
    }[str(rng.choice(["dark", "behind", "white"], p=[0.55, 0.3, 0.15]))]
    canvas = torch.where(inside[..., None], seen, canvas)
    truth.cover((far < edge).float(), part_of_basket=True)
    return canvas


def add_strap(canvas: Tensor, truth: Truth, rng: np.random.Generator, noise: Tensor) -> Tensor:
    """A band of leather, ribbon or lining across the weave, sometimes stitched or buckled."""
    n = canvas.shape[0]
    spot = _spot(truth, rng)
    if spot is None:
        return canvas
    u, v = _turned(
        n, spot, float(rng.choice([0.0, math.pi / 2, rng.uniform(0, math.pi)])) + rng.normal(0, 0.06)
    )
    half = n * float(np.exp(rng.uniform(math.log(0.012), math.log(0.12))))
    length = n * rng.uniform(0.1, 1.5)
    edge = u.abs() - half * (1 + 0.1 * torch.sin(v / n * rng.uniform(5, 40)))
    mask = (edge < 0) & (v.abs() < length)
    rgb = torch.tensor(rng.uniform(0.01, 0.85, 3) ** 1.5, dtype=torch.float32).view(1, 1, 3)
    rgb = rgb * (0.8 + 0.4 * noise[: n % 512 or 512, :1].mean())
    tone = 0.75 + 0.3 * (1 - (u / half) ** 2).clamp_min(0)
    if rng.random() < 0.4:
        stitch = ((u.abs() - half * 0.75).abs() < half * 0.06) & (torch.frac(v / (half * 0.5)).abs() < 0.6)
        tone = torch.where(stitch, tone * 1.8 + 0.3, tone)
    shadow = 1 - 0.4 * torch.exp(-((edge.clamp_min(0) / (half * 0.3 + 2)) ** 2)) * (v.abs() < length)
    canvas = torch.where(mask[..., None], rgb * tone[..., None], canvas * shadow[..., None])
    on_basket = truth.basket > 0
    truth.cover((mask & on_basket).float(), part_of_basket=True)
    truth.cover((mask & ~on_basket).float(), part_of_basket=False)
    return canvas


def add_flowers(canvas: Tensor, truth: Truth, rng: np.random.Generator) -> Tensor:
    """Pompoms, shells, stitched flowers: a cluster of coloured blobs."""
    n = canvas.shape[0]
    spot = _spot(truth, rng)
    if spot is None:
        return canvas
    x, y = grid(n)
    size = n * rng.uniform(0.02, 0.09)
    for _ in range(int(rng.integers(1, 9))):
        cx, cy = spot + rng.normal(0, 1.3 * size, 2)
        radius = size * rng.uniform(0.4, 1.0)
        angle = torch.atan2(y - cy, x - cx)
        petals = 1 + rng.uniform(0, 0.35) * torch.cos(angle * int(rng.integers(4, 9)))
        far = torch.hypot(x - cx, y - cy) / (radius * petals)
        rgb = torch.tensor(rng.uniform(0.02, 0.9, 3), dtype=torch.float32).view(1, 1, 3)
        tone = 0.4 + 0.7 * (1 - far**2).clamp_min(0).sqrt()
        mask = far < 1
        canvas = torch.where(mask[..., None], rgb * tone[..., None], canvas)
        truth.cover(mask.float(), part_of_basket=True)
    return canvas


def put_things(canvas: Tensor, truth: Truth, rng: np.random.Generator) -> Tensor:
    """Labels, cards, fingers in front of everything: no basket."""
    n = canvas.shape[0]
    for _ in range(int(rng.choice([0, 1, 2, 3], p=[0.7, 0.2, 0.07, 0.03]))):
        w, h = n * rng.uniform(0.02, 0.22), n * rng.uniform(0.02, 0.22)
        centre, turn = rng.uniform(0, n, 2), rng.uniform(0, math.pi)
        u, v = _turned(n, centre, turn)
        oval = rng.random() < 0.25
        mask = (u / w) ** 2 + (v / h) ** 2 < 1 if oval else (u.abs() < w) & (v.abs() < h)
        colour = torch.tensor(rng.uniform(0.02, 0.9, 3), dtype=torch.float32).view(1, 1, 3)
        colour = colour * torch.ones_like(canvas)
        if rng.random() < 0.7:
            printed = (torch.frac(v / h * rng.uniform(1, 4)).abs() < 0.3) & (
                torch.frac(u / w * rng.uniform(2, 7)).abs() < 0.7
            )
            colour = torch.where(printed[..., None], colour * 0.15, colour)
        card = not oval and rng.random() < 0.35
        if card:
            marker = rng.uniform(0.18, 0.4)
            colour = _card(u / w, v / h, marker, rng)
        tone = (0.7 + 0.5 * (u / w * 0.2 + 0.3)).clamp(0.2, 1.2)
        if rng.random() < 0.8:
            canvas = _shade_beside(canvas, mask, rng)
        canvas = torch.where(mask[..., None], colour * tone[..., None], canvas)
        truth.cover(mask.float(), part_of_basket=False)
        if card:
            truth.cards.append(LaidCard.at(centre, turn, (w, h), marker=marker, layer=len(truth.baskets) - 1))
    return canvas


def _card(u: Tensor, v: Tensor, side: float, rng: np.random.Generator) -> Tensor:
    """A printed card, (u, v) in [-1, 1] over it: squares of black cells, `side` wide, in its corners, on white."""
    x, y = (u.abs() - (0.9 - side)) / side, (v.abs() - (0.9 - side)) / side
    marker = (x > 0) & (x < 1) & (y > 0) & (y < 1)
    cells = hash01(
        torch.floor(x * 6) + 7 * (u > 0), torch.floor(y * 6) + 7 * (v > 0), float(rng.integers(99))
    )
    edge = (x < 1 / 6) | (x > 5 / 6) | (y < 1 / 6) | (y > 5 / 6)
    ink = marker & (edge | (cells < 0.5))
    paper = torch.tensor(rng.uniform(0.6, 0.9), dtype=torch.float32)
    return torch.where(ink, torch.tensor(0.03), paper)[..., None].expand(*u.shape, 3)


def _shade_beside(canvas: Tensor, mask: Tensor, rng: np.random.Generator) -> Tensor:
    """The shadow of a thing that stands off the weave."""
    n = canvas.shape[0]
    dx, dy = (round(float(v)) for v in rng.normal(0, 0.05 * n, 2))
    fallen = mask.float().roll((dy, dx), (0, 1)).numpy()
    soft = cv2.GaussianBlur(fallen, (0, 0), n * float(10 ** rng.uniform(-3, -1.5)))
    return canvas * (1 - float(rng.uniform(0.2, 0.75)) * torch.from_numpy(soft))[..., None]


def cast_shadows(canvas: Tensor, rng: np.random.Generator) -> Tensor:
    """Shade with a soft or hard edge over everything."""
    if rng.random() > 0.4:
        return canvas
    n = canvas.shape[0]
    x, y = grid(n)
    for _ in range(int(rng.integers(1, 4))):
        angle, at = rng.uniform(0, 2 * math.pi), rng.uniform(0.1, 0.9) * n
        cos, sin = math.cos(angle), math.sin(angle)
        edge = x * cos + y * sin - at * math.copysign(1, cos + sin)
        if rng.random() < 0.4:
            edge = rng.uniform(0.04, 0.2) * n - edge.abs()
        shade = torch.sigmoid(edge / (n * float(10 ** rng.uniform(-3, -1))))
        canvas = canvas * (1 - float(rng.uniform(0.2, 0.7)) * shade)[..., None]
    return canvas


def _spot(truth: Truth, rng: np.random.Generator) -> np.ndarray | None:
    """A place (x, y) on judged weave, None where there is none."""
    spots = torch.nonzero(truth.judged[::8, ::8] > 0)
    if not len(spots):
        return None
    y, x = (float(v) * 8 for v in spots[rng.integers(len(spots))])
    return np.array([x, y])


def _turned(n: int, centre: np.ndarray, turn: float) -> tuple[Tensor, Tensor]:
    """Coordinates of every pixel from `centre`, in axes turned by `turn`."""
    x, y = grid(n)
    dx, dy = x - float(centre[0]), y - float(centre[1])
    cos, sin = math.cos(turn), math.sin(turn)
    return dx * cos + dy * sin, -dx * sin + dy * cos
