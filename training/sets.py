"""Labelled sets: how real photos with hand-made labels lie on disk, and how they become samples.

A set is a folder `datasets/NAME/`:
  README.md      the card: origin, licence, how it was labelled
  manifest.csv   path,sha256,basket,lot,village,phone,split   one row per photo; split: train | test
  labels.json    COCO polygons; categories are `basket` and defect codes
  density.csv    file,quad,dir_deg,repeat_px,strands_per_repeat,direction
A photo without polygons has unknown basket and defects; only what was labelled is learnt from.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from qc_vision.errors import StorageError
from qc_vision.message import Message
from qc_vision.photo import decode
from training.data import Sample
from training.labels import (
    DensityLabel,
    Polygon,
    check_density,
    read_density,
    read_polygons,
    read_rows,
    refused,
)
from training.render.fault import CODES
from training.render.scene import SIDE_PX
from training.render.truth import CELL_PX

MANIFEST_COLUMNS = ("path", "sha256", "basket", "lot", "village", "phone", "split")
SPLITS = ("train", "test")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledPhoto:
    """`polygons` is None where nobody outlined anything on this photo (not: where nothing was wrong)."""

    path: Path
    basket: str
    split: str
    polygons: tuple[Polygon, ...] | None
    density: tuple[DensityLabel, ...]


def read_set(folder: Path) -> list[LabelledPhoto]:
    """Reads a set and holds it against its photos. StorageError names every file and row that is wrong."""
    rows = read_rows(folder / "manifest.csv")
    faults = [fault for number, row in enumerate(rows, start=2) for fault in _row_faults(folder, number, row)]
    if not rows:
        faults = [Message(id="manifest.csv tidak berisi foto", en="manifest.csv lists no photo")]
    if faults:
        raise _unusable(folder, faults)
    sizes = {str(row["path"]): _size(folder / str(row["path"])) for row in rows}
    counts, labels = folder / "density.csv", folder / "labels.json"
    density = read_density(counts) if counts.exists() else []
    if faults := check_density(density, sizes, where=counts.name):
        raise _unusable(folder, faults)
    polygons = read_polygons(labels, sizes) if labels.exists() else {}
    return [
        LabelledPhoto(
            path=folder / str(row["path"]),
            basket=str(row["basket"]),
            split=str(row["split"]),
            polygons=polygons.get(str(row["path"])),
            density=tuple(label for label in density if label.file == row["path"]),
        )
        for row in rows
    ]


def _row_faults(folder: Path, number: int, row: Mapping[str, str | None]) -> Iterator[Message]:
    if tuple(row) != MANIFEST_COLUMNS or None in row.values() or row["split"] not in SPLITS:
        columns = ", ".join(MANIFEST_COLUMNS)
        yield Message(
            id=f"manifest.csv, baris {number}: seharusnya kolom {columns}, dan split train atau test",
            en=f"manifest.csv, row {number}: expected the columns {columns}, and train or test as split",
        )
        return
    try:
        same = hashlib.sha256((folder / str(row["path"])).read_bytes()).hexdigest() == row["sha256"]
    except OSError:
        yield Message(
            id=f"manifest.csv, baris {number}: foto {row['path']} tidak ada di folder",
            en=f"manifest.csv, row {number}: photo {row['path']} is missing from the folder",
        )
        return
    if not same:  # as imported it was whole, and its labels lay on it
        yield Message(
            id=f"manifest.csv, baris {number}: foto {row['path']} berubah sejak diimpor",
            en=f"manifest.csv, row {number}: photo {row['path']} has changed since it was imported",
        )


def _unusable(folder: Path, faults: Sequence[Message]) -> StorageError:
    return refused(faults, id=f"Set {folder} tidak dapat dipakai", en=f"The set {folder} cannot be used")


def _size(path: Path) -> tuple[int, int]:
    """Width and height of the upright photo, from its header."""
    with Image.open(path) as photo:
        turned = photo.getexif().get(ExifTags.Base.Orientation, 1) >= 5
        return (photo.height, photo.width) if turned else (photo.width, photo.height)


def crop_sample(photo: LabelledPhoto, rng: np.random.Generator) -> Sample:
    """A random crop of a labelled photo at a random scale, with whatever truth its labels give there."""
    rgb = decode(photo.path.read_bytes()).pixels
    scale = _scale(photo, rng, min(rgb.shape[:2]))
    side = SIDE_PX / scale
    height, width = rgb.shape[:2]
    if photo.density and rng.random() < 0.7:
        centre = photo.density[rng.integers(len(photo.density))].quad.mean(0) + rng.normal(0, side / 6, 2)
    else:
        centre = rng.uniform(0, 1, 2) * (width, height)
    low = np.clip(centre - side / 2, 0, np.maximum(0, np.array([width, height]) - side))
    view = np.array([[scale, 0, -low[0] * scale], [0, scale, -low[1] * scale]])
    shrink = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    crop = cv2.warpAffine(rgb, view, (SIDE_PX, SIDE_PX), flags=shrink, borderMode=cv2.BORDER_REFLECT_101)

    cells = SIDE_PX // CELL_PX

    def paint(points: NDArray[np.float64]) -> NDArray[np.float32]:
        drawn = np.zeros((SIDE_PX, SIDE_PX), np.float32)
        cv2.fillPoly(drawn, [np.round((points - low) * scale).astype(np.int32)], 1.0)
        return np.asarray(cv2.resize(drawn, (cells, cells), interpolation=cv2.INTER_AREA), dtype=np.float32)

    basket, defects = np.zeros((cells, cells), np.float32), np.zeros((len(CODES), cells, cells), np.float32)
    for polygon in photo.polygons or ():
        target = basket if polygon.code == "basket" else defects[CODES.index(polygon.code)]
        np.maximum(target, paint(polygon.points), out=target)
    read, steps = np.zeros((cells, cells), np.float32), np.zeros((4, cells, cells), np.float32)
    for weft in (label for label in photo.density if label.direction == "weft"):
        for warp in (label for label in photo.density if label.direction == "warp"):
            shared = np.minimum(paint(weft.quad), paint(warp.quad))
            truth = np.concatenate([weft.step_px, warp.step_px]).astype(np.float32) * scale
            steps = np.where(shared > 0.5, truth[:, None, None], steps)
            read = np.maximum(read, (shared > 0.5).astype(np.float32))
    has_basket = any(p.code == "basket" for p in photo.polygons or ())
    known = np.array([has_basket, False, photo.polygons is not None, False], np.float32)
    return Sample(
        rgb=crop,
        basket=basket,
        judged=basket * 0,
        read=read,
        steps=steps,
        crests=np.zeros((2, cells, cells), np.float32),
        defects=defects,
        sure=np.ones_like(basket),
        known=known,
    )


def _scale(photo: LabelledPhoto, rng: np.random.Generator, side: int) -> float:
    """Such that strands come out 8 to 40 px wide where a count tells, else a third to the whole in view; never so small
    that the crop reaches beyond the photo, where nothing is labelled."""
    if photo.density:
        pitch = min(label.pitch_px for label in photo.density)
        return float(np.clip(np.exp(rng.uniform(np.log(8), np.log(40))) / pitch, SIDE_PX / side, 4.0))
    return float(SIDE_PX / side * rng.uniform(1, 3))
