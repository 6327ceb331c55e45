"""Brings labelled phone photos into a set under datasets/: COCO polygons, and a density table beside them.

Everything is checked before anything is written; a set appears whole or not at all.
"""

import csv
import hashlib
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qc_vision.errors import PhotoError, StorageError
from qc_vision.message import Message
from qc_vision.photo import Photo, decode
from training.render.fault import CODES
from training.sets import DENSITY_COLUMNS, MANIFEST_COLUMNS, read_density

CATEGORIES = ("basket", *CODES)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetFacts:
    """What the card of a set must say. `baskets` maps photo file names to the basket they show: photos
    of one basket never lie on both sides of a split."""

    name: str
    licence: str
    origin: str
    test_share: float = 0.2


def import_set(
    photos: Path, *, facts: SetFacts, coco: Path | None, density: Path | None, index: Path | None, out: Path
) -> Path:
    """Writes `out`/NAME from a folder of photos and their labels; returns it.

    `index` is a CSV with at least `path` and `basket` (and, if known, `lot,village,phone`); without it
    each photo counts as a basket of its own. Raises StorageError that lists every row at fault.
    """
    target = out / facts.name
    if target.exists():
        raise _refused([f"{target} exists already; choose another name or remove it"])
    faults: list[str] = []
    files = sorted(p.name for p in photos.iterdir() if p.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp"))
    if not files:
        raise _refused([f"{photos} holds no JPEG, PNG or WebP photos"])
    sizes = _sizes(photos, files, faults)
    labels = _check_coco(coco, sizes, faults) if coco else None
    _check_density(density, sizes, faults)
    rows = _manifest(photos, files, index, facts.test_share, faults)
    if faults:
        raise _refused(faults)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".importing-") as scratch:
        made = Path(scratch) / facts.name
        made.mkdir()
        for name in files:
            shutil.copyfile(photos / name, made / name)
        _write_csv(made / "manifest.csv", MANIFEST_COLUMNS, rows)
        if labels is not None:
            (made / "labels.json").write_text(json.dumps(labels, indent=1) + "\n", "utf-8")
        if density:
            _write_csv(made / "density.csv", DENSITY_COLUMNS, _density_rows(density))
        (made / "README.md").write_text(_card(facts, rows, labels, density), "utf-8")
        made.rename(target)
    return target


def _sizes(photos: Path, files: list[str], faults: list[str]) -> dict[str, Photo]:
    sizes = {}
    for name in files:
        try:
            sizes[name] = decode((photos / name).read_bytes(), min_side_px=256)
        except PhotoError as wrong:
            faults.append(f"{name}: {wrong.message.en}")
    return sizes


def _check_coco(path: Path, sizes: dict[str, Photo], faults: list[str]) -> dict[str, object] | None:
    try:
        coco = json.loads(path.read_text("utf-8"))
        names = {c["id"]: c["name"] for c in coco["categories"]}
        images = {i["id"]: i["file_name"] for i in coco["images"]}
    except (OSError, json.JSONDecodeError, KeyError, TypeError) as wrong:
        faults.append(f"{path.name}: not a COCO file with categories and images ({wrong!r})")
        return None
    faults += [
        f"{path.name}: category '{n}' is unknown; there are {', '.join(CATEGORIES)}"
        for n in names.values()
        if n not in CATEGORIES
    ]
    faults += [
        f"{path.name}: photo {n} is missing from the folder" for n in images.values() if n not in sizes
    ]
    for number, annotation in enumerate(coco.get("annotations", []), start=1):
        where = f"{path.name}, annotation {annotation.get('id', number)}"
        name = images.get(annotation.get("image_id"))
        if name is None or annotation.get("category_id") not in names:
            faults.append(f"{where}: unknown image_id or category_id")
            continue
        rings = annotation.get("segmentation")
        if not isinstance(rings, list) or not rings:
            faults.append(f"{where}: polygons expected in 'segmentation' (run-length masks are not read)")
            continue
        for ring in rings:
            if len(ring) < 6 or len(ring) % 2:
                faults.append(f"{where}: a polygon needs at least three x, y pairs")
            elif name in sizes and not _inside(np.array(ring, dtype=float).reshape(-1, 2), sizes[name]):
                faults.append(
                    f"{where}: points outside {name} ({sizes[name].width} x {sizes[name].height} px)"
                )
    return dict(coco)


