"""Ed25519 keys, and the signed statements (JWS, RFC 7515) that others check with the published ones.

A key's `kid` is its thumbprint (RFC 7638). Rotation drops the private half of the old key, so that nobody can
later sign in its name; its public half stays published, so that old signatures remain checkable.
"""

import base64
import hmac
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import rfc8785
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey
from joserfc.jws import JWSRegistry

from qc_vision.errors import QcVisionError, StorageError
from qc_vision.message import Message
from service.alone import alone_in
from service.photos import cannot_write, sync_folder

ALGORITHM: Literal["Ed25519"] = "Ed25519"
"""The name that RFC 9864 gives it in place of the deprecated `EdDSA`."""

PUBLISHED_AT = "/.well-known/jwks.json"


class _Sizes(JWSRegistry):
    """A shipment's certificate names some thousand photos: more than the 128 kB that joserfc reads by default."""

    max_payload_length = 16_000_000


_ED25519 = _Sizes(algorithms=[ALGORITHM])


class SignatureRefused(QcVisionError):
    """A statement that was not signed by a published key, or was changed since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A statement whose signature holds, and the key that made it."""

    kid: str
    payload: dict[str, Any]


class Keyring:
    """The keys in a folder, one JWK file each, named in the order of their making; the last one signs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def sign(self, payload: Mapping[str, Any]) -> str:
        """The payload as canonical JSON in a compact JWS. Raises StorageError."""
        key = self._current()
        header = {"alg": ALGORITHM, "kid": key.thumbprint()}
        return jws.serialize_compact(header, rfc8785.dumps(dict(payload)), key, registry=_ED25519)

    def secret_for(self, purpose: str) -> bytes:
        """32 bytes that follow from the current key, others for each purpose. Raises StorageError."""
        # the seed of an Ed25519 key is uniformly random: one step of HKDF-Expand is enough (RFC 5869, section 3.3)
        seed = self._current().as_dict(private=True)["d"]
        return hmac.digest(str(seed).encode(), purpose.encode() + b"\x01", "sha256")

    def rotate(self) -> str:
        """Makes a new key, then forgets the private half of all before it; returns the new `kid`."""
        with alone_in(self._folder, mode=0o700):
            old = self._files()
            kid = self._make(len(old) + 1)
            for path in old:
                _write_key(path, _public(_read_key(path)))
        return kid

    def jwks(self) -> dict[str, Any]:
        """The public halves of all keys, oldest first, as a JWK set (RFC 7517)."""
        self._current()
        return {"keys": [_public(_read_key(path)) for path in self._files()]}

    def check(self) -> int:
        """How many keys there are, each of which was read; makes none. Raises StorageError where the last cannot sign."""
        keys = [_read_key(path) for path in self._files()]
        if keys and not keys[-1].is_private:
            raise StorageError(LAST_IS_PUBLIC)
        return len(keys)

    def _current(self) -> OKPKey:
        with alone_in(self._folder, mode=0o700):
            if not self._files():
                self._make(1)
            return _read_key(self._files()[-1])

    def _make(self, number: int) -> str:
        key = OKPKey.generate_key(ALGORITHM)
        kid = key.thumbprint()
        _write_key(self._folder / f"{number:04}-{kid}.jwk", key.as_dict(private=True))
        return kid

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("*.jwk"))


def check_signature(token: str, jwks: Mapping[str, Sequence[Any]]) -> Signed:
    """The statement in a compact JWS, once its signature holds under a key of the set.

    Raises SignatureRefused: no whole statement, no keys, a `kid` that is not among them, or altered by even one
    character.
    """
    kid = _read_kid(token)
    keys = _read_keys(jwks)
    if kid not in {key.kid for key in keys.keys}:
        raise SignatureRefused(_unknown_key(kid, len(keys.keys)))
    try:
        payload = json.loads(jws.deserialize_compact(token.strip(), keys, registry=_ED25519).payload)
    except (JoseError, ValueError) as wrong:
        raise SignatureRefused(_altered(kid)) from wrong
    if not isinstance(payload, dict):
        raise SignatureRefused(NOT_WHOLE)
    return Signed(kid=kid, payload=payload)


def _read_kid(token: str) -> str:
    try:
        header, _, _ = token.strip().split(".")
        return str(json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))["kid"])
    except (ValueError, KeyError, TypeError) as wrong:
        raise SignatureRefused(NOT_WHOLE) from wrong


def _read_keys(jwks: Mapping[str, Sequence[Any]]) -> KeySet:
    try:
        return KeySet.import_key_set({"keys": list(jwks["keys"])})
    except (JoseError, ValueError, KeyError, TypeError, AttributeError) as wrong:
        raise SignatureRefused(NO_KEYS) from wrong


NOT_WHOLE = Message(
    id="Tanda tangan tidak sah: ini bukan pernyataan bertanda tangan yang utuh (tiga bagian dengan titik di antaranya). "
    "Unduh lagi berkas .jws-nya.",
    en="The signature does not hold: this is no whole signed statement (three parts with dots between them). Download "
    "the .jws file again.",
)
NO_KEYS = Message(
    id=f"Tanda tangan tidak bisa diperiksa: berkas kuncinya bukan daftar kunci. Ambil dari {PUBLISHED_AT}.",
    en=f"The signature cannot be checked: the file of keys is no set of keys. Get it from {PUBLISHED_AT}.",
)


def _unknown_key(kid: str, known: int) -> Message:
    return Message(
        id=f"Tanda tangan tidak sah: kunci {kid} tidak ada di antara {known} kunci yang diberikan. Ambil kunci terbaru "
        f"dari {PUBLISHED_AT}; kalau tetap tidak ada, dokumen ini bukan dari layanan itu.",
        en=f"The signature does not hold: the key {kid} is not among the {known} that were given. Get the current keys "
        f"from {PUBLISHED_AT}; if it is not there either, the document is not of that service.",
    )


def _altered(kid: str) -> Message:
    return Message(
        id=f"Tanda tangan tidak sah: isinya bukan yang ditandatangani dengan kunci {kid}. Berkas ini diubah atau "
        "terpotong; minta dokumen aslinya.",
        en=f"The signature does not hold: the content is not what was signed with the key {kid}. The file was changed "
        "or cut off; ask for the original.",
    )


LAST_IS_PUBLIC = Message(
    id="Kunci terakhir tidak punya bagian rahasia. Pulihkan map 'keys' dari cadangan, atau buat kunci baru: "
    "'qc-service key rotate'.",
    en="The last key has no private half. Restore the folder 'keys' from a copy, or make a new key: "
    "'qc-service key rotate'.",
)


def _public(key: OKPKey) -> dict[str, Any]:
    return {
        **key.as_dict(private=False),
        "kid": key.thumbprint(),
        "alg": ALGORITHM,
        "use": "sig",
    }


def _read_key(path: Path) -> OKPKey:
    try:
        return OKPKey.import_key(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, JoseError) as wrong:
        raise StorageError(
            Message(
                id=f"Kunci {path} tidak terbaca ({wrong}). Pulihkan dari cadangan.",
                en=f"The key {path} cannot be read ({wrong}). Restore it from a copy.",
            )
        ) from wrong


def _write_key(path: Path, jwk: Mapping[str, Any]) -> None:
    half = path.with_suffix(".part")
    try:
        # readable by its owner alone from the first moment
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(dict(jwk), file)
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
        sync_folder(path.parent)
    except OSError as wrong:
        raise cannot_write(path, wrong) from wrong
