"""Changes of light and of the file, after rendering. The only importer of albumentations."""

import os

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import albumentations as A
import numpy as np
from numpy.typing import NDArray


def photometric(seed: int) -> A.Compose:
    """Changes that leave every truth map as it is."""
    return A.Compose(
        [
            A.RandomBrightnessContrast(brightness_limit=0.2, contrast_limit=0.25, p=0.4),
            A.RandomGamma(gamma_limit=(65, 150), p=0.2),
            A.CLAHE(clip_limit=(1, 3), p=0.08),
            A.HueSaturationValue(hue_shift_limit=15, sat_shift_limit=40, val_shift_limit=0, p=0.3),
            A.ToGray(p=0.06),
            A.Sharpen(alpha=(0.1, 0.4), p=0.12),
            A.GaussianBlur(blur_limit=3, p=0.15),
            A.Downscale(scale_range=(0.5, 0.9), p=0.08),
            A.ImageCompression(quality_range=(45, 95), p=0.2),
        ],
        seed=seed,
    )


def apply(transform: A.Compose, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return transform(image=rgb)["image"]
