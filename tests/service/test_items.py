"""Eligibility of items and the specs on offer."""

import json

import pytest
from fastapi.testclient import TestClient

from qc_vision.decision import Verdict
from qc_vision.spec import shipped_specs
from tests.service.fakes import photo_of


def inspect(client: TestClient, verdict: Verdict, *, ref: str) -> list[str]:
    answer = client.post(
        "/v1/inspections",
        files=[("photos", ("a.jpg", photo_of(verdict)))],
        data={"item": json.dumps({"ref": ref})},
    )
    return [photo["id"] for photo in answer.json()["photos"]]


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (Verdict.PASS, "on_hold"),
        (Verdict.REVIEW, "on_hold"),
        (Verdict.RETAKE, "on_hold"),
        (Verdict.FAIL, "not_eligible"),
    ],
)
def test_no_item_is_eligible_while_lot_checks_and_documents_are_missing(
    client: TestClient, verdict: Verdict, expected: str
) -> None:
    inspect(client, verdict, ref="A-1")

    assert client.get("/v1/items/A-1/eligibility").json()["eligibility"] == expected


def test_eligibility_goes_by_the_latest_inspection_of_that_item_alone(client: TestClient) -> None:
    inspect(client, Verdict.FAIL, ref="A-1")
    inspect(client, Verdict.PASS, ref="A-1")
    inspect(client, Verdict.FAIL, ref="B-2")

    answer = client.get("/v1/items/A-1/eligibility").json()

    assert answer["eligibility"] == "on_hold"  # and not refused for what its earlier photos showed
    assert not [rule for rule in answer["rules"] if rule["status"] == "fails"]


def test_a_failing_rule_names_the_record_that_shows_it(client: TestClient) -> None:
    records = inspect(client, Verdict.FAIL, ref="A-1")

    rules = client.get("/v1/items/A-1/eligibility").json()["rules"]

    assert [rule["evidence"] for rule in rules if rule["status"] == "fails"] == [records]


def test_an_item_that_was_never_inspected_is_a_404_in_both_languages(client: TestClient) -> None:
    answer = client.get("/v1/items/NONE/eligibility")

    assert answer.status_code == 404
    assert set(answer.json()["messages"]) == {"id", "en"}


def test_all_shipped_specs_are_on_offer_and_say_whether_they_need_a_scale(client: TestClient) -> None:
    specs = {spec["id"]: spec for spec in client.get("/v1/specs").json()}

    assert set(specs) == set(shipped_specs())
    assert not specs["default"]["needs_scale"]
    assert specs["mendong"]["needs_scale"]  # it limits rows per 10 cm
