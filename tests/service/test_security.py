"""What SECURITY.md claims and no other test shows; and that what it names as evidence is there."""

import base64
import io
import json
import re
from pathlib import Path
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from qc_vision.decision import Verdict
from service.accounts import PassKind, make_pass
from service.app import create_app
from service.settings import Settings
from service.store import Store, now
from tests.service.fakes import FakeInspector, photo_of
from tests.service.signed_in import AsNamed, add_missing, signed_in
from tests.service.test_accounts import all_routes
from tests.service.test_request_log import Printed, printed

__all__ = ["printed"]

ROOT = Path(__file__).parents[2]
SECURITY = ROOT / "service" / "SECURITY.md"
EVIL = '\r\n{"logger": "qc_service.requests", "status": 200, "by": "ADMIN-1"}\x1b[2J\x9b2J\x85\u2028'
"""Lines of its own, and what clears a terminal."""
ELSEWHERE = (
    "../../../../etc/passwd",
    "..%2f..%2f..%2fetc%2fpasswd",
    "....//....//etc/passwd",
    "/etc/passwd",
    "a\0b",
)
LEVEL_2 = {
    "1.1": "1-7", "1.2": "1-4", "1.4": "1,4,5", "1.5": "1-4", "1.6": "1-4", "1.7": "1-2", "1.8": "1-2", "1.9": "1-2",
    "1.10": "1", "1.11": "1-2", "1.12": "2", "1.14": "1-6",
    "2.1": "1-12", "2.2": "1-3", "2.3": "1-3", "2.4": "1-6", "2.5": "1-7", "2.6": "1-3", "2.7": "1-6", "2.8": "1-6",
    "2.9": "1-3", "2.10": "1-4",
    "3.1": "1", "3.2": "1-4", "3.3": "1-4", "3.4": "1-5", "3.5": "1-3", "3.7": "1",
    "4.1": "1,2,3,5", "4.2": "1-2", "4.3": "1-3",
    "5.1": "1-5", "5.2": "1-8", "5.3": "1-10", "5.4": "1-3", "5.5": "1-4",
    "6.1": "1-3", "6.2": "1-6", "6.3": "1-2", "6.4": "1-2",
    "7.1": "1-4", "7.2": "1-2", "7.3": "1,3,4", "7.4": "1-3",
    "8.1": "1-4", "8.2": "1-3", "8.3": "1-8",
    "9.1": "1-3", "9.2": "1-4",
    "10.2": "1-2", "10.3": "1-3",
    "11.1": "1-8",
    "12.1": "1-3", "12.2": "1", "12.3": "1-6", "12.4": "1-2", "12.5": "1-2", "12.6": "1",
    "13.1": "1,3,4,5", "13.2": "1,2,3,5,6", "13.3": "1-2", "13.4": "1-2",
    "14.1": "1-4", "14.2": "1-6", "14.3": "2-3", "14.4": "1-7", "14.5": "1-4",
}  # fmt: skip
"""Sections of ASVS 4.0.3 and their requirements of level 2: docs_en/OWASP Application Security Verification Standard
4.0.3-en.csv of the repository OWASP/ASVS, without those that it marks as deleted."""
ROOMS = ("*", ".ci/*", "service/**/*", "tests/**/*", "qc_vision/*")
STATES = {"met", "in part", "not met", "operator", "none such"}


@pytest.fixture
def store(client: TestClient) -> Store:
    auth = client.auth
    assert isinstance(auth, AsNamed)
    return auth.store


def numbers(text: str) -> list[int]:
    ends = [part.split("-") for part in text.split(",")]
    return [number for first, *last in ends for number in range(int(first), int((last or [first])[0]) + 1)]


def rows() -> list[list[str]]:
    lines = SECURITY.read_text("utf-8").splitlines()
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in lines if re.match(r"\| \d", line)
    ]


def test_every_requirement_of_level_2_is_answered_once() -> None:
    expected = [f"{section}.{number}" for section, which in LEVEL_2.items() for number in numbers(which)]
    answered = []
    for which, state, *_ in rows():
        assert state in STATES, which
        for stretch in which.split(", "):
            section, _, those = stretch.rpartition(".")
            answered += [f"{section}.{number}" for number in numbers(those)]

    assert sorted(answered) == sorted(expected)


def test_all_evidence_is_there() -> None:
    sources = [path.read_text("utf-8") for path in (ROOT / "tests").glob("**/test_*.py")]
    tests = {name for source in sources for name in re.findall(r"^def (test_\w+)", source, re.MULTILINE)}
    named = re.findall(r"`([^`\s]+)`", SECURITY.read_text("utf-8"))
    missing_tests = {name for name in named if name.startswith("test_") and "." not in name} - tests
    files = [name for name in named if re.fullmatch(r"[\w./-]*\w\.(py|js|html|md|txt|toml)|\.ci/\w+", name)]
    there = [f"/{path.relative_to(ROOT)}" for room in ROOMS for path in ROOT.glob(room)]
    missing_files = {name for name in files if not any(path.endswith(f"/{name}") for path in there)}

    assert (missing_tests, missing_files) == (set(), set())
    assert len(files) > 20
    for which, state, _, evidence in rows():
        assert state not in ("met", "in part") or evidence, f"{which} names no evidence"


