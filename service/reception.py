"""Uploads are accepted here, once each: on disk and in the queue before anybody is told so. And waited for."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import BinaryIO

from sqlalchemy import Connection

from qc_vision.demands import NOTHING, Demands
from qc_vision.errors import QcVisionError
from qc_vision.identifier import new_id
from qc_vision.message import Message
from service.intake import Intake, digest
from service.item import Item
from service.problems import BUSY, INVALID, OTHER_CONTENT, RequestRefused
from service.store import Store
from service.uploads import (
    State,
    Upload,
    UploadPhoto,
    add_upload,
    count_open,
    find_by_key,
    find_photo_owner,
    find_upload,
    hash_content,
    lock_accepting,
)

NAME_SHOWN = 80
LOOK_EVERY_S = 0.05
"""How often a request looks whether another process has graded its photos."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentFile:
    """A photo as a request brings it, whole, on disk where it is large."""

    filename: str | None
    file: BinaryIO


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFile:
    """A photo that a request names once more: it was accepted before, and its bytes are no longer with the sender."""

    filename: str | None
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What a request brings. `id`, `key` and `photo_ids` are drawn by the sender, None where it draws none. `trace`: its
    span, see `service.traces`."""

    id: str | None
    key: str | None
    item: Item
    by: str | None
    demands: Demands = NOTHING
    photos: Sequence[SentFile | KeptFile]
    photo_ids: Sequence[str] | None
    trace: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """The upload that a request led to. `is_new`: by this request. `others`: uploads in hand before it."""

    upload: Upload
    is_new: bool
    others: int


class Bell:
    """Tells the threads of this process that an upload was accepted or settled. Other processes look by clock."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._rings = 0

    @property
    def rings(self) -> int:
        return self._rings

    def ring(self) -> None:
        with self._changed:
            self._rings += 1
            self._changed.notify_all()

    def wait(self, *, since: int, timeout_s: float) -> None:
        """Returns once it has rung more than `since` times, or the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._rings > since, timeout=timeout_s)


def accept(
    sent: Sent,
    *,
    store: Store,
    intake: Intake,
    max_open: int,
    acknowledged: bool,
    clock: Callable[[], datetime],
) -> Received:
    """Accepts what was sent, or finds it accepted before, by its key or id.

    On return the photos are on disk and the upload is committed. Raises RequestRefused where the same key or id
    stands for other content, or where `max_open` uploads are in hand; StorageError, then nothing is kept.
    """
    upload = _upload(sent, place=intake.place(), acknowledged=acknowledged, at=clock())
    with store.reading() as connection:
        before = _find_before(connection, sent, upload.content_sha256)
        others = count_open(connection)
    if before is not None:
        return Received(upload=before, is_new=False, others=others)
    files = [photo.file for photo in sent.photos if isinstance(photo, SentFile)]
    if len(files) < len(sent.photos):
        raise RequestRefused(OTHER_CONTENT, OTHER_PHOTO)
    refuse_beyond(others, max_open)
    intake.keep(upload.bundle, files)
    try:
        with store.changing() as connection:
            lock_accepting(connection)
            # once more: the same may have been accepted while the photos were written
            before = _find_before(connection, sent, upload.content_sha256)
            others = count_open(connection)
            if before is None:
                refuse_beyond(others, max_open)
                add_upload(connection, upload)
    except QcVisionError:
        # a commit whose answer was lost may stand: then its photos must stay
        _forget_unless_accepted(upload, store=store, intake=intake)
        raise
    if before is not None:
        intake.forget(upload.bundle)
        return Received(upload=before, is_new=False, others=others)
    return Received(upload=upload, is_new=True, others=others)


def wait_for(upload_id: str, *, store: Store, bell: Bell, timeout_s: float) -> Upload | None:
    """The upload once it is settled or in trouble, else as it is when the time is over; None: withdrawn."""
    end = time.monotonic() + timeout_s
    while True:
        rings = bell.rings
        with store.reading() as connection:
            upload = find_upload(connection, upload_id)
        left_s = end - time.monotonic()
        if upload is None or upload.settled or upload.problem is not None or left_s <= 0:
            return upload
        bell.wait(since=rings, timeout_s=min(LOOK_EVERY_S, left_s))


def _upload(sent: Sent, *, place: str, acknowledged: bool, at: datetime) -> Upload:
    if sent.photo_ids is not None and not len(sent.photos) == len(sent.photo_ids) == len(set(sent.photo_ids)):
        raise RequestRefused(INVALID, EACH_ITS_ID)
    digests = [_digest(photo) for photo in sent.photos]
    given: Sequence[str | None] = sent.photo_ids or [None] * len(sent.photos)
    return Upload(
        id=sent.id or new_id(),
        key=sent.key,
        content_sha256=hash_content(
            sent.item,
            sent.by,
            [(id, sha256) for id, (sha256, _) in zip(given, digests, strict=True)],
            demands=sent.demands,
        ),
        place=place,
        bundle=new_id(),
        state=State.WAITING,
        item=sent.item,
        by=sent.by,
        demands=sent.demands,
        created_at=at,
        acknowledged=acknowledged,
        trace=sent.trace,
        photos=tuple(
            UploadPhoto(
                id=id or new_id(),
                filename=_shown(photo.filename),
                sha256=sha256,
                size_bytes=size_bytes,
            )
            for photo, id, (sha256, size_bytes) in zip(sent.photos, given, digests, strict=True)
        ),
    )


def _digest(photo: SentFile | KeptFile) -> tuple[str, int]:
    return digest(photo.file) if isinstance(photo, SentFile) else (photo.sha256, photo.size_bytes)


def _shown(filename: str | None) -> str | None:
    """A file's name without what no name holds and not every database takes, such as NUL; its beginning."""
    printable = "".join(letter for letter in filename or "" if letter.isprintable())
    return printable[:NAME_SHOWN] or None


