"""Papers that export needs, entered by a person: the plant declaration, and proof of treatment against pests."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Literal

from qc_vision.materials import load_catalogue
from qc_vision.message import Message
from qc_vision.rule import Rule
from qc_vision.spec import RequiredDocument

Treatment = Literal["heat", "kiln_drying", "methyl_bromide", "phosphine", "other"]
FRAME = "frame"
"""The `part` of a plant entry that speaks of the frame; all others speak of a material by its code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantEntry:
    """One plant in a declaration. `part` is a material's code, or `frame`; None: not known yet."""

    part: str
    genus: str | None = None
    species: str | None = None
    country_of_harvest: str | None = None
    weight_kg: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LaceyDeclaration:
    """What the importer declares of the plants (US Lacey Act): scientific name, country of harvest (two
    letters, ISO 3166-1), weight of the plant material, and the value of the goods in `currency` (ISO 4217)."""

    id: str
    at: datetime
    by: str
    plants: tuple[PlantEntry, ...]
    value: Decimal | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TreatmentCertificate:
    """Proof of treatment against pests. `valid_until`: the last day, where the certificate names one."""

    id: str
    at: datetime
    by: str
    treatment: Treatment
    certificate_number: str
    treated_on: date
    valid_until: date | None = None


Document = LaceyDeclaration | TreatmentCertificate


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantParts:
    """What of the goods is a plant: codes of materials; `frame` where the frame is one too. `known` is False
    where nobody has said what the goods are made of."""

    materials: tuple[str, ...]
    frame: bool
    known: bool


def judge_document(
    required: RequiredDocument, documents: Sequence[Document], parts: PlantParts, *, now: datetime
) -> Rule:
    """The rule of one paper, by the latest of its kind. Papers dated after `now` are not believed."""
    match required.code:
        case "lacey_declaration":
            lacey = [d for d in documents if isinstance(d, LaceyDeclaration) and d.at <= now]
            return _judge_lacey(required, max(lacey, key=lambda d: d.at, default=None), parts, now)
        case "treatment":
            today = now.date()
            treated = [d for d in documents if isinstance(d, TreatmentCertificate) and d.treated_on <= today]
            return _judge_treatment(required, max(treated, key=lambda d: d.treated_on, default=None), now)


def _judge_lacey(
    required: RequiredDocument, declaration: LaceyDeclaration | None, parts: PlantParts, now: datetime
) -> Rule:
    code = "document_lacey_declaration"
    if declaration is None:
        return Rule(code=code, status="missing", message=_NO_LACEY)
    evidence = (declaration.id,)
    if not parts.known:
        return Rule(code=code, status="missing", message=_MATERIALS_UNKNOWN, evidence=evidence)
    wrong, lacking = list(_wrong(declaration)), list(_lacking(declaration, parts))
    if wrong or lacking:
        message = _join(_LACEY_WRONG if wrong else _LACEY_LACKING, wrong or lacking)
        return Rule(code=code, status="fails" if wrong else "missing", message=message, evidence=evidence)
    until = _ages(declaration.at, required.valid_days)
    if until is not None and now > until:
        return Rule(code=code, status="missing", message=_LACEY_EXPIRED, evidence=evidence)
    return Rule(code=code, status="holds", message=_LACEY_COMPLETE, evidence=evidence, valid_until=until)


def _wrong(declaration: LaceyDeclaration) -> Iterator[Message]:
    """What is entered and cannot be true."""
    materials = load_catalogue().materials
    for plant in declaration.plants:
        name = f"{plant.genus} {plant.species}"
        if _complete(plant) and plant.part in materials and name not in materials[plant.part].species:
            known = ", ".join(materials[plant.part].species)
            yield Message(
                id=f"{plant.part}: {name} bukan nama bahan itu (yang dikenal: {known})",
                en=f"{plant.part}: {name} is not a name of it (known: {known})",
            )
        if plant.country_of_harvest is not None and not re.fullmatch("[A-Z]{2}", plant.country_of_harvest):
            yield Message(
                id=f"{plant.part}: negara panen harus dua huruf, misalnya ID",
                en=f"{plant.part}: country of harvest is two letters, for instance ID",
            )
        if plant.weight_kg is not None and not plant.weight_kg > 0:
            yield Message(
                id=f"{plant.part}: berat harus di atas 0 kg", en=f"{plant.part}: weight is above 0 kg"
            )
    if declaration.value is not None and not declaration.value > 0:
        yield Message(id="nilai barang harus di atas 0", en="the value of the goods is above 0")


