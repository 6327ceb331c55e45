"""Worker processes: replaced when they end, and a photo that ends them twice is set aside."""

import time
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from qc_vision.decision import Verdict
from qc_vision.errors import ModelError
from service.app import create_app
from service.crew import Processes, working
from service.settings import Settings
from tests.service.fakes import DeadlyInspector, SlowInspector, photo_of, refuse_to_load
from tests.service.nursery import nursery
from tests.service.signed_in import signed_in
from tests.service.test_uploads import GREEN, RED, send, settled


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("crew"), port=0)
    with (
        working(Processes(settings, load=DeadlyInspector, context=nursery())) as crew,
        signed_in(create_app(settings, crew=crew), raise_server_exceptions=False) as client,
    ):
        yield client


def test_a_photo_that_kills_its_worker_twice_is_set_aside_and_a_new_worker_goes_on(
    client: TestClient,
) -> None:
    deadly = send(client, RED, prefer="respond-async").headers["location"]
    harmless = send(client, GREEN, prefer="respond-async").headers["location"]

    assert settled(client, deadly, timeout_s=60)["state"] == "set_aside"
    assert settled(client, harmless, timeout_s=60)["state"] == "done"


def test_an_idle_service_answers_with_the_verdict_that_a_process_found(client: TestClient) -> None:
    answer = send(client, photo_of(Verdict.REVIEW))

    assert answer.status_code == 201
    assert answer.json()["verdict"] == "review"


def test_a_model_that_cannot_be_loaded_is_told_before_the_service_is_announced(settings: Settings) -> None:
    crew = Processes(settings, load=refuse_to_load, context=nursery())
    with pytest.raises(ModelError, match="broken"), working(crew):
        pass


@pytest.mark.parametrize(("photo", "state"), [(GREEN, "done"), (RED, "waiting")])
def test_who_is_asked_to_stop_finishes_the_photo_in_hand_if_that_is_soon(
    settings: Settings, photo: bytes, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.crew.FINISH_S", 5.0)
    crew = Processes(settings, load=SlowInspector, context=nursery())
    with signed_in(create_app(settings, crew=crew)) as client:
        with working(crew):
            link = send(client, photo, prefer="respond-async").headers["location"]
            while client.get(link).json()["state"] == "waiting":
                time.sleep(0.02)
            begun_s = time.monotonic()
        assert time.monotonic() - begun_s < 15
        assert client.get(link).json()["state"] == state
