"""Signed in as whoever the request names in `by`, with every role: what most tests mean by a client."""

import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager

import httpx2
from fastapi import FastAPI
from fastapi.testclient import TestClient

from service.accounts import PassKind, add_account, find_account, make_pass
from service.caller import Role
from service.store import Store, now

NAMED = re.compile(rb'(?:"by":\s*"|name="by"\r\n\r\n)([A-Za-z0-9_-]{1,32})["\r]')
OTHERWISE = "Q-1"


class AsNamed(httpx2.Auth):
    """Adds the token of the account that the body names, else that of OTHERWISE; makes it where it is missing."""

    requires_request_body = True

    def __init__(self, store: Store) -> None:
        self.store = store
        self._tokens: dict[str, str] = {}

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        if "authorization" not in request.headers:
            named = NAMED.search(request.content)
            code = named.group(1).decode() if named else OTHERWISE
            request.headers["authorization"] = f"Bearer {self.token(code)}"
        yield request

    def token(self, code: str, *roles: Role) -> str:
        """A token of the account, made with these roles, or with all."""
        if code not in self._tokens:
            self._tokens[code] = new_pass(self.store, code, PassKind.TOKEN, *roles)
        return self._tokens[code]


def new_pass(store: Store, code: str, kind: PassKind, *roles: Role) -> str:
    """The secret of a new pass of an account, which is made where it is missing."""
    add_missing(store, code, *roles)
    with store.changing() as connection:
        return make_pass(connection, kind, code, by="test", now=now()).secret


def add_missing(store: Store, code: str, *roles: Role) -> None:
    """Makes the account with these roles, or with all, unless it is there."""
    with store.changing() as connection:
        if find_account(connection, code) is None:
            add_account(connection, code, frozenset(roles or Role), by="test", now=now())


@contextmanager
def signed_in(app: FastAPI, *, raise_server_exceptions: bool = True) -> Iterator[TestClient]:
    """A client of the started app that acts as whoever each request names."""
    with TestClient(app, raise_server_exceptions=raise_server_exceptions) as client:
        client.auth = AsNamed(app.state.desk.store)
        yield client
