"""A lot, its sample, and whether it is accepted under its plan. Only what a person confirmed counts."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from qc_vision.decision import Verdict
from qc_vision.disposition import Disposition, ItemVerdict, in_force, undecided_failures
from qc_vision.errors import SamplingError
from qc_vision.message import Message
from qc_vision.record import SpecRef
from qc_vision.sampling import ClassPlan, LotPlan, draw_sample
from qc_vision.severity import Severity
from qc_vision.switching import LotJudged, score_step

LotVerdict = Literal["accepted", "rejected", "open"]
NeedCode = Literal["photos", "retake", "confirmation", "sample"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """Units offered together, by one village group, of one product. Fixed before anybody inspects.

    `sample` stands in drawn order and comes from `seed` and `units` alone (`sampling.draw_sample`).
    `resubmits` is the refused lot that comes back in this one; it then counts for no switching rule.
    """

    id: str
    group: str
    spec: SpecRef
    units: tuple[str, ...]
    plan: LotPlan
    seed: str
    sample: tuple[str, ...]
    formed_at: datetime
    resubmits: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassDecision:
    """One class of nonconformity: which units count in it, which still wait, and what follows."""

    plan: ClassPlan
    nonconforming: tuple[str, ...]
    waiting: tuple[str, ...]
    verdict: LotVerdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What must happen before an open lot can be decided, and on which units."""

    code: NeedCode
    message: Message
    units: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LotDecision:
    lot_id: str
    verdict: LotVerdict
    classes: tuple[ClassDecision, ...]
    missing: tuple[Need, ...]


def form_lot(
    *,
    id: str,
    group: str,
    spec: SpecRef,
    units: Sequence[str],
    plan: LotPlan,
    seed: str,
    formed_at: datetime,
    resubmits: str | None = None,
) -> Lot:
    """A lot with its sample drawn. Raises SamplingError where the plan is for another number of units, or a
    unit is named twice."""
    if plan.lot_size != len(units):
        raise SamplingError(
            Message(
                id=f"Rencana sampel untuk {plan.lot_size} keranjang, tetapi lot berisi {len(units)}. Buat rencana baru.",
                en=f"The sampling plan is for {plan.lot_size} units, the lot holds {len(units)}. Make a new plan.",
            )
        )
    return Lot(
        id=id,
        group=group,
        spec=spec,
        units=tuple(units),
        plan=plan,
        seed=seed,
        sample=draw_sample(units, seed=seed, n=plan.sample_size),
        formed_at=formed_at,
        resubmits=resubmits,
    )


def decide_lot(
    lot: Lot, *, verdicts: Sequence[ItemVerdict], dispositions: Sequence[Disposition]
) -> LotDecision:
    """Whether the lot is accepted, by the machine's verdicts (oldest first) and the persons' decisions.

    - A unit counts once, in its worst class, over all inspections since the lot was formed: mending a unit
      does not undo that it was found.
    - Critical is judged on every unit, each other class on the first n of the sample.
    - Every unit needs a pass of the machine or a person's decision; every unit of the sample needs a person, and
      so does every unit that the machine has failed, whatever it said of later photos.
    - A class is refused as soon as its rejection number is reached, and accepted only when nobody waits.

    Facts of units that are not in the lot are left aside.
    """
    graded: dict[str, list[ItemVerdict]] = defaultdict(list)
    for verdict in verdicts:
        graded[verdict.item_ref].append(verdict)
    decided: dict[str, list[Disposition]] = defaultdict(list)
    for disposition in dispositions:
        decided[disposition.item_ref].append(disposition)
    state = {unit: _unit_state(graded[unit], decided[unit]) for unit in lot.units}
    sample = frozenset(lot.sample)
    waiting = {unit: need for unit in lot.units if (need := _need_of(state[unit], unit in sample))}
    worst = {unit: state[unit].worst for unit in lot.units}
    classes = tuple(_decide_class(plan, _units_of(lot, plan), worst, waiting) for plan in lot.plan.classes)
    verdicts_of_classes = {decision.verdict for decision in classes}
    of_lot: LotVerdict = "open"
    if "rejected" in verdicts_of_classes:
        of_lot = "rejected"
    elif verdicts_of_classes == {"accepted"}:
        of_lot = "accepted"
    return LotDecision(lot_id=lot.id, verdict=of_lot, classes=classes, missing=_needs(waiting))


