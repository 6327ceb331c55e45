"""One rendered photo with its truth, from a seed. `render(seed)` is the only door of this package."""

import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from training.render.backdrop import backdrop, load_backdrops
from training.render.camera import expose
from training.render.fabric import Surface, hash01, noise_table, plan_fabric, weave_surface
from training.render.fault import CODES, Faults, plant
from training.render.shape import SHAPES, Face, grid

SIDE_PX = 256
OVERSAMPLING = 2
CELL_PX = 4
BACKDROPS = Path(__file__).parents[2] / "datasets" / "backgrounds"


@dataclass(slots=True, kw_only=True)
class Picture:
    """`rgb` (n, n, 3) uint8, and truth on cells of 4 px: `basket`, `judged` (h, w) in [0, 1] (`judged`:
    outer weave, where density and defects are meant), `steps` (4, h, w): image vectors in px from one row
    to the next and from one stake to the next, `defects` (k, h, w) in [0, 1] in the order of CODES."""

    rgb: NDArray[np.uint8]
    basket: NDArray[np.float32]
    judged: NDArray[np.float32]
    steps: NDArray[np.float32]
    defects: NDArray[np.float32]


class Renderer:
    """Holds the backdrops; everything else is drawn anew from each seed. `side_px`: a multiple of 32."""

    def __init__(self, backdrops: Path = BACKDROPS, *, side_px: int = SIDE_PX) -> None:
        self._photos = load_backdrops(backdrops)
        self._side_px = side_px

    def render(self, seed: int) -> Picture:
        rng = np.random.default_rng(seed)
        n = self._side_px * OVERSAMPLING
        noise = noise_table(rng)
        canvas = backdrop(n, rng, self._photos, noise)
        truth = _Truth.empty(n)
        if rng.random() < 0.92:
            for _ in range(2 if rng.random() < 0.12 else 1):
                canvas = _add_basket(canvas, truth, rng, noise)
        canvas = _cast_shadows(canvas, rng)
        canvas = _put_things(canvas, truth, rng)
        linear = F.avg_pool2d(canvas.permute(2, 0, 1)[None], OVERSAMPLING)[0].permute(1, 2, 0)
        rgb = expose(np.ascontiguousarray(linear.clamp_min(0).numpy()), rng)
        return truth.picture(rgb)


