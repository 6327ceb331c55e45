"""Photos that came before, of another basket: found by their landmarks, cut, shrunk or packed anew though they be.

No evidence: beside it, so that it can be asked. A photo that is purged takes its landmarks along.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, and_, delete, func, insert, select

from qc_vision.errors import PhotoError
from qc_vision.landmarks import MARKS_SHARED, Marks, find_marks_turned, is_same_photo
from qc_vision.photo import Photo, decode
from service.item import ItemInspection
from service.photos import PhotoStore
from service.store import Store
from service.tables import INSPECTIONS, PHOTO_MARKS, RECORDS

COMMON = 100
"""A mark that so many photos have tells nothing and is kept of no more: then a question reads at most so many rows
per mark, however many photos there are."""
LAID_MAX = 3
"""So many earlier photos, those that share most, are laid upon the new one."""
DECODED_SIDE_PX = 600


def came_before(store: Store, photos: PhotoStore, photo: Photo, *, ref: str | None) -> bool:
    """Whether this photo was kept of another basket than `ref`; of a basket without a code nothing is said."""
    if ref is None:
        return False
    marks = find_marks_turned(photo)
    with store.reading() as connection:
        names = _find_alike(connection, marks, ref)
    return any(_is_same(photo, photos.read(name)) for name in names)


def note_marks(connection: Connection, inspection: ItemInspection, marks: Sequence[Marks]) -> None:
    """Keeps what the photos of an inspection are known by, in the order of its photos."""
    if inspection.item.ref is None:
        return
    seq = connection.execute(select(INSPECTIONS.c.seq).where(INSPECTIONS.c.id == inspection.id)).scalar_one()
    every = frozenset[int]().union(*marks)
    common = _common(connection, every)
    rows = [
        {"mark": mark, "inspection": seq, "position": position}
        for position, of_photo in enumerate(marks)
        for mark in sorted(of_photo - common)
    ]
    if rows:
        connection.execute(insert(PHOTO_MARKS), rows)


def forget_marks_of_photo(connection: Connection, name: str) -> None:
    """Of the photo kept under this name, wherever it was sent."""
    sent = (
        select(INSPECTIONS.c.seq, RECORDS.c.position)
        .join(RECORDS, RECORDS.c.inspection_id == INSPECTIONS.c.id)
        .where(RECORDS.c.photo == name)
    )
    for seq, position in connection.execute(sent).all():
        of_photo = and_(PHOTO_MARKS.c.inspection == seq, PHOTO_MARKS.c.position == position)
        connection.execute(delete(PHOTO_MARKS).where(of_photo))


def _find_alike(connection: Connection, marks: Marks, ref: str) -> Sequence[str]:
    """Names of the photos of other baskets that share most marks."""
    shared = func.count().label("shared")
    found = (
        select(PHOTO_MARKS.c.inspection, PHOTO_MARKS.c.position, shared)
        .join(INSPECTIONS, INSPECTIONS.c.seq == PHOTO_MARKS.c.inspection)
        .where(PHOTO_MARKS.c.mark.in_(sorted(marks)), INSPECTIONS.c.ref != ref)
        .group_by(PHOTO_MARKS.c.inspection, PHOTO_MARKS.c.position)
        .having(shared >= MARKS_SHARED)
        .order_by(shared.desc(), PHOTO_MARKS.c.inspection)
        .limit(LAID_MAX)
        .subquery()
    )
    query = (
        select(RECORDS.c.photo)
        .join(INSPECTIONS, INSPECTIONS.c.id == RECORDS.c.inspection_id)
        .join(found, and_(found.c.inspection == INSPECTIONS.c.seq, found.c.position == RECORDS.c.position))
        .order_by(found.c.shared.desc(), found.c.inspection)
    )
    return list(connection.execute(query).scalars())


def _common(connection: Connection, marks: Marks) -> Marks:
    count = (
        select(PHOTO_MARKS.c.mark)
        .where(PHOTO_MARKS.c.mark.in_(sorted(marks)))
        .group_by(PHOTO_MARKS.c.mark)
        .having(func.count() >= COMMON)
    )
    return frozenset(connection.execute(count).scalars())


def _is_same(photo: Photo, kept: bytes | None) -> bool:
    if kept is None:  # purged
        return False
    try:
        return is_same_photo(photo, decode(kept, min_side_px=DECODED_SIDE_PX))
    except PhotoError:
        return False
