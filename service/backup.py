"""Everything the service keeps, in one file (zip), taken while it runs; and back into an empty place.

Records lie in it as an SQLite file whatever the database, so that a backup of one restores into the other. Uploads
still being graded are left out: whoever sends them again is taken for the first.
"""

import os
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Connection, delete, func, insert, select, union

import service.account_tables  # noqa: F401 - so that METADATA knows them
from qc_vision.errors import StorageError
from qc_vision.message import Message
from service.checkpoints import read_checkpoints
from service.photo_bucket import open_photos
from service.photos import ReadsPhotos, cannot_write, checked, prepare_folder
from service.sealing import is_sealed, read_key, seal, unseal
from service.secret_box import KEY_FILE
from service.settings import Settings
from service.signing import Keyring
from service.store import PORTION, Store, open_database, open_store
from service.tables import METADATA, PHOTO_COLUMNS, RECORDS, UPLOAD_PHOTOS, UPLOADS
from service.uploads import State
from service.verify import Break, Verified, verify

DATABASE = "records.sqlite"
CHECKPOINTS = "checkpoints.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """A backup laid open: its records, and the rest where `verify` looks for it."""

    store: Store
    archive: zipfile.ZipFile
    folder: Path


class _PhotosWithin:
    """The photos of an archive, for reading."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._names = frozenset(archive.namelist())

    def read(self, name: str) -> bytes | None:
        member = f"photos/{name}.jpg"
        return checked(name, self._archive.read(member)) if member in self._names else None


def back_up(settings: Settings, file: Path) -> Verified:
    """Writes `file`, verified before it takes its name; it holds private keys: only its owner may read it.

    With a public key in the settings it is sealed, and never lies beside `file` unsealed. Raises StorageError where
    something cannot be read or written, or does not verify.
    """
    half = file.with_name(f"{file.name}.part")
    try:
        if settings.backup_public_key is None:
            held = _write_verified(settings, half)
        else:
            with tempfile.TemporaryDirectory(dir=settings.data_dir) as folder:
                plain = Path(folder) / "plain.zip"
                held = _write_verified(settings, plain)
                seal(plain, half, settings.backup_public_key)
        half.replace(file)
    except OSError as wrong:
        raise cannot_write(file, wrong) from wrong
    finally:
        half.unlink(missing_ok=True)
    return held


def restore(settings: Settings, file: Path, *, key_file: Path | None = None) -> Verified:
    """Puts all that `file` holds into the empty place that the settings name; nothing before the file is verified.

    A sealed one is opened with the key in `key_file`, else with that of the settings. Raises StorageError where the
    file is no whole backup, the key not its own, or the place not empty.
    """
    keys = settings.data_dir / "keys"
    with _unsealed(settings, file, key_file) as plain, _opened(plain) as backup:
        _verify_backup(backup)
        prepare_folder(settings.data_dir)
        target = open_database(settings.database)
        _refuse_unless_empty(target, keys, settings.checkpoints)
        photos = open_photos(settings)
        # photos first: a record that is there has its photos; left alone they may be written again
        for member in _under(backup.archive, "photos/"):
            photos.save(backup.archive.read(member))
        for member in _under(backup.archive, "keys/"):
            _write_private(keys / Path(member).name, backup.archive.read(member))
        if CHECKPOINTS in backup.archive.namelist():
            _write_private(settings.checkpoints, backup.archive.read(CHECKPOINTS))
        with backup.store.reading() as source, target.changing() as connection:
            _copy(source, connection)
        held = _verify(target, photos, settings.checkpoints, Keyring(keys))
        target.close()
    return held


def _write_verified(settings: Settings, file: Path) -> Verified:
    with _open_private(file) as written, zipfile.ZipFile(written, "w") as archive:
        _write(settings, archive)
    with _opened(file) as backup:
        return _verify_backup(backup)


@contextmanager
def _unsealed(settings: Settings, file: Path, key_file: Path | None) -> Iterator[Path]:
    """The backup as a zip: itself, or a copy that is gone with the context."""
    try:
        if not is_sealed(file):
            yield file
            return
        stated = settings.backup_key if key_file is None else key_file.read_text("utf-8")
        if stated is None:
            raise StorageError(KEY_NEEDED)
        key = read_key(stated)
        with tempfile.TemporaryDirectory() as folder:
            plain = Path(folder) / "plain.zip"
            unseal(file, plain, key)
            yield plain
    except (OSError, UnicodeDecodeError) as wrong:
        raise StorageError(
            Message(id=f"Cadangan tidak terbaca ({wrong}).", en=f"The backup cannot be read ({wrong}).")
        ) from wrong


