"""Is the process up (`/healthz`), and can it do its work (`/readyz`)?"""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from service.routes.inspections import DeskHere

router = APIRouter(tags=["health"])


@router.get("/healthz", summary="The process is up")
def healthz() -> dict[str, str]:
    return {"status": "ok"}


@router.get("/readyz", summary="Database and model are in place")
def readyz(desk: DeskHere) -> JSONResponse:
    ready = desk.store.ready()
    body = {"status": "ready" if ready else "not ready", "model": desk.inspector.model.version}
    return JSONResponse(body, status_code=200 if ready else 503)
