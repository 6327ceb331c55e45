"""Sign-in through an OpenID Connect provider, over HTTP: what opens an account, and all that must not."""

import hmac
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from fastapi.testclient import TestClient

from service.accounts import disable, link_identity
from service.app import create_app
from service.audit import Act, Asked, Line, read_audit
from service.caller import Role
from service.cli import main
from service.openid import Identity, IdentityRefused, OpenId
from service.permission import COOKIE
from service.settings import Settings
from service.sign_in import AT_MOST
from service.store import Store, now
from tests.service.fakes import FakeInspector
from tests.service.openid_provider import CLIENT, KEYS, SECRET, Provider, Spoil, compact, serving
from tests.service.signed_in import add_missing
from tests.service.test_own_account import store_of

BACK = "/masuk/openid/kembali"
SUBJECT = "248289761001"


@pytest.fixture
def provider(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")  # on this machine alone
    provider = Provider(back_at=f"{settings.public_url}{BACK}")
    with serving(provider):
        yield provider


@pytest.fixture
def browser(settings: Settings, provider: Provider) -> Iterator[TestClient]:
    """A browser at a service that knows the provider; who is SUBJECT there may open R-1."""
    there = settings.model_copy(
        update={"oidc_issuer": provider.issuer, "oidc_client_id": CLIENT, "oidc_client_secret": SECRET}
    )
    app = create_app(there, inspector=FakeInspector())
    with TestClient(app, headers={"sec-fetch-site": "same-origin"}) as client:
        store = store_of(client)
        add_missing(store, "R-1", Role.REVIEWER)
        link(store, "R-1", provider.issuer, SUBJECT)
        yield client


def link(store: Store, code: str, issuer: str, subject: str) -> None:
    with store.changing() as connection:
        link_identity(connection, code, issuer=issuer, subject=subject, by="test", now=now())


def at_provider(client: TestClient, page: str = "/") -> str:
    """Where the provider sends the browser back to, once it has been there."""
    there = client.get("/masuk/openid", params={"ke": page}, follow_redirects=False)
    assert there.status_code == 303
    answer = httpx2.get(there.headers["location"])
    assert answer.status_code == 302, answer.text
    back = urlsplit(answer.headers["location"])
    assert back.path == BACK
    return f"{back.path}?{back.query}"


def bring_back(client: TestClient, address: str) -> str:
    """The page that the browser is led to."""
    answer = client.get(address, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def who(client: TestClient) -> str | None:
    answer = client.get("/v1/session")
    return answer.json()["code"] if answer.status_code == 200 else None


def refusals(store: Store) -> list[Line]:
    with store.reading() as connection:
        return list(read_audit(connection, Asked(acts=(Act.SIGN_IN_REFUSED,))))


def test_who_is_linked_gets_in_with_the_roles_of_the_account_and_out_at_the_provider_too(
    browser: TestClient, provider: Provider
) -> None:
    assert browser.get("/v1/sign-in-ways").json() == {"openid": "OpenID"}

    assert bring_back(browser, at_provider(browser, "/riwayat")) == "/riwayat"

    assert browser.get("/v1/session").json() == {"code": "R-1", "roles": ["reviewer"], "news": 0}
    with store_of(browser).reading() as connection:
        (line,) = read_audit(connection, Asked(acts=(Act.SIGNED_IN,)))
    assert (line.account, line.detail) == ("R-1", "identity")
    onward = urlsplit(browser.delete("/v1/session").json()["onward"])
    assert (f"{onward.scheme}://{onward.netloc}", onward.path) == (provider.issuer, "/leave")
    assert parse_qs(onward.query)["client_id"] == [CLIENT]
    assert who(browser) is None


def test_the_code_is_asked_for_with_pkce_state_and_nonce_of_256_bits_and_never_the_same(
    browser: TestClient,
) -> None:
    asked = []
    for _ in range(2):
        there = browser.get("/masuk/openid", follow_redirects=False)
        asked.append({k: v[0] for k, v in parse_qs(urlsplit(there.headers["location"]).query).items()})
        cookies = [c for name, c in there.headers.multi_items() if name == "set-cookie"]
        assert all({"HttpOnly", "SameSite=lax"} <= set(cookie.split("; ")) for cookie in cookies)

    first, second = asked
    assert (first["response_type"], first["code_challenge_method"], first["scope"]) == (
        "code",
        "S256",
        "openid",
    )
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name]) >= 43
        assert first[name] != second[name]


