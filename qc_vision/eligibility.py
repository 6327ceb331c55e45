"""May this item be exported? A pure function from facts to an answer with every rule behind it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from qc_vision.decision import Verdict
from qc_vision.disposition import Disposition, Outcome, ReviewRequest, in_force, settles_as_second
from qc_vision.document import Document, PlantParts, judge_document
from qc_vision.human_check import CheckReading, judge_check
from qc_vision.lot import LotDecision
from qc_vision.materials import load_catalogue
from qc_vision.message import Message
from qc_vision.record import SpecRef
from qc_vision.rule import Rule, RuleStatus
from qc_vision.spec import ProductSpec

EligibilityVerdict = Literal["eligible", "not_eligible", "on_hold"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoVerdict:
    """A fact: what the machine said of one photo of the item. `model`: the version that said it; `spec`: the
    spec that it was judged by; None: not known."""

    record_id: str
    verdict: Verdict
    model: str | None = None
    spec: SpecRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemFacts:
    """All that is known of an item, its lot and its papers, when the question is asked.

    `photos` are those of the latest inspection, `inspection_id`; dispositions on earlier ones are left
    aside. `undecided_failures` are inspections that the machine failed, as `disposition.undecided_failures`
    finds them. `materials` are codes of the catalogue; none: the spec's own material. `superseded` are ids of
    records, of any kind, that a later record corrects: they count for nothing.
    """

    photos: tuple[PhotoVerdict, ...]
    inspection_id: str | None = None
    photographer: str | None = None
    undecided_failures: tuple[str, ...] = ()
    dispositions: tuple[Disposition, ...] = ()
    review_requests: tuple[ReviewRequest, ...] = ()
    checks: tuple[CheckReading, ...] = ()
    lot: LotDecision | None = None
    documents: tuple[Document, ...] = ()
    materials: tuple[str, ...] = ()
    withdrawn_models: frozenset[str] = frozenset()
    superseded: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Eligibility:
    """`valid_until`: when the first rule that ages must be met again; None: none ages, or it is not eligible
    anyway."""

    eligibility: EligibilityVerdict
    rules: tuple[Rule, ...]
    valid_until: datetime | None = None


def judge_eligibility(facts: ItemFacts, spec: ProductSpec, *, now: datetime) -> Eligibility:
    """Judges an item by the facts in force and what its spec asks for.

    What nobody has entered yet is missing, never met: the item is on hold. A photo that the machine fails
    makes it not eligible, and the rule says that a person must confirm the failure; a person's decision on
    that inspection then stands for the machine's.
    """
    facts = _without_superseded(facts)
    decision = _person_decision(facts, spec)
    return weigh_rules(
        (
            _every_photo_passes(facts.photos, decision),
            _no_open_review(facts, decision),
            _no_open_request(facts.review_requests, facts.dispositions),
            _no_retake_pending(facts.photos),
            _decided_by_two(facts, spec),
            _judged_by_spec(facts.photos, spec, decision),
            _model_not_withdrawn(facts, decision),
            *(judge_check(check, facts.checks, now=now) for check in spec.human_checks),
            _lot_accepted(facts.lot),
            *(
                judge_document(required, facts.documents, _plant_parts(facts, spec), now=now)
                for required in spec.documents
            ),
        )
    )


def weigh_rules(rules: tuple[Rule, ...]) -> Eligibility:
    """One rule that fails decides; else one that is missing holds the item back; no rules, no export."""
    statuses = {rule.status for rule in rules}
    if "fails" in statuses:
        return Eligibility(eligibility="not_eligible", rules=rules)
    if statuses == {"holds"}:
        ends = [rule.valid_until for rule in rules if rule.valid_until is not None]
        return Eligibility(eligibility="eligible", rules=rules, valid_until=min(ends, default=None))
    return Eligibility(eligibility="on_hold", rules=rules)


def _without_superseded(facts: ItemFacts) -> ItemFacts:
    gone = facts.superseded
    return replace(
        facts,
        photos=tuple(photo for photo in facts.photos if photo.record_id not in gone),
        dispositions=tuple(disposition for disposition in facts.dispositions if disposition.id not in gone),
        review_requests=tuple(request for request in facts.review_requests if request.id not in gone),
        checks=tuple(check for check in facts.checks if check.id not in gone),
        documents=tuple(document for document in facts.documents if document.id not in gone),
    )


def _person_decision(facts: ItemFacts, spec: ProductSpec) -> Disposition | None:
    """The decision in force on the latest inspection, by somebody who was allowed to make it."""
    if facts.inspection_id is None:
        return None
    allowed = [
        disposition
        for disposition in facts.dispositions
        if not spec.two_persons or settles_as_second(facts.photographer, disposition.by)
    ]
    return in_force(allowed, facts.inspection_id)


def _every_photo_passes(photos: Sequence[PhotoVerdict], decision: Disposition | None) -> Rule:
    code = "every_photo_passes"
    failed, passed = _ids(photos, Verdict.FAIL), _ids(photos, Verdict.PASS)
    if decision is not None and photos:
        status, message = _OUTCOMES[decision.outcome]
        evidence = (decision.id, *(photo.record_id for photo in photos))
        return Rule(code=code, status=status, message=message, evidence=evidence)
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


def _no_open_review(facts: ItemFacts, decision: Disposition | None) -> Rule:
    code = "no_open_review"
    waiting = _ids(facts.photos, Verdict.REVIEW)
    if waiting and (decision is None or decision.outcome == "open"):
        message = Message(
            id="Ada foto yang harus dilihat pendamping; mesin tidak yakin.",
            en="A person must look at a photo; the machine is not sure.",
        )
        return Rule(code=code, status="missing", message=message, evidence=waiting)
    # a failure of the latest inspection is told by the photos' own rule
    earlier = tuple(id for id in facts.undecided_failures if id != facts.inspection_id)
    if earlier:
        message = Message(
            id="Mesin menggagalkan foto sebelumnya, dan belum ada orang yang memutuskannya. Foto baru saja tidak cukup.",
            en="The machine failed earlier photos, and no person has decided on that. New photos alone do not settle it.",
        )
        return Rule(code=code, status="missing", message=message, evidence=earlier)
    message = Message(
        id="Tidak ada foto yang menunggu pendamping.", en="No photo waits for a person to look."
    )
    return Rule(code=code, status="holds", message=message)


def _no_open_request(requests: Sequence[ReviewRequest], dispositions: Sequence[Disposition]) -> Rule:
    """A request is answered by a decision made on the item after it; a wish for new photos is no answer."""
    code = "no_open_request"
    last_decision = max((d.at for d in dispositions if d.outcome != "open"), default=None)
    waiting = tuple(r.id for r in requests if last_decision is None or r.at > last_decision)
    if waiting:
        message = Message(
            id="Perajin meminta keranjangnya dilihat lagi, dan belum dijawab.",
            en="The maker asked that a person look again, and has no answer yet.",
        )
        return Rule(code=code, status="missing", message=message, evidence=waiting)
    message = Message(
        id="Tidak ada permintaan perajin yang belum dijawab.", en="No maker's request waits for an answer."
    )
    return Rule(code=code, status="holds", message=message, evidence=tuple(r.id for r in requests))


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


def _decided_by_two(facts: ItemFacts, spec: ProductSpec) -> Rule:
    """Where the spec asks for two persons, the last decision is not the photographer's."""
    code = "two_persons"
    last = in_force(facts.dispositions, facts.inspection_id) if facts.inspection_id else None
    if last is None or not spec.two_persons:
        message = Message(
            id="Tidak ada keputusan yang harus dibuat oleh orang kedua.",
            en="No decision had to be made by a second person.",
        )
        return Rule(code=code, status="holds", message=message)
    if settles_as_second(facts.photographer, last.by):
        message = Message(
            id="Pemotret dan pemutus dua orang yang berbeda.",
            en="Whoever took the photos and whoever decided are two persons.",
        )
        return Rule(code=code, status="holds", message=message, evidence=(last.id,))
    message = Message(
        id="Keputusan dibuat oleh pemotret sendiri, atau pemotretnya tidak tercatat. Minta orang lain memutuskan.",
        en="The photographer decided, or is not known. Ask another person to decide.",
    )
    return Rule(code=code, status="missing", message=message, evidence=(last.id,))


