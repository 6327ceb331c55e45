"""Recomputes all that is kept, in the order of the ledger, and names the first thing that is not as it was.

Memory stays the same however long the ledger: entries and rows are read in blocks, photos one at a time.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import rfc8785
from sqlalchemy import Connection, Row, Table, exists, func, select

from qc_vision.errors import StorageError
from qc_vision.message import Message
from service.checkpoints import BadCheckpoint, Checkpoint
from service.ledger import GENESIS_HASH, column_names, hash_entry, hash_row
from service.photos import PhotoAltered, ReadsPhotos
from service.tables import FACTS, KEPT, LEDGER, PHOTO_COLUMNS, RECORDS

BLOCK = 1000
"""Entries read at a time; larger was no faster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """Where the evidence does not hold: `row` is the id in `table`, or a file's name, or a line's number."""

    table: str
    row: str
    what: Message
    found: str
    expected: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """Everything held. `purged`: rows and photos removed after a purge that is itself on record."""

    entries: int
    head: str
    photos: int
    purged: int
    checkpoints: int


@dataclass(slots=True, kw_only=True)
class _Count:
    photos: int = 0
    purged: int = 0
    rows: Counter[str] = field(default_factory=Counter)


class _Broken(Exception):
    def __init__(self, found: Break) -> None:
        super().__init__(found.what.en)
        self.found = found


def verify(
    connection: Connection,
    *,
    photos: ReadsPhotos | None,
    checkpoints: Sequence[Checkpoint],
    bad_checkpoints: Sequence[BadCheckpoint] = (),
) -> Verified | Break:
    """Checks every entry, the row it stands for, the photos that row names, and the checkpoints from outside.

    Without `photos` they stay unread.
    """
    count = _Count()
    try:
        for bad in bad_checkpoints:
            raise _broken(
                "checkpoints", bad.line, BAD_CHECKPOINT, found=bad.reason, expected="a valid signature"
            )
        seq, head = _follow(connection, photos, checkpoints, count)
        _refuse_unentered(connection, count)
        for late in checkpoints:
            if late.seq > seq:
                expected = f"entry {late.seq} with hash {late.hash}"
                raise _broken(
                    "ledger", late.seq, CUT_OFF, found=f"the last entry is {seq}", expected=expected
                )
    except _Broken as broken:
        return broken.found
    return Verified(
        entries=seq, head=head, photos=count.photos, purged=count.purged, checkpoints=len(checkpoints)
    )


def _follow(
    connection: Connection,
    photos: ReadsPhotos | None,
    checkpoints: Sequence[Checkpoint],
    count: _Count,
) -> tuple[int, str]:
    stated: dict[int, list[Checkpoint]] = {}
    for checkpoint in checkpoints:
        stated.setdefault(checkpoint.seq, []).append(checkpoint)
    seq, head = 0, GENESIS_HASH
    for block in _blocks(connection):
        rows = _rows_of(connection, block)
        for entry in block:
            _check_entry(entry, seq=seq, head=head)
            seq, head = entry["seq"], entry["hash"]
            table_name, row_id = entry["table_name"], entry["row_id"]
            row = rows.get((table_name, row_id)) or _find_row(connection, table_name, row_id)
            _check_row(connection, entry, row, count)
            if row is not None and table_name == RECORDS.name and photos is not None:
                _check_photos(connection, row, photos, count)
            for checkpoint in stated.get(seq, ()):
                if checkpoint.hash != head:
                    raise _broken("ledger", seq, REWRITTEN, found=head, expected=checkpoint.hash)
    return seq, head


def _blocks(connection: Connection) -> Iterator[list[dict[str, Any]]]:
    # the smallest number first, so that entries put before the first one are seen too
    last: int | None = None
    while True:
        query = select(LEDGER).order_by(LEDGER.c.seq).limit(BLOCK)
        if last is not None:
            query = query.where(LEDGER.c.seq > last)
        block = [_named(LEDGER, entry) for entry in connection.execute(query)]
        if not block:
            return
        yield block
        last = block[-1]["seq"]