def _check_density(path: Path | None, sizes: dict[str, Photo], faults: list[str]) -> None:
    if path is None:
        return
    try:
        labels = read_density(path)
    except (OSError, ValueError) as wrong:
        faults.append(str(wrong))
        return
    for number, label in enumerate(labels, start=2):
        if label.file not in sizes:
            faults.append(f"{path.name}, row {number}: photo {label.file} is missing from the folder")
        elif not _inside(label.quad, sizes[label.file]):
            faults.append(f"{path.name}, row {number}: quad outside {label.file}")


def _inside(points: np.ndarray, photo: Photo) -> bool:
    low, high = points.min(0), points.max(0)
    return bool((low >= -1).all() and high[0] <= photo.width + 1 and high[1] <= photo.height + 1)


def _manifest(
    photos: Path, files: list[str], index: Path | None, test_share: float, faults: list[str]
) -> list[dict[str, str]]:
    known: dict[str, dict[str, str]] = {}
    if index is not None:
        for number, row in enumerate(csv.DictReader(index.read_text("utf-8").splitlines()), start=2):
            if not row.get("path") or not row.get("basket"):
                faults.append(f"{index.name}, row {number}: path and basket are needed")
            elif row["path"] not in files:
                faults.append(f"{index.name}, row {number}: photo {row['path']} is missing from the folder")
            else:
                known[row["path"]] = row
    rows = []
    for name in files:
        row = known.get(name, {})
        basket = row.get("basket") or Path(name).stem
        rows.append(
            {
                "path": name,
                "sha256": hashlib.sha256((photos / name).read_bytes()).hexdigest(),
                "basket": basket,
                "lot": row.get("lot", ""),
                "village": row.get("village", ""),
                "phone": row.get("phone", ""),
                "split": _split(basket, test_share),
            }
        )
    return rows


def _split(basket: str, test_share: float) -> str:
    """By basket and for ever the same: a photo added later joins its basket's side."""
    share = int(hashlib.sha256(basket.encode()).hexdigest()[:8], 16) / 0xFFFFFFFF
    return "test" if share < test_share else "train"


def _density_rows(path: Path) -> list[dict[str, str]]:
    text = path.read_text("utf-8")
    delimiter = "\t" if "\t" in text.partition("\n")[0] else ","
    return [
        {k: row[k] for k in DENSITY_COLUMNS} for row in csv.DictReader(text.splitlines(), delimiter=delimiter)
    ]


def _write_csv(path: Path, columns: tuple[str, ...], rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _card(
    facts: SetFacts, rows: list[dict[str, str]], labels: dict[str, object] | None, density: Path | None
) -> str:
    test = sum(row["split"] == "test" for row in rows)
    annotations = labels.get("annotations") if labels else None
    polygons = len(annotations) if isinstance(annotations, list) else 0
    counted = len(_density_rows(density)) if density else 0
    return (
        f"# {facts.name}\n\n- Origin: {facts.origin}\n- Licence: {facts.licence}\n"
        f"- {len(rows)} photos of {len({r['basket'] for r in rows})} baskets; {test} photos held out for testing, split by basket\n"
        f"- {polygons} polygons, {counted} counted directions\n"
    )


def _refused(faults: list[str]) -> StorageError:
    listed = "\n  ".join(faults)
    return StorageError(
        Message(
            id=f"Data tidak diimpor; perbaiki {len(faults)} hal ini lalu ulangi:\n  {listed}",
            en=f"Nothing was imported; mend these {len(faults)} and try again:\n  {listed}",
        )
    )
