"""Two villages: an account that is held to one finds nothing of the other, by any route."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import insert

from qc_vision.decision import Verdict
from service.accounts import PassKind, add_account, make_pass, set_groups
from service.caller import Role
from service.store import Store, now
from service.tables import UPLOADS
from tests.service.fakes import photo_of
from tests.service.signed_in import AsNamed
from tests.service.test_accounts import all_routes
from tests.service.test_lots import SPEC, decide

THEIRS, OURS = "KB-01", "KB-02"
AT = "2026-05-04T08:00:00+07:00"
NO_THING = {"number", "pass_id", "place", "name", "spec_id", "part_id"}
"""Names in addresses that name no record: a photo's number, one's own session, a public certificate's, a sample photo's;
a part is its sender's alone."""
HELD = {"group", "maker", "lot_id", "ref", "inspection_id", "upload_id", "subject", "version"}


class Village:
    """What is on record of one group: a lot of two baskets, one basket by its maker alone, one photo by nobody's."""

    def __init__(self, client: TestClient, group: str, photographer: dict[str, str]) -> None:
        self.group, self.lot, self.maker = group, f"LOT-{group}", f"P-{group}"
        self.units = (f"{group}-1", f"{group}-2")
        self.single = f"{group}-3"
        kept = [
            client.put(f"/v1/groups/{group}", json={"by": "R-1", "village": "Kebasen"}),
            client.put(f"/v1/makers/{self.maker}", json={"by": "R-1", "group": group}),
            client.post(
                "/v1/lots",
                json={"by": "R-1", "id": self.lot, "group": group, "spec": SPEC, "units": self.units},
            ),
            client.put(f"/v1/items/{self.units[0]}", json={"by": "R-1", "maker": self.maker}),
        ]
        self.inspection = send(client, {"ref": self.units[0]}).json()["id"]
        self.of_single = send(client, {"ref": self.single, "maker": self.maker}).json()["id"]
        # of a spec that lets whoever took it decide, or it would not be in the photographer's own queue
        self.of_nobody = send(client, {"spec": "default"}, headers=photographer).json()["id"]
        kept.append(decide(client, self.inspection, severity="major"))
        check = {"by": "R-1", "code": "smell", "at": AT, "item": self.units[0], "holds": True}
        kept.append(client.post("/v1/checks", json=check))
        self.check = kept[-1].json()["subject"]
        kept.append(client.post("/v1/documents", json=paper(self.lot)))
        self.paper = kept[-1].json()["subject"]
        assert [answer.status_code for answer in kept] == [201] * len(kept)

    @property
    def marks(self) -> set[str]:
        return {self.group, self.lot, self.inspection, self.of_single, self.of_nobody, self.check, self.paper}

    def addresses(self, path: str) -> set[str]:
        """The route's address for each of the village's things that it takes."""
        values = {
            "group": [self.group],
            "maker": [self.maker],
            "lot_id": [self.lot],
            "ref": [*self.units, self.single],
            "inspection_id": [self.inspection, self.of_single, self.of_nobody],
            "upload_id": [self.inspection, self.of_single, self.of_nobody],
            "subject": [self.check if "/checks/" in path else self.paper],
            "number": ["1"],
        }
        (held,) = [name for name in HELD if f"{{{name}}}" in path]
        rest = path.replace("{number}", "1").replace("{spec_id}", SPEC)
        return {rest.replace(f"{{{held}}}", value) for value in values[held]}


def send(client: TestClient, item: dict[str, str], **more: Any) -> Any:
    return client.post(
        "/v1/inspections",
        files={"photos": ("a.jpg", photo_of(Verdict.FAIL))},
        data={"item": json.dumps({"spec": SPEC, **item})},
        **more,
    )


def paper(lot: str) -> dict[str, Any]:
    treated = {"treatment": "heat", "certificate_number": "FUM-7", "treated_on": "2026-05-01"}
    return {"kind": "treatment", "lot": lot, **treated}


