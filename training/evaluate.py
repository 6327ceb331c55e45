"""What the customer feels: error of density, false fails, faults found. Reads folders, prints one table.

Each kind of folder is told by what lies in it: `density.tsv`/`density.csv` (hand counts), `NNN_bad.jpg`
with `NNN_ok.jpg` (twins), `*_mask.png` with `*.json` (rendered elsewhere, with exact truth).
Beside the model stands a baseline for density: the same search on grey values instead of features.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from qc_vision.calibration import NO_SCALE
from qc_vision.density import DensityReading, read_density
from qc_vision.inspection import Inspector
from qc_vision.perception import Perceiver
from qc_vision.photo import decode
from qc_vision.region import fill_quad
from qc_vision.ruler import Step, rule
from qc_vision.spec import ProductSpec
from qc_vision.weave import FeatureMap, WeaveMap
from training.sets import DensityLabel
from training.sets import read_density as read_counts

RESAMPLINGS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the table: a value with its 90 % bootstrap interval over `n` independent units."""

    what: str
    value: float
    low: float
    high: float
    n: int


def bootstrap(
    what: str, values: list[float], *, statistic: str = "mean", groups: list[str] | None = None
) -> Figure:
    """The mean or median with a percentile interval; resamples whole groups (kin photos) where given."""
    measure = np.median if statistic == "median" else np.mean
    if not values:
        return Figure(what=what, value=float("nan"), low=float("nan"), high=float("nan"), n=0)
    names = groups or [str(i) for i in range(len(values))]
    by_group = [
        np.array([v for v, g in zip(values, names, strict=True) if g == name]) for name in sorted(set(names))
    ]
    rng = np.random.default_rng(0)
    draws = [
        measure(np.concatenate([by_group[i] for i in rng.integers(len(by_group), size=len(by_group))]))
        for _ in range(RESAMPLINGS)
    ]
    low, high = np.percentile(draws, [5, 95])
    return Figure(what=what, value=float(measure(values)), low=float(low), high=float(high), n=len(by_group))


def evaluate_density(perceiver: Perceiver, table: Path) -> tuple[list[Figure], list[dict[str, object]]]:
    """Hand-counted patches: the reading of each patch in the direction nearest to the counted one."""
    rows: list[dict[str, object]] = []
    labels = read_counts(table)
    for file in tqdm(sorted({label.file for label in labels}), desc="density", unit="photo"):
        photo = decode((table.parent / file).read_bytes())
        weave_map = perceiver.perceive(photo)
        for label in (x for x in labels if x.file == file):
            reading = _nearest(read_density(weave_map, scale=NO_SCALE, quad=label.quad), label)
            grey = _grey_reading(photo.pixels, weave_map, label, reading) if reading else None
            rows.append(_row(label, reading, grey))
    read = [r for r in rows if r["error"] is not None]
    sure = [r for r in read if r["confident"]]

    def figures(name: str, chosen: list[dict[str, object]], key: str) -> Iterator[Figure]:
        groups = [str(r["file"]) for r in chosen]
        strand = [float(r[key]) for r in chosen]  # type: ignore[arg-type]
        either = [min(float(r[key]), float(r[f"{key}_repeat"])) for r in chosen]  # type: ignore[arg-type]
        yield bootstrap(
            f"density, {name}: median relative error (strand or repeat)",
            either,
            statistic="median",
            groups=groups,
        )
        yield bootstrap(
            f"density, {name}: off by > 15 % (strand or repeat)",
            [float(e > 0.15) for e in either],
            groups=groups,
        )
        yield bootstrap(
            f"density, {name}: off by > 15 % (strand only)", [float(e > 0.15) for e in strand], groups=groups
        )

    table_rows = list(figures("confident", sure, "error")) + list(figures("all readings", read, "error"))
    table_rows.append(bootstrap("density: share confident", [float(bool(r["confident"])) for r in rows]))
    table_rows.append(
        bootstrap(
            "direction within 10 degrees",
            [float(r["turn_deg"] is not None and float(r["turn_deg"]) <= 10) for r in rows],
        )
    )  # type: ignore[arg-type]
    grey_rows = [r for r in rows if r["grey"] is not None]
    table_rows += figures(
        "baseline (grey values, true direction, round the model's reading)", grey_rows, "grey"
    )
    return table_rows, rows


def _nearest(readings: tuple[DensityReading, ...], label: DensityLabel) -> DensityReading | None:
    return min(readings, key=lambda r: _turn(r.angle_deg, label.dir_deg), default=None)


