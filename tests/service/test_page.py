"""The page in a real browser, against a live server: what an inspector does and sees."""

import hashlib
import json
import os
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import cv2
import httpx2
import numpy as np
import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import select
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qc_vision.decision import Verdict
from service.accounts import PassKind
from service.app import create_app
from service.caller import Role
from service.facts import Kind, WantedFacts, list_facts
from service.permission import COOKIE
from service.settings import Settings
from service.store import Store, Wanted, now
from service.tables import UPLOAD_PHOTOS
from tests.service.bad_line import BadLine
from tests.service.browser import NEEDS_CHROMIUM, send
from tests.service.fakes import FakeInspector, photo_of
from tests.service.running import served
from tests.service.signed_in import AsNamed, new_pass
from tests.service.test_second_factor import STEP, App

pytestmark = NEEDS_CHROMIUM


class LosesAnswers:
    """Breaks the answer to every upload after its first byte, while `broken`; the upload itself has arrived."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.broken = True
        self.lost = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_in_part(event: Message) -> None:
            if event["type"] == "http.response.body":
                await send({"type": "http.response.body", "body": event["body"][:1]})
            else:
                await send(event)

        uploads = self.broken and scope.get("method") == "POST" and scope["path"] == "/v1/inspections"
        self.lost += uploads
        await self._app(scope, receive, send_in_part if uploads else send)


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


def sign_in_as(page: Page, address: str, store: Store, code: str, *roles: Role) -> None:
    session = new_pass(store, code, PassKind.SESSION, *roles)
    page.context.add_cookies([{"name": COOKIE, "value": session, "url": address}])


def test_filing_under_another_basket_is_offered_to_who_may_and_to_nobody_else(
    page: Page, address: str, store: Store, failing_photo: Path
) -> None:
    page.goto(address)
    page.select_option("#spec", "mendong")  # asks for two persons: R-3, who takes the photos, may not
    page.set_input_files("#album", failing_photo)
    page.click("#send")
    expect(page.locator(".verdict")).to_be_visible()
    expect(page.locator(".filing")).to_be_attached()
    expect(page.locator(".filing form")).to_have_count(0)

    sign_in_as(page, address, store, "F-8", Role.INSPECTOR)
    page.reload()
    expect(page.locator("#account")).to_have_text("F-8")
    expect(page.locator(".filing")).to_be_attached()
    expect(page.locator(".filing form")).to_have_count(0)

    sign_in_as(page, address, store, "R-8", Role.REVIEWER)
    page.reload()
    page.click(".filing summary")
    page.fill("[name=right-code]", "KLS-0099")
    page.fill("[name=filing-reason]", "kode tertukar")
    page.click(".filing form button")

    expect(page.locator(".filing .story")).to_contain_text("KLS-0099")


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


def test_no_page_scrolls_sideways_on_the_narrowest_phone(page: Page, address: str, store: Store) -> None:
    """320 px, WCAG 2.2, 1.4.10 Reflow."""
    page.set_viewport_size({"width": 320, "height": 640})
    kept = send(store, address, "A-1", Verdict.FAIL, lot="LOT-1")
    rooms = (
        "/",
        "/antrean",
        "/lot",
        "/lot/LOT-1",
        "/riwayat",
        "/akun",
        "/keranjang/A-1",
        f"/pemeriksaan/{kept}",
    )
    for room in rooms:
        page.goto(address + room)
        page.wait_for_load_state("networkidle")
        page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth") == 320, room


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


def test_a_photo_may_be_sent_with_wishes_of_what_it_must_be(
    page: Page, address: str, failing_photo: Path
) -> None:
    page.goto(address)
    page.set_input_files("#album", failing_photo)
    page.select_option("#card", "required")
    page.click("#capture summary")
    page.select_option("#view", "whole")
    page.select_option("#original", "true")
    with page.expect_request("**/v1/inspections") as sent:
        page.click("#send")
    body = (sent.value.post_data or "").replace("\r\n", " ")
    for name, wish in (("card", "required"), ("view", "whole"), ("original", "true")):
        assert f'name="{name}"  {wish}' in body


def test_the_page_says_where_its_centimetres_come_from(page: Page, address: str, failing_photo: Path) -> None:
    page.goto(address)
    page.set_input_files("#album", failing_photo)
    page.click("#send")
    expect(page.locator(".verdict h1")).to_be_visible()
    card = {"id": "qc-a6", "version": 1, "serial": 7, "print_scale": 1.0}
    scales = [
        {"method": "none"},
        {"method": "product", "px_per_mm": 1.9, "relative_uncertainty": 0.28},
        {"method": "card", "px_per_mm": 1.9, "relative_uncertainty": 0.061, "card": card},
    ]
    none, product, by_card = page.evaluate(
        """async (scales) => {
          const { drawInspection } = await import("/web/draw.js");
          const answer = await fetch(location.pathname.replace("/pemeriksaan", "/v1/inspections"));
          const inspection = await answer.json();
          return scales.map((scale) => {
            Object.assign(inspection.photos[0].scale, scale);
            return drawInspection(inspection, null, null).map((node) => node.textContent).join(" ");
          });
        }""",
        scales,
    )
    assert "Tanpa skala di foto" in none
    assert "Skala kasar dari lebar produk menurut spesifikasi, tanpa kartu (± 28 %)" in product
    assert "Skala dari kartu periksa: qc-a6 no. 7 (± 6,1 %)" in by_card


def test_the_page_says_so_when_the_service_cannot_be_reached(
    page: Page, address: str, failing_photo: Path
) -> None:
    page.route("**/v1/inspections", lambda route: route.abort())
    page.goto(address)
    page.set_input_files("#album", failing_photo)
    page.click("#send")

    expect(page.locator("#problem")).to_contain_text("Tidak tersambung ke layanan")
    expect(page.locator("#send")).to_be_enabled()


def test_who_is_told_when_to_come_again_waits_for_that_turn_however_often(
    page: Page, address: str, store: Store, failing_photo: Path
) -> None:
    busy = {"messages": {"id": "sibuk", "en": "busy"}}
    turned_away = 0

    def full(route: Route) -> None:
        nonlocal turned_away
        turned_away += 1
        if turned_away <= 5:  # more often than a broken line is tried
            route.fulfill(status=503, headers={"Retry-After": "1"}, json=busy)
        else:
            route.continue_()

    page.route("**/v1/inspections", full)
    page.goto(address)
    page.set_input_files("#album", failing_photo)
    page.click("#send")

    expect(page.locator("#progress-words")).to_contain_text("Antrean penuh")
    expect(page.locator(".verdict h1")).to_contain_text("Tidak lolos", timeout=30_000)
    assert turned_away == 6
    assert len(store.list(Wanted(), limit=5)) == 1


def test_an_upload_whose_answer_was_lost_is_sent_again_by_itself_and_after_a_reload_and_kept_once(
    page: Page, settings: Settings, store: Store, failing_photo: Path
) -> None:
    app = create_app(settings, inspector=FakeInspector())
    line = LosesAnswers(app)
    with served(line) as address:
        page.goto(address)
        page.set_input_files("#album", failing_photo)
        page.click("#send")
        expect(page.locator("#problem")).to_contain_text("Tidak tersambung ke layanan", timeout=15_000)
        assert line.lost == 4

        line.broken = False
        page.reload()
        page.set_input_files("#album", failing_photo)
        page.click("#send")

        expect(page.locator(".verdict h1")).to_contain_text("Tidak lolos")
        assert len(store.list(Wanted(), limit=5)) == 1


@pytest.fixture
def large_photo(tmp_path: Path) -> Path:
    path = tmp_path / "keranjang.jpg"
    # a JPEG stays one with bytes behind its end
    path.write_bytes(photo_of(Verdict.FAIL, size=(900, 1200)) + os.urandom(1_800_000))
    return path


def kept_photos(store: Store) -> list[str]:
    with store.reading() as connection:
        return list(connection.execute(select(UPLOAD_PHOTOS.c.sha256)).scalars())


def test_a_photo_gets_through_a_line_that_breaks_before_it_is_whole(
    page: Page, address: str, store: Store, large_photo: Path
) -> None:
    size = large_photo.stat().st_size
    with BadLine(httpx2.URL(address).port or 0, breaks_after_bytes=size // 3) as line:
        page.goto(line.address)
        page.set_input_files("#album", large_photo)
        page.click("#send")

        expect(page.locator(".verdict h1")).to_contain_text("Tidak lolos", timeout=60_000)
        assert line.cuts >= 2
    assert kept_photos(store) == [hashlib.sha256(large_photo.read_bytes()).hexdigest()]


def test_after_a_reload_the_photo_is_still_there_and_sending_goes_on_where_it_stopped(
    page: Page, address: str, store: Store, large_photo: Path
) -> None:
    size = large_photo.stat().st_size
    with BadLine(httpx2.URL(address).port or 0, breaks_after_bytes=size // 2) as line:
        page.route("**/v1/parts", lambda route: route.abort() if line.cuts else route.continue_())
        page.goto(line.address)
        page.set_input_files("#album", large_photo)
        page.fill("#ref", "KLS-0412")
        page.click("#send")
        expect(page.locator("#problem")).to_contain_text("Tidak tersambung ke layanan", timeout=60_000)
        went_up = line.went_up_bytes

        page.unroute("**/v1/parts")
        line.breaks_after_bytes = None
        page.reload()
        expect(page.locator("#unsent")).to_be_visible()
        expect(page.locator("#ref")).to_have_value("KLS-0412")
        page.click("#send")
        expect(page.locator(".verdict h1")).to_contain_text("Tidak lolos", timeout=60_000)
        assert line.went_up_bytes - went_up < size * 0.9

        page.goto(line.address)
        expect(page.locator("#samples, #capture").first).to_be_visible()
        expect(page.locator("#chosen li")).to_have_count(0)
    assert kept_photos(store) == [hashlib.sha256(large_photo.read_bytes()).hexdigest()]


def test_signing_out_leaves_no_photo_behind(page: Page, address: str, large_photo: Path) -> None:
    page.route("**/v1/parts", lambda route: route.abort())
    page.goto(address)
    page.set_input_files("#album", large_photo)
    page.click("#send")
    expect(page.locator("#problem")).to_contain_text("Tidak tersambung ke layanan", timeout=60_000)
    page.click("#sign-out")
    expect(page.locator("#code")).to_be_visible()

    left = page.evaluate("import('/web/unsent.js').then((unsent) => unsent.findUnsent('R-3'))")
    assert left is None


def test_an_upload_sent_before_the_kinds_of_baskets_came_waits_for_them(
    page: Page, address: str, store: Store, failing_photo: Path
) -> None:
    """Else the same choice, sent again after they came, would be another upload."""
    held = []
    page.route("**/v1/specs", lambda route: held.append(route))
    page.goto(address)
    page.set_input_files("#album", failing_photo)
    page.click("#send")
    page.wait_for_timeout(300)
    assert not store.list(Wanted(), limit=5)

    for route in held:
        route.continue_()
    expect(page.locator(".verdict h1")).to_contain_text("Tidak lolos")
    assert len(store.list(Wanted(), limit=5)) == 1


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
    page.evaluate("document.querySelector('#language').click()")  # draws all of it anew
    expect(page.locator(".remove")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.locator("#chosen li")).to_have_count(0)
    expect(page.locator("#album")).to_be_focused()
    expect(page.locator("#send")).to_be_disabled()


def test_who_is_not_signed_in_is_led_to_the_sign_in_page_and_back(
    page: Page, address: str, store: Store
) -> None:
    link = new_pass(store, "R-9", PassKind.LINK)
    page.context.clear_cookies()
    page.goto(f"{address}/masuk#{link}")
    page.fill("#password", "kuda tangga hujan biru")
    page.get_by_role("button", name="Masuk").click()
    expect(page.locator("#account")).to_have_text("R-9")

    page.click("#sign-out")
    expect(page.locator("#code")).to_be_visible()
    page.goto(f"{address}/riwayat")
    page.fill("#code", "R-9")
    page.fill("#password", "salah")
    page.get_by_role("button", name="Masuk").click()
    expect(page.locator("#problem")).to_contain_text("Kode atau kata sandi salah")
    page.fill("#password", "kuda tangga hujan biru")
    page.get_by_role("button", name="Masuk").click()
    expect(page.locator("h1")).to_have_text("Riwayat pemeriksaan")


def test_the_board_says_what_a_lot_lacks_and_a_check_entered_there_is_taken_off(
    page: Page, address: str, store: Store
) -> None:
    send(store, address, "A-1", Verdict.PASS, lot="LOT-1")
    page.goto(f"{address}/lot/LOT-1")
    smell = page.locator(".missing").get_by_text("Tidak berbau apak")
    expect(smell).to_be_visible()
    expect(page.locator(".curve .line")).to_have_count(2)
    expect(page.locator(".curve .machine")).to_have_count(2)
    expect(page.locator(".plan")).to_contain_text("AQL 2,5, normal")
    expect(page.locator(".plan")).to_contain_text("andai hanya “tidak lolos” dari mesin yang dihitung")
    # all columns of the plan at a phone's width
    assert page.locator(".plan .scroll").evaluate("table => table.scrollWidth - table.clientWidth") == 0

    page.get_by_text("Catat pemeriksaan tangan").click()
    form = page.locator("form", has=page.locator("[name=holds]"))
    form.locator("[name=code]").select_option("smell")
    form.get_by_role("button").click()

    expect(smell).to_have_count(0)
    expect(page.locator(".units li")).to_have_count(2)


def test_a_plant_declaration_may_name_several_plants(page: Page, address: str, store: Store) -> None:
    send(store, address, "A-1", Verdict.PASS, lot="LOT-1")
    page.goto(f"{address}/lot/LOT-1")
    page.get_by_text("Catat deklarasi tumbuhan (Lacey)").click()
    form = page.locator("form", has=page.locator("[name=genus]"))
    plants = form.get_by_role("group", name="Tumbuhan")
    for _ in range(2):
        form.get_by_role("button", name="Tambah tumbuhan").click()
    plants.nth(1).get_by_role("button", name="Hapus tumbuhan ini").click()
    expect(plants).to_have_count(2)
    entered = (
        {"part": "mendong", "genus": "Fimbristylis", "species": "umbellaris", "weight": "4,5"},
        {"part": "frame", "genus": "Calamus", "species": "caesius", "weight": "1,25"},
    )
    for plant, fields in zip([plants.nth(0), plants.nth(1)], entered, strict=True):
        plant.locator("[name=part]").select_option(fields["part"])
        for name in ("genus", "species", "weight"):
            plant.locator(f"[name={name}]").fill(fields[name])
    form.locator("[name=goods]").fill("250")
    form.get_by_role("button", name="Simpan surat").click()

    expect(form).to_be_hidden()  # drawn anew, folded
    with store.reading() as connection:
        (paper,) = list_facts(connection, WantedFacts(kind=Kind.DOCUMENT))
    assert [
        (plant["part"], plant["species"], plant["country_of_harvest"], plant["weight_kg"])
        for plant in paper.body["plants"]
    ] == [("mendong", "umbellaris", "ID", 4.5), ("frame", "caesius", "ID", 1.25)]


def test_a_lot_is_formed_from_the_page(page: Page, address: str) -> None:
    page.goto(f"{address}/lot")
    page.get_by_text("Bentuk lot baru").click()
    for name, value in {"lot-id": "KLS-5", "group": "KLS", "units": "A-1\nA-2\nA-3"}.items():
        page.fill(f"[name={name}]", value)
    page.select_option("[name=spec]", "mendong")
    page.get_by_role("button", name="Bentuk lot dan undi sampel").click()

    expect(page.locator("h1")).to_have_text("KLS-5")
    expect(page.locator(".units em").first).to_have_text("sampel")


def test_a_lot_s_certificate_is_issued_on_its_board_and_its_public_page_says_that_it_holds(
    page: Page, address: str, store: Store
) -> None:
    with httpx2.Client(base_url=address, auth=AsNamed(store)) as client:
        lot = {"by": "R-1", "id": "LOT-1", "group": "KLS", "spec": "mendong", "units": ["A-1", "A-2"]}
        client.post("/v1/lots", json=lot)
        for ref in ("A-1", "A-2"):
            files = {"photos": ("a.jpg", photo_of(Verdict.PASS, size=(300, 400)))}
            item = {"item": json.dumps({"ref": ref, "spec": "mendong", "maker": "P-SECRET"}), "by": "F-1"}
            seen = client.post("/v1/inspections", files=files, data=item).json()["id"]
            client.post("/v1/dispositions", json={"by": "R-1", "inspection_id": seen, "action": "confirm"})
    page.goto(f"{address}/lot/LOT-1")
    decision = page.locator("details", has_text="Catat keputusan lot")
    decision.get_by_role("button").click()
    expect(page.locator(".state.big")).to_contain_text("Diterima")
    page.locator("details", has_text="Terbitkan sertifikat").get_by_role("button").click()
    page.get_by_role("link", name="Sertifikat lot").click()

    expect(page.locator(".verdict h1")).to_have_text("Diterima")
    expect(page.locator(".state").first).to_have_text("Layak ekspor: 0 / 2")  # no checks, no papers
    expect(page.locator("#shown")).to_contain_text("Tanda tangan sah")
    expect(page.locator(".sampled img")).to_have_count(2)
    assert "P-SECRET" not in page.content()


def test_the_page_s_head_keeps_to_its_lines_and_its_width(page: Page, address: str, store: Store) -> None:
    code = "PENDAMPING-DESA-KEBASEN-UTARA-01"
    session = new_pass(store, code, PassKind.SESSION)
    page.context.add_cookies([{"name": COOKIE, "value": session, "url": address}])
    new_pass(store, code, PassKind.TOKEN)  # which is news to whoever did not make it
    page.goto(f"{address}/riwayat")
    expect(page.locator("#account .code")).to_have_text(code)
    expect(page.locator("#account .told")).to_be_in_viewport(ratio=1)
    expect(page.locator(".bar [aria-current]")).to_have_text("Riwayat")
    for language in ("id", "en"):
        for width, lines in ((360, 2), (390, 2), (1280, 1)):
            page.set_viewport_size({"width": width, "height": 844})
            boxes = [control.bounding_box() for control in page.locator(".bar a, .bar button").all()]

            assert page.locator(".bar").bounding_box()["height"] <= lines * 56 + 16, (width, language)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (width, language)
            assert all(box["x"] >= 0 and box["x"] + box["width"] <= width for box in boxes), (width, language)
        page.click("#language")


def test_on_one_s_account_the_password_is_changed_and_another_session_ended(
    page: Page, address: str, store: Store
) -> None:
    page.context.clear_cookies()
    page.goto(f"{address}/masuk#{new_pass(store, 'R-9', PassKind.LINK)}")
    page.fill("#password", "kuda tangga hujan biru")
    page.get_by_role("button", name="Masuk").click()
    expect(page.locator("#account")).to_have_text("R-9")  # the link has ended all sessions by now
    new_pass(store, "R-9", PassKind.SESSION)
    page.click("#account")
    expect(page.locator("#open li")).to_have_count(2)
    expect(page.locator("#who")).to_contain_text("R-9 · ")

    page.get_by_role("button", name="Akhiri sesi").click()
    expect(page.locator("#open li")).to_have_count(1)
    expect(page.locator("#open")).to_contain_text("Sesi ini")

    page.fill("#old", "kuda tangga hujan")
    page.fill("#new", "pagi sendok awan tujuh")
    page.get_by_role("button", name="Ganti kata sandi").click()
    expect(page.locator("#problem")).to_contain_text("Kata sandi lama salah")
    page.fill("#old", "kuda tangga hujan biru")
    page.get_by_role("button", name="Ganti kata sandi").click()
    expect(page.locator("#done")).to_contain_text("Kata sandi sudah diganti")
    expect(page.locator("#new")).to_have_value("")


def test_the_page_s_head_tells_that_somebody_tried_to_get_in(page: Page, address: str, store: Store) -> None:
    password = "kuda tangga hujan biru"
    page.context.clear_cookies()
    page.goto(f"{address}/masuk#{new_pass(store, 'R-9', PassKind.LINK)}")
    page.fill("#password", password)
    page.get_by_role("button", name="Masuk").click()
    expect(page.locator("#account")).to_have_text("R-9")
    with httpx2.Client(base_url=address, headers={"sec-fetch-site": "same-origin"}) as stranger:
        guess = {"code": "R-9", "password": "guessed"}
        assert stranger.post("/v1/session", json=guess).status_code == 401
    page.click("#sign-out")
    page.fill("#code", "R-9")
    page.fill("#password", password)
    page.get_by_role("button", name="Masuk").click()

    expect(page.locator("#account .told")).to_have_text("1 kabar baru")
    page.click("#language")
    expect(page.locator("#account .told")).to_have_text("1 new")
    page.click("#language")
    page.click("#account")
    told = page.locator("#news .new")
    expect(told).to_contain_text("Percobaan masuk ditolak")
    expect(told).to_contain_text("Baru · ")
    expect(page.locator("#news li").first).to_contain_text("Masuk")


def test_a_password_can_be_looked_at_while_it_is_typed_and_is_hidden_when_it_is_sent(
    page: Page, address: str
) -> None:
    page.context.clear_cookies()
    page.route(
        "**/v1/session", lambda route: route.abort() if route.request.method == "POST" else route.continue_()
    )
    page.goto(f"{address}/masuk")
    field = page.locator("#password")
    page.fill("#code", "R-9")
    page.fill("#password", "kuda tangga")

    page.get_by_role("button", name="Perlihatkan kata sandi").click()
    expect(field).to_have_attribute("type", "text")
    expect(field).to_have_value("kuda tangga")
    page.click("#language")
    page.get_by_role("button", name="Hide the password").click()
    expect(field).to_have_attribute("type", "password")

    page.get_by_role("button", name="Show the password").click()
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#problem")).to_be_visible()
    expect(field).to_have_attribute("type", "password")


def test_a_second_factor_is_turned_on_and_asked_for_at_the_next_sign_in(
    page: Page, address: str, store: Store
) -> None:
    page.context.clear_cookies()
    page.goto(f"{address}/masuk#{new_pass(store, 'R-9', PassKind.LINK)}")
    page.fill("#password", "kuda tangga hujan biru")
    page.get_by_role("button", name="Masuk").click()
    page.click("#account")
    page.fill("#begin-password", "kuda tangga hujan biru")
    page.get_by_role("button", name="Aktifkan faktor kedua").click()
    expect(page.locator("#factor-qr svg")).to_be_visible()
    key = page.locator("#factor-key").inner_text()
    link = page.locator("#factor-uri").get_attribute("href") or ""
    assert parse_qs(urlsplit(link).query)["secret"] == [key.replace(" ", "")]
    assert qr_in(page) == link

    page.fill("#first-code", "000")
    page.get_by_role("button", name="Periksa dan aktifkan").click()
    expect(page.locator("#problem")).to_contain_text("Kode salah")
    app = App(key)
    page.fill("#first-code", app.code(now()))
    page.get_by_role("button", name="Periksa dan aktifkan").click()
    expect(page.locator("#recovery-codes li")).to_have_count(8)
    expect(page.locator("#factor-confirm")).to_be_hidden()
    page.evaluate("document.querySelector('#language').click()")
    expect(page.locator("#factor-state")).to_contain_text("recovery codes left: 8")
    page.evaluate("document.querySelector('#language').click()")
    recovery = page.locator("#recovery-codes li").first.inner_text()

    page.click("#sign-out")
    page.fill("#code", "R-9")
    page.fill("#password", "kuda tangga hujan biru")
    page.get_by_role("button", name="Masuk").click()
    expect(page.locator("#second")).to_be_focused()
    expect(page.locator("#problem")).to_be_hidden()
    page.fill("#second", "000000")
    page.get_by_role("button", name="Masuk").click()
    expect(page.locator("#problem")).to_contain_text("Kode salah")
    page.fill("#second", app.code(now() + STEP))  # no code is taken twice
    page.get_by_role("button", name="Masuk").click()

    page.click("#account")
    page.fill("#off-password", "kuda tangga hujan biru")
    page.fill("#off-code", recovery)
    page.get_by_role("button", name="Matikan faktor kedua").click()
    expect(page.locator("#factor-state")).to_contain_text("Belum aktif")


def qr_in(page: Page) -> str:
    """What a reader of QR codes makes of the picture on the page."""
    drawn = cv2.imdecode(
        np.frombuffer(page.locator("#factor-qr svg").screenshot(), np.uint8), cv2.IMREAD_COLOR
    )
    text, _, _ = cv2.QRCodeDetector().detectAndDecode(drawn)
    return text
