"""What the network saw is told in the frame of the upright photo, whatever size it looked at.

The photos are renders whose truth is known (`datasets/rendered_sample`), from seeds never trained on.
"""

import csv
import io
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import pytest
from PIL import Image

from qc_vision.calibration import NO_SCALE
from qc_vision.density import read_density
from qc_vision.model import Model, load_model
from qc_vision.perception import Perceiver
from qc_vision.photo import decode, encode_jpeg
from qc_vision.weave import WeaveMap
from tests.qc_vision.fakes import make_model

SAMPLE = Path(__file__).parents[2] / "datasets" / "rendered_sample"
SAMPLES = Path(__file__).parents[2] / "datasets" / "samples"


@pytest.fixture(scope="module")
def perceiver() -> Perceiver:
    return Perceiver(load_model())


@pytest.fixture(scope="module")
def basket() -> np.ndarray:
    return decode((SAMPLES / "2-berlubang-hole.jpg").read_bytes()).pixels


def _see(perceiver: Perceiver, pixels: np.ndarray) -> WeaveMap:
    return perceiver.perceive(decode(encode_jpeg(pixels, quality=95)))


def _centre(weave_map: WeaveMap) -> np.ndarray:
    """Centre (x, y) of the basket's mask, in px of the photo."""
    ys, xs = np.nonzero(weave_map.basket > 0.5)
    return (np.array([xs.mean(), ys.mean()]) + 0.5) * weave_map.px_per_cell


def test_maps_cover_the_whole_photo_and_are_read_only(perceiver: Perceiver, basket: np.ndarray) -> None:
    weave_map = _see(perceiver, basket[:700])
    height, width = (s * weave_map.px_per_cell for s in weave_map.basket.shape)
    assert -0.01 < height - 700 < 2 * weave_map.px_per_cell
    assert -0.01 < width - basket.shape[1] < 2 * weave_map.px_per_cell
    assert not weave_map.basket.flags.writeable
    assert weave_map.defects.shape == (len(weave_map.codes), *weave_map.basket.shape)


def test_a_basket_moved_in_the_photo_is_found_where_it_went(perceiver: Perceiver, basket: np.ndarray) -> None:
    small = cv2.resize(basket, (384, 384), interpolation=cv2.INTER_AREA)
    centres = []
    for x, y in ((40, 60), (300, 200)):
        canvas = np.full((700, 800, 3), 120, np.uint8)
        canvas[y : y + 384, x : x + 384] = small
        centres.append(_centre(_see(perceiver, canvas)))
    assert np.allclose(centres[1] - centres[0], (260, 140), atol=20)


def test_the_planted_hole_is_where_the_map_says(perceiver: Perceiver, basket: np.ndarray) -> None:
    """The hole of the sample photo is dark and lies at about (440, 367)."""
    weave_map = _see(perceiver, basket)
    hole = weave_map.defects[weave_map.codes.index("MAJ-HOLE")]
    y, x = np.unravel_index(int(hole.argmax()), hole.shape)
    at = (np.array([x, y]) + 0.5) * weave_map.px_per_cell
    assert np.hypot(*(at - (440, 367))) < 35


def test_a_turned_phone_gives_the_same_maps(perceiver: Perceiver, basket: np.ndarray) -> None:
    """EXIF orientation 6: stored lying, meant upright."""
    stored = Image.fromarray(np.ascontiguousarray(np.rot90(basket)))
    exif = Image.Exif()
    exif[0x0112] = 6
    packed = io.BytesIO()
    stored.save(packed, "JPEG", quality=95, exif=exif)
    turned, straight = perceiver.perceive(decode(packed.getvalue())), _see(perceiver, basket)
    assert turned.basket.shape == straight.basket.shape
    assert np.mean((turned.basket > 0.5) == (straight.basket > 0.5)) > 0.97


