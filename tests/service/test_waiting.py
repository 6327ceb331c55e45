"""The review queue: the kept table of who waits says what a plain reading of all that was kept says."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from qc_vision.decision import Verdict
from service.facts import Draft, Kind, append_fact
from service.item import Item
from service.ledger import Tail
from service.store import Store, append_inspection, open_database
from service.tables import INSPECTIONS, WAITING
from service.waiting import refresh
from tests.service.fakes import photo_of
from tests.service.test_lots import decide
from tests.service.test_store import MOMENT, inspection

ITEMS = st.sampled_from(["A", "B", None])
STEPS = st.one_of(
    st.tuples(st.just("inspect"), ITEMS, st.sampled_from(Verdict)),
    st.tuples(st.just("decide"), st.integers(0, 9), st.none()),
    st.tuples(st.just("ask"), st.sampled_from(["A", "B"]), st.none()),
)
NUMBERS = count()


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    store = open_database("sqlite://")
    yield store
    store.close()


class Example:
    """Some baskets inspected, asked for and decided, beside a plain list of what happened."""

    def __init__(self, tail: Tail) -> None:
        self.tail = tail
        self.prefix = f"E{next(NUMBERS)}-"
        self.seen: list[tuple[str, str | None, Verdict]] = []
        self.happened: list[tuple[str, str]] = []

    def inspect(self, item: str | None, verdict: Verdict) -> None:
        name = f"{self.prefix}{len(self.seen)}"
        ref = None if item is None else f"{self.prefix}{item}"
        plain = inspection(name, record_id=f"r-{name}")
        append_inspection(self.tail, replace(plain, item=Item(ref=ref), verdict=verdict))
        self.seen.append((name, ref, verdict))
        self.happened.append(("inspected", name))

    def decide(self, which: int) -> None:
        name, ref, _ = self.seen[which % len(self.seen)]
        version = self.happened.count(("decided", name))
        draft = Draft(kind=Kind.DISPOSITION, subject=name, by="R-1", body={}, at=MOMENT, item=ref)
        append_fact(self.tail.connection, self.tail, draft, after=version)
        self.happened.append(("decided", name))

    def ask(self, item: str) -> None:
        ref, subject = f"{self.prefix}{item}", f"{self.prefix}ask{len(self.happened)}"
        draft = Draft(kind=Kind.REVIEW_REQUEST, subject=subject, by="P-1", body={}, at=MOMENT, item=ref)
        append_fact(self.tail.connection, self.tail, draft, after=0)
        self.happened.append(("asked", ref))

    def last_of_each(self) -> list[tuple[str, str | None, Verdict]]:
        last = {ref: name for name, ref, _ in self.seen if ref is not None}
        return [seen for seen in self.seen if seen[1] is None or last[seen[1]] == seen[0]]

    def undecided(self) -> list[str]:
        """The machine's failures until somebody decided on them or on a later one of the basket; and what it was not
        sure of, where that was the last word on the basket."""
        last = [name for name, _, _ in self.last_of_each()]
        found = []
        for n, (name, ref, verdict) in enumerate(self.seen):
            later = [other for other, of, _ in self.seen[n + 1 :] if of == ref and ref is not None]
            settling = [name, *later] if verdict is Verdict.FAIL else [name]
            waits = verdict is Verdict.FAIL or (verdict is Verdict.REVIEW and name in last)
            if waits and not any(("decided", other) in self.happened for other in settling):
                found.append(name)
        return found

    def asked(self) -> list[str]:
        waiting: set[str | None] = set()
        ref_of = {name: ref for name, ref, _ in self.seen}
        for what, subject in self.happened:
            if what == "asked":
                waiting.add(subject)
            elif what == "decided" and ref_of[subject] is not None:
                waiting.discard(ref_of[subject])
        return [name for name, ref, _ in self.last_of_each() if ref in waiting]


@given(steps=st.lists(STEPS, max_size=12))
@settings(max_examples=60, deadline=None)
def test_who_waits_is_who_a_plain_reading_of_all_that_happened_finds(
    store: Store, steps: list[tuple]
) -> None:
    with store.writing() as (connection, tail):
        example = Example(tail)
        for what, about, verdict in steps:
            if what == "inspect":
                example.inspect(about, verdict)
            elif what == "ask":
                example.ask(about)
            elif example.seen:
                example.decide(about)
        rows = connection.execute(
            select(INSPECTIONS.c.id, WAITING).join(WAITING, WAITING.c.seq == INSPECTIONS.c.seq)
        )
        ours = sorted((row for row in rows if row.id.startswith(example.prefix)), key=lambda row: row.seq)

    assert [row.id for row in ours if row.undecided] == example.undecided()
    assert [row.id for row in ours if row.asked] == example.asked()


def test_the_table_can_be_lost_and_found_again(store: Store) -> None:
    with store.writing() as (connection, tail):
        example = Example(tail)
        example.inspect("A", Verdict.FAIL)
        example.inspect(None, Verdict.REVIEW)
        before = connection.execute(select(WAITING).order_by(WAITING.c.seq)).all()
        connection.execute(delete(WAITING).where(WAITING.c.seq.in_([row.seq for row in before[-2:]])))

        for name, ref, _ in example.seen:
            refresh(connection, inspection_id=name, ref=ref)

        assert connection.execute(select(WAITING).order_by(WAITING.c.seq)).all() == before


def test_a_basket_without_a_code_waits_until_somebody_has_decided(client: TestClient) -> None:
    sent = client.post(
        "/v1/inspections", files=[("photos", ("a.jpg", photo_of(Verdict.FAIL)))], data={"by": "F-1"}
    )
    sent = sent.json()["id"]
    client.post("/v1/inspections", files=[("photos", ("a.jpg", photo_of(Verdict.PASS)))])

    (waiting,) = client.get("/v1/reviews").json()["reviews"]
    assert (waiting["why"], waiting["inspection"]["id"]) == ("fail", sent)

    assert decide(client, sent, severity="major").status_code == 201
    assert client.get("/v1/reviews").json()["reviews"] == []
