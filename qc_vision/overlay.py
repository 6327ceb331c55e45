"""Draws an inspection on its photo: verdict, basket, defects and the direction and pitch of the strands."""

import io
import math

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from qc_vision.advice import advice_for
from qc_vision.decision import Verdict
from qc_vision.defects import DefectRegion
from qc_vision.density import DensityReading
from qc_vision.inspection import Inspection
from qc_vision.region import find_basket

LONG_SIDE_PX = 1600
QUALITY = 88
SHOWN_DEFECTS = 12
"""More plates than this cover the basket; the record lists all of them."""
RUNGS = 6

Colour = tuple[int, int, int]
Point = tuple[float, float]

VERDICT_COLOURS: dict[Verdict, Colour] = {
    Verdict.PASS: (22, 120, 62),
    Verdict.FAIL: (178, 34, 34),
    Verdict.REVIEW: (176, 108, 0),
    Verdict.RETAKE: (70, 84, 104),
}
VERDICT_WORDS: dict[Verdict, str] = {
    Verdict.PASS: "LOLOS",
    Verdict.FAIL: "TIDAK LOLOS",
    Verdict.REVIEW: "PERIKSA",
    Verdict.RETAKE: "FOTO ULANG",
}
SEVERITY_COLOURS: dict[str, Colour] = {"CRT": (215, 25, 90), "MAJ": (235, 64, 40), "MIN": (250, 176, 5)}
DIRECTION_COLOURS: dict[str, Colour] = {"weft": (60, 190, 255), "warp": (190, 240, 90)}
DIRECTION_WORDS = {"weft": "pakan", "warp": "lungsi"}
WHITE: Colour = (255, 255, 255)


def draw(inspection: Inspection) -> bytes:
    """The photo as a JPEG, at most 1600 px long, with all that was found; words in Bahasa Indonesia."""
    photo = inspection.photo
    scale = min(1.0, LONG_SIDE_PX / max(photo.width, photo.height))
    size = (max(1, round(photo.width * scale)), max(1, round(photo.height * scale)))
    pixels = cv2.resize(photo.pixels, size, interpolation=cv2.INTER_AREA)
    unit = max(1.0, max(size) / 800)
    canvas = Image.fromarray(_with_basket(np.asarray(pixels, dtype=np.uint8), inspection, unit))
    pen = ImageDraw.Draw(canvas, "RGBA")
    for region in reversed(inspection.record.defects[:SHOWN_DEFECTS]):
        _draw_outline(pen, region, scale, unit)
    _draw_ladders(pen, inspection, scale, unit)
    banner = _banner_height(unit)
    taken: list[tuple[float, float, float, float]] = [(0, 0, size[0], banner)]
    for region in inspection.record.defects[:SHOWN_DEFECTS]:
        _draw_plate(pen, region, scale, unit, size, taken)
    _draw_banner(pen, inspection, size[0], unit)
    packed = io.BytesIO()
    canvas.save(packed, "JPEG", quality=QUALITY)
    return packed.getvalue()