def _judged_by_spec(photos: Sequence[PhotoVerdict], spec: ProductSpec, decision: Disposition | None) -> Rule:
    """A pass under other limits says nothing of these; a person who decided has seen the item itself."""
    code = "judged_by_spec"
    wanted = SpecRef(id=spec.id, revision=spec.revision)
    others = tuple(photo.record_id for photo in photos if photo.spec != wanted)
    if others and (decision is None or decision.outcome == "open"):
        message = Message(
            id=f"Ada foto yang dinilai dengan spesifikasi lain, bukan {spec.id} revisi {spec.revision}. Nilai ulang.",
            en=f"A photo was judged by another spec than {spec.id} revision {spec.revision}. Grade it again.",
        )
        return Rule(code=code, status="missing", message=message, evidence=others)
    message = Message(
        id="Tidak ada foto yang hanya dinilai dengan spesifikasi lain.",
        en="No photo was judged by another spec alone.",
    )
    return Rule(code=code, status="holds", message=message)


def _model_not_withdrawn(facts: ItemFacts, decision: Disposition | None) -> Rule:
    code = "model_not_withdrawn"
    touched = tuple(p.record_id for p in facts.photos if p.model in facts.withdrawn_models)
    if touched and (decision is None or decision.outcome == "open"):
        message = Message(
            id="Model yang menilai foto ini sudah ditarik. Nilai ulang fotonya, atau minta pendamping memutuskan.",
            en="The model that graded these photos is withdrawn. Grade them again, or ask a person to decide.",
        )
        return Rule(code=code, status="missing", message=message, evidence=touched)
    if touched and decision is not None:
        message = Message(
            id="Modelnya sudah ditarik, tetapi seorang pendamping sudah memutuskan.",
            en="The model is withdrawn, but a person has decided.",
        )
        return Rule(code=code, status="holds", message=message, evidence=(decision.id,))
    message = Message(
        id="Tidak ada foto yang dinilai oleh model yang ditarik.",
        en="No photo was graded by a withdrawn model.",
    )
    return Rule(code=code, status="holds", message=message)


