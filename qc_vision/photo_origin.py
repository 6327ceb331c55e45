"""What a file says of how its photo came about: camera or screen, when, how often packed. Nothing of who or where."""

import io
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from PIL import ExifTags, Image

from qc_vision.photo import Photo
from qc_vision.quality import RetakeReason
from qc_vision.refusal_limits import SHIPPED, OriginLimits

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


def find_origin_faults(
    photo: Photo,
    origin: PhotoOrigin,
    *,
    came_at: datetime,
    original: bool,
    limits: OriginLimits = SHIPPED.origin,
) -> frozenset[RetakeReason]:
    """What the file says against its photo. `came_at`: when it reached us, and nothing is taken later than that;
    `original`: whether the camera's own file is insisted on."""
    shrunk = max(photo.width, photo.height) in limits.messenger_sides_px
    packed = origin.jpeg_quality is not None and origin.jpeg_quality <= limits.messenger_jpeg_quality_max
    latest = came_at + timedelta(seconds=limits.clock_ahead_max_s)
    told = {
        RetakeReason.SCREENSHOT: origin.screenshot or _is_screen(photo, origin, limits),
        # photos from web pages look like that too: only who asks for originals refuses them
        RetakeReason.RECOMPRESSED: original and not origin.from_camera and shrunk and packed,
        RetakeReason.CLOCK_AHEAD: origin.taken_at is not None and origin.taken_at > latest,
    }
    return frozenset(reason for reason, is_so in told.items() if is_so)


def _is_screen(photo: Photo, origin: PhotoOrigin, limits: OriginLimits) -> bool:
    """A screenshot that does not say so: no camera's, without loss, and of a phone's screen to the pixel."""
    short, long = sorted((photo.width, photo.height))
    shaped = short in limits.screen_sides_px and long >= limits.screen_aspect_min * short
    return origin.png and not origin.from_camera and shaped


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
