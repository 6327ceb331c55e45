"""Cards seen by a drawn camera: where their corners lie, and under what they are still found."""

import math

import numpy as np
import pytest

from qc_vision.card import Card, serial_ids, shipped_cards
from qc_vision.card_detection import SeenCard, detect_card
from qc_vision.photo import decode, encode_jpeg
from tests.qc_vision.drawn_card import Shot, as_photo, draw_card

CARDS = {card.id: card for card in shipped_cards()}
A6, ID1 = CARDS["qc-a6"], CARDS["qc-id1"]
THREE_PX_PER_MM = 400.0
"""mm from the camera, at the 1600 px of a shot: 0.75 * 1600 / 400."""


def off_px(seen: SeenCard, shot: Shot) -> float:
    """Root mean square distance of the seen corners from the drawn ones."""
    off = [seen.markers[i] - shot.corners(shot.card.ids.index(i)) for i in seen.markers]
    return float(np.sqrt((np.concatenate(off) ** 2).sum(axis=1).mean()))


@pytest.mark.parametrize("tilt_deg", [0, 20, 40, 60])
@pytest.mark.parametrize("card", [A6, ID1], ids=lambda card: card.id)
def test_corners_are_found_to_a_fraction_of_a_pixel_up_to_sixty_degrees(card: Card, tilt_deg: float) -> None:
    shot = Shot(card=card, distance_mm=THREE_PX_PER_MM, tilt_deg=tilt_deg, roll_deg=17)
    seen = detect_card(draw_card(shot, noise=0.01), shipped_cards())
    assert seen is not None
    assert seen.card == card
    assert len(seen.markers) == 4
    assert off_px(seen, shot) < 0.15


@pytest.mark.parametrize("blur_px", [1.0, 2.0])
def test_blur_leaves_corners_where_they_are(blur_px: float) -> None:
    shot = Shot(card=A6, distance_mm=THREE_PX_PER_MM, tilt_deg=25, roll_deg=5)
    seen = detect_card(draw_card(shot, blur_px=blur_px, noise=0.01), shipped_cards())
    assert seen is not None
    assert off_px(seen, shot) < 0.3


def test_a_dark_and_noisy_photo_still_shows_the_card() -> None:
    shot = Shot(card=A6, distance_mm=THREE_PX_PER_MM, tilt_deg=25, roll_deg=5)
    seen = detect_card(draw_card(shot, light=0.06, noise=0.02), shipped_cards())
    assert seen is not None
    assert off_px(seen, shot) < 0.3


@pytest.mark.parametrize("hidden", [1, 2, 3])
def test_one_marker_is_enough(hidden: int) -> None:
    shot = Shot(card=A6, distance_mm=THREE_PX_PER_MM, roll_deg=80)
    seen = detect_card(draw_card(shot, hidden=hidden), shipped_cards())
    assert seen is not None
    assert tuple(seen.markers) == A6.ids[hidden:]


def test_corners_run_clockwise_from_the_marker_s_top_left_whichever_way_up() -> None:
    for roll_deg in (0, 90, 180, 270):
        shot = Shot(card=A6, distance_mm=THREE_PX_PER_MM, roll_deg=roll_deg)
        seen = detect_card(draw_card(shot), shipped_cards())
        assert seen is not None
        assert off_px(seen, shot) < 0.15


def test_corners_are_told_in_px_of_the_full_size_photo() -> None:
    shot = Shot(card=A6, distance_mm=THREE_PX_PER_MM, tilt_deg=20, size_px=(3200, 2400))
    full = decode(encode_jpeg(draw_card(shot).pixels, quality=95))
    half = decode(encode_jpeg(full.pixels, quality=95), min_side_px=1600)
    assert half.reduction == 2
    seen = detect_card(half, shipped_cards())
    assert seen is not None
    assert off_px(seen, shot) < 0.5  # a quarter of a decoded pixel


def test_the_serial_number_is_read_and_a_hidden_one_is_not_guessed() -> None:
    assert A6.serial
    shot = Shot(card=A6, distance_mm=THREE_PX_PER_MM, tilt_deg=30, roll_deg=10)
    high, low = serial_ids(A6.serial, 4711)
    seen = detect_card(draw_card(shot, serial_ids=(high, low)), shipped_cards())
    assert seen is not None
    assert seen.serial == 4711
    seen = detect_card(draw_card(shot, serial_ids=(high,)), shipped_cards())
    assert seen is not None
    assert seen.serial is None


def test_only_the_cards_asked_for_are_seen() -> None:
    photo = draw_card(Shot(card=A6, distance_mm=THREE_PX_PER_MM))
    assert detect_card(photo, (ID1,)) is None


def test_a_weave_shows_no_card() -> None:
    y, x = np.indices((900, 1200))
    rng = np.random.default_rng(3)
    weave = (
        0.5 + 0.3 * np.sin(2 * math.pi * x / 31) * np.sin(2 * math.pi * y / 19) + 0.05 * rng.random(x.shape)
    )
    pixels = (weave[..., None].repeat(3, axis=2) * 255).clip(0, 255).astype(np.uint8)
    assert detect_card(as_photo(pixels), shipped_cards()) is None
