"""What a lot's certificate states: facts of the lot, signed. Never who wove, photographed or looked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean
from typing import Any

from pydantic import TypeAdapter

from qc_vision.density import Direction
from qc_vision.message import Message
from qc_vision.record import SpecRef
from qc_vision.sampling import ClassPlan
from qc_vision.spec import load_spec
from service.dossier import LotFile, read_decision
from service.facts import Fact
from service.ledger import Head
from service.signing import Keyring, check_signature

TYPE = "qc-vision/lot-certificate/1"
THUMBNAILS = 8
"""So many photos of the sample it shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassFound:
    plan: ClassPlan
    nonconforming: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DensityFound:
    """Strands per 10 cm over all photos that could be measured in centimetres."""

    direction: Direction
    photos: int
    mean_per_10cm: float
    min_per_10cm: float
    max_per_10cm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleCount:
    """One condition of export, and for how many units of the lot it holds."""

    code: str
    message: Message
    holds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """`head`: the end of the ledger when it was issued; it binds every record before it. `photos`: sha256 of
    the sample's photos as they are kept."""

    id: str
    issued_at: datetime
    url: str
    lot: str
    group: str
    spec: SpecRef
    product: Message
    size: int
    formed_at: datetime
    verdict: str
    decided_at: datetime
    standard: str
    level: str
    seed: str
    sample: tuple[str, ...]
    classes: tuple[ClassFound, ...]
    eligible: int
    rules: tuple[RuleCount, ...]
    density: tuple[DensityFound, ...]
    models: tuple[str, ...]
    photos: tuple[str, ...]
    head: Head
    type: str = TYPE


_CERTIFICATE: TypeAdapter[Certificate] = TypeAdapter(Certificate)


def state_certificate(
    file: LotFile, decided: Fact, *, id: str, url: str, issued_at: datetime, head: Head
) -> Certificate:
    """The certificate of a lot whose verdict `decided` is on record."""
    lot = file.lot
    photos = [
        photo
        for unit in file.units
        if unit.in_sample and unit.inspection is not None
        for photo in unit.inspection.photos
    ]
    every = [photo for unit in file.units if unit.inspection is not None for photo in unit.inspection.photos]
    return Certificate(
        id=id,
        issued_at=issued_at,
        url=url,
        lot=lot.id,
        group=lot.group,
        spec=lot.spec,
        product=load_spec(lot.spec.id).title.message(),
        size=len(lot.units),
        formed_at=lot.formed_at,
        verdict=str(decided.body["verdict"]),
        decided_at=decided.at,
        standard=lot.plan.standard,
        level=lot.plan.level,
        seed=lot.seed,
        sample=lot.sample,
        classes=tuple(
            ClassFound(plan=of.plan, nonconforming=len(of.nonconforming))
            for of in read_decision(decided).classes
        ),
        eligible=file.counts["eligible"],
        rules=_count_rules(file),
        # a coarse scale is good for a verdict far from the limit, not for a figure that a buyer reads
        density=_density([photo.record.density for photo in every if photo.record.scale.method != "product"]),
        models=tuple(sorted({photo.record.model.version for photo in every})),
        photos=tuple(photo.photo for photo in photos),
        head=head,
    )


def sign_certificate(certificate: Certificate, keyring: Keyring) -> str:
    """The certificate as a compact JWS over its canonical JSON."""
    return keyring.sign(_CERTIFICATE.dump_python(certificate, mode="json"))


def read_certificate(token: str, jwks: dict[str, Any]) -> Certificate:
    """The certificate in a JWS, once its signature holds. Raises SignatureRefused."""
    return _CERTIFICATE.validate_python(check_signature(token, jwks).payload)


def _count_rules(file: LotFile) -> tuple[RuleCount, ...]:
    holds: dict[str, int] = {}
    said: dict[str, Message] = {}
    for unit in file.units:
        for rule in unit.eligibility.rules:
            holds[rule.code] = holds.get(rule.code, 0) + (rule.status == "holds")
            # in the words of a unit for which it holds, where there is one
            if rule.code not in said or rule.status == "holds":
                said[rule.code] = rule.message
    return tuple(RuleCount(code=code, message=said[code], holds=count) for code, count in holds.items())


def _density(readings: Sequence[Sequence[Any]]) -> tuple[DensityFound, ...]:
    found = []
    directions: tuple[Direction, ...] = ("weft", "warp")
    for direction in directions:
        values = [
            reading.per_10cm
            for of_photo in readings
            for reading in of_photo
            if reading.direction == direction and reading.per_10cm is not None and reading.confident
        ]
        if values:
            found.append(
                DensityFound(
                    direction=direction,
                    photos=len(values),
                    mean_per_10cm=round(fmean(values), 2),
                    min_per_10cm=round(min(values), 2),
                    max_per_10cm=round(max(values), 2),
                )
            )
    return tuple(found)
