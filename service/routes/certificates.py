"""`/v1/certificates`: a lot's certificate, issued once its verdict is on record; read by anybody who has its number."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import ConfigDict, StringConstraints
from pydantic.dataclasses import dataclass as checked
from sqlalchemy import Connection, select

from qc_vision.identifier import new_id
from qc_vision.message import Message
from service.certificate import THUMBNAILS, Certificate, read_certificate, sign_certificate, state_certificate
from service.dependencies import AtDesk, Desk
from service.dossier import LotFile, read_lot_file
from service.entries import Person
from service.facts import Draft, Fact, Kind, WantedFacts, append_fact, find_fact, list_facts
from service.ledger import read_head
from service.permission import PUBLIC, AsExporter, AskedFirst
from service.problems import CONFLICT, RequestRefused, not_found
from service.signing import check_signature
from service.standing import Since
from service.store import now
from service.tables import FACTS

router = APIRouter(prefix="/v1", tags=["certificates"], route_class=AskedFirst)

Number = Annotated[str, StringConstraints(pattern="^[0-9a-f]{32}$")]
NO_CERTIFICATE = Message(id="Sertifikat itu", en="such certificate")


@checked(frozen=True, slots=True, kw_only=True, config=ConfigDict(extra="forbid"))
class CertificateEntry:
    by: Person | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateAnswer:
    """A certificate whose signature was checked just now. `latest`: none was issued for the lot after it.

    `since`: whether what is on record of the lot now would still state the same; `unknown` where that was purged.
    `jws` is what to keep: `qc-service record check` verifies it anywhere, without this service. `photos`: the places at
    which `/photos/{place}` still shows one; those that were kept long enough are gone.
    """

    certificate: Certificate
    kid: str
    latest: bool
    since: Since
    jws: str
    photos: tuple[int, ...]


@router.post("/lots/{lot_id}/certificates", status_code=201)
def issue(desk: AtDesk, caller: AsExporter, lot_id: str, entry: CertificateEntry) -> CertificateAnswer:
    """Issues a certificate of the lot as it stands. Refused before the lot's verdict is on record."""
    with desk.store.writing() as (connection, tail):
        file = read_lot_file(connection, lot_id, now=now())
        if file is None:
            raise not_found(Message(id="Lot itu", en="such lot"))
        if file.decided is None:
            raise RequestRefused(CONFLICT, UNDECIDED)
        if file.changed_since_decided:
            raise RequestRefused(CONFLICT, CHANGED)
        number = new_id()
        certificate = state_certificate(
            file,
            file.decided,
            id=number,
            url=f"{desk.settings.public_url}/sertifikat/{number}",
            issued_at=now(),
            head=read_head(connection),
        )
        draft = Draft(
            kind=Kind.CERTIFICATE,
            subject=number,
            by=caller.signs(entry.by),
            body={"jws": sign_certificate(certificate, desk.keyring), "thumbnails": _thumbnails(file)},
            at=certificate.issued_at,
            lot=lot_id,
        )
        fact = append_fact(connection, tail, draft, after=0, id=number)
        return _answer(desk, connection, fact)


@router.get("/certificates/{number}", dependencies=[PUBLIC])
def read(desk: AtDesk, number: Number) -> CertificateAnswer:
    """The certificate, its signature checked."""
    with desk.store.reading() as connection:
        return _answer(desk, connection, _find(connection, number))


@router.get(
    "/certificates/{number}/jws",
    dependencies=[PUBLIC],
    response_class=Response,
    responses={200: {"content": {"application/jose": {}}}},
)
def read_jws(desk: AtDesk, number: Number) -> Response:
    """The signed certificate alone, as a compact JWS."""
    with desk.store.reading() as connection:
        fact = _find(connection, number)
    return Response(fact.body["jws"], media_type="application/jose", headers=_named(f"{number}.jws"))


@router.get(
    "/certificates/{number}/pdf",
    dependencies=[PUBLIC],
    response_class=Response,
    responses={200: {"content": {"application/pdf": {}}}},
)
def read_pdf(desk: AtDesk, number: Number) -> Response:
    """The certificate to print."""
    from service.certificate_pdf import draw_certificate  # reportlab: 0.2 s that no start should wait for

    with desk.store.reading() as connection:
        fact = _find(connection, number)
    jwks = desk.keyring.jwks()
    pdf = draw_certificate(
        read_certificate(fact.body["jws"], jwks),
        thumbnails=[jpeg for name in fact.body["thumbnails"] if (jpeg := desk.photos.read(name)) is not None],
        kid=check_signature(fact.body["jws"], jwks).kid,
        signature=fact.body["jws"].rpartition(".")[2],
    )
    return Response(pdf, media_type="application/pdf", headers=_named(f"{number}.pdf"))


@router.get(
    "/certificates/{number}/photos/{place}",
    dependencies=[PUBLIC],
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}},
)
def read_thumbnail(desk: AtDesk, number: Number, place: int) -> Response:
    """One of the few photos of the sample that the certificate shows, small. `place` counts from 1."""
    with desk.store.reading() as connection:
        names = _find(connection, number).body["thumbnails"]
    jpeg = desk.photos.read(names[place - 1]) if 1 <= place <= len(names) else None
    if jpeg is None:
        raise not_found(Message(id="Foto itu", en="such photo"))
    return Response(jpeg, media_type="image/jpeg")


def _thumbnails(file: LotFile) -> list[str]:
    shown = [unit.inspection.photos[0].thumbnail for unit in file.units if unit.in_sample and unit.inspection]
    return shown[:THUMBNAILS]


def _find(connection: Connection, number: str) -> Fact:
    fact = find_fact(connection, Kind.CERTIFICATE, number)
    if fact is None:
        raise not_found(NO_CERTIFICATE)
    return fact


def _answer(desk: Desk, connection: Connection, fact: Fact) -> CertificateAnswer:
    jws = fact.body["jws"]
    jwks = desk.keyring.jwks()
    of_lot = list_facts(connection, WantedFacts(kind=Kind.CERTIFICATE, lot=fact.lot), limit=1)
    certificate = read_certificate(jws, jwks)
    return CertificateAnswer(
        certificate=certificate,
        kid=check_signature(jws, jwks).kid,
        latest=of_lot[0].id == fact.id,
        since=desk.standing.compare(connection, fact, certificate),
        jws=jws,
        photos=_shown(connection, fact.body["thumbnails"]),
    )


def _shown(connection: Connection, thumbnails: Sequence[str]) -> tuple[int, ...]:
    """Places of the thumbnails that no purge has removed."""
    subjects = [f"photos/{name}" for name in thumbnails]
    purged = select(FACTS.c.subject).where(FACTS.c.kind == Kind.PURGE.value, FACTS.c.subject.in_(subjects))
    gone = set(connection.execute(purged).scalars())
    return tuple(place for place, subject in enumerate(subjects, start=1) if subject not in gone)


def _named(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'inline; filename="{name}"'}


UNDECIDED = Message(
    id="Keputusan lot ini belum dicatat, jadi belum ada sertifikat. Catat keputusannya di papan lot.",
    en="This lot's verdict is not on record yet, so there is no certificate. Put it on record on the lot's board.",
)
CHANGED = Message(
    id="Sesudah lot diputuskan ada catatan baru yang mengubah hasilnya. Putuskan lagi di papan lot.",
    en="Facts entered after the lot was decided change its verdict. Put it on record anew on the lot's board.",
)
