"""One table from errors to answers: RFC 9457 problem documents, in both languages."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from qc_vision.errors import (
    DamagedPhoto,
    EmptyPhoto,
    ModelError,
    PhotoTooLarge,
    QcVisionError,
    SpecError,
    StorageError,
    UnsupportedPhoto,
)
from qc_vision.message import Message

STATUS: dict[type[QcVisionError], HTTPStatus] = {
    EmptyPhoto: HTTPStatus.UNPROCESSABLE_ENTITY,
    DamagedPhoto: HTTPStatus.UNPROCESSABLE_ENTITY,
    UnsupportedPhoto: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    PhotoTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    SpecError: HTTPStatus.UNPROCESSABLE_ENTITY,
    StorageError: HTTPStatus.INSUFFICIENT_STORAGE,
    ModelError: HTTPStatus.SERVICE_UNAVAILABLE,
}

NOT_FOUND = Message(id="Tidak ditemukan.", en="Not found.")
INVALID = Message(id="Isian tidak sesuai.", en="The request is not valid.")
INTERNAL = Message(
    id="Terjadi kesalahan di server. Foto Anda tidak tersimpan; coba lagi.",
    en="Something went wrong on the server. Nothing was stored; try again.",
)


class ItemError(QcVisionError):
    """The upload's fields do not hold together."""


class NotFoundError(QcVisionError):
    """No such record, photo or item."""


STATUS[ItemError] = HTTPStatus.UNPROCESSABLE_ENTITY
STATUS[NotFoundError] = HTTPStatus.NOT_FOUND


def problem(status: int, code: str, message: Message, extra: Mapping[str, Any] | None = None) -> JSONResponse:
    """A problem document: `detail` in Bahasa Indonesia, `messages` in both languages, `code` for machines."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": message.id,
        "messages": {"id": message.id, "en": message.en},
        **(extra or {}),
    }
    return JSONResponse(body, status_code=status, media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Makes every error that leaves the service a problem document without a trace."""

    @app.exception_handler(QcVisionError)
    async def _expected(_: Request, error: QcVisionError) -> JSONResponse:
        status = next((STATUS[c] for c in type(error).__mro__ if c in STATUS), HTTPStatus.UNPROCESSABLE_ENTITY)
        return problem(status, type(error).__name__, error.message)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        faults = [{"at": ".".join(map(str, e["loc"])), "what": e["msg"]} for e in error.errors()]
        return problem(422, "InvalidRequest", INVALID, {"errors": faults})

    @app.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> JSONResponse:
        message = NOT_FOUND if error.status_code == 404 else Message(id=str(error.detail), en=str(error.detail))
        answer = problem(error.status_code, HTTPStatus(error.status_code).name.lower(), message)
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(Exception)
    async def _unexpected(_: Request, __: Exception) -> JSONResponse:
        return problem(500, "InternalError", INTERNAL)
