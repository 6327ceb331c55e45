"""Product specs: versioned files that say what is a nonconformity, and what only a person can check."""

import json
import tomllib
from dataclasses import asdict, fields, replace
from importlib import resources
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked
from pydantic_core import ErrorDetails

from qc_vision.demands import CardDemand, Demands, ViewDemand, stricter
from qc_vision.errors import SpecError
from qc_vision.materials import load_catalogue
from qc_vision.measurement import UNITS_OF, Characteristic
from qc_vision.message import Message
from qc_vision.sampling import Aql, Level
from qc_vision.severity import Severity

_CLOSED = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


@checked(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class Sentence:
    """A `Message` as a spec file writes it."""

    id: str
    en: str

    def message(self) -> Message:
        return Message(id=self.id, en=self.en)


@checked(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class Limit:
    """A specification limit: beyond it lies a nonconformity of `severity`.

    `above`: values greater than it do not conform; `below`: values smaller than it. Exactly one is
    given, in `unit`. `code` names the defect in records. `source` says who set the number.
    """

    code: str
    characteristic: Characteristic
    unit: Literal["pitch", "pitch2", "mm", "mm2", "count", "1", "per_10cm", "deg", "dE00"]
    severity: Severity
    source: Literal["proposal", "buyer"]
    above: float | None = None
    below: float | None = None

    def __post_init__(self) -> None:
        if (self.above is None) == (self.below is None):
            raise ValueError(f"limit on {self.characteristic}: give either 'above' or 'below'")
        if self.unit not in UNITS_OF[self.characteristic]:
            allowed = " or ".join(f"'{unit}'" for unit in UNITS_OF[self.characteristic])
            raise ValueError(f"{self.characteristic} is measured in {allowed}, not in '{self.unit}'")

    @property
    def bound(self) -> float:
        """The number, whichever side it is on."""
        bound = self.above if self.above is not None else self.below
        assert bound is not None
        return bound


@checked(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class HumanCheck:
    """What a camera cannot judge and a person must: it stays open until somebody has done it.

    Without limits the person says whether it holds. With limits the person enters a value in `unit`: it
    holds up to `hold_above`, beyond that the item waits, and beyond `fail_above` the check fails. A check
    done longer than `valid_days` ago must be done again; None: it does not age.
    """

    code: str
    message: Sentence
    unit: Literal["percent", "kg"] | None = None
    hold_above: float | None = None
    fail_above: float | None = None
    valid_days: float | None = None
    source: Literal["proposal", "buyer"] | None = None

    def __post_init__(self) -> None:
        numbers = (self.hold_above, self.fail_above, self.valid_days)
        if self.source is None and any(number is not None for number in numbers):
            raise ValueError(f"check {self.code}: say in 'source' who set its numbers")
        if self.unit is None and (self.hold_above, self.fail_above) != (None, None):
            raise ValueError(f"check {self.code}: give the 'unit' of its limits")
        if self.unit is not None and (self.hold_above is None or self.fail_above is None):
            raise ValueError(f"check {self.code}: give both 'hold_above' and 'fail_above'")
        if self.hold_above is not None and self.fail_above is not None and self.fail_above < self.hold_above:
            raise ValueError(f"check {self.code}: 'fail_above' lies below 'hold_above'")


@checked(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class SamplingScheme:
    """How lots of this product are sampled: inspection level, and acceptance quality limit (percent
    nonconforming) of the two classes that have one. Critical is always every unit with none allowed."""

    level: Level
    major: Aql
    minor: Aql
    source: Literal["proposal", "buyer"]

    @property
    def aqls(self) -> dict[Severity, Aql]:
        return {Severity.MAJOR: self.major, Severity.MINOR: self.minor}


DocumentCode = Literal["lacey_declaration", "treatment"]


@checked(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class RequiredDocument:
    """A paper that export needs. `valid_days` counts from its date; None: it does not age."""

    code: DocumentCode
    valid_days: float | None = None


ALL_DOCUMENTS = (RequiredDocument(code="lacey_declaration"), RequiredDocument(code="treatment"))


@checked(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class ProductSpec:
    """`minor_allowed`: more minor nonconformities than this on one photo fail it.

    `two_persons`: whoever took the photos may not decide on the item. `sampling` None: nobody has agreed a
    plan, and no lot can be judged. `documents`: a spec that names none asks for all. `frame`,
    `construction` and `hs_code` (digits, without dots) as in `materials`; None: not known.
    `card`: whether a photo needs an inspection card; where one is needed and not seen whole and flat on the
    basket, the photo is to be taken again. `original` and `view`: likewise, whether it must be the camera's own file, and
    whether it must show one basket, whole.
    """

    id: str
    revision: int
    title: Sentence
    material: Literal["any", "eceng_gondok", "mendong", "pelepah_pisang", "campuran"]
    minor_allowed: int
    limits: tuple[Limit, ...]
    human_checks: tuple[HumanCheck, ...]
    two_persons: bool = False
    sampling: SamplingScheme | None = None
    documents: tuple[RequiredDocument, ...] = ALL_DOCUMENTS
    frame: str | None = None
    construction: str | None = None
    hs_code: str | None = None
    card: CardDemand = "optional"
    original: bool = False
    view: ViewDemand = "any"

    def __post_init__(self) -> None:
        if not self.limits:
            raise ValueError("give at least one limit, or everything passes")
        catalogue = load_catalogue()
        if self.frame is not None and self.frame not in catalogue.frames:
            raise ValueError(f"frame '{self.frame}' is not known; known: {', '.join(catalogue.frames)}")
        if self.construction is not None and self.construction not in catalogue.constructions:
            known = ", ".join(catalogue.constructions)
            raise ValueError(f"construction '{self.construction}' is not known; known: {known}")
        if self.minor_allowed < 0:
            raise ValueError(f"minor_allowed is {self.minor_allowed}; give 0 or more")

    @property
    def demands(self) -> Demands:
        return Demands(card=self.card, original=self.original, view=self.view)

    def demanding(self, more: Demands) -> "ProductSpec":
        """The same product, for photos of which somebody else insists on `more`."""
        return replace(self, **asdict(stricter(self.demands, more)))

    @property
    def rim_width_mm(self) -> tuple[float, float] | None:
        """Between which widths at the rim the product lies, by its limits; None where they do not say."""
        widths = [limit for limit in self.limits if limit.characteristic == "rim_width"]
        low = max((limit.below for limit in widths if limit.below is not None), default=None)
        high = min((limit.above for limit in widths if limit.above is not None), default=None)
        return (low, high) if low is not None and high is not None and 0 < low < high else None


def shipped_specs() -> tuple[str, ...]:
    """Names of the specs that come with the package."""
    files = resources.files("qc_vision").joinpath("specs").iterdir()
    return tuple(sorted(f.name.removesuffix(".toml") for f in files if f.name.endswith(".toml")))


def load_spec(name: str) -> ProductSpec:
    """A shipped spec by name, or any spec by the path of its `.toml` file.

    Raises SpecError that names the key at fault, or lists the shipped specs where the name is unknown.
    """
    if name in shipped_specs():
        text = resources.files("qc_vision").joinpath("specs").joinpath(f"{name}.toml").read_text("utf-8")
    elif name.endswith(".toml"):
        try:
            text = Path(name).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as wrong:
            raise _refused(name, str(wrong)) from wrong
    else:
        known = ", ".join(shipped_specs())
        raise SpecError(
            Message(
                id=f"Spesifikasi '{name}' tidak dikenal. Yang ada: {known}; atau beri jalur berkas .toml.",
                en=f"Spec '{name}' is not known. There are: {known}; or give the path of a .toml file.",
            )
        )
    return _parse(text, name)


def _parse(text: str, name: str) -> ProductSpec:
    try:
        # through JSON: there a strict check still takes a list for a tuple and a word for a Severity
        return TypeAdapter(ProductSpec).validate_json(json.dumps(tomllib.loads(text), default=str))
    except tomllib.TOMLDecodeError as wrong:
        raise _refused(name, str(wrong)) from wrong
    except ValidationError as wrong:
        raise _refused(name, "; ".join(_fault(error) for error in wrong.errors())) from wrong


def _fault(error: ErrorDetails) -> str:
    """`limits.3.abov: not known here; known: code, characteristic, ...`"""
    where = ".".join(map(str, error["loc"])) or "spec"
    if error["type"] != "unexpected_keyword_argument":
        return f"{where}: {error['msg'].removeprefix('Value error, ')}"
    kinds = {
        "limits": Limit,
        "title": Sentence,
        "human_checks": HumanCheck,
        "sampling": SamplingScheme,
        "documents": RequiredDocument,
    }
    owner = ProductSpec if len(error["loc"]) == 1 else kinds[str(error["loc"][0])]
    if "message" in error["loc"][:-1]:
        owner = Sentence
    return f"{where}: not known here; known: {', '.join(field.name for field in fields(owner))}"


def _refused(name: str, why: str) -> SpecError:
    return SpecError(
        Message(
            id=f"Spesifikasi {name} tidak dapat dipakai: {why}. Perbaiki berkas itu lalu ulangi.",
            en=f"The spec {name} cannot be used: {why}. Mend that file and try again.",
        )
    )
