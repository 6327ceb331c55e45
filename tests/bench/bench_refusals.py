"""How often is a sound photo refused, and a spoilt one for the right reason? Prints; asserts nothing.

    python -m tests.bench.bench_refusals FOLDER

FOLDER, and the folders in it, hold sound photos of baskets. Each is asked about as it is, then spoilt in one way
at a time, on a copy as long as phones ask with: the reason meant must be among those told. A photo refused as it is takes no part in that. For the
card's reasons a card is drawn into a copy 1200 px long.
"""

import argparse
import io
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, PngImagePlugin

from qc_vision.card import shipped_cards
from qc_vision.card_register import KnownCards
from qc_vision.demands import NOTHING, Demands
from qc_vision.errors import PhotoError
from qc_vision.photo import decode, encode_jpeg
from qc_vision.photo_check import PhotoCheck, check_photo
from qc_vision.photo_origin import read_origin
from qc_vision.quality import RetakeReason
from tests.qc_vision.drawn_card import Shot, draw_card

NOW = datetime(2026, 3, 4, 5, 0, tzinfo=UTC)
CARD_SIDE_PX = 1200
ASKED_SIDE_PX = 1280
"""A phone asks with a copy of this size before it sends the photo."""
A6 = next(card for card in shipped_cards() if card.id == "qc-a6")

Pixels = NDArray[np.uint8]
Spoil = Callable[[Pixels], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """`expected`: any one of these is the right reason."""

    spoil: Spoil
    expected: frozenset[RetakeReason]
    demands: Demands = NOTHING


def _lit(pixels: Pixels, factor: float) -> Pixels:
    """As with so many times the light; the sensor clips."""
    linear = (pixels.astype(np.float32) / 255) ** 2.2 * factor
    return np.rint(255 * np.clip(linear, 0, 1) ** (1 / 2.2)).astype(np.uint8)


def _blurred(pixels: Pixels, share: float) -> Pixels:
    soft = cv2.GaussianBlur(pixels, (0, 0), share * max(pixels.shape[:2]))
    return np.asarray(soft, dtype=np.uint8)


def _shrunk(pixels: Pixels, side_px: int) -> Pixels:
    height, width = pixels.shape[:2]
    factor = side_px / max(height, width)
    size = (round(width * factor), round(height * factor))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _screenshot(pixels: Pixels) -> bytes:
    said = PngImagePlugin.PngInfo()
    said.add_text("Software", "Screenshot")
    file = io.BytesIO()
    Image.fromarray(_shrunk(pixels, 1080)).save(file, "PNG", pnginfo=said)
    return file.getvalue()


def _screenshot_unsaid(pixels: Pixels) -> bytes:
    """The photo in a gallery, on a screen of 1080 x 2400."""
    screen = np.full((2400, 1080, 3), 16, np.uint8)
    small = _shrunk(pixels, 1080)
    height, width = small.shape[:2]
    top, left = (2400 - height) // 2, (1080 - width) // 2
    screen[top : top + height, left : left + width] = small
    file = io.BytesIO()
    Image.fromarray(screen).save(file, "PNG")
    return file.getvalue()


def _clock_ahead(pixels: Pixels) -> bytes:
    exif = Image.Exif()
    detail = exif.get_ifd(ExifTags.IFD.Exif)
    detail[ExifTags.Base.DateTimeOriginal] = (NOW + timedelta(days=1)).strftime("%Y:%m:%d %H:%M:%S")
    detail[ExifTags.Base.OffsetTimeOriginal] = "+00:00"
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=95, exif=exif)
    return file.getvalue()


def _carded(*, distance_mm: float, tilt_deg: float = 0.0, hidden: int = 0) -> Spoil:
    def spoil(pixels: Pixels) -> bytes:
        photo = _shrunk(pixels, CARD_SIDE_PX)
        height, width = photo.shape[:2]
        shot = Shot(card=A6, distance_mm=distance_mm, tilt_deg=tilt_deg, size_px=(width, height))
        assert A6.size_mm
        right, bottom = A6.size_mm
        corners = np.array([[0.0, 0], [right, 0], [right, bottom], [0, bottom]]).reshape(-1, 1, 2)
        outline = cv2.perspectiveTransform(corners, shot.px_from_mm)[:, 0]
        inside = cv2.fillConvexPoly(
            np.zeros((height, width), np.uint8), np.round(outline).astype(np.int32), 1
        )
        card = draw_card(shot, hidden=hidden).pixels
        return encode_jpeg(np.where(inside[..., None] > 0, card, photo).astype(np.uint8), quality=92)

    return spoil


CARD = Demands(card="required")
ORIGINAL = Demands(original=True)
CARD_SOUND = _carded(distance_mm=350)

