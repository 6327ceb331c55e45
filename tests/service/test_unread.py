"""What may not be sent is refused before it is read: counted at the door of the app, and on the wire."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import suppress

import httpx2
import pytest
from fastapi.testclient import TestClient
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qc_vision.decision import Verdict
from service.accounts import PassKind
from service.app import create_app
from service.caller import Role
from service.permission import AskedFirst
from service.settings import Settings
from service.store import Store
from service.turns import SOONEST_S
from service.workplace import open_records
from tests.service.fakes import FakeInspector, photo_of
from tests.service.running import served
from tests.service.signed_in import new_pass
from tests.service.test_accounts import all_routes
from tests.service.test_uploads import HeldInspector

ANNOUNCED = 40_000_000
BUFFERED = 20_000_000
"""More than both ends' buffers hold together, less than what was announced."""
PIECE = b"\0" * 65536
FORM = {"content-type": "multipart/form-data; boundary=b", "content-length": str(ANNOUNCED)}


class Counting:
    """Counts the bytes of bodies that the app takes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.taken = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def receive_counted() -> Message:
            event = await receive()
            self.taken += len(event.get("body", b""))
            return event

        await self._app(scope, receive_counted, send)


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    store = open_records(settings)
    yield store
    store.close()


def send_endlessly(address: str, path: str, headers: dict[str, str]) -> tuple[int, int]:
    """Announces a large body and sends until the other end closes; the answer's status and the bytes that went."""
    host, port = httpx2.URL(address).host, httpx2.URL(address).port
    assert port is not None
    gone = 0
    with socket.create_connection((host, port), timeout=20) as line:
        lines = [f"POST {path} HTTP/1.1", f"host: {host}", *(f"{k}: {v}" for k, v in headers.items()), "", ""]
        line.sendall("\r\n".join(lines).encode())
        with suppress(ConnectionError):
            while gone < ANNOUNCED:
                gone += line.send(PIECE)
        answer = line.recv(4096)
    return int(answer.split()[1]), gone


