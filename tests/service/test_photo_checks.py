"""`POST /v1/photo-checks`: asked before uploading, answered in one sentence a reason, nothing kept."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from fastapi.testclient import TestClient

from qc_vision.card import shipped_cards
from qc_vision.demands import Demands
from qc_vision.errors import LimitsError
from qc_vision.photo import Photo, decode, encode_jpeg
from qc_vision.spec import load_spec
from service.app import create_app
from service.routes.photo_checks import AT_ONCE
from service.settings import Settings
from tests.qc_vision.drawn_card import Shot, draw_card
from tests.service.fakes import FakeInspector
from tests.service.signed_in import signed_in

A6 = next(card for card in shipped_cards() if card.id == "qc-a6")
CARD = draw_card(Shot(card=A6, distance_mm=200, tilt_deg=10, size_px=(720, 540)), noise=0.02).pixels


def ask(client: TestClient, pixels: np.ndarray, *, quality: int = 90, **form: str) -> dict:
    jpeg = encode_jpeg(pixels, quality=quality)
    answer = client.post("/v1/photo-checks", files={"photo": ("a.jpg", jpeg, "image/jpeg")}, data=form)
    assert answer.status_code == 200
    return answer.json()


def test_a_card_is_told_with_its_distance_and_tilt(client: TestClient) -> None:
    told = ask(client, CARD, card="required")
    assert told["card"] == "qc-a6"
    assert told["tilt_deg"] == pytest.approx(10, abs=2)
    assert told["px_per_mm"] == pytest.approx(540 / 204, rel=0.03)
    assert "card_missing" not in [reason["code"] for reason in told["reasons"]]


def test_each_reason_comes_with_a_sentence_in_both_languages(client: TestClient) -> None:
    told = ask(client, cv2.GaussianBlur(np.full((540, 720, 3), 3, np.uint8), (0, 0), 5), card="required")
    assert told["send"] is False
    codes = [reason["code"] for reason in told["reasons"]]
    assert {"too_dark", "card_missing"} <= set(codes)
    assert all(reason["message"]["id"] and reason["message"]["en"] for reason in told["reasons"])


def test_without_a_demand_a_missing_card_is_no_reason(client: TestClient) -> None:
    blank = np.full((540, 720, 3), 120, np.uint8)
    assert "card_missing" not in [r["code"] for r in ask(client, blank)["reasons"]]
    assert "card_missing" in [r["code"] for r in ask(client, blank, card="required")["reasons"]]


def test_a_reduced_copy_answers_for_the_photo_itself(client: TestClient) -> None:
    told = ask(client, CARD, card="required", original="true", long_side_px="2880")
    assert told["px_per_mm"] == pytest.approx(4 * 540 / 204, rel=0.03)
    small = cv2.resize(CARD, (160, 120), interpolation=cv2.INTER_AREA)
    codes, of_large = (
        {reason["code"] for reason in ask(client, small, **said)["reasons"]}
        for said in ({}, {"long_side_px": "1600"})
    )
    assert codes - of_large == {"too_small"}


def test_what_the_spec_insists_on_is_asked_for_too(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict = load_spec("default").demanding(Demands(card="required", original=True))
    blank = np.full((960, 1280, 3), 120, np.uint8)
    before = {reason["code"] for reason in ask(client, blank, quality=70)["reasons"]}
    monkeypatch.setattr("service.routes.photo_checks.load_spec", lambda _: strict)
    told = {reason["code"] for reason in ask(client, blank, quality=70)["reasons"]}
    assert told - before == {"card_missing", "recompressed"}


def test_limits_laid_over_decide_which_photos_are_sent(settings: Settings, tmp_path: Path) -> None:
    ours = tmp_path / "ours.toml"
    ours.write_text('version = "ours-1"\n[quality]\nlong_side_min_px = 1000\n[card]\ntilt_max_deg = 5\n')
    stricter = create_app(settings.model_copy(update={"refusal_limits": ours}), inspector=FakeInspector())
    with signed_in(stricter) as client:
        codes = {reason["code"] for reason in ask(client, CARD, card="required")["reasons"]}
    with signed_in(create_app(settings, inspector=FakeInspector())) as client:
        without = {reason["code"] for reason in ask(client, CARD, card="required")["reasons"]}
    assert codes - without == {"too_small", "tilted"}


def test_a_service_whose_limits_do_not_hold_does_not_start(settings: Settings, tmp_path: Path) -> None:
    ours = tmp_path / "ours.toml"
    ours.write_text('version = "ours-1"\n[card]\ntilt_max_deg = 91\n')
    app = create_app(settings.model_copy(update={"refusal_limits": ours}), inspector=FakeInspector())
    with pytest.raises(LimitsError, match=r"card\.tilt_max_deg: found 91"), TestClient(app):
        pass


def test_a_spec_that_is_not_shipped_opens_no_file(client: TestClient) -> None:
    answer = client.post(
        "/v1/photo-checks",
        files={"photo": ("a.jpg", encode_jpeg(CARD), "image/jpeg")},
        data={"spec": "/etc/own.toml"},
    )
    assert answer.status_code == 422


def test_bytes_that_are_no_photo_are_a_problem_document(client: TestClient) -> None:
    answer = client.post("/v1/photo-checks", files={"photo": ("a.txt", b"words", "text/plain")})
    assert answer.status_code == 415
    assert answer.headers["content-type"] == "application/problem+json"


def test_however_many_ask_only_so_many_photos_are_in_memory(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[bytes] = []
    counts = []

    def decode_slowly(data: bytes, *, min_side_px: int) -> Photo:
        held.append(data)
        counts.append(len(held))
        time.sleep(0.1)
        held.pop()
        return decode(data, min_side_px=min_side_px)

    monkeypatch.setattr("service.routes.photo_checks.decode", decode_slowly)
    blank = np.full((540, 720, 3), 120, np.uint8)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: ask(client, blank), range(6)))

    assert len(counts) == 6
    assert max(counts) <= AT_ONCE
