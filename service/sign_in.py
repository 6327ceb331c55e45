"""Signing in with a password: counted before it is tried, in the database, and as slow for unknown names."""

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select

from qc_vision.errors import QcVisionError
from qc_vision.message import Message
from service.account_tables import ACCOUNTS, ATTEMPTS
from service.accounts import Pass, PassKind, make_pass, note
from service.passwords import Hashes, decoy
from service.store import Store

WINDOW = timedelta(minutes=15)
AT_MOST = {"account": 10, "address": 50}
"""Tries within WINDOW: 40 an hour for one account, where ASVS 4.0.3 (2.2.1) allows 100."""


class SignInRefused(QcVisionError):
    """Code or password is wrong; which one is not said."""


class TooManyTries(QcVisionError):
    """Tried too often; wait."""


def sign_in(store: Store, code: str, password: str, *, address: str, hashes: Hashes, now: datetime) -> Pass:
    """A session of the account. Raises SignInRefused, or TooManyTries before the password is looked at."""
    keys = {name: _key(name, value) for name, value in (("account", code), ("address", address))}
    with store.changing(alone=ATTEMPTS) as connection:
        refused = _count(connection, keys, now=now)
        row = connection.execute(select(ACCOUNTS).where(ACCOUNTS.c.code == code)).first()
        if refused:
            note(connection, "locked_out", account=None if row is None else code, by="-", now=now)
    if refused:
        raise TooManyTries(WAIT)
    held = None if row is None or row.disabled_at is not None else row.password_hash
    right = hashes.verify(held or decoy(hashes), password) and held is not None
    with store.changing() as connection:
        if not right:
            note(connection, "sign_in_refused", account=None if row is None else code, by="-", now=now)
        else:
            connection.execute(delete(ATTEMPTS).where(ATTEMPTS.c.key == keys["account"]))
            made = make_pass(connection, PassKind.SESSION, code, by=code, now=now)
            note(connection, "signed_in", account=code, by=code, now=now)
    if not right:
        raise SignInRefused(WRONG)
    return made


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
WAIT = Message(
    id="Terlalu banyak percobaan masuk. Tunggu 15 menit, lalu coba lagi.",
    en="Too many tries to sign in. Wait 15 minutes, then try again.",
)
