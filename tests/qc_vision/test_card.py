"""Cards: what is shipped can be told apart and printed, and a card of somebody else is read or refused."""

import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qc_vision.card import SERIAL_MAX, Card, load_card, scaled, serial_ids, serial_of, shipped_cards
from qc_vision.card_register import KnownCards, load_register, register_card
from qc_vision.errors import CardError

CARDS = {card.id: card for card in shipped_cards()}
A6 = CARDS["qc-a6"]


def test_there_is_a_card_for_each_paper_of_the_paper_s_size() -> None:
    # ISO 216 and ISO/IEC 7810 ID-1, landscape
    sizes = {"qc-a4": (297, 210), "qc-a6": (148, 105), "qc-id1": (85.6, 53.98)}
    assert {card.id: card.size_mm for card in shipped_cards()} == sizes


@pytest.mark.parametrize("card", CARDS.values(), ids=str)
def test_nothing_printed_touches_a_marker_s_quiet_zone(card: object) -> None:
    assert isinstance(card, Card)
    assert card.positions_mm
    assert card.serial
    assert card.size_mm
    boxes = [(*at, card.marker_mm, card.marker_mm) for at in card.positions_mm]
    boxes += [(*at, card.serial.marker_mm, card.serial.marker_mm) for at in card.serial.positions_mm]
    quiet = [side / 7 for *_, side in boxes]  # a marker of 5 x 5 bits has seven cells a side, border included
    boxes += [patch.box_mm for patch in card.patches]
    quiet += [0.0] * len(card.patches)
    for (a, margin_a), (b, margin_b) in itertools.combinations(zip(boxes, quiet, strict=True), 2):
        gap_x = max(a[0] - b[0] - b[2], b[0] - a[0] - a[2])
        gap_y = max(a[1] - b[1] - b[3], b[1] - a[1] - a[3])
        assert max(gap_x, gap_y) >= max(margin_a, margin_b)
    for (x, y, w, h), margin in zip(boxes, quiet, strict=True):
        assert x >= margin
        assert y >= margin
        assert x + w <= card.size_mm[0] - margin
        assert y + h <= card.size_mm[1] - margin


def test_no_two_cards_share_a_marker() -> None:
    ids = [marker for card in CARDS.values() for marker in card.ids]
    assert len(set(ids)) == len(ids)


@given(st.integers(0, SERIAL_MAX))
def test_a_serial_number_is_told_by_two_different_markers(serial: int) -> None:
    assert A6.serial
    ids = serial_ids(A6.serial, serial)
    assert serial_of(A6.serial, ids) == serial
    assert ids[0] != ids[1]
    assert all(100 <= marker < 1000 for marker in ids)  # DICT_5X5_1000, and clear of all cards' own


def test_a_serial_number_too_large_is_refused() -> None:
    assert A6.serial
    with pytest.raises(CardError, match="cannot be printed"):
        serial_ids(A6.serial, SERIAL_MAX + 1)


def test_a_foreign_card_needs_only_dictionary_ids_and_side(tmp_path: Path) -> None:
    file = tmp_path / "card.json"
    file.write_text('{"dictionary": "DICT_4X4_50", "ids": [0, 1, 2, 3], "marker_mm": 28.0}')
    card = load_card(file)
    assert (card.dictionary, card.ids, card.marker_mm) == ("DICT_4X4_50", (0, 1, 2, 3), 28.0)
    assert card.positions_mm is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"dictionary": "DICT_4X4_50", "ids": [0, 0], "marker_mm": 28.0},
        {"dictionary": "DICT_4X4_50", "ids": [], "marker_mm": 28.0},
        {"dictionary": "DICT_4X4_50", "ids": [0], "marker_mm": -1},
        {"dictionary": "DICT_4X4_50", "ids": [0, 1], "marker_mm": 28.0, "positions_mm": [[0, 0]]},
        {"dictionary": "predefined", "ids": [0], "marker_mm": 28.0},
        {"dictionary": "DICT_4X4_50", "ids": [0], "marker_mm": 28.0, "colour": "red"},
        {"ids": [0], "marker_mm": 28.0},
    ],
    ids=str,
)
def test_a_geometry_that_does_not_hold_together_is_refused(wrong: object, tmp_path: Path) -> None:
    file = tmp_path / "card.json"
    file.write_text(json.dumps(wrong))
    with pytest.raises(CardError) as refused:
        load_card(file)
    assert "marker_mm" in refused.value.message.id  # a good example stands in the sentence


def test_a_missing_geometry_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CardError, match="cannot be read"):
        load_card(tmp_path / "none.json")


def test_what_a_bar_measures_is_kept_by_kind_and_serial(tmp_path: Path) -> None:
    register = tmp_path / "deep" / "cards.json"
    assert load_register(register) == ()
    register_card(A6, 7, measured_bar_mm=49.0, path=register)
    register_card(A6, 8, measured_bar_mm=51.0, path=register)
    register_card(A6, 7, measured_bar_mm=48.5, path=register)  # measured again: the later one counts
    known = KnownCards(measured=load_register(register))
    assert known.print_scale(A6, 7) == pytest.approx(0.97)
    assert known.print_scale(A6, 8) == pytest.approx(1.02)
    assert known.print_scale(A6, 9) is None
    assert known.print_scale(A6, None) is None
    assert known.print_scale(CARDS["qc-id1"], 7) is None


@pytest.mark.parametrize("bar", [1.97, 200.0])
def test_a_bar_in_inches_or_misread_is_refused(bar: float, tmp_path: Path) -> None:
    with pytest.raises(CardError, match="cannot be right"):
        register_card(A6, 7, measured_bar_mm=bar, path=tmp_path / "cards.json")
    assert not list(tmp_path.iterdir())


def test_a_broken_register_is_told_and_not_overwritten(tmp_path: Path) -> None:
    register = tmp_path / "cards.json"
    register.write_text("{")
    with pytest.raises(CardError, match="broken"):
        register_card(A6, 7, measured_bar_mm=49.0, path=register)
    assert register.read_text() == "{"


def test_a_card_printed_smaller_has_all_lengths_smaller() -> None:
    small = scaled(A6, 0.97)
    assert small.marker_mm == pytest.approx(26 * 0.97)
    assert small.positions_mm
    assert small.positions_mm[2] == pytest.approx((116 * 0.97, 73 * 0.97))
    assert small.ids == A6.ids
