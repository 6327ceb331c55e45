"""Uploads: one record and one answer however often they are sent, and none lost between accepted and graded."""

import errno
import hashlib
import json
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest
import rfc8785
from fastapi import FastAPI
from fastapi.testclient import TestClient

from qc_vision.decision import Verdict
from qc_vision.demands import Demands
from qc_vision.inspection import Inspection
from qc_vision.spec import ProductSpec
from service.app import create_app
from service.intake import Intake
from service.item import Item
from service.purge import Retention, purge
from service.settings import Settings
from service.signing import SignatureRefused, check_signature
from service.uploads import hash_content
from service.worker import LEASE_S, Worker
from service.workplace import open_workplace
from tests.service.fakes import FakeInspector, photo_of
from tests.service.signed_in import signed_in

RED, GREEN = photo_of(Verdict.FAIL), photo_of(Verdict.PASS)


def send(
    client: TestClient, *photos: bytes, key: str | None = None, prefer: str | None = None, **form: object
) -> httpx2.Response:
    wanted = {"Idempotency-Key": key, "Prefer": prefer}
    return client.post(
        "/v1/inspections",
        files=[("photos", (f"{n}.jpg", photo)) for n, photo in enumerate(photos, start=1)],
        data=form,
        headers={name: value for name, value in wanted.items() if value is not None},
    )


def listed(client: TestClient) -> list[str]:
    return [entry["id"] for entry in client.get("/v1/inspections").json()["inspections"]]


def settled(client: TestClient, link: str, *, timeout_s: float = 10.0) -> dict[str, object]:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        status: dict[str, object] = client.get(link).json()
        if status["state"] not in ("waiting", "working"):
            return status
        time.sleep(0.02)
    raise AssertionError(f"not settled: {status}")


def stop_crew(client: TestClient) -> None:
    assert isinstance(client.app, FastAPI)
    client.app.state.desk.crew.stop()


