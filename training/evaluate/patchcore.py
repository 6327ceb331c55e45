"""The baseline for defects: PatchCore (Roth et al. 2022), written small.

A memory bank of ImageNet features of sound weave, from defect-free training renders; a patch is as odd as
its nearest neighbour in the bank is far. Left out of the paper: the photo score's reweighting by the
neighbour's own neighbours. The patch features are those of the shipped network's backbone.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from zipfile import BadZipFile

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from qc_vision.photo import Photo
from training.data import normalise
from training.evaluate.cells import CellMap
from training.network import WeaveNet
from training.render import scene
from training.render.scene import Renderer
from training.render.truth import CELL_PX, Picture

SIDE_PX = 512
STRIDE = 8
FIRST_SEED = 700_000_000
"""Renders of the kind that training draws, but none that it drew."""
BANK_PHOTOS = 40
BANK_SIZE = 3000
POOL_SIZE = 40_000
"""Patches that the bank is chosen from, drawn at random: the choice takes seconds, not minutes."""
PROJECTED = 32
JUDGED_AT = 0.5
SMOOTH_PX = 4.0
"""Sigma of the map's last smoothing at the size the network saw, as in the paper."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Oddness:
    """One photo's distances to the bank, 0 outside the basket; `score` is their maximum."""

    heat: CellMap
    score: float


