"""The inspectors' pages and the sample photos that they offer. Nothing of a record is in a page: it calls the API."""

from functools import cache
from pathlib import Path
from string import Template

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse

from qc_vision.message import Message
from service.answers import LimitsAnswer, SampleAnswer
from service.dependencies import AtDesk
from service.permission import OWN_PAGE, PAGE, PUBLIC, AsAnyone, AskedFirst
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
def show_inspection(inspection_id: str | None = None) -> HTMLResponse:
    """One page for both: it reads from its address which inspection to show."""
    return _show("index", "inspect.js", "heading", "Nilai keranjang")


@router.get("/riwayat", include_in_schema=False, dependencies=[PAGE])
def show_history() -> HTMLResponse:
    return _show("history", "history.js", "historyHeading", "Riwayat pemeriksaan")


@router.get("/antrean", include_in_schema=False, dependencies=[PAGE])
def show_queue() -> HTMLResponse:
    return _show("queue", "queue.js", "queueHeading", "Menunggu keputusan Anda")


@router.get("/lot", include_in_schema=False, dependencies=[PAGE])
@router.get("/lot/{lot_id}", include_in_schema=False, dependencies=[PAGE])
def show_lots(lot_id: str | None = None) -> HTMLResponse:
    return _show("lots", "lots.js", "lotsHeading", "Lot")


@router.get("/keranjang/{ref}", include_in_schema=False, dependencies=[PAGE])
def show_item(ref: str) -> HTMLResponse:
    return _show("item", "item.js", "itemHeading", "Riwayat keranjang")


@router.get("/akun", include_in_schema=False, dependencies=[OWN_PAGE])
def show_account() -> HTMLResponse:
    return _show("account", "account.js", "accountHeading", "Akun saya")


@router.get("/sertifikat/{number}", include_in_schema=False, dependencies=[PUBLIC])
def show_certificate(number: str) -> HTMLResponse:
    return _show("certificate", "certificate.js", "certificateHeading", "Sertifikat lot", public=True)


@router.get("/masuk", include_in_schema=False, dependencies=[PUBLIC])
def show_sign_in() -> HTMLResponse:
    """Signing in and, with a one-time link behind `#`, setting a password."""
    return _show("sign-in", "sign-in.js", "signInHeading", "Masuk", public=True)


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


def _show(main: str, script: str, word: str, title: str, *, public: bool = False) -> HTMLResponse:
    whole = _page(main, script, word, title, public=public)
    return HTMLResponse(whole, headers=NO_STALE_PAGE)


@cache
def _page(main: str, script: str, word: str, title: str, *, public: bool = False) -> str:
    """The page whose `<main>` is in a file, within the frame that all share; a public one shows no other rooms.

    `title` until its script has put `word` there, in the language that is on.
    """
    scripts = [script] if public else ["person.js", script]
    return Template((WEB / "frame.html").read_text("utf-8")).substitute(
        title=title,
        word=word,
        scripts="\n  ".join(f'<script type="module" src="/web/{name}"></script>' for name in scripts),
        rooms="" if public else (WEB / "rooms.html").read_text("utf-8"),
        main=(WEB / f"{main}.html").read_text("utf-8").rstrip(),
    )


def _samples() -> dict[str, Path]:
    return {path.name: path for folder in SAMPLE_FOLDERS for path in folder.glob("*.jpg")}
