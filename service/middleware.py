"""What surrounds every request: limits of what is read, refusal of other sites' forms, and security headers."""

from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qc_vision import message
from service.problems import (
    HEADERS_TOO_LARGE,
    HTTP_KINDS,
    REFUSED_FROM_ELSEWHERE,
    UPLOAD_TOO_LARGE,
    UploadTooLarge,
    problem,
    upload_too_large,
)
from service.refusals import note_forgery

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "geolocation=(), microphone=()",
    "Cross-Origin-Resource-Policy": "same-origin",
}
ONLY_HTTPS = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}
JSON_IS_NO_PAGE = 'attachment; filename="api.json"'
ASSETS_AT = "/web/"
PHOTOS_AT = ("/v1/inspections", "/v1/photo-checks", "/v1/parts")
ENTRY_BYTES = 1_000_000
"""Some ten times what the longest list of a lot's units takes."""
SHORT_BYTES = 1 << 16
IDLE_LINE_S = 5
"""How long a line stays open between two requests."""
HEADER_BYTES = 1 << 14
MOST_HEADERS = 100
FROM_ELSEWHERE = message.Message(
    id="Situs lain mencoba mengirim ke layanan ini. Buka halaman layanan ini sendiri lalu kirim dari sana.",
    en="Another site tried to send to this service. Open this service's own page and send from there.",
)


FEWER_HEADERS = message.Message(
    id=f"Alamat dan kepala permintaan paling banyak {HEADER_BYTES // 1024} KiB dalam {MOST_HEADERS} baris. Hapus kuki "
    "situs ini di peramban, atau persingkat pencarian.",
    en=f"Address and headers of a request may take {HEADER_BYTES // 1024} KiB in {MOST_HEADERS} lines. Remove this site's "
    "cookies from the browser, or shorten the search.",
)


class UploadLimit:
    """Refuses a body larger than `limit_bytes`: at its announcement, else as soon as too much has come.

    Where no photos are sent a body is read as a whole, some of them before anybody is asked who sends it: there
    ENTRY_BYTES are the limit.
    """

    def __init__(self, app: ASGIApp, *, limit_bytes: int) -> None:
        self._app = app
        self._limit_bytes = limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        brings_photos = scope["path"].startswith(PHOTOS_AT)
        limit_bytes = self._limit_bytes if brings_photos else min(ENTRY_BYTES, self._limit_bytes)
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced) > limit_bytes:
            words = upload_too_large(limit_bytes)
            await problem(UPLOAD_TOO_LARGE, words, instance=scope["path"])(scope, receive, send)
            return
        arrived = 0

        async def receive_counted() -> Message:
            nonlocal arrived
            event = await receive()
            arrived += len(event.get("body", b""))
            if arrived > limit_bytes:
                raise UploadTooLarge(limit_bytes)
            return event

        await self._app(scope, receive_counted, send)


class HeaderLimit:
    """Refuses more than MOST_HEADERS, or more than HEADER_BYTES of address and headers together; the server holds them
    to as much (h11) only while they are not whole yet.

    And says that there is nothing at an address with a NUL, on which file systems and databases stumble.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = scope["headers"]
            size_bytes = len(scope["raw_path"]) + len(scope["query_string"])
            size_bytes += sum(len(name) + len(value) for name, value in headers)
            if len(headers) > MOST_HEADERS or size_bytes > HEADER_BYTES:
                await problem(HEADERS_TOO_LARGE, FEWER_HEADERS, instance="")(scope, receive, send)
                return
            if "\0" in scope["path"] or b"%00" in scope["query_string"]:
                await problem(*HTTP_KINDS[404], instance="")(scope, receive, send)
                return
        await self._app(scope, receive, send)


class HangUp:
    """Closes the connection with an answer that was given before the body was read, so that the rest is not taken.

    Else the server would take and drop all of it, to find the next request behind it; and whoever waits to be told to go
    on (Expect: 100-continue) could send it after all, or not (RFC 9110, 10.1.1). Also with one that tells to come again
    when an idle line is closed already: a sender that does not look would send the next request into nothing.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        unread = is_long(headers) or "expect" in headers

        async def receive_noting_the_end() -> Message:
            nonlocal unread
            event = await receive()
            unread = unread and event.get("more_body", False)
            return event

        async def send_closing(event: Message) -> None:
            if event["type"] == "http.response.start":
                told = MutableHeaders(scope=event)
                if unread or int(told.get("retry-after", "0")) >= IDLE_LINE_S:
                    told["Connection"] = "close"
            await send(event)

        await self._app(scope, receive_noting_the_end, send_closing)


def is_long(headers: Headers) -> bool:
    """Whether a body is announced of which most is still to come; a short one comes together with the headers."""
    announced = headers.get("content-length", "0")
    return "transfer-encoding" in headers or not announced.isdecimal() or int(announced) > SHORT_BYTES


class SameSite:
    """Refuses what a browser sends here on behalf of another site, except for reading pages.

    Browsers say where a request comes from (Sec-Fetch-Site, Origin); one that says neither is let through only
    without a session's cookie, for a machine sends none.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        writes = scope["type"] == "http" and scope["method"] not in ("GET", "HEAD")
        if writes and _is_foreign(Headers(scope=scope)):
            request = Request(scope)
            await run_in_threadpool(note_forgery, request, request.app.state.desk)
            answer = problem(REFUSED_FROM_ELSEWHERE, FROM_ELSEWHERE, instance=scope["path"])
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _is_foreign(headers: Headers) -> bool:
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        return site != "same-origin"
    if origin is not None:
        return urlsplit(origin).netloc != headers.get("host")
    return "cookie" in headers


class SecurityHeaders:
    """Adds the headers that keep pages to themselves: no inline script, no frames, no foreign assets.

    And those that let no browser or proxy keep what an answer says, unless the answer states otherwise; scripts and
    styles (ASSETS_AT) say nothing of anybody. `https`: browsers that came by it once come by nothing else.
    """

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        self._always = SECURITY_HEADERS | (ONLY_HTTPS if https else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_guarded(event: Message) -> None:
            if event["type"] == "http.response.start":
                headers = MutableHeaders(scope=event)
                for name, value in self._always.items():
                    headers.setdefault(name, value)
                if not scope["path"].startswith(ASSETS_AT):
                    headers.setdefault("Cache-Control", "no-store")
                if headers.get("content-type", "").startswith("application/json"):
                    headers.setdefault("Content-Disposition", JSON_IS_NO_PAGE)
            await send(event)

        await self._app(scope, receive, send_guarded)
