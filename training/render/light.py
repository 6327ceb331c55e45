"""Light on the strands: Lambert, darkness in the creases, short shadows, a little gloss."""

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from training.render.fabric import Surface
from training.render.shape import Face


def light(
    surface: Surface, face: Face, *, pitch: float, sun: np.ndarray, gloss: float, softness: float
) -> Tensor:
    """(h, w, 3) linear RGB. `pitch` of the rows in canvas px; `sun` the light's slope in x and y; `softness`
    in [0, 1]: 0 hard sun, 1 an overcast sky."""
    z = surface.height.clamp_min(-0.9) * pitch * 0.75
    dy, dx = torch.gradient(z)
    tilt_x, tilt_y = face.slope
    nx, ny, nz = tilt_x - dx, tilt_y - dy, 1.0
    norm = torch.sqrt(nx * nx + ny * ny + nz)
    lx, ly, lz = float(sun[0]), float(sun[1]), 1.0
    length = math.sqrt(lx * lx + ly * ly + lz * lz)
    lambert = ((nx * lx + ny * ly + lz) / (norm * length)).clamp_min(0)
    crease = (0.72 + (z - _around(z, pitch)) / (pitch * 0.35)).clamp(0.12, 1.1)
    shadow = torch.ones_like(z)
    for step in (0.15, 0.35):
        sx, sy = round(-lx * pitch * step), round(-ly * pitch * step)
        if sx or sy:
            blocker = z.roll((sy, sx), (0, 1))
            dark = (1 - (blocker - z - pitch * step * 0.55) / (pitch * 0.12)).clamp(0.45, 1)
            shadow = torch.minimum(shadow, dark)
    ambient, direct = 0.3 + 0.35 * softness, 0.95 - 0.55 * softness
    lit = surface.rgb * ((ambient + direct * lambert * shadow) * crease * face.shade)[..., None]
    if gloss > 0:
        lit = lit + (gloss * lambert.clamp(0, 1) ** 24 * shadow * face.shade)[..., None]
    return lit


def _around(z: Tensor, pitch: float) -> Tensor:
    """Mean height over about half a pitch, computed at half size."""
    side = max(3, round(pitch * 0.25)) | 1
    if min(z.shape) < 2 * side + 2:
        return z.mean().expand_as(z)
    small = F.avg_pool2d(z[None, None], 2)
    smooth = F.avg_pool2d(small, side, 1, side // 2, count_include_pad=False)
    return F.interpolate(smooth, size=z.shape, mode="bilinear", align_corners=False)[0, 0]
