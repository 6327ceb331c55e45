"""Lots, decisions of persons, checks and papers: from photos to eligible, and every way to be held back."""

import csv
import io
import itertools
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from fastapi.testclient import TestClient
from scipy import stats

from qc_vision.decision import Verdict
from qc_vision.model import champion_folder
from qc_vision.sampling import draw_sample
from qc_vision.spec import load_spec
from tests.service.fakes import photo_of

SPEC = "mendong"
UNITS = tuple(f"KLS-{n:03}" for n in range(1, 6))
CHECKS = load_spec(SPEC).human_checks


def form_lot(client: TestClient, lot: str = "LOT-1", *, units: tuple[str, ...] = UNITS, **more: Any) -> Any:
    entry = {"by": "R-1", "id": lot, "group": "KLS", "spec": SPEC, "units": units, **more}
    answer = client.post("/v1/lots", json=entry)
    assert answer.status_code == 201, answer.text
    return answer.json()["body"]["lot"]


def inspect(client: TestClient, ref: str, verdict: Verdict = Verdict.PASS, *, by: str = "F-1") -> str:
    answer = client.post(
        "/v1/inspections",
        files=[("photos", ("a.jpg", photo_of(verdict)))],
        data={"item": f'{{"ref": "{ref}", "spec": "{SPEC}"}}', "by": by},
    )
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def decide(client: TestClient, inspection: str, action: str = "confirm", *, version: int = 0, **more: Any):
    headers = {"If-Match": f'"{version}"'} if version else {}
    entry = {"by": "R-1", "inspection_id": inspection, "action": action, **more}
    return client.post("/v1/dispositions", json=entry, headers=headers)


def board(client: TestClient, lot: str = "LOT-1") -> Any:
    return client.get(f"/v1/lots/{lot}").json()


def eligibility(client: TestClient, ref: str) -> Any:
    return client.get(f"/v1/items/{ref}/eligibility").json()


def unmet(client: TestClient, ref: str) -> set[str]:
    return {rule["code"] for rule in eligibility(client, ref)["rules"] if rule["status"] != "holds"}


def enter_checks_and_papers(client: TestClient) -> None:
    at = datetime.now(UTC).isoformat()
    for check in CHECKS:
        value = {"value": 11.0} if check.unit else {"holds": True}
        entry = {"by": "R-1", "code": check.code, "at": at, "lot": "LOT-1", **value}
        assert client.post("/v1/checks", json=entry).status_code == 201
    plant = {
        "part": "mendong",
        "genus": "Fimbristylis",
        "species": "umbellaris",
        "country_of_harvest": "ID",
        "weight_kg": 4.2,
    }
    lacey = {"kind": "lacey_declaration", "plants": [plant], "value": "250.00", "currency": "USD"}
    treated = {
        "kind": "treatment",
        "treatment": "heat",
        "certificate_number": "FUM-7",
        "treated_on": datetime.now(UTC).date().isoformat(),
    }
    for paper in (lacey, treated):
        answer = client.post("/v1/documents", json={"by": "R-2", "lot": "LOT-1", **paper})
        assert answer.status_code == 201, answer.text


@pytest.fixture
def decided(client: TestClient) -> TestClient:
    """A lot whose every basket passed and was seen by a person, with checks and papers."""
    form_lot(client)
    for unit in UNITS:
        decide(client, inspect(client, unit))
    enter_checks_and_papers(client)
    return client


def test_a_lot_with_everything_entered_is_accepted_and_all_its_baskets_are_eligible(
    decided: TestClient,
) -> None:
    answer = decided.post("/v1/lots/LOT-1/decision", json={"by": "R-1"})

    assert answer.status_code == 201
    assert answer.json()["body"]["verdict"] == "accepted"
    assert board(decided)["counts"] == {"eligible": 5, "on_hold": 0, "not_eligible": 0}
    assert unmet(decided, "KLS-001") == set()