def switching_events(lot: Lot, decision: LotDecision) -> Mapping[Severity, LotJudged]:
    """What a decided lot tells the switching rules, per class with an AQL; nothing while it is open."""
    if decision.verdict == "open":
        return {}
    return {
        of_class.plan.severity: LotJudged(
            lot_id=lot.id,
            accepted=of_class.verdict == "accepted",
            score_step=score_step(of_class.plan, len(of_class.nonconforming)),
            original=lot.resubmits is None,
        )
        for of_class in decision.classes
        if of_class.plan.aql is not None and of_class.verdict != "open"
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _UnitState:
    """`machine` is the latest verdict; `failed`: by the machine, and nobody has decided since; `worst` the heaviest
    class a person confirmed at any inspection."""

    machine: Verdict | None
    failed: bool
    seen_by_person: bool
    worst: Severity | None


def _unit_state(verdicts: Sequence[ItemVerdict], dispositions: Sequence[Disposition]) -> _UnitState:
    inspections = {disposition.inspection_id for disposition in dispositions}
    standing = [d for i in inspections if (d := in_force(dispositions, i)) and d.outcome != "open"]
    found = [disposition.severity for disposition in standing if disposition.severity is not None]
    return _UnitState(
        machine=verdicts[-1].verdict if verdicts else None,
        failed=bool(undecided_failures(verdicts, dispositions)),
        seen_by_person=bool(standing),
        worst=min(found, key=lambda severity: severity.rank, default=None),
    )


def _need_of(state: _UnitState, in_sample: bool) -> NeedCode | None:
    if state.failed:
        return "confirmation"
    if state.seen_by_person:
        return None
    match state.machine:
        case None:
            return "photos"
        case Verdict.RETAKE:
            return "retake"
        case Verdict.PASS:
            return "sample" if in_sample else None
        case _:
            return "confirmation"


def _units_of(lot: Lot, plan: ClassPlan) -> tuple[str, ...]:
    return lot.units if plan.aql is None else lot.sample[: plan.n]


def _decide_class(
    plan: ClassPlan,
    units: Sequence[str],
    worst: Mapping[str, Severity | None],
    waiting: Mapping[str, NeedCode],
) -> ClassDecision:
    nonconforming = tuple(unit for unit in units if worst[unit] is plan.severity)
    still = tuple(unit for unit in units if unit in waiting)
    verdict: LotVerdict = "open" if still else "accepted"
    if len(nonconforming) >= plan.re:
        verdict = "rejected"
    return ClassDecision(plan=plan, nonconforming=nonconforming, waiting=still, verdict=verdict)


_NEEDS: dict[NeedCode, Message] = {
    "photos": Message(id="Belum difoto dan dinilai.", en="Not photographed and graded yet."),
    "retake": Message(
        id="Fotonya tidak dapat dinilai; foto ulang.", en="The photos could not be graded; take them again."
    ),
    "confirmation": Message(
        id="Mesin menemukan atau menduga cacat; seorang pendamping harus memutuskan.",
        en="The machine found or suspects a fault; a person must decide.",
    ),
    "sample": Message(
        id="Masuk sampel; seorang pendamping harus melihat keranjangnya sendiri.",
        en="Drawn into the sample; a person must look at the basket itself.",
    ),
}


def _needs(waiting: Mapping[str, NeedCode]) -> tuple[Need, ...]:
    needs = []
    for code, message in _NEEDS.items():
        units = tuple(unit for unit, need in waiting.items() if need == code)
        if units:
            needs.append(Need(code=code, message=message, units=units))
    return tuple(needs)
