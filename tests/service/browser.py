"""A real browser before a served app with a fake inspector."""

import json
import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import httpx2
import pytest

from qc_vision.decision import Verdict
from service.accounts import PassKind
from service.app import create_app
from service.permission import COOKIE
from service.settings import Settings
from service.store import Store
from service.workplace import open_records
from tests.service.fakes import FakeInspector, photo_of
from tests.service.running import served
from tests.service.signed_in import AsNamed, new_pass

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM = os.environ.get("CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
NEEDS_CHROMIUM = pytest.mark.skipif(CHROMIUM is None, reason="needs a browser: apt-get install chromium")
PHONE = {"width": 390, "height": 844}
QUIET = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PATIENCE_MS = 20_000
"""A page is never waited for in vain on a busy machine."""


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    """The records of the served service, opened once more."""
    store = open_records(settings)
    yield store
    store.close()


@pytest.fixture
def address(settings: Settings, store: Store) -> Iterator[str]:
    with served(create_app(settings, inspector=FakeInspector())) as address:
        yield address


@pytest.fixture
def page(address: str, store: Store) -> Iterator["Page"]:
    """A phone signed in as R-3, in Bahasa Indonesia; any error that the page's scripts raise fails the test.

    What a test turns aside with `route` it turns aside before it opens a page: one that is open may send its next request
    past it.
    """
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE_MS)
    errors: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = browser.new_page(viewport=PHONE, has_touch=True)
        page.set_default_timeout(PATIENCE_MS)
        session = new_pass(store, "R-3", PassKind.SESSION)
        page.context.add_cookies([{"name": COOKIE, "value": session, "url": address}])
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on(
            "console",
            lambda said: errors.append(said.text) if "Content Security Policy" in said.text else None,
        )
        yield page
        browser.close()
    assert errors == []


def send(
    store: Store, address: str, ref: str, verdict: Verdict, lot: str | None = None, *, by: str = "F-1"
) -> str:
    """A photo of a basket, as a companion's phone sends it; the inspection's id. `lot`: formed before, with it."""
    with httpx2.Client(base_url=address, auth=AsNamed(store), timeout=PATIENCE_MS / 1000) as client:
        if lot is not None:
            entry = {"by": "R-1", "id": lot, "group": "KLS", "spec": "mendong", "units": [ref, f"{ref}-B"]}
            assert client.post("/v1/lots", json=entry).status_code == 201
        files = {"photos": ("a.jpg", photo_of(verdict, size=(300, 400)))}
        item = {"item": json.dumps({"ref": ref, "spec": "mendong"}), "by": by}
        answer = client.post("/v1/inspections", files=files, data=item)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])