def test_the_sample_is_the_one_that_anybody_draws_from_the_seed_that_was_kept(client: TestClient) -> None:
    lot = form_lot(client)

    again = draw_sample(UNITS, seed=lot["seed"], n=lot["plan"]["classes"][-1]["n"])
    assert tuple(lot["sample"])[: len(again)] == again
    first = client.get("/v1/facts", params={"lot": "LOT-1", "kind": "lot"}).json()["facts"]
    assert [fact["seq"] for fact in first] == [1]  # on record before any inspection


def test_photos_taken_before_the_lot_was_formed_do_not_count_for_it(client: TestClient) -> None:
    inspect(client, "KLS-001")
    form_lot(client)

    (need,) = [need for need in board(client)["decision"]["missing"] if need["code"] == "photos"]
    assert "KLS-001" in need["units"]


def test_a_lot_cannot_be_decided_while_a_basket_of_its_sample_was_seen_by_nobody(client: TestClient) -> None:
    form_lot(client)
    for unit in UNITS:
        inspect(client, unit)

    answer = client.post("/v1/lots/LOT-1/decision", json={"by": "R-1"})

    assert answer.status_code == 409
    assert "menunggu" in answer.json()["messages"]["id"]


def test_only_a_failure_that_a_person_confirmed_refuses_the_lot(client: TestClient) -> None:
    form_lot(client)
    inspections = {unit: inspect(client, unit) for unit in UNITS}
    inspections["KLS-002"] = inspect(client, "KLS-002", Verdict.FAIL)
    assert board(client)["decision"]["verdict"] == "open"

    decide(client, inspections["KLS-002"], severity="critical")

    assert board(client)["decision"]["verdict"] == "rejected"


def test_an_overruled_failure_counts_for_nothing_and_needs_its_reason(decided: TestClient) -> None:
    failed = inspect(decided, "KLS-002", Verdict.FAIL)
    assert "every_photo_passes" in unmet(decided, "KLS-002")

    refused = decide(decided, failed, "overrule")
    accepted = decide(decided, failed, "overrule", reason="bayangan, bukan lubang")

    assert (refused.status_code, refused.json()["type"]) == (422, "urn:qc-vision:problem:disposition")
    assert accepted.status_code == 201
    assert board(decided)["decision"]["verdict"] == "accepted"
    assert unmet(decided, "KLS-002") == set()


def test_a_maker_s_request_holds_the_basket_back_until_a_person_has_decided_after_it(
    decided: TestClient,
) -> None:
    asked = decided.post("/v1/review-requests", json={"by": "P-7", "item": "KLS-003", "reason": "bagus"})
    assert asked.status_code == 201
    assert unmet(decided, "KLS-003") == {"no_open_request"}
    (waiting,) = decided.get("/v1/reviews").json()["reviews"]
    assert (waiting["why"], waiting["version"]) == ("maker_asks", 1)

    decide(decided, waiting["inspection"]["id"], version=1)

    assert unmet(decided, "KLS-003") == set()
    assert decided.get("/v1/reviews").json()["reviews"] == []


def test_a_damp_reading_fails_the_whole_lot_and_its_correction_hides_nothing(decided: TestClient) -> None:
    at = datetime.now(UTC).isoformat()
    damp = {"by": "R-1", "code": "moisture", "at": at, "lot": "LOT-1", "value": 22.0}
    kept = decided.post("/v1/checks", json=damp).json()
    assert unmet(decided, "KLS-004") == {"human_check_moisture"}

    corrected = decided.put(
        f"/v1/checks/{kept['subject']}", json={**damp, "value": 11.5}, headers={"If-Match": '"1"'}
    )

    assert corrected.status_code == 200
    assert unmet(decided, "KLS-004") == set()
    facts = decided.get("/v1/facts", params={"subject": kept["subject"]}).json()["facts"]
    assert [(fact["version"], fact["body"]["value"]) for fact in facts] == [(2, 11.5), (1, 22)]


def test_a_reading_that_is_too_old_no_longer_holds(decided: TestClient) -> None:
    (moisture,) = [check for check in CHECKS if check.code == "moisture"]
    assert moisture.valid_days is not None
    past = datetime.now(UTC) - timedelta(days=moisture.valid_days + 1)
    for fact in decided.get("/v1/facts", params={"kind": "check"}).json()["facts"]:
        if fact["body"]["code"] == "moisture":
            old = {"by": "R-1", "code": "moisture", "at": past.isoformat(), "lot": "LOT-1", "value": 11.0}
            decided.put(f"/v1/checks/{fact['subject']}", json=old, headers={"If-Match": '"1"'})

    assert unmet(decided, "KLS-001") == {"human_check_moisture"}


