"""Sign-in through an OpenID Connect provider: authorization code with PKCE, state and nonce.

What comes out is who the provider says it is, checked; whether that opens an account is for `sign_in` to say. Nothing
is asked of the provider before somebody signs in through it. Sources: OpenID Connect Core 1.0 (3.1.3.7), RFC 7636,
RFC 9207, RFC 9700.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import httpx2
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from qc_vision.errors import QcVisionError
from qc_vision.message import Message

TIMEOUT_S = 10.0
LEEWAY_S = 60
FRESH = timedelta(minutes=10)
"""How old a proof of identity may be, and how long somebody may take at the provider."""
ANEW = timedelta(hours=1)
"""How long the provider's description of itself is taken as known."""
SIGNED_WITH = ("RS256", "PS256", "ES256", "EdDSA")
"""Never `none`, never a secret that both sides know."""


class IdentityRefused(QcVisionError):
    """What the provider or the browser brought back does not hold; `why` is for the audit, one word."""

    def __init__(self, why: str) -> None:
        super().__init__(NOT_PROVEN)
        self.why = why


class ProviderAway(QcVisionError):
    """The provider does not answer, or not as a provider does."""

    def __init__(self) -> None:
        super().__init__(AWAY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A sign-in on its way, as the browser's cookie holds it. None of it is secret from that browser."""

    state: str
    nonce: str
    verifier: str

    def packed(self) -> str:
        return ".".join((self.state, self.nonce, self.verifier))


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whom the provider vouches for. `nonce` is of this one sign-in."""

    issuer: str
    subject: str
    nonce: str


class OpenId:
    """A provider, as the settings name it. What it says of itself and its keys are kept for a while."""

    def __init__(
        self,
        *,
        issuer: str,
        client_id: str,
        client_secret: str | None,
        back_at: str,
        clock: Callable[[], datetime],
    ) -> None:
        self.issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._back_at = back_at
        self._clock = clock
        self._known: tuple[datetime, Mapping[str, Any]] | None = None
        self._keys: KeySet | None = None

    def begin(self) -> tuple[str, Begun]:
        """Where to send the browser, and what it must bring back. Raises ProviderAway."""
        begun = Begun(
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
        )
        challenge = base64.urlsafe_b64encode(hashlib.sha256(begun.verifier.encode()).digest()).rstrip(b"=")
        asked = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._back_at,
            "scope": "openid",
            "state": begun.state,
            "nonce": begun.nonce,
            "code_challenge": challenge.decode(),
            "code_challenge_method": "S256",
        }
        return _with_query(self._endpoint("authorization_endpoint"), asked), begun

    def finish(self, begun: Begun | None, brought: Mapping[str, str]) -> Identity:
        """Who it is, by what the browser brought back in its address. Raises IdentityRefused or ProviderAway."""
        if begun is None or not hmac.compare_digest(begun.state.encode(), brought.get("state", "").encode()):
            raise IdentityRefused("state")
        if brought.get("iss", self.issuer) != self.issuer:
            raise IdentityRefused("issuer")
        if "error" in brought or not brought.get("code"):
            raise IdentityRefused("provider")
        return self._check(self._redeem(brought["code"], begun.verifier), begun.nonce)

    def sign_out_at(self, onward: str) -> str | None:
        """Where the browser signs out at the provider too, None where that offers no such thing."""
        try:
            there = self._describe().get("end_session_endpoint")
        except ProviderAway:
            return None
        asked = {"client_id": self._client_id, "post_logout_redirect_uri": onward}
        return _with_query(there, asked) if isinstance(there, str) else None

    def _redeem(self, code: str, verifier: str) -> str:
        sent = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._back_at,
            "code_verifier": verifier,
        }
        ways = self._describe().get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        auth = None
        if self._client_secret is None:
            sent["client_id"] = self._client_id
        elif "client_secret_basic" in ways:
            # both are encoded first: RFC 6749, 2.3.1
            auth = httpx2.BasicAuth(quote(self._client_id, safe=""), quote(self._client_secret, safe=""))
        else:
            sent |= {"client_id": self._client_id, "client_secret": self._client_secret}
        answer = _ask("POST", self._endpoint("token_endpoint"), data=sent, auth=auth)
        if answer.is_client_error:  # a code that is spent, or another's
            raise IdentityRefused("code")
        token = _read(answer).get("id_token")
        if not isinstance(token, str):
            raise IdentityRefused("token")
        return token

    def _check(self, token: str, nonce: str) -> Identity:
        claims = self._open(token)
        at = int(self._clock().timestamp())
        registry = jwt.JWTClaimsRegistry(
            now=at,
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self.issuer},
            aud={"essential": True, "value": self._client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            registry.validate(claims)
        except JoseError as wrong:
            raise IdentityRefused(getattr(wrong, "claim", None) or "claims") from wrong
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if (several or "azp" in claims) and claims.get("azp") != self._client_id:
            raise IdentityRefused("azp")
        if claims["iat"] < at - FRESH.total_seconds() - LEEWAY_S:
            raise IdentityRefused("iat")
        if not isinstance(claims["sub"], str) or len(claims["sub"]) > 255:
            raise IdentityRefused("sub")
        return Identity(issuer=self.issuer, subject=claims["sub"], nonce=nonce)

    def _open(self, token: str) -> dict[str, Any]:
        offered = self._describe().get("id_token_signing_alg_values_supported", ["RS256"])
        allowed = [name for name in SIGNED_WITH if name in offered]
        for anew in (False, True):  # the provider may have changed its keys since they were read
            try:
                return jwt.decode(token, self._read_keys(anew=anew), algorithms=allowed).claims
            except (JoseError, ValueError) as wrong:
                if anew:
                    raise IdentityRefused("signature") from wrong
        raise AssertionError

    def _read_keys(self, *, anew: bool) -> KeySet:
        if self._keys is None or anew:
            published = _read(_ask("GET", self._endpoint("jwks_uri")))
            self._keys = KeySet.import_key_set(published)  # type: ignore[arg-type]
        return self._keys

    def _describe(self) -> Mapping[str, Any]:
        at = self._clock()
        if self._known is None or at - self._known[0] > ANEW:
            found = _read(_ask("GET", f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"))
            if found.get("issuer") != self.issuer:
                raise ProviderAway
            self._known = at, found
        return self._known[1]

    def _endpoint(self, name: str) -> str:
        there = self._describe().get(name)
        if not isinstance(there, str):
            raise ProviderAway
        return there


def unpack(cookie: str) -> Begun | None:
    """The sign-in that a cookie holds, None where it holds none."""
    parts = cookie.split(".")
    if len(parts) != 3 or not all(parts):
        return None
    state, nonce, verifier = parts
    return Begun(state=state, nonce=nonce, verifier=verifier)


def _ask(method: str, address: str, **more: Any) -> httpx2.Response:
    try:
        return httpx2.request(method, address, timeout=TIMEOUT_S, follow_redirects=False, **more)
    except (httpx2.HTTPError, httpx2.InvalidURL) as wrong:
        raise ProviderAway from wrong


def _read(answer: httpx2.Response) -> Mapping[str, Any]:
    try:
        found = answer.json() if answer.is_success else None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ProviderAway
    return found


def _with_query(address: str, asked: Mapping[str, str]) -> str:
    return f"{address}{'&' if '?' in address else '?'}{urlencode(asked)}"


NOT_PROVEN = Message(
    id="Masuk lewat penyedia identitas tidak berhasil. Coba lagi dari halaman masuk.",
    en="Signing in through the identity provider did not work. Try again from the sign-in page.",
)
AWAY = Message(
    id="Penyedia identitas tidak menjawab. Coba lagi nanti, atau masuk dengan kata sandi.",
    en="The identity provider does not answer. Try again later, or sign in with a password.",
)