def test_without_a_provider_nothing_is_asked_of_anybody(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(httpx2, "request", refuse)
    assert client.get("/v1/sign-in-ways").json() == {"openid": None}
    for path in ("/masuk/openid", BACK):
        assert client.get(path, follow_redirects=False).headers["location"] == "/masuk?gagal=not-found"


def test_with_a_provider_nothing_is_asked_of_it_before_somebody_signs_in_there(
    browser: TestClient, provider: Provider
) -> None:
    browser.get("/masuk")
    browser.get("/v1/sign-in-ways")
    browser.get("/readyz")

    assert provider.asked == []


SPOILT: dict[str, tuple[Spoil, str]] = {
    "another nonce": (lambda _, claims: claims.update(nonce="x"), "nonce"),
    "no nonce": (lambda _, claims: claims.pop("nonce"), "nonce"),
    "another issuer": (lambda _, claims: claims.update(iss="https://evil.example"), "iss"),
    "another audience": (lambda _, claims: claims.update(aud=["somebody else"]), "aud"),
    "an audience of several": (lambda _, claims: claims.update(aud=[CLIENT, "somebody else"]), "azp"),
    "another party": (lambda _, claims: claims.update(azp="somebody else"), "azp"),
    "expired": (lambda _, claims: claims.update(exp=int(time.time()) - 90), "exp"),
    "of the future": (lambda _, claims: claims.update(iat=int(time.time()) + 600), "iat"),
    "old": (lambda _, claims: claims.update(iat=int(time.time()) - 900), "iat"),
    "no subject": (lambda _, claims: claims.pop("sub"), "sub"),
    "a subject that is no text": (lambda _, claims: claims.update(sub=7), "sub"),
    "not signed": (lambda header, _: header.update(alg="none"), "signature"),
    "signed with an unknown key": (lambda header, _: header.update(kid=KEYS[1].kid), "signature"),
}


def refused(provider: Provider) -> str | None:
    """Why the provider's proof is refused, None where it holds."""
    openid = OpenId(
        issuer=provider.issuer,
        client_id=CLIENT,
        client_secret=SECRET,
        back_at=provider.client.get_default_redirect_uri(),
        clock=now,
    )
    address, begun = openid.begin()
    back = urlsplit(httpx2.get(address).headers["location"])
    try:
        found = openid.finish(begun, {name: value for name, (value,) in parse_qs(back.query).items()})
    except IdentityRefused as wrong:
        return wrong.why
    assert found == Identity(issuer=provider.issuer, subject=SUBJECT, nonce=begun.nonce)
    return None


def test_a_proof_holds_as_the_provider_makes_it(provider: Provider) -> None:
    assert refused(provider) is None


@pytest.mark.parametrize("how", SPOILT)
def test_a_proof_that_does_not_hold_is_refused(provider: Provider, how: str) -> None:
    provider.spoil, why = SPOILT[how]

    assert refused(provider) == why


def test_a_proof_signed_with_what_is_public_is_refused(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = provider.key.as_pem(private=False)

    def forge(header: dict[str, Any], claims: dict[str, Any]) -> str:
        header["alg"] = "HS256"
        return compact(header, claims, lambda said: hmac.digest(public, said, "sha256"))

    monkeypatch.setattr(provider, "sign", forge)

    assert refused(provider) == "signature"


def test_a_proof_that_does_not_hold_opens_nothing_and_is_noted(
    browser: TestClient, provider: Provider
) -> None:
    provider.spoil, why = SPOILT["another nonce"]

    assert bring_back(browser, at_provider(browser)) == "/masuk?gagal=identity"

    assert who(browser) is None
    assert [line.detail for line in refusals(store_of(browser))] == [f"identity: {why}"]


def test_a_state_of_another_browser_or_none_opens_nothing(browser: TestClient, provider: Provider) -> None:
    theirs = at_provider(browser)
    at_provider(browser)  # this browser has begun anew since
    for address in (theirs, theirs.replace("state=", "other="), f"{BACK}?code=x&state="):
        assert bring_back(browser, address) == "/masuk?gagal=identity"
    assert {line.detail for line in refusals(store_of(browser))} == {"identity: state"}
    assert "/token" not in provider.asked
    assert who(browser) is None


def test_an_answer_that_names_another_provider_opens_nothing(browser: TestClient, provider: Provider) -> None:
    address = at_provider(browser)

    assert bring_back(browser, f"{address}&iss=https://evil.example") == "/masuk?gagal=identity"
    assert "/token" not in provider.asked


def test_the_same_answer_opens_the_account_once(browser: TestClient, provider: Provider) -> None:
    provider.forgetful = True
    address = at_provider(browser)
    kept = dict(browser.cookies)
    assert bring_back(browser, address) == "/"

    thief = TestClient(browser.app, cookies={n: v for n, v in kept.items() if n != COOKIE})
    assert bring_back(thief, address) == "/masuk?gagal=sign-in"
    assert who(thief) is None
    assert refusals(store_of(browser))[-1].detail == "identity: used"


def test_a_spent_code_is_refused_by_the_provider(browser: TestClient, provider: Provider) -> None:
    address = at_provider(browser)
    provider.codes.clear()

    assert bring_back(browser, address) == "/masuk?gagal=identity"


def test_another_key_of_the_provider_is_found_by_itself(browser: TestClient, provider: Provider) -> None:
    assert bring_back(browser, at_provider(browser)) == "/"
    provider.rotate()

    assert bring_back(browser, at_provider(browser)) == "/"
    assert provider.asked.count("/jwks") == 2


def test_who_is_not_linked_gets_no_account_and_is_told_what_to_pass_on(
    browser: TestClient, provider: Provider
) -> None:
    provider.subject = "a/b c"

    assert bring_back(browser, at_provider(browser)) == "/masuk?gagal=identity-unknown#a%2Fb%20c"

    assert who(browser) is None
    assert "a/b" not in str(refusals(store_of(browser)))


def test_a_closed_account_is_opened_by_no_identity(browser: TestClient) -> None:
    with store_of(browser).changing() as connection:
        disable(connection, "R-1", by="test", now=now())

    assert bring_back(browser, at_provider(browser)) == "/masuk?gagal=sign-in"


def test_the_page_to_show_afterwards_is_one_of_ours(browser: TestClient) -> None:
    for page in ("https://evil.example/", "//evil.example", "javascript:x"):
        assert bring_back(browser, at_provider(browser, page)) == "/"
    # browsers take a backslash for a slash, but not an encoded one
    assert bring_back(browser, at_provider(browser, "/\\evil.example")) == "/%5Cevil.example"


def test_tries_are_counted_before_the_provider_is_asked(browser: TestClient, provider: Provider) -> None:
    for _ in range(AT_MOST["address"]):
        browser.get(f"{BACK}?code=x&state=y", follow_redirects=False)

    assert bring_back(browser, at_provider(browser)) == "/masuk?gagal=too-many-tries"
    assert "/token" not in provider.asked


def test_a_provider_that_is_away_or_another_is_told_apart_from_a_refusal(
    settings: Settings, provider: Provider
) -> None:
    # the second says that it is not who it was taken for
    for issuer in ("http://127.0.0.1:9", provider.issuer.replace("127.0.0.1", "localhost")):
        there = settings.model_copy(update={"oidc_issuer": issuer, "oidc_client_id": CLIENT})
        with TestClient(create_app(there, inspector=FakeInspector())) as client:
            answer = client.get("/masuk/openid", follow_redirects=False)
            assert answer.headers["location"] == "/masuk?gagal=provider"


def test_identities_are_linked_on_the_command_line_one_to_an_account(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with TestClient(create_app(settings, inspector=FakeInspector())) as client:
        for code in ("R-1", "R-2"):
            add_missing(store_of(client), code, Role.REVIEWER)
    words = ["account", "identity", "R-1", "--data", str(settings.data_dir)]
    assert main([*words, "--subject", SUBJECT]) == 1
    assert "QC_OIDC_ISSUER" in capsys.readouterr().err

    monkeypatch.setenv("QC_OIDC_ISSUER", "https://id.example")
    monkeypatch.setenv("QC_OIDC_CLIENT_ID", "qc")
    assert main([*words, "--subject", SUBJECT]) == 0
    assert f'"subject": "{SUBJECT}"' in capsys.readouterr().out
    assert main(["account", "identity", "R-2", "--subject", SUBJECT, "--data", str(settings.data_dir)]) == 1
    assert "another account" in capsys.readouterr().err
    assert main([*words, "--none"]) == 0
    assert SUBJECT not in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(words)
