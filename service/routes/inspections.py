"""`/v1/inspections`: send photos of an item, read an inspection back, list inspections."""

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Header, Query, UploadFile
from fastapi.responses import Response
from pydantic import ConfigDict, StringConstraints
from pydantic.dataclasses import dataclass as checked

from qc_vision.decision import Verdict
from qc_vision.demands import CardDemand, Demands, ViewDemand
from qc_vision.message import Message
from service.answers import InspectionAnswer, PageAnswer, answer_inspection, answer_summary
from service.caller import WRONG_ROLE, NotAllowed
from service.dependencies import AtDesk, Desk
from service.entries import PERSON, FilingEntry
from service.examples import INSPECTION_EXAMPLE, ITEM_EXAMPLE, PROBLEM_EXAMPLE
from service.export import TABLES, ListFormat, answer_table
from service.facts import Fact, Kind, find_fact
from service.item import GradedPhoto, ItemInspection, parse_item
from service.permission import (
    ORIGINALS,
    AsAnyone,
    AsInspector,
    AskedFirst,
    AsReviewer,
    AsViewerOfOverlay,
    AsViewerOfPhoto,
    AsViewerOfThumbnail,
)
from service.photo_links import LASTS, PURPOSE, PhotoPlace, Variant, sign_link
from service.problems import (
    GONE,
    INVALID,
    MEDIA_TYPE,
    NOT_FOUND,
    TOO_MANY_PHOTOS,
    RequestRefused,
    not_found,
)
from service.reception import Sent, SentFile
from service.refiling import refile
from service.routes.paging import FIRST_VERSION, IfMatch, make_cursor, read_cursor, read_version, tag
from service.routes.parts import take_parts
from service.routes.uploads import UploadAnswer, WhileRoom, answer_upload, receive
from service.scope import inspections_within, refuse_foreign
from service.store import Wanted, find_inspection, now
from service.tabulate import PHOTO_COLUMNS, photo_rows
from service.traces import span_under_way

router = APIRouter(prefix="/v1/inspections", tags=["inspections"], route_class=AskedFirst)

ID = r"^[0-9a-f]{32}$"
IdText = Annotated[str, StringConstraints(pattern=ID)]
"""A UUID without its dashes."""

REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"description": words, "content": {MEDIA_TYPE: {"example": PROBLEM_EXAMPLE}}}
    for status, words in {
        409: "Still in progress under this key",
        413: "Too large",
        415: "Not a photo",
        422: "Refused",
        503: "Busy",
        507: "Disk full",
    }.items()
}
ANSWER = {"content": {"application/json": {"example": INSPECTION_EXAMPLE}}}
Link = Annotated[str | None, Query(description="a signed link's, instead of a sign-in")]
Held = Annotated[str | None, Header(alias="If-None-Match", description="the ETag of what is there already")]


@checked(frozen=True, slots=True, kw_only=True, config=ConfigDict(extra="forbid"))
class LinkEntry:
    variant: Variant


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkAnswer:
    link: str
    expires_at: datetime


JPEG: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/jpeg": {}}, "description": "JPEG without metadata"},
    304: {"description": "What is there already is the photo"},
}


