"""`/v1/inspections`: send photos of an item, read an inspection back, list inspections."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, File, Form, Query, UploadFile
from fastapi.responses import FileResponse

from qc_vision.decision import Verdict
from qc_vision.message import Message
from service.answers import InspectionAnswer, PageAnswer, answer_inspection, answer_summary
from service.dependencies import AtDesk, Desk
from service.examples import INSPECTION_EXAMPLE, ITEM_EXAMPLE, PROBLEM_EXAMPLE
from service.grading import SentPhoto, grade_item
from service.item import GradedPhoto, ItemInspection, parse_item
from service.problems import INVALID, MEDIA_TYPE, NOT_FOUND, TOO_MANY_PHOTOS, RequestRefused
from service.store import Wanted

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
    photos: Annotated[list[UploadFile], File(description="1 to 8 photos of one item: JPEG, PNG or WebP")],
    item: Annotated[
        str | None,
        Form(description="JSON about the item; every key may be left out", examples=[ITEM_EXAMPLE]),
    ] = None,
) -> InspectionAnswer:
    """Grades the photos and keeps the records; where one file is no photo, nothing is kept."""
    if len(photos) > desk.settings.max_photos:
        raise RequestRefused(TOO_MANY_PHOTOS, _too_many(len(photos), desk.settings.max_photos))
    inspection = grade_item(
        [SentPhoto(filename=photo.filename, read=_reader(photo)) for photo in photos],
        parse_item(item),
        inspectors=desk.inspectors,
        photos=desk.photos,
        new_id=lambda: uuid4().hex,
        clock=lambda: datetime.now(UTC),
    )
    desk.store.add(inspection)
    return answer_inspection(inspection)


@router.get("")
def list_inspections(
    desk: AtDesk,
    verdict: Verdict | None = None,
    ref: str | None = None,
    village: str | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: str | None = None,
) -> PageAnswer:
    """Inspections, newest first; `cursor` is the `next_cursor` of the page before."""
    before = _read_cursor(cursor) if cursor else None
    wanted = Wanted(verdict=verdict, ref=ref, village=village)
    # one more than asked tells whether there is a next page
    found = desk.store.list(wanted, limit=limit + 1, before=before)
    page = found[:limit]
    return PageAnswer(
        inspections=tuple(answer_summary(summary) for summary in page),
        next_cursor=_cursor(page[-1].seq) if len(found) > limit else None,
    )


@router.get("/{inspection_id}", responses={200: ANSWER})
def read_inspection(desk: AtDesk, inspection_id: str) -> InspectionAnswer:
    """An inspection as it was answered when it was made."""
    return answer_inspection(_find(desk, inspection_id))


@router.get("/{inspection_id}/photos/{number}", response_class=FileResponse, responses=JPEG)
def read_photo(desk: AtDesk, inspection_id: str, number: int) -> FileResponse:
    """The photo, upright, without metadata. `number` counts from 1."""
    return _jpeg(desk, _photo(desk, inspection_id, number).photo)


@router.get("/{inspection_id}/photos/{number}/overlay", response_class=FileResponse, responses=JPEG)
def read_overlay(desk: AtDesk, inspection_id: str, number: int) -> FileResponse:
    """The photo with what was found drawn on it."""
    return _jpeg(desk, _photo(desk, inspection_id, number).overlay)


@router.get("/{inspection_id}/photos/{number}/thumbnail", response_class=FileResponse, responses=JPEG)
def read_thumbnail(desk: AtDesk, inspection_id: str, number: int) -> FileResponse:
    """The photo, small enough for a list."""
    return _jpeg(desk, _photo(desk, inspection_id, number).thumbnail)


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
    # a name is the hash of its bytes: what was read once never changes
    headers = {"Cache-Control": "private, max-age=31536000, immutable"}
    return FileResponse(desk.photos.path(name), media_type="image/jpeg", headers=headers)


def _cursor(seq: int) -> str:
    return base64.urlsafe_b64encode(str(seq).encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> int:
    try:
        seq = int(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:
        seq = -1
    if not 0 < seq < 2**63 or _cursor(seq) != cursor:
        raise RequestRefused(
            INVALID,
            Message(
                id="'cursor' tidak dikenal. Pakai 'next_cursor' dari halaman sebelumnya, atau tanpa cursor.",
                en="'cursor' is not known. Use 'next_cursor' of the page before, or leave it out.",
            ),
        )
    return seq


def _too_many(sent: int, allowed: int) -> Message:
    return Message(
        id=f"Ada {sent} foto; paling banyak {allowed} foto untuk satu keranjang. Kurangi lalu kirim ulang.",
        en=f"There are {sent} photos; at most {allowed} for one item. Send fewer.",
    )
