"""Items: may this one be exported, and what is missing?"""

from typing import Any

from fastapi import APIRouter
from pydantic import TypeAdapter

from qc_vision.decision import Verdict
from qc_vision.eligibility import Eligibility, PhotoVerdict, judge_eligibility
from qc_vision.message import Message
from qc_vision.spec import load_spec
from service.problems import NotFoundError
from service.routes.inspections import DeskHere

router = APIRouter(prefix="/v1", tags=["items"])
_ELIGIBILITY: TypeAdapter[Eligibility] = TypeAdapter(Eligibility)


@router.get("/items/{ref:path}/eligibility", summary="Every rule of export for one item")
def eligibility(desk: DeskHere, ref: str) -> dict[str, Any]:
    """Judged by the item's latest inspection; what nobody has entered counts as missing, never as met."""
    latest = desk.store.page(limit=1, item_ref=ref)
    if not latest:
        raise NotFoundError(Message(id=f"Keranjang {ref} belum pernah diperiksa.", en=f"Item {ref} was never inspected."))
    photos = [PhotoVerdict(record_id=p.body["id"], verdict=Verdict(p.body["verdict"])) for p in latest[0].photos]
    plain: dict[str, Any] = _ELIGIBILITY.dump_python(judge_eligibility(photos, load_spec(latest[0].spec_id)), mode="json")
    return {"ref": ref, **plain}
