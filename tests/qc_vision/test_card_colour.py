"""The colour correction against cameras that were made up: what they did to known browns is undone."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from qc_vision.card import shipped_cards
from qc_vision.card_colour import ColourCorrection, correct, read_patches
from qc_vision.card_register import KnownCards
from qc_vision.card_sight import sight_card
from qc_vision.colour import LIGHT_OF_STORED, difference_de00, lab_of
from qc_vision.photo import Photo, decode, encode_jpeg
from tests.qc_vision.drawn_card import Shot, as_photo, draw_colours, light_of, stored_of

A6 = next(card for card in shipped_cards() if card.id == "qc-a6")
SHOT = Shot(card=A6, distance_mm=230, tilt_deg=15, roll_deg=8, size_px=(1000, 750))
BROWNS = light_of(np.array([[150, 110, 70], [165, 120, 80], [120, 90, 60], [190, 160, 110]]) / 255)
PRIMARIES = np.array([[0.92, 0.12, -0.04], [0.06, 0.9, 0.04], [-0.02, 0.14, 0.88]])
BALANCE = np.array([1.0, 0.86, 0.7])
STRIP = slice(700, 745)


@pytest.fixture(scope="module")
def light() -> NDArray[np.float64]:
    """The card before four browns, side by side."""
    behind = np.repeat(np.repeat(BROWNS, 250, axis=0)[None], 750, axis=0)
    return draw_colours(SHOT, behind)


def take(light: NDArray[np.float64], *, level: float = 0.75, exponent: float = 0.88) -> Photo:
    """With a phone whose primaries, white balance and tone curve are its own."""
    seen = np.clip(light @ PRIMARIES.T * BALANCE * level, 0, 1) ** exponent
    noise = 0.01 * np.random.default_rng(1).standard_normal(seen.shape)
    stored = np.rint(255 * np.clip(stored_of(seen) + noise, 0, 1)).astype(np.uint8)
    return decode(encode_jpeg(stored, quality=90))


def read(photo: Photo) -> ColourCorrection:
    return read_patches(photo, sight_card(photo, KnownCards()).view)


def errors(photo: Photo, correction: ColourCorrection) -> NDArray[np.float64]:
    """Relative errors of the differences between each brown and the next, by CIEDE2000."""
    strips = [photo.pixels[STRIP, 250 * k + 60 : 250 * k + 190].reshape(-1, 3) for k in range(4)]
    seen = np.array([np.median(LIGHT_OF_STORED[strip], axis=0) for strip in strips])

    def apart(colours: NDArray[np.float64]) -> NDArray[np.float64]:
        return difference_de00(lab_of(colours[:-1]), lab_of(colours[1:]))

    return np.asarray(np.abs(apart(correct(correction, seen)) / apart(BROWNS) - 1))


def test_what_a_camera_did_to_differences_of_colour_is_undone(light: NDArray[np.float64]) -> None:
    photo = take(light)
    correction = read(photo)
    assert correction.method == "card"
    assert correction.residual_de00 == pytest.approx(1.0, abs=0.8)
    assert errors(photo, correction).max() < 0.08
    assert errors(photo, ColourCorrection(method="none")).max() > 0.15


def test_a_shadow_across_the_card_changes_little(light: NDArray[np.float64]) -> None:
    y, x = np.indices(light.shape[:2])
    shaded = np.where(
        (x + 0.5 * y < 700)[..., None] & (y < 650)[..., None], 0.45 * np.array([0.95, 1, 1.1]), 1
    )
    photo = take(light * shaded)
    correction = read(photo)
    assert correction.method == "card"
    assert correction.residual_de00 == pytest.approx(1.5, abs=1.0)
    assert errors(photo, correction).max() < 0.12


def test_a_spot_of_glare_costs_the_patches_it_lies_on_or_all_where_it_is_large(
    light: NDArray[np.float64],
) -> None:
    y, x = np.indices(light.shape[:2])

    def glare(size_px: float) -> NDArray[np.float64]:
        return (0.6 * np.exp(-((x - 430) ** 2 + (y - 350) ** 2) / (2 * size_px**2)))[..., None]

    small = read(take(light + glare(18)))
    assert small.method == "card"
    assert small.left_out >= 1
    assert small.residual_max_de00 is not None
    assert small.residual_max_de00 < 6
    large = read(take(light + glare(150)))
    assert large.missing == "patches_spoilt"


def test_without_patches_or_too_far_away_the_photo_s_own_colours_stay(light: NDArray[np.float64]) -> None:
    assert read(as_photo(np.full((300, 400, 3), 90, np.uint8))).missing == "no_card"
    photo = take(light)
    plain = KnownCards(cards=(replace(A6, patches=()),))
    assert read_patches(photo, sight_card(photo, plain).view).missing == "no_patches"
    far = draw_colours(replace(SHOT, distance_mm=700), np.full((750, 1000, 3), 0.2))
    assert read(take(far)).missing == "too_far"
    none = ColourCorrection(method="none", missing="no_card")
    np.testing.assert_allclose(correct(none, BROWNS), BROWNS)


def test_a_card_that_shows_other_colours_is_not_believed(light: NDArray[np.float64]) -> None:
    """As an empty ink cartridge would print it: no yellow."""
    blueish = light.copy()
    blueish[..., 2] = np.maximum(light[..., 2], 0.8 * light[..., :2].max(axis=2))
    assert read(take(blueish)).missing in ("patches_do_not_fit", "patches_spoilt")
