"""What a person may enter about groups, makers, items, checks and papers: checked data, no HTTP, no disk."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter
from pydantic.dataclasses import dataclass as checked

from qc_vision.disposition import Action
from qc_vision.document import Document, LaceyDeclaration, PlantEntry, TreatmentCertificate
from qc_vision.human_check import CheckReading
from qc_vision.severity import Severity
from service.item import MakerCode, Ref, Village

_CLOSED = ConfigDict(extra="forbid", allow_inf_nan=False)

PERSON = r"^[A-Za-z0-9_-]{1,32}$"
Person = Annotated[
    str,
    StringConstraints(pattern=PERSON),
    Field(description="A person's code, never a name", examples=["R-03"]),
]
WORDS = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
"""Several lines of text; not what PostgreSQL cannot keep (NUL) or what moves a terminal's cursor."""
Reason = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500, pattern=WORDS)]
MaterialCode = Literal["eceng_gondok", "mendong", "pelepah_pisang"]


@checked(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class GroupEntry:
    """A village group. Its code stands in the address."""

    by: Person | None = None
    village: Village
    regency: Village | None = None


@checked(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class MakerEntry:
    """A maker, by pseudonymous code alone: the list of names is kept elsewhere."""

    by: Person | None = None
    group: Ref


@checked(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class WithdrawalEntry:
    """That verdicts of a model no longer stand, and why; `withdrawn` false takes it back."""

    by: Person | None = None
    reason: Reason
    withdrawn: bool = True


@checked(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class ItemEntry:
    """What is known of one basket beside its photos."""

    by: Person | None = None
    maker: MakerCode | None = None
    materials: tuple[MaterialCode, ...] = ()
    weight_kg: Annotated[float, Field(gt=0, lt=100)] | None = None


@checked(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class LotEntry:
    """Units offered together. The sample is drawn by the service when the lot is made, before inspection."""

    by: Person | None = None
    id: Ref
    group: Ref
    spec: str
    units: Annotated[tuple[Ref, ...], Field(min_length=2, max_length=35_000)]
    resubmits: Ref | None = None


SwitchingAction = Literal["approve_reduced", "production_irregular", "cause_mended"]


@checked(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class SwitchingEntry:
    """What an authorised person decides on the inspection of a group's lots of one product, in one class.

    `approve_reduced`: production is steady, so a good enough series may be inspected less. `production_irregular`:
    it no longer is. `cause_mended`: after acceptance was stopped, the makers have mended the cause.
    """

    by: Person | None = None
    severity: Literal[Severity.MAJOR, Severity.MINOR]
    action: SwitchingAction
    reason: Annotated[Reason, StringConstraints(min_length=1)]


@checked(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class DispositionEntry:
    """A person's decision on an inspection. `severity`: the heaviest nonconformity seen, null for none."""

    by: Person | None = None
    inspection_id: Ref
    action: Action
    severity: Severity | None = None
    reason: Reason | None = None


@checked(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class FilingEntry:
    """That an inspection was sent under the wrong code, and is of the basket `item`. `maker`: of that basket, where
    it is known; what was said of the wrong one no longer counts."""

    by: Person | None = None
    item: Ref
    maker: MakerCode | None = None
    reason: Annotated[Reason, StringConstraints(min_length=1)]


@checked(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class ReworkEntry:
    """That a basket which was sent back has been mended."""

    by: Person | None = None
    item: Ref


@checked(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class ReviewRequestEntry:
    """A maker asks that a person look at the basket again; `by` is the maker's code."""

    by: MakerCode
    item: Ref
    reason: Reason | None = None


@checked(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class CheckEntry:
    """A human check of an item, or of a whole lot: exactly one of the two is named."""

    by: Person | None = None
    code: Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,32}$")]
    at: datetime
    item: Ref | None = None
    lot: Ref | None = None
    holds: bool | None = None
    value: float | None = None

    def __post_init__(self) -> None:
        if (self.item is None) == (self.lot is None):
            raise ValueError("name either 'item' or 'lot'")
        if self.at.tzinfo is None:
            raise ValueError("'at' needs its offset, for instance +07:00")


@checked(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class LaceyEntry:
    """The plant declaration for a lot."""

    by: Person | None = None
    lot: Ref
    plants: tuple[PlantEntry, ...]
    value: Decimal | None = None
    currency: Annotated[str, StringConstraints(pattern=r"^([A-Z]{3})?$")] | None = None
    kind: Literal["lacey_declaration"] = "lacey_declaration"


@checked(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class TreatmentEntry:
    """Proof of treatment against pests for a lot."""

    by: Person | None = None
    lot: Ref
    treatment: Literal["heat", "kiln_drying", "methyl_bromide", "phosphine", "other"]
    certificate_number: Annotated[str, StringConstraints(strip_whitespace=True, max_length=64, pattern=WORDS)]
    treated_on: date
    valid_until: date | None = None
    kind: Literal["treatment"] = "treatment"


DocumentEntry = Annotated[LaceyEntry | TreatmentEntry, Field(discriminator="kind")]

FILED_APART = ("by", "lot", "item")
"""Fields of an entry that the fact holds in columns of its own."""


def body_of(entry: Any) -> dict[str, Any]:
    """The entry as plain JSON values, without what the fact holds beside its body."""
    plain = TypeAdapter(type(entry)).dump_python(entry, mode="json")
    return {name: value for name, value in plain.items() if name not in FILED_APART}


def read_check(fact_id: str, body: dict[str, Any], *, by: str) -> CheckReading:
    """A kept check as the rules read it."""
    return _CHECK.validate_python({**body, "id": fact_id, "by": by})


def read_document(fact_id: str, body: dict[str, Any], *, by: str, at: datetime) -> Document:
    """A kept paper as the rules read it."""
    facts = {
        **{name: value for name, value in body.items() if name != "kind"},
        "id": fact_id,
        "by": by,
        "at": at,
    }
    if body["kind"] == "treatment":
        return _TREATMENT.validate_python(facts)
    return _LACEY.validate_python(facts)


_CHECK: TypeAdapter[CheckReading] = TypeAdapter(CheckReading)
_LACEY: TypeAdapter[LaceyDeclaration] = TypeAdapter(LaceyDeclaration)
_TREATMENT: TypeAdapter[TreatmentCertificate] = TypeAdapter(TreatmentCertificate)
