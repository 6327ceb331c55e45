"""Grades the photos of one item, keeps them, and appends the record: the service's one use case."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from qc_vision.decision import Verdict
from qc_vision.errors import PhotoError
from qc_vision.inspection import Inspection, Inspector
from qc_vision.message import Message
from qc_vision.overlay import draw
from qc_vision.photo import encode_jpeg
from qc_vision.spec import load_spec
from service.item import Item
from service.photos import PhotoFolder
from service.store import Store, StoredInspection

WORST_FIRST = (Verdict.FAIL, Verdict.REVIEW, Verdict.RETAKE, Verdict.PASS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """All that grading an upload needs; `turns` bounds how many photos are graded at once."""

    inspector: Inspector
    store: Store
    photos: PhotoFolder
    turns: threading.BoundedSemaphore

    def inspect(self, uploads: Sequence[tuple[str, bytes]], item: Item) -> StoredInspection:
        """Grades (file name, bytes) pairs. A file that is no photo refuses the whole upload, by name."""
        spec = load_spec(item.spec)
        graded = []
        for name, data in uploads:
            with self.turns:
                try:
                    inspection = self.inspector.inspect(data, spec=spec)
                except PhotoError as wrong:
                    label = Message(id=f"{name}: {wrong.message.id}", en=f"{name}: {wrong.message.en}")
                    raise type(wrong)(label) from wrong
                graded.append((inspection, *self._copies(inspection)))
        kept = [(g.record, self.photos.put(copy), self.photos.put(overlay)) for g, copy, overlay in graded]
        return self.store.append(
            inspection_id=str(uuid4()),
            item_ref=item.ref,
            village=item.village,
            maker=item.maker,
            spec_id=spec.id,
            verdict=item_verdict([g.record.verdict for g, _, _ in graded]),
            photos=kept,
        )

    def _copies(self, inspection: Inspection) -> tuple[bytes, bytes]:
        """The copy that is kept (upright, sRGB, nothing of the file's own data) and the overlay."""
        return encode_jpeg(inspection.photo.pixels), draw(inspection)


def item_verdict(verdicts: Sequence[Verdict]) -> Verdict:
    """An item is as good as its worst photo; a photo to retake keeps an item from passing."""
    return min(verdicts, key=WORST_FIRST.index)
