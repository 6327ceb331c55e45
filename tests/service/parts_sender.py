"""Sends photos in parts, one request at a time, as a test orders them."""

import base64
import hashlib
import json
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import httpx2

TUS = {"Tus-Resumable": "1.0.0"}
PIECES = {**TUS, "Content-Type": "application/offset+octet-stream"}


def in_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def begin(
    client: httpx2.Client,
    length: int,
    *,
    id: str | None = None,
    filename: str = "a.jpg",
    headers: dict[str, str] | None = None,
) -> httpx2.Response:
    said = f"filename {in_base64(filename)},id {in_base64(id or uuid4().hex)}"
    return client.post(
        "/v1/parts", headers={**TUS, "Upload-Length": str(length), "Upload-Metadata": said, **(headers or {})}
    )


def go_on(
    client: httpx2.Client, link: str, offset: int, piece: bytes, *, headers: dict[str, str] | None = None
) -> httpx2.Response:
    said = {**PIECES, "Upload-Offset": str(offset), **(headers or {})}
    return client.patch(link, content=piece, headers=said)


def offset_of(client: httpx2.Client, link: str) -> int:
    return int(client.head(link, headers=TUS).headers["Upload-Offset"])


def checksum(algorithm: str, piece: bytes) -> dict[str, str]:
    digest = base64.b64encode(hashlib.new(algorithm, piece).digest()).decode()
    return {"Upload-Checksum": f"{algorithm} {digest}"}


def finish(
    client: httpx2.Client,
    parts: Sequence[str],
    *,
    key: str | None = None,
    item: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
) -> httpx2.Response:
    said = {} if key is None else {"Idempotency-Key": key}
    form = {"parts": list(parts), "item": json.dumps(item or {})}
    return client.post("/v1/inspections", data=form, headers={**said, **(headers or {})})


def send_whole(client: httpx2.Client, photo: bytes, **more: Any) -> str:
    """Sends a photo in one piece; its id."""
    link: str = begin(client, len(photo), **more).headers["location"]
    assert go_on(client, link, 0, photo).status_code == 204
    return link.rpartition("/")[2]
