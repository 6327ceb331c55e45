"""What a file says of how its photo came about: camera or screen, when, how often packed. Nothing of who or where."""

import io
from dataclasses import dataclass
from datetime import UTC, datetime

from PIL import ExifTags, Image

SCREEN_WORDS = ("screenshot", "screen shot", "tangkapan layar")
LUMINANCE_DC_AT_50 = 16
"""First entry of the luminance table of JPEG Annex K; libjpeg's quality 50 uses the table as it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoOrigin:
    """`from_camera`: the file names a camera; `png`: kept without loss, as screens are and no camera does;
    `screenshot`: it says that it is one; `taken_at`: when, where the
    file gives the offset to UTC too; `jpeg_quality`: 1 to 100 as libjpeg counts, None for other files."""

    from_camera: bool
    png: bool
    screenshot: bool
    taken_at: datetime | None
    jpeg_quality: int | None


def read_origin(data: bytes) -> PhotoOrigin:
    """Of the bytes of a photo that `photo.decode` takes; what cannot be read is left unsaid."""
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as opened:
            png = opened.format == "PNG"
            tables = getattr(opened, "quantization", None)
            words = [
                str(value) for key, value in opened.info.items() if key in ("Software", "Comment", "Title")
            ]
            exif = opened.getexif()
            detail = exif.get_ifd(ExifTags.IFD.Exif)
    except Exception:  # Pillow raises many kinds on broken headers, which say nothing about the pixels
        return PhotoOrigin(from_camera=False, png=False, screenshot=False, taken_at=None, jpeg_quality=None)
    words += [_text(exif.get(tag)) for tag in (ExifTags.Base.Software, ExifTags.Base.ImageDescription)]
    words.append(_text(detail.get(ExifTags.Base.UserComment)))
    said = " ".join(words).lower()
    return PhotoOrigin(
        from_camera=bool(exif.get(ExifTags.Base.Make) or exif.get(ExifTags.Base.Model)),
        png=png,
        screenshot=any(word in said for word in SCREEN_WORDS),
        taken_at=_moment(
            detail.get(ExifTags.Base.DateTimeOriginal), detail.get(ExifTags.Base.OffsetTimeOriginal)
        ),
        jpeg_quality=_quality(tables[0][0]) if tables else None,
    )


def _text(value: object) -> str:
    if isinstance(value, bytes):
        # EXIF comments start with eight bytes that name their character code
        return value[8:].decode("latin-1").replace("\0", "")
    return value if isinstance(value, str) else ""


def _moment(taken: object, offset: object) -> datetime | None:
    """Without its offset a time of day may be meant anywhere on earth: then nothing is said."""
    if not isinstance(taken, str) or not isinstance(offset, str):
        return None
    try:
        return datetime.strptime(f"{taken.strip()} {offset.strip()}", "%Y:%m:%d %H:%M:%S %z").astimezone(UTC)
    except ValueError:
        return None


def _quality(first_entry: int) -> int:
    """libjpeg scales the table by 5000 / q percent below quality 50 and by 200 - 2 q from there on."""
    percent = max(1.0, 100 * first_entry / LUMINANCE_DC_AT_50)
    quality = 5000 / percent if percent > 100 else (200 - percent) / 2
    return int(min(100, max(1, round(quality))))
