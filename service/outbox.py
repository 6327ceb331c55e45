"""The outbox: EPCIS events kept with the facts they tell of, and handed to others until each has been taken.

At least once, in order, with ids that stay the same: whoever receives an event twice knows it as one.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import rfc8785
from sqlalchemy import ColumnElement, Connection, Row, Select, func, select

from qc_vision.epcis import Event, Lasting, Naming, Surroundings, declare_error, epcis_document
from qc_vision.identifier import new_id
from service.dossier import find_lot_of
from service.facts import Fact
from service.ledger import Tail
from service.store import Store
from service.tables import DELIVERIES, EVENTS

FIRST_WAIT = timedelta(seconds=10)
LONGEST_WAIT = timedelta(hours=1)
AT_ONCE = 50
"""Events handed to one target before the next gets its turn."""
SECRET_PREFIX = "whsec_"  # noqa: S105 - how Standard Webhooks marks a secret, no secret itself


class Posts(Protocol):
    """Sends bytes to an address; returns the answer's status. Raises OSError where there is none."""

    def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Who is told: an EPCIS repository's `/capture`, or, with a `secret`, a webhook."""

    name: str
    url: str
    secret: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedEvents:
    """Which events to read; None: any. `within`: the caller's, see `scope.events_within`."""

    lot: str | None = None
    item: str | None = None
    within: ColumnElement[bool] | None = None


def tell(
    tail: Tail, event: Event, *, type: str, at: datetime, lot: str | None = None, item: str | None = None
) -> None:
    """Puts an event into the outbox, in the transaction of the fact that it tells of."""
    wrong = ":error" if "errorDeclaration" in event else ""
    tail.append(
        EVENTS,
        {
            "id": f"{event['eventID']}{wrong}",
            "type": type,
            "at": at.isoformat(),
            "lot": lot,
            "item": item,
            "body": rfc8785.dumps(event).decode(),
        },
    )


def surroundings_of(connection: Connection, ref: str) -> Surroundings:
    """What lasted for the item until now, and its lot."""
    before: Lasting | None = None
    wrong: set[str] = set()
    query = select(EVENTS.c.body).where(EVENTS.c.item == ref).order_by(EVENTS.c.seq.desc())
    for row in connection.execute(query):
        event = json.loads(row.body)
        if "errorDeclaration" in event:
            wrong.add(event["eventID"])
        lasting = event.get("persistentDisposition", {}).get("set")
        if lasting and event["eventID"] not in wrong:
            before = lasting[0]
            break
    return Surroundings(before=before, lot_id=find_lot_of(connection, ref))


def find_event(connection: Connection, event_id: str) -> Event | None:
    """An event as it was first told, None where none has that id."""
    row = connection.execute(select(EVENTS.c.body).where(EVENTS.c.id == event_id)).first()
    if row is None:
        return None
    event: Event = json.loads(row.body)
    return event


def declare_superseded(
    connection: Connection,
    tail: Tail,
    naming: Naming,
    *,
    kind: str,
    superseded: Fact,
    by_event: Event,
    at: datetime,
) -> None:
    """Tells that the event of a superseded fact was wrong, and which event takes its place."""
    declare_wrong(
        connection,
        tail,
        naming,
        event_id=naming.event_id(kind, superseded.id),
        type=f"{kind}.corrected",
        corrected_by=by_event,
        at=at,
        lot=superseded.lot,
        item=superseded.item,
    )


def declare_wrong(
    connection: Connection,
    tail: Tail,
    naming: Naming,
    *,
    event_id: str,
    type: str,
    corrected_by: Event | None,
    at: datetime,
    lot: str | None,
    item: str | None,
) -> None:
    """Tells that an event was wrong, and which one takes its place, None for none; nothing where it was never told."""
    wrong = find_event(connection, event_id)
    if wrong is None:
        return
    declared = declare_error(
        wrong,
        naming,
        declared_at=at,
        reason="incorrect_data",
        corrective_event_ids=() if corrected_by is None else [corrected_by["eventID"]],
    )
    tell(tail, declared, type=type, at=at, lot=lot, item=item)


def list_events(
    connection: Connection, wanted: WantedEvents, *, limit: int, after: int = 0
) -> Sequence[tuple[int, Event]]:
    """Events, oldest first, each with its number; those after the one numbered `after`."""
    query: Select[Any] = select(EVENTS).where(EVENTS.c.seq > after).order_by(EVENTS.c.seq).limit(limit)
    if wanted.lot is not None:
        query = query.where(EVENTS.c.lot == wanted.lot)
    if wanted.item is not None:
        query = query.where(EVENTS.c.item == wanted.item)
    if wanted.within is not None:
        query = query.where(wanted.within)
    return [(row.seq, json.loads(row.body)) for row in connection.execute(query)]


