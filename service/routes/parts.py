"""`/v1/parts`: a photo in pieces, over a line that breaks, by the tus protocol 1.0.0.

A whole part is not yet accepted: `POST /v1/inspections` names it in `parts`, and then it is like any photo sent there.
Its id becomes the photo's. A part is its sender's alone; of one that was accepted the length is still told.
"""

import math
import re
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Header, Path, Request, Response
from starlette.concurrency import run_in_threadpool

from qc_vision.message import Message
from service.caller import Caller
from service.dependencies import AtDesk, Desk
from service.parts import GONE, Announced, OffsetMoved, Part, PartGone, PartTaken, PartTooLong, Room
from service.parts import TAKEN as OTHER_PART
from service.parts import TOO_LONG as PAST_THE_END
from service.permission import AsInspector, AskedFirst
from service.problems import INVALID, UPLOAD_TOO_LARGE, Kind, RequestRefused, upload_too_large
from service.reception import KeptFile, SentFile
from service.tus import (
    CHECKSUMS,
    EXTENSIONS,
    LONGEST_METADATA,
    PIECE_TYPE,
    VERSION,
    read_checksum,
    read_metadata,
    read_pieces,
    write_time,
)
from service.uploads import find_photo

PATH = "/v1/parts"
router = APIRouter(prefix=PATH, tags=["parts"], route_class=AskedFirst)

ID = r"^[0-9a-f]{32}$"
PartId = Annotated[str, Path(pattern=ID)]
STANDS: dict[int | str, dict[str, Any]] = {
    404: {"description": "No such part"},
    409: {"description": "The part ends elsewhere"},
    412: {"description": "Another version of tus"},
}


@router.options("", status_code=204, response_class=Response)
def tell_protocol(desk: AtDesk, caller: AsInspector) -> Response:
    """What of tus is spoken here."""
    headers = {
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Max-Size": str(desk.settings.max_upload_bytes),
        "Tus-Checksum-Algorithm": ",".join(CHECKSUMS),
    }
    return Response(status_code=204, headers=headers)


@router.post("", status_code=201, response_class=Response, responses=STANDS)
def begin(
    desk: AtDesk,
    caller: AsInspector,
    upload_length: Annotated[int, Header(ge=0, description="Bytes of the whole photo")],
    upload_metadata: Annotated[
        str,
        Header(
            max_length=LONGEST_METADATA,
            description="`filename`, and `id`: the photo's, 32 hexadecimal digits drawn by the sender; both base64",
        ),
    ] = "",
) -> Response:
    """Announces a photo. With an `id` drawn by the sender, announcing again finds the same part, and tells how far it is."""
    limit_bytes = desk.settings.max_upload_bytes
    if upload_length > limit_bytes:
        raise RequestRefused(UPLOAD_TOO_LARGE, upload_too_large(limit_bytes))
    part_id = read_metadata(upload_metadata).get("id", uuid4().hex)
    if not re.fullmatch(ID, part_id):
        raise RequestRefused(INVALID, BAD_ID)
    announced = Announced(account=caller.code, length_bytes=upload_length, metadata=upload_metadata)
    room = Room(
        of_account_bytes=desk.settings.max_account_parts_bytes, in_all_bytes=desk.settings.max_parts_bytes
    )
    try:
        part = _find(desk, caller, part_id)
    except PartGone:
        part = desk.parts.begin(part_id, announced, room)
    if part.announced.length_bytes != upload_length:
        raise PartTaken(OTHER_PART)
    return Response(status_code=201, headers={"Location": f"{PATH}/{part.id}", **_stand(part)})


@router.head("/{part_id}", response_class=Response, responses=STANDS)
def tell_offset(desk: AtDesk, caller: AsInspector, part_id: PartId) -> Response:
    """How much of the part has come, in `Upload-Offset`."""
    part = _find(desk, caller, part_id)
    headers = {
        "Upload-Length": str(part.announced.length_bytes),
        "Cache-Control": "no-store",
        **_stand(part),
    }
    if part.announced.metadata:
        headers["Upload-Metadata"] = part.announced.metadata
    return Response(headers=headers)


