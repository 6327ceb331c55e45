"""Secrets that the service has to read again, sealed (age, through pyrage) under a key in a file beside its signing keys."""

import base64
from pathlib import Path

from pyrage import DecryptError, decrypt, encrypt, x25519

from qc_vision.errors import StorageError
from qc_vision.message import Message
from service.alone import alone_in
from service.photos import cannot_write, sync_folder
from service.sealing import make_key, read_key

KEY_FILE = "second-factors.age"
"""In the folder of the keys; `key rotate` leaves it alone, for what lies under it could not be read any more."""


class SecretBox:
    """Seals under the key in `file`, which is made when first needed.

    Whoever has the database but not the file reads none of them.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def seal(self, secret: bytes) -> str:
        """Raises StorageError where the key can be neither read nor made."""
        with alone_in(self._file.parent, mode=0o700):
            if not self._file.exists():
                self._make()
        return base64.b64encode(encrypt(secret, [self._key().to_public()])).decode()

    def unseal(self, sealed: str) -> bytes:
        """Raises StorageError where the key is not there or another than it was sealed under."""
        try:
            return bytes(decrypt(base64.b64decode(sealed), [self._key()]))
        except DecryptError as wrong:
            raise StorageError(_not_its_key(self._file)) from wrong

    def _make(self) -> None:
        half = self._file.with_suffix(".part")
        try:
            half.unlink(missing_ok=True)  # of one who was killed
            make_key(half)
            half.replace(self._file)
            sync_folder(self._file.parent)
        except OSError as wrong:
            raise cannot_write(self._file, wrong) from wrong

    def _key(self) -> x25519.Identity:
        try:
            return read_key(self._file.read_text("utf-8"))
        except (OSError, UnicodeDecodeError, StorageError) as wrong:
            raise StorageError(_not_its_key(self._file)) from wrong


def _not_its_key(file: Path) -> Message:
    return Message(
        id=f"Faktor kedua tidak bisa dibaca dengan {file.name}. Pulihkan berkas itu dari cadangan, atau lepaskan faktornya: "
        "qc-service account second-factor remove KODE.",
        en=f"The second factor cannot be read with {file.name}. Restore that file from a backup, or take the factor away: "
        "qc-service account second-factor remove CODE.",
    )
