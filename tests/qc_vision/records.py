"""Inspection records as the line makes them, with what a test wants to say."""

from datetime import UTC, datetime

from qc_vision.calibration import Calibration
from qc_vision.decision import Finding, Verdict
from qc_vision.density import DensityReading
from qc_vision.message import Message
from qc_vision.record import InspectionRecord, ModelRef, PhotoRef, SpecRef
from qc_vision.severity import Severity

INSPECTED_AT = datetime(2026, 5, 4, 3, 14, 22, 125_000, tzinfo=UTC)


def make_finding(severity: Severity, code: str = "MAJ-GAP") -> Finding:
    message = Message(id="Celah.", en="Gap.")
    return Finding(
        code=code, severity=severity, value=6.0, limit=5.0, unit="mm", message=message, advice=None
    )


def make_record(
    *findings: Finding,
    id: str = "0f6d3c5e8a7b4d1f9c2e6a5b4d3c2b1a",
    verdict: Verdict = Verdict.PASS,
    density: tuple[DensityReading, ...] = (),
    model: str = "2026.5",
) -> InspectionRecord:
    return InspectionRecord(
        id=id,
        inspected_at=INSPECTED_AT,
        photo=PhotoRef(sha256="9f" * 32, perceptual_hash="c3d2a1f0e4b59687", width=3000, height=4000),
        verdict=verdict,
        grade=None,
        reasons=findings,
        scale=Calibration(method="card", px_per_mm=7.4, relative_uncertainty=0.012, tilt_deg=3.1),
        density=density,
        openness=0.012,
        uniformity_cv=0.08,
        defects=(),
        defect_score=0.1,
        basket=None,
        model=ModelRef(version=model, sha256="3a" * 32),
        spec=SpecRef(id="hyacinth_bin", revision=2),
        software="qc_vision 0.1.0",
    )
