"""The review queue in a real browser, worked through by keyboard alone."""

from typing import Any

import httpx2
import pytest
from playwright.sync_api import Page, expect

from qc_vision.decision import Verdict
from service.facts import Fact, Kind, WantedFacts, list_facts
from service.store import Store
from tests.service.browser import NEEDS_CHROMIUM, PATIENCE_MS, send
from tests.service.signed_in import AsNamed

pytestmark = NEEDS_CHROMIUM


def decisions(store: Store) -> dict[str | None, Fact]:
    """The decision in force on each basket."""
    with store.reading() as connection:
        return {fact.item: fact for fact in list_facts(connection, WantedFacts(kind=Kind.DISPOSITION))}


def decide(store: Store, address: str, inspection: str, **more: Any) -> None:
    """Somebody else decides."""
    with httpx2.Client(base_url=address, auth=AsNamed(store), timeout=PATIENCE_MS / 1000) as client:
        entry = {"by": "R-1", "inspection_id": inspection, "action": "confirm", **more}
        assert client.post("/v1/dispositions", json=entry).status_code == 201


def open_queue(page: Page, address: str) -> None:
    """Opens the queue and waits for its first basket: keys pressed before are of no basket."""
    page.goto(address)
    expect(page.locator(".decide h2")).to_be_visible()


def test_the_queue_is_worked_through_with_single_keys(page: Page, address: str, store: Store) -> None:
    for ref in ("A-1", "B-1"):
        send(store, address, ref, Verdict.FAIL)
    open_queue(page, f"{address}/antrean")
    expect(page.locator("#count")).to_contain_text("2 menunggu")

    page.keyboard.press("1")
    expect(page.locator(".decide h2")).to_contain_text("B-1")
    page.keyboard.press("2")
    page.keyboard.type("hanya bayangan")
    page.keyboard.press("Enter")

    expect(page.locator("#shown")).to_contain_text("Tidak ada yang menunggu")
    page.goto(f"{address}/keranjang/B-1")
    expect(page.locator(".story")).to_contain_text("Mesin salah · “hanya bayangan”")
    expect(page.locator(".story")).to_contain_text("R-3")


def test_a_class_chosen_with_the_arrows_goes_with_the_next_key(
    page: Page, address: str, store: Store
) -> None:
    send(store, address, "A-1", Verdict.FAIL)
    open_queue(page, f"{address}/antrean")
    expect(page.get_by_label("berat")).to_be_checked()  # what the machine found

    for _ in range(3):  # past the basket's two links
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowUp")
    expect(page.get_by_label("kritis")).to_be_checked()
    page.keyboard.press("1")

    expect(page.locator("#shown")).to_contain_text("Tidak ada yang menunggu")
    assert decisions(store)["A-1"].body["severity"] == "critical"


def test_a_key_that_is_held_down_decides_one_basket_alone(page: Page, address: str, store: Store) -> None:
    for ref in ("A-1", "B-1", "C-1"):
        send(store, address, ref, Verdict.FAIL)
    open_queue(page, f"{address}/antrean")
    expect(page.locator("#count")).to_contain_text("3 menunggu")

    page.keyboard.down("1")
    expect(page.locator(".decide h2")).to_contain_text("B-1")
    for _ in range(5):
        page.keyboard.down("1")  # the browser repeats it
    page.keyboard.up("1")
    page.keyboard.press("l")

    expect(page.locator(".decide h2")).to_contain_text("C-1")
    assert decisions(store).keys() == {"A-1"}


def test_what_is_left_for_later_comes_after_all_others_also_those_of_further_pages(
    page: Page, address: str, store: Store
) -> None:
    for ref in ("A-1", "B-1", "C-1"):
        send(store, address, ref, Verdict.FAIL)
    # pages of two instead of fifty
    page.route("**/v1/reviews?*", lambda route: route.continue_(url=f"{route.request.url}&limit=2"))
    open_queue(page, f"{address}/antrean")
    expect(page.locator("#count")).to_contain_text("2+ menunggu")

    for following in ("B-1", "C-1", "A-1", "B-1"):
        page.keyboard.press("l")
        expect(page.locator(".decide h2")).to_contain_text(following)
    expect(page.locator("#count")).to_contain_text("3 menunggu")


def test_while_the_reason_is_asked_for_no_key_decides_and_escape_leads_back(
    page: Page, address: str, store: Store
) -> None:
    send(store, address, "A-1", Verdict.FAIL)
    open_queue(page, f"{address}/antrean")
    page.keyboard.press("2")
    expect(page.locator("#reason")).to_be_focused()
    page.get_by_role("button", name="Kembali").focus()
    for key in ("1", "3", "4"):
        page.keyboard.press(key)
    expect(page.locator("form.overrule")).to_be_visible()

    page.keyboard.press("Escape")
    expect(page.locator("form.overrule")).to_have_count(0)
    expect(page.locator("#shown")).to_be_focused()
    expect(page.get_by_label("berat")).to_be_checked()
    assert decisions(store) == {}


