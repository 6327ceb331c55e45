"""A map on coarse cells of a photo, kept small, and brought to the photo's own pixels when asked."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class CellMap:
    """`values` (h, w) float16; the cell (i, j) covers x in origin_px[0] + [j, j + 1) * px_per_cell of the upright
    photo, and y likewise. Beyond the cells lies 0."""

    values: NDArray[np.float16]
    px_per_cell: float
    origin_px: tuple[float, float] = (0.0, 0.0)

    def spread(self, shape: tuple[int, int]) -> NDArray[np.float32]:
        """(height, width) of the photo, bilinear between the cells' centres."""
        scale = 1 / self.px_per_cell
        shift = [(0.5 - o) * scale - 0.5 for o in self.origin_px]
        to_cells = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        cells = self.values.astype(np.float32)
        pixels = cv2.warpAffine(cells, to_cells, shape[::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)
        within = [
            (np.arange(n) + 0.5 >= low) & (np.arange(n) + 0.5 < low + cells.shape[axis] * self.px_per_cell)
            for axis, (n, low) in enumerate(zip(shape, self.origin_px[::-1], strict=True))
        ]
        return np.where(np.logical_and.outer(*within), pixels, 0).astype(np.float32)
