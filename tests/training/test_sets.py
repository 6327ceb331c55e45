"""A set that was damaged after its import is refused before the training starts, with every fault named."""

import json
from pathlib import Path

import numpy as np
import pytest

from qc_vision.errors import StorageError
from qc_vision.photo import encode_jpeg
from training.importer import SetFacts, import_set
from training.sets import crop_sample, read_set


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A set of two photos, one of them outlined and counted."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in ("a", "b"):
        (photos / f"{name}.jpg").write_bytes(encode_jpeg(np.full((300, 400, 3), 90, np.uint8)))
    labels, counts = tmp_path / "labels.json", tmp_path / "counts.csv"
    body = {
        "images": [{"id": 1, "file_name": "a.jpg"}],
        "categories": [{"id": 1, "name": "basket"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "segmentation": [[0, 0, 400, 0, 400, 300]]}
        ],
    }
    labels.write_text(json.dumps(body))
    counts.write_text(
        'file,quad,dir_deg,repeat_px,strands_per_repeat,direction\na.jpg,"9,9;90,9;90,90;9,90",90,20,1,weft\n'
    )
    facts = SetFacts(name="village", licence="CC0-1.0", origin="drawn for a test")
    return import_set(photos, facts=facts, coco=labels, density=counts, index=None, out=tmp_path / "datasets")


def _refusal(folder: Path) -> str:
    with pytest.raises(StorageError) as caught:
        read_set(folder)
    assert caught.value.message.id != caught.value.message.en
    return caught.value.message.en


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


@pytest.mark.parametrize("name", ["rendered_sample", "counted_scans"])
def test_shipped_sets_are_whole_and_hold_photos_out(name: str) -> None:
    photos = read_set(Path(__file__).parents[2] / "datasets" / name)
    assert {photo.split for photo in photos} == {"train", "test"}
    assert any(photo.density for photo in photos)


def test_a_set_as_imported_is_whole(folder: Path) -> None:
    assert [photo.path.name for photo in read_set(folder)] == ["a.jpg", "b.jpg"]


def test_a_crop_never_reaches_beyond_the_photo() -> None:
    """A photo that is basket from edge to edge gives crops that are, too, however far apart its strands lie."""
    photos = read_set(Path(__file__).parents[2] / "datasets" / "counted_scans")
    rng = np.random.default_rng(0)
    for photo in photos:
        for _ in range(3):
            assert crop_sample(photo, rng).basket[1:-1, 1:-1].min() == 1


def test_a_missing_photo_and_a_changed_one_are_both_named(folder: Path) -> None:
    (folder / "a.jpg").unlink()
    (folder / "b.jpg").write_bytes(encode_jpeg(np.full((300, 400, 3), 91, np.uint8)))
    told = _refusal(folder)
    assert "row 2: photo a.jpg is missing" in told
    assert "row 3: photo b.jpg has changed" in told


@pytest.mark.parametrize(
    ("file", "old", "new", "named"),
    [
        ("manifest.csv", "path,sha256", "path,sha", "expected the columns"),
        ("manifest.csv", ",train", "", "expected the columns"),
        ("manifest.csv", ",train", ",tarin", "train or test"),
        ("labels.json", "basket", "MAJ-UFO", "category 'MAJ-UFO' is unknown"),
        ("labels.json", "[0, 0, 400", "[0, 0, 900", "annotation 1: points outside a.jpg (400 x 300 px)"),
        ("labels.json", "a.jpg", "c.jpg", "photo c.jpg is missing"),
        ("labels.json", "{", "", "labels.json is no COCO file"),
        ("density.csv", "a.jpg", "c.jpg", "row 2: photo c.jpg is missing"),
        ("density.csv", "90,90;", "90,900;", "row 2: points outside a.jpg"),
        ("density.csv", ",20,", ",-20,", "row 2"),
    ],
)
def test_what_was_edited_wrongly_is_named(folder: Path, file: str, old: str, new: str, named: str) -> None:
    if old == ",train" and old not in (folder / file).read_text("utf-8"):
        old, new = ",test", new.replace("train", "test")
    _edit(folder / file, old, new)
    assert named in _refusal(folder)


@pytest.mark.parametrize("content", [b"", b"\x00\xff\xfe", None])
def test_a_damaged_manifest_is_named(folder: Path, content: bytes | None) -> None:
    manifest = folder / "manifest.csv"
    manifest.unlink()
    if content is not None:
        manifest.write_bytes(content)
    assert "manifest.csv" in _refusal(folder)
