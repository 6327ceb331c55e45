"""Ed25519 keys, and the signed statements (JWS, RFC 7515) that others check with the published ones.

A key's `kid` is its thumbprint (RFC 7638). Rotation drops the private half of the old key, so that nobody can
later sign in its name; its public half stays published, so that old signatures remain checkable.
"""

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

from qc_vision.errors import QcVisionError, StorageError
from qc_vision.message import Message
from service.alone import alone_in
from service.photos import cannot_write, sync_folder

ALGORITHM: Literal["Ed25519"] = "Ed25519"
"""The name that RFC 9864 gives it in place of the deprecated `EdDSA`."""

PUBLISHED_AT = "/.well-known/jwks.json"


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
        return jws.serialize_compact(header, rfc8785.dumps(dict(payload)), key, algorithms=[ALGORITHM])

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

    Raises SignatureRefused: wrong algorithm, unknown `kid`, or altered by even one character.
    """
    try:
        keys = KeySet.import_key_set({"keys": list(jwks["keys"])})
        read = jws.deserialize_compact(token.strip(), keys, algorithms=[ALGORITHM])
        payload = json.loads(read.payload)
        if not isinstance(payload, dict):
            raise ValueError("the payload is no object")
        return Signed(kid=str(read.headers()["kid"]), payload=payload)
    except (JoseError, ValueError, KeyError, TypeError) as wrong:
        raise SignatureRefused(
            Message(
                id=f"Tanda tangan tidak sah ({wrong}). Minta dokumen aslinya, atau kunci terbaru dari "
                f"{PUBLISHED_AT}.",
                en=f"The signature does not hold ({wrong}). Ask for the original, or for the current keys at "
                f"{PUBLISHED_AT}.",
            )
        ) from wrong


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
