"""Where photos are kept: named by the sha256 of their bytes, written once and whole, never changed.

What comes in has been re-encoded from pixels: no EXIF, no GPS, nothing of the phone or the place. A folder lives
here, a bucket of an S3-compatible store in `photo_bucket`.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from qc_vision.errors import StorageError
from qc_vision.message import Message


class PhotoAltered(StorageError):
    """Bytes that are not those that were kept: `found` is their sha256, `name` what it should be."""

    def __init__(self, name: str, *, found: str) -> None:
        super().__init__(
            Message(
                id=f"Foto {name} bukan lagi yang disimpan (sha256 {found}). Pulihkan dari cadangan.",
                en=f"Photo {name} is no longer what was kept (sha256 {found}). Restore it from a backup.",
            )
        )
        self.name = name
        self.found = found


class ReadsPhotos(Protocol):
    """Whatever photos can be read from."""

    def read(self, name: str) -> bytes | None:
        """The bytes of that name, their hash checked; None where there are none. Raises PhotoAltered."""


class PhotoStore(ReadsPhotos, Protocol):
    """A place for photos. Every method raises StorageError where the place fails."""

    def save(self, jpeg: bytes) -> str:
        """Keeps the bytes and returns their name; the same bytes are kept once."""

    def remove(self, name: str) -> None:
        """Removes the photo, once a purge on record names it; one that is not there counts as removed."""

    def names(self) -> Iterator[str]:
        """The names of all photos, in any order."""

    def check(self) -> None:
        """Proves that the place answers."""


class PhotoFolder:
    """JPEGs in `folder`, spread over 256 subfolders by the first two digits of their name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, jpeg: bytes) -> str:
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

    def read(self, name: str) -> bytes | None:
        try:
            return checked(name, self.path(name).read_bytes())
        except FileNotFoundError:
            return None
        except OSError as wrong:
            raise StorageError(
                Message(
                    id=f"Foto {name} tidak terbaca ({wrong.strerror}). Periksa disk dan izin baca.",
                    en=f"Photo {name} cannot be read ({wrong.strerror}). Check disk and permission to read.",
                )
            ) from wrong

    def remove(self, name: str) -> None:
        try:
            self.path(name).unlink(missing_ok=True)
        except OSError as wrong:
            raise cannot_write(self._folder, wrong) from wrong

    def names(self) -> Iterator[str]:
        return (path.stem for path in self._folder.glob("??/*.jpg"))

    def check(self) -> None:
        prepare_folder(self._folder)

    def path(self, name: str) -> Path:
        return self._folder / name[:2] / f"{name}.jpg"


def checked(name: str, data: bytes) -> bytes:
    """The bytes, once they are those of their name. Raises PhotoAltered."""
    digest = hashlib.sha256(data).hexdigest()
    if digest != name:
        raise PhotoAltered(name, found=digest)
    return data


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
