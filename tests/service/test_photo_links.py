"""Signed links to photos: for that photo in that size, for an hour, and no longer than their maker may see it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from qc_vision.decision import Verdict
from service.accounts import disable, set_groups, set_roles
from service.caller import Role
from service.dependencies import Desk
from service.photo_links import LASTS, LinkRefused, PhotoPlace, Variant, check_link, sign_link
from service.purge import Retention, purge
from service.store import Store, now
from tests.service.fakes import photo_of
from tests.service.signed_in import AsNamed
from tests.service.test_parts import as_account, code_of
from tests.service.test_uploads import send

SECRET = bytes(range(32))
AT = datetime(2026, 5, 4, tzinfo=UTC)
PLACE = PhotoPlace(inspection_id="0" * 32, number="1", variant=Variant.OVERLAY)
SIZES = {Variant.PHOTO: "", Variant.OVERLAY: "/overlay", Variant.THUMBNAIL: "/thumbnail"}


@pytest.fixture
def store(client: TestClient) -> Store:
    assert isinstance(client.auth, AsNamed)
    return client.auth.store


@pytest.fixture
def desk(client: TestClient) -> Desk:
    assert isinstance(client.app, FastAPI)
    found: Desk = client.app.state.desk
    return found


@pytest.fixture
def photos(client: TestClient) -> str:
    """The address of an inspection's two photos, taken by R-1."""
    answer = send(client, photo_of(Verdict.FAIL), photo_of(Verdict.PASS), by="R-1")
    return f"/v1/inspections/{answer.json()['id']}/photos"


@pytest.fixture
def holder(client: TestClient) -> Iterator[TestClient]:
    """Somebody who is not signed in."""
    other = TestClient(client.app, raise_server_exceptions=False)
    yield other
    other.close()


def make(
    client: TestClient, photo: str, variant: Variant, headers: dict[str, str] | None = None
) -> httpx2.Response:
    return client.post(f"{photo}/links", json={"variant": variant.value}, headers=headers or {})


@pytest.mark.parametrize("variant", Variant)
def test_who_holds_a_link_sees_the_photo_in_that_size_and_no_other(
    client: TestClient, holder: TestClient, photos: str, variant: Variant
) -> None:
    made = make(client, f"{photos}/1", variant).json()
    seen = holder.get(made["link"])

    assert seen.content == client.get(f"{photos}/1{SIZES[variant]}").content
    assert seen.headers["cache-control"] == "no-store"
    assert abs(datetime.fromisoformat(made["expires_at"]) - now() - LASTS) < timedelta(minutes=1)
    query = made["link"].partition("?")[2]
    others = [f"{photos}/{number}{size}" for number in (1, 2) for size in SIZES.values()]
    others.remove(f"{photos}/1{SIZES[variant]}")
    for other in others:
        assert code_of(holder.get(f"{other}?{query}")) == (403, "link"), other
    assert holder.get(f"{photos.removesuffix('/photos')}?{query}").status_code == 401


def test_a_link_holds_no_login_data(client: TestClient, store: Store, photos: str) -> None:
    headers = as_account(store, "KODE-RAHASIA")
    link = make(client, f"{photos}/1", Variant.OVERLAY, headers).json()["link"]
    assert "KODE" not in link
    assert headers["authorization"].partition(" ")[2] not in link


@given(position=st.integers(0, 200), letter=st.sampled_from("0123456789abcdef.-"))
def test_an_altered_link_is_refused(position: int, letter: str) -> None:
    link = sign_link(PLACE, "R-1", secret=SECRET, until=AT + LASTS)
    assert check_link(link, PLACE, ["R-0", "R-1"], secret=SECRET, now=AT) == "R-1"

    position %= len(link)
    altered = link[:position] + letter + link[position + 1 :]
    if altered != link:
        with pytest.raises(LinkRefused):
            check_link(altered, PLACE, ["R-0", "R-1"], secret=SECRET, now=AT)