def _lacking(declaration: LaceyDeclaration, parts: PlantParts) -> Iterator[Message]:
    """What must be entered still."""
    for part in (*parts.materials, *([FRAME] if parts.frame else [])):
        # of several species of one part each is declared in full
        plants = [plant for plant in declaration.plants if plant.part == part] or [PlantEntry(part=part)]
        if not all(map(_complete, plants)):
            yield Message(id=f"{part}: nama ilmiah (genus dan spesies)", en=f"{part}: genus and species")
        if any(plant.country_of_harvest is None for plant in plants):
            yield Message(id=f"{part}: negara panen", en=f"{part}: country of harvest")
        if any(plant.weight_kg is None for plant in plants):
            yield Message(id=f"{part}: berat dalam kg", en=f"{part}: weight in kg")
    if declaration.value is None or not declaration.currency:
        yield Message(id="nilai barang dan mata uangnya", en="value of the goods and its currency")


def _complete(plant: PlantEntry) -> bool:
    """Genus and species are there; `spp.` names no species."""
    return bool(plant.genus) and bool(plant.species) and plant.species not in ("sp.", "spp.", "sp", "spp")


def _judge_treatment(
    required: RequiredDocument, certificate: TreatmentCertificate | None, now: datetime
) -> Rule:
    code = "document_treatment"
    if certificate is None or not certificate.certificate_number.strip():
        evidence = () if certificate is None else (certificate.id,)
        return Rule(code=code, status="missing", message=_NO_TREATMENT, evidence=evidence)
    evidence = (certificate.id,)
    ends = [_ages(_midnight(certificate.treated_on, now), required.valid_days)]
    if certificate.valid_until is not None:
        ends.append(_midnight(certificate.valid_until + timedelta(days=1), now))
    until = min((end for end in ends if end is not None), default=None)
    if until is not None and now >= until:
        return Rule(code=code, status="missing", message=_TREATMENT_EXPIRED, evidence=evidence)
    return Rule(code=code, status="holds", message=_TREATED, evidence=evidence, valid_until=until)


def _ages(start: datetime, valid_days: float | None) -> datetime | None:
    return None if valid_days is None else start + timedelta(days=valid_days)


def _midnight(day: date, now: datetime) -> datetime:
    """The start of a day where `now` is."""
    return datetime.combine(day, time(), tzinfo=now.tzinfo)


def _join(start: Message, parts: Sequence[Message]) -> Message:
    return Message(
        id=f"{start.id} {'; '.join(part.id for part in parts)}.",
        en=f"{start.en} {'; '.join(part.en for part in parts)}.",
    )


_NO_LACEY = Message(
    id="Deklarasi Lacey (nama ilmiah bahan, negara panen) belum ada.",
    en="The Lacey declaration (scientific names, country of harvest) has not been entered.",
)
_MATERIALS_UNKNOWN = Message(
    id="Bahan keranjang ini belum dicatat, jadi deklarasi Lacey tidak bisa diperiksa. Catat bahannya.",
    en="What this item is made of is not recorded, so the Lacey declaration cannot be checked. Record it.",
)
_LACEY_WRONG = Message(id="Deklarasi Lacey salah:", en="The Lacey declaration is wrong:")
_LACEY_LACKING = Message(id="Deklarasi Lacey belum lengkap:", en="The Lacey declaration still lacks:")
_LACEY_EXPIRED = Message(
    id="Deklarasi Lacey sudah terlalu lama; buat yang baru.",
    en="The Lacey declaration is too old; make a new one.",
)
_LACEY_COMPLETE = Message(id="Deklarasi Lacey lengkap.", en="The Lacey declaration is complete.")
_NO_TREATMENT = Message(
    id="Bukti perlakuan terhadap hama belum ada, atau tanpa nomor sertifikat.",
    en="Proof of treatment against pests has not been entered, or lacks its certificate's number.",
)
_TREATMENT_EXPIRED = Message(
    id="Bukti perlakuan terhadap hama tidak berlaku lagi; ulangi perlakuannya.",
    en="Proof of treatment against pests is no longer valid; treat again.",
)
_TREATED = Message(id="Bukti perlakuan terhadap hama ada.", en="Proof of treatment against pests is there.")
