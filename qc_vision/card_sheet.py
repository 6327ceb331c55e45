"""The inspection card as a PDF: vector, in true millimetres, with its words and drawings.

Where things lie comes from the card's geometry; only what no reader of photos needs is laid out here.
"""

import io
from dataclasses import dataclass
from typing import Literal

import cv2
from reportlab.lib.colors import Color, black, white
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from qc_vision.card import Card, Dictionary, Point, serial_ids

Language = Literal["id", "en"]

FONT, BOLD = "Helvetica", "Helvetica-Bold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    title: str
    measure: str
    steps: tuple[str, str, str]


WORDS: dict[Language, Words] = {
    "id": Words(
        title="KARTU PERIKSA",
        measure="Ukur saya: kalau bukan {length:.1f} mm, pencetak mengubah ukuran saya.",
        steps=("Tempelkan rata di dinding", "Seluruh kartu terlihat", "Teduh, lurus dari depan"),
    ),
    "en": Words(
        title="INSPECTION CARD",
        measure="Measure me: if I am not {length:.1f} mm, your printer scaled me.",
        steps=("Hold flat to the wall", "Show the whole card", "In shade, straight on"),
    ),
}


def make_sheet(card: Card, *, serial: int, lang: Language) -> bytes:
    """The PDF of one card, one page of the card's size; print it at 100 %.

    `card` needs the places of its markers, serial, bar and size (ValueError otherwise). Raises CardError for
    a serial number that two markers cannot tell. The same arguments give the same bytes.
    """
    if card.size_mm is None or card.positions_mm is None or card.serial is None or card.bar is None:
        raise ValueError(f"card {card.id} has no size, positions, serial or bar; only shipped cards print")
    width, height = card.size_mm
    file = io.BytesIO()
    page = Canvas(file, pagesize=(width * mm, height * mm), invariant=True)
    page.setTitle(f"{card.id} v{card.version} no. {serial}")
    # from here on millimetres, y down, as in the card's geometry
    page.translate(0, height * mm)
    page.scale(mm, -mm)
    _rectangle(page, (0, 0), width, height, white)
    for marker, place in zip(card.ids, card.positions_mm, strict=True):
        _marker(page, card.dictionary, marker, place, card.marker_mm)
    digits = serial_ids(card.serial, serial)
    for marker, place in zip(digits, card.serial.positions_mm, strict=True):
        _marker(page, card.dictionary, marker, place, card.serial.marker_mm)
    for patch in card.patches:
        x, y, w, h = patch.box_mm
        _rectangle(page, (x, y), w, h, Color(*(value / 255 for value in patch.rgb)))
    _name(page, card, serial, WORDS[lang])
    _bar(page, card, WORDS[lang])
    _steps(page, card, WORDS[lang])
    page.save()
    return file.getvalue()


def _marker(page: Canvas, dictionary: Dictionary, marker: int, place: Point, side_mm: float) -> None:
    """A black square with white runs of cells on it: black cells side by side could show seams."""
    words = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, dictionary))
    cells = words.markerSize + 2
    bits = cv2.aruco.generateImageMarker(words, marker, cells)
    cell = side_mm / cells
    _rectangle(page, place, side_mm, side_mm, black)
    for row in range(cells):
        start = None
        for column in range(cells + 1):
            lit = column < cells and bits[row, column] > 0
            if lit and start is None:
                start = column
            if not lit and start is not None:
                at = (place[0] + start * cell, place[1] + row * cell)
                _rectangle(page, at, (column - start) * cell, cell, white)
                start = None


def _rectangle(page: Canvas, place: Point, width: float, height: float, colour: Color) -> None:
    page.setFillColor(colour)
    page.rect(place[0], place[1], width, height, stroke=0, fill=1)


def _name(page: Canvas, card: Card, serial: int, words: Words) -> None:
    """Title, kind and number between the two serial markers."""
    assert card.serial is not None
    (left, top), (right, _) = card.serial.positions_mm
    side = card.serial.marker_mm
    room = (left + side, right)
    for line, (text, font) in enumerate(
        ((words.title, BOLD), (f"{card.id} v{card.version}", FONT), (f"No. {serial}", BOLD))
    ):
        _text(page, text, font, between=room, baseline=top + side * (0.28 + 0.34 * line), size=side * 0.26)


