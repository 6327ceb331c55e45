"""The inspectors' pages and the sample photos that they offer. Static files: the pages call the API."""

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse

from qc_vision.message import Message
from service.answers import LimitsAnswer, SampleAnswer
from service.dependencies import AtDesk
from service.permission import PAGE, PUBLIC, AsAnyone, AskedFirst
from service.problems import NOT_FOUND, RequestRefused

router = APIRouter(route_class=AskedFirst)

WEB = Path(__file__).parents[1] / "web"
SAMPLE_FOLDERS = (
    Path(__file__).parents[2] / "qc_vision" / "_samples",
    Path(__file__).parents[2] / "datasets" / "samples",
)
"""Where samples lie: beside this package in an installed wheel, or in a checkout."""
NO_STALE_PAGE = {"Cache-Control": "no-cache"}


@router.get("/", include_in_schema=False, dependencies=[PAGE])
@router.get("/pemeriksaan/{inspection_id}", include_in_schema=False, dependencies=[PAGE])
def show_inspection(inspection_id: str | None = None) -> FileResponse:
    """One page for both: it reads from its address which inspection to show."""
    return FileResponse(WEB / "index.html", headers=NO_STALE_PAGE)


@router.get("/riwayat", include_in_schema=False, dependencies=[PAGE])
def show_history() -> FileResponse:
    return FileResponse(WEB / "history.html", headers=NO_STALE_PAGE)


@router.get("/antrean", include_in_schema=False, dependencies=[PAGE])
def show_queue() -> FileResponse:
    return FileResponse(WEB / "queue.html", headers=NO_STALE_PAGE)


@router.get("/lot", include_in_schema=False, dependencies=[PAGE])
@router.get("/lot/{lot_id}", include_in_schema=False, dependencies=[PAGE])
def show_lots(lot_id: str | None = None) -> FileResponse:
    return FileResponse(WEB / "lots.html", headers=NO_STALE_PAGE)


@router.get("/keranjang/{ref}", include_in_schema=False, dependencies=[PAGE])
def show_item(ref: str) -> FileResponse:
    return FileResponse(WEB / "item.html", headers=NO_STALE_PAGE)


@router.get("/sertifikat/{number}", include_in_schema=False, dependencies=[PUBLIC])
def show_certificate(number: str) -> FileResponse:
    return FileResponse(WEB / "certificate.html", headers=NO_STALE_PAGE)


@router.get("/masuk", include_in_schema=False, dependencies=[PUBLIC])
def show_sign_in() -> FileResponse:
    """Signing in and, with a one-time link behind `#`, setting a password."""
    return FileResponse(WEB / "sign-in.html", headers=NO_STALE_PAGE)


@router.get("/v1/limits", tags=["limits"])
def read_limits(desk: AtDesk, caller: AsAnyone) -> LimitsAnswer:
    """What one upload may hold, so that a page can say so before anything is sent."""
    return LimitsAnswer(max_photos=desk.settings.max_photos, max_upload_bytes=desk.settings.max_upload_bytes)


@router.get("/v1/samples", tags=["samples"])
def list_samples(caller: AsAnyone) -> list[SampleAnswer]:
    """Photos to try the service with; empty where none were shipped."""
    return [SampleAnswer(name=name, link=f"/v1/samples/{name}") for name in sorted(_samples())]


@router.get("/v1/samples/{name}", tags=["samples"], response_class=FileResponse)
def read_sample(caller: AsAnyone, name: str) -> FileResponse:
    """A sample photo."""
    path = _samples().get(name)
    if path is None:
        raise RequestRefused(
            NOT_FOUND,
            Message(
                id="Contoh foto itu tidak ada. Daftarnya di /v1/samples.",
                en="There is no such sample photo. They are listed at /v1/samples.",
            ),
        )
    return FileResponse(path, media_type="image/jpeg")


def _samples() -> dict[str, Path]:
    return {path.name: path for folder in SAMPLE_FOLDERS for path in folder.glob("*.jpg")}
