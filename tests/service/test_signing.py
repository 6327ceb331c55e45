"""Signatures: what was signed is checked with the published keys alone, before and after rotation."""

import base64
import json
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fastapi.testclient import TestClient

from service.signing import Keyring, SignatureRefused, check_signature


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_another_library_checks_the_signature_with_the_published_key(tmp_path: Path) -> None:
    keyring = Keyring(tmp_path)
    header, payload, signature = keyring.sign({"b": 1, "a": "é"}).split(".")
    (key,) = keyring.jwks()["keys"]

    public = Ed25519PublicKey.from_public_bytes(decode(key["x"]))

    public.verify(decode(signature), f"{header}.{payload}".encode())
    with pytest.raises(InvalidSignature):
        public.verify(decode(signature), f"{header}.{payload}x".encode())
    assert json.loads(decode(header)) == {"alg": "Ed25519", "kid": key["kid"]}
    assert decode(payload) == '{"a":"é","b":1}'.encode()


def test_old_signatures_hold_after_rotation_and_the_old_key_can_sign_no_more(tmp_path: Path) -> None:
    keyring = Keyring(tmp_path)
    before = keyring.sign({"n": 1})
    kid = keyring.rotate()
    after = keyring.sign({"n": 2})

    assert check_signature(before, keyring.jwks()).payload == {"n": 1}
    assert check_signature(after, keyring.jwks()).kid == kid
    private = ["d" in json.loads(path.read_text()) for path in sorted(tmp_path.glob("*.jwk"))]
    assert private == [False, True]


def test_many_that_ask_at_once_for_the_first_key_get_the_same_one(tmp_path: Path) -> None:
    ready = threading.Barrier(16)

    def ask(_: int) -> str:
        ready.wait(timeout=20)
        return str(Keyring(tmp_path / "keys").jwks()["keys"][0]["kid"])

    with ThreadPoolExecutor(16) as pool:
        # as many keyrings on the same folder, as processes have
        kids = set(pool.map(ask, range(16)))

    assert len(kids) == len(list((tmp_path / "keys").glob("*.jwk"))) == 1


def test_every_statement_holds_while_the_key_is_renewed(tmp_path: Path) -> None:
    keyring = Keyring(tmp_path)
    with ThreadPoolExecutor(4) as pool:
        signed = pool.map(lambda n: Keyring(tmp_path).sign({"n": n}), range(40))
        renewed = [keyring.rotate() for _ in range(5)]
        tokens = list(signed)

    assert [check_signature(token, keyring.jwks()).payload for token in tokens] == [
        {"n": n} for n in range(40)
    ]
    assert keyring.jwks()["keys"][-1]["kid"] == renewed[-1]


def test_every_altered_character_of_a_statement_is_refused(tmp_path: Path) -> None:
    keyring = Keyring(tmp_path)
    token = keyring.sign({"lot": "KLS-1"})
    # the last character of a part holds spare bits that say nothing
    spare = {token.rindex(".") - 1, token.index(".") - 1, len(token) - 1}
    for at in set(range(len(token))) - spare:
        other = "A" if token[at] != "A" else "B"
        with pytest.raises(SignatureRefused):
            check_signature(token[:at] + other + token[at + 1 :], keyring.jwks())


@pytest.mark.parametrize("token", ["", "abc", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
def test_what_is_no_signed_statement_is_refused_in_both_languages(token: str, tmp_path: Path) -> None:
    with pytest.raises(SignatureRefused) as caught:
        check_signature(token, Keyring(tmp_path).jwks())

    assert "tidak sah" in caught.value.message.id
    assert "does not hold" in caught.value.message.en


def test_a_shipment_s_long_certificate_is_signed_and_checked(tmp_path: Path) -> None:
    """500 baskets drawn, eight photos each: the largest sample of lots up to 35,000."""
    keyring = Keyring(tmp_path)
    long = {"photos": [f"{n:064x}" for n in range(500 * 8)]}

    assert check_signature(keyring.sign(long), keyring.jwks()).payload == long


def test_a_private_key_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    keyring = Keyring(tmp_path / "keys")
    keyring.rotate()

    (path,) = (tmp_path / "keys").glob("*.jwk")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_service_publishes_public_halves_only(client: TestClient) -> None:
    (key,) = client.get("/.well-known/jwks.json").json()["keys"]

    assert key["kty"] == "OKP"
    assert "d" not in key
