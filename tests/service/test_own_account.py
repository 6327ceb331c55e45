"""What persons do with their own account: another password, their sessions and tokens."""

import json
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from service.accounts import PassKind, set_roles
from service.app import create_app
from service.audit import Asked, read_audit
from service.caller import Role
from service.permission import COOKIE
from service.settings import Settings
from service.sign_in import AT_MOST
from service.store import Store, now
from tests.service.fakes import FakeInspector
from tests.service.signed_in import new_pass
from tests.service.test_accounts import OURS, PASSWORD, try_password, with_password

NEW = "pagi sendok awan tujuh"


@pytest.fixture
def browser(settings: Settings) -> Iterator[TestClient]:
    """A browser in which R-1 has signed in with the password."""
    with TestClient(create_app(settings, inspector=FakeInspector()), headers=OURS) as client:
        with_password(client, store_of(client), "R-1")
        assert try_password(client, "R-1", PASSWORD) == 204
        yield client


def store_of(client: TestClient) -> Store:
    app = client.app
    assert isinstance(app, FastAPI)
    store = app.state.desk.store
    assert isinstance(store, Store)
    return store


def change(client: TestClient, old: str, new: str) -> str | None:
    """The code of the refusal, None where the password was changed."""
    answer = client.post("/v1/account/password", json={"old": old, "new": new})
    return None if answer.status_code == 204 else answer.json()["type"].rpartition(":")[2]


def holding(client: TestClient, session: str) -> TestClient:
    """Another browser, with this session."""
    return TestClient(client.app, headers=OURS, cookies={COOKIE: session})


def lets_in(client: TestClient, session: str) -> bool:
    return holding(client, session).get("/v1/session").status_code == 200


def acts(store: Store, account: str) -> list[str]:
    with store.reading() as connection:
        return [line.act for line in read_audit(connection, Asked(account=account))]


def test_another_password_takes_the_old_one_s_place_and_ends_the_other_sessions_and_links(
    browser: TestClient,
) -> None:
    store = store_of(browser)
    other, link = (new_pass(store, "R-1", kind) for kind in (PassKind.SESSION, PassKind.LINK))
    token = new_pass(store, "R-1", PassKind.TOKEN)

    assert change(browser, PASSWORD, NEW) is None

    assert browser.get("/v1/session").status_code == 200  # the one that asked stays
    assert not lets_in(browser, other)
    entry = {"link": link, "password": NEW}
    assert browser.post("/v1/account-links", json=entry).status_code == 422
    assert browser.get("/v1/session", headers={"authorization": f"Bearer {token}"}).status_code == 200
    assert try_password(browser, "R-1", PASSWORD) == 401
    assert try_password(browser, "R-1", NEW) == 204
    assert "password_changed" in acts(store, "R-1")


def test_the_old_password_is_needed_and_the_new_one_is_judged_as_at_the_first(browser: TestClient) -> None:
    assert change(browser, "wrong", NEW) == "old-password"
    assert change(browser, PASSWORD, "password1234") == "weak-password"
    assert change(browser, PASSWORD, "R-1 keranjang") == "weak-password"
    assert change(browser, PASSWORD, "short") == "weak-password"

    assert try_password(browser, "R-1", PASSWORD) == 204


def test_a_stolen_session_cannot_try_passwords_for_ever(browser: TestClient) -> None:
    said = [change(browser, "wrong", NEW) for _ in range(AT_MOST["account"] + 1)]

    assert said[-1] == "too-many-tries"
    assert set(said[:-1]) == {"old-password"}
    assert change(browser, PASSWORD, NEW) == "too-many-tries"


def test_one_s_own_sessions_and_tokens_are_listed_without_their_secrets_and_ended(
    browser: TestClient,
) -> None:
    store = store_of(browser)
    other, token = (new_pass(store, "R-1", kind) for kind in (PassKind.SESSION, PassKind.TOKEN))
    answer = browser.get("/v1/account/passes")
    found = answer.json()["open"]

    assert [one["kind"] for one in found] == ["token", "session", "session"]
    assert [one["current"] for one in found] == [False, False, True]
    assert not [secret for secret in (other, token, browser.cookies[COOKIE]) if secret in answer.text]

    for one in found[:2]:
        assert browser.delete(f"/v1/account/passes/{one['id']}").status_code == 204
        assert browser.delete(f"/v1/account/passes/{one['id']}").status_code == 404
    assert not lets_in(browser, other)
    assert browser.get("/v1/session", headers={"authorization": f"Bearer {token}"}).status_code == 401
    assert len(browser.get("/v1/account/passes").json()["open"]) == 1
    assert acts(store, "R-1")[-2:] == ["token_revoked", "session_ended"]


