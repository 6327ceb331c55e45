"""May this item be exported? A pure function from facts to an answer with every rule behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from qc_vision.decision import Verdict
from qc_vision.message import Message
from qc_vision.spec import ProductSpec

RuleStatus = Literal["holds", "fails", "missing"]
EligibilityVerdict = Literal["eligible", "not_eligible", "on_hold"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoVerdict:
    """A fact: what the machine said of one photo of the item."""

    record_id: str
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One condition of export, whether it holds, and the records that show it."""

    code: str
    status: RuleStatus
    message: Message
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Eligibility:
    eligibility: EligibilityVerdict
    rules: tuple[Rule, ...]


def judge_eligibility(photos: Sequence[PhotoVerdict], spec: ProductSpec) -> Eligibility:
    """Judges an item by the photos of its latest inspection and the checks its spec asks for.

    What nobody has entered yet (human checks, lot, documents) is missing, never met: the item is on
    hold. A failed photo makes it not eligible, and the rule says that a person must confirm the failure.
    """
    rules = (_inspected(photos), _no_photo_fails(photos), _nothing_open(photos), *_by_people(spec), *_by_others())
    statuses = {rule.status for rule in rules}
    verdict: EligibilityVerdict = "not_eligible" if "fails" in statuses else "on_hold" if "missing" in statuses else "eligible"
    return Eligibility(eligibility=verdict, rules=rules)


def _inspected(photos: Sequence[PhotoVerdict]) -> Rule:
    usable = tuple(p.record_id for p in photos if p.verdict != Verdict.RETAKE)
    return Rule(
        code="inspected",
        status="holds" if usable else "missing",
        message=Message(id="Ada foto yang dapat dinilai.", en="There is a photo that could be graded."),
        evidence=usable,
    )


def _no_photo_fails(photos: Sequence[PhotoVerdict]) -> Rule:
    failed = tuple(p.record_id for p in photos if p.verdict == Verdict.FAIL)
    if failed:
        message = Message(
            id="Mesin menemukan cacat. Ini sementara: seorang pendamping harus melihat keranjangnya sendiri.",
            en="The machine found a defect. This is provisional: a person must look at the basket itself.",
        )
    else:
        message = Message(id="Tidak ada foto yang gagal.", en="No photo failed.")
    return Rule(code="no_photo_fails", status="fails" if failed else "holds", message=message, evidence=failed)


def _nothing_open(photos: Sequence[PhotoVerdict]) -> Rule:
    waiting = tuple(p.record_id for p in photos if p.verdict in (Verdict.REVIEW, Verdict.RETAKE))
    return Rule(
        code="nothing_open",
        status="missing" if waiting else "holds",
        message=Message(
            id="Tidak ada foto yang masih harus diulang atau dilihat pendamping.",
            en="No photo waits for a retake or for a person to look.",
        ),
        evidence=waiting,
    )


def _by_people(spec: ProductSpec) -> list[Rule]:
    return [
        Rule(code=f"human_check_{check.code}", status="missing", message=check.message.message())
        for check in spec.human_checks
    ]


def _by_others() -> list[Rule]:
    return [
        Rule(
            code="lot_accepted",
            status="missing",
            message=Message(id="Lot diterima menurut rencana sampel.", en="The lot is accepted under its sampling plan."),
        ),
        Rule(
            code="documents",
            status="missing",
            message=Message(
                id="Dokumen lengkap (nama ilmiah bahan, perlakuan, asal panen).",
                en="Documents complete (scientific names, treatment, country of harvest).",
            ),
        ),
    ]