@pytest.mark.parametrize(
    ("headers", "status"), [({}, 428), ({"If-Match": '"7"'}, 412), ({"If-Match": '"1"'}, 200)]
)
def test_a_correction_names_the_version_that_it_corrects(
    client: TestClient, headers: dict[str, str], status: int
) -> None:
    made = client.put("/v1/groups/KLS", json={"by": "R-1", "village": "Kalisalak"})
    assert (made.status_code, made.headers["ETag"]) == (201, '"1"')

    answer = client.put("/v1/groups/KLS", json={"by": "R-2", "village": "Kebasen"}, headers=headers)

    assert answer.status_code == status
    village = client.get("/v1/groups/KLS").json()["body"]["village"]
    assert village == ("Kebasen" if status == 200 else "Kalisalak")


def test_a_decision_on_a_decided_inspection_names_the_one_that_it_supersedes(client: TestClient) -> None:
    inspection = inspect(client, "A-1", Verdict.FAIL)
    assert decide(client, inspection, severity="major").status_code == 201

    assert decide(client, inspection, "rework", severity="major").status_code == 428
    assert decide(client, inspection, "rework", severity="major", version=1).status_code == 201
    assert decide(client, inspection, "rework", severity="major", version=1).status_code == 412


def test_a_basket_is_in_one_lot_at_a_time(client: TestClient) -> None:
    form_lot(client)
    entry = {"by": "R-1", "id": "LOT-2", "group": "KLS", "spec": SPEC, "units": ["KLS-001", "KLS-900"]}

    answer = client.post("/v1/lots", json=entry)

    assert answer.status_code == 409
    assert client.get("/v1/lots/LOT-2").status_code == 404  # nothing of it was kept
    assert client.post("/v1/lots", json={**entry, "resubmits": "LOT-1"}).status_code == 201


def test_two_refused_lots_tighten_the_next_plan_of_that_group_alone(client: TestClient) -> None:
    for lot in ("LOT-1", "LOT-2"):
        units = tuple(f"{lot}-{n}" for n in range(5))
        form_lot(client, lot, units=units)
        inspections = [inspect(client, unit) for unit in units]
        decide(client, inspections[0], "overrule", severity="major", reason="lubang")
        for inspection in inspections[1:]:
            decide(client, inspection)
        answer = client.post(f"/v1/lots/{lot}/decision", json={"by": "R-1"})
        assert answer.json()["body"]["verdict"] == "rejected"

    same = form_lot(client, "LOT-3", units=("N-1", "N-2", "N-3"))
    other = form_lot(client, "LOT-4", units=("M-1", "M-2", "M-3"), group="KBS")

    regimes = {c["severity"]: c["regime"] for c in same["plan"]["classes"]}
    assert regimes["major"] == "tightened"
    assert {c["regime"] for c in other["plan"]["classes"]} == {None, "normal"}


def test_the_operating_characteristic_falls_and_begins_at_certain_acceptance(client: TestClient) -> None:
    form_lot(client, units=tuple(f"U-{n}" for n in range(200)))

    curves = client.get("/v1/lots/LOT-1/plan").json()["curves"]

    for curve in curves:
        accepted = [point["accepted"] for point in curve["points"]]
        assert accepted[0] == pytest.approx(1.0)
        assert all(a >= b - 1e-12 for a, b in itertools.pairwise(accepted))


