"""The outbox: events are kept with their facts, reach each target at least once and in order, and are signed."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from standardwebhooks import Webhook

from qc_vision.decision import Verdict
from qc_vision.epcis import Naming
from service.outbox import Target, deliver, tell
from service.store import Store, open_store
from tests.service.fakes import photo_of
from tests.service.test_lots import decide, form_lot, inspect

NAMING = Naming(base="https://qc.example/id", vocabulary="https://qc.example/terms#")
CAPTURE = Target(name="capture", url="https://epcis.example/capture")
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NOW = datetime(2026, 5, 4, 8, 30, tzinfo=UTC)


class FakePost:
    """An endpoint that answers with the given statuses in turn, then 202; None stands for no answer."""

    def __init__(self, *statuses: int | None) -> None:
        self.statuses = list(statuses)
        self.got: list[tuple[bytes, dict[str, str]]] = []

    def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        self.got.append((body, dict(headers)))
        status = self.statuses.pop(0) if self.statuses else 202
        if status is None:
            raise ConnectionRefusedError("nobody listens")
        return status

    def names(self) -> list[str]:
        events = [json.loads(body)["epcisBody"]["eventList"][0] for body, _ in self.got]
        return [event["eventID"] for event in events]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = open_store(tmp_path / "records.sqlite")
    with store.writing() as (_, tail):
        for n in range(3):
            event = {"type": "ObjectEvent", "eventID": f"urn:uuid:{n}", "bizStep": "inspecting"}
            tell(tail, event, type="inspection.recorded", at=NOW, item=f"A-{n}")
    return store


def run(store: Store, post: FakePost, *, after_s: float = 0, target: Target = CAPTURE) -> int:
    return deliver(store, target, naming=NAMING, now=NOW + timedelta(seconds=after_s), post=post)


def test_every_event_is_handed_over_once_in_order(store: Store) -> None:
    post = FakePost()

    assert run(store, post) == 3
    assert run(store, post, after_s=9999) == 0
    assert post.names() == ["urn:uuid:0", "urn:uuid:1", "urn:uuid:2"]


@pytest.mark.parametrize("answer", [500, 429, None])
def test_what_was_not_taken_is_tried_again_after_waits_that_double_and_is_never_overtaken(
    store: Store, answer: int | None
) -> None:
    post = FakePost(answer, answer, answer)
    tried_at = []
    for second in range(200):
        before = len(post.got)
        run(store, post, after_s=second)
        if len(post.got) > before:
            tried_at.append(second)

    assert tried_at == [0, 10, 30, 70]  # waits of 10, 20 and 40 s
    assert post.names() == ["urn:uuid:0"] * 4 + ["urn:uuid:1", "urn:uuid:2"]


def test_one_target_that_is_down_does_not_keep_another_waiting(store: Store) -> None:
    webhook = Target(name="webhook", url="https://hook.example", secret=SECRET)
    assert run(store, FakePost(500)) == 0

    assert run(store, FakePost(), target=webhook) == 3


def test_another_library_accepts_the_webhook_s_signature(store: Store) -> None:
    post = FakePost()
    now = datetime.now(UTC)  # the library refuses what is older than five minutes
    deliver(
        store,
        Target(name="webhook", url="https://hook.example", secret=SECRET),
        naming=NAMING,
        now=now,
        post=post,
    )
    body, headers = post.got[0]

    said = Webhook(SECRET).verify(body.decode(), headers)

    assert said["type"] == "inspection.recorded"
    assert said["data"]["eventID"] == headers["webhook-id"] == "urn:uuid:0"


def test_facts_and_their_events_are_kept_together_and_read_in_pages(client: TestClient) -> None:
    form_lot(client, units=("A-1", "A-2"))
    failed = inspect(client, "A-1", Verdict.FAIL)
    decide(client, failed, "rework", severity="major")
    client.post("/v1/reworks", json={"by": "P-1", "item": "A-1"})
    inspect(client, "A-1", Verdict.PASS)

    first = client.get("/v1/epcis/events", params={"item": "A-1", "limit": 3})
    second = client.get(first.headers["Link"].split(">")[0].lstrip("<"))

    events = [e for page in (first, second) for e in page.json()["epcisBody"]["eventList"]]
    assert [(event["bizStep"], event["disposition"]) for event in events] == [
        ("inspecting", "non_conformant"),
        ("inspecting", "non_conformant"),
        ("repairing", "in_progress"),
        ("inspecting", "conformant"),
    ]
    assert "Link" not in second.headers
    # what lasted is lifted when something else lasts: CBV 2.0, persistentDisposition
    assert events[3]["persistentDisposition"] == {"set": ["conformant"], "unset": ["non_conformant"]}


def test_a_decision_that_is_corrected_declares_the_first_event_an_error(client: TestClient) -> None:
    failed = inspect(client, "A-1", Verdict.FAIL)
    decide(client, failed, severity="major")
    decide(client, failed, "overrule", reason="bayangan", version=1)

    _, wrong, declared, right = client.get("/v1/epcis/events").json()["epcisBody"]["eventList"]

    assert declared["eventID"] == wrong["eventID"]
    assert declared["errorDeclaration"]["correctiveEventIDs"] == [right["eventID"]]
    assert {**declared, "errorDeclaration": None} == {**wrong, "errorDeclaration": None}


def test_a_decision_after_a_maker_s_request_is_no_correction_of_the_first(client: TestClient) -> None:
    failed = inspect(client, "A-1", Verdict.FAIL)
    decide(client, failed, severity="major")
    client.post("/v1/review-requests", json={"by": "P-1", "item": "A-1"})
    decide(client, failed, "overrule", reason="dilihat lagi: hanya bayangan", version=1)

    events = client.get("/v1/epcis/events").json()["epcisBody"]["eventList"]

    assert [event for event in events if "errorDeclaration" in event] == []


def test_a_maker_is_named_in_no_event(client: TestClient) -> None:
    item = json.dumps({"ref": "A-1", "maker": "P-SECRET"})
    client.post("/v1/inspections", files=[("photos", ("a.jpg", photo_of(Verdict.PASS)))], data={"item": item})
    client.post("/v1/review-requests", json={"by": "P-SECRET", "item": "A-1", "reason": "kata P-SECRET"})

    told = client.get("/v1/epcis/events")
    assert [event["ext:decision"] for event in told.json()["epcisBody"]["eventList"]] == [
        "pass",
        "review_requested",
    ]
    assert "P-SECRET" not in told.text