def _find_before(connection: Connection, sent: Sent, content_sha256: str) -> Upload | None:
    by_key = None if sent.key is None else find_by_key(connection, sent.key)
    by_id = None if sent.id is None else find_upload(connection, sent.id)
    before = by_key or by_id
    if before is None:
        if sent.photo_ids is not None and find_photo_owner(connection, sent.photo_ids) is not None:
            raise RequestRefused(OTHER_CONTENT, OTHER_PHOTO)
        return None
    same = before.content_sha256 == content_sha256 and sent.id in (None, before.id)
    if not same or (by_key is not None and by_id is not None and by_key.id != by_id.id):
        raise RequestRefused(OTHER_CONTENT, OTHER_UNDER_KEY)
    return before


def refuse_beyond(others: int, max_open: int, *, come_again_s: int | None = BUSY.retry_after_s) -> None:
    """Raises RequestRefused, with the time to come again, where so many uploads are in hand or on their way."""
    if others >= max_open:
        raise RequestRefused(
            replace(BUSY, retry_after_s=come_again_s),
            Message(
                id=f"Antrean penuh: {others} kiriman sedang masuk atau menunggu dinilai, paling banyak {max_open}. "
                "Tunggu sebentar lalu kirim ulang.",
                en=f"The queue is full: {others} uploads are on their way or wait to be graded, at most {max_open}. "
                "Wait a moment, then send again.",
            ),
        )


def _forget_unless_accepted(upload: Upload, *, store: Store, intake: Intake) -> None:
    try:
        with store.reading() as connection:
            kept = find_upload(connection, upload.id)
    except QcVisionError:
        return  # not known: what nobody names is swept later
    if kept is None or kept.bundle != upload.bundle:
        intake.forget(upload.bundle)


EACH_ITS_ID = Message(
    id="'photo_ids': satu nomor untuk tiap foto, semuanya berbeda.",
    en="'photo_ids': one id for each photo, all different.",
)
OTHER_PHOTO = Message(
    id="Nomor foto ini sudah dipakai kiriman lain. Beri nomor baru.",
    en="A photo of another upload has this id. Draw a new one.",
)
OTHER_UNDER_KEY = Message(
    id="Kunci atau nomor ini sudah dipakai untuk kiriman dengan isi lain. Beri kunci baru untuk kiriman baru.",
    en="This key or id stands for an upload with other content. Draw a new key for a new upload.",
)
