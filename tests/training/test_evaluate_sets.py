"""How folders with truth are told apart and read, on small ones drawn here."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from qc_vision.errors import StorageError
from training.evaluate.sets import kind_of, photos_in, read_counted, read_pair, read_rendered

SHAPE = (120, 160)
STEP_PX, STAKE_MM, ROW_MM = 8.0, 16.0, 4.0
"""A wall seen askew: 8 px a step both ways, though stakes stand four times as far apart as rows."""


def write_rendered(folder: Path, name: str, defects: list[dict[str, object]], ids: np.ndarray) -> Path:
    mask = np.full(SHAPE, 255, np.uint8)
    mask[:10], mask[50:60, 50:60] = 0, 128
    cv2.imwrite(str(folder / f"{name}_mask.png"), mask)
    cv2.imwrite(str(folder / f"{name}_defects.png"), ids)
    photo = folder / f"{name}.jpg"
    cv2.imwrite(str(photo), np.full((*SHAPE, 3), 120, np.uint8))
    points = [
        {
            "x": float(x),
            "y": float(y),
            "stake_vec_px": [STEP_PX, 0.0],
            "weaver_vec_px": [0.0, -STEP_PX],
            "stake_pitch_mm": STAKE_MM,
            "weaver_pitch_mm": ROW_MM,
            "defect": 0,
        }
        for x in range(4, 160, 8)
        for y in range(4, 120, 8)
    ]
    centre = {
        "x": 79.5,
        "y": 59.5,
        "stake_pitch_mm": STAKE_MM,
        "weaver_pitch_mm": ROW_MM,
        "px_per_mm_along_stake_step": STEP_PX / STAKE_MM,
        "px_per_mm_along_weaver_step": STEP_PX / ROW_MM,
    }
    facts = {"weave": "plain", "family": "rope", "points": points, "centre": centre, "defects": defects}
    (folder / f"{name}.json").write_text(json.dumps(facts), "utf-8")
    return photo


def test_the_silhouette_holds_its_gaps(tmp_path: Path) -> None:
    truth = read_rendered(write_rendered(tmp_path, "b0", [], np.zeros(SHAPE, np.uint8)))
    assert truth.basket[55, 55]
    assert not truth.basket[5, 55]
    assert truth.faults == ()


def test_sizes_are_millimetres_on_the_surface_in_either_direction(tmp_path: Path) -> None:
    ids = np.zeros(SHAPE, np.uint8)
    ids[40:44, 20:61], ids[80:121, 20:24] = 1, 2
    defects: list[dict[str, object]] = [{"id": 1, "cls": "spread"}, {"id": 2, "cls": "hole"}]
    along, down = read_rendered(write_rendered(tmp_path, "b0", defects, ids)).faults
    # 40 px along the stakes' step are 5 steps of 16 mm; 39 px down are nearly 5 of 4 mm
    assert along.size_mm == pytest.approx(80, abs=1)
    assert down.size_mm == pytest.approx(19.6, abs=1)
    assert (along.code, down.code) == ("MAJ-GAP", "MAJ-HOLE")


@pytest.mark.parametrize(
    ("entry", "width_px", "code"),
    [
        ({"cls": "missing", "what": "weaver"}, 12, "MAJ-BROKEN"),  # a stake and a half
        ({"cls": "missing", "what": "weaver"}, 30, "MAJ-HOLE"),
        ({"cls": "missing", "what": "stake"}, 12, "MAJ-HOLE"),
        ({"cls": "stain", "kind": "oil"}, 12, "MAJ-STAIN"),
        ({"cls": "stain", "kind": "mould"}, 12, "CRT-MOLD"),
    ],
)
def test_classes_become_codes(tmp_path: Path, entry: dict[str, object], width_px: int, code: str) -> None:
    ids = np.zeros(SHAPE, np.uint8)
    ids[40:46, 20 : 20 + width_px] = 3
    truth = read_rendered(write_rendered(tmp_path, "b0", [{"id": 3, **entry}], ids))
    assert truth.faults[0].code == code


def test_the_middle_of_the_weave_in_pixels(tmp_path: Path) -> None:
    centre = read_rendered(write_rendered(tmp_path, "b0", [], np.zeros(SHAPE, np.uint8))).centre
    assert centre is not None
    assert centre.warp_px.tolist() == pytest.approx([STEP_PX, 0])
    assert centre.weft_px.tolist() == pytest.approx([0, -STEP_PX])
    # the truth counts from the first pixel's centre, the product from its corner
    assert centre.quad.mean(axis=0).tolist() == pytest.approx([80, 60])
    assert (centre.weft_per_10cm, centre.warp_per_10cm) == (25, 6.25)


def test_folders_are_told_by_what_lies_in_them(tmp_path: Path) -> None:
    rendered, planted, counted, plain = (tmp_path / name for name in ("r", "p", "c", "x"))
    for folder in (rendered, planted, counted, plain):
        folder.mkdir()
    write_rendered(rendered, "b0", [], np.zeros(SHAPE, np.uint8))
    for name in ("001_bad.jpg", "001_ok.jpg", "001_mask.png"):
        cv2.imwrite(str(planted / name), np.zeros((8, 8, 3), np.uint8))
    (planted / "001.json").write_text('{"source": "a", "code": "MAJ-HOLE", "severity": "clear"}', "utf-8")
    (counted / "density.tsv").write_text("file\tquad\n", "utf-8")
    cv2.imwrite(str(plain / "a.png"), np.zeros((8, 8, 3), np.uint8))
    kinds = [kind_of(folder) for folder in (rendered, planted, counted, plain)]
    assert kinds == ["rendered", "planted", "counted", "photos"]
    assert read_pair(planted / "001_bad.jpg").sound.name == "001_ok.jpg"
    assert photos_in(plain) == [plain / "a.png"]


def test_an_empty_or_absent_folder_is_refused_with_what_to_do(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(StorageError, match="no photo"):
            kind_of(folder)


HEADER = "file,quad,dir_deg,repeat_px,strands_per_repeat,direction"


def test_counts_come_with_what_is_known_of_the_weave(tmp_path: Path) -> None:
    table = tmp_path / "density.csv"
    row = '"0,0;9,0;9,9;0,9",90,20,2,weft'
    table.write_text(f"{HEADER},material\na.jpg,{row},willow\nb.jpg,{row},\n", "utf-8")
    (first, kinds), (_, unknown) = read_counted(table)
    assert (first.file, first.pitch_px) == ("a.jpg", 10)
    assert (kinds, unknown) == (("willow",), ())


def test_a_damaged_table_of_counts_names_its_row(tmp_path: Path) -> None:
    table = tmp_path / "density.csv"
    table.write_text(f'{HEADER}\na.jpg,"0,0;9,0",90,20,2,weft\n', "utf-8")
    with pytest.raises(StorageError, match="row 2"):
        read_counted(table)
