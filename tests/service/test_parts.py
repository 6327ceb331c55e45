"""Photos in parts: whatever the line does, one record of exactly what was sent; and nothing for whom it is not."""

import hashlib
import io
import os
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError

from qc_vision.decision import Verdict
from service.accounts import PassKind
from service.app import create_app
from service.backup import back_up
from service.caller import Role
from service.doctor import Health, examine
from service.parts import Announced, OffsetMoved, PartGone, Parts, Room
from service.settings import Settings
from service.signing import check_signature
from service.store import Store
from service.tus import PIECE_BYTES
from service.workplace import open_records
from tests.service.fakes import FakeInspector, photo_of
from tests.service.parts_sender import (
    PIECES,
    TUS,
    begin,
    checksum,
    finish,
    go_on,
    in_base64,
    offset_of,
    send_whole,
)
from tests.service.running import served
from tests.service.signed_in import AsNamed, new_pass, signed_in
from tests.service.test_scope import THEIRS, held_to
from tests.service.test_uploads import listed, send

SERVE = """
import sys
from pathlib import Path
import uvicorn
from service.app import create_app
from service.settings import Settings
from tests.service.fakes import FakeInspector
app = create_app(Settings(data_dir=Path(sys.argv[1])), inspector=FakeInspector())
uvicorn.run(app, port=int(sys.argv[2]), log_level="error")
"""
RED, GREEN = photo_of(Verdict.FAIL), photo_of(Verdict.PASS)
LARGE = GREEN + bytes(3 * PIECE_BYTES)
"""A JPEG stays one with bytes behind its end."""


@pytest.fixture
def store(client: TestClient) -> Store:
    assert isinstance(client.auth, AsNamed)
    return client.auth.store


def as_account(store: Store, code: str, *roles: Role) -> dict[str, str]:
    return {"authorization": f"Bearer {new_pass(store, code, PassKind.TOKEN, *roles)}"}


