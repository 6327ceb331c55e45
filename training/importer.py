"""Brings labelled phone photos into a set under datasets/: COCO polygons, and a density table beside them.

Everything is checked before anything is written; a set appears whole or not at all.
"""

import csv
import hashlib
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from qc_vision.errors import PhotoError, StorageError
from qc_vision.message import Message
from qc_vision.photo import decode
from training.labels import (
    DENSITY_COLUMNS,
    DensityLabel,
    Polygon,
    check_density,
    read_density,
    read_polygons,
    read_rows,
    refused,
)
from training.sets import MANIFEST_COLUMNS


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
    if faults := _facts_faults(facts, target):
        raise _refused(faults)
    try:
        files = sorted(
            p.name for p in photos.iterdir() if p.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp")
        )
    except OSError:
        files = []
    if not files:
        raise _refused(
            [
                Message(
                    id=f"{photos} tidak berisi foto JPEG, PNG, atau WebP",
                    en=f"{photos} holds no JPEG, PNG or WebP photos",
                )
            ]
        )
    faults = []
    sizes = _sizes(photos, files, faults)
    polygons, counts = {}, []
    try:
        polygons = read_polygons(coco, sizes) if coco else {}
    except StorageError as wrong:
        faults.append(wrong.message)
    try:
        counts = read_density(density) if density else []
        faults += check_density(counts, sizes, where=density.name if density else "")
    except StorageError as wrong:
        faults.append(wrong.message)
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
        if coco:
            shutil.copyfile(coco, made / "labels.json")
        if density:
            _write_csv(
                made / "density.csv",
                DENSITY_COLUMNS,
                [{k: row[k] or "" for k in DENSITY_COLUMNS} for row in read_rows(density)],
            )
        (made / "README.md").write_text(_card(facts, rows, polygons, counts), "utf-8")
        made.rename(target)
    return target


def _facts_faults(facts: SetFacts, target: Path) -> list[Message]:
    faults = []
    if Path(facts.name).name != facts.name:
        faults.append(
            Message(
                id=f"nama set '{facts.name}' harus nama folder saja",
                en=f"the set's name '{facts.name}' must be the name of a folder",
            )
        )
    elif target.exists():
        faults.append(
            Message(
                id=f"{target} sudah ada; pilih nama lain atau hapus dulu",
                en=f"{target} exists already; choose another name or remove it",
            )
        )
    if not 0 <= facts.test_share <= 1:
        faults.append(
            Message(
                id=f"bagian uji {facts.test_share} harus antara 0 dan 1",
                en=f"the test share {facts.test_share} must lie between 0 and 1",
            )
        )
    return faults


def _sizes(photos: Path, files: list[str], faults: list[Message]) -> dict[str, tuple[int, int]]:
    sizes = {}
    for name in files:
        try:
            photo = decode((photos / name).read_bytes(), min_side_px=256)
            sizes[name] = photo.width, photo.height
        except PhotoError as wrong:
            faults.append(Message(id=f"{name}: {wrong.message.id}", en=f"{name}: {wrong.message.en}"))
    return sizes


def _manifest(
    photos: Path, files: list[str], index: Path | None, test_share: float, faults: list[Message]
) -> list[dict[str, str]]:
    known: dict[str, dict[str, str]] = {}
    try:
        listed = read_rows(index) if index else []
    except StorageError as wrong:
        faults.append(wrong.message)
        listed = []
    for number, row in enumerate(listed, start=2):
        facts = {name: value or "" for name, value in row.items() if isinstance(value, str | None)}
        if facts.get("path") in files and facts.get("basket"):
            known[facts["path"]] = facts
        else:
            where = index.name if index else ""
            faults.append(
                Message(
                    id=f"{where}, baris {number}: perlu path dari foto di folder itu, dan basket; tertulis {facts.get('path')!r}, {facts.get('basket')!r}",
                    en=f"{where}, row {number}: a path of a photo in the folder and a basket are needed; found {facts.get('path')!r}, {facts.get('basket')!r}",
                )
            )
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


def _write_csv(path: Path, columns: tuple[str, ...], rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _card(
    facts: SetFacts,
    rows: list[dict[str, str]],
    polygons: dict[str, tuple[Polygon, ...]],
    counts: list[DensityLabel],
) -> str:
    test = sum(row["split"] == "test" for row in rows)
    return (
        f"# {facts.name}\n\n- Origin: {facts.origin}\n- Licence: {facts.licence}\n"
        f"- {len(rows)} photos of {len({r['basket'] for r in rows})} baskets; {test} photos held out for testing, split by basket\n"
        f"- {sum(map(len, polygons.values()))} polygons, {len(counts)} counted directions\n"
    )


def _refused(faults: list[Message]) -> StorageError:
    return refused(faults, id="Data tidak diimpor", en="Nothing was imported")
