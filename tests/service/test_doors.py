"""A photo is refused for the same reasons by whichever door it comes in: command, request, parts; and when it is asked about."""

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import ExifTags, Image, PngImagePlugin

from qc_vision import batch, cli
from qc_vision.photo import Photo
from qc_vision.quality import RetakeReason, message_of
from qc_vision.weave import WeaveMap
from service.app import create_app
from service.settings import Settings
from tests.qc_vision.drawn import draw_weave
from tests.qc_vision.fakes import ROW_PITCH, STAKE_PITCH, FakePerceiver, make_inspector
from tests.service.parts_sender import send_whole
from tests.service.signed_in import signed_in

LONG_SIDE_PX = 1280
"""As messengers leave a photo."""


def weave(long_side_px: int) -> Image.Image:
    size = (3 * long_side_px // 4, long_side_px)
    grey = draw_weave(size=size, row_pitch=ROW_PITCH, stake_pitch=STAKE_PITCH)[0]
    pixels = grey[..., None] * np.array([220, 180, 120], np.float32) + 15
    return Image.fromarray(pixels.astype(np.uint8))


def screenshot() -> bytes:
    said = PngImagePlugin.PngInfo()
    said.add_text("Software", "Android Screenshot")
    return saved("PNG", long_side_px=640, pnginfo=said)


def taken(at: datetime) -> bytes:
    exif = Image.Exif()
    detail = exif.get_ifd(ExifTags.IFD.Exif)
    detail[ExifTags.Base.DateTimeOriginal] = f"{at:%Y:%m:%d %H:%M:%S}"
    detail[ExifTags.Base.OffsetTimeOriginal] = "+00:00"
    return saved("JPEG", quality=92, exif=exif)


def saved(kind: str, *, long_side_px: int = LONG_SIDE_PX, **how: Any) -> bytes:
    file = io.BytesIO()
    weave(long_side_px).save(file, kind, **how)
    return file.getvalue()


LONG_AGO, TOMORROW = datetime(2026, 1, 1, tzinfo=UTC), datetime.now(UTC) + timedelta(days=1)
SHRUNK = saved("JPEG", quality=70)
REFUSED = {
    "sound": (taken(LONG_AGO), {}, []),
    "screenshot": (screenshot(), {}, ["screenshot"]),
    "clock a day ahead": (taken(TOMORROW), {}, ["clock_ahead"]),
    "messenger": (SHRUNK, {}, []),
    "messenger, original demanded": (SHRUNK, {"original": "true"}, ["recompressed"]),
    "both demanded": (SHRUNK, {"original": "true", "card": "required"}, ["recompressed", "card_missing"]),
}


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with signed_in(create_app(settings, inspector=make_inspector(new_id=lambda: uuid4().hex))) as client:
        yield client


def graded(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 201, answer.text
    (photo,) = answer.json()["photos"]
    assert photo["verdict"] == ("retake" if photo["reasons"] else "pass")
    return list(photo["reasons"])


@pytest.mark.parametrize(("photo", "demands", "expected"), REFUSED.values(), ids=REFUSED)
def test_a_photo_is_refused_for_the_same_reasons_at_every_door(
    client: TestClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    photo: bytes,
    demands: dict[str, str],
    expected: list[str],
) -> None:
    asked = client.post("/v1/photo-checks", files={"photo": photo}, data=demands).json()["reasons"]
    at_once = graded(client.post("/v1/inspections", files={"photos": photo}, data=demands))
    parts = {"parts": send_whole(client, photo), **demands}
    in_parts = graded(client.post("/v1/inspections", data=parts))

    monkeypatch.setattr(batch, "load_inspector", lambda *, cards, limits: make_inspector(limits=limits))
    file = tmp_path / "basket"
    file.write_bytes(photo)
    flags = [flag for key, value in demands.items() for flag in FLAGS[key, value]]
    assert cli.main(["grade", str(file), "--json", *flags]) == 0
    by_command = json.loads(capsys.readouterr().out)["reasons"]

    for reasons in (asked, at_once, in_parts, by_command):
        assert [reason["code"] for reason in reasons] == expected
        for reason in reasons:
            words = message_of(RetakeReason(reason["code"]))
            assert reason["message"] == {"id": words.id, "en": words.en}


FLAGS = {("original", "true"): ["--demand-original"], ("card", "required"): ["--demand-card", "required"]}


class SeesWeaveToTheEdges(FakePerceiver):
    def perceive(self, photo: Photo) -> WeaveMap:
        seen = super().perceive(photo)
        return replace(seen, basket=np.ones_like(seen.basket))


def test_whoever_sends_may_insist_on_a_whole_basket(settings: Settings) -> None:
    close = make_inspector(SeesWeaveToTheEdges(), new_id=lambda: uuid4().hex)
    with signed_in(create_app(settings, inspector=close)) as client:
        for view, expected in (("any", []), ("whole", ["basket_cut"])):
            for sent in ({"files": {"photos": SHRUNK}}, {"data": {"parts": send_whole(client, SHRUNK)}}):
                form = {**sent.get("data", {}), "view": view}
                answer = client.post("/v1/inspections", data=form, files=sent.get("files"))
                assert [reason["code"] for reason in graded(answer)] == expected