def code_of(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


def test_photos_in_parts_end_like_photos_sent_at_once(client: TestClient) -> None:
    parts = [send_whole(client, RED), send_whole(client, GREEN)]
    in_parts = finish(client, parts, key="a", item={"ref": "A-1"})
    at_once = send(client, RED, GREEN, key="a", item='{"ref": "A-1"}', photo_ids=parts)

    assert in_parts.status_code == 201
    assert at_once.json() == in_parts.json()
    assert [photo["photo"]["sha256"] for photo in in_parts.json()["photos"]] == [
        hashlib.sha256(photo).hexdigest() for photo in (RED, GREEN)
    ]
    upload = client.get(f"/v1/uploads/{in_parts.json()['id']}").json()
    assert [photo["filename"] for photo in upload["photos"]] == ["a.jpg", "a.jpg"]
    keys = client.get("/.well-known/jwks.json").json()
    receipt = check_signature(client.get(upload["links"]["receipt"]).text, keys)
    assert [photo["id"] for photo in receipt.payload["photos"]] == parts


def test_parts_are_gone_once_accepted_and_naming_them_again_gets_the_same_answer(
    client: TestClient, settings: Settings
) -> None:
    parts = [send_whole(client, RED), send_whole(client, GREEN)]
    first = finish(client, parts, key="a")

    assert list((settings.data_dir / "parts").iterdir()) == []
    assert finish(client, parts, key="a").json() == first.json()
    assert finish(client, parts[::-1], key="a").json() == first.json()
    assert code_of(finish(client, parts, key="b")) == (422, "other-content")
    assert code_of(finish(client, parts, key="a", item={"ref": "A-2"})) == (422, "other-content")
    assert listed(client) == [first.json()["id"]]
    # a sender that never heard of it finds all of it there
    link = f"/v1/parts/{parts[0]}"
    assert offset_of(client, link) == len(RED)
    assert begin(client, len(RED), id=parts[0]).headers["Upload-Offset"] == str(len(RED))


@effort(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_however_the_photos_are_cut_repeated_and_mixed_there_is_one_record(
    client: TestClient, data: st.DataObject
) -> None:
    key = uuid4().hex
    count = data.draw(st.integers(1, 3), label="photos")
    # other bytes in each photo: any that went astray would change its hash
    photos = [(uuid4().hex, GREEN + os.urandom(8)) for _ in range(count)]
    parts = [id for id, _ in photos]
    links = [begin(client, len(photo), id=id).headers["location"] for id, photo in photos]
    unfinished = set(range(count))
    while unfinished:
        number = data.draw(st.integers(0, count - 1), label="photo")
        what = data.draw(st.sampled_from(["next", "next", "next", "stale", "begin", "finish"]), label="what")
        length = data.draw(st.integers(len(GREEN) // 6, len(GREEN)), label="length")
        id, photo = photos[number]
        at = offset_of(client, links[number])
        if what == "next":
            assert go_on(client, links[number], at, photo[at : at + length]).status_code == 204
        elif what == "stale":
            stale = (at + length) % (len(photo) + 1)
            assert go_on(client, links[number], stale, photo[stale:]).status_code == 409
        elif what == "begin":
            assert begin(client, len(photo), id=id).headers["Upload-Offset"] == str(at)
        else:
            assert code_of(finish(client, parts, key=key)) == (409, "not-whole")
        if offset_of(client, links[number]) == len(photo):
            unfinished.discard(number)
    orders = data.draw(st.lists(st.permutations(parts), min_size=1, max_size=3), label="finishes")
    answers = [finish(client, order, key=key, item={"ref": key}) for order in orders]

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(client.get(f"/v1/inspections?ref={key}").json()["inspections"]) == 1
    kept = {photo["id"]: photo["photo"]["sha256"] for photo in answers[0].json()["photos"]}
    assert kept == {id: hashlib.sha256(photo).hexdigest() for id, photo in photos}


def test_the_protocol_is_told_and_another_version_refused(client: TestClient, settings: Settings) -> None:
    told = client.options("/v1/parts").headers
    assert told["Tus-Version"] == told["Tus-Resumable"] == "1.0.0"
    assert told["Tus-Extension"] == "creation,expiration,checksum,termination"
    assert told["Tus-Max-Size"] == str(settings.max_upload_bytes)
    assert "sha1" in told["Tus-Checksum-Algorithm"].split(",")

    other = client.post("/v1/parts", headers={"Tus-Resumable": "0.2.2", "Upload-Length": "1"})
    assert code_of(other) == (412, "tus-version")
    assert other.headers["Tus-Version"] == "1.0.0"


def test_what_a_sender_does_wrong_is_refused_and_changes_nothing(
    client: TestClient, settings: Settings
) -> None:
    link = begin(client, len(RED)).headers["location"]
    go_on(client, link, 0, RED[:100])
    rest = RED[100:]
    refused = [
        (go_on(client, link, 0, RED), (409, "offset")),
        (go_on(client, link, 101, rest[1:]), (409, "offset")),
        (go_on(client, link, 100, rest + b"more"), (413, "upload-too-large")),
        (go_on(client, link, 100, rest, headers=checksum("sha1", rest[:-1])), (460, "checksum")),
        (go_on(client, link, 100, rest, headers={"Upload-Checksum": "crc32 AAAAAA=="}), (400, "unreadable")),
        (go_on(client, link, 100, rest, headers={"Upload-Checksum": "sha1 !"}), (400, "unreadable")),
        (
            go_on(client, link, 100, rest, headers={"Content-Type": "image/jpeg"}),
            (415, "unsupported-media-type"),
        ),
        (go_on(client, link, 100, rest, headers={"Upload-Offset": "-1"}), (422, "invalid-request")),
        (begin(client, settings.max_upload_bytes + 1), (413, "upload-too-large")),
        (begin(client, -1), (422, "invalid-request")),
        (begin(client, 10, id="../../etc"), (422, "invalid-request")),
        (begin(client, 10, headers={"Upload-Metadata": "filename"}), None),
        (begin(client, 10, headers={"Upload-Metadata": "filename ???"}), (400, "unreadable")),
        (begin(client, 10, headers={"Upload-Metadata": "id YQ==,id YQ=="}), (400, "unreadable")),
        (begin(client, 10, id=link.rpartition("/")[2]), (422, "other-content")),
        (finish(client, [link.rpartition("/")[2]]), (409, "not-whole")),
        (finish(client, [uuid4().hex]), (404, "part-gone")),
        (finish(client, []), (422, "invalid-request")),
        (client.post("/v1/inspections", data={"item": "{}"}), (422, "invalid-request")),
        (go_on(client, f"/v1/parts/{uuid4().hex}", 0, RED), (404, "part-gone")),
    ]

    for answer, expected in refused:
        assert expected is None or code_of(answer) == expected, answer.text
    assert offset_of(client, link) == 100
    assert go_on(client, link, 100, rest, headers=checksum("sha256", rest)).status_code == 204
    assert finish(client, [link.rpartition("/")[2]]).status_code == 201


def test_a_body_without_an_announced_length_may_not_pass_the_end(client: TestClient) -> None:
    link = begin(client, len(RED)).headers["location"]

    def pieces() -> Iterator[bytes]:
        yield RED
        yield b"more"

    answer = client.patch(link, content=pieces(), headers={**PIECES, "Upload-Offset": "0"})
    assert code_of(answer) == (413, "upload-too-large")
    assert offset_of(client, link) == 0


def test_a_post_stands_for_methods_that_the_line_does_not_pass_on(client: TestClient) -> None:
    link = begin(client, len(RED)).headers["location"]
    meant = {**PIECES, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    assert client.post(link, content=RED, headers=meant).status_code == 204
    assert client.post(link, headers={**TUS, "X-HTTP-Method-Override": "DELETE"}).status_code == 204
    assert client.head(link, headers=TUS).status_code == 404
    # only what a browser asks other sites for permission to send may turn into another method
    assert client.get(link, headers={**TUS, "X-HTTP-Method-Override": "DELETE"}).status_code == 405


def test_a_part_is_its_sender_s_alone_and_parts_are_for_inspectors(client: TestClient, store: Store) -> None:
    link = begin(client, len(RED)).headers["location"]
    id = link.rpartition("/")[2]
    other = as_account(store, "X-1", Role.INSPECTOR)
    exporter = as_account(store, "X-2", Role.EXPORTER)

    assert client.head(link, headers={**TUS, **other}).status_code == 404
    assert code_of(go_on(client, link, 0, RED, headers=other)) == (404, "part-gone")
    assert client.delete(link, headers={**TUS, **other}).status_code == 404
    assert code_of(begin(client, len(RED), id=id, headers=other)) == (422, "other-content")
    go_on(client, link, 0, RED)
    assert code_of(finish(client, [id], headers=other)) == (404, "part-gone")
    assert finish(client, [id]).status_code == 201
    assert client.head(link, headers={**TUS, **other}).status_code == 404
    assert code_of(finish(client, [id], headers=other)) == (404, "part-gone")
    assert code_of(begin(client, 1, headers=exporter)) == (403, "not-allowed")
    assert code_of(go_on(client, link, 0, RED, headers=exporter)) == (403, "not-allowed")


def test_an_account_held_to_its_village_sends_no_part_for_another_s_basket(
    client: TestClient, store: Store
) -> None:
    assert send(client, RED, item='{"ref": "A-1"}').status_code == 201
    ours = held_to(store, "F-2", frozenset({THEIRS}))
    link = begin(client, len(RED), headers=ours).headers["location"]
    assert go_on(client, link, 0, RED, headers=ours).status_code == 204

    answer = finish(client, [link.rpartition("/")[2]], item={"ref": "A-1"}, headers=ours)
    assert code_of(answer) == (404, "not-found")
    assert finish(client, [link.rpartition("/")[2]], headers=ours).status_code == 201


def test_more_than_an_account_or_all_may_have_under_way_is_refused_until_some_is_finished(
    settings: Settings,
) -> None:
    narrow = settings.model_copy(update={"max_account_parts_bytes": 2_500_000, "max_parts_bytes": 4_000_000})
    with signed_in(create_app(narrow, inspector=FakeInspector())) as client:
        assert isinstance(client.auth, AsNamed)
        other = as_account(client.auth.store, "X-1", Role.INSPECTOR)
        large = begin(client, 1_500_000).headers["location"]
        small = send_whole(client, RED)  # counts as 1 MB
        assert code_of(begin(client, 1)) == (429, "too-many-parts")
        assert begin(client, len(RED), id=small).status_code == 201  # known already
        assert begin(client, 1, headers=other).status_code == 201
        full = begin(client, 1_000_000, headers=other)
        assert code_of(full) == (503, "busy")
        assert full.headers["retry-after"]

        assert finish(client, [small]).status_code == 201
        assert begin(client, 1).status_code == 201
        assert client.delete(large, headers=TUS).status_code == 204
        assert begin(client, 1, headers=other).status_code == 201


def test_a_part_that_nobody_went_on_with_is_gone_and_removed(
    client: TestClient, settings: Settings, tmp_path: Path
) -> None:
    at_s = time.time()
    parts = Parts(tmp_path / "parts", keep_s=60, clock_s=lambda: at_s)
    room = Room(of_account_bytes=10**9, in_all_bytes=10**9)
    parts.begin("a", Announced(account="X", length_bytes=10, metadata=""), room)
    parts.append("a", 0, b"12345")
    half = tmp_path / "parts" / "b.0123"
    half.mkdir()
    assert (parts.count_expired(), parts.remove_expired()) == (0, 0)

    at_s += 61
    assert parts.find("a") is None
    with pytest.raises(PartGone):
        parts.append("a", 5, b"6")
    assert (parts.count_expired(), parts.remove_expired()) == (2, 2)
    assert list((tmp_path / "parts").iterdir()) == []

    # through the door, and by the thread of the running service
    link = begin(client, len(RED)).headers["location"]
    folder = settings.data_dir / "parts" / link.rpartition("/")[2]
    old_s = time.time() - settings.keep_parts_hours * 3600 - 1
    os.utime(folder / "offset", (old_s, old_s))
    assert code_of(go_on(client, link, 0, RED)) == (404, "part-gone")
    end = time.monotonic() + 30
    while folder.exists():
        assert time.monotonic() < end
        time.sleep(0.1)
    assert begin(client, len(RED), id=link.rpartition("/")[2]).headers["Upload-Offset"] == "0"


def test_whatever_lies_behind_the_bytes_that_count_is_written_over(tmp_path: Path) -> None:
    """As a power cut leaves it: longer than what was synced, and filled with anything."""
    parts = Parts(tmp_path / "parts", keep_s=60)
    room = Room(of_account_bytes=10**9, in_all_bytes=10**9)
    parts.begin("a", Announced(account="X", length_bytes=10, metadata=""), room)
    parts.append("a", 0, b"12345")
    with (tmp_path / "parts" / "a" / "bytes").open("ab") as file:
        file.write(bytes(100))

    assert parts.find("a").offset_bytes == 5
    assert parts.append("a", 5, b"67890").whole
    with parts.open("a") as file:
        assert file.read() == b"1234567890"


def test_of_two_who_bring_the_next_piece_at_once_one_wins(tmp_path: Path) -> None:
    here, there = (Parts(tmp_path / "parts", keep_s=60) for _ in range(2))
    room = Room(of_account_bytes=10**9, in_all_bytes=10**9)
    here.begin("a", Announced(account="X", length_bytes=10, metadata=""), room)
    there.append("a", 0, b"12345")

    with pytest.raises(OffsetMoved) as moved:
        here.append("a", 0, b"abcdefg")
    assert moved.value.offset_bytes == 5
    here.append("a", 5, b"67890")
    with there.open("a") as file:
        assert file.read() == b"1234567890"


def test_pieces_may_come_to_several_services_that_share_a_folder(settings: Settings) -> None:
    apps = [create_app(settings, inspector=FakeInspector()) for _ in range(2)]
    with signed_in(apps[0]) as one, signed_in(apps[1]) as other:
        link = begin(one, len(RED)).headers["location"]
        for at in range(0, len(RED), 100):
            client = (one, other)[at // 100 % 2]
            assert go_on(client, link, at, RED[at : at + 100]).status_code == 204
        first = finish(one, [link.rpartition("/")[2]], key="a")
        assert finish(other, [link.rpartition("/")[2]], key="a").json() == first.json()
        assert first.json()["photos"][0]["photo"]["sha256"] == hashlib.sha256(RED).hexdigest()


def test_a_disk_that_refuses_keeps_what_came_before(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = begin(client, len(RED)).headers["location"]
    go_on(client, link, 0, RED[:100])

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("service.parts.os.fsync", full)
        assert code_of(go_on(client, link, 100, RED[100:])) == (507, "storage")
    assert offset_of(client, link) == 100
    assert go_on(client, link, 100, RED[100:]).status_code == 204


def test_the_doctor_knows_of_parts_and_a_backup_leaves_them_out(
    client: TestClient, settings: Settings, tmp_path: Path
) -> None:
    link = begin(client, 1000).headers["location"]
    go_on(client, link, 0, bytes(500))

    def look(*, repair: bool) -> tuple[Health, str]:
        (found,) = [
            finding
            for finding in examine(settings, repair=repair, load=FakeInspector)
            if finding.what == "parts"
        ]
        return found.health, found.message.en

    assert look(repair=True) == (Health.OK, "1 photos half sent, 0.0 MB")
    back_up(settings, tmp_path / "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert not [name for name in archive.namelist() if link.rpartition("/")[2] in name]

    touched = settings.data_dir / "parts" / link.rpartition("/")[2] / "offset"
    brief = settings.model_copy(update={"keep_parts_hours": 1})
    old_s = time.time() - 3601
    os.utime(touched, (old_s, old_s))

    def look_brief(*, repair: bool) -> Health:
        found = {f.what: f.health for f in examine(brief, repair=repair, load=FakeInspector)}
        return found["parts"]

    assert [look_brief(repair=repair) for repair in (False, True, False)] == [
        Health.WRONG,
        Health.MENDED,
        Health.OK,
    ]


@pytest.fixture
def live(settings: Settings) -> Iterator[httpx2.Client]:
    """A client of a service on a real socket, as R-1."""
    store = open_records(settings)
    headers = as_account(store, "R-1")
    store.close()
    with (
        served(create_app(settings, inspector=FakeInspector())) as address,
        httpx2.Client(base_url=address, headers=headers) as client,
    ):
        yield client


def break_off(
    address: httpx2.URL, link: str, headers: dict[str, str], piece: bytes, *, announced: int
) -> None:
    """Sends the beginning of a body, then the line breaks."""
    lines = [f"PATCH {link} HTTP/1.1", f"host: {address.host}", f"content-length: {announced}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    with socket.create_connection((address.host, address.port or 80), timeout=20) as line:
        line.sendall("\r\n".join([*lines, "", ""]).encode() + piece)


def wait_for_offset(client: httpx2.Client, link: str, at_least: int) -> int:
    end = time.monotonic() + 30
    while (at := offset_of(client, link)) < at_least:
        assert time.monotonic() < end, at
        time.sleep(0.05)
    return at


def test_what_came_before_the_line_broke_is_kept_and_another_line_goes_on(live: httpx2.Client) -> None:
    link = begin(live, len(LARGE)).headers["location"]
    headers = {**PIECES, "Upload-Offset": "0", "authorization": live.headers["authorization"]}
    sent = 2 * PIECE_BYTES
    break_off(live.base_url, link, headers, LARGE[:sent], announced=len(LARGE))

    # the server itself drops what it has read but not handed over when it finds the line broken
    assert wait_for_offset(live, link, PIECE_BYTES) <= sent
    while (at := offset_of(live, link)) < len(LARGE):
        # 409: the last bytes of the broken line were written only now
        assert go_on(live, link, at, LARGE[at:]).status_code in (204, 409)
    kept = finish(live, [link.rpartition("/")[2]]).json()["photos"][0]["photo"]["sha256"]
    assert kept == hashlib.sha256(LARGE).hexdigest()


def test_of_a_body_with_a_checksum_that_broke_off_nothing_is_kept(live: httpx2.Client) -> None:
    link = begin(live, len(LARGE)).headers["location"]
    headers = {**PIECES, **checksum("sha1", LARGE), "Upload-Offset": "0"}
    headers["authorization"] = live.headers["authorization"]
    break_off(live.base_url, link, headers, LARGE[: 2 * PIECE_BYTES], announced=len(LARGE))
    time.sleep(0.5)

    assert offset_of(live, link) == 0
    assert go_on(live, link, 0, LARGE, headers=checksum("sha1", LARGE)).status_code == 204
    assert offset_of(live, link) == len(LARGE)


@pytest.mark.parametrize("checked", [False, True])
def test_an_outside_client_sends_a_photo_and_goes_on_where_it_stopped(
    live: httpx2.Client, checked: bool
) -> None:
    """tuspy, the reference client of the protocol's authors."""
    tus = TusClient(f"{live.base_url}/v1/parts", headers={"Authorization": live.headers["authorization"]})
    options = {"chunk_size": 100_000, "upload_checksum": checked, "metadata": {"filename": "keranjang.jpg"}}
    first = tus.uploader(file_stream=io.BytesIO(LARGE), **options)
    first.upload(stop_at=250_000)
    assert offset_of(live, first.url) == first.offset == 250_000

    again = tus.uploader(file_stream=io.BytesIO(LARGE), url=first.url, **options)
    assert again.offset == 250_000
    again.upload()
    answer = finish(live, [str(first.url).rpartition("/")[2]])
    assert answer.json()["photos"][0]["photo"]["sha256"] == hashlib.sha256(LARGE).hexdigest()
    with pytest.raises(TusCommunicationError):
        tus.uploader(file_stream=io.BytesIO(LARGE), url=f"{live.base_url}/v1/parts/{uuid4().hex}", **options)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_until_ready(port: int) -> None:
    end = time.monotonic() + 300  # as long as a busy machine takes
    while time.monotonic() < end:
        with suppress(httpx2.HTTPError):
            httpx2.get(f"http://127.0.0.1:{port}/healthz", timeout=5)
            return
        time.sleep(0.05)
    raise AssertionError("the service did not come up")


@contextmanager
def running(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A service in a process of its own, killed at the end."""
    with subprocess.Popen([sys.executable, "-c", SERVE, str(folder), str(port)]) as service:
        wait_until_ready(port)
        yield service
        service.kill()


def test_a_part_survives_a_kill_in_the_middle_of_a_piece(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    store = open_records(Settings(data_dir=folder))
    headers = as_account(store, "R-1")
    store.close()
    port = free_port()
    sent = 1000 + 2 * PIECE_BYTES
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as client:
        with running(folder, port) as service:
            link = begin(client, len(LARGE)).headers["location"]
            assert go_on(client, link, 0, LARGE[:1000]).status_code == 204
            lines = [f"PATCH {link} HTTP/1.1", "host: a", f"content-length: {len(LARGE) - 1000}"]
            lines += [f"{k}: {v}" for k, v in {**PIECES, **headers, "Upload-Offset": "1000"}.items()]
            with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
                line.sendall("\r\n".join([*lines, "", ""]).encode() + LARGE[1000:sent])
                before = wait_for_offset(client, link, 1000 + PIECE_BYTES)
                service.kill()
                service.wait()
        with running(folder, port):
            at = offset_of(client, link)
            assert before <= at <= sent
            assert go_on(client, link, at, LARGE[at:]).status_code == 204
            kept = finish(client, [link.rpartition("/")[2]]).json()["photos"][0]["photo"]["sha256"]
    assert kept == hashlib.sha256(LARGE).hexdigest()


def test_metadata_is_told_back_as_it_was_written(client: TestClient) -> None:
    hostile = "keranjang é\0\n.jpg"
    said = f"filename {in_base64(hostile)},note"
    answer = client.post(
        "/v1/parts", headers={**TUS, "Upload-Length": str(len(RED)), "Upload-Metadata": said}
    )
    link = answer.headers["location"]
    told = client.head(link, headers=TUS).headers
    assert told["Upload-Metadata"] == said
    assert told["Upload-Length"] == str(len(RED))
    assert told["Cache-Control"] == "no-store"
    assert told["Upload-Expires"] == answer.headers["Upload-Expires"]
    go_on(client, link, 0, RED)
    upload = finish(client, [link.rpartition("/")[2]]).json()["id"]
    assert client.get(f"/v1/uploads/{upload}").json()["photos"][0]["filename"] == "keranjang é.jpg"
