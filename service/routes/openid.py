"""`/masuk/openid`: to the OpenID Connect provider and back; `/v1/sign-in-ways`: whether there is one."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse

from qc_vision.errors import QcVisionError
from qc_vision.message import Message
from service.accounts import Pass, end_session
from service.audit import Act, note_refusal
from service.dependencies import AtDesk, Desk
from service.openid import FRESH, IdentityRefused, OpenId, unpack
from service.permission import PUBLIC, AskedFirst, session_of
from service.problems import kind_of, not_found
from service.routes.session import keep_session, sender_of
from service.settings import Settings
from service.sign_in import IdentityUnknown, count_sender, sign_in_by_identity
from service.store import now

router = APIRouter(route_class=AskedFirst)

BACK = "/masuk/openid/kembali"
COOKIE, ONWARD = "qc_openid", "qc_onward"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """`openid`: what the provider is called, null where there is none."""

    openid: str | None


def provider_of(settings: Settings) -> OpenId | None:
    """The provider that the settings name; nothing is asked of it yet."""
    if settings.oidc_issuer is None or settings.oidc_client_id is None:
        return None
    return OpenId(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret,
        back_at=f"{settings.public_url}{BACK}",
        clock=now,
    )


@router.get("/v1/sign-in-ways", tags=["session"], dependencies=[PUBLIC])
def list_ways(desk: AtDesk) -> Ways:
    """How one may sign in beside with a password."""
    return Ways(openid=None if desk.openid is None else desk.settings.oidc_name)


@router.get("/masuk/openid", include_in_schema=False, dependencies=[PUBLIC])
def begin(desk: AtDesk, request: Request, ke: str = "/") -> RedirectResponse:
    """To the provider; `ke`: the page to show afterwards."""
    try:
        address, begun = _provider(desk).begin()
    except QcVisionError as wrong:
        return _failed(wrong)
    answer = RedirectResponse(address, status_code=303)
    _keep(answer, desk, COOKIE, begun.packed())
    _keep(answer, desk, ONWARD, quote(ke[:500], safe="/"))
    return answer


@router.get(BACK, include_in_schema=False, dependencies=[PUBLIC])
def finish(desk: AtDesk, request: Request) -> RedirectResponse:
    """From the provider: a new session for the account that the identity is linked to."""
    at = now()
    try:
        made = _sign_in(desk, request, at)
    except QcVisionError as wrong:
        answer = _failed(wrong)
    else:
        with desk.store.changing() as connection:
            end_session(connection, session_of(request, desk), now=at)
        answer = RedirectResponse(_ours(request.cookies.get(_name(desk, ONWARD), "/")), status_code=303)
        keep_session(answer, desk, made)
    for name in (COOKIE, ONWARD):
        answer.delete_cookie(_name(desk, name), httponly=True, samesite="lax", secure=desk.settings.is_https)
    return answer


def _sign_in(desk: Desk, request: Request, at: datetime) -> Pass:
    provider = _provider(desk)
    count_sender(desk.store, sender_of(request), now=at)
    begun = unpack(request.cookies.get(_name(desk, COOKIE), ""))
    try:
        identity = provider.finish(begun, request.query_params)
    except IdentityRefused as wrong:
        note_refusal(desk.store, Act.SIGN_IN_REFUSED, account=None, now=at, detail=f"identity: {wrong.why}")
        raise
    return sign_in_by_identity(desk.store, identity, now=at)


def _provider(desk: Desk) -> OpenId:
    if desk.openid is None:
        raise not_found(Message(id="Penyedia identitas", en="identity provider"))
    return desk.openid


def _failed(wrong: QcVisionError) -> RedirectResponse:
    """To the sign-in page, which says what went wrong; an unknown subject stays out of logs, behind `#`."""
    subject = f"#{quote(wrong.subject, safe='')}" if isinstance(wrong, IdentityUnknown) else ""
    return RedirectResponse(f"/masuk?gagal={kind_of(wrong).code}{subject}", status_code=303)


def _ours(path: str) -> str:
    """The path, where it is one of this service, else the first page."""
    parts = urlsplit(path)
    inside = path.startswith("/") and not path.startswith(("//", "/\\")) and not parts.netloc
    return path if inside else "/"


def _name(desk: Desk, name: str) -> str:
    return f"__Host-{name}" if desk.settings.is_https else name


def _keep(answer: RedirectResponse, desk: Desk, name: str, value: str) -> None:
    answer.set_cookie(
        _name(desk, name),
        value,
        max_age=int(FRESH.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=desk.settings.is_https,
    )
