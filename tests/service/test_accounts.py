"""Who gets in, who may do what, and what is on record about it."""

import json
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from qc_vision.decision import Verdict
from service import routes
from service.account_commands import first_link
from service.account_tables import AUDIT, PASSES
from service.accounts import IDLE, IDLE_IN_THE_FIELD, PassKind, find_caller, list_open
from service.caller import Role
from service.cli import main
from service.permission import COOKIE, May, open_to_all
from service.secret_box import SecretBox
from service.settings import Settings
from service.sign_in import AT_MOST, SignInRefused, sign_in
from service.store import Store, now, open_store
from tests.service.fakes import photo_of
from tests.service.signed_in import AsNamed, new_pass
from tests.service.test_lots import inspect

PASSWORD = "kuda tangga hujan biru"
NO_BOX = SecretBox(Path("nowhere"))
"""Of accounts without a second factor nothing is sealed."""
OURS = {"sec-fetch-site": "same-origin"}
PUBLIC = {
    "/.well-known/jwks.json",
    "/healthz",
    "/masuk",
    "/masuk/openid",
    "/masuk/openid/kembali",
    "/readyz",
    "/sertifikat/{number}",
    "/v1/account-links",
    "/v1/certificates/{number}",
    "/v1/certificates/{number}/jws",
    "/v1/certificates/{number}/pdf",
    "/v1/certificates/{number}/photos/{place}",
    "/v1/session",
    "/v1/sign-in-ways",
}
ROLES_OF = {
    ("POST", "/v1/inspections"): {Role.INSPECTOR},
    ("POST", "/v1/photo-checks"): {Role.INSPECTOR},
    ("OPTIONS", "/v1/parts"): {Role.INSPECTOR},
    ("POST", "/v1/dispositions"): {Role.REVIEWER},
    ("POST", "/v1/lots"): {Role.REVIEWER, Role.EXPORTER},
    ("POST", "/v1/lots/L/decision"): {Role.REVIEWER},
    ("POST", "/v1/series/G/S/decisions"): {Role.ADMIN},
    ("GET", "/v1/series/G/S"): set(Role),
    ("POST", "/v1/lots/L/certificates"): {Role.EXPORTER},
    ("POST", "/v1/checks"): {Role.INSPECTOR, Role.REVIEWER},
    ("POST", "/v1/documents"): {Role.REVIEWER, Role.EXPORTER},
    ("POST", "/v1/reworks"): {Role.INSPECTOR, Role.REVIEWER},
    ("PUT", "/v1/groups/G"): {Role.ADMIN},
    ("PUT", "/v1/makers/M"): {Role.REVIEWER, Role.ADMIN},
    ("PUT", "/v1/items/I"): {Role.INSPECTOR, Role.REVIEWER},
    ("PUT", "/v1/model-withdrawals/1"): {Role.ML, Role.ADMIN},
    ("GET", "/v1/makers/M/data"): {Role.ADMIN},
    ("GET", "/metrics"): {Role.ML, Role.ADMIN},
    ("GET", "/v1/reviews"): {Role.REVIEWER},
    ("GET", "/v1/inspections"): set(Role),
    ("GET", "/v1/facts"): set(Role),
}


class CountingHashes:
    """Counts what it verifies; its hash of a password is the password."""

    def __init__(self) -> None:
        self.verified = 0

    def hash(self, password: str) -> str:
        return f"plain:{password}"

    def verify(self, hash: str, password: str) -> bool:
        self.verified += 1
        return hash == f"plain:{password}"


@pytest.fixture
def store(client: TestClient) -> Store:
    auth = client.auth
    assert isinstance(auth, AsNamed)
    return auth.store


@pytest.fixture
def stranger(client: TestClient, store: Store) -> TestClient:
    """A browser in which nobody is signed in."""
    client.auth = None
    return client


def audited(store: Store) -> list[str]:
    with store.reading() as connection:
        return list(connection.execute(select(AUDIT.c.what).order_by(AUDIT.c.seq)).scalars())


def with_password(client: TestClient, store: Store, code: str) -> None:
    link = new_pass(store, code, PassKind.LINK)
    answer = client.post("/v1/account-links", json={"link": link, "password": PASSWORD}, headers=OURS)
    assert answer.status_code == 201, answer.text


def try_password(client: TestClient, code: str, password: str) -> int:
    entry = {"code": code, "password": password}
    return client.post("/v1/session", json=entry, headers=OURS).status_code


def stated(route: APIRoute) -> list[object]:
    return [d.call for d in route.dependant.dependencies if isinstance(d.call, May) or d.call is open_to_all]


def all_routes(client: TestClient) -> list[APIRoute]:
    modules = [import_module(f"service.routes.{found.name}") for found in iter_modules(routes.__path__)]
    routers = [module.router for module in modules if hasattr(module, "router")]
    found = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    assert set(client.get("/openapi.json").json()["paths"]) <= {route.path for route in found}
    return found


