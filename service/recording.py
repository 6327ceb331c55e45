"""Keeps a graded inspection with all that follows from it: records, who took the photos, the event."""

from dataclasses import replace

from sqlalchemy import Connection

from qc_vision.epcis import Naming, inspection_event
from service.dossier import find_lot_of, verdict_of
from service.facts import Draft, Kind, append_fact
from service.item import ItemInspection
from service.ledger import Tail
from service.outbox import surroundings_of, tell
from service.store import append_inspection


def record_inspection(
    connection: Connection, tail: Tail, inspection: ItemInspection, *, by: str | None, naming: Naming
) -> None:
    """Appends all of it to the ledger, in the transaction that it is given."""
    append_inspection(tail, inspection)
    if by is not None:
        append_fact(connection, tail, _photographed(connection, inspection, by), after=0)
    _tell(connection, tail, inspection, by=by, naming=naming)


def _photographed(connection: Connection, inspection: ItemInspection, by: str) -> Draft:
    ref = inspection.item.ref
    return Draft(
        kind=Kind.PHOTOGRAPHED,
        subject=inspection.id,
        by=by,
        body={},
        at=inspection.created_at,
        lot=None if ref is None else find_lot_of(connection, ref),
        item=ref,
    )


def _tell(
    connection: Connection, tail: Tail, inspection: ItemInspection, *, by: str | None, naming: Naming
) -> None:
    seen = verdict_of(inspection, by)
    around = replace(surroundings_of(connection, seen.item_ref), location=inspection.item.village)
    event = inspection_event(seen, [photo.record for photo in inspection.photos], naming, around)
    tell(
        tail,
        event,
        type="inspection.recorded",
        at=inspection.created_at,
        lot=around.lot_id,
        item=seen.item_ref,
    )
