"""What is true of a picture, pixel by pixel while it is drawn, cell by cell when it is done."""

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from training.render.fault import CODES

CELL_PX = 4
STEP_MIN_PX, STEP_MAX_PX = 2.0, 250.0
Window = tuple[slice, slice]
"""A box of the canvas: rows and columns."""
EVERYWHERE: Window = (slice(None), slice(None))


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """One fault as it was drawn: `mask` over a box of the canvas, right after the `layer`-th thing."""

    code: str
    window: Window
    mask: Tensor
    layer: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LaidCard:
    """A printed card, laid as the `layer`-th thing: its `corners` (4, 2), (x, y) in canvas px, clockwise, and the
    sides (along its first edge, along its second) of the markers in its corners, in px."""

    corners: NDArray[np.float64]
    marker: tuple[float, float]
    layer: int

    @classmethod
    def at(
        cls, centre: NDArray[np.float64], turn: float, half: tuple[float, float], *, marker: float, layer: int
    ) -> "LaidCard":
        """`half`: its half width and height; `marker`: side of the markers as a share of these."""
        ahead = np.array([np.cos(turn), np.sin(turn)]) * half[0]
        aside = np.array([-np.sin(turn), np.cos(turn)]) * half[1]
        corners = centre + np.array([-ahead - aside, ahead - aside, ahead + aside, aside - ahead])
        return cls(corners=corners, marker=(marker * half[0], marker * half[1]), layer=layer)


@dataclass(slots=True, kw_only=True)
class Truth:
    """The same on the canvas (n, n), `place` (2, n, n) being where on the fabric a pixel looks: row, stake. Things are
    laid over one another: `layer` says which lies on top, 0 being the bare ground, and `baskets` to which basket
    each belongs, from 1, or 0. `basket_count`: how many have been begun; the last is the one being drawn."""

    judged: Tensor
    steps: Tensor
    place: Tensor
    layer: Tensor
    baskets: list[int] = field(default_factory=lambda: [0])
    basket_count: int = 0
    faults: list[Planted] = field(default_factory=list)
    cards: list[LaidCard] = field(default_factory=list)

    @classmethod
    def empty(cls, n: int) -> "Truth":
        return cls(
            judged=torch.zeros(n, n),
            steps=torch.zeros(4, n, n),
            place=torch.zeros(2, n, n),
            layer=torch.zeros(n, n, dtype=torch.uint8),
        )

    @property
    def basket(self) -> Tensor:
        """Which basket a pixel shows, from 1; 0: none."""
        return torch.tensor(self.baskets, dtype=torch.uint8)[self.layer.int()]

    def lay(self, mask: Tensor, *, part_of_basket: bool, window: Window = EVERYWHERE) -> int:
        """Puts a thing over all that is there, where `mask` is; returns its number."""
        self.baskets.append(self.basket_count if part_of_basket else 0)
        number = len(self.baskets) - 1
        self.layer[window].masked_fill_(mask, number)
        return number

    def cover(self, mask: Tensor, *, part_of_basket: bool) -> None:
        """Something lies over the weave where `mask` is: nothing there is judged any more."""
        self.lay(mask > 0, part_of_basket=part_of_basket)
        self.judged = self.judged * (1 - mask)

    def blame(self, code: str, mask: Tensor, window: Window = EVERYWHERE) -> None:
        """A fault of what was laid last, where `mask` is 1."""
        self.faults.append(Planted(code=code, window=window, mask=mask, layer=len(self.baskets) - 1))

    def seen(self, fault: Planted) -> Tensor:
        """Where in its box a fault shows: nothing laid later hides it there."""
        return (fault.mask > 0) & (self.layer[fault.window] <= fault.layer)

    def _defects(self, k: int) -> NDArray[np.float32]:
        """All faults by code, on cells of k px: half of it the share of a cell that they take, half whether any."""
        n = self.layer.shape[0]
        cells = np.zeros((len(CODES), n // k, n // k), np.float32)
        for code in {fault.code for fault in self.faults}:
            whole = torch.zeros(1, n, n)
            for fault in (fault for fault in self.faults if fault.code == code):
                whole[0][fault.window].masked_fill_(self.seen(fault), 1.0)
            cells[CODES.index(code)] = (F.max_pool2d(whole, k) * 0.5 + F.avg_pool2d(whole, k) * 0.5)[
                0
            ].numpy()
        return cells

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
        return Picture(
            rgb=rgb,
            basket=pool((self.basket > 0)[None].float())[0],
            judged=(pool(self.judged[None])[0] * visible).astype(np.float32),
            steps=steps.astype(np.float32),
            crests=torch.cos(2 * torch.pi * self.place[middle]).numpy(),
            defects=self._defects(k),
        )
