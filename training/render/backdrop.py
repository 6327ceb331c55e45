"""What is behind a basket, and the regular things that are not one (boards, blinds, brick, cloth)."""

import math
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor


def load_backdrops(folder: Path) -> list[np.ndarray]:
    """The free photographs of floors and walls, linear RGB float32; empty where the folder is missing."""
    photos = [cv2.imread(str(p)) for p in sorted(folder.glob("*.jpg"))]
    return [((p[..., ::-1] / 255.0) ** 2.2).astype(np.float32) for p in photos if p is not None]


def backdrop(n: int, rng: np.random.Generator, photos: list[np.ndarray], noise: Tensor) -> Tensor:
    """(n, n, 3) linear RGB."""
    kind = rng.random()
    if kind < 0.45 and photos:
        photo = photos[rng.integers(len(photos))]
        side = int(min(photo.shape[:2]) * rng.uniform(0.3, 1.0))
        y, x = (int(rng.integers(0, s - side + 1)) for s in photo.shape[:2])
        crop = cv2.resize(photo[y : y + side, x : x + side], (n, n), interpolation=cv2.INTER_AREA)
        if rng.random() < 0.5:
            crop = crop[:, ::-1]
        return torch.from_numpy(np.ascontiguousarray(crop)) * float(rng.uniform(0.5, 1.6))
    base = torch.tensor(rng.uniform(0.02, 0.9, 3) * 0.5 + rng.uniform(0.0, 0.5), dtype=torch.float32)
    if rng.random() < 0.25:  # a studio's white, or nearly
        base = torch.full((3,), float(rng.uniform(0.6, 1.1)))
    y, x = torch.meshgrid(torch.linspace(0, 1, n), torch.linspace(0, 1, n), indexing="ij")
    slope = torch.tensor(rng.normal(0, 0.3, 2), dtype=torch.float32)
    tone = 1 + slope[0] * (x - 0.5) + slope[1] * (y - 0.5)
    if kind > 0.72:
        tone = tone * _regular(x, y, rng)
    grain = noise[
        torch.remainder((y * n * 0.7).long(), noise.shape[0]),
        torch.remainder((x * n * 0.7).long(), noise.shape[0]),
    ]
    tone = tone * (1 + float(rng.uniform(0, 0.4)) * (grain - 0.5))
    wall = base.view(1, 1, 3) * tone.clamp_min(0.05)[..., None]
    if rng.random() < 0.5:
        other = torch.tensor(rng.uniform(0.02, 0.8, 3), dtype=torch.float32)
        edge = rng.uniform(0.2, 0.9) + rng.normal(0, 0.2) * (x - 0.5)
        wall = torch.where((y > edge)[..., None], other.view(1, 1, 3) * tone.clamp_min(0.05)[..., None], wall)
    return wall


def _regular(x: Tensor, y: Tensor, rng: np.random.Generator) -> Tensor:
    """Stripes, boards, bars, brick, checks, chain link or open hexagonal cane: periodic, and no weave to be judged."""
    turn = float(rng.choice([0.0, math.pi / 2, rng.uniform(0, math.pi)]))
    u, v = x * math.cos(turn) + y * math.sin(turn), -x * math.sin(turn) + y * math.cos(turn)
    count = float(np.exp(rng.uniform(math.log(4), math.log(40))))
    kind = int(rng.integers(7))
    if kind == 0:
        return 1 + 0.5 * torch.sin(u * count * 2 * math.pi)
    if kind == 1:
        return torch.where(torch.frac(u * count).abs() < rng.uniform(0.08, 0.5), 0.35, 1.0)
    if kind == 2:
        row = torch.floor(v * count)
        brick = (torch.frac(v * count).abs() < 0.12) | (
            torch.frac(u * count * 0.45 + 0.5 * torch.remainder(row, 2)).abs() < 0.06
        )
        return torch.where(brick, 0.5, 1.0)
    if kind == 3:
        return torch.where(torch.remainder(torch.floor(u * count) + torch.floor(v * count), 2) < 1, 0.5, 1.0)
    if kind == 4:
        return _lattice(u * count, v * count, rng.uniform(0.06, 0.3), (0, math.pi / 2))
    if kind == 5:
        return _lattice(u * count, v * count, rng.uniform(0.12, 0.3), (0, math.pi / 3, 2 * math.pi / 3))
    return (1 + 0.35 * torch.sin(u * count * 2 * math.pi)) * (1 + 0.35 * torch.sin(v * count * 2 * math.pi))


def _lattice(u: Tensor, v: Tensor, width: float, turns: tuple[float, ...]) -> Tensor:
    """Round bars one apart, in as many directions as there are turns, with nothing between them; never more than
    two meet."""
    tone = torch.full_like(u, 0.15)
    for i, turn in enumerate(turns):
        across = u * math.cos(turn) + v * math.sin(turn) + i / 2
        far = (across - torch.round(across)).abs() / (width / 2)
        tone = torch.where(far < 1, 0.5 + 0.7 * (1 - far * far).clamp_min(0).sqrt(), tone)
    return tone
