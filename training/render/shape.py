"""Where the fabric is in the picture: faces of baskets, as a map from pixels to places on the fabric.

A `Face` says, for every pixel of the canvas, whether it shows the face (`mask`), where on the fabric it
looks (`along`, `down`: lengths in canvas px at the face's nearest point), and how the face is turned.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

HORIZON = 1e-6
"""A plane is never looked at nearer to its horizon than this, where a pixel sees infinitely far."""
STEEPEST = 4.0
"""Slope of a face as the camera sees it, at most: a round wall turns away from it by 76 degrees."""


@dataclass(slots=True, kw_only=True)
class Face:
    """`role`: outside (judged), inside (seen, not judged). `normal`: slope of the face in x and y, the tangent of
    the angle by which it turns away from the camera. `shade` multiplies the light it gets."""

    mask: Tensor
    along: Tensor
    down: Tensor
    normal: tuple[Tensor | float, Tensor | float]
    role: str
    shade: float
    rim_down: float | None = None

    def cut(self, window: tuple[slice, slice]) -> "Face":
        """The part of the face inside a box of the canvas."""
        x, y = (v[window] if isinstance(v, Tensor) else v for v in self.normal)
        return Face(
            mask=self.mask[window],
            along=self.along[window],
            down=self.down[window],
            normal=(x, y),
            role=self.role,
            shade=self.shade,
            rim_down=self.rim_down,
        )


def grid(n: int) -> tuple[Tensor, Tensor]:
    y, x = torch.meshgrid(torch.arange(n) + 0.5, torch.arange(n) + 0.5, indexing="ij")
    return x, y


def _homography(
    x: Tensor, y: Tensor, quad: np.ndarray, size: tuple[float, float]
) -> tuple[Tensor, Tensor, Tensor]:
    """Maps the canvas to the face's own rectangle (width, height) that `quad` shows."""
    w, h = size
    target = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32)
    m = cv2.getPerspectiveTransform(quad.astype(np.float32), target).astype(np.float64)
    d = m[2, 0] * x + m[2, 1] * y + m[2, 2]
    d = torch.where(d.abs() < HORIZON, HORIZON, d)
    a, b = (m[0, 0] * x + m[0, 1] * y + m[0, 2]) / d, (m[1, 0] * x + m[1, 1] * y + m[1, 2]) / d
    return a, b, (d > 0) & (a >= 0) & (a <= w) & (b >= 0) & (b <= h)


def closeup(n: int, rng: np.random.Generator) -> list[Face]:
    """The weave fills the picture: a plane or a gently curved wall, seen at a slant."""
    x, y = grid(n)
    tilt = rng.uniform(-0.28, 0.28, 2) * rng.random()
    c = n / 2
    d = 1 + tilt[0] * (x - c) / n + tilt[1] * (y - c) / n
    turn = rng.normal(0, 0.2) if rng.random() < 0.7 else rng.uniform(-math.pi, math.pi)
    u, v = (x - c) / d, (y - c) / d
    a, b = u * math.cos(turn) + v * math.sin(turn), -u * math.sin(turn) + v * math.cos(turn)
    squeeze = rng.uniform(0.75, 1.0)
    a = a / squeeze
    if rng.random() < 0.4:
        radius = n * rng.uniform(0.7, 2.0)
        inside = (a / radius).clamp(-0.98, 0.98)
        a = radius * torch.asin(inside)
    mask = torch.ones_like(x, dtype=torch.bool)
    return [
        Face(mask=mask, along=a, down=b, normal=(float(tilt[0]), float(tilt[1])), role="outside", shade=1.0)
    ]


def panel(n: int, rng: np.random.Generator) -> list[Face]:
    """A mat, lid or tray bottom lying or standing, all or part of it in view."""
    x, y = grid(n)
    cx, cy = rng.uniform(0.35, 0.65, 2) * n
    w, h = rng.uniform(0.4, 1.2, 2) * n
    quad = np.array([[-w, -h], [w, -h], [w, h], [-w, h]]) / 2
    quad *= 1 + rng.uniform(-0.22, 0.22, (4, 1))
    turn = rng.normal(0, 0.3)
    quad = quad @ np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]]) + [cx, cy]
    a, b, mask = _homography(x, y, quad, (w, h))
    if rng.random() < 0.4:
        mask = mask & (((a / w - 0.5) ** 2 + (b / h - 0.5) ** 2) < 0.25)
    return [Face(mask=mask, along=a, down=b, normal=(0.0, 0.0), role="outside", shade=1.0, rim_down=None)]