@dataclass(slots=True)
class _Truth:
    basket: Tensor
    judged: Tensor
    steps: Tensor
    defects: Tensor

    @classmethod
    def empty(cls, n: int) -> "_Truth":
        return cls(torch.zeros(n, n), torch.zeros(n, n), torch.zeros(4, n, n), torch.zeros(len(CODES), n, n))

    def picture(self, rgb: NDArray[np.uint8]) -> Picture:
        k = OVERSAMPLING * CELL_PX

        def pool(values: Tensor) -> NDArray[np.float32]:
            return F.avg_pool2d(values[None], k)[0].numpy()

        judged = pool(self.judged[None])[0]
        mid = self.steps[:, k // 2 :: k, k // 2 :: k].numpy() / OVERSAMPLING
        steps = np.clip(np.nan_to_num(mid, nan=0.0, posinf=0.0, neginf=0.0), -1e4, 1e4)
        length = np.stack([np.hypot(steps[0], steps[1]), np.hypot(steps[2], steps[3])])
        judged = judged * ((length > 2.0) & (length < 250)).all(0)
        small = F.max_pool2d(self.defects[None], k)[0].numpy() * 0.5 + pool(self.defects) * 0.5
        return Picture(
            rgb=rgb,
            basket=pool(self.basket[None])[0],
            judged=judged.astype(np.float32),
            steps=steps.astype(np.float32),
            defects=np.clip(small, 0, 1).astype(np.float32),
        )


def _add_basket(canvas: Tensor, truth: _Truth, rng: np.random.Generator, noise: Tensor) -> Tensor:
    n = canvas.shape[0]
    shape = str(rng.choice(list(SHAPES), p=[0.38, 0.14, 0.26, 0.22]))
    plan, aspect = plan_fabric(rng)
    low, high = (16, 130) if shape == "closeup" else (8, 56)
    pitch = math.exp(rng.uniform(math.log(low), math.log(high)))
    if pitch * aspect > 220:
        aspect = 220 / pitch
    diagonal = shape != "cylinder" and plan.weave in ("plain", "twill21", "twill22") and rng.random() < 0.35
    disc = shape == "panel" and plan.weave in ("coil", "braid", "lens", "twined") and rng.random() < 0.6
    sun = rng.normal(0, 0.6, 2) + np.array([0.0, -0.5])
    offset = rng.uniform(-40, 40, 2)
    wave = rng.uniform(0, 0.6, 2) * rng.random()
    behind = canvas
    gap_view = rng.choice(["dark", "behind", "lining", "inside"], p=[0.5, 0.18, 0.16, 0.16])
    lining = torch.tensor(rng.uniform(0.05, 0.9, 3), dtype=torch.float32)
    faces = SHAPES[shape](n, rng)
    judged_faces = [f for f in faces if f.role == "outside" and f.mask.float().mean() > 0.02]
    for face in faces:
        along, down = face.along, face.down
        if diagonal:
            along, down = (along + down) * 0.7071, (down - along) * 0.7071
        if disc:
            seen_here = face.mask if face.mask.any() else torch.ones_like(face.mask)
            du, dv = along - along[seen_here].mean(), down - down[seen_here].mean()
            radius = torch.hypot(du, dv)
            around = max(6, round(2 * math.pi * n * 0.22 / (pitch * aspect)))
            rows, stakes = radius / pitch, torch.atan2(dv, du) * around / (2 * math.pi)
        else:
            rows, stakes = down / pitch + offset[0], along / (pitch * aspect) + offset[1]
        rows = rows + wave[0] * torch.sin(stakes * 0.31 / max(1, 1 / aspect) + offset[0]) * torch.cos(
            rows * 0.13 + offset[1]
        )
        stakes = stakes + wave[1] * torch.sin(rows * 0.21 + offset[1])
        faults = Faults(
            rows=rows,
            missing_weft=torch.zeros_like(rows),
            missing_warp=torch.zeros_like(rows),
            forced_gap=torch.zeros_like(rows),
        )
        if face.role == "outside" and rng.random() < 0.6:
            inner = cv2.erode(face.mask.numpy().astype(np.uint8), np.ones((25, 25), np.uint8), borderValue=1)
            spots = np.argwhere(inner)
            if len(spots):
                for _ in range(int(rng.choice([1, 2, 3], p=[0.6, 0.28, 0.12]))):
                    y, x = (int(v) for v in spots[rng.integers(len(spots))])
                    code = str(
                        rng.choice(CODES, p=[0.14, 0.13, 0.16, 0.1, 0.1, 0.12, 0.09, 0.08, 0.04, 0.04])
                    )
                    place = (float(rows[y, x]), float(stakes[y, x]))
                    plant(
                        faults.rows,
                        stakes,
                        place,
                        code=code,
                        plan=plan,
                        aspect=aspect,
                        rng=rng,
                        faults=faults,
                    )
        surface = weave_surface(
            plan,
            faults.rows,
            stakes,
            noise=noise,
            floats=faults.floats,
            missing_weft=faults.missing_weft,
            missing_warp=faults.missing_warp,
            aspect=aspect,
        )
        surface.gap = torch.maximum(surface.gap, faults.forced_gap)
        surface.height = torch.where(faults.forced_gap > 0.5, torch.full_like(rows, -0.8), surface.height)
        for alpha, tint, strength in faults.paint:
            a = (alpha * strength)[..., None]
            surface.rgb = surface.rgb * (1 - a) + torch.tensor(tint).view(1, 1, 3) * a
        if faults.bump is not None:
            surface.height = surface.height + faults.bump
        lit = _light(surface, face, pitch=pitch, sun=sun, gloss=plan.gloss)
        seen = {
            "dark": torch.full_like(lit, 0.012) + 0.03 * surface.rgb,
            "behind": behind * 0.8,
            "lining": lining.view(1, 1, 3) * 0.5 * torch.ones_like(lit),
            "inside": surface.rgb.roll((int(pitch * 0.6), int(pitch * 0.4)), (0, 1)) * 0.22,
        }[str(gap_view)]
        lit = torch.where((surface.gap > 0.5)[..., None], seen, lit)
        mask = face.mask
        masks = {code: m * mask for code, m in faults.masks.items()}
        if face.rim_down is not None and rng.random() < 0.85:
            lit, rim, open_rim = _rim(lit, face, pitch, plan, rng, faulty=rng.random() < 0.12)
            masks["MAJ-RIM"] = torch.maximum(masks.get("MAJ-RIM", torch.zeros_like(rows)), open_rim * mask)
        else:
            rim = torch.zeros_like(rows)
        canvas = torch.where(mask[..., None], lit, canvas)
        truth.basket = torch.where(mask, torch.ones_like(rows), truth.basket)
        truth.judged = torch.where(
            mask, torch.full_like(rows, 1.0 if face.role == "outside" else 0.0) * (1 - rim), truth.judged
        )
        steps = _steps(rows, stakes)
        truth.steps = torch.where(mask[None], steps, truth.steps)
        truth.defects = torch.where(mask[None], torch.zeros_like(truth.defects), truth.defects)
        for code, m in masks.items():
            truth.defects[CODES.index(code)] = torch.maximum(truth.defects[CODES.index(code)], m)
    if judged_faces and rng.random() < 0.14:
        canvas = _loose_ends(canvas, truth, rng, pitch, plan)
    if judged_faces and rng.random() < 0.2:
        canvas = _handle(canvas, truth, rng, pitch, plan)
    return canvas


def _steps(rows: Tensor, stakes: Tensor) -> Tensor:
    """Image vectors (x, y) of one step to the next row at the same stake, and to the next stake: the
    columns of the inverse of the Jacobian of (rows, stakes)."""
    ry, rx = torch.gradient(rows)
    sy, sx = torch.gradient(stakes)
    det = rx * sy - ry * sx
    return torch.stack([sy / det, -sx / det, -ry / det, rx / det])


def _light(surface: Surface, face: Face, *, pitch: float, sun: np.ndarray, gloss: float) -> Tensor:
    """Lambert light on the strands, darkness in the creases between them, short shadows, a little gloss."""
    z = surface.height.clamp_min(-0.9) * pitch * 0.75
    dy, dx = torch.gradient(z)
    nx, ny = -dx, -dy
    tilt_x, tilt_y = face.normal
    nx, ny, nz = nx + tilt_x, ny + tilt_y, 1.0
    norm = torch.sqrt(nx * nx + ny * ny + nz)
    lx, ly, lz = float(sun[0]), float(sun[1]), 1.0
    length = math.sqrt(lx * lx + ly * ly + lz * lz)
    lambert = ((nx * lx + ny * ly + lz) / (norm * length)).clamp_min(0)
    k = max(3, round(pitch * 0.5)) | 1
    small = F.avg_pool2d(z[None, None], 2)
    kk = max(3, k // 2) | 1
    around = F.interpolate(
        F.avg_pool2d(small, kk, 1, kk // 2, count_include_pad=False),
        size=z.shape,
        mode="bilinear",
        align_corners=False,
    )[0, 0]
    crease = (0.72 + (z - around) / (pitch * 0.35)).clamp(0.12, 1.1)
    shadow = torch.ones_like(z)
    for step in (0.15, 0.35):
        sx, sy = round(-lx * pitch * step), round(-ly * pitch * step)
        if sx or sy:
            blocker = z.roll((sy, sx), (0, 1))
            shadow = torch.minimum(
                shadow, (1 - (blocker - z - pitch * step * 0.55) / (pitch * 0.12)).clamp(0.45, 1)
            )
    light = (0.35 + 0.9 * lambert * shadow) * crease * face.shade
    lit = surface.rgb * light[..., None]
    if gloss > 0:
        lit = lit + (gloss * lambert.clamp(0, 1) ** 24 * shadow * face.shade)[..., None]
    return lit


def _rim(lit, face, pitch, plan, rng, *, faulty):
    """A wrapped or braided border along the upper edge; faulty: a stretch where the wrap is open."""
    width = pitch * rng.uniform(1.0, 2.4)
    turn = pitch * rng.uniform(0.6, 1.6)
    across = (face.down - face.rim_down) / width
    rim = ((across >= 0) & (across < 1)).float()
    slope = rng.uniform(-1, 1)
    lobe = face.along / turn + slope * across
    k = torch.round(lobe)
    body = (1 - (2 * across - 1) ** 2).clamp_min(0).sqrt() * (1 - (2 * (lobe - k)).abs() ** 3 * 0.7)
    tone = (0.35 + 0.75 * body) * (0.85 + 0.3 * hash01(k, 0.0, plan.seed))
    colour = (
        torch.tensor(plan.weft_rgb if rng.random() < 0.7 else plan.warp_rgb).view(1, 1, 3) * tone[..., None]
    )
    open_rim = torch.zeros_like(rim)
    if faulty and bool((face.mask & (rim > 0)).any()):
        spots = torch.nonzero(face.mask & (rim > 0))
        y, x = (int(v) for v in spots[rng.integers(len(spots))])
        stretch = (face.along - face.along[y, x]).abs() < width * rng.uniform(0.7, 2.0)
        open_rim = rim * stretch
        wire = (across - 0.5).abs() < 0.1
        bare = torch.where(
            wire[..., None], torch.full_like(colour, 0.15), torch.full_like(colour, 0.02) + lit * 0.15
        )
        colour = torch.where((open_rim > 0)[..., None], bare, colour)
    return torch.where((rim > 0)[..., None], colour * face.shade, lit), rim, open_rim


def _curve_distance(n: int, points: np.ndarray) -> tuple[Tensor, Tensor]:
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


def _rod(
    canvas: Tensor, points: np.ndarray, radius: float, rgb: tuple[float, ...], taper: float
) -> tuple[Tensor, Tensor]:
    """Lays a round strand over the picture, with its shadow."""
    far, t = _curve_distance(canvas.shape[0], points)
    half = radius * (1 - taper * t)
    shadow = (
        1
        - 0.55 * torch.exp(-((far.roll((round(radius), round(radius * 0.6)), (0, 1)) / (radius * 1.3)) ** 2))
    )[..., None]
    body = (1 - (far / half) ** 2).clamp_min(0).sqrt()
    tone = (0.35 + 0.75 * body)[..., None]
    inside = (far < half)[..., None]
    return torch.where(inside, torch.tensor(rgb).view(1, 1, 3) * tone, canvas * shadow), inside[
        ..., 0
    ].float()


def _loose_ends(canvas, truth, rng, pitch, plan) -> Tensor:
    spots = torch.nonzero(truth.judged > 0)
    if not len(spots):
        return canvas
    for _ in range(int(rng.integers(1, 3))):
        y, x = (float(v) for v in spots[rng.integers(len(spots))])
        heading, bend = rng.uniform(0, 2 * math.pi), rng.normal(0, 1.0)
        length = pitch * rng.uniform(1.5, 5)
        t = np.linspace(0, 1, 7)
        angle = heading + bend * t
        points = np.stack(
            [x + np.cumsum(np.cos(angle)) * length / 7, y + np.cumsum(np.sin(angle)) * length / 7], 1
        )
        tone = float(rng.uniform(0.8, 1.4))
        canvas, mask = _rod(
            canvas,
            points,
            pitch * rng.uniform(0.14, 0.38),
            tuple(c * tone for c in plan.weft_rgb),
            rng.uniform(0, 0.8),
        )
        truth.defects[CODES.index("MIN-LOOSE")] = torch.maximum(truth.defects[CODES.index("MIN-LOOSE")], mask)
    return canvas


def _handle(canvas, truth, rng, pitch, plan) -> Tensor:
    """A handle across the basket: part of it, judged by nobody, and no fault."""
    n = canvas.shape[0]
    x0, x1 = sorted(rng.uniform(0.05, 0.95, 2) * n)
    y0, rise = rng.uniform(0.1, 0.7) * n, rng.uniform(-0.5, 0.3) * n
    t = np.linspace(0, 1, 10)
    points = np.stack([x0 + (x1 - x0) * t, y0 + rise * 4 * t * (1 - t)], 1)
    canvas, mask = _rod(canvas, points, min(pitch, n / 24) * rng.uniform(0.6, 1.6), plan.weft_rgb, 0.0)
    truth.basket = torch.maximum(truth.basket, mask)
    truth.judged = truth.judged * (1 - mask)
    truth.defects = truth.defects * (1 - mask)
    return canvas


def _cast_shadows(canvas: Tensor, rng: np.random.Generator) -> Tensor:
    """Shade with a soft or hard edge over everything: never a fault."""
    if rng.random() > 0.35:
        return canvas
    n = canvas.shape[0]
    x, y = grid(n)
    for _ in range(int(rng.integers(1, 4))):
        angle, at = rng.uniform(0, 2 * math.pi), rng.uniform(0.1, 0.9) * n
        edge = (
            x * math.cos(angle)
            + y * math.sin(angle)
            - at * math.copysign(1, math.cos(angle) + math.sin(angle))
        )
        if rng.random() < 0.4:
            edge = rng.uniform(0.04, 0.2) * n - edge.abs()
        shade = torch.sigmoid(edge / (n * float(10 ** rng.uniform(-3, -1))))
        canvas = canvas * (1 - float(rng.uniform(0.2, 0.65)) * shade)[..., None]
    return canvas


def _put_things(canvas: Tensor, truth: _Truth, rng: np.random.Generator) -> Tensor:
    """Labels, cards, ribbons, fingers in front of the basket: not basket, and not a fault."""
    n = canvas.shape[0]
    for _ in range(int(rng.choice([0, 1, 2, 3], p=[0.6, 0.24, 0.1, 0.06]))):
        x, y = grid(n)
        cx, cy = rng.uniform(0, n, 2)
        w, h = n * rng.uniform(0.02, 0.22), n * rng.uniform(0.02, 0.22)
        turn = rng.uniform(0, math.pi)
        u, v = (
            (x - cx) * math.cos(turn) + (y - cy) * math.sin(turn),
            -(x - cx) * math.sin(turn) + (y - cy) * math.cos(turn),
        )
        oval = rng.random() < 0.4
        mask = (u / w) ** 2 + (v / h) ** 2 < 1 if oval else (u.abs() < w) & (v.abs() < h)
        colour = torch.tensor(rng.uniform(0.02, 0.9, 3), dtype=torch.float32).view(1, 1, 3) * torch.ones_like(
            canvas
        )
        if rng.random() < 0.4:
            print_ = (torch.frac(v / h * rng.uniform(1, 4)).abs() < 0.3) & (
                torch.frac(u / w * rng.uniform(2, 7)).abs() < 0.7
            )
            colour = torch.where(print_[..., None], colour * 0.15, colour)
        canvas = torch.where(
            mask[..., None], colour * (0.7 + 0.5 * (u / w * 0.2 + 0.3))[..., None].clamp(0.2, 1.2), canvas
        )
        clear = (~mask).float()
        truth.basket, truth.judged, truth.defects = (
            truth.basket * clear,
            truth.judged * clear,
            truth.defects * clear,
        )
    return canvas