FAULTS = {
    "blur 0.6 % of the longer side": Fault(
        spoil=lambda p: encode_jpeg(_blurred(p, 0.006)), expected=frozenset({RetakeReason.BLURRED})
    ),
    "a hundredth of the light": Fault(
        spoil=lambda p: encode_jpeg(_lit(p, 0.01)), expected=frozenset({RetakeReason.TOO_DARK})
    ),
    "eight times the light": Fault(
        spoil=lambda p: encode_jpeg(_lit(p, 8)), expected=frozenset({RetakeReason.BURNT_OUT})
    ),
    "160 px": Fault(
        spoil=lambda p: encode_jpeg(_shrunk(p, 160)), expected=frozenset({RetakeReason.TOO_SMALL})
    ),
    "screenshot that says so": Fault(spoil=_screenshot, expected=frozenset({RetakeReason.SCREENSHOT})),
    "screenshot that does not": Fault(
        spoil=_screenshot_unsaid, expected=frozenset({RetakeReason.SCREENSHOT})
    ),
    "messenger, 1600 px, quality 70": Fault(
        spoil=lambda p: encode_jpeg(_shrunk(p, 1600), quality=70),
        expected=frozenset({RetakeReason.RECOMPRESSED}),
        demands=ORIGINAL,
    ),
    "clock a day ahead": Fault(spoil=_clock_ahead, expected=frozenset({RetakeReason.CLOCK_AHEAD})),
    "no card": Fault(
        spoil=lambda p: encode_jpeg(p), expected=frozenset({RetakeReason.CARD_MISSING}), demands=CARD
    ),
    "two markers of the card covered": Fault(
        spoil=_carded(distance_mm=350, hidden=2), expected=frozenset({RetakeReason.CARD_CUT}), demands=CARD
    ),
    "card seen at 68°": Fault(
        spoil=_carded(distance_mm=300, tilt_deg=68),
        expected=frozenset({RetakeReason.TILTED}),
        demands=CARD,
    ),
    "card at 0.8 px/mm": Fault(
        spoil=_carded(distance_mm=1125), expected=frozenset({RetakeReason.TOO_FAR}), demands=CARD
    ),
}
CARD_REASONS = frozenset(reason for reason in RetakeReason if reason.value.startswith("card_")) | {
    RetakeReason.TILTED,
    RetakeReason.TOO_FAR,
    RetakeReason.TOO_CLOSE,
}


def ask(data: bytes, demands: Demands) -> PhotoCheck:
    return check_photo(decode(data), read_origin(data), came_at=NOW, known=KnownCards(), demands=demands)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", metavar="WORDS", help="the ways of spoiling with these words")
    arguments = parser.parse_args()
    folder, only = arguments.folder, arguments.only
    kinds = {".jpg", ".jpeg", ".png", ".webp"}
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in kinds)
    refused: list[str] = []
    sound: list[tuple[Path, bytes]] = []
    seconds: list[float] = []
    for path in paths:
        data = path.read_bytes()
        start = time.perf_counter()
        try:
            reasons = ask(data, NOTHING).reasons
        except PhotoError as wrong:
            print(f"{path.name}: {type(wrong).__name__}, left out")
            continue
        seconds.append(time.perf_counter() - start)
        if reasons:
            refused.append(f"{path.name} ({', '.join(reasons)})")
        else:
            sound.append((path, data))
    asked = len(refused) + len(sound)
    print(f"sound photos: {len(refused)} of {asked} refused ({len(refused) / max(1, asked):.1%})")
    print("".join(f"  {line}\n" for line in refused), end="")
    print(f"time a photo: median {1000 * np.median(seconds):.0f} ms")
    _spoil_all(sound, only)


def _spoil_all(sound: list[tuple[Path, bytes]], only: str) -> None:
    right: Counter[str] = Counter()
    card_blamed = 0
    faults = {name: fault for name, fault in FAULTS.items() if only in name}
    others: dict[str, Counter[str]] = {name: Counter() for name in faults}
    for path, data in sound:
        pixels = _shrunk(decode(data, min_side_px=ASKED_SIDE_PX).pixels, ASKED_SIDE_PX)
        for name, fault in faults.items():
            reasons = ask(fault.spoil(pixels), fault.demands).reasons
            if fault.expected & set(reasons):
                right[name] += 1
            else:
                others[name][" ".join(reasons) or "accepted"] += 1
                print(f"  {path.name}, {name}: {' '.join(reasons) or 'accepted'}", flush=True)
        if not only:
            card_blamed += bool(CARD_REASONS & set(ask(CARD_SOUND(pixels), CARD).reasons))
    for name in faults:
        print(f"{name}: {right[name]} of {len(sound)} refused for it", *others[name].most_common(3))
    if not only:
        print(f"a whole card at 2.6 px/mm: blamed in {card_blamed} of {len(sound)}")


if __name__ == "__main__":
    main()
