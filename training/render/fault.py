"""Faults as things that happen to strands: planned on the fabric, each with the mask of what it changed."""

from dataclasses import dataclass, field

import cv2
import numpy as np
import torch
from torch import Tensor

from training.render.fabric import FabricPlan, hash01, smoothstep

CODES = (
    "MAJ-HOLE",
    "MAJ-GAP",
    "MAJ-BROKEN",
    "MIN-LOOSE",
    "MIN-PATTERN",
    "MAJ-STAIN",
    "CRT-MOLD",
    "MIN-COLOR",
    "MAJ-RIM",
    "MAJ-SHAPE",
)
RUN_SHARE = 0.4
"""Of the holes: rows that are missing over several stakes, which stay; the others take the stakes with them."""
SPREAD_SHARE = 0.55
"""Of the gaps: several rows that lie apart; the others are one slit."""


@dataclass(slots=True, kw_only=True)
class Faults:
    """What the weaver (or the weather) did wrong on one face, as fields over the canvas."""

    rows: Tensor
    missing_weft: Tensor
    missing_warp: Tensor
    forced_gap: Tensor
    paint: list[tuple[Tensor, tuple[float, float, float], float]] = field(default_factory=list)
    floats: list[tuple[int, int, int]] = field(default_factory=list)
    bump: Tensor | None = None
    marks: list[tuple[str, Tensor]] = field(default_factory=list)

    def mark(self, code: str, mask: Tensor) -> None:
        """One fault, and where it shows (1, else 0)."""
        self.marks.append((code, mask))


def _window(stakes: Tensor, centre: float, half: float) -> Tensor:
    """1 over `half` stakes on either side of the centre, falling to 0 within a fifth more."""
    return smoothstep(1 - ((stakes - centre).abs() - half * 0.8) / (half * 0.4))


