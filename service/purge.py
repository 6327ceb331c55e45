"""Removes what was kept long enough, so that the chain still verifies: content goes, its hash stays.

What is removed is named by a purge on record first; only then does the database let the row go.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, exists, or_, select

from service.account_tables import AUDIT, PASSES
from service.facts import Draft, Kind, append_fact, find_fact
from service.intake import Intake
from service.ledger import Tail
from service.photos import PhotoStore
from service.repeats import forget_marks_of_photo
from service.store import Store
from service.tables import (
    FACTS,
    INSPECTIONS,
    PHOTO_COLUMNS,
    PHOTO_MARKS,
    RECORDS,
    UPLOAD_PHOTOS,
    UPLOADS,
    WAITING,
)
from service.uploads import OPEN

PORTION = 200
"""Inspections or facts removed in one transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long each kind is kept."""

    photos: timedelta
    records: timedelta
    audit: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """How many of each were removed. `erased`: nothing of it is left in the database's files either."""

    photos: int
    uploads: int
    inspections: int
    facts: int
    audit: int
    erased: bool


def purge(
    store: Store, photos: PhotoStore, intake: Intake, retention: Retention, *, by: str, now: datetime
) -> Purged:
    """Removes photos, what uploads said, inspections with their records, facts and lines of the audit older than their
    retention, and sessions, tokens and links that ran out.

    Purges themselves stay. May be broken off and run again at any time.
    """
    _finish(store, photos)
    removed_photos = removed_uploads = removed_inspections = removed_facts = 0
    while names := _purge_photos(store, before=now - retention.photos, by=by, now=now):
        for name in names:
            photos.remove(name)
        removed_photos += len(names)
    while bundles := _purge_uploads(store, before=now - retention.photos):
        for bundle in bundles:
            intake.forget(bundle)
        removed_uploads += len(bundles)
    while count := _purge_inspections(store, before=now - retention.records, by=by, now=now):
        removed_inspections += count
    while count := _purge_facts(store, before=now - retention.records, by=by, now=now):
        removed_facts += count
    _drop_run_out(store, now=now)
    return Purged(
        photos=removed_photos,
        uploads=removed_uploads,
        inspections=removed_inspections,
        facts=removed_facts,
        audit=_purge_audit(store, before=now - retention.audit, by=by, now=now),
        # each time: an earlier purge may have found the files in use
        erased=store.erase_removed(),
    )


def _finish(store: Store, photos: PhotoStore) -> None:
    """Removes photos that an earlier purge names and a crash left."""
    with store.reading() as connection:
        query = select(FACTS.c.subject).where(FACTS.c.kind == Kind.PURGE.value)
        for (subject,) in connection.execute(query.where(FACTS.c.subject.like("photos/%"))):
            photos.remove(subject.removeprefix("photos/"))


def _purge_photos(store: Store, *, before: datetime, by: str, now: datetime) -> Sequence[str]:
    """Names of photos that a purge now on record names, at most those of one portion; none when done."""
    with store.writing() as (connection, tail):
        names = list(_old_photos(connection, before))
        for name in names:
            _state(connection, tail, f"photos/{name}", by=by, now=now)
            forget_marks_of_photo(connection, name)
    return names


def _old_photos(connection: Connection, before: datetime) -> Iterator[str]:
    for column in PHOTO_COLUMNS:
        name = RECORDS.c[column]
        other, of_other = RECORDS.alias(), INSPECTIONS.alias()
        # the same bytes may have been sent again later
        still_wanted = (
            exists()
            .where(or_(*(other.c[c] == name for c in PHOTO_COLUMNS)), of_other.c.id == other.c.inspection_id)
            .where(of_other.c.created_at >= before.isoformat())
        )
        purged = exists().where(FACTS.c.kind == Kind.PURGE.value, FACTS.c.subject == "photos/" + name)
        query = (
            select(name)
            .join(INSPECTIONS, INSPECTIONS.c.id == RECORDS.c.inspection_id)
            .where(INSPECTIONS.c.created_at < before.isoformat(), ~still_wanted, ~purged)
            .distinct()
            .limit(PORTION)
        )
        yield from (row[0] for row in connection.execute(query))