def test_the_curve_of_the_machine_alone_is_that_of_its_measured_figures(client: TestClient) -> None:
    form_lot(client, units=tuple(f"U-{n}" for n in range(200)))
    figures = json.loads((champion_folder() / "metrics.json").read_text("utf-8"))["figures"]
    measured = {figure["what"]: figure["value"] for figure in figures if figure["who"] == "model"}

    machine = client.get("/v1/lots/LOT-1/plan").json()["machine"]

    assert machine["version"] == champion_folder().name
    assert machine["reader"]["sensitivity"] == measured["faulty, planted: fail"]
    false_fails = measured["false fail on sound: planted twins"]
    assert machine["reader"]["specificity"] == pytest.approx(1 - false_fails)
    major = next(c["points"] for c in machine["curves"] if c["plan"]["severity"] == "major")
    # a perfect lot is refused where the machine alone fails more than two of 32
    assert major[0]["accepted"] == pytest.approx(stats.binom.cdf(2, 32, false_fails))


def queue(client: TestClient, *, of: str = "R-1", **asked: str | int) -> Any:
    headers = {"Authorization": f"Bearer {client.auth.token(of)}"}
    return client.get("/v1/reviews", params=asked, headers=headers).json()


def test_the_queue_holds_what_failed_until_it_is_decided_and_of_the_rest_each_basket_s_last(
    client: TestClient,
) -> None:
    failed = inspect(client, "A-1", Verdict.FAIL)
    inspect(client, "A-1", Verdict.PASS)
    inspect(client, "B-1", Verdict.REVIEW)
    unsure = inspect(client, "B-1", Verdict.REVIEW)

    waiting = [(r["why"], r["inspection"]["id"]) for r in queue(client)["reviews"]]

    assert waiting == [("fail", failed), ("review", unsure)]


def test_new_photos_of_a_failed_basket_leave_it_to_a_person_who_then_settles_it(client: TestClient) -> None:
    form_lot(client)
    failed = inspect(client, UNITS[0], Verdict.FAIL)
    inspect(client, UNITS[0], Verdict.PASS)
    assert "no_open_review" in unmet(client, UNITS[0])
    needs = {need["code"]: need["units"] for need in board(client)["decision"]["missing"]}
    assert needs["confirmation"] == [UNITS[0]]
    assert [r["inspection"]["id"] for r in queue(client, lot="LOT-1")["reviews"]] == [failed]

    decide(client, failed, "overrule", reason="bayangan")

    assert "no_open_review" not in unmet(client, UNITS[0])
    assert "confirmation" not in {need["code"] for need in board(client)["decision"]["missing"]}
    assert queue(client)["reviews"] == []


def test_a_failure_before_new_photos_counts_for_a_basket_in_no_lot_too(client: TestClient) -> None:
    inspect(client, "A-1", Verdict.FAIL)
    passed = inspect(client, "A-1", Verdict.PASS)
    assert "no_open_review" in unmet(client, "A-1")

    decide(client, passed)

    assert "no_open_review" not in unmet(client, "A-1")
    assert queue(client)["reviews"] == []


def test_what_one_photographed_oneself_is_not_in_one_s_queue_where_two_persons_are_asked_for(
    client: TestClient,
) -> None:
    form_lot(client)
    own = inspect(client, UNITS[0], Verdict.FAIL, by="R-1")
    other = inspect(client, UNITS[1], Verdict.FAIL)
    for asked in ({}, {"lot": "LOT-1"}):
        mine, theirs = queue(client, **asked), queue(client, of="R-2", **asked)
        assert [r["inspection"]["id"] for r in mine["reviews"]] == [other]
        assert [r["inspection"]["id"] for r in theirs["reviews"]] == [own, other]
        assert (mine["for_others"], theirs["for_others"]) == (1, 0)
    assert decide(client, own, severity="major").status_code == 422


def listed(client: TestClient, **asked: str) -> list[str]:
    answer = client.get("/v1/lots", params=asked)
    assert answer.status_code == 200, answer.text
    return [lot["id"] for lot in answer.json()["lots"]]


