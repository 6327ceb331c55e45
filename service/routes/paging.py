"""Cursors of lists, and the version that an edit was made from (ETag and If-Match)."""

import base64
from typing import Annotated, Any

from fastapi import Header, Query, Response

from qc_vision.message import Message
from service.facts import Fact
from service.problems import INVALID, VERSION_REQUIRED, RequestRefused

Limit = Annotated[int, Query(ge=1, le=100)]
IfMatch = Annotated[str | None, Header(description='The ETag of what is edited, for instance "2"')]

FIRST_VERSION: dict[int | str, dict[str, Any]] = {
    201: {"model": Fact, "description": "Stated for the first time"}
}


def make_cursor(seq: int) -> str:
    return base64.urlsafe_b64encode(str(seq).encode()).decode().rstrip("=")


def read_cursor(cursor: str | None) -> int | None:
    """The number in a cursor, None where there is none. Raises RequestRefused where it is not one of ours."""
    if not cursor:
        return None
    try:
        seq = int(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:
        seq = -1
    if not 0 < seq < 2**63 or make_cursor(seq) != cursor:
        raise RequestRefused(
            INVALID,
            Message(
                id="'cursor' tidak dikenal. Pakai 'next_cursor' dari halaman sebelumnya, atau tanpa cursor.",
                en="'cursor' is not known. Use 'next_cursor' of the page before, or leave it out.",
            ),
        )
    return seq


def read_version(if_match: str | None, *, exists: bool) -> int:
    """The version that an edit was made from: 0 for a first one. Raises RequestRefused where it is not said."""
    if if_match is None and not exists:
        return 0
    version = (if_match or "").strip().removeprefix("W/").strip('"')
    if not version.isdecimal():
        raise RequestRefused(
            VERSION_REQUIRED,
            Message(
                id="Ini sudah ada. Muat dulu, lalu kirim ETag-nya dalam If-Match supaya tidak menimpa orang lain.",
                en="This is there already. Load it, then send its ETag in If-Match, lest you overwrite others.",
            ),
        )
    return int(version)


def tag(response: Response, fact: Fact) -> Fact:
    """The fact, with its version in the answer's ETag."""
    response.headers["ETag"] = f'"{fact.version}"'
    return fact
