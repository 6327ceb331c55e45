"""Contact sheets: renders with their truth drawn on, for eyes."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.render.scene import Renderer
from training.render.survey import WARP, WEFT, Survey
from training.render.truth import CELL_PX

ACROSS, DOWN = 4, 6
CAPTION_PX = 26
RED, GREEN, BLUE, MAGENTA, YELLOW = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 0, 255), (255, 255, 0)
GROUND, BARE, ORANGE, TEAL = (0.25, 0.25, 0.25), (0.7, 0.7, 0.7), (1.0, 0.6, 0.2), (0.2, 0.7, 0.9)


def contact_sheet(seed: int, out: Path) -> None:
    """Writes 24 renders from `seed` on as one PNG. Left the photo: judged weave outlined green, faults red with their
    size, cards yellow, the step to the next row blue and to the next stake magenta. Right the wall, lit from the upper
    left by its true normals: rows on top orange, stakes teal, no strand grey. Below what it is made of."""
    renderer = Renderer()
    tiles = [_tile(renderer.survey(s), s) for s in range(seed, seed + ACROSS * DOWN)]
    rows = [np.hstack(tiles[i : i + ACROSS]) for i in range(0, len(tiles), ACROSS)]
    cv2.imwrite(str(out), np.vstack(rows)[..., ::-1])


def _tile(survey: Survey, seed: int) -> NDArray[np.uint8]:
    both = np.hstack([_photo(survey), _wall(survey)])
    caption = np.zeros((CAPTION_PX, both.shape[1], 3), np.uint8)
    of_baskets = "; ".join(
        f"{b.shape} {'scan' if b.scanned else f'{b.plan.weave} {b.plan.material}'}, {b.row_mm:.1f} x {b.stake_mm:.1f} mm, {b.px_per_mm:.1f} px/mm"
        for b in survey.baskets
    )
    _write(caption, f"{seed}: {of_baskets or 'no basket'}", (4, 17))
    return np.vstack([both, caption])


def _photo(survey: Survey) -> NDArray[np.uint8]:
    picture = survey.picture
    drawn = picture.rgb.copy()
    _outline(drawn, cv2.resize(picture.judged, drawn.shape[1::-1]) > 0.5, GREEN)
    for card in survey.cards:
        cv2.polylines(drawn, [np.round(card.corners).astype(np.int32)], True, YELLOW, 1)
    for y, x in np.argwhere(picture.judged > 0.5)[::97]:
        start = (int(x * CELL_PX), int(y * CELL_PX))
        for first, colour in ((0, BLUE), (2, MAGENTA)):
            dx, dy = picture.steps[first : first + 2, y, x]
            cv2.line(drawn, start, (int(start[0] + dx), int(start[1] + dy)), colour, 1)
    for fault in survey.instances:
        _outline(drawn, fault.mask, RED)
        y, x = np.argwhere(fault.mask).min(0)
        _write(
            drawn,
            f"{fault.code} {fault.severity_mm:.0f}",
            (min(int(x), drawn.shape[1] - 90), max(9, int(y) - 2)),
        )
    return drawn


def _wall(survey: Survey) -> NDArray[np.uint8]:
    colour = np.array([BARE, ORANGE, TEAL])[np.choose(survey.strand, [0, WEFT, WARP])]
    lit = np.einsum("chw,c->hw", survey.normal, np.array([-0.5, -0.5, 0.7])).clip(0.1, 1)
    lit = np.where(survey.normal.any(0), lit, 1)
    shaded = np.where((survey.basket > 0)[..., None], colour * lit[..., None], np.array(GROUND))
    return (shaded * 255).astype(np.uint8)


def _outline(drawn: NDArray[np.uint8], mask: NDArray[np.bool_], colour: tuple[int, int, int]) -> None:
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    cv2.drawContours(drawn, outlines, -1, colour, 1)


def _write(drawn: NDArray[np.uint8], text: str, at: tuple[int, int]) -> None:
    for colour, width in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.putText(drawn, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.33, colour, width, cv2.LINE_AA)