def test_every_route_states_once_who_may_call_it(client: TestClient) -> None:
    wrong = [route.path for route in all_routes(client) if len(stated(route)) != 1]

    assert wrong == []


def test_only_these_routes_are_open_to_all(client: TestClient) -> None:
    assert {route.path for route in all_routes(client) if open_to_all in stated(route)} == PUBLIC


@pytest.mark.parametrize("role", Role)
def test_a_role_may_call_its_routes_and_no_others(stranger: TestClient, store: Store, role: Role) -> None:
    token = new_pass(store, f"X-{role.value}", PassKind.TOKEN, role)
    headers = {"authorization": f"Bearer {token}"}
    for (method, path), allowed in ROLES_OF.items():
        status = stranger.request(method, path, headers=headers).status_code

        assert (status == 403) == (role not in allowed), (method, path, status)


def test_without_an_account_nothing_is_read_or_written(stranger: TestClient) -> None:
    for method, path in ROLES_OF:
        answer = stranger.request(method, path)
        assert answer.status_code == 401, path
        assert answer.json()["messages"]["id"]
    page = stranger.get("/riwayat", follow_redirects=False)
    assert (page.status_code, page.headers["location"]) == (303, "/masuk?ke=/riwayat")


def test_a_photo_is_shown_only_to_who_is_signed_in(client: TestClient) -> None:
    photo = f"/v1/inspections/{inspect(client, 'A-1')}/photos/1"
    assert client.get(photo).status_code == 200

    assert client.get(photo, auth=None).status_code == 401


