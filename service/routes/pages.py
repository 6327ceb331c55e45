"""The inspectors' pages and the sample photos that they offer. Static files: the pages call the API."""

from importlib import resources
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse, Response

from qc_vision.message import Message
from service.answers import SampleAnswer
from service.problems import NOT_FOUND, RequestRefused

router = APIRouter()

WEB = Path(__file__).parents[1] / "web"
NO_STALE_PAGE = {"Cache-Control": "no-cache"}


@router.get("/", include_in_schema=False)
@router.get("/pemeriksaan/{inspection_id}", include_in_schema=False)
def show_inspection(inspection_id: str | None = None) -> FileResponse:
    """One page for both: it reads from its address which inspection to show."""
    return FileResponse(WEB / "index.html", headers=NO_STALE_PAGE)


@router.get("/riwayat", include_in_schema=False)
def show_history() -> FileResponse:
    return FileResponse(WEB / "history.html", headers=NO_STALE_PAGE)


@router.get("/v1/samples", tags=["samples"])
def list_samples() -> list[SampleAnswer]:
    """Photos to try the service with; empty where none were shipped."""
    return [SampleAnswer(name=name, link=f"/v1/samples/{name}") for name in sorted(_samples())]


@router.get("/v1/samples/{name}", tags=["samples"], response_class=Response)
def read_sample(name: str) -> Response:
    if name not in _samples():
        raise RequestRefused(
            NOT_FOUND,
            Message(
                id="Contoh foto itu tidak ada. Daftarnya di /v1/samples.",
                en="There is no such sample photo. They are listed at /v1/samples.",
            ),
        )
    data = resources.files("qc_vision").joinpath("samples", name).read_bytes()
    return Response(data, media_type="image/jpeg")


def _samples() -> set[str]:
    folder = resources.files("qc_vision").joinpath("samples")
    return {file.name for file in folder.iterdir() if file.name.endswith(".jpg")} if folder.is_dir() else set()
