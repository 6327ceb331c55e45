"""Sheets of the worst cases of each kind, to look at why a figure is what it is.

Green is true, red is what the model says. For looking only: photos of others stay where they are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from qc_vision.errors import PhotoError, StorageError
from qc_vision.message import Message
from qc_vision.photo import decode
from training.evaluate.alarms import operating_floor
from training.evaluate.cells import CellMap
from training.evaluate.density import GROSS_ERROR, Reading
from training.evaluate.measure import Evaluation
from training.evaluate.sight import FLOORS, Sight

TILES, COLUMNS = 12, 4
TILE_PX, CAPTION_PX = 420, 36
GREEN, RED = (0, 210, 0), (235, 30, 30)

Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One tile. `badness` sorts; `box` (x0, y0, x1, y1) px is what is shown, the whole photo if None. Outlines of
    `true` (H, W) and of `seen` where it exceeds `level` are drawn; `ticks` are the marks (from, to, colour)."""

    path: Path
    caption: str
    badness: float
    box: tuple[float, float, float, float] | None = None
    true: NDArray[np.bool_] | None = None
    seen: CellMap | None = None
    level: float = 0.5
    ticks: tuple[tuple[Point, Point, tuple[int, int, int]], ...] = field(default=())


def write_sheets(evaluation: Evaluation, folder: Path) -> list[Path]:
    """Writes one PNG per kind of failure that occurs. StorageError where the folder cannot be written."""
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for kind, cases in worst_cases(evaluation).items():
            chosen = sorted(cases, key=lambda case: -case.badness)[:TILES]
            if chosen:
                path = folder / f"{kind}.png"
                # encoded here, since OpenCV's own writer tells of a full disk by nothing but False
                _, packed = cv2.imencode(".png", draw_sheet(chosen)[..., ::-1])
                path.write_bytes(packed.tobytes())
                written.append(path)
    except OSError as wrong:
        raise StorageError(
            Message(
                id=f"Gambar tidak dapat disimpan di {folder}: {wrong.strerror}. Beri folder lain.",
                en=f"The sheets cannot be saved in {folder}: {wrong.strerror}. Give another folder.",
            )
        ) from wrong
    return written


def worst_cases(evaluation: Evaluation) -> dict[str, list[Case]]:
    """All failures by kind; a kind may be empty."""
    traced = [look for look in evaluation.rendered if look.alarms is not None]
    twins = [pair for pair in evaluation.twins if all(look.alarms is not None for look in pair)]
    traced_at = operating_floor([look.alarms for look in traced if look.alarms])
    rendered_level = _level(traced_at)
    planted_level = _level(operating_floor([sound.alarms for _, sound in twins if sound.alarms]))
    sound = [(x.sight, rendered_level) for x in traced if not x.truth.faults]
    sound += [(ok.sight, planted_level) for _, ok in twins] + [
        (x.sight, planted_level) for x in evaluation.real
    ]
    return {
        "density_real": [c for x in evaluation.real for c in _density_cases(x.sight.path, x.readings)],
        "density_rendered": [
            c for x in evaluation.rendered for c in _density_cases(x.sight.path, x.readings)
        ],
        "masks": [
            Case(
                path=x.sight.path,
                caption=f"{x.name}: IoU {x.mask_iou:.3f}",
                badness=1 - x.mask_iou,
                true=x.truth.basket,
                seen=x.sight.basket,
            )
            for x in evaluation.rendered
        ],
        "missed_rendered": [
            Case(
                path=x.sight.path,
                caption=f"{x.name}: {fault.code}, {fault.size_mm:.0f} mm, verdict {x.sight.verdict}",
                badness=fault.size_mm,
                true=fault.mask,
                seen=x.sight.heat,
                level=rendered_level,
            )
            for x in traced
            for fault, found in zip(x.truth.faults, x.alarms.found, strict=True)
            if traced_at is None or not found[traced_at]
        ],
        "pairs_lost": [
            Case(
                path=bad.sight.path,
                caption=f"{bad.pair.code} {bad.pair.severity}: {bad.sight.score:.3f}, twin {ok.sight.score:.3f}",
                badness=ok.sight.score - bad.sight.score,
                true=bad.fault,
                seen=bad.sight.heat,
                level=planted_level,
            )
            for bad, ok in twins
            if bad.sight.score <= ok.sight.score
        ],
        "false_alarms": [
            Case(
                path=sight.path,
                caption=f"{sight.path.parent.name}/{sight.path.name}: {sight.score:.3f}, {sight.verdict}",
                badness=sight.score + (sight.verdict == "fail"),
                seen=sight.heat,
                level=level,
            )
            for sight, level in sound
        ],
        "baskets_where_none_is": [
            Case(
                path=sight.path,
                caption=f"{sight.path.name}: {sight.verdict} {' '.join(sight.reasons[:3])}",
                badness=float(sight.basket.values.mean()),
                seen=sight.basket,
            )
            for sight in evaluation.negatives
            if not sight.refused_as_no_basket
        ],
        "baskets_refused": [
            Case(
                path=sight.path,
                caption=f"{sight.path.name}: {' '.join(sight.reasons[:4])}",
                badness=1 - float(sight.basket.values.mean()),
                seen=sight.basket,
            )
            for sight in _baskets(evaluation)
            if sight.verdict == "retake"
        ],
    }


