"""From rendered pictures and labelled sets to batches of tensors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.network import MEAN, STD
from training.render.truth import Picture

STANDS_OUT = 0.8
"""Of 45 faults that one person looked for, hardly one was found below 0.6, some between 0.6 and 0.9; what nobody sees
teaches noise."""
CHANGE_PX, AROUND_PX = 5, 49
JUST_SEEN = 6.0
"""Of 255, in L*a*b*: a change as small shows on an even ground."""


@dataclass(slots=True, kw_only=True)
class Sample:
    """One training sample. Truth lies on cells of 4 px, as in `Picture`; `read` (h, w) says where
    `steps` hold, `known` (4,) whether basket, judged weave, defects and crests were labelled at all, `sure` (h, w)
    0 where a fault does not stand out from its weave."""

    rgb: NDArray[np.uint8]
    basket: NDArray[np.float32]
    judged: NDArray[np.float32]
    read: NDArray[np.float32]
    steps: NDArray[np.float32]
    crests: NDArray[np.float32]
    defects: NDArray[np.float32]
    sure: NDArray[np.float32]
    known: NDArray[np.float32]


def samples_of(pictures: Sequence[Picture]) -> list[Sample]:
    """A rendered picture, and its sound twin where there is one, as samples: everything about them is known, but for
    steps of 0, and for faults that the two hardly differ by."""
    faulty, *twin = pictures
    sure = seen(faulty, twin[0]) if twin else np.ones_like(faulty.judged)
    return [_sample(faulty, sure), *(_sample(sound, np.ones_like(sure)) for sound in twin)]


def seen(faulty: Picture, sound: Picture) -> NDArray[np.float32]:
    """(h, w) 0 on faults that do not stand out: the brightest quarter of whose change from the sound twin is less than
    `STANDS_OUT` of what the weave round about varies by anyway; else 1."""
    a, b = (cv2.cvtColor(p.rgb, cv2.COLOR_RGB2LAB).astype(np.float32) for p in (faulty, sound))
    change = np.abs(cv2.blur(a - b, (CHANGE_PX, CHANGE_PX))).max(2)
    mean = cv2.blur(b, (AROUND_PX, AROUND_PX))
    variance = cv2.blur(b * b, (AROUND_PX, AROUND_PX)) - mean * mean
    contrast = change / (JUST_SEEN + np.sqrt(variance.clip(0)).max(2))
    h, w = faulty.judged.shape
    contrast = cv2.resize(contrast, (w, h), interpolation=cv2.INTER_AREA)
    sure = np.ones((h, w), np.float32)
    for of_code in faulty.defects:
        count, islands = cv2.connectedComponents((of_code > 0.2).astype(np.uint8))
        for island in range(1, count):
            here = islands == island
            clearest = np.sort(contrast[here])[-max(4, int(here.sum()) // 4) :].mean()
            if clearest < STANDS_OUT:
                sure[here] = 0
    return sure


def _sample(picture: Picture, sure: NDArray[np.float32]) -> Sample:
    counted = (picture.steps != 0).any(0)
    return Sample(
        rgb=picture.rgb,
        basket=picture.basket,
        judged=picture.judged,
        read=picture.judged * counted,
        steps=picture.steps,
        crests=picture.crests,
        defects=picture.defects,
        sure=sure,
        known=np.ones(4, np.float32),
    )


@dataclass(slots=True, kw_only=True)
class Batch:
    """`photo` (N, 3, H, W) normalised; the rest as in `Sample`, with N in front."""

    photo: Tensor
    basket: Tensor
    judged: Tensor
    read: Tensor
    steps: Tensor
    crests: Tensor
    defects: Tensor
    sure: Tensor
    known: Tensor


def normalise(rgb: Tensor) -> Tensor:
    """(N, H, W, 3) uint8 to (N, 3, H, W) float32, in the range the encoder was trained with."""
    return ((rgb.permute(0, 3, 1, 2).float() / 255 - MEAN) / STD).contiguous(
        memory_format=torch.channels_last
    )


def collate(samples: list[Sample], *, device: str = "cpu") -> Batch:
    stacked = {
        f.name: torch.from_numpy(np.stack([getattr(s, f.name) for s in samples])).to(device)
        for f in fields(Sample)
    }
    return Batch(photo=normalise(stacked.pop("rgb")), **stacked)


def turned(sample: Sample, rng: np.random.Generator) -> Sample:
    """The sample mirrored and turned by quarter turns at random, its truth with it."""
    if rng.random() < 0.5:
        sample = _changed(sample, lambda a: np.flip(a, -1), np.array([-1, 1, -1, 1]), [0, 1, 2, 3])
    if rng.random() < 0.25:
        sample = _changed(sample, lambda a: np.flip(a, -2), np.array([1, -1, 1, -1]), [0, 1, 2, 3])
    if rng.random() < 0.25:
        sample = _changed(sample, lambda a: np.swapaxes(a, -1, -2), np.array([1, 1, 1, 1]), [1, 0, 3, 2])
    return sample


def _changed(
    sample: Sample,
    move: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    sign: NDArray[np.int64],
    order: list[int],
) -> Sample:
    """Moves every map by `move` (on the last two axes); vectors change sign and components with it."""
    rgb = np.moveaxis(move(np.moveaxis(sample.rgb, -1, 0)), 0, -1)
    steps = move(sample.steps)[order] * sign[:, None, None].astype(np.float32)
    return Sample(
        rgb=np.ascontiguousarray(rgb),
        basket=np.ascontiguousarray(move(sample.basket)),
        judged=np.ascontiguousarray(move(sample.judged)),
        read=np.ascontiguousarray(move(sample.read)),
        steps=np.ascontiguousarray(steps),
        crests=np.ascontiguousarray(move(sample.crests)),
        defects=np.ascontiguousarray(move(sample.defects)),
        sure=np.ascontiguousarray(move(sample.sure)),
        known=sample.known,
    )
