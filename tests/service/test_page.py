"""The page in a real browser, against a live server: what an inspector does and sees."""

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Page, expect, sync_playwright

from qc_vision.decision import Verdict
from service.app import create_app
from service.settings import Settings
from tests.service.fakes import FakeInspector, photo_of

CHROMIUM = os.environ.get("CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
PHONE = {"width": 390, "height": 844}
QUIET = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs a browser: apt-get install chromium")


@pytest.fixture
def address(settings: Settings) -> Iterator[str]:
    app = create_app(settings, inspector=FakeInspector())
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", ws="none"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.02)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@pytest.fixture
def page() -> Iterator[Page]:
    """A phone in Bahasa Indonesia; any error that the page's scripts raise fails the test."""
    errors: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = browser.new_page(viewport=PHONE, has_touch=True)
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on(
            "console",
            lambda said: errors.append(said.text) if "Content Security Policy" in said.text else None,
        )
        yield page
        browser.close()
    assert errors == []


@pytest.fixture
def failing_photo(tmp_path: Path) -> Path:
    path = tmp_path / "keranjang.jpg"
    path.write_bytes(photo_of(Verdict.FAIL, size=(900, 1200)))
    return path


def test_a_photo_sent_from_the_page_comes_back_with_verdict_advice_and_overlay(
    page: Page, address: str, failing_photo: Path
) -> None:
    page.goto(address)
    page.set_input_files("#album", failing_photo)
    page.fill("#ref", "KLS-0412")
    page.click("#send")

    expect(page.locator(".verdict h1")).to_contain_text("Tidak lolos")
    expect(page.locator(".advice")).to_contain_text("Tambah helai baru")
    expect(page.locator(".overlay")).to_have_js_property("complete", True)
    assert page.locator(".overlay").evaluate("overlay => overlay.naturalWidth") > 0
    expect(page.locator(".state")).to_have_text("Belum layak ekspor")
    expect(page.locator(".rules.missing")).to_be_visible()


def test_the_language_switch_turns_the_answer_english_and_is_remembered(
    page: Page, address: str, failing_photo: Path
) -> None:
    page.goto(address)
    page.set_input_files("#camera", failing_photo)
    page.click("#send")
    expect(page.locator(".verdict h1")).to_contain_text("Tidak lolos")

    page.click("#language")

    expect(page.locator(".verdict h1")).to_contain_text("Fail")
    expect(page.locator(".advice")).to_contain_text("Weave a new strand in")
    page.reload()
    expect(page.locator(".verdict h1")).to_contain_text("Fail")


def test_a_file_that_is_no_photo_is_refused_in_words_and_the_choice_is_kept(
    page: Page, address: str, tmp_path: Path
) -> None:
    letter = tmp_path / "surat.jpg"
    letter.write_text("bukan foto")
    page.goto(address)
    page.set_input_files("#album", letter)
    page.click("#send")

    expect(page.locator("#problem")).to_contain_text("Foto ke-1 (surat.jpg)")
    expect(page.locator("#chosen li")).to_have_count(1)


def test_the_page_says_so_when_the_service_cannot_be_reached(
    page: Page, address: str, failing_photo: Path
) -> None:
    page.goto(address)
    page.set_input_files("#album", failing_photo)
    page.route("**/v1/inspections", lambda route: route.abort())
    page.click("#send")

    expect(page.locator("#problem")).to_contain_text("Tidak tersambung ke layanan")
    expect(page.locator("#send")).to_be_enabled()


def test_markup_in_a_file_name_is_shown_as_text(page: Page, address: str, tmp_path: Path) -> None:
    hostile = tmp_path / "<img src=x onerror=alert(1)>.jpg"
    hostile.write_text("bukan foto")
    page.goto(address)
    page.set_input_files("#album", hostile)
    page.click("#send")

    expect(page.locator("#problem")).to_contain_text("<img src=x onerror=alert(1)>")
    expect(page.locator("#problem img")).to_have_count(0)


def test_the_history_lists_what_was_inspected_and_filters_by_verdict(
    page: Page, address: str, failing_photo: Path
) -> None:
    page.goto(address)
    page.set_input_files("#album", failing_photo)
    page.fill("#ref", "KLS-0412")
    page.click("#send")
    expect(page.locator(".verdict")).to_be_visible()

    page.goto(f"{address}/riwayat")
    expect(page.locator(".history li")).to_have_count(1)
    page.select_option("#verdict", "pass")
    page.click("#filters button")
    expect(page.locator("#count")).to_have_text("Belum ada pemeriksaan yang cocok.")

    page.select_option("#verdict", "fail")
    page.click("#filters button")
    page.click(".history a")
    expect(page.locator(".verdict")).to_contain_text("KLS-0412")


def test_a_basket_to_retake_keeps_its_code_for_the_next_photo(
    page: Page, address: str, tmp_path: Path
) -> None:
    blurred = tmp_path / "buram.jpg"
    blurred.write_bytes(photo_of(Verdict.RETAKE))
    page.goto(address)
    page.set_input_files("#album", blurred)
    page.fill("#ref", "KLS-0412")
    page.click("#send")
    page.get_by_role("link", name="Foto ulang keranjang ini").click()

    expect(page.locator("#ref")).to_have_value("KLS-0412")


def test_a_keyboard_alone_can_choose_and_remove_a_photo(
    page: Page, address: str, failing_photo: Path
) -> None:
    page.goto(address)
    page.set_input_files("#album", failing_photo)
    page.locator(".remove").focus()
    page.keyboard.press("Enter")

    expect(page.locator("#chosen li")).to_have_count(0)
    expect(page.locator("#album")).to_be_focused()
    expect(page.locator("#send")).to_be_disabled()
