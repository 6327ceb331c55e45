"""A second factor of an account: turned on, asked for, lost."""

import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from qc_vision.errors import StorageError
from service.account_tables import RECOVERY_CODES, SECOND_FACTORS
from service.accounts import PassKind, disable, make_pass
from service.app import create_app
from service.backup import back_up, restore
from service.caller import Role
from service.cli import main
from service.one_time_codes import STEP_S, code_of, step_at
from service.second_factor import RECOVERY_COUNT, begin, confirm, find_factor, use_code
from service.secret_box import KEY_FILE, SecretBox
from service.settings import Settings
from service.sign_in import AT_MOST
from service.store import Store, now
from service.workplace import open_records
from tests.service.fakes import FakeInspector
from tests.service.signed_in import add_missing, new_pass
from tests.service.test_accounts import OURS, PASSWORD, with_password
from tests.service.test_own_account import acts, holding, lets_in, store_of

FACTOR = "/v1/account/second-factor"
STEP = timedelta(seconds=STEP_S)


class App:
    """What shows the codes on somebody's phone."""

    def __init__(self, key: str) -> None:
        self._secret = base64.b32decode(key.replace(" ", ""))

    def code(self, moment: datetime | None = None) -> str:
        return code_of(self._secret, step_at(moment or now()))


@pytest.fixture
def browser(settings: Settings) -> Iterator[TestClient]:
    """A browser in which R-1 has signed in with the password."""
    with TestClient(create_app(settings, inspector=FakeInspector()), headers=OURS) as client:
        with_password(client, store_of(client), "R-1")
        assert sign_in(client).status_code == 204
        yield client


@pytest.fixture
def box(tmp_path: Path) -> SecretBox:
    return SecretBox(tmp_path / "keys" / KEY_FILE)


def sign_in(client: TestClient, password: str = PASSWORD, **more: str) -> httpx2.Response:
    return client.post("/v1/session", json={"code": "R-1", "password": password, **more})


def said(answer: httpx2.Response) -> str | None:
    """The code of the refusal, None where it was none."""
    return None if answer.is_success else answer.json()["type"].rpartition(":")[2]


def turn_on(client: TestClient) -> tuple[App, list[str]]:
    """The app that holds the secret now, one step behind so that its present code is still good; the recovery codes."""
    begun = client.post(FACTOR, json={"password": PASSWORD})
    assert begun.status_code == 201, begun.text
    app = App(begun.json()["key"])
    answer = client.post(f"{FACTOR}/confirmation", json={"code": app.code(now() - STEP)})
    assert answer.status_code == 201, answer.text
    return app, answer.json()["recovery_codes"]


def enrolled(store: Store, box: SecretBox, moment: datetime) -> tuple[App, list[str]]:
    """The same of R-1 without a browser, at that moment."""
    add_missing(store, "R-1")
    with store.changing() as connection:
        app = App(begin(connection, "R-1", box=box).key)
        codes = confirm(connection, "R-1", app.code(moment), box=box, now=moment)
    assert codes is not None
    return app, list(codes)


def takes(store: Store, box: SecretBox, entered: str, moment: datetime) -> bool:
    with store.changing() as connection:
        return use_code(connection, "R-1", entered, box=box, now=moment)


def test_the_password_alone_opens_no_session_once_it_is_on(browser: TestClient) -> None:
    assert browser.get(FACTOR).json() == {"since": None, "recovery_codes_left": 0, "missing": False}
    app, _ = turn_on(browser)
    stranger = holding(browser, "")

    asked = sign_in(stranger)

    assert (asked.status_code, said(asked)) == (401, "second-factor")
    assert "set-cookie" not in asked.headers
    assert asked.json()["messages"]["id"]
    assert sign_in(stranger, second_factor=app.code()).status_code == 204
    assert stranger.get("/v1/session").json()["code"] == "R-1"
    assert browser.get(FACTOR).json()["recovery_codes_left"] == RECOVERY_COUNT
    assert acts(store_of(browser), "R-1")[-2:] == ["second_factor_on", "signed_in"]


