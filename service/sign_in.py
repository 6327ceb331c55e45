"""Signing in with a password, and changing it: tries are counted before, in the database, and slow for unknown names."""

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select, update

from qc_vision.errors import QcVisionError
from qc_vision.message import Message
from service.account_tables import ACCOUNTS, ATTEMPTS, IDENTITIES
from service.accounts import Pass, PassKind, end_other_sessions, make_pass
from service.audit import Act, note, note_refusal
from service.openid import Identity
from service.passwords import Hashes, decoy, refuse_weak
from service.store import Store

WINDOW = timedelta(minutes=15)
AT_MOST = {"account": 10, "address": 50}
"""Tries within WINDOW: 40 an hour for one account, where ASVS 4.0.3 (2.2.1) allows 100. WINDOW is longer than
a proof of identity is fresh (`openid.FRESH`): so long it is remembered that it was used."""


class SignInRefused(QcVisionError):
    """Code or password is wrong; which one is not said."""


class TooManyTries(QcVisionError):
    """Tried too often; wait."""


class IdentityUnknown(QcVisionError):
    """The provider vouches for somebody who has no account here; `subject`: how it calls them."""

    def __init__(self, subject: str) -> None:
        super().__init__(UNLINKED)
        self.subject = subject


class OldPasswordWrong(QcVisionError):
    """Who changes a password must know the old one, even signed in."""


def sign_in(store: Store, code: str, password: str, *, address: str, hashes: Hashes, now: datetime) -> Pass:
    """A session of the account. Raises SignInRefused, or TooManyTries before the password is looked at."""
    held, known = _count_try(store, {"account": code, "address": address}, code, now=now)
    if not _is_right(held, password, hashes):
        note_refusal(store, Act.SIGN_IN_REFUSED, account=known, now=now)
        raise SignInRefused(WRONG)
    with store.changing() as connection:
        _forget_tries(connection, code)
        made = make_pass(connection, PassKind.SESSION, code, by=code, now=now)
        note(connection, Act.SIGNED_IN, account=code, by=code, now=now)
    return made


def sign_in_by_identity(store: Store, identity: Identity, *, now: datetime) -> Pass:
    """A session of the account that the identity is linked to, once. Raises SignInRefused or IdentityUnknown."""
    proof = _key("nonce", identity.nonce)
    with store.changing(alone=ATTEMPTS) as connection:
        used = connection.execute(select(ATTEMPTS.c.id).where(ATTEMPTS.c.key == proof)).first() is not None
        linked = (IDENTITIES.c.issuer == identity.issuer, IDENTITIES.c.subject == identity.subject)
        query = select(ACCOUNTS).join(IDENTITIES, IDENTITIES.c.account == ACCOUNTS.c.code).where(*linked)
        row = connection.execute(query).first()
        made = None
        if not used:
            connection.execute(insert(ATTEMPTS).values(key=proof, at=now.isoformat()))
        if not used and row is not None and row.disabled_at is None:
            made = make_pass(connection, PassKind.SESSION, row.code, by=row.code, now=now, by_identity=True)
            note(connection, Act.SIGNED_IN, account=row.code, by=row.code, now=now, detail="identity")
    if made is not None:
        return made
    why = "used" if used else "unlinked" if row is None else "disabled"
    code = None if row is None else row.code
    note_refusal(store, Act.SIGN_IN_REFUSED, account=code, now=now, detail=f"identity: {why}")
    if row is None:
        raise IdentityUnknown(identity.subject)
    raise SignInRefused(NOT_THIS_WAY)


def count_sender(store: Store, address: str, *, now: datetime) -> None:
    """Counts a try from an address of the network. Raises TooManyTries."""
    _count_try(store, {"address": address}, "", now=now)


def change_password(
    store: Store, code: str, *, old: str, new: str, session: str, hashes: Hashes, now: datetime
) -> None:
    """Sets the account's password and ends its sessions and links, except the `session` that asks (its secret).

    Raises OldPasswordWrong, TooManyTries, or WeakPassword.
    """
    held, _ = _count_try(store, {"account": code}, code, now=now)
    if not _is_right(held, old, hashes):
        note_refusal(store, Act.SIGN_IN_REFUSED, account=code, by=code, now=now, detail="password change")
        raise OldPasswordWrong(WRONG_OLD)
    refuse_weak(new, code=code)
    hashed = hashes.hash(new)
    with store.changing() as connection:
        _forget_tries(connection, code)
        connection.execute(update(ACCOUNTS).where(ACCOUNTS.c.code == code).values(password_hash=hashed))
        end_other_sessions(connection, code, session)
        note(connection, Act.PASSWORD_CHANGED, account=code, by=code, now=now)


def _count_try(
    store: Store, tried: dict[str, str], code: str, *, now: datetime
) -> tuple[str | None, str | None]:
    """The hash that the account's password has, and its code where it is known. Raises TooManyTries."""
    keys = {name: _key(name, value) for name, value in tried.items()}
    with store.changing(alone=ATTEMPTS) as connection:
        too_often = _count(connection, keys, now=now)
        row = connection.execute(select(ACCOUNTS).where(ACCOUNTS.c.code == code)).first()
    known = None if row is None else code
    if too_often:
        note_refusal(store, Act.LOCKED_OUT, account=known, now=now)
        raise TooManyTries(WAIT)
    return (None if row is None or row.disabled_at is not None else row.password_hash), known


def _is_right(held: str | None, password: str, hashes: Hashes) -> bool:
    return hashes.verify(held or decoy(hashes), password) and held is not None


def _forget_tries(connection: Connection, code: str) -> None:
    connection.execute(delete(ATTEMPTS).where(ATTEMPTS.c.key == _key("account", code)))


def _count(connection: Connection, keys: dict[str, str], *, now: datetime) -> bool:
    """Whether one of the keys was tried too often; else this try is counted."""
    connection.execute(delete(ATTEMPTS).where(ATTEMPTS.c.at < (now - WINDOW).isoformat()))
    for name, key in keys.items():
        tried = select(func.count()).select_from(ATTEMPTS).where(ATTEMPTS.c.key == key)
        if connection.execute(tried).scalar_one() >= AT_MOST[name]:
            return True
    connection.execute(insert(ATTEMPTS), [{"key": key, "at": now.isoformat()} for key in keys.values()])
    return False


def _key(name: str, value: str) -> str:
    return hashlib.sha256(f"{name}:{value}".encode()).hexdigest()


WRONG = Message(
    id="Kode atau kata sandi salah. Coba lagi, atau minta tautan baru kepada pengelola.",
    en="Code or password is wrong. Try again, or ask the administrator for a new link.",
)
WRONG_OLD = Message(
    id="Kata sandi lama salah. Coba lagi, atau minta tautan baru kepada pengelola.",
    en="The old password is wrong. Try again, or ask the administrator for a new link.",
)
UNLINKED = Message(
    id="Identitas ini belum dihubungkan ke akun. Berikan kode berikut kepada pengelola.",
    en="This identity is not linked to an account yet. Give the following code to the administrator.",
)
NOT_THIS_WAY = Message(
    id="Masuk ditolak. Coba lagi dari halaman masuk, atau hubungi pengelola.",
    en="The sign-in is refused. Try again from the sign-in page, or ask the administrator.",
)
WAIT = Message(
    id="Terlalu banyak percobaan masuk. Tunggu 15 menit, lalu coba lagi.",
    en="Too many tries to sign in. Wait 15 minutes, then try again.",
)