@router.post(
    "",
    status_code=201,
    response_model=InspectionAnswer,
    responses={
        201: ANSWER,
        202: {"model": UploadAnswer, "description": "Accepted, to be graded"},
        **REFUSALS,
    },
)
def inspect_item(
    desk: AtDesk,
    caller: AsInspector,
    place: WhileRoom,
    photos: Annotated[
        list[UploadFile] | None, File(description="1 to 8 photos of one item: JPEG, PNG or WebP")
    ] = None,
    parts: Annotated[
        list[IdText] | None,
        Form(description="or the ids of photos that came whole to `/v1/parts`; they become the photos' ids"),
    ] = None,
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
    original: Annotated[
        bool, Form(description="ask for another photo where a messenger has shrunk this one")
    ] = False,
    view: Annotated[
        ViewDemand, Form(description="`whole`: ask for another photo where not one basket is seen, whole")
    ] = "any",
    id: Annotated[
        str | None, Form(pattern=ID, description="The inspection's id, drawn by the sender")
    ] = None,
    photo_ids: Annotated[
        list[IdText] | None, Form(description="The photos' ids, in their order, drawn by the sender")
    ] = None,
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=255,
            description="The same key with the same content gets the same answer and makes one record",
        ),
    ] = None,
    prefer: Annotated[str, Header(description="`respond-async`: answer 202 at once")] = "",
) -> Response | InspectionAnswer:
    """Accepts the photos, grades them and keeps the records; where one file is no photo, nothing is kept.

    201 with the verdict where somebody is free to grade; else 202 with a link to where it will be told.
    """
    photographer = caller.signs(by)
    if bool(photos) == bool(parts) or (parts and photo_ids):
        raise RequestRefused(INVALID, PHOTOS_OR_PARTS)
    count = len(photos or parts or ())
    if count > desk.settings.max_photos:
        raise RequestRefused(TOO_MANY_PHOTOS, _too_many(count, desk.settings.max_photos))
    said = parse_item(item)
    with desk.store.reading() as connection:
        refuse_foreign(connection, caller, items=(said.ref,), maker=said.maker)
    at_once = "respond-async" in prefer.lower()
    with ExitStack() as opened:
        sent = Sent(
            id=id,
            key=idempotency_key,
            item=said,
            by=photographer,
            demands=Demands(card=card, original=original, view=view),
            photos=[SentFile(filename=photo.filename, file=photo.file) for photo in photos or ()]
            or take_parts(desk, caller, parts or (), opened),
            photo_ids=parts or photo_ids,
            trace=span_under_way(),
        )
        # parts are gone once they were accepted: whoever sent them is not asked to send them again
        received = receive(desk, sent, acknowledged=at_once or bool(parts))
    place.close()
    for part_id in parts or ():
        desk.parts.forget(part_id)
    return answer_upload(desk, received, at_once=at_once)


@router.get("", responses=TABLES, response_model=PageAnswer)
def list_inspections(
    desk: AtDesk,
    caller: AsAnyone,
    verdict: Verdict | None = None,
    ref: str | None = None,
    village: str | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: str | None = None,
    format: ListFormat = "json",
) -> Any:
    """Inspections, newest first; `cursor` is the `next_cursor` of the page before.

    `format=csv` and `format=parquet` give all that match, one row per photo, with units in the columns' names.
    """
    before = read_cursor(cursor)
    wanted = Wanted(verdict=verdict, ref=ref, village=village, within=inspections_within(caller))
    if format != "json":
        rows = ([row for i in portion for row in photo_rows(i)] for portion in desk.store.portions(wanted))
        return answer_table("inspections", PHOTO_COLUMNS, rows, format=format)
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


@router.put("/{inspection_id}/filing", responses=FIRST_VERSION)
def file_inspection(
    desk: AtDesk,
    caller: AsReviewer,
    response: Response,
    inspection_id: str,
    entry: FilingEntry,
    if_match: IfMatch = None,
) -> Fact:
    """Files an inspection that was sent under the wrong code under the right basket; both histories show it.

    What was decided on it no longer counts: it was about another basket. A later filing is sent with the ETag of
    the one that it supersedes.
    """
    with desk.store.writing() as (connection, tail):
        inspection = find_inspection(connection, inspection_id)
        if inspection is None:
            raise RequestRefused(NOT_FOUND, NO_INSPECTION)
        exists = find_fact(connection, Kind.FILED, inspection_id) is not None
        fact = refile(
            connection,
            tail,
            inspection,
            entry,
            caller=caller,
            after=read_version(if_match, exists=exists),
            at=now(),
            naming=desk.naming,
        )
    response.status_code = 200 if exists else 201
    return tag(response, fact)


@router.get("/{inspection_id}/filing")
def read_filing(desk: AtDesk, caller: AsAnyone, response: Response, inspection_id: str) -> Fact:
    """The last filing of an inspection; 404 while it is under the basket that it was sent for."""
    with desk.store.reading() as connection:
        fact = find_fact(connection, Kind.FILED, inspection_id)
    if fact is None:
        raise not_found(Message(id="Pemindahan pemeriksaan itu", en="filing of such inspection"))
    return tag(response, fact)


