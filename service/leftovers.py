"""What a stop at a bad moment may leave behind: files that nobody names, names whose files are gone.

A photo is saved before its record is committed, an original before its upload is; so a file too many is the most
that a kill leaves. Nothing here touches evidence: what a record names is never removed.
"""

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, select

from service.facts import Kind
from service.intake import Intake
from service.photos import PhotoStore
from service.tables import FACTS, PHOTO_COLUMNS, RECORDS, UPLOADS
from service.uploads import OPEN, State, is_grading

A_NAME = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoFaults:
    """Names of photos: `orphans` that no record names, `missing` ones that a record names and no purge does."""

    orphans: Sequence[str]
    missing: Sequence[str]


def compare_photos(connection: Connection, photos: PhotoStore) -> PhotoFaults | None:
    """The store of photos against the records; None while somebody grades, who saves before committing.

    Holds all names in memory, some 100 bytes each.
    """
    if is_grading(connection):
        return None
    kept = set(photos.names())
    named = set(_named_by_records(connection))
    purged = set(_purged(connection))
    shown = set(_shown_on_certificates(connection))
    return PhotoFaults(orphans=sorted(kept - named - shown), missing=sorted(named - kept - purged))


def remove_orphans(connection: Connection, photos: PhotoStore) -> Sequence[str]:
    """Removes photos that nobody names, and returns them; none while somebody grades.

    The transaction must keep others from taking uploads (`changing(alone=UPLOADS)`): whoever grades may be about
    to commit a record of a file that was there before.
    """
    found = compare_photos(connection, photos)
    for name in () if found is None else found.orphans:
        photos.remove(name)
    return () if found is None else found.orphans


def find_halves(folder: Path) -> Sequence[Path]:
    """Files that were being written when the writer was killed."""
    return sorted(folder.glob("**/*.part"))


def find_unfinished(data_dir: Path, *, age_s: float) -> Sequence[Path]:
    """Files of the intake and the keys that were being written so long ago, when their writer was killed."""
    before = time.time() - age_s
    found = [half for folder in ("intake", "keys") for half in (data_dir / folder).glob("*.part")]
    return sorted(half for half in found if half.stat().st_mtime < before)


def find_bundles(connection: Connection, intake: Intake, *, age_s: float) -> Sequence[str]:
    """Bundles of originals older than `age_s` that no upload in hand names."""
    old = sorted(intake.older_than(age_s))
    wanted = UPLOADS.c.state.in_([*OPEN, State.SET_ASIDE.value])
    held = set(connection.execute(select(UPLOADS.c.bundle).where(wanted)).scalars())
    return [bundle for bundle in old if bundle not in held]


def _named_by_records(connection: Connection) -> Iterator[str]:
    for row in connection.execute(select(*(RECORDS.c[column] for column in PHOTO_COLUMNS))):
        yield from row


def _purged(connection: Connection) -> Iterator[str]:
    query = select(FACTS.c.subject).where(FACTS.c.kind == Kind.PURGE.value, FACTS.c.subject.like("photos/%"))
    for subject in connection.execute(query).scalars():
        yield subject.removeprefix("photos/")


def _shown_on_certificates(connection: Connection) -> Iterator[str]:
    query = select(FACTS.c.body).where(FACTS.c.kind == Kind.CERTIFICATE.value)
    for body in connection.execute(query).scalars():
        yield from A_NAME.findall(body)
