"""`/v1/account/second-factor`: turn one's own second factor on, in two steps, and off."""

from dataclasses import dataclass
from datetime import datetime

import segno
from fastapi import APIRouter, Request
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as checked

from service.dependencies import AtDesk
from service.permission import AskedFirst, AsPerson, lacks_factor, session_of
from service.routes.session import OneTimeCode, Secret
from service.second_factor import find_factor
from service.sign_in import begin_second_factor, confirm_second_factor, turn_off_second_factor
from service.store import now

router = APIRouter(prefix="/v1/account/second-factor", tags=["session"], route_class=AskedFirst)

_CLOSED = ConfigDict(extra="forbid")


@checked(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class BeginEntry:
    password: Secret


@checked(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class ConfirmEntry:
    """`code`: the first one that the app shows."""

    code: OneTimeCode


@checked(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class RemovalEntry:
    """`code`: of the app, or a recovery code."""

    password: Secret
    code: OneTimeCode


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorAnswer:
    """`since`: when it was turned on, null where it is off. `missing`: a role of the account needs it, and it is off."""

    since: datetime | None
    recovery_codes_left: int
    missing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentAnswer:
    """A key to type into an app, shown this once; the same as an `otpauth:` link, and as a QR code of that: rows of
    modules without the blank ones around, `1` is dark."""

    key: str
    uri: str
    qr: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryCodes:
    """Shown this once; each stands once for a code of the app."""

    recovery_codes: tuple[str, ...]


@router.get("")
def read(desk: AtDesk, caller: AsPerson) -> FactorAnswer:
    """Whether one's own second factor is on."""
    with desk.store.reading() as connection:
        factor = find_factor(connection, caller.code)
    return FactorAnswer(
        since=None if factor is None else factor.since,
        recovery_codes_left=0 if factor is None else factor.recovery_codes,
        missing=lacks_factor(caller, desk),
    )


@router.post("", status_code=201)
def begin(desk: AtDesk, caller: AsPerson, entry: BeginEntry) -> EnrolmentAnswer:
    """A key for an authenticator app; nothing is asked for until it is confirmed."""
    begun = begin_second_factor(
        desk.store, caller.code, entry.password, hashes=desk.hashes, box=desk.box, now=now()
    )
    drawn = segno.make(begun.uri, error="m", micro=False)
    return EnrolmentAnswer(
        key=begun.key, uri=begun.uri, qr=tuple("".join(str(int(m)) for m in row) for row in drawn.matrix)
    )


@router.post("/confirmation", status_code=201)
def confirm(desk: AtDesk, caller: AsPerson, request: Request, entry: ConfirmEntry) -> RecoveryCodes:
    """Turns it on; every other session of the account ends, its tokens stay."""
    codes = confirm_second_factor(
        desk.store,
        caller.code,
        entry.code,
        session=session_of(request, desk),
        box=desk.box,
        now=now(),
    )
    return RecoveryCodes(recovery_codes=tuple(codes))


@router.post("/removal", status_code=204)
def turn_off(desk: AtDesk, caller: AsPerson, request: Request, entry: RemovalEntry) -> None:
    """Turns it off; every other session of the account ends, its tokens stay."""
    turn_off_second_factor(
        desk.store,
        caller.code,
        entry.password,
        entry.code,
        session=session_of(request, desk),
        hashes=desk.hashes,
        box=desk.box,
        now=now(),
    )