def _turn(a: float, b: float) -> float:
    return abs((a - b + 90) % 180 - 90)


def _row(label: DensityLabel, reading: DensityReading | None, grey_px: float | None) -> dict[str, object]:
    def off(pitch: float | None, truth: float) -> float | None:
        return None if pitch is None else abs(pitch / truth - 1)

    pitch = reading.pitch_px if reading else None
    return {
        "file": label.file,
        "direction": label.direction,
        "truth_px": label.pitch_px,
        "pitch_px": pitch,
        "error": off(pitch, label.pitch_px),
        "error_repeat": off(pitch, label.repeat_px),
        "turn_deg": _turn(reading.angle_deg, label.dir_deg) if reading else None,
        "confident": bool(reading and reading.confident),
        "grey": off(grey_px, label.pitch_px),
        "grey_repeat": off(grey_px, label.repeat_px),
    }


def _grey_reading(
    pixels: NDArray[np.uint8], weave_map: WeaveMap, label: DensityLabel, reading: DensityReading
) -> float | None:
    """The baseline: grey values on cells half as wide take the features' place. It is told the true direction
    and searches round the model's own reading, so it shows what features add to the ruler, no more."""
    cell = weave_map.features.px_per_cell / 2
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    size = (max(8, round(grey.shape[1] / cell)), max(8, round(grey.shape[0] / cell)))
    values = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)[None]
    features = FeatureMap(values=values, origin_px=(0.0, 0.0), px_per_cell=grey.shape[1] / size[0])
    region = fill_quad(label.quad, px_per_cell=weave_map.px_per_cell, shape=weave_map.basket.shape)
    step = Step(angle_rad=float(np.deg2rad(label.dir_deg)), pitch_px=reading.pitch_px)
    windows = rule(features, inside=region, px_per_cell=weave_map.px_per_cell, step=step)
    return float(np.median([w.step.pitch_px for w in windows])) if windows else None


def evaluate_twins(inspector: Inspector, folder: Path, spec: ProductSpec) -> list[Figure]:
    """Pairs of a photo with a planted fault and its sound twin: does the faulty one rank higher?"""
    wins: dict[str, list[float]] = {"clear": [], "moderate": [], "subtle": []}
    sources: dict[str, list[str]] = {"clear": [], "moderate": [], "subtle": []}
    sound_fails: list[float] = []
    scores: tuple[list[float], list[float]] = ([], [])
    for path in tqdm(sorted(folder.glob("*_bad.jpg")), desc="twins", unit="pair"):
        facts = json.loads(path.with_name(path.name.replace("_bad.jpg", ".json")).read_text("utf-8"))
        bad = inspector.inspect(path.read_bytes(), spec=spec).record
        sound = inspector.inspect(
            path.with_name(path.name.replace("_bad", "_ok")).read_bytes(), spec=spec
        ).record
        wins[facts["severity"]].append(
            (bad.defect_score > sound.defect_score) + 0.5 * (bad.defect_score == sound.defect_score)
        )
        sources[facts["severity"]].append(facts["source"])
        scores[0].append(bad.defect_score)
        scores[1].append(sound.defect_score)
        sound_fails.append(float(sound.verdict == "fail"))
    both, kin = wins["clear"] + wins["moderate"], sources["clear"] + sources["moderate"]
    figures = [bootstrap("twins: faulty above sound, clear and moderate", both, groups=kin)]
    figures += [
        bootstrap(f"twins: faulty above sound, {k}", v, groups=sources[k]) for k, v in wins.items() if v
    ]
    figures.append(auroc_figure("twins: photo AUROC", *scores))
    figures.append(bootstrap("twins: sound photos failed", sound_fails))
    return figures


