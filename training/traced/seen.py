"""One traced picture and what is true of it: what the tracer writes and the cutter reads."""

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

OUTSIDE, PART, OTHER, END = 1, 2, 3, 4
"""What a pixel shows: the wall from outside; another part of a basket; something before it; an end that stands out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """`light` (h, w, 3) float16 linear RGB; `place` (h, w, 2) float32 row and stake where `part` (h, w) uint8 is OUTSIDE;
    `marks` (h, w) bool where a fault shows; `code` its code, or empty; `weave` a key of `plan.WEAVE_SHARES`."""

    light: NDArray[np.float16]
    place: NDArray[np.float32]
    part: NDArray[np.uint8]
    marks: NDArray[np.bool_]
    code: str
    weave: str


def write_pair(path: Path, faulty: Traced, sound: Traced) -> None:
    """A file appears whole or not at all."""
    named = {"faulty": faulty, "sound": sound}
    values = {f"{name}_{f.name}": getattr(one, f.name) for name, one in named.items() for f in fields(Traced)}
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez_compressed(file, **values)
    part.replace(path)


def read_pair(path: Path) -> tuple[Traced, Traced]:
    """The faulty picture and its sound twin."""
    with path.open("rb") as file, np.load(file) as kept:

        def one(name: str) -> Traced:
            values = {f.name: kept[f"{name}_{f.name}"] for f in fields(Traced)}
            return Traced(**{**values, "code": str(values["code"]), "weave": str(values["weave"])})

        return one("faulty"), one("sound")
