"""`/v1/uploads/{id}`: where an accepted upload stands, and its signed receipt."""

from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse, Response

from qc_vision.message import Message
from service.answers import InspectionAnswer, answer_inspection
from service.dependencies import AtDesk, Desk
from service.middleware import is_long
from service.permission import AsAnyone, AskedFirst, Door
from service.problems import BUSY, GONE, IN_PROGRESS, RequestRefused, not_found
from service.receipts import sign_receipt
from service.reception import Received, Sent, accept, wait_for
from service.store import now
from service.uploads import (
    State,
    Upload,
    acknowledge,
    find_by_key,
    find_upload,
    read_problem,
    withdraw,
)

router = APIRouter(prefix="/v1/uploads", tags=["uploads"], route_class=AskedFirst)

LOOK_AGAIN_S = 2
"""When a sender should ask again: about what one photo takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadLinks:
    """`inspection` and `receipt`: null until there is one."""

    self: str
    inspection: str | None
    receipt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadPhotoAnswer:
    """A photo as it arrived; `state` is its upload's. `messages`: what is wrong with this very photo."""

    id: str
    filename: str | None
    sha256: str
    size_bytes: int
    state: State
    messages: Message | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadAnswer:
    """`waiting`, `working`, then `done`, `refused` or `set_aside`; `messages` say why in the last two."""

    id: str
    state: State
    created_at: datetime
    photos: tuple[UploadPhotoAnswer, ...]
    messages: Message | None
    links: UploadLinks


class RoomInQueue(Door):
    """Turns photos away while the queue is full, before they are read, unless their key was accepted before. Who is let in
    holds a place until the photos have come.

    A short body is read: it names photos that have come in parts, or an upload that is known by its id.
    """

    async def __call__(self, request: Request) -> ExitStack:
        """What the request holds: to be closed where its upload is counted itself."""
        held = request.state.held
        assert isinstance(held, ExitStack)
        return held

    def let_through(self, request: Request, desk: Desk) -> None:
        """Raises RequestRefused."""
        if is_long(request.headers) and not _is_known(request.headers.get("idempotency-key"), desk):
            request.state.held.enter_context(desk.turns.place())


def _is_known(key: str | None, desk: Desk) -> bool:
    if key is None:
        return False
    with desk.store.reading() as connection:
        return find_by_key(connection, key) is not None


WhileRoom = Annotated[ExitStack, Depends(RoomInQueue())]


@router.get("/{upload_id}")
def read_upload(desk: AtDesk, caller: AsAnyone, upload_id: str) -> UploadAnswer:
    """Where the upload stands."""
    return describe_upload(_find(desk, upload_id))


@router.get(
    "/{upload_id}/receipt",
    response_class=Response,
    responses={200: {"content": {"application/jose": {}}, "description": "A compact JWS"}},
)
def read_receipt(desk: AtDesk, caller: AsAnyone, upload_id: str) -> Response:
    """A signed statement of what was accepted and when; `qc-service record check` checks it offline."""
    with desk.store.reading() as connection:
        upload = find_upload(connection, upload_id)
        if upload is None:
            raise not_found(UPLOAD)
        token = sign_receipt(connection, upload, desk.keyring)
    return Response(token, media_type="application/jose")


def receive(desk: Desk, sent: Sent, *, acknowledged: bool) -> Received:
    """Accepts what a request brought. Raises RequestRefused or StorageError."""
    received = accept(
        sent,
        store=desk.store,
        intake=desk.intake,
        max_open=desk.settings.max_open_uploads,
        acknowledged=acknowledged,
        clock=now,
    )
    desk.bell.ring()
    return received


