"""What a phone is told before it uploads: each reason where it holds, and none on a sound photo."""

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image

from qc_vision.card import serial_ids, shipped_cards
from qc_vision.card_register import KnownCards, MeasuredCard
from qc_vision.demands import Demands
from qc_vision.photo import Photo, as_reduced, decode, encode_jpeg
from qc_vision.photo_check import PhotoCheck, check_photo
from qc_vision.photo_origin import PhotoOrigin, read_origin
from qc_vision.quality import RetakeReason, message_of
from tests.qc_vision.drawn_card import Shot, as_photo, draw_card

NOW = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
A6 = next(card for card in shipped_cards() if card.id == "qc-a6")
NOTHING_SAID = PhotoOrigin(from_camera=False, png=False, screenshot=False, taken_at=None, jpeg_quality=None)
NEEDS_CARD = Demands(card="required")
SHIPPED = KnownCards()


def check(
    photo: Photo,
    *,
    origin: PhotoOrigin | None = NOTHING_SAID,
    demands: Demands = NEEDS_CARD,
    came_before: bool = False,
    known: KnownCards = SHIPPED,
) -> PhotoCheck:
    return check_photo(photo, origin, came_at=NOW, known=known, demands=demands, came_before=came_before)


def on_weave(shot: Shot, **drawn: float | int | tuple[int, ...]) -> Photo:
    """The card before a weave of fine strands, so that the photo is sharp all over."""
    card = draw_card(shot, **drawn).pixels[..., 0]  # type: ignore[arg-type]
    y, x = np.indices(card.shape)
    weave = 110 + 60 * np.sign(np.sin(x / 3.5) * np.sin(y / 2.5))
    assert shot.card.size_mm is not None
    width, height = shot.card.size_mm
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]]).reshape(-1, 1, 2)
    outline = cv2.perspectiveTransform(corners, shot.px_from_mm)[:, 0]
    inside = cv2.fillConvexPoly(np.zeros(card.shape, np.uint8), np.round(outline).astype(np.int32), 1)
    grey = np.where(inside > 0, card, weave).astype(np.uint8)
    return as_photo(np.repeat(grey[..., None], 3, axis=2))


SOUND = Shot(card=A6, distance_mm=400, tilt_deg=20, size_px=(1200, 900))


def test_a_sound_photo_is_sent_and_its_card_told() -> None:
    assert A6.serial
    found = check(on_weave(SOUND, serial_ids=serial_ids(A6.serial, 7)))
    assert found.reasons == ()
    assert (found.card, found.serial) == ("qc-a6", 7)
    assert found.px_per_mm == pytest.approx(900 / 404 * np.sqrt(np.cos(np.radians(20))), rel=0.02)
    assert found.tilt_deg == pytest.approx(20, abs=1)


@pytest.mark.parametrize(
    ("photo", "reason"),
    [
        (as_photo(np.full((900, 1200, 3), 120, np.uint8)), RetakeReason.CARD_MISSING),
        (on_weave(SOUND, hidden=1), RetakeReason.CARD_CUT),
        (on_weave(replace(SOUND, tilt_deg=66)), RetakeReason.TILTED),
        (on_weave(replace(SOUND, distance_mm=940)), RetakeReason.TOO_FAR),
        (on_weave(replace(SOUND, distance_mm=140, tilt_deg=0)), RetakeReason.TOO_CLOSE),
    ],
    ids=lambda value: value.value if isinstance(value, RetakeReason) else "",
)
def test_what_is_wrong_with_the_card_is_told_only_where_a_card_is_demanded(
    photo: Photo, reason: RetakeReason
) -> None:
    assert reason in check(photo).reasons
    assert reason not in check(photo, demands=Demands()).reasons


def test_a_bent_card_is_told() -> None:
    flat = on_weave(replace(SOUND, tilt_deg=0))
    assert RetakeReason.CARD_NOT_FLAT not in check(flat).reasons
    assert RetakeReason.CARD_NOT_FLAT in check(bent(flat, radius_mm=100)).reasons


def bent(flat: Photo, *, radius_mm: float) -> Photo:
    """The photo of a flat card, seen frontally, as it would look bent back round an upright cylinder."""
    y, x = np.indices(flat.pixels.shape[:2]).astype(np.float64) + 0.5
    azimuth = np.linspace(-1.2, 1.2, 4001)
    depth = SOUND.distance_mm + radius_mm * (1 - np.cos(azimuth))
    across_px = SOUND.focal_px * radius_mm * np.sin(azimuth) / depth
    rising = np.argmin(across_px), np.argmax(across_px) + 1
    here = np.interp(x - 600, across_px[slice(*rising)], azimuth[slice(*rising)])
    nearer = (SOUND.distance_mm + radius_mm * (1 - np.cos(here))) / SOUND.distance_mm
    from_x = 600 + SOUND.focal_px * radius_mm * here / SOUND.distance_mm
    from_y = 450 + (y - 450) * nearer
    maps = (from_x - 0.5).astype(np.float32), (from_y - 0.5).astype(np.float32)
    return as_photo(np.asarray(cv2.remap(flat.pixels, *maps, cv2.INTER_LINEAR), dtype=np.uint8))


def test_a_card_whose_number_is_not_registered_is_told() -> None:
    assert A6.serial
    photo = on_weave(SOUND, serial_ids=serial_ids(A6.serial, 7))
    seven = KnownCards(measured=(MeasuredCard(card="qc-a6", version=1, serial=7, measured_bar_mm=49.0),))
    wanted = Demands(card="registered")
    found = check(photo, demands=wanted, known=seven)
    assert found.reasons == ()
    assert check(photo).px_per_mm == pytest.approx(found.px_per_mm * 49 / 50, rel=0.002)
    assert check(photo, demands=wanted).reasons == (RetakeReason.CARD_UNKNOWN,)
    assert check(on_weave(SOUND), demands=wanted, known=seven).reasons == (RetakeReason.CARD_UNKNOWN,)