def test_nobody_sees_or_ends_what_is_another_s(browser: TestClient) -> None:
    store = store_of(browser)
    theirs = new_pass(store, "R-2", PassKind.SESSION)
    (seen,) = holding(browser, theirs).get("/v1/account/passes").json()["open"]

    assert browser.delete(f"/v1/account/passes/{seen['id']}").status_code == 404
    assert lets_in(browser, theirs)


def news_of(client: TestClient) -> tuple[list[str], list[str]]:
    """The acts told, newest first: all, and the new ones."""
    told = client.get("/v1/account/news").json()["news"]
    new = [one["act"] for one in told if one["new"]]
    assert client.get("/v1/session").json()["news"] == len(new)
    return [one["act"] for one in told], new


def test_the_next_sign_in_tells_what_happened_to_the_account_and_the_one_after_no_more(
    browser: TestClient,
) -> None:
    stranger = TestClient(browser.app, headers=OURS)
    assert news_of(browser)[1] == []  # whoever signs in for the first time has missed nothing
    assert try_password(stranger, "R-1", "guessed") == 401
    assert change(browser, PASSWORD, NEW) is None

    # while one is in, another's doing is news, one's own is none
    assert news_of(browser) == (
        ["password_changed", "sign_in_refused", "signed_in", "password_set", "link_made"],
        ["sign_in_refused"],
    )

    assert try_password(browser, "R-1", NEW) == 204
    assert news_of(browser)[1] == ["password_changed", "sign_in_refused"]

    assert try_password(browser, "R-1", NEW) == 204
    assert news_of(browser)[1] == []


def test_an_administrator_s_changes_are_told_with_who_made_them(browser: TestClient) -> None:
    assert try_password(browser, "R-1", PASSWORD) == 204
    with store_of(browser).changing() as connection:
        set_roles(connection, "R-1", frozenset({Role.INSPECTOR}), by="A-9", now=now())

    latest = browser.get("/v1/account/news").json()["news"][0]

    assert (latest["act"], latest["by"], latest["new"]) == ("roles_changed", "A-9", True)


def test_of_another_s_account_nothing_is_told(browser: TestClient) -> None:
    stranger = TestClient(browser.app, headers=OURS)
    assert try_password(browser, "R-1", PASSWORD) == 204
    new_pass(store_of(browser), "R-2", PassKind.TOKEN)
    assert try_password(stranger, "R-2", "guessed") == 401
    assert try_password(stranger, "nobody", "guessed") == 401

    assert "token_made" not in news_of(browser)[0]
    assert news_of(browser)[1] == []


def test_a_machine_s_token_does_not_touch_its_account(browser: TestClient) -> None:
    headers = {"authorization": f"Bearer {new_pass(store_of(browser), 'R-1', PassKind.TOKEN, *Role)}"}
    for method, path in (("GET", "passes"), ("GET", "news"), ("DELETE", "passes/x"), ("POST", "password")):
        body = {"content": json.dumps({"old": PASSWORD, "new": NEW})} if method == "POST" else {}
        answer = browser.request(method, f"/v1/account/{path}", headers=headers, **body)
        assert answer.status_code == 403, path


def test_signing_in_takes_over_no_session_that_a_browser_was_given(browser: TestClient) -> None:
    planted = new_pass(store_of(browser), "R-2", PassKind.SESSION)
    victim = holding(browser, planted)

    answer = victim.post("/v1/session", json={"code": "R-1", "password": PASSWORD})

    given = answer.cookies[COOKIE]
    assert given != planted
    assert holding(browser, given).get("/v1/session").json()["code"] == "R-1"
    assert not lets_in(browser, planted)


def test_over_https_the_cookie_is_bound_to_this_host(settings: Settings) -> None:
    there = settings.model_copy(update={"public_url": "https://qc.example"})
    app = create_app(there, inspector=FakeInspector())
    with TestClient(app, base_url="https://testserver", headers=OURS) as client:
        with_password(client, store_of(client), "R-1")
        answer = client.post("/v1/session", json={"code": "R-1", "password": PASSWORD})
        name, _, rest = answer.headers["set-cookie"].partition("=")

        assert name == "__Host-qc_session"
        assert {"HttpOnly", "Path=/", "SameSite=lax", "Secure"} <= set(rest.split("; "))
        assert "domain" not in rest.lower()  # what the prefix asks for
        assert client.get("/v1/session").json()["code"] == "R-1"
        assert client.delete("/v1/session").status_code == 200
        assert client.get("/v1/session").status_code == 401