def test_a_code_beside_a_wrong_password_tells_nothing_and_is_not_used_up(browser: TestClient) -> None:
    app, recovery = turn_on(browser)
    stranger = holding(browser, "")
    without = sign_in(stranger, "wrong")
    for code in (app.code(), recovery[0], "000000"):
        answer = sign_in(stranger, "wrong", second_factor=code)
        assert answer.json() == without.json()

    assert sign_in(stranger, second_factor=app.code()).status_code == 204
    assert sign_in(stranger, second_factor=recovery[0]).status_code == 204


def test_a_wrong_code_opens_nothing_is_on_record_and_counts_to_the_lockout(browser: TestClient) -> None:
    app, recovery = turn_on(browser)
    stranger = holding(browser, "")
    answers = [sign_in(stranger, second_factor="wrong") for _ in range(AT_MOST["account"])]

    assert {said(answer) for answer in answers} == {"second-factor-refused"}
    assert not [answer for answer in answers if "set-cookie" in answer.headers]
    for code in (app.code(), recovery[0]):
        assert said(sign_in(stranger, second_factor=code)) == "too-many-tries"
    assert acts(store_of(browser), "R-1").count("sign_in_refused") == AT_MOST["account"]
    assert acts(store_of(browser), "R-1")[-1] == "locked_out"


