"""A fake inspector that obeys the real signature and judges a photo by how red it is."""

import hashlib
import io
import math
import os
import signal
import time
from datetime import UTC, datetime
from itertools import count

import numpy as np
from PIL import Image

from qc_vision.calibration import Calibration
from qc_vision.decision import Finding, Verdict
from qc_vision.density import DensityReading
from qc_vision.errors import ModelError
from qc_vision.inspection import Inspection
from qc_vision.message import Message
from qc_vision.photo import decode
from qc_vision.record import InspectionRecord, ModelRef, PhotoRef, SpecRef
from qc_vision.severity import Severity
from qc_vision.spec import ProductSpec
from qc_vision.weave import FeatureMap, StrandField, WeaveMap

CELL_PX = 32.0
VERDICT_OF_RED = {200: Verdict.FAIL, 150: Verdict.REVIEW, 100: Verdict.RETAKE, 50: Verdict.PASS}


class FakeInspector:
    """Judges a photo by how red it is, so that a test can order the verdict that it wants."""

    def __init__(self) -> None:
        self._ids = count(1)

    def inspect(self, data: bytes, *, spec: ProductSpec, came_at: datetime | None = None) -> Inspection:
        photo = decode(data)
        red = float(photo.pixels[..., 0].mean())
        verdict = VERDICT_OF_RED[min(VERDICT_OF_RED, key=lambda r: abs(r - red))]
        record = InspectionRecord(
            id=f"record-{next(self._ids)}",
            inspected_at=datetime(2026, 5, 4, tzinfo=UTC),
            photo=PhotoRef(
                sha256=hashlib.sha256(data).hexdigest(),
                perceptual_hash=photo.perceptual_hash,
                width=photo.width,
                height=photo.height,
            ),
            verdict=verdict,
            grade=None,
            reasons=() if verdict == Verdict.PASS else (HOLE,),
            scale=Calibration(method="none"),
            density=(WEFT,),
            openness=0.012,
            uniformity_cv=0.08,
            defects=(),
            defect_score=0.1,
            basket=None,
            model=ModelRef(version="fake", sha256="0" * 64),
            spec=SpecRef(id=spec.id, revision=spec.revision),
            software="qc_vision test",
        )
        return Inspection(
            record=record, photo=photo, weave_map=_weave(photo.width, photo.height), timing_ms={"decode": 1.0}
        )


class DeadlyInspector(FakeInspector):
    """Takes its whole process along on a photo that is to fail."""

    def inspect(self, data: bytes, *, spec: ProductSpec, came_at: datetime | None = None) -> Inspection:
        inspection = super().inspect(data, spec=spec, came_at=came_at)
        if inspection.record.verdict == Verdict.FAIL:
            os.kill(os.getpid(), signal.SIGKILL)
        return inspection


class SlowInspector(FakeInspector):
    """Takes two seconds for a photo, and for one that is to fail, longer than anybody waits."""

    def inspect(self, data: bytes, *, spec: ProductSpec, came_at: datetime | None = None) -> Inspection:
        inspection = super().inspect(data, spec=spec, came_at=came_at)
        time.sleep(600 if inspection.record.verdict == Verdict.FAIL else 2)
        return inspection


def refuse_to_load() -> FakeInspector:
    raise ModelError(Message(id="model rusak", en="the model is broken"))


HOLE = Finding(
    code="MAJ-HOLE",
    severity=Severity.MAJOR,
    value=1.7,
    limit=0.8,
    unit="pitch",
    message=Message(
        id="Lubang: 1.7 lebar helai, paling banyak 0.8.", en="Hole: 1.7 strand pitches, at most 0.8."
    ),
    advice=Message(
        id="Tambah helai baru, ujungnya masuk minimal tiga lungsi.",
        en="Weave a new strand in; tuck its end past at least three stakes.",
    ),
)
WEFT = DensityReading(
    direction="weft",
    angle_deg=90.0,
    pitch_px=20.0,
    pitch_px_interval=(19.5, 20.5),
    per_10cm=None,
    per_10cm_interval=None,
    confident=True,
)


def _weave(width: int, height: int) -> WeaveMap:
    """The whole photo is basket, evenly woven."""
    shape = (math.ceil(height / CELL_PX), math.ceil(width / CELL_PX))
    grid = np.ones(shape, dtype=np.float32)
    strands = StrandField(
        angle_rad=grid, pitch_px=20 * grid, pitch_log_sigma=0.1 * grid, direction_score=grid
    )
    return WeaveMap(
        px_per_cell=CELL_PX,
        basket=grid,
        weft=strands,
        warp=strands,
        defects=np.zeros((1, *shape), dtype=np.float32),
        codes=("MAJ-HOLE",),
        crests=FeatureMap(
            values=np.zeros((2, *shape), dtype=np.float32), origin_px=(0.0, 0.0), px_per_cell=CELL_PX
        ),
        features=FeatureMap(
            values=np.zeros((1, *shape), dtype=np.float32), origin_px=(0.0, 0.0), px_per_cell=CELL_PX
        ),
    )


def photo_of(
    verdict: Verdict, *, exif: Image.Exif | None = None, size: tuple[int, int] = (256, 200)
) -> bytes:
    """A JPEG that the fake inspector will give this verdict; `size` is (width, height)."""
    red = next(r for r, v in VERDICT_OF_RED.items() if v == verdict)
    packed = io.BytesIO()
    Image.new("RGB", size, (red, 110, 60)).save(packed, "JPEG", exif=exif or Image.Exif())
    return packed.getvalue()
