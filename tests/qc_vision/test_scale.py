"""From the bytes of a photo with a card to strands per 10 cm in its record."""

import json
import math
from dataclasses import replace

import cv2
import numpy as np
import pytest

from qc_vision.card import serial_ids, shipped_cards
from qc_vision.decision import Verdict
from qc_vision.photo import encode_jpeg
from qc_vision.record import record_from_json, record_json
from qc_vision.spec import load_spec
from tests.qc_vision.drawn_card import Shot, draw_card
from tests.qc_vision.fakes import ROW_PITCH, SIZE, STAKE_PITCH, FakePerceiver, encode_weave, make_inspector

A6 = next(card for card in shipped_cards() if card.id == "qc-a6")
SHOT = Shot(card=A6, distance_mm=320, size_px=(SIZE[1], SIZE[0]))
PX_PER_MM = 0.75 * SIZE[1] / 324
"""At the weave, whose middle lies some 4 mm behind the card."""


def encode_weave_with_card() -> bytes:
    """The drawn basket, 640 x 480, a card numbered 7 held to its middle."""
    assert A6.serial
    assert A6.size_mm
    weave = cv2.imdecode(np.frombuffer(encode_weave(), np.uint8), cv2.IMREAD_COLOR_RGB)
    card = draw_card(SHOT, serial_ids=serial_ids(A6.serial, 7)).pixels
    width, height = A6.size_mm
    corners = np.array([[0.0, 0], [width, 0], [width, height], [0, height]]).reshape(-1, 1, 2)
    outline = cv2.perspectiveTransform(corners, SHOT.px_from_mm)[:, 0]
    inside = cv2.fillConvexPoly(np.zeros(SIZE, np.uint8), np.round(outline).astype(np.int32), 1)
    return encode_jpeg(np.where(inside[..., None] > 0, card, weave).astype(np.uint8), quality=95)


def test_a_card_on_the_wall_gives_strands_per_ten_centimetres() -> None:
    record = make_inspector().inspect(encode_weave_with_card(), spec=load_spec("default")).record
    assert record.scale.method == "card"
    assert record.scale.card is not None
    assert (record.scale.card.id, record.scale.card.serial) == ("qc-a6", 7)
    assert record.scale.px_per_mm is not None
    assert record.scale.relative_uncertainty is not None
    assert abs(record.scale.px_per_mm / PX_PER_MM - 1) <= record.scale.relative_uncertainty
    pitch = {"weft": ROW_PITCH, "warp": STAKE_PITCH}
    assert {reading.direction for reading in record.density} == set(pitch)
    for reading in record.density:
        assert reading.per_10cm is not None
        assert reading.per_10cm == pytest.approx(100 * PX_PER_MM / pitch[reading.direction], rel=0.05)


def test_sizes_come_in_millimetres_and_the_record_crosses_json_whole() -> None:
    # the hole lies beside the card
    inspector = make_inspector(FakePerceiver(hole=(70, 240, 20)))
    record = inspector.inspect(encode_weave_with_card(), spec=load_spec("default")).record
    (hole,) = record.defects
    assert hole.width_mm == pytest.approx(40 / PX_PER_MM, rel=0.15)
    assert hole.area_mm2 == pytest.approx(math.pi * (20 / PX_PER_MM) ** 2, rel=0.25)
    plain = record_json(record)
    assert record_from_json(json.dumps(plain)) == record
    assert plain["scale"]["card"] == {"id": "qc-a6", "version": 1, "serial": 7, "print_scale": 1.0}
    assert set(plain["scale"]["error_budget"]) >= {"print", "card_offset", "corner_noise", "wall_curvature"}


def test_the_card_itself_is_no_fault() -> None:
    """Whatever the network says of the paper; what it says of the weave beside it stays."""
    on_the_card = make_inspector(FakePerceiver(hole=(320, 240, 40)))
    covered = on_the_card.inspect(encode_weave_with_card(), spec=load_spec("default"))
    bare = on_the_card.inspect(encode_weave(), spec=load_spec("default"))
    assert (covered.record.verdict, bare.record.verdict) == (Verdict.PASS, Verdict.FAIL)
    assert covered.record.defects == ()
    assert covered.record.defect_score < 0.01 < bare.record.defect_score
    beside = make_inspector(FakePerceiver(hole=(70, 240, 20)))
    record = beside.inspect(encode_weave_with_card(), spec=load_spec("default")).record
    assert record.defects[0].score > 0.9


def test_where_a_card_is_demanded_a_photo_without_one_is_to_be_taken_again() -> None:
    demanding = replace(load_spec("default"), card="required")
    record = make_inspector().inspect(encode_weave(), spec=demanding).record
    assert record.verdict == Verdict.RETAKE
    assert [reason.code for reason in record.reasons] == ["card_missing"]
    assert make_inspector().inspect(encode_weave_with_card(), spec=demanding).record.density != ()


def test_a_demanded_card_that_lies_beside_the_basket_is_told() -> None:
    demanding = replace(load_spec("default"), card="required")
    inspector = make_inspector(FakePerceiver(basket=False))
    record = inspector.inspect(encode_weave_with_card(), spec=demanding).record
    assert record.verdict == Verdict.RETAKE
    assert "card_off_weave" in [reason.code for reason in record.reasons]
    assert record.scale.missing == "card_on_table"


def test_a_number_outside_the_register_is_refused_only_where_a_registered_card_is_demanded() -> None:
    data = encode_weave_with_card()
    demanding = replace(load_spec("default"), card="registered")
    record = make_inspector().inspect(data, spec=demanding).record
    assert [reason.code for reason in record.reasons] == ["card_unknown"]
    assert make_inspector().inspect(data, spec=load_spec("default")).record.verdict != Verdict.RETAKE


def test_without_a_card_there_is_no_density_in_centimetres() -> None:
    record = make_inspector().inspect(encode_weave(), spec=load_spec("default")).record
    assert record.scale.method == "none"
    assert record.scale.missing == "no_card"
    assert all(reading.per_10cm is None for reading in record.density)
