"""`/.well-known/jwks.json`: the keys with which anybody checks what the service signed. `/v1/ledger/head`."""

from typing import Any

from fastapi import APIRouter

from service.dependencies import AtDesk
from service.ledger import Head, read_head
from service.permission import PUBLIC, AsAnyone, AskedFirst
from service.signing import PUBLISHED_AT

router = APIRouter(tags=["evidence"], route_class=AskedFirst)


@router.get(PUBLISHED_AT, dependencies=[PUBLIC])
def read_keys(desk: AtDesk) -> dict[str, Any]:
    """The public halves of all keys, old ones too (RFC 7517)."""
    return desk.keyring.jwks()


@router.get("/v1/ledger/head")
def read_ledger_head(desk: AtDesk, caller: AsAnyone) -> Head:
    """Where the ledger ends: its number of entries and the hash of the last one."""
    with desk.store.reading() as connection:
        return read_head(connection)
