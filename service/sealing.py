"""A file sealed for whoever holds a key (age v1, X25519), in constant memory; every part of it is authenticated.

Who seals needs the public half alone: a service that was broken into cannot open its own old backups.
"""

import os
from pathlib import Path

from pyrage import DecryptError, IdentityError, RecipientError, decrypt_io, encrypt_io, x25519

from qc_vision.errors import StorageError
from qc_vision.message import Message

BEGINS = b"age-encryption.org/v1\n"
"""https://age-encryption.org/v1"""


def make_key(file: Path) -> str:
    """Writes a new secret key, readable by its owner alone; returns its public half. Raises OSError."""
    made = x25519.Identity.generate()
    public = str(made.to_public())
    with os.fdopen(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as written:
        written.write(f"# public key: {public}\n{made}\n")
        written.flush()
        os.fsync(written.fileno())
    return public


def read_key(text: str) -> x25519.Identity:
    """The secret key in the text of a key file, comments left out. Raises StorageError, without repeating it."""
    lines = [line.strip() for line in text.splitlines()]
    stated = [line for line in lines if line and not line.startswith("#")]
    if len(stated) != 1:
        raise StorageError(NO_KEY)
    try:
        return x25519.Identity.from_str(stated[0])
    except IdentityError as wrong:
        raise StorageError(NO_KEY) from wrong


def is_sealed(file: Path) -> bool:
    """Whether the file begins as sealed ones do. Raises OSError."""
    with file.open("rb") as opened:
        return opened.read(len(BEGINS)) == BEGINS


def seal(plain: Path, sealed: Path, public_key: str) -> None:
    """Writes `sealed`, which only the secret half of `public_key` opens. Raises StorageError, OSError."""
    try:
        recipient = x25519.Recipient.from_str(public_key)
    except RecipientError as wrong:
        raise StorageError(NO_PUBLIC_KEY) from wrong
    private = os.open(sealed, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with plain.open("rb") as source, os.fdopen(private, "wb") as target:
        encrypt_io(source, target, [recipient])


def unseal(sealed: Path, plain: Path, key: x25519.Identity) -> None:
    """Writes `plain`. Raises StorageError where the key is another or the file not as it was sealed; OSError.

    What was written before the damage was met is left: whoever calls throws it away.
    """
    private = os.open(plain, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with sealed.open("rb") as source, os.fdopen(private, "wb") as target:
        try:
            decrypt_io(source, target, [key])
        except DecryptError as wrong:
            raise StorageError(OTHER_KEY if "matching" in str(wrong) else DAMAGED) from wrong
        except OSError as wrong:
            if wrong.errno is not None:  # the disk's own
                raise
            raise StorageError(DAMAGED) from wrong


NO_KEY = Message(
    id="Kunci cadangan tidak sah: seharusnya satu baris AGE-SECRET-KEY-1..., dari `qc-service key backup`.",
    en="The backup key is none: expected one line AGE-SECRET-KEY-1..., from `qc-service key backup`.",
)
NO_PUBLIC_KEY = Message(
    id="QC_BACKUP_PUBLIC_KEY tidak sah: seharusnya age1..., dari `qc-service key backup`.",
    en="QC_BACKUP_PUBLIC_KEY is none: expected age1..., from `qc-service key backup`.",
)
OTHER_KEY = Message(
    id="Kunci ini bukan kunci cadangan itu. Pakai kunci yang dibuat bersama QC_BACKUP_PUBLIC_KEY waktu itu.",
    en="This key is not the one of that backup. Take the one made with QC_BACKUP_PUBLIC_KEY of that time.",
)
DAMAGED = Message(
    id="Cadangan tersegel ini terpotong atau diubah. Pakai cadangan lain.",
    en="This sealed backup was cut off or changed. Take another one.",
)
