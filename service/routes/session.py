"""`/v1/session`: sign in, see who is signed in, sign out. `/v1/account-links`: set a password by a one-time link."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import ConfigDict, StringConstraints
from pydantic.dataclasses import dataclass as checked

from service.account_news import count_news
from service.accounts import LASTS, Pass, PassKind, end_session, open_link
from service.dependencies import AtDesk, Desk
from service.entries import Person
from service.permission import PUBLIC, AskedFirst, AsSignedIn, cookie_of, session_of
from service.sign_in import sign_in
from service.store import now

router = APIRouter(prefix="/v1", tags=["session"], route_class=AskedFirst)

Secret = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
OneTimeCode = Annotated[str, StringConstraints(min_length=1, max_length=64)]
_CLOSED = ConfigDict(extra="forbid")


@checked(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class SignInEntry:
    """`second_factor`: what the answer `second-factor` asks for, 6 digits from the account's app or a recovery code."""

    code: Person
    password: Secret
    second_factor: OneTimeCode | None = None


@checked(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class LinkEntry:
    """`link`: what stands behind `#` in a one-time link."""

    link: Secret
    password: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """`news`: how much of `/v1/account/news` is new."""

    code: str
    roles: tuple[str, ...]
    news: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedOut:
    """`onward`: where a browser goes now."""

    onward: str


@router.post("/session", status_code=204, dependencies=[PUBLIC])
def start(desk: AtDesk, request: Request, response: Response, entry: SignInEntry) -> None:
    """Signs in; the session is in the cookie. A session that the browser held before ends."""
    made = sign_in(
        desk.store,
        entry.code,
        entry.password,
        entry.second_factor,
        address=sender_of(request),
        hashes=desk.hashes,
        box=desk.box,
        now=now(),
    )
    with desk.store.changing() as connection:
        end_session(connection, session_of(request, desk), now=now())
    keep_session(response, desk, made)


@router.get("/session")
def who(desk: AtDesk, caller: AsSignedIn, request: Request) -> Who:
    """Who is signed in."""
    with desk.store.reading() as connection:
        news = count_news(connection, caller.code, session_of(request, desk))
    return Who(code=caller.code, roles=tuple(sorted(caller.roles)), news=news)


@router.delete("/session")
def end(desk: AtDesk, caller: AsSignedIn, request: Request, response: Response) -> SignedOut:
    """Signs out; a session that a provider opened ends there too, where `onward` leads."""
    with desk.store.changing() as connection:
        by_identity = end_session(connection, session_of(request, desk), now=now())
    response.delete_cookie(cookie_of(desk), httponly=True, samesite="lax", secure=desk.settings.is_https)
    there = None
    if by_identity and desk.openid is not None:
        there = desk.openid.sign_out_at(f"{desk.settings.public_url}/masuk")
    return SignedOut(onward=there or "/masuk")


@router.post("/account-links", status_code=201, dependencies=[PUBLIC])
def set_password(desk: AtDesk, entry: LinkEntry) -> Opened:
    """Sets the password of the account that the link was made for; the link holds once."""
    with desk.store.changing() as connection:
        code = open_link(connection, entry.link, entry.password, hashes=desk.hashes, now=now())
    return Opened(code=code)


def keep_session(response: Response, desk: Desk, made: Pass) -> None:
    """Gives the session to the browser, for as long as it lasts."""
    response.set_cookie(
        cookie_of(desk),
        made.secret,
        max_age=int(LASTS[PassKind.SESSION].total_seconds()),
        httponly=True,
        samesite="lax",
        secure=desk.settings.is_https,
    )


def sender_of(request: Request) -> str:
    """The address of the network that tries are counted by."""
    return request.client.host if request.client else "-"
