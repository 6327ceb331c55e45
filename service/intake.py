"""A folder of photos as they arrived, each kept only until it is graded. On disk before anybody is answered.

They may name the phone and the place (EXIF): what is kept for good is made anew from their pixels.
"""

import hashlib
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from service.photos import cannot_write, sync_folder

PIECE_BYTES = 1 << 20


class Intake:
    """The folder of one place: services that see the same folder share its uploads, others leave them alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def place(self) -> str:
        """The name of this folder, drawn when it was made. Raises StorageError."""
        path = self._folder / "place"
        try:
            if not path.is_file():
                self._folder.mkdir(parents=True, exist_ok=True)
                half = self._folder / f"{uuid4().hex}.part"
                _write(half, uuid4().hex.encode())
                # whoever links first names it, also where two start at once
                with suppress(FileExistsError):
                    path.hardlink_to(half)
                half.unlink()
                sync_folder(self._folder)
            return path.read_text("ascii")
        except OSError as wrong:
            raise cannot_write(self._folder, wrong) from wrong

    def keep(self, bundle: str, photos: Sequence[BinaryIO]) -> None:
        """Keeps photos as a bundle, all on disk when it returns, or none. Raises StorageError."""
        folder = self._folder / bundle
        try:
            folder.mkdir()
            for position, photo in enumerate(photos):
                _copy(photo, folder / f"{position}.photo")
            sync_folder(folder)
            sync_folder(self._folder)
        except OSError as wrong:
            shutil.rmtree(folder, ignore_errors=True)
            raise cannot_write(self._folder, wrong) from wrong

    def read(self, bundle: str, position: int) -> bytes:
        """One photo's bytes; `position` counts from 0. Raises OSError."""
        return (self._folder / bundle / f"{position}.photo").read_bytes()

    def holds(self, bundle: str, *, count: int) -> bool:
        """Whether all `count` photos of a bundle are there."""
        folder = self._folder / bundle
        return all((folder / f"{position}.photo").is_file() for position in range(count))

    def forget(self, bundle: str) -> None:
        """Removes a bundle; a second time does no harm."""
        shutil.rmtree(self._folder / bundle, ignore_errors=True)

    def older_than(self, age_s: float) -> Iterator[str]:
        """The bundles that were made that long ago."""
        before = time.time() - age_s
        for folder in self._folder.iterdir() if self._folder.is_dir() else ():
            with suppress(FileNotFoundError):
                if folder.is_dir() and folder.stat().st_mtime < before:
                    yield folder.name


def digest(photo: BinaryIO) -> tuple[str, int]:
    """The sha256 of a file and its length in bytes; the file stands at its start again."""
    photo.seek(0)
    found = hashlib.sha256()
    size_bytes = 0
    while piece := photo.read(PIECE_BYTES):
        found.update(piece)
        size_bytes += len(piece)
    photo.seek(0)
    return found.hexdigest(), size_bytes


def _copy(photo: BinaryIO, path: Path) -> None:
    photo.seek(0)
    with path.open("xb") as file:
        shutil.copyfileobj(photo, file, PIECE_BYTES)
        file.flush()
        os.fsync(file.fileno())


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