@pytest.mark.parametrize("link", ["", ".", "..", "a.b.c", "1e9.0.é", "é"])
def test_what_is_no_link_at_all_is_refused(link: str) -> None:
    with pytest.raises(LinkRefused):
        check_link(link, PLACE, ["R-1"], secret=SECRET, now=AT)


def test_a_link_ends_with_its_hour_and_with_the_key_that_signed_it() -> None:
    link = sign_link(PLACE, "R-1", secret=SECRET, until=AT + LASTS)
    assert check_link(link, PLACE, ["R-1"], secret=SECRET, now=AT + LASTS - timedelta(seconds=1)) == "R-1"
    with pytest.raises(LinkRefused):
        check_link(link, PLACE, ["R-1"], secret=SECRET, now=AT + LASTS)
    with pytest.raises(LinkRefused):
        check_link(link, PLACE, ["R-1"], secret=bytes(32), now=AT)


def test_an_expired_or_altered_link_is_refused_at_the_door(
    client: TestClient, holder: TestClient, desk: Desk, photos: str
) -> None:
    secret = desk.keyring.secret_for("photo links")
    inspection_id = photos.split("/")[3]
    place = PhotoPlace(inspection_id=inspection_id, number="1", variant=Variant.PHOTO)
    over = sign_link(place, "R-1", secret=secret, until=now() - timedelta(seconds=1))
    good = sign_link(place, "R-1", secret=secret, until=now() + timedelta(minutes=1))

    assert code_of(holder.get(f"{photos}/1?link={over}")) == (403, "link")
    assert code_of(holder.get(f"{photos}/1?link={good[:-1]}")) == (403, "link")
    assert code_of(holder.get(f"{photos}/1?link=")) == (403, "link")
    # a link says who asks, also to somebody who is signed in
    assert code_of(client.get(f"{photos}/1?link={over}")) == (403, "link")
    assert holder.get(f"{photos}/1?link={good}").status_code == 200
    desk.keyring.rotate()
    assert code_of(holder.get(f"{photos}/1?link={good}")) == (403, "link")


def test_a_link_sees_no_more_than_its_maker_does(
    client: TestClient, holder: TestClient, store: Store, photos: str
) -> None:
    headers = as_account(store, "X-1", Role.REVIEWER)
    link = make(client, f"{photos}/1", Variant.PHOTO, headers).json()["link"]
    assert holder.get(link).status_code == 200

    def change(act: object, *said: object) -> None:
        with store.changing() as connection:
            act(connection, "X-1", *said, by="test", now=now())

    change(set_roles, frozenset({Role.EXPORTER}))
    assert code_of(holder.get(link)) == (403, "not-allowed")
    change(set_roles, frozenset({Role.REVIEWER}))
    change(set_groups, frozenset({"KB-09"}))
    assert code_of(holder.get(link)) == (404, "not-found")
    change(set_groups, None)
    assert holder.get(link).status_code == 200
    change(disable)
    assert code_of(holder.get(link)) == (401, "not-signed-in")


def test_originals_are_not_for_every_role(client: TestClient, store: Store, photos: str) -> None:
    exporter = as_account(store, "X-2", Role.EXPORTER)
    assert code_of(client.get(f"{photos}/1", headers=exporter)) == (403, "not-allowed")
    assert code_of(make(client, f"{photos}/1", Variant.PHOTO, exporter)) == (403, "not-allowed")
    assert client.get(f"{photos}/1/overlay", headers=exporter).status_code == 200
    assert make(client, f"{photos}/1", Variant.OVERLAY, exporter).status_code == 201
    assert code_of(make(client, f"{photos}/3", Variant.OVERLAY, exporter)) == (404, "not-found")


def test_a_link_to_a_photo_that_was_purged_says_so(
    client: TestClient, holder: TestClient, desk: Desk, store: Store, photos: str
) -> None:
    link = make(client, f"{photos}/1", Variant.PHOTO).json()["link"]
    kept = Retention(photos=timedelta(), records=timedelta(days=1), audit=timedelta(days=1))
    purge(store, desk.photos, desk.intake, kept, by="test", now=now())

    assert code_of(holder.get(link)) == (410, "gone")
