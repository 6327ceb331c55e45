"""An inspection sent under the wrong basket's code: filed anew, and everything that follows from it follows."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

from qc_vision.decision import Verdict
from service.caller import Role
from service.cli import main
from service.settings import Settings
from tests.service.fakes import photo_of
from tests.service.signed_in import AsNamed
from tests.service.test_lots import SPEC, UNITS, board, decide, decided, eligibility, form_lot, inspect, unmet

__all__ = ["decided"]  # the fixture


def file(client: TestClient, inspection: str, to: str, *, version: int = 0, **more: Any) -> Any:
    headers = {"If-Match": f'"{version}"'} if version else {}
    entry = {"by": "R-1", "item": to, "reason": "kode tertukar", **more}
    return client.put(f"/v1/inspections/{inspection}/filing", json=entry, headers=headers)


def kinds(client: TestClient, **query: str) -> list[str]:
    return [fact["kind"] for fact in client.get("/v1/facts", params=query).json()["facts"]]


def events(client: TestClient, **query: str) -> list[Any]:
    return client.get("/v1/epcis/events", params=query).json()["epcisBody"]["eventList"]


def test_it_goes_with_the_right_basket_and_both_histories_say_who_and_why(client: TestClient) -> None:
    moved = inspect(client, "A-1", Verdict.FAIL)

    answer = file(client, moved, "B-1", maker="P-7")

    assert (answer.status_code, answer.headers["etag"]) == (201, '"1"')
    assert client.get(f"/v1/inspections/{moved}").json()["item"]["ref"] == "B-1"
    assert client.get(f"/v1/inspections/{moved}").json()["item"]["maker"] == "P-7"
    listed = {
        ref: client.get("/v1/inspections", params={"ref": ref}).json()["inspections"]
        for ref in ("A-1", "B-1")
    }
    assert (listed["A-1"], [i["id"] for i in listed["B-1"]]) == ([], [moved])
    (left,) = client.get("/v1/facts", params={"item": "A-1", "kind": "unfiled"}).json()["facts"]
    (filed,) = client.get("/v1/facts", params={"item": "B-1", "kind": "filed"}).json()["facts"]
    assert {(f["subject"], f["by"], f["body"]["reason"]) for f in (left, filed)} == {
        (moved, "R-1", "kode tertukar")
    }
    assert client.get(f"/v1/inspections/{moved}/filing").json() == filed


def test_eligibility_follows_and_a_decision_on_the_wrong_basket_no_longer_counts(client: TestClient) -> None:
    moved = inspect(client, "A-1", Verdict.FAIL)
    decide(client, moved, "overrule", reason="bayangan")
    assert "every_photo_passes" not in unmet(client, "A-1")

    file(client, moved, "B-1")

    assert client.get("/v1/items/A-1/eligibility").status_code == 404  # nobody has photographed it
    assert (
        eligibility(client, "B-1")["eligibility"] == "not_eligible"
    )  # as the machine says, until a person looks
    (waiting,) = client.get("/v1/reviews").json()["reviews"]
    assert (waiting["inspection"]["id"], waiting["version"]) == (moved, 1)
    assert kinds(client, item="A-1", current="true", kind="disposition") == []
    assert decide(client, moved, "overrule", reason="bayangan", version=1).status_code == 201
    assert "every_photo_passes" not in unmet(client, "B-1")
    assert client.get("/v1/reviews").json()["reviews"] == []


def test_the_lot_and_its_sample_count_the_right_basket(decided: TestClient) -> None:
    assert decided.post("/v1/lots/LOT-1/decision", json={"by": "R-1"}).json()["body"]["verdict"] == "accepted"
    issued = decided.post("/v1/lots/LOT-1/certificates", json={"by": "R-1"}).json()
    number = issued["certificate"]["id"]
    assert decided.get(f"/v1/certificates/{number}").json()["since"] == "unchanged"
    (moved,) = decided.get("/v1/inspections", params={"ref": UNITS[0]}).json()["inspections"]

    file(decided, moved["id"], "ELSEWHERE-1")

    now = board(decided)
    (need,) = now["decision"]["missing"]
    assert (need["code"], need["units"], now["decision"]["verdict"]) == ("photos", [UNITS[0]], "open")
    assert now["changed_since_decided"]
    assert decided.get(f"/v1/certificates/{number}").json()["since"] == "changed"
    assert decided.post("/v1/lots/LOT-1/certificates", json={"by": "R-1"}).status_code == 409
    decide(decided, inspect(decided, UNITS[0]))
    assert not board(decided)["changed_since_decided"]


def test_one_sent_without_a_code_is_given_its_basket_and_counts_in_its_lot(client: TestClient) -> None:
    form_lot(client)
    answer = client.post(
        "/v1/inspections",
        files=[("photos", ("a.jpg", photo_of(Verdict.PASS)))],
        data={"item": json.dumps({"spec": SPEC}), "by": "F-1"},
    )

    file(client, answer.json()["id"], UNITS[2])

    (unit,) = [unit for unit in board(client)["units"] if unit["ref"] == UNITS[2]]
    assert unit["inspection"]["id"] == answer.json()["id"]
    assert "unfiled" not in kinds(client)


def test_what_was_told_of_the_wrong_basket_is_declared_wrong_and_told_of_the_right_one(
    client: TestClient,
) -> None:
    moved = inspect(client, "A-1", Verdict.FAIL)
    decide(client, moved, severity="major")
    file(client, moved, "B-1")

    told, judged, *wrong = events(client, item="A-1")
    (right,) = events(client, item="B-1")
    assert [event["eventID"] for event in wrong] == [told["eventID"], judged["eventID"]]
    assert wrong[0]["errorDeclaration"]["correctiveEventIDs"] == [right["eventID"]]
    assert "correctiveEventIDs" not in wrong[1]["errorDeclaration"]
    assert right["epcList"][0].endswith("/unit/B-1")
    without = ("eventID", "epcList")
    assert {k: v for k, v in right.items() if k not in without} == {
        k: v for k, v in told.items() if k not in without
    }


def test_it_may_be_filed_again_and_back_and_no_event_is_declared_wrong_twice(client: TestClient) -> None:
    moved = inspect(client, "A-1", Verdict.FAIL)
    decide(client, moved, severity="major")
    file(client, moved, "B-1")
    decide(client, moved, severity="minor", version=1)

    assert file(client, moved, "A-1").status_code == 428
    assert file(client, moved, "A-1", version=1).status_code == 200
    assert file(client, moved, "B-1", version=1).status_code == 412

    declared = [e["eventID"] for e in events(client, limit="100") if "errorDeclaration" in e]
    assert len(declared) == len(set(declared)) == 4  # two of A-1, two of B-1
    assert client.get(f"/v1/inspections/{moved}").json()["item"]["ref"] == "A-1"
    # the first decision was taken back with its event, and stays so
    assert [review["inspection"]["id"] for review in client.get("/v1/reviews").json()["reviews"]] == [moved]


def test_a_maker_s_request_waits_for_the_basket_whose_photos_they_are(client: TestClient) -> None:
    moved = inspect(client, "A-1")
    client.post("/v1/review-requests", json={"by": "P-1", "item": "A-1"})
    assert [r["why"] for r in client.get("/v1/reviews").json()["reviews"]] == ["maker_asks"]

    file(client, moved, "B-1")

    assert client.get("/v1/reviews").json()["reviews"] == []
    again = inspect(client, "A-1")
    assert [r["inspection"]["id"] for r in client.get("/v1/reviews").json()["reviews"]] == [again]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"to": "A-1"}, 409),
        ({"to": "B-1", "by": "F-1"}, 409),  # took the photos
        ({"to": "B-1", "reason": " "}, 422),
        ({"to": "B 1"}, 422),
    ],
)
def test_what_makes_no_sense_is_refused_and_leaves_nothing(
    client: TestClient, change: dict[str, str], status: int
) -> None:
    moved = inspect(client, "A-1")
    head = client.get("/v1/ledger/head").json()

    assert file(client, moved, **change).status_code == status
    assert client.get("/v1/ledger/head").json() == head


def test_only_a_reviewer_may(client: TestClient) -> None:
    moved = inspect(client, "A-1")
    assert isinstance(client.auth, AsNamed)
    client.auth.token("E-1", Role.EXPORTER, Role.INSPECTOR)

    assert file(client, moved, "B-1", by="E-1").status_code == 403
    assert file(client, "0" * 32, "B-1").status_code == 404


def test_the_command_does_the_same(
    client: TestClient, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    moved = inspect(client, "A-1")
    assert isinstance(client.auth, AsNamed)
    client.auth.token("R-1", Role.REVIEWER)
    command = ["record", "refile", moved, "--to", "B-1", "--reason", "salah kode"]
    data = ["--data", str(settings.data_dir)]

    assert main([*command, "--by", "R-1", *data]) == 0
    assert json.loads(capsys.readouterr().out)["item"] == "B-1"
    assert client.get(f"/v1/inspections/{moved}").json()["item"]["ref"] == "B-1"
    for wrong in (["--by", "NOBODY"], ["--by", "R-1", "--to", "not a code"], ["--by", "R-1"]):
        assert main([*command, *wrong, *data]) == 1
    assert capsys.readouterr().out == ""
    assert main(["record", "verify", *data]) == 0
