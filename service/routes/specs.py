"""The product specs that an upload may name."""

from typing import Any

from fastapi import APIRouter

from qc_vision.spec import load_spec, shipped_specs

router = APIRouter(prefix="/v1/specs", tags=["specs"])


@router.get("", summary="List the shipped specs")
def specs() -> dict[str, Any]:
    loaded = [load_spec(name) for name in shipped_specs()]
    return {"items": [{"id": s.id, "revision": s.revision, "title": {"id": s.title.id, "en": s.title.en}} for s in loaded]}
