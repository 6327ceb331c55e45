"""Whether a certificate still states what is on record: told truly at each read, judged once for each change."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from qc_vision.decision import Verdict
from service.dossier import read_lot_file
from service.intake import Intake
from service.photos import PhotoFolder
from service.purge import Retention, purge
from service.settings import Settings
from service.store import now, open_store
from tests.service.test_lots import UNITS, decide, decided, enter_checks_and_papers, form_lot, inspect

__all__ = ["decided"]  # the fixture

Enter = Callable[[TestClient], object]


@pytest.fixture
def number(decided: TestClient) -> str:
    decided.post("/v1/lots/LOT-1/decision", json={"by": "R-1"})
    issued = decided.post("/v1/lots/LOT-1/certificates", json={"by": "R-1"}).json()
    return str(issued["certificate"]["id"])


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lots that were judged anew to answer, one entry each time."""
    lots: list[str] = []

    def counting(connection: Any, lot_id: str, **more: Any) -> Any:
        lots.append(lot_id)
        return read_lot_file(connection, lot_id, **more)

    monkeypatch.setattr("service.standing.read_lot_file", counting)
    return lots


def since(client: TestClient, number: str) -> str:
    return str(client.get(f"/v1/certificates/{number}").json()["since"])


def withdraw(client: TestClient) -> object:
    (seen, *_) = client.get("/v1/inspections").json()["inspections"]
    version = client.get(f"/v1/inspections/{seen['id']}").json()["photos"][0]["model"]["version"]
    entry = {"by": "R-1", "withdrawn": True, "reason": "measured again"}
    answer = client.put(f"/v1/model-withdrawals/{version}", json=entry)
    assert answer.status_code == 201, answer.text
    return answer


def too_wet(client: TestClient) -> object:
    entry = {"by": "R-1", "code": "moisture", "at": now().isoformat(), "lot": "LOT-1", "value": 18.0}
    assert client.post("/v1/checks", json=entry).status_code == 201
    return entry


def overruled(client: TestClient) -> object:
    (seen,) = client.get("/v1/inspections", params={"ref": UNITS[1]}).json()["inspections"]
    answer = decide(client, seen["id"], "overrule", version=1, severity="critical", reason="ujung kawat")
    assert answer.status_code == 201, answer.text
    return answer


CHANGES: dict[str, Enter] = {
    "a person decides otherwise": overruled,
    "a basket is inspected again": lambda client: inspect(client, UNITS[0], Verdict.FAIL),
    "a reading of the whole lot": too_wet,
}
SAME: dict[str, Enter] = {
    "another lot": lambda client: form_lot(client, "LOT-2", units=("Z-1", "Z-2")),
    "another basket is inspected": lambda client: inspect(client, "Z-1", Verdict.FAIL),
    "another certificate of the lot": lambda client: client.post(
        "/v1/lots/LOT-1/certificates", json={"by": "R-1"}
    ),
}


@pytest.mark.parametrize("enter", SAME.values(), ids=SAME.keys())
def test_what_is_entered_of_others_changes_nothing_and_nobody_judges_anew(
    decided: TestClient, number: str, judged: list[str], enter: Enter
) -> None:
    enter(decided)

    assert [since(decided, number) for _ in range(3)] == ["unchanged"] * 3
    assert judged == []


@pytest.mark.parametrize("enter", CHANGES.values(), ids=CHANGES.keys())
def test_what_is_entered_of_the_lot_is_told_at_the_next_read_and_judged_once(
    decided: TestClient, number: str, judged: list[str], enter: Enter
) -> None:
    assert since(decided, number) == "unchanged"

    enter(decided)

    assert [since(decided, number) for _ in range(3)] == ["changed"] * 3
    assert judged == ["LOT-1"]


def test_an_entry_that_says_the_same_again_is_looked_at_and_leaves_it_unchanged(
    decided: TestClient, number: str, judged: list[str]
) -> None:
    enter_checks_and_papers(decided)

    assert [since(decided, number) for _ in range(3)] == ["unchanged"] * 3
    assert judged == ["LOT-1"]


def test_what_changes_and_is_put_right_is_told_each_time(decided: TestClient, number: str) -> None:
    (seen,) = decided.get("/v1/inspections", params={"ref": UNITS[1]}).json()["inspections"]
    overruled(decided)
    assert since(decided, number) == "changed"

    assert decide(decided, seen["id"], version=2).status_code == 201

    assert since(decided, number) == "unchanged"


def test_a_model_withdrawn_since_changes_what_nobody_decided(client: TestClient) -> None:
    units = tuple(f"KLS-{n:03}" for n in range(1, 17))  # a sample of 5: the others rest on the machine alone
    lot = form_lot(client, units=units)
    for unit in units:
        seen = inspect(client, unit)
        if unit in lot["sample"]:
            decide(client, seen)
    enter_checks_and_papers(client)
    client.post("/v1/lots/LOT-1/decision", json={"by": "R-1"})
    issued = client.post("/v1/lots/LOT-1/certificates", json={"by": "R-1"}).json()["certificate"]
    assert since(client, issued["id"]) == "unchanged"

    withdraw(client)

    assert since(client, issued["id"]) == "changed"


def test_after_a_purge_it_is_not_known_and_no_photo_is_promised(
    decided: TestClient, number: str, settings: Settings
) -> None:
    folder, store = settings.data_dir, open_store(settings.data_dir / "records.sqlite")
    places = decided.get(f"/v1/certificates/{number}").json()["photos"]
    assert [decided.get(f"/v1/certificates/{number}/photos/{place}").status_code for place in places] == [
        200
    ] * 5
    kept = Retention(photos=timedelta(days=730), records=timedelta(days=3650), audit=timedelta(days=730))

    def purge_after(days: int) -> None:
        later = now() + timedelta(days=days)
        purge(store, PhotoFolder(folder / "photos"), Intake(folder / "intake"), kept, by="A-1", now=later)

    purge_after(731)
    assert decided.get(f"/v1/certificates/{number}").json()["photos"] == []
    assert decided.get(f"/v1/certificates/{number}/photos/1").status_code == 404
    assert since(decided, number) == "unchanged"
    assert decided.get(f"/v1/certificates/{number}/pdf").status_code == 200
    store.close()
