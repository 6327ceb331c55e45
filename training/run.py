"""A training run as a file: what differs between two runs is what differs between two files."""

import tomllib
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from qc_vision.errors import SpecError
from qc_vision.message import Message


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Run:
    seed: int
    steps: int
    batch: int
    learning_rate: float
    encoder_learning_rate: float
    weight_decay: float
    cooldown: float
    average: float
    renders: int
    kept: int
    render_seed: int
    warm_start: str
    sets: dict[str, float]


def load_run(path: Path) -> Run:
    """Reads and checks a run file; SpecError names the key that is wrong."""
    try:
        return TypeAdapter(Run).validate_python(tomllib.loads(path.read_text("utf-8")))
    except (OSError, tomllib.TOMLDecodeError, ValidationError) as wrong:
        raise SpecError(
            Message(
                id=f"Berkas latihan {path} tidak dapat dipakai: {wrong}",
                en=f"The run file {path} cannot be used: {wrong}",
            )
        ) from wrong
