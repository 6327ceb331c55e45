"""`/v1/inspections`: send photos of an item, read an inspection back, list inspections."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, File, Form, Query, UploadFile
from fastapi.responses import FileResponse
from sqlalchemy import Connection

from qc_vision.card_register import CardDemand
from qc_vision.decision import Verdict
from qc_vision.epcis import inspection_event
from qc_vision.message import Message
from service.answers import InspectionAnswer, PageAnswer, answer_inspection, answer_summary
from service.dependencies import AtDesk, Desk
from service.dossier import find_lot_of, verdict_of
from service.entries import PERSON
from service.examples import INSPECTION_EXAMPLE, ITEM_EXAMPLE, PROBLEM_EXAMPLE
from service.facts import Draft, Kind, append_fact
from service.grading import SentPhoto, grade_item
from service.item import GradedPhoto, ItemInspection, parse_item
from service.ledger import Tail
from service.outbox import surroundings_of, tell
from service.permission import AsAnyone, AsInspector
from service.problems import GONE, MEDIA_TYPE, NOT_FOUND, TOO_MANY_PHOTOS, RequestRefused
from service.routes.paging import make_cursor, read_cursor
from service.scope import inspections_within, refuse_foreign
from service.store import Wanted, append_inspection

router = APIRouter(prefix="/v1/inspections", tags=["inspections"])

REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"description": words, "content": {MEDIA_TYPE: {"example": PROBLEM_EXAMPLE}}}
    for status, words in {
        413: "Too large",
        415: "Not a photo",
        422: "Refused",
        503: "Busy",
        507: "Disk full",
    }.items()
}
ANSWER = {"content": {"application/json": {"example": INSPECTION_EXAMPLE}}}
JPEG: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/jpeg": {}}, "description": "JPEG without metadata"}
}


@router.post("", status_code=201, responses={201: ANSWER, **REFUSALS})
def inspect_item(
    desk: AtDesk,
    caller: AsInspector,
    photos: Annotated[list[UploadFile], File(description="1 to 8 photos of one item: JPEG, PNG or WebP")],
    item: Annotated[
        str | None,
        Form(description="JSON about the item; every key may be left out", examples=[ITEM_EXAMPLE]),
    ] = None,
    by: Annotated[
        str | None,
        Form(pattern=PERSON, description="Whoever took the photos: the account signed in, nobody else"),
    ] = None,
    card: Annotated[
        CardDemand, Form(description="ask for another photo without a whole, flat card, or a registered one")
    ] = "optional",
) -> InspectionAnswer:
    """Grades the photos and keeps the records; where one file is no photo, nothing is kept."""
    photographer = caller.signs(by)
    if len(photos) > desk.settings.max_photos:
        raise RequestRefused(TOO_MANY_PHOTOS, _too_many(len(photos), desk.settings.max_photos))
    said = parse_item(item)
    with desk.store.reading() as connection:
        refuse_foreign(connection, caller, items=(said.ref,), maker=said.maker)
    inspection = grade_item(
        [SentPhoto(filename=photo.filename, read=_reader(photo)) for photo in photos],
        said,
        inspectors=desk.inspectors,
        photos=desk.photos,
        card=card,
        new_id=lambda: uuid4().hex,
        clock=lambda: datetime.now(UTC),
    )
    with desk.store.writing() as (connection, tail):
        append_inspection(tail, inspection)
        append_fact(connection, tail, _photographed(connection, inspection, photographer), after=0)
        _tell(connection, tail, desk, inspection, photographer)
    return answer_inspection(inspection)


@router.get("")
def list_inspections(
    desk: AtDesk,
    caller: AsAnyone,
    verdict: Verdict | None = None,
    ref: str | None = None,
    village: str | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: str | None = None,
) -> PageAnswer:
    """Inspections, newest first; `cursor` is the `next_cursor` of the page before."""
    before = read_cursor(cursor)
    wanted = Wanted(verdict=verdict, ref=ref, village=village, within=inspections_within(caller))
    # one more than asked tells whether there is a next page
    found = desk.store.list(wanted, limit=limit + 1, before=before)
    page = found[:limit]
    return PageAnswer(
        inspections=tuple(answer_summary(summary) for summary in page),
        next_cursor=make_cursor(page[-1].seq) if len(found) > limit else None,
    )


@router.get("/{inspection_id}", responses={200: ANSWER})
def read_inspection(desk: AtDesk, caller: AsAnyone, inspection_id: str) -> InspectionAnswer:
    """An inspection as it was answered when it was made."""
    return answer_inspection(_find(desk, inspection_id))


@router.get("/{inspection_id}/photos/{number}", response_class=FileResponse, responses=JPEG)
def read_photo(desk: AtDesk, caller: AsAnyone, inspection_id: str, number: int) -> FileResponse:
    """The photo, upright, without metadata. `number` counts from 1."""
    return _jpeg(desk, _photo(desk, inspection_id, number).photo)


@router.get("/{inspection_id}/photos/{number}/overlay", response_class=FileResponse, responses=JPEG)
def read_overlay(desk: AtDesk, caller: AsAnyone, inspection_id: str, number: int) -> FileResponse:
    """The photo with what was found drawn on it."""
    return _jpeg(desk, _photo(desk, inspection_id, number).overlay)


@router.get("/{inspection_id}/photos/{number}/thumbnail", response_class=FileResponse, responses=JPEG)
def read_thumbnail(desk: AtDesk, caller: AsAnyone, inspection_id: str, number: int) -> FileResponse:
    """The photo, small enough for a list."""
    return _jpeg(desk, _photo(desk, inspection_id, number).thumbnail)


def _photographed(connection: Connection, inspection: ItemInspection, by: str) -> Draft:
    ref = inspection.item.ref
    return Draft(
        kind=Kind.PHOTOGRAPHED,
        subject=inspection.id,
        by=by,
        body={},
        at=inspection.created_at,
        lot=None if ref is None else find_lot_of(connection, ref),
        item=ref,
    )


def _tell(connection: Connection, tail: Tail, desk: Desk, inspection: ItemInspection, by: str | None) -> None:
    seen = verdict_of(inspection, by)
    around = replace(surroundings_of(connection, seen.item_ref), location=inspection.item.village)
    event = inspection_event(seen, [photo.record for photo in inspection.photos], desk.naming, around)
    tell(
        tail,
        event,
        type="inspection.recorded",
        at=inspection.created_at,
        lot=around.lot_id,
        item=seen.item_ref,
    )


def _reader(photo: UploadFile) -> Callable[[], bytes]:
    return photo.file.read


def _find(desk: Desk, inspection_id: str) -> ItemInspection:
    inspection = desk.store.find(inspection_id)
    if inspection is None:
        raise RequestRefused(
            NOT_FOUND,
            Message(
                id="Tidak ada pemeriksaan dengan nomor itu. Lihat daftarnya di /riwayat.",
                en="There is no inspection of that id. See the list at /riwayat.",
            ),
        )
    return inspection


def _photo(desk: Desk, inspection_id: str, number: int) -> GradedPhoto:
    photos = _find(desk, inspection_id).photos
    if not 1 <= number <= len(photos):
        raise RequestRefused(
            NOT_FOUND,
            Message(
                id=f"Pemeriksaan ini punya foto 1 sampai {len(photos)}; foto {number} tidak ada.",
                en=f"This inspection has photos 1 to {len(photos)}; there is no photo {number}.",
            ),
        )
    return photos[number - 1]


def _jpeg(desk: Desk, name: str) -> FileResponse:
    path = desk.photos.path(name)
    if not path.is_file():
        raise RequestRefused(GONE, PURGED)
    # a name is the hash of its bytes: what was read once never changes
    headers = {"Cache-Control": "private, max-age=31536000, immutable"}
    return FileResponse(path, media_type="image/jpeg", headers=headers)


PURGED = Message(
    id="Foto ini sudah dihapus karena masa simpannya lewat. Catatannya masih ada.",
    en="This photo was removed when its time of keeping had passed. Its record is still there.",
)


def _too_many(sent: int, allowed: int) -> Message:
    return Message(
        id=f"Ada {sent} foto; paling banyak {allowed} foto untuk satu keranjang. Kurangi lalu kirim ulang.",
        en=f"There are {sent} photos; at most {allowed} for one item. Send fewer.",
    )
