"""The line from bytes to record, with a fake network that sees a drawn basket."""

import io
from datetime import UTC, datetime, timedelta

import pytest
from PIL import ExifTags, Image

from qc_vision.decision import Verdict
from qc_vision.errors import EmptyPhoto, UnsupportedPhoto
from qc_vision.inspection import retake
from qc_vision.quality import RetakeReason
from qc_vision.record import record_json
from qc_vision.spec import load_spec
from tests.qc_vision.fakes import ROW_PITCH, STAKE_PITCH, FakePerceiver, encode_weave, make_inspector

SPEC = load_spec("default")


def test_a_sound_basket_passes_with_its_density_read() -> None:
    record = make_inspector().inspect(encode_weave(), spec=SPEC).record
    assert record.verdict == Verdict.PASS
    assert record.defects == ()
    pitch = {r.direction: r.pitch_px for r in record.density}
    assert pitch == pytest.approx({"weft": ROW_PITCH, "warp": STAKE_PITCH}, rel=0.02)
    assert record.openness == 0
    assert record.basket is not None
    assert record.basket.box == (64, 32, 576, 448)


def test_a_large_hole_fails_and_is_the_reason() -> None:
    inspector = make_inspector(FakePerceiver(hole=(320, 240, 60)))
    record = inspector.inspect(encode_weave(), spec=SPEC).record
    assert record.verdict == Verdict.FAIL
    assert "MAJ-HOLE" in {reason.code for reason in record.reasons}
    assert record.defects[0].code == "MAJ-HOLE"
    # 120 px across, rows 20 px apart: six strand pitches
    assert record.defects[0].width_pitch == pytest.approx(6, rel=0.05)
    sound = make_inspector(FakePerceiver()).inspect(encode_weave(), spec=SPEC).record
    assert record.defect_score > sound.defect_score + 0.2


@pytest.mark.parametrize(
    ("perceiver", "blurred", "reason"),
    [(FakePerceiver(basket=False), False, "no_basket"), (FakePerceiver(), True, "blurred")],
)
def test_a_photo_that_cannot_be_judged_becomes_a_record_that_asks_for_another(
    perceiver: FakePerceiver, blurred: bool, reason: str
) -> None:
    record = make_inspector(perceiver).inspect(encode_weave(blurred=blurred), spec=SPEC).record
    assert record.verdict == Verdict.RETAKE
    assert record.grade is None
    assert reason in {r.code for r in record.reasons}
    assert all(r.severity == "info" and r.message.id and r.message.en for r in record.reasons)
    assert record.density == ()


def test_what_speaks_against_a_photo_from_outside_joins_what_it_is_itself_to_be_taken_again_for() -> None:
    for blurred, codes in ((False, ["duplicate"]), (True, ["duplicate", "blurred"])):
        inspection = make_inspector().inspect(encode_weave(blurred=blurred), spec=SPEC)
        record = retake(inspection, {RetakeReason.DUPLICATE}).record
        assert (record.verdict, record.grade) == (Verdict.RETAKE, None)
        assert [reason.code for reason in record.reasons] == codes


def test_a_photo_that_waited_is_held_against_the_clock_of_when_it_came() -> None:
    taken = datetime(2026, 3, 4, 5, 0, tzinfo=UTC)
    exif = Image.Exif()
    detail = exif.get_ifd(ExifTags.IFD.Exif)
    detail[ExifTags.Base.DateTimeOriginal] = f"{taken:%Y:%m:%d %H:%M:%S}"
    detail[ExifTags.Base.OffsetTimeOriginal] = "+00:00"
    file = io.BytesIO()
    Image.open(io.BytesIO(encode_weave())).save(file, "JPEG", quality=95, exif=exif)
    for came_at, codes in ((None, []), (taken - timedelta(hours=1), ["clock_ahead"])):
        record = make_inspector().inspect(file.getvalue(), spec=SPEC, came_at=came_at).record
        assert [reason.code for reason in record.reasons] == codes


def test_the_record_says_which_photo_model_and_spec_it_comes_from_and_when() -> None:
    inspector = make_inspector(new_id=lambda: "abc")
    record = inspector.inspect(encode_weave(), spec=SPEC).record
    assert (record.id, record.inspected_at) == ("abc", datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC))
    assert (record.photo.width, record.photo.height) == (640, 480)
    assert (record.model.version, record.model.sha256) == ("fake-1", "0" * 64)
    assert (record.spec.id, record.spec.revision) == (SPEC.id, SPEC.revision)
    assert record.software.startswith("qc_vision ")


def test_the_same_bytes_give_the_same_record() -> None:
    data = encode_weave()
    first, second = (make_inspector().inspect(data, spec=SPEC).record for _ in range(2))
    assert record_json(first) == record_json(second)


def test_the_json_has_the_agreed_names() -> None:
    inspector = make_inspector(FakePerceiver(hole=(320, 240, 60)))
    row = record_json(inspector.inspect(encode_weave(), spec=SPEC).record)
    assert set(row) >= {
        *("photo", "verdict", "grade", "reasons", "scale", "density", "openness", "uniformity_cv"),
        *("defects", "defect_score", "basket", "model", "spec"),
    }
    assert set(row["photo"]) >= {"sha256", "width", "height"}
    assert set(row["scale"]) >= {"method", "px_per_mm", "relative_uncertainty", "tilt_deg"}
    assert set(row["density"][0]) >= {
        *("direction", "angle_deg", "pitch_px", "pitch_px_interval", "per_10cm"),
        *("per_10cm_interval", "confident"),
    }
    assert set(row["defects"][0]) >= {
        *("code", "score", "box", "polygon", "area_px", "area_mm2", "max_feret_mm"),
    }
    assert set(row["reasons"][0]) >= {"code", "severity", "value", "limit", "unit", "message", "advice"}
    assert set(row["reasons"][0]["message"]) == {"id", "en"}


def test_every_station_is_timed() -> None:
    timing = make_inspector().inspect(encode_weave(), spec=SPEC).timing_ms
    assert set(timing) == {
        "decode",
        "perceive",
        "quality",
        "scale",
        "density",
        "defects",
        "size",
        "colour",
        "decide",
    }
    assert all(ms >= 0 for ms in timing.values())


def test_bytes_that_are_no_photo_are_an_error_not_a_record() -> None:
    with pytest.raises(EmptyPhoto):
        make_inspector().inspect(b"", spec=SPEC)
    with pytest.raises(UnsupportedPhoto):
        make_inspector().inspect(b"this is text, not a photo", spec=SPEC)
