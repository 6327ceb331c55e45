"""Uploads in hand: accepted, waiting, being graded, done, refused or set aside. Statements on one connection.

The database is the only truth: a worker takes an upload under a lease, and what it found is kept only while
it still holds that lease. Several processes, on one machine or more, may take from the same queue.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import rfc8785
from sqlalchemy import ColumnElement, Connection, Row, and_, delete, func, insert, select, text, update

from qc_vision.demands import NOTHING, Demands
from qc_vision.errors import QcVisionError
from qc_vision.message import Message
from service.item import Item
from service.problems import SET_ASIDE, Kind, RequestRefused, extensions_of, kind_of
from service.tables import UPLOAD_PHOTOS, UPLOADS

MAX_CRASHES = 2
"""So many times may an upload stop its worker before it is set aside."""
MAX_CLAIMS = 10
"""So many times may it be taken without an end, for instance because the whole machine stops with it."""
ACCEPTING_LOCK = 0x71C0_11AD
"""Names the lock under which PostgreSQL lets one transaction at a time accept an upload; any number would do."""


class State(StrEnum):
    """`waiting` and `working` will become one of the others: `done`, `refused` or, for people, `set_aside`."""

    WAITING = "waiting"
    WORKING = "working"
    DONE = "done"
    REFUSED = "refused"
    SET_ASIDE = "set_aside"


SET_ASIDE_SENTENCE = Message(
    id="Foto ini sudah beberapa kali menghentikan penilaian. Fotonya disimpan dan disisihkan; minta pendamping "
    "melihat keranjangnya, atau kirim foto lain.",
    en="These photos stopped the grading several times. They are kept and set aside; ask a person to look at the "
    "basket, or send other photos.",
)
OPEN = (State.WAITING.value, State.WORKING.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadPhoto:
    """A photo as it arrived. `id` becomes its record's."""

    id: str
    filename: str | None
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """Photos of one item as they were accepted. `id` becomes the inspection's.

    `place` and `bundle` say where its photos lie. `key`: the sender's own name for the request. `acknowledged`:
    the sender was told that it will be graded. `problem`: why it was refused or set aside or, while it waits, what went wrong last.
    `trace`: the span of the request that brought it, None where no traces are made.
    """

    id: str
    key: str | None
    content_sha256: str
    place: str
    bundle: str
    state: State
    item: Item
    by: str | None
    demands: Demands = NOTHING
    created_at: datetime
    acknowledged: bool
    claims: int = 0
    crashes: int = 0
    lease_by: str | None = None
    lease_until_s: float = 0.0
    problem: Mapping[str, Any] | None = None
    trace: str | None = None
    photos: tuple[UploadPhoto, ...]

    @property
    def settled(self) -> bool:
        return self.state.value not in OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many uploads stand where. `stuck`: under a lease that has run out."""

    waiting: int
    working: int
    set_aside: int
    stuck: int


def hash_content(
    item: Item, by: str | None, photos: Sequence[tuple[str | None, str]], *, demands: Demands
) -> str:
    """What was sent, in one hash: whatever the order of the photos, each an id (where given) and its sha256."""
    together = sorted([photo_id or "", sha256] for photo_id, sha256 in photos)
    said: dict[str, Any] = {"item": asdict(item), "by": by, "card": demands.card, "photos": together}
    # named only where insisted on, so that what was sent before these demands could be made has the same hash still
    if demands.original:
        said["original"] = True
    if demands.view != NOTHING.view:
        said["view"] = demands.view
    return hashlib.sha256(rfc8785.dumps(said)).hexdigest()


def lock_accepting(connection: Connection) -> None:
    """Nobody else accepts an upload until this transaction ends. On SQLite it holds that lock already."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:name)"), {"name": ACCEPTING_LOCK})