def _rows_of(
    connection: Connection, block: Sequence[Mapping[str, Any]]
) -> dict[tuple[str, str], dict[str, Any]]:
    """The kept rows that a block of entries stands for, by table and id."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    first, last = block[0]["seq"], block[-1]["seq"]
    for name in {entry["table_name"] for entry in block} & KEPT.keys():
        table = KEPT[name]
        if "seq" in table.c:
            # the row of an entry has its number, and lies among its neighbours: no search per row
            query = select(table).where(table.c.seq.between(first, last)).limit(BLOCK)
        else:
            query = (
                select(table)
                .join(LEDGER, LEDGER.c.row_id == table.c.id)
                .where(LEDGER.c.seq.between(first, last), LEDGER.c.table_name == name)
            )
        for values in connection.execute(query):
            row = _named(table, values)
            rows[name, row["id"]] = row
    return rows


def _find_row(connection: Connection, table_name: str, row_id: str) -> dict[str, Any] | None:
    """A row that does not stand where its entry says; None where there is none at all."""
    table = KEPT.get(table_name)
    if table is None:
        return None
    values = connection.execute(select(table).where(table.c.id == row_id)).first()
    return None if values is None else _named(table, values)


def _named(table: Table, values: Row[Any]) -> dict[str, Any]:
    return dict(zip(column_names(table), values, strict=True))


def _check_entry(entry: Mapping[str, Any], *, seq: int, head: str) -> None:
    if entry["seq"] != seq + 1:
        raise _broken(
            "ledger", seq + 1, MISSING_ENTRY, found=f"entry {entry['seq']}", expected=f"entry {seq + 1}"
        )
    if entry["prev_hash"] != head:
        raise _broken("ledger", entry["seq"], WRONG_PREVIOUS, found=entry["prev_hash"], expected=head)
    digest = _digest(lambda: hash_entry({name: entry[name] for name in entry if name != "hash"}))
    if digest != entry["hash"]:
        raise _broken("ledger", entry["seq"], WRONG_ENTRY, found=digest, expected=entry["hash"])


def _check_row(
    connection: Connection, entry: Mapping[str, Any], row: dict[str, Any] | None, count: _Count
) -> None:
    table, row_id = entry["table_name"], entry["row_id"]
    if row is None:
        if not _is_purged(connection, f"{table}/{row_id}"):
            raise _broken(table, row_id, MISSING_ROW, found="no row", expected=entry["row_sha256"])
        count.purged += 1
        return
    digest = _digest(lambda: hash_row(KEPT[table], row))
    if digest != entry["row_sha256"]:
        raise _broken(table, row_id, WRONG_ROW, found=digest, expected=entry["row_sha256"])
    count.rows[table] += 1


def _check_photos(connection: Connection, row: Mapping[str, Any], photos: ReadsPhotos, count: _Count) -> None:
    for column in PHOTO_COLUMNS:
        name = row[column]
        try:
            kept = photos.read(name)
        except PhotoAltered as wrong:
            raise _broken("photos", name, WRONG_PHOTO, found=wrong.found, expected=name) from None
        except StorageError as wrong:
            raise _broken("photos", name, UNREADABLE_PHOTO, found=str(wrong), expected=name) from None
        if kept is not None:
            count.photos += 1
        elif _is_purged(connection, f"photos/{name}"):
            count.purged += 1
        else:
            raise _broken("photos", name, MISSING_PHOTO, found="no file", expected=name)


def _refuse_unentered(connection: Connection, count: _Count) -> None:
    """Looks for rows that were put in past the ledger, in tables that hold more than was followed."""
    for name, table in KEPT.items():
        if connection.execute(select(func.count()).select_from(table)).scalar_one() == count.rows[name]:
            continue
        entered = exists().where(LEDGER.c.table_name == name, LEDGER.c.row_id == table.c.id)
        extra = connection.execute(select(table.c.id).where(~entered).limit(1)).first()
        if extra is not None:
            raise _broken(name, extra.id, UNENTERED, found="a row", expected="no row")


def _is_purged(connection: Connection, subject: str) -> bool:
    named = select(FACTS.c.seq).where(FACTS.c.kind == "purge", FACTS.c.subject == subject)
    return connection.execute(named.limit(1)).first() is not None


def _digest(compute: Callable[[], str]) -> str:
    try:
        return compute()
    except (rfc8785.CanonicalizationError, KeyError, TypeError, AttributeError) as wrong:
        return f"not hashable: {wrong}"


def _broken(table: str, row: object, what: Message, *, found: str, expected: str) -> _Broken:
    return _Broken(Break(table=table, row=str(row), what=what, found=found, expected=expected))


BAD_CHECKPOINT = Message(
    id="Baris ini bukan pernyataan yang ditandatangani dengan kunci kami.",
    en="This line is no statement signed with our keys.",
)
CUT_OFF = Message(
    id="Buku catatan terpotong: ujungnya pernah lebih jauh.",
    en="The ledger is cut off: it once reached further.",
)
REWRITTEN = Message(
    id="Buku catatan ditulis ulang: di sini pernah ada catatan lain.",
    en="The ledger was rewritten: another entry stood here.",
)
MISSING_ENTRY = Message(
    id="Satu catatan buku hilang atau disisipkan.", en="An entry is missing or was put in."
)
WRONG_PREVIOUS = Message(
    id="Catatan ini tidak menyambung ke catatan sebelumnya.",
    en="This entry does not follow the one before it.",
)
WRONG_ENTRY = Message(id="Catatan buku ini diubah.", en="This entry of the ledger was changed.")
MISSING_ROW = Message(
    id="Baris ini dihapus tanpa catatan penghapusan.",
    en="This row was removed without a purge on record.",
)
WRONG_ROW = Message(id="Baris ini diubah setelah disimpan.", en="This row was changed after it was kept.")
MISSING_PHOTO = Message(
    id="Berkas foto hilang tanpa catatan penghapusan.",
    en="The photo's file is missing without a purge on record.",
)
UNREADABLE_PHOTO = Message(id="Berkas foto tidak terbaca.", en="The photo's file cannot be read.")
WRONG_PHOTO = Message(id="Berkas foto diubah.", en="The photo's file was changed.")
UNENTERED = Message(
    id="Baris ini tidak ada di buku catatan.",
    en="This row has no entry in the ledger.",
)
