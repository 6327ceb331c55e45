"""Where one whole basket is demanded: how often is a sound view refused, a spoilt one for the right reason?

    python -m tests.bench.bench_view FOLDER --whole FILE [--several FILE]

FOLDER holds photos; the file of `--whole` names, one a line, those that somebody sees to show one basket, whole, with
background all round; that of `--several` those that show more than one. Each whole one is asked about as it is; cut
through the basket at one, two and three sides, by 15 % of its box each; and beside the next whole one. Prints the
figures of each copy and counts; asserts nothing.
"""

import argparse
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from qc_vision.inspection import DECODED_SIDE_PX
from qc_vision.model import load_model
from qc_vision.perception import Perceiver
from qc_vision.photo import decode, encode_jpeg
from qc_vision.region import Box, bound, find_basket
from qc_vision.view import cut_fraction, find_view_faults, second_fraction
from qc_vision.weave import WeaveMap

SIDE_PX = 1280
CUT = 0.15
NO_BASKET = "no_basket"

Pixels = NDArray[np.uint8]


class Tally:
    """Asks about photos, prints what is told of each, and counts."""

    def __init__(self) -> None:
        self._perceiver = Perceiver(load_model())
        self.asked: Counter[str] = Counter()
        self.told: Counter[tuple[str, str]] = Counter()

    def ask(self, kind: str, name: str, data: bytes) -> WeaveMap:
        weave_map = self._perceiver.perceive(decode(data, min_side_px=DECODED_SIDE_PX))
        basket = find_basket(weave_map)
        told = sorted(find_view_faults(weave_map, "whole")) if basket.any() else [NO_BASKET]
        figures = f"cut {cut_fraction(basket):.2f} second {second_fraction(basket):.2f}"
        print(f"{kind}\t{name}\t{figures}\t{' '.join(told) or 'accepted'}", flush=True)
        self.asked[kind] += 1
        self.told.update((kind, reason) for reason in told or ["accepted"])
        return weave_map

    def print(self) -> None:
        for kind, count in self.asked.items():
            told = ", ".join(f"{reason} {n}" for (k, reason), n in self.told.items() if k == kind)
            print(f"{kind}: {count} asked, {told}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--whole", type=Path, required=True, metavar="FILE")
    parser.add_argument("--several", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    tally = Tally()
    names = arguments.whole.read_text().split()
    photos = {name: _reduced(arguments.folder / name) for name in names}
    for name, pixels in photos.items():
        seen = tally.ask("whole", name, encode_jpeg(pixels))
        height, width = pixels.shape[:2]
        box = bound(find_basket(seen), px_per_cell=seen.px_per_cell, width=width, height=height)
        if box is not None:
            for sides in (1, 2, 3):
                tally.ask(f"cut at {sides}", name, encode_jpeg(_cut(pixels, box, sides)))
    for name, beside in zip(names, names[1:] + names[:1], strict=True):
        pair = _side_by_side(photos[name], photos[beside])
        tally.ask("two side by side", f"{name} {beside}", encode_jpeg(pair))
    if arguments.several:
        for name in arguments.several.read_text().split():
            tally.ask("several", name, encode_jpeg(_reduced(arguments.folder / name)))
    tally.print()


def _reduced(path: Path) -> Pixels:
    pixels = decode(path.read_bytes(), min_side_px=SIDE_PX).pixels
    share = min(1.0, SIDE_PX / max(pixels.shape[:2]))
    return np.asarray(cv2.resize(pixels, None, fx=share, fy=share, interpolation=cv2.INTER_AREA), np.uint8)


def _cut(pixels: Pixels, box: Box, sides: int) -> Pixels:
    """Cut through the basket on the left, then on the right too, then below."""
    x0, y0, x1, y1 = box
    across, down = CUT * (x1 - x0), CUT * (y1 - y0)
    left = int(x0 + across)
    right = int(x1 - across) if sides > 1 else pixels.shape[1]
    below = int(y1 - down) if sides > 2 else pixels.shape[0]
    return np.ascontiguousarray(pixels[:below, left:right])


def _side_by_side(left: Pixels, right: Pixels) -> Pixels:
    height = min(left.shape[0], right.shape[0])
    same = [
        cv2.resize(p, (round(p.shape[1] * height / p.shape[0]), height), interpolation=cv2.INTER_AREA)
        for p in (left, right)
    ]
    return np.asarray(np.hstack(same), np.uint8)


if __name__ == "__main__":
    main()