def cylinder(n: int, rng: np.random.Generator) -> list[Face]:
    """A round basket, straight or tapered, from a little above: outer wall, rim, dark inside."""
    x, y = grid(n)
    cx, top = n * rng.uniform(0.3, 0.7), n * rng.uniform(-0.15, 0.35)
    height, r_top = n * rng.uniform(0.4, 0.95), n * rng.uniform(0.22, 0.6)
    taper, belly = rng.uniform(-0.3, 0.1), rng.uniform(0, 0.12)
    squash = rng.uniform(0.05, 0.4)
    lean = rng.normal(0, 0.03)
    xs = x - cx - lean * (y - top)
    down = y - top
    sin = torch.zeros_like(x)
    for _ in range(3):
        t = (down / height).clamp(0, 1)
        radius = r_top * (1 + taper * t + belly * torch.sin(math.pi * t))
        sin = (xs / radius).clamp(-1, 1)
        down = y - top - squash * radius * torch.sqrt((1 - sin * sin).clamp_min(0))
    t = (down / height).clamp(0, 1)
    radius = r_top * (1 + taper * t + belly * torch.sin(math.pi * t))
    wall = (xs.abs() < radius) & (down >= 0) & (down <= height)
    angle = torch.asin((xs / radius).clamp(-0.999, 0.999))
    outer = Face(
        mask=wall,
        along=angle * r_top,
        down=down,
        normal=(torch.tan(angle).clamp(-STEEPEST, STEEPEST), 0.0),
        role="outside",
        shade=1.0,
        rim_down=0.0,
    )
    mouth = ((xs / r_top) ** 2 + ((y - top) / (squash * r_top)) ** 2) < 1
    behind = torch.asin((xs / r_top).clamp(-0.999, 0.999))
    inner = Face(
        mask=mouth,
        along=-behind * r_top,
        down=y - top + squash * r_top * torch.cos(behind),
        normal=(-torch.tan(behind).clamp(-STEEPEST, STEEPEST), 0.0),
        role="inside",
        shade=float(rng.uniform(0.25, 1.05)),
    )
    return [inner, outer]


def box(n: int, rng: np.random.Generator) -> list[Face]:
    """A box, tray or trunk seen on a corner or from the front; open or with a lid."""
    x, y = grid(n)
    size = np.array([rng.uniform(0.6, 1.3), rng.uniform(0.5, 1.0), rng.uniform(0.3, 1.0)])
    yaw, pitch = rng.uniform(-0.9, 0.9), rng.uniform(0.15, 0.8)
    distance = rng.uniform(2.5, 6)
    corners = np.array([[sx, sy, sz] for sz in (1, -1) for sy in (-1, 1) for sx in (-1, 1)]) / 2 * size
    rz = np.array([[math.cos(yaw), -math.sin(yaw), 0], [math.sin(yaw), math.cos(yaw), 0], [0, 0, 1]])
    rx = np.array([[1, 0, 0], [0, math.cos(pitch), -math.sin(pitch)], [0, math.sin(pitch), math.cos(pitch)]])
    cam = corners @ rz.T @ rx.T
    depth = distance + cam[:, 1]
    uv = np.stack([cam[:, 0] / depth, -cam[:, 2] / depth], 1)
    span = np.ptp(uv, axis=0).max()
    uv = (uv - (uv.min(0) + uv.max(0)) / 2) / span * n * rng.uniform(0.6, 1.3) + n * rng.uniform(0.4, 0.6, 2)
    scale = n / span / distance * 0.9
    walls = {"front": (0, 1, 5, 4), "right": (1, 3, 7, 5), "back": (3, 2, 6, 7), "left": (2, 0, 4, 6)}
    lid, base = (2, 3, 1, 0), (6, 7, 5, 4)
    closed = rng.random() < 0.35
    faces: list[Face] = []
    for name, ids in [*walls.items(), ("lid", lid), ("base", base)]:
        quad = uv[list(ids)]
        area = np.sum(quad[:, 0] * np.roll(quad[:, 1], -1) - np.roll(quad[:, 0], -1) * quad[:, 1])
        outward = area > 0
        if name == "lid" and (not closed or not outward):
            continue
        if name == "base" and closed:
            continue
        w = size[0] if name in ("front", "back", "lid", "base") else size[1]
        h = size[2] if name in walls else size[1]
        a, b, mask = _homography(x, y, quad, (w * scale, h * scale))
        outward = outward and name != "base"
        faces.append(
            Face(
                mask=mask,
                along=a,
                down=b,
                normal=_slopes(cam[list(ids)]),
                role="outside" if outward else "inside",
                shade=1.0 if outward else float(rng.uniform(0.3, 1.05)),
                rim_down=0.0 if name in walls and outward else None,
            )
        )
    return sorted(faces, key=lambda f: f.role == "outside")


def _slopes(corners: np.ndarray) -> tuple[float, float]:
    """Slope in x and y of the flat face with these corners (4, 3): right, away from the camera, up."""
    across = np.cross(corners[1] - corners[0], corners[3] - corners[0])
    facing = across if across[1] < 0 else -across
    toward = max(-facing[1], 1e-6)
    x, y = np.clip([facing[0] / toward, -facing[2] / toward], -STEEPEST, STEEPEST)
    return float(x), float(y)


SHAPES = {"closeup": closeup, "panel": panel, "cylinder": cylinder, "box": box}