def _with_basket(pixels: NDArray[np.uint8], inspection: Inspection, unit: float) -> NDArray[np.uint8]:
    """Dims what is not basket, and draws the basket's contour."""
    region = find_basket(inspection.weave_map)
    if not region.any():
        return pixels
    width, height = pixels.shape[1], pixels.shape[0]
    covered = (
        math.ceil(width * region.shape[1] * inspection.weave_map.px_per_cell / inspection.photo.width),
        math.ceil(height * region.shape[0] * inspection.weave_map.px_per_cell / inspection.photo.height),
    )
    soft = cv2.resize(region.astype(np.float32), covered, interpolation=cv2.INTER_LINEAR)[:height, :width]
    light = 0.55 + 0.45 * soft[..., None]
    dimmed = np.ascontiguousarray((pixels * light).astype(np.uint8))
    contours, _ = cv2.findContours((soft > 0.5).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    cv2.drawContours(dimmed, contours, -1, WHITE, thickness=max(1, round(unit)), lineType=cv2.LINE_AA)
    return dimmed


def _draw_outline(pen: ImageDraw.ImageDraw, region: DefectRegion, scale: float, unit: float) -> None:
    points = [(x * scale, y * scale) for x, y in region.polygon]
    if len(points) < 3:
        x0, y0, x1, y1 = (v * scale for v in region.box)
        points = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    colour = _colour_of(region)
    pen.polygon(points, fill=(*colour, 60))
    closed = [*points, points[0]]
    pen.line(closed, fill=(0, 0, 0, 160), width=round(4 * unit), joint="curve")
    pen.line(closed, fill=colour, width=max(2, round(2 * unit)), joint="curve")


def _draw_plate(
    pen: ImageDraw.ImageDraw,
    region: DefectRegion,
    scale: float,
    unit: float,
    size: tuple[int, int],
    taken: list[tuple[float, float, float, float]],
) -> None:
    """A label near its region: above it, else below, wherever no earlier plate stands; else left out."""
    words = advice_for(region.code)
    text = f"{words.name.id if words else region.code}  {100 * region.score:.0f}%"
    font = _font(13 * unit)
    left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
    width, height = right - left + 10 * unit, bottom - top + 7 * unit
    x0, y0, _, y1 = (v * scale for v in region.box)
    x = min(max(0.0, x0), size[0] - width)
    for y in (y0 - height - 3 * unit, y1 + 3 * unit, y0 - 2.2 * height, y1 + 1.3 * height):
        plate = (x, y, x + width, y + height)
        free = all(plate[2] <= a or plate[0] >= c or plate[3] <= b or plate[1] >= d for a, b, c, d in taken)
        if free and y >= 0 and y + height <= size[1]:
            taken.append(plate)
            colour = _colour_of(region)
            pen.rounded_rectangle(
                plate, radius=4 * unit, fill=(20, 20, 20, 225), outline=colour, width=round(unit)
            )
            pen.text((x + 5 * unit - left, y + 3.5 * unit - top), text, font=font, fill=WHITE)
            return


def _draw_ladders(pen: ImageDraw.ImageDraw, inspection: Inspection, scale: float, unit: float) -> None:
    """At the basket's heart, one ladder per direction: rungs where strands should lie, one pitch apart."""
    region = find_basket(inspection.weave_map)
    if not region.any():
        return
    depth = cv2.distanceTransform(np.pad(region.astype(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    i, j = np.unravel_index(int(depth.argmax()), depth.shape)
    cell = inspection.weave_map.px_per_cell * scale
    heart = ((float(j) + 0.5) * cell, (float(i) + 0.5) * cell)
    for reading in inspection.record.density:
        text = _ladder_words(reading, coarse=inspection.record.scale.method == "product")
        _draw_ladder(pen, reading, text, heart, scale, unit)


def _ladder_words(reading: DensityReading, *, coarse: bool) -> str:
    words, doubt = DIRECTION_WORDS[reading.direction], "" if reading.confident else "?"
    if reading.per_10cm is None:
        return f"{words} {reading.pitch_px:.1f} px{doubt}"
    return f"{words} {'kira-kira ' if coarse else ''}{reading.per_10cm:.1f}/10 cm{doubt}"


def _draw_ladder(
    pen: ImageDraw.ImageDraw, reading: DensityReading, text: str, heart: Point, scale: float, unit: float
) -> None:
    colour = DIRECTION_COLOURS[reading.direction]
    alpha = 255 if reading.confident else 130
    # a direction has no sense: of the two, draw the one that runs right or down, away from the other ladder's tag
    angle = math.radians(reading.angle_deg if reading.angle_deg <= 135 else reading.angle_deg - 180)
    along, across = (math.cos(angle), math.sin(angle)), (-math.sin(angle), math.cos(angle))
    pitch, half = reading.pitch_px * scale, 7 * unit

    def at(steps: float, side: float) -> Point:
        return (
            heart[0] + steps * pitch * along[0] + side * across[0],
            heart[1] + steps * pitch * along[1] + side * across[1],
        )

    spine = [at(0, 0), at(RUNGS, 0)]
    rungs = [[at(k, -half), at(k, half)] for k in range(RUNGS + 1)]
    for line in (spine, *rungs):
        pen.line(line, fill=(0, 0, 0, alpha), width=round(4 * unit))
    for line in (spine, *rungs):
        pen.line(line, fill=(*colour, alpha), width=max(2, round(1.6 * unit)))
    end = at(RUNGS, 0)
    _draw_tag(pen, text, (end[0] + 9 * unit, end[1] + 4 * unit), colour, unit)


def _draw_tag(pen: ImageDraw.ImageDraw, text: str, corner: Point, colour: Colour, unit: float) -> None:
    """Small text on a dark plate, its upper left corner at a point."""
    font = _font(12 * unit)
    left, top, right, bottom = pen.textbbox(corner, text, font=font)
    plate = (left - 4 * unit, top - 3 * unit, right + 4 * unit, bottom + 3 * unit)
    pen.rounded_rectangle(plate, radius=3 * unit, fill=(20, 20, 20, 200))
    pen.text(corner, text, font=font, fill=colour)


def _banner_height(unit: float) -> float:
    return 40 * unit


def _draw_banner(pen: ImageDraw.ImageDraw, inspection: Inspection, width: int, unit: float) -> None:
    record = inspection.record
    height = _banner_height(unit)
    pen.rectangle((0, 0, width, height), fill=(*VERDICT_COLOURS[record.verdict], 235))
    _draw_icon(pen, record.verdict, (height / 2, height / 2), 12 * unit, unit)
    text = VERDICT_WORDS[record.verdict] + (f"  ·  {record.grade}" if record.grade else "")
    font = _font(20 * unit)
    pen.text((height, height / 2), text, font=font, fill=WHITE, anchor="lm")
    if record.reasons:
        room = width - height - pen.textlength(text, font=font) - 30 * unit
        reason = _fitted(pen, record.reasons[0].message.id, _font(13 * unit), room)
        pen.text((width - 10 * unit, height / 2), reason, font=_font(13 * unit), fill=WHITE, anchor="rm")


def _draw_icon(pen: ImageDraw.ImageDraw, verdict: Verdict, centre: Point, radius: float, unit: float) -> None:
    """A tick, a cross, a question mark or a turning arrow: told apart without colour."""
    x, y = centre
    width = max(2, round(2.5 * unit))
    pen.ellipse(
        (x - radius, y - radius, x + radius, y + radius), outline=WHITE, width=max(1, round(1.5 * unit))
    )
    r = radius * 0.5
    if verdict == Verdict.PASS:
        pen.line([(x - r, y), (x - 0.25 * r, y + 0.8 * r), (x + r, y - 0.7 * r)], fill=WHITE, width=width)
    elif verdict == Verdict.FAIL:
        pen.line([(x - r, y - r), (x + r, y + r)], fill=WHITE, width=width)
        pen.line([(x - r, y + r), (x + r, y - r)], fill=WHITE, width=width)
    elif verdict == Verdict.REVIEW:
        pen.text((x, y), "?", font=_font(1.5 * radius), fill=WHITE, anchor="mm")
    else:
        pen.arc((x - r, y - r, x + r, y + r), start=-60, end=210, fill=WHITE, width=width)
        tip = (x + r * math.cos(math.radians(-60)), y + r * math.sin(math.radians(-60)))
        pen.regular_polygon((*tip, 0.5 * r), 3, rotation=30, fill=WHITE)


def _fitted(pen: ImageDraw.ImageDraw, text: str, font: ImageFont.FreeTypeFont, room: float) -> str:
    """The text, cut at a word so that it fits; empty where not even one word does."""
    if pen.textlength(text, font=font) <= room:
        return text
    words = text.split()
    while words and pen.textlength(" ".join(words) + " …", font=font) > room:
        words.pop()
    return " ".join(words) + " …" if words else ""


def _font(size: float) -> ImageFont.FreeTypeFont:
    """Pillow's own bundled font: nothing to install, the same on every machine."""
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont), "Pillow was built without FreeType"
    return font


def _colour_of(region: DefectRegion) -> Colour:
    return SEVERITY_COLOURS.get(region.code[:3], SEVERITY_COLOURS["MAJ"])
