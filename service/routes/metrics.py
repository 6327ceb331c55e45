"""`/metrics`: figures for a Prometheus server, which signs in with a machine's token."""

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from qc_vision.message import Message
from service.caller import NotAllowed
from service.courier import targets_of
from service.dependencies import AtDesk
from service.permission import AskedFirst, AsModelKeeper

router = APIRouter(tags=["health"], route_class=AskedFirst)


@router.get("/metrics", response_class=PlainTextResponse)
def read_metrics(desk: AtDesk, caller: AsModelKeeper) -> Response:
    """Counts and latencies in the text format of Prometheus, over all villages; no code, no person, no place."""
    if caller.groups is not None:
        raise NotAllowed(OVER_ALL)
    told = desk.metrics.tell(desk.store, targets_of(desk.settings))
    return Response(told, media_type=CONTENT_TYPE_PLAIN_0_0_4)


OVER_ALL = Message(
    id="Angka ini meliputi semua desa. Pakai akun yang tidak dibatasi ke kelompok desa.",
    en="These figures are over all villages. Use an account that is not held to village groups.",
)