class PatchCore:
    """Holds the backbone and the bank (M, C)."""

    def __init__(self, bank: Tensor, encoder: torch.nn.Module) -> None:
        self.bank = bank
        self._encoder = encoder

    @torch.inference_mode()
    def judge(self, photo: Photo, basket: CellMap) -> Oddness:
        """How odd each patch of the basket is, which lies where the model says so.

        The basket's box is brought to the size of the renders in the bank.
        """
        on_basket = basket.values > JUDGED_AT
        ys, xs = np.nonzero(on_basket)
        if xs.size == 0:
            return Oddness(heat=CellMap(values=np.zeros((1, 1), np.float16), px_per_cell=1.0), score=0.0)
        k = photo.reduction
        box = np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]) * basket.px_per_cell
        x0, y0 = (int(v // k) for v in box[:2])
        crop = photo.pixels[y0 : int(np.ceil(box[3] / k)), x0 : int(np.ceil(box[2] / k))]
        scale = SIDE_PX / max(crop.shape[:2])
        size = [max(STRIDE * 4, round(n * scale / STRIDE) * STRIDE) for n in crop.shape[1::-1]]
        resized = cv2.resize(crop, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
        features = embed(self._encoder, resized)
        distance = torch.cat([torch.cdist(f, self.bank).amin(1) for f in features.flatten(1).T.split(2048)])
        odd = distance.reshape(features.shape[1:]).numpy()
        cell_px = STRIDE * k * crop.shape[1] / size[0]
        at = [(np.arange(n) + 0.5) * cell_px + o for n, o in zip(odd.shape, (y0 * k, x0 * k), strict=True)]
        rows, columns = (
            np.clip((a / basket.px_per_cell).astype(int), 0, n - 1)
            for a, n in zip(at, on_basket.shape, strict=True)
        )
        inside = on_basket[np.ix_(rows, columns)].astype(np.float32)
        smooth = cv2.GaussianBlur(odd * inside, (0, 0), SMOOTH_PX / STRIDE) * inside
        heat = CellMap(
            values=smooth.astype(np.float16), px_per_cell=cell_px, origin_px=(float(x0 * k), float(y0 * k))
        )
        return Oddness(heat=heat, score=float(smooth.max()))


def build(*, cache: Path | None = None, photos: int = BANK_PHOTOS) -> PatchCore:
    """PatchCore with a bank from so many defect-free renders. Deterministic.

    `cache`: a file that keeps the bank; one made by another renderer or of other settings is made anew.
    """
    encoder = WeaveNet(defect_kinds=1, pretrained=True).encoder.eval()
    made_by = _fingerprint(photos)
    kept = _read_bank(cache, made_by) if cache is not None else None
    if kept is not None:
        return PatchCore(kept, encoder)
    renders = tqdm(islice(_sound_renders(), photos), total=photos, desc="PatchCore's bank", unit="render")
    bank = fill_bank(encoder, renders)
    if cache is not None:
        cache.parent.mkdir(parents=True, exist_ok=True)
        unfinished = cache.with_suffix(".part.npz")
        np.savez(unfinished, bank=bank.numpy(), made_by=made_by)
        unfinished.replace(cache)
    return PatchCore(bank, encoder)


def _read_bank(cache: Path, made_by: str) -> Tensor | None:
    """None where there is no bank, or one that is damaged or was made otherwise."""
    try:
        with np.load(cache) as kept:
            return torch.from_numpy(kept["bank"]) if str(kept["made_by"]) == made_by else None
    except (OSError, KeyError, ValueError, BadZipFile):
        return None


def _fingerprint(photos: int) -> str:
    """Of all that a bank depends on: the sources of the renderer and of this file."""
    sources = [Path(__file__), *sorted(Path(scene.__file__).parent.glob("*.py"))]
    return hashlib.sha256(b"".join(p.read_bytes() for p in sources) + str(photos).encode()).hexdigest()


@torch.inference_mode()
def fill_bank(encoder: torch.nn.Module, renders: Iterable[Picture], *, size: int = BANK_SIZE) -> Tensor:
    """A coreset (M, C) of the features of all judged weave in the renders."""
    generator = torch.Generator().manual_seed(0)
    pool = []
    for picture in renders:
        judged = cv2.resize(
            picture.judged, None, fx=CELL_PX / STRIDE, fy=CELL_PX / STRIDE, interpolation=cv2.INTER_AREA
        )
        pool.append(embed(encoder, picture.rgb).flatten(1).T[torch.from_numpy(judged.ravel() > JUDGED_AT)])
    patches = torch.cat(pool)
    chosen = torch.randperm(len(patches), generator=generator)[:POOL_SIZE]
    return choose_coreset(patches[chosen], size=size, generator=generator)


def choose_coreset(patches: Tensor, *, size: int, generator: torch.Generator) -> Tensor:
    """Greedy k-centre: again and again the patch (N, C) farthest from all chosen so far, seen through a random
    projection, which keeps distances nearly (Johnson and Lindenstrauss) and costs less."""
    if len(patches) <= size:
        return patches
    projection = torch.randn(patches.shape[1], PROJECTED, generator=generator) / PROJECTED**0.5
    small = patches @ projection
    nearest = torch.full((len(small),), torch.inf)
    at, chosen = 0, []
    for _ in range(size):
        chosen.append(at)
        nearest = torch.minimum(nearest, (small - small[at]).square().sum(1))
        at = int(nearest.argmax())
    return patches[chosen]


@torch.inference_mode()
def embed(encoder: torch.nn.Module, rgb: NDArray[np.uint8]) -> Tensor:
    """(C, H/8, W/8): features of strides 8 and 16, each averaged over three by three cells, side by side."""
    _, fine, coarse, _ = encoder(normalise(torch.from_numpy(np.ascontiguousarray(rgb))[None]))
    fine, coarse = (F.avg_pool2d(f, 3, 1, 1, count_include_pad=False) for f in (fine, coarse))
    coarse = F.interpolate(coarse, size=fine.shape[-2:], mode="bilinear", align_corners=False)
    return torch.cat([fine, coarse], dim=1)[0]


def _sound_renders() -> Iterator[Picture]:
    renderer = Renderer(side_px=SIDE_PX)
    for seed in count(FIRST_SEED):
        picture = renderer.render(seed)
        if picture.defects.max() == 0 and picture.judged.mean() > 0.1:
            yield picture
