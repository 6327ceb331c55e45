"""What routes are given: the open stores and those who grade, made once at start and kept on the app."""

from dataclasses import dataclass
from typing import Annotated, Protocol

from fastapi import Depends, Request

from qc_vision.epcis import Naming
from qc_vision.refusal_limits import RefusalLimits
from service.intake import Intake
from service.metrics import Metrics
from service.openid import OpenId
from service.parts import Parts
from service.passwords import Hashes
from service.photos import PhotoStore
from service.reception import Bell
from service.secret_box import SecretBox
from service.settings import Settings
from service.signing import Keyring
from service.standing import Standing
from service.store import Store
from service.turns import Turns


class Crew(Protocol):
    """Whoever grades. `size`: how many uploads at the same time."""

    @property
    def size(self) -> int: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Everything that is open while the service runs."""

    settings: Settings
    limits: RefusalLimits
    store: Store
    photos: PhotoStore
    keyring: Keyring
    box: SecretBox
    intake: Intake
    parts: Parts
    bell: Bell
    turns: Turns
    crew: Crew
    hashes: Hashes
    openid: OpenId | None
    metrics: Metrics
    standing: Standing

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
