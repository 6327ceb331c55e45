"""qc_vision: grades photos of handwoven baskets. What others may lean on is named here; it imports lazily,
so that asking for help or for a version loads neither OpenCV nor the model's runtime."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qc_vision.decision import Verdict
    from qc_vision.errors import QcVisionError
    from qc_vision.inspection import Inspection, Inspector, load_inspector
    from qc_vision.record import InspectionRecord, record_json
    from qc_vision.spec import ProductSpec, load_spec

_HOMES = {
    "Inspection": "inspection",
    "InspectionRecord": "record",
    "Inspector": "inspection",
    "ProductSpec": "spec",
    "QcVisionError": "errors",
    "Verdict": "decision",
    "load_inspector": "inspection",
    "load_spec": "spec",
    "record_json": "record",
}

__all__ = [
    "Inspection",
    "InspectionRecord",
    "Inspector",
    "ProductSpec",
    "QcVisionError",
    "Verdict",
    "load_inspector",
    "load_spec",
    "record_json",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'qc_vision' has no attribute {name!r}")
    return getattr(import_module(f"qc_vision.{_HOMES[name]}"), name)
