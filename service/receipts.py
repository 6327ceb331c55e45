"""Signed receipts: what was accepted, when, and under which entry of the ledger it is kept.

Checkable offline like a certificate. Until its records are kept, a receipt names no entry.
"""

from typing import Any

from sqlalchemy import Connection, select

from service.signing import Keyring
from service.tables import INSPECTIONS, LEDGER
from service.uploads import Upload

TYPE = "qc-vision/receipt/1"


def sign_receipt(connection: Connection, upload: Upload, keyring: Keyring) -> str:
    """The receipt as a compact JWS. Raises StorageError."""
    return keyring.sign(
        {
            "type": TYPE,
            "upload": upload.id,
            "accepted_at": upload.created_at.isoformat(),
            "content_sha256": upload.content_sha256,
            "photos": [
                {"id": photo.id, "sha256": photo.sha256, "size_bytes": photo.size_bytes}
                for photo in upload.photos
            ],
            "state": upload.state.value,
            "entry": _read_entry(connection, upload.id),
        }
    )


def _read_entry(connection: Connection, inspection_id: str) -> dict[str, Any] | None:
    of_inspection = (LEDGER.c.table_name == INSPECTIONS.name) & (LEDGER.c.row_id == inspection_id)
    entry = connection.execute(select(LEDGER.c.seq, LEDGER.c.hash).where(of_inspection)).first()
    return None if entry is None else {"seq": entry.seq, "hash": entry.hash}
