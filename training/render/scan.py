"""Real weave from a photo-scanned basket, laid like a fabric: how strands truly look, where no drawing gets to."""

import csv
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from training.render.fabric import MATERIALS, Surface

RELIEF = 0.9
"""Height of the scan's brightest strands over its creases, in row pitches: deep places are dark."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """`rgb` (h, w, 3) linear, sound weave all over, straightened: `rows` of them from top to bottom and about
    `stakes` lobes from left to right. Counted by eye: good for sizes, not for truth about density."""

    rgb: NDArray[np.float32]
    rows: float
    stakes: float

    @property
    def aspect(self) -> float:
        """Of a lobe: its length over the pitch of the rows."""
        h, w = self.rgb.shape[:2]
        return (w / self.stakes) / (h / self.rows)


def load_scans(folder: Path) -> list[Scan]:
    """All scans that `sources.tsv` lists; none where the folder is missing."""
    table = folder / "sources.tsv"
    if not table.is_file():
        return []
    with table.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file, delimiter="\t"))
    return [
        Scan(
            rgb=((_read(folder / line["file"])[..., ::-1] / 255.0) ** 2.2).astype(np.float32),
            rows=float(line["rows"]),
            stakes=float(line["stakes"]),
        )
        for line in lines
    ]


def _read(path: Path) -> NDArray[np.uint8]:
    photo = cv2.imread(str(path))
    if photo is None:
        raise FileNotFoundError(path)
    return photo


def dye(scan: Scan, rng: np.random.Generator) -> Scan:
    """The same weave of another batch: darker, browner, with more or less contrast, mirrored."""
    palette = MATERIALS[str(rng.choice(["hyacinth", "hyacinth", "banana", "palm"]))]
    colour = np.array(palette[rng.integers(len(palette))]) * np.exp(rng.normal(0.2, 0.4))
    rgb = scan.rgb ** rng.uniform(0.9, 2.2)
    keep = rng.uniform(0.0, 1.0)
    own = rgb / rgb.mean((0, 1))
    tint = keep * (rgb.mean((0, 1)) / rgb.mean()) * colour.mean() + (1 - keep) * colour
    rgb = own * tint
    flips = [axis for axis in (0, 1) if rng.random() < 0.5]
    return Scan(
        rgb=np.flip(rgb, flips).clip(0.004, 1.2).astype(np.float32), rows=scan.rows, stakes=scan.stakes
    )


def scanned_surface(scan: Scan, rows: Tensor, stakes: Tensor, *, pitch: float, missing: Tensor) -> Surface:
    """The scan at every place, mirrored at its borders; `pitch` of the rows in canvas px, `missing` in [0, 1]
    takes the strands away."""
    height, width = (max(8, round(s)) for s in (scan.rows * pitch, scan.stakes * scan.aspect * pitch))
    rgb = scan.rgb
    if height < rgb.shape[0]:  # no finer than it is shown
        rgb = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)
    grey = rgb.mean(2)
    relief = cv2.GaussianBlur(grey, (0, 0), max(0.6, 0.05 * rgb.shape[0] / scan.rows))
    spread = float(relief.std()) + 1e-4
    deep = RELIEF * 0.25 * np.clip((relief - relief.mean()) / spread, -2, 2)
    laid = torch.from_numpy(np.dstack([rgb, deep]).astype(np.float32)).permute(2, 0, 1)[None]
    at = torch.stack([2 * stakes / scan.stakes - 1, 2 * rows / scan.rows - 1], -1)[None]
    seen = F.grid_sample(laid, _folded(at), mode="bilinear", padding_mode="border", align_corners=False)[0]
    return Surface(
        height=seen[3],
        rgb=seen[:3].permute(1, 2, 0).contiguous(),
        gap=(missing > 0.5).float(),
        stakes=stakes,
        weft=None,
    )


def _folded(at: Tensor) -> Tensor:
    """Places in [-1, 1], mirrored at the borders as often as needed."""
    return (torch.remainder(at + 1, 4) - 2).abs().neg() + 1


def looks_like(scan: Scan) -> tuple[float, float, float]:
    """Mean colour, for ends and rims of the same stuff."""
    r, g, b = scan.rgb.mean((0, 1))
    return float(r), float(g), float(b)
