"""Photos of one item, graded and made ready to be kept. At most as many at a time as there are inspectors."""

import queue
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

import cv2
import numpy as np

from qc_vision.card_register import CardDemand, stricter
from qc_vision.errors import PhotoError
from qc_vision.inspection import Inspection
from qc_vision.message import Message
from qc_vision.overlay import draw
from qc_vision.photo import Photo, encode_jpeg
from qc_vision.record import InspectionRecord
from qc_vision.spec import ProductSpec, load_spec
from service.item import GradedPhoto, Item, ItemInspection, judge_item
from service.photos import PhotoStore
from service.problems import BUSY, PhotoFault, PhotoRefused, RequestRefused

THUMBNAIL_SIDE_PX = 320
NAME_SHOWN = 80

BUSY_SENTENCE = Message(
    id="Layanan sedang menilai foto lain. Tunggu sebentar lalu kirim ulang.",
    en="The service is grading other photos. Wait a moment, then send again.",
)


class Inspects(Protocol):
    def inspect(self, data: bytes, *, spec: ProductSpec) -> Inspection: ...


class InspectorPool:
    """Lends each inspector to one thread at a time; who waits longer than `wait_s` is turned away."""

    def __init__(self, inspectors: Sequence[Inspects], *, wait_s: float) -> None:
        self._free: queue.Queue[Inspects] = queue.Queue()
        for inspector in inspectors:
            self._free.put(inspector)
        self._wait_s = wait_s

    @contextmanager
    def lend(self) -> Iterator[Inspects]:
        """One inspector, to be given back. Raises RequestRefused where none becomes free in time."""
        try:
            inspector = self._free.get(timeout=self._wait_s)
        except queue.Empty:
            raise RequestRefused(BUSY, BUSY_SENTENCE) from None
        try:
            yield inspector
        finally:
            self._free.put(inspector)


@dataclass(frozen=True, slots=True, kw_only=True)
class SentPhoto:
    """A file as it was sent; `read` gives its bytes, one photo in memory at a time."""

    filename: str | None
    read: Callable[[], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawn:
    """A graded photo as JPEGs, not yet kept."""

    record: InspectionRecord
    timing_ms: dict[str, float]
    photo: bytes
    overlay: bytes
    thumbnail: bytes


def grade_item(
    sent: Sequence[SentPhoto],
    item: Item,
    *,
    inspectors: InspectorPool,
    photos: PhotoStore,
    card: CardDemand = "optional",
    new_id: Callable[[], str],
    clock: Callable[[], datetime],
) -> ItemInspection:
    """Grades all photos of an item, then keeps their JPEGs: all of them or, where one is no photo, none.

    `card`: what the sender insists on, on top of the spec. Raises PhotoRefused naming that one; RequestRefused where the service is busy; StorageError.
    """
    spec = load_spec(item.spec)
    spec = replace(spec, card=stricter(spec.card, card))
    drawn = [_grade(photo, n, spec, inspectors) for n, photo in enumerate(sent, start=1)]
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
    return ItemInspection(id=new_id(), created_at=clock(), item=item, verdict=verdict, photos=graded)


def _grade(sent: SentPhoto, number: int, spec: ProductSpec, inspectors: InspectorPool) -> _Drawn:
    try:
        with inspectors.lend() as inspector:
            inspection = inspector.inspect(sent.read(), spec=spec)
    except PhotoError as wrong:
        raise PhotoRefused(
            wrong, PhotoFault(number=number, filename=(sent.filename or "")[:NAME_SHOWN] or None)
        ) from wrong
    return _Drawn(
        record=inspection.record,
        timing_ms=dict(inspection.timing_ms),
        photo=encode_jpeg(inspection.photo.pixels),
        overlay=draw(inspection),
        thumbnail=_thumbnail(inspection.photo),
    )


def _thumbnail(photo: Photo) -> bytes:
    scale = min(1.0, THUMBNAIL_SIDE_PX / max(photo.pixels.shape[:2]))
    small = cv2.resize(photo.pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return encode_jpeg(np.asarray(small, dtype=np.uint8), quality=80)
