"""Fakes that obey the real signatures: a network that sees a drawn basket, without weights or a runtime."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import cast

import cv2
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from qc_vision.inspection import Inspection, Inspector
from qc_vision.measurement import ScoreThresholds
from qc_vision.model import Model, ModelManifest
from qc_vision.photo import Photo
from qc_vision.refusal_limits import SHIPPED, RefusalLimits
from qc_vision.spec import ProductSpec
from qc_vision.weave import WeaveMap
from tests.qc_vision.drawn import CODES, draw_weave, make_map

SIZE = (480, 640)
ROW_PITCH, STAKE_PITCH = 20.0, 40.0


def encode_weave(*, blurred: bool = False, suffix: str = ".png") -> bytes:
    """A drawn basket, 640 x 480, as the bytes of a photo."""
    grey = draw_weave(size=SIZE, row_pitch=ROW_PITCH, stake_pitch=STAKE_PITCH)[0]
    if blurred:
        grey = cv2.GaussianBlur(grey, (0, 0), 8)
    tinted = grey[..., None] * np.array([120, 180, 220], np.float32) + 15
    _, packed = cv2.imencode(suffix, tinted.astype(np.uint8))
    return bytes(packed.tobytes())


class FakePerceiver:
    """Sees the drawn basket in every photo, with a hole where `hole` (x, y, radius, in px) says."""

    def __init__(self, *, hole: tuple[float, float, float] | None = None, basket: bool = True) -> None:
        self.hole = hole
        self.basket = basket

    def perceive(self, photo: Photo) -> WeaveMap:
        grey = cv2.cvtColor(photo.pixels, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
        shape = (photo.height // 4, photo.width // 4)
        basket: NDArray[np.float32] = np.zeros(shape, np.float32)
        if self.basket:
            basket[8:-8, 16:-16] = 1
        defects = np.zeros((len(CODES), *shape), np.float32)
        if self.hole:
            x, y, radius = self.hole
            rows, columns = np.indices(shape) * 4 + 2
            defects[CODES.index("MAJ-HOLE")] = 0.95 * (np.hypot(columns - x, rows - y) <= radius)
        weave = draw_weave(size=grey.shape, row_pitch=ROW_PITCH, stake_pitch=STAKE_PITCH)
        weave[0] = grey
        return make_map(weave, weft=(90, 22), warp=(0, 37), basket=basket, defects=defects)


def make_model() -> Model:
    manifest = ModelManifest(
        version="fake-1",
        file="fake.onnx",
        interval_factor=1.0,
        sha256="0" * 64,
        codes=CODES,
        mean=0.5,
        std=0.5,
        size_multiple=32,
        pitch_first_px=3.0,
        pitch_log_step=0.1386,
        first_look_px=640,
        second_look_px=1088,
        strand_px=20.0,
        judged_px=10.0,
        thresholds={code: ScoreThresholds(review=0.4, fail=0.7) for code in CODES},
        golden_tolerance=0.01,
        training={},
    )
    return Model(manifest=manifest, session=cast(ort.InferenceSession, None))


def make_inspector(
    perceiver: FakePerceiver | None = None,
    *,
    new_id: Callable[[], str] = lambda: "id-1",
    limits: RefusalLimits = SHIPPED,
) -> Inspector:
    return Inspector(
        model=make_model(),
        perceiver=perceiver or FakePerceiver(),
        clock=lambda: datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC),
        new_id=new_id,
        limits=limits,
    )


class DyingInspector:
    """Takes its whole process down on a photo that says so, as a crash in native code would."""

    def inspect(self, data: bytes, *, spec: ProductSpec) -> Inspection:
        if data == b"die":
            os._exit(9)
        return make_inspector().inspect(data, spec=spec)


class FaultyInspector:
    """Fails on every photo with an error that nobody foresaw."""

    def inspect(self, data: bytes, *, spec: ProductSpec) -> Inspection:
        raise ZeroDivisionError("unforeseen")
