"""Every refusal as a problem document (RFC 9457), and the one table from core errors to statuses.

Words in both languages: `messages` {id, en} says what was found, what was expected, what to do.
"""

import errno
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from qc_vision.errors import (
    CardError,
    DamagedPhoto,
    DispositionError,
    EmptyPhoto,
    LimitsError,
    ModelError,
    PhotoError,
    PhotoTooLarge,
    QcVisionError,
    SamplingError,
    SpecError,
    StorageError,
    UnsupportedPhoto,
)
from qc_vision.message import Message
from service.accounts import AccountError
from service.caller import NotAllowed, NotSignedIn, SecondFactorMissing
from service.facts import AlreadyThere, EditedMeanwhile
from service.item import ItemRefused
from service.openid import IdentityRefused, ProviderAway
from service.parts import NoRoom, NoRoomForAccount, OffsetMoved, PartGone, PartTaken, PartTooLong
from service.passwords import WeakPassword
from service.photo_links import LinkRefused
from service.refiling import FilingRefused
from service.scope import HIDDEN, Foreign
from service.sign_in import (
    CodeWrong,
    IdentityUnknown,
    OldPasswordWrong,
    PasswordWrong,
    SecondFactorRefused,
    SecondFactorWanted,
    SignInRefused,
    TooManyTries,
)
from service.signing import SignatureRefused

MEDIA_TYPE = "application/problem+json"
REFUSED = "Refused: a problem document (RFC 9457) in both languages"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of refusal: `code` names it for programs, `title` for people; the same on every occasion."""

    status: int
    code: str
    title: Message
    retry_after_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoFault:
    """Which of the sent photos is at fault: `number` counts from 1."""

    number: int
    filename: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldFault:
    field: str
    messages: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """The problem document as it is sent, for OpenAPI. `photo` and `errors` come where they apply."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    messages: Message
    photo: PhotoFault | None = None
    errors: tuple[FieldFault, ...] = ()


