"""Privacy: what was kept long enough goes, and the rest still verifies; a maker sees all that is on record."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Table, delete, func, select

from qc_vision.decision import Verdict
from qc_vision.errors import StorageError
from service.account_tables import AUDIT, PASSES
from service.accounts import PassKind
from service.audit import Act, Asked, note, read_audit
from service.facts import Draft, Kind, append_fact, find_fact
from service.intake import Intake
from service.photos import PhotoFolder
from service.purge import Purged, Retention, purge
from service.settings import Settings
from service.store import Store, open_store
from service.tables import FACTS, INSPECTIONS, RECORDS
from service.verify import Verified, verify
from tests.service.fakes import photo_of
from tests.service.signed_in import AsNamed, new_pass
from tests.service.test_lots import decide, inspect

KEPT = Retention(photos=timedelta(days=730), records=timedelta(days=3650), audit=timedelta(days=730))
NOW = datetime.now(UTC)


@pytest.fixture
def store(client: TestClient, settings: Settings) -> Store:
    """The store of a service that has graded two baskets and knows a maker."""
    for ref, verdict in (("A-1", Verdict.PASS), ("B-1", Verdict.FAIL)):
        inspect(client, ref, verdict)
    store = open_store(settings.data_dir / "records.sqlite")
    with store.writing() as (connection, tail):
        draft = Draft(kind=Kind.MAKER, subject="P-1", by="R-1", body={"group": "KLS"}, at=NOW)
        append_fact(connection, tail, draft, after=0)
    return store


@pytest.fixture
def photos(settings: Settings) -> PhotoFolder:
    return PhotoFolder(settings.data_dir / "photos")


@pytest.fixture
def intake(settings: Settings) -> Intake:
    return Intake(settings.data_dir / "intake")


def count(store: Store, table: Table) -> int:
    with store.reading() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def check(store: Store, photos: PhotoFolder) -> Verified:
    with store.reading() as connection:
        found = verify(connection, photos=photos, checkpoints=())
    assert isinstance(found, Verified), found
    return found


def test_nothing_goes_before_its_time(store: Store, photos: PhotoFolder, intake: Intake) -> None:
    removed = purge(store, photos, intake, KEPT, by="R-1", now=NOW + timedelta(days=729))

    assert removed == Purged(photos=0, uploads=0, inspections=0, facts=0, audit=0, erased=True)


def test_photos_go_first_and_their_records_stay_and_verify(
    store: Store, photos: PhotoFolder, intake: Intake, settings: Settings, client: TestClient
) -> None:
    files = list((settings.data_dir / "photos").rglob("*.jpg"))
    removed = purge(store, photos, intake, KEPT, by="R-1", now=NOW + timedelta(days=731))

    expected = Purged(photos=len(files), uploads=2, inspections=0, facts=0, audit=0, erased=True)
    assert replace(removed, audit=0) == expected
    assert list((settings.data_dir / "photos").rglob("*.jpg")) == []
    assert check(store, photos).purged == 6  # three files of each of two records
    client.auth = AsNamed(store)  # by then the token had run out
    gone = client.get(client.get("/v1/inspections").json()["inspections"][0]["links"]["thumbnail"])
    assert gone.status_code == 410


def test_after_ten_years_content_is_gone_and_the_chain_still_verifies(
    store: Store, photos: PhotoFolder, intake: Intake
) -> None:
    removed = purge(store, photos, intake, KEPT, by="R-1", now=NOW + timedelta(days=3651))

    assert removed.inspections == 2
    assert (count(store, INSPECTIONS), count(store, RECORDS)) == (0, 0)
    with store.reading() as connection:
        kinds = set(connection.execute(select(FACTS.c.kind)).scalars())
    assert kinds == {"purge"}
    found = check(store, photos)
    assert found.purged == 2 + 2 + removed.facts


def test_lines_of_the_audit_go_in_their_time_and_the_database_lets_no_younger_one_go(
    store: Store, photos: PhotoFolder, intake: Intake
) -> None:
    def said() -> set[str]:
        with store.reading() as connection:
            return {line.detail for line in read_audit(connection, Asked(acts=(Act.LINK_MADE,)))}

    with store.changing() as connection:
        for days, detail in ((731, "old"), (729, "young")):
            at = NOW - timedelta(days=days)
            note(connection, Act.LINK_MADE, account="R-9", by="A-1", now=at, detail=detail)
    with pytest.raises(StorageError, match="append-only"), store.changing() as connection:
        connection.execute(delete(AUDIT).where(AUDIT.c.detail == "old"))

    assert purge(store, photos, intake, KEPT, by="A-1", now=NOW).audit == 1

    assert said() == {"young"}
    with pytest.raises(StorageError, match="append-only"), store.changing() as connection:
        connection.execute(delete(AUDIT))
    with store.reading() as connection:
        stated = find_fact(connection, Kind.PURGE, "audit")
    assert stated is not None
    assert (stated.by, stated.body["before"]) == ("A-1", (NOW - KEPT.audit).isoformat())
    check(store, photos)
    assert purge(store, photos, intake, KEPT, by="A-1", now=NOW).audit == 0


def test_what_lets_nobody_in_any_more_is_not_kept(store: Store, photos: PhotoFolder, intake: Intake) -> None:
    def passes() -> set[str]:
        with store.reading() as connection:
            return set(connection.execute(select(PASSES.c.sha256)).scalars())

    before = passes()
    new_pass(store, "R-9", PassKind.LINK)
    new_pass(store, "R-9", PassKind.TOKEN)
    assert len(passes()) == len(before) + 2

    purge(store, photos, intake, KEPT, by="A-1", now=NOW + timedelta(days=10))

    assert len(passes() - before) == 1  # the link is over, the token is not
    with store.reading() as connection:
        (left,) = connection.execute(select(PASSES.c.kind).where(PASSES.c.account == "R-9")).scalars()
    assert left == PassKind.TOKEN.value


def test_a_photo_that_came_in_again_later_is_kept(
    store: Store, photos: PhotoFolder, intake: Intake, settings: Settings, client: TestClient
) -> None:
    inspect(client, "A-2", Verdict.PASS)  # the very bytes of A-1
    with store.reading() as connection:
        (last,) = connection.execute(select(INSPECTIONS).where(INSPECTIONS.c.ref == "A-2")).all()
    all_but_last = replace(KEPT, photos=NOW - datetime.fromisoformat(last.created_at))

    removed = purge(store, photos, intake, all_but_last, by="R-1", now=NOW)

    assert removed.photos == 3  # those of B-1 alone
    check(store, photos)


def test_only_photos_older_than_the_limit_go(
    store: Store, photos: PhotoFolder, intake: Intake, settings: Settings
) -> None:
    with store.reading() as connection:
        (first,) = connection.execute(select(INSPECTIONS).where(INSPECTIONS.c.ref == "A-1")).all()
    between = datetime.fromisoformat(first.created_at) + timedelta(microseconds=1)
    only_first = replace(KEPT, photos=NOW - between)

    purge(store, photos, intake, only_first, by="R-1", now=NOW)

    assert len(list((settings.data_dir / "photos").rglob("*.jpg"))) == 3  # those of B-1


def test_a_purge_that_broke_off_is_finished_by_the_next(
    store: Store, photos: PhotoFolder, intake: Intake, settings: Settings
) -> None:
    left = next((settings.data_dir / "photos").rglob("*.jpg"))
    content = left.read_bytes()
    purge(store, photos, intake, KEPT, by="R-1", now=NOW + timedelta(days=731))
    left.write_bytes(content)

    purge(store, photos, intake, KEPT, by="R-1", now=NOW + timedelta(days=731))

    assert not left.exists()


def test_a_maker_is_given_all_that_is_on_record_and_nothing_of_others(client: TestClient) -> None:
    for ref, maker in (("A-1", "P-1"), ("B-1", "P-2")):
        item = json.dumps({"ref": ref, "maker": maker})
        client.post(
            "/v1/inspections", files=[("photos", ("a.jpg", photo_of(Verdict.PASS)))], data={"item": item}
        )
        client.put(f"/v1/makers/{maker}", json={"by": "R-1", "group": "KLS"})
        client.put(f"/v1/items/{ref}", json={"by": "R-1", "maker": maker})
    client.post("/v1/review-requests", json={"by": "P-1", "item": "A-1"})
    for seen in client.get("/v1/inspections").json()["inspections"]:
        decide(client, seen["id"], reason=f"dilihat {seen['item']['ref']}")

    data = client.get("/v1/makers/P-1/data").json()

    assert [inspection["item"]["ref"] for inspection in data["inspections"]] == ["A-1"]
    assert {fact["kind"] for fact in data["facts"]} == {"maker", "item", "review_request", "disposition"}
    assert "P-2" not in json.dumps(data)
    assert "dilihat A-1" in json.dumps(data)
    assert "dilihat B-1" not in json.dumps(data)