def test_a_body_that_names_another_person_is_refused(client: TestClient, store: Store) -> None:
    headers = {"authorization": f"Bearer {new_pass(store, 'R-1', PassKind.TOKEN)}"}
    answer = client.put("/v1/groups/G", json={"by": "R-2", "village": "Kebasen"}, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:qc-vision:problem:not-allowed")

    kept = client.put("/v1/groups/G", json={"village": "Kebasen"}, headers=headers)
    assert kept.json()["by"] == "R-1"


def test_who_took_the_photo_cannot_confirm_it_by_claiming_to_be_another(
    client: TestClient, store: Store
) -> None:
    headers = {"authorization": f"Bearer {new_pass(store, 'R-1', PassKind.TOKEN)}"}
    seen = client.post(
        "/v1/inspections",
        files={"photos": ("a.jpg", photo_of(Verdict.FAIL))},
        data={"item": json.dumps({"ref": "A-1", "spec": "hyacinth_bin"})},
        headers=headers,
    ).json()["id"]
    entry = {"inspection_id": seen, "action": "confirm", "severity": "major"}

    assert client.post("/v1/dispositions", json=entry, headers=headers).status_code == 422
    assert client.post("/v1/dispositions", json={"by": "R-2", **entry}, headers=headers).status_code == 403
    assert client.post("/v1/dispositions", json={"by": "R-2", **entry}).status_code == 201


def test_a_one_time_link_sets_the_password_once_and_the_session_ends_with_signing_out(
    stranger: TestClient, store: Store
) -> None:
    link = new_pass(store, "R-1", PassKind.LINK)
    weak = {"link": link, "password": "password1234"}
    assert stranger.post("/v1/account-links", json=weak, headers=OURS).status_code == 422
    good = {"link": link, "password": PASSWORD}
    assert stranger.post("/v1/account-links", json=good, headers=OURS).status_code == 201
    assert stranger.post("/v1/account-links", json=good, headers=OURS).status_code == 422

    answer = stranger.post("/v1/session", json={"code": "R-1", "password": PASSWORD}, headers=OURS)

    assert {"HttpOnly", "Path=/", "SameSite=lax"} <= set(answer.headers["set-cookie"].split("; "))
    secret = stranger.cookies[COOKIE]
    assert stranger.get("/v1/session").json()["code"] == "R-1"
    assert stranger.delete("/v1/session", headers=OURS).json() == {"onward": "/masuk"}
    stranger.cookies[COOKIE] = secret
    assert stranger.get("/v1/session").status_code == 401
    assert audited(store)[-4:] == ["link_made", "password_set", "signed_in", "signed_out"]


def test_a_session_sends_nothing_for_another_site_and_answers_no_other_origin(
    stranger: TestClient, store: Store
) -> None:
    stranger.cookies[COOKIE] = new_pass(store, "R-1", PassKind.SESSION)
    entry = {"village": "Kebasen"}
    elsewhere = [
        {},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
    ]
    for headers in elsewhere:
        assert stranger.put("/v1/groups/G", json=entry, headers=headers).status_code == 403, headers
    assert (
        stranger.put("/v1/groups/G", json=entry, headers={"origin": "http://testserver"}).status_code == 201
    )

    asked = {"origin": "https://evil.example", "access-control-request-method": "PUT"}
    preflight = stranger.options("/v1/groups/G", headers=asked)
    read = stranger.get("/v1/groups/G", headers={"origin": "https://evil.example"})
    for answer in (preflight, read):
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_an_account_tried_too_often_is_closed_for_a_while_even_to_the_right_password(
    stranger: TestClient, store: Store
) -> None:
    with_password(stranger, store, "R-1")
    tries = [try_password(stranger, "R-1", "wrong") for _ in range(AT_MOST["account"])]

    assert set(tries) == {401}
    assert try_password(stranger, "R-1", PASSWORD) == 429
    later = now() + timedelta(minutes=16)
    with pytest.raises(SignInRefused):
        sign_in(store, "R-1", "wrong", address="x", hashes=CountingHashes(), box=NO_BOX, now=later)
    assert audited(store).count("locked_out") == 1


def test_an_unknown_name_costs_one_hash_and_gets_the_same_words(stranger: TestClient, store: Store) -> None:
    with_password(stranger, store, "R-1")
    said = []
    for code in ("R-1", "NOBODY"):
        hashes = CountingHashes()
        with pytest.raises(SignInRefused) as refused:
            sign_in(store, code, "wrong", address="x", hashes=hashes, box=NO_BOX, now=now())
        said.append((hashes.verified, refused.value.message))

    assert said[0] == said[1]
    assert said[0][0] == 1


def test_a_session_ends_when_idle_and_only_hashes_of_secrets_are_kept(store: Store) -> None:
    secret = new_pass(store, "R-1", PassKind.SESSION)
    with store.reading() as connection:
        assert find_caller(connection, PassKind.SESSION, secret, now=now()) is not None
        assert find_caller(connection, PassKind.TOKEN, secret, now=now()) is None
        assert find_caller(connection, PassKind.SESSION, secret, now=now() + IDLE) is None
        assert list_open(connection, "R-1", secret, now=now() + IDLE) == []
        kept = [str(value) for row in connection.execute(select(PASSES)) for value in row]
    assert secret not in kept


def test_who_only_photographs_may_walk_from_house_to_house_before_the_session_ends(store: Store) -> None:
    secret = new_pass(store, "F-1", PassKind.SESSION, Role.INSPECTOR)
    with store.reading() as connection:
        assert find_caller(connection, PassKind.SESSION, secret, now=now() + IDLE) is not None
        assert find_caller(connection, PassKind.SESSION, secret, now=now() + IDLE_IN_THE_FIELD) is None


def test_the_audit_cannot_be_changed(store: Store) -> None:
    new_pass(store, "R-1", PassKind.TOKEN)
    for statement in ("UPDATE audit SET what = 'x'", "DELETE FROM audit"):
        with pytest.raises(DBAPIError, match="append-only"), store._engine.begin() as connection:
            connection.exec_driver_sql(statement)


def test_accounts_are_kept_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*words: str) -> list[dict]:
        assert main(["account", *words, "--data", str(tmp_path)]) == 0
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    open_store(tmp_path / "records.sqlite").close()
    assert "/masuk#qc_" in run("add", "BOX-1", "--roles", "inspector")[0]["link"]
    token = run("token", "BOX-1", "--days", "1")[0]
    store = open_store(tmp_path / "records.sqlite")

    def lets_in() -> bool:
        with store.reading() as connection:
            return find_caller(connection, PassKind.TOKEN, token["token"], now=now()) is not None

    assert lets_in()
    run("revoke", token["id"])
    assert not lets_in()
    assert run("role", "BOX-1", "--roles", "ml,reviewer")[0]["roles"] == ["ml", "reviewer"]
    assert run("list")[0]["groups"] == "all"
    with pytest.raises(SystemExit):  # forgotten is not "all"
        main(["account", "scope", "BOX-1", "--data", str(tmp_path)])
    assert run("scope", "BOX-1", "--group", "KB-01", "--group", "KB-02")[0]["groups"] == ["KB-01", "KB-02"]
    assert run("scope", "BOX-1", "--all")[0]["groups"] == "all"
    assert run("disable", "BOX-1")[0]["disabled"]
    assert main(["account", "token", "BOX-1", "--data", str(tmp_path)]) == 1
    store.close()


def test_the_first_start_gives_a_link_and_later_ones_none(
    stranger: TestClient, store: Store, settings: Settings
) -> None:
    link = first_link(store, settings.public_url)
    assert link is not None
    again = first_link(store, settings.public_url)  # nobody has used it: the last one holds
    assert again is not None
    entry = {"link": again.partition("#")[2], "password": PASSWORD}
    assert stranger.post("/v1/account-links", json=entry, headers=OURS).json() == {"code": "A-01"}

    assert first_link(store, settings.public_url) is None