def evaluate_rendered(inspector: Inspector, folder: Path, spec: ProductSpec) -> list[Figure]:
    """Pictures of another renderer with exact truth: mask, density at the centre, photo AUROC."""
    ious, errors, confident, scores = [], [], [], ([], [])  # type: ignore[var-annotated]
    fails = []
    for path in tqdm(sorted(folder.glob("*_mask.png")), desc="rendered", unit="picture"):
        stem = path.name.removesuffix("_mask.png")
        facts = json.loads((folder / f"{stem}.json").read_text("utf-8"))
        inspection = inspector.inspect((folder / f"{stem}.jpg").read_bytes(), spec=spec)
        truth = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) > 0
        seen = _full_size(inspection.weave_map.basket, inspection.weave_map.px_per_cell, truth.shape) > 0.5
        ious.append(float((seen & truth).sum() / max(1, (seen | truth).sum())))
        centre = facts["centre"]
        truths = (
            centre["weaver_pitch_mm"] * centre["px_per_mm_along_weaver_step"],
            centre["stake_pitch_mm"] * centre["px_per_mm_along_stake_step"],
        )
        for reading, true_px in _paired(_at_centre(inspection.weave_map, facts), truths):
            confident.append(float(reading.confident))
            if reading.confident:
                errors.append(abs(reading.pitch_px / true_px - 1))
        faulty = bool(facts["defects"])
        scores[0 if faulty else 1].append(inspection.record.defect_score)
        if not faulty:
            fails.append(float(inspection.record.verdict == "fail"))
    return [
        bootstrap("rendered: basket mask IoU", ious),
        bootstrap("rendered: density, confident: median relative error", errors, statistic="median"),
        bootstrap("rendered: density, confident: off by > 15 %", [float(e > 0.15) for e in errors]),
        bootstrap("rendered: density: share confident", confident),
        auroc_figure("rendered: photo AUROC", *scores),
        bootstrap("rendered: sound pictures failed", fails),
    ]


def evaluate_sound(inspector: Inspector, photos: list[Path], spec: ProductSpec) -> list[Figure]:
    """Photos of pieces that are sound as far as one can see: what share is failed, sent on, refused?"""
    verdicts = [
        str(inspector.inspect(p.read_bytes(), spec=spec).record.verdict)
        for p in tqdm(photos, desc="sound", unit="photo")
    ]
    return [
        bootstrap(f"sound photos: {v}", [float(w == v) for w in verdicts])
        for v in ("pass", "review", "fail", "retake")
    ]


def _at_centre(weave_map: WeaveMap, facts: dict) -> tuple[DensityReading, ...]:
    """Readings of a patch of about five strands round the crossing that the truth speaks of."""
    points = [p for p in facts["points"] if not p["defect"]]
    if not points:
        return ()
    shape = np.array(weave_map.basket.shape[::-1]) * weave_map.px_per_cell
    nearest = min(points, key=lambda p: np.hypot(p["x"] - shape[0] / 2, p["y"] - shape[1] / 2))
    at = np.array([nearest["x"], nearest["y"]])
    a, b = np.array(nearest["stake_vec_px"]) * 3, np.array(nearest["weaver_vec_px"]) * 3
    return read_density(
        weave_map, scale=NO_SCALE, quad=np.array([at - a - b, at + a - b, at + a + b, at - a + b])
    )


def _paired(
    readings: tuple[DensityReading, ...], truths: tuple[float, float]
) -> Iterator[tuple[DensityReading, float]]:
    for reading in readings:
        yield reading, truths[0 if reading.direction == "weft" else 1]


def _full_size(cells: NDArray[np.float32], px_per_cell: float, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Brings a map on cells to the photo's own pixels."""
    affine = np.array(
        [[1 / px_per_cell, 0, 0.5 / px_per_cell - 0.5], [0, 1 / px_per_cell, 0.5 / px_per_cell - 0.5]]
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(cells, affine, (shape[1], shape[0]), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def auroc(faulty: list[float], sound: list[float]) -> float:
    """Chance that a faulty one scores above a sound one (ties count half)."""
    if not faulty or not sound:
        return float("nan")
    a, b = np.array(faulty)[:, None], np.array(sound)[None, :]
    return float(((a > b) + 0.5 * (a == b)).mean())


def auroc_figure(what: str, faulty: list[float], sound: list[float]) -> Figure:
    """The AUROC with a bootstrap interval over photos, faulty and sound ones drawn apart."""
    rng = np.random.default_rng(0)
    draws = [
        auroc(list(rng.choice(faulty, len(faulty))), list(rng.choice(sound, len(sound))))
        for _ in range(RESAMPLINGS)
        if faulty and sound
    ]
    low, high = np.percentile(draws, [5, 95]) if draws else (float("nan"), float("nan"))
    return Figure(
        what=what, value=auroc(faulty, sound), low=float(low), high=float(high), n=len(faulty) + len(sound)
    )


def table(figures: list[Figure]) -> str:
    """The figures as aligned text."""
    width = max(len(f.what) for f in figures)
    return "\n".join(
        f"{f.what:<{width}}  {f.value:6.3f}  [{f.low:.3f}, {f.high:.3f}]  n={f.n}" for f in figures
    )