@router.get("/{inspection_id}/photos/{number}", response_class=Response, responses=JPEG)
def read_photo(
    desk: AtDesk,
    caller: AsViewerOfPhoto,
    inspection_id: str,
    number: int,
    link: Link = None,
    held: Held = None,
) -> Response:
    """The photo, upright, without metadata. `number` counts from 1."""
    return _jpeg(desk, _photo(desk, inspection_id, number).photo, by_link=link is not None, held=held)


@router.get("/{inspection_id}/photos/{number}/overlay", response_class=Response, responses=JPEG)
def read_overlay(
    desk: AtDesk,
    caller: AsViewerOfOverlay,
    inspection_id: str,
    number: int,
    link: Link = None,
    held: Held = None,
) -> Response:
    """The photo with what was found drawn on it."""
    return _jpeg(desk, _photo(desk, inspection_id, number).overlay, by_link=link is not None, held=held)


@router.get("/{inspection_id}/photos/{number}/thumbnail", response_class=Response, responses=JPEG)
def read_thumbnail(
    desk: AtDesk,
    caller: AsViewerOfThumbnail,
    inspection_id: str,
    number: int,
    link: Link = None,
    held: Held = None,
) -> Response:
    """The photo, small enough for a list."""
    return _jpeg(desk, _photo(desk, inspection_id, number).thumbnail, by_link=link is not None, held=held)


@router.post("/{inspection_id}/photos/{number}/links", status_code=201)
def make_link(
    desk: AtDesk, caller: AsAnyone, inspection_id: str, number: int, entry: LinkEntry
) -> LinkAnswer:
    """A link that shows this photo without signing in, for an hour; to be handed on, or opened by another app."""
    if entry.variant is Variant.PHOTO and not caller.roles & ORIGINALS:
        raise NotAllowed(WRONG_ROLE)
    _photo(desk, inspection_id, number)
    place = PhotoPlace(inspection_id=inspection_id, number=str(number), variant=entry.variant)
    until = now() + LASTS
    link = sign_link(place, caller.code, secret=desk.keyring.secret_for(PURPOSE), until=until)
    size = "" if entry.variant is Variant.PHOTO else f"/{entry.variant}"
    return LinkAnswer(
        link=f"/v1/inspections/{inspection_id}/photos/{number}{size}?link={link}", expires_at=until
    )


def _find(desk: Desk, inspection_id: str) -> ItemInspection:
    inspection = desk.store.find(inspection_id)
    if inspection is None:
        raise RequestRefused(NOT_FOUND, NO_INSPECTION)
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


def _jpeg(desk: Desk, name: str, *, by_link: bool, held: str | None) -> Response:
    jpeg = desk.photos.read(name)
    if jpeg is None:
        raise RequestRefused(GONE, PURGED)
    # a browser may keep it over a bad line, but asks before it shows it again: the next one at it may be another person
    keep = "no-store" if by_link else "private, no-cache"
    headers = {"Cache-Control": keep, "ETag": f'"{name}"'}
    if held is not None and headers["ETag"] in held:
        return Response(status_code=304, headers=headers)
    return Response(jpeg, media_type="image/jpeg", headers=headers)


PHOTOS_OR_PARTS = Message(
    id="Kirim 'photos', atau nomor foto di 'parts' yang sudah lengkap; 'photo_ids' hanya bersama 'photos'.",
    en="Send 'photos', or in 'parts' the ids of photos that came whole; 'photo_ids' with 'photos' alone.",
)
NO_INSPECTION = Message(
    id="Tidak ada pemeriksaan dengan nomor itu. Lihat daftarnya di /riwayat.",
    en="There is no inspection of that id. See the list at /riwayat.",
)
PURGED = Message(
    id="Foto ini sudah dihapus karena masa simpannya lewat. Catatannya masih ada.",
    en="This photo was removed when its time of keeping had passed. Its record is still there.",
)


def _too_many(sent: int, allowed: int) -> Message:
    return Message(
        id=f"Ada {sent} foto; paling banyak {allowed} foto untuk satu keranjang. Kurangi lalu kirim ulang.",
        en=f"There are {sent} photos; at most {allowed} for one item. Send fewer.",
    )
