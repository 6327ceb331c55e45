"""An item, and one inspection of it: the verdict over all its photos. Data and its rules; no HTTP, no disk."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, StringConstraints, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from qc_vision.decision import Verdict
from qc_vision.errors import QcVisionError
from qc_vision.message import Message
from qc_vision.record import InspectionRecord
from qc_vision.spec import shipped_specs

DEFAULT_SPEC = "default"
HEAVIEST_FIRST = (Verdict.FAIL, Verdict.REVIEW, Verdict.RETAKE, Verdict.PASS)

Ref = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Village = Annotated[str, StringConstraints(pattern=r"^[^\W\d_][\w .'()-]{0,79}$")]
MakerCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,32}$")]


@checked(frozen=True, slots=True, kw_only=True, config=ConfigDict(extra="forbid", strict=True))
class Item:
    """What the sender says of the basket. `maker` is a pseudonymous code, never a person's name."""

    ref: Ref | None = None
    village: Village | None = None
    maker: MakerCode | None = None
    spec: str = DEFAULT_SPEC


@dataclass(frozen=True, slots=True, kw_only=True)
class GradedPhoto:
    """One photo's record, with the names (sha256) under which its JPEGs lie in the photo store."""

    record: InspectionRecord
    timing_ms: dict[str, float]
    photo: str
    overlay: str
    thumbnail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemInspection:
    id: str
    created_at: datetime
    item: Item
    verdict: Verdict
    photos: tuple[GradedPhoto, ...]


FieldName = Literal["ref", "village", "maker", "spec"]

FIELD_RULES: dict[FieldName, Message] = {
    "ref": Message(
        id="'ref' (kode keranjang): 1-64 huruf, angka, titik, - atau _, tanpa spasi.",
        en="'ref' (item code): 1-64 letters, digits, dots, - or _, no spaces.",
    ),
    "village": Message(
        id="'village' (desa): nama tempat, paling banyak 80 huruf.",
        en="'village': the name of a place, at most 80 characters.",
    ),
    "maker": Message(
        id="'maker' (kode perajin): 1-32 huruf, angka, - atau _. Pakai kode, jangan nama orang.",
        en="'maker' (maker's code): 1-32 letters, digits, - or _. Use a code, never a person's name.",
    ),
    "spec": Message(
        id=f"'spec' (spesifikasi): salah satu dari {', '.join(shipped_specs())}.",
        en=f"'spec': one of {', '.join(shipped_specs())}.",
    ),
}
NO_OBJECT = Message(
    id='\'item\' bukan objek JSON. Kirim misalnya {"ref": "KLS-0412"}.',
    en='\'item\' is not a JSON object. Send for instance {"ref": "KLS-0412"}.',
)


class ItemRefused(QcVisionError):
    """What was said of the item breaks a rule; `faults` holds one message per field."""

    def __init__(self, faults: dict[str, Message]) -> None:
        together = Message(
            id=" ".join(fault.id for fault in faults.values()),
            en=" ".join(fault.en for fault in faults.values()),
        )
        super().__init__(together)
        self.faults = faults


_ITEM: TypeAdapter[Item] = TypeAdapter(Item)


def parse_item(text: str | None) -> Item:
    """The item from its JSON; an item of which nothing is known where there is none. Raises ItemRefused."""
    if text is None or not text.strip():
        return Item()
    try:
        item = _ITEM.validate_json(text)
    except ValidationError as wrong:
        # what was sent is not repeated: it may be the very name that must not be kept
        paths = [error["loc"] for error in wrong.errors(include_input=False, include_url=False)]
        raise ItemRefused(dict(_fault(path) for path in paths)) from None
    # only shipped names: load_spec would also open a path
    if item.spec not in shipped_specs():
        raise ItemRefused({"spec": FIELD_RULES["spec"]})
    return item


def judge_item(verdicts: Sequence[Verdict]) -> Verdict:
    """The item's verdict: the heaviest of its photos', in the order fail, review, retake, pass."""
    return min(verdicts, key=HEAVIEST_FIRST.index)


def _fault(path: tuple[int | str, ...]) -> tuple[str, Message]:
    if not path:
        return "item", NO_OBJECT
    name = str(path[0])
    for field, rule in FIELD_RULES.items():
        if field == name:
            return field, rule
    return name[:32], Message(
        id=f"Kunci '{name[:32]}' tidak dikenal; yang ada: {', '.join(FIELD_RULES)}.",
        en=f"The key '{name[:32]}' is not known; there are: {', '.join(FIELD_RULES)}.",
    )
