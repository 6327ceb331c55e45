"""Round strands laid over the picture: handles, which are no fault, and loose ends, which are."""

import math
from itertools import pairwise

import cv2
import numpy as np
import torch
from torch import Tensor

from training.render.fabric import FabricPlan
from training.render.shape import grid
from training.render.truth import Truth


def add_loose_ends(
    canvas: Tensor, truth: Truth, rng: np.random.Generator, pitch: float, plan: FabricPlan
) -> Tensor:
    spots = torch.nonzero(truth.judged > 0)
    if not len(spots):
        return canvas
    for _ in range(int(rng.integers(1, 3))):
        y, x = (float(v) for v in spots[rng.integers(len(spots))])
        heading, bend = rng.uniform(0, 2 * math.pi), rng.normal(0, 1.0)
        length = pitch * rng.uniform(1.5, 5)
        angle = heading + bend * np.linspace(0, 1, 7)
        points = np.stack(
            [x + np.cumsum(np.cos(angle)) * length / 7, y + np.cumsum(np.sin(angle)) * length / 7], 1
        )
        tone = float(rng.uniform(0.8, 1.4))
        canvas, mask = _lay(
            canvas,
            points,
            pitch * rng.uniform(0.14, 0.38),
            tuple(c * tone for c in plan.weft_rgb),
            rng.uniform(0, 0.8),
        )
        truth.blame("MIN-LOOSE", mask)
    return canvas


def add_fuzz(
    canvas: Tensor, truth: Truth, rng: np.random.Generator, pitch: float, plan: FabricPlan
) -> Tensor:
    """Fibres and ends shorter than a strand is wide, as every natural weave has them: no fault."""
    spots = torch.nonzero(truth.judged > 0)
    if not len(spots):
        return canvas
    drawn = np.zeros(canvas.shape[:2], np.float32)
    for _ in range(int(rng.integers(5, 60))):
        y, x = (float(v) for v in spots[rng.integers(len(spots))])
        heading, length = rng.uniform(0, 2 * math.pi), pitch * rng.uniform(0.15, 0.7)
        turn = rng.normal(0, 0.8)
        angle = heading + turn * np.linspace(0, 1, 4)
        points = np.stack(
            [x + np.cumsum(np.cos(angle)) * length / 4, y + np.cumsum(np.sin(angle)) * length / 4], 1
        )
        thick = 1 if rng.random() < 0.7 else max(1, round(pitch * 0.06))
        cv2.polylines(drawn, [np.round(points * 16).astype(np.int32)], False, 1.0, thick, cv2.LINE_AA, 4)
    alpha = torch.from_numpy(drawn)[..., None] * rng.uniform(0.3, 0.9)
    tone = rng.uniform(0.6, 1.8)
    return canvas * (1 - alpha) + alpha * torch.tensor(plan.weft_rgb).view(1, 1, 3) * tone


def add_handle(
    canvas: Tensor, truth: Truth, rng: np.random.Generator, pitch: float, plan: FabricPlan
) -> Tensor:
    """A handle across the basket: part of it, judged by nobody."""
    n = canvas.shape[0]
    x0, x1 = sorted(rng.uniform(0.05, 0.95, 2) * n)
    y0, rise = rng.uniform(0.1, 0.7) * n, rng.uniform(-0.5, 0.3) * n
    t = np.linspace(0, 1, 10)
    points = np.stack([x0 + (x1 - x0) * t, y0 + rise * 4 * t * (1 - t)], 1)
    leather = rng.random() < 0.3
    colour = tuple(float(c) for c in rng.uniform(0.02, 0.3, 3)) if leather else plan.weft_rgb
    canvas, mask = _lay(canvas, points, min(pitch, n / 24) * rng.uniform(0.6, 1.6), colour, 0.0)
    truth.cover(mask, part_of_basket=True)
    return canvas


def _distance(n: int, points: np.ndarray) -> tuple[Tensor, Tensor]:
    """Distance of every pixel to a polyline, and how far along it the nearest place is (0..1)."""
    x, y = grid(n)
    best, where = torch.full((n, n), 1e9), torch.zeros(n, n)
    for k, (a, b) in enumerate(pairwise(points)):
        d = b - a
        t = (((x - a[0]) * d[0] + (y - a[1]) * d[1]) / (d @ d + 1e-6)).clamp(0, 1)
        far = torch.hypot(x - a[0] - t * d[0], y - a[1] - t * d[1])
        nearer = far < best
        best, where = torch.where(nearer, far, best), torch.where(nearer, (k + t) / (len(points) - 1), where)
    return best, where


def _lay(
    canvas: Tensor, points: np.ndarray, radius: float, rgb: tuple[float, ...], taper: float
) -> tuple[Tensor, Tensor]:
    """Lays a round strand over the picture, with its shadow; returns where it lies, too."""
    far, t = _distance(canvas.shape[0], points)
    half = radius * (1 - taper * t)
    beside = far.roll((round(radius), round(radius * 0.6)), (0, 1)) / (radius * 1.3)
    shadow = (1 - 0.55 * torch.exp(-(beside**2)))[..., None]
    tone = (0.35 + 0.75 * (1 - (far / half) ** 2).clamp_min(0).sqrt())[..., None]
    inside = far < half
    laid = torch.where(inside[..., None], torch.tensor(rgb).view(1, 1, 3) * tone, canvas * shadow)
    return laid, inside.float()