def test_lots_are_found_by_product_verdict_and_time(client: TestClient) -> None:
    formed_at = {}
    for lot, spec in (("LOT-1", SPEC), ("LOT-2", "hyacinth_basket"), ("LOT-3", SPEC)):
        formed_at[lot] = form_lot(client, lot, units=(f"{lot}-1", f"{lot}-2"), spec=spec)["formed_at"]
    for lot, action, verdict in (("LOT-1", "confirm", "accepted"), ("LOT-3", "overrule", "rejected")):
        for n in (1, 2):
            more = {"severity": "major", "reason": "lubang"} if action == "overrule" else {}
            decide(client, inspect(client, f"{lot}-{n}"), action, **more)
        assert client.post(f"/v1/lots/{lot}/decision", json={}).json()["body"]["verdict"] == verdict

    assert listed(client, spec=SPEC) == ["LOT-3", "LOT-1"]
    assert listed(client, verdict="open") == ["LOT-2"]
    assert listed(client, verdict="accepted") == ["LOT-1"]
    assert listed(client, verdict="rejected", spec=SPEC) == ["LOT-3"]
    # the same moment by another clock
    jakarta = datetime.fromisoformat(formed_at["LOT-2"]).astimezone(timezone(timedelta(hours=7))).isoformat()
    assert listed(client, formed_since=jakarta) == ["LOT-3", "LOT-2"]
    assert listed(client, formed_until=jakarta) == ["LOT-1"]
    assert listed(client, formed_until=jakarta, verdict="open") == []


def test_a_lot_whose_verdict_was_corrected_is_found_by_the_one_in_force(decided: TestClient) -> None:
    decided.post("/v1/lots/LOT-1/decision", json={})
    inspection = board(decided)["units"][0]["inspection"]["id"]
    decide(decided, inspection, "overrule", severity="critical", reason="paku", version=1)
    corrected = decided.post("/v1/lots/LOT-1/decision", json={}, headers={"If-Match": '"1"'})
    assert corrected.json()["body"]["verdict"] == "rejected"

    assert (listed(decided, verdict="accepted"), listed(decided, verdict="rejected")) == ([], ["LOT-1"])


@pytest.mark.parametrize(
    "moment", ["2026-11-01T00:00:00", "0001-01-01T00:00:00+07:00", "9999-12-31T23:00:00-07:00"]
)
def test_a_moment_without_its_offset_or_out_of_time_is_refused(client: TestClient, moment: str) -> None:
    assert client.get("/v1/lots", params={"formed_since": moment}).status_code == 422


def test_the_queue_is_paged_oldest_first_also_where_what_a_page_held_is_decided_meanwhile(
    client: TestClient,
) -> None:
    form_lot(client)
    waiting = [inspect(client, unit, Verdict.PASS if n % 2 else Verdict.FAIL) for n, unit in enumerate(UNITS)]
    failed = waiting[::2]
    for asked, expected in (({}, failed), ({"lot": "LOT-1"}, waiting)):
        found, cursor = [], {}
        while cursor is not None:
            page = queue(client, limit=2, **asked, **cursor)
            assert len(page["reviews"]) <= 2
            found += [review["inspection"]["id"] for review in page["reviews"]]
            cursor = page["next_cursor"] and {"cursor": page["next_cursor"]}
        assert found == expected

    first = queue(client, limit=2)
    decide(client, failed[1], severity="major")
    second = queue(client, limit=2, cursor=first["next_cursor"])
    assert [review["inspection"]["id"] for review in second["reviews"]] == failed[2:]


def test_a_cursor_that_is_none_of_ours_is_refused(client: TestClient) -> None:
    assert queue(client, cursor="x")["type"] == "urn:qc-vision:problem:invalid-request"


def test_the_queue_tells_in_what_words_the_maker_asked(decided: TestClient) -> None:
    for reason in ("hanya basah", None):
        decided.post("/v1/review-requests", json={"by": "P-1", "item": UNITS[0], "reason": reason})
        (review,) = queue(decided)["reviews"]
        assert (review["why"], review["request"]) == ("maker_asks", reason)


def test_facts_are_paged_newest_first_and_as_csv_come_all_at_once(client: TestClient) -> None:
    for n in range(5):
        client.put(f"/v1/makers/P-{n}", json={"by": "R-1", "group": "KLS"})
    query: dict[str, Any] = {"kind": "maker", "limit": 2}

    first = client.get("/v1/facts", params=query).json()
    second = client.get("/v1/facts", params={**query, "cursor": first["next_cursor"]}).json()
    rows = list(csv.DictReader(io.StringIO(client.get("/v1/facts", params={"format": "csv"}).text)))

    subjects = [fact["subject"] for fact in (*first["facts"], *second["facts"])]
    assert subjects == ["P-4", "P-3", "P-2", "P-1"]
    assert [row["subject"] for row in rows] == ["P-4", "P-3", "P-2", "P-1", "P-0"]


