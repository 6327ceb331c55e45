"""What routes are given: the open stores and the inspectors, made once at start and kept on the app."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from service.grading import InspectorPool
from service.photos import PhotoStore
from service.settings import Settings
from service.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Everything that is open while the service runs."""

    settings: Settings
    store: Store
    photos: PhotoStore
    inspectors: InspectorPool


def _desk(request: Request) -> Desk:
    desk = request.app.state.desk
    assert isinstance(desk, Desk)
    return desk


AtDesk = Annotated[Desk, Depends(_desk)]
