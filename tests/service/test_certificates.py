"""A lot's certificate: signed, checkable anywhere, and silent about who wove and who looked."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pypdfium2
import pytest
from fastapi.testclient import TestClient

from service.cli import main
from service.signing import Keyring
from tests.service.test_lots import UNITS, decide, decided, enter_checks_and_papers, form_lot, inspect

__all__ = ["decided"]  # the fixture


@pytest.fixture
def answer(decided: TestClient) -> Any:
    decided.put("/v1/items/KLS-001", json={"by": "R-1", "maker": "P-SECRET"})
    decided.post("/v1/lots/LOT-1/decision", json={"by": "R-1"})
    answer = decided.post("/v1/lots/LOT-1/certificates", json={"by": "R-1"})
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.fixture
def files(decided: TestClient, answer: Any, tmp_path: Path) -> tuple[Path, Path]:
    """The certificate and the keys, as somebody without the service holds them."""
    certificate, keys = tmp_path / "lot.jws", tmp_path / "jwks.json"
    certificate.write_text(decided.get(f"/v1/certificates/{answer['certificate']['id']}/jws").text)
    keys.write_text(decided.get("/.well-known/jwks.json").text)
    return certificate, keys


def test_no_certificate_before_the_verdict_is_on_record(decided: TestClient) -> None:
    refused = decided.post("/v1/lots/LOT-1/certificates", json={"by": "R-1"})

    assert (refused.status_code, refused.json()["type"]) == (409, "urn:qc-vision:problem:conflict")


def test_it_states_the_lot_s_plan_what_was_found_and_where_the_ledger_ended(
    decided: TestClient, answer: Any
) -> None:
    certificate = answer["certificate"]

    assert (certificate["verdict"], certificate["size"], certificate["eligible"]) == ("accepted", 5, 5)
    assert [c["nonconforming"] for c in certificate["classes"]] == [0, 0, 0]
    assert certificate["head"]["seq"] == decided.get("/v1/ledger/head").json()["seq"] - 1
    assert len(certificate["photos"]) == len(certificate["sample"])


def test_it_names_neither_maker_nor_photographer(decided: TestClient, answer: Any) -> None:
    number = answer["certificate"]["id"]
    said = decided.get(f"/v1/certificates/{number}").text

    assert "P-SECRET" not in said
    assert "F-1" not in said


def check(certificate: Path, keys: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, list[str]]:
    """What `record check` returns, states, and tells persons, in Bahasa Indonesia and English."""
    capsys.readouterr()
    status = main(["record", "check", str(certificate), "--keys", str(keys)])
    said = capsys.readouterr()
    return status, said.out, said.err.splitlines()


def test_it_is_checked_offline_with_the_published_keys(
    files: tuple[Path, Path], answer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    status, stated, told = check(*files, capsys)

    assert (status, told) == (0, [])
    assert json.loads(stated) == {"kid": answer["kid"], **answer["certificate"]}


def test_those_made_before_and_after_a_rotation_hold_under_the_keys_published_after_it(
    decided: TestClient,
    files: tuple[Path, Path],
    settings: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before, old_keys = files
    main(["key", "rotate", "--data", str(settings.data_dir)])
    issued = decided.post("/v1/lots/LOT-1/certificates", json={"by": "R-1"}).json()
    after, new_keys = tmp_path / "after.jws", tmp_path / "after.json"
    after.write_text(issued["jws"])
    new_keys.write_text(decided.get("/.well-known/jwks.json").text)

    assert [check(path, new_keys, capsys)[0] for path in (before, after)] == [0, 0]
    assert check(before, old_keys, capsys)[0] == 0
    status, stated, told = check(after, old_keys, capsys)
    assert (status, stated) == (3, "")
    # keys fetched before the rotation: it says which one is missing and where the current ones are
    for line in told:
        assert issued["kid"] in line
        assert "/.well-known/jwks.json" in line


def test_one_signed_with_a_key_that_was_never_published_is_refused(
    files: tuple[Path, Path], answer: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forged = tmp_path / "forged.jws"
    forged.write_text(Keyring(tmp_path / "other").sign(answer["certificate"]))

    status, stated, told = check(forged, files[1], capsys)

    assert (status, stated, len(told)) == (3, "", 2)
    assert "bukan dari layanan itu" in told[0]
    assert "not of that service" in told[1]


def altered(token: str) -> str:
    header, payload, signature = token.split(".")
    return f"{header}.{payload[:-8]}{payload[-8:].swapcase()}.{signature}"


@pytest.mark.parametrize(
    ("harm", "id", "en"),
    [
        (altered, "diubah atau terpotong", "changed or cut off"),
        (lambda token: token[:-12], "diubah atau terpotong", "changed or cut off"),
        (lambda token: token[: len(token) // 2], "Unduh lagi", "Download the .jws file again"),
        (lambda token: "", "Unduh lagi", "Download the .jws file again"),
    ],
    ids=["altered", "signature cut off", "cut in the middle", "empty"],
)
def test_what_is_not_what_was_signed_is_refused_in_words(
    files: tuple[Path, Path], harm: Callable[[str], str], id: str, en: str, capsys: pytest.CaptureFixture[str]
) -> None:
    certificate, keys = files
    certificate.write_text(harm(certificate.read_text()))

    status, stated, told = check(certificate, keys, capsys)

    assert (status, stated, len(told)) == (3, "", 2)
    assert id in told[0]
    assert en in told[1]


@pytest.mark.parametrize("keys", ["[]", '{"keys": 3}', '{"type": "a certificate"}'])
def test_a_file_that_holds_no_keys_is_called_so(
    files: tuple[Path, Path], keys: str, capsys: pytest.CaptureFixture[str]
) -> None:
    files[1].write_text(keys)

    status, stated, told = check(*files, capsys)

    assert (status, stated) == (3, "")
    assert "bukan daftar kunci" in told[0]
    assert "no set of keys" in told[1]


def test_an_older_one_is_still_shown_with_its_own_key_after_rotation(
    decided: TestClient, answer: Any, settings: Any
) -> None:
    main(["key", "rotate", "--data", str(settings.data_dir)])

    again = decided.get(f"/v1/certificates/{answer['certificate']['id']}").json()

    assert again["kid"] == answer["kid"]
    assert len(decided.get("/.well-known/jwks.json").json()["keys"]) == 2


def read_code(page: Any, scale: float) -> str:
    """What another library reads in the code alone, at 72 dpi times `scale`.

    Two scales, as a phone sees a code at many: OpenCV misses about one in eighty of whatever writer at a given one.
    """
    width_pt, height_pt = page.get_size()
    pixels = page.render(scale=scale, crop=(0.68 * width_pt, 0.8 * height_pt, 0, 0)).to_pil().convert("RGB")
    address, _, _ = cv2.QRCodeDetector().detectAndDecode(np.asarray(pixels))
    return address


def test_the_pdf_says_the_same_in_both_languages_and_its_code_leads_to_the_page(
    decided: TestClient, answer: Any
) -> None:
    certificate = answer["certificate"]
    pdf = pypdfium2.PdfDocument(decided.get(f"/v1/certificates/{certificate['id']}/pdf").content)
    text = pdf[0].get_textpage().get_text_bounded()

    for words in ("LOT DITERIMA / LOT ACCEPTED", "LOT-1", certificate["standard"], "2.5, normal"):
        assert words in text
    assert "Layak ekspor / Eligible for export: 5 / 5" in text
    every = [page.get_textpage().get_text_bounded() for page in pdf]
    assert all(
        f"LOT-1 · {certificate['id']} · {number}" in said for number, said in enumerate(every, start=1)
    )
    assert answer["jws"].rpartition(".")[2] in "".join(every).replace("\r\n", "")
    assert "Pemeriksa: nama, tempat, tanggal / Inspector: name, place, date" in every[-1]
    assert certificate["url"] in {read_code(pdf[0], scale) for scale in (4, 6)}
    pdf.close()


def test_a_later_one_is_told_from_an_earlier(decided: TestClient, answer: Any) -> None:
    decided.post("/v1/lots/LOT-1/certificates", json={"by": "R-1"})

    assert not decided.get(f"/v1/certificates/{answer['certificate']['id']}").json()["latest"]


def test_a_refused_lot_s_certificate_says_so(client: TestClient) -> None:
    form_lot(client)
    inspections = [inspect(client, unit) for unit in UNITS]
    for inspection in inspections:
        decide(client, inspection, "overrule", severity="critical", reason="ujung kawat")
    enter_checks_and_papers(client)
    client.post("/v1/lots/LOT-1/decision", json={"by": "R-1"})

    certificate = client.post("/v1/lots/LOT-1/certificates", json={"by": "R-1"}).json()["certificate"]

    assert (certificate["verdict"], certificate["eligible"]) == ("rejected", 0)
    assert certificate["classes"][0]["nonconforming"] == 5
