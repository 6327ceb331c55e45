"""What the shipped model was measured to find, as a reader of baskets: for the curves of a plan, never for a verdict."""

import json
from dataclasses import dataclass
from functools import cache

from qc_vision.operating_characteristic import Reader

FAILED_RIGHTLY = "faulty, planted: fail"
FAILED_WRONGLY = "false fail on sound: planted twins"
"""The figures of `metrics.json` that are read: of real photos with a fault put in, and of the same photos without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredModel:
    """`reader`: somebody who calls nonconforming what the model fails, and nothing else; what it sends to a person
    counts as passed."""

    version: str
    reader: Reader


@cache
def measured_model() -> MeasuredModel | None:
    """The model in use with its measured figures; None where it came without them. Raises ModelError where there is no
    model."""
    from qc_vision.model import champion_folder  # onnxruntime, which no start should wait for

    folder = champion_folder()
    try:
        figures = json.loads((folder / "metrics.json").read_text("utf-8"))["figures"]
    except (OSError, ValueError, KeyError):
        return None
    of_model = {figure["what"]: float(figure["value"]) for figure in figures if figure["who"] == "model"}
    if not {FAILED_RIGHTLY, FAILED_WRONGLY} <= of_model.keys():
        return None
    reader = Reader(sensitivity=of_model[FAILED_RIGHTLY], specificity=1 - of_model[FAILED_WRONGLY])
    return MeasuredModel(version=folder.name, reader=reader)
