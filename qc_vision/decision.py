"""From measurements and a spec to a verdict, with every reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from qc_vision.advice import advice_for
from qc_vision.measurement import Characteristic, Measurement
from qc_vision.message import Message
from qc_vision.quantity import Quantity
from qc_vision.severity import Severity
from qc_vision.spec import Limit, ProductSpec


class Verdict(StrEnum):
    PASS = "pass"
    FAIL = "fail"
    REVIEW = "review"
    RETAKE = "retake"


class Grade(StrEnum):
    """A: no nonconformity. B: passes with minor ones. C: fails."""

    A = "A"
    B = "B"
    C = "C"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One reason of a verdict. `code` is a defect code of the domain (`MAJ-HOLE`), a retake reason
    (`blurred`) or `no_scale`; `value` against `limit` in `unit` where something was measured."""

    code: str
    severity: Severity
    value: float | None
    limit: float | None
    unit: str | None
    message: Message
    advice: Message | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    verdict: Verdict
    grade: Grade | None
    findings: tuple[Finding, ...]


UNITS = {
    "pitch": Message(id="lebar helai", en="strand pitches"),
    "pitch2": Message(id="lebar helai persegi", en="square strand pitches"),
    "mm": Message(id="mm", en="mm"),
    "mm2": Message(id="mm2", en="mm2"),
    "count": Message(id="buah", en="in number"),
    "1": Message(id="bagian", en="as a share"),
    "per_10cm": Message(id="helai per 10 cm", en="strands per 10 cm"),
}

NO_SCALE_MESSAGE = Message(
    id="Tidak ada skala di foto, jadi ukuran dalam sentimeter tidak bisa dinilai. Perlu dilihat pendamping.",
    en="There is no scale in the photo, so sizes in centimetres cannot be judged. A person must look.",
)
NOT_CONFIDENT_MESSAGE = Message(
    id="Anyaman tidak terbaca cukup pasti untuk dinilai. Perlu dilihat pendamping, atau foto lebih dekat.",
    en="The weave could not be read surely enough to judge it. A person must look, or take a closer photo.",
)


def decide(measurements: Sequence[Measurement], spec: ProductSpec) -> Decision:
    """The verdict of one photo under a spec, with a finding for every reason.

    Decision rule with guard bands on both sides of a limit (after ISO 14253-1): a nonconformity is
    stated only where the whole expanded uncertainty lies beyond the limit; where the limit lies inside
    it, or where the thing may not be there at all, a person decides (`review`). Any critical or major
    nonconformity fails; so do more minor ones than the spec allows.
    """
    proven: list[Finding] = []
    doubtful: list[Finding] = []
    for measured in [m for m in measurements if m.quantity is not None]:
        hits = [(limit, _beyond(measured, limit)) for limit in spec.limits if _applies(measured, limit)]
        sure = _worst([limit for limit, hit in hits if hit == "proven"])
        perhaps = _worst([limit for limit, hit in hits if hit == "doubtful"])
        if sure:
            proven.append(_finding(measured, sure, doubtful=False))
        if perhaps and (sure is None or perhaps.severity.rank < sure.severity.rank):
            doubtful.append(_finding(measured, perhaps, doubtful=True))
    doubtful += _unmeasured(measurements, spec)

    heavy = any(f.severity in (Severity.CRITICAL, Severity.MAJOR) for f in proven)
    minor = sum(f.severity == Severity.MINOR for f in proven)
    findings = tuple(sorted(proven, key=_order)) + tuple(sorted(doubtful, key=_order))
    if heavy or minor > spec.minor_allowed:
        return Decision(verdict=Verdict.FAIL, grade=Grade.C, findings=findings)
    if doubtful:
        return Decision(verdict=Verdict.REVIEW, grade=None, findings=findings)
    return Decision(verdict=Verdict.PASS, grade=Grade.B if proven else Grade.A, findings=findings)


def _order(finding: Finding) -> tuple[int, str, float]:
    return finding.severity.rank, finding.code, -(finding.value or 0.0)


def _applies(measurement: Measurement, limit: Limit) -> bool:
    quantity = measurement.quantity
    return quantity is not None and measurement.characteristic == limit.characteristic and quantity.unit == limit.unit


def _beyond(measurement: Measurement, limit: Limit) -> str | None:
    """`proven`, `doubtful` or None: is the value beyond the limit, given what is not known about it?"""
    quantity = measurement.quantity
    assert quantity is not None
    if limit.above is not None:
        possible, certain = quantity.high > limit.above, quantity.low > limit.above
    else:
        assert limit.below is not None
        possible, certain = quantity.low < limit.below, quantity.high < limit.below
    if certain and measurement.certain:
        return "proven"
    return "doubtful" if possible else None


def _worst(limits: Sequence[Limit]) -> Limit | None:
    return min(limits, key=lambda limit: limit.severity.rank, default=None)


def _finding(measurement: Measurement, limit: Limit, *, doubtful: bool) -> Finding:
    quantity = measurement.quantity
    assert quantity is not None
    words = advice_for(limit.code)
    bound = limit.above if limit.above is not None else limit.below
    assert bound is not None
    return Finding(
        code=limit.code,
        severity=limit.severity,
        value=quantity.value,
        limit=bound,
        unit=limit.unit,
        message=_sentence(limit, quantity, bound, doubtful=doubtful),
        advice=words.advice if words else None,
    )


def _sentence(limit: Limit, quantity: Quantity, bound: float, *, doubtful: bool) -> Message:
    words = advice_for(limit.code)
    name = words.name if words else Message(id=limit.code, en=limit.code)
    unit = UNITS[limit.unit]
    most = Message(id="paling banyak", en="at most") if limit.above is not None else Message(id="paling sedikit", en="at least")
    tail = Message(id=" Perlu dilihat pendamping.", en=" A person must look.") if doubtful else Message(id="", en="")
    prefix = Message(id="Mungkin ", en="Perhaps ") if doubtful else Message(id="", en="")
    return Message(
        id=f"{prefix.id}{name.id}: {quantity.value:.3g} {unit.id}, {most.id} {bound:g}.{tail.id}",
        en=f"{prefix.en}{name.en}: {quantity.value:.3g} {unit.en}, {most.en} {bound:g}.{tail.en}",
    )


def _unmeasured(measurements: Sequence[Measurement], spec: ProductSpec) -> list[Finding]:
    """One finding for each way in which something that could have failed the photo was not measured."""
    measured: set[tuple[Characteristic, str]] = {
        (m.characteristic, m.quantity.unit) for m in measurements if m.quantity is not None
    }
    present = {m.characteristic for m in measurements}
    reasons: set[str] = set()
    for limit in spec.limits:
        if (limit.characteristic, limit.unit) in measured or limit.characteristic not in present:
            continue
        if limit.severity not in (Severity.CRITICAL, Severity.MAJOR):
            continue
        same = [m for m in measurements if m.characteristic == limit.characteristic]
        if limit.unit in ("mm", "mm2") and all(m.quantity is not None for m in same):
            reasons.add("no_scale")
        else:
            reasons |= {m.missing for m in same if m.missing is not None}
    texts = {"no_scale": NO_SCALE_MESSAGE, "not_confident": NOT_CONFIDENT_MESSAGE}
    return [
        Finding(code=r, severity=Severity.INFO, value=None, limit=None, unit=None, message=texts[r], advice=None)
        for r in sorted(reasons)
    ]
