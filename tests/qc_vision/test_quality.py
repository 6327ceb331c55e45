"""Which photos are sent back, and why: drawn weaves, sound and spoilt in one way at a time."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from qc_vision.photo import Photo, decode, encode_jpeg
from qc_vision.quality import RetakeReason, assess, message_of
from qc_vision.refusal_limits import SHIPPED
from tests.qc_vision.drawn import draw_weave

Pixels = NDArray[np.uint8]

LONG_SIDE = 1200
FIBRE = np.array([205, 170, 115])
EVERYWHERE = np.ones((9, 12), np.float32)
NOWHERE = np.zeros((9, 12), np.float32)


def weave(*, seed: int = 0, row_pitch: float = 20, turned_deg: float = 3, width: int = LONG_SIDE) -> Pixels:
    """A drawn weave the colour of fibre, 4 : 3, with the fine grain that fibre has at any distance."""
    grey = draw_weave(
        size=(width * 3 // 4, width),
        row_pitch=row_pitch,
        stake_pitch=2 * row_pitch,
        turned_deg=turned_deg,
        seed=seed,
    )[0]
    grain = cv2.GaussianBlur(np.random.default_rng(seed).normal(0, 1, grey.shape), (0, 0), width / 1000)
    grey = cv2.GaussianBlur(grey, (0, 0), 0.8) * (1 + 0.25 * grain / grain.std())
    return (grey.clip(0, 1)[..., None] * FIBRE).astype(np.uint8)


def as_photo(pixels: Pixels, *, quality: int = 85) -> Photo:
    """As it comes from a phone: through a JPEG, which adds false detail of its own."""
    return decode(encode_jpeg(pixels, quality=quality))


def blurred(pixels: Pixels, share: float) -> Pixels:
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), share * max(pixels.shape)), np.uint8)


def moved(pixels: Pixels, share: float, *, direction_deg: float) -> Pixels:
    length = int(share * max(pixels.shape)) | 1
    line = np.zeros((length, length), np.float32)
    line[length // 2] = 1
    turn = cv2.getRotationMatrix2D((length // 2, length // 2), direction_deg, 1)
    line = cv2.warpAffine(line, turn, (length, length))
    return np.asarray(cv2.filter2D(pixels, -1, line / line.sum()), np.uint8)


def noisy(pixels: Pixels, levels: float) -> Pixels:
    noise = np.random.default_rng(1).normal(0, levels, pixels.shape)
    return (pixels + noise).clip(0, 255).astype(np.uint8)


def brightened(pixels: Pixels, factor: float) -> Pixels:
    return (pixels * factor).clip(0, 255).astype(np.uint8)


def with_gamma(pixels: Pixels, gamma: float) -> Pixels:
    return (255 * (pixels / 255.0) ** gamma).astype(np.uint8)


WEAVES = [
    pytest.param(weave(row_pitch=12), id="fine"),
    pytest.param(weave(row_pitch=20, turned_deg=35), id="turned"),
    pytest.param(weave(row_pitch=45, turned_deg=-10), id="coarse"),
]


@pytest.mark.parametrize("pixels", WEAVES)
def test_a_sound_photo_has_no_reason_to_be_taken_again(pixels: Pixels) -> None:
    assert assess(as_photo(pixels), EVERYWHERE).reasons == ()


@pytest.mark.parametrize(
    "harmless",
    [
        lambda pixels: with_gamma(pixels, 1.5),
        lambda pixels: brightened(pixels, 1.15),
        lambda pixels: noisy(pixels, 4),
        lambda pixels: (pixels * 0.35 + 80).astype(np.uint8),
    ],
    ids=["dim", "bright", "noisy", "hazy"],
)
@pytest.mark.parametrize("pixels", WEAVES)
def test_a_photo_that_is_a_little_off_is_still_graded(pixels: Pixels, harmless) -> None:
    assert assess(as_photo(harmless(pixels)), EVERYWHERE).reasons == ()


@pytest.mark.parametrize("share", [0.007, 0.01, 0.02])
@pytest.mark.parametrize("pixels", WEAVES)
def test_a_photo_out_of_focus_is_blurred(pixels: Pixels, share: float) -> None:
    assert assess(as_photo(blurred(pixels, share)), EVERYWHERE).reasons == (RetakeReason.BLURRED,)


@pytest.mark.parametrize("direction_deg", [0, 25, 90, 135])
def test_a_camera_that_moved_gives_a_blurred_photo_whatever_the_direction(direction_deg: float) -> None:
    photo = as_photo(moved(weave(), 0.03, direction_deg=direction_deg))
    assert RetakeReason.BLURRED in assess(photo, EVERYWHERE).reasons


def test_noise_does_not_pass_for_detail() -> None:
    photo = as_photo(noisy(blurred(weave(), 0.01), 3))
    assert RetakeReason.BLURRED in assess(photo, EVERYWHERE).reasons


def test_sharpness_falls_as_blur_grows() -> None:
    shares = (0.001, 0.002, 0.003, 0.005)
    figures = [assess(as_photo(blurred(weave(), share)), EVERYWHERE).sharpness for share in shares]
    assert figures == sorted(figures, reverse=True)
    assert figures[0] > 2 * figures[-1]


def test_sharpness_does_not_depend_on_contrast_or_brightness() -> None:
    sharp = assess(as_photo(weave(), quality=98), EVERYWHERE).sharpness
    flat = assess(as_photo((weave() * 0.5 + 60).astype(np.uint8), quality=98), EVERYWHERE).sharpness
    assert flat == pytest.approx(sharp, abs=0.05)  # JPEG rounds finer detail away where there is less


def test_a_small_photo_is_as_sharp_as_the_large_one_it_is_a_copy_of() -> None:
    large = weave(row_pitch=45, width=2000)
    small = cv2.resize(large, (1000, 750), interpolation=cv2.INTER_AREA)
    figures = [assess(as_photo(pixels), EVERYWHERE).sharpness for pixels in (large, small)]
    assert figures[0] == pytest.approx(figures[1], abs=0.08)


@pytest.mark.parametrize("pixels", WEAVES)
def test_a_photo_of_mean_luminance_below_six_hundredths_is_too_dark(pixels: Pixels) -> None:
    gamma = 1.0
    while with_gamma(pixels, gamma).mean() / 255 > 0.05:
        gamma += 0.1
    quality = assess(as_photo(with_gamma(pixels, gamma)), EVERYWHERE)
    assert quality.mean_luminance < 0.06
    assert RetakeReason.TOO_DARK in quality.reasons


@pytest.mark.parametrize("pixels", WEAVES)
def test_a_photo_with_four_tenths_burnt_to_white_is_burnt_out(pixels: Pixels) -> None:
    factor = 256 / np.quantile(pixels.min(axis=2), 0.55)
    spoilt = brightened(pixels, factor)
    assert (spoilt.min(axis=2) == 255).mean() > 0.4
    quality = assess(as_photo(spoilt), EVERYWHERE)
    assert quality.clipped_fraction > 0.4
    assert RetakeReason.BURNT_OUT in quality.reasons
    assert RetakeReason.GLARE not in quality.reasons


def with_white_disc(pixels: Pixels, *, share: float) -> Pixels:
    """`share` of the photo under a white disc, softly bounded, as a lamp mirrored in lacquer."""
    height, width = pixels.shape[:2]
    radius = int((share * height * width / np.pi) ** 0.5)
    cover = cv2.circle(np.zeros((height, width), np.float32), (width // 2, height // 2), radius, 1.0, -1)
    cover = cv2.GaussianBlur(cover, (0, 0), 4)[..., None]
    return (pixels * (1 - cover) + 246 * cover).astype(np.uint8)


def test_yellow_fibre_is_burnt_out_before_it_is_white() -> None:
    overexposed = np.clip(weave(row_pitch=20) * np.array([6.0, 4.5, 1.0]), 0, 255).astype(np.uint8)
    assert overexposed[..., 2].max() < 250
    assert RetakeReason.BURNT_OUT in assess(as_photo(overexposed), EVERYWHERE).reasons


def test_a_lamp_mirrored_over_a_third_of_the_basket_is_glare() -> None:
    quality = assess(as_photo(with_white_disc(weave(), share=0.33)), EVERYWHERE)
    assert RetakeReason.GLARE in quality.reasons
    assert quality.glare_fraction == pytest.approx(0.33, abs=0.03)


def test_a_few_highlights_are_no_glare() -> None:
    assert assess(as_photo(with_white_disc(weave(), share=0.05)), EVERYWHERE).reasons == ()


def on_backdrop(tone: int) -> tuple[Pixels, NDArray[np.float32]]:
    """The weave in the middle quarter of a plain backdrop, with the map of where it is."""
    pixels = np.full((900, LONG_SIDE, 3), tone, np.uint8)
    pixels[225:675, 300:900] = weave()[:450, :600]
    basket = np.zeros((90, 120), np.float32)
    basket[23:67, 31:89] = 1
    return pixels, basket


@pytest.mark.parametrize("tone", [0, 244, 255])
def test_a_black_or_white_backdrop_is_not_held_against_the_basket(tone: int) -> None:
    pixels, basket = on_backdrop(tone)
    quality = assess(as_photo(pixels), basket, px_per_cell=10)
    assert quality.reasons == ()
    assert quality.basket_fraction == pytest.approx(0.236, abs=0.01)  # 44 by 58 of 90 by 120 cells


def test_a_sharp_backdrop_does_not_excuse_a_blurred_basket() -> None:
    pixels, basket = on_backdrop(120)
    sharp_around = noisy(pixels, 40)
    sharp_around[225:675, 300:900] = blurred(weave(), 0.01)[:450, :600]
    assert assess(as_photo(sharp_around), basket).reasons == (RetakeReason.BLURRED,)


def test_cells_are_laid_from_the_top_left_corner() -> None:
    pixels = weave()
    pixels[:, : LONG_SIDE // 2] //= 20  # the left half lies in the dark
    left, right = np.zeros((10, 13), np.float32), np.zeros((10, 13), np.float32)
    left[:, :5], right[:, 7:] = 1, 1
    # cells of 100 px: the last column lies beyond the photo's 1200 px
    photo = as_photo(pixels)
    assert RetakeReason.TOO_DARK in assess(photo, left, px_per_cell=100).reasons
    quality = assess(photo, right, px_per_cell=100)
    assert quality.reasons == ()
    assert quality.basket_fraction == pytest.approx(5 / 12, abs=0.01)


def test_cells_count_pixels_of_the_full_size_photo_also_when_it_was_reduced() -> None:
    data = encode_jpeg(weave(width=2400, row_pitch=40))
    basket = np.zeros((18, 24), np.float32)
    basket[:9] = 1
    for min_side_px in (None, 1200):
        quality = assess(decode(data, min_side_px=min_side_px), basket, px_per_cell=100)
        assert quality.basket_fraction == pytest.approx(0.5, abs=0.01)


def test_without_a_basket_that_is_the_reason() -> None:
    assert assess(as_photo(weave()), NOWHERE).reasons == (RetakeReason.NO_BASKET,)


@pytest.mark.parametrize(
    ("cells", "reason"), [(2, RetakeReason.NO_BASKET), (6, RetakeReason.BASKET_SMALL), (30, None)]
)
def test_a_speck_is_no_basket_that_is_far_away(cells: int, reason: RetakeReason | None) -> None:
    basket = np.zeros((60, 80), np.float32)
    basket[20 : 20 + cells, 20 : 20 + cells] = 1
    assert assess(as_photo(weave()), basket).reasons == ((reason,) if reason else ())


def test_without_a_basket_a_dark_photo_is_also_called_dark() -> None:
    reasons = assess(as_photo(weave() // 20), NOWHERE).reasons
    assert reasons[:2] == (RetakeReason.NO_BASKET, RetakeReason.TOO_DARK)


def test_a_basket_far_away_is_small() -> None:
    basket = np.zeros((90, 120), np.float32)
    basket[40:50, 55:65] = 1
    quality = assess(as_photo(weave()), basket)
    assert quality.reasons == (RetakeReason.BASKET_SMALL,)
    assert quality.basket_fraction == pytest.approx(100 / 10800, rel=0.1)


def test_a_thumbnail_is_too_small() -> None:
    assert RetakeReason.TOO_SMALL in assess(as_photo(weave(width=160)), EVERYWHERE).reasons


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1), (5, 7)])
def test_a_photo_of_any_shape_is_measured(size: tuple[int, int]) -> None:
    quality = assess(decode(encode_jpeg(np.full((*size, 3), 128, np.uint8))), EVERYWHERE)
    assert quality.mean_luminance == pytest.approx(0.5, abs=0.01)
    assert RetakeReason.BLURRED in quality.reasons


def test_the_limits_decide() -> None:
    photo = as_photo(weave())
    sharpness = assess(photo, EVERYWHERE).sharpness
    for limit, reasons in ((sharpness - 0.01, ()), (sharpness + 0.01, (RetakeReason.BLURRED,))):
        assert (
            assess(photo, EVERYWHERE, limits=replace(SHIPPED.quality, sharpness_fraction_min=limit)).reasons
            == reasons
        )


@pytest.mark.parametrize("reason", RetakeReason)
def test_every_reason_has_a_sentence_of_its_own_in_both_languages(reason: RetakeReason) -> None:
    message = message_of(reason)
    assert message.id.endswith(".")
    assert message.en.endswith(".")
    assert message.id.count(".") == message.en.count(".") == 1  # one sentence each
    others = [message_of(other) for other in RetakeReason if other is not reason]
    assert message.id not in {other.id for other in others}
    assert message.en not in {other.en for other in others}