def held_to(store: Store, code: str, groups: frozenset[str] | None) -> dict[str, str]:
    with store.changing() as connection:
        add_account(connection, code, frozenset(Role), by="test", now=now(), groups=groups)
        token = make_pass(connection, PassKind.TOKEN, code, by="test", now=now()).secret
    return {"authorization": f"Bearer {token}"}


@pytest.fixture
def store(client: TestClient) -> Store:
    assert isinstance(client.auth, AsNamed)
    return client.auth.store


@pytest.fixture
def us(store: Store) -> dict[str, str]:
    return held_to(store, "F-2", frozenset({OURS}))


@pytest.fixture
def villages(client: TestClient, store: Store, us: dict[str, str]) -> tuple[Village, Village]:
    them = held_to(store, "F-1", frozenset({THEIRS}))
    return Village(client, THEIRS, them), Village(client, OURS, us)


def test_every_name_in_an_address_is_held_to_the_caller_s_groups_or_names_no_record(
    client: TestClient,
) -> None:
    names = {name for route in all_routes(client) for name in route.param_convertors}

    assert names <= NO_THING | HELD


def test_what_is_another_village_s_is_not_there_by_any_address(
    client: TestClient, us: dict[str, str], villages: tuple[Village, Village]
) -> None:
    theirs, ours = villages
    tried = 0
    for route in all_routes(client):
        held = HELD & set(route.param_convertors) - {"version"}
        if not held:
            continue
        for method in route.methods or ():
            for address in theirs.addresses(route.path):
                answer = client.request(method, address, headers=us, json={})
                assert answer.status_code == 404, (method, address, answer.text)
                tried += 1
            for address in ours.addresses(route.path) if method == "GET" else ():
                answer = client.get(address, headers=us)
                # nothing was entered of the second basket, nor of the single one but its photo; none was refiled
                absent = address.endswith(
                    (f"items/{ours.units[1]}", f"items/{ours.single}", "-2/eligibility", "/filing")
                )
                assert answer.status_code == (404 if absent else 200), (address, answer.text)
    assert tried > 30


def test_what_is_another_village_s_is_answered_like_what_never_was(
    client: TestClient, us: dict[str, str], villages: tuple[Village, Village]
) -> None:
    theirs, _ = villages
    for address, never in (
        (f"/v1/lots/{theirs.lot}", "/v1/lots/NEVER"),
        (f"/v1/items/{theirs.single}/eligibility", "/v1/items/NEVER/eligibility"),
        (f"/v1/inspections/{theirs.inspection}", "/v1/inspections/NEVER"),
        (f"/v1/uploads/{theirs.inspection}/receipt", "/v1/uploads/NEVER/receipt"),
        (f"/v1/makers/{theirs.maker}", "/v1/makers/NEVER"),
    ):
        hidden, absent = (client.get(a, headers=us).json() for a in (address, never))
        assert {**hidden, "instance": ""} == {**absent, "instance": ""}


@pytest.mark.parametrize(
    "address",
    [
        "/v1/inspections?limit=100",
        "/v1/lots",
        f"/v1/lots?verdict=open&spec={SPEC}&formed_since=2020-01-01T00:00:00Z",
        "/v1/facts?limit=100",
        "/v1/facts?format=csv",
        "/v1/inspections?format=csv",
        "/v1/reviews",
        "/v1/epcis/events",
    ],
)
def test_a_list_holds_all_of_one_s_own_village_and_nothing_of_another(
    client: TestClient,
    store: Store,
    us: dict[str, str],
    villages: tuple[Village, Village],
    address: str,
) -> None:
    theirs, ours = villages
    another = {"authorization": f"Bearer {AsNamed(store).token('Q-9')}"}  # who took none of the photos
    mine, everything = client.get(address, headers=us).text, client.get(address, headers=another).text

    assert not [mark for mark in theirs.marks if mark in mine]
    assert {m for m in ours.marks if m in mine} == {m for m in ours.marks if m in everything} != set()
    assert [mark for mark in theirs.marks if mark in everything]
    assert (
        client.get(f"{address}{'&' if '?' in address else '?'}lot={theirs.lot}", headers=us).text.count(
            theirs.inspection
        )
        == 0
    )


