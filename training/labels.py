"""Labels made by hand, read and checked: COCO polygons and tables of counts. Every fault is named, not only the first."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qc_vision.errors import StorageError
from qc_vision.message import Message
from training.render.fault import CODES

CATEGORIES = ("basket", *CODES)
DENSITY_COLUMNS = ("file", "quad", "dir_deg", "repeat_px", "strands_per_repeat", "direction")
Sizes = Mapping[str, tuple[int, int]]
"""Width and height of each photo, by file name."""


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


def refused(faults: Sequence[Message], *, id: str, en: str) -> StorageError:
    """One error that lists every fault, in both languages."""
    return StorageError(
        Message(
            id="\n  ".join((f"{id}; perbaiki {len(faults)} hal ini lalu ulangi:", *(f.id for f in faults))),
            en="\n  ".join((f"{en}; mend these {len(faults)} and try again:", *(f.en for f in faults))),
        )
    )


def parse_quad(text: str) -> NDArray[np.float64]:
    """`x,y;x,y;x,y;x,y` as (4, 2)."""
    points = np.array([[float(v) for v in point.split(",")] for point in text.split(";")])
    if points.shape != (4, 2):
        raise ValueError(f"a quad has four x,y points, found {text!r}")
    return points


def read_density(path: Path) -> list[DensityLabel]:
    """Rows of a density table (comma- or tab-separated, told by its header). StorageError names every row at fault."""
    labels, faults = [], []
    for number, row in enumerate(read_rows(path), start=2):
        try:
            labels.append(_density_label(row))
        except (KeyError, TypeError, ValueError):
            found = ", ".join(f"{name} {row.get(name)!r}" for name in DENSITY_COLUMNS)
            faults.append(
                Message(
                    id=f"{path.name}, baris {number}: tertulis {found}; seharusnya quad 'x,y;x,y;x,y;x,y', dir_deg angka, "
                    "repeat_px > 0, strands_per_repeat bilangan bulat >= 1, direction weft atau warp",
                    en=f"{path.name}, row {number}: found {found}; expected quad 'x,y;x,y;x,y;x,y', dir_deg a number, "
                    "repeat_px > 0, strands_per_repeat a whole number >= 1, direction weft or warp",
                )
            )
    if faults:
        raise refused(
            faults, id=f"Tabel hitungan {path} tidak dapat dipakai", en=f"The counts in {path} cannot be used"
        )
    return labels


def read_rows(path: Path) -> list[dict[str, str | None]]:
    """Rows of a comma- or tab-separated table, by the names in its header. StorageError where it is no such table."""
    try:
        text = path.read_text("utf-8-sig")
        delimiter = "\t" if "\t" in text.partition("\n")[0] else ","
        return list(csv.DictReader(text.splitlines(), delimiter=delimiter))
    except (OSError, ValueError, csv.Error) as wrong:
        raise StorageError(
            Message(
                id=f"Tabel {path} tidak dapat dibaca ({wrong}); yang diharapkan teks CSV atau TSV dalam UTF-8.",
                en=f"The table {path} cannot be read ({wrong}); CSV or TSV text in UTF-8 is expected.",
            )
        ) from wrong


def _density_label(row: Mapping[str, str | None]) -> DensityLabel:
    texts = {name: row[name] or "" for name in DENSITY_COLUMNS}
    label = DensityLabel(
        file=texts["file"],
        quad=parse_quad(texts["quad"]),
        dir_deg=float(texts["dir_deg"]) % 180,
        repeat_px=float(texts["repeat_px"]),
        strands_per_repeat=int(texts["strands_per_repeat"]),
        direction=texts["direction"],
    )
    numbers = (*label.quad.ravel(), label.dir_deg, label.repeat_px)
    if not np.isfinite(numbers).all() or label.repeat_px <= 0 or label.strands_per_repeat < 1:
        raise ValueError(f"{label.repeat_px} / {label.strands_per_repeat}")
    if label.direction not in ("weft", "warp"):
        raise ValueError(label.direction)
    return label


def check_density(labels: Sequence[DensityLabel], sizes: Sizes, *, where: str) -> list[Message]:
    """What is wrong with counts of these photos: `where` names their table."""
    faults = []
    for number, label in enumerate(labels, start=2):
        if label.file not in sizes:
            faults.append(_missing(f"{where}, baris {number}", f"{where}, row {number}", label.file))
        elif not _inside(label.quad, sizes[label.file]):
            faults.append(
                _outside(f"{where}, baris {number}", f"{where}, row {number}", label.file, sizes[label.file])
            )
    return faults


def read_polygons(path: Path, sizes: Sizes) -> dict[str, tuple[Polygon, ...]]:
    """The polygons of a COCO file by photo, for each photo that it lists. StorageError names every one at fault."""
    try:
        coco = json.loads(path.read_text("utf-8"))
        names = {c["id"]: c["name"] for c in coco["categories"]}
        files = {i["id"]: i["file_name"] for i in coco["images"]}
        annotations = list(coco.get("annotations", []))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as wrong:
        raise StorageError(
            Message(
                id=f"{path} bukan berkas COCO dengan categories dan images ({wrong!r}). Ekspor ulang labelnya.",
                en=f"{path} is no COCO file with categories and images ({wrong!r}). Export the labels again.",
            )
        ) from wrong
    faults = [
        Message(
            id=f"{path.name}: kategori '{name}' tidak dikenal; yang ada: {', '.join(CATEGORIES)}",
            en=f"{path.name}: category '{name}' is unknown; there are {', '.join(CATEGORIES)}",
        )
        for name in names.values()
        if name not in CATEGORIES
    ]
    faults += [_missing(path.name, path.name, str(name)) for name in files.values() if name not in sizes]
    found: dict[str, list[Polygon]] = {name: [] for name in files.values()}
    for number, annotation in enumerate(annotations, start=1):
        try:
            file, code = files[annotation["image_id"]], names[annotation["category_id"]]
            rings = [np.array(ring, dtype=np.float64).reshape(-1, 2) for ring in annotation["segmentation"]]
            if (
                not rings
                or any(len(ring) < 3 for ring in rings)
                or isinstance(annotation["segmentation"], dict)
            ):
                raise ValueError(annotation["segmentation"])
        except (KeyError, TypeError, ValueError, AttributeError):
            faults.append(_no_polygon(path.name, number, annotation))
            continue
        if file in sizes and not all(_inside(ring, sizes[file]) for ring in rings):
            named = _named(number, annotation)
            faults.append(
                _outside(
                    f"{path.name}, anotasi {named}", f"{path.name}, annotation {named}", file, sizes[file]
                )
            )
        found[file] += [Polygon(code=code, points=ring) for ring in rings]
    if faults:
        raise refused(
            faults, id=f"Label {path} tidak dapat dipakai", en=f"The labels in {path} cannot be used"
        )
    return {name: tuple(polygons) for name, polygons in found.items()}


def _named(number: int, annotation: Any) -> Any:
    return annotation.get("id", number) if isinstance(annotation, dict) else number


def _no_polygon(where: str, number: int, annotation: Any) -> Message:
    named = _named(number, annotation)
    return Message(
        id=f"{where}, anotasi {named}: yang diharapkan image_id dan category_id yang ada di berkas itu, dan di "
        "'segmentation' poligon dengan sedikitnya tiga pasang x, y (mask run-length tidak dibaca)",
        en=f"{where}, annotation {named}: expected an image_id and a category_id of that file, and in 'segmentation' "
        "polygons of at least three x, y pairs (run-length masks are not read)",
    )


def _missing(where_id: str, where_en: str, file: str) -> Message:
    return Message(
        id=f"{where_id}: foto {file} tidak ada di folder",
        en=f"{where_en}: photo {file} is missing from the folder",
    )


def _outside(where_id: str, where_en: str, file: str, size: tuple[int, int]) -> Message:
    width, height = size
    return Message(
        id=f"{where_id}: titik di luar {file} ({width} x {height} px)",
        en=f"{where_en}: points outside {file} ({width} x {height} px)",
    )


def _inside(points: NDArray[np.float64], size: tuple[int, int]) -> bool:
    return bool((points >= -1).all() and (points <= np.array(size) + 1).all())
