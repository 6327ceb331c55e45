"""The page asks about each chosen photo and says what to mend; nobody waits for it, and what it cannot tell it leaves unsaid."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from qc_vision.quality import RetakeReason, message_of
from tests.qc_vision.drawn import draw_weave
from tests.service.browser import NEEDS_CHROMIUM

pytestmark = NEEDS_CHROMIUM

CHECKS = "**/v1/photo-checks"
BLURRED, DARK = message_of(RetakeReason.BLURRED), message_of(RetakeReason.TOO_DARK)
NOTE_QUESTIONS = """
  window.asked = [];
  const real = window.fetch;
  window.fetch = async (address, request) => {
    if (address === "/v1/photo-checks") {
      const { photo, ...fields } = Object.fromEntries(request.body);
      const { width, height } = await createImageBitmap(photo);
      window.asked.push({ ...fields, type: photo.type, size: [width, height] });
    }
    return real(address, request);
  };
"""


def save(path: Path, *, blurred: bool = False, size: tuple[int, int] = (600, 800)) -> Path:
    """A photo of weave, or of nothing that is sharp; `size` is (width, height)."""
    height, width = size[::-1]
    grey = np.full((height, width), 0.5)
    if not blurred:
        grey = draw_weave(size=(height, width), row_pitch=20, stake_pitch=40)[0]
    Image.fromarray(np.uint8(255 * grey)).convert("RGB").save(path, "JPEG", quality=92)
    return path


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    return save(tmp_path / "baik.jpg")


@pytest.fixture
def blurred(tmp_path: Path) -> Path:
    return save(tmp_path / "buram.jpg", blurred=True)


def fill_in(page: Page, field: str, value: str) -> None:
    page.fill(field, value)
    page.locator(field).blur()


def answer(route: Route, *reasons: RetakeReason) -> None:
    told = [{"code": r.value, "message": {"id": message_of(r).id, "en": message_of(r).en}} for r in reasons]
    route.fulfill(json={"send": not told, "reasons": told})


def test_under_a_blurred_photo_it_says_what_to_mend_and_under_a_sound_one_nothing(
    page: Page, address: str, sound: Path, blurred: Path
) -> None:
    page.goto(address)
    page.set_input_files("#album", [blurred, sound])
    with page.expect_response(CHECKS), page.expect_response(CHECKS):
        pass
    expect(page.locator(".mend p")).to_have_text([BLURRED.id])
    assert page.locator("#chosen li").first.get_attribute("class") == "mend"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

    page.click("#language")
    expect(page.locator(".mend p")).to_have_text([BLURRED.en])


def test_a_photo_taken_again_takes_the_place_of_the_one_to_mend(
    page: Page, address: str, sound: Path, blurred: Path
) -> None:
    page.goto(address)
    page.set_input_files("#album", blurred)
    with page.expect_file_chooser() as camera:
        page.get_by_text("Foto lagi", exact=True).click()
    assert page.locator(".mend input").get_attribute("capture") == "environment"
    with page.expect_response(CHECKS):
        camera.value.set_files(sound)
    expect(page.locator(".mend")).to_have_count(0)
    expect(page.locator("#chosen li")).to_have_count(1)

    page.click("#send")
    expect(page.locator(".verdict h1")).to_be_visible()
    link = page.locator(".overlay").get_attribute("src")
    record = page.request.get(f"{address}{link.removesuffix('/photos/1/overlay')}").json()["photos"][0]
    assert (record["photo"]["width"], record["photo"]["height"]) == (600, 800)


def test_it_asks_with_a_small_copy_and_with_what_is_chosen_and_anew_where_that_changes(
    page: Page, address: str, tmp_path: Path
) -> None:
    page.add_init_script(NOTE_QUESTIONS)
    page.goto(f"{address}/?ref=KLS-1")
    with page.expect_response(CHECKS):
        page.set_input_files("#album", save(tmp_path / "besar.jpg", size=(1800, 2400)))
    asked: dict[str, Any] = {
        "type": "image/jpeg",
        "size": [960, 1280],
        "long_side_px": "2400",
        "spec": "default",
        "card": "optional",
        "ref": "KLS-1",
    }
    expected = [asked]
    assert page.evaluate("window.asked") == expected
    changes = (
        ({"card": "required"}, lambda: page.select_option("#card", "required")),
        ({"spec": "mendong"}, lambda: page.select_option("#spec", "mendong")),
        ({"ref": "KLS-2"}, lambda: fill_in(page, "#ref", "KLS-2")),
    )
    for said, act in changes:
        with page.expect_response(CHECKS):
            act()
        asked = asked | said
        expected.append(asked)
        assert page.evaluate("window.asked") == expected
    card_missing = message_of(RetakeReason.CARD_MISSING).id
    expect(page.locator(".mend p")).to_have_text([card_missing])


@pytest.mark.parametrize("trouble", ["no line", "no answer", "refused", "broken"])
def test_without_an_answer_nothing_is_said_and_sending_goes_on(
    page: Page, address: str, blurred: Path, trouble: str
) -> None:
    troubles = {
        "no line": lambda route: route.abort(),
        "no answer": lambda route: None,
        "refused": lambda route: route.fulfill(status=503, json={"messages": {"id": "sibuk", "en": "busy"}}),
        "broken": lambda route: route.fulfill(body="<html>"),
    }
    page.route(CHECKS, troubles[trouble])
    page.goto(address)
    with page.expect_request(CHECKS):
        page.set_input_files("#album", blurred)
    expect(page.locator("#send")).to_be_enabled()
    page.click("#send")
    expect(page.locator(".verdict h1")).to_be_visible()
    expect(page.locator("#problem")).to_be_hidden()


def test_a_file_that_is_no_photo_is_not_asked_about(page: Page, address: str, tmp_path: Path) -> None:
    letter = tmp_path / "surat.jpg"
    letter.write_text("bukan foto")
    questions: list[str] = []
    page.on("request", lambda request: questions.append(request.url))
    page.goto(address)
    page.set_input_files("#album", letter)
    with page.expect_response(CHECKS):  # the next one's turn comes all the same
        page.set_input_files("#album", save(tmp_path / "baik.jpg"))
    assert len([url for url in questions if url.endswith("/v1/photo-checks")]) == 1
    expect(page.locator("#problem")).to_be_hidden()


def test_one_photo_is_asked_about_at_a_time_and_an_answer_about_a_removed_one_is_dropped(
    page: Page, address: str, tmp_path: Path
) -> None:
    held: list[Route] = []
    page.route(CHECKS, lambda route: held.append(route))
    page.goto(address)
    with page.expect_request(CHECKS):
        page.set_input_files("#album", [save(tmp_path / f"{n}.jpg") for n in (1, 2, 3)])
    page.wait_for_timeout(500)
    assert len(held) == 1

    with page.expect_request(CHECKS):
        page.get_by_label("Hapus foto 1").click()
    answer(held[0], RetakeReason.BLURRED)
    with page.expect_request(CHECKS):
        answer(held[1], RetakeReason.TOO_DARK, RetakeReason.BLURRED)
    expect(page.locator(".mend p")).to_have_text([DARK.id])
    expect(page.locator("#chosen li").first).to_have_class("mend")


def test_while_photos_are_sent_nothing_is_asked(page: Page, address: str, tmp_path: Path) -> None:
    asked: list[Route] = []
    page.route(CHECKS, lambda route: asked.append(route))
    page.route("**/v1/parts", lambda route: None)  # the line is slow: sending does not end
    page.goto(address)
    with page.expect_request(CHECKS):
        page.set_input_files("#album", [save(tmp_path / f"{n}.jpg") for n in (1, 2, 3)])
    with page.expect_event("requestfailed", lambda request: request.url.endswith("/v1/photo-checks")):
        page.click("#send")
    page.wait_for_timeout(500)
    assert len(asked) == 1