def _purge_uploads(store: Store, *, before: datetime) -> Sequence[str]:
    """Bundles of the uploads now removed, at most those of one portion: no evidence, but they hold the maker's code,
    file names as the phone gave them and, where they were set aside, the originals."""
    over = (UPLOADS.c.created_at < before.isoformat(), UPLOADS.c.state.not_in(OPEN))
    with store.changing() as connection:
        found = connection.execute(select(UPLOADS.c.id, UPLOADS.c.bundle).where(*over).limit(PORTION)).all()
        ids = [row.id for row in found]
        connection.execute(delete(UPLOAD_PHOTOS).where(UPLOAD_PHOTOS.c.upload_id.in_(ids)))
        connection.execute(delete(UPLOADS).where(UPLOADS.c.id.in_(ids)))
    return [row.bundle for row in found]


def _purge_inspections(store: Store, *, before: datetime, by: str, now: datetime) -> int:
    old = select(INSPECTIONS.c.id).where(INSPECTIONS.c.created_at < before.isoformat()).limit(PORTION)
    with store.writing() as (connection, tail):
        ids = list(connection.execute(old).scalars())
        for inspection in ids:
            of_inspection = select(RECORDS.c.id).where(RECORDS.c.inspection_id == inspection)
            for record in connection.execute(of_inspection).scalars().all():
                _state(connection, tail, f"records/{record}", by=by, now=now)
                connection.execute(delete(RECORDS).where(RECORDS.c.id == record))
            _state(connection, tail, f"inspections/{inspection}", by=by, now=now)
            seq = select(INSPECTIONS.c.seq).where(INSPECTIONS.c.id == inspection)
            connection.execute(delete(WAITING).where(WAITING.c.seq.in_(seq)))
            connection.execute(delete(PHOTO_MARKS).where(PHOTO_MARKS.c.inspection.in_(seq)))
            connection.execute(delete(INSPECTIONS).where(INSPECTIONS.c.id == inspection))
    return len(ids)


def _purge_facts(store: Store, *, before: datetime, by: str, now: datetime) -> int:
    old = select(FACTS.c.id).where(FACTS.c.at < before.isoformat(), FACTS.c.kind != Kind.PURGE.value)
    with store.writing() as (connection, tail):
        ids = list(connection.execute(old.limit(PORTION)).scalars())
        for fact in ids:
            _state(connection, tail, f"facts/{fact}", by=by, now=now)
            connection.execute(delete(FACTS).where(FACTS.c.id == fact))
    return len(ids)


def _purge_audit(store: Store, *, before: datetime, by: str, now: datetime) -> int:
    """How many lines were removed; up to when is on record first, or the database lets none go."""
    old = AUDIT.c.at < before.isoformat()
    with store.writing() as (connection, tail):
        if connection.execute(select(AUDIT.c.seq).where(old).limit(1)).first() is None:
            return 0
        last = find_fact(connection, Kind.PURGE, "audit")
        draft = Draft(
            kind=Kind.PURGE,
            subject="audit",
            by=by,
            body={"reason": "retention", "before": before.isoformat()},
            at=now,
        )
        append_fact(connection, tail, draft, after=0 if last is None else last.version)
        return connection.execute(delete(AUDIT).where(old)).rowcount


def _drop_run_out(store: Store, *, now: datetime) -> None:
    with store.changing() as connection:
        connection.execute(delete(PASSES).where(PASSES.c.expires_at < now.isoformat()))


def _state(connection: Connection, tail: Tail, subject: str, *, by: str, now: datetime) -> None:
    if find_fact(connection, Kind.PURGE, subject) is None:
        draft = Draft(kind=Kind.PURGE, subject=subject, by=by, body={"reason": "retention"}, at=now)
        append_fact(connection, tail, draft, after=0)