def _write(settings: Settings, archive: zipfile.ZipFile) -> None:
    # before the records: a checkpoint signed after them would state an end that they do not reach
    if settings.checkpoints.exists():
        archive.writestr(CHECKPOINTS, settings.checkpoints.read_bytes())
    with tempfile.TemporaryDirectory(dir=settings.data_dir) as folder:
        copy = open_store(Path(folder) / DATABASE)
        source = open_database(settings.database)
        with source.reading() as connection, copy.changing() as written:
            _copy(connection, written)
            in_hand = select(UPLOADS.c.id).where(UPLOADS.c.state.in_((State.WAITING, State.WORKING)))
            written.execute(delete(UPLOAD_PHOTOS).where(UPLOAD_PHOTOS.c.upload_id.in_(in_hand)))
            written.execute(delete(UPLOADS).where(UPLOADS.c.id.in_(in_hand)))
        source.close()
        photos = open_photos(settings)
        with copy.reading() as connection:
            named = union(*(select(RECORDS.c[column]) for column in PHOTO_COLUMNS))
            # one that was purged is not there; whether it may be missing is for `verify` to say
            for name in connection.execute(named).scalars():
                if (jpeg := photos.read(name)) is not None:
                    archive.writestr(f"photos/{name}.jpg", jpeg)
        copy.close()
        archive.write(Path(folder) / DATABASE, DATABASE)
    # after the records: keys are only added, and all that they were signed with is there by now
    for path in _keys_in(settings.data_dir / "keys"):
        archive.writestr(f"keys/{path.name}", path.read_bytes())


def _keys_in(folder: Path) -> list[Path]:
    return sorted([*folder.glob("*.jwk"), *folder.glob(KEY_FILE)])


def _copy(source: Connection, target: Connection) -> None:
    """All rows of all tables, in the order in which they refer to each other."""
    for table in METADATA.sorted_tables:
        rows = source.execution_options(yield_per=PORTION).execute(select(table).order_by(*table.primary_key))
        for block in rows.mappings().partitions(PORTION):
            target.execute(insert(table), [dict(row) for row in block])
        if target.dialect.name == "postgresql":
            for column in table.primary_key:
                # a counter of PostgreSQL does not notice rows that bring their own number
                sequence = func.pg_get_serial_sequence(table.name, column.name)
                if target.execute(select(sequence)).scalar() is not None:
                    target.execute(select(func.setval(sequence, func.max(column))).select_from(table))


@contextmanager
def _opened(file: Path) -> Iterator[_Opened]:
    try:
        with zipfile.ZipFile(file) as archive, tempfile.TemporaryDirectory() as folder:
            _write_private(Path(folder) / DATABASE, archive.read(DATABASE))
            if CHECKPOINTS in archive.namelist():
                _write_private(Path(folder) / CHECKPOINTS, archive.read(CHECKPOINTS))
            for member in _under(archive, "keys/"):
                _write_private(Path(folder) / "keys" / Path(member).name, archive.read(member))
            store = open_store(Path(folder) / DATABASE)
            yield _Opened(store=store, archive=archive, folder=Path(folder))
            store.close()
    except (OSError, KeyError, zipfile.BadZipFile) as wrong:
        raise StorageError(
            Message(
                id=f"{file} bukan cadangan yang utuh ({wrong}). Pakai cadangan lain.",
                en=f"{file} is no whole backup ({wrong}). Take another one.",
            )
        ) from wrong


def _verify_backup(backup: _Opened) -> Verified:
    photos = _PhotosWithin(backup.archive)
    return _verify(backup.store, photos, backup.folder / CHECKPOINTS, Keyring(backup.folder / "keys"))


def _verify(store: Store, photos: ReadsPhotos, checkpoints: Path, keyring: Keyring) -> Verified:
    good, bad = read_checkpoints(checkpoints, keyring.jwks())
    with store.reading() as connection:
        found = verify(connection, photos=photos, checkpoints=good, bad_checkpoints=bad)
    if isinstance(found, Break):
        raise StorageError(
            Message(
                id=f"Isinya tidak cocok: {found.table} {found.row}: {found.what.id} Jalankan `qc-service record verify`.",
                en=f"It does not verify: {found.table} {found.row}: {found.what.en} Run `qc-service record verify`.",
            )
        )
    return found


def _refuse_unless_empty(store: Store, keys: Path, checkpoints: Path) -> None:
    with store.reading() as connection:
        full = [
            table.name
            for table in METADATA.sorted_tables
            if connection.execute(select(func.count()).select_from(table)).scalar_one()
        ]
    full += [str(path) for path in (*_keys_in(keys), checkpoints) if path.exists()]
    if full:
        raise StorageError(
            Message(
                id=f"Tempat tujuan tidak kosong ({', '.join(full)}). Pulihkan ke tempat yang kosong.",
                en=f"The place is not empty ({', '.join(full)}). Restore into an empty one.",
            )
        )


def _under(archive: zipfile.ZipFile, folder: str) -> Sequence[str]:
    return sorted(name for name in archive.namelist() if name.startswith(folder))


def _write_private(path: Path, data: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _open_private(path) as file:
        file.write(data)


def _open_private(path: Path) -> BinaryIO:
    """A new file, readable by its owner alone."""
    return os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600), "w+b")


KEY_NEEDED = Message(
    id="Cadangan ini tersegel. Sebutkan kuncinya: --key BERKAS, atau QC_BACKUP_KEY.",
    en="This backup is sealed. Name its key: --key FILE, or QC_BACKUP_KEY.",
)
