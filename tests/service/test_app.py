"""Health, OpenAPI, pages and headers."""

import json
import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from pydantic import TypeAdapter

from service.answers import InspectionAnswer
from service.examples import INSPECTION_EXAMPLE
from service.routes import pages


def test_alive_and_ready_while_the_data_folder_can_be_written(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready"}


@pytest.mark.parametrize("path", ["/", "/riwayat", "/pemeriksaan/abc", "/akun", "/masuk"])
def test_pages_allow_no_inline_script_and_no_frame(client: TestClient, path: str) -> None:
    answer = client.get(path)

    policy = answer.headers["content-security-policy"]
    assert answer.status_code == 200
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_every_word_that_a_page_names_is_there_in_both_languages() -> None:
    spoken = set(re.findall(r"^  (\w+): \{", (pages.WEB / "words.js").read_text("utf-8"), flags=re.MULTILINE))
    for path in pages.WEB.glob("*.html"):
        named = set(re.findall(r'data-word="(\w+)"', path.read_text("utf-8")))
        assert named <= spoken, path.name


def test_no_page_asks_for_anything_from_elsewhere() -> None:
    for path in pages.WEB.iterdir():
        text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in text
        assert "https:" not in text
        assert "innerHTML" not in text


def test_documentation_pages_that_load_scripts_from_elsewhere_are_off(client: TestClient) -> None:
    assert client.get("/docs").status_code == 404
    assert client.get("/redoc").status_code == 404


def test_openapi_shows_an_example_that_the_types_accept(client: TestClient) -> None:
    created = client.get("/openapi.json").json()["paths"]["/v1/inspections"]["post"]["responses"]["201"]

    example = created["content"]["application/json"]["example"]
    assert example == INSPECTION_EXAMPLE
    TypeAdapter(InspectionAnswer).validate_json(json.dumps(example))


def test_samples_are_listed_and_served_and_nothing_beside_them(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one.jpg").write_bytes(b"a photo")
    (tmp_path / "secret.txt").write_text("no")
    monkeypatch.setattr(pages, "SAMPLE_FOLDERS", (tmp_path, tmp_path / "missing"))

    samples = client.get("/v1/samples").json()

    assert samples == [{"name": "one.jpg", "link": "/v1/samples/one.jpg"}]
    assert client.get("/v1/samples/one.jpg").content == b"a photo"
    assert client.get("/v1/samples/secret.txt").status_code == 404


def test_without_samples_the_list_is_empty(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "SAMPLE_FOLDERS", (tmp_path / "missing",))

    assert client.get("/v1/samples").json() == []
