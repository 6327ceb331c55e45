"""The API's own description: what is edited asks for a version, and every list has its pages."""

from typing import Any

import pytest
from fastapi.testclient import TestClient


@pytest.fixture
def operations(client: TestClient) -> dict[tuple[str, str], Any]:
    """Each operation by method and path."""
    paths = client.get("/openapi.json").json()["paths"]
    return {
        (method, path): operation for path, methods in paths.items() for method, operation in methods.items()
    }


def names(operation: Any, place: str) -> set[str]:
    return {each["name"] for each in operation.get("parameters", ()) if each["in"] == place}


def test_whatever_is_put_in_another_s_place_names_the_version_that_it_was_made_from(
    operations: dict[tuple[str, str], Any],
) -> None:
    edits = {path: operation for (method, path), operation in operations.items() if method == "put"}

    assert "/v1/inspections/{inspection_id}/filing" in edits
    assert [path for path, operation in edits.items() if "if-match" not in names(operation, "header")] == []


def test_every_answer_in_pages_can_be_asked_for_by_limit_cursor_and_a_filter(
    client: TestClient, operations: dict[tuple[str, str], Any]
) -> None:
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    paged = {"/v1/epcis/events"}  # its pages are named by the header `Link`
    for (method, path), operation in operations.items():
        said = operation["responses"].get("200", {}).get("content", {}).get("application/json", {})
        name = said.get("schema", {}).get("$ref", "").rsplit("/", 1)[-1]
        if method == "get" and "next_cursor" in schemas.get(name, {}).get("properties", {}):
            paged.add(path)

    assert paged >= {"/v1/inspections", "/v1/facts", "/v1/lots", "/v1/epcis/events"}
    for path in paged:
        asked = names(operations["get", path], "query")
        assert asked > {"limit", "cursor"}, path
