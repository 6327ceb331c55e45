"""The application: `create_app(settings)` wires rooms together; its lifespan opens and closes them."""

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI

from qc_vision.inspection import Inspector, load_inspector
from service import problems
from service.inspections import Desk
from service.limits import BodyLimit
from service.photos import PhotoFolder
from service.routes import health, inspections, items, pages, specs
from service.settings import Settings
from service.store import Store


def create_app(settings: Settings, *, load: Callable[[], Inspector] = load_inspector) -> FastAPI:
    """The service over one data folder. `load` gives the inspector, once, at start."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        photos = PhotoFolder(settings.data / "photos")
        store = Store(f"sqlite:///{settings.data / 'records.sqlite'}")
        app.state.settings = settings
        app.state.desk = Desk(
            inspector=load(), store=store, photos=photos, turns=threading.BoundedSemaphore(settings.workers)
        )
        yield
        store.close()

    app = FastAPI(
        title="qc_vision",
        summary="Grades photos of handwoven baskets and keeps the record",
        version="1",
        lifespan=lifespan,
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
    )
    problems.install(app)
    app.add_middleware(BodyLimit, max_bytes=settings.request_max_bytes)
    for router in (inspections.router, items.router, specs.router, health.router, pages.router):
        app.include_router(router)
    return app
