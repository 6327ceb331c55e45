"""From bytes to a photo: what is accepted, how it is turned and coloured, and what is refused."""

import hashlib
import io
import math
import struct
import warnings
import zlib
from contextlib import suppress

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import ExifTags, Image
from scipy.fft import dctn

from qc_vision.errors import DamagedPhoto, EmptyPhoto, PhotoError, PhotoTooLarge, UnsupportedPhoto
from qc_vision.photo import Photo, PhotoLimits, decode, encode_jpeg

Pixels = NDArray[np.uint8]


def draw_scene(*, width: int = 96, height: int = 64, seed: int = 0) -> Pixels:
    """Soft patches of colour with a red corner at the top left: no symmetry hides a wrong turn."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (6, 9, 3), dtype=np.uint8)
    scene = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    scene[: height // 4, : width // 4] = (220, 20, 20)
    return scene


def encode(pixels: Pixels | Image.Image, kind: str, **options: object) -> bytes:
    packed = io.BytesIO()
    photo = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    photo.save(packed, kind, **options)
    return packed.getvalue()


def mend_png(data: bytes) -> bytes:
    """The same chunks with their checksums set right, so that a reader looks into altered ones."""
    at, mended = 8, data[:8]
    while at + 12 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        mended += data[at:end] + struct.pack(">I", zlib.crc32(data[at + 4 : end]))
        at = end + 4
    return mended


def exif_with(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


def bits_apart(a: Photo, b: Photo) -> int:
    return (int(a.perceptual_hash, 16) ^ int(b.perceptual_hash, 16)).bit_count()


SCENE = draw_scene()
JPEG = encode(SCENE, "JPEG", quality=92)
PNG = encode(SCENE, "PNG")
WEBP = encode(SCENE, "WEBP", lossless=True)
FRAMES = [Image.fromarray(draw_scene(seed=seed)) for seed in (1, 2)]


# what every photo comes out as


@pytest.mark.parametrize(("data", "kind"), [(JPEG, "jpeg"), (PNG, "png"), (WEBP, "webp")])
def test_the_bytes_tell_the_format_and_the_pixels_are_rgb(data: bytes, kind: str) -> None:
    photo = decode(data)
    assert photo.format == kind
    assert (photo.width, photo.height, photo.reduction) == (96, 64, 1)
    assert photo.pixels.dtype == np.uint8
    assert photo.pixels[4, 4] == pytest.approx((220, 20, 20), abs=6)  # JPEG of quality 92
    assert photo.sha256 == hashlib.sha256(data).hexdigest()


def test_the_pixels_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="read-only"):
        decode(PNG).pixels[0, 0] = 0


@pytest.mark.parametrize("size", [(1, 1), (63, 40), (5000, 1), (1, 5000)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_small_and_narrow_photos_are_photos(size: tuple[int, int], kind: str) -> None:
    photo = decode(encode(Image.new("RGB", size, (0, 0, 255)), kind), min_side_px=256)
    assert (photo.width, photo.height) == size
    assert photo.pixels[0, 0, 2] > 250


# orientation


STORED = {
    1: SCENE,
    2: SCENE[:, ::-1],
    3: SCENE[::-1, ::-1],
    4: SCENE[::-1],
    5: SCENE.transpose(1, 0, 2),
    6: np.rot90(SCENE),
    7: SCENE[::-1, ::-1].transpose(1, 0, 2),
    8: np.rot90(SCENE, -1),
}
"""How a camera stores the scene for each value of the tag (EXIF 2.32, 4.6.4, figure of orientations)."""


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_upright(orientation: int, kind: str) -> None:
    lossless = {"lossless": True} if kind == "WEBP" else {}
    stored = np.ascontiguousarray(STORED[orientation])
    photo = decode(encode(stored, kind, exif=exif_with(orientation), **lossless))
    assert (photo.width, photo.height) == (96, 64)
    assert np.array_equal(photo.pixels, SCENE)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_jpeg_is_turned_as_opencv_turns_it(orientation: int) -> None:
    data = encode(SCENE, "JPEG", quality=95, exif=exif_with(orientation))
    theirs = cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    ours = decode(data)
    assert (ours.height, ours.width) == theirs.shape[:2]
    assert np.abs(ours.pixels.astype(int) - theirs).mean() < 2  # another JPEG decoder rounds otherwise


@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0",
        b"Exif\0\0garbage",
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\1" * 30,
        b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\2\0\4\0\0\0abc\0\0\0\0\0",  # the orientation is text
        exif_with(0),
        exif_with(9),
    ],
)
def test_broken_exif_counts_as_upright(exif: bytes) -> None:
    photo = decode(encode(SCENE, "JPEG", quality=92, exif=exif))
    assert np.array_equal(photo.pixels, decode(JPEG).pixels)


# reduced decoding


@pytest.mark.parametrize(
    ("min_side_px", "reduction"),
    [(None, 1), (801, 1), (401, 1), (400, 2), (201, 2), (200, 4), (100, 8), (10, 8)],
)
def test_a_jpeg_is_reduced_as_far_as_its_longer_side_allows(min_side_px: int | None, reduction: int) -> None:
    photo = decode(encode(draw_scene(width=800, height=600), "JPEG"), min_side_px=min_side_px)
    assert photo.reduction == reduction
    assert photo.pixels.shape == (600 // reduction, 800 // reduction, 3)
    assert (photo.width, photo.height) == (800, 600)
    assert photo.pixels[2, 2] == pytest.approx((220, 20, 20), abs=8)


def test_a_reduced_photo_that_stands_on_its_side_keeps_its_full_size_upright() -> None:
    data = encode(draw_scene(width=801, height=599), "JPEG", exif=exif_with(6))
    photo = decode(data, min_side_px=400)
    assert (photo.width, photo.height, photo.reduction) == (599, 801, 2)
    assert photo.pixels.shape == (401, 300, 3)  # the decoder rounds up


def test_png_is_never_reduced() -> None:
    assert decode(PNG, min_side_px=8).pixels.shape == SCENE.shape


# colour and depth


def p3_profile() -> bytes:
    """A Display P3 profile as phones embed it: its primaries adapted to D50, the curve of sRGB."""

    def fixed(*values: float) -> bytes:
        return struct.pack(f">{len(values)}i", *(round(v * 65536) for v in values))

    curve = b"para\0\0\0\0\0\3\0\0" + fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    xyz = b"XYZ \0\0\0\0"
    tags = {
        b"wtpt": xyz + fixed(0.9642, 1.0, 0.8249),
        b"rXYZ": xyz + fixed(0.51512, 0.24120, -0.00105),
        b"gXYZ": xyz + fixed(0.29198, 0.69225, 0.04189),
        b"bXYZ": xyz + fixed(0.15710, 0.06657, 0.78407),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        table += name + struct.pack(">II", start + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    size = struct.pack(">I", start + len(body))
    header = size + bytes(4) + b"\4\0\0\0mntrRGB XYZ " + bytes(12) + b"acsp" + bytes(28)
    header += fixed(0.9642, 1.0, 0.8249)
    return header.ljust(128, b"\0") + table + body


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG"])
def test_display_p3_becomes_srgb(kind: str) -> None:
    # CSS Color 4: the red of sRGB is color(display-p3 0.9175 0.2003 0.1386), that is 234, 51, 35
    red_in_p3 = Image.new("RGB", (16, 16), (234, 51, 35))
    photo = decode(encode(red_in_p3, kind, icc_profile=p3_profile()))
    assert photo.pixels[8, 8] == pytest.approx((255, 0, 0), abs=5)


def test_grey_stays_grey_in_display_p3() -> None:
    photo = decode(encode(Image.new("RGB", (16, 16), (128, 128, 128)), "PNG", icc_profile=p3_profile()))
    assert photo.pixels[8, 8] == pytest.approx((128, 128, 128), abs=1)


@pytest.mark.parametrize("profile", [b"garbage", b"\0" * 200, p3_profile()[:150]])
def test_a_broken_colour_profile_is_left_out(profile: bytes) -> None:
    assert np.array_equal(decode(encode(SCENE, "PNG", icc_profile=profile)).pixels, SCENE)


def test_a_profile_of_another_colour_model_is_left_out() -> None:
    grey = Image.new("L", (8, 8), 77)
    assert (decode(encode(grey, "PNG", icc_profile=p3_profile())).pixels == 77).all()


def test_sixteen_bits_are_scaled_to_eight() -> None:
    wide = SCENE.astype(np.uint16) * 257
    for channels in (wide[..., 0], wide[..., ::-1]):  # grey, and colour as OpenCV orders it
        data = cv2.imencode(".png", channels)[1].tobytes()
        truth = SCENE if channels.ndim == 3 else SCENE[..., :1]
        assert np.abs(decode(data).pixels.astype(int) - truth).max() <= 1


def test_a_dark_sixteen_bit_photo_stays_dark() -> None:
    data = cv2.imencode(".png", np.full((8, 8), 200, np.uint16))[1].tobytes()
    assert decode(data).pixels.max() == 1  # 200 of 65535 is 0.78 of 255


def test_cmyk_jpeg_comes_out_in_its_colours() -> None:
    ink = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    assert decode(encode(ink, "JPEG", quality=95)).pixels[8, 8] == pytest.approx((255, 0, 0), abs=4)


@pytest.mark.parametrize(("mode", "value", "expected"), [("L", 90, 90), ("1", 1, 255)])
def test_grey_and_black_and_white_become_rgb(mode: str, value: int, expected: int) -> None:
    pixels = decode(encode(Image.new(mode, (8, 6), value), "PNG")).pixels
    assert pixels.shape == (6, 8, 3)
    assert (pixels == expected).all()


def test_a_palette_is_looked_up() -> None:
    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([0, 0, 0, 10, 200, 30])
    assert (decode(encode(palette, "PNG")).pixels == (10, 200, 30)).all()
    see_through = encode(palette, "PNG", transparency=b"\xff\x00")
    assert (decode(see_through).pixels == 255).all()


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("RGBA", (200, 0, 0, 0), (255, 255, 255)),
        ("RGBA", (200, 0, 0, 255), (200, 0, 0)),
        ("RGBA", (0, 0, 0, 128), (127, 127, 127)),
        ("LA", (0, 128), (127, 127, 127)),
    ],
)
def test_transparency_is_laid_on_white(
    mode: str, colour: tuple[int, ...], expected: tuple[int, int, int]
) -> None:
    photo = decode(encode(Image.new(mode, (8, 8), colour), "PNG"))
    assert photo.pixels[4, 4] == pytest.approx(expected, abs=1)


# several frames


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_a_moving_picture_is_refused(kind: str) -> None:
    data = encode(FRAMES[0], kind, save_all=True, append_images=FRAMES[1:])
    with pytest.raises(UnsupportedPhoto) as refused:
        decode(data)
    assert "still photo" in refused.value.message.en
    assert "foto diam" in refused.value.message.id


def test_of_a_phone_photo_with_a_second_frame_the_first_is_taken() -> None:
    data = encode(FRAMES[0], "MPO", save_all=True, append_images=FRAMES[1:], quality=95)
    photo = decode(data)
    assert photo.format == "jpeg"
    assert np.abs(photo.pixels.astype(int) - np.asarray(FRAMES[0])).mean() < 4
    assert decode(data, min_side_px=48).reduction == 2


# refusals


def test_nothing_at_all_is_told_as_nothing() -> None:
    with pytest.raises(EmptyPhoto):
        decode(b"")


@pytest.mark.parametrize("data", [b"a", b"just text\n" * 50, b"%PDF-1.7 ...", b"\xff\xd8", b"\0" * 100])
def test_what_is_no_photo_is_refused_whatever_it_is_called(data: bytes) -> None:
    with pytest.raises(UnsupportedPhoto) as refused:
        decode(data)
    assert "JPEG, PNG or WebP" in refused.value.message.en
    assert "JPEG, PNG, atau WebP" in refused.value.message.id


@pytest.mark.parametrize(
    "data",
    [
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 64,
        b"\0\0\0\x18ftypavif\0\0\0\0avifmif1" + b"\0" * 64,
        b"\0\0\0\x1cftypXXXX\0\0\0\0abcdheicefgh" + b"\0" * 64,  # only a compatible brand says so
    ],
)
def test_heic_is_refused_with_the_way_to_send_jpeg(data: bytes) -> None:
    with pytest.raises(UnsupportedPhoto) as refused:
        decode(data)
    assert "Settings > Camera > Formats > Most Compatible" in refused.value.message.en
    assert "Pengaturan > Kamera > Format > Paling Kompatibel" in refused.value.message.id


def test_a_video_is_not_taken_for_heic() -> None:
    with pytest.raises(UnsupportedPhoto) as refused:
        decode(b"\0\0\0\x18ftypisom\0\0\0\0isomavc1" + b"heic" * 20)
    assert "HEIC" not in refused.value.message.en


@pytest.mark.parametrize("data", [JPEG, PNG, WEBP, encode(SCENE, "JPEG", progressive=True)])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.98])
def test_a_photo_that_was_cut_off_is_refused(data: bytes, kept: float) -> None:
    with pytest.raises(DamagedPhoto):
        decode(data[: int(kept * len(data))])


def test_too_many_bytes_are_refused_with_both_numbers() -> None:
    with pytest.raises(PhotoTooLarge, match=r"2\.0 MB; at most 1\.5 MB"):
        decode(JPEG.ljust(2_000_000, b"\0"), limits=PhotoLimits(max_bytes=1_500_000))


def test_too_many_pixels_are_refused() -> None:
    data = encode(Image.new("L", (1100, 1000)), "PNG")
    with pytest.raises(PhotoTooLarge, match=r"1\.1 MP; at most 1\.0 MP"):
        decode(data, limits=PhotoLimits(max_pixels=1_000_000))
    assert decode(data, limits=PhotoLimits(max_pixels=1_100_000)).width == 1100


def claim_size(data: bytes, width: int, height: int) -> bytes:
    """The same few bytes under a header that promises a photo of another size."""
    if data is PNG:
        return mend_png(data[:16] + struct.pack(">II", width, height) + data[24:])
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


@pytest.mark.parametrize("data", [JPEG, PNG])
@pytest.mark.parametrize("size", [(10_000, 9_000), (20_000, 10_000), (65_000, 65_000)])
def test_a_bomb_is_refused_by_its_header(data: bytes, size: tuple[int, int]) -> None:
    with pytest.raises(PhotoTooLarge):
        decode(claim_size(data, *size))


# nothing leaks


def exif_of_lens(equivalent_mm: int, size: tuple[int, int]) -> Image.Exif:
    exif = Image.Exif()
    detail = exif.get_ifd(ExifTags.IFD.Exif)
    detail[ExifTags.Base.FocalLengthIn35mmFilm] = equivalent_mm
    detail[ExifTags.Base.ExifImageWidth], detail[ExifTags.Base.ExifImageHeight] = size
    return exif


@pytest.mark.parametrize("orientation", [1, 6])
def test_the_focal_length_is_told_in_pixels_of_the_whole_photo(orientation: int) -> None:
    exif = exif_of_lens(28, (4032, 3024))
    exif[ExifTags.Base.Orientation] = orientation
    photo = decode(encode(Image.new("RGB", (4032, 3024)), "JPEG", exif=exif), min_side_px=1000)
    assert photo.focal_px is not None
    # tables of lenses give 28 mm a view of 75.4° from corner to corner
    view_deg = 2 * math.degrees(math.atan(math.hypot(4032, 3024) / 2 / photo.focal_px))
    assert view_deg == pytest.approx(75.4, abs=0.1)


@pytest.mark.parametrize(
    "exif",
    [
        Image.Exif(),
        exif_of_lens(0, (96, 64)),
        exif_of_lens(800, (96, 64)),
        exif_of_lens(26, (192, 128)),
    ],
    ids=["untold", "zero", "telescope", "cut or shrunk since"],
)
def test_a_focal_length_that_cannot_be_this_photo_s_is_not_believed(exif: Image.Exif) -> None:
    assert decode(encode(draw_scene(), "JPEG", exif=exif)).focal_px is None


def test_a_jpeg_of_endless_scans_is_refused_before_it_is_decoded() -> None:
    packed = encode(SCENE, "JPEG", progressive=True)
    last = packed.rindex(b"\xff\xda")
    scan = packed[last:-2]

    assert decode(packed[:-2] + 80 * scan + packed[-2:]).pixels.shape == SCENE.shape
    with pytest.raises(PhotoTooLarge, match="at most 100 scan"):
        decode(packed[:-2] + 100 * scan + packed[-2:])


def test_scans_count_in_the_photo_alone_not_in_its_thumbnail_nor_in_a_video_behind_it() -> None:
    packed = encode(SCENE, "JPEG")
    thumbnail = b"\xff\xe1" + struct.pack(">H", 2 + 400) + 100 * b"\xff\xda\0\2"

    assert decode(packed[:2] + thumbnail + packed[2:]).pixels.shape == SCENE.shape
    assert decode(packed + 200 * b"\xff\xda").pixels.shape == SCENE.shape


def test_nothing_that_the_file_says_of_person_or_place_is_kept() -> None:
    exif = Image.Exif()
    exif[0x013B] = "Siti Rahayu"
    exif.get_ifd(0x8825)[1] = "S"
    data = encode(SCENE, "JPEG", exif=exif.tobytes(), comment=b"Siti Rahayu")
    assert b"Siti" in data
    photo = decode(data)
    assert "Siti" not in repr(photo)
    assert b"Siti" not in encode_jpeg(photo.pixels)


ODD = (
    encode(SCENE, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\1" * 40),
    encode(Image.fromarray(SCENE).convert("P"), "PNG", transparency=b"\x80" * 256),
    encode(FRAMES[0], "MPO", save_all=True, append_images=FRAMES[1:]).replace(b"MPF\0", b"MPF\0??", 1),
    claim_size(PNG, 9_500, 9_500),  # Pillow itself warns from 89 megapixels on
)


@pytest.mark.parametrize("data", ODD)
def test_odd_files_warn_nobody_and_leave_the_filters_as_they_were(data: bytes) -> None:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        before = list(warnings.filters)
        with suppress(PhotoError):
            decode(data, limits=PhotoLimits(max_pixels=1_000_000))
        assert warnings.filters == before
    assert heard == []


FUZZ = settings(max_examples=150, deadline=None, database=None, derandomize=True)
MAGIC = (b"", b"\xff\xd8\xff\xe1", PNG[:33], b"RIFF\x40\0\0\0WEBPVP8 ", b"\0\0\0\x18ftypheic")
VALID = (
    encode(SCENE, "JPEG", exif=exif_with(6), icc_profile=p3_profile()),
    encode(SCENE, "JPEG", progressive=True),
    encode(FRAMES[0], "MPO", save_all=True, append_images=FRAMES[1:]),
    encode(SCENE, "PNG", exif=exif_with(6), icc_profile=p3_profile()),
    encode(Image.fromarray(SCENE).convert("P"), "PNG"),
    encode(SCENE, "WEBP", exif=exif_with(6), icc_profile=p3_profile()),
    encode(FRAMES[0], "WEBP", save_all=True, append_images=FRAMES[1:]),
)


def decode_or_refuse(data: bytes) -> None:
    with suppress(PhotoError):
        photo = decode(data, min_side_px=32, limits=PhotoLimits(max_pixels=1_000_000))
        assert photo.pixels.size > 0


@FUZZ
@given(st.sampled_from(MAGIC), st.binary(max_size=300))
def test_random_bytes_raise_nothing_but_a_photo_error(magic: bytes, rest: bytes) -> None:
    decode_or_refuse(magic + rest)


@FUZZ
@given(
    data=st.sampled_from(VALID),
    changes=st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=4)), min_size=1, max_size=6),
    in_header=st.booleans(),
    kept=st.floats(0.3, 1),
)
def test_altered_photos_raise_nothing_but_a_photo_error(
    data: bytes, changes: list[tuple[float, bytes]], in_header: bool, kept: float
) -> None:
    altered = bytearray(data)
    span = min(len(altered), 700) if in_header else len(altered)
    for place, new in changes:
        at = int(place * (span - 1))
        altered[at : at + len(new)] = new
    cut = bytes(altered[: max(1, int(kept * len(altered)))])
    decode_or_refuse(mend_png(cut) if cut.startswith(PNG[:8]) else cut)


# the perceptual hash


def test_the_perceptual_hash_is_the_sign_pattern_of_low_cosines() -> None:
    photo = decode(PNG)
    grey = np.asarray(Image.fromarray(SCENE).convert("L").resize((32, 32), Image.Resampling.BOX), float)
    low = dctn(grey, norm="ortho")[:8, :8].ravel()
    truth = "".join("1" if c > np.median(low) else "0" for c in low)
    assert len(photo.perceptual_hash) == 16
    ours = f"{int(photo.perceptual_hash, 16):064b}"
    assert sum(a != b for a, b in zip(ours, truth, strict=True)) <= 2  # grey is rounded otherwise


def test_copies_hash_alike_and_other_photos_do_not() -> None:
    scene = draw_scene(width=800, height=600, seed=3)
    photo = decode(encode(scene, "PNG"))
    copies = (
        decode(encode(scene, "JPEG", quality=60)),
        decode(encode(scene, "JPEG"), min_side_px=100),
        decode(encode(cv2.resize(scene, (400, 300), interpolation=cv2.INTER_AREA), "PNG")),
        decode(encode((scene * 0.8).astype(np.uint8), "PNG")),
    )
    others = [decode(encode(draw_scene(width=800, height=600, seed=seed), "PNG")) for seed in (4, 5, 6)]
    assert max(bits_apart(photo, copy) for copy in copies) <= 6
    assert min(bits_apart(photo, other) for other in others) >= 16


# writing


def test_a_written_jpeg_shows_the_pixels_and_carries_nothing_else() -> None:
    data = encode_jpeg(SCENE, quality=95)
    assert np.abs(decode(data).pixels.astype(int) - SCENE).mean() < 4
    opened = Image.open(io.BytesIO(data))
    assert set(opened.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi"}
    assert not opened.getexif()


def test_a_read_only_photo_can_be_written() -> None:
    assert decode(encode_jpeg(decode(PNG).pixels)).width == 96


@pytest.mark.parametrize(
    "pixels", [SCENE.astype(np.float32), SCENE[..., 0], SCENE[:0], np.zeros((1, 65501, 3), np.uint8)]
)
def test_what_is_no_eight_bit_rgb_is_not_written(pixels: Pixels) -> None:
    with pytest.raises(ValueError, match="pixels are"):
        encode_jpeg(pixels)
