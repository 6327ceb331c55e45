"""The API over inspections: sending photos of an item, reading them back, listing them."""

import hashlib
import io
import json
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from qc_vision.decision import Verdict
from service.app import create_app
from service.item import judge_item
from service.settings import Settings
from tests.qc_vision.fakes import encode_weave, make_inspector
from tests.service.fakes import photo_of
from tests.service.signed_in import signed_in


def send(
    client: TestClient,
    *verdicts: Verdict,
    item: dict[str, str] | None = None,
    files: list[bytes] | None = None,
) -> httpx2.Response:
    photos = [photo_of(verdict) for verdict in verdicts] + (files or [])
    return client.post(
        "/v1/inspections",
        files=[("photos", (f"{n}.jpg", photo)) for n, photo in enumerate(photos, start=1)],
        data={} if item is None else {"item": json.dumps(item)},
    )


def test_whoever_sends_may_insist_on_a_card(settings: Settings) -> None:
    with signed_in(create_app(settings, inspector=make_inspector(new_id=lambda: uuid4().hex))) as client:
        for card, expected in (("optional", "pass"), ("required", "retake")):
            answer = client.post(
                "/v1/inspections",
                files=[("photos", ("a.png", encode_weave(), "image/png"))],
                data={"card": card},
            )
            assert (answer.status_code, answer.json()["verdict"]) == (201, expected)


def kept_files(settings: Settings) -> list[Path]:
    return [path for path in (settings.data_dir / "photos").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ((Verdict.PASS, Verdict.PASS), Verdict.PASS),
        ((Verdict.PASS, Verdict.RETAKE), Verdict.RETAKE),
        ((Verdict.RETAKE, Verdict.REVIEW), Verdict.REVIEW),
        ((Verdict.RETAKE, Verdict.REVIEW, Verdict.FAIL, Verdict.PASS), Verdict.FAIL),
    ],
)
def test_an_item_gets_the_heaviest_verdict_of_its_photos(
    verdicts: tuple[Verdict, ...], expected: Verdict
) -> None:
    assert judge_item(verdicts) == expected


def test_photos_of_one_item_come_back_graded_with_links_and_timings(client: TestClient) -> None:
    item = {"ref": "KLS-0412", "village": "Desa Kalisalak", "maker": "P-017", "spec": "mendong"}

    answer = send(client, Verdict.PASS, Verdict.FAIL, item=item)

    body = answer.json()
    assert answer.status_code == 201
    assert body["item"] == item
    assert body["verdict"] == "fail"
    assert [photo["verdict"] for photo in body["photos"]] == ["pass", "fail"]
    assert body["photos"][0]["photo"]["sha256"] == hashlib.sha256(photo_of(Verdict.PASS)).hexdigest()
    assert body["photos"][0]["timing_ms"] == {"decode": 1.0}
    for link in body["photos"][1]["links"].values():
        jpeg = client.get(link)
        assert jpeg.headers["content-type"] == "image/jpeg"
        assert Image.open(io.BytesIO(jpeg.content)).format == "JPEG"


def test_an_inspection_is_read_back_as_it_was_answered(client: TestClient) -> None:
    sent = send(client, Verdict.REVIEW, item={"ref": "A-1"}).json()

    assert client.get(f"/v1/inspections/{sent['id']}").json() == sent


def test_gps_and_camera_of_a_photo_are_not_kept_and_it_stands_upright(
    client: TestClient, settings: Settings
) -> None:
    exif = Image.Exif()
    exif[0x0110] = "SECRET-PHONE-9"
    exif[0x0112] = 6  # turn a quarter clockwise to stand upright
    exif.get_ifd(0x8825)[1] = "S-SECRET-PLACE"
    photo = photo_of(Verdict.PASS, exif=exif, size=(300, 200))
    assert b"SECRET-PHONE-9" in photo

    link = send(client, files=[photo]).json()["photos"][0]["links"]["photo"]

    kept = Image.open(io.BytesIO(client.get(link).content))
    assert kept.size == (200, 300)
    assert dict(kept.getexif()) == {}
    on_disk = b"".join(path.read_bytes() for path in settings.data_dir.rglob("*") if path.is_file())
    assert b"SECRET" not in on_disk


def test_kept_photos_are_named_by_their_hash_and_whole(client: TestClient, settings: Settings) -> None:
    send(client, Verdict.PASS)

    kept = kept_files(settings)
    assert len(kept) == 3
    for path in kept:
        assert path.name == f"{hashlib.sha256(path.read_bytes()).hexdigest()}.jpg"