def deliver(store: Store, target: Target, *, naming: Naming, now: datetime, post: Posts) -> int:
    """Hands the target the events that it has not taken yet, oldest first; returns how many it took.

    Stops at the first that it does not take: that one is tried again after a wait that doubles each time,
    so that none overtakes another.
    """
    taken = 0
    while taken < AT_ONCE:
        with store.reading() as connection:
            row = _next(connection, target)
            if row is None or now < _due(connection, target, row.id):
                return taken
        outcome, detail = _attempt(target, row, naming=naming, now=now, post=post)
        with store.writing() as (_, tail):
            tail.append(
                DELIVERIES,
                {
                    "id": new_id(),
                    "event_id": row.id,
                    "target": target.name,
                    "at": now.isoformat(),
                    "outcome": outcome,
                    "detail": detail,
                },
            )
        if outcome != "delivered":
            return taken
        taken += 1
    return taken


def post_checkpoint(url: str, secret: str, token: str, *, at: datetime, now: datetime, post: Posts) -> bool:
    """Hands a webhook the statement that was signed `at`, as `data.jws`; returns whether it was taken."""
    checkpoint_id = f"checkpoint-{hashlib.sha256(token.encode()).hexdigest()[:32]}"
    body, headers = _webhook(
        secret, id=checkpoint_id, type="checkpoint.signed", at=at.isoformat(), data={"jws": token}, now=now
    )
    try:
        return 200 <= post(url, body, headers) < 300
    except OSError:
        return False


def sign_webhook(secret: str, *, id: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature` of Standard Webhooks 1: HMAC-SHA256 of `id.timestamp.body`."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    digest = hmac.new(key, f"{id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def count_waiting(connection: Connection, target: Target) -> int:
    """How many events the target has not taken yet."""
    waiting = select(func.count()).select_from(EVENTS).where(EVENTS.c.seq > _last_taken(connection, target))
    return connection.execute(waiting).scalar_one()


def _next(connection: Connection, target: Target) -> Row[Any] | None:
    """The first event after the last that was taken."""
    taken = _last_taken(connection, target)
    return connection.execute(
        select(EVENTS).where(EVENTS.c.seq > taken).order_by(EVENTS.c.seq).limit(1)
    ).first()


def _last_taken(connection: Connection, target: Target) -> int:
    """The number of the last event that the target took, 0 where there is none."""
    last = (
        select(EVENTS.c.seq)
        .join(DELIVERIES, DELIVERIES.c.event_id == EVENTS.c.id)
        .where(DELIVERIES.c.target == target.name, DELIVERIES.c.outcome == "delivered")
        .order_by(DELIVERIES.c.seq.desc())
        .limit(1)
    )
    return connection.execute(last).scalar() or 0


def _due(connection: Connection, target: Target, event_id: str) -> datetime:
    """When an event may be tried: at once, or after the wait that its failures so far ask for."""
    failures, last = connection.execute(
        select(func.count(), func.max(DELIVERIES.c.at)).where(
            DELIVERIES.c.event_id == event_id, DELIVERIES.c.target == target.name
        )
    ).one()
    if not failures:
        return datetime.min.replace(tzinfo=UTC)
    wait = min(FIRST_WAIT * 2 ** min(failures - 1, 20), LONGEST_WAIT)
    due: datetime = datetime.fromisoformat(last) + wait
    return due


def _attempt(target: Target, row: Row[Any], *, naming: Naming, now: datetime, post: Posts) -> tuple[str, str]:
    body, headers = _message(target, row, naming=naming, now=now)
    try:
        status = post(target.url, body, headers)
    except OSError as wrong:
        return "failed", str(wrong)[:200]
    return ("delivered" if 200 <= status < 300 else "failed"), f"status {status}"


def _message(target: Target, row: Row[Any], *, naming: Naming, now: datetime) -> tuple[bytes, dict[str, str]]:
    event = json.loads(row.body)
    if target.secret is None:
        document = epcis_document([event], naming, created_at=datetime.fromisoformat(row.at))
        return json.dumps(document).encode(), {
            "Content-Type": "application/json",
            "GS1-EPCIS-Version": "2.0.0",
            "GS1-CBV-Version": "2.0.0",
            "GS1-EPCIS-Capture-Error-Behaviour": "rollback",
        }
    return _webhook(target.secret, id=row.id, type=row.type, at=row.at, data=event, now=now)


def _webhook(
    secret: str, *, id: str, type: str, at: str, data: Mapping[str, Any], now: datetime
) -> tuple[bytes, dict[str, str]]:
    body = json.dumps({"type": type, "timestamp": at, "data": data}).encode()
    timestamp = int(now.timestamp())
    return body, {
        "Content-Type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign_webhook(secret, id=id, timestamp=timestamp, body=body),
    }
