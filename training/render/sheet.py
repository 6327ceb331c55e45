"""Contact sheets: renders with their truth drawn on, for eyes."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.render.scene import Renderer
from training.render.truth import CELL_PX, Picture

ACROSS, DOWN = 7, 6


def contact_sheet(seed: int, out: Path) -> None:
    """Writes 42 renders from `seed` on as one PNG: faults outlined red, judged weave green, the step to
    the next row blue and to the next stake magenta."""
    renderer = Renderer()
    cells = [_annotated(renderer.render(s)) for s in range(seed, seed + ACROSS * DOWN)]
    rows = [np.hstack(cells[i : i + ACROSS]) for i in range(0, len(cells), ACROSS)]
    cv2.imwrite(str(out), np.vstack(rows)[..., ::-1])


def _annotated(picture: Picture) -> NDArray[np.uint8]:
    drawn = picture.rgb.copy()
    side = drawn.shape[:2]
    for values, level, colour in (
        (picture.defects.max(0), 0.3, (255, 0, 0)),
        (picture.judged, 0.5, (0, 255, 0)),
    ):
        mask = (cv2.resize(values, side[::-1]) > level).astype(np.uint8)
        outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        cv2.drawContours(drawn, outlines, -1, colour, 1)
    for y, x in np.argwhere(picture.judged > 0.5)[::97]:
        start = (int(x * CELL_PX), int(y * CELL_PX))
        for first, colour in ((0, (0, 0, 255)), (2, (255, 0, 255))):
            dx, dy = picture.steps[first : first + 2, y, x]
            cv2.line(drawn, start, (int(start[0] + dx), int(start[1] + dy)), colour, 1)
    return drawn
