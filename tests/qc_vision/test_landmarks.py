"""A photo is known again however it was cut, scaled and packed; another basket of the same weave is another photo."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from qc_vision.landmarks import (
    LANDMARKS_MAX,
    MARK_END,
    MARKS_SHARED,
    PARTS,
    find_marks,
    find_marks_turned,
    is_same_photo,
)
from qc_vision.photo import Photo, decode, encode_jpeg
from tests.qc_vision.drawn import draw_weave
from tests.qc_vision.drawn_card import as_photo

Pixels = NDArray[np.uint8]


def basket(seed: int) -> Pixels:
    """A basket of one kind: the same strands, lit and handled each in its own way, on a cloth of its own."""
    rng = np.random.default_rng(seed)
    weave = draw_weave(size=(600, 800), row_pitch=18.0, stake_pitch=36.0)[0]
    shade = cv2.resize(
        rng.uniform(0.4, 1.0, (5, 7)).astype(np.float32), (800, 600), interpolation=cv2.INTER_CUBIC
    )
    grey = weave * shade
    for _ in range(25):
        centre = (int(rng.integers(0, 800)), int(rng.integers(0, 600)))
        cv2.circle(grey, centre, int(rng.integers(8, 40)), float(rng.uniform(0.05, 0.95)), -1)
    grey = cv2.GaussianBlur(grey, (0, 0), 1.0) + 0.01 * rng.standard_normal(grey.shape)
    return np.rint(255 * np.clip(grey, 0, 1)[..., None] * np.array([1.0, 0.85, 0.6])).astype(np.uint8)


def packed(pixels: Pixels, *, quality: int) -> Photo:
    return decode(encode_jpeg(np.ascontiguousarray(pixels), quality=quality))


FIRST, SECOND = basket(1), basket(2)
COPIES = {
    "halved and packed": packed(cv2.resize(FIRST, (400, 300), interpolation=cv2.INTER_AREA), quality=50),
    "cut by a fifth on the left": packed(FIRST[:, 160:], quality=80),
    "cut all round and shrunk": packed(cv2.resize(FIRST[60:540, 80:720], (448, 336), interpolation=cv2.INTER_AREA), quality=60),
}  # fmt: skip


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_shares_marks_with_its_photo_and_falls_upon_it(name: str) -> None:
    photo = as_photo(FIRST)
    assert len(find_marks(COPIES[name]) & find_marks(photo)) >= MARKS_SHARED
    assert is_same_photo(COPIES[name], photo)
    assert is_same_photo(photo, COPIES[name])


def test_a_copy_set_straight_in_a_gallery_falls_upon_its_photo() -> None:
    about = cv2.getRotationMatrix2D((400, 300), 4, 1.0)
    turned = cv2.warpAffine(FIRST, about, (800, 600), flags=cv2.INTER_LINEAR)
    copy, photo = packed(turned[40:560, 50:750], quality=80), as_photo(FIRST)
    assert len(find_marks_turned(copy) & find_marks(photo)) >= MARKS_SHARED
    assert len(find_marks_turned(photo) & find_marks(copy)) >= MARKS_SHARED
    assert is_same_photo(copy, photo)


def test_a_photo_of_weave_alone_is_known_by_its_strands() -> None:
    rng = np.random.default_rng(3)
    stems = np.repeat(rng.integers(60, 220, (20, 28)).astype(np.float32), 36, axis=0).repeat(30, axis=1)
    weave = draw_weave(size=(720, 840), row_pitch=36.0, stake_pitch=30.0)[0] * stems
    pixels = np.rint(np.repeat(weave[..., None], 3, axis=2)).clip(0, 255).astype(np.uint8)
    cut = packed(pixels[60:660, 70:800], quality=70)
    assert len(find_marks_turned(cut) & find_marks(as_photo(pixels))) >= MARKS_SHARED


def test_another_basket_of_the_same_weave_is_another_photo() -> None:
    first, second = as_photo(FIRST), as_photo(SECOND)
    assert len(find_marks_turned(first) & find_marks(second)) < MARKS_SHARED
    assert not is_same_photo(first, second)


def test_a_second_shot_from_a_hand_that_moved_is_another_photo() -> None:
    y, x = np.indices(FIRST.shape[:2]).astype(np.float32)
    nearer = x + 6 * np.sin(y / 90), y + 5 * np.sin(x / 70)
    moved = np.asarray(cv2.remap(FIRST, *nearer, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT), np.uint8)
    assert not is_same_photo(as_photo(moved), as_photo(FIRST))


def test_marks_are_few_and_small_and_a_photo_of_nothing_has_none() -> None:
    marks = find_marks(as_photo(FIRST))
    assert 0 < len(marks) <= PARTS * (LANDMARKS_MAX + 1)
    assert all(0 <= mark < MARK_END for mark in marks)
    assert marks < find_marks_turned(as_photo(FIRST))
    blank = as_photo(np.full((300, 400, 3), 128, np.uint8))
    assert find_marks(blank) == find_marks_turned(blank) == frozenset()
    assert not is_same_photo(blank, blank)
