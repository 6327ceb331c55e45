"""What the model said of one photo: the only place of the evaluation that touches the inspector."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from qc_vision.calibration import NO_SCALE
from qc_vision.defects import find_regions
from qc_vision.density import DensityReading, read_density
from qc_vision.errors import QcVisionError
from qc_vision.inspection import Inspection, Inspector
from qc_vision.spec import ProductSpec
from training.evaluate.cells import CellMap

Seen = TypeVar("Seen")

NO_BASKET = "no_basket"
FLOORS = np.round(np.geomspace(0.95, 0.05, 18), 4)
"""Region scores at which alarms are counted, highest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """One photo as the model saw it, small enough to keep by the hundred.

    `basket`: the probability of woven basket; `heat`: the highest probability over all defect codes.
    """

    path: Path
    verdict: str
    reasons: tuple[str, ...]
    score: float
    basket: CellMap
    heat: CellMap
    seconds: float

    @property
    def refused_as_no_basket(self) -> bool:
        return self.verdict == "retake" and NO_BASKET in self.reasons


def sight_of(path: Path, inspection: Inspection) -> Sight:
    record, weave_map = inspection.record, inspection.weave_map
    highest = weave_map.defects.max(axis=0, initial=0.0)
    return Sight(
        path=path,
        verdict=str(record.verdict),
        reasons=tuple(finding.code for finding in record.reasons),
        score=record.defect_score,
        basket=CellMap(values=weave_map.basket.astype(np.float16), px_per_cell=weave_map.px_per_cell),
        heat=CellMap(values=highest.astype(np.float16), px_per_cell=weave_map.px_per_cell),
        seconds=sum(inspection.timing_ms.values()) / 1000,
    )


def read_patch(inspection: Inspection, quad: NDArray[np.float64]) -> tuple[DensityReading, ...]:
    """The readings of a patch (4, 2) px, from the maps that the inspection made."""
    return read_density(inspection.weave_map, scale=NO_SCALE, quad=quad)


def outline_regions(inspection: Inspection) -> Iterator[list[NDArray[np.float64]]]:
    """For each of `FLOORS`, outlines (n, 2) px of what the product would show, were that the threshold of every
    code. Found only as they are asked for: low floors cost most."""
    weave_map = inspection.weave_map
    for floor in FLOORS:
        every = dict.fromkeys(weave_map.codes, float(floor))
        regions = find_regions(weave_map, pitch_px=None, scale=NO_SCALE, floor=every)
        yield [np.array(region.polygon) for region in regions]


class Looker:
    """Inspects photo after photo; one that cannot be read or measured is left out and said so, since one
    bad file must not cost the table."""

    def __init__(self, inspector: Inspector, spec: ProductSpec, *, limit: int | None = None) -> None:
        self._inspector = inspector
        self._spec = spec
        self._limit = limit
        self.left_out: list[tuple[str, str]] = []

    def look(
        self, paths: Iterable[Path], measure: Callable[[Path, Inspection], Seen], *, name: str
    ) -> Iterator[Seen]:
        """`measure` of each photo (of the first `limit`), in order; each passes through the network once."""
        for path in tqdm(list(paths)[: self._limit], desc=name, unit="photo"):
            try:
                yield measure(path, self._inspector.inspect(path.read_bytes(), spec=self._spec))
            except Exception as wrong:  # whatever one photo or its label holds, the others are measured
                self.leave_out(path, wrong)

    def leave_out(self, path: Path, wrong: Exception) -> None:
        why = wrong.message.en if isinstance(wrong, QcVisionError) else f"{type(wrong).__name__}: {wrong}"
        self.left_out.append((str(path), why))