def test_one_file_that_is_no_photo_refuses_the_request_by_name_and_nothing_is_kept(
    client: TestClient, settings: Settings
) -> None:
    answer = send(client, Verdict.PASS, files=[b"just text"])

    assert answer.status_code == 415
    assert answer.json()["photo"] == {"number": 2, "filename": "2.jpg"}
    assert "Foto ke-2 (2.jpg)" in answer.json()["messages"]["id"]
    assert kept_files(settings) == []
    assert client.get("/v1/inspections").json()["inspections"] == []


def test_a_long_file_name_is_repeated_only_in_part(client: TestClient) -> None:
    answer = client.post("/v1/inspections", files=[("photos", ("x" * 500 + ".jpg", b"text"))])

    assert answer.json()["photo"]["filename"] == "x" * 80


def test_nine_photos_are_refused(client: TestClient) -> None:
    answer = send(client, *[Verdict.PASS] * 9)

    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:qc-vision:problem:too-many-photos"


@pytest.mark.parametrize(
    ("item", "field"),
    [
        ({"maker": "Siti Aminah"}, "item.maker"),
        ({"maker": "x" * 33}, "item.maker"),
        ({"ref": "../etc"}, "item.ref"),
        ({"village": "<b>"}, "item.village"),
        ({"spec": "none"}, "item.spec"),
        ({"spec": "/etc/secret.toml"}, "item.spec"),
        ({"phone": "0812"}, "item.phone"),
    ],
)
def test_an_item_that_breaks_a_rule_is_refused_without_repeating_what_was_said(
    client: TestClient, item: dict[str, str], field: str
) -> None:
    answer = send(client, Verdict.PASS, item=item)

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert next(iter(item.values())) not in answer.text or item == {"spec": "none"}
    assert client.get("/v1/inspections").json()["inspections"] == []


@pytest.mark.parametrize("text", ["[]", "ref=1", '{"ref": 5}', "{"])
def test_an_item_that_is_no_proper_json_object_is_refused(client: TestClient, text: str) -> None:
    answer = client.post(
        "/v1/inspections", files=[("photos", ("a.jpg", photo_of(Verdict.PASS)))], data={"item": text}
    )

    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:qc-vision:problem:invalid-item"


def test_the_list_is_walked_newest_first_without_gap_or_repeat_while_more_arrives(client: TestClient) -> None:
    ids = [send(client, Verdict.PASS, item={"ref": f"A-{n}"}).json()["id"] for n in range(5)]

    first = client.get("/v1/inspections", params={"limit": 2}).json()
    send(client, Verdict.FAIL)
    second = client.get("/v1/inspections", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    third = client.get("/v1/inspections", params={"limit": 2, "cursor": second["next_cursor"]}).json()

    walked = [entry["id"] for page in (first, second, third) for entry in page["inspections"]]
    assert walked == ids[::-1]
    assert third["next_cursor"] is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"verdict": "fail"}, ["B"]),
        ({"ref": "A"}, ["A"]),
        ({"village": "Kebasen"}, ["B", "A"]),
        ({"ref": "%"}, []),
    ],
)
def test_the_list_keeps_to_its_filters(
    client: TestClient, query: dict[str, str], expected: list[str]
) -> None:
    send(client, Verdict.PASS, item={"ref": "A", "village": "Kebasen"})
    send(client, Verdict.FAIL, item={"ref": "B", "village": "Kebasen"})
    send(client, Verdict.PASS, item={"ref": "C", "village": "Bantul"})

    page = client.get("/v1/inspections", params=query).json()

    assert [entry["item"]["ref"] for entry in page["inspections"]] == expected


@pytest.mark.parametrize("cursor", ["nonsense", "é", "LTU=!", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5"])
def test_a_cursor_that_is_not_ours_is_refused(client: TestClient, cursor: str) -> None:
    answer = client.get("/v1/inspections", params={"cursor": cursor})

    assert answer.status_code == 422


@pytest.mark.parametrize("path", ["x", "x/photos/1", "x/photos/1/overlay"])
def test_an_unknown_inspection_is_a_404(client: TestClient, path: str) -> None:
    assert client.get(f"/v1/inspections/{path}").status_code == 404


@pytest.mark.parametrize("number", [0, 2, -1])
def test_a_photo_number_outside_the_inspection_is_a_404(client: TestClient, number: int) -> None:
    sent = send(client, Verdict.PASS).json()

    assert client.get(f"/v1/inspections/{sent['id']}/photos/{number}").status_code == 404