def _bar(page: Canvas, card: Card, words: Words) -> None:
    """The check bar with a cross stroke at each end; it is measured between the strokes' outer edges."""
    assert card.bar is not None
    (x, y), length = card.bar.start_mm, card.bar.length_mm
    stroke = 0.4
    _rectangle(page, (x, y - stroke / 2), length, stroke, black)
    for end in (x, x + length - stroke):
        _rectangle(page, (end, y - 1.5), stroke, 3.0, black)
    assert card.size_mm is not None
    assert card.positions_mm is not None
    size = 0.018 * card.size_mm[0]
    lefts = [left for left, _ in card.positions_mm]
    room = (min(lefts) + card.marker_mm + 2, max(lefts) - 2)
    text = words.measure.format(length=length)
    first, _, rest = text.partition(": ")
    _text(page, f"{first}:", BOLD, between=room, baseline=y + 1.6 + size, size=size)
    _text(page, rest, FONT, between=room, baseline=y + 1.9 + 2 * size, size=size)


def _steps(page: Canvas, card: Card, words: Words) -> None:
    """Three small drawings with a line each, between the lower markers."""
    assert card.size_mm is not None
    assert card.positions_mm is not None
    xs = [x for x, _ in card.positions_mm]
    room = (min(xs) + card.marker_mm + 1.5, max(xs) - 1.5)
    top = max(y + h for _, y, _, h in (patch.box_mm for patch in card.patches)) + 1.5
    bottom = card.size_mm[1] - 2.0
    each = (room[1] - room[0]) / 3
    size = min(6.0, each / 9.5)
    side = min(each * 0.9, bottom - top - 2.6 * size)
    page.setStrokeColor(black)
    page.setLineWidth(max(0.15, side / 45))
    for number, text in enumerate(words.steps):
        left = room[0] + number * each
        _drawing(page, number, (left + (each - side) / 2, top), side)
        lines = _broken(text, each - 1, size)
        for line, part in enumerate(lines):
            at = top + side + size * (0.9 + 1.15 * line)
            _text(page, part, FONT, between=(left, left + each), baseline=at, size=size)


def _drawing(page: Canvas, number: int, place: Point, side: float) -> None:
    """1 a card held to a basket's wall · 2 a frame with the whole card in it · 3 a phone before a basket."""
    x, y = place
    page.setFillColor(white)
    if number == 0:
        _basket(page, x, y, side)
        page.rect(x + side * 0.36, y + side * 0.42, side * 0.3, side * 0.22, stroke=1, fill=1)
    elif number == 1:
        page.rect(x, y + side * 0.1, side, side * 0.75, stroke=1, fill=0)
        page.rect(x + side * 0.3, y + side * 0.35, side * 0.4, side * 0.28, stroke=1, fill=1)
    else:
        _basket(page, x, y + side * 0.2, side * 0.6)
        page.rect(x + side * 0.86, y + side * 0.2, side * 0.1, side * 0.5, stroke=1, fill=1)
        page.line(x + side * 0.6, y + side * 0.45, x + side * 0.84, y + side * 0.45)


def _basket(page: Canvas, x: float, y: float, side: float) -> None:
    top, bottom = y + side * 0.15, y + side * 0.9
    outline = page.beginPath()
    outline.moveTo(x, top)
    outline.lineTo(x + side, top)
    outline.lineTo(x + side * 0.85, bottom)
    outline.lineTo(x + side * 0.15, bottom)
    outline.close()
    page.drawPath(outline, stroke=1, fill=0)
    for row in range(1, 4):
        inset = side * 0.15 * row / 4
        level = top + (bottom - top) * row / 4
        page.line(x + inset, level, x + side - inset, level)


def _broken(text: str, width: float, size: float) -> list[str]:
    """The text in one line, or broken in two at the space that leaves the shorter longest line."""
    if stringWidth(text, FONT, size) <= width:
        return [text]
    spaces = [k for k, letter in enumerate(text) if letter == " "]
    at = min(spaces, key=lambda k: max(stringWidth(part, FONT, size) for part in (text[:k], text[k + 1 :])))
    return [text[:at], text[at + 1 :]]


def _text(
    page: Canvas, text: str, font: str, *, between: tuple[float, float], baseline: float, size: float
) -> None:
    """Text in the middle of a room, made smaller where it would not fit. The page's y runs down: turned back."""
    width = stringWidth(text, font, size)
    fitted = size * min(1.0, (between[1] - between[0]) / width)
    page.saveState()
    page.translate((between[0] + between[1]) / 2, baseline)
    page.scale(1, -1)
    page.setFillColor(black)
    page.setFont(font, fitted)
    page.drawCentredString(0, 0, text)
    page.restoreState()
