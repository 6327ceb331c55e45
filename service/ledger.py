"""The chain: one entry per kept row, each holding the row's hash and the hash of the entry before it.

All hashes are SHA-256 of RFC 8785 canonical JSON. How they are made is a promise to every record already
kept: it never changes.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache

import rfc8785
from sqlalchemy import Connection, Table, Text, insert, select

from service.tables import LEDGER

GENESIS_HASH = "0" * 64
"""What the first entry names as the hash before it."""

EXACT = 2**53 - 1
"""Larger whole numbers are not exact in JSON (RFC 7493)."""

Value = str | int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The last entry of the chain; `seq` 0 and GENESIS_HASH where there is none."""

    seq: int
    hash: str


class Tail:
    """The end of the ledger, for the one transaction that holds the lock of writers."""

    def __init__(self, connection: Connection, *, clock: Callable[[], datetime]) -> None:
        self.connection = connection
        self._clock = clock
        self._head = read_head(connection)

    def append(self, table: Table, row: Mapping[str, Value]) -> int:
        """Keeps the row and its entry; returns the entry's number, which is also the row's own `seq`."""
        seq = self._head.seq + 1
        kept = {"seq": seq, **row} if "seq" in table.c else dict(row)
        self.connection.execute(insert(table).values(kept))
        self.enter(table, kept)
        return seq

    def enter(self, table: Table, row: Mapping[str, Value]) -> None:
        """Makes the entry of a row that is kept already."""
        entry: dict[str, Value] = {
            "seq": self._head.seq + 1,
            "at": self._clock().isoformat(),
            "table_name": table.name,
            "row_id": row["id"],
            "row_sha256": hash_row(table, row),
            "prev_hash": self._head.hash,
        }
        digest = hash_entry(entry)
        self.connection.execute(insert(LEDGER).values(**entry, hash=digest))
        self._head = Head(seq=self._head.seq + 1, hash=digest)


def read_head(connection: Connection) -> Head:
    """The last entry, found by the primary key: as fast in a long ledger as in a short one."""
    last = connection.execute(
        select(LEDGER.c.seq, LEDGER.c.hash).order_by(LEDGER.c.seq.desc()).limit(1)
    ).first()
    return Head(seq=0, hash=GENESIS_HASH) if last is None else Head(seq=last.seq, hash=last.hash)


def hash_row(table: Table, row: Mapping[str, Value]) -> str:
    """The hash of a row: all its columns, long texts by the hash of their UTF-8.

    So whoever holds the text of a body alone can show that it is the one that was kept.
    """
    plain = {name: row[name] for name in column_names(table)}
    for name in long_columns(table):
        plain[name] = hash_text(str(row[name]))
    return hashlib.sha256(canonical(plain)).hexdigest()


def hash_entry(entry: Mapping[str, Value]) -> str:
    """The hash of an entry without its own `hash`."""
    return hashlib.sha256(canonical(entry)).hexdigest()


def hash_text(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def canonical(flat: Mapping[str, Value]) -> bytes:
    """The RFC 8785 form of an object of texts, whole numbers and nulls.

    Of those, json writes the same bytes in a quarter of the time; whatever else a changed row holds goes to `rfc8785`,
    and so do texts that are no Unicode and numbers that are not exact in JSON, for it to refuse.
    """
    if all(map(_is_plain, flat.values())):
        with suppress(UnicodeEncodeError):
            return _write_plain(flat).encode()
    return rfc8785.dumps(dict(flat))


_write_plain = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


def _is_plain(value: object) -> bool:
    if type(value) is int:  # not bool
        return -EXACT <= value <= EXACT
    return value is None or isinstance(value, str)  # a table's name is a str of SQLAlchemy's own


@cache
def column_names(table: Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.c)


@cache
def long_columns(table: Table) -> tuple[str, ...]:
    """The columns that hold JSON of any length."""
    return tuple(column.name for column in table.c if isinstance(column.type, Text))
