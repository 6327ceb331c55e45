"""What is logged and counted of requests, and what must never be."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families

from qc_vision.decision import Verdict
from service.accounts import PassKind, set_groups
from service.app import create_app
from service.caller import Role
from service.request_log import LOG, log_as_json
from service.settings import Settings
from service.store import now
from tests.service.fakes import FakeInspector, photo_of
from tests.service.signed_in import AsNamed, new_pass, signed_in

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class Printed(io.StringIO):
    """What the service prints where it logs as it does when run."""

    def requests(self) -> list[dict[str, Any]]:
        lines = map(json.loads, self.getvalue().splitlines())
        return [line for line in lines if line["logger"] == LOG.name]


@pytest.fixture
def printed() -> Iterator[Printed]:
    root = logging.getLogger()
    before = root.handlers[:], root.level, LOG.level
    # taken off first: whoever replaces handlers closes them, and pytest needs its own again
    root.handlers.clear()
    stream = Printed()
    log_as_json(stream)
    yield stream
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    LOG.setLevel(before[2])


def figures(client: TestClient) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def figure(found: dict[tuple[str, frozenset[tuple[str, str]]], float], name: str, **labels: str) -> float:
    return found[name, frozenset(labels.items())]


def send(client: TestClient, verdict: Verdict, **more: Any) -> Any:
    return client.post("/v1/inspections", files=[("photos", ("a.jpg", photo_of(verdict)))], **more)


def test_uploads_verdicts_refusals_and_latencies_are_counted(client: TestClient) -> None:
    for verdict in (Verdict.PASS, Verdict.PASS, Verdict.FAIL):
        assert send(client, verdict).status_code == 201
    client.post("/v1/inspections", files=[("photos", ("a.jpg", b"no photo"))])
    client.get("/nowhere/R-77")
    found = figures(client)

    upload = {"method": "POST", "route": "/v1/inspections"}
    assert figure(found, "qc_requests_total", **upload, status="201") == 3
    assert figure(found, "qc_requests_total", **upload, status="415") == 1
    assert figure(found, "qc_requests_total", method="GET", route="(none)", status="404") == 1
    assert figure(found, "qc_refusals_total", code="unsupported-photo") == 1
    assert figure(found, "qc_request_seconds_count", **upload) == 4
    assert figure(found, "qc_inspections_kept", verdict="pass") == 2
    assert figure(found, "qc_inspections_kept", verdict="fail") == 1
    assert figure(found, "qc_uploads", state="done") == 3
    assert [dict(labels)["version"] for name, labels in found if name == "qc_model_info"] == ["fake"]


def test_events_that_wait_for_a_target_are_counted(settings: Settings) -> None:
    # nobody listens at port 9
    told = settings.model_copy(update={"capture_url": "http://127.0.0.1:9/capture"})
    with signed_in(create_app(told, inspector=FakeInspector())) as client:
        send(client, Verdict.PASS)
        send(client, Verdict.PASS)

        assert figure(figures(client), "qc_events_waiting", target="capture") == 2


def test_figures_need_a_sign_in(client: TestClient) -> None:
    client.auth = None

    assert client.get("/metrics").status_code == 401


def test_figures_over_all_villages_are_not_for_who_is_held_to_some(client: TestClient) -> None:
    auth = client.auth
    assert isinstance(auth, AsNamed)
    headers = {"authorization": f"Bearer {new_pass(auth.store, 'M-1', PassKind.TOKEN, Role.ML)}"}
    assert client.get("/metrics", headers=headers).status_code == 200

    with auth.store.changing() as connection:
        set_groups(connection, "M-1", frozenset({"KB-01"}), by="test", now=now())
    assert client.get("/metrics", headers=headers).status_code == 403


@pytest.mark.parametrize(("sent", "taken"), [(TRACE, True), ("R-03 -7.512345", False), ("", False)])
def test_an_answer_carries_the_id_of_its_line(
    client: TestClient, printed: Printed, sent: str, taken: bool
) -> None:
    answered = client.get("/healthz", headers={"X-Request-ID": sent}).headers["x-request-id"]

    (line,) = printed.requests()
    assert line["request_id"] == answered
    assert (answered == sent) is taken
    assert len(answered) == 32
    assert (line["route"], line["status"], line["refusal"]) == ("/healthz", 200, None)


def test_neither_log_nor_figures_hold_codes_names_or_places(
    client: TestClient, printed: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = (
        "B-7431",
        "Q-9182",
        "Desa Rahasia",
        "M-5566",
        "anak.jpg",
        "-7.512345",
        "110.234567",
        "203.0.113.9",
    )
    exif = Image.Exif()
    exif[0x010E] = "-7.512345, 110.234567"
    item = json.dumps({"ref": "B-7431", "village": "Desa Rahasia", "maker": "M-5566", "spec": "default"})
    headers = {"X-Request-ID": "B-7431 -7.512345", "X-Forwarded-For": "203.0.113.9"}
    photo = ("photos", ("anak.jpg", photo_of(Verdict.PASS, exif=exif)))
    answer = client.post(
        "/v1/inspections", files=[photo], data={"item": item, "by": "Q-9182"}, headers=headers
    )
    assert answer.status_code == 201, answer.text
    client.get("/v1/items/B-7431/eligibility?lat=-7.512345&lon=110.234567")
    client.get("/v1/inspections", params={"village": "Desa Rahasia"})
    client.post("/v1/inspections", files=[("photos", ("anak.jpg", b"-7.512345"))], data={"item": item})

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("row of B-7431 by Q-9182 at -7.512345")

    monkeypatch.setattr("service.routes.inspections.receive", fail)
    failed = client.post("/v1/inspections", files=[photo], data={"item": item})
    assert failed.status_code == 500
    assert failed.json()["type"] == "urn:qc-vision:problem:unexpected"
    assert failed.headers["x-request-id"] == printed.requests()[-1]["request_id"]
    assert printed.requests()[-1]["error"] == "RuntimeError"
    assert any("inspect_item" in frame for frame in printed.requests()[-1]["frames"])

    everything = printed.getvalue() + client.get("/metrics").text
    assert len(printed.requests()) >= 5
    assert [secret for secret in secrets if secret in everything] == []
