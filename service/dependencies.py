"""What routes are given: the open stores and the inspectors, made once at start and kept on the app."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from qc_vision.epcis import Naming
from service.grading import InspectorPool
from service.metrics import Metrics
from service.passwords import Hashes
from service.photos import PhotoStore
from service.settings import Settings
from service.signing import Keyring
from service.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Everything that is open while the service runs."""

    settings: Settings
    store: Store
    photos: PhotoStore
    keyring: Keyring
    inspectors: InspectorPool
    hashes: Hashes
    metrics: Metrics

    @property
    def naming(self) -> Naming:
        return naming_of(self.settings)


def naming_of(settings: Settings) -> Naming:
    """How things are called outside."""
    return Naming(base=f"{settings.public_url}/id", vocabulary=f"{settings.public_url}/id/terms#")


def _desk(request: Request) -> Desk:
    desk = request.app.state.desk
    assert isinstance(desk, Desk)
    return desk


AtDesk = Annotated[Desk, Depends(_desk)]
