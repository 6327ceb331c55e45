"""`/v1/items`: may this item be exported? `/v1/specs`: what it can be judged by."""

from typing import Any

from fastapi import APIRouter

from qc_vision.eligibility import Eligibility
from qc_vision.message import Message
from qc_vision.spec import load_spec, shipped_specs
from service.answers import SpecAnswer
from service.dependencies import AtDesk
from service.dossier import judge_item
from service.examples import ELIGIBILITY_EXAMPLE
from service.permission import AsAnyone, AskedFirst
from service.problems import NOT_FOUND, RequestRefused
from service.store import now

router = APIRouter(prefix="/v1", tags=["items"], route_class=AskedFirst)

ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"example": ELIGIBILITY_EXAMPLE}}},
}
METRIC_UNITS = ("mm", "mm2", "per_10cm")


@router.get("/items/{ref}/eligibility", responses=ANSWERS)
def judge_item_eligibility(desk: AtDesk, caller: AsAnyone, ref: str) -> Eligibility:
    """Export eligibility of the item by its latest inspection, with every rule that holds, fails or is
    still missing."""
    inspection = desk.store.find_latest(ref)
    if inspection is None:
        raise RequestRefused(
            NOT_FOUND,
            Message(
                id="Keranjang dengan kode itu belum pernah diperiksa. Periksa kodenya, atau nilai fotonya dulu.",
                en="No item of that code has been inspected. Check the code, or grade its photos first.",
            ),
        )
    with desk.store.reading() as connection:
        return judge_item(connection, inspection, now=now())


@router.get("/specs")
def list_specs(caller: AsAnyone) -> list[SpecAnswer]:
    """The product specs on offer. `needs_scale`: it limits centimetres, so a photo alone cannot pass."""
    specs = [load_spec(name) for name in shipped_specs()]
    return [
        SpecAnswer(
            id=spec.id,
            revision=spec.revision,
            title=spec.title.message(),
            needs_scale=any(limit.unit in METRIC_UNITS for limit in spec.limits),
            has_sampling=spec.sampling is not None,
            two_persons=spec.two_persons,
        )
        for spec in specs
    ]