def test_blur_is_told_before_anything_is_uploaded() -> None:
    photo = on_weave(SOUND)
    blurred = as_photo(cv2.GaussianBlur(photo.pixels, (0, 0), 6))
    assert RetakeReason.BLURRED in check(blurred, demands=Demands()).reasons


def test_a_photo_that_came_before_is_told() -> None:
    assert RetakeReason.DUPLICATE in check(on_weave(SOUND), came_before=True).reasons
    assert RetakeReason.DUPLICATE not in check(on_weave(SOUND)).reasons


def test_a_clock_ahead_of_ours_is_told_beyond_ten_minutes() -> None:
    photo = on_weave(SOUND)
    for ahead, told in ((timedelta(minutes=5), False), (timedelta(hours=1), True)):
        origin = replace(NOTHING_SAID, taken_at=NOW + ahead)
        assert (RetakeReason.CLOCK_AHEAD in check(photo, origin=origin).reasons) is told


def test_a_copy_is_asked_for_neither_its_own_file_nor_its_own_size() -> None:
    far = on_weave(replace(SOUND, distance_mm=800))
    copy = as_reduced(
        as_photo(cv2.resize(far.pixels, (600, 450), interpolation=cv2.INTER_AREA)), long_side_px=1200
    )
    assert check(copy).px_per_mm == pytest.approx(check(far).px_per_mm, rel=0.01)
    assert check(copy).reasons == check(far).reasons == ()
    assert check(replace(copy, width=600, height=450, reduction=1)).reasons == (RetakeReason.TOO_FAR,)

    screenshot = replace(NOTHING_SAID, screenshot=True, taken_at=NOW + timedelta(days=1))
    assert check(copy, origin=screenshot, demands=Demands()).reasons != ()
    assert check(copy, origin=None, demands=Demands(original=True)).reasons == ()


def test_a_messenger_s_copy_is_told_only_where_originals_are_demanded() -> None:
    shrunk = as_photo(np.zeros((1200, 1600, 3), np.uint8))
    origin = replace(NOTHING_SAID, jpeg_quality=75)
    wants = Demands(original=True)
    assert RetakeReason.RECOMPRESSED in check(shrunk, origin=origin, demands=wants).reasons
    assert RetakeReason.RECOMPRESSED not in check(shrunk, origin=origin, demands=Demands()).reasons
    camera = replace(origin, from_camera=True)
    assert RetakeReason.RECOMPRESSED not in check(shrunk, origin=camera, demands=wants).reasons


def test_a_screenshot_is_told() -> None:
    origin = replace(NOTHING_SAID, screenshot=True)
    assert RetakeReason.SCREENSHOT in check(on_weave(SOUND), origin=origin).reasons


@pytest.mark.parametrize(
    ("size", "told"),
    [((1080, 2400), True), ((1334, 750), True), ((1080, 1440), False), ((1000, 2400), False)],
)
def test_a_screenshot_that_does_not_say_so_is_told_by_its_size_and_by_no_camera_s_file(
    size: tuple[int, int], told: bool
) -> None:
    file, packed = io.BytesIO(), io.BytesIO()
    Image.new("RGB", size, (120, 90, 60)).save(file, "PNG")
    Image.new("RGB", size, (120, 90, 60)).save(packed, "JPEG")
    for data, expected in ((file.getvalue(), told), (packed.getvalue(), False)):
        reasons = check(decode(data), origin=read_origin(data)).reasons
        assert (RetakeReason.SCREENSHOT in reasons) is expected
    from_camera = replace(read_origin(file.getvalue()), from_camera=True)
    assert RetakeReason.SCREENSHOT not in check(decode(file.getvalue()), origin=from_camera).reasons


@pytest.mark.parametrize("quality", [30, 50, 75, 85, 92])
def test_the_quality_a_jpeg_was_packed_with_is_read_from_it(quality: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    seen = read_origin(encode_jpeg(pixels, quality=quality)).jpeg_quality
    assert seen == pytest.approx(quality, abs=3)  # the one entry looked at is a whole number up to 27


def test_camera_and_moment_are_read_and_a_moment_without_its_zone_is_not_guessed() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Kamera"
    detail = exif.get_ifd(ExifTags.IFD.Exif)
    detail[ExifTags.Base.DateTimeOriginal] = "2026:03:04 12:00:00"
    assert read_origin(_saved(exif)).taken_at is None
    detail[ExifTags.Base.OffsetTimeOriginal] = "+07:00"
    origin = read_origin(_saved(exif))
    assert origin.from_camera
    assert not origin.screenshot
    assert origin.taken_at == datetime(2026, 3, 4, 5, 0, tzinfo=UTC)


def test_a_screenshot_that_says_so_is_read() -> None:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = b"ASCII\0\0\0Screenshot"
    assert read_origin(_saved(exif)).screenshot


def test_broken_headers_say_nothing() -> None:
    assert read_origin(b"\xff\xd8\xff\xe1broken") == NOTHING_SAID


def _saved(exif: Image.Exif) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (32, 32)).save(file, "JPEG", exif=exif)
    return file.getvalue()


def test_every_reason_has_a_sentence_in_both_languages() -> None:
    for reason in RetakeReason:
        words = message_of(reason)
        assert len(words.id) > 20
        assert len(words.en) > 20
        assert words.id != words.en
