"""`/metrics`: figures for a Prometheus server, which signs in with a machine's token."""

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from service.courier import targets_of
from service.dependencies import AtDesk
from service.permission import AsAnyone, AskedFirst

router = APIRouter(tags=["health"], route_class=AskedFirst)


@router.get("/metrics", response_class=PlainTextResponse)
def read_metrics(desk: AtDesk, caller: AsAnyone) -> Response:
    """Counts and latencies in the text format of Prometheus; no code, no person, no place."""
    told = desk.metrics.tell(desk.store, targets_of(desk.settings))
    return Response(told, media_type=CONTENT_TYPE_PLAIN_0_0_4)
