"""What a person decides on an item after the machine's verdict. Never edited: a later one takes its place."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from qc_vision.decision import Verdict
from qc_vision.errors import DispositionError
from qc_vision.message import Message
from qc_vision.record import InspectionRecord
from qc_vision.severity import Severity

Outcome = Literal["accepted", "refused", "rework", "open"]


class Action(StrEnum):
    """`confirm`: the machine is right (in a `review`: the doubtful fault is there). `overrule`: it is wrong
    (in a `review`: there is no fault), with the reason. `rework`: back to the maker to mend.
    `reinspect`: undecided, new photos wanted."""

    CONFIRM = "confirm"
    OVERRULE = "overrule"
    REWORK = "rework"
    REINSPECT = "reinspect"


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemVerdict:
    """What the machine says of an item, over all photos of one inspection.

    `worst` is the heaviest class among its findings, doubtful ones too; None: nothing found.
    `photographer` is the account that took the photos, None where nobody said.
    """

    inspection_id: str
    item_ref: str
    verdict: Verdict
    worst: Severity | None = None
    photographer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Disposition:
    """One person's decision on one inspection of one item; made by `dispose`.

    `severity` is the heaviest nonconformity that the person confirms, None: none. An accepted item may
    have a minor one: it then counts in the lot's minor class.
    """

    id: str
    inspection_id: str
    item_ref: str
    action: Action
    outcome: Outcome
    severity: Severity | None
    reason: str | None
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewRequest:
    """A maker asks that a person look at the item again. Open until a decision made after it."""

    id: str
    item_ref: str
    at: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rework:
    """An item that was sent back has been mended; a new inspection follows. `disposition_id` sent it back."""

    id: str
    item_ref: str
    disposition_id: str
    at: datetime


def dispose(
    seen: ItemVerdict,
    *,
    id: str,
    action: Action,
    severity: Severity | None,
    reason: str | None,
    by: str,
    at: datetime,
    two_persons: bool,
) -> Disposition:
    """A person's decision on what the machine said.

    `severity`: the heaviest nonconformity the person sees, None: none. It is asked for on every decision
    but `reinspect`. `two_persons`: the spec wants another person than the photographer. Raises
    DispositionError that says which of its rules is broken.
    """
    reason = (reason or "").strip() or None
    if two_persons and not settles_as_second(seen.photographer, by):
        raise DispositionError(_SAME_PERSON)
    if action in (Action.CONFIRM, Action.OVERRULE) and seen.verdict is Verdict.RETAKE:
        raise DispositionError(_NOTHING_TO_DECIDE)
    if action is Action.OVERRULE and reason is None:
        raise DispositionError(_REASON_MISSING)
    outcome = _outcome(seen.verdict, action)
    if severity not in _SEVERITIES[outcome]:
        raise DispositionError(_severity_refused(outcome))
    return Disposition(
        id=id,
        inspection_id=seen.inspection_id,
        item_ref=seen.item_ref,
        action=action,
        outcome=outcome,
        severity=severity,
        reason=reason,
        by=by,
        at=at,
    )


def worst_severity(records: Iterable[InspectionRecord]) -> Severity | None:
    """The heaviest class among the findings of an item's records; None where nothing was found."""
    found = {finding.severity for record in records for finding in record.reasons} - {Severity.INFO}
    return min(found, key=lambda severity: severity.rank, default=None)


def in_force(dispositions: Sequence[Disposition], inspection_id: str) -> Disposition | None:
    """The latest decision on that inspection; of two at the same moment the later in the sequence."""
    of_inspection = [d for d in dispositions if d.inspection_id == inspection_id]
    return max(reversed(of_inspection), key=lambda d: d.at, default=None)


def undecided_failures(
    verdicts: Sequence[ItemVerdict], dispositions: Iterable[Disposition]
) -> tuple[str, ...]:
    """The inspections of one item, oldest first, that the machine failed and that nobody has decided on since.

    A decision on an inspection settles those before it too: whoever made it could see them. New photos alone
    settle nothing, or a basket would be photographed until it passes.
    """
    decided = {disposition.inspection_id for disposition in dispositions}
    waiting: list[str] = []
    for seen in verdicts:
        if seen.verdict is Verdict.FAIL:
            waiting.append(seen.inspection_id)
        if seen.inspection_id in decided:
            waiting.clear()
    return tuple(waiting)


def settles_as_second(photographer: str | None, by: str) -> bool:
    """Whether `by` can be the second person: the photographer is known, and somebody else."""
    return photographer is not None and photographer != by


def _outcome(verdict: Verdict, action: Action) -> Outcome:
    match action:
        case Action.REWORK:
            return "rework"
        case Action.REINSPECT:
            return "open"
        case Action.CONFIRM:
            return "accepted" if verdict is Verdict.PASS else "refused"
        case Action.OVERRULE:
            return "refused" if verdict is Verdict.PASS else "accepted"


_NONCONFORMING = (Severity.CRITICAL, Severity.MAJOR, Severity.MINOR)
_SEVERITIES: dict[Outcome, tuple[Severity | None, ...]] = {
    "accepted": (None, Severity.MINOR),
    "refused": _NONCONFORMING,
    "rework": _NONCONFORMING,
    "open": (None,),
}
_SAME_PERSON = Message(
    id="Pemotret keranjang ini tidak boleh memutuskannya, dan pemotretnya harus tercatat. Minta orang lain.",
    en="Whoever took the photos may not decide on this item, and must be known. Ask another person.",
)
_NOTHING_TO_DECIDE = Message(
    id="Fotonya tidak dapat dinilai, jadi belum ada yang bisa diputuskan. Foto ulang keranjang ini.",
    en="The photos could not be graded, so there is nothing to decide on yet. Take them again.",
)
_REASON_MISSING = Message(
    id="Mesin dikoreksi tanpa alasan. Tulis apa yang terlihat pada keranjangnya.",
    en="The machine is overruled without a reason. Write what is seen on the basket itself.",
)


def _severity_refused(outcome: Outcome) -> Message:
    match outcome:
        case "accepted":
            return Message(
                id="Keranjang yang diterima paling banyak punya cacat ringan. Pilih: ringan, atau tidak ada.",
                en="An accepted item has at most a minor nonconformity. Choose minor, or none.",
            )
        case "open":
            return Message(
                id="Periksa ulang berarti belum diputuskan. Kosongkan kelas cacatnya.",
                en="Inspect again means undecided. Leave the class of nonconformity empty.",
            )
        case _:
            return Message(
                id="Kelas cacatnya belum dipilih: kritis, besar, atau ringan.",
                en="The class of the nonconformity is not chosen: critical, major or minor.",
            )
