"""Who may call a route: each route states it, or that it is open to all; a test finds one that states nothing.

Asked before anything of the body is read: whoever may not send has sent in vain.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from service.accounts import PassKind, find_caller, list_accounts, touch
from service.audit import Act, note_refusal
from service.caller import (
    FACTOR_MISSING,
    NO_MACHINE,
    NOBODY,
    WRONG_ROLE,
    Caller,
    NotAllowed,
    NotSignedIn,
    Role,
    SecondFactorMissing,
)
from service.dependencies import Desk
from service.photo_links import PURPOSE, PhotoPlace, Variant, check_link
from service.scope import refuse_foreign
from service.store import now

COOKIE = "qc_session"
SECURE_COOKIE = f"__Host-{COOKIE}"
"""Where the service is reached by https: browsers take it only from this very host, and only over https."""


class Door(ABC):
    """A dependency of a route that every request must pass before its body is read."""

    @abstractmethod
    def let_through(self, request: Request, desk: Desk) -> object:
        """Raises whatever speaks against it. What the request holds on its way lies in `request.state.held`, which is
        closed once it is answered, however that ends."""


@dataclass(frozen=True, slots=True)
class May(Door):
    """Lets through who has one of the roles. `page`: who is not signed in is led to `/masuk` instead. `person`:
    not by a machine's token. `variant`: of a photo; a signed link to it stands for the account that made it.
    `before_factor`: also who has yet to turn on the second factor that their role needs."""

    roles: frozenset[Role]
    page: bool = False
    person: bool = False
    variant: Variant | None = None
    before_factor: bool = False

    async def __call__(self, request: Request) -> Caller:
        """The caller whom `AskedFirst` let through; on any other route there is none, and the request fails."""
        caller = request.state.caller
        assert isinstance(caller, Caller)
        return caller

    def let_through(self, request: Request, desk: Desk) -> Caller:
        """Who calls, kept with the request, that a refusal may name them.

        Raises NotSignedIn, SecondFactorMissing, NotAllowed or Foreign.
        """
        if self.variant is not None and "link" in request.query_params:
            caller = find_linked(request, desk, self.variant)
        else:
            caller = find_signed_in(request, desk)
        if caller is None:
            raise NotSignedIn(NOBODY, page=request.url.path if self.page else None)
        request.state.caller = caller
        if not self.before_factor and lacks_factor(caller, desk):
            raise SecondFactorMissing(FACTOR_MISSING, page=request.url.path if self.page else None)
        if self.person and _bearer(request) is not None:
            raise NotAllowed(NO_MACHINE)
        if not caller.roles & self.roles:
            raise NotAllowed(WRONG_ROLE)
        if caller.groups is not None:
            request.state.held_to_groups = True
            refuse_foreign_path(caller, desk, request.path_params)
        return caller


class AskedFirst(APIRoute):
    """A route that asks at all its doors, who calls and whether they may first of all, before it reads what they send.

    FastAPI alone reads a form to its end before it asks a dependency.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()
        asked: list[object] = [stated.call for stated in self.dependant.dependencies]
        doors = [door for door in asked if isinstance(door, Door)]

        async def ask_first(request: Request) -> Response:
            with ExitStack() as held:
                request.state.held = held
                for door in doors:
                    desk = request.app.state.desk
                    await run_in_threadpool(door.let_through, request, desk)
                return await answer(request)

        return ask_first


def refuse_foreign_path(caller: Caller, desk: Desk, named: Mapping[str, str]) -> None:
    """Holds every address that names a thing to the caller's groups. Raises Foreign, or NotAllowed.

    A test finds an address whose names are not listed here.
    """
    if "version" in named:  # of a model: its withdrawal concerns every group
        raise NotAllowed(WRONG_ROLE)
    with desk.store.reading() as connection:
        refuse_foreign(
            connection,
            caller,
            group=named.get("group"),
            maker=named.get("maker"),
            lot=named.get("lot_id"),
            items=(named.get("ref"),),
            inspection=named.get("inspection_id"),
            upload=named.get("upload_id"),
            entry=named.get("subject"),
        )


