"""`/v1/epcis/events`: all events as one EPCIS 2.0 document, in pages."""

from typing import Any

from fastapi import APIRouter, Request, Response

from qc_vision.epcis import epcis_document
from service.dependencies import AtDesk
from service.outbox import WantedEvents, list_events
from service.permission import AsAnyone, AskedFirst
from service.routes.paging import Limit, make_cursor, read_cursor
from service.scope import events_within
from service.store import now

router = APIRouter(prefix="/v1/epcis", tags=["epcis"], route_class=AskedFirst)


@router.get("/events")
def read_events(
    desk: AtDesk,
    caller: AsAnyone,
    request: Request,
    response: Response,
    lot: str | None = None,
    item: str | None = None,
    limit: Limit = 100,
    cursor: str | None = None,
) -> dict[str, Any]:
    """Events, oldest first. Where there are more, the header `Link` names the next page."""
    wanted = WantedEvents(lot=lot, item=item, within=events_within(caller))
    with desk.store.reading() as connection:
        found = list_events(connection, wanted, limit=limit + 1, after=read_cursor(cursor) or 0)
    page = found[:limit]
    if len(found) > limit:
        following = request.url.include_query_params(cursor=make_cursor(page[-1][0]))
        response.headers["Link"] = f'<{following.path}?{following.query}>; rel="next"'
    return epcis_document([event for _, event in page], desk.naming, created_at=now())
