"""Draws a record on its photo, so that a person sees at once what was found and where."""

import io
from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from qc_vision.advice import advice_for
from qc_vision.decision import Verdict
from qc_vision.density import DensityReading
from qc_vision.inspection import Inspection
from qc_vision.measurement import ScoreThresholds

SIDE_PX = 1400
WORDS = {
    Verdict.PASS: ("LOLOS", (26, 127, 75)),
    Verdict.FAIL: ("TIDAK LOLOS", (190, 40, 40)),
    Verdict.REVIEW: ("PERLU DILIHAT", (176, 112, 0)),
    Verdict.RETAKE: ("FOTO ULANG", (70, 84, 110)),
}
SHOWN_MAX = 12


def draw(inspection: Inspection, thresholds: Mapping[str, ScoreThresholds]) -> bytes:
    """A JPEG of the upright photo, at most 1400 px on its longer side: the basket bright in a dimmed
    surrounding, findings outlined and named, the steps of weft and warp as ladders, the verdict on top."""
    record, photo = inspection.record, inspection.photo
    scale = min(1.0, SIDE_PX / max(photo.pixels.shape[:2]))
    height, width = (max(1, round(s * scale)) for s in photo.pixels.shape[:2])
    canvas = cv2.resize(photo.pixels, (width, height), interpolation=cv2.INTER_AREA)
    per_px = width / photo.width
    canvas = _dim_surrounding(np.asarray(canvas), inspection)
    image = Image.fromarray(canvas)
    pen = ImageDraw.Draw(image)
    unit = max(width, height) / 700
    for reading in record.density:
        _ladder(pen, reading, inspection, per_px, unit)
    font = ImageFont.load_default(size=max(11, 15 * unit))
    shown = record.defects[:SHOWN_MAX] if record.verdict != Verdict.RETAKE else ()
    for region in reversed(shown):
        sure = region.score >= thresholds[region.code].fail
        colour = (235, 60, 50) if sure else (245, 170, 20)
        points = [(x * per_px, y * per_px) for x, y in region.polygon]
        pen.line([*points, points[0]], fill=colour, width=max(2, round(2 * unit)), joint="curve")
        words = advice_for(region.code)
        name = words.name.id if words else region.code
        _plate(pen, name if sure else f"{name}?", (region.box[0] * per_px, region.box[1] * per_px), colour, font, image.size)
    word, colour = WORDS[record.verdict]
    _plate(pen, word, (6 * unit, 6 * unit), colour, ImageFont.load_default(size=max(14, 24 * unit)), image.size, below=True)
    packed = io.BytesIO()
    image.save(packed, "JPEG", quality=88)
    return packed.getvalue()




def _dim_surrounding(canvas: NDArray[np.uint8], inspection: Inspection) -> NDArray[np.uint8]:
    height, width = canvas.shape[:2]
    grid = inspection.weave_map
    cover = (grid.basket.shape[1] * grid.px_per_cell, grid.basket.shape[0] * grid.px_per_cell)
    per_px = width / inspection.photo.width
    size = (max(1, round(cover[0] * per_px)), max(1, round(cover[1] * per_px)))
    basket = cv2.resize(grid.basket, size, interpolation=cv2.INTER_LINEAR)[:height, :width]
    basket = cv2.copyMakeBorder(
        basket, 0, height - basket.shape[0], 0, width - basket.shape[1], cv2.BORDER_REPLICATE
    )
    if not (basket > 0.5).any():
        return canvas
    light = (0.45 + 0.55 * np.clip(basket * 2 - 0.5, 0, 1))[..., None]
    dimmed = (canvas * light).astype(np.uint8)
    edges, _ = cv2.findContours((basket > 0.5).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    cv2.drawContours(dimmed, edges, -1, (255, 255, 255), max(1, round(max(width, height) / 700)), cv2.LINE_AA)
    return dimmed


def _ladder(pen: ImageDraw.ImageDraw, reading: DensityReading, inspection: Inspection, per_px: float, unit: float) -> None:
    """Ten steps of a reading through the basket's middle: one rung where each strand should lie."""
    basket = inspection.record.basket
    if basket is None or not reading.confident:
        return
    step = reading.pitch_px * per_px
    if step < 3:
        return
    x0, y0, x1, y1 = (v * per_px for v in basket.box)
    middle = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    angle = np.deg2rad(reading.angle_deg)
    along = np.array([np.cos(angle), np.sin(angle)])
    across = np.array([-along[1], along[0]])
    colour = (70, 200, 255) if reading.direction == "weft" else (120, 240, 150)
    steps = int(np.clip(0.35 * min(x1 - x0, y1 - y0) / step, 2, 5))
    line = [tuple(middle + along * step * k) for k in (-steps, steps)]
    pen.line(line, fill=colour, width=max(1, round(1.2 * unit)))
    for k in range(-steps, steps + 1):
        at = middle + along * step * k
        reach = across * min(step * 0.4, 9 * unit)
        pen.line([tuple(at - reach), tuple(at + reach)], fill=colour, width=max(1, round(1.6 * unit)))


def _plate(
    pen: ImageDraw.ImageDraw,
    text: str,
    at: tuple[float, float],
    colour: tuple[int, int, int],
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    size: tuple[int, int],
    *,
    below: bool = False,
) -> None:
    """White words on a coloured plate, above the point (or below it), kept inside the photo."""
    left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
    pad = (bottom - top) * 0.35
    width, height = right - left + 2 * pad, bottom - top + 2 * pad
    x = float(np.clip(at[0], 0, max(0, size[0] - width)))
    y = float(np.clip(at[1] if below else at[1] - height, 0, max(0, size[1] - height)))
    pen.rounded_rectangle((x, y, x + width, y + height), radius=pad * 0.6, fill=colour)
    pen.text((x + pad - left, y + pad - top), text, fill=(255, 255, 255), font=font)