class HeldInspector(FakeInspector):
    """Grades nothing until `go` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()
        self.came_at: datetime | None = None

    def inspect(self, data: bytes, *, spec: ProductSpec, came_at: datetime | None = None) -> Inspection:
        assert self.go.wait(timeout=20)
        self.came_at = came_at
        return super().inspect(data, spec=spec, came_at=came_at)


class FragileInspector(FakeInspector):
    """Breaks on a photo that is to fail."""

    def __init__(self) -> None:
        super().__init__()
        self.breaks = 0

    def inspect(self, data: bytes, *, spec: ProductSpec, came_at: datetime | None = None) -> Inspection:
        if data == RED:
            self.breaks += 1
            raise MemoryError("secret inside")
        return super().inspect(data, spec=spec, came_at=came_at)


@pytest.fixture
def held(settings: Settings) -> Iterator[tuple[TestClient, HeldInspector]]:
    inspector = HeldInspector()
    quick = settings.model_copy(update={"wait_s": 0.2, "max_open_uploads": 2})
    with signed_in(create_app(quick, inspector=inspector), raise_server_exceptions=False) as client:
        yield client, inspector
        inspector.go.set()


def test_the_same_upload_sent_again_or_reordered_gets_the_same_answer_and_one_record(
    client: TestClient,
) -> None:
    first = send(client, RED, GREEN, key="a", item='{"ref": "A-1"}')
    again = send(client, RED, GREEN, key="a", item='{"ref": "A-1"}')
    reordered = send(client, GREEN, RED, key="a", item=' {"ref":"A-1"}')

    assert first.status_code == 201
    assert [answer.json() for answer in (again, reordered)] == [first.json()] * 2
    assert listed(client) == [first.json()["id"]]


@pytest.mark.parametrize(
    ("photos", "form"),
    [
        ((GREEN,), {}),
        ((RED, RED), {}),
        ((RED,), {"item": '{"ref": "A-2"}'}),
        ((RED,), {"by": "F-1"}),
        ((RED,), {"card": "required"}),
        ((RED,), {"original": "true"}),
        ((RED,), {"view": "whole"}),
    ],
)
def test_other_content_under_the_same_key_is_refused(
    client: TestClient, photos: tuple[bytes, ...], form: dict[str, str]
) -> None:
    send(client, RED, key="a")

    answer = send(client, *photos, key="a", **form)

    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:qc-vision:problem:other-content"
    assert len(listed(client)) == 1


def test_what_was_sent_before_originals_and_whole_baskets_could_be_demanded_is_known_again() -> None:
    said = {"item": asdict(Item()), "by": None, "card": "optional", "photos": [["", "0" * 64]]}
    before = hashlib.sha256(rfc8785.dumps(said)).hexdigest()
    assert hash_content(Item(), None, [(None, "0" * 64)], demands=Demands()) == before


def test_a_photo_is_graded_as_of_the_moment_when_it_was_accepted(
    held: tuple[TestClient, HeldInspector],
) -> None:
    client, inspector = held
    upload = client.get(send(client, GREEN, prefer="respond-async").headers["location"]).json()
    inspector.go.set()
    settled(client, upload["links"]["self"])
    assert inspector.came_at == datetime.fromisoformat(upload["created_at"])


def test_a_refusal_too_is_repeated_under_its_key(client: TestClient) -> None:
    first, again = (send(client, GREEN, b"no photo", key="a") for _ in range(2))

    assert first.status_code == 415
    assert again.json() == first.json()
    assert send(client, GREEN, key="b").status_code == 201


def test_the_same_upload_sent_many_times_at_once_to_two_services_makes_one_record(settings: Settings) -> None:
    apps = [create_app(settings, inspector=FakeInspector()) for _ in range(2)]
    with signed_in(apps[0]) as one, signed_in(apps[1]) as two, ThreadPoolExecutor(8) as pool:
        # the framework builds its routes at the first request, which two apps must not do at the same time
        assert [listed(client) for client in (one, two)] == [[], []]

        answers = list(pool.map(lambda n: send((one, two)[n % 2], RED, GREEN, key="a"), range(8)))

        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.text for answer in answers}) == 1
        assert len(listed(one)) == 1
        assert [path.name for path in (settings.data_dir / "intake").iterdir()] == ["place"]


def test_ids_drawn_by_the_sender_name_the_inspection_and_its_records_and_are_not_taken_twice(
    client: TestClient,
) -> None:
    inspection, first, second = (uuid4().hex for _ in range(3))

    sent = send(client, RED, GREEN, id=inspection, photo_ids=[first, second])
    again = send(client, GREEN, RED, id=inspection, photo_ids=[second, first])
    elsewhere = send(client, RED, photo_ids=[first])
    other = send(client, RED, id=inspection)

    assert sent.json()["id"] == inspection
    assert [photo["id"] for photo in sent.json()["photos"]] == [first, second]
    assert again.json() == sent.json()
    assert (elsewhere.status_code, other.status_code) == (422, 422)
    assert listed(client) == [inspection]


@pytest.mark.parametrize("ids", [["x"], ["a" * 32, "a" * 32], ["a" * 32]])
def test_photo_ids_that_do_not_fit_the_photos_are_refused(client: TestClient, ids: list[str]) -> None:
    assert send(client, RED, GREEN, photo_ids=ids).status_code == 422


def test_who_asks_for_it_is_answered_at_once_and_told_where_the_verdict_will_be(
    held: tuple[TestClient, HeldInspector],
) -> None:
    client, inspector = held

    answer = send(client, RED, key="a", prefer="respond-async")
    again = send(client, RED, key="a")

    assert answer.status_code == again.status_code == 202
    assert answer.headers["preference-applied"] == "respond-async"
    assert answer.headers["location"] == again.headers["location"]
    inspector.go.set()
    done = settled(client, answer.headers["location"])
    assert done["state"] == "done"
    assert client.get(done["links"]["inspection"]).json()["verdict"] == "fail"
    assert send(client, RED, key="a").json()["id"] == done["id"]


def test_while_nobody_is_free_uploads_are_accepted_up_to_a_bound_and_then_turned_away(
    held: tuple[TestClient, HeldInspector], settings: Settings
) -> None:
    client, inspector = held
    first, second = send(client, RED, prefer="respond-async"), send(client, GREEN)

    full = send(client, GREEN)

    assert (first.status_code, second.status_code, full.status_code) == (202, 202, 503)
    assert full.headers["retry-after"]
    assert full.json()["messages"]["id"] != full.json()["messages"]["en"]
    assert len(list((settings.data_dir / "intake").glob("*/*.photo"))) == 2
    inspector.go.set()
    for answer in (first, second):
        assert settled(client, answer.headers["location"])["state"] == "done"


def test_a_second_request_under_a_key_whose_first_still_waits_is_told_that_it_is_in_progress(
    held: tuple[TestClient, HeldInspector], settings: Settings
) -> None:
    impatient, inspector = held
    id = uuid4().hex
    with (
        signed_in(create_app(settings, inspector=inspector)) as patient,
        ThreadPoolExecutor(1) as pool,
    ):
        first = pool.submit(send, patient, RED, key="a", id=id)
        while patient.get(f"/v1/uploads/{id}").status_code == 404:
            time.sleep(0.01)
        second = send(impatient, RED, key="a", id=id)
        inspector.go.set()

    assert first.result().status_code == 201
    assert second.status_code == 409
    assert second.json()["links"]["self"] == f"/v1/uploads/{id}"
    assert second.headers["retry-after"]


def test_photos_that_break_their_worker_twice_are_set_aside_and_the_next_ones_are_graded(
    settings: Settings,
) -> None:
    inspector = FragileInspector()
    with signed_in(create_app(settings, inspector=inspector), raise_server_exceptions=False) as client:
        first, again = (send(client, RED, key="a") for _ in range(2))

        assert first.status_code == 500
        assert first.json()["type"] == "urn:qc-vision:problem:set-aside"
        assert "disisihkan" in first.json()["messages"]["id"]
        assert "secret" not in first.text
        assert again.json() == first.json()
        assert inspector.breaks == 2
        assert send(client, GREEN).status_code == 201


@pytest.mark.parametrize("where", ["intake", "photos"])
def test_on_a_full_disk_nothing_is_acknowledged_or_left_and_later_the_same_upload_goes_through(
    client: TestClient, settings: Settings, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(
            *{"intake": (shutil, "copyfileobj"), "photos": ("service.photos._write",)}[where], full
        )
        refused = send(client, RED, key="a")

    assert refused.status_code == 507
    assert "No space left" in refused.json()["messages"]["en"]
    assert [path for path in (settings.data_dir / "intake").iterdir() if path.is_dir()] == []
    assert send(client, RED, key="a").status_code == 201
    assert len(listed(client)) == 1


def test_a_worker_that_lost_its_lease_keeps_nothing_and_the_upload_is_recorded_once(
    held: tuple[TestClient, HeldInspector], settings: Settings
) -> None:
    client, inspector = held
    link = send(client, RED, prefer="respond-async").headers["location"]
    while client.get(link).json()["state"] != "working":
        time.sleep(0.01)
    other = Worker(
        open_workplace(settings), FakeInspector(), name="other", clock_s=lambda: time.time() + LEASE_S + 1
    )

    assert other.work_once()
    inspector.go.set()  # the first one goes on, too late

    assert settled(client, link)["state"] == "done"
    stop_crew(client)
    assert len(listed(client)) == 1
    head = client.get("/v1/ledger/head").json()["seq"]
    assert head == 4  # the inspection, its record, who took it, its event


def test_what_was_accepted_before_a_stop_is_graded_after_the_next_start(settings: Settings) -> None:
    inspector = HeldInspector()
    with signed_in(create_app(settings, inspector=inspector)) as client:
        links = [send(client, RED, prefer="respond-async").headers["location"] for _ in range(2)]
        inspector.go.set()
        stop_crew(client)
    with signed_in(create_app(settings, inspector=FakeInspector())) as client:
        assert [settled(client, link)["state"] for link in links] == ["done", "done"]


def test_a_receipt_is_checked_offline_and_names_the_entry_in_the_ledger(client: TestClient) -> None:
    key = "a"
    sent = send(client, RED, key=key).json()
    status = client.get(f"/v1/uploads/{sent['id']}").json()
    jwks = client.get("/.well-known/jwks.json").json()

    token = client.get(status["links"]["receipt"]).text

    stated = check_signature(token, jwks).payload
    assert stated["type"] == "qc-vision/receipt/1"
    assert stated["photos"][0]["sha256"] == sent["photos"][0]["photo"]["sha256"]
    assert stated["entry"]["seq"] == 1
    signed, _, signature = token.rpartition(".")
    with pytest.raises(SignatureRefused):
        check_signature(f"{signed}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}", jwks)


def test_the_status_names_the_photo_at_fault(client: TestClient) -> None:
    id = uuid4().hex
    send(client, GREEN, b"no photo", id=id)

    status = client.get(f"/v1/uploads/{id}").json()

    assert status["state"] == "refused"
    assert [photo["messages"] is None for photo in status["photos"]] == [True, False]
    assert client.get(f"/v1/uploads/{uuid4().hex}").status_code == 404


def test_no_original_stays_once_it_is_graded(client: TestClient, settings: Settings) -> None:
    send(client, RED, GREEN)

    assert list((settings.data_dir / "intake").glob("**/*.photo")) == []


def test_what_is_sent_of_an_item_is_the_same_whatever_its_json_looks_like(client: TestClient) -> None:
    first = send(client, RED, key="a", item=json.dumps({"ref": "A-1", "spec": "default"}))

    assert send(client, RED, key="a", item='{"ref":"A-1"}').json() == first.json()


def test_when_an_inspection_is_purged_what_was_said_with_its_upload_goes_too(
    client: TestClient, settings: Settings
) -> None:
    sent = send(client, RED, item='{"maker": "P-017"}').json()
    at = open_workplace(settings)
    purge(
        at.store,
        at.photos,
        Intake(settings.data_dir / "intake"),
        Retention(photos=timedelta(0), records=timedelta(0), audit=timedelta(0)),
        by="R-1",
        now=datetime.now(UTC) + timedelta(days=1),
    )

    assert client.get(f"/v1/uploads/{sent['id']}").status_code == 404


def test_two_services_draw_one_name_for_their_folder(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        names = set(pool.map(lambda _: Intake(tmp_path / "intake").place(), range(8)))

    assert len(names) == 1
