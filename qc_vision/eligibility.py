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
    """One condition of export, whether it holds, and the ids of the records that show it."""

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
    return weigh_rules(
        (
            _every_photo_passes(photos),
            _no_open_review(photos),
            _no_retake_pending(photos),
            *_human_checks(spec),
            _LOT_ACCEPTED,
            *_DOCUMENTS,
        )
    )


def weigh_rules(rules: tuple[Rule, ...]) -> Eligibility:
    """One rule that fails decides; else one that is missing holds the item back; no rules, no export."""
    statuses = {rule.status for rule in rules}
    if "fails" in statuses:
        return Eligibility(eligibility="not_eligible", rules=rules)
    if statuses == {"holds"}:
        return Eligibility(eligibility="eligible", rules=rules)
    return Eligibility(eligibility="on_hold", rules=rules)


def _every_photo_passes(photos: Sequence[PhotoVerdict]) -> Rule:
    code = "every_photo_passes"
    failed, passed = _ids(photos, Verdict.FAIL), _ids(photos, Verdict.PASS)
    if failed:
        message = Message(
            id="Mesin menemukan cacat. Ini sementara: seorang pendamping harus melihat keranjangnya sendiri.",
            en="The machine found a defect. This is provisional: a person must look at the basket itself.",
        )
        return Rule(code=code, status="fails", message=message, evidence=failed)
    if photos and len(passed) == len(photos):
        message = Message(id="Semua foto lolos.", en="Every photo passes.")
        return Rule(code=code, status="holds", message=message, evidence=passed)
    message = Message(
        id="Belum semua foto lolos. Kirim foto keranjang, atau tunggu foto yang masih terbuka.",
        en="Not every photo passes yet. Send photos of the basket, or wait for those still open.",
    )
    return Rule(code=code, status="missing", message=message, evidence=passed)


def _no_open_review(photos: Sequence[PhotoVerdict]) -> Rule:
    code = "no_open_review"
    waiting = _ids(photos, Verdict.REVIEW)
    if waiting:
        message = Message(
            id="Ada foto yang harus dilihat pendamping; mesin tidak yakin.",
            en="A person must look at a photo; the machine is not sure.",
        )
        return Rule(code=code, status="missing", message=message, evidence=waiting)
    message = Message(
        id="Tidak ada foto yang menunggu pendamping.", en="No photo waits for a person to look."
    )
    return Rule(code=code, status="holds", message=message)


def _no_retake_pending(photos: Sequence[PhotoVerdict]) -> Rule:
    code = "no_retake_pending"
    waiting = _ids(photos, Verdict.RETAKE)
    if waiting:
        message = Message(
            id="Ada foto yang tidak dapat dinilai. Foto ulang keranjang ini.",
            en="A photo could not be graded. Take photos of this basket again.",
        )
        return Rule(code=code, status="missing", message=message, evidence=waiting)
    message = Message(id="Tidak ada foto yang harus diulang.", en="No photo waits for a retake.")
    return Rule(code=code, status="holds", message=message)


def _ids(photos: Sequence[PhotoVerdict], verdict: Verdict) -> tuple[str, ...]:
    return tuple(photo.record_id for photo in photos if photo.verdict == verdict)


def _human_checks(spec: ProductSpec) -> list[Rule]:
    return [
        Rule(code=f"human_check_{check.code}", status="missing", message=check.message.message())
        for check in spec.human_checks
    ]


_LOT_ACCEPTED = Rule(
    code="lot_accepted",
    status="missing",
    message=Message(
        id="Keputusan lot menurut rencana sampel belum ada.",
        en="The lot's decision under its sampling plan has not been entered.",
    ),
)
_DOCUMENTS = (
    Rule(
        code="document_lacey_declaration",
        status="missing",
        message=Message(
            id="Deklarasi Lacey (nama ilmiah bahan, negara panen) belum ada.",
            en="The Lacey declaration (scientific names, country of harvest) has not been entered.",
        ),
    ),
    Rule(
        code="document_treatment",
        status="missing",
        message=Message(
            id="Bukti perlakuan terhadap hama belum ada.",
            en="Proof of treatment against pests has not been entered.",
        ),
    ),
)
