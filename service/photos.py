"""A folder of photos named by the sha256 of their bytes. Written whole or not at all, never changed.

What comes in has been re-encoded from pixels: no EXIF, no GPS, nothing of the phone or the place.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from qc_vision.errors import StorageError
from qc_vision.message import Message


class PhotoStore:
    """JPEGs in `folder`, spread over 256 subfolders by the first two digits of their name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, jpeg: bytes) -> str:
        """Keeps the bytes and returns their name; the same bytes are kept once. Raises StorageError."""
        name = hashlib.sha256(jpeg).hexdigest()
        path = self.path(name)
        try:
            if path.exists():
                # another process may have renamed it only just now
                sync_folder(path.parent)
            else:
                if not path.parent.is_dir():
                    path.parent.mkdir(parents=True, exist_ok=True)
                    sync_folder(self._folder)
                _write(path, jpeg)
        except OSError as wrong:
            raise cannot_write(self._folder, wrong) from wrong
        return name

    def remove(self, name: str) -> None:
        """Removes the file, once a purge on record names it. Raises StorageError."""
        try:
            self.path(name).unlink(missing_ok=True)
        except OSError as wrong:
            raise cannot_write(self._folder, wrong) from wrong

    def names(self) -> Iterator[str]:
        """The names of all photos, in any order."""
        return (path.stem for path in self._folder.glob("??/*.jpg"))

    def path(self, name: str) -> Path:
        return self._folder / name[:2] / f"{name}.jpg"


def prepare_folder(folder: Path) -> None:
    """Makes the folder where it is missing and proves that it can be written. Raises StorageError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as wrong:
        raise cannot_write(folder, wrong) from wrong


def cannot_write(place: Path, wrong: OSError) -> StorageError:
    return StorageError(
        Message(
            id=f"Tidak bisa menulis ke {place} ({wrong.strerror}). Periksa izin tulis dan ruang kosong disk.",
            en=f"Cannot write to {place} ({wrong.strerror}). Check permission and free space on the disk.",
        )
    )


def cannot_read(what: str, wrong: OSError) -> StorageError:
    return StorageError(
        Message(
            id=f"Tidak bisa membaca {what} ({wrong.strerror}). Periksa disk dan izin baca.",
            en=f"Cannot read {what} ({wrong.strerror}). Check the disk and permission to read.",
        )
    )


def _write(path: Path, data: bytes) -> None:
    """Temporary file, fsync, rename, fsync of the folder: after a power cut it is whole or absent."""
    handle, half = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(half).replace(path)
    except OSError:
        Path(half).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Returns once the folder's list of names is on disk. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