def test_every_list_is_tried_above(client: TestClient) -> None:
    lists = {r.path for r in all_routes(client) if "GET" in (r.methods or ()) and not r.param_convertors}
    general = {"/v1/session", "/v1/specs", "/v1/limits", "/v1/samples", "/v1/ledger/head", "/metrics"}
    general |= {
        "/",
        "/akun",
        "/v1/account/news",
        "/v1/account/passes",
        "/v1/account/second-factor",
        "/v1/sign-in-ways",
        "/masuk/openid",
        "/masuk/openid/kembali",
        "/riwayat",
        "/antrean",
        "/lot",
        "/masuk",
        "/healthz",
        "/readyz",
        "/.well-known/jwks.json",
    }
    tried = {"/v1/inspections", "/v1/lots", "/v1/facts", "/v1/reviews", "/v1/epcis/events"}

    assert lists == general | tried


def test_nothing_is_written_about_another_village(
    client: TestClient, us: dict[str, str], villages: tuple[Village, Village]
) -> None:
    theirs, ours = villages
    check = {"code": "smell", "at": AT, "holds": True}
    lot = {"id": "LOT-NEW", "group": OURS, "spec": SPEC, "units": ["N-1", "N-2"]}
    tries = [
        ("POST", "/v1/checks", {**check, "item": theirs.units[1]}),
        ("POST", "/v1/checks", {**check, "item": theirs.single}),
        ("POST", "/v1/checks", {**check, "lot": theirs.lot}),
        ("PUT", f"/v1/checks/{ours.check}", {**check, "item": theirs.units[1]}),
        ("POST", "/v1/documents", paper(theirs.lot)),
        ("PUT", f"/v1/documents/{ours.paper}", paper(theirs.lot)),
        ("POST", "/v1/dispositions", {"inspection_id": theirs.of_single, "action": "confirm"}),
        ("PUT", f"/v1/inspections/{theirs.of_single}/filing", {"item": ours.single, "reason": "x"}),
        ("PUT", f"/v1/inspections/{ours.of_single}/filing", {"item": theirs.single, "reason": "x"}),
        ("PUT", f"/v1/inspections/{ours.of_single}/filing", {"item": theirs.units[1], "reason": "x"}),
        (
            "PUT",
            f"/v1/inspections/{ours.of_single}/filing",
            {"item": "NEW", "maker": theirs.maker, "reason": "x"},
        ),
        ("POST", "/v1/reworks", {"item": theirs.units[0]}),
        ("POST", "/v1/review-requests", {"by": ours.maker, "item": theirs.units[0]}),
        ("POST", "/v1/review-requests", {"by": theirs.maker, "item": ours.units[0]}),
        ("POST", "/v1/lots", {**lot, "group": THEIRS}),
        ("POST", "/v1/lots", {**lot, "units": ["N-1", theirs.single]}),
        ("POST", "/v1/lots", {**lot, "resubmits": theirs.lot}),
        ("PUT", "/v1/groups/KB-03", {"village": "Kebasen"}),
        ("PUT", "/v1/makers/P-NEW", {"group": THEIRS}),
        ("PUT", "/v1/items/NEW", {"maker": theirs.maker}),
    ]
    head = client.get("/v1/ledger/head").json()
    for method, address, entry in tries:
        answer = client.request(method, address, headers={**us, "if-match": '"1"'}, json=entry)
        assert answer.status_code == 404, (address, entry, answer.text)
    assert client.get("/v1/reviews", params={"lot": theirs.lot}, headers=us).status_code == 404
    for item in ({"ref": theirs.units[1]}, {"ref": theirs.single}, {"ref": "NEW", "maker": theirs.maker}):
        assert send(client, item, headers=us).status_code == 404, item
    withdrawal = client.put("/v1/model-withdrawals/1", headers=us, json={"reason": "x"})
    assert withdrawal.status_code == 403  # it concerns every village

    assert client.get("/v1/ledger/head").json() == head


