"""The whole evaluation with a network that sees a drawn basket: figures, files and sheets."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from qc_vision.errors import StorageError
from qc_vision.photo import Photo
from qc_vision.spec import load_spec
from qc_vision.weave import WeaveMap
from tests.qc_vision.fakes import ROW_PITCH, STAKE_PITCH, FakePerceiver, encode_weave, make_inspector
from training.evaluate.figures import Figure
from training.evaluate.measure import Evaluation, evaluate
from training.evaluate.sheet import write_sheets
from training.evaluate.table import as_text, goal_of, save

HOLE = (300.0, 240.0, 40.0)
QUAD = "120,100;520,100;520,380;120,380"


class CountingPerceiver(FakePerceiver):
    """Sees the hole where a photo has a red dot in its corner, and counts what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def perceive(self, photo: Photo) -> WeaveMap:
        self.seen.append(photo.sha256)
        red = photo.pixels[:6, :6].reshape(-1, 3).mean(axis=0)
        self.hole = HOLE if red[0] > 200 and red[1] < 60 else None
        return super().perceive(photo)


def write_photo(path: Path, *, faulty: bool, tint: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    bgr = cv2.imdecode(np.frombuffer(encode_weave(), np.uint8), cv2.IMREAD_COLOR)
    bgr[-4:, -4:] = tint  # so that no two photos are the same bytes
    if faulty:
        bgr[:6, :6] = (0, 0, 255)
    cv2.imwrite(str(path), bgr, [cv2.IMWRITE_JPEG_QUALITY, 98])


def write_hole(path: Path) -> None:
    mask = np.zeros((480, 640), np.uint8)
    cv2.circle(mask, (int(HOLE[0]), int(HOLE[1])), int(HOLE[2]), 1, -1)
    cv2.imwrite(str(path), mask)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    root = tmp_path_factory.mktemp("sets")
    planted, photos = root / "planted", root / "photos"
    for number, severity in (("001", "clear"), ("002", "moderate")):
        write_photo(planted / f"{number}_bad.jpg", faulty=True, tint=int(number))
        write_photo(planted / f"{number}_ok.jpg", faulty=False, tint=int(number) + 50)
        write_hole(planted / f"{number}_mask.png")
        facts = {"source": f"{number}.jpg", "code": "MAJ-HOLE", "severity": severity}
        (planted / f"{number}.json").write_text(json.dumps(facts), "utf-8")
    write_photo(photos / "shop" / "a.jpg", faulty=False, tint=90)
    write_photo(photos / "shop" / "b.jpg", faulty=False, tint=91)
    write_photo(planted / "003_bad.jpg", faulty=True)  # its facts are missing
    (photos / "shop" / "broken.jpg").write_bytes(b"\xff\xd8\xff this is no photo")
    header = "file\tquad\tdir_deg\trepeat_px\tstrands_per_repeat\tdirection\tmaterial\tstructure\n"
    rows = [
        f"shop/a.jpg\t{QUAD}\t90\t{2 * ROW_PITCH}\t2\tweft\tdrawn\tplain",
        f"shop/a.jpg\t{QUAD}\t0\t{2 * STAKE_PITCH}\t2\twarp\tdrawn\tplain",
    ]
    (photos / "density.tsv").write_text(header + "\n".join(rows) + "\n", "utf-8")
    return [planted, photos]


@pytest.fixture(scope="module")
def run(folders: list[Path]) -> Callable[..., Evaluation]:
    def measure(perceiver: FakePerceiver | None = None, **options: object) -> Evaluation:
        return evaluate(
            folders,
            inspector=make_inspector(perceiver or CountingPerceiver()),
            spec=load_spec("default"),
            **{"parts": ("density", "defects", "verdicts"), "baselines": False, **options},  # type: ignore[arg-type]
        )

    return measure


@pytest.fixture(scope="module")
def perceiver() -> CountingPerceiver:
    return CountingPerceiver()


@pytest.fixture(scope="module")
def evaluation(run: Callable[..., Evaluation], perceiver: CountingPerceiver) -> Evaluation:
    """All parts, with a network that makes no mistake; shared, since nothing alters it."""
    return run(perceiver)


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def named(evaluation: Evaluation) -> dict[str, Figure]:
    return {f"{f.what} ({f.who})": f for f in evaluation.figures}


def test_a_faultless_network_gets_faultless_figures(evaluation: Evaluation) -> None:
    figures = named(evaluation)
    assert figures["planted: photo AUROC (model)"].value == 1
    assert figures["planted: faulty above its twin, clear and moderate (model)"].value == 1
    assert figures["planted: AUPRO(0.3) (model)"].value > 0.9
    assert figures["planted: faults found at 1 false alarm in 5 sound photos (model)"].value == 1
    assert figures["density, real: median error of confident, strand (model)"].value < 0.02
    assert figures["density, real: direction within 10 degrees (model)"].value == 1
    assert figures["false fail on sound: real products (model)"].value == 0


def test_each_photo_passes_through_the_network_once(
    evaluation: Evaluation, perceiver: CountingPerceiver
) -> None:
    assert len(evaluation.real) + 2 * len(evaluation.twins) == 6
    assert len(perceiver.seen) == len(set(perceiver.seen)) == 6


def test_a_broken_photo_or_label_is_left_out_and_said_so(evaluation: Evaluation) -> None:
    assert [Path(path).name for path, _ in evaluation.left_out] == ["003_bad.jpg", "broken.jpg"]
    assert len(evaluation.real) == 2
    assert "left out: " in as_text(evaluation)


def test_an_unforeseen_failure_on_one_photo_costs_that_photo_alone(folders: list[Path]) -> None:
    class Moody(CountingPerceiver):
        def perceive(self, photo: Photo) -> WeaveMap:
            weave_map = super().perceive(photo)
            if len(self.seen) == 1:
                raise ZeroDivisionError("unforeseen")
            return weave_map

    _, photos = folders
    inspector = make_inspector(Moody())
    evaluation = evaluate([photos], inspector=inspector, spec=load_spec("default"), parts=("verdicts",))
    assert any("unforeseen" in why for _, why in evaluation.left_out)
    assert [look.sight.path.name for look in evaluation.real] == ["b.jpg"]


def test_when_no_photo_can_be_measured_there_is_an_error(folders: list[Path]) -> None:
    class Blind(FakePerceiver):
        def perceive(self, photo: Photo) -> WeaveMap:
            raise RuntimeError("no network")

    with pytest.raises(StorageError, match="no network"):
        evaluate(folders, inspector=make_inspector(Blind()), spec=load_spec("default"), baselines=False)


def test_negatives_are_refused_when_no_basket_is_seen(tmp_path: Path) -> None:
    write_photo(tmp_path / "floors" / "a.jpg", faulty=False)
    for perceiver, refused in ((FakePerceiver(basket=False), 1.0), (FakePerceiver(), 0.0)):
        seen = evaluate(
            [],
            inspector=make_inspector(perceiver),
            spec=load_spec("default"),
            negatives=[tmp_path / "floors"],
        )
        assert named(seen)["negatives: refused as 'no basket' (model)"].value == refused


def test_a_folder_of_negatives_that_is_not_there_is_told_before_anything_is_measured(
    tmp_path: Path, folders: list[Path]
) -> None:
    perceiver = CountingPerceiver()
    with pytest.raises(StorageError, match="no photo"):
        evaluate(
            folders,
            inspector=make_inspector(perceiver),
            spec=load_spec("default"),
            negatives=[tmp_path / "nowhere"],
            baselines=False,
        )
    assert perceiver.seen == []


def test_a_part_alone_looks_at_no_more_than_it_needs(run: Callable[..., Evaluation]) -> None:
    perceiver = CountingPerceiver()
    evaluation = run(perceiver, parts=("density",), baselines=True)
    assert len(perceiver.seen) == 1
    assert {f.part for f in evaluation.figures} <= {"density", "slices"}
    assert {f.who for f in evaluation.figures} >= {
        "model",
        "grey, told the patch",
        "grey, told the direction",
    }


def test_goals_are_the_models_alone_and_stand_in_its_line(run: Callable[..., Evaluation]) -> None:
    evaluation = run(parts=("density",), baselines=True)
    assert {f.who for f in evaluation.figures if goal_of(f)} == {"model"}
    line = next(x for x in as_text(evaluation).splitlines() if "share confident" in x and "model" in x)
    assert "must >= 0.75, aim 0.95" in line


def test_figures_and_rows_are_saved_and_can_be_read_back(tmp_path: Path, evaluation: Evaluation) -> None:
    save(evaluation, tmp_path / "out" / "metrics.json", model="fake-1")
    saved = json.loads((tmp_path / "out" / "metrics.json").read_text("utf-8"))
    assert saved["model"] == "fake-1"
    assert len(saved["figures"]) == len(evaluation.figures)
    photos = read_rows(tmp_path / "out" / "metrics.photos.csv")
    assert sum(row["set"] == "planted" for row in photos) == 4
    faults = read_rows(tmp_path / "out" / "metrics.faults.csv")
    assert [row["found"] for row in faults] == ["True", "True"]
    assert (tmp_path / "out" / "metrics.readings.csv").stat().st_size > 0


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path, evaluation: Evaluation) -> None:
    (tmp_path / "file").write_text("in the way", "utf-8")
    with pytest.raises(StorageError, match="cannot be saved"):
        save(evaluation, tmp_path / "file" / "metrics.json", model="fake-1")
    with pytest.raises(StorageError, match="cannot be saved"):
        write_sheets(evaluation, tmp_path / "file")


def test_sheets_show_the_failures_that_there_are(tmp_path: Path, run: Callable[..., Evaluation]) -> None:
    blind = FakePerceiver()  # sees no hole anywhere: ties, so every pair is lost
    written = write_sheets(run(blind, parts=("defects",), limit=2), tmp_path / "sheets")
    names = {path.name for path in written}
    assert "pairs_lost.png" in names
    assert "density_rendered.png" not in names
    sheet = cv2.imread(str(tmp_path / "sheets" / "pairs_lost.png"))
    green = (sheet[..., 1] > 180) & (sheet[..., 0] < 80) & (sheet[..., 2] < 80)
    assert green.sum() > 50  # the true hole's outline
