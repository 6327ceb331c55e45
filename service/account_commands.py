"""`qc-service account`: add and list accounts, their roles, links to set a password, tokens of machines.

JSON on stdout, words for people on stderr. A link or a token is shown here once and kept nowhere.
"""

import json
import sys
from dataclasses import asdict
from datetime import timedelta

from qc_vision.message import Message
from service.accounts import (
    Account,
    AccountError,
    PassKind,
    add_account,
    disable,
    list_accounts,
    make_pass,
    revoke_token,
    set_groups,
    set_roles,
)
from service.caller import Role
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
    return f"{address}/masuk#{made.secret}"


def _told(account: Account) -> list[str] | str:
    return "all" if account.groups is None else sorted(account.groups)


def run_account_command(
    settings: Settings,
    what: str,
    *,
    code: str,
    roles: frozenset[Role],
    days: int,
    groups: frozenset[str] | None,
    everything: bool,
) -> int:
    """`everything`: `scope` is to lift the limit. One of `add`, `list`, `role`, `scope`, `disable`, `link`, `token`, `revoke`; `code` is the token's id in `revoke`."""
    store = open_database(settings.database)
    lasts = timedelta(days=days)
    made = None
    with store.changing() as connection:
        match what:
            case "add":
                add_account(connection, code, roles, by=COMMAND_LINE, now=now(), groups=groups)
                made = make_pass(connection, PassKind.LINK, code, by=COMMAND_LINE, now=now())
            case "role":
                set_roles(connection, code, roles, by=COMMAND_LINE, now=now())
            case "scope":
                if everything == (groups is not None):
                    raise AccountError(WHICH)
                set_groups(connection, code, groups, by=COMMAND_LINE, now=now())
            case "disable":
                disable(connection, code, by=COMMAND_LINE, now=now())
            case "link":
                made = make_pass(connection, PassKind.LINK, code, by=COMMAND_LINE, now=now())
            case "token":
                made = make_pass(connection, PassKind.TOKEN, code, by=COMMAND_LINE, now=now(), lasts=lasts)
            case "revoke":
                revoke_token(connection, code, by=COMMAND_LINE, now=now())
        accounts = list_accounts(connection)
    store.close()
    if made is None:
        for account in accounts:
            print(json.dumps({**asdict(account), "roles": sorted(account.roles), "groups": _told(account)}))
        return 0
    shown = made.secret if what == "token" else f"{settings.public_url}/masuk#{made.secret}"
    print(
        json.dumps(
            {
                "id": made.id,
                what if what == "token" else "link": shown,
                "expires_at": made.expires_at.isoformat(),
            }
        )
    )
    print("Hanya ditampilkan sekali ini.\nShown only this once.", file=sys.stderr)
    return 0


WHICH = Message(
    id="Sebutkan kelompok dengan --group, atau --all untuk semua kelompok.",
    en="Name groups with --group, or --all for all of them.",
)
