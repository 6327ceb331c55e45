"""The three kinds of folder with truth, told by what lies in them, and their labels."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from qc_vision.errors import StorageError
from qc_vision.message import Message
from training.labels import DensityLabel, read_density, read_rows

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
CODE_OF = {
    "hole": "MAJ-HOLE",
    "missing": "MAJ-HOLE",
    "spread": "MAJ-GAP",
    "skipped_weave": "MIN-PATTERN",
    "loose_end": "MIN-LOOSE",
    "stain": "MAJ-STAIN",
    "mould": "CRT-MOLD",
    "discoloured": "MIN-COLOR",
    "dent": "MAJ-SHAPE",
    "rim_deform": "MAJ-RIM",
}
"""Classes of the path tracer as the domain's codes. Spread rows may be MAJ-GAP or MAJ-DENS: one thing here."""
BROKEN_STAKES = 2.0
"""A missing piece of a weaver shorter than this many stakes is a broken strand, a longer one a hole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One true fault: `mask` (H, W) of its visible pixels, `size_mm` its longest extent on the surface."""

    code: str
    mask: NDArray[np.bool_]
    size_mm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CentreTruth:
    """The weave at the middle of a rendered photo: `quad` (4, 2) px round it, and image vectors (x, y) px
    from one row to the next (weft) and from one stake to the next (warp)."""

    quad: NDArray[np.float64]
    weft_px: NDArray[np.float64]
    warp_px: NDArray[np.float64]
    weft_per_10cm: float
    warp_per_10cm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """The truth of one path-traced photo. `basket` (H, W)."""

    weave: str
    family: str
    basket: NDArray[np.bool_]
    faults: tuple[Fault, ...]
    centre: CentreTruth | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A photo with a planted fault and its sound twin."""

    bad: Path
    sound: Path
    mask: Path
    source: str
    code: str
    severity: str


def kind_of(folder: Path) -> str:
    """`counted`, `planted`, `rendered` or `photos`. StorageError where there is no folder or no photo."""
    if counts_of(folder):
        return "counted"
    if any(folder.glob("*_bad.jpg")):
        return "planted"
    if any(folder.glob("*_mask.png")):
        return "rendered"
    photos_in(folder)
    return "photos"


def counts_of(folder: Path) -> Path | None:
    """The table of hand counts of a folder, if it has one."""
    return next((p for p in (folder / "density.tsv", folder / "density.csv") if p.is_file()), None)


def photos_in(folder: Path) -> list[Path]:
    """All photos of a folder and of those in it. StorageError where there is none, or no such folder."""
    try:
        photos = sorted(p for p in folder.rglob("*") if p.suffix.lower() in PHOTO_SUFFIXES)
    except OSError as wrong:
        raise _no_photo(folder, wrong.strerror or str(wrong)) from wrong
    if not photos:
        raise _no_photo(folder, "0")
    return photos


def _no_photo(folder: Path, found: str) -> StorageError:
    return StorageError(
        Message(
            id=f"Tidak ada foto di {folder} ({found}). Beri folder berisi foto JPEG, PNG, atau WebP.",
            en=f"There is no photo in {folder} ({found}). Give a folder with JPEG, PNG or WebP photos.",
        )
    )


def read_counted(table: Path) -> list[tuple[DensityLabel, tuple[str, ...]]]:
    """The hand counts of a table, each with what its columns `material` and `structure` say, where it has them.

    StorageError names the row that is wrong.
    """
    labels, rows = read_density(table), read_rows(table)
    kinds = [tuple(row[name] for name in ("material", "structure") if row.get(name)) for row in rows]
    return list(zip(labels, kinds, strict=True))


def read_rendered(photo: Path) -> Rendered:
    """The truth beside `bNNNN.jpg`. OSError, KeyError or ValueError where a file is missing or damaged."""
    facts = json.loads(photo.with_suffix(".json").read_text("utf-8"))
    basket = _read_grey(photo.with_name(f"{photo.stem}_mask.png")) > 0
    ids = _read_grey(photo.with_name(f"{photo.stem}_defects.png")) if facts["defects"] else np.zeros(0)
    return Rendered(
        weave=facts["weave"],
        family=facts["family"],
        basket=basket,
        faults=tuple(_fault(entry, ids == entry["id"], facts["points"]) for entry in facts["defects"]),
        centre=_centre(facts),
    )


def read_pair(bad: Path) -> Pair:
    """The pair of `NNN_bad.jpg`. OSError, KeyError or ValueError where its facts are missing or damaged."""
    name = bad.name.removesuffix("_bad.jpg")
    facts = json.loads(bad.with_name(f"{name}.json").read_text("utf-8"))
    return Pair(
        bad=bad,
        sound=bad.with_name(f"{name}_ok.jpg"),
        mask=bad.with_name(f"{name}_mask.png"),
        source=facts["source"],
        code=facts["code"],
        severity=facts["severity"],
    )


def read_mask(path: Path) -> NDArray[np.bool_]:
    return _read_grey(path) > 0


def _read_grey(path: Path) -> NDArray[np.uint8]:
    read = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if read is None:
        raise ValueError(f"{path.name} is missing or damaged")
    return np.asarray(read, dtype=np.uint8)


def _fault(entry: dict[str, Any], mask: NDArray[np.bool_], points: list[dict[str, Any]]) -> Fault:
    """The fault's extent comes from its mask, brought to the surface by the steps of the nearest crossing:
    stakes and rows stand square on each other there, so two image vectors and two pitches say all."""
    ys, xs = np.nonzero(mask)
    if xs.size == 0:
        raise ValueError(f"defect {entry['id']} has no pixels")
    at = np.array([xs.mean(), ys.mean()])
    point = min(points, key=lambda p: np.hypot(p["x"] - at[0], p["y"] - at[1]))
    to_steps = np.linalg.inv(np.column_stack([point["stake_vec_px"], point["weaver_vec_px"]]))
    steps = to_steps @ np.stack([xs, ys])
    mm = steps * np.array([[point["stake_pitch_mm"]], [point["weaver_pitch_mm"]]])
    hull = cv2.convexHull(mm.T.astype(np.float32))[:, 0, :]
    size_mm = float(np.linalg.norm(hull[:, None] - hull[None, :], axis=2).max())
    code = CODE_OF["mould" if entry.get("kind") == "mould" else entry["cls"]]
    stakes_long = float(np.ptp(steps[0]))
    if entry["cls"] == "missing" and entry.get("what") == "weaver" and stakes_long < BROKEN_STAKES:
        code = "MAJ-BROKEN"
    return Fault(code=code, mask=mask, size_mm=size_mm)


def _centre(facts: dict[str, Any]) -> CentreTruth | None:
    """A patch of six by six steps round the crossing nearest to where the truth speaks of the pitch."""
    clean = [p for p in facts["points"] if not p["defect"]]
    if not clean:
        return None
    centre = facts["centre"]
    point = min(clean, key=lambda p: np.hypot(p["x"] - centre["x"], p["y"] - centre["y"]))
    at = np.array([centre["x"], centre["y"]]) + 0.5  # there a pixel's centre is whole, here its corner is
    stake, row = _unit(point["stake_vec_px"]), _unit(point["weaver_vec_px"])
    stake = stake * centre["stake_pitch_mm"] * centre["px_per_mm_along_stake_step"]
    row = row * centre["weaver_pitch_mm"] * centre["px_per_mm_along_weaver_step"]
    corners = [at + 3 * (i * stake + j * row) for i, j in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    return CentreTruth(
        quad=np.array(corners),
        weft_px=row,
        warp_px=stake,
        weft_per_10cm=100 / centre["weaver_pitch_mm"],
        warp_per_10cm=100 / centre["stake_pitch_mm"],
    )


def _unit(vector: list[float]) -> NDArray[np.float64]:
    return np.array(vector) / np.hypot(*vector)
