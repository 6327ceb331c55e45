"""Files an inspection under another basket, because it was sent under the wrong code.

Nothing is edited: the filing is on record with who did it and why, in the history of both baskets. What persons
decided on the inspection was about the other basket, so it no longer counts and the inspection waits again.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from qc_vision.epcis import Naming, inspection_event
from qc_vision.errors import QcVisionError
from qc_vision.message import Message
from qc_vision.spec import load_spec
from service import waiting
from service.caller import Caller
from service.dossier import find_lot_of, photographer_of, verdict_of
from service.entries import FilingEntry, body_of
from service.facts import Draft, Fact, Kind, WantedFacts, append_fact, find_fact, list_facts
from service.item import Item, ItemInspection
from service.ledger import Tail
from service.outbox import declare_wrong, surroundings_of, tell
from service.scope import refuse_foreign


class FilingRefused(QcVisionError):
    """The inspection cannot be filed like that, or not by this person."""


def refile(
    connection: Connection,
    tail: Tail,
    inspection: ItemInspection,
    entry: FilingEntry,
    *,
    caller: Caller,
    after: int,
    at: datetime,
    naming: Naming,
) -> Fact:
    """Files the inspection under `entry.item`; `after`: the version of its filing that this one supersedes, 0: none.

    Raises FilingRefused; Foreign where the inspection or the basket is of a group that is not the caller's;
    AlreadyThere or EditedMeanwhile where another filing is in force.
    """
    by, left = caller.signs(entry.by), inspection.item.ref
    refuse_foreign(connection, caller, inspection=inspection.id, items=(left, entry.item), maker=entry.maker)
    if left == entry.item:
        raise FilingRefused(_same(entry.item))
    if load_spec(inspection.item.spec).two_persons and by == photographer_of(connection, inspection.id):
        raise FilingRefused(OWN_PHOTOS)
    decided = WantedFacts(kind=Kind.DISPOSITION, subject=inspection.id)
    undone = list_facts(connection, decided)
    before = find_fact(connection, Kind.FILED, inspection.id)
    if left is not None:
        _leave(connection, tail, inspection, entry, by=by, at=at)
    fact = append_fact(connection, tail, _filed(connection, inspection, entry, by, at), after=after)
    if left is not None:
        waiting.refresh(connection, inspection_id=inspection.id, ref=left)
    waiting.refresh(connection, inspection_id=inspection.id, ref=entry.item)
    _tell(connection, tail, naming, inspection, fact, before=before, undone=undone)
    return fact


def _filed(
    connection: Connection, inspection: ItemInspection, entry: FilingEntry, by: str, at: datetime
) -> Draft:
    return Draft(
        kind=Kind.FILED,
        subject=inspection.id,
        by=by,
        body=body_of(entry),
        at=at,
        lot=find_lot_of(connection, entry.item),
        item=entry.item,
    )


def _leave(
    connection: Connection,
    tail: Tail,
    inspection: ItemInspection,
    entry: FilingEntry,
    *,
    by: str,
    at: datetime,
) -> None:
    """The same in the history of the basket that it leaves. Names no other basket: that may be another village's."""
    left = inspection.item.ref
    assert left is not None
    earlier = find_fact(connection, Kind.UNFILED, inspection.id)
    draft = Draft(
        kind=Kind.UNFILED,
        subject=inspection.id,
        by=by,
        body={"reason": entry.reason},
        at=at,
        lot=find_lot_of(connection, left),
        item=left,
    )
    append_fact(connection, tail, draft, after=0 if earlier is None else earlier.version)


def _tell(
    connection: Connection,
    tail: Tail,
    naming: Naming,
    inspection: ItemInspection,
    filed: Fact,
    *,
    before: Fact | None,
    undone: Sequence[Fact],
) -> None:
    """Declares what was told of the wrong basket, and tells it of the right one."""
    assert filed.item is not None
    left = inspection.item.ref
    old_lot = None if left is None else find_lot_of(connection, left)
    around = replace(surroundings_of(connection, filed.item), location=inspection.item.village)
    item = Item(ref=filed.item, village=inspection.item.village, spec=inspection.item.spec)
    event = inspection_event(
        verdict_of(replace(inspection, item=item), None),
        [photo.record for photo in inspection.photos],
        naming,
        around,
        filed_by=filed.id,
    )
    kind, told_of = ("inspection", inspection.id) if before is None else ("filing", before.id)
    declare_wrong(
        connection,
        tail,
        naming,
        event_id=naming.event_id(kind, told_of),
        type="inspection.corrected",
        corrected_by=event,
        at=filed.at,
        lot=old_lot,
        item=left or inspection.id,
    )
    for decision in undone:
        declare_wrong(
            connection,
            tail,
            naming,
            event_id=naming.event_id("disposition", decision.id),
            type="disposition.corrected",
            corrected_by=None,
            at=filed.at,
            lot=old_lot,
            item=left or inspection.id,
        )
    tell(tail, event, type="inspection.filed", at=filed.at, lot=around.lot_id, item=filed.item)


def _same(ref: str) -> Message:
    return Message(
        id=f"Pemeriksaan ini sudah tercatat pada keranjang {ref}. Periksa kodenya; tidak ada yang diubah.",
        en=f"This inspection is filed under basket {ref} already. Check the code; nothing was changed.",
    )


OWN_PHOTOS = Message(
    id="Pemotret tidak boleh memindahkan fotonya sendiri ke keranjang lain. Minta pemeriksa lain.",
    en="Whoever took the photos may not file them under another basket. Ask another reviewer.",
)
