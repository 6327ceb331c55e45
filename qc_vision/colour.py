"""Colour as a person sees it: sRGB to light, light to CIELAB, and CIEDE2000 between two colours.

Light is linear in what falls on the sensor, as sRGB primaries, 1 = white. White of CIELAB: D65.
"""

import numpy as np
from numpy.typing import NDArray

Colours = NDArray[np.float64]
"""(n, 3)."""

XYZ_FROM_LIGHT: Colours = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
"""IEC 61966-2-1."""
WHITE_XYZ: Colours = XYZ_FROM_LIGHT.sum(axis=1)
LUMINANCE: Colours = XYZ_FROM_LIGHT[1]


def _light_of_stored() -> NDArray[np.float64]:
    """sRGB's transfer curve (IEC 61966-2-1) for the 256 stored values."""
    stored = np.arange(256) / 255
    return np.where(stored <= 0.04045, stored / 12.92, ((stored + 0.055) / 1.055) ** 2.4)


LIGHT_OF_STORED = _light_of_stored()
"""(256,) light in [0, 1] of each stored sRGB value."""


def lab_of(light: Colours) -> Colours:
    """(n, 3) L*, a*, b* (CIE 15) of light (n, 3); light below 0, which a correction may give, counts as none."""
    ratio = np.maximum(light @ XYZ_FROM_LIGHT.T / WHITE_XYZ, 0.0)
    bent = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio * (29 / 6) ** 2 / 3 + 4 / 29)
    x, y, z = bent.T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


def difference_de00(first: Colours, second: Colours) -> NDArray[np.float64]:
    """(n,) CIEDE2000 between CIELAB colours (n, 3), row by row; about 1 is just seen, side by side.

    After Sharma, Wu and Dalal 2005 ("The CIEDE2000 color-difference formula: implementation notes"), whose
    equations the order follows; parametric factors 1.
    """
    (l1, a1, b1), (l2, a2, b2) = first.T, second.T
    chroma = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    stretched = 1.5 - 0.5 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7))
    c1, c2 = np.hypot(stretched * a1, b1), np.hypot(stretched * a2, b2)
    h1 = np.degrees(np.arctan2(b1, stretched * a1)) % 360
    h2 = np.degrees(np.arctan2(b2, stretched * a2)) % 360
    grey = c1 * c2 == 0

    turn = np.where(grey, 0.0, (h2 - h1 + 180) % 360 - 180)
    # hues exactly opposite turn the way of the smaller number, as in the paper's own figures
    turn = np.where((turn == -180) & (h2 > h1), 180.0, turn)
    lightness, chroma_apart = l2 - l1, c2 - c1
    hue_apart = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2))

    l_mean, c_mean = (l1 + l2) / 2, (c1 + c2) / 2
    h_mean = np.radians(np.where(grey, h1 + h2, h1 + turn / 2) % 360)
    t = (
        1
        - 0.17 * np.cos(h_mean - np.radians(30))
        + 0.24 * np.cos(2 * h_mean)
        + 0.32 * np.cos(3 * h_mean + np.radians(6))
        - 0.20 * np.cos(4 * h_mean - np.radians(63))
    )
    rotation = np.radians(30 * np.exp(-(((np.degrees(h_mean) - 275) / 25) ** 2)))
    of_chroma = 2 * np.sqrt(c_mean**7 / (c_mean**7 + 25.0**7))
    of_lightness = 1 + 0.015 * (l_mean - 50) ** 2 / np.sqrt(20 + (l_mean - 50) ** 2)
    by_lightness = lightness / of_lightness
    by_chroma = chroma_apart / (1 + 0.045 * c_mean)
    by_hue = hue_apart / (1 + 0.015 * c_mean * t)
    twisted = -np.sin(2 * rotation) * of_chroma * by_chroma * by_hue
    return np.asarray(np.sqrt(np.maximum(0, by_lightness**2 + by_chroma**2 + by_hue**2 + twisted)))
