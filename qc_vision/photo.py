"""From bytes to a photo: upright, sRGB, eight bits, no larger than needed. The only door for photos.

What the file says of the person or the place (EXIF, GPS) is read past and never kept.
"""

import hashlib
import io
import math
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError

from qc_vision.errors import DamagedPhoto, EmptyPhoto, PhotoError, PhotoTooLarge, UnsupportedPhoto
from qc_vision.message import Message

PhotoFormat = Literal["jpeg", "png", "webp"]
Pixels = NDArray[np.uint8]

HEIF_BRANDS = frozenset(
    {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis"}
)
"""Brands that the `ftyp` box of HEIC and AVIF files names (ISO/IEC 23008-12, AVIF 1.1)."""

TRANSPOSES = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes a photo of each EXIF orientation upright. Pillow turns anticlockwise."""

FILM_DIAGONAL_MM = math.hypot(36, 24)
FOCAL_35_MIN_MM, FOCAL_35_MAX_MM = 10.0, 200.0

MAX_SCANS = 100
"""A progressive JPEG has about ten. Each costs a pass over all its blocks, however few its bytes: a file of 40 MB
could hold a core for an hour."""
MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""What ends a stretch of coded pixels (ITU-T T.81, B.1.1.2): neither a stuffed FF, nor a restart, nor a fill."""
START_OF_SCAN, END_OF_IMAGE = 0xDA, 0xD9

HASH_SIDE = 8
HASHED_SIDE_PX = 32

_one_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoLimits:
    """Beyond these a photo is refused before a pixel of it is decoded.

    Whatever `max_pixels` says, Pillow refuses more than 178 megapixels.
    """

    max_bytes: int = 40_000_000
    max_pixels: int = 80_000_000


DEFAULT_LIMITS = PhotoLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    """A photo to look at.

    `pixels` (h, w, 3) uint8 RGB in sRGB, upright, read-only; `width` and `height` are those of the
    full-size upright photo, and one decoded pixel stands for `reduction` of its pixels each way: 1, 2, 4 or 8 as
    `decode` has it. `sha256` is of the bytes as they came; `perceptual_hash` 64 bits as 16 hexadecimal digits, few bits
    apart for photos that look alike. `focal_px` of the full-size photo, where the file tells it and the photo was not
    cut since.
    """

    pixels: Pixels
    width: int
    height: int
    reduction: float
    sha256: str
    perceptual_hash: str
    format: PhotoFormat
    focal_px: float | None = None


def decode(data: bytes, *, min_side_px: int | None = None, limits: PhotoLimits = DEFAULT_LIMITS) -> Photo:
    """The photo in the bytes of a JPEG, PNG or WebP file, told apart by their first bytes.

    With `min_side_px` a JPEG is decoded at 1/8, 1/4 or 1/2, the least of them that leaves its longer side
    at least that many pixels. Of a file with a preview or depth map behind the photo (MPO) the photo is
    taken. Raises a PhotoError that says what came and what to send instead; never anything else.
    """
    if not data:
        raise EmptyPhoto(
            Message(
                id="Berkas kosong (0 bita). Kirim ulang foto itu, atau ambil foto lagi.",
                en="The file is empty (0 bytes). Send the photo again, or retake it.",
            )
        )
    if len(data) > limits.max_bytes:
        raise _too_large(f"{len(data) / 1e6:.1f} MB", f"{limits.max_bytes / 1e6:.1f} MB")
    kind = _format_of(data)
    max_megapixels = f"{limits.max_pixels / 1e6:.1f} MP"
    try:
        with _quiet():
            return _decode(data, kind, min_side_px, limits)
    except PhotoError:
        raise
    except Image.DecompressionBombError as bomb:
        raise _too_large("> 178 MP", max_megapixels) from bomb
    except MemoryError as full:
        raise _too_large("> RAM", max_megapixels) from full
    except Exception as broken:  # decoders raise many kinds on hostile bytes: to a person all mean the same
        raise _damaged() from broken


def as_reduced(copy: Photo, *, long_side_px: int) -> Photo:
    """A reduced copy, as if `decode` had reduced it: in px of the photo that it is a copy of, whose longer side is given.

    A side no longer than the copy's own changes nothing.
    """
    times = max(1.0, long_side_px / max(copy.width, copy.height))
    return replace(
        copy,
        width=round(copy.width * times),
        height=round(copy.height * times),
        reduction=copy.reduction * times,
        focal_px=None if copy.focal_px is None else copy.focal_px * times,
    )


def encode_jpeg(pixels: Pixels, *, quality: int = 90) -> bytes:
    """(h, w, 3) uint8 sRGB as a JPEG that carries nothing but the pixels; `quality` from 1 to 100.

    Raises ValueError for an array of another kind, or larger than a JPEG can be (65500 px).
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.size == 0:
        raise ValueError(f"pixels are {pixels.shape} {pixels.dtype}; give (height, width, 3) uint8")
    if max(pixels.shape) > 65500:
        raise ValueError(f"pixels are {pixels.shape}; a JPEG has at most 65500 px a side")
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    _, packed = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return bytes(packed.tobytes())


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps Pillow's warnings on odd files from everybody. Filters belong to the whole process, so that
    two threads that put them back in the wrong order would leave all warnings off: one at a time."""
    with _one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _format_of(data: bytes) -> PhotoFormat:
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if _is_heif(data):
        raise UnsupportedPhoto(
            Message(
                id=(
                    "Foto HEIC/AVIF tidak bisa dibaca di sini; kirim JPEG. Di iPhone: Pengaturan > Kamera > "
                    "Format > Paling Kompatibel, lalu ambil foto lagi."
                ),
                en=(
                    "HEIC/AVIF photos cannot be read here; send a JPEG. On an iPhone: Settings > Camera > "
                    "Formats > Most Compatible, then take the photo again."
                ),
            )
        )
    if data.startswith((b"GIF87a", b"GIF89a")):
        raise _moving("GIF")
    raise UnsupportedPhoto(
        Message(
            id="Berkas ini bukan foto JPEG, PNG, atau WebP. Kirim foto langsung dari kamera ponsel.",
            en="This file is not a JPEG, PNG or WebP photo. Send a photo straight from the phone's camera.",
        )
    )


def _is_heif(data: bytes) -> bool:
    """Whether the main brand or any compatible brand is one of HEIF's; a video names none of them."""
    if data[4:8] != b"ftyp":
        return False
    end = min(int.from_bytes(data[:4], "big"), 256)
    return any(data[at : at + 4] in HEIF_BRANDS for at in (8, *range(16, end, 4)))


def _decode(data: bytes, kind: PhotoFormat, min_side_px: int | None, limits: PhotoLimits) -> Photo:
    try:
        opened = Image.open(io.BytesIO(data), formats=(kind.upper(),))
    except UnidentifiedImageError as broken:
        raise _damaged() from broken
    width, height = opened.size
    if width * height > limits.max_pixels:
        raise _too_large(f"{width * height / 1e6:.1f} MP", f"{limits.max_pixels / 1e6:.1f} MP")
    if kind == "jpeg" and _has_too_many_scans(data):
        raise _too_large(f"> {MAX_SCANS} scan", f"{MAX_SCANS} scan")
    if kind != "jpeg" and getattr(opened, "n_frames", 1) > 1:
        raise _moving(kind.upper())
    if kind == "jpeg" and min_side_px is not None:
        _reduce(opened, min_side_px)
    opened.load()
    reduction = next(r for r in (1, 2, 4, 8) if opened.size == (-(-width // r), -(-height // r)))

    orientation = _orientation_of(opened)
    upright = opened.transpose(TRANSPOSES[orientation]) if orientation in TRANSPOSES else opened
    if orientation >= 5:
        width, height = height, width
    pixels = np.array(_to_srgb(upright, opened.info.get("icc_profile")), dtype=np.uint8)
    pixels.flags.writeable = False
    return Photo(
        pixels=pixels,
        width=width,
        height=height,
        reduction=reduction,
        sha256=hashlib.sha256(data).hexdigest(),
        perceptual_hash=_perceptual_hash(pixels),
        format=kind,
        focal_px=_focal_px(opened, width, height),
    )


def _has_too_many_scans(data: bytes) -> bool:
    """Whether the first photo in a JPEG file has more than MAX_SCANS. What lies inside a segment (a thumbnail) or
    behind the photo's end (a video) does not count."""
    scans, at = 0, 2
    while scans <= MAX_SCANS and (marker := MARKER.search(data, at)) is not None:
        code, at = data[marker.end() - 1], marker.end()
        if code == END_OF_IMAGE:
            break
        scans += code == START_OF_SCAN
        at += int.from_bytes(data[at : at + 2], "big")
    return scans > MAX_SCANS


def _reduce(opened: Image.Image, min_side_px: int) -> None:
    """Tells the JPEG decoder to give less. It does not halve a strip of one pixel; nothing is lost by it."""
    width, height = opened.size
    for reduction in (8, 4, 2):
        if -(-max(width, height) // reduction) >= min_side_px:
            opened.draft(None, (max(1, width // reduction), max(1, height // reduction)))
            return


def _focal_px(opened: Image.Image, width: int, height: int) -> float | None:
    """By the 35 mm equivalent, which compares diagonals (CIPA DCG-001); None where the file tells none, none that a
    camera has, or another size than that of the photo."""
    try:
        detail = opened.getexif().get_ifd(ExifTags.IFD.Exif)
        equivalent_mm = float(detail.get(ExifTags.Base.FocalLengthIn35mmFilm, 0))
        taken = {
            int(detail.get(tag, 0)) for tag in (ExifTags.Base.ExifImageWidth, ExifTags.Base.ExifImageHeight)
        }
    except Exception:  # Pillow raises many kinds on broken EXIF, which says nothing about the pixels
        return None
    if not FOCAL_35_MIN_MM <= equivalent_mm <= FOCAL_35_MAX_MM or taken != {width, height}:
        return None
    return equivalent_mm / FILM_DIAGONAL_MM * math.hypot(width, height)


def _orientation_of(opened: Image.Image) -> int:
    """EXIF orientation, 1 to 8; 1 where there is none or it cannot be read."""
    try:
        orientation = opened.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # Pillow raises many kinds on broken EXIF, which says nothing about the pixels
        return 1
    return orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1


def _to_srgb(photo: Image.Image, profile: bytes | None) -> Image.Image:
    """Eight-bit RGB in sRGB: colour profile applied, transparency laid on white, 16 bits scaled down."""
    if photo.mode.startswith("I"):
        # grey of 16 bits; its profile, if any, is left out, since the colour library takes 8 bits only
        wide = np.asarray(photo).astype(np.int64)
        return Image.fromarray(((wide * 255 + 32767) // 65535).astype(np.uint8)).convert("RGB")
    if photo.mode in ("P", "PA", "LA") or "transparency" in photo.info:
        photo = photo.convert("RGBA")
    if photo.mode == "RGBA":
        white = Image.new("RGBA", photo.size, (255, 255, 255, 255))
        photo = Image.alpha_composite(white, photo).convert("RGB")
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(photo, source, target, outputMode="RGB")
            assert converted is not None
            return converted
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass  # a profile that is broken or of another colour model: taken as sRGB, as browsers do
    return photo.convert("RGB")


def _perceptual_hash(pixels: Pixels) -> str:
    """Which of the lowest 8 × 8 cosine coefficients of the grey photo at 32 × 32 lie above their median
    ("pHash"; Zauner 2010, Implementation and benchmarking of perceptual image hash functions)."""
    size = (HASHED_SIDE_PX, HASHED_SIDE_PX)
    grey = cv2.resize(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
    low = cv2.dct(grey.astype(np.float32))[:HASH_SIDE, :HASH_SIDE]
    return np.packbits(low > np.median(low)).tobytes().hex()


def _too_large(found: str, allowed: str) -> PhotoTooLarge:
    return PhotoTooLarge(
        Message(
            id=f"Foto terlalu besar ({found}; paling besar {allowed}). Pakai ukuran foto kamera yang biasa.",
            en=f"The photo is too large ({found}; at most {allowed}). Use the camera's normal photo size.",
        )
    )


def _moving(kind: str) -> UnsupportedPhoto:
    return UnsupportedPhoto(
        Message(
            id=f"Berkas {kind} ini gambar bergerak dan tidak bisa dinilai. Kirim satu foto diam (JPEG).",
            en=f"This {kind} file is a moving picture and cannot be graded. Send one still photo (JPEG).",
        )
    )


def _damaged() -> DamagedPhoto:
    return DamagedPhoto(
        Message(
            id="Foto rusak atau terpotong dan tidak bisa dibuka. Kirim ulang, atau ambil foto lagi.",
            en="The photo is damaged or cut off and cannot be opened. Send it again, or retake it.",
        )
    )
