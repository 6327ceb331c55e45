"""Signed links: whoever holds one sees one photo in one size for an hour, as the account sees it that made the link.

Nothing in a link says who that was to anybody but the service. It ends before its time where the account is closed or
no longer sees the photo, and with the service's key.
"""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from qc_vision.errors import QcVisionError
from qc_vision.message import Message

LASTS = timedelta(hours=1)
PURPOSE = "photo links"
"""What the key is derived for, see `Keyring.secret_for`."""
MARK_DIGITS = 16


class Variant(StrEnum):
    """`photo`: in full size, nothing drawn on it."""

    PHOTO = "photo"
    OVERLAY = "overlay"
    THUMBNAIL = "thumbnail"


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoPlace:
    """Which photo in which size; `number` as it stands in the address."""

    inspection_id: str
    number: str
    variant: Variant


class LinkRefused(QcVisionError):
    """A link that was altered, is of another photo, or whose time is over."""


def sign_link(place: PhotoPlace, account: str, *, secret: bytes, until: datetime) -> str:
    """What goes into the address as `link`: until when, for whom, and the signature over both and the place."""
    said = f"{int(until.timestamp())}.{_mark(account, secret)}"
    return f"{said}.{_sign(place, said, secret)}"


def check_link(
    link: str, place: PhotoPlace, accounts: Iterable[str], *, secret: bytes, now: datetime
) -> str | None:
    """Which of the accounts the link was made by, None where that one is no longer among them. Raises LinkRefused."""
    said, _, signature = link.rpartition(".")
    if not hmac.compare_digest(signature.encode(), _sign(place, said, secret).encode()):
        raise LinkRefused(ALTERED)
    until_s, _, mark = said.partition(".")
    if datetime.fromtimestamp(int(until_s), UTC) <= now:
        raise LinkRefused(OVER)
    return next((account for account in accounts if _mark(account, secret) == mark), None)


def _sign(place: PhotoPlace, said: str, secret: bytes) -> str:
    signed = f"link/{place.inspection_id}/{place.number}/{place.variant.value}/{said}"
    return hmac.new(secret, signed.encode(), "sha256").hexdigest()


def _mark(account: str, secret: bytes) -> str:
    return hmac.new(secret, f"account/{account}".encode(), "sha256").hexdigest()[:MARK_DIGITS]


ALTERED = Message(
    id="Tautan foto ini tidak sah. Minta tautan baru.",
    en="This link to a photo does not hold. Ask for a new one.",
)
OVER = Message(
    id="Tautan foto ini sudah kedaluwarsa. Minta tautan baru.",
    en="This link to a photo has expired. Ask for a new one.",
)