def answer_upload(desk: Desk, received: Received, *, at_once: bool) -> Response | InspectionAnswer:
    """The verdict where it is there or comes soon, else a link to it; raises what speaks against the upload."""
    before_it = received.others - (0 if received.is_new or received.upload.settled else 1)
    upload: Upload | None = received.upload
    if not at_once and before_it < desk.crew.size:
        upload = wait_for(
            received.upload.id, store=desk.store, bell=desk.bell, timeout_s=desk.settings.wait_s
        )
    if upload is None:
        raise RequestRefused(BUSY, SEND_AGAIN)  # withdrawn by whoever waited for it too
    if upload.state is State.DONE:
        return _read_done(desk, upload)
    if upload.settled and upload.problem is not None:
        raise read_problem(upload.problem)
    if upload.problem is not None and not upload.acknowledged:
        _withdraw(desk, upload)
        raise read_problem(upload.problem)
    if not received.is_new and not at_once and not upload.acknowledged:
        raise RequestRefused(IN_PROGRESS, STILL_GRADED, extensions={"links": asdict(_links(upload))})
    return _answer_accepted(desk, upload, at_once=at_once)


def describe_upload(upload: Upload) -> UploadAnswer:
    problem = upload.problem if upload.settled else None
    messages = None if problem is None else Message(**problem["message"])
    at_fault = None if problem is None else problem["extensions"].get("photo", {}).get("number")
    return UploadAnswer(
        id=upload.id,
        state=upload.state,
        created_at=upload.created_at,
        photos=tuple(
            UploadPhotoAnswer(
                id=photo.id,
                filename=photo.filename,
                sha256=photo.sha256,
                size_bytes=photo.size_bytes,
                state=upload.state,
                messages=messages if number == at_fault else None,
            )
            for number, photo in enumerate(upload.photos, start=1)
        ),
        messages=messages,
        links=_links(upload),
    )


def _links(upload: Upload) -> UploadLinks:
    here = f"/v1/uploads/{upload.id}"
    done = upload.state is State.DONE
    return UploadLinks(
        self=here,
        inspection=f"/v1/inspections/{upload.id}" if done else None,
        receipt=f"{here}/receipt",
    )


def _answer_accepted(desk: Desk, upload: Upload, *, at_once: bool) -> Response:
    """202, once it is on record that the sender was told so."""
    if not upload.acknowledged:
        with desk.store.changing() as connection:
            if not acknowledge(connection, upload.id):
                raise RequestRefused(BUSY, SEND_AGAIN)
    headers = {"Location": f"/v1/uploads/{upload.id}", "Retry-After": str(LOOK_AGAIN_S)}
    if at_once:
        headers["Preference-Applied"] = "respond-async"
    return JSONResponse(jsonable_encoder(describe_upload(upload)), status_code=202, headers=headers)


def _read_done(desk: Desk, upload: Upload) -> InspectionAnswer:
    inspection = desk.store.find(upload.id)
    if inspection is None:
        raise RequestRefused(GONE, PURGED)
    return answer_inspection(inspection)


def _withdraw(desk: Desk, upload: Upload) -> None:
    with desk.store.changing() as connection:
        withdrawn = withdraw(connection, upload.id)
    if withdrawn:
        desk.intake.forget(upload.bundle)


def _find(desk: Desk, upload_id: str) -> Upload:
    with desk.store.reading() as connection:
        upload = find_upload(connection, upload_id)
    if upload is None:
        raise not_found(UPLOAD)
    return upload


UPLOAD = Message(id="Kiriman dengan nomor ini", en="upload of this id")
SEND_AGAIN = Message(
    id="Kiriman ini dibatalkan karena ada gangguan. Kirim ulang.",
    en="This upload was withdrawn because of trouble. Send it again.",
)
STILL_GRADED = Message(
    id="Kiriman ini sudah diterima dan masih dinilai. Lihat hasilnya di tautan 'links'.",
    en="This upload was accepted and is still being graded. Its outcome will be told at 'links'.",
)
PURGED = Message(
    id="Pemeriksaan ini sudah dihapus karena masa simpannya lewat.",
    en="This inspection was removed when its time of keeping had passed.",
)
