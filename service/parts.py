"""A folder of parts: photos that come in pieces over a bad line, each kept from its first byte until it is whole.

A part is a folder of three files: what was announced of it, its bytes, and how many of them count. Bytes count once
they are on disk; whatever a kill or a power cut left behind them is written over. Nothing is held in memory, so that
several processes may take pieces of the same part, and whoever comes first with the next piece wins.
"""

import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from qc_vision.errors import QcVisionError
from qc_vision.message import Message
from service.alone import alone_in
from service.photos import cannot_write, sync_folder
from service.settings import Settings

COUNTED_AT_LEAST_BYTES = 1_000_000
"""What the smallest part counts against the limits, so that they also limit how many there are."""
OFFSET_DIGITS = 20
"""A fixed width: the offset is written over in place, within one sector, and is never torn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """What a part will be. `account`: whose alone it is; `metadata`: as the sender wrote it."""

    account: str
    length_bytes: int
    metadata: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part as it stands. Its first `offset_bytes` are on disk; after `expires_s` (since 1970) it may go."""

    id: str
    announced: Announced
    offset_bytes: int
    expires_s: float

    @property
    def whole(self) -> bool:
        return self.offset_bytes == self.announced.length_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How many bytes may be announced and not yet accepted, by one account and in all."""

    of_account_bytes: int
    in_all_bytes: int


class PartError(QcVisionError):
    """What was asked of a part cannot be."""


class PartGone(PartError):
    """There is no such part, or no longer."""


class OffsetMoved(PartError):
    """The next byte is another: somebody else brought it meanwhile, or it never came. `offset_bytes`: which."""

    def __init__(self, offset_bytes: int) -> None:
        super().__init__(
            Message(
                id=f"Bagian foto ini sudah sampai bita {offset_bytes}. Lanjutkan dari situ.",
                en=f"This part stands at byte {offset_bytes}. Go on from there.",
            )
        )
        self.offset_bytes = offset_bytes


class PartTooLong(PartError):
    """More bytes than were announced."""


class PartTaken(PartError):
    """Another part has this id."""


class NoRoomForAccount(PartError):
    """The account has announced too much that is not yet accepted."""


class NoRoom(PartError):
    """All accounts together have."""


class Parts:
    """The parts of one folder. `keep_s`: how long one is kept after its last piece came.

    Methods that write raise StorageError where the disk does.
    """

    def __init__(self, folder: Path, *, keep_s: float, clock_s: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._keep_s = keep_s
        self._clock_s = clock_s

    def begin(self, part_id: str, announced: Announced, room: Room) -> Part:
        """Makes a part without bytes, or finds the one that was announced before in the same words.

        Raises PartTaken where it was announced in other words, NoRoomForAccount or NoRoom where too much is under way.
        """
        with alone_in(self._folder):
            self.remove_expired()
            found = self.find(part_id)
            if found is None:
                self._refuse_beyond(announced, room)
                self._make(part_id, announced)
                found = self.find(part_id)
        if found is None or found.announced != announced:
            raise PartTaken(TAKEN)
        return found

    def find(self, part_id: str) -> Part | None:
        """The part as it stands, None where there is none or its time is over."""
        try:
            with self._held(part_id, fcntl.LOCK_SH):
                return self._read(part_id)
        except PartGone:
            return None

    def append(self, part_id: str, offset_bytes: int, piece: bytes) -> Part:
        """Puts a piece where the part ends; on return it is on disk.

        Raises OffsetMoved where the part ends elsewhere, PartTooLong, or PartGone.
        """
        with self._held(part_id) as file:
            part = self._read(part_id)
            if part is None:
                raise PartGone(GONE)
            if part.offset_bytes != offset_bytes:
                raise OffsetMoved(part.offset_bytes)
            if offset_bytes + len(piece) > part.announced.length_bytes:
                raise PartTooLong(TOO_LONG)
            try:
                file.seek(offset_bytes)
                file.write(piece)
                file.truncate()
                file.flush()
                os.fsync(file.fileno())
                # only now: a byte that counts is on disk
                self._count(part_id, offset_bytes + len(piece))
            except OSError as wrong:
                raise cannot_write(self._folder, wrong) from wrong
            appended = self._read(part_id)
        if appended is None:
            raise PartGone(GONE)
        return appended

    def open(self, part_id: str) -> BinaryIO:
        """The bytes of a whole part, to be read and closed. Raises PartGone."""
        try:
            return (self._folder / part_id / "bytes").open("rb")
        except OSError as wrong:
            raise PartGone(GONE) from wrong

    def forget(self, part_id: str) -> None:
        """Removes a part; a second time does no harm."""
        # under another name first: a kill in between must not leave half a part under its own
        going = self._folder / f"{part_id}.{uuid4().hex}"
        with suppress(OSError):
            (self._folder / part_id).rename(going)
            shutil.rmtree(going, ignore_errors=True)

    def remove_expired(self) -> int:
        """Removes what nobody went on with in time, also what a kill left half made; returns how many."""
        removed = 0
        for folder in self._folders():
            if not self._is_over(folder):
                continue
            if (folder / "bytes").exists():
                with suppress(PartGone), self._held(folder.name):
                    # once more: a piece may have come while its lock was waited for
                    if not self._is_over(folder):
                        continue
                    self.forget(folder.name)
            else:
                self.forget(folder.name)
            removed += 1
        return removed

    def list(self) -> Iterator[Part]:
        """All parts whose time is not over."""
        for folder in self._folders():
            if (part := self.find(folder.name)) is not None:
                yield part

    def count_expired(self) -> int:
        """How many `remove_expired` would remove."""
        return sum(self._is_over(folder) for folder in self._folders())

    def _read(self, part_id: str) -> Part | None:
        folder = self._folder / part_id
        try:
            announced = Announced(**json.loads((folder / "announced.json").read_text("utf-8")))
            offset = folder / "offset"
            expires_s = offset.stat().st_mtime + self._keep_s
            offset_bytes = int(offset.read_text("ascii"))
        except (FileNotFoundError, NotADirectoryError):
            return None
        if expires_s <= self._clock_s():
            return None
        return Part(id=part_id, announced=announced, offset_bytes=offset_bytes, expires_s=expires_s)

    def _folders(self) -> Iterator[Path]:
        if self._folder.is_dir():
            yield from (path for path in self._folder.iterdir() if path.is_dir())

    def _is_over(self, folder: Path) -> bool:
        touched = folder / "offset"
        try:
            touched_s = (touched if touched.exists() else folder).stat().st_mtime
        except FileNotFoundError:
            return False
        return touched_s + self._keep_s <= self._clock_s()

    def _refuse_beyond(self, announced: Announced, room: Room) -> None:
        of_account = in_all = _counted(announced)
        for part in self.list():
            in_all += _counted(part.announced)
            if part.announced.account == announced.account:
                of_account += _counted(part.announced)
        if of_account > room.of_account_bytes:
            raise NoRoomForAccount(_full(room.of_account_bytes))
        if in_all > room.in_all_bytes:
            raise NoRoom(_full(room.in_all_bytes))

    def _make(self, part_id: str, announced: Announced) -> None:
        half = self._folder / f"{part_id}.{uuid4().hex}"
        try:
            half.mkdir()
            for name, text in (
                ("bytes", ""),
                ("announced.json", json.dumps(asdict(announced))),
                ("offset", _digits(0)),
            ):
                _write(half / name, text)
            sync_folder(half)
            half.rename(self._folder / part_id)
            sync_folder(self._folder)
        except OSError as wrong:
            shutil.rmtree(half, ignore_errors=True)
            raise cannot_write(self._folder, wrong) from wrong

    def _count(self, part_id: str, offset_bytes: int) -> None:
        with (self._folder / part_id / "offset").open("r+", encoding="ascii") as file:
            file.write(_digits(offset_bytes))
            file.flush()
            os.fsync(file.fileno())

    @contextmanager
    def _held(self, part_id: str, lock: int = fcntl.LOCK_EX) -> Iterator[BinaryIO]:
        """Nobody else writes the part meanwhile; a lock that ends with its holder. Raises PartGone."""
        try:
            file = (self._folder / part_id / "bytes").open("r+b")
        except OSError as wrong:
            raise PartGone(GONE) from wrong
        with file:
            fcntl.flock(file, lock)
            yield file


def parts_of(settings: Settings) -> Parts:
    """The parts in the data folder."""
    return Parts(settings.data_dir / "parts", keep_s=settings.keep_parts_hours * 3600.0)


def _counted(announced: Announced) -> int:
    return max(announced.length_bytes, COUNTED_AT_LEAST_BYTES)


def _digits(offset_bytes: int) -> str:
    return f"{offset_bytes:0{OFFSET_DIGITS}}"


def _write(path: Path, text: str) -> None:
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _full(limit_bytes: int) -> Message:
    return Message(
        id=f"Terlalu banyak foto setengah terkirim, paling banyak {limit_bytes / 1e6:g} MB. Selesaikan atau hapus "
        "yang lama dulu.",
        en=f"Too many photos are half sent, at most {limit_bytes / 1e6:g} MB. Finish or remove older ones first.",
    )


GONE = Message(
    id="Bagian foto ini tidak ada, atau sudah terlalu lama tidak dilanjutkan. Kirim fotonya dari awal.",
    en="There is no such part, or nobody went on with it in time. Send the photo from its beginning.",
)
TOO_LONG = Message(
    id="Yang datang lebih banyak daripada yang diumumkan di Upload-Length.",
    en="More has come than Upload-Length announced.",
)
TAKEN = Message(
    id="Nomor ini sudah dipakai foto lain. Beri nomor baru.",
    en="Another photo has this id. Draw a new one.",
)
