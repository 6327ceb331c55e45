"""A photo that comes again for another basket: refused when it is asked about and when it is sent."""

from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np
from fastapi.testclient import TestClient
from sqlalchemy import func, insert, select

from qc_vision.photo import encode_jpeg
from service.intake import Intake
from service.photos import PhotoFolder
from service.purge import purge
from service.repeats import COMMON, note_marks
from service.settings import Settings
from service.store import Store, open_store
from service.tables import PHOTO_MARKS
from tests.qc_vision.test_landmarks import FIRST, SECOND
from tests.service.signed_in import AsNamed
from tests.service.test_purge import KEPT, NOW
from tests.service.test_store import inspection

COPY = np.asarray(cv2.resize(FIRST[60:, 80:], (540, 405), interpolation=cv2.INTER_AREA), np.uint8)


def send(client: TestClient, pixels: np.ndarray, ref: str | None) -> dict:
    item = "{}" if ref is None else f'{{"ref": "{ref}"}}'
    jpeg = encode_jpeg(pixels, quality=80)
    answer = client.post("/v1/inspections", files=[("photos", ("a.jpg", jpeg))], data={"item": item})
    assert answer.status_code == 201, answer.text
    return answer.json()


def ask(client: TestClient, pixels: np.ndarray, ref: str) -> list[str]:
    answer = client.post(
        "/v1/photo-checks", files={"photo": ("a.jpg", encode_jpeg(pixels, quality=80))}, data={"ref": ref}
    )
    return [reason["code"] for reason in answer.json()["reasons"]]


def codes(inspection: dict) -> list[str]:
    return [reason["code"] for reason in inspection["photos"][0]["reasons"]]


def test_a_copy_sent_for_another_basket_is_to_be_taken_again(client: TestClient) -> None:
    send(client, FIRST, "A-1")
    assert ask(client, COPY, "B-1").count("duplicate") == 1
    again = send(client, COPY, "B-1")
    assert again["verdict"] == "retake"
    assert codes(again) == ["duplicate"]
    message = again["photos"][0]["reasons"][0]["message"]
    assert message["id"] != message["en"]


def test_the_same_basket_another_photo_and_a_basket_without_a_code_are_let_through(
    client: TestClient,
) -> None:
    send(client, FIRST, "A-1")
    for pixels, ref in ((COPY, "A-1"), (SECOND, "B-1"), (COPY, None)):
        assert "duplicate" not in codes(send(client, pixels, ref))
    assert "duplicate" not in ask(client, COPY, "A-1")
    assert "duplicate" not in ask(client, SECOND, "B-1")


def test_a_purged_photo_takes_its_marks_along(client: TestClient, settings: Settings) -> None:
    send(client, FIRST, "A-1")
    store = open_store(settings.data_dir / "records.sqlite")
    photos = PhotoFolder(settings.data_dir / "photos")
    assert _count(store) > 0
    purge(store, photos, Intake(settings.data_dir / "intake"), KEPT, by="R-1", now=NOW + timedelta(days=731))
    assert _count(store) == 0
    client.auth = AsNamed(store)  # by then the token had run out
    assert "duplicate" not in ask(client, COPY, "B-1")
    store.close()


def test_a_question_reads_a_bounded_number_of_rows_however_many_photos_there_are(tmp_path: Path) -> None:
    """The card stands in every photo: what all photos share is kept of the first ones only."""
    store = open_store(tmp_path / "records.sqlite")
    kept = inspection("0" * 32)
    store.add(kept)
    everywhere = [{"mark": 7, "inspection": 1000 + n, "position": 0} for n in range(COMMON)]
    with store.changing() as connection:
        connection.execute(insert(PHOTO_MARKS), everywhere)
        note_marks(connection, kept, [frozenset({7, 8})])
    with store.reading() as connection:
        of_kept = select(PHOTO_MARKS.c.mark).where(PHOTO_MARKS.c.inspection < 1000)
        assert connection.execute(of_kept).scalars().all() == [8]
    store.close()


def _count(store: Store) -> int:
    with store.reading() as connection:
        return connection.execute(select(func.count()).select_from(PHOTO_MARKS)).scalar_one()
