"""Where the fabric is in the picture: faces of baskets, as a map from pixels to places on the fabric.

A `Face` says, for every pixel of the canvas, whether it shows the face (`mask`), where on the fabric it
looks (`along`, `down`: lengths in canvas px at the face's nearest point), and how the face is turned.
"""

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from torch import Tensor

HORIZON = 1e-6
"""A plane is never looked at nearer to its horizon than this, where a pixel sees infinitely far."""
FOCAL_SIDES = 1.0
"""Focal length of a phone's main camera, in sides of the square it cuts out: 26 mm where the whole picture's diagonal
counts as 43.3, so that the short side of a 4:3 picture counts as 26."""
STEEPEST = 4.0
"""Slope of a face as the camera sees it, at most: a round wall turns away from it by 76 degrees."""


@dataclass(slots=True, kw_only=True)
class Face:
    """`role`: outside (judged), inside (seen, not judged). `slope` in x and y, as light falls on it: the tangent of
    the angle by which the face turns away from the camera. `shade` multiplies the light it gets.

    What the picture shows of its form: `normal` (x right, y down, z towards the camera), of any length; `focal` in
    canvas px of the camera that sees it so, infinite from afar; `stretch`: the length on the face itself of one unit
    of `along` and of `down`."""

    mask: Tensor
    along: Tensor
    down: Tensor
    slope: tuple[Tensor | float, Tensor | float]
    normal: tuple[Tensor | float, Tensor | float, Tensor | float]
    role: str
    shade: float
    focal: float
    stretch: tuple[Tensor | float, Tensor | float] = (1.0, 1.0)
    rim_down: float | None = None

    def cut(self, window: tuple[slice, slice]) -> "Face":
        """The part of the face inside a box of the canvas."""

        def part(values: Tensor | float) -> Tensor | float:
            return values[window] if isinstance(values, Tensor) else values

        slope_x, slope_y = map(part, self.slope)
        x, y, z = map(part, self.normal)
        along, down = map(part, self.stretch)
        return replace(
            self,
            mask=self.mask[window],
            along=self.along[window],
            down=self.down[window],
            slope=(slope_x, slope_y),
            normal=(x, y, z),
            stretch=(along, down),
        )


def grid(n: int) -> tuple[Tensor, Tensor]:
    y, x = torch.meshgrid(torch.arange(n) + 0.5, torch.arange(n) + 0.5, indexing="ij")
    return x, y


def _homography(
    x: Tensor, y: Tensor, quad: np.ndarray, size: tuple[float, float]
) -> tuple[Tensor, Tensor, Tensor]:
    """Maps the canvas to the face's own rectangle (width, height) that `quad` shows."""
    w, h = size
    m = _to_rectangle(quad, size)
    d = m[2, 0] * x + m[2, 1] * y + m[2, 2]
    d = torch.where(d.abs() < HORIZON, HORIZON, d)
    a, b = (m[0, 0] * x + m[0, 1] * y + m[0, 2]) / d, (m[1, 0] * x + m[1, 1] * y + m[1, 2]) / d
    return a, b, (d > 0) & (a >= 0) & (a <= w) & (b >= 0) & (b <= h)


def _to_rectangle(quad: np.ndarray, size: tuple[float, float]) -> np.ndarray:
    w, h = size
    target = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32)
    return cv2.getPerspectiveTransform(quad.astype(np.float32), target).astype(np.float64)


def _nearness(n: int, x: float, y: float) -> tuple[float, float, float]:
    """Normal of a plane whose nearness (one over its depth) is 1 in the middle of the canvas and grows by `x` and `y`
    per px: what is nearer to the right turns its face to the left."""
    focal = FOCAL_SIDES * n
    return -focal * x, -focal * y, 1.0


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
    normal = _nearness(n, float(tilt[0]) / n, float(tilt[1]) / n)
    if rng.random() < 0.4:
        radius = n * rng.uniform(0.7, 2.0)
        inside = (a / radius).clamp(-0.98, 0.98)
        a = radius * torch.asin(inside)
        normal = _rolled(normal, turn, inside)
    mask = torch.ones_like(x, dtype=torch.bool)
    return [
        Face(
            mask=mask,
            along=a,
            down=b,
            slope=(float(tilt[0]), float(tilt[1])),
            normal=normal,
            role="outside",
            shade=1.0,
            focal=FOCAL_SIDES * n,
        )
    ]