def test_changing_the_password_over_and_over_gives_no_more_tries_at_a_code(browser: TestClient) -> None:
    turn_on(browser)
    removal = {"password": PASSWORD, "code": "wrong"}
    for _ in range(AT_MOST["account"] // 2):
        assert said(browser.post(f"{FACTOR}/removal", json=removal)) == "code-wrong"
        browser.post("/v1/account/password", json={"old": PASSWORD, "new": PASSWORD})

    assert said(browser.post(f"{FACTOR}/removal", json=removal)) == "too-many-tries"


def test_a_code_is_good_once_and_none_before_it_is_any_more(store: Store, box: SecretBox) -> None:
    start = now()
    app, _ = enrolled(store, box, start)

    assert not takes(store, box, app.code(start), start)  # it turned the factor on
    assert takes(store, box, app.code(start + STEP), start)
    assert not takes(store, box, app.code(start + STEP), start + STEP)
    assert not takes(store, box, app.code(start), start + STEP)
    assert takes(store, box, app.code(start + 2 * STEP), start + 2 * STEP)


def good_for_one_of_many(store: Store, box: SecretBox) -> None:
    """Holds that a code, and a recovery code, lets in one of eight who send it at once."""
    start = now()
    app, codes = enrolled(store, box, start)
    for code in (app.code(start + STEP), codes[0]):
        with ThreadPoolExecutor(8) as pool:
            taken = list(pool.map(lambda entered: takes(store, box, entered, start), [code] * 8))
        assert sum(taken) == 1, taken


def test_of_many_who_send_the_same_code_at_once_one_gets_in(store: Store, box: SecretBox) -> None:
    good_for_one_of_many(store, box)


def test_a_recovery_code_stands_for_the_app_once_however_it_is_typed(store: Store, box: SecretBox) -> None:
    _, codes = enrolled(store, box, now())
    assert len(set(codes)) == RECOVERY_COUNT

    assert takes(store, box, codes[0].lower().replace("-", " "), now())
    assert not takes(store, box, codes[0], now())
    assert takes(store, box, codes[1], now())
    with store.reading() as connection:
        factor = find_factor(connection, "R-1")
    assert factor is not None
    assert factor.recovery_codes == RECOVERY_COUNT - 2
    assert acts(store, "R-1").count("recovery_code_used") == 2


def test_a_recovery_code_of_another_account_is_none_of_mine(browser: TestClient) -> None:
    _, recovery = turn_on(browser)
    store = store_of(browser)
    add_missing(store, "R-2")
    with store.changing() as connection:
        box = SecretBox(Path("nowhere"))
        assert not use_code(connection, "R-2", recovery[0], box=box, now=now())


def test_turning_it_on_needs_the_password_and_a_first_code_and_ends_the_other_sessions(
    browser: TestClient,
) -> None:
    store = store_of(browser)
    other = new_pass(store, "R-1", PassKind.SESSION)
    token = new_pass(store, "R-1", PassKind.TOKEN)
    assert said(browser.post(f"{FACTOR}/confirmation", json={"code": "123456"})) == "account"
    assert said(browser.post(FACTOR, json={"password": "wrong"})) == "password-wrong"
    given = browser.post(FACTOR, json={"password": PASSWORD}).json()
    assert said(browser.post(f"{FACTOR}/confirmation", json={"code": "wrong"})) == "code-wrong"
    assert sign_in(holding(browser, "")).status_code == 204  # what was only begun asks for nothing

    turn_on(browser)

    assert given["uri"] == (
        f"otpauth://totp/Mutu%20Keranjang%3AR-1?secret={given['key'].replace(' ', '')}&issuer=Mutu%20Keranjang"
    )
    assert browser.get("/v1/session").status_code == 200  # the one that asked stays
    assert not lets_in(browser, other)
    assert browser.get("/v1/session", headers={"authorization": f"Bearer {token}"}).status_code == 200
    assert said(browser.post(FACTOR, json={"password": PASSWORD})) == "account"  # it is on


def test_turning_it_off_needs_both(browser: TestClient) -> None:
    app, recovery = turn_on(browser)
    other = new_pass(store_of(browser), "R-1", PassKind.SESSION)

    def turn_off(password: str, code: str) -> str | None:
        return said(browser.post(f"{FACTOR}/removal", json={"password": password, "code": code}))

    assert turn_off("wrong", app.code()) == "password-wrong"
    assert turn_off(PASSWORD, "wrong") == "code-wrong"
    assert turn_off(PASSWORD, recovery[0]) is None

    assert turn_off(PASSWORD, recovery[1]) == "account"
    assert not lets_in(browser, other)
    assert browser.get("/v1/session").status_code == 200
    assert sign_in(holding(browser, "")).status_code == 204
    assert "second_factor_off" in acts(store_of(browser), "R-1")


def test_a_new_password_by_link_leaves_it_on(browser: TestClient) -> None:
    turn_on(browser)
    with_password(browser, store_of(browser), "R-1")

    assert said(sign_in(holding(browser, ""))) == "second-factor"


def test_a_machine_s_token_turns_nothing_on_or_off(browser: TestClient) -> None:
    headers = {"authorization": f"Bearer {new_pass(store_of(browser), 'R-1', PassKind.TOKEN)}"}
    for method, path in (("GET", ""), ("POST", ""), ("POST", "/confirmation"), ("POST", "/removal")):
        assert browser.request(method, f"{FACTOR}{path}", headers=headers).status_code == 403, path


def test_neither_secret_nor_recovery_codes_lie_readable_in_the_database(
    store: Store, box: SecretBox, tmp_path: Path
) -> None:
    add_missing(store, "R-1")
    start = now()
    with store.changing() as connection:
        key = begin(connection, "R-1", box=box).key.replace(" ", "")
        codes = confirm(connection, "R-1", App(key).code(start), box=box, now=start)
        assert codes is not None
        sealed = connection.execute(select(SECOND_FACTORS.c.secret)).scalar_one()
        hashes = set(connection.execute(select(RECOVERY_CODES.c.sha256)).scalars())
    secret = base64.b32decode(key)
    file = tmp_path / "keys" / KEY_FILE

    assert len(secret) == 20
    assert secret not in base64.b64decode(sealed)
    assert box.unseal(sealed) == secret
    assert len(hashes) == RECOVERY_COUNT
    assert not hashes & {code.replace("-", "") for code in codes}
    assert file.stat().st_mode & 0o777 == 0o600
    file.unlink()
    with pytest.raises(StorageError, match="second-factor remove"):
        box.unseal(sealed)
    with pytest.raises(StorageError, match="second-factor remove"):
        takes(store, box, "123456", start)


def test_a_restored_backup_knows_the_app_still(settings: Settings, tmp_path: Path) -> None:
    store = open_records(settings)
    start = now()
    app, _ = enrolled(store, SecretBox(settings.data_dir / "keys" / KEY_FILE), start)
    back_up(settings, tmp_path / "all.zip")
    store.close()
    there = settings.model_copy(update={"data_dir": tmp_path / "there"})
    restore(there, tmp_path / "all.zip")

    restored = open_records(there)
    assert takes(restored, SecretBox(there.data_dir / "keys" / KEY_FILE), app.code(start + STEP), start)
    restored.close()


def test_a_closed_account_keeps_no_second_factor(store: Store, box: SecretBox) -> None:
    enrolled(store, box, now())
    with store.changing() as connection:
        disable(connection, "R-1", by="test", now=now())
        left = [connection.execute(select(table)).first() for table in (SECOND_FACTORS, RECOVERY_CODES)]

    assert left == [None, None]


def test_the_command_line_takes_it_from_whoever_lost_the_phone(
    settings: Settings, box: SecretBox, capsys: pytest.CaptureFixture[str]
) -> None:
    store = open_records(settings)
    enrolled(store, box, now())
    session = new_pass(store, "R-1", PassKind.SESSION)
    command = ["account", "second-factor", "remove", "R-1", "--data", str(settings.data_dir)]

    assert main(command) == 0

    (account,) = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (account["code"], account["second_factor"]) == ("R-1", False)
    assert acts(store, "R-1")[-1] == "second_factor_off"
    with TestClient(create_app(settings, inspector=FakeInspector())) as client:
        assert not lets_in(client, session)
    assert main(command) == 1
    assert "tidak memakai faktor kedua" in capsys.readouterr().err
    store.close()


@pytest.fixture
def demanding(settings: Settings) -> Iterator[TestClient]:
    """R-1, who has every role, signed in by password where administrators need a second factor."""
    strict = settings.model_copy(update={"second_factor_roles": "admin,ml"})
    with TestClient(create_app(strict, inspector=FakeInspector()), headers=OURS) as client:
        with_password(client, store_of(client), "R-1")
        assert sign_in(client).status_code == 204
        yield client


def test_a_role_that_needs_it_opens_nothing_but_one_s_account_until_it_is_on(demanding: TestClient) -> None:
    assert demanding.get(FACTOR).json()["missing"]
    for path in ("/v1/inspections", "/v1/limits", "/metrics", "/v1/groups/G"):
        refused = demanding.get(path)
        assert (refused.status_code, said(refused)) == (403, "second-factor-missing"), path
    page = demanding.get("/riwayat", follow_redirects=False)
    assert (page.status_code, page.headers["location"]) == (303, "/akun")
    for path in ("/akun", "/v1/session", "/v1/account/passes"):
        assert demanding.get(path).status_code == 200, path

    turn_on(demanding)

    assert not demanding.get(FACTOR).json()["missing"]
    assert demanding.get("/v1/inspections").status_code == 200
    assert demanding.get("/riwayat", follow_redirects=False).status_code == 200


def test_who_has_yet_to_turn_it_on_may_sign_out(demanding: TestClient) -> None:
    assert demanding.delete("/v1/session").status_code == 200


def test_it_is_asked_of_no_other_role_and_of_no_machine(demanding: TestClient) -> None:
    store = store_of(demanding)
    inspector = holding(demanding, new_pass(store, "F-1", PassKind.SESSION, Role.INSPECTOR))
    token = new_pass(store, "R-1", PassKind.TOKEN)
    machine = TestClient(demanding.app, headers={"authorization": f"Bearer {token}"})

    assert inspector.get("/v1/inspections").status_code == 200
    assert machine.get("/v1/inspections").status_code == 200
    provider = holding(demanding, by_identity(store, "R-1"))
    assert provider.get("/v1/inspections").status_code == 200


def by_identity(store: Store, code: str) -> str:
    """A session that a provider opened."""
    with store.changing() as connection:
        return make_pass(connection, PassKind.SESSION, code, by=code, now=now(), by_identity=True).secret