def test_a_spreadsheet_is_given_no_formula(client: TestClient) -> None:
    inspection = inspect(client, "A-1", Verdict.FAIL)
    client.post("/v1/review-requests", json={"by": "-P7", "item": "A-1"})

    assert inspection
    rows = list(csv.DictReader(io.StringIO(client.get("/v1/facts", params={"format": "csv"}).text)))
    assert {row["by"] for row in rows} == {"'-P7", "F-1"}


def test_a_name_in_place_of_a_code_is_refused_and_not_repeated(client: TestClient) -> None:
    answer = client.put("/v1/makers/P-1", json={"by": "Ibu Sumiati", "group": "KLS"})

    assert answer.status_code == 422
    assert "Sumiati" not in answer.text


def test_a_lot_of_200_from_photos_to_its_verdict(client: TestClient) -> None:
    """Level II, letter G: n = 32 for both classes, Ac 2 at AQL 2.5 and Ac 3 at AQL 4.0 (table 2-A)."""
    units = tuple(f"U-{n:03}" for n in range(200))
    lot = form_lot(client, units=units)
    plans = {c["severity"]: (c["n"], c["ac"], c["re"]) for c in lot["plan"]["classes"]}
    assert plans == {"critical": (200, 0, 1), "major": (32, 2, 3), "minor": (32, 3, 4)}
    photo = photo_of(Verdict.PASS, size=(64, 64))
    inspections = {}
    for unit in units:
        answer = client.post(
            "/v1/inspections",
            files=[("photos", ("a.jpg", photo))],
            data={"item": f'{{"ref": "{unit}", "spec": "{SPEC}"}}', "by": "F-1"},
        )
        inspections[unit] = answer.json()["id"]
    (need,) = board(client)["decision"]["missing"]
    assert (need["code"], sorted(need["units"])) == ("sample", sorted(lot["sample"]))

    for unit in lot["sample"][:2]:  # two major ones are allowed
        decide(client, inspections[unit], "overrule", severity="major", reason="lubang")
    for unit in lot["sample"][2:]:
        decide(client, inspections[unit])

    verdict = client.post("/v1/lots/LOT-1/decision", json={"by": "R-1"}).json()["body"]
    assert verdict["verdict"] == "accepted"
    assert [len(c["nonconforming"]) for c in verdict["classes"]] == [0, 2, 0]


def test_a_fault_confirmed_after_the_verdict_asks_for_a_new_one_that_supersedes_it(
    decided: TestClient,
) -> None:
    assert decided.post("/v1/lots/LOT-1/decision", json={"by": "R-1"}).status_code == 201
    decide(decided, inspect(decided, "KLS-002", Verdict.FAIL), severity="critical")
    assert board(decided)["changed_since_decided"]
    refused = decided.post("/v1/lots/LOT-1/certificates", json={"by": "R-1"})
    unseen = decided.post("/v1/lots/LOT-1/decision", json={"by": "R-1"})
    anew = decided.post("/v1/lots/LOT-1/decision", json={"by": "R-1"}, headers={"If-Match": '"1"'})

    assert (refused.status_code, unseen.status_code, anew.status_code) == (409, 428, 201)
    assert (anew.json()["version"], anew.json()["body"]["verdict"]) == (2, "rejected")
    events = decided.get("/v1/epcis/events", params={"lot": "LOT-1"}).json()["epcisBody"]["eventList"]
    lot_events = [event for event in events if "quantityList" in event]
    assert ["errorDeclaration" in event for event in lot_events] == [False, True, False]


def test_a_withdrawn_model_s_verdict_no_longer_stands_alone(client: TestClient) -> None:
    inspect(client, "A-1")
    assert "model_not_withdrawn" not in unmet(client, "A-1")

    client.put("/v1/model-withdrawals/fake", json={"by": "R-1", "reason": "salah kalibrasi"})

    assert "model_not_withdrawn" in unmet(client, "A-1")
