"""Labelled photos come in whole, or not at all with every fault named."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qc_vision.errors import StorageError
from qc_vision.photo import encode_jpeg
from training.importer import SetFacts, import_set
from training.sets import crop_sample, read_set

FACTS = SetFacts(name="village", licence="CC0-1.0", origin="drawn for a test", test_share=0.5)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in ("a1", "a2", "b1"):
        (folder / f"{name}.jpg").write_bytes(encode_jpeg(rng.integers(0, 255, (300, 400, 3), dtype=np.uint8)))
    return folder


def _coco(
    path: Path, *, category: str = "MAJ-HOLE", ring: list[float] | None = None, file: str = "a1.jpg"
) -> Path:
    ring = ring or [10, 10, 60, 10, 60, 60]
    body = {
        "images": [{"id": 1, "file_name": file, "width": 400, "height": 300}],
        "categories": [{"id": 7, "name": category}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 7, "segmentation": [ring]}],
    }
    path.write_text(json.dumps(body))
    return path


def _density(path: Path, quad: str = "100,100;200,100;200,200;100,200") -> Path:
    rows = [("a1.jpg", quad, "90", "20", "2", "weft"), ("a1.jpg", quad, "0", "16", "1", "warp")]
    lines = ["file\tquad\tdir_deg\trepeat_px\tstrands_per_repeat\tdirection", *("\t".join(r) for r in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_good_import_can_be_read_back_and_trained_on(tmp_path: Path, photos: Path) -> None:
    out = import_set(
        photos,
        facts=FACTS,
        coco=_coco(tmp_path / "labels.json"),
        density=_density(tmp_path / "density.tsv"),
        index=None,
        out=tmp_path / "datasets",
    )
    labelled = {p.path.name: p for p in read_set(out)}
    assert set(labelled) == {"a1.jpg", "a2.jpg", "b1.jpg"}
    assert [label.pitch_px for label in labelled["a1.jpg"].density] == [10, 16]
    assert labelled["a2.jpg"].polygons is None
    sample = crop_sample(labelled["a1.jpg"], np.random.default_rng(1))
    seen = sample.read > 0
    assert seen.any()
    weft, warp = sample.steps[:2, seen], sample.steps[2:, seen]
    assert np.allclose(np.abs(weft[0]), 0, atol=1e-4)
    assert np.allclose(np.hypot(*warp) / np.hypot(*weft), 1.6, atol=1e-3)
    assert (out / "README.md").read_text().count("CC0-1.0") == 1


def test_photos_of_one_basket_stay_on_one_side(tmp_path: Path, photos: Path) -> None:
    index = tmp_path / "index.csv"
    index.write_text("path,basket\na1.jpg,A\na2.jpg,A\nb1.jpg,B\n")
    out = import_set(photos, facts=FACTS, coco=None, density=None, index=index, out=tmp_path / "datasets")
    rows = list(csv.DictReader((out / "manifest.csv").read_text().splitlines()))
    split = {(r["basket"], r["split"]) for r in rows}
    assert len({basket for basket, _ in split}) == len(split)


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        ({"category": "MAJ-UFO"}, "MAJ-UFO"),
        ({"ring": [10, 10, 900, 10, 60, 60]}, "outside a1.jpg"),
        ({"ring": [10, 10, 20, 20]}, "three x, y pairs"),
        ({"ring": [10, 10, 20, 20, "x", 30]}, "three x, y pairs"),
        ({"ring": [10, 10, 20, float("nan"), 30, 30]}, "outside a1.jpg"),
        ({"ring": {"counts": "abc", "size": [300, 400]}}, "three x, y pairs"),
        ({"file": "gone.jpg"}, "gone.jpg"),
    ],
)
def test_a_wrong_label_is_named_and_nothing_is_written(
    tmp_path: Path, photos: Path, fault, named: str
) -> None:
    out = tmp_path / "datasets"
    with pytest.raises(StorageError) as caught:
        import_set(
            photos, facts=FACTS, coco=_coco(tmp_path / "l.json", **fault), density=None, index=None, out=out
        )
    assert named in caught.value.message.en
    assert caught.value.message.id != caught.value.message.en
    assert not (out / "village").exists()


@pytest.mark.parametrize(
    "quad", ["1,1;2,2;3,3", "1,1;2,2;3,3;x,4", "1,1;2,2;3,3;nan,4", "100,100;999,100;200,200;100,200"]
)
def test_a_wrong_density_row_is_named(tmp_path: Path, photos: Path, quad: str) -> None:
    with pytest.raises(StorageError, match="row 2"):
        import_set(
            photos,
            facts=FACTS,
            coco=None,
            density=_density(tmp_path / "d.tsv", quad),
            index=None,
            out=tmp_path / "datasets",
        )


def test_a_broken_photo_is_named(tmp_path: Path, photos: Path) -> None:
    (photos / "c.jpg").write_bytes(b"not a photo")
    with pytest.raises(StorageError, match=r"c\.jpg"):
        import_set(photos, facts=FACTS, coco=None, density=None, index=None, out=tmp_path / "datasets")


def _refusal(tmp_path: Path, photos: Path, **inputs) -> str:
    asked = {"facts": FACTS, "coco": None, "density": None, "index": None} | inputs
    with pytest.raises(StorageError) as caught:
        import_set(photos, out=tmp_path / "datasets", **asked)
    assert not (tmp_path / "datasets" / "village").exists()
    message = caught.value.message
    assert len(message.id.splitlines()) == len(message.en.splitlines())
    return message.en


def test_every_fault_is_named_at_once(tmp_path: Path, photos: Path) -> None:
    (photos / "c.jpg").write_bytes(b"not a photo")
    index = tmp_path / "index.csv"
    index.write_text("path,basket\na1.jpg,\ngone.jpg,B\n")
    told = _refusal(
        tmp_path,
        photos,
        coco=_coco(tmp_path / "l.json", category="MAJ-UFO", ring=[1, 1, 2, 2]),
        density=_density(tmp_path / "d.tsv", "1,1"),
        index=index,
    )
    for named in (
        "c.jpg",
        "MAJ-UFO",
        "annotation 1",
        "d.tsv, row 2",
        "d.tsv, row 3",
        "index.csv, row 2",
        "gone.jpg",
    ):
        assert named in told


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff\xfe\x00", b'{"categories": 3, "images": []}', None])
def test_a_damaged_label_file_is_named(tmp_path: Path, photos: Path, content: bytes | None) -> None:
    labels = tmp_path / "labels.json"
    if content is not None:
        labels.write_bytes(content)
    assert "labels.json" in _refusal(tmp_path, photos, coco=labels)


@pytest.mark.parametrize("kind", ["density", "index"])
@pytest.mark.parametrize("content", [b"\xff\xfe\x00", None])
def test_a_damaged_table_is_named(tmp_path: Path, photos: Path, kind: str, content: bytes | None) -> None:
    table = tmp_path / "table.csv"
    if content is not None:
        table.write_bytes(content)
    assert "table.csv" in _refusal(tmp_path, photos, **{kind: table})


def test_a_folder_without_photos_and_a_name_that_is_a_path_are_refused(tmp_path: Path, photos: Path) -> None:
    assert "holds no" in _refusal(tmp_path, tmp_path / "nowhere")
    assert "name of a folder" in _refusal(tmp_path, photos, facts=replace(FACTS, name="../village"))
    assert "between 0 and 1" in _refusal(tmp_path, photos, facts=replace(FACTS, test_share=20))