def test_a_reason_that_was_typed_is_still_there_after_the_line_broke(
    page: Page, address: str, store: Store
) -> None:
    send(store, address, "A-1", Verdict.FAIL)
    page.route("**/v1/dispositions", lambda route: route.abort(), times=1)
    open_queue(page, f"{address}/antrean")
    page.keyboard.press("2")
    expect(page.locator("#reason")).to_be_focused()
    page.keyboard.type("hanya 2 bayangan")
    page.keyboard.press("Enter")
    expect(page.locator("#problem")).to_contain_text("Tidak tersambung ke layanan")

    expect(page.locator("#reason")).to_have_value("hanya 2 bayangan")
    page.locator("#reason").press("Enter")

    expect(page.locator("#shown")).to_contain_text("Tidak ada yang menunggu")
    assert decisions(store)["A-1"].body["reason"] == "hanya 2 bayangan"


def test_the_last_decision_can_be_changed_at_once_and_both_stay_on_record(
    page: Page, address: str, store: Store
) -> None:
    send(store, address, "A-1", Verdict.FAIL)
    open_queue(page, f"{address}/antrean")
    page.keyboard.press("1")
    expect(page.locator("#last")).to_contain_text("A-1: Mesin benar")

    page.keyboard.press("u")
    expect(page.locator(".decide h2")).to_contain_text("A-1")
    page.keyboard.press("3")

    expect(page.locator("#last")).to_contain_text("A-1: Kembalikan untuk diperbaiki")
    fact = decisions(store)["A-1"]
    assert (fact.version, fact.body["outcome"], fact.by) == (2, "rework", "R-3")


def test_what_somebody_else_decided_meanwhile_is_said_and_the_next_is_shown(
    page: Page, address: str, store: Store
) -> None:
    first = send(store, address, "A-1", Verdict.FAIL)
    send(store, address, "B-1", Verdict.FAIL)
    open_queue(page, f"{address}/antrean")
    decide(store, address, first, severity="minor")

    page.keyboard.press("1")

    expect(page.locator("#problem")).to_contain_text("Orang lain sudah memutuskan")
    expect(page.locator(".decide h2")).to_contain_text("B-1")
    assert decisions(store)["A-1"].by == "R-1"


def test_one_s_own_photos_are_left_to_another_person(page: Page, address: str, store: Store) -> None:
    send(store, address, "A-1", Verdict.FAIL, by="R-3")
    send(store, address, "B-1", Verdict.FAIL)
    open_queue(page, f"{address}/antrean")

    expect(page.locator("#count")).to_contain_text("1 menunggu · 1 menunggu orang lain")
    expect(page.locator(".decide h2")).to_contain_text("B-1")


def test_a_basket_that_the_machine_passed_can_be_sent_back_with_the_class_that_the_person_sees(
    page: Page, address: str, store: Store
) -> None:
    send(store, address, "A-1", Verdict.PASS, lot="LOT-1")
    open_queue(page, f"{address}/antrean?lot=LOT-1")

    page.keyboard.press("3")
    page.keyboard.press("Enter")

    expect(page.locator("#shown")).to_contain_text("Tidak ada yang menunggu")
    body = decisions(store)["A-1"].body
    assert (body["outcome"], body["severity"], body["reason"]) == ("rework", "major", None)

    page.goto(f"{address}/keranjang/A-1")
    page.get_by_role("button", name="Sudah diperbaiki").click()
    expect(page.locator(".story li").first).to_contain_text("Sudah diperbaiki")
    expect(page.get_by_role("button", name="Sudah diperbaiki")).to_have_count(0)


def test_the_maker_s_words_are_shown_to_whoever_looks_again(page: Page, address: str, store: Store) -> None:
    send(store, address, "A-1", Verdict.PASS)
    with httpx2.Client(base_url=address, auth=AsNamed(store), timeout=PATIENCE_MS / 1000) as client:
        asked = {"by": "P-7", "item": "A-1", "reason": "hanya basah sedikit"}
        assert client.post("/v1/review-requests", json=asked).status_code == 201
    open_queue(page, f"{address}/antrean")

    expect(page.locator(".why")).to_contain_text("hanya basah sedikit")


@pytest.mark.parametrize("size", [(1280, 800), (390, 844)])
def test_every_control_shows_where_the_focus_is_and_has_a_name(
    page: Page, address: str, store: Store, size: tuple[int, int]
) -> None:
    send(store, address, "A-1", Verdict.FAIL)
    page.set_viewport_size({"width": size[0], "height": size[1]})
    open_queue(page, f"{address}/antrean")
    expect(page.locator("#shown")).to_be_focused()
    expect(page.get_by_role("region", name="A-1 Tidak lolos")).to_be_visible()
    for key, name in {
        "1": "Mesin benar",
        "2": "Mesin salah",
        "3": "Kembalikan untuk diperbaiki",
        "4": "Minta foto lagi",
    }.items():
        button = page.get_by_role("button", name=name, exact=True)
        expect(button).to_have_attribute("aria-keyshortcuts", key)

    reached = []
    while len(reached) < 30 and (not reached or reached[-1] != "BODY"):
        page.keyboard.press("Tab")
        shown = page.evaluate(
            """() => {
              const at = document.activeElement;
              const seen = getComputedStyle(at).outlineStyle !== "none" && at.getBoundingClientRect().width > 0;
              return [at.tagName, at === document.body || seen];
            }"""
        )
        reached.append(shown[0])
        assert shown[1], shown[0]
    # two links, the classes as one stop, four actions, and "later"
    assert reached == ["A", "A", "INPUT", *["BUTTON"] * 5, "BODY"]
