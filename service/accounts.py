"""Accounts and what lets them in: sessions, tokens of machines, one-time links. Only hashes of secrets are kept.

Every function works inside the caller's transaction, so that several processes see the same truth.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import uuid4

from sqlalchemy import Connection, delete, insert, select, update

from qc_vision.errors import QcVisionError
from qc_vision.message import Message
from service.account_tables import ACCOUNTS, IDENTITIES, PASSES, RECOVERY_CODES, SECOND_FACTORS
from service.audit import Act, note
from service.caller import Caller, Role
from service.passwords import Hashes, refuse_weak

IDLE = timedelta(minutes=30)
"""A session ends when nothing was asked for this long (ASVS 4.0.3, 3.3.2)."""
IDLE_IN_THE_FIELD = timedelta(hours=2)
"""Of an account that does nothing but photograph: longer than the way from house to house, where a password typed in
the sun gets shorter each time. What it could do with a phone left lying, a reviewer has to confirm."""
SEEN_EVERY = timedelta(minutes=1)
"""How exactly a session knows when it was last used; finer would write at every request."""


class PassKind(StrEnum):
    SESSION = "session"
    TOKEN = "token"  # noqa: S105 - a kind, no secret
    LINK = "link"


LASTS = {
    PassKind.SESSION: timedelta(hours=12),
    PassKind.TOKEN: timedelta(days=90),
    PassKind.LINK: timedelta(hours=24),
}


class AccountError(QcVisionError):
    """What was asked of an account cannot be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """`groups`: the village groups it is held to, None for all. `subject`: whom a provider calls so may open it.
    `second_factor`: whether the password alone does not."""

    code: str
    roles: frozenset[Role]
    has_password: bool
    disabled: bool
    groups: frozenset[str] | None
    subject: str | None
    second_factor: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """A pass just made; `secret` is shown once and kept nowhere."""

    id: str
    secret: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPass:
    """A session or a token that still lets its account in. `current`: the one that asks."""

    id: str
    kind: PassKind
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    current: bool


def idle_of(roles: frozenset[Role]) -> timedelta:
    """How long a session of an account with these roles may lie idle."""
    return IDLE_IN_THE_FIELD if roles == {Role.INSPECTOR} else IDLE


def hash_secret(secret: str) -> str:
    """Secrets are 256 random bits: a plain hash is enough, nobody guesses one."""
    return hashlib.sha256(secret.encode()).hexdigest()


def add_account(
    connection: Connection,
    code: str,
    roles: frozenset[Role],
    *,
    by: str,
    now: datetime,
    groups: frozenset[str] | None = None,
) -> None:
    """A new account without a password. Raises AccountError where the code is taken."""
    if find_account(connection, code) is not None:
        raise AccountError(TAKEN)
    row = {
        "code": code,
        "roles": _join(roles),
        "created_at": now.isoformat(),
        "groups": _join_groups(groups),
    }
    connection.execute(insert(ACCOUNTS).values(row))
    note(
        connection, Act.ACCOUNT_ADDED, account=code, by=by, now=now, detail=f"{_join(roles)} {_told(groups)}"
    )


def set_roles(connection: Connection, code: str, roles: frozenset[Role], *, by: str, now: datetime) -> None:
    """Gives the account these roles and no others."""
    _known(connection, code)
    connection.execute(update(ACCOUNTS).where(ACCOUNTS.c.code == code).values(roles=_join(roles)))
    note(connection, Act.ROLES_CHANGED, account=code, by=by, now=now, detail=_join(roles))


def set_groups(
    connection: Connection, code: str, groups: frozenset[str] | None, *, by: str, now: datetime
) -> None:
    """Holds the account to these village groups, or to none: it sees all."""
    _known(connection, code)
    values = {"groups": _join_groups(groups)}
    connection.execute(update(ACCOUNTS).where(ACCOUNTS.c.code == code).values(values))
    note(connection, Act.SCOPE_CHANGED, account=code, by=by, now=now, detail=_told(groups))


def disable(connection: Connection, code: str, *, by: str, now: datetime) -> None:
    """Ends the account and everything that lets it in; what it put on record stays."""
    _known(connection, code)
    values = {"disabled_at": now.isoformat(), "password_hash": None}
    connection.execute(update(ACCOUNTS).where(ACCOUNTS.c.code == code).values(values))
    for table in (PASSES, RECOVERY_CODES, SECOND_FACTORS):
        connection.execute(delete(table).where(table.c.account == code))
    note(connection, Act.DISABLED, account=code, by=by, now=now)


