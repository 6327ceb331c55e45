"""From rendered pictures and labelled sets to batches of tensors."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from training.network import MEAN, STD
from training.render.scene import Picture


@dataclass(slots=True, kw_only=True)
class Batch:
    """`photo` (N, 3, H, W) normalised; truth on cells of 4 px: `basket`, `judged` (N, h, w), `steps`
    (N, 4, h, w) in px, `defects` (N, K, h, w)."""

    photo: Tensor
    basket: Tensor
    judged: Tensor
    steps: Tensor
    defects: Tensor


def normalise(rgb: Tensor) -> Tensor:
    """(N, H, W, 3) uint8 to (N, 3, H, W) float32, in the range the encoder was trained with."""
    return ((rgb.permute(0, 3, 1, 2).float() / 255 - MEAN) / STD).contiguous(memory_format=torch.channels_last)


def collate(pictures: list[Picture]) -> Batch:
    def stack(name: str) -> Tensor:
        return torch.from_numpy(np.stack([getattr(p, name) for p in pictures]))

    return Batch(
        photo=normalise(stack("rgb")), basket=stack("basket"), judged=stack("judged"), steps=stack("steps"), defects=stack("defects")
    )


def turned(picture: Picture, rng: np.random.Generator) -> Picture:
    """The picture mirrored and turned by quarter turns at random, its truth with it."""
    rgb, basket, judged, steps, defects = picture.rgb, picture.basket, picture.judged, picture.steps, picture.defects
    if rng.random() < 0.5:
        rgb, basket, judged, defects = rgb[:, ::-1], basket[:, ::-1], judged[:, ::-1], defects[:, :, ::-1]
        steps = steps[:, :, ::-1] * np.array([-1, 1, -1, 1], np.float32)[:, None, None]
    if rng.random() < 0.25:
        rgb, basket, judged, defects = rgb[::-1], basket[::-1], judged[::-1], defects[:, ::-1]
        steps = steps[:, ::-1] * np.array([1, -1, 1, -1], np.float32)[:, None, None]
    if rng.random() < 0.25:
        rgb, basket, judged = rgb.transpose(1, 0, 2), basket.T, judged.T
        defects, steps = defects.transpose(0, 2, 1), steps.transpose(0, 2, 1)[[1, 0, 3, 2]]
    return Picture(
        rgb=np.ascontiguousarray(rgb), basket=np.ascontiguousarray(basket), judged=np.ascontiguousarray(judged),
        steps=np.ascontiguousarray(steps), defects=np.ascontiguousarray(defects),
    )
