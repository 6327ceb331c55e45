"""An OpenID Connect provider on Authlib, served over HTTP: PKCE, client secrets and codes are checked by Authlib.

Its signed proofs can be spoilt, as a careless or hostile provider's would be.
"""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import (
    AuthorizationCodeMixin,
    ClientMixin,
    InvalidRequestError,
    grants,
)
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import OpenIDCode, UserInfo
from flask import Flask, Response, jsonify, redirect, request
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from werkzeug.serving import make_server

CLIENT, SECRET = "qc service:1", "s3cret +/"
"""As hard to encode as a provider may make them."""
KEYS = [RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True) for _ in range(2)]
Spoil = Callable[[dict[str, Any], dict[str, Any]], None]


@dataclass
class Code(AuthorizationCodeMixin):
    code: str
    redirect_uri: str
    nonce: str
    challenge: str
    method: str

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return "openid"

    def get_nonce(self) -> str:
        return self.nonce

    def get_auth_time(self) -> None:
        return None

    get_acr = get_amr = get_auth_time


class Client(ClientMixin):
    def __init__(self, back_at: str) -> None:
        self._back_at = back_at

    def get_client_id(self) -> str:
        return CLIENT

    def get_default_redirect_uri(self) -> str:
        return self._back_at

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == self._back_at

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == SECRET

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "client_secret_basic"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


class Provider:
    """What the provider is to do. `subject`: who is signed in there; `spoil` changes header and claims of a proof;
    `forgetful`: its codes may be redeemed twice; `asked`: the paths that were asked for."""

    def __init__(self, *, back_at: str) -> None:
        self.issuer = ""
        self.subject = "248289761001"
        self.spoil: Spoil = lambda header, claims: None
        self.forgetful = False
        self.asked: list[str] = []
        self.codes: dict[str, Code] = {}
        self.client = Client(back_at)
        self._keys = cycle(KEYS)
        self.rotate()

    def rotate(self) -> None:
        """The other key takes the place of the one before."""
        self.key = next(self._keys)

    def sign(self, header: dict[str, Any], claims: dict[str, Any]) -> str:
        if header["alg"] == "RS256":
            return jwt.encode(header, claims, self.key, algorithms=["RS256"])
        return compact(header, claims, lambda _: b"")


def compact(header: dict[str, Any], claims: dict[str, Any], sign: Callable[[bytes], bytes]) -> str:
    """A JWT put together by hand, as no library would."""
    parts = [json.dumps(part).encode() for part in (header, claims)]
    said = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    return b".".join((said, base64.urlsafe_b64encode(sign(said)).rstrip(b"="))).decode()


@contextmanager
def serving(provider: Provider) -> Iterator[None]:
    """The provider, reached over HTTP while the context lasts."""
    server = make_server("127.0.0.1", 0, _application(provider), threaded=True)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield
    server.shutdown()
    thread.join()
    server.server_close()


def _application(provider: Provider) -> Flask:
    app = Flask("provider")
    server = AuthorizationServer(
        app, query_client=lambda _: provider.client, save_token=lambda token, asked: None
    )

    class CodeGrant(grants.AuthorizationCodeGrant):
        TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic",)

        def save_authorization_code(self, code: str, asked: Any) -> None:
            sent = asked.payload.data
            provider.codes[code] = Code(
                code=code,
                redirect_uri=sent["redirect_uri"],
                nonce=sent["nonce"],
                challenge=sent["code_challenge"],
                method=sent["code_challenge_method"],
            )

        def query_authorization_code(self, code: str, client: Client) -> Code | None:
            return provider.codes.get(code)

        def delete_authorization_code(self, authorization_code: Code) -> None:
            if not provider.forgetful:
                del provider.codes[authorization_code.code]

        def authenticate_user(self, authorization_code: Code) -> str:
            return provider.subject

    class Challenge(CodeChallenge):
        SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)

        def get_authorization_code_challenge(self, authorization_code: Code) -> str:
            return authorization_code.challenge

        def get_authorization_code_challenge_method(self, authorization_code: Code) -> str:
            return authorization_code.method

    class Proof(OpenIDCode):
        def exists_nonce(self, nonce: str, asked: Any) -> bool:
            return any(code.nonce == nonce for code in provider.codes.values())

        def resolve_client_private_key(self, client: Client) -> KeySet:
            return KeySet([provider.key])

        def get_client_algorithm(self, client: Client) -> str:
            return "RS256"

        def get_encode_header(self, client: Client) -> dict[str, str]:
            return {"alg": "RS256", "kid": str(provider.key.kid)}

        def get_client_claims(self, client: Client) -> dict[str, Any]:
            return {"iss": provider.issuer, "aud": [CLIENT]}

        def generate_user_info(self, user: str, scope: str) -> UserInfo:
            return UserInfo(sub=user)

        def encode_id_token(self, token: dict[str, Any], asked: Any) -> str:
            made = jwt.decode(super().encode_id_token(token, asked), provider.key)
            provider.spoil(made.header, made.claims)
            return provider.sign(made.header, made.claims)

    server.register_grant(CodeGrant, [Challenge(required=True), Proof(require_nonce=True)])

    @app.before_request
    def note() -> None:
        provider.asked.append(request.path)

    @app.get("/.well-known/openid-configuration")
    def describe() -> Response:
        return jsonify(
            issuer=provider.issuer,
            authorization_endpoint=f"{provider.issuer}/authorize",
            token_endpoint=f"{provider.issuer}/token",
            jwks_uri=f"{provider.issuer}/jwks",
            end_session_endpoint=f"{provider.issuer}/leave",
            id_token_signing_alg_values_supported=["RS256", "none", "HS256"],
        )

    @app.get("/jwks")
    def jwks() -> Response:
        return jsonify(KeySet([provider.key]).as_dict(private=False))

    @app.get("/authorize")
    def authorize() -> Any:
        try:
            grant = server.get_consent_grant(end_user=provider.subject)
        except InvalidRequestError as wrong:
            return jsonify(dict(wrong.get_body())), 400
        return server.create_authorization_response(grant=grant, grant_user=provider.subject)

    @app.post("/token")
    def token() -> Any:
        return server.create_token_response()

    @app.get("/leave")
    def leave() -> Any:
        return redirect(request.args["post_logout_redirect_uri"])

    return app