def _lot_accepted(lot: LotDecision | None) -> Rule:
    code = "lot_accepted"
    if lot is None:
        message = Message(
            id="Keputusan lot menurut rencana sampel belum ada.",
            en="The lot's decision under its sampling plan has not been entered.",
        )
        return Rule(code=code, status="missing", message=message)
    evidence = (lot.lot_id,)
    match lot.verdict:
        case "accepted":
            message = Message(id="Lot diterima.", en="The lot is accepted.")
            return Rule(code=code, status="holds", message=message, evidence=evidence)
        case "rejected":
            message = Message(
                id="Lot ditolak menurut rencana sampelnya. Pilah, perbaiki, lalu ajukan lagi.",
                en="The lot is refused under its sampling plan. Sort and mend it, then offer it again.",
            )
            return Rule(code=code, status="fails", message=message, evidence=evidence)
        case "open":
            units = {unit for need in lot.missing for unit in need.units}
            message = Message(
                id=f"Lot belum diputuskan; {len(units)} keranjang masih ditunggu.",
                en=f"The lot is not decided yet; {len(units)} units are waited for.",
            )
            return Rule(code=code, status="missing", message=message, evidence=evidence)


def _plant_parts(facts: ItemFacts, spec: ProductSpec) -> PlantParts:
    """The spec's material names what the item is of, unless the item says; `any` and `campuran` name nothing."""
    catalogue = load_catalogue()
    own = (spec.material,) if spec.material in catalogue.materials else ()
    materials = facts.materials or own
    frame = catalogue.frames[spec.frame].plant if spec.frame is not None else False
    return PlantParts(materials=materials, frame=frame, known=bool(materials))


def _ids(photos: Iterable[PhotoVerdict], verdict: Verdict) -> tuple[str, ...]:
    return tuple(photo.record_id for photo in photos if photo.verdict == verdict)


_OUTCOMES: dict[Outcome, tuple[RuleStatus, Message]] = {
    "accepted": (
        "holds",
        Message(id="Seorang pendamping menerima keranjang ini.", en="A person accepted this item."),
    ),
    "refused": (
        "fails",
        Message(id="Seorang pendamping memastikan cacatnya.", en="A person confirmed the nonconformity."),
    ),
    "rework": (
        "fails",
        Message(
            id="Dikembalikan untuk diperbaiki. Sesudah itu foto lagi.",
            en="Sent back to be mended. Take photos again after that.",
        ),
    ),
    "open": (
        "missing",
        Message(id="Seorang pendamping minta difoto lagi.", en="A person asked for new photos."),
    ),
}