def send_photo(address: str, headers: dict[str, str], size_bytes: int) -> bytes:
    """Sends a body to its end, whatever comes meanwhile, then reads until the other end closes."""
    at = httpx2.URL(address)
    told = headers | {"host": at.host, "content-length": str(size_bytes)}
    lines = ["POST /v1/inspections HTTP/1.1", *(f"{k}: {v}" for k, v in told.items()), "", ""]
    with socket.create_connection((at.host, at.port or 0), timeout=20) as line:
        line.sendall("\r\n".join(lines).encode())
        for _ in range(size_bytes // len(PIECE)):
            line.sendall(PIECE)
            time.sleep(0.002)  # a refusal has long gone out when most is still to come
        return b"".join(iter(lambda: line.recv(65536), b""))


@pytest.mark.parametrize(
    ("role", "path", "status"),
    [
        (None, "/v1/inspections", 401),
        (None, "/v1/photo-checks", 401),
        (Role.EXPORTER, "/v1/inspections", 403),
        (Role.EXPORTER, "/v1/lots", 413),
        (None, "/v1/session", 413),
        (Role.INSPECTOR, "/v1/inspections", 413),
    ],
)
def test_nothing_of_a_body_is_read_that_may_not_be_sent_and_the_line_is_closed(
    settings: Settings, store: Store, role: Role | None, path: str, status: int
) -> None:
    limit = ANNOUNCED - 1 if role is Role.INSPECTOR else ANNOUNCED
    app = Counting(
        create_app(settings.model_copy(update={"max_upload_bytes": limit}), inspector=FakeInspector())
    )
    headers = dict(FORM)
    if role is not None:
        headers["authorization"] = f"Bearer {new_pass(store, 'X-1', PassKind.TOKEN, role)}"
    with served(app) as address:
        found, gone = send_endlessly(address, path, headers)

    assert found == status
    assert app.taken == 0
    assert gone < BUFFERED


def test_while_the_queue_is_full_photos_are_turned_away_unread_but_not_those_accepted_before(
    settings: Settings, store: Store
) -> None:
    inspector = HeldInspector()
    full = settings.model_copy(update={"max_open_uploads": 1, "max_upload_bytes": ANNOUNCED})
    token = new_pass(store, "X-1", PassKind.TOKEN, Role.INSPECTOR)
    headers = {"authorization": f"Bearer {token}", "prefer": "respond-async"}
    photo = photo_of(Verdict.PASS) + PIECE  # a JPEG stays one with bytes behind its end
    app = Counting(create_app(full, inspector=inspector))
    with served(app) as address:
        sent = [
            httpx2.post(
                f"{address}/v1/inspections",
                files={"photos": ("a.jpg", photo)},
                headers=headers | {"idempotency-key": "a"},
                timeout=60,
            )
            for _ in range(2)
        ]
        short = httpx2.post(
            f"{address}/v1/inspections",
            files={"photos": ("a.jpg", photo_of(Verdict.PASS))},
            headers=headers,
            timeout=60,
        )
        before = app.taken

        found, gone = send_endlessly(address, "/v1/inspections", FORM | headers)
        told = httpx2.post(
            f"{address}/v1/inspections",
            content=iter([PIECE]),
            headers=headers | {"content-type": FORM["content-type"]},
            timeout=60,
        )
        whole = send_photo(address, FORM | headers, size_bytes=80 * len(PIECE))
        inspector.go.set()

    assert [answer.status_code for answer in sent] == [202, 202]
    assert sent[0].json()["id"] == sent[1].json()["id"]
    assert found == told.status_code == short.status_code == 503
    assert int(told.headers["retry-after"]) >= SOONEST_S
    assert told.headers["connection"] == short.headers["connection"] == "close"
    head, _, body = whole.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503")
    assert b"\r\nretry-after: " in head.lower()
    assert json.loads(body)["type"].endswith(":busy")
    assert app.taken == before
    assert gone < BUFFERED


def test_a_photo_on_its_way_holds_the_last_place_and_leaves_it_where_the_line_breaks(
    settings: Settings, store: Store
) -> None:
    one = settings.model_copy(update={"max_open_uploads": 1, "max_upload_bytes": ANNOUNCED})
    token = new_pass(store, "X-1", PassKind.TOKEN, Role.INSPECTOR)
    headers = {"authorization": f"Bearer {token}", "prefer": "respond-async"}
    app = Counting(create_app(one, inspector=FakeInspector()))

    def send() -> httpx2.Response:
        files = {"photos": ("b.jpg", photo_of(Verdict.PASS) + PIECE)}
        return httpx2.post(f"{address}/v1/inspections", files=files, headers=headers, timeout=60)

    with served(app) as address:
        at = httpx2.URL(address)
        with socket.create_connection((at.host, at.port or 0), timeout=20) as line:
            told = FORM | headers | {"host": at.host}
            lines = ["POST /v1/inspections HTTP/1.1", *(f"{k}: {v}" for k, v in told.items()), "", ""]
            begin = '--b\r\nContent-Disposition: form-data; name="photos"; filename="a.jpg"\r\n\r\n'
            line.sendall(("\r\n".join(lines) + begin).encode() + PIECE)
            while app.taken == 0:
                time.sleep(0.01)
            begun = app.taken
            meanwhile = send()
            taken = app.taken
        # the service hears of the end in its own time
        while (after := send()).status_code == 503:
            time.sleep(0.05)

    assert meanwhile.status_code == 503
    assert taken == begun
    assert after.status_code == 202


def test_a_body_that_may_be_sent_is_read(settings: Settings, store: Store) -> None:
    """Else the counter above could be blind."""
    app = Counting(create_app(settings, inspector=FakeInspector()))
    token = new_pass(store, "X-1", PassKind.TOKEN, Role.INSPECTOR)
    with served(app) as address:
        answer = httpx2.post(
            f"{address}/v1/inspections",
            files={"photos": ("a.jpg", PIECE)},
            headers={"authorization": f"Bearer {token}"},
        )

    assert answer.status_code == 415
    assert app.taken > len(PIECE)
    assert "connection" not in answer.headers


def test_every_route_asks_first(client: TestClient) -> None:
    assert [route.path for route in all_routes(client) if not isinstance(route, AskedFirst)] == []
