"""From light on the sensor to the JPEG that arrives: blur, colour, noise, sharpening, recompression."""

import cv2
import numpy as np
from numpy.typing import NDArray


def expose(linear: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Takes (h, w, 3) linear RGB to the uint8 RGB photo of a phone, with a phone's faults."""
    light = linear
    if rng.random() < 0.5:
        light = cv2.GaussianBlur(light, (0, 0), float(rng.uniform(0.3, 1.3)))
    if rng.random() < 0.08:
        length = int(rng.integers(3, 8))
        kernel = np.zeros((length, length), np.float32)
        cv2.line(kernel, (0, int(rng.integers(length))), (length - 1, int(rng.integers(length))), 1.0)
        light = cv2.filter2D(light, -1, kernel / kernel.sum())
    h, w = light.shape[:2]
    if rng.random() < 0.4:
        yy, xx = np.mgrid[0:h, 0:w].astype(np.float32)
        cx, cy = rng.uniform(0.2, 0.8, 2) * (w, h)
        far = ((xx - cx) ** 2 + (yy - cy) ** 2) / (w * w)
        light = light * (1 - float(rng.uniform(0, 0.5)) * far)[..., None]
    gain = np.exp(rng.normal(0, 0.09, 3)).astype(np.float32)
    warm = float(rng.normal(0, 0.12))
    gain *= np.array([1 + warm, 1, 1 - warm], np.float32)
    level = float(np.exp(rng.normal(0, 0.25))) * 0.36 / max(float(light.mean()), 0.02)
    if rng.random() < 0.15:
        level *= float(rng.uniform(0.35, 0.8))
    level = level * 0.6 + 0.4 * float(np.exp(rng.normal(0.5, 0.2)))
    light = np.clip(light * gain * level, 0, None)
    light = light / (1 + 0.25 * light) * 1.2
    photo = np.clip(light, 0, 1) ** (1 / float(rng.uniform(1.8, 2.6)))
    contrast = float(rng.uniform(0.85, 1.25))
    photo = (photo - 0.45) * contrast + 0.45
    if rng.random() < 0.25:
        grey = photo.mean(axis=2, keepdims=True)
        photo = grey + (photo - grey) * float(rng.uniform(0.4, 1.4))
    if rng.random() < 0.35:
        photo = _enlarged(photo, float(rng.uniform(1.2, 3.0)), rng)
    sigma = float(rng.uniform(0, 0.03)) * (rng.random() < 0.7)
    noise = rng.standard_normal(photo.shape).astype(np.float32) * sigma
    if rng.random() < 0.5:
        noise = cv2.GaussianBlur(noise, (0, 0), 0.7) * 1.5
    photo = photo + noise
    if rng.random() < 0.4:
        photo = photo + float(rng.uniform(0.2, 1.0)) * (photo - cv2.GaussianBlur(photo, (0, 0), 1.0))
    out = (np.clip(photo, 0, 1) * 255 + 0.5).astype(np.uint8)
    for _ in range(int(rng.choice([0, 1, 2], p=[0.15, 0.6, 0.25]))):
        quality = int(rng.integers(40, 96))
        ok, packed = cv2.imencode(".jpg", out[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        out = cv2.imdecode(packed, cv2.IMREAD_COLOR)[..., ::-1] if ok else out
    return np.ascontiguousarray(out)


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
