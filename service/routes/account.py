"""`/v1/account`: what persons do with their own account: another password, their sessions and tokens, what
happened to it."""

from dataclasses import dataclass

from fastapi import APIRouter, Request
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as checked

from qc_vision.message import Message
from service.account_news import News, list_news
from service.accounts import OpenPass, end_open, list_open
from service.dependencies import AtDesk
from service.permission import AskedFirst, AsPerson, session_of
from service.problems import not_found
from service.routes.session import Secret
from service.sign_in import change_password
from service.store import now

router = APIRouter(prefix="/v1/account", tags=["session"], route_class=AskedFirst)


@checked(frozen=True, slots=True, kw_only=True, config=ConfigDict(extra="forbid"))
class PasswordEntry:
    old: Secret
    new: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenList:
    open: tuple[OpenPass, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsList:
    news: tuple[News, ...]


@router.post("/password", status_code=204)
def change(desk: AtDesk, caller: AsPerson, request: Request, entry: PasswordEntry) -> None:
    """Another password; every other session of the account ends, its tokens stay."""
    change_password(
        desk.store,
        caller.code,
        old=entry.old,
        new=entry.new,
        session=session_of(request, desk),
        hashes=desk.hashes,
        now=now(),
    )


@router.get("/passes")
def list_mine(desk: AtDesk, caller: AsPerson, request: Request) -> OpenList:
    """One's own sessions and tokens, newest first; their secrets are kept nowhere."""
    with desk.store.reading() as connection:
        found = list_open(connection, caller.code, session_of(request, desk), now=now())
    return OpenList(open=tuple(found))


@router.get("/news")
def list_happened(desk: AtDesk, caller: AsPerson, request: Request) -> NewsList:
    """What happened to one's own account lately, newest first: sign-ins, refusals, changes."""
    with desk.store.reading() as connection:
        found = list_news(connection, caller.code, session_of(request, desk))
    return NewsList(news=tuple(found))


@router.delete("/passes/{pass_id}", status_code=204)
def end_mine(desk: AtDesk, caller: AsPerson, pass_id: str) -> None:
    """Ends a session, or withdraws a token, of one's own."""
    with desk.store.changing() as connection:
        if not end_open(connection, caller.code, pass_id, now=now()):
            raise not_found(Message(id="Sesi atau token itu", en="such session or token"))
