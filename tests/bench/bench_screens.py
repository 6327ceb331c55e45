"""Could a photo of a screen be told by its moiré? A simulation, and two simple measures of it. Prints; asserts nothing.

    python -m tests.bench.bench_screens FOLDER

FOLDER, and the folders in it, hold sound photos. Each is shown on a display of red, green and blue stripes and
photographed from it: turned by up to 4°, in perspective, blurred by the lens, through a Bayer mosaic with noise, reduced
to a half as the grader does or to a third as a phone does before it asks, packed as JPEG. Measured is the middle of both.
"""

import argparse
import math
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from qc_vision.photo import decode, encode_jpeg

KINDS = {".jpg", ".jpeg", ".png", ".webp"}
SOUND_SIDE_PX = 1280
RAW_PX = 768
"""Of the sensor only so much is simulated."""
SUBSAMPLES = 3
LIT = 0.85
"""Share of a stripe, and of a display pixel's height, that shines; the rest is black."""
CAMERA_PX_PER_DISPLAY_PX = 1.2, 4.0
REDUCTIONS = 2, 3
TILE_PX = 128
FALSE_MAX = 0.01

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]


def photograph_screen(pixels: Pixels, rng: np.random.Generator, *, reduction: int) -> Pixels:
    """(RAW_PX // reduction, same, 3): the middle of a photo of a display that shows `pixels`."""
    low, high = CAMERA_PX_PER_DISPLAY_PX
    scale = math.exp(rng.uniform(math.log(low), math.log(high)))
    needed = 1.15 * RAW_PX / scale / min(pixels.shape[:2])
    shown = cv2.resize(pixels, None, fx=needed, fy=needed, interpolation=cv2.INTER_AREA)
    light = (shown.astype(np.float32) / 255) ** 2.2
    on_sensor = _expose(light, scale, rng)
    on_sensor *= light.mean() / max(float(on_sensor.mean()), 1e-6)
    developed = _develop(on_sensor, rng)
    small = cv2.resize(developed, (RAW_PX // reduction,) * 2, interpolation=cv2.INTER_AREA)
    return decode(encode_jpeg(np.asarray(small, np.uint8), quality=int(rng.integers(80, 95)))).pixels


def _expose(light: Floats, scale: float, rng: np.random.Generator) -> Floats:
    """What falls on each sensor pixel, (RAW_PX, RAW_PX, 3), linear."""
    turn = math.radians(rng.uniform(-4, 4))
    tilt_x, tilt_y = rng.uniform(-1.5e-5, 1.5e-5, 2)
    at = ((np.arange(RAW_PX * SUBSAMPLES) + 0.5) / SUBSAMPLES - RAW_PX / 2).astype(np.float32)
    x, y = at[None], at[:, None]
    nearer = (1 + tilt_x * x + tilt_y * y) * scale
    height, width = light.shape[:2]
    u = ((math.cos(turn) * x - math.sin(turn) * y) / nearer + width / 2).astype(np.float32)
    v = ((math.sin(turn) * x + math.cos(turn) * y) / nearer + height / 2).astype(np.float32)
    column, row = u.astype(np.int32), v.astype(np.int32)
    seen = light[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)]
    stripe = (u - column) * 3
    for channel in range(3):
        seen[..., channel] *= (v - row < LIT) & (stripe >= channel) & (stripe < channel + LIT)
    whole = cv2.resize(seen, (RAW_PX, RAW_PX), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(whole, (0, 0), rng.uniform(0.45, 0.8)), np.float32)


def _develop(light: Floats, rng: np.random.Generator) -> Pixels:
    """Through a mosaic of red, green, green, blue, with shot and read noise, and back to three colours."""
    mosaic = light[..., 1].copy()
    mosaic[0::2, 0::2] = light[0::2, 0::2, 0]
    mosaic[1::2, 1::2] = light[1::2, 1::2, 2]
    noise = np.sqrt(np.maximum(mosaic, 0) * 4e-4 + 1e-5)
    noisy = mosaic + noise * rng.standard_normal(mosaic.shape, np.float32)
    # OpenCV names a mosaic by the second row's second and third pixel
    colours = cv2.cvtColor(np.clip(noisy * 65535, 0, 65535).astype(np.uint16), cv2.COLOR_BayerBG2RGB)
    return np.rint(255 * (colours.astype(np.float32) / 65535) ** (1 / 2.2)).astype(np.uint8)


def measure(pixels: Pixels) -> dict[str, float]:
    """How far the highest peak of chroma, where luma has none, stands out; how much of the fine detail is chroma."""
    luma, chroma = _spectra(pixels.astype(np.float32) / 255)
    down, right = np.fft.fftfreq(TILE_PX)[:, None], np.fft.rfftfreq(TILE_PX)[None]
    per_px = np.hypot(down, right)
    judged = (per_px > 0.06) & (per_px < 0.5)
    fine = (per_px > 0.2) & (per_px < 0.5)
    peaks = _standing_out(chroma) - np.maximum(_standing_out(luma), 0)
    return {
        "peak of chroma alone": float(peaks[judged].max()),
        "fine chroma over fine luma": float(np.log10(chroma[fine].sum() / luma[fine].sum())),
        "fine chroma": float(np.log10(chroma[fine].mean())),
    }


def _spectra(rgb: Floats) -> tuple[Floats, Floats]:
    """Mean power of luma and of both opponent colours over tiles."""
    window = np.outer(np.hanning(TILE_PX), np.hanning(TILE_PX)).astype(np.float32)
    red, green, blue = np.moveaxis(rgb, 2, 0)
    channels = np.stack([0.3 * red + 0.59 * green + 0.11 * blue, red - green, (red + green) / 2 - blue])
    height, width = rgb.shape[:2]
    tiles = [
        channels[:, top : top + TILE_PX, left : left + TILE_PX]
        for top in range(0, height - TILE_PX + 1, TILE_PX // 2)
        for left in range(0, width - TILE_PX + 1, TILE_PX // 2)
    ]
    level = np.stack(tiles)
    power = np.abs(np.fft.rfft2((level - level.mean((2, 3), keepdims=True)) * window)) ** 2
    mean = power.mean(0).astype(np.float32)
    return mean[0], mean[1] + mean[2]


def _standing_out(power: Floats) -> Floats:
    """log10 of the power over the median of its neighbours."""
    level = np.log10(power + 1e-4)
    return np.asarray(level - cv2.medianBlur(level, 5), np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    rng = np.random.default_rng(7)
    sound: dict[str, dict[str, float]] = {}
    screens: dict[int, list[dict[str, float]]] = {reduction: [] for reduction in REDUCTIONS}
    for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in KINDS):
        pixels = _reduced(decode(path.read_bytes(), min_side_px=SOUND_SIDE_PX).pixels)
        height, width = pixels.shape[:2]
        half = RAW_PX // REDUCTIONS[0] // 2
        top, left = max(0, height // 2 - half), max(0, width // 2 - half)
        middle = pixels[top : top + 2 * half, left : left + 2 * half]
        if min(middle.shape[:2]) < TILE_PX:
            continue
        name = str(path.relative_to(folder))
        sound[name] = measure(middle)
        for reduction in REDUCTIONS:
            screens[reduction].append(measure(photograph_screen(pixels, rng, reduction=reduction)))
        print(f"{name}: {', '.join(f'{v:.2f}' for v in sound[name].values())}", flush=True)
    for what in next(iter(sound.values())):
        _compare(what, {photo: m[what] for photo, m in sound.items()}, screens)


def _reduced(pixels: Pixels) -> Pixels:
    share = min(1.0, SOUND_SIDE_PX / max(pixels.shape[:2]))
    return np.asarray(cv2.resize(pixels, None, fx=share, fy=share, interpolation=cv2.INTER_AREA), np.uint8)


def _compare(what: str, sound: dict[str, float], screens: dict[int, list[dict[str, float]]]) -> None:
    """How many screens lie above a limit that `FALSE_MAX` of the sound photos, or fewer, lie above."""
    falling = sorted(sound, key=lambda photo: -sound[photo])
    limit = sound[falling[int(FALSE_MAX * len(falling))]]
    print(f"{what}: limit {limit:.2f}, highest of {len(sound)} sound: {', '.join(falling[:4])}")
    for reduction, measured in screens.items():
        above = sum(m[what] > limit for m in measured)
        print(f"  of {len(measured)} screens reduced to 1/{reduction}: {above} above it")


if __name__ == "__main__":
    main()
