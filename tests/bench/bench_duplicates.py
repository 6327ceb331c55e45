"""How often is a photo known again when it comes altered, and other photos taken for it? Prints; asserts nothing.

    python -m tests.bench.bench_duplicates FOLDER

FOLDER, and the folders in it, hold photos that are all different.
"""

import argparse
from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from qc_vision.landmarks import MARKS_SHARED, find_marks, find_marks_turned, is_same_photo
from qc_vision.photo import decode, encode_jpeg

KINDS = {".jpg", ".jpeg", ".png", ".webp"}
FULL_SIDE_PX = 2000
KEPT_SIDE_PX = 600
"""The service decodes what it has kept no larger than this to lay a new photo upon it."""

Pixels = NDArray[np.uint8]
Alter = Callable[[Pixels], bytes]


def _shrunk(pixels: Pixels, share: float) -> Pixels:
    return np.asarray(cv2.resize(pixels, None, fx=share, fy=share, interpolation=cv2.INTER_AREA), np.uint8)


def _cut(pixels: Pixels, *, left: float = 0, top: float = 0, right: float = 0, below: float = 0) -> Pixels:
    height, width = pixels.shape[:2]
    rows = slice(int(top * height), int((1 - below) * height))
    return np.ascontiguousarray(pixels[rows, int(left * width) : int((1 - right) * width)])


def _cut_round(pixels: Pixels, share: float) -> Pixels:
    return _cut(pixels, left=share, top=share, right=share, below=share)


def _turned(pixels: Pixels, degrees: float) -> Pixels:
    """Turned about its middle and cut so far that no corner is empty, as a gallery's editor does."""
    height, width = pixels.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    turned = cv2.warpAffine(pixels, turn, (width, height), flags=cv2.INTER_LINEAR)
    lost = np.sin(np.radians(abs(degrees))) * max(width, height) / min(width, height) / 2
    return _cut_round(np.asarray(turned, np.uint8), lost)


COPIES: dict[str, Alter] = {
    "packed anew, quality 40": lambda p: encode_jpeg(p, quality=40),
    "halved, quality 50": lambda p: encode_jpeg(_shrunk(p, 0.5), quality=50),
    "cut by 5 % all round": lambda p: encode_jpeg(_cut_round(p, 0.05), quality=80),
    "cut by a tenth below": lambda p: encode_jpeg(_cut(p, below=0.1), quality=80),
    "cut by a fifth on the left and a tenth below": lambda p: encode_jpeg(
        _cut(p, left=0.2, below=0.1), quality=80
    ),
    "cut by 15 % all round, shrunk, quality 60": lambda p: encode_jpeg(
        _shrunk(_cut_round(p, 0.15), 640 / max(p.shape[:2])), quality=60
    ),
    "turned by 1°": lambda p: encode_jpeg(_turned(p, 1), quality=80),
    "turned by 3°": lambda p: encode_jpeg(_turned(p, 3), quality=80),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in KINDS)
    # the same bytes may lie in the folder twice: they are no other photo
    files = list({path.read_bytes(): path for path in found})
    photos = [decode(data, min_side_px=KEPT_SIDE_PX) for data in files]
    marks = [find_marks(photo) for photo in photos]
    asked = [find_marks_turned(photo) for photo in photos]
    alike = [
        (i, j) for i, j in permutations(range(len(files)), 2) if len(asked[i] & marks[j]) >= MARKS_SHARED
    ]
    mistaken = sum(is_same_photo(photos[i], photos[j]) for i, j in alike)
    print(f"{len(files)} photos, {len(files) * (len(files) - 1)} questions for different ones:", end=" ")
    print(f"{len(alike)} laid upon each other, {mistaken} taken for the same", flush=True)
    looked_up, known_again = dict.fromkeys(COPIES, 0), dict.fromkeys(COPIES, 0)
    for data, photo, own in zip(files, photos, marks, strict=True):
        pixels = decode(data, min_side_px=FULL_SIDE_PX).pixels
        for name, alter in COPIES.items():
            copy = decode(alter(pixels), min_side_px=KEPT_SIDE_PX)
            near = len(find_marks_turned(copy) & own) >= MARKS_SHARED
            looked_up[name] += near
            known_again[name] += near and is_same_photo(copy, photo)
    for name in COPIES:
        print(f"{name}: looked up {looked_up[name]}, known again {known_again[name]} of {len(files)}")


if __name__ == "__main__":
    main()
