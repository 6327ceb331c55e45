"""A training run as a file: what differs between two runs is what differs between two files."""

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from qc_vision.errors import SpecError
from qc_vision.message import Message


def _no_more_than_a_batch(shares: dict[str, float]) -> dict[str, float]:
    if sum(shares.values()) > 1:
        raise ValueError(f"the shares of the sets add up to {sum(shares.values()):g}; 1 is a whole batch")
    return shares


Positive = Annotated[int, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Run:
    seed: Annotated[int, Field(ge=0)]
    steps: Positive
    batch: Positive
    learning_rate: Annotated[float, Field(gt=0)]
    encoder_learning_rate: Annotated[float, Field(ge=0)]
    weight_decay: Annotated[float, Field(ge=0)]
    cooldown: Annotated[float, Field(gt=0, le=1)]
    average: Annotated[float, Field(ge=0, lt=1)]
    renders: Positive
    kept: Positive
    render_seed: Annotated[int, Field(ge=0)]
    traced: Share = 0.0
    warm_start: tuple[str, ...]
    sets: Annotated[dict[str, Share], AfterValidator(_no_more_than_a_batch)]


def load_run(path: Path) -> Run:
    """Reads and checks a run file; SpecError names the key that is wrong."""
    try:
        return TypeAdapter(Run).validate_python(tomllib.loads(path.read_text("utf-8")))
    except (OSError, ValueError, ValidationError) as wrong:
        raise SpecError(
            Message(
                id=f"Berkas latihan {path} tidak dapat dipakai: {wrong}",
                en=f"The run file {path} cannot be used: {wrong}",
            )
        ) from wrong
