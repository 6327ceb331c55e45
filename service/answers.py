"""What the API answers, where that is more than a core type: the same records, with links."""

from dataclasses import dataclass, fields
from datetime import datetime

from qc_vision.decision import Verdict
from qc_vision.message import Message
from qc_vision.record import InspectionRecord
from service.item import GradedPhoto, Item, ItemInspection
from service.store import Summary


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoLinks:
    photo: str
    overlay: str
    thumbnail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoAnswer(InspectionRecord):
    """The grade of one photo: its record, how long each station took, and where its JPEGs are."""

    timing_ms: dict[str, float]
    links: PhotoLinks


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectionAnswer:
    """One inspection of an item; `verdict` is the heaviest of its photos'."""

    id: str
    item: Item
    verdict: Verdict
    created_at: datetime
    photos: tuple[PhotoAnswer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryLinks:
    self: str
    thumbnail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryAnswer:
    id: str
    item: Item
    verdict: Verdict
    created_at: datetime
    photo_count: int
    links: SummaryLinks


@dataclass(frozen=True, slots=True, kw_only=True)
class PageAnswer:
    """Inspections, newest first; `next_cursor` asks for the following page, null on the last."""

    inspections: tuple[SummaryAnswer, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecAnswer:
    """A product spec on offer. `has_sampling`: lots of it can be judged. `two_persons`: whoever took the photos may not
    decide."""

    id: str
    revision: int
    title: Message
    needs_scale: bool
    has_sampling: bool
    two_persons: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleAnswer:
    """A photo to try the service with."""

    name: str
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsAnswer:
    max_photos: int
    max_upload_bytes: int


def answer_inspection(inspection: ItemInspection) -> InspectionAnswer:
    photos = [_answer_photo(inspection.id, n, photo) for n, photo in enumerate(inspection.photos, start=1)]
    return InspectionAnswer(
        id=inspection.id,
        item=inspection.item,
        verdict=inspection.verdict,
        created_at=inspection.created_at,
        photos=tuple(photos),
    )


def summarise(inspection: ItemInspection) -> SummaryAnswer:
    """The short form of an inspection, for lists of other things."""
    link = f"/v1/inspections/{inspection.id}"
    return SummaryAnswer(
        id=inspection.id,
        item=inspection.item,
        verdict=inspection.verdict,
        created_at=inspection.created_at,
        photo_count=len(inspection.photos),
        links=SummaryLinks(self=link, thumbnail=f"{link}/photos/1/thumbnail"),
    )


def answer_summary(summary: Summary) -> SummaryAnswer:
    link = f"/v1/inspections/{summary.id}"
    return SummaryAnswer(
        id=summary.id,
        item=summary.item,
        verdict=summary.verdict,
        created_at=summary.created_at,
        photo_count=summary.photo_count,
        links=SummaryLinks(self=link, thumbnail=f"{link}/photos/1/thumbnail"),
    )


def _answer_photo(inspection_id: str, number: int, graded: GradedPhoto) -> PhotoAnswer:
    link = f"/v1/inspections/{inspection_id}/photos/{number}"
    links = PhotoLinks(photo=link, overlay=f"{link}/overlay", thumbnail=f"{link}/thumbnail")
    facts = {field.name: getattr(graded.record, field.name) for field in fields(graded.record)}
    return PhotoAnswer(**facts, timing_ms=graded.timing_ms, links=links)
