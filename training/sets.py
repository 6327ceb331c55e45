"""Labelled sets: how real photos with hand-made labels lie on disk, and how they become samples.

A set is a folder `datasets/NAME/`:
  README.md      the card: origin, licence, how it was labelled
  manifest.csv   path,sha256,basket,lot,village,phone,split   one row per photo; split: train | test
  labels.json    COCO polygons; categories are `basket` and defect codes
  density.csv    file,quad,dir_deg,repeat_px,strands_per_repeat,direction
A photo without polygons has unknown basket and defects; only what was labelled is learnt from.
"""

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from qc_vision.errors import StorageError
from qc_vision.message import Message
from qc_vision.photo import decode
from training.data import Sample
from training.render.fault import CODES
from training.render.scene import SIDE_PX
from training.render.truth import CELL_PX

MANIFEST_COLUMNS = ("path", "sha256", "basket", "lot", "village", "phone", "split")
DENSITY_COLUMNS = ("file", "quad", "dir_deg", "repeat_px", "strands_per_repeat", "direction")


@dataclass(frozen=True, slots=True, kw_only=True)
class DensityLabel:
    """A hand count: in `quad` (4, 2) px, along `dir_deg`, one repeat of `strands_per_repeat` strands."""

    file: str
    quad: NDArray[np.float64]
    dir_deg: float
    repeat_px: float
    strands_per_repeat: int
    direction: str

    @property
    def pitch_px(self) -> float:
        return self.repeat_px / self.strands_per_repeat

    @property
    def step_px(self) -> NDArray[np.float64]:
        """Image vector (x, y) from one strand to the next."""
        angle = np.deg2rad(self.dir_deg)
        return self.pitch_px * np.array([np.cos(angle), np.sin(angle)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Polygon:
    code: str
    points: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledPhoto:
    """`polygons` is None where nobody outlined anything on this photo (not: where nothing was wrong)."""

    path: Path
    basket: str
    split: str
    polygons: tuple[Polygon, ...] | None
    density: tuple[DensityLabel, ...]


def parse_quad(text: str) -> NDArray[np.float64]:
    """`x,y;x,y;x,y;x,y` as (4, 2)."""
    points = np.array([[float(v) for v in point.split(",")] for point in text.split(";")])
    if points.shape != (4, 2):
        raise ValueError(f"a quad has four x,y points, found {text!r}")
    return points


def read_density(path: Path) -> list[DensityLabel]:
    """Rows of a density table (comma- or tab-separated, told by its header). ValueError names the row."""
    text = path.read_text("utf-8")
    delimiter = "\t" if "\t" in text.partition("\n")[0] else ","
    labels = []
    for number, row in enumerate(csv.DictReader(text.splitlines(), delimiter=delimiter), start=2):
        try:
            label = DensityLabel(
                file=row["file"],
                quad=parse_quad(row["quad"]),
                dir_deg=float(row["dir_deg"]) % 180,
                repeat_px=float(row["repeat_px"]),
                strands_per_repeat=int(row["strands_per_repeat"]),
                direction=row["direction"],
            )
        except (KeyError, TypeError, ValueError) as wrong:
            raise ValueError(f"{path.name}, row {number}: {wrong}") from wrong
        if label.repeat_px <= 0 or label.strands_per_repeat < 1 or label.direction not in ("weft", "warp"):
            raise ValueError(
                f"{path.name}, row {number}: repeat_px > 0, strands_per_repeat >= 1, direction weft or warp"
            )
        labels.append(label)
    return labels


def read_set(folder: Path) -> list[LabelledPhoto]:
    """Reads a set. StorageError says which file or row is wrong."""
    try:
        rows = list(csv.DictReader((folder / "manifest.csv").read_text("utf-8").splitlines()))
        if rows and tuple(rows[0]) != MANIFEST_COLUMNS:
            raise ValueError(
                f"manifest.csv: columns {', '.join(rows[0])}; expected {', '.join(MANIFEST_COLUMNS)}"
            )
        polygons = _polygons(folder / "labels.json")
        density = read_density(folder / "density.csv") if (folder / "density.csv").exists() else []
    except (OSError, ValueError, KeyError, json.JSONDecodeError) as wrong:
        raise StorageError(
            Message(
                id=f"Set {folder.name} tidak dapat dibaca: {wrong}",
                en=f"The set {folder.name} cannot be read: {wrong}",
            )
        ) from wrong
    return [
        LabelledPhoto(
            path=folder / row["path"],
            basket=row["basket"],
            split=row["split"],
            polygons=polygons.get(row["path"]),
            density=tuple(label for label in density if label.file == row["path"]),
        )
        for row in rows
    ]


def _polygons(path: Path) -> dict[str, tuple[Polygon, ...]]:
    if not path.exists():
        return {}
    coco = json.loads(path.read_text("utf-8"))
    names = {c["id"]: c["name"] for c in coco["categories"]}
    found: dict[str, list[Polygon]] = {image["file_name"]: [] for image in coco["images"]}
    files = {image["id"]: image["file_name"] for image in coco["images"]}
    for annotation in coco["annotations"]:
        for ring in annotation["segmentation"]:
            points = np.array(ring, dtype=np.float64).reshape(-1, 2)
            found[files[annotation["image_id"]]].append(
                Polygon(code=names[annotation["category_id"]], points=points)
            )
    return {name: tuple(polygons) for name, polygons in found.items()}


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
    """Such that strands come out 8 to 40 px wide where a count tells, else a third to the whole in view."""
    if photo.density:
        pitch = min(label.pitch_px for label in photo.density)
        return float(np.clip(np.exp(rng.uniform(np.log(8), np.log(40))) / pitch, SIDE_PX / side * 0.8, 4.0))
    return float(SIDE_PX / side * rng.uniform(1, 3))
