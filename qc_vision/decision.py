"""From measurements and a spec to a verdict, with every reason."""

from dataclasses import dataclass
from enum import StrEnum

from qc_vision.message import Message


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


class Severity(StrEnum):
    CRITICAL = "critical"
    MAJOR = "major"
    MINOR = "minor"
    INFO = "info"


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