def add_upload(connection: Connection, upload: Upload) -> None:
    """Puts a new upload at the end of the queue."""
    connection.execute(
        insert(UPLOADS).values(
            id=upload.id,
            key=upload.key,
            content_sha256=upload.content_sha256,
            place=upload.place,
            bundle=upload.bundle,
            state=upload.state.value,
            item=json.dumps(asdict(upload.item)),
            by=upload.by,
            **asdict(upload.demands),
            created_at=upload.created_at.isoformat(),
            acknowledged=upload.acknowledged,
            claims=0,
            crashes=0,
            lease_until_s=0.0,
            trace=upload.trace,
        )
    )
    rows = [
        {"upload_id": upload.id, "position": position, **asdict(photo)}
        for position, photo in enumerate(upload.photos)
    ]
    connection.execute(insert(UPLOAD_PHOTOS), rows)


def find_upload(connection: Connection, upload_id: str) -> Upload | None:
    return _find(connection, UPLOADS.c.id == upload_id)


def find_by_key(connection: Connection, key: str) -> Upload | None:
    return _find(connection, UPLOADS.c.key == key)


def find_photo_owner(connection: Connection, photo_ids: Sequence[str]) -> str | None:
    """An upload that has one of these photo ids, None where they are new."""
    query = select(UPLOAD_PHOTOS.c.upload_id).where(UPLOAD_PHOTOS.c.id.in_(photo_ids)).limit(1)
    owner: str | None = connection.execute(query).scalar()
    return owner


def find_photo(connection: Connection, photo_id: str, *, by: str) -> UploadPhoto | None:
    """A photo that an account has sent, and that was accepted; None where there is none."""
    of_upload = and_(UPLOADS.c.id == UPLOAD_PHOTOS.c.upload_id, UPLOADS.c.by == by)
    query = select(UPLOAD_PHOTOS).join(UPLOADS, of_upload).where(UPLOAD_PHOTOS.c.id == photo_id)
    row = connection.execute(query).first()
    return None if row is None else _photo(row)


def count_open(connection: Connection) -> int:
    """Uploads that wait or are being graded."""
    return connection.execute(
        select(func.count()).select_from(UPLOADS).where(UPLOADS.c.state.in_(OPEN))
    ).scalar_one()


def is_grading(connection: Connection) -> bool:
    """Whether an upload is taken; also by a worker that has died since, until its lease is freed."""
    taken = UPLOADS.c.state == State.WORKING.value
    return connection.execute(select(UPLOADS.c.seq).where(taken).limit(1)).first() is not None


def list_in_hand(connection: Connection, *, place: str, states: Sequence[State]) -> Sequence[Upload]:
    """The uploads of a place in these states, oldest first."""
    of_place = and_(UPLOADS.c.place == place, UPLOADS.c.state.in_([state.value for state in states]))
    ids = connection.execute(select(UPLOADS.c.id).where(of_place).order_by(UPLOADS.c.seq)).scalars().all()
    return [upload for id in ids if (upload := find_upload(connection, id)) is not None]


def count_uploads(connection: Connection, *, now_s: float) -> Counts:
    per_state = select(UPLOADS.c.state, func.count().label("uploads")).group_by(UPLOADS.c.state)
    counts = {row.state: row.uploads for row in connection.execute(per_state)}
    late = and_(UPLOADS.c.state == State.WORKING.value, UPLOADS.c.lease_until_s < now_s)
    stuck = connection.execute(select(func.count()).select_from(UPLOADS).where(late)).scalar_one()
    return Counts(
        waiting=counts.get(State.WAITING.value, 0),
        working=counts.get(State.WORKING.value, 0),
        set_aside=counts.get(State.SET_ASIDE.value, 0),
        stuck=stuck,
    )


def anything_due(connection: Connection, *, place: str, now_s: float) -> bool:
    """Whether `claim` would find something; only reads."""
    return connection.execute(select(UPLOADS.c.seq).where(_due(place, now_s)).limit(1)).first() is not None


