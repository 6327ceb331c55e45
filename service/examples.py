"""Examples for OpenAPI, built from the types themselves, so that they cannot say what the API does not.

What is null is left out, as FastAPI leaves it out of its examples; an answer holds every field.
"""

from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter

from qc_vision.calibration import Calibration, CardRef
from qc_vision.decision import Finding, Grade, Verdict
from qc_vision.defects import DefectRegion
from qc_vision.density import DensityReading
from qc_vision.eligibility import Eligibility
from qc_vision.message import Message
from qc_vision.record import BasketRegion, InspectionRecord, ModelRef, PhotoRef, SpecRef
from qc_vision.rule import Rule
from qc_vision.severity import Severity
from service.answers import InspectionAnswer, answer_inspection
from service.item import GradedPhoto, Item, ItemInspection
from service.problems import PhotoFault, Problem

ITEM_EXAMPLE = '{"ref": "KLS-0412", "village": "Kalisalak", "maker": "P-017", "spec": "default"}'

_RECORD = InspectionRecord(
    id="0f6d3c5e8a7b4d1f9c2e6a5b4d3c2b1a",
    inspected_at=datetime(2026, 5, 4, 8, 30, tzinfo=UTC),
    photo=PhotoRef(sha256="9f" * 32, perceptual_hash="c3d2a1f0e4b59687", width=3000, height=4000),
    verdict=Verdict.FAIL,
    grade=Grade.C,
    reasons=(
        Finding(
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
        ),
    ),
    scale=Calibration(
        method="card",
        px_per_mm=7.4,
        relative_uncertainty=0.024,
        tilt_deg=3.1,
        card=CardRef(id="qc-id1", version=1, serial=17, print_scale=1.002),
        at_px=(1510.0, 2020.0),
        reprojection_error_px=0.31,
        valid_region=((310.0, 420.0), (2710.0, 420.0), (2710.0, 3630.0), (310.0, 3630.0)),
        error_budget={"behind": 0.009, "lens": 0.003},
    ),
    density=(
        DensityReading(
            direction="weft",
            angle_deg=91.2,
            pitch_px=41.3,
            pitch_px_interval=(40.6, 42.0),
            per_10cm=17.9,
            per_10cm_interval=(17.6, 18.2),
            confident=True,
        ),
    ),
    openness=0.012,
    uniformity_cv=0.08,
    defects=(
        DefectRegion(
            code="MAJ-HOLE",
            score=0.93,
            box=(1210.0, 1804.0, 1292.0, 1870.0),
            polygon=((1210.0, 1804.0), (1292.0, 1810.0), (1288.0, 1870.0)),
            area_px=2900.0,
            area_pitch2=1.7,
            width_pitch=1.7,
            max_feret_pitch=2.1,
            area_mm2=53.0,
            width_mm=9.5,
            max_feret_mm=11.7,
        ),
    ),
    defect_score=0.93,
    basket=BasketRegion(box=(310.0, 420.0, 2710.0, 3630.0), fraction=0.54),
    model=ModelRef(version="2026.5", sha256="3a" * 32),
    spec=SpecRef(id="default", revision=1),
    software="qc_vision 0.1.0",
)
_INSPECTION = ItemInspection(
    id="6b1f0c9d8e7a4b5c8d9e0f1a2b3c4d5e",
    created_at=datetime(2026, 5, 4, 8, 30, 1, tzinfo=UTC),
    item=Item(ref="KLS-0412", village="Kalisalak", maker="P-017"),
    verdict=Verdict.FAIL,
    photos=(
        GradedPhoto(
            record=_RECORD,
            timing_ms={"decode": 84.0, "perceive": 310.5},
            photo="1c" * 32,
            overlay="2d" * 32,
            thumbnail="3e" * 32,
        ),
    ),
)
_ELIGIBILITY = Eligibility(
    eligibility="not_eligible",
    rules=(
        Rule(
            code="every_photo_passes",
            status="fails",
            message=Message(id="Mesin menemukan cacat.", en="The machine found a defect."),
            evidence=(_RECORD.id,),
        ),
        Rule(
            code="lot_accepted",
            status="missing",
            message=Message(
                id="Lot diterima menurut rencana sampel.", en="The lot is accepted under its sampling plan."
            ),
        ),
    ),
)
_REFUSAL = Message(
    id="Foto ke-2 (IMG_0041.heic): Foto HEIC/AVIF belum bisa dibaca. Tidak ada yang disimpan.",
    en="Photo 2 (IMG_0041.heic): HEIC/AVIF photos cannot be read. Nothing was kept.",
)
_PROBLEM = Problem(
    type="urn:qc-vision:problem:unsupported-photo",
    title="Bukan foto yang didukung / Unsupported photo",
    status=415,
    detail=str(_REFUSAL),
    instance="/v1/inspections",
    messages=_REFUSAL,
    photo=PhotoFault(number=2, filename="IMG_0041.heic"),
)

INSPECTION_EXAMPLE: dict[str, Any] = TypeAdapter(InspectionAnswer).dump_python(
    answer_inspection(_INSPECTION), mode="json", exclude_none=True
)
ELIGIBILITY_EXAMPLE: dict[str, Any] = TypeAdapter(Eligibility).dump_python(_ELIGIBILITY, mode="json")
PROBLEM_EXAMPLE: dict[str, Any] = TypeAdapter(Problem).dump_python(
    _PROBLEM, mode="json", exclude_defaults=True
)
