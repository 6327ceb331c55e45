"""From light on the sensor to the JPEG that arrives: blur, colour, noise, sharpening, recompression."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """What the phone did to the light; lengths in px of the photo, 0 where it did nothing of the kind. `blur_px`: standard
    deviation; `motion_px`: length of the smear; `vignetting`: light lost at a picture's width from its middle;
    `white_balance`: gains of red, green, blue; `enlarged`: times the photo was enlarged from a smaller one; `noise`:
    standard deviation, of 1; `jpeg_qualities`: of each time it was saved."""

    blur_px: float
    motion_px: int
    vignetting: float
    white_balance: tuple[float, float, float]
    exposure: float
    gamma: float
    contrast: float
    saturation: float
    enlarged: float
    noise: float
    sharpening: float
    jpeg_qualities: tuple[int, ...]


def expose(linear: NDArray[np.float32], rng: np.random.Generator) -> tuple[NDArray[np.uint8], Camera]:
    """Takes (h, w, 3) linear RGB to the uint8 RGB photo of a phone, with a phone's faults."""
    light = linear
    blur_px = float(rng.uniform(0.3, 1.3)) if rng.random() < 0.5 else 0.0
    if blur_px:
        light = cv2.GaussianBlur(light, (0, 0), blur_px)
    length = int(rng.integers(3, 8)) if rng.random() < 0.08 else 0
    if length:
        kernel = np.zeros((length, length), np.float32)
        cv2.line(kernel, (0, int(rng.integers(length))), (length - 1, int(rng.integers(length))), 1.0)
        light = cv2.filter2D(light, -1, kernel / kernel.sum())
    h, w = light.shape[:2]
    vignetting = 0.0
    if rng.random() < 0.4:
        yy, xx = np.mgrid[0:h, 0:w].astype(np.float32)
        cx, cy = rng.uniform(0.2, 0.8, 2) * (w, h)
        far = ((xx - cx) ** 2 + (yy - cy) ** 2) / (w * w)
        vignetting = float(rng.uniform(0, 0.5))
        light = light * (1 - vignetting * far)[..., None]
    gain = np.exp(rng.normal(0, 0.09, 3)).astype(np.float32)
    warm = float(rng.normal(0, 0.12))
    gain *= np.array([1 + warm, 1, 1 - warm], np.float32)
    level = float(np.exp(rng.normal(0, 0.25))) * 0.36 / max(float(light.mean()), 0.02)
    if rng.random() < 0.15:
        level *= float(rng.uniform(0.35, 0.8))
    level = level * 0.6 + 0.4 * float(np.exp(rng.normal(0.5, 0.2)))
    light = np.clip(light * gain * level, 0, None)
    light = light / (1 + 0.25 * light) * 1.2
    gamma = float(rng.uniform(1.8, 2.6))
    photo = np.clip(light, 0, 1) ** (1 / gamma)
    contrast = float(rng.uniform(0.85, 1.25))
    photo = (photo - 0.45) * contrast + 0.45
    saturation = float(rng.uniform(0.4, 1.4)) if rng.random() < 0.25 else 1.0
    if saturation != 1.0:
        grey = photo.mean(axis=2, keepdims=True)
        photo = grey + (photo - grey) * saturation
    times = float(rng.uniform(1.2, 3.0)) if rng.random() < 0.35 else 1.0
    if times > 1.0:
        photo = _enlarged(photo, times, rng)
    sigma = float(rng.uniform(0, 0.03)) * (rng.random() < 0.7)
    noise = rng.standard_normal(photo.shape).astype(np.float32) * sigma
    if rng.random() < 0.5:
        noise = cv2.GaussianBlur(noise, (0, 0), 0.7) * 1.5
    photo = photo + noise
    sharpening = float(rng.uniform(0.2, 1.0)) if rng.random() < 0.4 else 0.0
    if sharpening:
        photo = photo + sharpening * (photo - cv2.GaussianBlur(photo, (0, 0), 1.0))
    out = (np.clip(photo, 0, 1) * 255 + 0.5).astype(np.uint8)
    qualities: list[int] = []
    for _ in range(int(rng.choice([0, 1, 2], p=[0.15, 0.6, 0.25]))):
        quality = int(rng.integers(40, 96))
        qualities.append(quality)
        ok, packed = cv2.imencode(".jpg", out[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        out = cv2.imdecode(packed, cv2.IMREAD_COLOR)[..., ::-1] if ok else out
    red, green, blue = (float(g) for g in gain)
    return np.ascontiguousarray(out), Camera(
        blur_px=blur_px,
        motion_px=length,
        vignetting=vignetting,
        white_balance=(red, green, blue),
        exposure=level,
        gamma=gamma,
        contrast=contrast,
        saturation=saturation,
        enlarged=times,
        noise=sigma,
        sharpening=sharpening,
        jpeg_qualities=tuple(qualities),
    )


def _enlarged(photo: NDArray[np.float32], times: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """As a small picture looks when it is enlarged: what far or shrunk photos are to the second look."""
    h, w = photo.shape[:2]
    small = cv2.resize(photo, (round(w / times), round(h / times)), interpolation=cv2.INTER_AREA)
    if rng.random() < 0.5:
        small = small + 0.5 * (small - cv2.GaussianBlur(small, (0, 0), 0.8))
    byte = (np.clip(small, 0, 1) * 255 + 0.5).astype(np.uint8)
    ok, packed = cv2.imencode(".jpg", byte, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 96))])
    small = cv2.imdecode(packed, cv2.IMREAD_COLOR) / np.float32(255) if ok else small
    return cv2.resize(small, (w, h), interpolation=cv2.INTER_CUBIC)