def claim(connection: Connection, *, worker: str, place: str, now_s: float, lease_s: float) -> Upload | None:
    """Takes the oldest upload that is due, under a lease. None where there is none.

    One that was taken too often without an end comes back set aside instead.
    """
    query = select(UPLOADS.c.id, UPLOADS.c.claims, UPLOADS.c.crashes).where(_due(place, now_s))
    # SQLite knows no such words and needs none: its one writer holds the whole file
    due = connection.execute(query.order_by(UPLOADS.c.seq).limit(1).with_for_update(skip_locked=True)).first()
    if due is None:
        return None
    if due.crashes >= MAX_CRASHES or due.claims >= MAX_CLAIMS:
        set_aside(connection, due.id)
    else:
        _change(
            connection,
            UPLOADS.c.id == due.id,
            state=State.WORKING.value,
            lease_by=worker,
            lease_until_s=now_s + lease_s,
            claims=due.claims + 1,
        )
    return find_upload(connection, due.id)


def renew(connection: Connection, upload: Upload, *, until_s: float) -> bool:
    """Prolongs the lease; false where it was lost."""
    return _change(connection, _held(upload), lease_until_s=until_s) == 1


def finish(connection: Connection, upload: Upload) -> bool:
    """Marks the upload as done, in the transaction that keeps its records; false where the lease was lost."""
    return _settle(connection, upload, state=State.DONE, problem=None)


def refuse(connection: Connection, upload: Upload, error: QcVisionError) -> bool:
    """Ends the upload with a refusal, the same for whoever asks again; false where the lease was lost."""
    return _settle(connection, upload, state=State.REFUSED, problem=write_problem(error))


def put_back(connection: Connection, upload: Upload, error: QcVisionError, *, not_before_s: float) -> bool:
    """Lets the upload wait, for trouble that is not its own; false where the lease was lost."""
    changed = _change(
        connection,
        _held(upload),
        state=State.WAITING.value,
        lease_by=None,
        lease_until_s=not_before_s,
        claims=UPLOADS.c.claims - 1,
        problem=write_problem(error),
    )
    return changed == 1


def count_crash(connection: Connection, worker: str) -> Sequence[str]:
    """Counts the end of a worker against what it held, which is free at once; returns the uploads."""
    held = and_(UPLOADS.c.lease_by == worker, UPLOADS.c.state == State.WORKING.value)
    ids = list(connection.execute(select(UPLOADS.c.id).where(held)).scalars())
    _change(
        connection,
        held,
        state=State.WAITING.value,
        lease_by=None,
        lease_until_s=0.0,
        crashes=UPLOADS.c.crashes + 1,
    )
    return ids


def release(connection: Connection, worker: str) -> None:
    """Frees what a worker held that ended for no fault of the upload's."""
    held = and_(UPLOADS.c.lease_by == worker, UPLOADS.c.state == State.WORKING.value)
    _change(connection, held, state=State.WAITING.value, lease_by=None, lease_until_s=0.0)


def list_holders(connection: Connection, *, place: str) -> Sequence[str]:
    """The workers that hold leases."""
    held = and_(UPLOADS.c.place == place, UPLOADS.c.state == State.WORKING.value)
    return list(connection.execute(select(UPLOADS.c.lease_by).where(held).distinct()).scalars())


def list_late_holders(connection: Connection, *, now_s: float) -> Sequence[str]:
    """The workers whose lease has run out while they still hold it."""
    late = and_(UPLOADS.c.state == State.WORKING.value, UPLOADS.c.lease_until_s <= now_s)
    return list(connection.execute(select(UPLOADS.c.lease_by).where(late).distinct()).scalars())


def set_aside(connection: Connection, upload_id: str) -> None:
    """Takes the upload out of the queue, for people to look at."""
    error = RequestRefused(SET_ASIDE, SET_ASIDE_SENTENCE)
    _change(
        connection,
        UPLOADS.c.id == upload_id,
        state=State.SET_ASIDE.value,
        lease_by=None,
        problem=write_problem(error),
    )


def try_again(connection: Connection, upload_id: str) -> bool:
    """Puts an upload that was set aside back at its place in the queue, as if it had never been taken; false where
    it was not set aside."""
    was_aside = and_(UPLOADS.c.id == upload_id, UPLOADS.c.state == State.SET_ASIDE.value)
    fresh = {"lease_until_s": 0.0, "claims": 0, "crashes": 0, "problem": None}
    return _change(connection, was_aside, state=State.WAITING.value, **fresh) == 1


