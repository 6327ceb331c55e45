"""Scoring of readings, and the classical baseline on drawn gratings of known step."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qc_vision.density import DensityReading
from qc_vision.photo import Photo
from training.evaluate.density import GREY_ALONE, Count, compare, density_figures, read_grey, turn
from training.evaluate.grey import correlate, find_period, find_steps

QUAD = np.array([[20.0, 20], [280, 20], [280, 220], [20, 220]])


def count(**changes: object) -> Count:
    facts = {
        "photo": "a.jpg",
        "centre_px": (0.0, 0.0),
        "direction": "weft",
        "angle_deg": 90.0,
        "pitch_px": 10.0,
        "repeat_px": 20.0,
        "slices": (),
    }
    return Count(**(facts | changes))  # type: ignore[arg-type]


def reading(*, angle_deg: float, pitch_px: float, confident: bool = True) -> DensityReading:
    return DensityReading(
        direction="weft",
        angle_deg=angle_deg,
        pitch_px=pitch_px,
        pitch_px_interval=(pitch_px * 0.97, pitch_px * 1.03),
        per_10cm=None,
        per_10cm_interval=None,
        confident=confident,
    )


def draw(*, step_px: float, angle_deg: float, cross_px: float | None = None) -> Photo:
    """Round dots (or stripes, without `cross_px`), `step_px` apart along an angle, square to it `cross_px`."""
    y, x = np.indices((240, 300)) + 0.5
    a = math.radians(angle_deg)
    u, v = x * math.cos(a) + y * math.sin(a), -x * math.sin(a) + y * math.cos(a)
    grey = np.cos(2 * np.pi * u / step_px)
    if cross_px:
        grey = grey * 0.5 + 0.5 * np.cos(2 * np.pi * v / cross_px)
    noise = np.random.default_rng(0).normal(0, 4, grey.shape)
    pixels = (128 + 60 * grey + noise).clip(0, 255).astype(np.uint8)[..., None].repeat(3, axis=2)
    return Photo(
        pixels=pixels, width=300, height=240, reduction=1, sha256="", perceptual_hash="", format="png"
    )


def test_the_reading_nearest_in_direction_is_scored() -> None:
    found = compare(count(), [reading(angle_deg=2, pitch_px=33), reading(angle_deg=96, pitch_px=10.2)])
    assert found.error == pytest.approx(0.02)
    assert found.turn_deg == pytest.approx(6)
    assert found.covered


def test_the_repeat_counts_apart_from_the_strand() -> None:
    found = compare(count(), [reading(angle_deg=90, pitch_px=20)])
    assert found.error == pytest.approx(1.0)
    assert found.error_either == 0
    assert not found.covered


def test_nothing_read_is_neither_confident_nor_in_the_right_direction() -> None:
    found = compare(count(), [])
    assert not found.confident
    assert math.isinf(found.error)
    assert found.turn_deg == 90


def test_angles_are_lines_not_arrows() -> None:
    assert turn(179, 1) == pytest.approx(2)
    assert turn(45, 225) == 0


def test_figures_take_confident_readings_only_and_say_how_many_there_are() -> None:
    readings = [
        compare(count(photo="a"), [reading(angle_deg=90, pitch_px=10.1)]),
        compare(count(photo="b"), [reading(angle_deg=90, pitch_px=12.0, confident=False)]),
    ]
    figures = {f.what: f for f in density_figures("d", readings)}
    assert figures["d: median error of confident, strand"].value == pytest.approx(0.01)
    assert figures["d: share confident"].value == 0.5
    assert (figures["d: share confident"].n, figures["d: median error of confident, strand"].n) == (2, 1)


@settings(max_examples=25, deadline=None)
@given(st.floats(8, 30), st.floats(0, 179))
def test_the_baseline_told_the_direction_finds_the_period_of_stripes(
    step_px: float, angle_deg: float
) -> None:
    step = find_period(correlate(draw(step_px=step_px, angle_deg=angle_deg), QUAD), angle_deg=angle_deg)
    assert step is not None
    # lags are whole pixels, joined by straight lines: half a pixel at worst
    assert step.pitch_px == pytest.approx(step_px, abs=0.6)


@pytest.mark.parametrize("angle_deg", [0, 20, 75])
def test_the_baseline_alone_finds_both_steps_of_a_grid_of_dots(angle_deg: float) -> None:
    steps = find_steps(correlate(draw(step_px=14, angle_deg=angle_deg, cross_px=22), QUAD))
    # each is a whole number of pixels both ways, so a step of 14 px is good to 0.7 px and 3 degrees
    for pitch, angle in ((14, angle_deg), (22, angle_deg + 90)):
        nearest = min(steps, key=lambda s: turn(s.angle_deg, angle))
        assert turn(nearest.angle_deg, angle) < 4
        assert nearest.pitch_px == pytest.approx(pitch, abs=1)


def test_a_reduced_photo_is_read_in_full_size_pixels() -> None:
    photo = draw(step_px=14, angle_deg=0, cross_px=22)
    halved = Photo(
        pixels=photo.pixels,
        width=600,
        height=480,
        reduction=2,
        sha256="",
        perceptual_hash="",
        format="jpeg",
    )
    told = find_period(correlate(halved, QUAD * 2), angle_deg=0)
    assert told is not None
    assert told.pitch_px == pytest.approx(28, abs=1.2)


def test_a_patch_without_a_pattern_is_not_read() -> None:
    flat = np.full((240, 300, 3), 90, np.uint8)
    photo = Photo(
        pixels=flat, width=300, height=240, reduction=1, sha256="", perceptual_hash="", format="png"
    )
    alone, told = read_grey(photo, QUAD, [count()])
    assert alone.who == GREY_ALONE
    assert alone.pitch_px is None
    assert told.pitch_px is None
