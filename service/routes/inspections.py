"""Inspections: upload photos of one item, read back, list."""

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Query, Request, Response, UploadFile

from qc_vision.decision import Verdict
from qc_vision.message import Message
from service.inspections import Desk
from service.item import parse_item
from service.problems import ItemError, NotFoundError
from service.settings import Settings
from service.store import StoredInspection

router = APIRouter(prefix="/v1/inspections", tags=["inspections"])
ITEM_EXAMPLE = '{"ref": "KLS-0412", "village": "Kalisalak", "maker": "M-017", "spec": "default"}'


def desk_of(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


def settings_of(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


DeskHere = Annotated[Desk, Depends(desk_of)]
SettingsHere = Annotated[Settings, Depends(settings_of)]


@router.post("", status_code=201, summary="Grade the photos of one item")
def create(
    desk: DeskHere,
    settings: SettingsHere,
    photos: Annotated[list[UploadFile], File(description="1 to 8 photos of one item: JPEG, PNG or WebP")],
    item: Annotated[str | None, Form(description="JSON, every key optional", examples=[ITEM_EXAMPLE])] = None,
) -> dict[str, Any]:
    """Grades every photo, stores the record, and answers the item's verdict (its worst photo's)."""
    facts = parse_item(item)
    if len(photos) > settings.photos_max:
        raise ItemError(
            Message(
                id=f"{len(photos)} foto terlalu banyak; paling banyak {settings.photos_max} per keranjang.",
                en=f"{len(photos)} photos are too many; at most {settings.photos_max} per item.",
            )
        )
    uploads = [(photo.filename or f"photo {i + 1}", photo.file.read()) for i, photo in enumerate(photos)]
    return shown(desk.inspect(uploads, facts))


@router.get("", summary="List inspections, newest first")
def page(
    desk: DeskHere,
    verdict: Verdict | None = None,
    ref: Annotated[str | None, Query(max_length=64)] = None,
    village: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Annotated[str | None, Query(max_length=64)] = None,
) -> dict[str, Any]:
    """One page; `next` is the cursor of the following page, null on the last one."""
    rows = desk.store.page(
        limit=limit + 1, before=_before(cursor), verdict=verdict.value if verdict else None, item_ref=ref, village=village
    )
    return {"items": [shown(row) for row in rows[:limit]], "next": _cursor(rows[:limit]) if len(rows) > limit else None}


@router.get("/{inspection_id}", summary="Read one inspection")
def read(desk: DeskHere, inspection_id: str) -> dict[str, Any]:
    return shown(_found(desk, inspection_id))


@router.get("/{inspection_id}/photos/{number}", response_class=Response, summary="The kept photo, without metadata")
def photo(desk: DeskHere, inspection_id: str, number: int) -> Response:
    return _jpeg(desk, _found(desk, inspection_id), number, overlay=False)


@router.get("/{inspection_id}/photos/{number}/overlay", response_class=Response, summary="The findings drawn on the photo")
def overlay(desk: DeskHere, inspection_id: str, number: int) -> Response:
    return _jpeg(desk, _found(desk, inspection_id), number, overlay=True)


def shown(row: StoredInspection) -> dict[str, Any]:
    """An inspection as the API tells it."""
    base = f"/v1/inspections/{row.id}"
    return {
        "id": row.id,
        "created_at": row.created_at,
        "verdict": row.verdict,
        "item": {"ref": row.item_ref, "village": row.village, "maker": row.maker, "spec": row.spec_id},
        "photos": [
            {**photo.body, "links": {"photo": f"{base}/photos/{i}", "overlay": f"{base}/photos/{i}/overlay"}}
            for i, photo in enumerate(row.photos)
        ],
        "links": {"self": base, "eligibility": f"/v1/items/{row.item_ref}/eligibility" if row.item_ref else None},
    }


def _found(desk: Desk, inspection_id: str) -> StoredInspection:
    row = desk.store.get(inspection_id)
    if row is None:
        raise NotFoundError(Message(id="Pemeriksaan itu tidak ada.", en="There is no such inspection."))
    return row


def _jpeg(desk: Desk, row: StoredInspection, number: int, *, overlay: bool) -> Response:
    if not 0 <= number < len(row.photos):
        raise NotFoundError(Message(id="Foto itu tidak ada.", en="There is no such photo."))
    kept = row.photos[number]
    data = desk.photos.get(kept.overlay_sha256 if overlay else kept.stored_sha256)
    if data is None:
        raise NotFoundError(Message(id="Berkas foto hilang dari penyimpanan.", en="The photo's file is gone from the store."))
    return Response(data, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=31536000, immutable"})


def _cursor(rows: Sequence[StoredInspection]) -> str:
    return base64.urlsafe_b64encode(str(rows[-1].sequence).encode()).decode()


def _before(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    try:
        before = int(base64.urlsafe_b64decode(cursor.encode()))
    except (ValueError, binascii.Error) as wrong:
        raise ItemError(Message(id="Penunjuk halaman tidak sesuai.", en="The page cursor is not valid.")) from wrong
    return min(before, 2**62)
