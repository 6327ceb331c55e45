"""The series of lots: a stop is lifted, and reduced inspection approved, by a person with a reason alone."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from qc_vision.decision import Verdict
from tests.service.test_lots import SPEC, decide, form_lot, inspect

SERIES = f"/v1/series/KLS/{SPEC}"
REFUSED_TO_STOP = 7
"""Two refusals of normal inspection tighten it, five of tightened inspection stop it (ISO 2859-1, 9.3 and 9.4)."""


def decide_series(client: TestClient, action: str, severity: str = "major", **more: Any) -> Any:
    entry = {"by": "K-1", "severity": severity, "action": action, "reason": "pelatihan ulang", **more}
    return client.post(f"{SERIES}/decisions", json=entry)


def states(client: TestClient) -> dict[str, str]:
    return {c["severity"]: c["switching"]["state"] for c in client.get(SERIES).json()["classes"]}


def judge_lot(client: TestClient, lot: str, *, refused: bool) -> Any:
    units = tuple(f"{lot}-{n}" for n in range(2))
    form_lot(client, lot, units=units)
    first, second = (inspect(client, unit, Verdict.PASS) for unit in units)
    if refused:
        decide(client, first, "overrule", severity="major", reason="lubang")
    else:
        decide(client, first)
    decide(client, second)
    answer = client.post(f"/v1/lots/{lot}/decision", json={"by": "R-1"})
    assert answer.json()["body"]["verdict"] == ("rejected" if refused else "accepted")


@pytest.fixture
def stopped(client: TestClient) -> TestClient:
    for n in range(REFUSED_TO_STOP):
        judge_lot(client, f"R{n}", refused=True)
    return client


def test_a_stop_refuses_new_lots_until_somebody_states_that_the_cause_is_mended(stopped: TestClient) -> None:
    entry = {"by": "R-1", "id": "NEXT", "group": "KLS", "spec": SPEC, "units": ["N-1", "N-2"]}
    assert states(stopped) == {"major": "discontinued", "minor": "normal"}
    refused = stopped.post("/v1/lots", json=entry)

    lifted = decide_series(stopped, "cause_mended")

    assert (refused.status_code, lifted.status_code) == (409, 201)
    assert lifted.json()["by"] == "K-1"
    assert states(stopped)["major"] == "tightened"
    plan = form_lot(stopped, "NEXT", units=("N-1", "N-2"))["plan"]
    assert {c["severity"]: c["regime"] for c in plan["classes"]}["major"] == "tightened"


def test_reduced_inspection_begins_with_a_score_of_30_and_an_approval_and_ends_with_irregular_work(
    client: TestClient,
) -> None:
    # with Ac 0 each accepted lot adds 2 to the score: the fifteenth makes it 30 (9.3.3.2)
    assert decide_series(client, "approve_reduced").status_code == 201
    for n in range(15):
        assert states(client)["major"] == "normal"
        judge_lot(client, f"A{n}", refused=False)

    assert states(client) == {"major": "reduced", "minor": "normal"}
    assert decide_series(client, "production_irregular").status_code == 201
    assert states(client)["major"] == "normal"


@pytest.mark.parametrize("action", ["cause_mended", "production_irregular"])
def test_a_decision_that_would_change_nothing_is_refused_in_both_languages(
    client: TestClient, action: str
) -> None:
    answer = decide_series(client, action)

    assert answer.status_code == 409
    assert set(answer.json()["messages"]) == {"id", "en"}


@pytest.mark.parametrize("wrong", [{"reason": " "}, {"severity": "critical"}, {"by": "Pak Kepala"}])
def test_a_decision_needs_a_reason_a_sampled_class_and_a_code(
    client: TestClient, wrong: dict[str, str]
) -> None:
    assert decide_series(client, "approve_reduced", **wrong).status_code == 422


def test_another_group_and_an_unknown_spec_are_not_concerned(client: TestClient) -> None:
    decide_series(client, "approve_reduced")

    for group in ("KBS", "kls"):
        other = client.get(f"/v1/series/{group}/{SPEC}").json()
        assert [c["switching"]["reduced_approved"] for c in other["classes"]] == [False, False]
    assert client.get("/v1/series/KLS/none").status_code == 404


def test_a_corrected_verdict_keeps_its_lot_s_place_in_the_series(client: TestClient) -> None:
    judge_lot(client, "L1", refused=False)
    judge_lot(client, "L2", refused=True)
    decide(client, inspect(client, "L1-0", Verdict.FAIL), severity="major")
    answer = client.post("/v1/lots/L1/decision", json={"by": "R-1"}, headers={"If-Match": '"1"'})
    assert answer.json()["body"]["verdict"] == "rejected"

    # the second refusal of five lots: as if the first had been refused at once
    assert states(client)["major"] == "tightened"
