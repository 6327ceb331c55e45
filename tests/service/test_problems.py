"""Every refusal is a problem document in both languages, and says nothing of our inside."""

from collections.abc import Iterator
from datetime import datetime

import pytest
from fastapi.testclient import TestClient

from qc_vision.decision import Verdict
from qc_vision.errors import ModelError, PhotoError, QcVisionError, StorageError
from qc_vision.inspection import Inspection
from qc_vision.message import Message
from qc_vision.spec import ProductSpec
from service.app import create_app
from service.problems import KINDS, kind_of
from service.settings import Settings
from tests.service.fakes import photo_of
from tests.service.signed_in import signed_in

PHOTO = [("photos", ("a.jpg", photo_of(Verdict.PASS)))]


class BrokenInspector:
    """Raises what it is given."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def inspect(self, data: bytes, *, spec: ProductSpec, came_at: datetime | None = None) -> Inspection:
        raise self._error


def served(settings: Settings, error: Exception) -> Iterator[TestClient]:
    with signed_in(
        create_app(settings, inspector=BrokenInspector(error)), raise_server_exceptions=False
    ) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/web/nothing.js", 404),
        ("GET", "/v1/samples/none.jpg", 404),
        ("DELETE", "/v1/inspections", 405),
        ("PATCH", "/v1/inspections/x", 405),
        ("GET", "/v1/inspections?limit=0", 422),
        ("GET", "/v1/inspections?verdict=maybe", 422),
        ("POST", "/v1/inspections", 422),
    ],
)
def test_refusals_are_problem_documents_in_both_languages(
    client: TestClient, method: str, path: str, status: int
) -> None:
    answer = client.request(method, path)

    body = answer.json()
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["status"] == status
    assert body["detail"] == f"{body['messages']['id']} / {body['messages']['en']}"
    assert body["type"].startswith("urn:qc-vision:problem:")


def test_a_fault_of_ours_is_a_500_without_a_trace(settings: Settings) -> None:
    for client in served(settings, RuntimeError("secret inside")):
        answer = client.post("/v1/inspections", files=PHOTO)

        assert answer.status_code == 500
        assert answer.headers["content-type"] == "application/problem+json"
        assert "secret" not in answer.text
        assert "Traceback" not in answer.text


@pytest.mark.parametrize(("error", "status"), [(ModelError, 503), (StorageError, 507)])
def test_core_errors_get_the_status_of_the_table(
    settings: Settings, error: type[QcVisionError], status: int
) -> None:
    for client in served(settings, error(Message(id="rusak", en="broken"))):
        answer = client.post("/v1/inspections", files=PHOTO)

        assert answer.status_code == status
        assert answer.json()["messages"] == {"id": "rusak", "en": "broken"}


def test_every_core_error_has_a_kind_of_its_own() -> None:
    errors = [error for family in (PhotoError, QcVisionError) for error in family.__subclasses__()]
    core = [error for error in errors if error.__module__ == "qc_vision.errors"]

    assert core
    for error in core:
        assert kind_of(error(Message(id="", en=""))) is KINDS[error]


def test_an_announced_upload_over_the_limit_is_refused_before_it_is_read(client: TestClient) -> None:
    answer = client.post("/v1/inspections", content=b"0", headers={"content-length": "2000001"})

    assert answer.status_code == 413
    assert answer.json()["type"] == "urn:qc-vision:problem:upload-too-large"


def test_an_upload_that_grows_over_the_limit_is_cut_off_while_it_arrives(client: TestClient) -> None:
    taken = 0

    def grow() -> Iterator[bytes]:
        nonlocal taken
        yield b'--b\r\nContent-Disposition: form-data; name="photos"; filename="a.jpg"\r\n\r\n'
        for _ in range(30):
            taken += 100_000
            yield b"0" * 100_000

    answer = client.post(
        "/v1/inspections", content=grow(), headers={"content-type": "multipart/form-data; boundary=b"}
    )

    assert answer.status_code == 413
    assert "2 MB" in answer.json()["messages"]["en"]


def test_a_form_sent_on_behalf_of_another_site_is_refused(client: TestClient) -> None:
    answer = client.post("/v1/inspections", files=PHOTO, headers={"sec-fetch-site": "cross-site"})

    assert answer.status_code == 403
    assert client.get("/v1/inspections").json()["inspections"] == []