def plant(
    rows: Tensor,
    stakes: Tensor,
    place: tuple[float, float],
    *,
    code: str,
    plan: FabricPlan,
    aspect: float,
    rng: np.random.Generator,
    faults: Faults,
) -> None:
    """Adds one fault of `code` at `place` (row, stake) to `faults`."""
    r0, s0 = place
    i0 = round(r0)
    lobed = plan.weave in ("braid", "coil", "twined")
    if code == "MAJ-BROKEN":
        half = rng.uniform(0.5, 1.4) * (max(1.0, 1.2 / aspect) if not lobed else 2.0)
        jag = (hash01(torch.floor(rows * 9), 1.0, plan.seed) - 0.5) * 0.5
        on_row = (rows - i0).abs() < 0.5
        lost = on_row & ((stakes - s0 + jag).abs() < half)
        faults.missing_weft = torch.maximum(faults.missing_weft, lost.float())
        faults.mark(code, lost.float())
    elif code == "MAJ-HOLE" and rng.random() < RUN_SHARE:
        down = 0.5 if rng.random() < 0.7 else float(rng.integers(1, 3))
        half = rng.uniform(1.2, 4.0) * max(1.0, 1.0 / aspect)
        jag = (hash01(torch.floor(rows * 7), 4.0, plan.seed) - 0.5) * 0.8
        lost = ((rows - i0).abs() < down) & ((stakes - s0 + jag).abs() < half)
        faults.missing_weft = torch.maximum(faults.missing_weft, lost.float())
        faults.mark(code, lost.float())
    elif code == "MAJ-HOLE":
        down, wide = rng.uniform(0.6, 2.2), rng.uniform(0.7, 2.2) * max(1.0, 1.0 / aspect)
        jag = (hash01(torch.round(rows), 2.0, plan.seed) - 0.5) * 0.7
        if rng.random() < 0.5:
            jag = jag + (hash01(torch.floor(stakes * 3), 5.0, plan.seed) - 0.5) * 0.3
        hole = ((rows - r0) / down) ** 2 + ((stakes - s0 + jag) / wide) ** 2 < 1
        if rng.random() < 0.5:
            faults.forced_gap = torch.maximum(faults.forced_gap, hole.float())
        else:
            faults.missing_weft = torch.maximum(faults.missing_weft, hole.float())
            faults.missing_warp = torch.maximum(faults.missing_warp, hole.float())
        faults.mark(code, hole.float())
    elif code == "MAJ-GAP" and rng.random() < SPREAD_SHARE:
        window = _window(stakes, s0, rng.uniform(2, 8) * max(1.0, 1.0 / aspect))
        pull, reach = window * rng.uniform(0.25, 0.5), rng.uniform(1.5, 4.0)
        x = rows - i0
        near = torch.exp(-((x / reach) ** 2))
        stretch = pull * near * (1 - 2 * (x / reach) ** 2)
        row = i0 + x - pull * x * near
        # rows lie apart but are no wider for it
        across = (row - torch.round(row)) / (1 - stretch).clamp(max=1.0)
        faults.rows = torch.round(row) + across.clamp(-0.5, 0.5)
        slits = (across.abs() > 0.5).float()
        if rng.random() < 0.3 or lobed:
            faults.forced_gap = torch.maximum(faults.forced_gap, slits)
        else:
            faults.missing_weft = torch.maximum(faults.missing_weft, slits)
        faults.mark(code, (stretch > 0.4 * stretch.max()).float())
    elif code == "MAJ-GAP":
        edge = i0 + 0.5
        window = _window(stakes, s0, rng.uniform(1.5, 6) * max(1.0, 1.0 / aspect))
        opening = rng.uniform(0.25, 0.8) * window
        x = rows - edge
        reach = (x.abs() - opening).clamp_min(0)
        pushed = x.abs() - opening * torch.exp(-reach / 2)
        faults.rows = edge + torch.sign(x) * pushed.clamp_min(0)
        slit = (x.abs() < opening) & (opening > 0.06)
        if rng.random() < 0.6 or lobed:
            faults.forced_gap = torch.maximum(faults.forced_gap, slit.float())
        else:
            faults.missing_weft = torch.maximum(faults.missing_weft, slit.float())
        faults.mark(code, slit.float())
    elif code == "MIN-PATTERN" and not lobed and plan.weave not in ("motif", "figure"):
        j0, length = round(s0), int(rng.integers(2, 5))
        faults.floats.append((i0, j0, j0 + length))
        faults.mark(
            code, (((rows - i0).abs() < 0.5) & (stakes > j0 - 0.5) & (stakes < j0 + length + 0.5)).float()
        )
    elif code == "MAJ-STAIN":
        size = rng.uniform(0.8, 4.0)
        angle = torch.atan2(rows - r0, (stakes - s0) * aspect)
        wave = sum(
            rng.uniform(-0.16, 0.16) * torch.sin(k * angle + rng.uniform(0, 6.3)) for k in (1, 2, 3, 5)
        )
        far = torch.hypot(rows - r0, (stakes - s0) * aspect) / (size * (1 + wave))
        soft = rng.uniform(0.05, 0.5)
        alpha = smoothstep((1 - far) / soft + 0.5)
        if rng.random() < 0.3:
            alpha = alpha * (0.6 + 0.4 * smoothstep((far - 0.7) * 5))
        tint = [
            (0.03, 0.025, 0.02),
            (0.1, 0.06, 0.03),
            (0.02, 0.03, 0.05),
            (0.5, 0.48, 0.44),
            (0.12, 0.02, 0.02),
        ]
        strength = float(rng.uniform(0.4, 0.9))
        faults.paint.append((alpha, tint[rng.integers(len(tint))], strength))
        faults.mark(code, (alpha > 0.4).float())
    elif code == "CRT-MOLD":
        cluster = torch.zeros_like(rows)
        for _ in range(int(rng.integers(5, 26))):
            dr, ds = rng.normal(0, 1.6, 2)
            radius = abs(rng.normal(0.22, 0.12)) + 0.08
            far = torch.hypot(rows - r0 - dr, (stakes - s0) * aspect - ds) / radius
            cluster = torch.maximum(cluster, smoothstep((1.15 - far) / 0.5))
        grain = hash01(torch.floor(rows * 14), torch.floor(stakes * 14), plan.seed)
        tint = [(0.62, 0.64, 0.6), (0.12, 0.17, 0.1), (0.02, 0.02, 0.02)]
        faults.paint.append(
            (cluster * (0.6 + 0.4 * grain), tint[rng.integers(3)], float(rng.uniform(0.5, 0.9)))
        )
        near = cv2.dilate(cluster.numpy(), np.ones((9, 9), np.uint8))
        faults.mark(code, torch.from_numpy((near > 0.3).astype(np.float32)))
    elif code == "MIN-COLOR" and not plan.other_share:  # nobody could tell it there from what is meant
        half = rng.uniform(2, 7) * max(1.0, 1.0 / aspect)
        thick = 0.5 if rng.random() < 0.6 else rng.uniform(1, 4)
        band = ((rows - i0).abs() < thick) & ((stakes - s0).abs() < half)
        tint = [(0.05, 0.03, 0.015), (0.75, 0.68, 0.5), (0.2, 0.22, 0.07), (0.3, 0.09, 0.03)]
        faults.paint.append((band.float(), tint[rng.integers(4)], float(rng.uniform(0.45, 0.85))))
        faults.mark(code, band.float())
    elif code == "MAJ-SHAPE":
        # small enough for its shading to be told from the light's own slow changes
        far = torch.hypot(rows - r0, (stakes - s0) * aspect) / rng.uniform(1.5, 4)
        dent = torch.exp(-far * far * 1.5)
        depth = float(rng.choice([-1, 1])) * rng.uniform(1.2, 3.0)
        faults.bump = dent * depth if faults.bump is None else faults.bump + dent * depth
        faults.rows = faults.rows + dent * rng.uniform(-0.8, 0.8)
        faults.mark(code, (dent > 0.45).float())