def lacks_factor(caller: Caller, desk: Desk) -> bool:
    """Whether one of the caller's roles needs a second factor and the account has none yet."""
    return caller.by_password_alone and bool(caller.roles & desk.settings.roles_with_second_factor)


def may(*roles: Role) -> May:
    return May(frozenset(roles))


def open_to_all() -> None:
    """Says that a route is meant for everybody."""


def find_signed_in(request: Request, desk: Desk) -> Caller | None:
    """The account behind a machine's token or a browser's session, None where there is none."""
    token = _bearer(request)
    kind, secret = (PassKind.SESSION, session_of(request, desk)) if token is None else (PassKind.TOKEN, token)
    if not secret:
        return None
    with desk.store.reading() as connection:
        found = find_caller(connection, kind, secret, now=now())
    if found is None:
        if token is not None:  # a session that ran out is every evening's; a token that does not hold is not
            note_refusal(desk.store, Act.TOKEN_REFUSED, account=None, now=now())
        return None
    caller, stale = found
    if stale:
        with desk.store.changing() as connection:
            touch(connection, secret, now=now())
    return caller


def find_linked(request: Request, desk: Desk, variant: Variant) -> Caller | None:
    """The account by which a link to this photo was made, as it is now, None where it is closed. Raises LinkRefused."""
    place = PhotoPlace(
        inspection_id=request.path_params["inspection_id"],
        number=request.path_params["number"],
        variant=variant,
    )
    with desk.store.reading() as connection:
        accounts = {account.code: account for account in list_accounts(connection) if not account.disabled}
    secret = desk.keyring.secret_for(PURPOSE)
    code = check_link(request.query_params["link"], place, accounts, secret=secret, now=now())
    if code is None:
        return None
    return Caller(code=code, roles=accounts[code].roles, groups=accounts[code].groups)


def cookie_of(desk: Desk) -> str:
    """The name of the session's cookie."""
    return SECURE_COOKIE if desk.settings.is_https else COOKIE


def session_of(request: Request, desk: Desk) -> str:
    """The secret in the browser's cookie, empty where there is none."""
    return request.cookies.get(cookie_of(desk), "")


def _bearer(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else None


EVERY_ROLE = frozenset(Role)
ORIGINALS = EVERY_ROLE - {Role.EXPORTER}
"""Who sees a photo as it was taken; overlays and small ones everybody does."""
AsAnyone = Annotated[Caller, Depends(May(EVERY_ROLE))]
AsInspector = Annotated[Caller, Depends(may(Role.INSPECTOR))]
AsReviewer = Annotated[Caller, Depends(may(Role.REVIEWER))]
AsFieldwork = Annotated[Caller, Depends(may(Role.INSPECTOR, Role.REVIEWER))]
AsLots = Annotated[Caller, Depends(may(Role.REVIEWER, Role.EXPORTER))]
AsExporter = Annotated[Caller, Depends(may(Role.EXPORTER))]
AsRegistrar = Annotated[Caller, Depends(may(Role.REVIEWER, Role.ADMIN))]
AsAdmin = Annotated[Caller, Depends(may(Role.ADMIN))]
AsModelKeeper = Annotated[Caller, Depends(may(Role.ML, Role.ADMIN))]
AsViewerOfPhoto = Annotated[Caller, Depends(May(ORIGINALS, variant=Variant.PHOTO))]
AsViewerOfOverlay = Annotated[Caller, Depends(May(EVERY_ROLE, variant=Variant.OVERLAY))]
AsViewerOfThumbnail = Annotated[Caller, Depends(May(EVERY_ROLE, variant=Variant.THUMBNAIL))]
AsPerson = Annotated[Caller, Depends(May(EVERY_ROLE, person=True, before_factor=True))]
"""What persons do with their own account, and all that is open before a second factor that their role needs."""
AsSignedIn = Annotated[Caller, Depends(May(EVERY_ROLE, before_factor=True))]
PAGE = Depends(May(EVERY_ROLE, page=True))
OWN_PAGE = Depends(May(EVERY_ROLE, page=True, before_factor=True))
PUBLIC = Depends(open_to_all)
