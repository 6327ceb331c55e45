"""The printed card, looked at as a printer and a camera would: drawn to pixels, measured, detected."""

import numpy as np
import pypdfium2
import pytest
from numpy.typing import NDArray

from qc_vision.card import Card, shipped_cards
from qc_vision.card_detection import detect_card
from qc_vision.card_sheet import Language, make_sheet
from tests.qc_vision.drawn_card import as_photo

PX_PER_MM = 8.0
POINTS_PER_MM = 72 / 25.4


def print_card(card: Card, *, serial: int = 7, lang: Language = "id") -> NDArray[np.uint8]:
    """The page as pixels, RGB."""
    document = pypdfium2.PdfDocument(make_sheet(card, serial=serial, lang=lang))
    assert len(document) == 1
    pixels = document[0].render(scale=PX_PER_MM / POINTS_PER_MM).to_numpy()[..., ::-1].copy()
    document.close()
    return pixels


@pytest.fixture(params=shipped_cards(), ids=lambda card: card.id)
def card(request: pytest.FixtureRequest) -> Card:
    shipped: Card = request.param
    return shipped


def test_a_printed_card_is_found_with_its_kind_and_serial(card: Card) -> None:
    seen = detect_card(as_photo(print_card(card, serial=1234)), shipped_cards())
    assert seen is not None
    assert seen.card == card
    assert seen.serial == 1234


@pytest.mark.parametrize("serial", [0, 450, 902, 202_499])
def test_every_serial_number_is_read(serial: int) -> None:
    small = next(card for card in shipped_cards() if card.id == "qc-id1")
    seen = detect_card(as_photo(print_card(small, serial=serial)), shipped_cards())
    assert seen is not None
    assert seen.serial == serial


def test_markers_lie_where_the_geometry_says(card: Card) -> None:
    seen = detect_card(as_photo(print_card(card)), (card,))
    assert seen is not None
    assert card.positions_mm
    assert len(seen.markers) == 4
    for marker, place in zip(card.ids, card.positions_mm, strict=True):
        square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * card.marker_mm
        wanted = (np.array(place) + square) * PX_PER_MM
        # what draws the page fills every pixel that a black square touches: 0.125 mm at most
        assert np.abs(seen.markers[marker] - wanted).max() < 1.01


def test_the_check_bar_measures_fifty_millimetres(card: Card) -> None:
    assert card.bar
    pixels = print_card(card)
    row = round(card.bar.start_mm[1] * PX_PER_MM)
    left, right = (round((card.bar.start_mm[0] + at) * PX_PER_MM) for at in (-1.2, 51.2))
    black = np.nonzero(pixels[row, left:right].max(axis=1) < 128)[0]
    length_px = black.max() - black.min() + 1
    assert length_px / PX_PER_MM == pytest.approx(50.0, abs=0.2)  # one pixel is 0.125 mm
    assert len(black) == length_px


def test_patches_have_the_colours_the_geometry_says(card: Card) -> None:
    pixels = print_card(card)
    assert len(card.patches) == 12
    for patch in card.patches:
        x, y, w, h = patch.box_mm
        seen = pixels[round((y + h / 2) * PX_PER_MM), round((x + w / 2) * PX_PER_MM)]
        assert np.abs(seen.astype(int) - patch.rgb).max() <= 1


def test_words_are_in_the_language_asked_for(card: Card) -> None:
    for lang, words in (("id", "Ukur saya"), ("en", "Measure me")):
        document = pypdfium2.PdfDocument(make_sheet(card, serial=7, lang=lang))
        text = document[0].get_textpage().get_text_range()
        document.close()
        assert words in text
        assert "50.0 mm" in text
        assert "No. 7" in text


def test_the_same_card_is_the_same_file(card: Card) -> None:
    assert make_sheet(card, serial=7, lang="id") == make_sheet(card, serial=7, lang="id")
    assert make_sheet(card, serial=7, lang="id") != make_sheet(card, serial=8, lang="id")


def test_a_foreign_card_cannot_be_printed() -> None:
    with pytest.raises(ValueError, match="only shipped cards"):
        make_sheet(Card(dictionary="DICT_4X4_50", ids=(0,), marker_mm=28.0), serial=1, lang="id")
