"""A worker: takes uploads from the queue one at a time, grades them, and keeps what was found.

It runs as a process of its own (`service.crew`) or, around an inspector given to the app, as a thread.
"""

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from opentelemetry.trace import Span, SpanKind

from qc_vision.epcis import Naming
from qc_vision.errors import QcVisionError
from service.grading import Inspects, SentPhoto, grade_item
from service.intake import Intake
from service.item import ItemInspection
from service.photos import PhotoStore, cannot_read
from service.problems import PhotoRefused, kind_of
from service.recording import record_inspection
from service.repeats import came_before, note_marks
from service.store import Store
from service.traces import NO_TRACES, Traces, fail
from service.uploads import (
    State,
    Upload,
    anything_due,
    claim,
    count_crash,
    finish,
    put_back,
    refuse,
    renew,
)

LEASE_S = 120.0
"""How long a photo may take: some 40 times what one takes on the office machine. Then its worker is stopped."""
REST_S = 15.0
"""How long an upload rests after trouble that is not its own: a full disk, a missing model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """Where a worker finds uploads and puts what it made of them."""

    store: Store
    photos: PhotoStore
    intake: Intake
    naming: Naming


class Worker:
    """Grades with one inspector, in one thread, under a `name` that no other worker has."""

    def __init__(
        self,
        at: Workplace,
        inspector: Inspects,
        *,
        name: str,
        traces: Traces = NO_TRACES,
        clock_s: Callable[[], float] = time.time,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._at = at
        self._inspector = inspector
        self._name = name
        self._traces = traces
        self._clock_s = clock_s
        self._clock = clock

    def work_once(self) -> bool:
        """Takes one upload and ends it; false where none is due. Raises StorageError."""
        upload = self._take()
        if upload is None:
            return False
        if upload.state is not State.WORKING:
            return True  # set aside
        with self._traces.span("grade upload", kind=SpanKind.CONSUMER, parent=upload.trace) as span:
            span.set_attributes({"qc.photos": len(upload.photos), "qc.claims": upload.claims})
            self._end(upload, span)
        return True

    def _end(self, upload: Upload, span: Span) -> None:
        try:
            self._grade(upload, span)
        except PhotoRefused as wrong:
            span.set_attribute("qc.refusal", kind_of(wrong).code)
            self._refuse(upload, wrong)
        except (QcVisionError, OSError) as wrong:
            fail(span, wrong)
            self._put_back(upload, wrong)
        except Exception as wrong:
            fail(span, wrong)
            # a fault in our own code counts like a crash: once more, then it is set aside
            with self._at.store.changing() as connection:
                count_crash(connection, self._name)

    def _take(self) -> Upload | None:
        place, now_s = self._at.intake.place(), self._clock_s()
        # an idle worker only reads, so that it never holds up who writes
        with self._at.store.reading() as connection:
            if not anything_due(connection, place=place, now_s=now_s):
                return None
        with self._at.store.changing() as connection:
            return claim(connection, worker=self._name, place=place, now_s=now_s, lease_s=LEASE_S)

    def _grade(self, upload: Upload, span: Span) -> None:
        graded = grade_item(
            [
                SentPhoto(id=photo.id, filename=photo.filename, read=self._reader(upload, position))
                for position, photo in enumerate(upload.photos)
            ],
            upload.item,
            inspector=self._inspector,
            photos=self._at.photos,
            demands=upload.demands,
            came_at=upload.created_at,
            inspection_id=upload.id,
            came_before=partial(came_before, self._at.store, self._at.photos, ref=upload.item.ref),
            clock=self._clock,
        )
        with self._at.store.writing() as (connection, tail):
            # whoever lost its lease keeps nothing: another has taken over
            held = finish(connection, upload)
            if held:
                record_inspection(connection, tail, graded.inspection, by=upload.by, naming=self._at.naming)
                note_marks(connection, graded.inspection, graded.marks)
        if held:
            self._at.intake.forget(upload.bundle)
        span.set_attributes({"qc.kept": held, **_describe(graded.inspection)})

    def _reader(self, upload: Upload, position: int) -> Callable[[], bytes]:
        def read() -> bytes:
            with self._at.store.changing() as connection:
                renew(connection, upload, until_s=self._clock_s() + LEASE_S)
            return self._at.intake.read(upload.bundle, position)

        return read

    def _refuse(self, upload: Upload, wrong: PhotoRefused) -> None:
        with self._at.store.changing() as connection:
            ended = refuse(connection, upload, wrong)
        if ended:
            self._at.intake.forget(upload.bundle)

    def _put_back(self, upload: Upload, wrong: QcVisionError | OSError) -> None:
        error = wrong if isinstance(wrong, QcVisionError) else cannot_read(upload.bundle, wrong)
        with self._at.store.changing() as connection:
            put_back(connection, upload, error, not_before_s=self._clock_s() + REST_S)


def _describe(inspection: ItemInspection) -> dict[str, str | float]:
    """The verdict, and how long each station of the line took, all photos together."""
    took_ms: defaultdict[str, float] = defaultdict(float)
    for photo in inspection.photos:
        for station, ms in photo.timing_ms.items():
            took_ms[station] += ms
    return {
        "qc.verdict": inspection.verdict.value,
        **{f"qc.{station}_ms": ms for station, ms in took_ms.items()},
    }
