"""Lines that hardly bring anything are closed, so that they hold nobody up; on sockets, against the server we start."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from urllib.parse import urlsplit

import httpx2
import pytest
from fastapi.testclient import TestClient
from starlette.types import Receive, Scope, Send

from qc_vision.decision import Verdict
from service.app import create_app
from service.caller import Role
from service.server import Patience
from service.settings import Settings
from service.workplace import open_records
from tests.service.fakes import FakeInspector, photo_of
from tests.service.running import served
from tests.service.signed_in import AsNamed

QUICK = Patience(
    headers_s=0.6,
    silence_s=0.6,
    grace_s=0.6,
    slowest_bytes_per_s=1000,
    linger_s=0.6,
    linger_silence_s=0.3,
    look_every_s=0.05,
    most_lines=20,
)
DRIP_S = 0.1
GIVE_UP_S = 30.0
FORM = "POST /v1/inspections HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
LARGE = 2_000_000
UNREAD = f"{FORM}Content-Length: {LARGE}\r\n"
"""Refused as soon as its headers have come: nobody is signed in."""
BEGUN = '--b\r\nContent-Disposition: form-data; name="photos"; filename="a.jpg"\r\n\r\n'


@pytest.fixture
def token(settings: Settings) -> Iterator[str]:
    store = open_records(settings)
    yield AsNamed(store).token("X-1", Role.INSPECTOR)
    store.close()


@pytest.fixture
def address(settings: Settings) -> Iterator[str]:
    with served(create_app(settings, inspector=FakeInspector()), patience=QUICK) as address:
        ask(address)  # the framework builds its routes at the first request
        yield address


def ask(address: str, **headers: str) -> int:
    return httpx2.get(f"{address}/healthz", headers=headers, timeout=GIVE_UP_S).status_code


@contextmanager
def line_to(address: str) -> Iterator[socket.socket]:
    at = urlsplit(address)
    with socket.create_connection((at.hostname or "", at.port or 0), timeout=GIVE_UP_S) as line:
        yield line


def drip_until_closed(line: socket.socket, drop: bytes) -> None:
    """Sends one drop after the other until the other end closes, which it does without a word."""
    began_s = time.monotonic()
    line.settimeout(DRIP_S)
    while time.monotonic() - began_s < GIVE_UP_S:
        try:
            line.sendall(drop)
            if line.recv(1) == b"":
                break
            raise AssertionError("it was answered")
        except TimeoutError:
            continue
        except ConnectionError:
            break
    else:
        raise AssertionError("it was never closed")


def drip_until_reset(line: socket.socket, drop: bytes) -> None:
    """The same where the other end sends no more but may still take: only a reset says that it does not."""
    end_s = time.monotonic() + GIVE_UP_S
    with suppress(ConnectionError):
        while time.monotonic() < end_s:
            line.sendall(drop)
            time.sleep(DRIP_S)
        raise AssertionError("it was never closed")


def read_all(line: socket.socket) -> bytes:
    return b"".join(iter(lambda: line.recv(65536), b""))


def test_headers_that_come_drop_by_drop_are_not_waited_for_and_meanwhile_others_are_served(
    address: str,
) -> None:
    with ExitStack() as opened:
        began_s = time.monotonic()
        slow = [opened.enter_context(line_to(address)) for _ in range(10)]
        for line in slow:
            line.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")

        assert ask(address) == 200
        for line in slow:
            drip_until_closed(line, b"X-A: b\r\n")

        assert time.monotonic() - began_s > QUICK.headers_s


def test_a_line_on_which_nothing_comes_is_closed(address: str) -> None:
    with line_to(address) as line:
        assert line.recv(1) == b""


@pytest.mark.parametrize("drop", [b"", b"0123456789"])
def test_a_body_that_stops_or_trickles_is_not_waited_for(address: str, token: str, drop: bytes) -> None:
    with line_to(address) as line:
        line.sendall(f"{FORM}Authorization: Bearer {token}\r\nContent-Length: 100000\r\n\r\n{BEGUN}".encode())
        began_s = time.monotonic()

        drip_until_closed(line, drop)

        assert time.monotonic() - began_s > QUICK.grace_s / 2


def test_a_body_that_comes_slowly_but_comes_is_taken(address: str, token: str) -> None:
    """Three times as long as the grace, as a phone on a bad line does it."""
    photo = photo_of(Verdict.PASS, size=(1600, 1200))
    parts = httpx2.Request("POST", address, files={"photos": ("a.jpg", photo)})
    body = parts.read()
    headers = f"Content-Type: {parts.headers['content-type']}\r\nContent-Length: {len(body)}\r\n"
    head = f"POST /v1/inspections HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{headers}\r\n"
    pieces = 3 * round(QUICK.grace_s / DRIP_S)
    size = len(body) // pieces + 1
    assert size / DRIP_S > 5 * QUICK.slowest_bytes_per_s
    with line_to(address) as line:
        line.sendall(head.encode())
        for start in range(0, len(body), size):
            line.sendall(body[start : start + size])
            time.sleep(DRIP_S)

        assert line.recv(12) == b"HTTP/1.1 201"


def test_who_asks_often_on_one_line_keeps_it(address: str) -> None:
    with httpx2.Client(base_url=address) as client:
        used = set()
        end_s = time.monotonic() + 3 * QUICK.headers_s
        while time.monotonic() < end_s:
            answer = client.get("/healthz")
            used.add(answer.extensions["network_stream"].get_extra_info("client_addr"))
            time.sleep(DRIP_S)

    assert len(used) == 1


def test_who_does_not_take_the_answer_is_not_waited_for(settings: Settings) -> None:
    large = bytes(30_000_000)

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": large})

    with served(answer, patience=QUICK) as address, line_to(address) as line:
        line.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(3 * QUICK.silence_s)
        taken = 0
        with suppress(ConnectionError):
            while piece := line.recv(1 << 20):
                taken += len(piece)

    assert 0 < taken < len(large)


def test_more_lines_than_there_may_be_push_out_those_that_have_waited_longest(address: str) -> None:
    with ExitStack() as opened:
        slow = [opened.enter_context(line_to(address)) for _ in range(2 * QUICK.most_lines)]

        assert ask(address) == 200
        assert slow[0].recv(1) == b""


def test_who_sends_on_after_a_refusal_still_reads_it(address: str) -> None:
    with line_to(address) as line:
        line.sendall(f"{UNREAD}\r\n".encode())
        for _ in range(40):
            line.sendall(bytes(LARGE // 40))
            time.sleep(0.002)  # the refusal has long gone out

        answer = read_all(line)

    assert answer.startswith(b"HTTP/1.1 401")
    assert answer.endswith(b"}")


def test_who_cannot_be_understood_still_reads_so(address: str) -> None:
    with line_to(address) as line:
        line.sendall(b"what is this\r\n\r\n")
        for _ in range(10):
            line.sendall(bytes(100_000))
            time.sleep(0.002)

        assert read_all(line).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("drop", [b"", b"0123456789"])
def test_a_refused_body_that_stops_or_trickles_is_not_waited_for(address: str, drop: bytes) -> None:
    with line_to(address) as line:
        line.sendall(f"{UNREAD}\r\n".encode())
        assert read_all(line).startswith(b"HTTP/1.1 401")

        if drop:
            drip_until_reset(line, drop)
        else:
            time.sleep(QUICK.linger_s)
            drip_until_reset(line, b"late")


def test_a_line_that_only_lingers_makes_room_first(settings: Settings) -> None:
    few = Patience(most_lines=5)
    app = create_app(settings, inspector=FakeInspector())
    with ExitStack() as opened:
        address = opened.enter_context(served(app, patience=few))
        first = opened.enter_context(line_to(address))
        for _ in range(few.most_lines - 2):
            opened.enter_context(line_to(address))
        lingering = opened.enter_context(line_to(address))
        lingering.sendall(f"{UNREAD}\r\n".encode())
        assert read_all(lingering).startswith(b"HTTP/1.1 401")

        assert ask(address) == 200

        first.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert first.recv(12) == b"HTTP/1.1 200"


@pytest.mark.parametrize("length", [1000, LARGE])
def test_who_asks_whether_to_send_is_told_the_refusal_instead(address: str, length: int) -> None:
    with line_to(address) as line:
        line.sendall(f"{FORM}Expect: 100-continue\r\nContent-Length: {length}\r\n\r\n".encode())

        answer = read_all(line)

    assert answer.startswith(b"HTTP/1.1 401")
    assert b"\r\nconnection: close\r\n" in answer.lower()


def test_who_asks_whether_to_send_what_is_wanted_is_told_to(address: str, token: str) -> None:
    head = f"{FORM}Authorization: Bearer {token}\r\nExpect: 100-continue\r\nContent-Length: {LARGE}\r\n\r\n"
    with line_to(address) as line:
        line.sendall(head.encode())

        assert line.recv(12) == b"HTTP/1.1 100"


@pytest.mark.parametrize(
    "headers",
    [{f"X-{n}": "a" for n in range(200)}, {"X-A": "a" * 20_000}, {"X-A": "a" * 200_000}],
    ids=["many", "long", "endless"],
)
def test_headers_are_limited_in_number_and_size(address: str, headers: dict[str, str]) -> None:
    try:
        assert ask(address, **headers) in (400, 431)
    except httpx2.TransportError:
        assert len(headers["X-A"]) > 100_000  # closed before all of it was taken


def test_the_refusal_of_large_headers_says_what_to_do(client: TestClient) -> None:
    answer = client.get("/v1/inspections", headers={"Cookie": "a=" + "b" * 20_000})

    assert answer.status_code == 431
    assert "16" in answer.json()["messages"]["id"]
    assert answer.json()["messages"]["id"] != answer.json()["messages"]["en"]