def _rolled(
    plane: tuple[float, float, float], turn: float, sine: Tensor
) -> tuple[Tensor | float, Tensor | float, Tensor | float]:
    """Normal of a plane rolled up: bent back by the angle of that sine in the direction `turn` of the picture."""
    away = np.array(plane) / np.linalg.norm(plane)
    ahead = np.array([math.cos(turn), math.sin(turn), 0.0])
    ahead = ahead - away * (away @ ahead)
    ahead /= np.linalg.norm(ahead)
    cosine = torch.sqrt(1 - sine * sine)
    x, y, z = (sine * float(a) + cosine * float(b) for a, b in zip(ahead, away, strict=True))
    return x, y, z


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
    return [
        Face(
            mask=mask,
            along=a,
            down=b,
            slope=(0.0, 0.0),
            normal=_nearness(n, *_growth(quad, (w, h), n)),
            role="outside",
            shade=1.0,
            focal=FOCAL_SIDES * n,
        )
    ]


def _growth(quad: np.ndarray, size: tuple[float, float], n: int) -> tuple[float, float]:
    """By how much the nearness of the plane that shows a rectangle as `quad` grows per px in x and y, as a share of
    what it is in the middle of the canvas."""
    m = _to_rectangle(quad, size)
    middle = (m[2, 0] + m[2, 1]) * n / 2 + m[2, 2]
    return float(m[2, 0] / middle), float(m[2, 1] / middle)


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
    above = math.asin(squash)
    flare = math.cos(above) * r_top / height * (taper + belly * math.pi * torch.cos(math.pi * t))
    outer = Face(
        mask=wall,
        along=angle * r_top,
        down=down,
        slope=(torch.tan(angle).clamp(-STEEPEST, STEEPEST), 0.0),
        normal=_round(torch.sin(angle), torch.cos(angle), flare, above),
        role="outside",
        shade=1.0,
        focal=math.inf,
        stretch=(radius / r_top, torch.sqrt(1 + flare * flare) / math.cos(above)),
        rim_down=0.0,
    )
    mouth = ((xs / r_top) ** 2 + ((y - top) / (squash * r_top)) ** 2) < 1
    behind = torch.asin((xs / r_top).clamp(-0.999, 0.999))
    inner = Face(
        mask=mouth,
        along=-behind * r_top,
        down=y - top + squash * r_top * torch.cos(behind),
        slope=(-torch.tan(behind).clamp(-STEEPEST, STEEPEST), 0.0),
        normal=_round(-torch.sin(behind), torch.cos(behind), torch.zeros_like(x), above),
        role="inside",
        shade=float(rng.uniform(0.25, 1.05)),
        focal=math.inf,
        stretch=(1.0, 1 / math.cos(above)),
    )
    return [inner, outer]


def _round(sine: Tensor, cosine: Tensor, flare: Tensor, above: float) -> tuple[Tensor, Tensor, Tensor]:
    """Normal of an upright round wall seen from `above` (radians), at a place that looks aside by the angle of that
    sine and cosine; `flare`: how much its radius grows per length downwards."""
    level, down = math.sin(above), math.cos(above)
    return sine, cosine * level - flare * down, cosine * down + flare * level


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
    zoom = rng.uniform(0.6, 1.3)
    uv = (uv - (uv.min(0) + uv.max(0)) / 2) / span * n * zoom + n * rng.uniform(0.4, 0.6, 2)
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
                slope=_slopes(cam[list(ids)]),
                normal=_facing(cam[list(ids)]),
                role="outside" if outward else "inside",
                shade=1.0 if outward else float(rng.uniform(0.3, 1.05)),
                focal=float(n / span * zoom),
                rim_down=0.0 if name in walls and outward else None,
            )
        )
    return sorted(faces, key=lambda f: f.role == "outside")


def _slopes(corners: np.ndarray) -> tuple[float, float]:
    """Slope in x and y of the flat face with these corners (4, 3): right, away from the camera, up."""
    right, down, toward = _facing(corners)
    x, y = np.clip([right / max(toward, 1e-6), down / max(toward, 1e-6)], -STEEPEST, STEEPEST)
    return float(x), float(y)


def _facing(corners: np.ndarray) -> tuple[float, float, float]:
    """Normal of that face: right, down, towards the camera."""
    across = np.cross(corners[1] - corners[0], corners[3] - corners[0])
    right, away, up = across if across[1] < 0 else -across
    return float(right), float(-up), float(-away)


SHAPES = {"closeup": closeup, "panel": panel, "cylinder": cylinder, "box": box}