def test_nobody_writes_a_line_of_the_log(client: TestClient, printed: Printed) -> None:
    item = json.dumps({"ref": EVIL, "village": EVIL, "maker": EVIL})
    client.get(f"/v1/uploads/{quote(EVIL)}")
    client.get(f"/nowhere/{quote(EVIL)}", params={"village": EVIL})
    client.post("/v1/inspections", files=[("photos", (EVIL, b"no photo"))], data={"item": item, "by": EVIL})
    client.get(
        "/healthz", headers={"X-Request-ID": EVIL.strip().encode(), "User-Agent": EVIL.strip().encode()}
    )

    lines = printed.getvalue().splitlines()  # also at U+0085 and U+2028
    assert len(lines) == 4
    assert all(json.loads(line)["logger"] == "qc_service.requests" for line in lines)
    assert printed.getvalue().replace("\n", "").isprintable()
    assert "ADMIN-1" not in printed.getvalue()


def test_secrets_are_256_random_bits(store: Store) -> None:
    add_missing(store, "R-1")
    with store.changing() as connection:
        made = [
            make_pass(connection, PassKind.SESSION, "R-1", by="test", now=now()).secret for _ in range(256)
        ]
    drawn = [base64.urlsafe_b64decode(secret.removeprefix("qc_") + "=") for secret in made]

    assert {len(secret) for secret in drawn} == {32}
    assert len(set(drawn)) == len(drawn)
    for bit in range(256):  # each is set in half of them, by no more than 5 standard deviations off
        count = sum(secret[bit // 8] >> bit % 8 & 1 for secret in drawn)
        assert abs(count - 128) < 5 * 8, bit


@pytest.mark.parametrize("name", ELSEWHERE)
def test_no_address_leads_to_a_file_elsewhere(client: TestClient, name: str) -> None:
    paths = {re.sub(r"{\w+}", quote(name), route.path) for route in all_routes(client) if "{" in route.path}
    for path in sorted(paths | {f"/web/{quote(name)}", "/web/../settings.py", "/web/"}):
        answer = client.get(path, follow_redirects=False)
        assert answer.status_code < 500, path
        assert "root:" not in answer.text, path
        assert "BaseSettings" not in answer.text, path


def test_text_holds_nothing_that_a_database_or_a_terminal_stumbles_over(client: TestClient) -> None:
    for text in ("a\0b", "a\x1b[2J"):
        body = {"inspection_id": "0" * 32, "action": "confirm", "reason": text}
        refused = client.post("/v1/dispositions", json=body)
        assert refused.status_code == 422
        assert [fault["field"] for fault in refused.json()["errors"]] == ["reason"]
    named = "a\x1b[2J.jpg"
    id = client.post("/v1/inspections", files=[("photos", (named, photo_of(Verdict.PASS)))]).json()["id"]

    (photo,) = client.get(f"/v1/uploads/{id}").json()["photos"]
    assert photo["filename"] == "a[2J.jpg"


def test_a_photo_that_is_a_page_too_is_shown_as_a_photo_and_nothing_else(client: TestClient) -> None:
    script = b"<html><script>alert(1)</script>"
    packed = io.BytesIO()
    with Image.open(io.BytesIO(photo_of(Verdict.PASS))) as photo:
        photo.save(packed, "JPEG", comment=script)
    sent = client.post(
        "/v1/inspections", files=[("photos", ("a.html", packed.getvalue() + script, "text/html"))]
    )
    assert sent.status_code == 201, sent.text

    for link in sent.json()["photos"][0]["links"].values():
        shown = client.get(link)
        assert shown.headers["content-type"] == "image/jpeg"
        assert shown.headers["x-content-type-options"] == "nosniff"
        assert "script-src 'self'" in shown.headers["content-security-policy"]
        assert b"<script>" not in shown.content


@pytest.mark.parametrize(
    "body", [b"<html><script>", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"GIF89a", b"PK\3\4"]
)
def test_what_only_calls_itself_a_photo_is_refused(client: TestClient, body: bytes) -> None:
    sent = client.post("/v1/inspections", files=[("photos", ("a.jpg", body * 99, "image/jpeg"))])

    assert sent.status_code == 415


def test_no_answer_is_kept_by_browsers_or_proxies_unless_they_ask_again(client: TestClient) -> None:
    for route in all_routes(client):
        path = re.sub(r"{\w+}", "1", route.path)
        for method in sorted(route.methods):
            answer = client.request(method, path, follow_redirects=False)
            kept = answer.headers["cache-control"]
            assert "no-store" in kept or kept in ("no-cache", "private, no-cache"), (method, path, kept)
    assert client.get("/nowhere").headers["cache-control"] == "no-store"


def test_a_kept_photo_is_shown_again_only_after_the_service_was_asked(client: TestClient) -> None:
    sent = client.post("/v1/inspections", files=[("photos", ("a.jpg", photo_of(Verdict.PASS)))])
    link = sent.json()["photos"][0]["links"]["photo"]
    shown = client.get(link)

    again = client.get(link, headers={"If-None-Match": shown.headers["etag"]})
    other = client.get(link, headers={"If-None-Match": '"another"'})
    client.auth = None
    stranger = client.get(link, headers={"If-None-Match": shown.headers["etag"]})

    assert shown.headers["cache-control"] == "private, no-cache"
    assert (again.status_code, again.content) == (304, b"")
    assert (other.status_code, other.content) == (200, shown.content)
    assert stranger.status_code == 401


def test_over_https_browsers_are_told_to_come_by_nothing_else(client: TestClient, settings: Settings) -> None:
    secure = settings.model_copy(update={"public_url": "https://qc.example"})
    with signed_in(create_app(secure, inspector=FakeInspector())) as client_of_https:
        told = client_of_https.get("/healthz").headers["strict-transport-security"]

    assert told == "max-age=31536000; includeSubDomains"
    assert "strict-transport-security" not in client.get("/healthz").headers


def test_json_is_no_page(client: TestClient) -> None:
    answer = client.get("/v1/inspections")

    assert answer.headers["content-disposition"] == 'attachment; filename="api.json"'
