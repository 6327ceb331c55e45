"""Many photos: none is lost, none stops the others, no output overwrites another."""

import errno
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from qc_vision import batch
from qc_vision.batch import Outputs, Source, expand, grade_many, make_folder
from qc_vision.errors import ModelError, StorageError
from qc_vision.inspection import Inspector
from qc_vision.message import Message
from qc_vision.spec import load_spec
from tests.qc_vision.fakes import DyingInspector, FakePerceiver, FaultyInspector, encode_weave, make_inspector

SPEC = load_spec("default")


def test_folders_are_searched_to_the_bottom_for_photos_only(tmp_path: Path) -> None:
    _touch(tmp_path, "b.PNG", "a.jpg", "deep/er/c.webp", "notes.txt", ".hidden.jpg", ".cache/d.jpg")
    assert [str(s.name) for s in expand([tmp_path])] == ["a", "b", "deep/er/c"]


def test_a_named_file_is_tried_whatever_it_is_called_and_only_once(tmp_path: Path) -> None:
    (odd,) = _touch(tmp_path, "scan.bin")
    assert expand([odd, str(odd)]) == (Source(path=odd, name=Path("scan")),)


def test_same_names_in_two_folders_keep_outputs_apart(tmp_path: Path) -> None:
    one, two = _touch(tmp_path, "one/a.jpg", "two/a.jpg")
    assert [str(s.name) for s in expand([one, two])] == ["one/a", "two/a"]
    assert [str(s.name) for s in expand([tmp_path / "one", tmp_path / "two"])] == ["one/a", "two/a"]


def test_same_names_in_one_folder_keep_outputs_apart(tmp_path: Path) -> None:
    _touch(tmp_path, "a.jpg", "a.png", "A.webp", "b.jpg")
    names = [str(s.name).casefold() for s in expand([tmp_path])]
    assert len(set(names)) == 4
    assert "b" in names


def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> object:
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path))

    monkeypatch.setattr("os.scandir", refuse)
    with pytest.raises(StorageError) as told:
        expand([tmp_path])
    assert str(tmp_path) in told.value.message.id
    assert str(tmp_path) in told.value.message.en


def test_a_broken_file_is_a_row_and_the_rest_goes_on(tmp_path: Path) -> None:
    good, empty, text, gone = (tmp_path / n for n in ("1.png", "2.jpg", "3.jpg", "4.jpg"))
    good.write_bytes(encode_weave())
    empty.write_bytes(b"")
    text.write_text("no photo at all")
    last = tmp_path / "5.png"
    last.write_bytes(encode_weave())
    rows = _grade([good, empty, text, gone, last])
    assert [Path(r["path"]).name for r in rows] == ["1.png", "2.jpg", "3.jpg", "4.jpg", "5.png"]
    codes = [r["error"]["code"] if "error" in r else r["verdict"] for r in rows]
    assert codes == ["pass", "empty_photo", "unsupported_photo", "unreadable", "pass"]
    assert all(r["error"]["message"]["id"] and r["error"]["message"]["en"] for r in rows[1:4])
    assert rows[0]["timing_ms"]["perceive"] >= 0


def test_an_unforeseen_error_is_a_row_too(tmp_path: Path) -> None:
    (photo,) = _touch(tmp_path, "a.jpg")
    (row,) = grade_many(expand([photo]), spec=SPEC, load=FaultyInspector)
    assert row["error"]["code"] == "unexpected"
    assert "ZeroDivisionError" in row["error"]["message"]["en"]


def test_a_photo_that_kills_its_process_is_a_row_and_order_holds(tmp_path: Path) -> None:
    data = encode_weave()
    for i in range(7):
        (tmp_path / f"{i}.png").write_bytes(b"die" if i == 2 else data)
    rows = list(grade_many(expand([tmp_path]), spec=SPEC, workers=2, load=DyingInspector))
    assert [Path(r["path"]).name for r in rows] == [f"{i}.png" for i in range(7)]
    assert [r.get("verdict") or r["error"]["code"] for r in rows] == ["pass"] * 2 + ["process_died"] + [
        "pass"
    ] * 4