def draw_sheet(cases: Sequence[Case]) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB: one tile per case, row by row."""
    tiles = [_draw(case) for case in cases]
    blank = np.full_like(tiles[0], 255)
    tiles += [blank] * (-len(tiles) % COLUMNS)
    rows = [np.concatenate(tiles[i : i + COLUMNS], axis=1) for i in range(0, len(tiles), COLUMNS)]
    return np.concatenate(rows, axis=0)


def _baskets(evaluation: Evaluation) -> Iterator[Sight]:
    yield from (x.sight for x in evaluation.rendered)
    yield from (x.sight for pair in evaluation.twins for x in pair)
    yield from (x.sight for x in evaluation.real)


def _level(allowed: int | None) -> float:
    return float(FLOORS[0 if allowed is None else allowed])


def _density_cases(path: Path, readings: Sequence[Reading]) -> Iterator[Case]:
    """Gross errors among the confident readings first; what was not read surely comes after them."""
    for r in readings:
        if r.who != "model" or r.pitch_px is None or (r.confident and r.error <= GROSS_ERROR / 2):
            continue
        reach = 5 * max(r.count.pitch_px, r.pitch_px)
        x, y = r.count.centre_px
        sure = "sure" if r.confident else "not sure"
        yield Case(
            path=path,
            caption=f"{r.count.photo.split('/')[-1]} {r.count.direction}: {r.pitch_px:.1f} px, true "
            f"{r.count.pitch_px:.1f}, {sure}",
            badness=abs(np.log(r.pitch_px / r.count.pitch_px)) + 10 * r.confident,
            box=(x - reach, y - reach, x + reach, y + reach),
            ticks=(
                *_ruler((x, y), r.count.angle_deg, r.count.pitch_px, GREEN, side=1),
                *_ruler((x, y), r.angle_deg or 0.0, r.pitch_px, RED, side=-1),
            ),
        )


def _ruler(
    at: Point, angle_deg: float, pitch_px: float, colour: tuple[int, int, int], *, side: int
) -> Iterator[tuple[Point, Point, tuple[int, int, int]]]:
    """A line with nine ticks, one pitch apart, each to one side of it."""
    along = np.array([np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))])
    across = side * np.array([-along[1], along[0]])
    if across[0] * side < 0:  # so that the two rulers do not cover each other, whatever way round they run
        across = -across
    yield tuple(at - 4 * pitch_px * along), tuple(at + 4 * pitch_px * along), colour
    for i in range(-4, 5):
        foot = at + i * pitch_px * along
        yield tuple(foot), tuple(foot + 0.6 * pitch_px * across), colour


def _draw(case: Case) -> NDArray[np.uint8]:
    tile = np.full((TILE_PX + CAPTION_PX, TILE_PX, 3), 255, np.uint8)
    cv2.putText(tile, case.caption[:64], (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.36, (0, 0, 0), 1, cv2.LINE_AA)
    try:
        photo = decode(case.path.read_bytes())
    except (OSError, PhotoError):
        return tile  # gone since it was measured: its caption still tells the figures
    height, width = photo.height, photo.width
    x0, y0, x1, y1 = case.box or (0, 0, width, height)
    x0, y0, x1, y1 = max(0, int(x0)), max(0, int(y0)), min(width, int(x1)), min(height, int(y1))
    scale = TILE_PX / max(x1 - x0, y1 - y0, 1)
    size = (max(1, round((x1 - x0) * scale)), max(1, round((y1 - y0) * scale)))

    def shown(whole: NDArray, interpolation: int) -> NDArray:
        return cv2.resize(np.ascontiguousarray(whole[y0:y1, x0:x1]), size, interpolation=interpolation)

    view = shown(photo.pixels, cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    if case.seen is not None:
        values = case.seen.spread((height, width))
        _outline(view, shown(values, cv2.INTER_LINEAR) > case.level, RED)
        peak_y, peak_x = np.unravel_index(int(values.argmax()), values.shape)
        cv2.drawMarker(
            view, (int((peak_x - x0) * scale), int((peak_y - y0) * scale)), RED, cv2.MARKER_CROSS, 12
        )
    if case.true is not None:
        _outline(view, shown(case.true.astype(np.uint8), cv2.INTER_NEAREST) > 0, GREEN)
    for start, end, colour in case.ticks:
        ends = [(int((x - x0) * scale), int((y - y0) * scale)) for x, y in (start, end)]
        cv2.line(view, *ends, colour, 1, cv2.LINE_AA)
    tile[CAPTION_PX : CAPTION_PX + view.shape[0], : view.shape[1]] = view[:TILE_PX, :TILE_PX]
    return tile


def _outline(view: NDArray[np.uint8], mask: NDArray[np.bool_], colour: tuple[int, int, int]) -> None:
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(view, contours, -1, colour, 1, cv2.LINE_AA)