def link_identity(
    connection: Connection, code: str, *, issuer: str, subject: str | None, by: str, now: datetime
) -> None:
    """Lets who is `subject` at the provider open the account, and nobody else there; None: nobody at all.

    The account's sessions end. Raises AccountError where the subject opens another account.
    """
    _known(connection, code)
    theirs = (IDENTITIES.c.issuer == issuer, IDENTITIES.c.subject == subject, IDENTITIES.c.account != code)
    if subject is not None and connection.execute(select(IDENTITIES).where(*theirs)).first() is not None:
        raise AccountError(SUBJECT_TAKEN)
    connection.execute(delete(IDENTITIES).where(IDENTITIES.c.account == code))
    if subject is not None:
        row = {"issuer": issuer, "subject": subject, "account": code}
        connection.execute(insert(IDENTITIES).values(row))
    connection.execute(
        delete(PASSES).where(PASSES.c.account == code, PASSES.c.kind == PassKind.SESSION.value)
    )
    act = Act.IDENTITY_UNLINKED if subject is None else Act.IDENTITY_LINKED
    note(connection, act, account=code, by=by, now=now, detail=issuer)


def find_account(connection: Connection, code: str) -> Account | None:
    return next((account for account in list_accounts(connection) if account.code == code), None)


def list_accounts(connection: Connection) -> Sequence[Account]:
    subjects = {row.account: row.subject for row in connection.execute(select(IDENTITIES))}
    confirmed = select(SECOND_FACTORS.c.account).where(SECOND_FACTORS.c.confirmed_at.is_not(None))
    with_factor = set(connection.execute(confirmed).scalars())
    return [
        Account(
            code=row.code,
            roles=_split(row.roles),
            has_password=row.password_hash is not None,
            disabled=row.disabled_at is not None,
            groups=_split_groups(row.groups),
            subject=subjects.get(row.code),
            second_factor=row.code in with_factor,
        )
        for row in connection.execute(select(ACCOUNTS).order_by(ACCOUNTS.c.code))
    ]


def make_pass(
    connection: Connection,
    kind: PassKind,
    code: str,
    *,
    by: str,
    now: datetime,
    lasts: timedelta | None = None,
    by_identity: bool = False,
) -> Pass:
    """A session, a token or a link of the account. Raises AccountError where it may have none."""
    if _known(connection, code).disabled:
        raise AccountError(DISABLED)
    if kind is PassKind.LINK:  # a new link takes the place of older ones
        connection.execute(
            delete(PASSES).where(PASSES.c.account == code, PASSES.c.kind == PassKind.LINK.value)
        )
    made = Pass(
        id=uuid4().hex[:12],
        secret=f"qc_{secrets.token_urlsafe(32)}",
        expires_at=now + (lasts or LASTS[kind]),
    )
    row = {
        "sha256": hash_secret(made.secret),
        "id": made.id,
        "kind": kind.value,
        "account": code,
        "created_at": now.isoformat(),
        "seen_at": now.isoformat(),
        "expires_at": made.expires_at.isoformat(),
        "by_identity": by_identity,
    }
    connection.execute(insert(PASSES).values(row))
    if kind is not PassKind.SESSION:
        act = Act.TOKEN_MADE if kind is PassKind.TOKEN else Act.LINK_MADE
        note(connection, act, account=code, by=by, now=now, detail=made.id)
    return made


def find_caller(
    connection: Connection, kind: PassKind, secret: str, *, now: datetime
) -> tuple[Caller, bool] | None:
    """Who holds the secret, and whether it is time to `touch` it; None where it lets nobody in."""
    query = (
        select(PASSES, ACCOUNTS.c.roles, ACCOUNTS.c.groups, SECOND_FACTORS.c.confirmed_at)
        .join(ACCOUNTS, ACCOUNTS.c.code == PASSES.c.account)
        .outerjoin(SECOND_FACTORS, SECOND_FACTORS.c.account == PASSES.c.account)
        .where(
            PASSES.c.sha256 == hash_secret(secret),
            PASSES.c.kind == kind.value,
            ACCOUNTS.c.disabled_at.is_(None),
        )
    )
    row = connection.execute(query).first()
    if row is None or now >= datetime.fromisoformat(row.expires_at):
        return None
    caller = Caller(
        code=row.account,
        roles=_split(row.roles),
        groups=_split_groups(row.groups),
        by_password_alone=kind is PassKind.SESSION and not row.by_identity and row.confirmed_at is None,
    )
    unseen = now - datetime.fromisoformat(row.seen_at)
    if kind is PassKind.SESSION and unseen >= idle_of(caller.roles):
        return None
    return caller, unseen >= SEEN_EVERY


def touch(connection: Connection, secret: str, *, now: datetime) -> None:
    """That the pass was used just now."""
    mine = PASSES.c.sha256 == hash_secret(secret)
    connection.execute(update(PASSES).where(mine).values(seen_at=now.isoformat()))


def list_open(connection: Connection, code: str, secret: str, *, now: datetime) -> Sequence[OpenPass]:
    """The account's sessions and tokens that let it in, newest first; `secret` is of the one that asks."""
    query = (
        select(PASSES)
        .where(PASSES.c.account == code, PASSES.c.kind != PassKind.LINK.value)
        .order_by(PASSES.c.created_at.desc())
    )
    idle = idle_of(_known(connection, code).roles)
    found = [
        OpenPass(
            id=row.id,
            kind=PassKind(row.kind),
            created_at=datetime.fromisoformat(row.created_at),
            seen_at=datetime.fromisoformat(row.seen_at),
            expires_at=datetime.fromisoformat(row.expires_at),
            current=row.sha256 == hash_secret(secret),
        )
        for row in connection.execute(query)
    ]
    return [
        one
        for one in found
        if now < one.expires_at and (one.kind is PassKind.TOKEN or now - one.seen_at < idle)
    ]