def test_processes_give_the_same_rows_as_one(tmp_path: Path) -> None:
    for i in range(3):
        (tmp_path / f"{i}.png").write_bytes(encode_weave())
    alone = list(grade_many(expand([tmp_path]), spec=SPEC, workers=1, load=make_inspector))
    shared = list(grade_many(expand([tmp_path]), spec=SPEC, workers=2, load=make_inspector))
    for row in alone + shared:
        del row["timing_ms"]
    assert alone == shared


def test_a_broken_model_stops_the_batch_at_once(tmp_path: Path) -> None:
    _touch(tmp_path, "a.jpg", "b.jpg")

    def load() -> Inspector:
        raise ModelError(Message(id="rusak", en="damaged"))

    for workers in (1, 2):
        with pytest.raises(ModelError):
            list(grade_many(expand([tmp_path]), spec=SPEC, workers=workers, load=load))


def test_outputs_lie_below_their_folders_in_the_frame_of_the_photo(tmp_path: Path) -> None:
    photo = tmp_path / "in" / "village" / "a.png"
    photo.parent.mkdir(parents=True)
    photo.write_bytes(encode_weave())
    outputs = Outputs(overlays=tmp_path / "seen", maps=tmp_path / "maps")
    perceiver = FakePerceiver(hole=(200, 300, 40))
    list(
        grade_many(
            expand([tmp_path / "in"]), spec=SPEC, outputs=outputs, load=lambda: make_inspector(perceiver)
        )
    )
    assert (tmp_path / "seen/village/a.jpg").is_file()
    basket = cv2.imread(str(tmp_path / "maps/village/a.basket.png"), cv2.IMREAD_UNCHANGED)
    defect = cv2.imread(str(tmp_path / "maps/village/a.defect.png"), cv2.IMREAD_UNCHANGED)
    assert basket.shape == defect.shape == (480, 640)
    assert basket.dtype == np.uint8
    assert (basket[240, 320], basket[240, 10]) == (255, 0)
    ys, xs = np.nonzero(defect > 121)
    # the disc was drawn at x 200, y 300 with radius 40; maps have cells of 4 px
    assert (xs.mean() + 0.5, ys.mean() + 0.5) == pytest.approx((200, 300), abs=0.5)
    assert xs.max() - xs.min() == pytest.approx(80, abs=4)


def test_a_full_disk_stops_the_batch_and_leaves_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = tmp_path / "a.png"
    photo.write_bytes(encode_weave())

    def fill(path: Path, data: bytes) -> int:
        with path.open("wb") as file:
            file.write(data[:10])
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", fill)
    with pytest.raises(StorageError) as told:
        _grade([photo], outputs=Outputs(overlays=tmp_path / "seen"))
    assert "No space left" in told.value.message.en
    assert list((tmp_path / "seen").iterdir()) == []


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (file,) = _touch(tmp_path, "file")
    with pytest.raises(StorageError):
        make_folder(file / "below")
    make_folder(tmp_path / "new" / "folder")
    assert list((tmp_path / "new" / "folder").iterdir()) == []


def test_a_cell_of_a_map_covers_its_own_pixels() -> None:
    photo = make_inspector().inspect(encode_weave(), spec=SPEC).photo
    values = np.zeros((120, 160), np.float32)
    values[0, 0] = values[119, 159] = 1
    png = np.frombuffer(batch.encode_map(values, photo, px_per_cell=4.0), np.uint8)
    full = cv2.imdecode(png, cv2.IMREAD_UNCHANGED)
    assert full.shape == (480, 640)
    assert full[:2, :2].min() == full[-2:, -2:].min() == 255
    assert full[8:, :8].max() == 0


def _grade(paths: list[Path], *, outputs: Outputs | None = None) -> list[dict[str, Any]]:
    return list(
        grade_many(expand(paths), spec=SPEC, outputs=outputs or Outputs(), workers=1, load=make_inspector)
    )


def _touch(folder: Path, *names: str) -> list[Path]:
    paths = [folder / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return paths
