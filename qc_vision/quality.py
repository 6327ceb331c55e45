"""Can this photo be graded? Sharpness, light, glare, size, and whether there is a basket at all.

Figures and reasons only; that a photo with a reason becomes a *retake* is said in `inspection`.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from qc_vision.message import Message
from qc_vision.photo import Photo
from qc_vision.refusal_limits import SHIPPED, QualityLimits
from qc_vision.weave import BASKET_AT, FloatMap

MEASURED_SIDE_PX = 1024
"""Sharpness is told at this size of the longer side, so that it does not depend on the camera."""

DARK_BELOW = 0.04
CLIPPED_FROM = 0.98
"""A pixel is burnt out where two of its three channels have come so near the top: fibre is yellow or red, and loses its
colour and its strands long before blue, and with it grey, reaches white."""
GLARE_FROM = 0.92
GLARE_COLOUR_MAX = 0.06
"""Glare mirrors the sky or the lamp: near white, and without the colour of the fibre."""

SPECK_FRACTION = 0.002
"""A share of the photo too small to be a basket that is only too far away: a spot that happens to look like weave."""

DETAIL_BOX_PX = 9
NOISE_STEP = 1 / 255
"""Steps of one grey level, after a light smoothing, are sensor noise and JPEG, not weave."""

BoolMap = NDArray[np.bool_]


class RetakeReason(StrEnum):
    """Why a photo cannot be graded, what to mend first coming first."""

    SCREENSHOT = "screenshot"
    RECOMPRESSED = "recompressed"
    DUPLICATE = "duplicate"
    CLOCK_AHEAD = "clock_ahead"
    TOO_SMALL = "too_small"
    NO_BASKET = "no_basket"
    BASKET_SMALL = "basket_small"
    BASKET_CUT = "basket_cut"
    SEVERAL_BASKETS = "several_baskets"
    TOO_DARK = "too_dark"
    BURNT_OUT = "burnt_out"
    GLARE = "glare"
    BLURRED = "blurred"
    CARD_MISSING = "card_missing"
    CARD_CUT = "card_cut"
    CARD_NOT_FLAT = "card_not_flat"
    CARD_OFF_WEAVE = "card_off_weave"
    CARD_UNKNOWN = "card_unknown"
    TILTED = "tilted"
    TOO_FAR = "too_far"
    TOO_CLOSE = "too_close"


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoQuality:
    """Figures in [0, 1] over the basket, or over the whole photo where no basket is seen.

    `sharpness`: share of the fine contrast that a further blur would take away, in the direction where
    that is least; 0 = nothing is left to lose. `mean_luminance`: of the grey values, as stored (gamma).
    `clipped_fraction`: burnt out, in two channels or all. `dark_fraction`: too dark to hold detail. `glare_fraction`:
    near white without colour, in patches inside the photo. `basket_fraction`: share of the photo that is
    basket. `reasons`: empty where the photo can be graded.
    """

    sharpness: float
    mean_luminance: float
    clipped_fraction: float
    dark_fraction: float
    glare_fraction: float
    basket_fraction: float
    reasons: tuple[RetakeReason, ...]


MESSAGES = {
    RetakeReason.SCREENSHOT: Message(
        id="Ini tangkapan layar, bukan foto kamera; kirim foto aslinya dari galeri.",
        en="This is a screenshot, not a camera's photo; send the original from the gallery.",
    ),
    RetakeReason.RECOMPRESSED: Message(
        id="Foto ini sudah diperkecil aplikasi pesan; kirim berkas aslinya sebagai dokumen.",
        en="A messenger has shrunk this photo; send the original file, as a document.",
    ),
    RetakeReason.DUPLICATE: Message(
        id="Foto ini sama dengan foto yang sudah dikirim; ambil foto baru dari keranjang ini.",
        en="This photo is the same as one sent before; take a new photo of this basket.",
    ),
    RetakeReason.CLOCK_AHEAD: Message(
        id="Jam ponsel menunjukkan waktu yang belum tiba; betulkan tanggal dan jam ponsel, lalu foto lagi.",
        en="The phone's clock shows a time that has not come yet; set its date and time, then retake the photo.",
    ),
    RetakeReason.CARD_MISSING: Message(
        id="Kartu periksa tidak terlihat; tempelkan kartu rata di dinding keranjang, lalu foto lagi.",
        en="No inspection card is seen; hold the card flat to the basket's wall and retake the photo.",
    ),
    RetakeReason.CARD_CUT: Message(
        id="Kartu periksa terpotong atau tertutup; perlihatkan keempat kotak hitam di sudutnya.",
        en="The inspection card is cut off or covered; show all four black squares in its corners.",
    ),
    RetakeReason.CARD_NOT_FLAT: Message(
        id="Kartu periksa melengkung; tempelkan rata, atau pakai alas yang kaku.",
        en="The inspection card is bent; hold it flat, or back it with something stiff.",
    ),
    RetakeReason.CARD_OFF_WEAVE: Message(
        id="Kartu periksa tidak menempel di keranjang; tempelkan rata di dindingnya, lalu foto lagi.",
        en="The inspection card does not touch the basket; hold it flat to the wall and retake the photo.",
    ),
    RetakeReason.CARD_UNKNOWN: Message(
        id="Nomor kartu periksa tidak terbaca atau tidak terdaftar; pakai kartu yang terdaftar.",
        en="The inspection card's number cannot be read or is not registered; use a registered card.",
    ),
    RetakeReason.TILTED: Message(
        id="Kartu terlihat terlalu miring; foto lurus dari depan kartu.",
        en="The card is seen too much from the side; take the photo straight in front of it.",
    ),
    RetakeReason.TOO_FAR: Message(
        id="Kamera terlalu jauh dari kartu; mendekatlah sampai kira-kira dua jengkal.",
        en="The camera is too far from the card; come closer, to about 40 cm.",
    ),
    RetakeReason.TOO_CLOSE: Message(
        id="Kamera terlalu dekat, hanya kartu yang terlihat; mundur sampai anyaman di sekitarnya terlihat.",
        en="The camera is too close and shows only the card; step back until the weave round it is seen.",
    ),
    RetakeReason.TOO_SMALL: Message(
        id="Foto terlalu kecil; kirim foto asli dari kamera, bukan salinan kecil.",
        en="The photo is too small; send the camera's original, not a small copy.",
    ),
    RetakeReason.NO_BASKET: Message(
        id="Keranjang anyaman tidak terlihat; arahkan kamera ke dinding keranjang, lalu foto lagi.",
        en="No woven basket is seen; point the camera at the basket's wall and retake the photo.",
    ),
    RetakeReason.BASKET_SMALL: Message(
        id="Keranjang terlalu jauh; mendekatlah sampai keranjang memenuhi lebih dari separuh foto.",
        en="The basket is too far away; come closer until it fills more than half of the photo.",
    ),
    RetakeReason.BASKET_CUT: Message(
        id="Keranjang terpotong; mundurlah sampai seluruh keranjang terlihat, dengan latar di sekelilingnya.",
        en="The basket is cut off; step back until all of it is seen, with background all round.",
    ),
    RetakeReason.SEVERAL_BASKETS: Message(
        id="Ada beberapa keranjang dalam foto; sisihkan yang lain, lalu foto satu keranjang saja.",
        en="There are several baskets in the photo; put the others aside and take a photo of one alone.",
    ),
    RetakeReason.TOO_DARK: Message(
        id="Foto terlalu gelap; bawa keranjang ke tempat teduh yang terang, lalu foto lagi.",
        en="The photo is too dark; take the basket to bright shade and retake the photo.",
    ),
    RetakeReason.BURNT_OUT: Message(
        id="Foto terlalu terang sampai anyaman hilang; hindari matahari langsung dan lampu kilat.",
        en="The photo is burnt out and the weave is lost; avoid direct sun and flash.",
    ),
    RetakeReason.GLARE: Message(
        id="Ada silau pada anyaman; putar keranjang atau pindah ke tempat teduh.",
        en="There is glare on the weave; turn the basket or move into the shade.",
    ),
    RetakeReason.BLURRED: Message(
        id="Foto buram; pegang ponsel dengan dua tangan, ketuk layar pada anyaman, lalu foto lagi.",
        en="The photo is blurred; hold the phone with both hands, tap on the weave, retake the photo.",
    ),
}


def assess(
    photo: Photo,
    basket: FloatMap,
    *,
    px_per_cell: float | None = None,
    limits: QualityLimits = SHIPPED.quality,
) -> PhotoQuality:
    """Measures the photo where `basket` (h, w), probabilities cell by cell, says that the basket is.

    `px_per_cell`: pixels of the full-size upright photo per cell of `basket`, whose first cell lies in the
    top left corner. Without it the cells are taken to fill the photo exactly.
    """
    rgb = _at_measured_size(photo)
    mask = _basket_mask(photo, basket, px_per_cell, shape=rgb.shape[:2])
    fraction = float(mask.mean())
    seen = fraction > SPECK_FRACTION
    where = mask if seen else np.ones_like(mask)

    grey = rgb @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    luminance = float(grey[where].mean())
    dark_fraction = float((grey < DARK_BELOW)[where].mean())
    clipped_fraction = float((_second_channel(rgb) >= CLIPPED_FROM)[where].mean())
    glare_fraction = float(_glare(rgb)[where].mean())
    sharpness = _sharpness(grey, where)

    too_dark = luminance < limits.luminance_fraction_min or dark_fraction > limits.dark_fraction_max
    burnt_out = clipped_fraction > limits.clipped_fraction_max
    found = {
        RetakeReason.TOO_SMALL: max(photo.width, photo.height) < limits.long_side_min_px,
        RetakeReason.NO_BASKET: not seen,
        RetakeReason.BASKET_SMALL: seen and fraction < limits.basket_fraction_min,
        # where no basket is seen, bad light or blur may be why, so they are told too
        RetakeReason.TOO_DARK: too_dark,
        RetakeReason.BURNT_OUT: burnt_out,
        # glare is said of a basket; and burnt out says all that glare would
        RetakeReason.GLARE: seen and not burnt_out and glare_fraction > limits.glare_fraction_max,
        RetakeReason.BLURRED: sharpness < limits.sharpness_fraction_min,
    }
    return PhotoQuality(
        sharpness=sharpness,
        mean_luminance=luminance,
        clipped_fraction=clipped_fraction,
        dark_fraction=dark_fraction,
        glare_fraction=glare_fraction,
        basket_fraction=fraction,
        reasons=tuple(reason for reason in RetakeReason if found.get(reason, False)),
    )


def message_of(reason: RetakeReason) -> Message:
    """What is wrong with the photo and what to do about it."""
    return MESSAGES[reason]


def _at_measured_size(photo: Photo) -> NDArray[np.float32]:
    """(h, w, 3) in [0, 1], the longer side at most MEASURED_SIDE_PX: small photos are not blown up."""
    height, width = photo.pixels.shape[:2]
    shrink = min(1.0, MEASURED_SIDE_PX / max(height, width))
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    small = cv2.resize(photo.pixels, size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.float32) / np.float32(255)


def _basket_mask(
    photo: Photo, basket: FloatMap, px_per_cell: float | None, *, shape: tuple[int, int]
) -> BoolMap:
    """The basket at the centres of a grid of `shape` (height, width) laid over the photo."""
    rows, columns = shape
    across = photo.width / columns / (px_per_cell or photo.width / basket.shape[1])
    down = photo.height / rows / (px_per_cell or photo.height / basket.shape[0])
    to_cells = np.array([[across, 0, across / 2 - 0.5], [0, down, down / 2 - 0.5]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cells = (basket > BASKET_AT).astype(np.float32)
    seen = cv2.warpAffine(cells, to_cells, (columns, rows), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(seen > 0.5)


def _second_channel(rgb: NDArray[np.float32]) -> FloatMap:
    """The middle one of each pixel's three values."""
    red, green, blue = np.moveaxis(rgb, 2, 0)
    return np.asarray(np.maximum(np.minimum(red, green), np.minimum(np.maximum(red, green), blue)))


