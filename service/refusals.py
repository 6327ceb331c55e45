"""Which refused requests go on record: of whoever is signed in, and what another site tried in a browser's name.

Who is not signed in at all is no news; see `audit` for how many lines are kept.
"""

from fastapi import FastAPI, Request
from fastapi.responses import Response

from service.audit import Act, note_refusal
from service.caller import NotAllowed
from service.dependencies import Desk
from service.permission import find_signed_in
from service.problems import answer_core
from service.scope import Foreign
from service.store import now


def audit_refusals(app: FastAPI) -> None:
    """Makes the app note what it refuses to somebody who is signed in."""
    app.add_exception_handler(NotAllowed, _answer_noted)
    app.add_exception_handler(Foreign, _answer_noted)


def note_forgery(request: Request, desk: Desk) -> None:
    """That another site sent something with the cookie of somebody who is signed in here."""
    caller = find_signed_in(request, desk)
    if caller is not None:
        note_refusal(desk.store, Act.FORGERY_DENIED, account=caller.code, now=now(), detail=_named(request))


def _answer_noted(request: Request, error: Exception) -> Response:
    caller = getattr(request.state, "caller", None)
    if caller is not None:
        act = Act.SCOPE_DENIED if isinstance(error, Foreign) else Act.ROLE_DENIED
        store = request.app.state.desk.store
        note_refusal(store, act, account=caller.code, by=caller.code, now=now(), detail=_named(request))
    return answer_core(request, error)


def _named(request: Request) -> str:
    """The method and the pattern of the address, without what it names."""
    return f"{request.method} {getattr(request.scope.get('route'), 'path', '')}".strip()