def acknowledge(connection: Connection, upload_id: str) -> bool:
    """Notes that the sender is told that the upload will be graded; false where it was withdrawn before."""
    return _change(connection, UPLOADS.c.id == upload_id, acknowledged=True) == 1


def withdraw(connection: Connection, upload_id: str) -> bool:
    """Removes an upload that failed before anybody was told that it was accepted; false where it was."""
    failed = and_(
        UPLOADS.c.id == upload_id, UPLOADS.c.state == State.WAITING.value, UPLOADS.c.acknowledged.is_(False)
    )
    if connection.execute(select(UPLOADS.c.id).where(failed).with_for_update()).first() is None:
        return False
    connection.execute(delete(UPLOAD_PHOTOS).where(UPLOAD_PHOTOS.c.upload_id == upload_id))
    connection.execute(delete(UPLOADS).where(UPLOADS.c.id == upload_id))
    return True


def write_problem(error: QcVisionError) -> str:
    """An error as JSON, to be answered later."""
    kind = kind_of(error)
    return json.dumps(
        {
            "kind": asdict(kind),
            "message": {"id": error.message.id, "en": error.message.en},
            "extensions": extensions_of(error),
        }
    )


def read_problem(problem: Mapping[str, Any]) -> RequestRefused:
    """The error that `write_problem` wrote, to be raised."""
    kind = problem["kind"]
    return RequestRefused(
        Kind(**{**kind, "title": Message(**kind["title"])}),
        Message(**problem["message"]),
        extensions=problem["extensions"],
    )


def _due(place: str, now_s: float) -> ColumnElement[bool]:
    return and_(UPLOADS.c.place == place, UPLOADS.c.state.in_(OPEN), UPLOADS.c.lease_until_s <= now_s)


def _held(upload: Upload) -> ColumnElement[bool]:
    return and_(
        UPLOADS.c.id == upload.id,
        UPLOADS.c.state == State.WORKING.value,
        UPLOADS.c.lease_by == upload.lease_by,
        UPLOADS.c.claims == upload.claims,
    )


def _settle(connection: Connection, upload: Upload, *, state: State, problem: str | None) -> bool:
    changed = _change(connection, _held(upload), state=state.value, lease_by=None, problem=problem)
    return changed == 1


def _change(connection: Connection, which: ColumnElement[bool], **values: Any) -> int:
    return connection.execute(update(UPLOADS).where(which).values(values)).rowcount


def _find(connection: Connection, which: ColumnElement[bool]) -> Upload | None:
    row = connection.execute(select(UPLOADS).where(which)).first()
    if row is None:
        return None
    photos = (
        select(UPLOAD_PHOTOS).where(UPLOAD_PHOTOS.c.upload_id == row.id).order_by(UPLOAD_PHOTOS.c.position)
    )
    return _upload(row, connection.execute(photos).all())


def _upload(row: Row[Any], photos: Sequence[Row[Any]]) -> Upload:
    return Upload(
        id=row.id,
        key=row.key,
        content_sha256=row.content_sha256,
        place=row.place,
        bundle=row.bundle,
        state=State(row.state),
        item=Item(**json.loads(row.item)),
        by=row.by,
        demands=Demands(card=row.card, original=row.original, view=row.view),
        created_at=datetime.fromisoformat(row.created_at),
        acknowledged=row.acknowledged,
        claims=row.claims,
        crashes=row.crashes,
        lease_by=row.lease_by,
        lease_until_s=row.lease_until_s,
        problem=None if row.problem is None else json.loads(row.problem),
        trace=row.trace,
        photos=tuple(_photo(photo) for photo in photos),
    )


def _photo(row: Row[Any]) -> UploadPhoto:
    return UploadPhoto(id=row.id, filename=row.filename, sha256=row.sha256, size_bytes=row.size_bytes)