def end_open(connection: Connection, code: str, pass_id: str, *, now: datetime) -> bool:
    """Ends one of the account's own sessions or tokens by its id; False where it has no such."""
    mine = (PASSES.c.id == pass_id, PASSES.c.account == code, PASSES.c.kind != PassKind.LINK.value)
    row = connection.execute(select(PASSES).where(*mine)).first()
    if row is None:
        return False
    connection.execute(delete(PASSES).where(*mine))
    act = Act.SESSION_ENDED if row.kind == PassKind.SESSION.value else Act.TOKEN_REVOKED
    note(connection, act, account=code, by=code, now=now, detail=pass_id)
    return True


def end_other_sessions(connection: Connection, code: str, secret: str) -> None:
    """Ends the account's sessions and links, except the session whose `secret` this is."""
    others = (PASSES.c.kind != PassKind.TOKEN.value, PASSES.c.sha256 != hash_secret(secret))
    connection.execute(delete(PASSES).where(PASSES.c.account == code, *others))


def end_session(connection: Connection, secret: str, *, now: datetime) -> bool:
    """Signs out: the session lets nobody in any more, wherever its cookie went. True where a provider opened it."""
    row = connection.execute(select(PASSES).where(PASSES.c.sha256 == hash_secret(secret))).first()
    if row is not None:
        connection.execute(delete(PASSES).where(PASSES.c.sha256 == row.sha256))
        note(connection, Act.SIGNED_OUT, account=row.account, by=row.account, now=now)
    return row is not None and row.by_identity


def revoke_token(connection: Connection, token_id: str, *, by: str, now: datetime) -> None:
    """Ends a token by its id. Raises AccountError where there is none."""
    mine = (PASSES.c.id == token_id, PASSES.c.kind == PassKind.TOKEN.value)
    row = connection.execute(select(PASSES).where(*mine)).first()
    if row is None:
        raise AccountError(NO_TOKEN)
    connection.execute(delete(PASSES).where(*mine))
    note(connection, Act.TOKEN_REVOKED, account=row.account, by=by, now=now, detail=token_id)


def open_link(connection: Connection, link: str, password: str, *, hashes: Hashes, now: datetime) -> str:
    """Sets the password of a one-time link's account and returns its code; the link and all sessions end.

    Raises AccountError where the link is used up, WeakPassword where the password will not do.
    """
    found = find_caller(connection, PassKind.LINK, link, now=now)
    if found is None:
        raise AccountError(USED_UP)
    code = found[0].code
    refuse_weak(password, code=code)
    connection.execute(delete(PASSES).where(PASSES.c.account == code, PASSES.c.kind != PassKind.TOKEN.value))
    values = {"password_hash": hashes.hash(password)}
    connection.execute(update(ACCOUNTS).where(ACCOUNTS.c.code == code).values(values))
    note(connection, Act.PASSWORD_SET, account=code, by=code, now=now)
    return code


def _known(connection: Connection, code: str) -> Account:
    account = find_account(connection, code)
    if account is None:
        raise AccountError(UNKNOWN)
    return account


def _join(roles: frozenset[Role]) -> str:
    return ",".join(sorted(role.value for role in roles))


def _join_groups(groups: frozenset[str] | None) -> str | None:
    return None if groups is None else ",".join(sorted(groups))


def _split_groups(groups: str | None) -> frozenset[str] | None:
    # an empty text is no permission to see all: only None is
    return None if groups is None else frozenset(group for group in groups.split(",") if group)


def _told(groups: frozenset[str] | None) -> str:
    return "groups: all" if groups is None else f"groups: {_join_groups(groups)}"


def _split(roles: str) -> frozenset[Role]:
    return frozenset(Role(role) for role in roles.split(",") if role)


TAKEN = Message(
    id="Kode akun itu sudah dipakai. Pilih lain.", en="That account code is taken. Choose another."
)
UNKNOWN = Message(
    id="Akun itu tidak ada. Lihat: qc-service account list.",
    en="There is no such account. See: qc-service account list.",
)
DISABLED = Message(id="Akun itu sudah ditutup.", en="That account is closed.")
SUBJECT_TAKEN = Message(
    id="Identitas itu sudah membuka akun lain. Lepaskan dulu: qc-service account identity KODE --none.",
    en="That identity opens another account. Take it away first: qc-service account identity CODE --none.",
)
NO_TOKEN = Message(id="Token itu tidak ada.", en="There is no such token.")
USED_UP = Message(
    id="Tautan ini sudah dipakai atau kedaluwarsa. Minta tautan baru kepada pengelola.",
    en="This link was used or has expired. Ask the administrator for a new one.",
)
