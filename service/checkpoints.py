"""Signed statements of where the ledger ends, kept outside: who holds one can show what was cut off or rewritten.

A chain kept only by its owner proves little; one line of this file, sent to somebody else, binds all before it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from service.ledger import Head
from service.photos import cannot_write
from service.signing import Keyring, SignatureRefused, check_signature

TYPE = "qc-vision/checkpoint/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """That entry `seq` of the ledger had `hash`; `line` is where the statement stands in its file."""

    seq: int
    hash: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BadCheckpoint:
    """A line that is no statement of ours."""

    line: int
    reason: str


def sign_checkpoint(head: Head, keyring: Keyring, *, at: datetime) -> str:
    """The statement as one line of text (a compact JWS)."""
    return keyring.sign({"type": TYPE, "seq": head.seq, "hash": head.hash, "at": at.isoformat()})


def append_checkpoint(path: Path, token: str) -> None:
    """Adds the statement as the last line of the file. Raises StorageError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{token}\n")
    except OSError as wrong:
        raise cannot_write(path, wrong) from wrong


def read_checkpoints(
    path: Path, jwks: Mapping[str, Sequence[Any]]
) -> tuple[Sequence[Checkpoint], Sequence[BadCheckpoint]]:
    """All statements of the file in its order, and the lines that are none. A missing file holds none."""
    good: list[Checkpoint] = []
    bad: list[BadCheckpoint] = []
    lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    for number, line in enumerate(lines, start=1):
        try:
            said = check_signature(line, jwks).payload
            good.append(Checkpoint(seq=int(said["seq"]), hash=str(said["hash"]), line=number))
        except (SignatureRefused, KeyError, ValueError) as wrong:
            bad.append(BadCheckpoint(line=number, reason=str(wrong)))
    return good, bad