def test_one_s_own_village_is_written_to(
    client: TestClient, us: dict[str, str], villages: tuple[Village, Village]
) -> None:
    _, ours = villages
    lot = {"id": "LOT-NEW", "group": OURS, "spec": SPEC, "units": ["N-1", ours.single]}
    entry = {"code": "smell", "at": AT, "item": ours.units[1], "holds": True}
    answers = [
        client.post("/v1/lots", headers=us, json=lot),
        send(client, {"ref": "N-1", "maker": ours.maker}, headers=us),
        client.post("/v1/checks", headers=us, json=entry),
        client.put("/v1/items/N-9", headers=us, json={"weight_kg": 1.0}),
    ]

    assert [answer.status_code for answer in answers] == [201] * 4
    assert client.get("/v1/items/N-9", headers=us).status_code == 200


def test_a_basket_goes_with_its_lot_whoever_photographed_it(
    client: TestClient, store: Store, us: dict[str, str], villages: tuple[Village, Village]
) -> None:
    seen = send(client, {"ref": "X-1"}, headers=us).json()["id"]
    assert client.get(f"/v1/inspections/{seen}", headers=us).status_code == 200

    lot = {"by": "R-1", "id": "LOT-X", "group": THEIRS, "spec": SPEC, "units": ["X-1", "X-2"]}
    assert client.post("/v1/lots", json=lot).status_code == 201

    assert client.get(f"/v1/inspections/{seen}", headers=us).status_code == 404
    with store.changing() as connection:
        set_groups(connection, "F-2", frozenset({THEIRS, OURS}), by="test", now=now())
    assert client.get(f"/v1/inspections/{seen}", headers=us).status_code == 200


def test_an_inspection_goes_to_whoever_s_basket_it_is_filed_under_and_its_old_village_learns_nothing_of_that(
    client: TestClient, us: dict[str, str], villages: tuple[Village, Village]
) -> None:
    theirs, ours = villages
    address = f"/v1/inspections/{ours.of_single}"
    assert client.get(address, headers=us).status_code == 200

    filed = {"by": "R-1", "item": theirs.units[1], "maker": theirs.maker, "reason": "tertukar"}
    assert client.put(f"{address}/filing", json=filed).status_code == 201

    assert client.get(address, headers=us).status_code == 404
    left = client.get("/v1/facts", params={"kind": "unfiled"}, headers=us).text
    assert ours.of_single not in client.get("/v1/inspections?limit=100", headers=us).text
    for list_of in ("facts?limit=100", "epcis/events"):
        seen = client.get(f"/v1/{list_of}", headers=us).text
        assert not [mark for mark in theirs.marks if mark in seen], left


def test_an_account_held_to_no_group_at_all_sees_nothing(
    client: TestClient, store: Store, villages: tuple[Village, Village]
) -> None:
    nobody = held_to(store, "F-3", frozenset())

    assert client.get("/v1/inspections", headers=nobody).json()["inspections"] == []
    assert client.get("/v1/facts", headers=nobody).json()["facts"] == []


def test_an_upload_without_a_verdict_is_its_sender_s_alone(
    client: TestClient, store: Store, us: dict[str, str]
) -> None:
    them = held_to(store, "F-1", frozenset({THEIRS, OURS}))
    row = {
        "id": "a" * 32,
        "content_sha256": "0" * 64,
        "place": "x",
        "bundle": "x",
        "state": "refused",
        "item": "{}",
        "by": "F-2",
        "card": "optional",
        "created_at": now().isoformat(),
        "acknowledged": True,
        "claims": 1,
        "crashes": 0,
        "lease_until_s": 0.0,
    }
    with store.changing() as connection:
        connection.execute(insert(UPLOADS).values(row))

    seen = [client.get(f"/v1/uploads/{row['id']}", headers=who).status_code for who in (us, them)]
    assert seen == [200, 404]
