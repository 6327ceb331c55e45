"""One line of JSON a request, with an id that the answer carries too; and the form of all other lines.

No line holds what a person sent: of an address only its pattern, of an error its class and place, not its words.
"""

import json
import logging
import re
import time
import traceback
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, TextIO
from uuid import uuid4

from opentelemetry.trace import Span, SpanKind, StatusCode
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.metrics import Metrics
from service.problems import MEDIA_TYPE, UNEXPECTED, UNEXPECTED_SENTENCE, problem
from service.traces import Traces

LOG = logging.getLogger("qc_service.requests")
REQUEST_ID = "X-Request-ID"
ID_SENT = re.compile(r"[0-9A-Fa-f-]{16,64}")
"""Ids that are taken over, UUIDs and trace ids: too narrow for a name, a code or a place."""
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
ELSEWHERE = "(none)"


class RequestLog:
    """Logs, counts and traces every request; answers what nobody foresaw, so that no server prints its words."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, traces: Traces) -> None:
        self._app = app
        self._metrics = metrics
        self._traces = traces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with self._traces.span("request", kind=SpanKind.SERVER) as span:
            await self._answer(scope, receive, send, span)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, span: Span) -> None:
        began = time.perf_counter()
        request_id = _request_id(scope)
        answer = _Answer()

        async def send_marked(event: Message) -> None:
            if event["type"] == "http.response.start":
                MutableHeaders(scope=event)[REQUEST_ID] = request_id
            answer.take(event)
            await send(event)

        said: dict[str, Any] = {}
        try:
            await self._app(scope, receive, send_marked)
        except Exception as wrong:
            said = describe_error(wrong)
            if answer.status is not None:
                raise
            unexpected = problem(UNEXPECTED, UNEXPECTED_SENTENCE, instance=scope["path"])
            await unexpected(scope, receive, send_marked)
        finally:
            seconds = time.perf_counter() - began
            method = scope["method"] if scope["method"] in METHODS else ELSEWHERE
            route, status, refusal = _route(scope), answer.status or 0, answer.refusal()
            self._metrics.count(method, route, status=status, seconds=seconds, refusal=refusal)
            said |= {
                "request_id": request_id,
                "method": method,
                "route": route,
                "status": status,
                "ms": round(1000 * seconds, 1),
                "refusal": refusal,
            }
            level = logging.ERROR if status >= 500 or not status else logging.INFO
            LOG.log(level, "request", extra={"said": said})
            _describe(span, said)


class _Answer:
    """What of the answer the log needs: its status and, of a problem document, its code."""

    def __init__(self) -> None:
        self.status: int | None = None
        self._is_problem = False
        self._body = b""

    def take(self, event: MutableMapping[str, Any]) -> None:
        if event["type"] == "http.response.start":
            self.status = event["status"]
            self._is_problem = Headers(raw=event["headers"]).get("content-type", "").startswith(MEDIA_TYPE)
        elif self._is_problem:
            self._body += event.get("body", b"")

    def refusal(self) -> str | None:
        if not self._is_problem or not self._body:
            return None
        code: str = json.loads(self._body)["type"].rpartition(":")[2]
        return code


class JsonLines(logging.Formatter):
    """Every log record as one JSON object on a line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "said", {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line |= describe_error(record.exc_info[1])
        return json.dumps(line)  # in ASCII: no control character reaches a terminal


def log_as_json(stream: TextIO) -> None:
    """Sends the service's own lines, and the warnings of all others, to the stream as JSON.

    Of others no less than warnings: Pillow's lines hold the EXIF of photos, httpx2's the addresses it calls.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    LOG.setLevel(logging.INFO)


def describe_error(wrong: BaseException) -> dict[str, Any]:
    """Class and place of an error. Not its words: those of a database repeat the values of the row."""
    frames = traceback.extract_tb(wrong.__traceback__)
    return {
        "error": type(wrong).__qualname__,
        "frames": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-8:]],
    }


def _describe(span: Span, said: Mapping[str, Any]) -> None:
    """What the line says, in the words of OpenTelemetry's conventions where they have one."""
    method, route, status = said["method"], said["route"], said["status"]
    span.update_name(f"{method} {route}")
    told = {
        "http.request.method": method,
        "http.route": route,
        "http.response.status_code": status or None,
        "error.type": said.get("error"),
        "qc.request_id": said["request_id"],
        "qc.refusal": said["refusal"],
    }
    span.set_attributes({name: value for name, value in told.items() if value is not None})
    if status >= 500 or not status:
        span.set_status(StatusCode.ERROR)


def _request_id(scope: Scope) -> str:
    sent = Headers(scope=scope).get(REQUEST_ID, "")
    return sent if ID_SENT.fullmatch(sent) else uuid4().hex


def _route(scope: Scope) -> str:
    """The pattern of the route that answered, such as `/v1/lots/{lot}`."""
    pattern = getattr(scope.get("route"), "path", None)
    return pattern if isinstance(pattern, str) else ELSEWHERE
