"""What is true of a picture, pixel by pixel while it is drawn, cell by cell when it is done."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from training.render.fault import CODES

CELL_PX = 4
STEP_MIN_PX, STEP_MAX_PX = 2.0, 250.0


@dataclass(slots=True, kw_only=True)
class Picture:
    """`rgb` (n, n, 3) uint8, and truth on cells of 4 px: `basket`, `judged` (h, w) in [0, 1] (`judged`:
    outer weave, where density and defects are meant), `steps` (4, h, w): image vectors in px from one row
    to the next and from one stake to the next (0 where nobody knows), `crests` (2, h, w) in [-1, 1]: 1 on the middle of a row
    (a stake), -1 half-way to the next, `defects` (k, h, w) in [0, 1] in the order of CODES."""

    rgb: NDArray[np.uint8]
    basket: NDArray[np.float32]
    judged: NDArray[np.float32]
    steps: NDArray[np.float32]
    crests: NDArray[np.float32]
    defects: NDArray[np.float32]


@dataclass(slots=True)
class Truth:
    """The same on the canvas, `place` (2, h, w) being where on the fabric a pixel looks: row, stake."""

    basket: Tensor
    judged: Tensor
    steps: Tensor
    place: Tensor
    defects: Tensor

    @classmethod
    def empty(cls, n: int) -> "Truth":
        return cls(
            torch.zeros(n, n),
            torch.zeros(n, n),
            torch.zeros(4, n, n),
            torch.zeros(2, n, n),
            torch.zeros(len(CODES), n, n),
        )

    def cover(self, mask: Tensor, *, part_of_basket: bool) -> None:
        """Something lies over the weave where `mask` is: nothing there is judged any more."""
        clear = 1 - mask
        self.basket = torch.maximum(self.basket, mask) if part_of_basket else self.basket * clear
        self.judged = self.judged * clear
        self.defects = self.defects * clear

    def blame(self, code: str, mask: Tensor) -> None:
        k = CODES.index(code)
        self.defects[k] = torch.maximum(self.defects[k], mask)

    def picture(self, rgb: NDArray[np.uint8], oversampling: int) -> Picture:
        k = oversampling * CELL_PX

        def pool(values: Tensor) -> NDArray[np.float32]:
            return F.avg_pool2d(values[None], k)[0].numpy()

        middle = (..., slice(k // 2, None, k), slice(k // 2, None, k))
        steps = np.nan_to_num(self.steps[middle].numpy() / oversampling, nan=0.0, posinf=0.0, neginf=0.0)
        steps = np.clip(steps, -1e4, 1e4)
        length = np.stack([np.hypot(steps[0], steps[1]), np.hypot(steps[2], steps[3])])
        unknown = length == 0
        visible = (unknown | ((length > STEP_MIN_PX) & (length < STEP_MAX_PX))).all(0)
        defects = F.max_pool2d(self.defects[None], k)[0].numpy() * 0.5 + pool(self.defects) * 0.5
        return Picture(
            rgb=rgb,
            basket=pool(self.basket[None])[0],
            judged=(pool(self.judged[None])[0] * visible).astype(np.float32),
            steps=steps.astype(np.float32),
            crests=torch.cos(2 * torch.pi * self.place[middle]).numpy(),
            defects=np.clip(defects, 0, 1).astype(np.float32),
        )