def test_readings_of_renders_agree_with_the_drawn_directions_and_pitches(perceiver: Perceiver) -> None:
    """Patches of three or four strands: half of the readings within 15 % and 10 degrees. A mistake of
    frame, scale or octave would be far beyond either."""
    errors, turns = [], []
    with (SAMPLE / "density.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for name in sorted({row["file"] for row in rows}):
        weave_map = perceiver.perceive(decode((SAMPLE / name).read_bytes()))
        for row in (r for r in rows if r["file"] == name):
            quad = np.array([[float(v) for v in p.split(",")] for p in row["quad"].split(";")])
            for reading in read_density(weave_map, scale=NO_SCALE, quad=quad):
                if reading.direction == row["direction"]:
                    errors.append(abs(reading.pitch_px / float(row["repeat_px"]) - 1))
                    turns.append(abs((reading.angle_deg - float(row["dir_deg"]) + 90) % 180 - 90))
    assert len(errors) >= 12
    assert np.median(errors) < 0.15
    assert np.median(turns) < 10


def _maps(basket: np.ndarray, weave: np.ndarray, faults: np.ndarray) -> dict[str, np.ndarray]:
    """What a network says that sees no strands."""
    h, w = basket.shape
    coarse = (h // 2, w // 2)
    return {
        "surface": np.stack([basket, weave]),
        "defects": faults,
        "crests": np.zeros((2, h, w), np.float32),
        "angle": np.zeros((2, 2, *coarse), np.float32),
        "pitch": np.full((2, 30, *coarse), 1 / 30, np.float32),
        "features": np.zeros((24, h, w), np.float32),
    }


class _TwoOpinions:
    """From afar the right half of the grey photo is basket; close by, whatever lies above its middle."""

    manifest = make_model().manifest

    def __init__(self) -> None:
        self._looks = 0

    def run(self, rgb: np.ndarray) -> dict[str, np.ndarray]:
        h, w = rgb.shape[0] // 4, rgb.shape[1] // 4
        self._looks += 1
        basket = np.zeros((h, w), np.float32)
        basket[
            (slice(None), slice(w // 2, None)) if self._looks == 1 else (slice(None, h // 2), slice(None))
        ] = 1
        faults = np.zeros((len(self.manifest.codes), h, w), np.float32)
        return _maps(basket, np.ones((h, w), np.float32), faults)


def test_basket_is_what_both_looks_call_so() -> None:
    photo = decode(encode_jpeg(np.full((640, 640, 3), 128, np.uint8)))
    seen = Perceiver(cast(Model, _TwoOpinions())).perceive(photo).basket > 0.5
    h, w = seen.shape
    assert seen[: h // 2 - 2, w // 2 + 2 :].all()
    assert not seen[h // 2 + 2 : -2].any()
    assert not seen[:, 2 : w // 2 - 2].any()


class _Holed:
    """Doubts one place in the middle and one at the upper edge alike; everywhere a fault is possible, nowhere likely."""

    manifest = make_model().manifest
    fault = 0.1

    def run(self, rgb: np.ndarray) -> dict[str, np.ndarray]:
        h, w = rgb.shape[0] // 4, rgb.shape[1] // 4
        weave = np.ones((h, w), np.float32)
        weave[h // 2 - 6 : h // 2 + 6, w // 2 - 6 : w // 2 + 6] = 0.2
        weave[:12, w // 2 - 6 : w // 2 + 6] = 0.2
        faults = np.zeros((len(self.manifest.codes), h, w), np.float32)
        faults[0], faults[1] = self.fault, self.fault / 2
        return _maps(np.ones((h, w), np.float32), weave, faults)


def test_a_place_without_weave_is_likelier_a_fault_where_weave_encloses_it() -> None:
    photo = decode(encode_jpeg(np.full((640, 640, 3), 128, np.uint8)))
    faults = Perceiver(cast(Model, _Holed())).perceive(photo).defects
    h, w = faults.shape[1:]
    hole, sound, notch = (
        faults[:, y, x] for y, x in ((h // 2, w // 2), (3 * h // 4, w // 4), (h // 100, w // 2))
    )
    assert hole[0] > 0.6
    assert sound[0] == pytest.approx(_Holed.fault, rel=1e-3)
    assert notch[0] < 0.01
    assert all(place[1] == pytest.approx(place[0] / 2, rel=0.1) for place in (hole, sound))


def test_a_mirrored_photo_shows_its_faults_in_the_mirror(perceiver: Perceiver, basket: np.ndarray) -> None:
    square = basket[: 32 * (basket.shape[0] // 32), : 32 * (basket.shape[1] // 32)]
    seen, turned = (
        _see(perceiver, np.ascontiguousarray(p)).defects.max(0) for p in (square, square[:, ::-1])
    )
    assert np.corrcoef(seen.ravel(), turned[:, ::-1].ravel())[0, 1] > 0.9


def test_a_photo_without_a_basket_shows_none(perceiver: Perceiver) -> None:
    plain = np.full((480, 640, 3), (90, 120, 150), np.uint8)
    assert (_see(perceiver, plain).basket > 0.5).mean() < 0.01


def test_a_photo_of_one_pixel_is_seen_without_complaint(perceiver: Perceiver) -> None:
    weave_map = _see(perceiver, np.zeros((1, 1, 3), np.uint8))
    assert np.isfinite(weave_map.basket).all()
