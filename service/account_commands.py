"""`qc-service account`: add and list accounts, their roles, links to set a password, lost second factors, tokens of
machines, the audit.

JSON on stdout, words for people on stderr. A link or a token is shown here once and kept nowhere.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta

from sqlalchemy import Connection

from qc_vision.message import Message
from service.accounts import (
    Account,
    AccountError,
    Pass,
    PassKind,
    add_account,
    disable,
    link_identity,
    list_accounts,
    make_pass,
    revoke_token,
    set_groups,
    set_roles,
)
from service.audit import Asked, read_audit
from service.caller import Role
from service.second_factor import remove_lost
from service.settings import Settings
from service.store import Store, now, open_database

COMMAND_LINE = "command line"
FIRST = "A-01"
"""The code of the first account, which may do everything; more are added on the command line."""


def first_link(store: Store, address: str) -> str | None:
    """A one-time link for the first account, made where nobody can sign in yet; None where somebody can."""
    with store.changing() as connection:
        accounts = list_accounts(connection)
        if any(account.has_password for account in accounts):
            return None
        if FIRST not in [account.code for account in accounts]:
            add_account(connection, FIRST, frozenset(Role), by=COMMAND_LINE, now=now())
        made = make_pass(connection, PassKind.LINK, FIRST, by=COMMAND_LINE, now=now())
    return _address(made, address)


def add(settings: Settings, code: str, roles: frozenset[Role], *, groups: frozenset[str] | None) -> None:
    """Adds an account and prints the one-time link to set its password."""
    with _changing(settings) as connection:
        add_account(connection, code, roles, by=COMMAND_LINE, now=now(), groups=groups)
        made = make_pass(connection, PassKind.LINK, code, by=COMMAND_LINE, now=now())
    _show(made, link=_address(made, settings.public_url))


def show_all(settings: Settings) -> None:
    """Prints every account."""
    with _changing(settings) as connection:
        _print(list_accounts(connection))


def change_roles(settings: Settings, code: str, roles: frozenset[Role]) -> None:
    """Gives the account these roles and no others; prints every account."""
    with _changing(settings) as connection:
        set_roles(connection, code, roles, by=COMMAND_LINE, now=now())
        _print(list_accounts(connection))


def change_scope(settings: Settings, code: str, groups: frozenset[str] | None) -> None:
    """Holds the account to these village groups, None: to none; prints every account."""
    with _changing(settings) as connection:
        set_groups(connection, code, groups, by=COMMAND_LINE, now=now())
        _print(list_accounts(connection))


def close(settings: Settings, code: str) -> None:
    """Ends the account and all that lets it in; prints every account."""
    with _changing(settings) as connection:
        disable(connection, code, by=COMMAND_LINE, now=now())
        _print(list_accounts(connection))


def link(settings: Settings, code: str) -> None:
    """Prints a one-time link to set the account's password."""
    with _changing(settings) as connection:
        made = make_pass(connection, PassKind.LINK, code, by=COMMAND_LINE, now=now())
    _show(made, link=_address(made, settings.public_url))


def identity(settings: Settings, code: str, subject: str | None) -> None:
    """Lets who is `subject` at the provider open the account, None: nobody; prints every account."""
    if settings.oidc_issuer is None:
        raise AccountError(NO_PROVIDER)
    with _changing(settings) as connection:
        issuer = settings.oidc_issuer
        link_identity(connection, code, issuer=issuer, subject=subject, by=COMMAND_LINE, now=now())
        _print(list_accounts(connection))


def remove_second_factor(settings: Settings, code: str) -> None:
    """Takes the account's second factor away and ends its sessions; prints every account."""
    with _changing(settings) as connection:
        remove_lost(connection, code, by=COMMAND_LINE, now=now())
        _print(list_accounts(connection))


def token(settings: Settings, code: str, *, days: int) -> None:
    """Prints a machine's token of the account, good for so many days."""
    with _changing(settings) as connection:
        lasts = timedelta(days=days)
        made = make_pass(connection, PassKind.TOKEN, code, by=COMMAND_LINE, now=now(), lasts=lasts)
    _show(made, token=made.secret)


def revoke(settings: Settings, token_id: str) -> None:
    """Ends a token by its id; prints every account."""
    with _changing(settings) as connection:
        revoke_token(connection, token_id, by=COMMAND_LINE, now=now())
        _print(list_accounts(connection))


def show_log(settings: Settings, asked: Asked) -> None:
    """Prints the lines of the audit that were asked for."""
    store = open_database(settings.database)
    with store.reading() as connection:
        for line in read_audit(connection, asked):
            print(json.dumps({**asdict(line), "at": line.at.isoformat()}))
    store.close()


@contextmanager
def _changing(settings: Settings) -> Iterator[Connection]:
    store = open_database(settings.database)
    with store.changing() as connection:
        yield connection
    store.close()


def _address(made: Pass, address: str) -> str:
    return f"{address}/masuk#{made.secret}"


def _print(accounts: Sequence[Account]) -> None:
    for account in accounts:
        groups = "all" if account.groups is None else sorted(account.groups)
        print(json.dumps({**asdict(account), "roles": sorted(account.roles), "groups": groups}))


def _show(made: Pass, **secret: str) -> None:
    print(json.dumps({"id": made.id, **secret, "expires_at": made.expires_at.isoformat()}))
    print("Hanya ditampilkan sekali ini.\nShown only this once.", file=sys.stderr)


NO_PROVIDER = Message(
    id="QC_OIDC_ISSUER kosong: belum ada penyedia identitas. Isi di lingkungan atau di .env.",
    en="QC_OIDC_ISSUER is empty: there is no identity provider. Set it in the environment or in .env.",
)
