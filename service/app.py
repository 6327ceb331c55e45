"""Makes the service: stores opened and inspectors loaded once at start, routes, problem documents."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from fastapi.telemetry import TelemetryConfig

from qc_vision.inspection import SOFTWARE
from qc_vision.refusal_limits import load_refusal_limits
from service.courier import Courier, targets_of
from service.crew import Processes, Threads
from service.dependencies import Crew, Desk, naming_of
from service.grading import Inspects
from service.metrics import Metrics
from service.middleware import HangUp, HeaderLimit, SameSite, SecurityHeaders, UploadLimit
from service.parts import parts_of
from service.passwords import Argon2id
from service.problems import REFUSED, DescribedApi, Problem, answer_problems
from service.reception import Bell
from service.refusals import audit_refusals
from service.request_log import RequestLog
from service.routes import (
    account,
    certificates,
    checks,
    epcis,
    evidence,
    health,
    inspections,
    items,
    lots,
    metrics,
    openid,
    pages,
    parts,
    photo_checks,
    register,
    reviews,
    second_factor,
    series,
    session,
    uploads,
)
from service.secret_box import KEY_FILE, SecretBox
from service.settings import Settings
from service.signing import Keyring
from service.standing import Standing
from service.store import now
from service.traces import traces_of
from service.turns import Turns
from service.tus import Tus
from service.workplace import open_workplace

DESCRIPTION = """\
Foto keranjang anyaman masuk, keputusan dengan alasannya keluar. / Photos of a handwoven basket come in,
a verdict with its reasons comes out. Errors are problem documents (RFC 9457) in both languages.
"""

NONE_OF_ITS_OWN: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "auto_configure": False,
}
"""FastAPI's spans hold whole addresses with their queries; ours do not (`service.traces`)."""


def create_app(settings: Settings, *, inspector: Inspects | None = None, crew: Crew | None = None) -> FastAPI:
    """The service, ready to be served. A thread grades with the `inspector`, or a `crew` that is at work already;
    without either, processes with the shipped model."""
    counted, traces = Metrics(), traces_of(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        at = open_workplace(settings)
        store, bell, under_way = at.store, Bell(), parts_of(settings)
        ours = crew or (
            Processes(settings) if inspector is None else Threads(at, [inspector], bell=bell, traces=traces)
        )
        app.state.desk = Desk(
            settings=settings,
            limits=load_refusal_limits(settings.refusal_limits),
            store=store,
            photos=at.photos,
            keyring=Keyring(settings.data_dir / "keys"),
            box=SecretBox(settings.data_dir / "keys" / KEY_FILE),
            intake=at.intake,
            parts=under_way,
            bell=bell,
            turns=Turns(store, most=settings.max_open_uploads),
            crew=ours,
            hashes=Argon2id(),
            openid=openid.provider_of(settings),
            metrics=counted,
            standing=Standing(),
        )
        if crew is None:
            ours.start()
        courier = Courier(
            store,
            targets=targets_of(settings),
            naming=naming_of(settings),
            keyring=app.state.desk.keyring,
            checkpoints=settings.checkpoints,
            parts=under_way,
            clock=now,
        )
        courier.start()
        yield
        courier.stop()
        if crew is None:
            ours.stop()
        store.close()
        traces.stop()

    app = DescribedApi(
        title="qc_vision",
        version=SOFTWARE,
        description=DESCRIPTION,
        lifespan=lifespan,
        telemetry=NONE_OF_ITS_OWN,
        # the usual documentation pages load scripts from elsewhere
        docs_url=None,
        redoc_url=None,
        responses={"default": {"model": Problem, "description": REFUSED}},
    )
    answer_problems(app)
    audit_refusals(app)
    for routes in (
        inspections,
        uploads,
        parts,
        photo_checks,
        items,
        lots,
        series,
        certificates,
        reviews,
        checks,
        register,
        epcis,
        evidence,
        health,
        metrics,
        session,
        account,
        second_factor,
        openid,
        pages,
    ):
        app.include_router(routes.router)
    app.mount("/web", StaticFiles(directory=pages.WEB), name="web")
    app.add_middleware(Tus, path=parts.PATH)
    app.add_middleware(UploadLimit, limit_bytes=settings.max_upload_bytes)
    app.add_middleware(SameSite)
    app.add_middleware(HeaderLimit)
    app.add_middleware(HangUp)
    app.add_middleware(RequestLog, metrics=counted, traces=traces)
    app.add_middleware(SecurityHeaders, https=settings.is_https)
    return app
