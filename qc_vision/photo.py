"""From bytes to a photo: upright, sRGB, eight bits, no larger than needed. The only door for photos.

What the file says of the person or the place (EXIF, GPS) is read past and never kept.
"""

import hashlib
import io
import warnings
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageFile, ImageOps, UnidentifiedImageError

from qc_vision.errors import DamagedPhoto, EmptyPhoto, PhotoError, PhotoTooLarge, UnsupportedPhoto
from qc_vision.message import Message

ImageFile.LOAD_TRUNCATED_IMAGES = False
Image.MAX_IMAGE_PIXELS = None  # the limit is ours, checked on the header before pixels are allocated

PhotoFormat = Literal["jpeg", "png", "webp"]
REDUCTIONS = (8, 4, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoLimits:
    max_bytes: int = 40_000_000
    max_pixels: int = 80_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    """`pixels` (h, w, 3) uint8 RGB in sRGB, upright, read-only; `width` and `height` are those of the
    full-size upright photo, and one decoded pixel stands for `reduction` of its pixels each way.
    `sha256` is of the bytes as they came; `perceptual_hash` 64 bits as hex, alike for alike photos."""

    pixels: NDArray[np.uint8]
    width: int
    height: int
    reduction: int
    sha256: str
    perceptual_hash: str
    format: PhotoFormat


def decode(data: bytes, *, min_side_px: int | None = None, limits: PhotoLimits | None = None) -> Photo:
    """Decodes JPEG, PNG or WebP, told apart by their first bytes.

    With `min_side_px` a JPEG is decoded at 1/2, 1/4 or 1/8 as long as its longer side keeps that many
    pixels. Raises a PhotoError that says what came and what to send instead; never anything else.
    """
    limits = limits or PhotoLimits()
    if not data:
        raise EmptyPhoto(
            Message(id="Berkas kosong (0 bita). Ambil foto lagi lalu kirim ulang.", en="The file is empty. Take the photo again.")
        )
    if len(data) > limits.max_bytes:
        raise _too_large(f"{len(data) / 1e6:.1f} MB", f"{limits.max_bytes / 1e6:.0f} MB")
    kind = _format_of(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _decode(data, kind, min_side_px, limits)
    except PhotoError:
        raise
    except MemoryError as full:
        raise _too_large("too many pixels", f"{limits.max_pixels // 1_000_000} MP") from full
    except Exception as broken:  # decoders raise many kinds on hostile bytes: all mean the same to a person
        raise _damaged() from broken


def encode_jpeg(pixels: NDArray[np.uint8], *, quality: int = 90) -> bytes:
    """(h, w, 3) uint8 sRGB as a JPEG that carries nothing but the pixels."""
    done, packed = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise _damaged()
    return bytes(packed.tobytes())


def _format_of(data: bytes) -> PhotoFormat:
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[4:8] == b"ftyp" and data[8:12] in (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1", b"avif"):
        raise UnsupportedPhoto(
            Message(
                id="Foto HEIC/AVIF belum bisa dibaca. Di iPhone: Pengaturan > Kamera > Format > Paling Kompatibel, lalu foto lagi.",
                en="HEIC/AVIF photos cannot be read. On an iPhone: Settings > Camera > Formats > Most Compatible, then retake.",
            )
        )
    raise UnsupportedPhoto(
        Message(
            id="Berkas ini bukan foto JPEG, PNG, atau WebP. Kirim foto langsung dari kamera ponsel.",
            en="This file is not a JPEG, PNG or WebP photo. Send a photo straight from the phone's camera.",
        )
    )


def _decode(data: bytes, kind: PhotoFormat, min_side_px: int | None, limits: PhotoLimits) -> Photo:
    try:
        image = Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP"))
    except UnidentifiedImageError as broken:
        raise _damaged() from broken
    if image.width * image.height > limits.max_pixels:
        raise _too_large(f"{image.width * image.height / 1e6:.0f} MP", f"{limits.max_pixels / 1e6:.0f} MP")
    if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
        raise UnsupportedPhoto(
            Message(
                id="Gambar bergerak tidak bisa dinilai. Kirim satu foto diam.",
                en="A moving picture cannot be graded. Send one still photo.",
            )
        )
    full = image.size
    if kind == "jpeg" and min_side_px is not None:
        fitting = [r for r in REDUCTIONS if max(full) // r >= min_side_px]
        if fitting:
            image.draft(None, (full[0] // fitting[0], full[1] // fitting[0]))
    image.load()
    reduction = max(1, round(max(full) / max(image.size)))
    turned = _upright(image)
    swapped = turned.size[0] != image.size[0]
    pixels = np.array(_to_srgb(turned), dtype=np.uint8)
    pixels.flags.writeable = False
    return Photo(
        pixels=pixels,
        width=full[1] if swapped else full[0],
        height=full[0] if swapped else full[1],
        reduction=reduction,
        sha256=hashlib.sha256(data).hexdigest(),
        perceptual_hash=_perceptual_hash(pixels),
        format=kind,
    )


def _upright(image: Image.Image) -> Image.Image:
    """Applies EXIF orientation 1 to 8; an EXIF block that cannot be read counts as upright."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # broken EXIF says nothing about the pixels
        return image


def _to_srgb(image: Image.Image) -> Image.Image:
    """Eight-bit RGB in sRGB: colour profile applied, transparency laid on white, 16 bits scaled down."""
    profile = image.info.get("icc_profile")
    if image.mode.startswith(("I", "F")):
        wide = np.asarray(image, dtype=np.float32)
        scale = 257.0 if wide.max() > 255 else 1.0
        return Image.fromarray((wide / scale).clip(0, 255).astype(np.uint8)).convert("RGB")
    if image.mode in ("P", "PA", "LA") or "transparency" in image.info:
        image = image.convert("RGBA")
    if image.mode == "RGBA":
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, image).convert("RGB")
    if profile and image.mode in ("RGB", "CMYK", "L"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass  # a profile that cannot be read is treated as sRGB, as browsers do
    return image.convert("RGB")


def _perceptual_hash(pixels: NDArray[np.uint8]) -> str:
    """64 bits: signs of the lowest 8 x 8 cosine coefficients of the grey photo at 32 x 32 ("pHash")."""
    grey = cv2.resize(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), (32, 32), interpolation=cv2.INTER_AREA)
    low = cv2.dct(grey.astype(np.float32))[:8, :8].ravel()
    bits = low > np.median(low)
    return f"{int(''.join('1' if b else '0' for b in bits), 2):016x}"


def _too_large(found: str, allowed: str) -> PhotoTooLarge:
    return PhotoTooLarge(
        Message(
            id=f"Foto terlalu besar ({found}; paling besar {allowed}). Pakai ukuran kamera biasa.",
            en=f"The photo is too large ({found}; at most {allowed}). Use the camera's normal size.",
        )
    )


def _damaged() -> DamagedPhoto:
    return DamagedPhoto(
        Message(
            id="Foto rusak atau terpotong dan tidak bisa dibuka. Kirim ulang, atau ambil foto lagi.",
            en="The photo is damaged or cut off and cannot be opened. Send it again, or retake it.",
        )
    )