def _glare(rgb: NDArray[np.float32]) -> BoolMap:
    """Where it glares. Near white that reaches the edge of the photo is a backdrop or the sky."""
    faintest = rgb.min(axis=2)
    white = (faintest >= GLARE_FROM) & (rgb.max(axis=2) - faintest <= GLARE_COLOUR_MAX)
    count, labels = cv2.connectedComponents(white.astype(np.uint8))
    glares = np.ones(count, dtype=bool)
    glares[0] = False  # the label of all that is not white
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        glares[edge] = False
    return np.asarray(glares[labels])


def _sharpness(grey: FloatMap, where: BoolMap) -> float:
    """Share of the steps between neighbours that a box blur takes away, least of four directions.

    After Crété et al. 2007 ("The blur effect"): blurring a blurred photo again changes little. A ratio, so
    contrast cancels. The least direction, since a moved photo keeps its detail along one direction only.
    The box is as wide in parts of the photo at every size.
    """
    to_standard = max(grey.shape) / MEASURED_SIDE_PX
    smooth = np.asarray(cv2.GaussianBlur(grey, (0, 0), max(0.5, to_standard)), dtype=np.float32)
    box = _odd(DETAIL_BOX_PX * to_standard)
    slanted = np.eye(_odd(DETAIL_BOX_PX * to_standard / math.sqrt(2)))
    return min(
        _lost_share(smooth, where, side=(0, 1), line=np.ones((1, box))),
        _lost_share(smooth, where, side=(1, 0), line=np.ones((box, 1))),
        _lost_share(smooth, where, side=(1, 1), line=slanted),
        _lost_share(smooth, where, side=(1, -1), line=slanted[::-1]),
    )


def _lost_share(grey: FloatMap, where: BoolMap, *, side: tuple[int, int], line: NDArray[np.float64]) -> float:
    """Share of the steps towards the neighbour at `side` (rows, columns) lost to a blur along `line`."""
    blurred = np.asarray(cv2.filter2D(grey, -1, line / line.sum()), dtype=np.float32)
    before = np.maximum(0, _steps(grey, side) - NOISE_STEP)
    lost = np.maximum(0, before - _steps(blurred, side))
    inside = where[: before.shape[0], : before.shape[1]]
    total = float(before[inside].sum())
    return float(lost[inside].sum()) / total if total > 0 else 0.0


def _steps(grey: FloatMap, side: tuple[int, int]) -> FloatMap:
    """How much each pixel differs from its neighbour at `side`; one row or column fewer than the photo."""
    height, width = grey.shape
    down, right = side
    first = grey[: height - down, max(0, -right) : width - max(0, right)]
    second = grey[down:, max(0, right) : width - max(0, -right)]
    return np.asarray(np.abs(first - second), dtype=np.float32)


def _odd(length: float) -> int:
    """The nearest odd number of pixels, 3 or more: a box with a centre."""
    return max(3, 2 * round((length - 1) / 2) + 1)
