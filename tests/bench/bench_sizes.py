"""How true are gap widths, lengths and areas in mm, on photos whose faults are known? Prints; asserts nothing.

    python -m tests.bench.bench_sizes FOLDER

FOLDER as for `bench_card`, with NAME_defects.png (ids of the faults in `defects`) and NAME_mask.png (128: a
see-through gap). Only photos with the card on the wall count.

The *ruler*: the true region, averaged over the model's cells, goes where its probabilities go otherwise; what is off
then is scale and measuring. The *whole line*: the region that the model finds itself.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from qc_vision.calibration import Calibration
from qc_vision.card import Card
from qc_vision.card_register import KnownCards
from qc_vision.defects import DefectRegion, find_regions
from qc_vision.inspection import DECODED_SIDE_PX
from qc_vision.model import load_model
from qc_vision.perception import Perceiver
from qc_vision.photo import decode
from qc_vision.scale import read_scale
from qc_vision.weave import WeaveMap

GAP = 128
GAP_KIND = "gap"
GAP_MM = (3.0, 15.0)
GAPS_A_PHOTO = 12
MEASURED_A_PHOTO = 40
NEAREST = 6
FINER_PER_MM = 8
CODES = {"missing": "MAJ-HOLE", "hole": "MAJ-HOLE", "spread": "MAJ-GAP", "stain": "MAJ-STAIN"}

Mask = NDArray[np.bool_]
Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    width_mm: float
    length_mm: float
    area_mm2: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    kind: str
    mask: Mask
    true: Size


class Surface:
    """The true wall of one photo: how many millimetres a pixel spans, by the crossings next to it."""

    def __init__(self, points: list[dict[str, Any]]) -> None:
        self._places = np.array([[p["x"], p["y"]] for p in points])
        px = np.array([np.column_stack([p["stake_vec_px"], p["weaver_vec_px"]]) for p in points])
        pitch_mm = np.array([[p["stake_pitch_mm"], p["weaver_pitch_mm"]] for p in points])
        self._mm_from_px = pitch_mm[:, :, None] * np.linalg.inv(px)

    def mm_from_px(self, x: float, y: float) -> Points:
        """(2, 2) that takes a step in px to one along stakes and rows in mm."""
        away = np.hypot(*(self._places - (x, y)).T)
        near = np.argsort(away)[:NEAREST]
        return np.asarray(np.average(self._mm_from_px[near], axis=0, weights=1 / (1 + away[near])))

    def measure(self, mask: Mask) -> Size | None:
        """Of the largest part of a region, laid flat; None where there is none."""
        outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        if not outlines:
            return None
        outline = max(outlines, key=cv2.contourArea)[:, 0].astype(np.float64)
        # a pixel's outline runs half a pixel outside its centre
        ring = cv2.drawContours(np.zeros(mask.shape, np.uint8), [outline.astype(np.int32)], -1, 1, cv2.FILLED)
        middle = outline.mean(axis=0)
        to_mm = self.mm_from_px(*middle)
        flat = (outline - middle) @ to_mm.T
        low, high = flat.min(axis=0) - 1, flat.max(axis=0) + 1
        width, height = np.ceil((high - low) * FINER_PER_MM).astype(int)
        px_from_fine = np.linalg.inv(to_mm) / FINER_PER_MM
        offset = middle + np.linalg.inv(to_mm) @ low
        laid = cv2.warpAffine(
            ring,
            np.column_stack([px_from_fine, offset]),
            (int(width), int(height)),
            flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP,
        )
        if not laid.any():
            return None
        hull = cv2.convexHull(cv2.findNonZero(laid))[:, 0].astype(np.float64)
        return Size(
            width_mm=2 * float(cv2.distanceTransform(laid, cv2.DIST_L2, 5).max()) / FINER_PER_MM,
            length_mm=float(np.linalg.norm(hull[:, None] - hull[None], axis=2).max()) / FINER_PER_MM,
            area_mm2=float(laid.sum()) / FINER_PER_MM**2,
        )


def faults(path: Path, truth: dict[str, Any]) -> Iterator[Fault]:
    """The gaps of the right width first, then the faults that have a size."""
    surface = Surface(truth["points"])
    seen = cv2.imread(str(path.with_name(f"{path.stem}_mask.png")), cv2.IMREAD_GRAYSCALE)
    count, labels, stats, _ = cv2.connectedComponentsWithStats((seen == GAP).astype(np.uint8))
    largest = sorted(range(1, count), key=lambda k: -stats[k, cv2.CC_STAT_AREA])[:MEASURED_A_PHOTO]
    sized = ((labels == label, surface.measure(labels == label)) for label in largest)
    gaps = (
        Fault(kind=GAP_KIND, mask=m, true=s) for m, s in sized if s and GAP_MM[0] <= s.width_mm <= GAP_MM[1]
    )
    yield from islice(gaps, GAPS_A_PHOTO)
    ids = cv2.imread(str(path.with_name(f"{path.stem}_defects.png")), cv2.IMREAD_UNCHANGED)
    for fault in truth["defects"]:
        size = surface.measure(ids == fault["id"]) if fault["cls"] in CODES else None
        if size:
            yield Fault(kind=fault["cls"], mask=ids == fault["id"], true=size)


def ruled(fault: Fault, weave_map: WeaveMap, scale: Calibration) -> DefectRegion | None:
    """The true region as the model's cells would show it, measured."""
    rows, columns = weave_map.basket.shape
    cells = np.zeros_like(weave_map.defects)
    code = weave_map.codes.index(CODES.get(fault.kind, "MAJ-GAP"))
    fine = np.zeros(
        (int(rows * weave_map.px_per_cell) + 1, int(columns * weave_map.px_per_cell) + 1), np.float32
    )
    fine[: fault.mask.shape[0], : fault.mask.shape[1]] = fault.mask
    to_px = weave_map.px_per_cell * np.eye(2, 3)
    to_px[:, 2] = weave_map.px_per_cell / 2 - 0.5
    soft = cv2.blur(fine, (round(weave_map.px_per_cell),) * 2)
    cells[code] = cv2.warpAffine(soft, to_px, (columns, rows), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    shown = replace(weave_map, defects=cells, basket=np.ones_like(weave_map.basket))
    found = find_regions(shown, pitch_px=None, scale=scale, floor=dict.fromkeys(weave_map.codes, 0.02))
    return max(found, key=lambda region: region.area_px, default=None)


def overlapping(fault: Fault, regions: tuple[DefectRegion, ...]) -> DefectRegion | None:
    """Of the model's regions the one that shares most with the fault."""

    def shared(region: DefectRegion) -> int:
        drawn = np.zeros(fault.mask.shape, np.uint8)
        cv2.fillPoly(drawn, [np.array(region.polygon).astype(np.int32)], 1)
        return int((fault.mask & (drawn > 0)).sum())

    best = max(regions, key=shared, default=None)
    return best if best and shared(best) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One fault as it is, as the ruler reads it, and as the model found it. `near`: the scale is sure there."""

    kind: str
    near: bool
    true: Size
    ruler: Size | None
    line: Size | None


def measure(
    path: Path, truth: dict[str, Any], perceiver: Perceiver, floor: dict[str, float]
) -> Iterator[Row]:
    photo = decode(path.read_bytes(), min_side_px=DECODED_SIDE_PX)
    weave_map = perceiver.perceive(photo)
    card = truth["card"]
    known = KnownCards(cards=(Card(dictionary=card["dict"], ids=(0, 1, 2, 3), marker_mm=card["marker_mm"]),))
    scale = read_scale(photo, weave_map, known=known)
    regions = find_regions(weave_map, pitch_px=None, scale=scale, floor=floor)
    valid = np.array(scale.valid_region, np.float32)
    for fault in faults(path, truth):
        y, x = np.argwhere(fault.mask).mean(axis=0)
        yield Row(
            kind=fault.kind,
            near=len(valid) > 0 and cv2.pointPolygonTest(valid, (float(x), float(y)), False) >= 0,
            true=fault.true,
            ruler=_stated(ruled(fault, weave_map, scale)),
            line=_stated(overlapping(fault, regions)),
        )


def _stated(region: DefectRegion | None) -> Size | None:
    if not region or region.width_mm is None or region.max_feret_mm is None or region.area_mm2 is None:
        return None
    return Size(width_mm=region.width_mm, length_mm=region.max_feret_mm, area_mm2=region.area_mm2)


def _tell(rows: Sequence[Row], which: Literal["ruler", "line"]) -> None:
    pairs = [(read, row.true) for row in rows if (read := getattr(row, which))]
    said = f"  {which}: {len(pairs)} of {len(rows)}"
    if pairs:
        read, true = (np.array([astuple(size) for size in sizes]) for sizes in zip(*pairs, strict=True))
        off = np.median(np.abs(read - true), axis=0)
        share = np.median(np.abs(read / true - 1), axis=0)
        said += (
            f"; median error of width {off[0]:.2f} mm ({share[0]:.1%}), length {off[1]:.2f} mm ({share[1]:.1%}), "
            f"area {off[2]:.0f} mm2 ({share[2]:.1%})"
        )
    print(said)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    model = load_model()
    perceiver = Perceiver(model)
    floor = {code: t.review for code, t in model.manifest.thresholds.items()}
    rows: list[Row] = []
    for path in sorted(folder.glob("*.jpg")):
        truth = json.loads(path.with_suffix(".json").read_text("utf-8"))
        if truth.get("card") and truth["card"]["where"] == "on_surface":
            for row in measure(path, truth, perceiver, floor):
                print(path.stem, truth["form"], row, flush=True)
                rows.append(row)
    for kind in sorted({row.kind for row in rows}):
        for near in (True, False):
            of_kind = [row for row in rows if (row.kind, row.near) == (kind, near)]
            if of_kind:
                print(f"{kind}, {'where the scale is sure' if near else 'elsewhere'}")
                _tell(of_kind, "ruler")
                if kind != GAP_KIND:  # a natural opening: the model is right to call it nothing
                    _tell(of_kind, "line")


if __name__ == "__main__":
    main()
