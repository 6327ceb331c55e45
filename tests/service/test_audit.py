"""Refusals on record, as many as are of use; and the command that reads the audit."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.accounts import PassKind, set_groups
from service.audit import A_DAY_IN_ALL, AN_HOUR_EACH, LAST, Act, Asked, Line, note, note_refusal, read_audit
from service.caller import Role
from service.cli import main
from service.permission import COOKIE
from service.store import Store, now, open_store
from tests.service.signed_in import AsNamed, new_pass

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


@pytest.fixture
def store(client: TestClient) -> Store:
    auth = client.auth
    assert isinstance(auth, AsNamed)
    return auth.store


def lines(store: Store, *acts: Act) -> list[Line]:
    with store.reading() as connection:
        return list(read_audit(connection, Asked(acts=acts)))


def as_inspector(store: Store) -> dict[str, str]:
    return {"authorization": f"Bearer {new_pass(store, 'F-1', PassKind.TOKEN, Role.INSPECTOR)}"}


def test_a_role_that_is_not_enough_is_noted_without_what_the_address_names(
    client: TestClient, store: Store
) -> None:
    assert client.get("/v1/makers/P-77/data", headers=as_inspector(store)).status_code == 403

    (line,) = lines(store, Act.ROLE_DENIED)
    assert (line.account, line.by, line.detail) == ("F-1", "F-1", "GET /v1/makers/{maker}/data")


def test_who_claims_to_be_another_is_noted(client: TestClient, store: Store) -> None:
    headers = {"authorization": f"Bearer {new_pass(store, 'R-1', PassKind.TOKEN)}"}
    entry = {"by": "R-2", "village": "Kebasen"}
    assert client.put("/v1/groups/G", json=entry, headers=headers).status_code == 403

    assert [line.account for line in lines(store, Act.ROLE_DENIED)] == ["R-1"]


def test_a_look_into_another_village_is_noted(client: TestClient, store: Store) -> None:
    headers = as_inspector(store)
    with store.changing() as connection:
        set_groups(connection, "F-1", frozenset({"KB-01"}), by="test", now=now())
    assert client.get("/v1/series/KB-02/mendong", headers=headers).status_code == 404

    (line,) = lines(store, Act.SCOPE_DENIED)
    assert (line.account, line.detail) == ("F-1", "GET /v1/series/{group}/{spec_id}")


def test_what_another_site_sends_with_a_session_is_noted_and_without_one_is_not(
    client: TestClient, store: Store
) -> None:
    client.auth = None
    elsewhere = {"sec-fetch-site": "cross-site"}
    assert client.put("/v1/groups/G", json={}, headers=elsewhere).status_code == 403
    assert lines(store, Act.FORGERY_DENIED) == []

    client.cookies[COOKIE] = new_pass(store, "R-1", PassKind.SESSION)
    assert client.put("/v1/groups/G", json={}, headers=elsewhere).status_code == 403
    assert [line.account for line in lines(store, Act.FORGERY_DENIED)] == ["R-1"]


def test_a_token_that_does_not_hold_is_noted(client: TestClient, store: Store) -> None:
    assert client.get("/v1/session", headers={"authorization": "Bearer qc_old"}).status_code == 401

    (line,) = lines(store, Act.TOKEN_REFUSED)
    assert (line.account, line.by) == (None, "-")


def test_thousands_of_refused_requests_leave_few_lines_and_the_last_says_so(
    client: TestClient, store: Store
) -> None:
    headers = as_inspector(store)
    for _ in range(3 * AN_HOUR_EACH):
        client.get("/v1/reviews", headers=headers)

    kept = lines(store, Act.ROLE_DENIED)
    assert len(kept) == AN_HOUR_EACH
    assert [line.detail.endswith(LAST) for line in kept] == [False] * (AN_HOUR_EACH - 1) + [True]


def test_refusals_of_a_day_are_bounded_for_each_act_and_come_back_the_next_day(store: Store) -> None:
    for number in range(A_DAY_IN_ALL + 50):
        note_refusal(store, Act.SIGN_IN_REFUSED, account=f"X-{number}", now=NOON)
    note_refusal(store, Act.SCOPE_DENIED, account="F-1", now=NOON)
    note_refusal(store, Act.SIGN_IN_REFUSED, account="R-1", now=NOON + timedelta(hours=25))

    kept = Counter(line.act for line in lines(store))
    assert kept[Act.SIGN_IN_REFUSED] == A_DAY_IN_ALL + 1
    assert kept[Act.SCOPE_DENIED] == 1


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A data folder whose audit has three lines, an hour apart."""
    store = open_store(tmp_path / "records.sqlite")
    with store.changing() as connection:
        for hour, act, account in (
            (0, Act.SIGNED_IN, "R-1"),
            (1, Act.ROLES_CHANGED, "R-2"),
            (2, Act.SIGNED_OUT, "R-1"),
        ):
            note(connection, act, account=account, by="test", now=NOON + timedelta(hours=hour), detail="é\n")
    store.close()
    return tmp_path


def printed(place: Path, capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    assert main(["account", "log", *words, "--data", str(place)]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize(
    ("words", "acts"),
    [
        ([], ["signed_in", "roles_changed", "signed_out"]),
        (["R-1"], ["signed_in", "signed_out"]),
        (["--act", "roles_changed", "--act", "signed_out"], ["roles_changed", "signed_out"]),
        (["--since", "2026-11-02T13:00"], ["roles_changed", "signed_out"]),
        (["--until", "2026-11-02T20:00+07:00"], ["signed_in"]),
        (["R-1", "--since", "2026-11-02", "--until", "2026-11-02T12:30"], ["signed_in"]),
        (["--since", "2026-11-03"], []),
    ],
)
def test_the_log_is_listed_by_account_act_and_time(
    place: Path, capsys: pytest.CaptureFixture[str], words: list[str], acts: list[str]
) -> None:
    assert [line["act"] for line in printed(place, capsys, *words)] == acts


def test_a_line_of_the_log_is_one_line_of_json(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(place, capsys, "--act", "signed_in") == [
        {
            "at": "2026-11-02T12:00:00+00:00",
            "act": "signed_in",
            "account": "R-1",
            "by": "test",
            "detail": "é\n",
        }
    ]


@pytest.mark.parametrize("words", [["--act", "signed-in"], ["--since", "yesterday"]])
def test_a_kind_or_time_that_is_none_is_refused_with_examples(
    place: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["account", "log", *words, "--data", str(place)])

    said = capsys.readouterr().err
    assert "signed_in" in said or "2026-11-28" in said
