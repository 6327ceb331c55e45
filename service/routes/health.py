"""`/healthz`: the process lives. `/readyz`: it can grade and keep."""

from fastapi import APIRouter

from service.dependencies import AtDesk
from service.permission import PUBLIC, AskedFirst
from service.photos import prepare_folder

router = APIRouter(tags=["health"], route_class=AskedFirst)


@router.get("/healthz", dependencies=[PUBLIC])
def live() -> dict[str, str]:
    """Answers as long as the process does."""
    return {"status": "ok"}


@router.get(
    "/readyz",
    dependencies=[PUBLIC],
    responses={507: {"description": "The data folder cannot be read or written"}},
)
def ready(desk: AtDesk) -> dict[str, str]:
    """Answers 200 once the model is loaded, and while records and photos can be kept."""
    desk.store.check()
    desk.photos.check()
    prepare_folder(desk.settings.data_dir)
    return {"status": "ready"}