class RequestRefused(QcVisionError):
    """A request that the service itself refuses, before or beside the core. `extensions`: further members."""

    def __init__(self, kind: Kind, message: Message, *, extensions: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.extensions = dict(extensions or {})


class PhotoRefused(QcVisionError):
    """One of several photos is no photo; `cause` says why, `photo` says which."""

    def __init__(self, cause: PhotoError, photo: PhotoFault) -> None:
        name = f" ({photo.filename})" if photo.filename else ""
        super().__init__(
            Message(
                id=f"Foto ke-{photo.number}{name}: {cause.message.id} Tidak ada yang disimpan.",
                en=f"Photo {photo.number}{name}: {cause.message.en} Nothing was kept.",
            )
        )
        self.cause = cause
        self.photo = photo


NOT_FOUND = Kind(status=404, code="not-found", title=Message(id="Tidak ditemukan", en="Not found"))
TOO_MANY_PHOTOS = Kind(
    status=422, code="too-many-photos", title=Message(id="Foto terlalu banyak", en="Too many photos")
)
UPLOAD_TOO_LARGE = Kind(
    status=413, code="upload-too-large", title=Message(id="Kiriman terlalu besar", en="Upload too large")
)
HEADERS_TOO_LARGE = Kind(
    status=431, code="headers-too-large", title=Message(id="Kepala terlalu besar", en="Headers too large")
)
BUSY = Kind(status=503, code="busy", title=Message(id="Sedang sibuk", en="Busy"), retry_after_s=10)
OTHER_CONTENT = Kind(
    status=422, code="other-content", title=Message(id="Isinya lain", en="Other content under the same key")
)
IN_PROGRESS = Kind(
    status=409,
    code="in-progress",
    title=Message(id="Masih dikerjakan", en="Still in progress"),
    retry_after_s=2,
)
SET_ASIDE = Kind(
    status=500, code="set-aside", title=Message(id="Disisihkan", en="Set aside for people to look at")
)
INVALID = Kind(
    status=422, code="invalid-request", title=Message(id="Permintaan tidak sah", en="Invalid request")
)
VERSION_REQUIRED = Kind(
    status=428, code="version-required", title=Message(id="Versi belum disebut", en="Version not stated")
)
GONE = Kind(status=410, code="gone", title=Message(id="Sudah dihapus", en="Gone"))
CONFLICT = Kind(status=409, code="conflict", title=Message(id="Tidak cocok", en="Conflict"))
NOT_INSTALLED = Kind(status=501, code="not-installed", title=Message(id="Belum dipasang", en="Not installed"))
REFUSED_FROM_ELSEWHERE = Kind(
    status=403,
    code="cross-site",
    title=Message(id="Permintaan dari situs lain", en="Request from another site"),
)
UNEXPECTED = Kind(
    status=500, code="unexpected", title=Message(id="Kesalahan di pihak kami", en="A fault on our side")
)

KINDS: dict[type[QcVisionError], Kind] = {
    ItemRefused: Kind(
        status=422, code="invalid-item", title=Message(id="Keterangan ditolak", en="Item refused")
    ),
    Foreign: NOT_FOUND,
    FilingRefused: CONFLICT,
    AlreadyThere: Kind(status=409, code="already-there", title=Message(id="Sudah ada", en="Already there")),
    EditedMeanwhile: Kind(
        status=412,
        code="edited-meanwhile",
        title=Message(id="Sudah diubah orang lain", en="Edited meanwhile"),
    ),
    SignatureRefused: Kind(
        status=422, code="signature", title=Message(id="Tanda tangan tidak sah", en="Signature refused")
    ),
    NotSignedIn: Kind(status=401, code="not-signed-in", title=Message(id="Belum masuk", en="Not signed in")),
    NotAllowed: Kind(status=403, code="not-allowed", title=Message(id="Tidak boleh", en="Not allowed")),
    SecondFactorMissing: Kind(
        status=403,
        code="second-factor-missing",
        title=Message(id="Faktor kedua belum aktif", en="Second factor missing"),
    ),
    LinkRefused: Kind(status=403, code="link", title=Message(id="Tautan tidak sah", en="Link refused")),
    SignInRefused: Kind(
        status=401, code="sign-in", title=Message(id="Tidak bisa masuk", en="Sign-in refused")
    ),
    SecondFactorWanted: Kind(
        status=401, code="second-factor", title=Message(id="Perlu faktor kedua", en="Second factor wanted")
    ),
    SecondFactorRefused: Kind(
        status=401,
        code="second-factor-refused",
        title=Message(id="Faktor kedua ditolak", en="Second factor refused"),
    ),
    IdentityRefused: Kind(
        status=401, code="identity", title=Message(id="Tidak bisa masuk", en="Sign-in refused")
    ),
    IdentityUnknown: Kind(
        status=401, code="identity-unknown", title=Message(id="Belum terhubung", en="Not linked yet")
    ),
    ProviderAway: Kind(
        status=502,
        code="provider",
        title=Message(id="Penyedia identitas tidak menjawab", en="Identity provider away"),
    ),
    OldPasswordWrong: Kind(
        status=422, code="old-password", title=Message(id="Kata sandi lama salah", en="Old password wrong")
    ),
    PasswordWrong: Kind(
        status=422, code="password-wrong", title=Message(id="Kata sandi salah", en="Password wrong")
    ),
    CodeWrong: Kind(status=422, code="code-wrong", title=Message(id="Kode salah", en="Code wrong")),
    TooManyTries: Kind(
        status=429,
        code="too-many-tries",
        title=Message(id="Terlalu sering", en="Too many tries"),
        retry_after_s=900,
    ),
    WeakPassword: Kind(
        status=422, code="weak-password", title=Message(id="Kata sandi lemah", en="Weak password")
    ),
    PartGone: Kind(status=404, code="part-gone", title=Message(id="Bagian tidak ada", en="No such part")),
    OffsetMoved: Kind(
        status=409, code="offset", title=Message(id="Bagian sudah maju", en="The part stands elsewhere")
    ),
    PartTooLong: UPLOAD_TOO_LARGE,
    PartTaken: OTHER_CONTENT,
    NoRoomForAccount: Kind(
        status=429,
        code="too-many-parts",
        title=Message(id="Terlalu banyak setengah jalan", en="Too much under way"),
        retry_after_s=600,
    ),
    NoRoom: BUSY,
    AccountError: Kind(status=422, code="account", title=Message(id="Akun ditolak", en="Account refused")),
    SamplingError: Kind(
        status=422, code="sampling", title=Message(id="Rencana sampel tidak ada", en="No sampling plan")
    ),
    DispositionError: Kind(
        status=422, code="disposition", title=Message(id="Keputusan ditolak", en="Decision refused")
    ),
    EmptyPhoto: Kind(status=422, code="empty-photo", title=Message(id="Berkas kosong", en="Empty file")),
    UnsupportedPhoto: Kind(
        status=415,
        code="unsupported-photo",
        title=Message(id="Bukan foto yang didukung", en="Unsupported photo"),
    ),
    DamagedPhoto: Kind(status=422, code="damaged-photo", title=Message(id="Foto rusak", en="Damaged photo")),
    PhotoTooLarge: Kind(
        status=413, code="photo-too-large", title=Message(id="Foto terlalu besar", en="Photo too large")
    ),
    PhotoError: Kind(
        status=422, code="photo", title=Message(id="Foto tidak bisa dinilai", en="Photo cannot be graded")
    ),
    CardError: Kind(
        status=422, code="card", title=Message(id="Kartu tidak bisa dipakai", en="Card cannot be used")
    ),
    SpecError: Kind(
        status=422, code="spec", title=Message(id="Spesifikasi tidak bisa dipakai", en="Spec cannot be used")
    ),
    LimitsError: Kind(
        status=503,
        code="refusal-limits",
        title=Message(id="Batas penolakan tidak bisa dipakai", en="Refusal limits cannot be used"),
    ),
    ModelError: Kind(
        status=503, code="model", title=Message(id="Model tidak bisa dipakai", en="Model cannot be used")
    ),
    StorageError: Kind(
        status=507, code="storage", title=Message(id="Tidak bisa menyimpan", en="Cannot be kept")
    ),
    QcVisionError: UNEXPECTED,
}

HTTP_KINDS: dict[int, tuple[Kind, Message]] = {
    400: (
        Kind(status=400, code="unreadable", title=Message(id="Tidak terbaca", en="Unreadable")),
        Message(
            id="Permintaan tidak bisa dibaca. Kirim ulang sebagai multipart/form-data.",
            en="The request cannot be read. Send it again as multipart/form-data.",
        ),
    ),
    404: (
        NOT_FOUND,
        Message(
            id="Alamat ini tidak ada. Daftar alamat ada di /openapi.json.",
            en="There is nothing at this address. Addresses are listed in /openapi.json.",
        ),
    ),
    405: (
        Kind(
            status=405,
            code="method-not-allowed",
            title=Message(id="Cara tidak berlaku", en="Method not allowed"),
        ),
        Message(
            id="Cara ini tidak berlaku untuk alamat ini. Lihat /openapi.json.",
            en="This method does not apply to this address. See /openapi.json.",
        ),
    ),
}
DISK_REFUSES = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
UNEXPECTED_SENTENCE = Message(
    id="Terjadi kesalahan yang tidak kami duga; tidak ada yang disimpan. Coba lagi.",
    en="Something went wrong that we did not foresee; nothing was kept. Try again.",
)


def not_found(what: Message) -> RequestRefused:
    """A refusal for something that is not there. `what` names it in both languages."""
    return RequestRefused(
        NOT_FOUND,
        Message(
            id=f"{what.id} tidak ada. Periksa kodenya.",
            en=f"There is no {what.en}. Check the code.",
        ),
    )


def upload_too_large(limit_bytes: int) -> Message:
    return Message(
        id=f"Kiriman lebih besar dari {limit_bytes / 1e6:g} MB. Kirim lebih sedikit foto sekaligus.",
        en=f"The upload is larger than {limit_bytes / 1e6:g} MB. Send fewer photos at a time.",
    )


def disk_refuses(wrong: OSError) -> Message:
    return Message(
        id=f"Disk server menolak ({wrong.strerror}). Tidak ada yang disimpan; coba lagi nanti.",
        en=f"The server's disk refuses ({wrong.strerror}). Nothing was kept; try again later.",
    )


def kind_of(error: QcVisionError) -> Kind:
    """The kind that the table gives for an error, by its nearest class."""
    if isinstance(error, RequestRefused):
        return error.kind
    if isinstance(error, PhotoRefused):
        error = error.cause
    return next(KINDS[c] for c in type(error).__mro__ if c in KINDS)


def extensions_of(error: QcVisionError) -> dict[str, Any]:
    """What a problem document says of this error beyond its sentence, plain JSON."""
    if isinstance(error, RequestRefused):
        return error.extensions
    if isinstance(error, PhotoRefused):
        return {"photo": asdict(error.photo)}
    if isinstance(error, OffsetMoved):
        return {"offset_bytes": error.offset_bytes}
    if isinstance(error, ItemRefused):
        faults = [FieldFault(field=f"item.{name}", messages=words) for name, words in error.faults.items()]
        return {"errors": [asdict(fault) for fault in faults]}
    return {}


def problem(
    kind: Kind, message: Message, *, instance: str, extensions: Mapping[str, Any] | None = None
) -> JSONResponse:
    """A problem document. `extensions`: further members, plain JSON."""
    body = {
        "type": f"urn:qc-vision:problem:{kind.code}",
        "title": str(kind.title),
        "status": kind.status,
        "detail": str(message),
        "instance": instance,
        "messages": asdict(message),
        **(extensions or {}),
    }
    headers = {} if kind.retry_after_s is None else {"Retry-After": str(kind.retry_after_s)}
    if kind.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(body, status_code=kind.status, media_type=MEDIA_TYPE, headers=headers)


class DescribedApi(FastAPI):
    """An app that describes its refusals as what they are: problem documents, not plain JSON."""

    def openapi(self) -> dict[str, Any]:
        """Made once; the app names Problem as the model of its default response."""
        if self.openapi_schema is None:
            for operations in super().openapi()["paths"].values():
                for operation in operations.values():
                    _describe_refusals(operation["responses"])
        assert self.openapi_schema is not None
        return self.openapi_schema


def _describe_refusals(responses: dict[str, Any]) -> None:
    # the framework files them under whatever else the route answers
    (refused,) = responses["default"]["content"].values()
    responses["default"]["content"] = {MEDIA_TYPE: refused}
    for response in responses.values():
        if MEDIA_TYPE in response.get("content", {}):
            response["content"][MEDIA_TYPE] = refused | response["content"][MEDIA_TYPE]


def answer_problems(app: FastAPI) -> None:
    """Makes the app answer every error with a problem document."""
    app.add_exception_handler(QcVisionError, answer_core)
    app.add_exception_handler(RequestValidationError, _answer_validation)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(OSError, _answer_system)
    app.add_exception_handler(Exception, _answer_unexpected)


def answer_core(request: Request, error: Exception) -> Response:
    """The problem document of an error of the core; a page that needs a sign-in, or a second factor, leads to it."""
    assert isinstance(error, QcVisionError)
    if isinstance(error, NotSignedIn) and error.page is not None:
        return RedirectResponse(f"/masuk?ke={quote(error.page, safe='/')}", status_code=303)
    if isinstance(error, SecondFactorMissing) and error.page is not None:
        return RedirectResponse("/akun", status_code=303)
    kind, words = kind_of(error), error.message
    if kind is NOT_FOUND and getattr(request.state, "held_to_groups", False):
        words = HIDDEN  # the same words whether it is another group's or not there at all
    extensions = extensions_of(error)
    return problem(kind, words, instance=request.url.path, extensions=extensions)


def _answer_validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    # only where and what is wrong: never the value that was sent
    faults = [
        FieldFault(
            field=".".join(map(str, fault["loc"][1:])),
            messages=Message(id=f"tidak sah ({fault['msg']})", en=f"invalid ({fault['msg']})"),
        )
        for fault in error.errors()
    ]
    names = ", ".join(dict.fromkeys(fault.field for fault in faults))
    message = Message(
        id=f"Bagian ini tidak sah: {names}. Perbaiki lalu kirim ulang.",
        en=f"These parts are invalid: {names}. Mend them and send again.",
    )
    extensions = {"errors": [asdict(fault) for fault in faults]}
    return problem(INVALID, message, instance=request.url.path, extensions=extensions)


def _answer_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, OSError):
        # the framework takes whatever befalls it while a form arrives for the sender's fault
        return _answer_system(request, error.__cause__)
    if isinstance(error, UploadTooLarge):
        kind, sentence = UPLOAD_TOO_LARGE, error.message
    elif error.status_code in HTTP_KINDS:
        kind, sentence = HTTP_KINDS[error.status_code]
    else:
        phrase = HTTPStatus(error.status_code).phrase
        kind = Kind(
            status=error.status_code,
            code=phrase.lower().replace(" ", "-"),
            title=Message(id=phrase, en=phrase),
        )
        sentence = Message(id=str(error.detail), en=str(error.detail))
    answer = problem(kind, sentence, instance=request.url.path)
    answer.headers.update(error.headers or {})
    return answer


def _answer_system(request: Request, error: Exception) -> JSONResponse:
    """A disk that refuses: nothing was kept, and the same may be sent again. Raises what is no disk's doing."""
    assert isinstance(error, OSError)
    if error.errno not in DISK_REFUSES:
        raise error
    return problem(KINDS[StorageError], disk_refuses(error), instance=request.url.path)


def _answer_unexpected(request: Request, _: Exception) -> JSONResponse:
    return problem(UNEXPECTED, UNEXPECTED_SENTENCE, instance=request.url.path)


class UploadTooLarge(HTTPException):
    """More bytes arrived than allowed. An HTTPException, because only those pass a form being parsed."""

    def __init__(self, limit_bytes: int) -> None:
        self.message = upload_too_large(limit_bytes)
        super().__init__(UPLOAD_TOO_LARGE.status, detail=self.message.en)
