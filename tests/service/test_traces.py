"""Traces, as an OpenTelemetry collector gets them: of requests, and of the grading that follows them."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from qc_vision.decision import Verdict
from service.app import create_app
from service.crew import Processes, working
from service.settings import Settings, SettingsRefused, read_settings
from tests.service.fakes import FakeInspector, photo_of
from tests.service.nursery import nursery
from tests.service.signed_in import signed_in
from tests.service.test_uploads import RED, FragileInspector, send, settled

REQUEST_ID = "4bf92f3577b34da6a3ce929d0e0e4736"


class Collector(HTTPServer):
    """Takes what is posted to /v1/traces, as protobuf."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Takes)
        self.bodies: list[bytes] = []
        self.elsewhere: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def spans(self) -> list[Span]:
        requests = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        scopes = [
            s for request in requests for resource in request.resource_spans for s in resource.scope_spans
        ]
        return [span for scope in scopes for span in scope.spans]

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans() if span.name == name]


class _Takes(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/v1/traces" and self.headers["Content-Type"] == "application/x-protobuf":
            self.server.bodies.append(body)
        else:
            self.server.elsewhere.append(self.path)
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def collecting() -> Iterator[Collector]:
    with Collector() as collector:
        thread = threading.Thread(target=collector.serve_forever)
        thread.start()
        try:
            yield collector
        finally:
            collector.shutdown()
            thread.join()


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture
def traced(settings: Settings, collector: Collector) -> Settings:
    return settings.model_copy(update={"otlp_endpoint": collector.url})


def said(span: Span) -> dict[str, Any]:
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in span.attributes}


def test_a_request_is_a_span_with_pattern_method_status_and_request_id(
    traced: Settings, collector: Collector
) -> None:
    with signed_in(create_app(traced, inspector=FakeInspector())) as client:
        client.get("/v1/inspections/R-77?x=secret", headers={"X-Request-ID": REQUEST_ID})

    (span,) = collector.named("GET /v1/inspections/{inspection_id}")
    assert span.kind == Span.SPAN_KIND_SERVER
    assert said(span) == {
        "http.request.method": "GET",
        "http.route": "/v1/inspections/{inspection_id}",
        "http.response.status_code": 404,
        "qc.request_id": REQUEST_ID,
        "qc.refusal": "not-found",
    }
    assert collector.elsewhere == []


def test_grading_goes_on_in_the_trace_of_the_request_that_sent_the_photos(
    traced: Settings, collector: Collector
) -> None:
    with signed_in(create_app(traced, inspector=FakeInspector())) as client:
        assert send(client, photo_of(Verdict.FAIL), photo_of(Verdict.PASS)).status_code == 201
        assert send(client, b"no photo").status_code == 415

    requests, graded = collector.named("POST /v1/inspections"), collector.named("grade upload")
    assert [(g.trace_id, g.parent_span_id) for g in graded] == [(r.trace_id, r.span_id) for r in requests]
    assert [said(span) for span in graded] == [
        {"qc.photos": 2, "qc.claims": 1, "qc.kept": True, "qc.verdict": "fail", "qc.decode_ms": 2.0},
        {"qc.photos": 1, "qc.claims": 1, "qc.refusal": "unsupported-photo"},
    ]


def test_a_worker_process_sends_spans_of_its_own_in_the_same_trace(
    traced: Settings, collector: Collector
) -> None:
    with (
        working(Processes(traced, load=FakeInspector, context=nursery())) as crew,
        signed_in(create_app(traced, crew=crew)) as client,
    ):
        link = send(client, RED, prefer="respond-async").headers["location"]
        assert settled(client, link, timeout_s=60)["state"] == "done"
        end = time.monotonic() + 60
        while not collector.named("grade upload"):
            assert time.monotonic() < end
            time.sleep(0.02)

    (request,), (graded,) = collector.named("POST /v1/inspections"), collector.named("grade upload")
    assert (graded.trace_id, graded.parent_span_id) == (request.trace_id, request.span_id)


def test_spans_hold_no_code_no_place_no_address_and_no_words_of_errors(
    traced: Settings, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    # FastAPI would send spans of its own, with addresses and queries
    monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    item = '{"ref": "B-7431", "village": "Desa Rahasia", "maker": "M-5566"}'
    with signed_in(create_app(traced, inspector=FragileInspector()), raise_server_exceptions=False) as client:
        headers = {"X-Forwarded-For": "203.0.113.9", "X-Request-ID": "B-7431", "User-Agent": "phone of Siti"}
        client.get("/v1/items/B-7431/eligibility?lat=-7.512345", headers=headers)
        client.get("/v1/inspections", params={"village": "Desa Rahasia"})
        sent = send(client, RED, prefer="respond-async", item=item, by="Q-9182")
        assert settled(client, sent.headers["location"])["state"] == "set_aside"
        monkeypatch.setattr("service.routes.inspections.receive", broken)
        assert send(client, RED, item=item, by="Q-9182").status_code == 500

    *_, failed = collector.named("POST /v1/inspections")
    assert said(failed)["error.type"] == "RuntimeError"
    graded = collector.named("grade upload")
    assert [said(span)["error.type"] for span in graded] == ["MemoryError"] * 2
    assert {span.status.code for span in [failed, *graded]} == {Status.STATUS_CODE_ERROR}
    everything = b"".join(collector.bodies)
    secrets = ("7431", "Rahasia", "5566", "9182", "7.512345", "203.0.113.9", "Siti", "secret", "1.jpg")
    assert [secret for secret in secrets if secret.encode() in everything] == []


def broken(*_: object, **__: object) -> None:
    raise RuntimeError("row of B-7431 by Q-9182 at -7.512345")


def test_a_collector_that_is_away_keeps_nobody_from_working(settings: Settings) -> None:
    # nobody listens at port 9
    away = settings.model_copy(update={"otlp_endpoint": "http://127.0.0.1:9"})
    with signed_in(create_app(away, inspector=FakeInspector())) as client:
        assert send(client, RED).status_code == 201


def test_where_no_collector_is_set_nothing_that_could_send_is_imported(tmp_path: Path) -> None:
    code = f"""
import sys
from pathlib import Path
from fastapi.testclient import TestClient
from service.app import create_app
from service.settings import Settings
from tests.service.fakes import FakeInspector
with TestClient(create_app(Settings(data_dir=Path({str(tmp_path)!r})), inspector=FakeInspector())) as client:
    assert client.get("/healthz").status_code == 200
print([name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))])
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("wrong", ["collector:4318", "http://user@collector:4318", "http://collector:4318/"])
def test_an_address_of_another_form_is_refused(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(SettingsRefused, match="QC_OTLP_ENDPOINT"):
        read_settings({"otlp_endpoint": wrong}, env_file=tmp_path / ".env")


def test_without_the_extra_the_start_is_refused_with_variable_and_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("service.settings.distribution", missing)

    with pytest.raises(SettingsRefused, match=r"QC_OTLP_ENDPOINT needs .*qc_vision\[otel\]"):
        read_settings({"otlp_endpoint": "http://127.0.0.1:4318"}, env_file=tmp_path / ".env")
    assert read_settings(env_file=tmp_path / ".env").otlp_endpoint is None
