"""Photos of one item, graded and made ready to be kept; one photo in memory at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Protocol

import cv2
import numpy as np

from qc_vision.demands import NOTHING, Demands
from qc_vision.errors import PhotoError
from qc_vision.inspection import Inspection, retake
from qc_vision.landmarks import Marks, find_marks
from qc_vision.overlay import draw
from qc_vision.photo import Photo, encode_jpeg
from qc_vision.quality import RetakeReason
from qc_vision.record import InspectionRecord
from qc_vision.spec import ProductSpec, load_spec
from service.item import GradedPhoto, Item, ItemInspection, judge_item
from service.photos import PhotoStore
from service.problems import PhotoFault, PhotoRefused

THUMBNAIL_SIDE_PX = 320


class Inspects(Protocol):
    def inspect(self, data: bytes, *, spec: ProductSpec, came_at: datetime) -> Inspection: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SentPhoto:
    """A file as it was sent; `read` gives its bytes. `id` becomes its record's."""

    id: str
    filename: str | None
    read: Callable[[], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class GradedItem:
    """An inspection, and by what each of its photos will be known again."""

    inspection: ItemInspection
    marks: tuple[Marks, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawn:
    """A graded photo as JPEGs, not yet kept."""

    record: InspectionRecord
    marks: Marks
    timing_ms: dict[str, float]
    photo: bytes
    overlay: bytes
    thumbnail: bytes


def grade_item(
    sent: Sequence[SentPhoto],
    item: Item,
    *,
    inspector: Inspects,
    photos: PhotoStore,
    inspection_id: str,
    demands: Demands = NOTHING,
    came_at: datetime,
    came_before: Callable[[Photo], bool],
    clock: Callable[[], datetime],
) -> GradedItem:
    """Grades all photos of an item, then keeps their JPEGs: all of them or, where one is no photo, none.

    `demands`: what the sender insists on, on top of the spec. `came_at`: when the photos were accepted, however long they
    have waited. `came_before`: whether a photo was kept of another basket; it is then to be taken again. Raises
    PhotoRefused naming the one; StorageError.
    """
    spec = load_spec(item.spec).demanding(demands)
    inspect = partial(inspector.inspect, spec=spec, came_at=came_at)
    drawn = [_grade(photo, n, inspect, came_before) for n, photo in enumerate(sent, start=1)]
    graded = tuple(
        GradedPhoto(
            record=d.record,
            timing_ms=d.timing_ms,
            photo=photos.save(d.photo),
            overlay=photos.save(d.overlay),
            thumbnail=photos.save(d.thumbnail),
        )
        for d in drawn
    )
    verdict = judge_item([d.record.verdict for d in drawn])
    inspection = ItemInspection(
        id=inspection_id, created_at=clock(), item=item, verdict=verdict, photos=graded
    )
    return GradedItem(inspection=inspection, marks=tuple(d.marks for d in drawn))


def _grade(
    sent: SentPhoto,
    number: int,
    inspect: Callable[[bytes], Inspection],
    came_before: Callable[[Photo], bool],
) -> _Drawn:
    try:
        inspection = inspect(sent.read())
    except PhotoError as wrong:
        raise PhotoRefused(wrong, PhotoFault(number=number, filename=sent.filename or None)) from wrong
    marks = find_marks(inspection.photo)
    if came_before(inspection.photo):
        inspection = retake(inspection, {RetakeReason.DUPLICATE})
    return _Drawn(
        record=replace(inspection.record, id=sent.id),
        marks=marks,
        timing_ms=dict(inspection.timing_ms),
        photo=encode_jpeg(inspection.photo.pixels),
        overlay=draw(inspection),
        thumbnail=_thumbnail(inspection.photo),
    )


def _thumbnail(photo: Photo) -> bytes:
    scale = min(1.0, THUMBNAIL_SIDE_PX / max(photo.pixels.shape[:2]))
    small = cv2.resize(photo.pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return encode_jpeg(np.asarray(small, dtype=np.uint8), quality=80)
