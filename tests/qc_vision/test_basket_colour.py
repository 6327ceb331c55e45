"""Colour differences within a basket against differences that were painted."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from qc_vision.basket_colour import BasketColour, read_colour
from qc_vision.card_colour import ColourCorrection
from qc_vision.colour import LIGHT_OF_STORED, difference_de00, lab_of
from qc_vision.defects import DefectRegion
from tests.qc_vision.drawn import make_map
from tests.qc_vision.drawn_card import as_photo
from tests.qc_vision.test_measurement import REGION

STRAW, TEA = (178, 142, 96), (120, 84, 52)
NO_CARD = ColourCorrection(method="none", missing="no_card")
SHAPE = (480, 640)


def paint(colour: tuple[int, int, int], seed: int = 3) -> NDArray[np.float64]:
    """Strands of nearly one colour, each a little different, light in linear values."""
    tones = 1 + 0.1 * np.random.default_rng(seed).standard_normal((60, 80, 1))
    each = np.repeat(np.repeat(tones, 8, axis=0), 8, axis=1)
    return LIGHT_OF_STORED[np.array(colour)] * each


def look(light: NDArray[np.float64], *regions: DefectRegion) -> tuple[BasketColour, tuple[DefectRegion, ...]]:
    stored = np.searchsorted(LIGHT_OF_STORED, np.clip(light, 0, 1)).astype(np.uint8)
    return read_colour(
        as_photo(stored),
        make_map(np.zeros(SHAPE, np.float32)),
        correction=NO_CARD,
        card_outline_px=None,
        regions=regions,
    )


def apart(first: tuple[int, int, int], second: tuple[int, int, int]) -> float:
    labs = [lab_of(LIGHT_OF_STORED[np.array([colour])]) for colour in (first, second)]
    return float(difference_de00(*labs)[0])


def disc(code: str) -> DefectRegion:
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    outline = np.column_stack([300 + 50 * np.cos(turn), 220 + 50 * np.sin(turn)])
    return replace(REGION, code=code, polygon=tuple(map(tuple, outline)))


def test_a_stain_stands_out_by_as_much_as_it_was_painted() -> None:
    light = paint(STRAW)
    inside = cv2.circle(np.zeros(SHAPE, np.uint8), (300, 220), 50, 1, -1) > 0
    light[inside] = paint(TEA)[inside]
    _, (stain, hole) = look(light, disc("MAJ-STAIN"), disc("MAJ-HOLE"))
    assert stain.contrast is not None
    assert stain.contrast.value == pytest.approx(apart(STRAW, TEA), rel=0.08)
    assert stain.contrast.low < apart(STRAW, TEA) < stain.contrast.high
    assert hole.contrast is None


def test_what_is_called_a_stain_where_nothing_is_stands_out_by_nothing() -> None:
    _, (nothing,) = look(paint(STRAW), disc("MAJ-STAIN"))
    assert nothing.contrast is not None
    assert nothing.contrast.low < 1


def test_light_that_falls_off_is_not_uneven_and_another_material_is() -> None:
    falling = np.linspace(0.35, 1.1, SHAPE[1])[None, :, None]
    even, _ = look(paint(STRAW) * falling)
    assert even.unevenness is not None
    assert even.unevenness.value < 1.5
    reddish = (168, 110, 88)
    light = paint(STRAW)
    light[320:] = paint(reddish)[320:]
    banded, _ = look(light * falling)
    assert banded.unevenness is not None
    assert banded.unevenness.low > even.unevenness.high
    assert banded.unevenness.value > 5


def test_too_dark_a_basket_has_no_colours_to_compare() -> None:
    dark, _ = look(0.01 * paint(STRAW))
    assert dark.unevenness is None
