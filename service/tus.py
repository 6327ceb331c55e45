"""The words of the tus protocol 1.0.0 (https://tus.io/protocols/resumable-upload): headers read and written.

Of its extensions: creation, expiration, checksum, termination.
"""

import asyncio
import base64
import binascii
import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from hmac import compare_digest
from tempfile import SpooledTemporaryFile

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qc_vision import message
from service.problems import Kind, RequestRefused, problem

VERSION = "1.0.0"
EXTENSIONS = "creation,expiration,checksum,termination"
CHECKSUMS = ("sha1", "sha256")
"""The protocol wants SHA-1 of every server; it finds what a line spoiled, not what somebody altered."""
PIECE_TYPE = "application/offset+octet-stream"
LONGEST_METADATA = 1024
PIECE_BYTES = 1 << 18
"""So much at most is lost with a killed process, and synced to disk at a time: two seconds of a line of 1 Mbit/s."""
IN_MEMORY_BYTES = 1 << 20
IDLE_S = 30.0
"""A line on which nothing comes for so long is taken for broken; its sender may go on over another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checksum:
    """What a body is to hash to, by one of CHECKSUMS."""

    algorithm: str
    digest: bytes

    async def let_through(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The pieces, once all of them have come and hash to what they should. Raises RequestRefused."""
        found = hashlib.new(self.algorithm, usedforsecurity=False)
        with SpooledTemporaryFile(max_size=IN_MEMORY_BYTES) as gathered:
            async for piece in pieces:
                found.update(piece)
                await run_in_threadpool(gathered.write, piece)
            if not compare_digest(found.digest(), self.digest):
                raise RequestRefused(CHECKSUM, SPOILED)
            gathered.seek(0)
            while piece := await run_in_threadpool(gathered.read, PIECE_BYTES):
                yield piece


async def read_pieces(request: Request) -> AsyncIterator[bytes]:
    """The body in pieces of some PIECE_BYTES; where the line breaks, what had come by then, before it raises
    RequestRefused."""
    gathered = bytearray()
    body = request.stream()
    broken: Exception | None = None
    while broken is None:
        try:
            async with asyncio.timeout(IDLE_S):
                gathered += await anext(body)
        except StopAsyncIteration:
            break
        except (ClientDisconnect, TimeoutError) as wrong:
            broken = wrong
        if len(gathered) >= PIECE_BYTES:
            yield bytes(gathered)
            gathered.clear()
    if gathered:
        yield bytes(gathered)
    if broken is not None:
        raise RequestRefused(BROKEN_OFF, GO_ON) from broken


class Tus:
    """Speaks tus below `path`: names the version in every answer, refuses another one, and lets a POST stand for a
    method that the line does not pass on."""

    def __init__(self, app: ASGIApp, *, path: str) -> None:
        self._app = app
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(self._path):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        meant = headers.get("x-http-method-override", "").upper()
        if scope["method"] == "POST" and meant in ("PATCH", "DELETE"):
            scope["method"] = meant

        async def send_versioned(event: Message) -> None:
            if event["type"] == "http.response.start":
                MutableHeaders(scope=event)["Tus-Resumable"] = VERSION
            await send(event)

        if scope["method"] != "OPTIONS" and headers.get("tus-resumable") != VERSION:
            answer = problem(OTHER_VERSION, SPEAK_VERSION, instance=scope["path"])
            answer.headers["Tus-Version"] = VERSION
            await answer(scope, receive, send_versioned)
            return
        await self._app(scope, receive, send_versioned)


def read_metadata(header: str) -> Mapping[str, str]:
    """Keys and their decoded values. Raises RequestRefused where they are not as the protocol wants them."""
    found: dict[str, str] = {}
    try:
        for pair in header.split(",") if header.strip() else ():
            key, _, value = pair.strip().partition(" ")
            if not key or key in found:
                raise ValueError
            found[key] = base64.b64decode(value, validate=True).decode()
    except ValueError as wrong:
        raise RequestRefused(UNREADABLE, BAD_METADATA) from wrong
    return found


def read_checksum(header: str | None) -> Checksum | None:
    """Raises RequestRefused where the algorithm is another, or the value no base64."""
    if header is None:
        return None
    algorithm, _, value = header.strip().partition(" ")
    if algorithm not in CHECKSUMS:
        raise RequestRefused(UNREADABLE, OTHER_CHECKSUM)
    try:
        return Checksum(algorithm=algorithm, digest=base64.b64decode(value, validate=True))
    except binascii.Error as wrong:
        raise RequestRefused(UNREADABLE, OTHER_CHECKSUM) from wrong


def write_time(at_s: float) -> str:
    """Seconds since 1970 as HTTP writes a time (RFC 9110)."""
    return formatdate(at_s, usegmt=True)


UNREADABLE = Kind(status=400, code="unreadable", title=message.Message(id="Tidak terbaca", en="Unreadable"))
BROKEN_OFF = Kind(status=408, code="broken-off", title=message.Message(id="Terputus", en="Broken off"))
CHECKSUM = Kind(
    status=460, code="checksum", title=message.Message(id="Rusak di jalan", en="Spoiled on the way")
)
OTHER_VERSION = Kind(
    status=412, code="tus-version", title=message.Message(id="Versi tus lain", en="Another version of tus")
)
SPEAK_VERSION = message.Message(
    id=f"Alamat ini memakai tus {VERSION}. Kirim kepala Tus-Resumable: {VERSION}.",
    en=f"This address speaks tus {VERSION}. Send the header Tus-Resumable: {VERSION}.",
)
BAD_METADATA = message.Message(
    id="Upload-Metadata tidak terbaca: pasangan kunci dan base64, dipisah koma, tiap kunci sekali.",
    en="Upload-Metadata cannot be read: pairs of a key and base64, parted by commas, each key once.",
)
OTHER_CHECKSUM = message.Message(
    id=f"Upload-Checksum: salah satu dari {', '.join(CHECKSUMS)}, spasi, lalu nilainya dalam base64.",
    en=f"Upload-Checksum: one of {', '.join(CHECKSUMS)}, a space, then its value in base64.",
)
GO_ON = message.Message(
    id="Sambungan terputus. Yang sudah sampai disimpan; lanjutkan dari situ.",
    en="The line broke. What had come is kept; go on from there.",
)
SPOILED = message.Message(
    id="Yang sampai tidak cocok dengan Upload-Checksum dan dibuang. Kirim ulang bagian ini.",
    en="What came does not match Upload-Checksum and was dropped. Send this piece again.",
)
