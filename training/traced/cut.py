"""From traced pictures to what training reads: windows at the scale where faults are judged, seen by a phone's camera."""

import math
import zipfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.render.cache import FAULT_SEEN, save
from training.render.camera import expose
from training.render.fault import CODES
from training.render.scene import SIDE_PX
from training.render.truth import CELL_PX, STEP_MAX_PX, STEP_MIN_PX, Picture
from training.traced.seen import END, OUTSIDE, PART, Traced, read_pair

WINDOWS = 10
"""Cut from each pair: places, scales, cameras; two to a shard."""
PAIRS = 16
STRANDS_PX = (7.0, 20.0)
ENLARGED_MOST = 1.6
ON_THE_FAULT = 0.6
"""Share of a faulty picture's windows that show the fault."""
COUNTED = ("plain", "lens", "wicker", "twill21", "twill22")
"""Weaves whose rows and stakes lie where the wall's numbers say."""


def cut(folder: Path, out: Path) -> Iterator[Path]:
    """Cuts the pairs of `folder` whose seeds come after those that `out` has whole, PAIRS together, so that a batch from one
    shard sees many baskets; yields the new shards. Fewer pairs than that wait for more, and a damaged one is left out."""
    out.mkdir(parents=True, exist_ok=True)
    last_shards = out.glob(f"*-{WINDOWS // 2 - 1}.npz")  # of each group: one that was cut short is cut again
    done = max((int(path.stem.split("-")[1]) for path in last_shards), default=-1)
    fresh = sorted(
        (path for path in folder.glob("*.npz") if int(path.stem) > done), key=lambda p: int(p.stem)
    )
    for first in range(0, len(fresh) - PAIRS + 1, PAIRS):
        group = fresh[first : first + PAIRS]
        shards: list[list[tuple[Picture, ...]]] = [[] for _ in range(WINDOWS // 2)]
        for path in group:
            try:
                pair = read_pair(path)
            except (zipfile.BadZipFile, EOFError, KeyError):
                continue
            for number in range(WINDOWS):
                shards[number // 2].append(window(*pair, np.random.default_rng([int(path.stem), number])))
        for number, windows in enumerate(shards):
            path = out / f"{group[0].stem}-{group[-1].stem}-{number}.npz"
            save(path, windows)
            yield path


def window(faulty: Traced, sound: Traced, rng: np.random.Generator) -> tuple[Picture, ...]:
    """One window of both pictures of a pair, or of the sound one alone where no fault is in view."""
    part, marks = faulty.part, faulty.marks
    height, width = part.shape
    finer_px = _finer_px(sound)
    wanted = math.exp(rng.uniform(*np.log(STRANDS_PX)))
    low = SIDE_PX / min(height, width)
    scale = float(np.clip(wanted / finer_px if finer_px else low, low, ENLARGED_MOST))
    side = SIDE_PX / scale
    spots = np.argwhere(marks if marks.any() and rng.random() < ON_THE_FAULT else (part > 0))
    centre = (
        spots[rng.integers(len(spots))][::-1] if len(spots) else np.array([width, height]) / 2
    ) + rng.normal(0, side / 5, 2)
    corner = np.clip(centre - side / 2, 0, np.array([width, height]) - side)
    camera_seed = int(rng.integers(1 << 30))
    mirrored = bool(rng.random() < 0.5)

    bad, good = (
        _look(traced, corner, scale, mirrored=mirrored, camera=np.random.default_rng(camera_seed))
        for traced in (faulty, sound)
    )
    return (bad, good) if (bad.defects.max(0) * bad.basket).max() > FAULT_SEEN else (good,)


def _finer_px(traced: Traced) -> float:
    """How far the finer strands lie apart in the picture, in the median; 0 without a wall in view."""
    steps = _steps(traced.place)
    good = cv2.erode((traced.part == OUTSIDE).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    if not good.any():
        return 0.0
    lengths = np.stack([np.hypot(*steps[:2])[good], np.hypot(*steps[2:])[good]])
    return float(np.nanmedian(lengths.min(0)))


def _steps(place: NDArray[np.float32]) -> NDArray[np.float32]:
    """(4, h, w) image vectors (x, y) of one step to the next row and to the next stake."""
    (ry, rx), (sy, sx) = (np.gradient(place[..., k].astype(np.float64)) for k in (0, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.stack([sy, -sx, -ry, rx]) / (rx * sy - ry * sx)
    return np.asarray(steps, np.float32)


def _look(
    traced: Traced,
    corner: NDArray[np.float64],
    scale: float,
    *,
    mirrored: bool,
    camera: np.random.Generator,
) -> Picture:
    view = np.array(
        [[scale, 0, (0.5 - corner[0]) * scale - 0.5], [0, scale, (0.5 - corner[1]) * scale - 0.5]]
    )

    def laid(values: NDArray[np.generic], how: int = cv2.INTER_NEAREST) -> NDArray[np.generic]:
        out = cv2.warpAffine(values, view, (SIDE_PX, SIDE_PX), flags=how, borderMode=cv2.BORDER_REFLECT_101)
        return out[:, ::-1] if mirrored else out

    light = traced.light.astype(np.float32).clip(0, 60)
    if scale < 1:
        light = cv2.GaussianBlur(light, (0, 0), 0.45 / scale)
    light = np.ascontiguousarray(laid(light, cv2.INTER_CUBIC)).clip(0, None)
    photo, _ = expose(light * 0.36 / max(float(light.mean()), 1e-3), camera)
    part = np.ascontiguousarray(laid(traced.part))
    place = np.ascontiguousarray(laid(traced.place, cv2.INTER_LINEAR))
    marks = np.ascontiguousarray(laid(traced.marks.astype(np.uint8)))

    inside = np.isin(part, (OUTSIDE, PART, END)).astype(np.float32)
    wall = np.isin(part, (OUTSIDE, END)).astype(np.float32)
    flat = cv2.erode((part == OUTSIDE).astype(np.uint8), np.ones((5, 5), np.uint8), borderValue=1)
    counted = traced.weave in COUNTED
    middle = (..., slice(CELL_PX // 2, None, CELL_PX), slice(CELL_PX // 2, None, CELL_PX))
    good = (flat[middle] > 0) & (marks[middle] == 0) & counted
    vectors = [laid(np.nan_to_num(v, nan=0.0, posinf=0.0, neginf=0.0)) for v in _steps(traced.place)]
    steps = scale * np.stack(vectors)[middle].clip(-1e4, 1e4) * good
    if mirrored:
        steps[::2] *= -1
    length = np.stack([np.hypot(*steps[:2]), np.hypot(*steps[2:])])
    steps = steps * ((length > STEP_MIN_PX) & (length < STEP_MAX_PX)).all(0)
    rows, stakes = place[..., 0][middle], place[..., 1][middle]
    defects = np.zeros((len(CODES), SIDE_PX // CELL_PX, SIDE_PX // CELL_PX), np.float32)
    if traced.code:
        shown = _cells(marks.astype(np.float32))
        defects[CODES.index(traced.code)] = (shown.max((2, 3)) + shown.mean((2, 3))) / 2
    return Picture(
        rgb=photo,
        basket=_cells(inside).mean((2, 3)),
        judged=_cells(wall).mean((2, 3)),
        steps=steps.astype(np.float32),
        crests=np.stack([np.cos(2 * np.pi * (rows - 0.5)), np.cos(2 * np.pi * stakes)]).astype(np.float32),
        defects=defects,
    )


def _cells(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """(h, w, k, k) of (h k, w k): the pixels of each cell."""
    n = len(values) // CELL_PX
    return values.reshape(n, CELL_PX, n, CELL_PX).swapaxes(1, 2)
