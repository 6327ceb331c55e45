"""What the drawing promises: its size, where its colours are, and that every verdict can be drawn."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from qc_vision.decision import Verdict
from qc_vision.inspection import Inspection
from qc_vision.overlay import SEVERITY_COLOURS, VERDICT_COLOURS, VERDICT_WORDS, draw
from qc_vision.spec import load_spec
from tests.qc_vision.fakes import FakePerceiver, encode_weave, make_inspector

SPEC = load_spec("default")


def test_the_drawing_keeps_the_photos_shape() -> None:
    assert _pixels(_inspect(encode_weave())).shape == (480, 640, 3)


def test_a_large_photo_is_drawn_at_most_1600_px_long() -> None:
    small = cv2.imdecode(np.frombuffer(encode_weave(), np.uint8), cv2.IMREAD_COLOR)
    _, packed = cv2.imencode(".png", cv2.resize(small, (2400, 1800)))
    assert _pixels(_inspect(packed.tobytes())).shape == (1200, 1600, 3)


@pytest.mark.parametrize(
    ("perceiver", "verdict"),
    [
        (FakePerceiver(), Verdict.PASS),
        (FakePerceiver(hole=(320, 240, 60)), Verdict.FAIL),
        (FakePerceiver(basket=False), Verdict.RETAKE),
    ],
)
def test_the_banner_has_the_verdicts_colour(perceiver: FakePerceiver, verdict: Verdict) -> None:
    inspection = _inspect(encode_weave(), perceiver)
    assert inspection.record.verdict == verdict
    banner = np.median(_pixels(inspection)[2:30], axis=(0, 1))
    # the banner lets a little of the photo through, and JPEG adds its own
    assert np.abs(banner - VERDICT_COLOURS[verdict]).max() < 30


def test_verdicts_have_a_word_and_a_colour_each() -> None:
    assert set(VERDICT_WORDS) == set(VERDICT_COLOURS) == set(Verdict)


def test_a_defect_is_outlined_where_it_is() -> None:
    pixels = _pixels(_inspect(encode_weave(), FakePerceiver(hole=(200, 300, 40)))).astype(int)
    near = np.abs(pixels - SEVERITY_COLOURS["MAJ"]).max(axis=2) < 60
    ys, xs = np.nonzero(near[60:])
    assert np.median(xs) == pytest.approx(200, abs=12)
    assert np.median(ys) + 60 == pytest.approx(300, abs=30)  # the plate's frame above pulls it up a little


def test_what_is_not_basket_is_dimmed() -> None:
    data = encode_weave()
    plain = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(float)
    pixels = _pixels(_inspect(data)).astype(float)
    outside, inside = np.s_[100:400, 4:50], np.s_[300:440, 80:200]
    assert pixels[outside].mean() < 0.7 * plain[outside].mean()
    assert pixels[inside].mean() == pytest.approx(plain[inside].mean(), rel=0.05)


def _inspect(data: bytes, perceiver: FakePerceiver | None = None) -> Inspection:
    return make_inspector(perceiver).inspect(data, spec=SPEC)


def _pixels(inspection: Inspection) -> np.ndarray:
    with Image.open(io.BytesIO(draw(inspection))) as photo:
        assert photo.format == "JPEG"
        return np.asarray(photo.convert("RGB"))
