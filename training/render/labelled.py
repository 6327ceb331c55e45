"""Rendered photos as a folder with hand-label files beside it: shows the labelled-set format, feeds tests."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np

from qc_vision.photo import encode_jpeg
from training.render.fault import CODES
from training.render.scene import Renderer
from training.render.truth import CELL_PX, Picture

QUAD_CELLS = 12


def write_labelled(folder: Path, *, seeds: list[int], side_px: int) -> None:
    """Writes `SEED.jpg` for every seed, `labels.json` (COCO) and `density.csv`, ready for `qc-train import`."""
    folder.mkdir(parents=True)
    renderer = Renderer(side_px=side_px)
    images, annotations, counts = [], [], []
    for seed in seeds:
        picture = renderer.render(seed)
        name = f"{seed}.jpg"
        (folder / name).write_bytes(encode_jpeg(picture.rgb, quality=88))
        images.append({"id": seed, "file_name": name, "width": side_px, "height": side_px})
        for category, mask in enumerate((picture.basket, *picture.defects), start=1):
            for ring in _rings(mask):
                number = len(annotations) + 1
                annotations.append(
                    {"id": number, "image_id": seed, "category_id": category, "segmentation": [ring]}
                )
        counts += _counts(picture, name)
    categories = [{"id": i, "name": code} for i, code in enumerate(("basket", *CODES), start=1)]
    coco = {"images": images, "categories": categories, "annotations": annotations}
    (folder / "labels.json").write_text(json.dumps(coco), "utf-8")
    with (folder / "density.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("file", "quad", "dir_deg", "repeat_px", "strands_per_repeat", "direction"))
        writer.writerows(counts)


def _rings(mask: np.ndarray) -> list[list[float]]:
    side = mask.shape[0] * CELL_PX
    fine = (cv2.resize(mask, (side, side), interpolation=cv2.INTER_LINEAR) > 0.4).astype(np.uint8)
    outlines, _ = cv2.findContours(fine, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    rings = [
        cv2.approxPolyDP(outline, 1.0, True).reshape(-1)
        for outline in outlines
        if cv2.contourArea(outline) > 12
    ]
    return [[float(v) for v in ring] for ring in rings if len(ring) >= 6]


def _counts(picture: Picture, name: str) -> list[tuple[str, str, str, str, str, str]]:
    """Both directions in the middle of the largest judged square, if the pitch hardly changes over it."""
    inner = cv2.erode(
        (picture.judged > 0.9).astype(np.uint8), np.ones((QUAD_CELLS, QUAD_CELLS)), borderValue=0
    )
    places = np.argwhere(inner)
    if not len(places):
        return []
    y, x = places[len(places) // 2]
    half = QUAD_CELLS // 2
    window = picture.steps[:, y - half : y + half, x - half : x + half].reshape(2, 2, -1)
    if (
        not window.any()
        or (np.linalg.norm(window, axis=1).std(1) > 0.05 * np.linalg.norm(window, axis=1).mean(1)).any()
    ):
        return []
    low, high = (np.array([x, y]) - half) * CELL_PX, (np.array([x, y]) + half) * CELL_PX
    quad = ";".join(
        f"{px},{py}"
        for px, py in ((low[0], low[1]), (high[0], low[1]), (high[0], high[1]), (low[0], high[1]))
    )
    steps = np.median(window, axis=2)
    steep = np.abs(steps[:, 1]) / np.linalg.norm(steps, axis=1)
    rows = []
    for step, direction in zip(
        steps, ("weft", "warp") if steep[0] >= steep[1] else ("warp", "weft"), strict=True
    ):
        angle = np.rad2deg(np.arctan2(step[1], step[0])) % 180
        rows.append((name, quad, f"{angle:.1f}", f"{np.hypot(*step):.2f}", "1", direction))
    return rows