@router.patch(
    "/{part_id}",
    status_code=204,
    response_class=Response,
    responses=STANDS,
    openapi_extra={"requestBody": {"content": {PIECE_TYPE: {}}}},
)
async def go_on(
    desk: AtDesk,
    caller: AsInspector,
    request: Request,
    part_id: PartId,
    upload_offset: Annotated[int, Header(ge=0, description="Where the part ends so far")],
    upload_checksum: Annotated[
        str | None, Header(description="of this body; then all of it is kept or nothing")
    ] = None,
) -> Response:
    """Takes the next bytes; what came before the line broke is kept, except of a body with a checksum."""
    if request.headers.get("content-type") != PIECE_TYPE:
        raise RequestRefused(OTHER_TYPE, SEND_PIECES)
    checksum = read_checksum(upload_checksum)
    part = await run_in_threadpool(_find, desk, caller, part_id)
    if upload_offset != part.offset_bytes:
        raise OffsetMoved(part.offset_bytes)
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and upload_offset + int(announced) > part.announced.length_bytes:
        raise PartTooLong(PAST_THE_END)
    pieces = read_pieces(request)
    async for piece in pieces if checksum is None else checksum.let_through(pieces):
        part = await run_in_threadpool(desk.parts.append, part_id, part.offset_bytes, piece)
    return Response(status_code=204, headers=_stand(part))


@router.delete("/{part_id}", status_code=204, response_class=Response, responses=STANDS)
def remove(desk: AtDesk, caller: AsInspector, part_id: PartId) -> Response:
    """Removes a part that will not be finished."""
    if _find_own(desk, caller, part_id) is None:
        raise PartGone(GONE)
    desk.parts.forget(part_id)
    return Response(status_code=204)


def take_parts(
    desk: Desk, caller: Caller, part_ids: Sequence[str], opened: ExitStack
) -> list[SentFile | KeptFile]:
    """The photos that came whole in these parts, their files open for as long as `opened` is.

    Raises PartGone, or RequestRefused where one is not whole or all together are too large.
    """
    taken: list[SentFile | KeptFile] = []
    size_bytes = 0
    for part_id in part_ids:
        part = _find_own(desk, caller, part_id)
        if part is None:
            taken.append(_find_kept(desk, caller, part_id))
            continue
        if not part.whole:
            raise RequestRefused(NOT_WHOLE, _not_whole(part), extensions={"part": part_id})
        size_bytes += part.announced.length_bytes
        filename = read_metadata(part.announced.metadata).get("filename")
        taken.append(SentFile(filename=filename, file=opened.enter_context(desk.parts.open(part_id))))
    if size_bytes > desk.settings.max_upload_bytes:
        raise RequestRefused(UPLOAD_TOO_LARGE, upload_too_large(desk.settings.max_upload_bytes))
    return taken


def _find(desk: Desk, caller: Caller, part_id: str) -> Part:
    part = _find_own(desk, caller, part_id)
    if part is None:
        photo = _find_kept(desk, caller, part_id)
        # of a part that was accepted all has come, though none of it is here any more
        announced = Announced(account=caller.code, length_bytes=photo.size_bytes, metadata="")
        part = Part(id=part_id, announced=announced, offset_bytes=photo.size_bytes, expires_s=math.inf)
    return part


def _find_own(desk: Desk, caller: Caller, part_id: str) -> Part | None:
    part = desk.parts.find(part_id)
    return part if part is not None and part.announced.account == caller.code else None


def _find_kept(desk: Desk, caller: Caller, part_id: str) -> KeptFile:
    with desk.store.reading() as connection:
        photo = find_photo(connection, part_id, by=caller.code)
    if photo is None:
        raise PartGone(GONE)
    return KeptFile(filename=photo.filename, sha256=photo.sha256, size_bytes=photo.size_bytes)


def _stand(part: Part) -> dict[str, str]:
    stands = {"Upload-Offset": str(part.offset_bytes)}
    return stands if part.whole else {**stands, "Upload-Expires": write_time(part.expires_s)}


def _not_whole(part: Part) -> Message:
    stands = f"{part.offset_bytes}/{part.announced.length_bytes}"
    return Message(
        id=f"Foto {part.id} belum lengkap ({stands} bita). Lanjutkan kirim, lalu coba lagi.",
        en=f"Photo {part.id} is not whole yet ({stands} bytes). Go on sending it, then try again.",
    )


NOT_WHOLE = Kind(status=409, code="not-whole", title=Message(id="Belum lengkap", en="Not whole yet"))
OTHER_TYPE = Kind(
    status=415, code="unsupported-media-type", title=Message(id="Jenis lain", en="Unsupported media type")
)
SEND_PIECES = Message(
    id=f"Kirim bagian foto dengan Content-Type: {PIECE_TYPE}.",
    en=f"Send pieces of a photo with Content-Type: {PIECE_TYPE}.",
)
BAD_ID = Message(
    id="'id' di Upload-Metadata: 32 angka heksadesimal.",
    en="'id' in Upload-Metadata: 32 hexadecimal digits.",
)
