"""The inspectors' pages: files, served as they are; and sample photos to try them with."""

from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.responses import FileResponse

from qc_vision.message import Message
from service.problems import NotFoundError

router = APIRouter(include_in_schema=False)
WEB = Path(__file__).parents[1] / "web"
ROOT = Path(__file__).parents[2]
SAMPLES = next((p for p in (ROOT / "qc_vision" / "_samples", ROOT / "datasets" / "samples") if p.is_dir()), None)
FILES = {"style.css": "text/css", "page.js": "text/javascript", "history.js": "text/javascript", "words.js": "text/javascript"}


@router.get("/")
def inspect_page() -> FileResponse:
    return FileResponse(WEB / "index.html")


@router.get("/riwayat")
def history_page() -> FileResponse:
    return FileResponse(WEB / "history.html")


@router.get("/web/{name}")
def file(name: str) -> FileResponse:
    if name not in FILES:
        raise NotFoundError(Message(id="Tidak ditemukan.", en="Not found."))
    return FileResponse(WEB / name, media_type=FILES[name])


def _samples() -> dict[str, Path]:
    return {p.name: p for p in sorted(SAMPLES.glob("*.jpg"))} if SAMPLES else {}


@router.get("/v1/samples")
def samples() -> dict[str, Any]:
    return {"items": [f"/samples/{name}" for name in _samples()]}


@router.get("/samples/{name}")
def sample(name: str) -> FileResponse:
    path = _samples().get(name)
    if path is None:
        raise NotFoundError(Message(id="Tidak ditemukan.", en="Not found."))
    return FileResponse(path, media_type="image/jpeg")
